/*
 * The end of a keyholder while its card is at work: what the loop must not
 * do then, although it could.
 */
#include "base/clock.h"
#include "signer/key/audit.h"
#include "signer/key/keystate.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct keyserver server;
static char gate[200];

/* A key whose first signature waits for the gate. */
static void
begin(const char *name, int64_t timeout_ms)
{
	char script[300];
	struct err e = {0};

	snprintf(gate, sizeof gate, "%s/%s.gate", suite_dir_path(), name);
	snprintf(script, sizeof script, "gate:1=%s", gate);
	keyserver_init(&server, name, script);
	server.key.card_timeout_ms = timeout_ms;
	CHECK_OK(keyserver_start(&server, &e), &e);
}

static void
ask(int fd, unsigned n)
{
	struct buf info = {0};
	struct err e = {0};
	char job[20];

	snprintf(job, sizeof job, "job-%u", n);
	keylab_signed_info(&info, "RSH0010", n);
	CHECK_OK(
	    keyclient_sign(fd, SIGN_RSA_SHA256, buf_view(&info), job, &e), &e);
	buf_free(&info);
}

/* The kind of the next message, within 20 s. */
static int
next(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	struct key_reply r = {0};
	struct err e = {0};
	int type = -1;

	if (poll(&p, 1, 20000) == 1 && keyclient_receive(fd, &r, &e) == 0)
		type = (int)r.type;
	key_reply_free(&r);
	return type;
}

static void
wait_for_work(void)
{
	while (keyserver_count(&server, "sign") == 0)
		usleep(1000);
}

/* The audit file verifies; how many of its lines contain a text. */
static unsigned
audit_count(const char *text)
{
	int64_t give_up = clock_mono_ms() + 30000;
	struct audit *a = NULL;
	struct audit_summary sum;
	struct err e = {0};
	char name[80], line[4000];
	int state = keystate_open(server.conf.root, &e), fd;
	unsigned found = 0;
	FILE *f;

	/* The lock says when the writer is done. */
	while (a == NULL && clock_mono_ms() < give_up)
		a = audit_open(state, server.key.name, &e);
	CU_ASSERT_PTR_NOT_NULL(a);
	audit_close(a);
	snprintf(name, sizeof name, "%s.audit", server.key.name);
	fd = openat(state, name, O_RDONLY | O_CLOEXEC);
	close(state);
	CHECK_OK(audit_verify(fd, &sum, &e), &e);
	lseek(fd, 0, SEEK_SET);
	f = fdopen(fd, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof line, f) != NULL)
		found += strstr(line, text) != NULL;
	fclose(f);
	return found;
}

/* A standard error that takes nothing more: the watchdog's handler stays in
 * its last sentence until it is killed. */
static int
deaf_stderr(int pair[2])
{
	static const char much[4096];
	int old = dup(STDERR_FILENO);

	CU_ASSERT_EQUAL(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pair[1], much, sizeof much) > 0)
		;
	CU_ASSERT_EQUAL(errno, EAGAIN);
	fcntl(pair[1], F_SETFL, 0);
	dup2(pair[1], STDERR_FILENO);
	return old;
}

/* While it does, a client that was told goes, and the loop lives: the record
 * of its second request is written already. */
static void
nothing_is_written_after_the_cut(void)
{
	int pair[2], old, fd;

	old = deaf_stderr(pair);
	begin("cut", 1500);
	dup2(old, STDERR_FILENO);
	close(old);
	fd = keyserver_connect(&server);
	ask(fd, 1);
	wait_for_work();
	ask(fd, 2);
	CU_ASSERT_EQUAL(next(fd), KEY_REPLY_REFUSED);
	close(fd);
	CU_ASSERT_EQUAL(keyserver_wait(&server), -1); /* the second timer */
	close(pair[0]);
	close(pair[1]);
	CU_ASSERT_EQUAL(audit_count("\"kind\":\"sign\""), 2);
	CU_ASSERT_EQUAL(audit_count("card-timeout"), 2);
	CU_ASSERT_EQUAL(audit_count("not-signed"), 2);
	keyserver_free(&server);
}

static int64_t
cpu_ms(void)
{
	struct timespec t = {0};
	clockid_t clock;

	CU_ASSERT_EQUAL(clock_getcpuclockid(server.pid, &clock), 0);
	CU_ASSERT_EQUAL(clock_gettime(clock, &t), 0);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A locked keyholder waits for its card; clients that talk or go meanwhile
 * do not make it turn round and round. */
static void
waiting_for_the_card_costs_nothing(void)
{
	int64_t before;
	int fd, other;
	struct err e = {0};

	begin("calm", 0);
	fd = keyserver_connect(&server);
	other = keyserver_connect(&server);
	ask(fd, 1);
	wait_for_work();
	CHECK_OK(keyclient_lock(other, &e), &e);
	CU_ASSERT_EQUAL(next(other), KEY_REPLY_LOCKED);
	close(other);
	ask(fd, 2);
	kill(server.pid, SIGTERM);
	kill(keyserver_writer(&server), SIGKILL);
	before = cpu_ms();
	usleep(500000);
	CU_ASSERT(cpu_ms() - before < 100);
	CU_ASSERT_EQUAL(mkdir(gate, 0700), 0);
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_LOCKED);
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 1);
	close(fd);
	keyserver_free(&server);
}

SUITE_MAIN("hand_end", CASE(nothing_is_written_after_the_cut),
    CASE(waiting_for_the_card_costs_nothing))
