/*
 * What lists and answers have in common, and where to ask.  The issuer is
 * the authority whose key made the certificate's signature: authorities keep
 * one name over generations.  Runs in an examiner only.
 */
#include "signer/cert/revoke.h"

#include "signer/cert/anchor_set.h"
#include "signer/cert/cert.h"
#include "signer/cert/profile.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SKEW_MS (5 * 60 * 1000) /* clocks of others */

static X509 *
find_issuer(const struct cert_anchors *anchors, X509 *x)
{
	X509 *found = NULL;

	for (size_t i = 0; anchors != NULL && i < anchors->count; i++) {
		X509 *a = anchors->item[i].x;
		EVP_PKEY *key = X509_get0_pubkey(a);

		if (key == NULL || X509_NAME_cmp(X509_get_subject_name(a),
				       X509_get_issuer_name(x)) != 0)
			continue;
		if (X509_verify(x, key) == 1)
			found = a;
	}
	ERR_clear_error();
	return found;
}

int
revoke_begin(struct revoke_ask *a, struct slice certificate,
    const struct cert_anchors *anchors, struct err *e)
{
	struct buf der = {0};
	const unsigned char *p;

	a->anchors = anchors;
	if (cert_from_file(certificate, &der, e) != 0)
		return -1;
	p = der.p;
	a->x = d2i_X509(NULL, &p, (long)der.len);
	buf_free(&der);
	if (a->x == NULL)
		return err_set(
		    e, ERR_CERTIFICATE, "certificate-malformed", "%s", "");
	a->issuer = find_issuer(anchors, a->x);
	return 0;
}

void
revoke_end(struct revoke_ask *a)
{
	X509_free(a->x);
	a->x = NULL;
	a->issuer = NULL;
	ERR_clear_error();
}

/* Only what could be a URL: printable, no blanks. */
static void
add_url(
    char list[][REVOKE_URL_MAX], unsigned *count, const ASN1_IA5STRING *text)
{
	const unsigned char *p = ASN1_STRING_get0_data(text);
	int n = ASN1_STRING_length(text);

	if (n <= 0 || n >= REVOKE_URL_MAX || *count == REVOKE_URLS_MAX)
		return;
	for (int i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] >= 0x7F)
			return;
	snprintf(list[(*count)++], REVOKE_URL_MAX, "%.*s", n, p);
}

static void
plan_ocsp(X509 *x, struct revoke_plan *plan)
{
	AUTHORITY_INFO_ACCESS *info =
	    X509_get_ext_d2i(x, NID_info_access, NULL, NULL);

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++) {
		ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(info, i);

		if (OBJ_obj2nid(d->method) == NID_ad_OCSP &&
		    d->location->type == GEN_URI)
			add_url(plan->ocsp, &plan->ocsp_count,
			    d->location->d.uniformResourceIdentifier);
	}
	AUTHORITY_INFO_ACCESS_free(info);
}

static void
plan_crl(X509 *x, struct revoke_plan *plan)
{
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		DIST_POINT *p = sk_DIST_POINT_value(points, i);
		GENERAL_NAMES *names;

		/* A list by another issuer, or for some reasons, is no use. */
		if (p->distpoint == NULL || p->distpoint->type != 0 ||
		    p->CRLissuer != NULL || p->reasons != NULL)
			continue;
		names = p->distpoint->name.fullname;
		for (int k = 0; k < sk_GENERAL_NAME_num(names); k++) {
			GENERAL_NAME *n = sk_GENERAL_NAME_value(names, k);

			if (n->type == GEN_URI)
				add_url(plan->crl, &plan->crl_count,
				    n->d.uniformResourceIdentifier);
		}
	}
	CRL_DIST_POINTS_free(points);
}

/* CertID with SHA-1, which is what responders know (RFC 5019 2.1.1). */
static int
plan_request(const struct revoke_ask *a, struct revoke_plan *plan)
{
	OCSP_REQUEST *q = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), a->x, a->issuer);
	unsigned char *der = NULL;
	int n = -1;

	if (q != NULL && id != NULL && OCSP_request_add0_id(q, id) != NULL) {
		id = NULL;
		if (OCSP_request_add1_nonce(q, NULL, 32) == 1)
			n = i2d_OCSP_REQUEST(q, &der);
	}
	if (n > 0 && n <= REVOKE_REQUEST_MAX) {
		memcpy(plan->request, der, (size_t)n);
		plan->request_len = (size_t)n;
	}
	OPENSSL_free(der);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(q);
	return plan->request_len > 0 ? 0 : -1;
}

int
revoke_plan(const struct revoke_ask *a, struct revoke_plan *plan, struct err *e)
{
	struct cert_info *info = OPENSSL_zalloc(sizeof *info);
	unsigned char *der = NULL;
	int n = i2d_X509(a->x, &der), rc = -1;

	memset(plan, 0, sizeof *plan);
	if (info == NULL || n <= 0) {
		err_nomem(e);
		goto out;
	}
	if (cert_parse(slice_of(der, (size_t)n), info, e) != 0)
		goto out;
	memcpy(plan->sha256, info->sha256, sizeof plan->sha256);
	snprintf(plan->issuer, sizeof plan->issuer, "%s", info->issuer);
	memcpy(plan->policies, info->policies, sizeof plan->policies);
	plan->policy_count = info->policy_count;
	plan->not_before_ms = info->not_before_ms;
	plan->issuer_known = a->issuer != NULL;
	plan_ocsp(a->x, plan);
	plan_crl(a->x, plan);
	rc = 0;
	if (a->issuer != NULL && plan_request(a, plan) != 0)
		rc = err_nomem(e);
out:
	OPENSSL_free(der);
	OPENSSL_free(info);
	ERR_clear_error();
	return rc;
}

