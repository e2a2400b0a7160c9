/* May this certificate sign at this time?  A verdict with all reasons. */
#ifndef SIGNER_CERT_CHECK_H
#define SIGNER_CERT_CHECK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/ipc.h"
#include "conf/conf.h"
#include "signer/cert/anchors.h"
#include "signer/cert/cert.h"
#include "signer/cert/revocation.h"

#include <stdbool.h>
#include <stdint.h>

#define CERT_NOTES_MAX 12
#define CERT_PATH_MAX 8

struct cert_policy {
	const struct cert_anchors *anchors; /* NULL: none configured */
	enum conf_revocation revocation;
	int64_t warn_days;        /* first expiry warning; 0 = 90 */
	int rsa_bits_min;         /* 0 = 2048 */
	bool allow_ec;            /* P-384 too; else RSA only */
	uint8_t pin[CERT_SHA256]; /* certificate-sha256 of the key */
	bool pinned;
	bool past; /* the time of check has gone by: a certificate that was
		    * revoked later was good then */
	/* Has further kinds of certificate, and the due dates of drop folders
	 * that the key signs for; NULL: none of either.  Borrowed. */
	const struct conf *conf;
	const struct conf_key *key;
	/* What revcheck.c found out; NULL: nobody was asked.  Borrowed. */
	const struct cert_revocation *known;
};

/* A policy from the configuration; `key` may be NULL.  All three must live
 * as long as the policy.  0 / -1 ERR_CONFIG for a malformed pin. */
int cert_policy_init(struct cert_policy *p, const struct conf *c,
    const struct conf_key *key, const struct cert_anchors *anchors,
    struct err *e);

struct cert_note {
	char code[40];    /* stable, ASCII, see explain_cert.def */
	char detail[240]; /* this case */
};

enum cert_path_state {
	CERT_PATH_NOT_CHECKED, /* no anchors configured */
	CERT_PATH_OK,
	CERT_PATH_BAD
};

/*
 * Plain and encodable.  Problems (any one forbids signing):
 *   certificate-expired, certificate-not-yet-valid, certificate-usage,
 *   certificate-key-too-small, certificate-algorithm (key type or curve, or
 *   signed with SHA-1 or MD5), algorithm-not-allowed (P-384 where the policy
 *   has RSA only), certificate-no-path, certificate-path-signature,
 *   certificate-ca-expired, certificate-ca-invalid (not a CA),
 *   certificate-ca-usage (a CA that may not sign certificates),
 *   certificate-path-length, certificate-name-constraint,
 *   certificate-path-policy, certificate-key-identifier,
 *   certificate-path-too-long, certificate-path-loop,
 *   certificate-path-too-complex, certificate-critical-extension,
 *   certificate-is-authentication, certificate-juki-ended,
 *   certificate-kind-refused, certificate-is-ca, certificate-not-pinned,
 *   certificate-revoked (a list says so), certificate-revoked-ocsp,
 *   certificate-suspended,
 *   certificate-revocation-required, before it the fault of what was asked
 *   (revocation-stale and others).
 * Warnings: certificate-expires-{90,60,30,7}, certificate-ends-before-due,
 *   certificate-jpki-ends (explains them), certificate-path-not-checked,
 *   certificate-usage-absent, certificate-many-policies,
 *   certificate-revocation-unknown (somebody was asked, in vain),
 *   certificate-revoked-later (than a time of check that has gone by).
 */
struct cert_verdict {
	struct cert_info cert;
	int64_t at_ms; /* the time it was checked for */
	bool ok;       /* no problem */
	struct cert_note problems[CERT_NOTES_MAX];
	unsigned problem_count;
	struct cert_note warnings[CERT_NOTES_MAX];
	unsigned warning_count;
	int64_t days_left; /* as cert_days_left */
	enum cert_path_state path;
	/* The path, or as far as one was found: issuer first, then up. */
	char path_names[CERT_PATH_MAX][160];
	unsigned path_count;
	uint8_t anchor[CERT_SHA256];    /* fingerprint of the anchor used */
	char revocation[24];            /* as cert_revocation_name says */
	char revocation_why[40];        /* not checked: why */
	struct cert_revocation revoked; /* the whole story */
};

/*
 * Judges a DER certificate at `at_ms` (UTC).  0 when it could be judged
 * (look at v->ok); -1 ERR_CERTIFICATE "certificate-malformed", or memory.
 */
int cert_check(const struct cert_policy *p, struct slice der, int64_t at_ms,
    struct cert_verdict *v, struct err *e);

/* Only its dates: expired, not yet valid, and what is warned of them.  For
 * those that have no time for the rest.  0 / -1 as cert_check. */
int cert_check_dates(const struct cert_policy *p, struct slice der,
    int64_t at_ms, struct cert_verdict *v, struct err *e);

/* 0 when ok; else -1 and e = the first problem, class ERR_CERTIFICATE. */
int cert_verdict_err(const struct cert_verdict *v, struct err *e);

/* Encoded for a message or a record, at most about 16 KiB; reading: 0, or
 * -1 on anything malformed. */
void cert_verdict_put(struct ipc_msg *m, const struct cert_verdict *v);
int cert_verdict_get(struct ipc_msg *m, struct cert_verdict *v);

#endif
