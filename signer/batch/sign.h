/* From examined to signed: the gate, intents, values. */
#ifndef SIGNER_BATCH_SIGN_H
#define SIGNER_BATCH_SIGN_H

#include "signer/batch/internal.h"

/* Makes the list of signatures that are missing from the examined job; the
 * others are there already, made by the same key.  0; -1 memory, or ERR_CONFIG
 * "algorithm-not-allowed" when the settings do not let this format be signed
 * with what it is signed with already. */
int sign_plan(struct runner *r, struct bjob *j, struct err *e);

/* Chooses the keys of an examined job and records its intents; stage becomes
 * SIGN.  A duplicate ends here, and what no key may sign. */
void sign_intend(struct runner *r, struct bjob *j);

/* What was recorded is committed: those intents are durable. */
void sign_committed(struct runner *r);

/* Durable intents into the keys' lines, as far as the gates ("one first")
 * let them. */
void sign_enter_lines(struct runner *r);

/*
 * A card stands still from the answer to its first filing until that is
 * verified.  True while the first of an open key is on its way and there is
 * enough to go on with: then no filing is claimed or examined, nothing is
 * committed and no name moved, for a few seconds at most.
 */
bool sign_first_hurries(const struct runner *r);

/* The job may be a first one that still waits for others. */
bool sign_may_wait(const struct bjob *j);

/* Records values that have arrived; complete jobs go to BUILD. */
void sign_collect(struct runner *r);

/* A verified job opens the gates it was the first at; one that ended
 * otherwise gives its turn back (`broken`: nobody may pass any more). */
void sign_open_gates(struct runner *r, struct bjob *j);
void sign_leave_gates(struct runner *r, struct bjob *j, bool broken);

#endif
