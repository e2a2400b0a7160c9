/*
 * Lists and OCSP answers as an examiner judges them: each fault has its own
 * reason, and nothing that is not whole, current and by the right key says
 * "good".
 */
#include "signer/cert/revoke.h"

#include "base/text.h"
#include "signer/cert/check.h"
#include "signer/cert/revcache.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <openssl/conf.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define CA_NAME "C=JP/O=Test/CN=CA"
#define POINT "http://crl.example.jp/part7"
#define NOW "20260615000000Z"
#define DAY_MS INT64_C(86400000)

static X509 *ca, *ca_2, *leaf, *stranger;
static struct cert_anchors *anchors;
static struct buf leaf_der;
static struct err error;

static X509 *
authority(const char *name, enum certlab_key key)
{
	const struct certlab_spec s = {.subject = name,
	    .key = key,
	    .signer = key,
	    .from = "20250101000000Z",
	    .until = "20350101000000Z",
	    .extension = {{"basicConstraints", "critical,CA:TRUE"},
		{"keyUsage", "critical,keyCertSign,cRLSign"}}};

	return certlab_make(&s);
}

static X509 *
issued(const char *name, enum certlab_key key, const char *usage,
    const char *more, const char *until)
{
	const struct certlab_spec s = {.subject = name,
	    .key = key,
	    .issuer = ca,
	    .signer = KEY_CA,
	    .from = "20260101000000Z",
	    .until = until,
	    .extension = {{"keyUsage", usage},
		{more == NULL ? NULL : "extendedKeyUsage", more}}};

	return certlab_make(&s);
}

static void
set_up(void)
{
	const struct certlab_spec s = {.subject = "C=JP/O=Test/CN=leaf",
	    .key = KEY_LEAF,
	    .signer = KEY_CA,
	    .from = "20260101000000Z",
	    .until = "20300101000000Z",
	    .extension = {
		{"keyUsage", "critical,digitalSignature,nonRepudiation"},
		{"crlDistributionPoints",
		    "URI:" POINT ",URI:ldap://d.example.jp/cn=x"},
		{"authorityInfoAccess", "OCSP;URI:http://o.example.jp/"}}};
	struct certlab_spec with_issuer = s;
	struct buf pem = {0};
	X509 *list[3];

	if (leaf != NULL)
		return;
	list[1] = ca = authority(CA_NAME, KEY_CA);
	list[0] = ca_2 = authority(CA_NAME, KEY_CA_2);
	list[2] = stranger = authority("C=JP/O=Test/CN=Other", KEY_STRANGER);
	with_issuer.issuer = ca;
	leaf = certlab_make(&with_issuer);
	certlab_der(leaf, &leaf_der);
	certlab_pem(list, 3, &pem);
	anchors = cert_anchors_parse(buf_view(&pem), &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(anchors);
	buf_free(&pem);
}

static struct revoke_ask
ask(void)
{
	struct revoke_ask a = {
	    .at_ms = certlab_time(NOW), .max_age_ms = 400 * DAY_MS};

	set_up();
	CHECK_OK(
	    revoke_begin(&a, buf_view(&leaf_der), anchors, &error), &error);
	return a;
}

struct crl_case {
	const char *name;
	enum certlab_key signer;
	const char *issuer; /* NULL: the CA's name */
	const char *from, *until;
	int reason; /* -2: not listed, -1: listed without one */
	const char *extensions;
	const char *digest;
	enum revocation_state state;
	const char *want; /* why, or the reason */
};

static void
set_time(X509_CRL *crl, const char *from, const char *until)
{
	ASN1_TIME *t = ASN1_TIME_new();

	ASN1_TIME_set_string_X509(t, from);
	X509_CRL_set1_lastUpdate(crl, t);
	if (until != NULL) {
		ASN1_TIME_set_string_X509(t, until);
		X509_CRL_set1_nextUpdate(crl, t);
	}
	ASN1_TIME_free(t);
}

static void
add_entry(X509_CRL *crl, const ASN1_INTEGER *serial, int reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
	ASN1_TIME *t = ASN1_TIME_new();

	ASN1_TIME_set_string_X509(t, "20260301000000Z");
	X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)(uintptr_t)serial);
	X509_REVOKED_set_revocationDate(entry, t);
	ASN1_ENUMERATED_set(why, reason);
	if (reason >= 0)
		X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, why, 0, 0);
	X509_CRL_add0_revoked(crl, entry);
	ASN1_ENUMERATED_free(why);
	ASN1_TIME_free(t);
}

