/* The store of batches and jobs: opening, transactions, batches, requests. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define QUEUE_FILE "natsuin.db" /* in state/ */
#define QUEUE_LOCK "lock"       /* in state/ */

#define QUEUE_BATCH_MAX 32 /* text ids, with their NUL */
#define QUEUE_NAME_MAX 48
#define QUEUE_PATH_MAX 1024

/*
 * Errors of every function here that takes a struct err:
 *   already-running   transient-io  another process holds state/lock (75)
 *   queue-none        config        no database yet (readers only)
 *   queue-newer       config        written by a newer natsuin
 *   queue-rights      config        file or folder may not be used
 *   queue-damaged     fatal-io      fails its integrity check; left as it is
 *   queue-full        fatal-io      no space
 *   queue-io          fatal-io      read or write failed
 *   queue-busy        transient-io  locked for longer than 5 seconds
 *   queue-constraint  bug           a rule of the schema is broken
 * Functions return 0 / -1 unless said otherwise; "not found" is 0 from those
 * that return 1 when found.
 */
struct queue;

enum queue_mode {
	QUEUE_WRITE,  /* the batch: takes state/lock, makes the database */
	QUEUE_READ,   /* status, list, report: also while a batch runs */
	QUEUE_REQUEST /* no lock; may only add requests */
};

/* Opens state/natsuin.db; `state_dir` stays the caller's.  NULL on error. */
struct queue *queue_open(int state_dir, enum queue_mode mode, struct err *e);
/* Rolls an open transaction back; NULL is accepted. */
void queue_close(struct queue *q);

/*
 * Group commit.  Every writing function must be called between the two (a
 * BUG otherwise; they do not nest).  The first failure inside sticks:
 * queue_commit then rolls everything back and returns that error.  What was
 * committed survives a power cut (WAL, synchronous=FULL).
 */
int queue_begin(struct queue *q, struct err *e);
int queue_commit(struct queue *q, struct err *e);
void queue_rollback(struct queue *q);
bool queue_in_transaction(const struct queue *q);

struct batch {
	int64_t id;
	char name[QUEUE_BATCH_MAX];      /* "20261122-180000", Tokyo time */
	int64_t created_ms, finished_ms; /* wall clock; 0 = unfinished */
	int64_t published, failed, held, discarded; /* of its jobs; counted
						      * live until finished */
	int64_t jobs;
};

/* Makes a batch named after the time ("-2", … added if that name exists). */
int queue_batch_add(
    struct queue *q, int64_t now_ms, struct batch *out, struct err *e);
/* The unfinished batch a crash left, which is to be finished first:
 * 1 found, 0 none. */
int queue_batch_unfinished(struct queue *q, struct batch *out, struct err *e);
/* Closes the batch: keeps each of its jobs' present state as the outcome in
 * this batch and stores the counts. */
int queue_batch_finish(
    struct queue *q, int64_t batch, int64_t now_ms, struct err *e);
/* By id, by name ("" = the newest): 1 found, 0 not. */
int queue_batch_get(
    struct queue *q, int64_t batch, struct batch *out, struct err *e);
int queue_batch_find(
    struct queue *q, const char *name, struct batch *out, struct err *e);
/* Ids, newest first, at most `max`; *ids is freed by the caller. */
int queue_batch_list(
    struct queue *q, size_t max, int64_t **ids, size_t *count, struct err *e);

/* What an operator asked for while a batch was running. */
enum queue_request_kind {
	QUEUE_RETRY = 1, /* a failed drop: back to in/, a new job */
	QUEUE_RELEASE,   /* a held job: go on, whatever held it */
	QUEUE_DISCARD    /* a held job: to failed/, unsigned */
};

struct queue_request {
	int64_t id;
	enum queue_request_kind kind;
	char job[QUEUE_NAME_MAX];    /* the job's text id */
	uid_t uid;                   /* who asked */
	int64_t created_ms, done_ms; /* done 0 = pending */
	char result[40];             /* "done", or a code why not */
};

/* Records a request in a transaction of its own (modes REQUEST, WRITE). */
int queue_request_add(struct queue *q, enum queue_request_kind kind,
    const char *job, uid_t uid, int64_t now_ms, int64_t *id, struct err *e);
/* The oldest pending one: 1, or 0 none. */
int queue_request_next(
    struct queue *q, struct queue_request *out, struct err *e);
int queue_request_get(
    struct queue *q, int64_t id, struct queue_request *out, struct err *e);
/* Marks it executed (inside a transaction). */
int queue_request_done(struct queue *q, int64_t id, const char *result,
    int64_t now_ms, struct err *e);
/* Cheap: true when another process has written since the last call, so that
 * the running batch need not ask for requests each turn. */
bool queue_changed(struct queue *q);

/* Forgets the bulk (findings, plans, SignedInfos, signature values) of jobs
 * that became final before `before_ms`; everything that finds duplicates
 * and resubmissions stays.  Inside a transaction. */
int queue_prune(struct queue *q, int64_t before_ms, struct err *e);

#endif
