/*
 * Keys of a batch.  A keyholder is given a few signatures at once, and only
 * ones whose intents are durable.  An answer is checked with the
 * certificate's public key before it counts.  From its first opening to the
 * end of the batch a key is bound to one certificate.
 */
#include "signer/batch/keys.h"

#include "base/clock.h"
#include "base/ipc.h"
#include "base/log.h"
#include "signer/batch/jobs.h"
#include "signer/batch/pool.h"
#include "signer/batch/resume.h"
#include "signer/batch/return.h"
#include "signer/batch/revoke.h"
#include "signer/cert/pubkey.h"
#include "signer/cert/signerkey.h"
#include "signer/key/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The card goes on while the batch's disk takes its time: three fsyncs of a
 * slow disk are two signatures of a fast card. */
#define OUTSTANDING_MAX 4
#define WHOLE_CHECK_MS 60000
#define BUSY_PAUSE_MS 100 /* another client has its turn */
#ifndef SILENCE_MS
#define SILENCE_MS 120000 /* a keyholder that signs nothing for so long */
#endif

/* A person is asked for one PIN at a time. */
static bool
must_wait(const struct runner *r, const struct bkey *k)
{
	enum pin_source s = pin_choose(k->conf, r->options->pin_fd);

	if (!pin_source_typed(s))
		return false;
	for (size_t i = 0; i < r->key_count; i++)
		if (&r->keys[i] != k && r->keys[i].state == KEY_OPENING &&
		    r->keys[i].pid != 0)
			return true;
	return false;
}

void
key_open(struct runner *r, struct bkey *k)
{
	struct err e = {0};

	if (k->state != KEY_CLOSED)
		return;
	k->fd = keyclient_connect(r->conf, k->conf, &e);
	if (k->fd < 0 && (e.errnum == ENOENT || e.errnum == ECONNREFUSED)) {
		if (must_wait(r, k))
			return;
		k->fd = keyclient_spawn(
		    r->conf, k->conf, r->options->pin_fd, &k->pid, &e);
	}
	if (k->fd < 0) {
		key_stop(r, k, &e);
		return;
	}
	key_begin(k, KEY_OPENING);
}

void
key_begin(struct bkey *k, enum key_state state)
{
	if (k->line == NULL)
		k->line_end = &k->line;
	fcntl(k->fd, F_SETFL, fcntl(k->fd, F_GETFL) | O_NONBLOCK);
	k->holder = k->pid != 0 ? 0 : keyclient_peer(k->fd);
	k->heard_ms = clock_mono_ms();
	k->state = state;
}

bool
key_is_undecided(const struct bkey *k)
{
	return k->state == KEY_OPENING || k->state == KEY_CLOSED;
}

bool
key_waits_for_first(const struct bkey *k)
{
	for (size_t f = 0; f < FORMATS_MAX; f++)
		if (k->gate[f] == GATE_FIRST)
			return true;
	return false;
}

bool
key_is_heard(const struct bkey *k)
{
	return k->state == KEY_OPEN || k->state == KEY_OPENING ||
	       k->state == KEY_RETURNING;
}

/* The whole check of the key's certificate, now. */
int
key_check_now(struct bkey *k, struct err *e)
{
	if (cert_check(&k->policy, buf_view(&k->status.certificate),
		clock_wall_ms(), &k->verdict, e) != 0)
		return -1;
	k->checked_ms = clock_mono_ms();
	return cert_verdict_err(&k->verdict, e);
}

void
key_check_soon(struct bkey *k)
{
	k->checked_ms = clock_mono_ms() - WHOLE_CHECK_MS;
}

int
key_check_again(struct bkey *k, struct err *e)
{
	int64_t now = clock_wall_ms();

	/* What was signed before the card was pulled may go out; what a bad
	 * certificate signed may not. */
	if (k->status.certificate.len == 0)
		return 0; /* it signed nothing in this run */
	if (clock_mono_ms() - k->checked_ms >= WHOLE_CHECK_MS)
		return key_check_now(k, e);
	if (cert_verdict_err(&k->verdict, e) != 0)
		return -1;
	if (cert_is_over(k->verdict.cert.not_after_ms, now))
		return err_set(e, ERR_CERTIFICATE, "certificate-expired", "%s",
		    k->conf->name);
	return 0;
}

