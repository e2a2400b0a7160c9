/* The seam of key backends: one file and one table row per kind of key. */
#ifndef SIGNER_KEY_BACKEND_H
#define SIGNER_KEY_BACKEND_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "conf/conf.h"
#include "signer/cert/algorithm.h"

#include <stdbool.h>

enum pin_state {
	PIN_NONE, /* the key needs none */
	PIN_NEEDED,
	PIN_PAD, /* typed on the reader's or token's own keys */
	PIN_VERIFIED,
	PIN_BLOCKED
};

#define KEY_CARD_SIZE 65 /* a SHA-256 in hexadecimal */

struct key_status {
	enum pin_state pin;
	int tries_left; /* -1 = the backend cannot tell */
	/* The key counts, but tells no number: tries_left is a guess. */
	bool tries_hidden;
	bool present;    /* card in the reader, file readable */
	char where[120]; /* reader or file, for people */
	char token[80];  /* card label or "", for people */
	/* Which card, told without a PIN; "" where it does not say.  For this
	 * process only. */
	char card[KEY_CARD_SIZE];
};

/* A backend's own state of one open key. */
struct key;

struct key_backend {
	const char *name; /* "jpki", "pkcs12", … as in the configuration */

	/* What a PIN may look like; checked before anything is sent, so that
	 * a typing error of this kind costs no try. */
	unsigned pin_min, pin_max; /* bytes */
	bool pin_upper_alnum;      /* A-Z 0-9 only; a-z is upper-cased */
	/* The accepted PIN stays in secure memory until close, because the
	 * key may have to be given it again within the session. */
	bool keeps_pin;
	/* Tries left of a PIN of which no attempt has failed; 0 = not known. */
	int tries_full;

	/* Finds the card or file; costs no PIN try.  NULL: ERR_CARD when it
	 * is not there, ERR_CONFIG for wrong settings. */
	struct key *(*open)(const struct conf_key *conf, struct err *e);

	/* Presence and tries left; costs no try. */
	int (*status)(struct key *k, struct key_status *out, struct err *e);

	/* Presents the PIN once (never a second time by itself).  0; -1 with
	 * ERR_PIN "pin-wrong", "pin-blocked", "pin-format", or ERR_CARD.
	 * NULL where status says PIN_NONE, or PIN_PAD and a person is to type
	 * it there; then also "pin-cancelled", "pin-pad-timeout" and
	 * "pin-pad-length", which cost no try.  With keeps_pin an accepted PIN
	 * is the session's and outlives the key: the backend may remember the
	 * pointer. */
	int (*unlock)(struct key *k, const struct secret *pin, struct err *e);

	/* Gives the key a new PIN, once; only after unlock accepted `old`.  0;
	 * -1 with ERR_PIN "pin-change-unsure" when it is not known whether
	 * the new one holds, any other error when the old one still does.
	 * NULL where PINs are changed by other programs. */
	int (*change_pin)(struct key *k, const struct secret *old,
	    const struct secret *pin, struct err *e);

	/* The signing certificate, DER, appended to out; where the card
	 * wants it, only after unlock. */
	int (*certificate)(struct key *k, struct buf *out, struct err *e);

	/* Signs a digest of the algorithm's hash (32 or 48 bytes); appends
	 * the raw signature (RSA: modulus size; ECDSA: r || s). */
	int (*sign)(struct key *k, enum sign_algorithm a, struct slice digest,
	    struct buf *out, struct err *e);

	/* Does this key hash by itself?  Then sign_bytes is called instead of
	 * sign, with the bytes whose digest that would get.  NULL: never. */
	bool (*hashes)(const struct key *k);
	int (*sign_bytes)(struct key *k, enum sign_algorithm a,
	    struct slice bytes, struct buf *out, struct err *e);

	/* Is the key still there?  Asked about once a second while nothing is
	 * signed; sends the card no command (the PIN status and the selected
	 * file stay).  0; -1 with ERR_CARD "card-removed" or the like. */
	int (*alive)(struct key *k, struct err *e);

	/*
	 * `sign` or `alive` failed with `cause`: makes the key ready for one
	 * more unlock with the PIN that it has accepted before, within
	 * seconds, without presenting one.  0 only when
	 * this is certainly the same card or token, it is there now, no
	 * failed attempt stands on its counter, and `cause` is one from which
	 * it may recover (so never after a refused PIN).  -1: the session
	 * ends.  The session calls it only with a PIN to present, a few times
	 * at most, and then presents it once and compares the certificate.
	 * NULL: this kind of key does not recover.
	 */
	int (*recover)(struct key *k, const struct err *cause, struct err *e);

	/* Wipes, unpowers the card, frees.  NULL is accepted. */
	void (*close)(struct key *k);
};

/* One row per file. */
extern const struct key_backend key_backend_jpki, key_backend_pkcs12,
    key_backend_pkcs11, key_backend_test;

/* The backend of a key; NULL with ERR_CONFIG "backend-unavailable" for one
 * that this version does not have. */
const struct key_backend *key_backend_find(
    const struct conf_key *key, struct err *e);

#endif
