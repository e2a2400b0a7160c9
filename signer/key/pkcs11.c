/*
 * A key on a PKCS#11 token.  The token is known by serial and label, the key
 * by its certificate.  A PIN is presented once per unlock and, where the key
 * wants it, once per signature, and never while the token's flags say that
 * the last try or none is left.  What was lost stays lost until the session
 * asks to recover, and only the same token is taken again.
 */
#include "signer/key/backend.h"

#include "base/clock.h"
#include "base/text.h"
#include "signer/key/pkcs11_find.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECOVER_MS 3000
#define LOOK_MS 200
#define TRIES_LOW 2 /* how CKF_USER_PIN_COUNT_LOW is taken */
#define PIN_MOST 255

struct key {
	const struct conf_key *conf;
	struct p11 *p11; /* NULL after a recovery that failed */
	struct p11_token token;
	bool unlocked;
	bool lost;
	const struct secret *pin; /* the session's, accepted; NULL = pad */
	struct buf certificate;   /* once chosen */
	struct p11_signing signing;
	bool hashes; /* the mechanism hashes by itself */
};

static void
pkcs11_close(struct key *k)
{
	if (k == NULL)
		return;
	p11_free(k->p11);
	buf_free(&k->certificate);
	free(k);
}

/* Looks once for the token of the settings. */
static int
find_token(struct key *k, struct p11_token *out, struct err *e)
{
	struct p11_token list[P11_TOKENS_MAX];
	const struct p11_token *found;
	size_t count;

	if (p11_tokens(k->p11, list, &count, e) != 0)
		return -1;
	found = p11_choose_token(list, count, k->conf, e);
	if (found == NULL)
		return -1;
	*out = *found;
	return 0;
}

static struct key *
pkcs11_open(const struct conf_key *conf, struct err *e)
{
	struct key *k = calloc(1, sizeof *k);

	if (k == NULL) {
		err_nomem(e);
		return NULL;
	}
	k->conf = conf;
	k->p11 = p11_load(conf->module == NULL ? "" : conf->module, e);
	if (k->p11 == NULL || find_token(k, &k->token, e) != 0 ||
	    p11_session(k->p11, k->token.slot, e) != 0) {
		pkcs11_close(k);
		return NULL;
	}
	return k;
}

/* Any error of the token but a mere refusal leaves it unknown what the token
 * still believes. */
static int
session_error(struct key *k, const struct err *e)
{
	if (e == NULL || e->class != ERR_CARD)
		return -1;
	if (strcmp(e->code, "pkcs11-refused") != 0 &&
	    strcmp(e->code, "pkcs11-answer") != 0)
		k->lost = true;
	return -1;
}

static int
usable(const struct key *k, struct err *e)
{
	if (!k->lost)
		return 0;
	return err_set(e, ERR_CARD, "card-state-lost", "%s", k->token.label);
}

/* The token's flags as they are now; ERR_CARD when it is another one. */
static int
look(struct key *k, struct err *e)
{
	struct p11_token now;

	if (usable(k, e) != 0)
		return -1;
	if (p11_token(k->p11, k->token.slot, &now, e) != 0)
		return session_error(k, e);
	if (!p11_same_token(&now, &k->token)) {
		k->lost = true;
		return err_set(
		    e, ERR_CARD, "card-changed", "%s", k->token.label);
	}
	k->token = now;
	return 0;
}

/* PKCS#11 tells no number: these are the least that the flags allow. */
static int
tries_of(const struct p11_token *t)
{
	if (t->locked)
		return 0;
	if (t->last)
		return 1;
	return t->low ? TRIES_LOW : -1;
}

static enum pin_state
pin_of(const struct key *k)
{
	if (k->unlocked)
		return PIN_VERIFIED;
	if (!k->token.login)
		return PIN_NONE;
	if (k->token.locked)
		return PIN_BLOCKED;
	return k->token.pad ? PIN_PAD : PIN_NEEDED;
}

