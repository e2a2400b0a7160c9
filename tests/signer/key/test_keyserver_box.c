/*
 * What the kernel does not let a listening keyholder do, seen from outside:
 * its process, the thread that holds the key, and its audit writer.
 */
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct keyserver server;

static void
begin(const char *name)
{
	struct err e = {0};

	keyserver_init(&server, name, "");
	CHECK_OK(keyserver_start(&server, &e), &e);
}

static void
end(void)
{
	CU_ASSERT_EQUAL(keyserver_stop(&server), KEYHOLDER_END_SIGNAL);
	keyserver_free(&server);
}

/* One signature: from then on the key is held. */
static void
sign_one(int fd, unsigned n)
{
	struct key_reply r = {0};
	struct buf info = {0};
	struct err e = {0};

	keylab_signed_info(&info, "RSH0010", n);
	CHECK_OK(
	    keyclient_sign(fd, SIGN_RSA_SHA256, buf_view(&info), "job", &e),
	    &e);
	CHECK_OK(keyclient_receive(fd, &r, &e), &e);
	CU_ASSERT_EQUAL(r.type, KEY_REPLY_SIGNED);
	key_reply_free(&r);
	buf_free(&info);
}

/* The process protects itself: not dumpable, no core. */
static void
holder_leaves_no_core(void)
{
	char path[64], line[200];
	bool core_is_zero = false;
	FILE *f;

	begin("core");
	snprintf(path, sizeof path, "/proc/%d/limits", (int)server.pid);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Max core file size", 18) == 0)
			core_is_zero = strtoul(line + 18, NULL, 10) == 0;
	fclose(f);
	CU_ASSERT(core_is_zero);
	if (geteuid() != 0) {
		/* Not dumpable: not even its own user may look inside. */
		snprintf(path, sizeof path, "/proc/%d/mem", (int)server.pid);
		CU_ASSERT(open(path, O_RDONLY | O_CLOEXEC) < 0);
	}
	end();
}

/* The thread of a keyholder that holds its key, or -1. */
static pid_t
hand_of(pid_t pid)
{
	char path[64];
	pid_t found = -1;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		pid_t thread = (pid_t)strtol(d->d_name, NULL, 10);

		if (thread > 0 && thread != pid)
			found = thread;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* The value of a line of a thread's status, or -1. */
static int
status_line(pid_t pid, pid_t thread, const char *name)
{
	char path[64], line[200];
	int value = -1;
	size_t n = strlen(name);
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid,
	    (int)thread);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			value = (int)strtol(line + n + 1, NULL, 10);
	if (f != NULL)
		fclose(f);
	return value;
}

static void
holder_and_writer_are_confined(void)
{
	int fd;

	begin("box");
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	CU_ASSERT_EQUAL(status_line(server.pid, server.pid, "Seccomp"), 2);
	CU_ASSERT_EQUAL(status_line(server.pid, server.pid, "NoNewPrivs"), 1);
	CU_ASSERT_EQUAL(
	    status_line(server.pid, hand_of(server.pid), "Seccomp"), 2);
#ifndef NATSUIN_SANITIZED
	pid_t writer = keyserver_writer(&server);

	CU_ASSERT_EQUAL(status_line(writer, writer, "Seccomp"), 2);
#endif
	close(fd);
	end();
}

SUITE_MAIN("keyserver_box", CASE(holder_leaves_no_core),
    CASE(holder_and_writer_are_confined))
