/*
 * A request's way through the keyholder: template, digest, audit record,
 * hand (card, verification), release.  The record goes to the audit writer
 * before the request goes into the hand, so that its fsync runs while the
 * card works; the signature is given out only once the record is durable.
 * The hand has one request ready besides the one in the card; what a client
 * abandons is taken out of it, unless the card is at it.
 */
#include "signer/key/holding.h"

#include "base/clock.h"
#include "base/log.h"
#include "signer/key/keyproto.h"

#include <openssl/evp.h>
#include <string.h>

static struct client *
client_of(struct keyholder *k, uint64_t id)
{
	for (unsigned i = 0; i < HOLD_CLIENTS; i++)
		if (k->clients[i].fd >= 0 && k->clients[i].id == id)
			return &k->clients[i];
	return NULL;
}

void
hold_clear_request(struct request *r)
{
	buf_free(&r->signed_info);
	buf_free(&r->signature);
	r->state = REQUEST_FREE;
}

static unsigned
count_state(const struct keyholder *k, enum request_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HOLD_REQUESTS; i++)
		n += k->requests[i].state == state;
	return n;
}

bool
hold_at_work(const struct keyholder *k)
{
	return count_state(k, REQUEST_GIVEN) > 0;
}

bool
hold_unreleased(const struct keyholder *k)
{
	return hold_at_work(k) || count_state(k, REQUEST_SIGNED) > 0;
}

bool
hold_can_give(const struct keyholder *k)
{
	unsigned given = count_state(k, REQUEST_GIVEN);

	return !k->ending && given < HAND_FULL &&
	       count_state(k, REQUEST_WAITING) > 0 &&
	       count_state(k, REQUEST_SIGNED) < HOLD_UNRELEASED &&
	       (k->limits.max_signatures == 0 ||
		   k->made + given < k->limits.max_signatures);
}

/* The oldest request in this state, or NULL. */
static struct request *
oldest(struct keyholder *k, enum request_state state)
{
	struct request *found = NULL;

	for (unsigned i = 0; i < HOLD_REQUESTS; i++) {
		struct request *r = &k->requests[i];

		if (r->state == state &&
		    (found == NULL || r->order < found->order))
			found = r;
	}
	return found;
}

static void
refuse(
    struct keyholder *k, uint64_t client, const char *job, const struct err *e)
{
	struct client *c = client_of(k, client);
	struct ipc_msg m = {0};

	log_event(
	    LOG_LEVEL_INFO, "key.refused", "job=%s code=%s", job, e->code);
	if (c == NULL)
		return;
	ipc_begin(&m, KEYMSG_REFUSED);
	ipc_put_str(&m, job);
	ipc_put_err(&m, e);
	hold_reply(k, c, &m);
	ipc_free(&m);
}

/* Job ids go into the audit file and the log: plain characters only. */
static bool
good_job(const char *job)
{
	return job[0] != '\0' &&
	       strspn(job,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "abcdefghijklmnopqrstuvwxyz0123456789._-:/") == strlen(job);
}

static struct request *
free_request(struct keyholder *k, const struct client *c)
{
	struct request *found = NULL;
	unsigned own = 0;

	for (unsigned i = 0; i < HOLD_REQUESTS; i++) {
		struct request *r = &k->requests[i];

		if (r->state == REQUEST_FREE)
			found = r;
		else if (r->state != REQUEST_SIGNED && r->client == c->id)
			own++;
	}
	return own < HOLD_WAITING ? found : NULL;
}

/* Only the algorithm of this key's certificate, whatever the client says. */
static int
prepare(const struct keyholder *k, struct request *r, enum sign_algorithm a,
    struct slice signed_info, struct err *e)
{
	const struct algorithm *own = session_algorithm(k->session);

	if (own == NULL || own->id != a)
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "algorithm %d asked of a key for %s", (int)a,
		    own == NULL ? "none" : own->name);
	buf_reset(&r->signed_info);
	if (buf_slice(&r->signed_info, signed_info) != 0)
		return err_nomem(e);
	if (template_match(buf_view(&r->signed_info), a, &r->match, e) != 0)
		return -1;
	if (algorithm_hash(own, signed_info, r->digest) != 0 ||
	    EVP_Digest(signed_info.p, signed_info.len, r->sha256, NULL,
		EVP_sha256(), NULL) != 1)
		return err_nomem(e);
	return 0;
}

void
hold_take_request(struct keyholder *k, struct client *c, struct ipc_msg *m)
{
	enum sign_algorithm a = (enum sign_algorithm)ipc_get_u64(m);
	struct slice signed_info = ipc_get_bytes(m);
	struct request *r = free_request(k, c);
	char job[KEY_JOB_ID_MAX];
	struct err e = {0};

	ipc_get_str(m, job, sizeof job);
	if (!ipc_end(m) || !good_job(job)) {
		hold_drop(k, c, "malformed");
		return;
	}
	if (r == NULL) {
		err_set(
		    &e, ERR_TRANSIENT_IO, "keyholder-busy", "%s", k->key->name);
		refuse(k, c->id, job, &e);
		return;
	}
	memcpy(r->job, job, sizeof r->job);
	r->client = c->id;
	r->order = k->next_id++;
	if (prepare(k, r, a, signed_info, &e) != 0) {
		hold_clear_request(r);
		refuse(k, c->id, job, &e);
		return;
	}
	r->state = REQUEST_WAITING;
}

