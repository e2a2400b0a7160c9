/*
 * The keyholder process: one key, one poll loop, and one thread that does
 * nothing but have the key sign (hand.c).  What must hold
 * here: nothing but template_match's bytes reaches the card; the session
 * ends by time, count, lock, signal, a gone card or a broken audit file, and
 * then the key is closed (card unpowered), the socket removed, the process
 * gone.  It is not dumpable and leaves no core.
 */
#include "signer/key/keyholder.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/turn.h"
#include "signer/key/confine.h"
#include "signer/key/holding.h"
#include "signer/key/keyproto.h"
#include "signer/key/keystate.h"
#include "signer/key/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIVE_EVERY_MS 1000
#define SOCKET_GROUP "natsuin"

/* Signals become readable, so that none interrupts the card or the loop. */
static int
open_signals(struct err *e)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaction(SIGPIPE, &ignore, NULL);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		return err_errno(e, ERR_BUG, "io-error", "%s", "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd
		       : err_errno(
			     e, ERR_TRANSIENT_IO, "io-error", "%s", "signalfd");
}

/* The card hangs: in a signal handler, just before the process ends. */
static void
cut(void *arg)
{
	struct keyholder *k = arg;

	if (k->audit != NULL)
		audit_cut(k->audit);
	if (k->listener >= 0)
		fs_unlink(k->run_dir, k->socket_name, NULL);
}

static int
user_id(const char *name, uid_t *uid)
{
	const struct passwd *pw = getpwnam(name);
	char *end;
	unsigned long n;

	if (pw != NULL) {
		*uid = pw->pw_uid;
		return 0;
	}
	if (name[0] < '0' || name[0] > '9')
		return -1;
	errno = 0;
	n = strtoul(name, &end, 10);
	if (errno != 0 || *end != '\0' || n >= (uid_t)-1)
		return -1;
	*uid = (uid_t)n;
	return 0;
}

/* Only its owner unlocks a key, whichever way its keyholder was started. */
static int
check_owner(const struct conf_key *key, struct err *e)
{
	uid_t owner = geteuid();

	if (key->owner != NULL && key->owner[0] != '\0' &&
	    user_id(key->owner, &owner) != 0)
		return err_set(e, ERR_CONFIG, "user-unknown", "%s", key->owner);
	if (owner != geteuid())
		return err_set(e, ERR_CONFIG, "not-key-owner",
		    "key \"%s\" belongs to %s", key->name, key->owner);
	return 0;
}

struct keyholder *
keyholder_open(const struct conf_key *key, const char *root, struct err *e)
{
	struct keyholder *k = calloc(1, sizeof *k);

	if (k == NULL) {
		err_nomem(e);
		return NULL;
	}
	k->key = key;
	turn_take(TURN_CARD);
	k->state = k->signals = k->listener = k->run_dir = -1;
	k->next_id = 1;
	k->users[k->user_count++] = geteuid();
	for (unsigned i = 0; i < HOLD_CLIENTS; i++)
		k->clients[i].fd = -1;
	snprintf(k->socket_name, sizeof k->socket_name, "%s.sock", key->name);
	watchdog_at_end(cut, k);
	if (check_owner(key, e) != 0 || (k->signals = open_signals(e)) < 0 ||
	    secret_init(e) != 0 || (k->state = keystate_open(root, e)) < 0 ||
	    (k->audit = audit_open(k->state, key->name, e)) == NULL ||
	    (k->session = session_open(key, k->state, k->audit, e)) == NULL) {
		keyholder_close(k);
		return NULL;
	}
	return k;
}

char *
key_status_describe(
    const char *key, const struct key_status *s, char *out, size_t size)
{
	int n = snprintf(out, size, _("Key \"%s\": %s%s%s"), key, s->token,
	    s->token[0] == '\0' ? "" : ", ", s->where);

	if (s->tries_left >= 0 && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, _(", %d tries left"),
		    s->tries_left);
	return out;
}

char *
keyholder_describe(const struct keyholder *k, char *out, size_t size)
{
	return key_status_describe(
	    k->key->name, session_status(k->session), out, size);
}

int
keyholder_unlock(struct keyholder *k, struct unlock_options *o, struct err *e)
{
	uint64_t ticket;

	o->prompt.key = k->key->name;
	o->prompt.signal_fd = k->signals;
	if (session_unlock(k->session, o, e) != 0)
		return -1;
	return audit_event(k->audit, "unlocked", "",
	    pin_source_name(session_pin_source(k->session)), &ticket, e);
}

int
keyholder_status(
    struct keyholder *k, struct keyholder_status *out, struct err *e)
{
	const struct algorithm *a = session_algorithm(k->session);
	int64_t max = k->limits.max_signatures;

