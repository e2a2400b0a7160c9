/*
 * `natsuin unlock` and `natsuin lock` as an operator meets them: the real
 * program on a terminal of its own.
 */
#include "base/fsops.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct keyserver lab; /* its folders, key and counters; not started */
static char conf_path[400];
static const char *program;

/* A configuration file for the lab's test key.  False when there is no
 * program to run. */
static bool
prepare(const char *name, const char *script, const char *more)
{
	char text[2000];

	program = getenv("NATSUIN");
	if (program == NULL || access(program, X_OK) != 0) {
		suite_skip("NATSUIN names no program");
		return false;
	}
	keyserver_init(&lab, name, script);
	snprintf(text, sizeof text,
	    "spool { root = \"%s\" run-dir = \"%s\" }\n"
	    "drop \"d\" { path = \"in/d\" sign-with = { \"%s\" } }\n"
	    "key \"%s\" { backend = \"test\" file = \"%s\" script = \"%s\" "
	    "%s }\n",
	    lab.conf.root, lab.conf.run_dir, name, name, lab.key.file,
	    lab.key.script, more);
	snprintf(conf_path, sizeof conf_path, "%s",
	    keylab_file("natsuin.conf", text, 0600));
	return true;
}

static _Noreturn void
exec_natsuin(const char *const *args)
{
	const char *argv[20] = {program, "-c", conf_path, "--lang", "en"};
	unsigned n = 5;

	while (*args != NULL && n < 19)
		argv[n++] = *args++;
	unsetenv("NATSUIN_PINENTRY");
	execv(program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Without a terminal; standard input gives `input`.  Exit status. */
static int
run_plain(const char *input, const char *const *args)
{
	int p[2], status;
	pid_t pid;

	CU_ASSERT_EQUAL(pipe(p), 0);
	CU_ASSERT_EQUAL(
	    write(p[1], input, strlen(input)), (ssize_t)strlen(input));
	close(p[1]);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int out = open("/dev/null", O_WRONLY);

		setsid();
		dup2(p[0], 0);
		dup2(out, 1);
		dup2(out, 2);
		exec_natsuin(args);
	}
	close(p[0]);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
on_terminal(pid_t *pid, const char *const *args)
{
	int master;

	fflush(NULL);
	*pid = forkpty(&master, NULL, NULL, NULL);
	if (*pid == 0)
		exec_natsuin(args);
	return master;
}

static int
exit_of(pid_t pid)
{
	int status;

	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
serves(void)
{
	int fd = keyserver_connect(&lab);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static const char *const lock_args[] = {"lock", NULL};

/* Nothing stays behind, also when a case has failed half-way. */
static void
finish(void)
{
	run_plain("", lock_args);
	keyserver_free(&lab);
}

static void
operator_unlocks_and_goes_home(void)
{
	static const char *const args[] = {
	    "unlock", "--until", "07:00", "--max-signatures", "50", NULL};
	char screen[4000];
	int master;
	pid_t pid;

	if (!prepare("home", "", ""))
		return;
	master = on_terminal(&pid, args);
	keylab_screen(master, screen, sizeof screen, "type): ");
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "5 tries left"));
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "TEST KEY"));
	CU_ASSERT_FALSE(serves());
	CU_ASSERT_EQUAL(write(master, "abc1234567\n", 11), 11);
	keylab_screen(master, screen, sizeof screen, "natsuin lock home");
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "unlocked until"));
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "07:00:00 JST"));
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "at most      50"));
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "Key of the tests"));
	CU_ASSERT_PTR_NOT_NULL(strstr(screen, "days left"));
	CU_ASSERT_PTR_NULL(strstr(screen, "1234567"));
	CU_ASSERT_EQUAL(exit_of(pid), 0);
	CU_ASSERT(serves());
	close(master); /* logged out */
	CU_ASSERT(serves());
	CU_ASSERT_EQUAL(run_plain("", lock_args), 0);
	CU_ASSERT_FALSE(serves());
	CU_ASSERT_EQUAL(run_plain("", lock_args), 0); /* nothing to lock */
	CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 1);
	finish();
}

static void
wrong_pin_is_told_and_tried_once(void)
{
	static const char *const args[] = {"unlock", NULL};
	char screen[4000];
	struct termios t;
	int master;
	pid_t pid;

	if (!prepare("typo", "", ""))
		return;
	for (unsigned i = 1; i <= 2; i++) {
		master = on_terminal(&pid, args);
		keylab_screen(master, screen, sizeof screen, "type): ");
		CU_ASSERT_EQUAL(write(master, "wrong12345\n", 11), 11);
		keylab_screen(master, screen, sizeof screen, "pin tries");
		CU_ASSERT_PTR_NOT_NULL(strstr(screen, "not accepted"));
		CU_ASSERT_EQUAL(tcgetattr(master, &t), 0);
		CU_ASSERT((t.c_lflag & ECHO) != 0);
		CU_ASSERT_EQUAL(exit_of(pid), 77);
		CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), i);
		close(master);
	}
	CU_ASSERT_FALSE(serves());
	/* Whoever types decides; a pipe does not, until he has typed it. */
	{
		static const char *const piped[] = {
		    "--pin-fd", "0", "unlock", NULL};
		static const char *const changed[] = {
		    "--pin-fd", "0", "unlock", "--pin-changed", NULL};

		CU_ASSERT_EQUAL(run_plain("abc1234567\n", piped), 77);
		CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 2);
		CU_ASSERT_EQUAL(run_plain("abc1234567\n", changed), 0);
		CU_ASSERT(serves());
		CU_ASSERT_EQUAL(run_plain("", lock_args), 0);
		CU_ASSERT_EQUAL(run_plain("abc1234567\n", piped), 0);
		CU_ASSERT_EQUAL(run_plain("", lock_args), 0);
	}
	finish();
}

