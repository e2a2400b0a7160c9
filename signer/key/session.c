/*
 * A key's session.  Guarantees: a PIN is presented once per call and only
 * with tries to spare; a stored PIN that was refused is not presented again;
 * the PIN is wiped before anything is signed, or, where the key may have to
 * be given it again, when the session ends; only the configured
 * certificate's key is used; no signature leaves that does not verify.
 */
#include "signer/key/session.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/cert/cert.h"
#include "signer/key/keystate.h"
#include "signer/key/prompt.h"
#include "signer/key/watchdog.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_NEVER 1 /* the last try is the operator's own, elsewhere */
#define TRIES_ASK 2
#define RECOVERIES_MAX 3 /* in one session */
#define RSA_BITS_MIN 2048
#define SIGNATURE_WRONG "signature-wrong"

struct session {
	const struct conf_key *conf;
	const struct key_backend *backend;
	struct key *key;
	int state;
	struct audit *audit;
	struct key_status status;
	struct secret *pin;       /* accepted, of a backend that keeps it */
	struct pin_origin origin; /* of that PIN */
	unsigned recoveries;
	struct err over; /* why it did not recover: nothing is asked any more */
	struct buf certificate;
	EVP_PKEY *public_key;
	EVP_PKEY_CTX *verify;
	const struct algorithm *algorithm;
};

/* Every call of a backend is made as done(guard(s)->call(…)): it may never
 * come back, and then the watchdog ends the process. */
static const struct key_backend *
guard(const struct session *s)
{
	watchdog_start();
	return s->backend;
}

static int
done(int result)
{
	watchdog_stop();
	return result;
}

struct session *
session_open(
    const struct conf_key *conf, int state, struct audit *audit, struct err *e)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL) {
		err_nomem(e);
		return NULL;
	}
	s->conf = conf;
	s->state = state;
	s->audit = audit;
	s->backend = key_backend_find(conf, e);
	if (s->backend == NULL ||
	    watchdog_init(conf->name, conf->card_timeout_ms, e) != 0)
		goto fail;
	s->key = guard(s)->open(conf, e);
	watchdog_stop();
	if (s->key == NULL ||
	    done(guard(s)->status(s->key, &s->status, e)) != 0) {
		err_push(e, "key %s", conf->name);
		goto fail;
	}
	return s;
fail:
	session_close(s);
	return NULL;
}

const struct key_status *
session_status(const struct session *s)
{
	return &s->status;
}

enum pin_source
session_pin_source(const struct session *s)
{
	return s->origin.source;
}

struct slice
session_certificate(const struct session *s)
{
	return buf_view(&s->certificate);
}

const struct algorithm *
session_algorithm(const struct session *s)
{
	return s->algorithm;
}

/* Reads the tries and decides whether one may be spent. */
static int
check_tries(struct session *s, bool few_ok, struct err *e)
{
	int left;

	if (done(guard(s)->status(s->key, &s->status, e)) != 0)
		return -1;
	left = s->status.tries_left;
	if (s->status.pin == PIN_BLOCKED || left == 0)
		return err_set(
		    e, ERR_PIN, "pin-blocked", "%s", s->status.where);
	if (left >= 0 &&
	    (left <= TRIES_NEVER || (left <= TRIES_ASK && !few_ok)))
		return err_set(e, ERR_PIN, "pin-tries-low", "%d left, %s", left,
		    s->status.where);
	return 0;
}

static struct pin_marker
marker_of(const struct session *s, const struct pin_origin *o)
{
	struct pin_marker m = {.time_ms = clock_wall_ms(),
	    .tries = s->status.tries_hidden ? PIN_MARKER_HIDDEN
					    : s->status.tries_left,
	    .origin = *o,
	    .code = "attempt"};

	snprintf(m.key, sizeof m.key, "%s", s->conf->name);
	snprintf(m.where, sizeof m.where, "%s", s->status.where);
	return m;
}

static void
mark_refused(
    struct session *s, const struct pin_origin *o, const struct err *refusal)
{
	struct pin_marker m = marker_of(s, o);
	struct err e = {0};

	m.refused = true;
	snprintf(m.code, sizeof m.code, "%s", refusal->code);
	if (pin_marker_write(s->state, s->conf->name, &m, &e) != 0)
		log_err(LOG_LEVEL_ALERT, "key.marker-failed", &e);
}

