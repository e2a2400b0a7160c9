/* Drop folders: looking, and taking what is ready. */
#ifndef SIGNER_BATCH_DROPS_H
#define SIGNER_BATCH_DROPS_H

#include "signer/batch/internal.h"

int drops_open(struct runner *r, struct err *e);

/* Scans what is due and claims what is ready, as far as there is room;
 * commits what it records.  Problems are logged once. */
void drops_claim(struct runner *r);

/* All folders are to be scanned at once (inotify woke us). */
void drops_wake(struct runner *r);

/* The look at found drop `at` has ended: class NONE = whole. */
void drop_looked(
    struct runner *r, struct bdrop *d, size_t at, const struct err *e);

/* Found drops that are not taken yet. */
size_t drops_left(const struct runner *r);

void drops_close(struct runner *r);

/* When a folder wants to be looked at next (monotonic ms). */
int64_t drops_next_ms(const struct runner *r);

/* True while something lies in a drop folder that will be ready soon, or is
 * being looked at, or was found and not taken yet. */
bool drops_pending(const struct runner *r);

#endif
