/*
 * A name in the abstract socket namespace: it needs no folder that several
 * users may write to, and nothing is left of it when its holder dies.
 */
#include "signer/key/pcsc_lock.h"

#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 5000000

/* One lock per pcscd: libpcsclite finds another than the machine's own by
 * this variable. */
static socklen_t
fill_name(struct sockaddr_un *a)
{
	const char *daemon = getenv("PCSCLITE_CSOCK_NAME");
	int n;

	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	n = snprintf(a->sun_path + 1, sizeof a->sun_path - 1,
	    "natsuin/pcsc-connect%s", daemon == NULL ? "" : daemon);
	if ((size_t)n > sizeof a->sun_path - 2)
		n = sizeof a->sun_path - 2;
	return (
	    socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int
pcsc_lock(int wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t end = clock_mono_ms() + wait_ms;
	struct sockaddr_un a;
	socklen_t size = fill_name(&a);
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (s >= 0 && bind(s, (struct sockaddr *)&a, size) != 0) {
		if (clock_mono_ms() >= end) {
			close(s);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return s;
}

void
pcsc_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}