/* A record says "sign", so one more says that nothing came of it. */
static void
not_signed(struct keyholder *k, const struct request *r, const char *why)
{
	struct err ignored = {0};

	audit_not_signed(k->audit, r->job, why, &ignored);
}

/* The card or the key failed. */
static void
failed(struct keyholder *k, struct request *r, const struct err *e)
{
	not_signed(k, r, e->code);
	refuse(k, r->client, r->job, e);
	hold_clear_request(r);
	if (e->class == ERR_CARD || e->class == ERR_PIN ||
	    e->class == ERR_CERTIFICATE)
		hold_end(k, KEYHOLDER_END_CARD, e);
}

/* Takes it out of the hand, if the card is not at it yet. */
static bool
withdraw(struct keyholder *k, struct request *r, const char *why)
{
	if (r->state != REQUEST_GIVEN || !hand_withdraw(k->hand, r))
		return false;
	not_signed(k, r, why);
	return true;
}

void
hold_forget(struct keyholder *k, uint64_t client)
{
	for (unsigned i = 0; i < HOLD_REQUESTS; i++) {
		struct request *r = &k->requests[i];

		if (r->state == REQUEST_FREE || r->client != client)
			continue;
		if (r->state != REQUEST_GIVEN || withdraw(k, r, "client-gone"))
			hold_clear_request(r);
		else
			r->client = 0; /* until it comes back */
	}
}

void
hold_withdraw(struct keyholder *k)
{
	for (unsigned i = 0; i < HOLD_REQUESTS; i++)
		if (withdraw(k, &k->requests[i], "session-over"))
			hold_clear_request(&k->requests[i]);
}

static int
record(struct keyholder *k, struct request *r, struct err *e)
{
	return audit_sign(
	    k->audit, r->job, r->sha256, &r->match, &r->ticket, e);
}

void
hold_give(struct keyholder *k)
{
	struct err e = {0};

	while (hold_can_give(k)) {
		struct request *r = oldest(k, REQUEST_WAITING);
		struct sign_input in = {.bytes = buf_view(&r->signed_info),
		    .digest = slice_of(r->digest, r->match.algorithm->digest)};
		enum keyholder_end why = KEYHOLDER_END_CARD;

		if (k->hand == NULL)
			k->hand = hand_new(k->session, &e);
		if (k->hand != NULL) {
			why = KEYHOLDER_END_AUDIT;
			if (record(k, r, &e) == 0 &&
			    hand_give(k->hand, &in, r)) {
				r->state = REQUEST_GIVEN;
				continue;
			}
		}
		refuse(k, r->client, r->job, &e);
		hold_clear_request(r);
		hold_end(k, why, &e);
	}
}

/* The session is this thread's again until the hand goes on. */
static int
sign_again(struct keyholder *k, const struct request *r, struct handed *done)
{
	struct sign_input in = {.bytes = buf_view(&r->signed_info),
	    .digest = slice_of(r->digest, r->match.algorithm->digest)};

	if (done->error.class == ERR_NONE)
		return 0;
	if (k->ending)
		return -1;
	return session_sign_again(
	    k->session, &in, &done->signature, &done->error);
}

void
hold_take_back(struct keyholder *k)
{
	struct handed done = {0};

	while (k->hand != NULL && hand_take(k->hand, &done)) {
		struct request *r = done.tag;
		bool stopped = done.error.class != ERR_NONE;

		if (sign_again(k, r, &done) != 0) {
			failed(k, r, &done.error);
			buf_free(&done.signature);
		} else {
			audit_answered(k->audit, r->job);
			buf_free(&r->signature);
			r->signature = done.signature;
			r->state = REQUEST_SIGNED;
			k->made++;
		}
		k->last_alive_ms = clock_mono_ms();
		if (stopped && !k->ending)
			hand_go_on(k->hand);
	}
	if (k->limits.max_signatures > 0 && k->made >= k->limits.max_signatures)
		hold_end(k, KEYHOLDER_END_COUNT, NULL);
}

static void
send_signature(struct keyholder *k, struct request *r)
{
	struct client *c = client_of(k, r->client);
	struct ipc_msg m = {0};

	if (c != NULL) {
		ipc_begin(&m, KEYMSG_SIGNED);
		ipc_put_str(&m, r->job);
		ipc_put_bytes(&m, buf_view(&r->signature));
		hold_reply(k, c, &m);
		ipc_free(&m);
	}
	hold_clear_request(r);
}

void
hold_release(struct keyholder *k)
{
	struct request *r;
	struct err e = {0};

	if (audit_notice(k->audit, &e) != 0) {
		while ((r = oldest(k, REQUEST_SIGNED)) != NULL) {
			refuse(k, r->client, r->job, &e);
			hold_clear_request(r);
		}
		hold_end(k, KEYHOLDER_END_AUDIT, &e);
		return;
	}
	while ((r = oldest(k, REQUEST_SIGNED)) != NULL &&
	       audit_durable(k->audit, r->ticket))
		send_signature(k, r);
}
