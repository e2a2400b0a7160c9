/* Taking up again what an earlier run left, and what was held. */
#ifndef SIGNER_BATCH_RESUME_H
#define SIGNER_BATCH_RESUME_H

#include "signer/batch/internal.h"

/*
 * Once at start: the unfinished batch, interrupted claims, final jobs that
 * are not cleaned, work directories without a record; lists the jobs to take
 * up again.  0 / -1 (the program cannot start).
 */
int resume_start(struct runner *r, struct err *e);

/* Brings listed jobs into memory while there is room. */
void resume_more(struct runner *r);

/* Held jobs that wait for this key (with NULL: all, but for what only an
 * operator can decide) are listed again. */
void resume_held(struct runner *r, const char *key);

/* Lists one held job again: an operator released it. */
void resume_job(struct runner *r, int64_t id);

bool resume_pending(const struct runner *r);

#endif
