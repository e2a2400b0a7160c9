/* What the batch and an examiner say to each other. */
#ifndef SIGNER_EXAM_PROTOCOL_H
#define SIGNER_EXAM_PROTOCOL_H

#include "base/err.h"
#include "conf/conf.h"
#include "signer/cert/revoke.h"
#include "signer/exam/findings.h"
#include "signer/exam/format.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A request is a run of records, nearly always in one message, that ends
 * with GO; the examiner answers
 * with NEED_SCHEMA any number of times (each answered by SCHEMA) and then
 * once with PART… and DONE.  One request at a time per examiner.
 */
enum exam_op {
	EXAM_MISSING = 1, /* which named members of a folder are not there */
	EXAM_EXAMINE,     /* the one pass */
	EXAM_BUILD,       /* write the output */
	EXAM_VERIFY,      /* read an output back */
	EXAM_REVOKE       /* judge what was fetched about a certificate */
};

/* A signature that must be found valid by EXAM_VERIFY. */
struct exam_expected {
	char part[200];
	uint8_t spki[FINDINGS_SHA256];
};

/* EXAM_REVOKE: the certificate is the first member of `input`, the anchors
 * are the options'; the lists or answers are members of `drop`. */
enum exam_revoke_what {
	EXAM_REVOKE_PLAN, /* where to ask, and the OCSP request */
	EXAM_REVOKE_CRL,
	EXAM_REVOKE_OCSP
};

struct exam_revoke {
	enum exam_revoke_what what;
	int64_t max_age_ms;
	bool nonce_required;
	struct slice request; /* OCSP: that was sent; empty: a cached answer */
};

struct exam_request {
	enum exam_op op;
	uint64_t token;     /* comes back in the reply */
	const char *format; /* wanted ("auto"…) or, from BUILD on, the name */
	struct drop drop;   /* EXAM_VERIFY: the output */
	struct drop input;  /* EXAM_VERIFY: what it was made from, or empty */
	struct exam_options options; /* schemas is not sent */
	const struct slice *plans;   /* EXAM_BUILD, in part order */
	size_t plan_count;
	const struct new_signature *sigs;
	size_t sig_count;
	int64_t when_ms;
	int out; /* EXAM_BUILD: the empty output file */
	const struct exam_expected *expected;
	size_t expected_count;
	struct exam_revoke revoke; /* EXAM_REVOKE */
};

/*
 * Sends a whole request.  Descriptors stay the caller's.  0; -1 when the
 * examiner is gone or does not read (errnum EPIPE, EAGAIN), or when a part
 * exceeds a message ("ipc-too-large").
 */
int exam_request_send(int fd, const struct exam_request *r, struct err *e);

/* Sends the answer to NEED_SCHEMA; bundle = -1 when there is none. */
int exam_schema_send(int fd, int bundle, const char *sha256, struct err *e);

enum exam_reply_type {
	EXAM_REPLY_MORE,   /* part of an answer: receive again */
	EXAM_REPLY_SCHEMA, /* wants the bundle of procedure, version */
	EXAM_REPLY_DONE,   /* error.class == ERR_NONE: success */
	EXAM_REPLY_EOF     /* the examiner is gone */
};

/* Start as {0}; keeps parts until DONE.  Freed by exam_reply_free. */
struct exam_reply {
	uint64_t token;
	char procedure[24]; /* EXAM_REPLY_SCHEMA */
	char version[24];
	struct err error;         /* DONE */
	struct findings findings; /* DONE of EXAMINE and VERIFY */
	struct built built;       /* DONE of BUILD */
	char output_name[1100];   /* DONE of EXAMINE: see output_name() */
	bool revoke;              /* DONE of REVOKE: */
	struct revoke_plan plan;
	struct cert_revocation revocation;
	unsigned which; /* member of `drop` that it is from */
};

/* Receives one message.  The type, or -1 for a peer that misbehaves (drop
 * it).  On a non-blocking descriptor: -1 with errnum EAGAIN. */
int exam_reply_receive(int fd, struct exam_reply *r, struct err *e);
void exam_reply_free(struct exam_reply *r);

/* The examiner's side (examiner.c). */

/* A received request: owns its descriptors, names and bytes. */
struct exam_job;

/* Receives a whole request: 1, 0 at end of file, -1. */
int exam_job_receive(int fd, struct exam_job **job, struct err *e);
const struct exam_request *exam_job_request(const struct exam_job *job);
void exam_job_free(struct exam_job *job);

/* Asks for a bundle: a descriptor, or -1 (errnum ENOENT: there is none). */
int exam_schema_ask(int fd, const char *procedure, const char *version,
    char sha256[65], struct err *e);

/* Sends parts and DONE; `failure` has class ERR_NONE for success. */
int exam_done_send(int fd, const struct exam_reply *r,
    const struct err *failure, struct err *e);

#endif
