/*
 * Asks a key in a child of its own, which opens it, answers over a socket
 * and ends.  The child presents no PIN; the parent believes nothing but a
 * message that decodes, and waits for it no longer than card-timeout.
 */
#include "signer/key/ask.h"

#include "base/clock.h"
#include "signer/key/keyproto.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENT_MS 30000 /* where the settings say nothing */

void
key_answer_free(struct key_answer *a)
{
	buf_free(&a->certificate);
}

static int
look(const struct conf_key *conf, struct keyholder_status *s,
    struct err *problem, struct err *e)
{
	const struct key_backend *b = key_backend_find(conf, e);
	struct key *k = b == NULL ? NULL : b->open(conf, e);
	int result;

	if (k == NULL)
		return -1;
	result = b->status(k, &s->card, e);
	if (result == 0)
		b->certificate(k, &s->certificate, problem);
	/* A locked key that hides its certificate is no problem. */
	if (strcmp(problem->code, "pin-needed") == 0)
		err_clear(problem);
	b->close(k);
	return result;
}

static _Noreturn void
answer(const struct conf_key *conf, int fd)
{
	struct keyholder_status s = {0};
	struct err problem = {0}, e = {0};
	struct ipc_msg m = {0};

	prctl(PR_SET_NAME, "natsuin-key");
	if (look(conf, &s, &problem, &e) == 0) {
		ipc_begin(&m, KEYMSG_STATUS_IS);
		keyproto_put_status(&m, &s);
		ipc_put_err(&m, &problem);
	} else {
		ipc_begin(&m, KEYMSG_REFUSED);
		ipc_put_err(&m, &e);
	}
	_exit(ipc_send(fd, &m, &e) == 0 ? 0 : 1);
}

/* Waits until there is something to read; 0 when the time is over. */
static int
await(int fd, int64_t ms)
{
	int64_t now, end = clock_mono_ms() + (ms > 0 ? ms : SILENT_MS);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do {
		now = clock_mono_ms();
		n = poll(&p, 1, now < end ? (int)(end - now) : 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int
understand(struct ipc_msg *m, struct key_answer *out, struct err *e)
{
	struct keyholder_status s = {0};

	if (m->type == KEYMSG_REFUSED) {
		ipc_get_err(m, e);
		if (ipc_end(m) && e->class != ERR_NONE)
			return -1;
	} else {
		keyproto_get_status(m, &s);
		ipc_get_err(m, &out->problem);
		out->status = s.card;
		out->certificate = s.certificate;
		if (m->type == KEYMSG_STATUS_IS && ipc_end(m))
			return 0;
		key_answer_free(out);
	}
	return err_set(e, ERR_BUG, "ipc-malformed", "%s", "key");
}

static int
receive(
    int fd, const struct conf_key *key, struct key_answer *out, struct err *e)
{
	struct ipc_msg m = {0};
	int result = -1;

	if (await(fd, key->card_timeout_ms) == 0)
		err_set(e, ERR_CARD, "key-check-silent", "%s", key->name);
	else if (ipc_recv(fd, &m, e) > 0)
		result = understand(&m, out, e);
	else if (e->class == ERR_NONE)
		err_set(e, ERR_CARD, "key-check-died", "%s", key->name);
	ipc_free(&m);
	return result;
}

int
key_ask(const struct conf_key *key, struct key_answer *out, struct err *e)
{
	int pair[2], result;
	pid_t pid;

	*out = (struct key_answer){0};
	if (ipc_pair(pair, e) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		answer(key, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_errno(e, ERR_TRANSIENT_IO, "io-error", "%s", "fork");
	}
	result = receive(pair[0], key, out, e);
	close(pair[0]);
	/* It has answered and ends by itself, or must not go on. */
	if (result != 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}