static void
add_extensions(X509_CRL *crl, const char *text)
{
	CONF *conf = NCONF_new(NULL);
	BIO *b = BIO_new_mem_buf(text, -1);
	long line = 0;
	X509V3_CTX ctx;

	CU_ASSERT_FATAL(NCONF_load_bio(conf, b, &line) > 0);
	X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
	X509V3_set_nconf(&ctx, conf);
	CU_ASSERT_FATAL(X509V3_EXT_CRL_add_nconf(conf, &ctx, "ext", crl) == 1);
	BIO_free(b);
	NCONF_free(conf);
}

static void
make_crl(const struct crl_case *c, struct buf *der)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_INTEGER *other = ASN1_INTEGER_new();
	unsigned char *p = NULL;
	X509 *named = c->issuer == NULL ? ca : stranger;
	int n;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(named));
	set_time(crl, c->from, c->until);
	ASN1_INTEGER_set(other, 77);
	add_entry(crl, other, 1);
	if (c->reason > -2)
		add_entry(crl, X509_get0_serialNumber(leaf), c->reason);
	if (c->extensions != NULL)
		add_extensions(crl, c->extensions);
	X509_CRL_sort(crl);
	CU_ASSERT_FATAL(X509_CRL_sign(crl, certlab_key(c->signer),
			    EVP_get_digestbyname(
				c->digest == NULL ? "SHA256" : c->digest)) > 0);
	n = i2d_X509_CRL(crl, &p);
	CU_ASSERT_FATAL(n > 0 && buf_append(der, p, (size_t)n) == 0);
	OPENSSL_free(p);
	ASN1_INTEGER_free(other);
	X509_CRL_free(crl);
}

#define FROM "20260610000000Z"
#define UNTIL "20260620000000Z"
#define GOOD REVOCATION_GOOD
#define NONE REVOCATION_NOT_CHECKED
#define IDP "[ext]\nissuingDistributionPoint=critical,@idp\n[idp]\n"

static const struct crl_case crl_cases[] = {
    {"good", KEY_CA, NULL, FROM, UNTIL, -2, NULL, NULL, GOOD, ""},
    {"revoked", KEY_CA, NULL, FROM, UNTIL, 1, NULL, NULL, REVOCATION_REVOKED,
	"keyCompromise"},
    {"no reason", KEY_CA, NULL, FROM, UNTIL, -1, NULL, NULL, REVOCATION_REVOKED,
	""},
    {"hold", KEY_CA, NULL, FROM, UNTIL, 6, NULL, NULL, REVOCATION_SUSPENDED,
	"certificateHold"},
    {"removed", KEY_CA, NULL, FROM, UNTIL, 8, NULL, NULL, GOOD, ""},
    {"stale", KEY_CA, NULL, FROM, "20260614000000Z", 1, NULL, NULL, NONE,
	"stale"},
    {"without an end", KEY_CA, NULL, FROM, NULL, -2, NULL, NULL, GOOD, ""},
    {"older than a year", KEY_CA, NULL, "20250101000000Z", NULL, -2, NULL, NULL,
	NONE, "stale"},
    {"future", KEY_CA, NULL, "20260616000000Z", UNTIL, -2, NULL, NULL, NONE,
	"not-yet-valid"},
    {"other generation", KEY_CA_2, NULL, FROM, UNTIL, -2, NULL, NULL, NONE,
	"crl-other-generation"},
    {"nobody's key", KEY_STRANGER, NULL, FROM, UNTIL, -2, NULL, NULL, NONE,
	"wrong-signer"},
    {"other issuer", KEY_STRANGER, "other", FROM, UNTIL, -2, NULL, NULL, NONE,
	"crl-other-issuer"},
    {"SHA-1", KEY_CA, NULL, FROM, UNTIL, -2, NULL, "SHA1", NONE,
	"weak-signature"},
    {"its part", KEY_CA, NULL, FROM, UNTIL, -2, IDP "fullname=URI:" POINT, NULL,
	GOOD, ""},
    {"other part", KEY_CA, NULL, FROM, UNTIL, -2, IDP "fullname=URI:" POINT "7",
	NULL, NONE, "crl-other-point"},
    {"people only", KEY_CA, NULL, FROM, UNTIL, -2, IDP "onlyuser=TRUE", NULL,
	GOOD, ""},
    {"authorities only", KEY_CA, NULL, FROM, UNTIL, -2, IDP "onlyCA=TRUE", NULL,
	NONE, "crl-partial"},
    {"some reasons", KEY_CA, NULL, FROM, UNTIL, -2,
	IDP "onlysomereasons=keyCompromise", NULL, NONE, "crl-partial"},
    {"indirect", KEY_CA, NULL, FROM, UNTIL, -2, IDP "indirectCRL=TRUE", NULL,
	NONE, "crl-indirect"},
    {"delta", KEY_CA, NULL, FROM, UNTIL, -2,
	"[ext]\n2.5.29.27=critical,ASN1:INTEGER:1\n", NULL, NONE, "crl-delta"},
    {"unknown critical", KEY_CA, NULL, FROM, UNTIL, -2,
	"[ext]\n1.2.3.4=critical,ASN1:NULL\n", NULL, NONE, "crl-critical"},
    {"unknown", KEY_CA, NULL, FROM, UNTIL, -2, "[ext]\n1.2.3.4=ASN1:NULL\n",
	NULL, GOOD, ""},
};