static int
pkcs11_status(struct key *k, struct key_status *out, struct err *e)
{
	const char *file = strrchr(k->conf->module, '/');
	struct p11_token *t = &k->token;
	char label[40], serial[20], maker[40], model[20];

	*out = (struct key_status){0};
	if (!k->unlocked && look(k, e) != 0)
		return -1;
	out->present = !k->lost;
	out->tries_left = tries_of(t);
	out->tries_hidden = t->login;
	out->pin = pin_of(k);
	text_printable(label, sizeof label, slice_str(t->label));
	text_printable(serial, sizeof serial, slice_str(t->serial));
	text_printable(maker, sizeof maker, slice_str(t->maker));
	text_printable(model, sizeof model, slice_str(t->model));
	snprintf(out->token, sizeof out->token, "%s (%s)", label, serial);
	snprintf(out->where, sizeof out->where, "%s %s, %.40s", maker, model,
	    file == NULL ? k->conf->module : file + 1);
	return 0;
}

/* May a PIN be presented?  With few left the session has asked before. */
static int
may_try(struct key *k, struct err *e)
{
	if (look(k, e) != 0)
		return -1;
	if (k->token.locked)
		return err_set(e, ERR_PIN, "pin-blocked", "%s", k->token.label);
	if (k->token.last)
		return err_set(e, ERR_PIN, "pin-tries-low", "1 try left");
	return 0;
}

/* The token's own rule; one that makes no sense is none. */
static int
check_length(const struct p11_token *t, const struct secret *pin, struct err *e)
{
	unsigned long min = t->pin_min, max = t->pin_max;

	if (pin == NULL)
		return 0;
	if (min > max)
		min = max = 0;
	if (max == 0 || max > PIN_MOST)
		max = PIN_MOST;
	if (min > max)
		min = 0;
	if (secret_len(pin) >= min && secret_len(pin) <= max)
		return 0;
	return err_set(e, ERR_PIN, "pin-format", "%lu to %lu bytes", min, max);
}

static int
pkcs11_unlock(struct key *k, const struct secret *pin, struct err *e)
{
	k->pin = NULL;
	k->unlocked = false;
	if (usable(k, e) != 0 || (k->token.login && may_try(k, e) != 0) ||
	    check_length(&k->token, pin, e) != 0)
		return -1;
	if (k->token.login && p11_login(k->p11, pin, e) != 0)
		return session_error(k, e);
	k->pin = pin;
	k->unlocked = true;
	return 0;
}

/* The token looks at the old PIN once more; it has just accepted it. */
static int
pkcs11_change_pin(struct key *k, const struct secret *old,
    const struct secret *pin, struct err *e)
{
	if (usable(k, e) != 0 || check_length(&k->token, pin, e) != 0)
		return -1;
	if (!k->token.login)
		return err_set(e, ERR_CONFIG, "pin-change-elsewhere", "%s",
		    k->token.label);
	return p11_set_pin(k->p11, old, pin, e);
}

/* The mechanism for a kind of key: the one that takes our digest, else the
 * one that hashes by itself. */
static int
choose_mechanism(struct key *k, bool ec, struct err *e)
{
	enum p11_mechanism plain = ec ? P11_ECDSA : P11_RSA_PKCS;
	enum p11_mechanism hashing =
	    ec ? P11_ECDSA_SHA384 : P11_SHA256_RSA_PKCS;

	k->hashes = false;
	k->signing.mechanism = plain;
	if (p11_offers(k->p11, plain))
		return 0;
	k->hashes = true;
	k->signing.mechanism = hashing;
	if (p11_offers(k->p11, hashing))
		return 0;
	return err_set(e, ERR_CERTIFICATE, "pkcs11-mechanism-missing", "%s",
	    ec ? "CKM_ECDSA, CKM_ECDSA_SHA384"
	       : "CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS");
}

