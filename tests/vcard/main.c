/*
 * vcard: a JPKI card for the virtual reader of vsmartcard-vpcd, and the
 * small tools that its test fixture needs.  For tests only: PINs are plain
 * text in the card directory.
 */
#include "base/clock.h"
#include "tests/vcard/vcard.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} subcommands[] = {
    {"run", vcard_run,
	"--card DIR --port N --control SOCKET [--log FILE]\n"
	"            [--set NAME=VALUE]... [--removed] [--netns PID]"},
    {"ctl", vcard_ctl, "SOCKET COMMAND [ARGUMENT]..."},
    {"busy", journal_busy, "LOG..."},
    {"launch", vcard_launch,
	"[--socket PATH] [--user NAME] [--netns] PROGRAM [ARG]..."},
    {"ports", vcard_ports, "N"},
    {"wait", vcard_wait,
	"readers N | card READER | empty READER   (a minute at most)"},
};

static int
usage(void)
{
	for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
		fprintf(stderr, "vcard %s %s\n", subcommands[i].name,
		    subcommands[i].help);
	return 64;
}

/* Sends one command line and prints the answer. */
int
vcard_ctl(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct buf line = {0};
	char reply[4096];
	ssize_t n = -1;
	int fd;

	if (argc < 2 || strlen(argv[0]) >= sizeof a.sun_path)
		return usage();
	memcpy(a.sun_path, argv[0], strlen(argv[0]) + 1);
	for (int i = 1; i < argc; i++)
		buf_printf(&line, "%s%s", i > 1 ? " " : "", argv[i]);
	buf_putc(&line, '\n');
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
	    send(fd, line.p, line.len, MSG_NOSIGNAL) == (ssize_t)line.len)
		n = recv(fd, reply, sizeof reply - 1, 0);
	if (n <= 0)
		fprintf(stderr, "vcard ctl: %s: %s\n", argv[0],
		    n < 0 ? strerror(errno) : "no answer");
	else
		fwrite(reply, 1, (size_t)n, stdout);
	buf_free(&line);
	if (fd >= 0)
		close(fd);
	return n > 0 && strncmp(reply, "error", 5) != 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0;
	     argc > 1 && i < sizeof subcommands / sizeof *subcommands; i++) {
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 2, argv + 2);
	}
	return usage();
}