static bool
has_code(const struct err *e, const char *code)
{
	return strcmp(e->code, code) == 0;
}

/* What a reader with keys says when it sent the card nothing. */
static bool
cost_no_try(const struct err *e)
{
	return has_code(e, "pin-cancelled") || has_code(e, "pin-pad-timeout") ||
	       has_code(e, "pin-pad-length");
}

/* The markers of the key and of its card. */
struct markers {
	struct pin_marker own, card;
	/* As pin_marker_read says; a card that was not seen has none. */
	int has_own, has_card;
};

static void
read_markers(const struct session *s, struct markers *m, struct err *e)
{
	struct err ignored = {0};

	m->has_card = 0;
	m->has_own = pin_marker_read(s->state, s->conf->name, &m->own, e);
	if (s->status.card[0] != '\0')
		m->has_card = pin_marker_read(
		    s->state, s->status.card, &m->card, &ignored);
}

static void
put_one_back(const struct session *s, const char *name,
    const struct pin_marker *m, int was_there)
{
	struct err e = {0};
	int r = was_there == 1 ? pin_marker_write(s->state, name, m, &e)
			       : pin_marker_clear(s->state, name, &e);

	if (r != 0)
		log_err(LOG_LEVEL_ALERT, "key.marker-failed", &e);
}

/* Nothing was presented: the markers are what they were before. */
static void
put_back(const struct session *s, const struct markers *m)
{
	put_one_back(s, s->conf->name, &m->own, m->has_own);
	if (s->status.card[0] != '\0')
		put_one_back(s, s->status.card, &m->card, m->has_card);
}

static bool
card_tells_change(const struct markers *m)
{
	return m->has_card == 1 && pin_marker_tells_change(&m->card);
}

/* What lies in the key's file was refused, or is older than a change: no PIN
 * from elsewhere makes it better, right or wrong. */
static bool
file_is_bad(const struct session *s, const struct pin_origin *o,
    const struct pin_marker *before)
{
	const char *file = s->conf->pin_file;

	return before->refused && file != NULL && file[0] != '\0' &&
	       o->source != PIN_SOURCE_FILE &&
	       (before->origin.source == PIN_SOURCE_FILE ||
		   strcmp(before->code, PIN_MARKER_CHANGED) == 0);
}

/* For the other keys of this card.  That a PIN was changed outlives an
 * attempt: it tells more. */
static int
mark_card(const struct session *s, const struct pin_origin *o,
    const struct markers *before, struct err *e)
{
	struct pin_marker m = marker_of(s, o);

	if (s->status.card[0] == '\0' || card_tells_change(before))
		return 0;
	return pin_marker_write(s->state, s->status.card, &m, e);
}

/* The PIN was right.  A change stays news to other keys while only the key
 * that made it, or not this key's own file, is known to have the new one. */
static int
accepted_by_card(const struct session *s, const struct pin_origin *o,
    const struct markers *before, struct err *e)
{
	const char *file = s->conf->pin_file;

	if (s->status.card[0] == '\0')
		return 0;
	if (card_tells_change(before) &&
	    (strcmp(before->card.key, s->conf->name) == 0 ||
		(file != NULL && file[0] != '\0' &&
		    o->source != PIN_SOURCE_FILE)))
		return 0;
	return pin_marker_clear(s->state, s->status.card, e);
}

static int
accepted(struct session *s, struct pin_marker *m, bool keep, struct err *e)
{
	if (!keep)
		return pin_marker_clear(s->state, s->conf->name, e);
	m->file_only = true;
	return pin_marker_write(s->state, s->conf->name, m, e);
}

/* Presents the PIN (NULL: typed on the reader), with the markers standing
 * while the answer is unknown. */
static int
present(struct session *s, const struct pin_origin *o, const struct secret *pin,
    struct err *e)
{
	struct pin_marker m = marker_of(s, o);
	struct markers before;
	struct err ignored = {0};
	bool keep;

	read_markers(s, &before, pin == NULL ? e : &ignored);
	keep = before.has_own == 1 && file_is_bad(s, o, &before.own);
	/* An attempt that is cut short does not free what was refused. */
	m.refused = before.has_own == 1 && before.own.refused && !o->regular;
	if (keep)
		m = before.own;
	m.file_only = false;
	if ((pin == NULL && before.has_own < 0) ||
	    pin_marker_write(s->state, s->conf->name, &m, e) != 0 ||
	    mark_card(s, o, &before, e) != 0)
		return -1;
	if (done(guard(s)->unlock(s->key, pin, e)) == 0)
		return accepted_by_card(s, o, &before, e) != 0
			   ? -1
			   : accepted(s, &m, keep, e);
	if (pin == NULL && cost_no_try(e))
		put_back(s, &before);
	else if (e->class == ERR_PIN && !keep)
		mark_refused(s, o, e);
	return -1;
}

