/*
 * A filing that makes the batch itself crash must not do so every night.
 * The handler only formats a number and writes it to an open descriptor;
 * after it the signal kills the program as it would have.
 */
#include "signer/batch/crash.h"

#include "base/fsops.h"
#include "base/text.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CRASH_FILE "crash"
#define DIGITS 20

static volatile int64_t blamed;
static int crash_fd = -1;

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static void
on_crash(int number)
{
	char text[DIGITS + 1];
	size_t at = sizeof text;
	int64_t id = blamed;
	ssize_t n;

	text[--at] = '\n';
	do {
		text[--at] = (char)('0' + id % 10);
		id /= 10;
	} while (id > 0 && at > 0);
	if (crash_fd >= 0 && blamed > 0) {
		n = write(crash_fd, text + at, sizeof text - at);
		(void)n;
	}
	raise(number); /* SA_RESETHAND: its default action now */
}

static void
handle(void (*handler)(int))
{
	struct sigaction a;

	memset(&a, 0, sizeof a);
	a.sa_handler = handler;
	a.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
	for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals;
	     i++)
		sigaction(crash_signals[i], &a, NULL);
}

/* The job named in the file; 0 when it is empty. */
static int64_t
last_crash(int fd, struct err *e)
{
	struct buf text = {0};
	int64_t id = 0;
	char *line;

	if (fs_read_all(fd, 4096, &text, e) == 0 &&
	    (line = buf_cstr(&text)) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (text_number(line, 1, INT64_MAX, &id) != 0)
			id = 0;
	}
	buf_free(&text);
	return id;
}

int
crash_watch(int state_dir, int64_t *job, struct err *e)
{
	int fd = fs_open_append(state_dir, CRASH_FILE, 0600, e);

	*job = 0;
	if (fd < 0)
		return -1;
	*job = last_crash(fd, e);
	close(fd);
	if (fs_unlink(state_dir, CRASH_FILE, e) != 0)
		return -1;
	crash_fd = fs_open_append(state_dir, CRASH_FILE, 0600, e);
	if (crash_fd < 0)
		return -1;
	handle(on_crash);
	return 0;
}

void
crash_blame(int64_t job)
{
	blamed = job;
}

void
crash_end(void)
{
	handle(SIG_DFL);
	if (crash_fd >= 0)
		close(crash_fd);
	crash_fd = -1;
}
