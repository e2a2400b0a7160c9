/*
 * The one encoder and decoder of messages between processes.  A message is
 * bounded (64 KiB, 200 descriptors), typed and versioned; whatever a peer
 * sends, decoding ends in `failed`, never beyond the bytes received.
 */
#include "base/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum field { FIELD_NUMBER = 'n', FIELD_BYTES = 'b' };

struct ipc_head {
	uint8_t magic[2];
	uint16_t version;
	uint16_t type;
	uint16_t fd_count;
};

static const uint8_t ipc_magic[2] = {'N', 'T'};

void
ipc_begin(struct ipc_msg *m, uint16_t type)
{
	ipc_free(m);
	m->type = type;
}

static void
put(struct ipc_msg *m, const void *p, size_t n)
{
	if (buf_append(&m->body, p, n) != 0)
		m->failed = true;
}

void
ipc_put_u64(struct ipc_msg *m, uint64_t v)
{
	uint8_t field[9] = {FIELD_NUMBER};

	for (unsigned i = 0; i < 8; i++)
		field[8 - i] = (uint8_t)(v >> (8 * i));
	put(m, field, sizeof field);
}

void
ipc_put_i64(struct ipc_msg *m, int64_t v)
{
	ipc_put_u64(m, (uint64_t)v);
}

void
ipc_put_bytes(struct ipc_msg *m, struct slice s)
{
	uint8_t field[5] = {FIELD_BYTES};

	if (s.len > UINT32_MAX) {
		m->failed = true;
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		field[4 - i] = (uint8_t)(s.len >> (8 * i));
	put(m, field, sizeof field);
	put(m, s.p, s.len);
}

void
ipc_put_str(struct ipc_msg *m, const char *s)
{
	ipc_put_bytes(m, slice_str(s));
}

void
ipc_put_err(struct ipc_msg *m, const struct err *e)
{
	ipc_put_u64(m, (uint64_t)e->class);
	ipc_put_i64(m, e->errnum);
	ipc_put_u64(m, e->lib);
	ipc_put_str(m, e->code);
	ipc_put_str(m, e->detail);
	ipc_put_u64(m, e->frames);
	for (unsigned i = 0; i < e->frames && i < ERR_FRAMES; i++)
		ipc_put_str(m, e->frame[i]);
}

void
ipc_put_fd(struct ipc_msg *m, int fd)
{
	if (m->fd_count >= IPC_MAX_FDS || fd < 0) {
		m->failed = true;
		return;
	}
	m->fds[m->fd_count++] = fd;
	m->fd_next = m->fd_count; /* the caller's: ipc_free leaves them open */
}

bool
ipc_join(struct ipc_msg *to, const struct ipc_msg *from)
{
	if (sizeof(struct ipc_head) + to->body.len + from->body.len >
		IPC_MAX_BYTES ||
	    to->fd_count + from->fd_count > IPC_MAX_FDS)
		return false;
	put(to, from->body.p, from->body.len);
	for (unsigned i = 0; i < from->fd_count; i++)
		ipc_put_fd(to, from->fds[i]);
	to->failed = to->failed || from->failed;
	return true;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * IPC_MAX_FDS)];
};

static int
send_error(struct err *e)
{
	enum err_class class =
	    errno == EPIPE || errno == ECONNRESET || errno == EAGAIN
		? ERR_TRANSIENT_IO
		: err_io_class(errno);

	return err_errno(e, class, "ipc-send", "%s", "");
}

int
ipc_send(int fd, const struct ipc_msg *m, struct err *e)
{
	struct ipc_head head = {
	    {'N', 'T'}, IPC_VERSION, m->type, (uint16_t)m->fd_count};
	struct iovec iov[2] = {{&head, sizeof head}, {m->body.p, m->body.len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	union control control;

	if (m->failed || m->body.len + sizeof head > IPC_MAX_BYTES)
		return err_set(e, ERR_BUG, "ipc-too-large",
		    "type %u, %zu bytes, %u descriptors", m->type, m->body.len,
		    m->fd_count);
	if (m->fd_count > 0) {
		struct cmsghdr *c;
		size_t bytes = sizeof(int) * m->fd_count;

		memset(&control, 0, sizeof control);
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(c), m->fds, bytes);
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return send_error(e);
	return 0;
}

static void
take_descriptors(struct ipc_msg *m, struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
			if (m->fd_count < IPC_MAX_FDS)
				m->fds[m->fd_count++] = got;
			else
				close(got);
		}
	}
}