/* Whether the PIN is to be typed on the reader's keys: 1, 0, -1. */
static int
choose_pad(
    const struct session *s, const struct unlock_options *o, struct err *e)
{
	bool there = s->status.pin == PIN_PAD;

	if (s->conf->pin_entry == CONF_PIN_KEYBOARD)
		return 0;
	if (s->conf->pin_entry == CONF_PIN_PAD)
		return there ? 1
			     : err_set(e, ERR_CONFIG, "pin-pad-missing", "%s",
				   s->status.where);
	return there &&
	       (pin_source_typed(o->source) || o->source == PIN_SOURCE_NONE);
}

static int
present_on_pad(struct session *s, const struct unlock_options *o, struct err *e)
{
	struct pin_origin origin = {.source = PIN_SOURCE_PAD};

	prompt_pad(&o->prompt);
	if (present(s, &origin, NULL, e) != 0)
		return -1;
	s->origin = origin;
	return 0;
}

/*
 * Nobody is there when a stored PIN is presented: it goes only to the card
 * that the settings name (the backend has looked for that one), or else that
 * this key was unlocked with last.  Another person's card would lose a try.
 */
static int
check_card(const struct session *s, const struct pin_origin *o, struct err *e)
{
	char last[KEY_CARD_SIZE];

	if (pin_source_typed(o->source) || o->source == PIN_SOURCE_DESCRIPTOR ||
	    s->status.card[0] == '\0' ||
	    (s->conf->card_sha256 != NULL && s->conf->card_sha256[0] != '\0'))
		return 0;
	if (key_card_read(s->state, s->conf->name, last) != 1 ||
	    strcmp(last, s->status.card) == 0)
		return 0;
	return err_set(e, ERR_CARD, "card-not-the-last", "%s", s->status.where);
}

/* Not to be able to remember it is no reason to stop. */
static void
remember_card(const struct session *s)
{
	char last[KEY_CARD_SIZE];
	struct err e = {0};

	if (s->status.card[0] == '\0' ||
	    (key_card_read(s->state, s->conf->name, last) == 1 &&
		strcmp(last, s->status.card) == 0))
		return;
	if (key_card_write(s->state, s->conf->name, s->status.card, &e) != 0)
		log_err(LOG_LEVEL_WARN, "key.card-not-remembered", &e);
}

static int
ask_and_present(
    struct session *s, const struct unlock_options *o, struct err *e)
{
	struct pin_origin origin;
	struct secret *pin = NULL;
	int result = -1;

	if (pin_read(o->source, s->conf, o->pin_fd, &o->prompt, &origin, &pin,
		e) != 0)
		return -1;
	if (pin_check(s->backend, pin, e) == 0 &&
	    (o->new_card || check_card(s, &origin, e) == 0) &&
	    (o->pin_changed || pin_marker_check(s->state, s->conf->name,
				   &origin, &s->status, e) == 0))
		result = present(s, &origin, pin, e);
	if (result == 0)
		s->origin = origin;
	if (result == 0 && s->backend->keeps_pin) {
		secret_free(s->pin);
		s->pin = pin;
	} else {
		secret_free(pin);
	}
	return result;
}

/* The certificate chooses the algorithm. */
static int
choose_algorithm(struct session *s, const struct cert_info *c, struct err *e)
{
	s->algorithm = algorithm_of_key(s->public_key);
	if (s->algorithm == NULL)
		return err_set(e, ERR_CERTIFICATE, "algorithm-not-allowed",
		    "key %s: %s %s", s->conf->name, c->key_type, c->curve);
	if (s->algorithm->id == SIGN_RSA_SHA256 && c->key_bits < RSA_BITS_MIN)
		return err_set(e, ERR_CERTIFICATE, "certificate-key-too-small",
		    "key %s: RSA %d, at least %d", s->conf->name, c->key_bits,
		    RSA_BITS_MIN);
	return 0;
}

