/*
 * Where PINs come from: each source, each refusal, and the marker that keeps
 * a refused one from being tried again.
 */
#include "signer/key/pin.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "signer/key/keystate.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct conf_key key = {.name = (char[]){"tanaka"}};
static struct pin_origin origin;

/* Reads from a source; the PIN as text in `out`, or "" and e. */
static int
get(enum pin_source source, int fd, char *out, size_t size, struct err *e)
{
	struct pin_prompt prompt = {
	    .key = "tanaka", .description = "100% card\n2 lines", -1};
	struct secret *pin = NULL;
	int r;

	CHECK_OK(secret_init(e), e);
	out[0] = '\0';
	r = pin_read(source, &key, fd, &prompt, &origin, &pin, e);
	if (r == 0)
		snprintf(out, size, "%s", secret_text(pin));
	secret_free(pin);
	return r;
}

static int
from_file(const char *path, char *out, size_t size, struct err *e)
{
	int r;

	key.pin_file = strdup(path);
	r = get(PIN_SOURCE_FILE, -1, out, size, e);
	free(key.pin_file);
	key.pin_file = NULL;
	return r;
}

static void
file_gives_its_first_line(void)
{
	static const char *const texts[] = {"Ab 1\xE6\xA7\x8B",
	    "Ab 1\xE6\xA7\x8B\n", "Ab 1\xE6\xA7\x8B\r\n",
	    "Ab 1\xE6\xA7\x8B\nsecond line\n"};
	struct err e = {0};
	char pin[300];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		CHECK_OK(from_file(keylab_file("pin", texts[i], 0400), pin,
			     sizeof pin, &e),
		    &e);
		CU_ASSERT_STRING_EQUAL(pin, "Ab 1\xE6\xA7\x8B");
		CU_ASSERT(origin.regular);
	}
	CHECK_OK(
	    from_file(keylab_file("pin", "x", 0600), pin, sizeof pin, &e), &e);
}

static void
file_must_be_its_owners_alone(void)
{
	static const unsigned modes[] = {
	    0440, 0640, 0604, 0644, 0660, 0500, 0700, 0420, 0402, 04600};
	struct err e = {0};
	char pin[300];

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if ((modes[i] & 0177) == 0)
			continue;
		CHECK_CODE(from_file(keylab_file("pin", "secret1", modes[i]),
			       pin, sizeof pin, &e),
		    &e, "pin-file-mode");
		CU_ASSERT_EQUAL(e.class, ERR_PIN);
	}
	if (geteuid() == 0) {
		const char *path = keylab_file("pin", "secret1", 0400);

		CU_ASSERT_EQUAL(chown(path, 65534, (gid_t)-1), 0);
		CHECK_CODE(
		    from_file(path, pin, sizeof pin, &e), &e, "pin-file-owner");
	}
}