static void
expect(const char *name, const struct cert_revocation *r,
    enum revocation_state state, const char *want)
{
	const char *got = r->state == NONE ? r->why : r->reason;

	if (r->state != state || strcmp(got, want) != 0)
		printf("  %s: %s, \"%s\"\n", name,
		    cert_revocation_name(r->state), got);
	CU_ASSERT_EQUAL(r->state, state);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void
lists_are_judged(void)
{
	struct revoke_ask a = ask();

	for (size_t i = 0; i < sizeof crl_cases / sizeof *crl_cases; i++) {
		const struct crl_case *c = &crl_cases[i];
		struct cert_revocation r;
		struct buf der = {0};

		make_crl(c, &der);
		revoke_crl(&a, buf_view(&der), &r);
		expect(c->name, &r, c->state, c->want);
		CU_ASSERT_STRING_EQUAL(r.kind, "crl");
		if (c->state == GOOD)
			CU_ASSERT_EQUAL(r.produced_ms, certlab_time(c->from));
		if (cert_revocation_forbids(&r))
			CU_ASSERT_EQUAL(
			    r.revoked_ms, certlab_time("20260301000000Z"));
		buf_free(&der);
	}
	revoke_end(&a);
}

/* PEM, and the text that libcurl makes of an LDAP entry. */
static void
lists_come_in_three_forms(void)
{
	struct revoke_ask a = ask();
	struct buf der = {0}, text = {0};
	struct cert_revocation r;

	make_crl(&crl_cases[1], &der);
	CU_ASSERT_FATAL(buf_puts(&text, "-----BEGIN X509 CRL-----\n") == 0);
	text_base64(&text, buf_view(&der));
	for (size_t at = 25 + 64; at < text.len; at += 65) {
		buf_putc(&text, 0);
		memmove(text.p + at + 1, text.p + at, text.len - at - 1);
		text.p[at] = '\n';
	}
	buf_puts(&text, "\n-----END X509 CRL-----\n");
	revoke_crl(&a, buf_view(&text), &r);
	expect("PEM", &r, REVOCATION_REVOKED, "keyCompromise");
	buf_reset(&text);
	buf_puts(&text, "DN: cn=x\n\tcertificateRevocationList;binary:: ");
	text_base64(&text, buf_view(&der));
	buf_puts(&text, "\n\n");
	revoke_crl(&a, buf_view(&text), &r);
	expect("LDAP", &r, REVOCATION_REVOKED, "keyCompromise");
	revoke_crl(&a, slice_str("DN: cn=x\n"), &r);
	expect("no attribute", &r, NONE, "malformed");
	revoke_crl(&a, slice_str(""), &r);
	expect("empty", &r, NONE, "malformed");
	buf_free(&text);
	buf_free(&der);
	revoke_end(&a);
}

/* Cut or changed anywhere, it never says "good". */
static void
damaged_lists_say_nothing(void)
{
	struct revoke_ask a = ask();
	struct cert_revocation r;
	struct buf der = {0};
	size_t good = 0;

	make_crl(&crl_cases[1], &der);
	for (size_t n = 0; n < der.len; n++) {
		revoke_crl(&a, slice_of(der.p, n), &r);
		good += r.state != NONE;
		der.p[n] ^= 0x10;
		revoke_crl(&a, buf_view(&der), &r);
		good += r.state == GOOD;
		der.p[n] ^= 0x10;
	}
	CU_ASSERT_EQUAL(good, 0);
	buf_free(&der);
	revoke_end(&a);
}

enum nonce { NONCE_SAME, NONCE_OTHER, NONCE_NONE };

struct ocsp_case {
	const char *name;
	int status, reason;
	enum nonce nonce;
	const char *usage;    /* of a responder; NULL: the CA itself */
	const char *extended; /* NULL: none */
	const char *until;    /* its validity */
	const char *from, *next;
	const char *digest;
	bool other; /* about another certificate */
	enum revocation_state state;
	const char *want, *note;
};

#define SIGNS "critical,digitalSignature"
#define FAR "20300101000000Z"
#define RESPONDER SIGNS, "OCSPSigning", FAR
#define UNCHECKED "responder-unchecked"

static const struct ocsp_case ocsp_cases[] = {
    {"issuer", 0, -1, NONCE_SAME, NULL, NULL, NULL, FROM, UNTIL, NULL, false,
	GOOD, "", ""},
    {"delegated", 0, -1, NONCE_SAME, RESPONDER, FROM, UNTIL, NULL, false, GOOD,
	"", UNCHECKED},
    {"no nonce", 0, -1, NONCE_NONE, NULL, NULL, NULL, FROM, UNTIL, NULL, false,
	GOOD, "", "nonce-missing"},
    {"other nonce", 0, -1, NONCE_OTHER, NULL, NULL, NULL, FROM, UNTIL, NULL,
	false, NONE, "nonce-wrong", ""},
    {"other nonce, revoked", 1, 1, NONCE_OTHER, NULL, NULL, NULL, FROM, UNTIL,
	NULL, false, NONE, "nonce-wrong", ""},
    {"revoked", 1, 4, NONCE_SAME, NULL, NULL, NULL, FROM, UNTIL, NULL, false,
	REVOCATION_REVOKED, "superseded", ""},
    {"hold", 1, 6, NONCE_SAME, RESPONDER, FROM, UNTIL, NULL, false,
	REVOCATION_SUSPENDED, "certificateHold", UNCHECKED},
    {"unknown", 2, -1, NONCE_SAME, NULL, NULL, NULL, FROM, UNTIL, NULL, false,
	NONE, "ocsp-unknown", ""},
    {"not a responder", 0, -1, NONCE_SAME, SIGNS, "clientAuth", FAR, FROM,
	UNTIL, NULL, false, NONE, "wrong-signer", ""},
    {"no usage", 0, -1, NONCE_SAME, SIGNS, NULL, FAR, FROM, UNTIL, NULL, false,
	NONE, "wrong-signer", ""},
    {"encipherment", 0, -1, NONCE_SAME, "critical,keyEncipherment",
	"OCSPSigning", FAR, FROM, UNTIL, NULL, false, NONE, "wrong-signer", ""},
    {"expired responder", 0, -1, NONCE_SAME, SIGNS, "OCSPSigning",
	"20260601000000Z", FROM, UNTIL, NULL, false, NONE, "wrong-signer", ""},
    {"stale", 0, -1, NONCE_SAME, NULL, NULL, NULL, FROM, "20260611000000Z",
	NULL, false, NONE, "stale", ""},
    {"old", 0, -1, NONCE_SAME, NULL, NULL, NULL, "20250101000000Z", NULL, NULL,
	false, NONE, "stale", ""},
    {"future", 0, -1, NONCE_SAME, NULL, NULL, NULL, "20260616000000Z", UNTIL,
	NULL, false, NONE, "not-yet-valid", ""},
    {"SHA-1", 0, -1, NONCE_SAME, NULL, NULL, NULL, FROM, UNTIL, "SHA1", false,
	NONE, "weak-signature", ""},
    {"another one", 0, -1, NONCE_SAME, NULL, NULL, NULL, FROM, UNTIL, NULL,
	true, NONE, "ocsp-other", ""},
};

static ASN1_TIME *
asn1_time(const char *text)
{
	ASN1_TIME *t = text == NULL ? NULL : ASN1_TIME_new();

	if (t != NULL)
		ASN1_TIME_set_string(t, text);
	return t;
}

static void
add_status(OCSP_BASICRESP *basic, const struct ocsp_case *c)
{
	OCSP_CERTID *id =
	    OCSP_cert_to_id(EVP_sha1(), c->other ? stranger : leaf, ca);
	ASN1_TIME *from = asn1_time(c->from), *next = asn1_time(c->next);
	ASN1_TIME *revoked = asn1_time("20260301000000Z");

	CU_ASSERT_PTR_NOT_NULL_FATAL(OCSP_basic_add1_status(
	    basic, id, c->status, c->reason, revoked, from, next));
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(next);
	ASN1_TIME_free(revoked);
}

/* The answer to a request, by the responder that the case describes. */
static void
make_answer(const struct ocsp_case *c, struct slice request, struct buf *der)
{
	const unsigned char *p = request.p;
	OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &p, (long)request.len);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	X509 *signer = c->usage == NULL
			   ? NULL
			   : issued("C=JP/CN=responder", KEY_MIDDLE, c->usage,
				 c->extended, c->until);
	EVP_PKEY *key = certlab_key(signer == NULL ? KEY_CA : KEY_MIDDLE);
	OCSP_RESPONSE *answer;
	unsigned char *out = NULL;
	int n;

