/* A PKCS#11 module in plain values: tokens, objects, login, signatures. */
#ifndef SIGNER_KEY_PKCS11_MODULE_H
#define SIGNER_KEY_PKCS11_MODULE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P11_TOKENS_MAX 64
#define P11_CERTIFICATES_MAX 64
#define P11_ID_MAX 256
#define P11_SIGNATURE_MAX 2048

/*
 * The module is foreign code in this process: only a keyholder, or a child
 * made for one question, may load it.  What it says is not believed: every
 * count and length is checked against room that we own.  All functions give
 * 0, or -1 with an ERR_PIN or ERR_CARD code and the CK_RV in `lib`.
 */
struct p11;

/* Loads and initialises.  NULL: ERR_CONFIG "pkcs11-module-unusable" (no such
 * library, or not one of PKCS#11), "pkcs11-module-mode" (anybody may write
 * it); ERR_CARD "pkcs11-module-failed". */
struct p11 *p11_load(const char *path, struct err *e);
/* Closes the session and finalises; NULL is accepted. */
void p11_free(struct p11 *p);

struct p11_token {
	unsigned long slot;
	char label[33], serial[17]; /* bytes as the token gave, trimmed */
	char maker[33], model[17];
	unsigned long pin_min, pin_max;
	bool initialised; /* others are empty slots of software tokens */
	bool login;       /* wants a PIN */
	bool pad;         /* protected authentication path: its own keys */
	/* CKF_USER_PIN_COUNT_LOW, _FINAL_TRY, _LOCKED */
	bool low, last, locked;
};

/* The tokens that are present; at most P11_TOKENS_MAX. */
int p11_tokens(
    struct p11 *p, struct p11_token *list, size_t *count, struct err *e);
/* One of them, as it is now. */
int p11_token(
    struct p11 *p, unsigned long slot, struct p11_token *out, struct err *e);

/* The one session of this process, read-only, on the token in this slot. */
int p11_session(struct p11 *p, unsigned long slot, struct err *e);
/* Is the token still in its slot and the session as it was?  Signs nothing
 * and presents nothing.  ERR_CARD "card-removed", "card-state-lost",
 * "card-pin-status-lost" when `logged_in` is wanted and is not so. */
int p11_alive(struct p11 *p, bool logged_in, struct err *e);

/* C_Login as the user, once.  NULL: the token asks on its own keys. */
int p11_login(struct p11 *p, const struct secret *pin, struct err *e);

/* C_SetPIN, once, in a session of its own that may write.  ERR_PIN
 * "pin-new-refused", ERR_CONFIG "pin-change-elsewhere" (the token or module
 * does not do it), ERR_PIN "pin-change-unsure" for answers that leave it
 * open, ERR_PIN "pin-wrong", "pin-blocked". */
int p11_set_pin(struct p11 *p, const struct secret *old,
    const struct secret *pin, struct err *e);

struct p11_certificate {
	struct buf der;
	uint8_t id[P11_ID_MAX];
	size_t id_len;
};

/* The X.509 certificates that can be seen now; those that are malformed as
 * objects are left out.  End with p11_certificates_free in any case. */
int p11_certificates(
    struct p11 *p, struct p11_certificate *list, size_t *count, struct err *e);
void p11_certificates_free(struct p11_certificate *list, size_t count);

/* Which private key is looked for. */
struct p11_wanted {
	bool ec;             /* else RSA */
	struct slice id;     /* CKA_ID of the certificate, or empty */
	struct slice public; /* RSA: modulus; EC: uncompressed point */
};

struct p11_key {
	unsigned long handle;
	bool always_authenticate; /* wants the PIN before each signature */
};

/* By identifier, else by the public key beside it.  1; 0 when there is none
 * that signs; -1. */
int p11_find_key(struct p11 *p, const struct p11_wanted *w, struct p11_key *out,
    struct err *e);

enum p11_mechanism {
	P11_RSA_PKCS, /* signs a DigestInfo */
	P11_SHA256_RSA_PKCS,
	P11_ECDSA, /* signs a digest */
	P11_ECDSA_SHA384
};

/* Does the token sign with it?  A module that keeps no such list is taken
 * to offer P11_RSA_PKCS and P11_ECDSA. */
bool p11_offers(struct p11 *p, enum p11_mechanism m);

struct p11_signing {
	struct p11_key key;
	enum p11_mechanism mechanism;
	size_t length;            /* of the signature, exactly */
	const struct secret *pin; /* for always_authenticate; NULL = pad */
};

/* One signature over `data`, appended; of another length than expected:
 * ERR_CARD "pkcs11-answer". */
int p11_sign(struct p11 *p, const struct p11_signing *s, struct slice data,
    struct buf *out, struct err *e);

#endif