	memset(out, 0, sizeof *out);
	snprintf(out->key, sizeof out->key, "%s", k->key->name);
	out->card = *session_status(k->session);
	out->algorithm = a == NULL ? (enum sign_algorithm)0 : a->id;
	out->signatures_made = k->made;
	out->signatures_left = max == 0 ? -1 : max - k->made;
	out->until_ms = k->limits.until_ms;
	out->audit_ok = audit_ok(k->audit);
	if (buf_slice(&out->certificate, session_certificate(k->session)) != 0)
		return err_nomem(e);
	return 0;
}

void
keyholder_set_limits(struct keyholder *k, struct keyholder_limits limits)
{
	k->limits = limits;
}

void
keyholder_set_private(struct keyholder *k, int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	hold_add_client(k, fd, true);
}

/* Those in used-by may connect. */
static int
load_users(struct keyholder *k, struct err *e)
{
	const struct conf_list *list = &k->key->used_by;

	for (size_t i = 0; i < list->count; i++) {
		if (k->user_count == HOLD_USERS ||
		    user_id(list->item[i], &k->users[k->user_count]) != 0)
			return err_set(
			    e, ERR_CONFIG, "user-unknown", "%s", list->item[i]);
		k->user_count++;
	}
	return 0;
}

int
keyholder_change_pin(
    struct keyholder *k, struct unlock_options *o, struct err *e)
{
	uint64_t ticket;

	o->prompt.key = k->key->name;
	o->prompt.signal_fd = k->signals;
	if (session_change_pin(k->session, o, e) != 0)
		return -1;
	return audit_event(k->audit, "pin-changed", "",
	    pin_source_name(o->source), &ticket, e);
}

int
keyholder_prepare(struct keyholder *k, const char *run_dir, struct err *e)
{
	if (load_users(k, e) != 0)
		return -1;
	k->run_dir =
	    open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (k->run_dir < 0 || faccessat(k->run_dir, ".", W_OK, AT_EACCESS) != 0)
		return err_errno(
		    e, ERR_CONFIG, "run-dir-unusable", "%s", run_dir);
	return 0;
}

int
keyholder_listen(struct keyholder *k, struct err *e)
{
	const struct group *g = getgrnam(SOCKET_GROUP);
	mode_t alone = k->key->used_by.count == 0 ? 0600 : 0666;
	const char *name = k->socket_name;

	if (g != NULL)
		k->listener = fs_listen(k->run_dir, name, 0660, g->gr_gid, e);
	if (k->listener < 0)
		k->listener = fs_listen(k->run_dir, name, alone, (gid_t)-1, e);
	return k->listener < 0 ? err_push(e, "socket %s", name) : 0;
}

int
keyholder_detach(struct keyholder *k, struct err *e)
{
	char name[128];
	int log, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(name, sizeof name, "%s.log", k->key->name);
	log = fs_open_append(k->state, name, 0600, e);
	if (log < 0 || null < 0)
		return -1;
	log_open(log, LOG_LEVEL_INFO, "keyholder");
	if (setsid() < 0 || chdir("/") != 0)
		log_event(LOG_LEVEL_WARN, "key.not-detached", "%s", "");
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	close(null);
	return 0;
}

static int
sleep_ms(struct keyholder *k)
{
	int64_t left = ALIVE_EVERY_MS;

	if (hold_can_give(k))
		return 0;
	if (k->limits.until_ms != 0 &&
	    k->limits.until_ms - clock_wall_ms() < left)
		left = k->limits.until_ms - clock_wall_ms();
	return left < 0 ? 0 : (int)left;
}

/* Time, signals and the card's presence. */
static void
look_around(struct keyholder *k)
{
	struct signalfd_siginfo info;
	int64_t now = clock_mono_ms();
	struct err e = {0};

	/* A private keyholder lives and ends with its client: Ctrl-C on the
	 * terminal, and a service manager's SIGTERM to the whole group, are
	 * the batch's to handle. */
	while (read(k->signals, &info, sizeof info) == sizeof info)
		if (k->listener >= 0 && info.ssi_signo != SIGHUP)
			hold_end(k, KEYHOLDER_END_SIGNAL, NULL);
	if (k->limits.until_ms != 0 && clock_wall_ms() >= k->limits.until_ms)
		hold_end(k, KEYHOLDER_END_TIME, NULL);
	/* A key at work shows soon enough whether it is there. */
	if (hold_at_work(k) || now - k->last_alive_ms < ALIVE_EVERY_MS)
		return;
	k->last_alive_ms = now;
	if (session_alive(k->session, &e) != 0)
		hold_end(k, KEYHOLDER_END_CARD, &e);
}

#define FIXED_FDS 4 /* signals, audit, listener, hand */

struct watched {
	struct pollfd fd[HOLD_CLIENTS + FIXED_FDS];
	struct client *client[HOLD_CLIENTS + FIXED_FDS];
	unsigned count;
};

