/* Judging revocation lists and OCSP answers.  For an examiner: these bytes
 * come from outside. */
#ifndef SIGNER_CERT_REVOKE_H
#define SIGNER_CERT_REVOKE_H

#include "signer/cert/anchors.h"
#include "signer/cert/cert.h"
#include "signer/cert/revocation.h"

#include <openssl/x509.h>

#define REVOKE_URLS_MAX 4
#define REVOKE_URL_MAX 400
#define REVOKE_REQUEST_MAX 512
#define REVOKE_SHA256 32

/* What is asked, and by which rules it is judged. */
struct revoke_ask {
	X509 *x;
	X509 *issuer; /* by its key; NULL: not among the anchors */
	const struct cert_anchors *anchors;
	int64_t at_ms, max_age_ms;
	bool nonce_required;
	struct slice request; /* of the OCSP answer; empty: an earlier one */
};

/* Where to ask about a certificate, and with what. */
struct revoke_plan {
	uint8_t sha256[REVOKE_SHA256]; /* of the certificate */
	/* By which its kind is known (profile.h). */
	char issuer[512];
	char policies[CERT_POLICIES_MAX][64];
	unsigned policy_count;
	int64_t not_before_ms;
	bool issuer_known;
	char ocsp[REVOKE_URLS_MAX][REVOKE_URL_MAX];
	char crl[REVOKE_URLS_MAX][REVOKE_URL_MAX];
	unsigned ocsp_count, crl_count;
	uint8_t request[REVOKE_REQUEST_MAX]; /* DER, with a nonce */
	size_t request_len;
};

/* Reads the certificate (DER or PEM) and finds its issuer.  0 / -1
 * "certificate-malformed"; revoke_end in both cases. */
int revoke_begin(struct revoke_ask *a, struct slice certificate,
    const struct cert_anchors *anchors, struct err *e);
void revoke_end(struct revoke_ask *a);

/* 0; -1 memory. */
int revoke_plan(
    const struct revoke_ask *a, struct revoke_plan *plan, struct err *e);
void revoke_plan_put(struct ipc_msg *m, const struct revoke_plan *p);
void revoke_plan_get(struct ipc_msg *m, struct revoke_plan *p);
/* Where the certificate's kind has its data. */
enum cert_revocation_source revoke_plan_source(
    const struct revoke_plan *p, const struct conf *conf);

/* Judge a list (DER, PEM, or LDIF as libcurl writes an LDAP entry), or an
 * answer.  Always fills *r: state, or why not; source stays empty. */
void revoke_crl(
    const struct revoke_ask *a, struct slice bytes, struct cert_revocation *r);
void revoke_ocsp(
    const struct revoke_ask *a, struct slice bytes, struct cert_revocation *r);

/* For the two above.  Notes why it does not count. */
void revoke_refuse(struct cert_revocation *r, const char *why);
/* Times of a list or an answer; false (and refused) unless it is in use at
 * a->at_ms. */
bool revoke_dates(const struct revoke_ask *a, const ASN1_TIME *this_update,
    const ASN1_TIME *next_update, struct cert_revocation *r);
bool revoke_weak(int signature_nid);
int64_t revoke_time(const ASN1_TIME *t);
/* The CRLReason (RFC 5280 5.3.1) as state and words. */
void revoke_reason(long reason, struct cert_revocation *r);

#endif
