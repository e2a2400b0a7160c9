/* Ends of jobs: delivered, failed; and what is left in work/ after them. */
#ifndef SIGNER_BATCH_FINISH_H
#define SIGNER_BATCH_FINISH_H

#include "signer/batch/internal.h"

/* True when jobs have waited for company long enough, or nothing more comes. */
bool finish_due(struct runner *r);

/* How long the first that is ready waits for others. */
int64_t finish_wait_ms(const struct runner *r);

/* Publishes every verified job and clears away every failed one: names are
 * linked, folders synced once, the state committed, originals moved. */
void finish_jobs(struct runner *r);

/* Clears away one final job that a crash left (state in its record): done
 * or failed folder, copies.  0 / -1. */
int finish_leftover(struct runner *r, struct job *j, struct err *e);

/* The text beside a failed original, in the report's language.  0 / -1. */
int finish_reason(const struct conf *c, const struct job *j, struct buf *out);

#endif
