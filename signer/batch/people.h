/* Is the person whose certificate signs the one who was to sign? */
#ifndef SIGNER_BATCH_PEOPLE_H
#define SIGNER_BATCH_PEOPLE_H

#include "signer/batch/internal.h"

/* True when the key's holder is certainly not whom the job's drop folder
 * wants: another key of its pool comes first. */
bool people_differ(const struct bjob *j, const struct bkey *k);

/*
 * Asked when a job's keys are chosen, before an intent is recorded: so before
 * any signature, and after the PIN where that is what opens a certificate.
 * Fills and records findings.people.  0; -1 "signer-mismatch" where the drop
 * folder refuses it, with the key or pool to hold the job for in *name.
 */
int people_check(
    struct runner *r, struct bjob *j, const char **name, struct err *why);

#endif
