/* Jobs: one drop's way through the program, its state and its history. */
#ifndef QUEUE_JOB_H
#define QUEUE_JOB_H

#include "base/buf.h"
#include "base/err.h"
#include "queue/queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_SHA256 32

/* DESIGN 4; one exactly.  Ranks grow along the way; stored by name. */
enum job_state {
	JOB_CLAIMING, /* intention recorded; may still lie in in/ */
	JOB_CLAIMED,
	JOB_EXAMINED,
	JOB_SIGNING, /* intents recorded */
	JOB_SIGNED,
	JOB_BUILT,
	JOB_VERIFIED,
	JOB_HELD,      /* waits; original in work/ */
	JOB_PUBLISHED, /* final; delivered, original goes to done/ */
	JOB_FAILED,    /* final; original goes to failed/ */
	JOB_DISCARDED, /* final; by an operator, original goes to failed/ */
	JOB_RETURNED,  /* final; was never taken or was put back into in/:
			* no report line */
	JOB_STATE_MAX
};

/* What an operator's release allows this job. */
#define JOB_ALLOW_DUPLICATE 1U
#define JOB_ALLOW_RESUBMISSION 2U

struct job {
	int64_t id;
	char name[QUEUE_NAME_MAX]; /* "20261122-180000-0001": file-system
				    * safe; work area and keyholder audit */
	int64_t batch;             /* the batch that handles it (last) */
	char batch_name[QUEUE_BATCH_MAX];
	char drop[64];               /* drop folder's name in the settings */
	char source[QUEUE_PATH_MAX]; /* in the drop folder, raw bytes */
	char path[QUEUE_PATH_MAX];   /* the same as clean UTF-8 */
	bool folder;
	uint64_t size;
	uint8_t sha256[QUEUE_SHA256]; /* of the private copy */
	int64_t mtime_ms;
	int64_t created_ms, changed_ms; /* job made; last state change */
	enum job_state state;
	enum job_state resume; /* state before it was held */
	enum err_class class;  /* of failed / held, else ERR_NONE */
	char code[40];
	char detail[240];
	char key[64];   /* held for this key's sake, or "" */
	int attempts;   /* abnormal exits in flight since it last got further */
	bool busy;      /* in flight: with an examiner or a keyholder */
	unsigned allow; /* JOB_ALLOW_… */
	bool cleaned;   /* final and the work area is done with it */
	char format[24], procedure[24];
	char taxpayer[80]; /* whatever identifies one: equal is the same */
	char period[64];
	char output[QUEUE_PATH_MAX];   /* its name; published: its place */
	char original[QUEUE_PATH_MAX]; /* where the original ended */
	uint64_t output_size;
	uint8_t output_sha256[QUEUE_SHA256];
};

/* "claimed", … and back (JOB_STATE_MAX when unknown). */
const char *job_state_name(enum job_state state);
enum job_state job_state_from_name(const char *name);
bool job_state_final(enum job_state state);
/* The table of allowed steps; queue_job_step aborts on any other. */
bool job_step_allowed(enum job_state from, enum job_state to);

/*
 * Writers: inside a transaction.  They also bring *j up to date, so that the
 * caller's copy equals the record.
 */

/* A new job in JOB_CLAIMING.  Give batch, drop, source, path, folder, size,
 * mtime_ms; gets id, name, times. */
int queue_job_add(
    struct queue *q, struct job *j, int64_t now_ms, struct err *e);

/*
 * One step of the state machine, with a history row.  `why` (may be NULL) is
 * kept as class, code and detail for HELD, FAILED, DISCARDED, RETURNED and
 * only noted in the history for others.  Sets resume when held.
 */
int queue_job_step(struct queue *q, struct job *j, enum job_state to,
    const struct err *why, int64_t now_ms, struct err *e);

/* Stores what the claim found: j->size, sha256, mtime_ms. */
int queue_job_set_claim(struct queue *q, struct job *j, struct err *e);
/* Stores j->format, procedure, taxpayer, period and the opaque findings. */
int queue_job_set_findings(
    struct queue *q, struct job *j, struct slice findings, struct err *e);
/* Stores j->output, output_size, output_sha256 (output may be ""). */
int queue_job_set_output(struct queue *q, struct job *j, struct err *e);
/* Stores j->original, and that nothing of the job is left in work/. */
int queue_job_set_cleaned(struct queue *q, struct job *j, struct err *e);
/* Stores j->key: which key the hold waits for ("" = none). */
int queue_job_set_key(struct queue *q, struct job *j, struct err *e);
int queue_job_set_allow(
    struct queue *q, struct job *j, unsigned allow, struct err *e);
/* In flight from now on, or no longer. */
int queue_job_set_busy(
    struct queue *q, struct job *j, bool busy, struct err *e);
/* The job is handled by (also) this batch from now on: it gets a line in it
 * and keeps the lines it has in others. */
int queue_job_enter(
    struct queue *q, struct job *j, int64_t batch, struct err *e);

/* Once at start, before any work: each job in flight when the program ended
 * gets attempts + 1 and is no longer in flight.  A job whose state later
 * goes beyond all it had reached before starts again from 0. */
int queue_recover_attempts(struct queue *q, struct err *e);

/* By id, by text id: 1 found, 0 not. */
int queue_job_get(struct queue *q, int64_t id, struct job *out, struct err *e);
int queue_job_find(
    struct queue *q, const char *name, struct job *out, struct err *e);
/* Appends the findings blob (nothing when there is none). */
int queue_job_findings(
    struct queue *q, int64_t id, struct buf *out, struct err *e);

/* Which jobs to list; all give ids in the order in which they were made. */
enum queue_select {
	QUEUE_OPEN_JOBS, /* not final, held ones included */
	QUEUE_HELD_JOBS,
	QUEUE_UNCLEANED,  /* final, but maybe still in work/ */
	QUEUE_BATCH_JOBS, /* of batch `arg` (all it handled) */
	QUEUE_RECENT_JOBS /* the newest `arg`, newest first */
};
int queue_job_list(struct queue *q, enum queue_select which, int64_t arg,
    int64_t **ids, size_t *count, struct err *e);

/* Jobs now in each state: counts[JOB_STATE_MAX]. */
int queue_job_counts(struct queue *q, int64_t counts[], struct err *e);

/* How a job stood when a batch ended (its present state while the batch
 * runs): 1 found, 0 the batch never had it. */
struct batch_line {
	enum job_state state;
	enum err_class class;
	char code[40];
	char detail[240];
};
int queue_batch_line(struct queue *q, int64_t batch, int64_t job,
    struct batch_line *out, struct err *e);
/* How many of the batch's failed jobs have this code. */
int queue_batch_failed_with(struct queue *q, int64_t batch, const char *code,
    int64_t *count, struct err *e);

struct job_event {
	int64_t when_ms;
	enum job_state state;
	char code[40]; /* "" for ordinary steps */
	char detail[240];
};
/* A job's history, oldest first; *events is freed by the caller. */
int queue_job_history(struct queue *q, int64_t id, struct job_event **events,
    size_t *count, struct err *e);

#endif