static int
load_public_key(struct session *s, struct err *e)
{
	const unsigned char *p = s->certificate.p;
	struct cert_info info;
	X509 *x = NULL;
	int result = -1;

	if (cert_parse(buf_view(&s->certificate), &info, e) != 0)
		return err_push(e, "key %s", s->conf->name);
	/* Whoever asks, and whatever is configured. */
	if (!cert_profile_may_sign(&info.profile))
		return err_set(e, ERR_CERTIFICATE, info.profile.refusal,
		    "key %s: %s", s->conf->name, info.issuer);
	audit_set_serial(s->audit, info.serial);
	x = d2i_X509(NULL, &p, (long)s->certificate.len);
	s->public_key = x == NULL ? NULL : X509_get_pubkey(x);
	if (s->public_key != NULL && choose_algorithm(s, &info, e) != 0)
		goto out;
	s->verify = s->public_key == NULL
			? NULL
			: EVP_PKEY_CTX_new_from_pkey(NULL, s->public_key, NULL);
	if (s->verify == NULL || EVP_PKEY_verify_init(s->verify) != 1 ||
	    algorithm_prepare(s->algorithm, s->verify) != 0)
		err_lib(e, ERR_CERTIFICATE, "certificate-malformed",
		    ERR_peek_error(), "key %s", s->conf->name);
	else
		result = 0;
out:
	X509_free(x);
	ERR_clear_error();
	return result;
}

/* Only the configured certificate may sign, where one is configured. */
static int
check_certificate(struct session *s, struct err *e)
{
	const char *want = s->conf->certificate_sha256;
	uint8_t hash[32];
	char hex[65];

	if (want == NULL || want[0] == '\0')
		return 0;
	if (EVP_Digest(s->certificate.p, s->certificate.len, hash, NULL,
		EVP_sha256(), NULL) != 1)
		return err_nomem(e);
	text_hex_fixed(hex, hash, sizeof hash);
	if (strcasecmp(hex, want) != 0)
		return err_set(e, ERR_CERTIFICATE, "certificate-not-pinned",
		    "key %s: the card has %s", s->conf->name, hex);
	return 0;
}

int
session_unlock(struct session *s, const struct unlock_options *o, struct err *e)
{
	int pad;

	if (check_tries(s, o->few_tries_ok, e) != 0)
		return -1;
	if (s->status.pin == PIN_NONE) {
		if (done(guard(s)->unlock(s->key, NULL, e)) != 0)
			return -1;
	} else {
		pad = choose_pad(s, o, e);
		if (pad < 0 || (pad ? present_on_pad(s, o, e)
				    : ask_and_present(s, o, e)) != 0)
			return -1;
	}
	s->status.pin = PIN_VERIFIED;
	buf_reset(&s->certificate);
	if (done(guard(s)->certificate(s->key, &s->certificate, e)) != 0)
		return -1;
	if (check_certificate(s, e) != 0 || load_public_key(s, e) != 0)
		return -1;
	remember_card(s);
	return 0;
}

/* The certificate of the key now is the one that this session shows. */
static int
same_certificate(struct session *s, struct err *e)
{
	struct buf now = {0};
	int result = done(guard(s)->certificate(s->key, &now, e));

	if (result == 0 && !slice_eq(buf_view(&now), buf_view(&s->certificate)))
		result = err_set(e, ERR_CARD, "card-changed",
		    "key %s: another certificate", s->conf->name);
	buf_free(&now);
	return result;
}

static int
usable(const struct session *s, struct err *e)
{
	if (s->over.class == ERR_NONE)
		return 0;
	if (e != NULL)
		*e = s->over;
	return -1;
}

/* A failure that may be the key's loss of memory.  All of these end the
 * session unless it recovers. */
static bool
is_lost(const struct session *s, const struct err *cause)
{
	return s->pin != NULL && s->backend->recover != NULL &&
	       (cause->class == ERR_CARD || cause->class == ERR_PIN);
}

static bool
may_recover(const struct session *s, const struct err *cause)
{
	return s->recoveries < RECOVERIES_MAX &&
	       !has_code(cause, "pin-wrong") && !has_code(cause, "pin-blocked");
}

/* The one further unlock: only the backend's word that it is the same key,
 * with all its tries, leads to it. */
