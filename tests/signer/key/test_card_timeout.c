/*
 * Cards that hang: the keyholder's process ends within card-timeout, tells
 * its clients why, and leaves an audit file that verifies.
 */
/* alone: a card that takes more than a second counts as hanging */

#include "signer/key/audit.h"
#include "signer/key/keystate.h"
#include "tests/lib/cardlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG "hang=600000"
#define EXIT_CARD 69

static struct keyserver holder;

/* A keyholder of the card in reader 0, not yet started. */
static bool
prepare(const char *name, const char *pin)
{
	char file[40];

	if (!cardlab_fresh("tanaka"))
		return false;
	keyserver_init(&holder, name, "");
	holder.key.backend = CONF_BACKEND_JPKI;
	holder.key.reader = strdup("VR0 00 00");
	holder.key.card_timeout_ms = 1000;
	free(holder.key.pin_file);
	snprintf(file, sizeof file, "%s.card-pin", name);
	holder.key.pin_file = strdup(keylab_file(file, pin, 0400));
	return true;
}

static void
finish(void)
{
	free(holder.key.reader);
	keyserver_free(&holder);
	/* Whatever it is doing, a card that is pulled stops doing it. */
	CU_ASSERT(cards_ctl(0, "remove") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 empty") == 0);
}

/* "" or the code of the marker. */
static const char *
marker(void)
{
	static struct pin_marker m;
	struct err e = {0};
	int state = keystate_open(holder.conf.root, &e);

	if (pin_marker_read(state, holder.key.name, &m, &e) != 1)
		m.code[0] = '\0';
	close(state);
	return m.code;
}

/* The audit writer outlives its keyholder by what it has to write: its lock
 * says when it is done. */
static void
wait_writer(int state)
{
	int64_t give_up = clock_mono_ms() + 30000;
	struct audit *a = NULL;
	struct err e = {0};

	while (a == NULL && clock_mono_ms() < give_up)
		a = audit_open(state, holder.key.name, &e);
	CU_ASSERT(a != NULL);
	audit_close(a);
}

/* The audit file verifies; how many of its lines contain a text. */
static unsigned
audit_count(const char *text)
{
	struct audit_summary sum;
	struct err e = {0};
	char name[80], line[4000];
	int state = keystate_open(holder.conf.root, &e), fd;
	unsigned found = 0;
	FILE *f;

	wait_writer(state);
	snprintf(name, sizeof name, "%s.audit", holder.key.name);
	fd = openat(state, name, O_RDONLY | O_CLOEXEC);
	close(state);
	CHECK_OK(audit_verify(fd, &sum, &e), &e);
	CU_ASSERT_FALSE(sum.torn_end);
	CU_ASSERT_EQUAL(sum.torn, 0);
	lseek(fd, 0, SEEK_SET);
	f = fdopen(fd, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		found += strstr(line, text) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static int
ask(int fd, unsigned n)
{
	struct buf info = {0};
	struct err e = {0};
	char job[20];
	int result;

	snprintf(job, sizeof job, "job-%u", n);
	keylab_signed_info(&info, "RSH0010", n);
	result = keyclient_sign(fd, SIGN_RSA_SHA256, buf_view(&info), job, &e);
	buf_free(&info);
	return result;
}

/* The next message's kind, and its code if it is a refusal. */
static enum key_reply_type
next(int fd, char code[40])
{
	struct key_reply r = {0};
	struct err e = {0};
	enum key_reply_type type;

	CHECK_OK(keyclient_receive(fd, &r, &e), &e);
	snprintf(code, 40, "%s", r.error.code);
	type = r.type;
	key_reply_free(&r);
	return type;
}

/* Another key, in a process of its own, at the same time. */
static void
other_key_signs(void)
{
	struct keyserver other;
	struct err e = {0};
	char code[40];
	int fd;

	keyserver_init(&other, "other", "");
	CHECK_OK(keyserver_start(&other, &e), &e);
	fd = keyserver_connect(&other);
	CU_ASSERT_EQUAL(ask(fd, 1), 0);
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_SIGNED);
	close(fd);
	CU_ASSERT_EQUAL(keyserver_stop(&other), KEYHOLDER_END_SIGNAL);
	keyserver_free(&other);
}

static void
hanging_signature_is_cut(void)
{
	struct err e = {0};
	int64_t start;
	char code[40], path[400];
	int fd, idle;

	if (!prepare("hang", CARDLAB_PIN "\n"))
		return;
	CHECK_OK(keyserver_start(&holder, &e), &e);
	fd = keyserver_connect(&holder);
	idle = keyserver_connect(&holder);
	CU_ASSERT_EQUAL(ask(fd, 1), 0);
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_SIGNED);
	CU_ASSERT(cards_ctl(0, "fault " HANG " ins=2A") == 0);
	start = clock_mono_ms();
	CU_ASSERT_EQUAL(ask(fd, 2), 0);
	other_key_signs();
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(code, "card-timeout");
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_EOF);
	CU_ASSERT_EQUAL(next(idle, code), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(code, "card-timeout");
	CU_ASSERT_EQUAL(next(idle, code), KEY_REPLY_EOF);
	CU_ASSERT_EQUAL(keyserver_wait(&holder), EXIT_CARD);
	printf("# over after %lld ms\n", (long long)(clock_mono_ms() - start));
	close(fd);
	close(idle);
	snprintf(path, sizeof path, "%s/hang.sock", holder.conf.run_dir);
	CU_ASSERT(access(path, F_OK) != 0);
	CU_ASSERT_EQUAL(audit_count("card-timeout"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_STRING_EQUAL(marker(), "");
	finish();
}

/* One is in the card and one ready: both are recorded, none is signed. */
static void
two_given_are_cut(void)
{
	struct err e = {0};
	char code[40];
	int fd;

	if (!prepare("hang-two", CARDLAB_PIN "\n"))
		return;
	CHECK_OK(keyserver_start(&holder, &e), &e);
	fd = keyserver_connect(&holder);
	CU_ASSERT(cards_ctl(0, "fault " HANG " ins=2A") == 0);
	CU_ASSERT_EQUAL(ask(fd, 1), 0);
	CU_ASSERT_EQUAL(ask(fd, 2), 0);
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(code, "card-timeout");
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_EOF);
	CU_ASSERT_EQUAL(keyserver_wait(&holder), EXIT_CARD);
	close(fd);
	CU_ASSERT_EQUAL(audit_count("\"kind\":\"sign\""), 2);
	CU_ASSERT_EQUAL(audit_count("card-timeout"), 2);
	CU_ASSERT_EQUAL(audit_count("job-1"), 2);
	CU_ASSERT_EQUAL(audit_count("job-2"), 2);
	finish();
}

/* The last commands of a session, after the thread of the hand is gone. */
static void
hanging_close_is_cut(void)
{
	struct err e = {0};
	char code[40];
	int fd;

	if (!prepare("hang-close", CARDLAB_PIN "\n"))
		return;
	CHECK_OK(keyserver_start(&holder, &e), &e);
	fd = keyserver_connect(&holder);
	CU_ASSERT_EQUAL(ask(fd, 1), 0);
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_SIGNED);
	CU_ASSERT(cards_ctl(0, "fault " HANG " ins=A4") == 0);
	CU_ASSERT_EQUAL(keyserver_stop(&holder), EXIT_CARD);
	close(fd);
	CU_ASSERT_EQUAL(audit_count("\"locked\""), 1);
	CU_ASSERT_EQUAL(audit_count("card-timeout"), 0);
	finish();
}

/* With the card back the same key is unlocked and signs. */
static void
key_works_again_afterwards(void)
{
	struct err e = {0};
	char code[40];
	int fd;

	if (!prepare("hang", CARDLAB_PIN "\n"))
		return;
	CHECK_OK(keyserver_start(&holder, &e), &e);
	fd = keyserver_connect(&holder);
	CU_ASSERT_EQUAL(ask(fd, 3), 0);
	CU_ASSERT_EQUAL(next(fd, code), KEY_REPLY_SIGNED);
	close(fd);
	CU_ASSERT_EQUAL(keyserver_stop(&holder), KEYHOLDER_END_SIGNAL);
	CU_ASSERT_EQUAL(audit_count("\"locked\""), 1);
	finish();
}

/* Out until pcscd has seen it, as with a person, and in again. */
static void
put_in_again(void)
{
	CU_ASSERT(cards_ctl(0, "remove") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 empty") == 0);
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
}

/* Starts the keyholder, which does not come to serve; its exit status. */
static int
start_hangs(const char *fault)
{
	struct err e = {0};
	pid_t pid;
	int status;

	CU_ASSERT(cards_ctl(0, "%s", fault) == 0);
	/* keyserver_start reaps it, so one more process is put around. */
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		keyserver_start(&holder, &e);
		_exit(strcmp(e.code, "test") == 0 ? 1 : 2);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* VERIFY hangs: the attempt is on record, and a right PIN that cost no try
 * may be used again once the card answers. */
static void
hanging_verify_leaves_its_marker(void)
{
	struct err e = {0};

	if (!prepare("hang-verify", CARDLAB_PIN "\n"))
		return;
	/* Queries of open, session and unlock, then VERIFY. */
	CU_ASSERT_EQUAL(start_hangs("fault " HANG " ins=20 after=3"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_STRING_EQUAL(marker(), "attempt");
	CU_ASSERT_EQUAL(audit_count("unlocked"), 0);
	put_in_again();
	CHECK_OK(keyserver_start(&holder, &e), &e);
	CU_ASSERT_EQUAL(keyserver_stop(&holder), KEYHOLDER_END_SIGNAL);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_STRING_EQUAL(marker(), "");
	finish();
}

/* A wrong one is known by the try that it cost: never sent again. */
static void
hanging_refusal_is_known_by_its_try(void)
{
	struct err e = {0};

	if (!prepare("hang-wrong", "WRONG1\n"))
		return;
	CU_ASSERT_EQUAL(start_hangs("fault " HANG " ins=20 after=3"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	put_in_again();
	CHECK_CODE(keyserver_start(&holder, &e), &e, "pin-file-refused-before");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	finish();
}

/* Every other command of the way to an unlocked key. */
static void
any_hanging_command_is_cut(void)
{
	static const char *const faults[] = {
	    "fault " HANG " ins=A4",          /* SELECT application */
	    "fault " HANG " ins=B0",          /* READ BINARY, label */
	    "fault " HANG " ins=20",          /* tries */
	    "fault " HANG " ins=B0 after=10", /* the certificate */
	};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (!prepare("hang-any", CARDLAB_PIN "\n"))
			return;
		CU_ASSERT_EQUAL(start_hangs(faults[i]), 1);
		CU_ASSERT(cards_count(0, "verify") <= 1);
		finish();
	}
}

SUITE_MAIN("card_timeout", CASE(hanging_signature_is_cut),
    CASE(two_given_are_cut), CASE(hanging_close_is_cut),
    CASE(key_works_again_afterwards), CASE(hanging_verify_leaves_its_marker),
    CASE(hanging_refusal_is_known_by_its_try), CASE(any_hanging_command_is_cut))
