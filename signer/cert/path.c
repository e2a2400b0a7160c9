/*
 * Path building among the operator's certificates only.  path_search.c
 * proposes ways in a defined order; OpenSSL validates each as the only chain
 * there is.  The first without a fault is the path.  Without one, all faults
 * of the way with the fewest are told; a path with a fault is no path.
 */
#include "signer/cert/path.h"

#include "base/text.h"
#include "signer/cert/path_search.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Ways that are looked at only to say what is wrong. */
#define EXPLAINED_MAX 16

/* One way, and what is wrong with it. */
struct trial {
	struct path_way way;
	struct cert_note faults[CERT_NOTES_MAX];
	unsigned fault_count;
	/* Findings that another way might not have; 0 makes it the path. */
	unsigned weight;
};

struct build {
	X509 *leaf;
	X509_STORE *store;
	struct cert_verdict *v;
	struct trial now, best;
	unsigned tried;
	bool explaining, has_best, limited;
	struct err *e;
	int rc;
};

/* The certificate's own name, or its issuer's. */
static void
name_text(X509 *x, bool of_issuer, char *out, size_t size)
{
	struct cert_info *c = OPENSSL_zalloc(sizeof *c);
	unsigned char *der = NULL;
	int n = x == NULL ? 0 : i2d_X509(x, &der);

	out[0] = '\0';
	if (c != NULL && n > 0 &&
	    cert_parse(slice_of(der, (size_t)n), c, NULL) == 0)
		text_printable(
		    out, size, slice_str(of_issuer ? c->issuer : c->subject));
	OPENSSL_free(der);
	OPENSSL_free(c);
}

/* The finding at this certificate; each code once.
 * code: 2 of fault */
static void
fault(struct trial *t, const char *code, X509 *x, const char *why)
{
	struct cert_note *n = &t->faults[t->fault_count];
	char name[160];

	t->weight++;
	for (unsigned i = 0; i < t->fault_count; i++)
		if (strcmp(t->faults[i].code, code) == 0)
			return;
	if (t->fault_count == CERT_NOTES_MAX)
		return;
	t->fault_count++;
	name_text(x, false, name, sizeof name);
	snprintf(n->code, sizeof n->code, "%s", code);
	snprintf(n->detail, sizeof n->detail, "%s%s%.30s%s", name,
	    why == NULL ? "" : " (", why == NULL ? "" : why,
	    why == NULL ? "" : ")");
}

static bool
may_not_sign(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_KUSAGE) != 0 &&
	       (X509_get_key_usage(x) & KU_KEY_CERT_SIGN) == 0;
}

/* OpenSSL has the end excluded; notAfter is the last valid second. */
static bool
ends_this_second(X509 *x, int64_t at_ms)
{
	return ASN1_TIME_cmp_time_t(
		   X509_get0_notAfter(x), (time_t)(at_ms / 1000)) == 0;
}

/* Our word for one of OpenSSL's findings. */
static void
note(struct build *b, int error, X509 *x)
{
	struct trial *t = &b->now;
	X509 *top = t->way.up[t->way.count - 1];

	switch (error) {
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		fault(t, "certificate-path-signature", x, NULL);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		if (!ends_this_second(x, b->v->at_ms))
			fault(t, "certificate-ca-expired", x, NULL);
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		fault(t, "certificate-key-too-small", x, NULL);
		break;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		fault(t, "certificate-algorithm", x, NULL);
		break;
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
		fault(t, "certificate-critical-extension", x, NULL);
		break;
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		fault(t, "certificate-path-length", x, NULL);
		break;
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_SUBTREE_MINMAX:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
	case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
		fault(t, "certificate-name-constraint", x, NULL);
		break;
	case X509_V_ERR_NO_EXPLICIT_POLICY:
		/* It is the whole way's, not one certificate's. */
		fault(t, "certificate-path-policy", top, NULL);
		break;
	case X509_V_ERR_INVALID_POLICY_EXTENSION:
		fault(t, "certificate-path-policy", x,
		    X509_verify_cert_error_string(error));
		break;
	case X509_V_ERR_UNSPECIFIED: /* names times constraints */
		fault(t, "certificate-path-too-complex", x, NULL);
		break;
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		fault(t, "certificate-ca-usage", x, NULL);
		break;
	case X509_V_ERR_INVALID_CA:
		if (may_not_sign(x))
			fault(t, "certificate-ca-usage", x, NULL);
		else
			fault(t, "certificate-ca-invalid", x,
			    X509_verify_cert_error_string(error));
		break;
	default:
		fault(t, "certificate-ca-invalid", x,
		    X509_verify_cert_error_string(error));
		break;
	}
}

