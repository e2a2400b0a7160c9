/*
 * One revocation list about one certificate (RFC 5280 5, 6.3).  A list that
 * is not whole, not current, or not by the key that issued the certificate
 * says nothing.  Runs in an examiner only.
 */
#include "signer/cert/revoke.h"

#include "base/text.h"
#include "signer/cert/anchor_set.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* libcurl's text of an LDAP entry: "\tattribute:: base64\n". */
static int
from_ldap(struct slice bytes, struct buf *der)
{
	const uint8_t *end = bytes.p + bytes.len, *from, *to;

	from = memmem(bytes.p, bytes.len, ":: ", 3);
	if (from == NULL)
		return -1;
	from += 3;
	to = memchr(from, '\n', (size_t)(end - from));
	return text_base64_decode(
	    der, slice_of(from, (size_t)((to == NULL ? end : to) - from)));
}

static X509_CRL *
from_der(struct slice bytes)
{
	const unsigned char *p = bytes.p;

	return d2i_X509_CRL(NULL, &p, (long)bytes.len);
}

static X509_CRL *
read_crl(struct slice bytes)
{
	struct buf der = {0};
	X509_CRL *crl = NULL;
	BIO *b;

	if (bytes.len == 0 || bytes.len > INT32_MAX)
		return NULL;
	if (slice_starts(bytes, "DN:")) {
		if (from_ldap(bytes, &der) == 0)
			crl = from_der(buf_view(&der));
		buf_free(&der);
		return crl;
	}
	if (bytes.p[0] == 0x30)
		return from_der(bytes);
	b = BIO_new_mem_buf(bytes.p, (int)bytes.len);
	if (b != NULL)
		crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL);
	BIO_free(b);
	return crl;
}

static bool
key_made(X509 *issuer, X509_CRL *crl)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes = key != NULL && X509_CRL_verify(crl, key) == 1;

	ERR_clear_error();
	return yes;
}

/* Made by another key of the same name? */
static bool
other_generation(const struct revoke_ask *a, X509_CRL *crl)
{
	for (size_t i = 0; i < a->anchors->count; i++) {
		X509 *x = a->anchors->item[i].x;

		if (X509_NAME_cmp(X509_get_subject_name(x),
			X509_CRL_get_issuer(crl)) == 0 &&
		    key_made(x, crl))
			return true;
	}
	return false;
}

/* Why the list is not by the certificate's issuer; NULL: it is. */
static const char *
signer_fault(const struct revoke_ask *a, X509_CRL *crl)
{
	if (X509_NAME_cmp(
		X509_CRL_get_issuer(crl), X509_get_issuer_name(a->x)) != 0)
		return "crl-other-issuer";
	if (!key_made(a->issuer, crl))
		return other_generation(a, crl) ? "crl-other-generation"
						: "wrong-signer";
	/* UINT32_MAX: no keyUsage, so no limit to it. */
	if ((X509_get_key_usage(a->issuer) & KU_CRL_SIGN) == 0)
		return "wrong-signer";
	if (revoke_weak(X509_CRL_get_signature_nid(crl)))
		return "weak-signature";
	return NULL;
}

/* Extensions that must be understood and are not. */
static bool
has_unknown_critical(X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *x = X509_CRL_get_ext(crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(x));

		if (X509_EXTENSION_get_critical(x) != 0 &&
		    nid != NID_issuing_distribution_point &&
		    nid != NID_delta_crl && nid != NID_crl_number &&
		    nid != NID_authority_key_identifier)
			return true;
	}
	return false;
}

static bool
any_equal(const GENERAL_NAMES *one, const GENERAL_NAMES *two)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(one); i++)
		for (int k = 0; k < sk_GENERAL_NAME_num(two); k++)
			if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(one, i),
				sk_GENERAL_NAME_value(two, k)) == 0)
				return true;
	return false;
}

/* Is this part of the whole list the one that the certificate names? */
static bool
names_point(X509 *x, const DIST_POINT_NAME *wanted)
{
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_DIST_POINT_num(points) && !found; i++) {
		DIST_POINT *p = sk_DIST_POINT_value(points, i);

		/* Names relative to the issuer: nobody uses them. */
		found = p->distpoint != NULL && p->distpoint->type == 0 &&
			wanted->type == 0 &&
			any_equal(
			    p->distpoint->name.fullname, wanted->name.fullname);
	}
	CRL_DIST_POINTS_free(points);
	return found;
}

/* Why the list's scope does not hold the certificate; NULL: it does. */
static const char *
scope_fault(const struct revoke_ask *a, X509_CRL *crl)
{
	int critical = -1;
	ISSUING_DIST_POINT *p = X509_CRL_get_ext_d2i(
	    crl, NID_issuing_distribution_point, &critical, NULL);
	const char *fault = NULL;
	bool ca = X509_check_ca(a->x) > 0;

	if (p == NULL)
		return critical == -1 ? NULL : "malformed";
	if (p->indirectCRL > 0)
		fault = "crl-indirect";
	else if (p->onlysomereasons != NULL || p->onlyattr > 0 ||
		 (p->onlyCA > 0 && !ca) || (p->onlyuser > 0 && ca))
		fault = "crl-partial";
	else if (p->distpoint != NULL && !names_point(a->x, p->distpoint))
		fault = "crl-other-point";
	ISSUING_DIST_POINT_free(p);
	return fault;
}

static const char *
list_fault(const struct revoke_ask *a, X509_CRL *crl)
{
	const char *fault = signer_fault(a, crl);

	if (fault != NULL)
		return fault;
	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "crl-delta";
	fault = scope_fault(a, crl);
	if (fault != NULL)
		return fault;
	return has_unknown_critical(crl) ? "crl-critical" : NULL;
}

static void
look_up(X509_CRL *crl, X509 *x, struct cert_revocation *r)
{
	X509_REVOKED *entry = NULL;
	ASN1_ENUMERATED *reason;
	int found = X509_CRL_get0_by_cert(crl, &entry, x);

	/* 2 is removeFromCRL, which a whole list has no use for. */
	if (found != 1) {
		r->state = REVOCATION_GOOD;
		return;
	}
	reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	revoke_reason(reason == NULL ? -1 : ASN1_ENUMERATED_get(reason), r);
	ASN1_ENUMERATED_free(reason);
	r->revoked_ms = revoke_time(X509_REVOKED_get0_revocationDate(entry));
}

void
revoke_crl(
    const struct revoke_ask *a, struct slice bytes, struct cert_revocation *r)
{
	X509_CRL *crl = read_crl(bytes);
	const char *fault = NULL;

	memset(r, 0, sizeof *r);
	memcpy(r->kind, "crl", 4);
	if (crl == NULL)
		fault = "malformed";
	else if (a->issuer == NULL)
		fault = "issuer-unknown";
	else
		fault = list_fault(a, crl);
	if (fault != NULL)
		revoke_refuse(r, fault);
	else if (revoke_dates(a, X509_CRL_get0_lastUpdate(crl),
		     X509_CRL_get0_nextUpdate(crl), r))
		look_up(crl, a->x, r);
	X509_CRL_free(crl);
	ERR_clear_error();
}