static int
unlock_again(struct session *s, const struct err *cause, struct err *e)
{
	if (done(guard(s)->recover(s->key, cause, e)) != 0 ||
	    check_tries(s, false, e) != 0 ||
	    present(s, &s->origin, s->pin, e) != 0 ||
	    same_certificate(s, e) != 0)
		return -1;
	s->status.pin = PIN_VERIFIED;
	return audit_event(
	    s->audit, "unlocked-again", "", cause->code, NULL, e);
}

/*
 * The key failed with *e in mid-session: 0 when it is unlocked again.  After
 * -1 the session is over and its PIN gone; *e is still the failure, unless
 * the PIN was refused or it is another key.
 */
static int
recover(struct session *s, struct err *e)
{
	struct err why = {0};

	if (!is_lost(s, e))
		return -1;
	if (may_recover(s, e)) {
		s->recoveries++;
		if (unlock_again(s, e, &why) == 0) {
			log_event(LOG_LEVEL_WARN, "key.unlocked-again",
			    "key=%s code=%s", s->conf->name, e->code);
			return 0;
		}
		log_err(LOG_LEVEL_WARN, "key.not-recovered", &why);
		if (why.class == ERR_PIN || has_code(&why, "card-changed"))
			*e = why;
	}
	secret_free(s->pin);
	s->pin = NULL;
	s->over = *e;
	return -1;
}

static int
ask_key(struct session *s, const struct sign_input *in, struct buf *out,
    struct err *e)
{
	const struct key_backend *b = guard(s);

	if (b->hashes != NULL && b->hashes(s->key))
		return done(
		    b->sign_bytes(s->key, s->algorithm->id, in->bytes, out, e));
	return done(b->sign(s->key, s->algorithm->id, in->digest, out, e));
}

/* ---- a new PIN ---------------------------------------------------------- */

/* A change presents the old PIN: with a try lost already, only an operator
 * who says so may risk another. */
static int
check_change(struct session *s, const struct unlock_options *o, struct err *e)
{
	int full = s->backend->tries_full, left;

	if (s->backend->change_pin == NULL || s->status.pin == PIN_NONE ||
	    s->conf->pin_entry == CONF_PIN_PAD)
		return err_set(e, ERR_CONFIG, "pin-change-elsewhere",
		    "key \"%s\", %s", s->conf->name, s->backend->name);
	if (check_tries(s, o->few_tries_ok, e) != 0)
		return -1;
	left = s->status.tries_left;
	if (left >= 0 && left < full && !o->few_tries_ok)
		return err_set(
		    e, ERR_PIN, "pin-tries-not-full", "%d of %d", left, full);
	return 0;
}

static int
read_pin(struct session *s, const struct unlock_options *o, const char *label,
    struct secret **pin, struct err *e)
{
	struct pin_prompt prompt = o->prompt;
	struct pin_origin ignored;

	prompt.label = label;
	if (pin_read(
		o->source, s->conf, o->pin_fd, &prompt, &ignored, pin, e) != 0)
		return -1;
	return pin_check(s->backend, *pin, e);
}

static bool
same_pin(const struct secret *a, const struct secret *b)
{
	return secret_len(a) == secret_len(b) &&
	       CRYPTO_memcmp(secret_text(a), secret_text(b), secret_len(a)) ==
		   0;
}

/* Asks for the new PIN twice. */
static int
read_new_pin(struct session *s, const struct unlock_options *o,
    const struct secret *old, struct secret **pin, struct err *e)
{
	struct secret *again = NULL;
	int result = -1;

	if (read_pin(s, o, _("New PIN"), pin, e) != 0)
		return -1;
	if (same_pin(old, *pin))
		return err_set(e, ERR_PIN, "pin-new-same", "%s", "");
	if (read_pin(s, o, _("New PIN once more"), &again, e) == 0)
		result = same_pin(*pin, again)
			     ? 0
			     : err_set(e, ERR_PIN, "pin-new-differs", "%s", "");
	secret_free(again);
	return result;
}

static int
mark_change(const struct session *s, struct pin_marker *m, const char *code,
    struct err *e)
{
	m->refused = true;
	m->time_ms = clock_wall_ms();
	snprintf(m->code, sizeof m->code, "%s", code);
	if (s->status.card[0] != '\0' &&
	    pin_marker_write(s->state, s->status.card, m, e) != 0)
		return -1;
	return pin_marker_write(s->state, s->conf->name, m, e);
}

/*
 * The command itself.  The markers stand before it is sent and say what is
 * then unsure; after a success they say that stored PINs are older.
 */
