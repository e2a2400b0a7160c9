/*
 * `vcard launch`: starts a program the way a service manager would: with a
 * listening unix socket as descriptor 3 (LISTEN_FDS), as another user, in a
 * network of its own, and ended when the starter ends.  This is how a
 * private pcscd gets its own socket (its own path is compiled in).
 * `vcard ports`: a run of free TCP ports.
 */
#include "tests/vcard/netns.h"
#include "tests/vcard/vcard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FD 3

static int
listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
	    chmod(path, 0666) != 0 || listen(fd, 64) != 0)
		return -1;
	if (fd != LISTEN_FD && (dup2(fd, LISTEN_FD) < 0 || close(fd) != 0))
		return -1;
	return 0;
}

static int
become(const char *name)
{
	const struct passwd *p = getpwnam(name);

	if (p == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (setgroups(0, NULL) != 0 ||
	    setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0)
		return -1;
	return setresuid(p->pw_uid, p->pw_uid, p->pw_uid);
}

static int
pass_socket(const char *path)
{
	char pid[16];

	if (listen_at(path) != 0)
		return -1;
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	if (setenv("LISTEN_FDS", "1", 1) != 0)
		return -1;
	return setenv("LISTEN_PID", pid, 1);
}

static int
fail(const char *what)
{
	fprintf(stderr, "vcard launch: %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

int
vcard_launch(int argc, char **argv)
{
	static const struct option options[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"user", required_argument, NULL, 'u'},
	    {"netns", no_argument, NULL, 'n'},
	    {NULL, 0, NULL, 0},
	};
	const char *path = NULL, *user = NULL;
	bool netns = false;
	pid_t parent = getppid();
	int option;

	optind = 0;
	while ((option = getopt_long(argc + 1, argv - 1, "+", options, NULL)) !=
	       -1) {
		if (option == 's')
			path = optarg;
		else if (option == 'u')
			user = optarg;
		else if (option == 'n')
			netns = true;
		else
			return 64;
	}
	argv += optind - 1;
	if (argv[0] == NULL)
		return 64;
	if (netns && netns_enter() != 0)
		return fail("network namespace");
	if (path != NULL && pass_socket(path) != 0)
		return fail(path);
	if (user != NULL && become(user) != 0)
		return fail(user);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		return fail("parent");
	execv(argv[0], argv);
	return fail(argv[0]);
}

static bool
port_is_free(unsigned port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok =
	    fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Prints the first of N free neighbours; different processes look at
 * different places first. */
int
vcard_ports(int argc, char **argv)
{
	unsigned n = argc == 1 ? (unsigned)strtoul(argv[0], NULL, 10) : 0;
	unsigned start = 36100 + (unsigned)getppid() % 500 * 32;

	if (n == 0 || n > 32)
		return 64;
	for (unsigned tried = 0; tried < 500; tried++) {
		unsigned base = 36100 + (start - 36100 + tried * 32) % 16000;
		unsigned i = 0;

		while (i < n && port_is_free(base + i))
			i++;
		if (i == n) {
			printf("%u\n", base);
			return EXIT_SUCCESS;
		}
	}
	return EXIT_FAILURE;
}
