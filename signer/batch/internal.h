/* The batch's own state; for the files of signer/batch/ only. */
#ifndef SIGNER_BATCH_INTERNAL_H
#define SIGNER_BATCH_INTERNAL_H

#include "conf/conf.h"
#include "queue/job.h"
#include "queue/sign.h"
#include "schemas/store.h"
#include "signer/batch/batch.h"
#include "signer/batch/bkey.h"
#include "signer/exam/examiner.h"
#include "spool/claim.h"
#include "spool/scan.h"
#include "spool/spool.h"

#include <stdbool.h>
#include <stdint.h>

#define IN_FLIGHT_MAX 128 /* jobs in memory at once */
#define LINE_LOW 8        /* below this a key's line is filled first */
#define EXAMINERS_MAX 64
#define TRANSIENT_TRIES 3
#define ABNORMAL_EXITS 3   /* a job in flight at so many fails */
#define GROUP 16           /* so many jobs are committed or published at once */
#define GROUP_MS 30        /* or after this long, */
#define GROUP_SLOW_MS 200  /* at most this where each commit takes long */
#define FINISH_MS 200      /* ends of jobs wait at most this long */
#define FINISH_LOW_MS 1000 /* at the start, while a card has little to do */
#define FIRST_READY 8      /* durable filings before the first is signed */
#define FIRST_ENOUGH 3     /* to go on with once it is verified */
#define FIRST_WAIT_MS 200  /* but it waits no longer for them */
#define FIRST_HURRY_MS 5000 /* nothing slow is begun while it is signed */
#define BEGUN_MAX 4         /* stopped keys that one filing may see */
#define DEATHS 2            /* examiners that one filing may cost */
#define EXITS_MAX 8         /* examiners that end by themselves, in a row */
#define FRESH_MS 60000      /* XML that ends too early may be completed */

/* Where a job in memory is (DESIGN-batch.md). */
enum stage {
	STAGE_EXAM,   /* to be examined, or being */
	STAGE_INTEND, /* examined; its intents are to be recorded */
	STAGE_SIGN,   /* intents recorded, signatures outstanding */
	STAGE_BUILD,
	STAGE_VERIFY,
	STAGE_PUBLISH, /* found good; its names move with the next group */
	STAGE_FAILED,  /* recorded as failed; its original moves likewise */
	STAGE_END      /* nothing left to do: freed at the end of the turn */
};

/* One signature of a job: a part by a signer. */
struct bsig {
	struct bjob *job;
	struct bkey *key; /* NULL until one is chosen (pool.h) */
	unsigned part, signer;
	char id[80];     /* Signature/@Id */
	int64_t time_ms; /* recorded with the intent */
	bool intended;   /* its intent is recorded */
	bool lined;      /* in its key's line, or answered */
	bool sent;
	bool done;
	bool stored; /* its value is in the queue */
	struct buf value;
	struct bsig *next; /* in the key's line */
};

struct bjob {
	struct bjob *next;
	struct job record; /* the queue's */
	const struct conf_drop *drop;
	enum stage stage;
	int exam;         /* the examiner that has it, or -1 */
	int builder;      /* the one that built: another one verifies */
	int deaths;       /* of examiners, on this filing */
	int tries;        /* of the present stage, after transient errors */
	int64_t again_ms; /* monotonic: not before this */
	size_t format;    /* index in submission_formats */
	struct findings findings;
	char output_name[1100];
	struct bsig *sigs;
	size_t sig_count, sigs_left;
	bool durable;       /* its intents are committed, */
	int64_t durable_ms; /* monotonic: since then */
	uint64_t keys_seen; /* its keys' `opened`, when it was examined */
	bool parts_stored;  /* in the queue */
	bool lined;         /* its signatures are in their keys' lines */
	bool leaving;       /* its names move now: all it needs is committed */
	bool sent; /* its delivery has begun: what is gone has arrived */
	struct bkey *begun[BEGUN_MAX]; /* that stopped while they signed it */
	size_t begun_count;
	struct built built;
};

/* What became of a found drop since the scan. */
enum found_state {
	FOUND_NEW,
	FOUND_LOOKING, /* an examiner looks whether it is complete */
	FOUND_WHOLE,   /* may be taken */
	FOUND_GONE     /* taken, or left until it changes */
};

/* A drop folder between two scans: what was found and not yet taken. */
struct bdrop {
	const struct conf_drop *conf;
	struct spool_scan scan;
	unsigned char *state; /* enum found_state, for each found drop */
	size_t next;          /* those before it are all gone */
	size_t looking;       /* how many are being looked at */
	int64_t scan_ms;      /* monotonic: scan (again) at this time */
	bool waiting;         /* something settles; scan_ms is when to look */
	bool unreadable;      /* said once */
};

struct bexam {
	struct examiner x;
	struct bjob *job;   /* what it works on */
	struct bdrop *look; /* or a look before the claim, */
	size_t look_at;     /* at this found drop */
	enum exam_op op;
	struct exam_reply reply;
	struct err schema; /* a bundle could not be read for its job */
	int64_t deadline_ms;
};

struct runner {
	const struct conf *conf;
	const struct batch_options *options;
	struct spool *spool;
	struct queue *queue;
	struct cert_anchors *anchors; /* NULL: none configured */
	int revocation_dir;           /* state/revocation */
	struct schema_store *schemas; /* NULL: none configured */
	struct bkey *keys;
	size_t key_count;
	struct bdrop *drops;
	size_t drop_count;
	struct bexam exams[EXAMINERS_MAX];
	size_t exam_count;
	unsigned exits;      /* examiners that ended by themselves, in a row */
	bool examiners_full; /* when work was given out last */
	struct bjob *jobs, **jobs_end;
	size_t job_count;
	int64_t crashed; /* the job that an earlier run crashed on, or 0 */
	int64_t *resume; /* ids of jobs to take up again */
	size_t resume_count, resume_next;
	struct batch batch; /* the open one; id 0 = none */
	int64_t quiet_ms;   /* monotonic: since when nothing is in flight */
	uint64_t published, failed, held;
	uint64_t held_by_class[ERR_CLASS_MAX]; /* of held */
	int64_t began_ms;                      /* wall clock */
	int64_t recorded_ms; /* monotonic: since when something is recorded */
	int64_t commit_ms;   /* how long the last commit took */
	int64_t ready_ms;    /* since when a job waits for its end, or 0 */
	bool stopping;       /* SIGTERM or a fatal error: no new claims */
	struct err fatal; /* why the program stops; class NONE: it does not */
	struct err low;   /* why a drop was left in in/: the disk is full */
};

/* What a class does (decide.c): nothing else looks at a class. */
enum job_action { JOB_FAILS, JOB_IS_HELD, JOB_TRIES_AGAIN };
struct decision {
	enum job_action job;
	bool stops_key;
	bool stops_program;
};
struct decision decide(const struct err *e);

/* Stops the program: nothing more is claimed, recorded or moved. */
void runner_fatal(struct runner *r, const struct err *e);

/* True when what is recorded should be committed and acted on now; it waits a
 * little for company, because a commit costs a write to the disk. */
bool runner_due(const struct runner *r);

/* True while an examiner or a key works on what will soon be recorded. */
bool runner_expects_more(const struct runner *r);

/* Opens a transaction if none is open; what follows is committed by
 * runner_commit at the latest at the end of the turn.  False after a fatal
 * error: then nothing may be recorded. */
bool runner_record(struct runner *r);
/* Commits what is open.  0; -1 after a fatal error: do not act. */
int runner_commit(struct runner *r);

#endif
