/*
 * The listening keyholder against clients of every kind: allowed and not,
 * patient and gone, honest and hostile; and the ways its session ends.
 */
#include "base/clock.h"
#include "base/ipc.h"
#include "signer/key/keyproto.h"
#include "signer/key/keystate.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct keyserver server;

static void
begin(const char *name, const char *script)
{
	struct err e = {0};

	keyserver_init(&server, name, script);
	CHECK_OK(keyserver_start(&server, &e), &e);
}

static void
end_with(int want)
{
	CU_ASSERT_EQUAL(keyserver_stop(&server), want);
	keyserver_free(&server);
}

static void
ask(int fd, unsigned n, const char *job)
{
	struct buf si = {0};
	struct err e = {0};

	keylab_signed_info(&si, "RSH0010", n);
	CHECK_OK(
	    keyclient_sign(fd, SIGN_RSA_SHA256, buf_view(&si), job, &e), &e);
	buf_free(&si);
}

/* One reply within 10 s; its type, or -1. */
static int
reply(int fd, struct key_reply *r)
{
	struct pollfd p = {fd, POLLIN, 0};
	struct err e = {0};

	if (poll(&p, 1, 10000) != 1 || keyclient_receive(fd, r, &e) != 0)
		return -1;
	return (int)r->type;
}

static void
sign_one(int fd, unsigned n)
{
	struct key_reply r = {0};
	struct buf si = {0};

	keylab_signed_info(&si, "RSH0010", n);
	ask(fd, n, "job");
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_SIGNED);
	CU_ASSERT(keylab_verifies(buf_view(&si), buf_view(&r.signature)));
	key_reply_free(&r);
	buf_free(&si);
}

/* Nothing but the end comes. */
static bool
hung_up(int fd)
{
	struct key_reply r = {0};
	int type;

	while ((type = reply(fd, &r)) == KEY_REPLY_STATUS ||
	       type == KEY_REPLY_REFUSED)
		;
	key_reply_free(&r);
	return type == KEY_REPLY_EOF;
}

static bool
socket_exists(void)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s.sock", server.conf.run_dir,
	    server.key.name);
	return access(path, F_OK) == 0;
}

static void
two_clients_are_served(void)
{
	int a, b;

	begin("two", "");
	a = keyserver_connect(&server);
	b = keyserver_connect(&server);
	for (unsigned i = 0; i < 5; i++) {
		sign_one(a, i);
		sign_one(b, 100 + i);
	}
	close(a);
	sign_one(b, 7);
	close(b);
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 1);
	CU_ASSERT_EQUAL(keyserver_count(&server, "certificate"), 1);
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 11);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
one_signs_one_waits_more_are_refused(void)
{
	struct key_reply r = {0};
	unsigned done = 0, busy = 0;
	int fd;

	begin("busy", "latency=100ms");
	fd = keyserver_connect(&server);
	for (unsigned i = 0; i < 6; i++)
		ask(fd, i, "job");
	while (done + busy < 6) {
		int type = reply(fd, &r);

		if (type == KEY_REPLY_REFUSED) {
			CU_ASSERT_STRING_EQUAL(r.error.code, "keyholder-busy");
			CU_ASSERT_EQUAL(r.error.class, ERR_TRANSIENT_IO);
			busy++;
		} else {
			CU_ASSERT_EQUAL_FATAL(type, KEY_REPLY_SIGNED);
			done++;
		}
	}
	CU_ASSERT(done >= 2);
	CU_ASSERT(busy >= 1);
	key_reply_free(&r);
	close(fd);
	end_with(KEYHOLDER_END_SIGNAL);
}

/* How many lines of the audit file contain a text, once that many do or 10 s
 * are over. */
static unsigned
audit_lines(const char *text, unsigned want)
{
	char name[80], line[4000];
	struct err e = {0};
	unsigned found = 0;
	int state = keystate_open(server.conf.root, &e);

	snprintf(name, sizeof name, "%s.audit", server.key.name);
	for (int i = 0; i < 10000 && found < want; i++) {
		int fd = openat(state, name, O_RDONLY | O_CLOEXEC);
		FILE *f = fdopen(fd, "r");

		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		for (found = 0; fgets(line, sizeof line, f) != NULL;)
			found += strstr(line, text) != NULL;
		fclose(f);
		usleep(1000);
	}
	close(state);
	return found;
}

