/*
 * vpcd listens, the card connects.  A message is two bytes of length (big
 * endian) and the bytes.  The driver sends both parts by separate calls with
 * Nagle's algorithm on, so acknowledgements must go out at once: TCP_QUICKACK
 * is not sticky and is set before each receive.
 */
#include "tests/vcard/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_NS 20000000

static void
set_option(int fd, int option)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on);
}

bool
link_connect(struct link *l, int64_t now_ns)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(l->port)};

	if (!l->wanted || l->fd >= 0 || now_ns < l->retry_ns)
		return false;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->retry_ns = now_ns + RETRY_NS;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return false;
	if (connect(l->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
		link_drop(l);
		return false;
	}
	set_option(l->fd, TCP_NODELAY);
	set_option(l->fd, TCP_QUICKACK);
	return true;
}

void
link_drop(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_reset(&l->in);
}

bool
link_fill(struct link *l)
{
	ssize_t n;

	if (buf_reserve(&l->in, 4096) != 0)
		return false;
	set_option(l->fd, TCP_QUICKACK);
	n = recv(l->fd, l->in.p + l->in.len, 4096, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	l->in.len += (size_t)n;
	return n > 0;
}

bool
link_next(struct link *l, struct buf *out)
{
	size_t len;

	buf_reset(out);
	if (l->in.len < 2)
		return false;
	len = (size_t)l->in.p[0] << 8 | l->in.p[1];
	if (l->in.len < 2 + len || buf_append(out, l->in.p + 2, len) != 0)
		return false;
	memmove(l->in.p, l->in.p + 2 + len, l->in.len - 2 - len);
	l->in.len -= 2 + len;
	return true;
}

bool
link_send(struct link *l, struct slice message)
{
	uint8_t head[2] = {(uint8_t)(message.len >> 8), (uint8_t)message.len};
	struct buf whole = {0};
	bool sent = false;

	if (buf_append(&whole, head, 2) == 0 && buf_slice(&whole, message) == 0)
		sent = send(l->fd, whole.p, whole.len, MSG_NOSIGNAL) ==
		       (ssize_t)whole.len;
	buf_free(&whole);
	return sent;
}
