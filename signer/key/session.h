/* One key from the card's appearance to its lock: status, PIN, signatures. */
#ifndef SIGNER_KEY_SESSION_H
#define SIGNER_KEY_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/key/audit.h"
#include "signer/key/backend.h"
#include "signer/key/pin.h"

struct session;

/* Opens the key's backend (no PIN try).  `state` (a descriptor of
 * keystate_open) and `audit` stay the caller's and must outlive it. */
struct session *session_open(
    const struct conf_key *key, int state, struct audit *audit, struct err *e);

/* What was read of the card last; presence is as of now. */
const struct key_status *session_status(const struct session *s);

/*
 * One try with the PIN from `source`: reads tries left, refuses below the
 * floor ("pin-tries-low": 1 left, or 2 without `few_tries_ok`), reads and
 * checks the PIN, refuses a stored one that was refused before, presents it
 * exactly once, reads the certificate.  The PIN is wiped in any case, unless
 * it was accepted and the backend keeps it for the session.
 */
struct unlock_options {
	enum pin_source source;
	int pin_fd;
	bool few_tries_ok;
	bool pin_changed; /* the operator says so: no marker counts */
	bool new_card;    /* likewise: a stored PIN may go to another card */
	struct pin_prompt prompt;
};
int session_unlock(
    struct session *s, const struct unlock_options *o, struct err *e);

/*
 * Gives the key a new PIN: asks for the old one once and the new one twice,
 * checks all three before anything is sent, and then presents the old one as
 * session_unlock does.  Refused unless all tries are left ("pin-tries-not-
 * full"), but for few_tries_ok.  Afterwards stored PINs count as outdated
 * until they have changed.  0; -1 with, beside those of session_unlock,
 * "pin-change-elsewhere", "pin-new-differs", "pin-new-same",
 * "pin-new-refused", "pin-change-unsure".
 */
int session_change_pin(
    struct session *s, const struct unlock_options *o, struct err *e);

/* Where the PIN that was accepted came from. */
enum pin_source session_pin_source(const struct session *s);

/* DER; empty before unlock. */
struct slice session_certificate(const struct session *s);

/* The algorithm that the certificate has chosen; NULL before unlock. */
const struct algorithm *session_algorithm(const struct session *s);

/* What is signed: the bytes, which only keys that hash by themselves get, and
 * their digest by the algorithm's hash, which every signature is checked
 * with. */
struct sign_input {
	struct slice bytes, digest;
};

/*
 * Signs a digest of the algorithm's hash and verifies the result with the
 * certificate's public key: 0 and the signature appended to out (as
 * backend.h has it); -1 with ERR_CARD "signature-wrong" for one that does
 * not verify, or the backend's error.
 */
int session_sign_once(struct session *s, const struct sign_input *in,
    struct buf *out, struct err *e);

/*
 * After that failed with *e: a key that has only forgotten its PIN is given
 * it again, where its backend says that this is safe, and asked once more.
 * 0, or -1 with *e as it was, or why it cannot be asked again.
 */
int session_sign_again(struct session *s, const struct sign_input *in,
    struct buf *out, struct err *e);

/* Both. */
int session_sign(struct session *s, const struct sign_input *in,
    struct buf *out, struct err *e);

/* 0 while the card is there; -1 with ERR_CARD. */
int session_alive(struct session *s, struct err *e);

/* Wipes, unpowers, frees.  NULL is accepted. */
void session_close(struct session *s);

#endif