static void
abandoned_requests_are_forgotten(void)
{
	char script[200], gate[150];
	int fd, other;

	snprintf(gate, sizeof gate, "%s/gate", suite_dir_path());
	snprintf(script, sizeof script, "gate:1=%s", gate);
	begin("gone", script);
	fd = keyserver_connect(&server);
	ask(fd, 1, "first");
	while (keyserver_count(&server, "sign") == 0)
		usleep(1000); /* until the card is at work */
	for (unsigned i = 0; i < 8; i++)
		ask(fd, 2, "further");
	/* One is ready for the card: its record exists. */
	CU_ASSERT_EQUAL(audit_lines("\"kind\":\"sign\"", 2), 2);
	close(fd);
	CU_ASSERT_EQUAL(audit_lines("client-gone", 1), 1);
	CU_ASSERT_EQUAL(mkdir(gate, 0700), 0);
	other = keyserver_connect(&server);
	sign_one(other, 3);
	/* The one in the card, and the other client's: no further one. */
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 2);
	close(other);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
only_filings_are_signed(void)
{
	struct key_reply r = {0};
	struct err e = {0};
	int fd;

	begin("only", "");
	fd = keyserver_connect(&server);
	CHECK_OK(keyclient_sign(fd, SIGN_RSA_SHA256,
		     slice_str("<SignedInfo></SignedInfo>"), "job", &e),
	    &e);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.job_id, "job");
	CU_ASSERT_STRING_EQUAL(r.error.code, "not-a-signedinfo");
	CHECK_OK(
	    keyclient_sign(fd, SIGN_ECDSA_SHA384, slice_str("x"), "job2", &e),
	    &e);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "algorithm-not-allowed");
	sign_one(fd, 1);
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 1);
	key_reply_free(&r);
	close(fd);
	end_with(KEYHOLDER_END_SIGNAL);
}

