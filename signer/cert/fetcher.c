/*
 * The fetcher process and its owner's side.  It gets one order, fetches, says
 * what became of it, and ends when its owner hangs up.  It holds no key, no
 * PIN, no queue and no folder: the body goes into a file without a name that
 * came with the order.
 */
#include "signer/cert/fetch.h"

#include "base/fsops.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/role.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POST_MAX 4096
#define CA_MAX (1 << 20)

enum { MSG_ORDER = 1, MSG_RESULT };

int
fetcher_start(struct fetcher *f, struct err *e)
{
	int pair[2];

	f->fd = -1;
	if (ipc_pair(pair, e) != 0)
		return -1;
	f->pid = fork();
	if (f->pid == 0)
		role_become("natsuin-fetcher", FETCHER_ROLE, pair[1]);
	close(pair[1]);
	if (f->pid < 0) {
		f->pid = 0;
		close(pair[0]);
		return err_errno(
		    e, ERR_TRANSIENT_IO, "no-process", "%s", "fetcher");
	}
	f->fd = pair[0];
	return 0;
}

void
fetcher_stop(struct fetcher *f)
{
	if (f->pid <= 0)
		return;
	close(f->fd);
	kill(f->pid, SIGKILL);
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
	f->fd = -1;
	f->pid = 0;
}

int
fetcher_ask(struct fetcher *f, const struct conf_revoke *rules, const char *url,
    struct slice post, int out, struct err *e)
{
	struct ipc_msg m = {0};
	int rc, ca = -1;

	/* Never the system's instead of what was configured. */
	if (rules->ca_file != NULL && rules->ca_file[0] != '\0') {
		ca = open(rules->ca_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (ca < 0)
			return err_errno(e, ERR_CONFIG, "file-unreadable", "%s",
			    rules->ca_file);
	}
	ipc_begin(&m, MSG_ORDER);
	ipc_put_u64(&m, (uint64_t)log_level());
	ipc_put_str(&m, url);
	ipc_put_bytes(&m, post);
	ipc_put_i64(&m, rules->connect_ms);
	ipc_put_i64(&m, rules->fetch_ms);
	ipc_put_i64(&m, rules->fetch_max);
	ipc_put_str(&m, rules->proxy);
	ipc_put_u64(&m, rules->hosts.count);
	for (size_t i = 0; i < rules->hosts.count; i++)
		ipc_put_str(&m, rules->hosts.item[i]);
	ipc_put_fd(&m, out);
	ipc_put_u64(&m, ca >= 0);
	if (ca >= 0)
		ipc_put_fd(&m, ca);
	rc = ipc_send(f->fd, &m, e);
	ipc_free(&m);
	if (ca >= 0)
		close(ca);
	return rc;
}

int
fetcher_receive(int fd, struct fetch_result *r, struct err *e)
{
	struct ipc_msg m = {0};
	int n = ipc_recv(fd, &m, e);

	memset(r, 0, sizeof *r);
	if (n == 1) {
		ipc_get_str(&m, r->why, sizeof r->why);
		ipc_get_str(&m, r->detail, sizeof r->detail);
		r->size = ipc_get_u64(&m);
		if (m.type != MSG_RESULT || !ipc_end(&m))
			n = err_set(
			    e, ERR_BUG, "ipc-malformed", "%s", "fetcher");
	}
	ipc_free(&m);
	return n;
}

/* An order as it is kept while it is carried out. */
struct received {
	struct fetch_order order;
	char url[1024], proxy[1024];
	char host[FETCH_HOSTS_MAX][256];
	const char *hosts[FETCH_HOSTS_MAX];
	uint8_t post[POST_MAX];
	struct buf ca;
};

/* Read before the process closes itself off. */
static void
take_ca(struct ipc_msg *m, struct received *o)
{
	struct err e = {0};
	int fd;

	if (ipc_get_u64(m) == 0)
		return;
	fd = ipc_get_fd(m);
	if (fd < 0 || fs_read_all(fd, CA_MAX, &o->ca, &e) != 0 ||
	    o->ca.len == 0)
		m->failed = true;
	if (fd >= 0)
		close(fd);
	o->order.ca = buf_view(&o->ca);
}

static void
take_order(struct ipc_msg *m, struct received *o)
{
	struct slice post;

	ipc_get_str(m, o->url, sizeof o->url);
	post = ipc_get_bytes(m);
	if (post.len > sizeof o->post)
		m->failed = true;
	else if (post.len > 0)
		memcpy(o->post, post.p, post.len);
	o->order.url = o->url;
	o->order.post = slice_of(o->post, post.len);
	o->order.connect_ms = ipc_get_i64(m);
	o->order.total_ms = ipc_get_i64(m);
	o->order.max = ipc_get_i64(m);
	ipc_get_str(m, o->proxy, sizeof o->proxy);
	o->order.proxy = o->proxy;
	o->order.host_count = (size_t)ipc_get_u64(m);
	if (o->order.host_count > FETCH_HOSTS_MAX)
		m->failed = true;
	for (size_t i = 0; i < o->order.host_count && !m->failed; i++) {
		ipc_get_str(m, o->host[i], sizeof o->host[i]);
		o->hosts[i] = o->host[i];
	}
	o->order.hosts = o->hosts;
	o->order.out = ipc_get_fd(m);
	take_ca(m, o);
}

static int
receive_order(struct received *o, struct err *e)
{
	struct ipc_msg m = {0};
	int n = ipc_recv(ROLE_FD, &m, e);

	if (n == 1) {
		log_open(2, (enum log_level)ipc_get_u64(&m), "fetcher");
		take_order(&m, o);
		if (m.type != MSG_ORDER || !ipc_end(&m) || o->order.max <= 0)
			n = err_set(e, ERR_BUG, "ipc-malformed", "%s", "order");
	}
	ipc_free(&m);
	return n;
}

static int
send_result(const struct fetch_result *r, struct err *e)
{
	struct ipc_msg m = {0};
	int rc;

	ipc_begin(&m, MSG_RESULT);
	ipc_put_str(&m, r->why);
	ipc_put_str(&m, r->detail);
	ipc_put_u64(&m, r->size);
	rc = ipc_send(ROLE_FD, &m, e);
	ipc_free(&m);
	return rc;
}

/* No way back: what libcurl or its threads still hold goes with the process. */
int
fetcher_main(void)
{
	static struct received order;
	struct fetch_result r = {0};
	struct err e = {0};
	char url[300];
	bool loaded;

	log_open(2, LOG_LEVEL_WARN, "fetcher");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (receive_order(&order, &e) != 1)
		_exit(1);
	loaded = fetch_load(&r) == 0;
	if (fetch_confine(order.order.max, &e) != 0) {
		log_err(LOG_LEVEL_ALERT, "sandbox.failed", &e);
		_exit(1);
	}
	log_event(LOG_LEVEL_INFO, "fetch.start", "url=%s",
	    text_escape(url, sizeof url, order.url));
	if (loaded)
		fetch_url(&order.order, &r);
	log_event(LOG_LEVEL_INFO, "fetch.end", "why=%s size=%llu",
	    r.why[0] == '\0' ? "fetched" : r.why, (unsigned long long)r.size);
	_exit(send_result(&r, &e) == 0 ? 0 : 1);
}