/* The certificate chooses the algorithm; the keyholder must agree. */
static int
choose_algorithm(struct bkey *k, struct err *e)
{
	const struct signerkey *own =
	    signerkey_get(buf_view(&k->status.certificate));

	k->algorithm = own == NULL ? NULL : own->algorithm;
	if (k->algorithm != NULL && k->algorithm->id == k->status.algorithm)
		return 0;
	return err_set(e, ERR_CERTIFICATE, "algorithm-not-allowed",
	    "key %s: algorithm %d", k->conf->name, (int)k->status.algorithm);
}

/* Remembers the certificate: the report tells a changed one. */
static void
note_certificate(struct runner *r, struct bkey *k)
{
	struct queue_certificate seen = {0};
	struct err e = {0};

	snprintf(seen.key, sizeof seen.key, "%s", k->conf->name);
	memcpy(seen.sha256, k->verdict.cert.sha256, sizeof seen.sha256);
	memcpy(seen.spki, k->verdict.cert.spki, sizeof seen.spki);
	if (!runner_record(r))
		return;
	if (buf_slice(&seen.der, buf_view(&k->status.certificate)) == 0)
		queue_certificate_seen(r->queue, &seen, clock_wall_ms(), &e);
	queue_certificate_free(&seen);
}

/* A key that comes back within a batch has the certificate that it began the
 * batch with: another card in its place signs nothing. */
static int
check_bound(const struct bkey *k, struct slice der, struct err *e)
{
	uint8_t hash[FINDINGS_SHA256];

	if (!k->bound)
		return 0;
	if (EVP_Digest(der.p, der.len, hash, NULL, EVP_sha256(), NULL) != 1)
		return err_nomem(e);
	if (memcmp(hash, k->batch_certificate, sizeof hash) == 0)
		return 0;
	return err_set(
	    e, ERR_CERTIFICATE, "certificate-replaced", "%s", k->conf->name);
}

static void
opened(struct runner *r, struct bkey *k)
{
	bool back = k->state == KEY_RETURNING;

	note_certificate(r, k);
	memcpy(k->batch_certificate, k->verdict.cert.sha256,
	    sizeof k->batch_certificate);
	memcpy(k->spki, k->verdict.cert.spki, sizeof k->spki);
	k->bound = k->spki_known = true;
	k->state = KEY_OPEN;
	k->opened++;
	k->heard_ms = clock_mono_ms();
	key_close_gates(k);
	log_event(LOG_LEVEL_INFO, "key.open", "key=%s serial=%s tries=%d",
	    k->conf->name, k->verdict.cert.serial, k->status.card.tries_left);
	if (back)
		resume_held(r, k->conf->name);
}

void
key_seen(struct runner *r, struct bkey *k)
{
	struct err e = {0};

	if ((k->state != KEY_OPENING && k->state != KEY_RETURNING) ||
	    k->status.certificate.len == 0)
		return;
	if (key_check_now(k, &e) != 0 || choose_algorithm(k, &e) != 0)
		key_stop(r, k, &e);
	else
		opened(r, k);
}

static void
take_status(struct runner *r, struct bkey *k, struct keyholder_status *s)
{
	struct err e = {0};

	/* A link in the folder of sockets may lead to another key's. */
	if (strcmp(s->key, k->conf->name) != 0) {
		err_set(&e, ERR_CONFIG, "keyholder-wrong-key",
		    "key \"%s\" is answered for by \"%s\"", k->conf->name,
		    s->key);
		key_stop(r, k, &e);
		return;
	}
	/* The one that it signed with stays what its outputs are judged by. */
	if (k->state != KEY_OPEN && s->certificate.len > 0 &&
	    check_bound(k, buf_view(&s->certificate), &e) != 0) {
		key_stop(r, k, &e);
		return;
	}
	keyholder_status_free(&k->status);
	k->status = *s;
	memset(s, 0, sizeof *s);
	if (k->state == KEY_OPEN || k->status.certificate.len == 0)
		return;
	if (!revoke_seen(r, k))
		key_seen(r, k);
}

