/*
 * The key of a My Number card: one exclusive session with one VERIFY.
 * Never sends a password with one try left, never sends one twice, never
 * uses the user-authentication key, and never leaves the card verified for
 * the next program.  A session whose state was lost stays lost, unless the
 * card is there, shows the same authentication certificate as when it was
 * opened and has all its tries: then, and only then, may the session present
 * the password that this card has accepted before.
 */
#include "signer/key/backend.h"

#include "base/text.h"
#include "signer/key/jpki_card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIND_MS 1500
#define SETTLE_MS 700

struct key {
	struct pcsc *pcsc;
	bool unlocked;
	bool lost;
	bool key_selected;
	int tries; /* last known, -1 = unknown */
	char reader[PCSC_NAME_MAX];
	char label[JPKI_LABEL_SIZE];
	bool pad;   /* the reader has keys, and they are wanted */
	bool known; /* the card shows who it is */
	uint8_t identity[JPKI_IDENTITY_SIZE];
	struct buf certificate; /* once read */
};

/*
 * Makes the card forget the password.  After a lost session the card may be
 * out: unpowering a card that pcscd has not yet missed makes pcscd 1.9 blind
 * for a card that is put back within the same look at the reader, until it
 * is taken out once more.  So pcscd gets the time of one look first.
 */
static void
release_card(struct key *k)
{
	enum pcsc_leave how = PCSC_UNPOWER_CARD;

	if (*pcsc_reader_name(k->pcsc) == '\0')
		return;
	if (k->lost && pcsc_settle(k->pcsc, SETTLE_MS) == 1)
		how = PCSC_LEAVE_CARD;
	else
		jpki_leave(k->pcsc);
	pcsc_disconnect(k->pcsc, how);
}

static void
jpki_close(struct key *k)
{
	if (k == NULL)
		return;
	if (k->pcsc != NULL)
		release_card(k);
	pcsc_free(k->pcsc);
	buf_free(&k->certificate);
	free(k);
}

static struct key *
jpki_open(const struct conf_key *conf, struct err *e)
{
	struct jpki_wanted wanted = {conf->reader, conf->card_sha256};
	struct key *k = calloc(1, sizeof *k);

	if (k == NULL) {
		err_nomem(e);
		return NULL;
	}
	k->tries = -1;
	k->pcsc = pcsc_new(e);
	if (k->pcsc == NULL ||
	    jpki_find_card(k->pcsc, &wanted, true, FIND_MS, e) != 0) {
		jpki_close(k);
		return NULL;
	}
	memcpy(k->reader, pcsc_reader_name(k->pcsc), sizeof k->reader);
	/* Only for people: a card without a readable label works too. */
	if (jpki_label(k->pcsc, k->label, NULL) != 0)
		k->label[0] = '\0';
	k->pad = conf->pin_entry != CONF_PIN_KEYBOARD && pcsc_has_pad(k->pcsc);
	k->known = jpki_identity(k->pcsc, k->identity, NULL) == 0;
	return k;
}

/*
 * Ends the session unless the card merely refused one command: with any
 * other card error it is not known what the card still believes.
 */
static int
session_error(struct key *k, const struct err *e)
{
	static const char *const harmless[] = {
	    "card-refused", "card-error", "card-answer"};
	bool lost = e == NULL || e->class == ERR_CARD;

	for (size_t i = 0; lost && e != NULL && i < 3; i++)
		lost = strcmp(e->code, harmless[i]) != 0;
	if (lost) {
		k->lost = true;
		k->unlocked = false;
	}
	return -1;
}

static int
usable(const struct key *k, struct err *e)
{
	if (!k->lost)
		return 0;
	return err_set(e, ERR_CARD, "card-state-lost", "%s", k->reader);
}

/* It is the card that was opened; one that cannot say so is not. */
static int
check_identity(struct key *k, struct err *e)
{
	uint8_t now[JPKI_IDENTITY_SIZE];

	k->key_selected = false;
	if (!k->known)
		return err_set(e, ERR_CARD, "card-state-lost",
		    "%s: the card does not show which it is", k->reader);
	if (jpki_identity(k->pcsc, now, e) != 0)
		return -1;
	if (memcmp(now, k->identity, sizeof now) != 0)
		return err_set(e, ERR_CARD, "card-changed", "%s", k->reader);
	return 0;
}

/*
 * Tries left, asked of the card.  A card that answers "already verified"
 * (left so by another program) is made to forget that first.
 */