static void
watch(struct watched *w, int fd, short events, struct client *c)
{
	w->fd[w->count] = (struct pollfd){fd, events, 0};
	w->client[w->count++] = c;
}

static void
wait_events(struct keyholder *k, struct watched *w, int timeout)
{
	w->count = 0;
	watch(w, k->signals, POLLIN, NULL);
	watch(w, audit_fd(k->audit), POLLIN, NULL);
	watch(w, k->listener, POLLIN, NULL);
	watch(w, k->hand == NULL ? -1 : hand_fd(k->hand), POLLIN, NULL);
	/* Begins with another client each round, so that none is always
	 * served last. */
	for (unsigned i = 0; i < HOLD_CLIENTS; i++) {
		struct client *c = &k->clients[(i + k->next_id) % HOLD_CLIENTS];

		if (c->fd >= 0)
			watch(w, c->fd,
			    c->replies > 0 ? POLLIN | POLLOUT : POLLIN, c);
	}
	if (poll(w->fd, w->count, timeout) < 0)
		for (unsigned i = 0; i < w->count; i++)
			w->fd[i].revents = 0;
}

void
hold_round(struct keyholder *k, int timeout)
{
	struct watched w;

	wait_events(k, &w, timeout);
	hold_take_back(k);
	hold_release(k);
	look_around(k);
	for (unsigned i = FIXED_FDS; i < w.count; i++)
		if (w.fd[i].revents != 0)
			hold_client_event(k, w.client[i], w.fd[i].revents);
	if (w.fd[2].revents != 0)
		hold_accept(k);
	hold_give(k);
}

/* Clients are not heard any more: what they send or that they go would end
 * each wait at once. */
static void
wait_answers(struct keyholder *k, int timeout)
{
	struct pollfd fd[] = {
	    {audit_ok(k->audit) ? audit_fd(k->audit) : -1, POLLIN, 0},
	    {k->hand == NULL ? -1 : hand_fd(k->hand), POLLIN, 0}};

	poll(fd, sizeof fd / sizeof *fd, timeout);
}

/* The session is over; what the card is at is finished, what was signed is
 * still released, once its record is durable, and refusals and the answer to
 * `lock` get out. */
static void
wind_up(struct keyholder *k)
{
	int64_t give_up;

	hold_withdraw(k);
	while (hold_at_work(k)) {
		wait_answers(k, 1000);
		hold_take_back(k);
		hold_release(k);
	}
	give_up = clock_mono_ms() + 5000;
	while (hold_unreleased(k) && audit_ok(k->audit) &&
	       clock_mono_ms() < give_up) {
		wait_answers(k, 100);
		hold_release(k);
	}
}

/* Tells every client why the key as a whole is gone. */
static void
say_why(struct keyholder *k)
{
	struct ipc_msg m = {0};

	if (k->why.class == ERR_NONE)
		return;
	ipc_begin(&m, KEYMSG_REFUSED);
	ipc_put_str(&m, "");
	ipc_put_err(&m, &k->why);
	for (unsigned i = 0; i < HOLD_CLIENTS; i++)
		if (k->clients[i].fd >= 0)
			hold_reply(k, &k->clients[i], &m);
	ipc_free(&m);
}

enum keyholder_end
keyholder_serve(struct keyholder *k, struct err *e)
{
	struct err ignored = {0};

	if (confine_keyholder(&ignored) != 0)
		log_err(LOG_LEVEL_WARN, "key.not-confined", &ignored);
	k->last_alive_ms = clock_mono_ms();
	while (!k->ending)
		hold_round(k, sleep_ms(k));
	wind_up(k);
	say_why(k);
	audit_event(
	    k->audit, "locked", "", keyholder_end_name(k->end), NULL, &ignored);
	*e = k->why;
	return k->end;
}

void
keyholder_close(struct keyholder *k)
{
	struct err ignored = {0};

	if (k == NULL)
		return;
	hand_free(k->hand);
	for (unsigned i = 0; i < HOLD_REQUESTS; i++)
		hold_clear_request(&k->requests[i]);
	session_close(k->session);
	k->ending = true;
	for (unsigned i = 0; i < HOLD_CLIENTS; i++)
		if (k->clients[i].fd >= 0)
			hold_drop(k, &k->clients[i], "session-over");
	if (k->listener >= 0) {
		fs_unlink(k->run_dir, k->socket_name, &ignored);
		close(k->listener);
	}
	watchdog_at_end(NULL, NULL);
	audit_close(k->audit);
	if (k->run_dir >= 0)
		close(k->run_dir);
	if (k->state >= 0)
		close(k->state);
	if (k->signals >= 0)
		close(k->signals);
	free(k);
}
