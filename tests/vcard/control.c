/*
 * The control channel: one command per line, one line of answer ("ok ...",
 * "error ...", or the counters' JSON object).
 */
#include "tests/vcard/vcard.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
do_counters(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	if (v->log != NULL)
		fflush(v->log);
	return counters_text(&v->counters, reply);
}

static int
do_zero(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	v->counters = (struct counters){0};
	return buf_puts(reply, "ok");
}

/* Everything as after the start, but for the card and its PIN counters. */
static int
do_defaults(struct vcard *v, char *arg, struct buf *reply)
{
	v->quirks = (struct card_quirks){0};
	v->faults.count = 0;
	return do_zero(v, arg, reply);
}

static int
do_remove(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	v->link.wanted = false;
	vcard_pull(v);
	return buf_puts(reply, "ok");
}

static int
do_insert(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	v->link.wanted = true;
	v->link.retry_ns = 0;
	return buf_puts(reply, "ok");
}

/* Out and in again faster than the reader looks. */
static int
do_reinsert(struct vcard *v, char *arg, struct buf *reply)
{
	vcard_pull(v);
	return do_insert(v, arg, reply);
}

/* Loses its session without leaving the reader. */
static int
do_reset(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	card_power_off(v->card);
	return buf_puts(reply, "ok");
}

/* Another card into the same reader, at once. */
static int
do_swap(struct vcard *v, char *arg, struct buf *reply)
{
	struct err e = {0};
	struct card *other = card_load(arg, &e);

	if (other == NULL)
		return buf_printf(reply, "error %s %s", e.code, e.detail);
	vcard_pull(v);
	card_free(v->card);
	v->card = other;
	return do_insert(v, arg, reply);
}

/* Another card's memory without leaving the reader: a quick fresh start
 * for tests, nothing that happens to a real card. */
static int
do_load(struct vcard *v, char *arg, struct buf *reply)
{
	struct err e = {0};
	struct card *other = card_load(arg, &e);

	if (other == NULL)
		return buf_printf(reply, "error %s %s", e.code, e.detail);
	card_free(v->card);
	v->card = other;
	return buf_puts(reply, "ok");
}

static int
do_set(struct vcard *v, char *arg, struct buf *reply)
{
	char *value = strchr(arg, ' ');

	if (value != NULL)
		*value++ = '\0';
	if (value == NULL || quirk_set(&v->quirks, arg, value) != 0)
		return buf_puts(reply, "error unknown setting or value");
	return buf_puts(reply, "ok");
}

static int
do_fault(struct vcard *v, char *arg, struct buf *reply)
{
	struct fault f;

	if (v->faults.count == FAULTS_MAX || fault_parse(arg, &f) != 0)
		return buf_puts(reply, "error bad fault");
	v->faults.item[v->faults.count++] = f;
	return buf_puts(reply, "ok");
}

/* A hanging command is answered now. */
static int
do_answer(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	if (!v->pending.active)
		return buf_puts(reply, "error nothing hangs");
	v->pending.due_ns = 0;
	return buf_puts(reply, "ok");
}

static int
do_clear_faults(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	v->faults.count = 0;
	return buf_puts(reply, "ok");
}

static int
do_pins(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	return buf_printf(reply, "ok auth %d%s sign %d%s",
	    v->card->pins[0].tries,
	    v->card->pins[0].verified ? " verified" : "",
	    v->card->pins[1].tries,
	    v->card->pins[1].verified ? " verified" : "");
}

static int
do_quit(struct vcard *v, char *arg, struct buf *reply)
{
	(void)arg;
	v->quit = true;
	return buf_puts(reply, "ok");
}

static const struct {
	const char *name;
	int (*run)(struct vcard *v, char *arg, struct buf *reply);
} commands[] = {
    {"counters", do_counters},
    {"zero", do_zero},
    {"defaults", do_defaults},
    {"remove", do_remove},
    {"insert", do_insert},
    {"reinsert", do_reinsert},
    {"reset", do_reset},
    {"swap", do_swap},
    {"load", do_load},
    {"set", do_set},
    {"fault", do_fault},
    {"answer", do_answer},
    {"clear-faults", do_clear_faults},
    {"pins", do_pins},
    {"quit", do_quit},
};

static void
execute(struct vcard *v, char *line, struct buf *reply)
{
	char *arg = strchr(line, ' ');

	if (arg != NULL)
		*arg++ = '\0';
	else
		arg = line + strlen(line);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(line, commands[i].name) == 0) {
			commands[i].run(v, arg, reply);
			return;
		}
	}
	buf_puts(reply, "error unknown command");
}

static void
drop_client(struct control_client *c)
{
	close(c->fd);
	c->fd = -1;
	c->used = 0;
}

/* Executes the whole lines a client has sent. */
static void
client_lines(struct vcard *v, struct control_client *c)
{
	char *end;

	while ((end = memchr(c->line, '\n', c->used)) != NULL) {
		size_t len = (size_t)(end - c->line) + 1;
		struct buf reply = {0};

		*end = '\0';
		execute(v, c->line, &reply);
		buf_putc(&reply, '\n');
		if (send(c->fd, reply.p, reply.len,
			MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			c->used = len;
		buf_free(&reply);
		memmove(c->line, c->line + len, c->used - len);
		c->used -= len;
	}
}

static void
serve_client(struct vcard *v, struct control_client *c)
{
	ssize_t n = recv(
	    c->fd, c->line + c->used, sizeof c->line - c->used, MSG_DONTWAIT);

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			drop_client(c);
		return;
	}
	c->used += (size_t)n;
	client_lines(v, c);
	if (c->used == sizeof c->line)
		drop_client(c);
}

static void
accept_client(struct control *c)
{
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].fd < 0) {
			c->client[i].fd = fd;
			c->client[i].used = 0;
			return;
		}
	}
	close(fd);
}

int
control_open(struct control *c, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	for (int i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
	if (len >= sizeof a.sun_path)
		return -1;
	memcpy(a.sun_path, path, len + 1);
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->listen_fd < 0 ||
	    bind(c->listen_fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(c->listen_fd, CONTROL_CLIENTS) != 0)
		return -1;
	return 0;
}

void
control_close(struct control *c)
{
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].fd >= 0)
			drop_client(&c->client[i]);
	}
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	c->listen_fd = -1;
}

size_t
control_poll(const struct control *c, struct pollfd *out)
{
	out[0] = (struct pollfd){c->listen_fd, POLLIN, 0};
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		out[1 + i] = (struct pollfd){c->client[i].fd, POLLIN, 0};
	return 1 + CONTROL_CLIENTS;
}

void
control_serve(struct vcard *v, const struct pollfd *in, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (in[i].fd >= 0 && in[i].revents != 0)
			serve_client(v, &v->control.client[i - 1]);
	}
	if (in[0].revents != 0)
		accept_client(&v->control);
}
