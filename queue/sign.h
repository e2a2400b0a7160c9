/* Parts, recorded intents, signatures, certificates, duplicates. */
#ifndef QUEUE_SIGN_H
#define QUEUE_SIGN_H

#include "base/buf.h"
#include "base/err.h"
#include "queue/job.h"
#include "queue/queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A document of a job that is to be signed.  Start as {0}. */
struct queue_part {
	unsigned index; /* 0, 1, … in the job */
	char name[200];
	struct buf signed_info; /* canonical bytes */
	struct buf plan;        /* the examiner's, opaque */
	uint8_t duplicate[QUEUE_SHA256];
	uint32_t signed_by; /* bit i: signer i has signed it before */
};

void queue_part_free(struct queue_part *p);

/* Replaces all parts of the job (inside a transaction). */
int queue_parts_set(struct queue *q, int64_t job,
    const struct queue_part *parts, size_t count, struct err *e);
/* Number of parts / one part (frees what *p held): 1 found, 0 not. */
int queue_part_count(
    struct queue *q, int64_t job, size_t *count, struct err *e);
int queue_part_get(struct queue *q, int64_t job, unsigned index,
    struct queue_part *p, struct err *e);

/* One signature, from intent to value.  Start as {0}. */
struct queue_signature {
	int64_t job;
	unsigned part, signer; /* index of the part; place in sign-with */
	char key[64];
	uint8_t spki[QUEUE_SHA256];
	uint8_t signed_info[QUEUE_SHA256]; /* SHA-256 of the bytes signed */
	uint8_t certificate[QUEUE_SHA256]; /* see queue_certificate_get */
	char id[80];                       /* Signature/@Id */
	int64_t time_ms;
	struct buf value; /* raw; empty until signed */
};

void queue_signature_free(struct queue_signature *s);

/*
 * Records the intent before anything goes to a keyholder (value is ignored).
 * An intent of the same (job, part, signer) for the same key, certificate
 * and SignedInfo is kept and read back into *s, with the Id and time it had
 * and its value if there is one: recovery then signs the same bytes.  One
 * for anything else is replaced.
 */
int queue_intent_set(struct queue *q, struct queue_signature *s, struct err *e);
/* 1 found, 0 not; frees what *s held. */
int queue_signature_get(struct queue *q, int64_t job, unsigned part,
    unsigned signer, struct queue_signature *s, struct err *e);
/* Stores the checked value of a recorded intent. */
int queue_signature_set(struct queue *q, int64_t job, unsigned part,
    unsigned signer, struct slice value, struct err *e);
/* Intents of the job, and how many of them have their value. */
int queue_signature_count(struct queue *q, int64_t job, size_t *intents,
    size_t *values, struct err *e);
/* Forgets the job's intents: for a job that starts over with other content
 * or another key. */
int queue_intents_clear(struct queue *q, int64_t job, struct err *e);

/* Forgets one of them, if it is there: this signer does not sign this part
 * (any more). */
int queue_intent_drop(struct queue *q, int64_t job, unsigned part,
    unsigned signer, struct err *e);

/*
 * A time for a Signature Id of this key: `now_ms`, or the next later one not
 * used, in steps of `step_ms` (1 for e-Tax's 17 digits, 1000 for e-Gov's 14).
 * Strictly increasing per key over all batches.  Inside a transaction.
 */
int queue_sign_time(struct queue *q, const char *key, int64_t step_ms,
    int64_t now_ms, int64_t *time_ms, struct err *e);

/* An earlier job that must make one think. */
struct queue_earlier {
	int64_t job;
	char name[QUEUE_NAME_MAX];
	char batch[QUEUE_BATCH_MAX];
	enum job_state state;
	int64_t when_ms; /* of its present state */
	char path[QUEUE_PATH_MAX];
	char output[QUEUE_PATH_MAX];
};

/* All: 1 found (the newest), 0 none.  Jobs that failed, were discarded or
 * returned do not count; `job` itself never does. */

/* The same content with an intent or signature of the same key. */
int queue_find_duplicate(struct queue *q, int64_t job,
    const uint8_t duplicate[QUEUE_SHA256], const uint8_t spki[QUEUE_SHA256],
    struct queue_earlier *out, struct err *e);
/* The same by the key's name, whatever its certificate was then. */
int queue_find_duplicate_by(struct queue *q, int64_t job,
    const uint8_t duplicate[QUEUE_SHA256], const char *key,
    struct queue_earlier *out, struct err *e);
/* The same bytes taken before, published or by an older job: for what is
 * packaged without a signature (of two in flight the older one goes on). */
int queue_find_input(struct queue *q, int64_t job,
    const uint8_t sha256[QUEUE_SHA256], struct queue_earlier *out,
    struct err *e);
/* Our own output, by its bytes. */
int queue_find_output(struct queue *q, int64_t job,
    const uint8_t sha256[QUEUE_SHA256], struct queue_earlier *out,
    struct err *e);
/* Published before for the same taxpayer, procedure and period (taxpayer
 * and procedure must not be "", else 0). */
int queue_find_filing(struct queue *q, int64_t job, const char *taxpayer,
    const char *procedure, const char *period, struct queue_earlier *out,
    struct err *e);

/* The certificate that a key showed, remembered for warnings and doctor. */
struct queue_certificate {
	char key[64];
	uint8_t sha256[QUEUE_SHA256]; /* of the DER */
	uint8_t spki[QUEUE_SHA256];
	int64_t first_ms, last_ms; /* seen with this key */
	struct buf der;
};

void queue_certificate_free(struct queue_certificate *c);

/* Notes c (key, sha256, spki, der) as seen now (inside a transaction). */
int queue_certificate_seen(struct queue *q, const struct queue_certificate *c,
    int64_t now_ms, struct err *e);
/* The one seen last with this key, other than `except` (may be NULL): ask
 * before _seen, or with the present one as `except`.  1 found, 0 none. */
int queue_certificate_last(struct queue *q, const char *key,
    const uint8_t *except, struct queue_certificate *out, struct err *e);
/* By its hash: 1 found, 0 not. */
int queue_certificate_get(struct queue *q, const uint8_t sha256[QUEUE_SHA256],
    struct buf *der, struct err *e);

#endif