static void
ctrl_c_leaves_everything_as_it_was(void)
{
	static const char *const args[] = {"unlock", NULL};
	char screen[4000];
	struct termios t;
	int master;
	pid_t pid;

	if (!prepare("ctrlc", "", ""))
		return;
	master = on_terminal(&pid, args);
	keylab_screen(master, screen, sizeof screen, "type): ");
	CU_ASSERT_EQUAL(write(master, "half\003", 5), 5);
	CU_ASSERT_EQUAL(exit_of(pid), 77);
	CU_ASSERT_EQUAL(tcgetattr(master, &t), 0);
	CU_ASSERT((t.c_lflag & ECHO) != 0);
	CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 0);
	CU_ASSERT_FALSE(serves());
	close(master);
	finish();
}

static void
without_anybody_to_ask_it_says_so(void)
{
	static const char *const args[] = {"unlock", NULL};

	if (!prepare("nobody", "", ""))
		return;
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	CU_ASSERT_EQUAL(run_plain("", args), 77);
	CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 0);
	finish();
}

static void
second_unlock_is_refused(void)
{
	static const char *const args[] = {"--pin-fd", "0", "unlock", NULL};

	if (!prepare("twice", "", ""))
		return;
	CU_ASSERT_EQUAL(run_plain("abc1234567\n", args), 0);
	CU_ASSERT_EQUAL(run_plain("abc1234567\n", args), 69);
	CU_ASSERT(serves());
	CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 1);
	CU_ASSERT_EQUAL(run_plain("", lock_args), 0);
	finish();
}

static void
two_tries_left_want_a_word(void)
{
	static const char *const plain[] = {"--pin-fd", "0", "unlock", NULL};
	static const char *const known[] = {
	    "--pin-fd", "0", "unlock", "--i-know", NULL};

	if (!prepare("two", "tries=2", ""))
		return;
	CU_ASSERT_EQUAL(run_plain("abc1234567\n", plain), 77);
	CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 0);
	CU_ASSERT_EQUAL(run_plain("abc1234567\n", known), 0);
	CU_ASSERT_EQUAL(run_plain("", lock_args), 0);
	finish();
	if (!prepare("one", "tries=1", ""))
		return;
	CU_ASSERT_EQUAL(run_plain("abc1234567\n", known), 77);
	CU_ASSERT_EQUAL(keyserver_count(&lab, "unlock"), 0);
	finish();
}

static void
bad_options_are_usage_errors(void)
{
	static const char *const bad[][5] = {
	    {"unlock", "--until", "25:00", NULL},
	    {"unlock", "--until", "7:00", NULL},
	    {"unlock", "--for", "0s", NULL}, {"unlock", "--for", "x", NULL},
	    {"unlock", "--for", "60d", NULL},
	    {"unlock", "--max-signatures", "0", NULL},
	    {"unlock", "--nonsense", NULL}, {"unlock", "a", "b", NULL},
	    {"pin", NULL}, {"pin", "tries", "a", "b", NULL}, {"audit", NULL},
	    {"lock", "a", "b", NULL}};
	static const char *const unknown[] = {"unlock", "nobody", NULL};

	if (!prepare("usage", "", ""))
		return;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		int status = run_plain("", bad[i]);

		if (status != 64)
			printf("# %s %s: %d\n", bad[i][0], bad[i][1], status);
		CU_ASSERT_EQUAL(status, 64);
	}
	CU_ASSERT_EQUAL(run_plain("", unknown), 78);
	finish();
}

static void
audit_verify_sees_a_changed_line(void)
{
	static const char *const unlock[] = {"--pin-fd", "0", "unlock", NULL};
	static const char *const verify[] = {"audit", "verify", NULL};
	char path[600];
	int fd;

	if (!prepare("audited", "", ""))
		return;
	CU_ASSERT_EQUAL(run_plain("abc1234567\n", unlock), 0);
	CU_ASSERT_EQUAL(run_plain("", lock_args), 0);
	CU_ASSERT_EQUAL(run_plain("", verify), 0);
	snprintf(
	    path, sizeof path, "%s/state/keys/audited.audit", lab.conf.root);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 20), 1);
	close(fd);
	CU_ASSERT_EQUAL(run_plain("", verify), 4);
	unlink(path);
	finish();
}

SUITE_MAIN("unlock", CASE(operator_unlocks_and_goes_home),
    CASE(wrong_pin_is_told_and_tried_once),
    CASE(ctrl_c_leaves_everything_as_it_was),
    CASE(without_anybody_to_ask_it_says_so), CASE(second_unlock_is_refused),
    CASE(two_tries_left_want_a_word), CASE(bad_options_are_usage_errors),
    CASE(audit_verify_sees_a_changed_line))
