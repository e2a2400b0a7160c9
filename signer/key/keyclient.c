/*
 * The client's side: find or start a keyholder, ask, understand the answers.
 * A listening keyholder is believed only when the kernel says that it is run
 * by the key's owner; a reply that does not decode ends the connection.
 */
#include "signer/key/keyclient.h"

#include "base/i18n.h"
#include "signer/key/keyproto.h"
#include "signer/key/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYHOLDER_FD 3

void
keyholder_status_free(struct keyholder_status *s)
{
	buf_free(&s->certificate);
}

void
key_reply_free(struct key_reply *r)
{
	buf_free(&r->signature);
	keyholder_status_free(&r->status);
	memset(r, 0, sizeof *r);
}

/* The uid that may serve this key. */
static int
owner_uid(const struct conf_key *key, uid_t *uid, struct err *e)
{
	const struct passwd *pw;

	*uid = geteuid();
	if (key->owner == NULL || key->owner[0] == '\0')
		return 0;
	pw = getpwnam(key->owner);
	if (pw != NULL) {
		*uid = pw->pw_uid;
		return 0;
	}
	if (key->owner[0] >= '0' && key->owner[0] <= '9') {
		*uid = (uid_t)strtoul(key->owner, NULL, 10);
		return 0;
	}
	return err_set(e, ERR_CONFIG, "user-unknown", "%s", key->owner);
}

/* Connects by way of the directory's descriptor: no limit on its path. */
static int
connect_in(const char *run_dir, const char *key, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int dir, n, fd = -1;

	dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err_errno(e, ERR_PIN, "no-keyholder", "%s", run_dir);
		goto out;
	}
	n = snprintf(at.sun_path, sizeof at.sun_path,
	    "/proc/self/fd/%d/%s.sock", dir, key);
	if (n < 0 || (size_t)n >= sizeof at.sun_path) {
		err_set(e, ERR_CONFIG, "name-too-long", "%s", key);
		goto fail;
	}
	if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
		goto out;
	if (errno == EACCES || errno == EPERM)
		err_errno(
		    e, ERR_CONFIG, "keyholder-refuses-user", "key \"%s\"", key);
	else
		err_errno(e, ERR_PIN, "no-keyholder", "key \"%s\"", key);
fail:
	close(fd);
	fd = -1;
out:
	if (dir >= 0)
		close(dir);
	return fd;
}

int
keyclient_connect(
    const struct conf *c, const struct conf_key *key, struct err *e)
{
	uid_t want, got;
	int fd;

	if (owner_uid(key, &want, e) != 0)
		return -1;
	fd = connect_in(c->run_dir, key->name, e);
	if (fd < 0)
		return -1;
	if (ipc_peer_uid(fd, &got, e) != 0)
		goto fail;
	if (got != want) {
		err_set(e, ERR_CONFIG, "keyholder-wrong-owner",
		    "key \"%s\" is served by uid %ld, not %ld", key->name,
		    (long)got, (long)want);
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return -1;
}

pid_t
keyclient_peer(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return 0;
	return cred.pid;
}

/* In the child: only standard input, output, error and the socket stay. */
static _Noreturn void
exec_keyholder(int sock)
{
	char *const argv[] = {
	    (char[]){"natsuin-keyholder"}, (char[]){"--keyholder"}, NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	if (sock == KEYHOLDER_FD ? fcntl(sock, F_SETFD, 0) == 0
				 : dup2(sock, KEYHOLDER_FD) == KEYHOLDER_FD) {
		close_range(KEYHOLDER_FD + 1, ~0U, 0);
		execv("/proc/self/exe", argv);
	}
	_exit(127);
}

static int
send_setup(int fd, const struct conf *c, const struct conf_key *key, int pin_fd,
    struct err *e)
{
	struct ipc_msg m = {0};
	int r;

	ipc_begin(&m, KEYMSG_SETUP);
	keyproto_put_setup(&m, key, c->root, i18n_language(), pin_fd);
	r = ipc_send(fd, &m, e);
	ipc_free(&m);
	return r;
}

int
keyclient_spawn(const struct conf *c, const struct conf_key *key, int pin_fd,
    pid_t *pid, struct err *e)
{
	int pair[2];

	if (pin_choose(key, pin_fd) == PIN_SOURCE_NONE)
		return err_set(
		    e, ERR_PIN, "pin-needed", "key \"%s\"", key->name);
	if (ipc_pair(pair, e) != 0)
		return -1;
	*pid = fork();
	if (*pid == 0)
		exec_keyholder(pair[1]);
	close(pair[1]);
	if (*pid < 0) {
		close(pair[0]);
		return err_errno(e, ERR_TRANSIENT_IO, "io-error", "%s", "fork");
	}
	if (send_setup(pair[0], c, key, pin_fd, e) != 0) {
		close(pair[0]); /* its end of file ends the child */
		waitpid(*pid, NULL, 0);
		return -1;
	}
	return pair[0];
}

int
keyclient_sign(int fd, enum sign_algorithm a, struct slice signed_info,
    const char *job_id, struct err *e)
{
	struct ipc_msg m = {0};
	int r;

	ipc_begin(&m, KEYMSG_SIGN);
	ipc_put_u64(&m, (uint64_t)a);
	ipc_put_bytes(&m, signed_info);
	ipc_put_str(&m, job_id);
	r = ipc_send(fd, &m, e);
	ipc_free(&m);
	return r;
}

static int
send_plain(int fd, uint16_t type, struct err *e)
{
	struct ipc_msg m = {0};
	int r;

	ipc_begin(&m, type);
	r = ipc_send(fd, &m, e);
	ipc_free(&m);
	return r;
}

int
keyclient_ask_status(int fd, struct err *e)
{
	return send_plain(fd, KEYMSG_STATUS, e);
}

int
keyclient_lock(int fd, struct err *e)
{
	return send_plain(fd, KEYMSG_LOCK, e);
}

static int
decode(struct ipc_msg *m, struct key_reply *r)
{
	switch (m->type) {
	case KEYMSG_STATUS_IS:
		r->type = KEY_REPLY_STATUS;
		keyproto_get_status(m, &r->status);
		break;
	case KEYMSG_SIGNED:
		r->type = KEY_REPLY_SIGNED;
		ipc_get_str(m, r->job_id, sizeof r->job_id);
		if (buf_slice(&r->signature, ipc_get_bytes(m)) != 0)
			m->failed = true;
		break;
	case KEYMSG_REFUSED:
		r->type = KEY_REPLY_REFUSED;
		ipc_get_str(m, r->job_id, sizeof r->job_id);
		ipc_get_err(m, &r->error);
		break;
	case KEYMSG_LOCKED:
		r->type = KEY_REPLY_LOCKED;
		break;
	default:
		return -1;
	}
	return ipc_end(m) ? 0 : -1;
}

int
keyclient_receive(int fd, struct key_reply *r, struct err *e)
{
	struct ipc_msg m = {0};
	int got, result = -1;

	key_reply_free(r);
	got = ipc_recv(fd, &m, e);
	if (got == 0) {
		r->type = KEY_REPLY_EOF;
		result = 0;
	} else if (got > 0) {
		result = decode(&m, r);
		if (result != 0) {
			key_reply_free(r);
			err_set(e, ERR_BUG, "ipc-malformed", "%s",
			    "reply of a keyholder");
		}
	}
	ipc_free(&m);
	return result;
}
