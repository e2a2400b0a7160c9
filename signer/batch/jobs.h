/* Jobs in memory: their steps, errors and ends. */
#ifndef SIGNER_BATCH_JOBS_H
#define SIGNER_BATCH_JOBS_H

#include "signer/batch/internal.h"

/* A job in memory from its record; NULL when memory is out. */
struct bjob *job_new(struct runner *r, const struct job *record);
/* True while the job of this id is worked on: there is only one of it. */
bool job_in_memory(const struct runner *r, int64_t id);
/* Frees the jobs whose stage is STAGE_END. */
void jobs_sweep(struct runner *r);
void jobs_free(struct runner *r);

/* The spool's view of a job (borrows its strings). */
struct spool_job job_place(const struct bjob *j);

/* Records a step of the state machine; a failing queue is fatal. */
void job_step(
    struct runner *r, struct bjob *j, enum job_state to, const struct err *why);

/* What an error does to the job: fail, hold, or try the stage again. */
void job_error(struct runner *r, struct bjob *j, const struct err *e);
/* Holds it for the sake of a key ("" = none). */
void job_hold(
    struct runner *r, struct bjob *j, const char *key, const struct err *e);

/* Counts a job that this run holds, or (taken = true) takes up again. */
void job_count_held(struct runner *r, enum err_class why, bool taken);

/* The runner's key of this name; NULL when it is not configured. */
struct bkey *runner_key(struct runner *r, const char *name);

/* Has any of its signatures been made before for the same content?  Asked in
 * the transaction that records its own intents, so that of two equal filings
 * in flight one is signed.  1, with *why filled; 0; -1 after a fatal error. */
int job_find_duplicate(struct runner *r, struct bjob *j, struct err *why);

/* Stores what was found, under the names by which the queue looks. */
void job_record_findings(struct runner *r, struct bjob *j);

/* Refused by the examiner: records whose filing it is, for the report. */
void job_refused(struct runner *r, struct bjob *j);

/* Examined: records the findings and decides (own output, resubmission). */
void job_examined(struct runner *r, struct bjob *j);

/* "20261122-180000-0001.0.1": how a keyholder knows a signature. */
char *bsig_name(const struct bsig *s, char out[KEY_JOB_ID_MAX]);

/* The exact bytes that this signature is over, as its key's algorithm has
 * them; out is emptied first.  0 / -1 memory. */
int bsig_signed_info(const struct bsig *s, struct buf *out, struct err *e);

/* True while some job is not yet in the lines of its keys: it is examined, or
 * its intents are to be recorded or committed. */
bool jobs_are_coming(const struct runner *r);

/* How many jobs are at a stage, those aside that are to be tried later. */
size_t jobs_waiting(const struct runner *r, enum stage stage);

#endif