static int
ask_tries(struct key *k, struct err *e)
{
	int tries;

	k->key_selected = false;
	tries = jpki_tries(k->pcsc, JPKI_SIGN_PIN, e);
	if (tries != JPKI_TRIES_VERIFIED)
		return tries;
	jpki_leave(k->pcsc);
	if (jpki_select(k->pcsc, e) != 0 ||
	    (k->known && check_identity(k, e) != 0))
		return -1;
	tries = jpki_tries(k->pcsc, JPKI_SIGN_PIN, e);
	if (tries == JPKI_TRIES_VERIFIED)
		return err_set(
		    e, ERR_CARD, "card-tries-unknown", "%s", k->reader);
	return tries;
}

static void
describe(const struct key *k, struct key_status *out)
{
	*out = (struct key_status){
	    .tries_left = k->tries, .tries_hidden = k->tries < 0};
	snprintf(out->where, sizeof out->where, "%.*s",
	    (int)sizeof out->where - 1, k->reader);
	snprintf(out->token, sizeof out->token, "%s", k->label);
	if (k->known)
		text_hex_fixed(out->card, k->identity, sizeof k->identity);
	if (k->unlocked)
		out->pin = PIN_VERIFIED;
	else
		out->pin = k->tries == 0 ? PIN_BLOCKED
			   : k->pad      ? PIN_PAD
					 : PIN_NEEDED;
}

/* While unlocked the card is not disturbed: the tries are known, and the
 * key file stays selected. */
static int
jpki_status(struct key *k, struct key_status *out, struct err *e)
{
	bool present = !k->lost && pcsc_check(k->pcsc, NULL) == 0;
	int tries;

	if (!present)
		k->unlocked = false;
	if (present && !k->unlocked) {
		tries = ask_tries(k, e);
		if (tries < 0)
			return session_error(k, e);
		k->tries = tries == JPKI_TRIES_NO_LIMIT ? -1 : tries;
	}
	describe(k, out);
	out->present = present;
	return 0;
}

/* 6 to 16 of A-Z 0-9; the PIN layer has made capitals of small letters, as
 * the official client does. */
static bool
well_formed(const struct secret *pin)
{
	const char *s = secret_text(pin);
	size_t n = secret_len(pin);

	if (n < JPKI_SIGN_PIN_MIN || n > JPKI_SIGN_PIN_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!((s[i] >= 'A' && s[i] <= 'Z') ||
			(s[i] >= '0' && s[i] <= '9')))
			return false;
	}
	return true;
}

/* Reads the tries left and says whether one may be spent. */
static int
may_try(struct key *k, struct err *e)
{
	int tries = ask_tries(k, e);

	if (tries < 0)
		return session_error(k, e);
	k->tries = tries == JPKI_TRIES_NO_LIMIT ? -1 : tries;
	if (k->tries == 0)
		return err_set(e, ERR_PIN, "pin-blocked", "%s", k->reader);
	if (k->tries == 1)
		return err_set(e, ERR_PIN, "pin-tries-low", "1 try left");
	return 0;
}

/* One VERIFY; without a PIN it is typed on the reader. */
static int
verify(struct key *k, const struct secret *pin, struct err *e)
{
	if (pin == NULL)
		return jpki_verify_pad(k->pcsc, JPKI_SIGN_PIN, &k->tries, e);
	return jpki_verify(k->pcsc, JPKI_SIGN_PIN, pin, &k->tries, e);
}

static int
jpki_unlock(struct key *k, const struct secret *pin, struct err *e)
{
	if (usable(k, e) != 0)
		return -1;
	if (pin == NULL && !k->pad)
		return err_set(e, ERR_PIN, "pin-needed", "%s", k->reader);
	if (pin != NULL && !well_formed(pin))
		return err_set(e, ERR_PIN, "pin-format",
		    "6 to 16 capital letters and digits");
	if (may_try(k, e) != 0)
		return -1;
	k->unlocked = false;
	if (verify(k, pin, e) != 0)
		return session_error(k, e);
	k->unlocked = true;
	if (k->tries >= 0)
		k->tries = JPKI_SIGN_TRIES;
	return 0;
}

/* The card has just verified the old one.  After a change that failed it is
 * not asked for anything more. */
static int
jpki_change_pin(struct key *k, const struct secret *old,
    const struct secret *pin, struct err *e)
{
	(void)old;
	if (usable(k, e) != 0)
		return -1;
	if (!k->unlocked)
		return err_set(e, ERR_PIN, "pin-needed", "%s", k->reader);
	if (!well_formed(pin))
		return err_set(e, ERR_PIN, "pin-format",
		    "6 to 16 capital letters and digits");
	k->key_selected = false;
	if (jpki_change(k->pcsc, JPKI_SIGN_PIN, pin, e) != 0)
		return session_error(k, NULL);
	return 0;
}

