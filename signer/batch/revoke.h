/* Keys of a batch and their certificates' revocation. */
#ifndef SIGNER_BATCH_REVOKE_H
#define SIGNER_BATCH_REVOKE_H

#include "signer/batch/internal.h"

#include <poll.h>

/* Opens state/revocation and reads nothing yet.  0 / -1. */
int revoke_open(struct runner *r, struct err *e);
void revoke_close(struct runner *r);

/* The key's certificate has just been seen: takes what was known of it and
 * starts a check.  True: the key should wait for it before it signs. */
bool revoke_seen(struct runner *r, struct bkey *k);
/* True while a key that has been seen should still wait. */
bool revoke_waits(const struct bkey *k);

/* True while an output by this key must not be published yet, because what is
 * known is too old; a check runs then. */
bool revoke_is_due(struct runner *r, struct bkey *k);

/* Goes on with all checks; stops keys whose certificates are revoked, and
 * starts what should be known anew.  Never waits. */
void revoke_pump(struct runner *r);

/* Fills one entry per key; the number.  When revoke_pump is due at the
 * latest (monotonic ms; INT64_MAX: never). */
size_t revoke_poll(const struct runner *r, struct pollfd *fds);
int64_t revoke_next_ms(const struct runner *r);

/* What was known of a certificate when it last was allowed to sign. */
void revoke_recall(const struct runner *r, const uint8_t certificate[32],
    struct cert_revocation *out);

#endif