/* Raw messages that no client of ours sends. */
static void
send_raw(int fd, const void *p, size_t n)
{
	CU_ASSERT_EQUAL(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void
send_msg(int fd, uint16_t type, const char *text, int extra_fd)
{
	struct ipc_msg m = {0};
	struct err e = {0};

	ipc_begin(&m, type);
	if (text != NULL)
		ipc_put_str(&m, text);
	if (extra_fd >= 0)
		ipc_put_fd(&m, extra_fd);
	CHECK_OK(ipc_send(fd, &m, &e), &e);
	ipc_free(&m);
}

static void
malformed_clients_are_dropped_alone(void)
{
	static const uint8_t noise[][12] = {{0}, {'N', 'T', 1, 0, 0, 0x4b},
	    {'N', 'T', 9, 9, 1, 0x4b, 0, 0}, {'N', 'T', 1, 0, 1, 0x4b, 5, 0}};
	static uint8_t big[70000];
	int good;

	begin("noise", "");
	good = keyserver_connect(&server);
	for (unsigned i = 0; i < 9; i++) {
		int fd = keyserver_connect(&server);

		CU_ASSERT(fd >= 0);
		if (i < 4)
			send_raw(fd, noise[i], sizeof noise[i]);
		else if (i == 4)
			send_raw(fd, big, sizeof big);
		else if (i == 5)
			send_msg(fd, KEYMSG_SETUP, "x", -1);
		else if (i == 6)
			send_msg(fd, KEYMSG_SIGN, "x", -1);
		else if (i == 7)
			send_msg(fd, KEYMSG_STATUS, NULL, 1);
		else
			send_msg(fd, KEYMSG_LOCK, "more", -1);
		CU_ASSERT(hung_up(fd));
		close(fd);
		sign_one(good, i);
	}
	close(good);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
job_names_are_plain(void)
{
	static const char *const bad[] = {"", "a b", "a\"b", "a\nb", "\x80"};
	struct err e = {0};
	int fd;

	begin("jobs", "");
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		fd = keyserver_connect(&server);
		CHECK_OK(keyclient_sign(
			     fd, SIGN_RSA_SHA256, slice_str("x"), bad[i], &e),
		    &e);
		CU_ASSERT(hung_up(fd));
		close(fd);
	}
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
floods_are_cut_off(void)
{
	struct err e = {0};
	int good, chatty, deaf;
	unsigned i;

	begin("flood", "");
	good = keyserver_connect(&server);
	/* Asks without end, and reads every answer. */
	chatty = keyserver_connect(&server);
	for (i = 0; i < 2000; i++) {
		struct key_reply r = {0};
		bool gone = keyclient_ask_status(chatty, &e) != 0 ||
			    reply(chatty, &r) != KEY_REPLY_STATUS;

		key_reply_free(&r);
		if (gone)
			break;
	}
	CU_ASSERT(i < 1000);
	close(chatty);
	/* Asks and never reads. */
	deaf = keyserver_connect(&server);
	fcntl(deaf, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 1000000; i++)
		if (keyclient_ask_status(deaf, &e) != 0 && e.errnum != EAGAIN)
			break;
	CU_ASSERT(i < 1000000);
	close(deaf);
	sign_one(good, 1);
	close(good);
	end_with(KEYHOLDER_END_SIGNAL);
}

/* More clients than there is room for: the surplus is turned away. */
static void
crowds_are_turned_away(void)
{
	int fd[30];
	unsigned in = 0;

	begin("crowd", "");
	for (unsigned i = 0; i < 30; i++) {
		fd[i] = keyserver_connect(&server);
		in += fd[i] >= 0;
	}
	CU_ASSERT(in >= 8 && in < 30);
	sign_one(fd[0], 1);
	for (unsigned i = 0; i < 30; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
lock_ends_the_session(void)
{
	struct key_reply r = {0};
	struct err e = {0};
	int fd;

	begin("lock", "");
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	CU_ASSERT(socket_exists());
	CHECK_OK(keyclient_lock(fd, &e), &e);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_LOCKED);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_EOF);
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_LOCKED);
	CU_ASSERT_FALSE(socket_exists());
	CHECK_CODE(keyclient_connect(&server.conf, &server.key, &e), &e,
	    "no-keyholder");
	CU_ASSERT_EQUAL(e.errnum, ENOENT);
	close(fd);
	keyserver_free(&server);
}

/* What the card is at is finished and given out; what is ready for it is
 * not begun any more, and the record says so. */
static void
lock_lets_the_card_finish(void)
{
	struct key_reply r = {0};
	struct err e = {0};
	char script[200], gate[150];
	int fd, other;

	snprintf(gate, sizeof gate, "%s/lock-gate", suite_dir_path());
	snprintf(script, sizeof script, "gate:1=%s", gate);
	begin("busy-lock", script);
	fd = keyserver_connect(&server);
	ask(fd, 1, "first");
	ask(fd, 2, "second");
	CU_ASSERT_EQUAL(audit_lines("\"kind\":\"sign\"", 2), 2);
	while (keyserver_count(&server, "sign") == 0)
		usleep(1000);
	other = keyserver_connect(&server);
	CHECK_OK(keyclient_lock(other, &e), &e);
	CU_ASSERT_EQUAL(reply(other, &r), KEY_REPLY_LOCKED);
	CU_ASSERT_EQUAL(audit_lines("session-over", 1), 1);
	CU_ASSERT_EQUAL(mkdir(gate, 0700), 0);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_SIGNED);
	CU_ASSERT_STRING_EQUAL(r.job_id, "first");
	CU_ASSERT(hung_up(fd));
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_LOCKED);
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 1);
	key_reply_free(&r);
	close(fd);
	close(other);
	keyserver_free(&server);
}

static void
count_ends_the_session(void)
{
	struct key_reply r = {0};
	struct buf info = {0};
	struct err e = {0};
	int fd;

	keyserver_init(&server, "count", "");
	server.limits.max_signatures = 3;
	CHECK_OK(keyserver_start(&server, &e), &e);
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	sign_one(fd, 2);
	CHECK_OK(keyclient_ask_status(fd, &e), &e);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_STATUS);
	CU_ASSERT_EQUAL(r.status.signatures_made, 2);
	CU_ASSERT_EQUAL(r.status.signatures_left, 1);
	keylab_signed_info(&info, "RSH0010", 4);
	ask(fd, 3, "third");
	/* The keyholder may be gone already. */
	keyclient_sign(fd, SIGN_RSA_SHA256, buf_view(&info), "fourth", &e);
	buf_free(&info);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_SIGNED);
	CU_ASSERT(hung_up(fd));
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_COUNT);
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 3);
	key_reply_free(&r);
	close(fd);
	keyserver_free(&server);
}