/* The certificate's own faults are the same on every way, and cert_check
 * tells its dates. */
static bool
is_own(int error)
{
	return error == X509_V_ERR_CERT_HAS_EXPIRED ||
	       error == X509_V_ERR_CERT_NOT_YET_VALID ||
	       error == X509_V_ERR_EE_KEY_TOO_SMALL ||
	       error == X509_V_ERR_CA_MD_TOO_WEAK ||
	       error == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION;
}

static bool
is_date(int error)
{
	return error == X509_V_ERR_CERT_HAS_EXPIRED ||
	       error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* Records and goes on, so that every fault is told at once. */
static int
on_verify(int ok, X509_STORE_CTX *c)
{
	struct build *b = X509_STORE_CTX_get_app_data(c);
	int error = X509_STORE_CTX_get_error(c);
	X509 *x = X509_STORE_CTX_get_current_cert(c);
	bool own = X509_STORE_CTX_get_error_depth(c) == 0 && is_own(error);

	if (ok || (own && is_date(error)))
		return 1;
	note(b, error, x);
	if (own)
		b->now.weight--;
	return 1;
}

/* The next one on the way, and no other. */
static int
next_issuer(X509 **issuer, X509_STORE_CTX *c, X509 *x)
{
	struct build *b = X509_STORE_CTX_get_app_data(c);
	const struct path_way *w = &b->now.way;
	X509 *next = x == b->leaf ? w->up[0] : NULL;

	for (size_t i = 0; next == NULL && i + 1 < w->count; i++)
		if (x == w->up[i])
			next = w->up[i + 1];
	if (next == NULL)
		return 0;
	*issuer = next;
	return X509_up_ref(next) == 1 ? 1 : -1;
}

/* What OpenSSL looks at only in its strict mode, or when it chooses an
 * issuer. */
static void
look_closer(struct build *b)
{
	const struct path_way *w = &b->now.way;
	X509 *x = b->leaf;

	for (size_t i = 0; i < w->count; x = w->up[i++]) {
		X509 *issuer = w->up[i];
		int ca = X509_check_ca(issuer), id;

		/* Version 1, or keyUsage alone: only a root may. */
		if (i + 1 < w->count && ca > 1)
			fault(&b->now, "certificate-ca-invalid", issuer,
			    "basicConstraints");
		id = X509_check_issued(issuer, x);
		if (id == X509_V_ERR_AKID_SKID_MISMATCH ||
		    id == X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH)
			fault(&b->now, "certificate-key-identifier", x, NULL);
	}
}

/*
 * The acceptable policies are any-policy.  Where authorities map policies to
 * each other, that is what they vouch for: then a policy must hold from the
 * anchor down to the certificate, also if nobody demands it.
 */
static unsigned long
flags_for(const struct path_way *w)
{
	unsigned long flags =
	    X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_CHECK_SS_SIGNATURE;

	for (size_t i = 0; i + 1 < w->count; i++)
		if (X509_get_ext_by_NID(w->up[i], NID_policy_mappings, -1) >= 0)
			flags |= X509_V_FLAG_EXPLICIT_POLICY;
	return flags;
}

/* OpenSSL went the whole way, and not less. */
static bool
is_whole(X509_STORE_CTX *c, const struct path_way *w)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(c);
	int n = chain == NULL ? 0 : sk_X509_num(chain);

	/* A certificate that is its own anchor stands there once. */
	return n > 0 && (n == (int)w->count + 1 || n == 1) &&
	       X509_cmp(sk_X509_value(chain, n - 1), w->up[w->count - 1]) == 0;
}

static int
validate(struct build *b)
{
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	int ok, rc = -1;

	if (c == NULL || X509_STORE_CTX_init(c, b->store, b->leaf, NULL) != 1) {
		err_nomem(b->e);
		goto out;
	}
	X509_STORE_CTX_set_app_data(c, b);
	X509_STORE_CTX_set_flags(c, flags_for(&b->now.way));
	ok = X509_verify_cert(c);
	/* Too many policies, or no memory: it could not be decided. */
	if (ok <= 0)
		fault(&b->now, "certificate-path-too-complex",
		    b->now.way.up[b->now.way.count - 1],
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(c)));
	else if (b->now.weight == 0 && !is_whole(c, &b->now.way))
		fault(&b->now, "certificate-no-path", b->leaf, NULL);
	look_closer(b);
	rc = 0;
out:
	X509_STORE_CTX_free(c);
	ERR_clear_error();
	return rc;
}