/* The signature of the line that this answer belongs to; NULL when its job
 * is gone. */
static struct bsig *
line_take(struct bkey *k, const char *job_id)
{
	for (struct bsig **at = &k->line; *at != NULL; at = &(*at)->next) {
		struct bsig *s = *at;
		char id[KEY_JOB_ID_MAX];

		if (!s->sent)
			break;
		if (strcmp(bsig_name(s, id), job_id) != 0)
			continue;
		*at = s->next;
		if (k->line_end == &s->next)
			k->line_end = at;
		k->line_length--;
		s->next = NULL;
		return s;
	}
	return NULL;
}

static void
take_signature(struct runner *r, struct bkey *k, struct key_reply *a)
{
	struct buf info = {0};
	struct bsig *s;
	struct err e = {0};
	int fits;

	if (k->outstanding > 0)
		k->outstanding--;
	s = line_take(k, a->job_id);
	if (s == NULL)
		return;
	fits = bsig_signed_info(s, &info, &e) == 0 &&
	       pubkey_verify(buf_view(&k->status.certificate), buf_view(&info),
		   buf_view(&a->signature), &e) == 0;
	buf_free(&info);
	if (!fits) {
		err_push(&e, "key %s", k->conf->name);
		key_stop(r, k, &e);
		return;
	}
	s->value = a->signature;
	memset(&a->signature, 0, sizeof a->signature);
	s->done = true;
	k->signatures++;
	k->heard_ms = clock_mono_ms();
	k->retry_ms = 0;
	k->fruitless = 0;
}

/* Back into the line, before all that have not been sent. */
static void
line_put_back(struct bkey *k, struct bsig *s)
{
	struct bsig **at = &k->line;

	while (*at != NULL && (*at)->sent)
		at = &(*at)->next;
	s->sent = false;
	s->next = *at;
	*at = s;
	if (k->line_end == at)
		k->line_end = &s->next;
	k->line_length++;
}

/* A refusal of the key as a whole stops it, and holds its jobs, this one
 * among them.  One that may pass (the keyholder serves another client too)
 * is asked again after a pause; any other is the job's. */
static void
take_refusal(struct runner *r, struct bkey *k, struct key_reply *a)
{
	struct decision d = decide(&a->error);
	struct bsig *s = NULL;

	if (a->job_id[0] == '\0' || d.stops_key) {
		key_stop(r, k, &a->error);
		return;
	}
	if (k->outstanding > 0)
		k->outstanding--;
	s = line_take(k, a->job_id);
	if (s != NULL && d.job == JOB_TRIES_AGAIN) {
		line_put_back(k, s);
		k->pause_ms = clock_mono_ms() + BUSY_PAUSE_MS;
	} else if (s != NULL) {
		job_error(r, s->job, &a->error);
	}
}

static void
take_reply(struct runner *r, struct bkey *k, struct key_reply *a)
{
	struct err e = {0};

	switch (a->type) {
	case KEY_REPLY_STATUS:
		take_status(r, k, &a->status);
		break;
	case KEY_REPLY_SIGNED:
		take_signature(r, k, a);
		break;
	case KEY_REPLY_REFUSED:
		take_refusal(r, k, a);
		break;
	case KEY_REPLY_LOCKED:
	case KEY_REPLY_EOF:
		err_set(&e, ERR_PIN, "keyholder-ended", "%s", k->conf->name);
		key_stop(r, k, &e);
		break;
	}
}

int64_t
keys_next_ms(const struct runner *r)
{
	int64_t now = clock_mono_ms(), first = INT64_MAX;

	for (size_t i = 0; i < r->key_count; i++)
		if (r->keys[i].pause_ms > now && r->keys[i].pause_ms < first)
			first = r->keys[i].pause_ms;
	return first;
}

static bool
is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
receive(struct runner *r, struct bkey *k)
{
	struct key_reply a = {0};
	struct err e = {0};

	while (key_is_heard(k) && is_readable(k->fd)) {
		if (keyclient_receive(k->fd, &a, &e) != 0) {
			key_stop(r, k, &e);
			break;
		}
		take_reply(r, k, &a);
	}
	key_reply_free(&a);
}