	add_status(basic, c);
	if (c->nonce == NONCE_SAME)
		OCSP_copy_nonce(basic, q);
	else if (c->nonce == NONCE_OTHER)
		OCSP_basic_add1_nonce(basic, NULL, 16);
	CU_ASSERT_FATAL(
	    OCSP_basic_sign(basic, signer == NULL ? ca : signer, key,
		EVP_get_digestbyname(c->digest == NULL ? "SHA256" : c->digest),
		NULL, signer == NULL ? OCSP_NOCERTS : 0) == 1);
	answer = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	n = i2d_OCSP_RESPONSE(answer, &out);
	CU_ASSERT_FATAL(n > 0 && buf_append(der, out, (size_t)n) == 0);
	OPENSSL_free(out);
	OCSP_RESPONSE_free(answer);
	OCSP_BASICRESP_free(basic);
	OCSP_REQUEST_free(q);
	X509_free(signer);
}

static void
plan_of(struct revoke_ask *a, struct revoke_plan *plan)
{
	CHECK_OK(revoke_plan(a, plan, &error), &error);
	a->request = slice_of(plan->request, plan->request_len);
}

static void
answers_are_judged(void)
{
	struct revoke_ask a = ask();
	struct revoke_plan plan;

	plan_of(&a, &plan);
	for (size_t i = 0; i < sizeof ocsp_cases / sizeof *ocsp_cases; i++) {
		const struct ocsp_case *c = &ocsp_cases[i];
		struct cert_revocation r;
		struct buf der = {0};

		make_answer(c, a.request, &der);
		revoke_ocsp(&a, buf_view(&der), &r);
		expect(c->name, &r, c->state, c->want);
		if (r.state != NONE)
			CU_ASSERT_STRING_EQUAL(r.note, c->note);
		buf_free(&der);
	}
	revoke_end(&a);
}