static void
put_urls(struct ipc_msg *m, const char list[][REVOKE_URL_MAX], unsigned count)
{
	ipc_put_u64(m, count);
	for (unsigned i = 0; i < count; i++)
		ipc_put_str(m, list[i]);
}

void
revoke_plan_put(struct ipc_msg *m, const struct revoke_plan *p)
{
	ipc_put_bytes(m, slice_of(p->sha256, sizeof p->sha256));
	ipc_put_str(m, p->issuer);
	ipc_put_u64(m, p->policy_count);
	for (unsigned i = 0; i < p->policy_count; i++)
		ipc_put_str(m, p->policies[i]);
	ipc_put_i64(m, p->not_before_ms);
	ipc_put_u64(m, p->issuer_known);
	put_urls(m, p->ocsp, p->ocsp_count);
	put_urls(m, p->crl, p->crl_count);
	ipc_put_bytes(m, slice_of(p->request, p->request_len));
}

static unsigned
get_urls(struct ipc_msg *m, char list[][REVOKE_URL_MAX])
{
	uint64_t n = ipc_get_u64(m);

	if (n > REVOKE_URLS_MAX) {
		m->failed = true;
		return 0;
	}
	for (uint64_t i = 0; i < n; i++)
		ipc_get_str(m, list[i], REVOKE_URL_MAX);
	return (unsigned)n;
}

static void
get_identity(struct ipc_msg *m, struct revoke_plan *p)
{
	uint64_t n;

	ipc_get_str(m, p->issuer, sizeof p->issuer);
	n = ipc_get_u64(m);
	if (n > CERT_POLICIES_MAX) {
		m->failed = true;
		n = 0;
	}
	p->policy_count = (unsigned)n;
	for (unsigned i = 0; i < p->policy_count; i++)
		ipc_get_str(m, p->policies[i], sizeof p->policies[0]);
	p->not_before_ms = ipc_get_i64(m);
}

void
revoke_plan_get(struct ipc_msg *m, struct revoke_plan *p)
{
	struct slice request;

	memset(p, 0, sizeof *p);
	ipc_get_exact(m, p->sha256, sizeof p->sha256);
	get_identity(m, p);
	p->issuer_known = ipc_get_u64(m) != 0;
	p->ocsp_count = get_urls(m, p->ocsp);
	p->crl_count = get_urls(m, p->crl);
	request = ipc_get_bytes(m);
	if (request.len > sizeof p->request) {
		m->failed = true;
	} else if (request.len > 0) {
		memcpy(p->request, request.p, request.len);
		p->request_len = request.len;
	}
}

enum cert_revocation_source
revoke_plan_source(const struct revoke_plan *p, const struct conf *conf)
{
	struct cert_info c = {
	    .policy_count = p->policy_count, .not_before_ms = p->not_before_ms};

	memcpy(c.policies, p->policies, sizeof c.policies);
	memcpy(c.issuer, p->issuer, sizeof c.issuer);
	return cert_profile_of(&c, conf).revocation;
}

void
revoke_refuse(struct cert_revocation *r, const char *why)
{
	r->state = REVOCATION_NOT_CHECKED;
	snprintf(r->why, sizeof r->why, "%s", why);
}

int64_t
revoke_time(const ASN1_TIME *t)
{
	struct tm tm = {0};

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

bool
revoke_dates(const struct revoke_ask *a, const ASN1_TIME *this_update,
    const ASN1_TIME *next_update, struct cert_revocation *r)
{
	int64_t oldest, next = revoke_time(next_update);

	r->produced_ms = revoke_time(this_update);
	oldest = r->produced_ms + a->max_age_ms;
	r->until_ms = next != 0 && next < oldest ? next : oldest;
	if (r->produced_ms == 0 || (next_update != NULL && next == 0))
		revoke_refuse(r, "malformed");
	else if (r->produced_ms > a->at_ms + SKEW_MS)
		revoke_refuse(r, "not-yet-valid");
	else if (r->until_ms < a->at_ms)
		revoke_refuse(r, "stale");
	else
		return true;
	return false;
}

/* Of the digest: SHA-256 and better (and what has no digest of its own). */
bool
revoke_weak(int signature_nid)
{
	int digest = NID_undef, key = NID_undef;

	if (OBJ_find_sigid_algs(signature_nid, &digest, &key) != 1)
		return true;
	return digest == NID_sha1 || digest == NID_md5 || digest == NID_md4 ||
	       digest == NID_md2 || digest == NID_ripemd160;
}

void
revoke_reason(long reason, struct cert_revocation *r)
{
	static const char *const names[] = {"unspecified", "keyCompromise",
	    "cACompromise", "affiliationChanged", "superseded",
	    "cessationOfOperation", "certificateHold", "", "removeFromCRL",
	    "privilegeWithdrawn", "aACompromise"};
	const long count = sizeof names / sizeof *names;

	r->state = reason == CRL_REASON_CERTIFICATE_HOLD ? REVOCATION_SUSPENDED
							 : REVOCATION_REVOKED;
	r->why[0] = '\0';
	if (reason >= 0 && reason < count)
		snprintf(r->reason, sizeof r->reason, "%s", names[reason]);
}
