/*
 * slowdisk MS COMMAND...: runs a command for which every fsync, fdatasync and
 * syncfs takes MS milliseconds longer, as on a slow disk, in it and in all
 * that it starts.  By seccomp's user notification: nothing is traced, and no
 * other call is slower.  Exits as the command does.
 */
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITING_MAX 256

struct waiting {
	__u64 id;
	int64_t due_ms;
};

static struct waiting waiting[WAITING_MAX]; /* in the order of their ends */
static size_t count;

static void
send_descriptor(int sock, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof fd)];
		struct cmsghdr align;
	} u;
	struct iovec byte = {(char[]){0}, 1};
	struct msghdr m = {.msg_iov = &byte,
	    .msg_iovlen = 1,
	    .msg_control = u.room,
	    .msg_controllen = sizeof u.room};

	memset(&u, 0, sizeof u);
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
	    .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	if (sendmsg(sock, &m, 0) < 0)
		_exit(126);
}

static int
receive_descriptor(int sock)
{
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec byte = {(char[]){0}, 1};
	struct msghdr m = {.msg_iov = &byte,
	    .msg_iovlen = 1,
	    .msg_control = room,
	    .msg_controllen = sizeof room};
	int fd = -1;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) > 0 &&
	    CMSG_FIRSTHDR(&m) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static void
become(int sock, char **command)
{
	static const int calls[] = {
	    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(syncfs)};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int code = f == NULL ? -ENOMEM : 0;

	for (size_t i = 0; code == 0 && i < sizeof calls / sizeof *calls; i++)
		code = seccomp_rule_add(f, SCMP_ACT_NOTIFY, calls[i], 0);
	if (code == 0)
		code = seccomp_load(f);
	if (code != 0) {
		fprintf(stderr, "slowdisk: %s\n", strerror(-code));
		_exit(126);
	}
	send_descriptor(sock, seccomp_notify_fd(f));
	close(seccomp_notify_fd(f));
	close(sock);
	execvp(command[0], command);
	perror(command[0]);
	_exit(127);
}

static void
one_more(int fd, int64_t delay_ms)
{
	static struct seccomp_notif *asked;

	if (asked == NULL && seccomp_notify_alloc(&asked, NULL) != 0)
		exit(126);
	memset(asked, 0, sizeof *asked);
	if (seccomp_notify_receive(fd, asked) != 0 || count == WAITING_MAX)
		return; /* its process is gone */
	waiting[count++] =
	    (struct waiting){asked->id, clock_mono_ms() + delay_ms};
}

static void
let_go(int fd)
{
	struct seccomp_notif_resp answer = {
	    .id = waiting[0].id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	seccomp_notify_respond(fd, &answer);
	memmove(waiting, waiting + 1, --count * sizeof *waiting);
}

/* Until every process under the filter is gone. */
static void
serve(int fd, int64_t delay_ms)
{
	struct pollfd p = {fd, POLLIN, 0};

	for (;;) {
		int64_t left =
		    count == 0 ? -1 : waiting[0].due_ms - clock_mono_ms();

		if (count > 0 && left <= 0) {
			let_go(fd);
			continue;
		}
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return;
		if ((p.revents & POLLIN) != 0)
			one_more(fd, delay_ms);
		else if ((p.revents & (POLLHUP | POLLERR)) != 0)
			return;
	}
}

int
main(int argc, char **argv)
{
	int pair[2], fd, status = 0;
	pid_t child;

	if (argc < 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 64;
	child = fork();
	if (child == 0) {
		close(pair[0]);
		become(pair[1], argv + 2);
	}
	close(pair[1]);
	fd = receive_descriptor(pair[0]);
	if (fd >= 0)
		serve(fd, strtol(argv[1], NULL, 10));
	if (waitpid(child, &status, 0) != child)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