static void
nonces_can_be_demanded(void)
{
	struct revoke_ask a = ask();
	struct revoke_plan plan;
	struct cert_revocation r;
	struct buf der = {0};

	plan_of(&a, &plan);
	make_answer(&ocsp_cases[2], a.request, &der);
	a.nonce_required = true;
	revoke_ocsp(&a, buf_view(&der), &r);
	expect("demanded", &r, NONE, "nonce-missing");
	/* Of an answer from the cache the question is gone. */
	a.request = slice_of(NULL, 0);
	revoke_ocsp(&a, buf_view(&der), &r);
	expect("kept", &r, GOOD, "");
	buf_free(&der);
	revoke_end(&a);
}

static void
damaged_answers_say_nothing(void)
{
	struct revoke_ask a = ask();
	struct revoke_plan plan;
	struct cert_revocation r;
	struct buf der = {0};
	size_t wrong = 0;

	plan_of(&a, &plan);
	make_answer(&ocsp_cases[5], a.request, &der);
	for (size_t n = 0; n < der.len; n++) {
		revoke_ocsp(&a, slice_of(der.p, n), &r);
		wrong += r.state != NONE;
		der.p[n] ^= 0x10;
		revoke_ocsp(&a, buf_view(&der), &r);
		wrong += r.state == GOOD;
		der.p[n] ^= 0x10;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	buf_free(&der);
	revoke_end(&a);
}

static void
plan_says_where_to_ask(void)
{
	struct revoke_ask a = ask();
	struct revoke_plan plan, again;
	struct ipc_msg m = {0}, in = {0};

	CHECK_OK(revoke_plan(&a, &plan, &error), &error);
	CU_ASSERT_TRUE(plan.issuer_known);
	CU_ASSERT_EQUAL(
	    revoke_plan_source(&plan, NULL), CERT_REVOCATION_UNKNOWN);
	CU_ASSERT_EQUAL(plan.ocsp_count, 1);
	CU_ASSERT_STRING_EQUAL(plan.ocsp[0], "http://o.example.jp/");
	CU_ASSERT_EQUAL(plan.crl_count, 2);
	CU_ASSERT_STRING_EQUAL(plan.crl[0], POINT);
	CU_ASSERT_STRING_EQUAL(plan.crl[1], "ldap://d.example.jp/cn=x");
	CU_ASSERT_TRUE(X509_cmp(a.issuer, ca) == 0);
	ipc_begin(&m, 1);
	revoke_plan_put(&m, &plan);
	CHECK_OK(ipc_load(&in, 1, ipc_body(&m)), &error);
	revoke_plan_get(&in, &again);
	CU_ASSERT_TRUE(ipc_end(&in));
	CU_ASSERT_EQUAL(
	    memcmp(again.request, plan.request, plan.request_len), 0);
	CU_ASSERT_STRING_EQUAL(again.crl[1], plan.crl[1]);
	ipc_free(&m);
	ipc_free(&in);
	revoke_end(&a);
}

/* What policy makes of a result. */
static void
policy_decides(void)
{
	static const struct {
		enum conf_revocation policy;
		enum revocation_state state;
		const char *why, *kind;
		bool ok;
		const char *problem, *warning;
	} cases[] = {
	    {CONF_REVOCATION_REQUIRE, GOOD, "", "crl", true, NULL, NULL},
	    {CONF_REVOCATION_REQUIRE, NONE, "timeout", "ocsp", false,
		"revocation-timeout", NULL},
	    {CONF_REVOCATION_REQUIRE, NONE, "no-hosts", "", false,
		"certificate-revocation-required", NULL},
	    {CONF_REVOCATION_PREFER, NONE, "timeout", "ocsp", true, NULL,
		"certificate-revocation-unknown"},
	    {CONF_REVOCATION_PREFER, NONE, "no-hosts", "ocsp", true, NULL,
		NULL},
	    {CONF_REVOCATION_PREFER, REVOCATION_REVOKED, "", "crl", false,
		"certificate-revoked", NULL},
	    {CONF_REVOCATION_PREFER, REVOCATION_REVOKED, "", "ocsp", false,
		"certificate-revoked-ocsp", NULL},
	    {CONF_REVOCATION_PREFER, REVOCATION_SUSPENDED, "", "crl", false,
		"certificate-suspended", NULL},
	    {CONF_REVOCATION_OFF, REVOCATION_REVOKED, "", "crl", true, NULL,
		NULL},
	};
	int64_t now = certlab_time(NOW);
	struct cert_verdict v;

	set_up();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cert_revocation known = {
		    .state = cases[i].state, .until_ms = now + DAY_MS};
		struct cert_policy p = {.anchors = anchors,
		    .revocation = cases[i].policy,
		    .known = &known};

		snprintf(known.why, sizeof known.why, "%s", cases[i].why);
		snprintf(known.kind, sizeof known.kind, "%s", cases[i].kind);
		CHECK_OK(cert_check(&p, buf_view(&leaf_der), now, &v, &error),
		    &error);
		CU_ASSERT_EQUAL(v.ok, cases[i].ok);
		if (cases[i].problem != NULL)
			CU_ASSERT_STRING_EQUAL(
			    v.problems[0].code, cases[i].problem);
		CU_ASSERT_EQUAL(v.warning_count, cases[i].warning != NULL);
		if (cases[i].warning != NULL)
			CU_ASSERT_STRING_EQUAL(
			    v.warnings[0].code, cases[i].warning);
		/* Tomorrow's check does not take today's "good". */
		if (cases[i].state == GOOD) {
			CHECK_OK(cert_check(&p, buf_view(&leaf_der),
				     now + 2 * DAY_MS, &v, &error),
			    &error);
			CU_ASSERT_FALSE(v.ok);
			CU_ASSERT_STRING_EQUAL(v.revocation_why, "stale");
		}
	}
}

