/*
 * The keyholder's clients.  Whatever a client sends, or does not read, costs
 * at most its own connection: reads per round are bounded, replies go out
 * without blocking through a short queue, chatter is counted.  Who may
 * connect is decided by the kernel's word (SO_PEERCRED) alone.
 */
#include "signer/key/holding.h"

#include "base/clock.h"
#include "base/log.h"
#include "signer/key/keyproto.h"
#include "signer/key/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const end_names[] = {
    [KEYHOLDER_END_LOCKED] = "locked",
    [KEYHOLDER_END_TIME] = "time",
    [KEYHOLDER_END_COUNT] = "count",
    [KEYHOLDER_END_SIGNAL] = "signal",
    [KEYHOLDER_END_NO_CLIENT] = "no-client",
    [KEYHOLDER_END_CARD] = "card",
    [KEYHOLDER_END_AUDIT] = "audit",
};

const char *
keyholder_end_name(enum keyholder_end end)
{
	return end_names[end];
}

void
hold_end(struct keyholder *k, enum keyholder_end end, const struct err *why)
{
	if (k->ending)
		return;
	k->ending = true;
	k->end = end;
	if (why != NULL)
		k->why = *why;
}

/* Lets the peer read what was sent to it: a close with messages unread would
 * show it an error first. */
static void
close_client(struct client *c)
{
	char byte;

	shutdown(c->fd, SHUT_RD);
	for (unsigned i = 0; i < 64; i++)
		if (recv(c->fd, &byte, 1, MSG_DONTWAIT) <= 0)
			break;
	watchdog_forget(c->fd);
	close(c->fd);
	c->fd = -1;
}

void
hold_drop(struct keyholder *k, struct client *c, const char *why)
{
	log_event(LOG_LEVEL_DEBUG, "key.client-gone", "why=%s", why);
	hold_forget(k, c->id);
	for (unsigned i = 0; i < c->replies; i++)
		ipc_free(&c->reply[i]);
	c->replies = 0;
	close_client(c);
	if (c->private)
		hold_end(k, KEYHOLDER_END_NO_CLIENT, NULL);
}

static bool
is_full(const struct err *e)
{
	return e->errnum == EAGAIN;
}

/* Keeps a copy for later; a client that lets them pile up is dropped. */
static void
queue_reply(struct keyholder *k, struct client *c, const struct ipc_msg *m)
{
	struct ipc_msg *slot = &c->reply[c->replies];

	if (c->replies == HOLD_REPLIES) {
		hold_drop(k, c, "reads-nothing");
		return;
	}
	ipc_begin(slot, m->type);
	if (buf_slice(&slot->body, buf_view(&m->body)) != 0) {
		hold_drop(k, c, "out-of-memory");
		return;
	}
	c->replies++;
}

void
hold_reply(struct keyholder *k, struct client *c, const struct ipc_msg *m)
{
	struct err e = {0};

	if (c->replies == 0 && ipc_send(c->fd, m, &e) == 0)
		return;
	if (c->replies > 0 || is_full(&e))
		queue_reply(k, c, m);
	else
		hold_drop(k, c, e.code);
}

static void
flush_replies(struct keyholder *k, struct client *c)
{
	struct err e = {0};

	while (c->replies > 0) {
		if (ipc_send(c->fd, &c->reply[0], &e) != 0) {
			if (!is_full(&e))
				hold_drop(k, c, e.code);
			return;
		}
		ipc_free(&c->reply[0]);
		c->replies--;
		memmove(&c->reply[0], &c->reply[1],
		    c->replies * sizeof c->reply[0]);
		memset(&c->reply[c->replies], 0, sizeof c->reply[0]);
	}
}

static void
send_status(struct keyholder *k, struct client *c)
{
	struct keyholder_status s = {0};
	struct ipc_msg m = {0};
	struct err e = {0};

	if (keyholder_status(k, &s, &e) != 0) {
		hold_drop(k, c, e.code);
		return;
	}
	ipc_begin(&m, KEYMSG_STATUS_IS);
	keyproto_put_status(&m, &s);
	hold_reply(k, c, &m);
	ipc_free(&m);
	keyholder_status_free(&s);
}

void
hold_add_client(struct keyholder *k, int fd, bool private)
{
	for (unsigned i = 0; i < HOLD_CLIENTS; i++) {
		struct client *c = &k->clients[i];

		if (c->fd >= 0)
			continue;
		memset(c, 0, sizeof *c);
		c->fd = fd;
		c->private = private;
		watchdog_tell(fd);
		c->id = k->next_id++;
		send_status(k, c);
		return;
	}
	log_event(LOG_LEVEL_WARN, "key.too-many-clients", "%s", "");
	close(fd);
}

static bool
is_allowed(const struct keyholder *k, int fd)
{
	struct err e = {0};
	uid_t uid;

	if (ipc_peer_uid(fd, &uid, &e) != 0)
		return false;
	for (unsigned i = 0; i < k->user_count; i++)
		if (k->users[i] == uid)
			return true;
	log_event(LOG_LEVEL_WARN, "key.user-refused", "uid=%ld", (long)uid);
	return false;
}

void
hold_accept(struct keyholder *k)
{
	int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!is_allowed(k, fd))
		close(fd);
	else
		hold_add_client(k, fd, false);
}

/* Everything but a signature is small talk; too much of it is a flood. */
static bool
too_chatty(struct client *c)
{
	int64_t second = clock_mono_ms() / 1000;

	if (second != c->second) {
		c->second = second;
		c->chatter = 0;
	}
	return ++c->chatter > HOLD_CHATTER;
}

static void
lock_asked(struct keyholder *k, struct client *c)
{
	struct ipc_msg m = {0};

	ipc_begin(&m, KEYMSG_LOCKED);
	hold_reply(k, c, &m);
	ipc_free(&m);
	hold_end(k, KEYHOLDER_END_LOCKED, NULL);
}

static void
handle(struct keyholder *k, struct client *c, struct ipc_msg *m)
{
	switch (m->type) {
	case KEYMSG_SIGN:
		hold_take_request(k, c, m);
		return;
	case KEYMSG_STATUS:
		if (!ipc_end(m))
			break;
		if (too_chatty(c))
			hold_drop(k, c, "flood");
		else
			send_status(k, c);
		return;
	case KEYMSG_LOCK:
		if (!ipc_end(m))
			break;
		lock_asked(k, c);
		return;
	default:
		break;
	}
	hold_drop(k, c, "malformed");
}

static void
read_client(struct keyholder *k, struct client *c)
{
	struct ipc_msg m = {0};
	struct err e = {0};

	for (unsigned i = 0; i < HOLD_READS && c->fd >= 0; i++) {
		int got = ipc_recv(c->fd, &m, &e);

		if (got > 0)
			handle(k, c, &m);
		else if (got == 0)
			hold_drop(k, c, "end");
		else if (!is_full(&e))
			hold_drop(k, c, e.code);
		ipc_free(&m);
		if (got <= 0)
			break;
	}
}

void
hold_client_event(struct keyholder *k, struct client *c, short revents)
{
	/* A client that is gone gets nothing signed, whatever it has sent. */
	if ((revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
		hold_drop(k, c, "hung-up");
		return;
	}
	if ((revents & POLLOUT) != 0)
		flush_replies(k, c);
	if (c->fd >= 0 && (revents & POLLIN) != 0)
		read_client(k, c);
}