static int
read_certificate(struct key *k, struct err *e)
{
	k->key_selected = false;
	if (jpki_read_der(k->pcsc, JPKI_SIGN_CERT, &k->certificate, e) == 0)
		return 0;
	if (jpki_has_sign_cert(k->pcsc) == 0)
		return err_set(e, ERR_CERTIFICATE,
		    "card-no-signature-certificate", "%s", k->reader);
	return session_error(k, e);
}

static int
jpki_certificate(struct key *k, struct buf *out, struct err *e)
{
	if (k->certificate.len == 0) {
		if (usable(k, e) != 0)
			return -1;
		if (!k->unlocked)
			return err_set(e, ERR_PIN, "pin-needed",
			    "the certificate is readable only after it");
		if (read_certificate(k, e) != 0)
			return -1;
	}
	if (buf_slice(out, buf_view(&k->certificate)) != 0)
		return err_nomem(e);
	return 0;
}

static int
jpki_sign_digest(struct key *k, enum sign_algorithm a, struct slice digest,
    struct buf *out, struct err *e)
{
	if (a != SIGN_RSA_SHA256)
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "the card signs RSA with SHA-256");
	if (usable(k, e) != 0)
		return -1;
	if (!k->unlocked)
		return err_set(e, ERR_PIN, "pin-needed", "%s", k->reader);
	if (!k->key_selected && jpki_select_ef(k->pcsc, JPKI_SIGN_KEY, e) != 0)
		return session_error(k, e);
	k->key_selected = true;
	if (jpki_sign(k->pcsc, digest, out, e) != 0)
		return session_error(k, e);
	return 0;
}

/* Asks pcscd, not the card. */
static int
jpki_alive(struct key *k, struct err *e)
{
	struct err why = {0};

	if (usable(k, e) != 0)
		return -1;
	if (pcsc_check(k->pcsc, &why) == 0)
		return 0;
	k->lost = true;
	k->unlocked = false;
	if (e != NULL)
		*e = why;
	return -1;
}

/* The failures after which a card may be there and have forgotten: what a
 * card answers whose application is not selected any more (the last two
 * before the key file is selected), and what PC/SC says in between. */
static bool
may_have_forgotten(const struct err *cause)
{
	static const char *const codes[] = {"card-pin-status-lost",
	    "card-state-lost", "card-reset", "card-no-answer",
	    "card-communication", "card-file-missing", "card-foreign"};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (strcmp(cause->code, codes[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Starts the card anew, the connection staying exclusive.  Every way out
 * but the last leaves the session lost.  That the identity, the tries and
 * the VERIFY which may follow are of one card is the card's selected
 * application: another card would have none, and refuse the file.
 */
static int
jpki_recover(struct key *k, const struct err *cause, struct err *e)
{
	int tries;

	if (!may_have_forgotten(cause))
		return err_set(e, ERR_CARD, "card-state-lost", "%s", k->reader);
	k->lost = true;
	k->unlocked = k->key_selected = false;
	buf_reset(&k->certificate);
	if (pcsc_settle(k->pcsc, SETTLE_MS) == 1)
		return err_set(e, ERR_CARD, "card-removed", "%s", k->reader);
	if (pcsc_restart(k->pcsc, e) != 0)
		return -1;
	jpki_leave(k->pcsc);
	if (jpki_select(k->pcsc, e) != 0 || check_identity(k, e) != 0)
		return -1;
	tries = jpki_tries(k->pcsc, JPKI_SIGN_PIN, e);
	if (tries < 0)
		return -1;
	if (tries != JPKI_SIGN_TRIES)
		return err_set(e, ERR_PIN, "pin-tries-low",
		    "%s: not all tries are left", k->reader);
	k->tries = tries;
	k->lost = false;
	return 0;
}

const struct key_backend key_backend_jpki = {
    .name = "jpki",
    .pin_min = JPKI_SIGN_PIN_MIN,
    .pin_max = JPKI_SIGN_PIN_MAX,
    .pin_upper_alnum = true,
    .tries_full = JPKI_SIGN_TRIES,
    .keeps_pin = true,
    .open = jpki_open,
    .status = jpki_status,
    .unlock = jpki_unlock,
    .change_pin = jpki_change_pin,
    .certificate = jpki_certificate,
    .sign = jpki_sign_digest,
    .alive = jpki_alive,
    .recover = jpki_recover,
    .close = jpki_close,
};