static void
time_ends_the_session(void)
{
	struct err e = {0};
	int fd;

	keyserver_init(&server, "time", "");
	server.limits.until_ms = clock_wall_ms() + 3000;
	CHECK_OK(keyserver_start(&server, &e), &e);
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	CU_ASSERT(hung_up(fd));
	CU_ASSERT(clock_wall_ms() >= server.limits.until_ms);
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_TIME);
	CU_ASSERT_FALSE(socket_exists());
	close(fd);
	keyserver_free(&server);
}

/* A disk that hangs: the card may sign, but nothing comes out. */
static void
nothing_leaves_before_it_is_recorded(void)
{
	struct key_reply r = {0};
	struct pollfd p = {.events = POLLIN};
	pid_t writer;
	int fd;

	begin("slow", "");
	fd = p.fd = keyserver_connect(&server);
	writer = keyserver_writer(&server);
	if (writer <= 0) {
		suite_skip("cannot find the audit writer");
		end_with(KEYHOLDER_END_SIGNAL);
		return;
	}
	kill(writer, SIGSTOP);
	ask(fd, 1, "job");
	while (keyserver_count(&server, "signed") == 0)
		usleep(1000);
	CU_ASSERT_EQUAL(poll(&p, 1, 300), 0);
	kill(writer, SIGCONT);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_SIGNED);
	key_reply_free(&r);
	close(fd);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
nothing_leaves_without_a_record(void)
{
	struct key_reply r = {0};
	int fd;

	begin("dead", "");
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	if (keyserver_writer(&server) > 0) {
		kill(keyserver_writer(&server), SIGKILL);
		/* Noticed at once, or with the next request. */
		CU_ASSERT(hung_up(fd));
		CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_AUDIT);
	}
	key_reply_free(&r);
	close(fd);
	keyserver_stop(&server);
	keyserver_free(&server);
}

static void
removed_card_ends_the_session(void)
{
	struct key_reply r = {0};
	int fd;

	begin("pulled", "sign:2=card-removed");
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	ask(fd, 2, "second");
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.job_id, "second");
	CU_ASSERT_EQUAL(r.error.class, ERR_CARD);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.job_id, "");
	CU_ASSERT_STRING_EQUAL(r.error.code, "card-removed");
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_EOF);
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_CARD);
	CU_ASSERT_FALSE(socket_exists());
	key_reply_free(&r);
	close(fd);
	keyserver_free(&server);
}

static void
card_removed_while_idle_is_noticed(void)
{
	struct key_reply r = {0};
	int fd;

	begin("idle", "alive:2=card-removed");
	fd = keyserver_connect(&server);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.job_id, "");
	CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_CARD);
	key_reply_free(&r);
	close(fd);
	keyserver_free(&server);
}

static void
wrong_signatures_never_leave(void)
{
	static const char *const scripts[] = {
	    "sign:1=wrong-signature", "sign:1=short-signature"};
	struct key_reply r = {0};
	int fd;

	for (unsigned i = 0; i < 2; i++) {
		begin("flip", scripts[i]);
		fd = keyserver_connect(&server);
		ask(fd, 1, "job");
		CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
		CU_ASSERT_STRING_EQUAL(r.error.code, "signature-wrong");
		CU_ASSERT_EQUAL(r.error.class, ERR_CARD);
		CU_ASSERT(hung_up(fd));
		CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_CARD);
		close(fd);
		keyserver_free(&server);
	}
	key_reply_free(&r);
}

static void
signals_end_it_cleanly(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGQUIT};
	int fd;

	for (unsigned i = 0; i < 3; i++) {
		begin("signal", "latency=50ms");
		fd = keyserver_connect(&server);
		kill(server.pid, SIGHUP); /* a logout ends nothing */
		sign_one(fd, 1);
		kill(server.pid, signals[i]);
		CU_ASSERT(hung_up(fd));
		CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_SIGNAL);
		CU_ASSERT_FALSE(socket_exists());
		close(fd);
		keyserver_free(&server);
	}
}

