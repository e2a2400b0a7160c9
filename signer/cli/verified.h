/* Inside `natsuin verify`: what was found out, and what it comes to. */
#ifndef SIGNER_CLI_VERIFIED_H
#define SIGNER_CLI_VERIFIED_H

#include "signer/cert/check.h"
#include "signer/exam/judged.h"
#include "signer/exam/protocol.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* From best to worst; the worst decides. */
enum verified_result {
	VERIFIED_VALID,
	VERIFIED_UNCOVERED,   /* valid, but there is more than was signed */
	VERIFIED_NOT_CHECKED, /* nothing is wrong, but not all was checked */
	VERIFIED_CERTIFICATE, /* a certificate is not in order */
	VERIFIED_UNSIGNED,
	VERIFIED_UNREADABLE,
	VERIFIED_INVALID /* a signature is not in order */
};

struct verified_signature {
	const struct judged_signature *judged;
	struct cert_verdict *verdict; /* NULL: no certificate to judge */
	enum verified_result result;
};

/* One file.  Starts as {0} with its name; verified_free. */
struct verified {
	const char *file;
	struct exam_reply reply; /* findings.judged where it could be read */
	struct err error;        /* ERR_NONE: it could be */
	struct verified_signature *signatures;
	size_t count, filing_count;
	enum verified_result result;
};

/* How certificates are judged. */
struct verified_rules {
	struct cert_policy policy;
	int64_t at_ms;
	/* What is known of a certificate's revocation; NULL: nothing. */
	const struct cert_revocation *(*known)(void *ctx, struct slice der);
	void *ctx;
};

/* Judges certificates and sums up.  Foreign certificates are parsed: only in
 * the sandbox.  0 / -1 memory. */
int verified_judge(struct verified *v, const struct verified_rules *rules);
void verified_free(struct verified *v);

/* "valid", …; the exit status; the headline, in the language in use. */
const char *verified_name(enum verified_result r);
int verified_exit(enum verified_result r);
const char *verified_headline(enum verified_result r);

/* The time that a signature claims, in ms UTC; -1 when it is none. */
int verified_claim(const struct judged_signature *s, int64_t *ms);

/* verify_show.c: for people; `quiet`: a line for what is not valid. */
void verified_show(const struct verified *v, bool quiet);
/* verify_json.c: see docs/verify.schema.json; NULL when memory is out. */
json_t *verified_json(const struct verified *v);

#endif