/* A keyholder that hangs must not keep the batch for ever. */
static bool
is_silent(struct runner *r, struct bkey *k)
{
	struct err e = {0};
	int64_t now = clock_mono_ms();

	if (k->line == NULL)
		k->heard_ms = now;
	if (now - k->heard_ms < SILENCE_MS)
		return false;
	err_set(&e, ERR_CARD, "key-silent", "%s", k->conf->name);
	key_stop(r, k, &e);
	return true;
}

/* The same of one that listens and does not even say what it holds.  One of
 * our own may wait for a person who types. */
static void
expect_greeting(struct runner *r, struct bkey *k)
{
	struct err e = {0};

	if ((k->state != KEY_OPENING && k->state != KEY_RETURNING) ||
	    k->pid != 0 || clock_mono_ms() - k->heard_ms < SILENCE_MS)
		return;
	err_set(&e, ERR_CARD, "key-silent", "%s", k->conf->name);
	key_stop(r, k, &e);
}

static int
ask(struct bkey *k, const struct bsig *s, const char *id, struct err *e)
{
	struct buf info = {0};
	int result = -1;

	if (bsig_signed_info(s, &info, e) == 0)
		result = keyclient_sign(
		    k->fd, k->algorithm->id, buf_view(&info), id, e);
	buf_free(&info);
	return result;
}

/* It takes nothing any more: what it said before it ended is the better
 * reason. */
static void
hung_up(struct runner *r, struct bkey *k, const struct err *e)
{
	receive(r, k);
	if (k->state == KEY_OPEN)
		key_stop(r, k, e);
}

static void
send_next(struct runner *r, struct bkey *k)
{
	struct err e = {0};

	if (is_silent(r, k) || clock_mono_ms() < k->pause_ms)
		return;
	for (struct bsig *s = k->line; s != NULL; s = s->next) {
		char id[KEY_JOB_ID_MAX];

		if (k->outstanding >= OUTSTANDING_MAX)
			return;
		if (s->sent)
			continue;
		if (ask(k, s, bsig_name(s, id), &e) != 0) {
			if (e.errnum != EAGAIN)
				hung_up(r, k, &e);
			return;
		}
		log_event(LOG_LEVEL_INFO, "key.asked", "key=%s job=%s",
		    k->conf->name, id);
		s->sent = true;
		k->outstanding++;
	}
}

void
keys_pump(struct runner *r)
{
	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i];

		if (key_is_heard(k))
			receive(r, k);
		expect_greeting(r, k);
		if (k->state == KEY_OPEN)
			send_next(r, k);
	}
}

void
keys_feed(struct runner *r)
{
	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i];

		if (k->state != KEY_OPEN || k->line_length <= k->outstanding)
			continue;
		receive(r, k);
		if (k->state == KEY_OPEN)
			send_next(r, k);
	}
}

void
key_line_add(struct bkey *k, struct bsig *s)
{
	s->next = NULL;
	*k->line_end = s;
	k->line_end = &s->next;
	k->line_length++;
	s->lined = true;
}

void
key_line_forget(struct bkey *k, const struct bjob *job)
{
	struct bsig **at = &k->line;

	while (*at != NULL) {
		if ((*at)->job == job) {
			(*at)->lined = false;
			*at = (*at)->next;
			k->line_length--;
		} else {
			at = &(*at)->next;
		}
	}
	k->line_end = at;
}

void
key_close_gates(struct bkey *k)
{
	for (size_t f = 0; f < FORMATS_MAX; f++)
		if (k->first[f] == NULL)
			k->gate[f] = GATE_UNKNOWN;
}

void
key_stop(struct runner *r, struct bkey *k, const struct err *why)
{
	bool news =
	    k->state != KEY_RETURNING || strcmp(k->error.code, why->code) != 0;

	if (k->state == KEY_STOPPED)
		return;
	if (k->state == KEY_OPEN && k->outstanding > 0)
		k->fruitless++;
	k->state = KEY_STOPPED;
	k->error = *why;
	k->outstanding = 0;
	k->pause_ms = 0;
	log_err(news ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, "key.stopped", why);
	key_await_return(k);
	pool_key_stopped(r, k);
}
