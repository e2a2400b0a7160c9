/* The C side of tests/lib/pcscd.sh. */
#include "tests/lib/cards.h"

#include "tests/lib/suite.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 1024

static FILE *to_shell, *from_shell;
static pid_t shell;
static char dir[128];
static char why_not[LINE];

static void
stop(void)
{
	if (to_shell != NULL)
		fclose(to_shell);
	if (from_shell != NULL)
		fclose(from_shell);
	if (shell > 0)
		waitpid(shell, NULL, 0);
	to_shell = from_shell = NULL;
	shell = 0;
}

static void
become_shell(const int in[2], const int out[2], int readers)
{
	const char *src = getenv("NATSUIN_SRC");
	char script[512], count[16];

	snprintf(script, sizeof script, "%s/tests/lib/pcscd.sh",
	    src == NULL ? "." : src);
	snprintf(count, sizeof count, "%d", readers);
	dup2(in[0], 0);
	dup2(out[1], 1);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	execlp("bash", "bash", script, "serve", count, (char *)NULL);
	_exit(127);
}

/* Reads lines up to one that begins with the word; its rest, or NULL. */
static char *
read_until(const char *word)
{
	static char line[LINE];
	size_t n = strlen(word);

	while (fgets(line, sizeof line, from_shell) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, word, n) == 0)
			return line + n;
		if (strncmp(line, "unavailable ", 12) == 0)
			snprintf(why_not, sizeof why_not, "%s", line + 12);
	}
	return NULL;
}

static bool
start(int readers)
{
	int in[2], out[2];
	char *where, path[256];

	if (pipe(in) != 0 || pipe(out) != 0)
		return false;
	fflush(stdout);
	shell = fork();
	if (shell == 0)
		become_shell(in, out, readers);
	close(in[0]);
	close(out[1]);
	to_shell = fdopen(in[1], "w");
	from_shell = fdopen(out[0], "r");
	where = read_until("ready ");
	if (where == NULL)
		return false;
	snprintf(dir, sizeof dir, "%s", where);
	snprintf(path, sizeof path, "%s/pcscd.comm", dir);
	setenv("PCSCLITE_CSOCK_NAME", path, 1);
	return true;
}

bool
cards_start(int readers)
{
	if (dir[0] != '\0')
		return true;
	if (shell == 0) {
		signal(SIGPIPE, SIG_IGN);
		atexit(stop);
		if (start(readers))
			return true;
	}
	if (why_not[0] != '\0')
		suite_skip(why_not);
	else
		CU_FAIL("the private pcscd did not start");
	return false;
}

const char *
cards_dir(void)
{
	return dir;
}

int
cards_shell(const char *fmt, ...)
{
	const char *status;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(to_shell, fmt, ap);
	va_end(ap);
	fputc('\n', to_shell);
	fflush(to_shell);
	status = read_until("done ");
	return status == NULL ? -1 : (int)strtol(status, NULL, 10);
}

/* One control command and its answer; how many bytes, or -1. */
static ssize_t
ask(int reader, const char *line, char *reply, size_t size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n = -1;

	snprintf(
	    a.sun_path, sizeof a.sun_path, "%.90s/card%d.ctl", dir, reader);
	if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
	    send(fd, line, strlen(line), MSG_NOSIGNAL) > 0)
		n = recv(fd, reply, size - 1, 0);
	close(fd);
	if (n >= 0)
		reply[n] = '\0';
	return n;
}

int
cards_ctl(int reader, const char *fmt, ...)
{
	char line[LINE], reply[LINE] = "";
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= LINE - 1)
		return -1;
	line[n] = '\n';
	line[n + 1] = '\0';
	if (ask(reader, line, reply, sizeof reply) <= 0)
		return -1;
	return strncmp(reply, "ok", 2) == 0 ? 0 : -1;
}

long
cards_count(int reader, const char *name)
{
	char reply[8192], key[64];
	const char *at;

	snprintf(key, sizeof key, "\"%s\":", name);
	if (ask(reader, "counters\n", reply, sizeof reply) <= 0)
		return -1;
	at = strstr(reply, key);
	if (at == NULL) /* a command (two digits) that never came */
		return strlen(name) == 2 ? 0 : -1;
	return strtol(at + strlen(key), NULL, 10);
}
