/*
 * What a process with a role inherits is what is listed here: no descriptor,
 * no variable and no blocked signal of its owner's beside that.
 */
#include "base/role.h"

#include "base/turn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

_Noreturn void
role_become(const char *name, const char *role, int fd)
{
	static char locale[] = "LC_ALL=C.UTF-8";
	char *argv[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)role, NULL};
	char *env[] = {locale, NULL}; /* no proxy, no HOME */
	sigset_t none;

	turn_take(TURN_COMPUTES);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The owner decides when it ends, also where a terminal or a service
	 * manager signals the whole group. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd == ROLE_FD)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, ROLE_FD) < 0)
		_exit(126);
	close_range(ROLE_FD + 1, ~0U, 0);
	execve("/proc/self/exe", argv, env);
	_exit(127);
}
