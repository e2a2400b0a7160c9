/*
 * The private keyholder as a real process: this program executes itself as
 * `--keyholder`, exactly as natsuin does.
 */
#include "signer/key/keyproto.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Our own configuration again, with another PIN file. */
static struct conf *
conf_with_pin(const char *text)
{
	struct conf *c = keylab_conf();

	free(c->keys[0].pin_file);
	c->keys[0].pin_file = strdup(keylab_file("pin", text, 0400));
	return c;
}

static int
start(struct conf *c, pid_t *pid, struct key_reply *greeting)
{
	struct err e = {0};
	int fd = keyclient_spawn(c, &c->keys[0], -1, pid, &e);

	CHECK_OK(fd, &e);
	CHECK_OK(keyclient_receive(fd, greeting, &e), &e);
	return fd;
}

static void
stop(int fd, pid_t pid)
{
	close(fd);
	waitpid(pid, NULL, 0);
}

static void
signs_what_a_filing_has(void)
{
	struct key_reply r = {0};
	struct buf si = {0};
	struct err e = {0};
	pid_t pid;
	int fd = start(keylab_conf(), &pid, &r);

	CU_ASSERT_EQUAL_FATAL(r.type, KEY_REPLY_STATUS);
	CU_ASSERT_STRING_EQUAL(r.status.key, "tanaka");
	CU_ASSERT_EQUAL(r.status.card.pin, PIN_VERIFIED);
	CU_ASSERT(
	    slice_eq(buf_view(&r.status.certificate), keylab_certificate()));
	for (unsigned i = 0; i < 20; i++) {
		buf_reset(&si);
		keylab_signed_info(&si, "RSH0010", i);
		CHECK_OK(keyclient_sign(
			     fd, SIGN_RSA_SHA256, buf_view(&si), "job-1", &e),
		    &e);
		CHECK_OK(keyclient_receive(fd, &r, &e), &e);
		CU_ASSERT_EQUAL(r.type, KEY_REPLY_SIGNED);
		CU_ASSERT_STRING_EQUAL(r.job_id, "job-1");
		CU_ASSERT(
		    keylab_verifies(buf_view(&si), buf_view(&r.signature)));
	}
	key_reply_free(&r);
	buf_free(&si);
	stop(fd, pid);
}

static void
wrong_password_is_told_once(void)
{
	struct key_reply r = {0};
	pid_t pid;
	int fd = start(conf_with_pin("not the password"), &pid, &r);

	CU_ASSERT_EQUAL_FATAL(r.type, KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.job_id, "");
	CU_ASSERT_STRING_EQUAL(r.error.code, "pin-wrong");
	CU_ASSERT_EQUAL(r.error.class, ERR_PIN);
	stop(fd, pid);
	fd = start(keylab_conf(), &pid, &r);
	CU_ASSERT_EQUAL_FATAL(r.type, KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "pin-file-refused-before");
	stop(fd, pid);
	fd = start(conf_with_pin(KEYLAB_PIN), &pid, &r);
	CU_ASSERT_EQUAL(r.type, KEY_REPLY_STATUS);
	stop(fd, pid);
	key_reply_free(&r);
}

static void
pin_may_come_on_a_descriptor(void)
{
	struct conf *c = conf_with_pin("wrong, and not read");
	struct key_reply r = {0};
	struct err e = {0};
	int p[2], fd;
	pid_t pid;

	CU_ASSERT_EQUAL(pipe(p), 0);
	CU_ASSERT(write(p[1], KEYLAB_PIN "\n", strlen(KEYLAB_PIN) + 1) > 0);
	close(p[1]);
	fd = keyclient_spawn(c, &c->keys[0], p[0], &pid, &e);
	CHECK_OK(fd, &e);
	close(p[0]);
	CHECK_OK(keyclient_receive(fd, &r, &e), &e);
	CU_ASSERT_EQUAL(r.type, KEY_REPLY_STATUS);
	key_reply_free(&r);
	stop(fd, pid);
	conf_with_pin(KEYLAB_PIN);
}

/* It ends with its parent, whatever it was doing. */
static void
ends_when_the_parent_hangs_up(void)
{
	struct key_reply r = {0};
	struct err e = {0};
	int status;
	pid_t pid;
	int fd = start(keylab_conf(), &pid, &r);

	key_reply_free(&r);
	kill(pid, SIGINT); /* signals to the group are the parent's to handle */
	kill(pid, SIGHUP);
	kill(pid, SIGTERM);
	CHECK_OK(keyclient_ask_status(fd, &e), &e);
	CHECK_OK(keyclient_receive(fd, &r, &e), &e);
	CU_ASSERT_EQUAL(r.type, KEY_REPLY_STATUS);
	key_reply_free(&r);
	close(fd);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status));
}

/* Only standard descriptors and its socket reach the keyholder. */
static void
inherits_no_descriptor(void)
{
	char link[64], target[300], name[64];
	struct key_reply r = {0};
	int first = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
	int leak = fcntl(first, F_DUPFD, 20); /* not close-on-exec */
	int fd, found = 0;
	pid_t pid;

	close(first);
	fd = start(keylab_conf(), &pid, &r);
	for (int i = 0; i < 64; i++) {
		ssize_t n;

		snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, i);
		n = readlink(link, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		found += strcmp(target, "/etc/hostname") == 0;
	}
	CU_ASSERT_EQUAL(found, 0);
	snprintf(name, sizeof name, "/proc/%d/fd/3", (int)pid);
	CU_ASSERT(geteuid() != 0 || readlink(name, target, 10) > 0);
	close(leak);
	key_reply_free(&r);
	stop(fd, pid);
}

