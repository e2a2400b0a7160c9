/*
 * The commands of the JPKI application on a My Number card.  Sources: the
 * drivers and notes of OpenSC, jpki/myna, myna-card and jpki-local-signer,
 * which agree where nothing else is said.
 */
#ifndef SIGNER_KEY_JPKI_CARD_H
#define SIGNER_KEY_JPKI_CARD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "signer/key/pcsc.h"

#include <stdbool.h>
#include <stdint.h>

/* Elementary files of the application. */
enum jpki_ef {
	JPKI_SIGN_CERT = 0x0001, /* free only after the sign PIN */
	JPKI_SIGN_CA = 0x0002,
	JPKI_TOKEN_INFO = 0x0006,
	JPKI_PRESENT = 0x0008, /* which certificates the card has */
	JPKI_AUTH_CERT = 0x000A,
	JPKI_AUTH_CA = 0x000B,
	JPKI_AUTH_PIN = 0x0018,
	JPKI_SIGN_KEY = 0x001A,
	JPKI_SIGN_PIN = 0x001B
};

#define JPKI_LABEL_SIZE 33 /* 32 characters and NUL */
#define JPKI_SIGNATURE_SIZE 256
#define JPKI_SIGN_PIN_MIN 6
#define JPKI_SIGN_PIN_MAX 16
#define JPKI_SIGN_TRIES 5 /* of a card on which no attempt has failed */

/* What jpki_tries answers besides a number of tries. */
enum { JPKI_TRIES_VERIFIED = 100, JPKI_TRIES_NO_LIMIT = 101 };

/*
 * All functions return 0 / -1 unless said otherwise.  Errors are those of
 * pcsc.h, and of the card (its status word in `lib`): ERR_CARD
 * "card-foreign", "card-file-missing", "card-state-lost" (6986: another
 * session's card), "card-pin-status-lost" (6982), "card-refused",
 * "card-error", "card-answer"; ERR_PIN "pin-wrong", "pin-blocked",
 * "pin-format".
 */

/* Which card is meant; "" (or NULL) does not narrow it down. */
struct jpki_wanted {
	const char *reader;      /* part of the reader's name */
	const char *card_sha256; /* of its user authentication certificate, in
				  * hexadecimal: known before any PIN is sent */
};

/*
 * Looks for the JPKI card that is meant, for wait_ms at most, connects to it
 * and selects the application.  More than one such card: ERR_CARD
 * "card-ambiguous"; only others: "card-other".
 */
int jpki_find_card(struct pcsc *p, const struct jpki_wanted *w, bool exclusive,
    int wait_ms, struct err *e);
/* The same, by the reader alone. */
int jpki_find(struct pcsc *p, const char *filter, bool exclusive, int wait_ms,
    struct err *e);

/* Selects the application by its whole identifier.  Some cards answer their
 * first command after power with 6F00: tried once more. */
int jpki_select(struct pcsc *p, struct err *e);
/* Selects another application: a verified PIN is forgotten. */
void jpki_leave(struct pcsc *p);

int jpki_select_ef(struct pcsc *p, enum jpki_ef ef, struct err *e);

/* Appends the first n bytes of a file, or what it has. */
int jpki_read(
    struct pcsc *p, enum jpki_ef ef, size_t n, struct buf *out, struct err *e);
/* Appends the DER object at the start of a file, by its own length. */
int jpki_read_der(
    struct pcsc *p, enum jpki_ef ef, struct buf *out, struct err *e);

/* The token's label, without trailing spaces. */
int jpki_label(struct pcsc *p, char out[JPKI_LABEL_SIZE], struct err *e);
/* 1 the card has a signature certificate, 0 it has none (a child's card),
 * -1 it does not say. */
int jpki_has_sign_cert(struct pcsc *p);

/*
 * Which card this is, without a PIN: the SHA-256 of its user-authentication
 * certificate.  -1 where the card does not show one.
 */
#define JPKI_IDENTITY_SIZE 32
int jpki_identity(
    struct pcsc *p, uint8_t out[JPKI_IDENTITY_SIZE], struct err *e);

/* Tries left of a PIN, or one of the two values above; -1 on error.  Costs
 * no try. */
int jpki_tries(struct pcsc *p, enum jpki_ef pin, struct err *e);
/* Presents a PIN, once.  *tries gets what is left if the card says it. */
int jpki_verify(struct pcsc *p, enum jpki_ef pin, const struct secret *value,
    int *tries, struct err *e);

#define JPKI_PAD_SECONDS 60
/* The same with a PIN that a person types on the reader; further ERR_PIN
 * without a try spent: "pin-pad-timeout", "pin-cancelled", "pin-pad-length". */
int jpki_verify_pad(
    struct pcsc *p, enum jpki_ef pin, int *tries, struct err *e);

/* Replaces a PIN that was verified in this session, once.  ERR_PIN
 * "pin-new-refused" (nothing has changed) or "pin-change-unsure" (the answer
 * was lost or says nothing: either PIN may hold); else as above. */
int jpki_change(struct pcsc *p, enum jpki_ef pin, const struct secret *value,
    struct err *e);

/* Signs a 32-byte SHA-256 with the selected key file (DigestInfo, PKCS#1
 * v1.5 padding by the card) and appends the signature. */
int jpki_sign(
    struct pcsc *p, struct slice sha256, struct buf *out, struct err *e);

#endif
