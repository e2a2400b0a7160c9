/*
 * inotify, as a hint only: nothing is believed that it says, nothing is lost
 * when it says nothing.  Lost events (an overflow) are a reason to scan.
 */
#include "spool/watch.h"

#include "spool/inside.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

int
spool_watch_start(struct spool *s, struct err *e)
{
	if (s->watch >= 0)
		return 0;
	s->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->watch >= 0)
		return 0;
	return err_errno(e, ERR_TRANSIENT_IO, "watch-unavailable", "inotify");
}

int
spool_watch_fd(const struct spool *s)
{
	return s->watch;
}

/* Hidden names are our own doing. */
static bool
worth_a_scan(const struct inotify_event *ev)
{
	if ((ev->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) != 0)
		return true;
	if ((ev->mask & IN_IGNORED) != 0)
		return false;
	return ev->len > 0 && ev->name[0] != '.';
}

bool
spool_watch_read(struct spool *s)
{
	_Alignas(struct inotify_event) char events[16384];
	bool worth = false;
	ssize_t n;

	if (s->watch < 0)
		return false;
	for (;;) {
		n = read(s->watch, events, sizeof events);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return worth;
		for (const char *p = events; p < events + n;) {
			const struct inotify_event *ev = (const void *)p;

			worth = worth || worth_a_scan(ev);
			p += sizeof *ev + ev->len;
		}
	}
}