static void
results_are_kept(void)
{
	static const uint8_t who[32] = {7};
	struct cert_revocation r = {.state = GOOD, .until_ms = 5}, got;
	int dir = revcache_open(suite_dir(), &error);

	CU_ASSERT_FATAL(dir >= 0);
	CU_ASSERT_EQUAL(revcache_result_get(dir, who, REVCACHE_LAST, &got), 0);
	CU_ASSERT_STRING_EQUAL(got.why, "not-asked");
	CHECK_OK(revcache_result_put(dir, who, &r, &error), &error);
	r.state = REVOCATION_REVOKED;
	CHECK_OK(revcache_result_put(dir, who, &r, &error), &error);
	CU_ASSERT_EQUAL(revcache_result_get(dir, who, REVCACHE_LAST, &got), 1);
	CU_ASSERT_EQUAL(got.state, REVOCATION_REVOKED);
	CU_ASSERT_EQUAL(
	    revcache_result_get(dir, who, REVCACHE_ALLOWED, &got), 1);
	CU_ASSERT_EQUAL(got.state, GOOD);
	CU_ASSERT_EQUAL(got.until_ms, 5);
}

static void
without_its_authority_nothing_counts(void)
{
	struct revoke_ask a = {
	    .at_ms = certlab_time(NOW), .max_age_ms = 400 * DAY_MS};
	struct cert_revocation r;
	struct revoke_plan plan;
	struct buf der = {0};

	set_up();
	make_crl(&crl_cases[0], &der);
	CHECK_OK(revoke_begin(&a, buf_view(&leaf_der), NULL, &error), &error);
	revoke_crl(&a, buf_view(&der), &r);
	expect("no anchors", &r, NONE, "issuer-unknown");
	CHECK_OK(revoke_plan(&a, &plan, &error), &error);
	CU_ASSERT_FALSE(plan.issuer_known);
	CU_ASSERT_EQUAL(plan.request_len, 0);
	buf_free(&der);
	revoke_end(&a);
}

static void
ends(void)
{
	X509_free(ca);
	X509_free(ca_2);
	X509_free(leaf);
	X509_free(stranger);
	cert_anchors_free(anchors);
	buf_free(&leaf_der);
}

SUITE_MAIN("revocation", CASE(lists_are_judged),
    CASE(lists_come_in_three_forms), CASE(damaged_lists_say_nothing),
    CASE(answers_are_judged), CASE(nonces_can_be_demanded),
    CASE(damaged_answers_say_nothing), CASE(plan_says_where_to_ask),
    CASE(policy_decides), CASE(results_are_kept),
    CASE(without_its_authority_nothing_counts), CASE(ends))