static int
replace_pin(struct session *s, const struct unlock_options *o,
    const struct secret *old, const struct secret *pin, struct err *e)
{
	struct pin_origin typed = {.source = o->source};
	struct pin_marker m = marker_of(s, &typed);
	struct markers before;

	read_markers(s, &before, e);
	if (before.has_own < 0)
		return -1;
	if (mark_change(s, &m, PIN_MARKER_UNSURE, e) != 0) {
		put_back(s, &before);
		return -1;
	}
	if (done(guard(s)->change_pin(s->key, old, pin, e)) == 0)
		return mark_change(s, &m, PIN_MARKER_CHANGED, e);
	if (!has_code(e, PIN_MARKER_UNSURE))
		put_back(s, &before);
	return -1;
}

int
session_change_pin(
    struct session *s, const struct unlock_options *o, struct err *e)
{
	struct secret *old = NULL, *pin = NULL;
	struct pin_prompt prompt = o->prompt;
	struct pin_origin origin;
	int result = -1;

	if (check_change(s, o, e) != 0)
		return -1;
	prompt.label = _("Present PIN");
	if (pin_read(o->source, s->conf, o->pin_fd, &prompt, &origin, &old,
		e) == 0 &&
	    pin_check(s->backend, old, e) == 0 &&
	    read_new_pin(s, o, old, &pin, e) == 0 &&
	    (o->pin_changed || pin_marker_check(s->state, s->conf->name,
				   &origin, &s->status, e) == 0) &&
	    present(s, &origin, old, e) == 0)
		result = replace_pin(s, o, old, pin, e);
	secret_free(old);
	secret_free(pin);
	return result;
}

/* ---- signatures --------------------------------------------------------- */

/* What the key gave is released only if it verifies. */
static int
keep_verified(struct session *s, const struct sign_input *in,
    const struct buf *value, struct buf *out, struct err *e)
{
	if (!algorithm_verify(
		s->algorithm, s->verify, in->digest, buf_view(value))) {
		ERR_clear_error();
		return err_set(e, ERR_CARD, SIGNATURE_WRONG,
		    "key %s, %zu bytes", s->conf->name, value->len);
	}
	return buf_slice(out, buf_view(value)) == 0 ? 0 : err_nomem(e);
}

int
session_sign_once(struct session *s, const struct sign_input *in,
    struct buf *out, struct err *e)
{
	struct buf value = {0};
	int result = -1;

	if (s->verify == NULL)
		return err_set(e, ERR_PIN, "pin-needed", "%s", s->conf->name);
	if (usable(s, e) == 0 && ask_key(s, in, &value, e) == 0)
		result = keep_verified(s, in, &value, out, e);
	/* A key that wants the PIN for each signature has refused it: noted
	 * here, because nobody may ask again. */
	if (result != 0 && s->pin != NULL && has_code(e, "pin-wrong"))
		mark_refused(s, &s->origin, e);
	buf_free(&value);
	return result;
}

int
session_sign_again(struct session *s, const struct sign_input *in,
    struct buf *out, struct err *e)
{
	if (s->verify == NULL || has_code(e, SIGNATURE_WRONG) ||
	    usable(s, NULL) != 0 || recover(s, e) != 0)
		return -1;
	err_clear(e);
	return session_sign_once(s, in, out, e);
}

int
session_sign(struct session *s, const struct sign_input *in, struct buf *out,
    struct err *e)
{
	struct err why = {0};

	if (session_sign_once(s, in, out, &why) == 0 ||
	    session_sign_again(s, in, out, &why) == 0)
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}

int
session_alive(struct session *s, struct err *e)
{
	struct err why = {0};
	int r = usable(s, &why);

	if (r == 0)
		r = done(guard(s)->alive(s->key, &why));

	if (r != 0 && recover(s, &why) == 0)
		r = 0;
	if (r != 0 && e != NULL)
		*e = why;
	s->status.present = r == 0;
	return r;
}

void
session_close(struct session *s)
{
	if (s == NULL)
		return;
	if (s->backend != NULL && s->key != NULL) {
		guard(s)->close(s->key);
		watchdog_stop();
	}
	secret_free(s->pin);
	EVP_PKEY_CTX_free(s->verify);
	EVP_PKEY_free(s->public_key);
	buf_free(&s->certificate);
	free(s);
}