/* Written over, in place, after so many looks at a file; 0 = never. */
static struct {
	unsigned after;
	const char *path, *text;
} intruder;

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int
__wrap_fstat(int fd, struct stat *st)
{
	int out, r = __real_fstat(fd, st);

	if (intruder.after > 0 && --intruder.after == 0) {
		out = open(intruder.path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		CU_ASSERT(write(out, intruder.text, strlen(intruder.text)) > 0);
		close(out);
	}
	return r;
}

/* Neither half of a PIN, nor one under another's description. */
static void
file_is_not_taken_while_it_changes(void)
{
	const char *path = keylab_file("pin", "secret1\n", 0600);
	struct err e = {0};
	char pin[300];

	intruder.path = path;
	intruder.text = "new-secret1\n";
	for (unsigned i = 1; i <= 2; i++) {
		CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
		intruder.after = i;
		if (i == 1)
			CHECK_CODE(from_file(path, pin, sizeof pin, &e), &e,
			    "pin-file-busy");
		else /* after it was read: the old one, with the old ctime */
			CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
		CU_ASSERT_EQUAL(intruder.after, 0);
		CU_ASSERT_STRING_EQUAL(pin, i == 1 ? "" : "new-secret1");
		err_clear(&e);
		intruder.text = "third-secret\n";
	}
}

static void
file_must_be_a_plain_file(void)
{
	char target[400], other[400], pin[300];
	struct err e = {0};

	snprintf(target, sizeof target, "%s",
	    keylab_file("target", "secret1", 0400));
	snprintf(other, sizeof other, "%s/other", suite_dir_path());
	CU_ASSERT_EQUAL(symlink(target, other), 0);
	CHECK_CODE(from_file(other, pin, sizeof pin, &e), &e, "pin-file-kind");
	unlink(other);
	CU_ASSERT_EQUAL(link(target, other), 0);
	CHECK_CODE(from_file(target, pin, sizeof pin, &e), &e, "pin-file-kind");
	unlink(other);
	CU_ASSERT_EQUAL(mkfifo(other, 0600), 0);
	CHECK_CODE(from_file(other, pin, sizeof pin, &e), &e, "pin-file-kind");
	unlink(other);
	CHECK_CODE(
	    from_file(other, pin, sizeof pin, &e), &e, "pin-file-missing");
	CHECK_CODE(from_file(suite_dir_path(), pin, sizeof pin, &e), &e,
	    "pin-file-kind");
}

static void
file_must_hold_a_pin(void)
{
	char text[PIN_ROOM + 2], pin[300];
	struct err e = {0};

	CHECK_CODE(from_file(keylab_file("pin", "", 0400), pin, sizeof pin, &e),
	    &e, "pin-empty");
	CHECK_CODE(from_file(keylab_file("pin", "\nsecret1\n", 0400), pin,
		       sizeof pin, &e),
	    &e, "pin-empty");
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	CHECK_CODE(
	    from_file(keylab_file("pin", text, 0400), pin, sizeof pin, &e), &e,
	    "pin-too-long");
	CU_ASSERT_PTR_NULL(strstr(e.detail, "aaa"));
	text[PIN_ROOM] = '\0';
	CHECK_OK(
	    from_file(keylab_file("pin", text, 0400), pin, sizeof pin, &e), &e);
	CU_ASSERT_EQUAL(strlen(pin), PIN_ROOM);
}

static int
from_pipe(const char *text, char *out, size_t size, struct err *e)
{
	int p[2], r;

	CU_ASSERT_EQUAL(pipe(p), 0);
	CU_ASSERT_EQUAL(write(p[1], text, strlen(text)), (ssize_t)strlen(text));
	close(p[1]);
	r = get(PIN_SOURCE_DESCRIPTOR, p[0], out, size, e);
	close(p[0]);
	return r;
}

static void
descriptor_gives_its_first_line(void)
{
	struct err e = {0};
	char pin[300];
	int fd;

	CHECK_OK(from_pipe("secret1\nmore", pin, sizeof pin, &e), &e);
	CU_ASSERT_STRING_EQUAL(pin, "secret1");
	CU_ASSERT_FALSE(origin.regular);
	CHECK_CODE(from_pipe("", pin, sizeof pin, &e), &e, "pin-empty");
	CHECK_CODE(get(PIN_SOURCE_DESCRIPTOR, 999, pin, sizeof pin, &e), &e,
	    "pin-unreadable");
	fd = open(keylab_file("fd", "secret2", 0400), O_RDONLY | O_CLOEXEC);
	CHECK_OK(get(PIN_SOURCE_DESCRIPTOR, fd, pin, sizeof pin, &e), &e);
	CU_ASSERT_STRING_EQUAL(pin, "secret2");
	CU_ASSERT(origin.regular);
	close(fd);
}

static void
credential_comes_from_systemds_folder(void)
{
	struct err e = {0};
	char pin[300];

	CU_ASSERT_EQUAL(pin_choose(&key, 7), PIN_SOURCE_DESCRIPTOR);
	setenv("CREDENTIALS_DIRECTORY", suite_dir_path(), 1);
	keylab_file("tanaka.pin", "secret3", 0440);
	CU_ASSERT_EQUAL(pin_choose(&key, -1), PIN_SOURCE_CREDENTIAL);
	CHECK_OK(get(PIN_SOURCE_CREDENTIAL, -1, pin, sizeof pin, &e), &e);
	CU_ASSERT_STRING_EQUAL(pin, "secret3");
	keylab_file("tanaka.pin", "secret3", 0444);
	CHECK_CODE(get(PIN_SOURCE_CREDENTIAL, -1, pin, sizeof pin, &e), &e,
	    "pin-file-mode");
	unsetenv("CREDENTIALS_DIRECTORY");
	key.pin_file = (char[]){"/nowhere"};
	CU_ASSERT_EQUAL(pin_choose(&key, -1), PIN_SOURCE_FILE);
	key.pin_file = NULL;
}

/* A process without terminal, display or pinentry has no way to ask. */
/* Whom a process without a terminal asks, with these in its environment. */
static int
without_terminal(const char *x11, const char *wayland, const char *pinentry)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setsid();
		setenv("DISPLAY", x11, 1);
		setenv("WAYLAND_DISPLAY", wayland, 1);
		setenv("NATSUIN_PINENTRY", pinentry, 1);
		_exit((int)pin_choose(&key, -1));
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
nobody_to_ask_is_told(void)
{
	CU_ASSERT_EQUAL(without_terminal("", "", ""), PIN_SOURCE_NONE);
}

/* The desktop's pinentry is asked where there is a desktop; the one that is
 * named in any case. */
static void
desktop_is_asked_by_pinentry(void)
{
	CU_ASSERT_EQUAL(access("/usr/bin/pinentry", X_OK), 0);
	CU_ASSERT_EQUAL(without_terminal(":0", "", ""), PIN_SOURCE_PINENTRY);
	CU_ASSERT_EQUAL(
	    without_terminal("", "wayland-0", ""), PIN_SOURCE_PINENTRY);
	CU_ASSERT_EQUAL(
	    without_terminal("", "", "/named/pinentry"), PIN_SOURCE_PINENTRY);
}

static int
check(const struct key_backend *b, const char *text, char *out)
{
	struct secret *pin;
	struct err e = {0};
	int r;

	CHECK_OK(secret_init(&e), &e);
	pin = secret_new(PIN_ROOM);
	memcpy(secret_room(pin), text, strlen(text));
	secret_set_len(pin, strlen(text));
	r = pin_check(b, pin, &e);
	if (r != 0) {
		CU_ASSERT_STRING_EQUAL(e.code, "pin-format");
	}
	snprintf(out, PIN_ROOM + 1, "%s", secret_text(pin));
	secret_free(pin);
	return r;
}

static void
card_pins_follow_the_cards_rules(void)
{
	static const char *const bad[] = {"ABC12", "ABCDEFGHIJ1234567",
	    "ABC-123", "ABC 123", "ABC123\n", "\xE6\xA7\x8B\xE6\xA7\x8B",
	    "ABC12\xEF\xBC\x91"};
	char pin[PIN_ROOM + 1];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CU_ASSERT(check(&key_backend_test, bad[i], pin) < 0);
	CU_ASSERT_EQUAL(check(&key_backend_test, "abcXYZ09", pin), 0);
	CU_ASSERT_STRING_EQUAL(pin, "ABCXYZ09");
	CU_ASSERT_EQUAL(check(&key_backend_test, "ABCDEFGHIJ123456", pin), 0);
	CU_ASSERT_EQUAL(check(&key_backend_pkcs12, "aB \xE6\xA7\x8B", pin), 0);
	CU_ASSERT_STRING_EQUAL(pin, "aB \xE6\xA7\x8B");
}

/* Runs `child` on a terminal of its own; returns the master. */
static int
on_terminal(pid_t *pid, int (*child)(void))
{
	int master;

	*pid = forkpty(&master, NULL, NULL, NULL);
	if (*pid == 0)
		_exit(child());
	return master;
}

static int stop_fd = -1;
static const char *expected;

static int
ask_on_terminal(void)
{
	struct pin_prompt prompt = {
	    .key = "tanaka", .description = "Card X", .signal_fd = stop_fd};
	struct secret *pin = NULL;
	struct err e = {0};
	int r;

	unsetenv("NATSUIN_PINENTRY");
	if (secret_init(&e) != 0 || pin_choose(&key, -1) != PIN_SOURCE_TERMINAL)
		return 10;
	r = pin_read(PIN_SOURCE_TERMINAL, &key, -1, &prompt, &origin, &pin, &e);
	if (r != 0)
		return strcmp(e.code, expected) == 0 ? 0 : 11;
	return strcmp(secret_text(pin), expected) == 0 ? 0 : 12;
}

static void
terminal_asks_without_echo(void)
{
	char screen[1000];
	int status, master;
	pid_t pid;

	stop_fd = -1;
	expected = "typed-secret";
	master = on_terminal(&pid, ask_on_terminal);
	keylab_screen(master, screen, sizeof screen, "type): ");
	CU_ASSERT(strstr(screen, "Card X") != NULL);
	CU_ASSERT_FALSE(keylab_echoes(master));
	CU_ASSERT_EQUAL(write(master, "typed-secret\n", 13), 13);
	keylab_screen(master, screen, sizeof screen, NULL);
	CU_ASSERT_PTR_NULL(strstr(screen, "typed"));
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	close(master);
}

static int
ask_then_show_echo(void)
{
	int r = ask_on_terminal();

	return r != 0 ? r : keylab_echoes(STDIN_FILENO) ? 0 : 13;
}

static void
terminal_is_restored_when_cancelled(void)
{
	static const char *const ways[] = {"signal", "\004", "\n"};
	char screen[1000];
	uint64_t one = 1;
	int status, master;
	pid_t pid;

	expected = "pin-cancelled";
	for (unsigned i = 0; i < 3; i++) {
		stop_fd = eventfd(0, EFD_CLOEXEC);
		master = on_terminal(&pid, ask_then_show_echo);
		keylab_screen(master, screen, sizeof screen, "type): ");
		if (i == 0) {
			CU_ASSERT_EQUAL(write(stop_fd, &one, sizeof one), 8);
		} else {
			CU_ASSERT_EQUAL(write(master, ways[i], 1), 1);
		}
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT_EQUAL(status, 0);
		close(master);
		close(stop_fd);
	}
}

/* A pinentry of our own: answers `reply` to GETPIN and keeps what it was
 * told in the file `heard`. */
static const char *
write_pinentry(const char *reply)
{
	char text[1500], heard[400];

	snprintf(heard, sizeof heard, "%s/heard", suite_dir_path());
	unlink(heard);
	snprintf(text, sizeof text,
	    "#!/bin/sh\n"
	    "exec 2>/dev/null\n"
	    "echo 'OK ready'\n"
	    "while read -r line; do\n"
	    "	printf '%%s\\n' \"$line\" >>'%s'\n"
	    "	case $line in\n"
	    "	GETPIN) %s ;;\n"
	    "	OPTION*) echo 'ERR 83886254 Unknown option' ;;\n"
	    "	BYE) echo OK; exit 0 ;;\n"
	    "	*) echo OK ;;\n"
	    "	esac\n"
	    "done\n",
	    heard, reply);
	return keylab_file("pinentry", text, 0700);
}

static bool
heard(const char *what)
{
	char text[4000] = {0}, path[400];
	FILE *f;
	bool found;

	snprintf(path, sizeof path, "%s/heard", suite_dir_path());
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	found = fread(text, 1, sizeof text - 1, f) > 0 &&
		strstr(text, what) != NULL;
	fclose(f);
	return found;
}

static int
from_pinentry(const char *reply, char *pin, size_t size, struct err *e)
{
	setenv("NATSUIN_PINENTRY", write_pinentry(reply), 1);
	CU_ASSERT_EQUAL(pin_choose(&key, -1), PIN_SOURCE_PINENTRY);
	return get(PIN_SOURCE_PINENTRY, -1, pin, size, e);
}

static void
pinentry_is_asked(void)
{
	struct err e = {0};
	char pin[300];

	CHECK_OK(from_pinentry(
		     "printf 'D a%%25b\\nD  c\\nOK\\n'", pin, sizeof pin, &e),
	    &e);
	CU_ASSERT_STRING_EQUAL(pin, "a%b c");
	CU_ASSERT(heard("SETDESC 100%25 card%0A2 lines"));
	CU_ASSERT(heard("SETPROMPT"));
	CU_ASSERT(heard("GETPIN"));
}

static void
pinentry_may_refuse_or_fail(void)
{
	struct err e = {0};
	char pin[300];

	CHECK_CODE(
	    from_pinentry("echo 'ERR 83886179 canceled'", pin, sizeof pin, &e),
	    &e, "pin-cancelled");
	CHECK_CODE(
	    from_pinentry("echo OK", pin, sizeof pin, &e), &e, "pin-cancelled");
	CHECK_CODE(from_pinentry("exit 1", pin, sizeof pin, &e), &e,
	    "pinentry-failed");
	CHECK_CODE(from_pinentry("echo 'ERR 1 what'", pin, sizeof pin, &e), &e,
	    "pinentry-failed");
	CHECK_CODE(
	    from_pinentry("printf 'D %0300d\\nOK\\n' 7", pin, sizeof pin, &e),
	    &e, "pin-too-long");
	setenv("NATSUIN_PINENTRY", "/nonexistent/pinentry", 1);
	CHECK_CODE(get(PIN_SOURCE_PINENTRY, -1, pin, sizeof pin, &e), &e,
	    "pinentry-failed");
	unsetenv("NATSUIN_PINENTRY");
}

/* A refused PIN, read from the file that `pin` names now. */
static void
mark(int dir, const char *path, bool refused, int tries)
{
	struct pin_marker m = {
	    .refused = refused, .tries = tries, .code = "pin-wrong"};
	struct err e = {0};
	char pin[300];

	CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
	m.origin = origin;
	m.time_ms = clock_wall_ms();
	CHECK_OK(pin_marker_write(dir, "tanaka", &m, &e), &e);
}

static void
same_file_is_not_tried_again(void)
{
	struct key_status now = {.tries_left = 4};
	struct err e = {0};
	int dir = suite_dir();
	char pin[300], path[400];
	struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

	snprintf(path, sizeof path, "%s", keylab_file("pin", "wrong11", 0400));
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	mark(dir, path, true, 5);
	CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-file-refused-before");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	/* Another key's marker is another key's. */
	CHECK_OK(pin_marker_check(dir, "suzuki", &origin, &now, &e), &e);
	/* Changed: by time, by content, by replacement. */
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
	CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	mark(dir, path, true, 5);
	keylab_file("pin", "right11", 0400);
	CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	CHECK_OK(pin_marker_clear(dir, "tanaka", &e), &e);
	CHECK_OK(pin_marker_clear(dir, "tanaka", &e), &e);
	close(dir);
}

static void
what_cannot_be_recognised_stays_refused(void)
{
	struct key_status now = {.tries_left = 4};
	struct err e = {0};
	int dir = suite_dir();
	char pin[300];

	mark(dir, keylab_file("pin", "wrong11", 0400), true, 5);
	CHECK_OK(from_pipe("other11", pin, sizeof pin, &e), &e);
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-file-refused-before");
	origin.source = PIN_SOURCE_CREDENTIAL;
	origin.regular = true;
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-file-refused-before");
	/* A person decides. */
	origin.source = PIN_SOURCE_TERMINAL;
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	origin.source = PIN_SOURCE_PINENTRY;
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	CHECK_OK(pin_marker_clear(dir, "tanaka", &e), &e);
	close(dir);
}

static void
attempt_without_answer_counts_by_tries(void)
{
	struct key_status now = {.tries_left = 5};
	struct err e = {0};
	int dir = suite_dir();
	char pin[300], path[400];

	snprintf(path, sizeof path, "%s", keylab_file("pin", "secret1", 0400));
	mark(dir, path, false, 5);
	CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	now.tries_left = 4; /* it was seen, and it was wrong */
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-file-refused-before");
	mark(dir, path, false, -1); /* no counter: nothing to lose */
	now.tries_left = -1;
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	CHECK_OK(pin_marker_clear(dir, "tanaka", &e), &e);
	close(dir);
}

static void
damaged_marker_counts_as_refused(void)
{
	struct key_status now = {.tries_left = 5};
	struct err e = {0};
	int dir = suite_dir();
	char pin[300];

	CHECK_OK(
	    from_file(keylab_file("pin", "secret1", 0400), pin, sizeof pin, &e),
	    &e);
	keylab_file("tanaka.pin-refused", "{ not json", 0600);
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-marker-unreadable");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	CHECK_OK(pin_marker_clear(dir, "tanaka", &e), &e);
	close(dir);
}

static void
marker_knows_no_pin(void)
{
	struct err e = {0};
	struct buf text = {0};
	int fd, dir = suite_dir();

	mark(dir, keylab_file("pin", "CANARY4711", 0400), true, 5);
	fd = openat(dir, "tanaka.pin-refused", O_RDONLY | O_CLOEXEC);
	CHECK_OK(fs_read_all(fd, 10000, &text, &e), &e);
	CU_ASSERT(text.len > 50);
	CU_ASSERT_PTR_NULL(memmem(text.p, text.len, "CANARY", 6));
	CHECK_OK(pin_marker_clear(dir, "tanaka", &e), &e);
	buf_free(&text);
	close(fd);
	close(dir);
}

#define CARD "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Another key's attempt on this card, with the PIN that `origin` tells. */
static void
mark_card(int dir, const char *code, int tries, int64_t ago_ms)
{
	struct pin_marker m = {.key = "suzuki", .tries = tries};
	struct err e = {0};

	snprintf(m.code, sizeof m.code, "%s", code);
	m.origin = origin;
	m.time_ms = clock_wall_ms() - ago_ms;
	CHECK_OK(pin_marker_write(dir, CARD, &m, &e), &e);
}

#define CARD_WAITS "pin-refused-for-other-key"

/* What another key of the same card was told. */
static void
card_refused_another_key(void)
{
	struct key_status now = {.tries_left = 4, .card = CARD};
	struct pin_origin shared;
	struct err e = {0};
	int dir = suite_dir();
	char pin[300], path[400];

	snprintf(path, sizeof path, "%s", keylab_file("pin", "secret1", 0400));
	CHECK_OK(from_file(path, pin, sizeof pin, &e), &e);
	shared = origin;
	mark_card(dir, "attempt", 5, 0);
	CHECK_CODE(
	    pin_marker_check(dir, "tanaka", &origin, &now, &e), &e, CARD_WAITS);
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	/* It is no news to the key itself, nor to another card. */
	CHECK_OK(pin_marker_check(dir, "suzuki", &origin, &now, &e), &e);
	now.card[0] = 'f';
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	now.card[0] = '\0';
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	now.card[0] = '0';
	/* Somebody has given the right one: the tries are back. */
	now.tries_left = 5;
	CHECK_OK(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e);
	now.tries_left = -1; /* a card that does not count, or not visibly */
	CHECK_CODE(
	    pin_marker_check(dir, "tanaka", &origin, &now, &e), &e, CARD_WAITS);
	mark_card(dir, "attempt", PIN_MARKER_HIDDEN, 0);
	CHECK_CODE(
	    pin_marker_check(dir, "tanaka", &origin, &now, &e), &e, CARD_WAITS);
	/* A newer file; but not the one that was refused, whatever the clock
	 * says. */
	now.tries_left = 4;
	mark_card(dir, "attempt", 5, 60000);
	CHECK_CODE(
	    pin_marker_check(dir, "tanaka", &shared, &now, &e), &e, CARD_WAITS);
	shared.size++;
	CHECK_OK(pin_marker_check(dir, "tanaka", &shared, &now, &e), &e);
	shared.source = PIN_SOURCE_CREDENTIAL; /* new at every start */
	CHECK_CODE(
	    pin_marker_check(dir, "tanaka", &shared, &now, &e), &e, CARD_WAITS);
	shared.source = PIN_SOURCE_TERMINAL;
	CHECK_OK(pin_marker_check(dir, "tanaka", &shared, &now, &e), &e);
	/* A change is told whatever the counter says. */
	now.tries_left = 5;
	mark_card(dir, PIN_MARKER_CHANGED, 5, 0);
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-stored-outdated");
	keylab_file(CARD ".pin-refused", "{ not json", 0600);
	CHECK_CODE(pin_marker_check(dir, "tanaka", &origin, &now, &e), &e,
	    "pin-marker-unreadable");
	CHECK_OK(pin_marker_clear(dir, CARD, &e), &e);
	close(dir);
}

SUITE_MAIN("pin", CASE(file_gives_its_first_line),
    CASE(file_must_be_its_owners_alone), CASE(file_must_be_a_plain_file),
    CASE(file_is_not_taken_while_it_changes), CASE(file_must_hold_a_pin),
    CASE(descriptor_gives_its_first_line),
    CASE(credential_comes_from_systemds_folder), CASE(nobody_to_ask_is_told),
    CASE(desktop_is_asked_by_pinentry), CASE(card_pins_follow_the_cards_rules),
    CASE(terminal_asks_without_echo), CASE(terminal_is_restored_when_cancelled),
    CASE(pinentry_is_asked), CASE(pinentry_may_refuse_or_fail),
    CASE(same_file_is_not_tried_again),
    CASE(what_cannot_be_recognised_stays_refused),
    CASE(attempt_without_answer_counts_by_tries),
    CASE(damaged_marker_counts_as_refused), CASE(card_refused_another_key),
    CASE(marker_knows_no_pin))