#ifndef NATSUIN_SANITIZED
/* Looks for the PIN in the memory of a process, as its parent may.  -1 when
 * it cannot be read at all. */
static int
memory_holds(pid_t pid, const char *what, size_t n)
{
	char path[64], line[400];
	static uint8_t chunk[1 << 20];
	int fd, found = 0;
	FILE *maps;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (maps == NULL || fd < 0) {
		if (maps != NULL)
			fclose(maps);
		return -1;
	}
	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		for (; from < to; from += sizeof chunk - 64) {
			size_t want =
			    to - from < sizeof chunk ? to - from : sizeof chunk;
			ssize_t got = pread(fd, chunk, want, (off_t)from);

			if (got > 0 &&
			    memmem(chunk, (size_t)got, what, n) != NULL)
				found++;
		}
	}
	close(fd);
	fclose(maps);
	return found;
}

static void
pin_is_wiped_once_it_was_used(void)
{
	struct conf *c = keylab_conf();
	struct key_reply r = {0};
	char *before = c->keys[0].file;
	/* Made up now: the executed program's text must not hold it. */
	char canary[40], line[42], wide[80] = {0};
	char children[100];
	size_t n;
	int fd, writer = 0;
	pid_t pid;
	FILE *f;

	n = (size_t)snprintf(
	    canary, sizeof canary, "Canary-%ld-%d", random(), (int)getpid());
	snprintf(line, sizeof line, "%s\n", canary);
	c->keys[0].file = strdup(keylab_p12("canary.p12", canary));
	conf_with_pin(line);
	fd = start(c, &pid, &r);
	CU_ASSERT_EQUAL(r.type, KEY_REPLY_STATUS);
	for (size_t i = 0; i < n; i++)
		wide[2 * i + 1] = canary[i]; /* PKCS#12's own form */
	if (memory_holds(pid, "natsuin-k", 9) < 1) {
		suite_skip("needs the right to read another's memory");
	} else {
		CU_ASSERT_EQUAL(memory_holds(pid, canary, n), 0);
		CU_ASSERT_EQUAL(memory_holds(pid, wide, 2 * n), 0);
	}
	snprintf(children, sizeof children, "/proc/%d/task/%d/children",
	    (int)pid, (int)pid);
	f = fopen(children, "r");
	if (f != NULL && fscanf(f, "%d", &writer) == 1) {
		CU_ASSERT_EQUAL(memory_holds(writer, canary, n) > 0, 0);
	}
	if (f != NULL)
		fclose(f);
	key_reply_free(&r);
	stop(fd, pid);
	free(c->keys[0].file);
	c->keys[0].file = before;
	conf_with_pin(KEYLAB_PIN);
}
#else
static void
pin_is_wiped_once_it_was_used(void)
{
	suite_skip("a sanitizer's shadow memory takes too long to search");
}
#endif

static void
setup_must_be_whole(void)
{
	struct ipc_msg m = {0};
	struct err e = {0};
	int pair[2], status;
	pid_t pid;

	CHECK_OK(ipc_pair(pair, &e), &e);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char *argv[] = {(char[]){"k"}, (char[]){"--keyholder"}, NULL};

		dup2(pair[1], 3);
		close_range(4, ~0U, 0);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	close(pair[1]);
	ipc_begin(&m, KEYMSG_SETUP);
	ipc_put_u64(&m, 99);
	CHECK_OK(ipc_send(pair[0], &m, &e), &e);
	ipc_free(&m);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 70);
	close(pair[0]);
}

static void
missing_ways_are_told_before_forking(void)
{
	struct conf_key key = {.name = (char[]){"x"},
	    .backend = CONF_BACKEND_PKCS11,
	    .pin_file = keylab_conf()->keys[0].pin_file};
	struct conf c = *keylab_conf();
	struct key_reply r = {0};
	struct err e = {0};
	pid_t pid;
	int fd;

	c.keys = &key;
	fd = keyclient_spawn(&c, &key, -1, &pid, &e);
	CHECK_OK(fd, &e);
	CHECK_OK(keyclient_receive(fd, &r, &e), &e);
	CU_ASSERT_EQUAL(r.type, KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "pkcs11-module-unusable");
	CU_ASSERT_EQUAL(r.error.class, ERR_CONFIG);
	key_reply_free(&r);
	stop(fd, pid);
}

int
main(int argc, char **argv)
{
	static const struct suite_case cases[] = {
	    CASE(signs_what_a_filing_has),
	    CASE(wrong_password_is_told_once),
	    CASE(pin_may_come_on_a_descriptor),
	    CASE(ends_when_the_parent_hangs_up),
	    CASE(inherits_no_descriptor),
	    CASE(pin_is_wiped_once_it_was_used),
	    CASE(setup_must_be_whole),
	    CASE(missing_ways_are_told_before_forking),
	};

	if (argc > 1 && strcmp(argv[1], "--keyholder") == 0)
		return keyholder_main(argc, argv);
	return suite_run(
	    "keyholder", cases, sizeof cases / sizeof *cases, argc, argv);
}