/* The private key of a certificate, and how it signs. */
static int
choose_key(struct key *k, const struct p11_certificate *c, struct err *e)
{
	struct p11_public public;
	struct p11_wanted want = {.id = slice_of(c->id, c->id_len)};
	int got = -1;

	if (p11_public_of(buf_view(&c->der), &public, e) != 0)
		goto out;
	want.ec = public.ec;
	want.public = buf_view(&public.value);
	got = p11_find_key(k->p11, &want, &k->signing.key, e);
	if (got == 0)
		got = err_set(e, ERR_CERTIFICATE, "pkcs11-key-missing", "%s",
		    k->token.label);
	if (got < 0)
		goto out;
	k->signing.length = public.signature;
	got = choose_mechanism(k, public.ec, e);
out:
	buf_free(&public.value);
	return got;
}

/* Chooses among the certificates that can be seen now, appended to out; its
 * key too, once there is a login. */
static int
choose(struct key *k, struct buf *out, struct err *e)
{
	struct p11_certificate list[P11_CERTIFICATES_MAX];
	const struct p11_certificate *c = NULL;
	size_t count = 0;
	int result = -1;

	if (p11_certificates(k->p11, list, &count, e) == 0)
		c = p11_choose_certificate(list, count,
		    k->conf->certificate_sha256, clock_wall_ms(), e);
	if (c != NULL && (!k->unlocked || choose_key(k, c, e) == 0)) {
		result = buf_slice(out, buf_view(&c->der));
		if (result != 0)
			err_nomem(e);
	}
	p11_certificates_free(list, count);
	return result;
}

/* What a locked token shows.  That there is none proves nothing. */
static int
public_certificate(struct key *k, struct buf *out, struct err *e)
{
	struct err why = {0};

	if (choose(k, out, &why) == 0)
		return 0;
	if (strcmp(why.code, "pkcs11-certificate-ambiguous") != 0)
		return err_set(e, ERR_PIN, "pin-needed", "%s", k->token.label);
	if (e != NULL)
		*e = why;
	return -1;
}

static int
pkcs11_certificate(struct key *k, struct buf *out, struct err *e)
{
	if (usable(k, e) != 0)
		return -1;
	if (!k->unlocked)
		return public_certificate(k, out, e);
	if (k->certificate.len == 0 && choose(k, &k->certificate, e) != 0)
		return session_error(k, e);
	return buf_slice(out, buf_view(&k->certificate)) == 0 ? 0
							      : err_nomem(e);
}

/* RFC 8017 9.2 note 1: the DigestInfo of SHA-256 before the digest. */
static const uint8_t sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
    0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

static int
check_request(const struct key *k, enum sign_algorithm a, size_t digest,
    bool hashes, struct err *e)
{
	bool ec = k->signing.mechanism == P11_ECDSA ||
		  k->signing.mechanism == P11_ECDSA_SHA384;
	enum sign_algorithm mine = ec ? SIGN_ECDSA_SHA384 : SIGN_RSA_SHA256;

	if (usable(k, e) != 0)
		return -1;
	if (!k->unlocked || k->certificate.len == 0)
		return err_set(e, ERR_PIN, "pin-needed", "%s", k->token.label);
	if (a != mine || hashes != k->hashes ||
	    (!hashes && digest != (ec ? 48U : 32U)))
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "algorithm %d", (int)a);
	return 0;
}

static int
do_sign(struct key *k, struct slice data, struct buf *out, struct err *e)
{
	/* The PIN goes to the token once more: its flags decide again. */
	if (k->signing.key.always_authenticate && may_try(k, e) != 0)
		return -1;
	if (k->signing.key.always_authenticate && k->token.low)
		return err_set(
		    e, ERR_PIN, "pin-tries-low", "%s", k->token.label);
	k->signing.pin = k->pin;
	if (p11_sign(k->p11, &k->signing, data, out, e) != 0)
		return session_error(k, e);
	return 0;
}

static int
pkcs11_sign(struct key *k, enum sign_algorithm a, struct slice digest,
    struct buf *out, struct err *e)
{
	uint8_t info[sizeof sha256_info + SHA256_DIGEST_LENGTH];

