/*
 * A request's way through the keyholder: template, digest, audit record,
 * card, verification, release.  The record goes to the audit writer just
 * before the card is asked, so that its fsync runs while the card works; the
 * signature is given out only once the record is durable.  At most one
 * request waits besides the one being signed; what its client abandons is
 * forgotten before it reaches the card.
 */
#include "signer/key/holding.h"

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

void
hold_forget(struct keyholder *k, uint64_t client)
{
	for (unsigned i = 0; i < HOLD_REQUESTS; i++)
		if (k->requests[i].state != REQUEST_FREE &&
		    k->requests[i].client == client)
			hold_clear_request(&k->requests[i]);
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
hold_waiting(const struct keyholder *k)
{
	return count_state(k, REQUEST_WAITING) > 0 &&
	       count_state(k, REQUEST_SIGNED) < HOLD_REQUESTS - HOLD_WAITING;
}

bool
hold_unreleased(const struct keyholder *k)
{
	return count_state(k, REQUEST_SIGNED) > 0;
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
free_request(struct keyholder *k)
{
	if (count_state(k, REQUEST_WAITING) >= HOLD_WAITING)
		return NULL;
	for (unsigned i = 0; i < HOLD_REQUESTS; i++)
		if (k->requests[i].state == REQUEST_FREE)
			return &k->requests[i];
	return NULL;
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
	struct request *r = free_request(k);
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

/* The card or the key failed: the record already says "sign", so one more
 * says that nothing came of it. */
static void
failed(struct keyholder *k, struct request *r, struct err *e)
{
	struct err ignored = {0};

	audit_event(k->audit, "not-signed", r->job, e->code, NULL, &ignored);
	refuse(k, r->client, r->job, e);
	hold_clear_request(r);
	if (e->class == ERR_CARD || e->class == ERR_PIN ||
	    e->class == ERR_CERTIFICATE)
		hold_end(k, KEYHOLDER_END_CARD, e);
}

void
hold_sign_next(struct keyholder *k)
{
	struct request *r = oldest(k, REQUEST_WAITING);
	struct sign_input in;
	struct err e = {0};

	if (r == NULL)
		return;
	if (audit_sign(
		k->audit, r->job, r->sha256, &r->match, &r->ticket, &e) != 0) {
		refuse(k, r->client, r->job, &e);
		hold_clear_request(r);
		hold_end(k, KEYHOLDER_END_AUDIT, &e);
		return;
	}
	buf_reset(&r->signature);
	in.bytes = buf_view(&r->signed_info);
	in.digest = slice_of(r->digest, r->match.algorithm->digest);
	if (session_sign(k->session, &in, &r->signature, &e) != 0) {
		failed(k, r, &e);
		return;
	}
	r->state = REQUEST_SIGNED;
	k->made++;
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