/* Goes on until a way is without fault. */
static bool
try_way(void *ctx, const struct path_way *way)
{
	struct build *b = ctx;

	memset(&b->now, 0, sizeof b->now);
	b->now.way = *way;
	b->rc = validate(b);
	if (b->rc != 0)
		return false;
	if (!b->has_best || b->now.weight < b->best.weight)
		b->best = b->now;
	b->has_best = true;
	b->tried++;
	return b->best.weight > 0 &&
	       (!b->explaining || b->tried < EXPLAINED_MAX);
}

static void
keep_way(struct cert_verdict *v, const struct path_way *w)
{
	for (size_t i = 0; i < w->count; i++)
		name_text(w->up[i], false, v->path_names[v->path_count++],
		    sizeof v->path_names[0]);
}

static void
keep_best(struct build *b)
{
	const struct trial *t = &b->best;
	struct cert_verdict *v = b->v;
	unsigned len = 0;

	for (unsigned i = 0; i < t->fault_count; i++)
		cert_add_problem(
		    v, t->faults[i].code, "%s", t->faults[i].detail);
	keep_way(v, &t->way);
	v->path = t->weight == 0 ? CERT_PATH_OK : CERT_PATH_BAD;
	if (v->path == CERT_PATH_OK)
		X509_digest(
		    t->way.up[t->way.count - 1], EVP_sha256(), v->anchor, &len);
}

/* Names the authority that is not there. */
static void
keep_lack(struct build *b, const struct path_search *s)
{
	static const char *const codes[] = {
	    [PATH_LACK_ISSUER] = "certificate-no-path",
	    [PATH_LACK_KEY] = "certificate-path-signature",
	    [PATH_LACK_LENGTH] = "certificate-path-too-long",
	    [PATH_LACK_LOOP] = "certificate-path-loop"};
	struct path_way way;
	enum path_lack lack = path_search_lack(s, &way);
	char name[160];

	name_text(way.count == 0 ? b->leaf : way.up[way.count - 1], true, name,
	    sizeof name);
	cert_add_problem(b->v, codes[lack], "%s", name);
	keep_way(b->v, &way);
	b->v->path = CERT_PATH_BAD;
}

/* One search; the second one, over everything, is for its reasons. */
static int
search(struct build *b, const struct cert_anchors *anchors, bool sound)
{
	struct path_search *s =
	    path_search_new(anchors, b->leaf, b->v->at_ms, sound, b->e);

	if (s == NULL)
		return -1;
	b->explaining = !sound;
	path_search_each(s, try_way, b);
	b->limited = b->limited || path_search_limited(s);
	if (b->rc == 0 && !sound && !b->has_best)
		keep_lack(b, s);
	path_search_free(s);
	return b->rc;
}

static X509_STORE *
new_store(const struct cert_verdict *v)
{
	X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *p;

	if (store == NULL)
		return NULL;
	p = X509_STORE_get0_param(store);
	/* To OpenSSL no acceptable policy is none, and not any. */
	if (X509_VERIFY_PARAM_add0_policy(p, OBJ_nid2obj(NID_any_policy)) !=
	    1) {
		X509_STORE_free(store);
		return NULL;
	}
	X509_VERIFY_PARAM_set_time(p, (time_t)(v->at_ms / 1000));
	/* 112 bits of security: RSA-2048, SHA-224 and better, also above. */
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_depth(p, CERT_PATH_MAX);
	X509_STORE_set_get_issuer(store, next_issuer);
	X509_STORE_set_verify_cb(store, on_verify);
	return store;
}

/* What is left after both searches. */
static void
conclude(struct build *b)
{
	char name[160];

	if (b->has_best)
		keep_best(b);
	if (!b->limited || b->v->path == CERT_PATH_OK)
		return;
	name_text(b->leaf, true, name, sizeof name);
	cert_add_problem(b->v, "certificate-path-too-complex", "%s", name);
}

int
cert_path_check(const struct cert_anchors *anchors, struct slice der,
    struct cert_verdict *v, struct err *e)
{
	struct build *b = OPENSSL_zalloc(sizeof *b);
	const unsigned char *p = der.p;
	int rc = -1;

	if (b == NULL)
		return err_nomem(e);
	b->v = v;
	b->e = e;
	b->leaf = d2i_X509(NULL, &p, (long)der.len);
	b->store = new_store(v);
	if (b->leaf == NULL || b->store == NULL) {
		err_nomem(e);
		goto out;
	}
	rc = search(b, anchors, true);
	if (rc == 0 && !b->has_best)
		rc = search(b, anchors, false);
	if (rc == 0)
		conclude(b);
out:
	X509_STORE_free(b->store);
	X509_free(b->leaf);
	OPENSSL_free(b);
	ERR_clear_error();
	return rc;
}