static void
killed_holder_leaves_no_obstacle(void)
{
	struct err e = {0};
	int fd;

	begin("killed", "");
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	kill(server.pid, SIGKILL);
	CU_ASSERT(hung_up(fd));
	close(fd);
	keyserver_wait(&server);
	CU_ASSERT(socket_exists());
	CHECK_CODE(keyclient_connect(&server.conf, &server.key, &e), &e,
	    "no-keyholder");
	CU_ASSERT_EQUAL(e.errnum, ECONNREFUSED);
	CHECK_OK(keyserver_start(&server, &e), &e);
	fd = keyserver_connect(&server);
	sign_one(fd, 2);
	close(fd);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
second_holder_is_refused(void)
{
	struct keyserver second;
	struct err e = {0};
	int fd;

	begin("second", "");
	second = server;
	CU_ASSERT(keyserver_start(&second, &e) < 0);
	CU_ASSERT_STRING_EQUAL(e.code, "key-in-use");
	fd = keyserver_connect(&server); /* the first is untouched */
	sign_one(fd, 1);
	close(fd);
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 1);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
wrong_pin_is_tried_once(void)
{
	struct err e = {0};
	int fd;

	keyserver_init(&server, "wrong", "");
	keylab_file("wrong.pin", "wrong12345\n", 0400);
	CHECK_CODE(keyserver_start(&server, &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 1);
	for (unsigned i = 0; i < 3; i++)
		CHECK_CODE(keyserver_start(&server, &e), &e,
		    "pin-file-refused-before");
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 1);
	keylab_file("wrong.pin", "ABC1234567", 0400);
	CHECK_OK(keyserver_start(&server, &e), &e);
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 2);
	fd = keyserver_connect(&server);
	sign_one(fd, 1);
	close(fd);
	end_with(KEYHOLDER_END_SIGNAL);
}

static void
last_tries_are_kept(void)
{
	static const char *const scripts[] = {
	    "tries=0", "tries=1", "tries=2", "tries=3"};
	static const char *const codes[] = {
	    "pin-blocked", "pin-tries-low", "pin-tries-low", ""};
	struct err e = {0};

	for (unsigned i = 0; i < 4; i++) {
		keyserver_init(&server, "few", scripts[i]);
		if (codes[i][0] == '\0') {
			CHECK_OK(keyserver_start(&server, &e), &e);
			CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 1);
			keyserver_stop(&server);
		} else {
			CHECK_CODE(keyserver_start(&server, &e), &e, codes[i]);
			CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 0);
		}
		keyserver_free(&server);
	}
}

static void
format_costs_no_try(void)
{
	struct err e = {0};

	keyserver_init(&server, "format", "");
	keylab_file("format.pin", "abc-12345\n", 0400);
	CHECK_CODE(keyserver_start(&server, &e), &e, "pin-format");
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 0);
	keyserver_free(&server);
}

static void
only_the_configured_certificate_signs(void)
{
	struct err e = {0};

	keyserver_init(&server, "pinned", "");
	server.key.certificate_sha256 =
	    (char[]){"0000000000000000000000000000000000000000000000000000000"
		     "000000000"};
	CHECK_CODE(keyserver_start(&server, &e), &e, "certificate-not-pinned");
	CU_ASSERT_EQUAL(e.class, ERR_CERTIFICATE);
	keyserver_free(&server);
}

/* As another user: 0 when served, 1 when turned away, 2 for a client's own
 * refusal. */
static int
as_user(uid_t uid, const char *owner)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct key_reply r = {0};
		struct err e = {0};
		int fd;

		if (setgroups(0, NULL) != 0 || setgid(uid) != 0 ||
		    setuid(uid) != 0)
			_exit(9);
		server.key.owner = strdup(owner);
		fd = keyclient_connect(&server.conf, &server.key, &e);
		if (fd < 0)
			_exit(strcmp(e.code, "keyholder-wrong-owner") == 0 ? 2
									   : 3);
		switch (reply(fd, &r)) {
		case KEY_REPLY_STATUS:
			sign_one(fd, uid);
			_exit(CU_get_number_of_failures() == 0 ? 0 : 4);
		case KEY_REPLY_EOF:
			_exit(1);
		default:
			_exit(5);
		}
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
open_way(void)
{
	CU_ASSERT_EQUAL(chmod(suite_dir_path(), 0711), 0);
}