	if (check_request(k, a, digest.len, false, e) != 0)
		return -1;
	if (a != SIGN_RSA_SHA256)
		return do_sign(k, digest, out, e);
	memcpy(info, sha256_info, sizeof sha256_info);
	memcpy(info + sizeof sha256_info, digest.p, SHA256_DIGEST_LENGTH);
	return do_sign(k, slice_of(info, sizeof info), out, e);
}

static bool
pkcs11_hashes(const struct key *k)
{
	return k->hashes;
}

static int
pkcs11_sign_bytes(struct key *k, enum sign_algorithm a, struct slice bytes,
    struct buf *out, struct err *e)
{
	if (check_request(k, a, 0, true, e) != 0)
		return -1;
	return do_sign(k, bytes, out, e);
}

static int
pkcs11_alive(struct key *k, struct err *e)
{
	struct err why = {0};

	if (usable(k, e) != 0)
		return -1;
	if (p11_alive(k->p11, k->unlocked && k->token.login, &why) == 0)
		return 0;
	k->lost = true;
	if (e != NULL)
		*e = why;
	return -1;
}

/* Looks for the same token until it is there, for some seconds. */
static int
await_token(struct key *k, struct err *e)
{
	static const struct timespec pause = {0, LOOK_MS * 1000000L};
	int64_t end = clock_mono_ms() + RECOVER_MS;
	struct p11_token now;

	for (;;) {
		err_clear(e);
		if (find_token(k, &now, e) == 0)
			break;
		if (strcmp(e->code, "pkcs11-token-missing") != 0 ||
		    clock_mono_ms() >= end)
			return -1;
		nanosleep(&pause, NULL);
	}
	if (!p11_same_token(&now, &k->token))
		return err_set(
		    e, ERR_CARD, "card-changed", "%s", k->token.label);
	k->token = now;
	return 0;
}

/* Some modules give every token the same serial number (OpenSC: zeros for
 * each My Number card). */
static bool
has_serial(const struct p11_token *t)
{
	return strspn(t->serial, "0 ") != strlen(t->serial);
}

/* Is it the token that accepted the PIN?  Its serial number tells, or the
 * certificate, where it is seen without a PIN. */
static int
recognise(struct key *k, struct slice certificate, struct err *e)
{
	struct buf now = {0};
	int result = 0;

	if (has_serial(&k->token))
		return 0;
	if (public_certificate(k, &now, e) != 0)
		result = -1;
	else if (!slice_eq(buf_view(&now), certificate))
		result =
		    err_set(e, ERR_CARD, "card-changed", "%s", k->token.label);
	buf_free(&now);
	return result;
}

/* Modules keep sessions and slots of a token that went: everything is begun
 * anew, but only for the same token with no refused attempt on it. */
static int
pkcs11_recover(struct key *k, const struct err *cause, struct err *e)
{
	if (cause->class != ERR_CARD || !k->lost)
		return -1;
	k->unlocked = false;
	k->pin = NULL;
	p11_free(k->p11);
	k->p11 = p11_load(k->conf->module, e);
	if (k->p11 == NULL || await_token(k, e) != 0)
		return -1;
	if (tries_of(&k->token) >= 0)
		return err_set(
		    e, ERR_PIN, "pin-tries-low", "%s", k->token.label);
	if (p11_session(k->p11, k->token.slot, e) != 0 ||
	    recognise(k, buf_view(&k->certificate), e) != 0)
		return -1;
	buf_reset(&k->certificate); /* and its key's handle */
	k->lost = false;
	return 0;
}

const struct key_backend key_backend_pkcs11 = {
    .name = "pkcs11",
    .pin_min = 1,
    .pin_max = PIN_MOST,
    .keeps_pin = true,
    .open = pkcs11_open,
    .status = pkcs11_status,
    .unlock = pkcs11_unlock,
    .change_pin = pkcs11_change_pin,
    .certificate = pkcs11_certificate,
    .sign = pkcs11_sign,
    .hashes = pkcs11_hashes,
    .sign_bytes = pkcs11_sign_bytes,
    .alive = pkcs11_alive,
    .recover = pkcs11_recover,
    .close = pkcs11_close,
};