int
ipc_recv(int fd, struct ipc_msg *m, struct err *e)
{
	struct ipc_head head;
	struct iovec iov[2] = {{&head, sizeof head}, {NULL, 0}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	static uint8_t room[IPC_MAX_BYTES];
	union control control;
	unsigned reset = 0;
	ssize_t n;

	ipc_free(m);
	iov[1].iov_base = room;
	iov[1].iov_len = sizeof room;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof control.bytes;
	/* A peer that closed with our messages unread shows as ECONNRESET
	 * once, before what it sent us: ask again for that. */
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset++)));
	if (n == 0)
		return 0;
	if (n < 0)
		return errno == ECONNRESET ? 0 : send_error(e);
	take_descriptors(m, &msg);
	if ((size_t)n < sizeof head || (msg.msg_flags & MSG_TRUNC) != 0 ||
	    (msg.msg_flags & MSG_CTRUNC) != 0 ||
	    memcmp(head.magic, ipc_magic, sizeof ipc_magic) != 0 ||
	    head.fd_count != m->fd_count)
		return err_set(e, ERR_BUG, "ipc-malformed", "%zd bytes", n);
	if (head.version != IPC_VERSION)
		return err_set(e, ERR_CONFIG, "ipc-version", "%u, not %u",
		    head.version, IPC_VERSION);
	m->type = head.type;
	/* Messages are small: a body of the message's own size is cheaper to
	 * wipe than one of the largest size. */
	n -= (ssize_t)sizeof head;
	if (buf_append(&m->body, room, (size_t)n) != 0)
		err_nomem(e);
	explicit_bzero(room, (size_t)n);
	return m->body.len == (size_t)n ? 1 : -1;
}

/* The next `n` body bytes, or NULL (and failed) when there are fewer. */
static const uint8_t *
take(struct ipc_msg *m, size_t n)
{
	const uint8_t *p;

	if (m->failed || m->body.len - m->at < n) {
		m->failed = true;
		return NULL;
	}
	p = m->body.p + m->at;
	m->at += n;
	return p;
}

uint64_t
ipc_get_u64(struct ipc_msg *m)
{
	const uint8_t *p = take(m, 9);
	uint64_t v = 0;

	if (p == NULL || p[0] != FIELD_NUMBER) {
		m->failed = true;
		return 0;
	}
	for (unsigned i = 1; i < 9; i++)
		v = v << 8 | p[i];
	return v;
}

int64_t
ipc_get_i64(struct ipc_msg *m)
{
	return (int64_t)ipc_get_u64(m);
}

struct slice
ipc_get_bytes(struct ipc_msg *m)
{
	const uint8_t *p = take(m, 5);
	size_t n = 0;

	if (p == NULL || p[0] != FIELD_BYTES) {
		m->failed = true;
		return slice_of(NULL, 0);
	}
	for (unsigned i = 1; i < 5; i++)
		n = n << 8 | p[i];
	p = take(m, n);
	return slice_of(p, p == NULL ? 0 : n);
}

void
ipc_get_exact(struct ipc_msg *m, void *out, size_t size)
{
	struct slice s = ipc_get_bytes(m);

	if (s.len != size)
		m->failed = true;
	else if (size > 0)
		memcpy(out, s.p, size);
}

void
ipc_get_str(struct ipc_msg *m, char *out, size_t size)
{
	struct slice s = ipc_get_bytes(m);

	out[0] = '\0';
	if (s.len >= size || (s.len > 0 && memchr(s.p, 0, s.len) != NULL)) {
		m->failed = true;
		return;
	}
	if (s.len > 0)
		memcpy(out, s.p, s.len);
	out[s.len] = '\0';
}

void
ipc_get_err(struct ipc_msg *m, struct err *e)
{
	uint64_t class, frames;

	memset(e, 0, sizeof *e);
	class = ipc_get_u64(m);
	e->errnum = (int)ipc_get_i64(m);
	e->lib = (unsigned long)ipc_get_u64(m);
	ipc_get_str(m, e->code, sizeof e->code);
	ipc_get_str(m, e->detail, sizeof e->detail);
	frames = ipc_get_u64(m);
	if (class >= ERR_CLASS_MAX || frames > ERR_FRAMES) {
		m->failed = true;
		return;
	}
	e->class = (enum err_class) class;
	for (e->frames = 0; e->frames < frames; e->frames++)
		ipc_get_str(m, e->frame[e->frames], sizeof e->frame[0]);
}

int
ipc_get_fd(struct ipc_msg *m)
{
	if (m->fd_next >= m->fd_count) {
		m->failed = true;
		return -1;
	}
	return m->fds[m->fd_next++];
}

bool
ipc_more(const struct ipc_msg *m)
{
	return !m->failed && m->at < m->body.len;
}

bool
ipc_end(const struct ipc_msg *m)
{
	return !m->failed && m->at == m->body.len && m->fd_next == m->fd_count;
}

void
ipc_free(struct ipc_msg *m)
{
	while (m->fd_next < m->fd_count)
		close(m->fds[m->fd_next++]);
	buf_free(&m->body);
	m->type = 0;
	m->failed = false;
	m->fd_count = m->fd_next = 0;
	m->at = 0;
}

int
ipc_pair(int fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0)
		return 0;
	return send_error(e);
}

int
ipc_peer_uid(int fd, uid_t *uid, struct err *e)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return send_error(e);
	*uid = cred.uid;
	return 0;
}

struct slice
ipc_body(const struct ipc_msg *m)
{
	return buf_view(&m->body);
}

int
ipc_load(struct ipc_msg *m, uint16_t type, struct slice body)
{
	ipc_begin(m, type);
	return buf_slice(&m->body, body);
}