static void
other_users_need_permission(void)
{
	char *used_by[] = {(char[]){"65534"}, (char[]){"4711"}};
	struct err e = {0};
	int fd;

	if (geteuid() != 0) {
		suite_skip("needs root to become other users");
		return;
	}
	open_way();
	keyserver_init(&server, "users", "");
	server.key.used_by = (struct conf_list){used_by, 2};
	CHECK_OK(keyserver_start(&server, &e), &e);
	fd = keyserver_connect(&server);
	CU_ASSERT(fd >= 0);
	close(fd);
	if (getgrnam("natsuin") == NULL) {
		CU_ASSERT_EQUAL(as_user(65534, "0"), 0);
		CU_ASSERT_EQUAL(as_user(4711, "0"), 0);
		CU_ASSERT_EQUAL(as_user(4712, "0"), 1);
		/* The client trusts the owner only. */
		CU_ASSERT_EQUAL(as_user(65534, "4711"), 2);
		CU_ASSERT_EQUAL(as_user(65534, ""), 2);
	}
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"),
	    getgrnam("natsuin") == NULL ? 2 : 0);
	end_with(KEYHOLDER_END_SIGNAL);
}

/* Serves as uid 4711 until the other end of `sock` is closed. */
static _Noreturn void
serve_as_other(int sock)
{
	struct err e = {0};
	char byte;

	setenv("XDG_STATE_HOME", keylab_folder("state", 0777), 1);
	if (setgroups(0, NULL) != 0 || setgid(4711) != 0 || setuid(4711) != 0 ||
	    keyserver_start(&server, &e) != 0) {
		suite_print_err(__FILE__, __LINE__, &e);
		_exit(9);
	}
	if (write(sock, "", 1) != 1 || read(sock, &byte, 1) != 0)
		_exit(8);
	_exit(keyserver_stop(&server));
}

/* Root is nobody special: a keyholder of another user turns it away. */
static void
root_needs_permission_too(void)
{
	struct key_reply r = {0};
	struct err e = {0};
	int fd, pair[2], status;
	pid_t pid;
	char byte;

	if (geteuid() != 0) {
		suite_skip("needs root to become other users");
		return;
	}
	open_way();
	keyserver_init(&server, "foreign", "");
	CU_ASSERT_EQUAL(chmod(server.key.file, 0644), 0);
	CU_ASSERT_EQUAL(chown(server.key.pin_file, 4711, 4711), 0);
	CU_ASSERT_EQUAL(chmod(server.conf.run_dir, 01777), 0);
	keylab_file("foreign.calls", "", 0666);
	CU_ASSERT_EQUAL(chown(server.log, 4711, 4711), 0);
	CHECK_OK(ipc_pair(pair, &e), &e);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve_as_other(pair[1]);
	}
	close(pair[1]);
	CU_ASSERT_EQUAL_FATAL(read(pair[0], &byte, 1), 1);
	server.key.owner = (char[]){"4711"};
	fd = keyclient_connect(&server.conf, &server.key, &e);
	CHECK_OK(fd, &e);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_EOF);
	close(fd);
	close(pair[0]);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(WEXITSTATUS(status), KEYHOLDER_END_SIGNAL);
	CU_ASSERT_EQUAL(chmod(server.conf.run_dir, 0755), 0);
	server.key.owner = NULL;
	keyserver_free(&server);
}

SUITE_MAIN("keyserver", CASE(two_clients_are_served),
    CASE(one_signs_one_waits_more_are_refused),
    CASE(abandoned_requests_are_forgotten), CASE(only_filings_are_signed),
    CASE(malformed_clients_are_dropped_alone), CASE(job_names_are_plain),
    CASE(floods_are_cut_off), CASE(crowds_are_turned_away),
    CASE(lock_ends_the_session), CASE(lock_lets_the_card_finish),
    CASE(count_ends_the_session), CASE(time_ends_the_session),
    CASE(nothing_leaves_before_it_is_recorded),
    CASE(nothing_leaves_without_a_record), CASE(removed_card_ends_the_session),
    CASE(card_removed_while_idle_is_noticed),
    CASE(wrong_signatures_never_leave), CASE(signals_end_it_cleanly),
    CASE(killed_holder_leaves_no_obstacle), CASE(second_holder_is_refused),
    CASE(wrong_pin_is_tried_once), CASE(last_tries_are_kept),
    CASE(format_costs_no_try), CASE(only_the_configured_certificate_signs),
    CASE(other_users_need_permission), CASE(root_needs_permission_too))
