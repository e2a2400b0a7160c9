/*
 * One OCSP answer about one certificate (RFC 6960).  It counts when the
 * issuer's key, or a responder that the issuer's key made one, signed it, and
 * when it answers this question.  Runs in an examiner only.
 */
#include "signer/cert/revoke.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static bool
valid_at(X509 *x, int64_t at_ms)
{
	time_t t = (time_t)(at_ms / 1000);

	return X509_cmp_time(X509_get0_notBefore(x), &t) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(x), &t) > 0;
}

/* A certificate that the same issuer gave to its responder
 * (RFC 6960 4.2.2.2). */
static bool
is_delegated(const struct revoke_ask *a, X509 *signer)
{
	EVP_PKEY *key = X509_get0_pubkey(a->issuer);

	return X509_NAME_cmp(X509_get_issuer_name(signer),
		   X509_get_subject_name(a->issuer)) == 0 &&
	       X509_verify(signer, key) == 1 &&
	       (X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) != 0 &&
	       (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) != 0 &&
	       (X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) != 0 &&
	       !revoke_weak(X509_get_signature_nid(signer)) &&
	       valid_at(signer, a->at_ms);
}

static bool
is_issuer(const struct revoke_ask *a, X509 *signer)
{
	return EVP_PKEY_eq(
		   X509_get0_pubkey(signer), X509_get0_pubkey(a->issuer)) == 1;
}

static void
note(struct cert_revocation *r, const char *what)
{
	if (r->note[0] == '\0')
		snprintf(r->note, sizeof r->note, "%s", what);
}

/* Why the signature does not count; NULL: it does. */
static const char *
signer_fault(const struct revoke_ask *a, OCSP_BASICRESP *basic,
    struct cert_revocation *r)
{
	STACK_OF(X509) *known = sk_X509_new_null();
	const X509_ALGOR *algorithm = OCSP_resp_get0_tbs_sigalg(basic);
	const ASN1_OBJECT *oid = NULL;
	X509 *signer = NULL;
	const char *fault = "wrong-signer";

	if (known == NULL || sk_X509_push(known, a->issuer) <= 0 ||
	    OCSP_resp_get0_signer(basic, &signer, known) != 1)
		goto out;
	if (!is_issuer(a, signer) && !is_delegated(a, signer))
		goto out;
	/* The path is ours to judge (above): this checks the signature. */
	if (OCSP_basic_verify(basic, known, NULL, OCSP_NOVERIFY) != 1)
		goto out;
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	fault = revoke_weak(OBJ_obj2nid(oid)) ? "weak-signature" : NULL;
	if (!is_issuer(a, signer) &&
	    X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) < 0)
		note(r, "responder-unchecked");
out:
	sk_X509_free(known);
	ERR_clear_error();
	return fault;
}

/* An answer from the cache was to another question's number. */
static const char *
nonce_fault(const struct revoke_ask *a, OCSP_BASICRESP *basic,
    struct cert_revocation *r)
{
	const unsigned char *p = a->request.p;
	OCSP_REQUEST *q;
	int same;

	if (a->request.len == 0)
		return NULL;
	q = d2i_OCSP_REQUEST(NULL, &p, (long)a->request.len);
	same = q == NULL ? 0 : OCSP_check_nonce(q, basic);
	OCSP_REQUEST_free(q);
	if (same == 0)
		return "nonce-wrong";
	if (same > 0)
		return NULL;
	note(r, "nonce-missing");
	return a->nonce_required ? "nonce-missing" : NULL;
}

static void
take_status(const struct revoke_ask *a, OCSP_BASICRESP *basic,
    struct cert_revocation *r)
{
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), a->x, a->issuer);
	ASN1_GENERALIZEDTIME *revoked = NULL, *made = NULL, *next = NULL;
	int status = -1, reason = -1;

	if (id == NULL || OCSP_resp_find_status(basic, id, &status, &reason,
			      &revoked, &made, &next) != 1)
		revoke_refuse(r, "ocsp-other");
	else if (!revoke_dates(a, made, next, r))
		;
	else if (status == V_OCSP_CERTSTATUS_GOOD)
		r->state = REVOCATION_GOOD;
	else if (status != V_OCSP_CERTSTATUS_REVOKED)
		revoke_refuse(r, "ocsp-unknown");
	else {
		revoke_reason(reason, r);
		r->revoked_ms = revoke_time(revoked);
	}
	OCSP_CERTID_free(id);
}

void
revoke_ocsp(
    const struct revoke_ask *a, struct slice bytes, struct cert_revocation *r)
{
	const unsigned char *p = bytes.p;
	OCSP_RESPONSE *answer = NULL;
	OCSP_BASICRESP *basic = NULL;
	const char *fault = NULL;

	memset(r, 0, sizeof *r);
	memcpy(r->kind, "ocsp", 5);
	if (bytes.len > 0)
		answer = d2i_OCSP_RESPONSE(NULL, &p, (long)bytes.len);
	if (answer == NULL)
		fault = "malformed";
	else if (OCSP_response_status(answer) !=
		 OCSP_RESPONSE_STATUS_SUCCESSFUL)
		fault = "ocsp-refused";
	else if (a->issuer == NULL)
		fault = "issuer-unknown";
	else if ((basic = OCSP_response_get1_basic(answer)) == NULL)
		fault = "malformed";
	if (fault == NULL)
		fault = signer_fault(a, basic, r);
	if (fault == NULL)
		fault = nonce_fault(a, basic, r);
	if (fault != NULL)
		revoke_refuse(r, fault);
	else
		take_status(a, basic, r);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(answer);
	ERR_clear_error();
}
