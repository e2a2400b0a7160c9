/*
 * Path building by OpenSSL, among the operator's certificates only.  CA
 * generations share one name, so an issuer is chosen by whether its key made
 * the signature, never by name or date.  Every fault on the way is recorded;
 * a path with a fault is no path.
 */
#include "signer/cert/path.h"

#include "signer/cert/anchor_set.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

/* code: 2 of cert_add_problem */

static bool
valid_at(X509 *x, int64_t at_ms)
{
	time_t t = (time_t)(at_ms / 1000);

	return X509_cmp_time(X509_get0_notBefore(x), &t) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(x), &t) > 0;
}

static bool
key_made(X509 *issuer, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes = key != NULL && X509_verify(x, key) == 1;

	ERR_clear_error();
	return yes;
}

static int
issuer_rank(const struct anchor *a, int64_t at_ms)
{
	return (valid_at(a->x, at_ms) ? 2 : 0) + (a->trusted ? 1 : 0);
}

struct search {
	const struct cert_anchors *anchors;
	struct cert_verdict *v;
	bool unsigned_by_any; /* a CA of that name exists, but not its key */
};

static struct search *
search_of(X509_STORE_CTX *c)
{
	return X509_STORE_CTX_get_app_data(c);
}

/* The issuer of x: same name, its key made the signature; a valid one before
 * an expired one, a root before a cross-certificate. */
static int
find_issuer(X509 **issuer, X509_STORE_CTX *c, X509 *x)
{
	struct search *s = search_of(c);
	const struct anchor *best = NULL;
	bool named = false;

	for (size_t i = 0; i < s->anchors->count; i++) {
		const struct anchor *a = &s->anchors->item[i];

		if (X509_NAME_cmp(X509_get_subject_name(a->x),
			X509_get_issuer_name(x)) != 0)
			continue;
		named = true;
		if (!key_made(a->x, x))
			continue;
		if (best == NULL || issuer_rank(a, s->v->at_ms) >
					issuer_rank(best, s->v->at_ms))
			best = a;
	}
	if (best == NULL) {
		s->unsigned_by_any = s->unsigned_by_any || named;
		return 0;
	}
	*issuer = best->x;
	return X509_up_ref(best->x) == 1 ? 1 : -1;
}

/* The certificate's own name, or its issuer's. */
static void
name_text(X509 *x, bool of_issuer, char *out, size_t size)
{
	struct cert_info *c = OPENSSL_zalloc(sizeof *c);
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	out[0] = '\0';
	if (c != NULL && n > 0 &&
	    cert_parse(slice_of(der, (size_t)n), c, NULL) == 0)
		snprintf(out, size, "%.*s", (int)size - 1,
		    of_issuer ? c->issuer : c->subject);
	OPENSSL_free(der);
	OPENSSL_free(c);
}

static void
no_path(struct search *s, X509 *x)
{
	char name[160];

	/* The authority that is not there. */
	name_text(x, true, name, sizeof name);
	if (s->unsigned_by_any)
		cert_add_problem(
		    s->v, "certificate-path-signature", "%s", name);
	else
		cert_add_problem(s->v, "certificate-no-path", "%s", name);
}

/* Our word for one of OpenSSL's findings, at this depth of the path. */
static void
note(struct search *s, int error, int depth, X509 *x)
{
	char name[160];

	name_text(x, false, name, sizeof name);
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		no_path(s, x);
		break;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		cert_add_problem(
		    s->v, "certificate-path-signature", "%s", name);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		/* The certificate's own dates are told by cert_check. */
		if (depth > 0)
			cert_add_problem(
			    s->v, "certificate-ca-expired", "%s", name);
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		cert_add_problem(s->v, "certificate-key-too-small", "%s", name);
		break;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		cert_add_problem(s->v, "certificate-algorithm", "%s", name);
		break;
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
		cert_add_problem(
		    s->v, "certificate-critical-extension", "%s", name);
		break;
	default:
		cert_add_problem(s->v, "certificate-ca-invalid", "%s (%s)",
		    name, X509_verify_cert_error_string(error));
		break;
	}
}

/* Records and goes on, so that every fault is told at once. */
static int
on_verify(int ok, X509_STORE_CTX *c)
{
	if (!ok)
		note(search_of(c), X509_STORE_CTX_get_error(c),
		    X509_STORE_CTX_get_error_depth(c),
		    X509_STORE_CTX_get_current_cert(c));
	return 1;
}

static void
keep_path(X509_STORE_CTX *c, struct cert_verdict *v)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(c);
	int n = chain == NULL ? 0 : sk_X509_num(chain);
	X509 *top = n > 0 ? sk_X509_value(chain, n - 1) : NULL;
	unsigned len = 0;

	for (int i = 1; i < n && v->path_count < CERT_PATH_MAX; i++)
		name_text(sk_X509_value(chain, i), false,
		    v->path_names[v->path_count++], sizeof v->path_names[0]);
	if (v->path == CERT_PATH_OK && top != NULL)
		X509_digest(top, EVP_sha256(), v->anchor, &len);
}

static X509_STORE *
new_store(const struct cert_verdict *v)
{
	X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *p;

	if (store == NULL)
		return NULL;
	p = X509_STORE_get0_param(store);
	X509_VERIFY_PARAM_set_time(p, (time_t)(v->at_ms / 1000));
	X509_VERIFY_PARAM_set_flags(
	    p, X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_CHECK_SS_SIGNATURE);
	/* 112 bits of security: RSA-2048, SHA-224 and better, also above. */
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_depth(p, CERT_PATH_MAX);
	X509_STORE_set_get_issuer(store, find_issuer);
	X509_STORE_set_verify_cb(store, on_verify);
	return store;
}

static bool
has_path_problem(const struct cert_verdict *v, unsigned before)
{
	return v->problem_count > before;
}

int
cert_path_check(const struct cert_anchors *anchors, struct slice der,
    struct cert_verdict *v, struct err *e)
{
	struct search s = {.anchors = anchors, .v = v};
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	X509_STORE *store = new_store(v);
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	unsigned before = v->problem_count;
	int rc = -1;

	if (x == NULL || store == NULL || c == NULL ||
	    X509_STORE_CTX_init(c, store, x, NULL) != 1) {
		err_nomem(e);
		goto out;
	}
	X509_STORE_CTX_set_app_data(c, &s);
	if (X509_verify_cert(c) <= 0 && !has_path_problem(v, before))
		cert_add_problem(v, "certificate-no-path", "%s",
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(c)));
	v->path = has_path_problem(v, before) ? CERT_PATH_BAD : CERT_PATH_OK;
	keep_path(c, v);
	rc = 0;
out:
	X509_STORE_CTX_free(c);
	X509_STORE_free(store);
	X509_free(x);
	ERR_clear_error();
	return rc;
}
