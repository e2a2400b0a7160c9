/*
 * The verdict on certificates of a small test PKI: each fault has its own
 * code, and openssl verify agrees wherever it can express the question.
 */
#include "signer/cert/check.h"

#include "signer/cert/profile.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW "20261122000000Z"
#define CA_NAME "C=JP/O=Test/OU=CA for signing"
#define LEAF_NAME "C=JP/L=Tokyo-to/CN=試験 花子"

#define SIGNING "critical,digitalSignature,nonRepudiation"
#define CA_EXTENSIONS                                                          \
	{"basicConstraints", "critical,CA:TRUE"},                              \
	    {"keyUsage", "critical,keyCertSign,cRLSign"},                      \
	{                                                                      \
		"subjectKeyIdentifier", "hash"                                 \
	}
#define LEAF_EXTENSIONS                                                        \
	{"keyUsage", SIGNING}, {"authorityKeyIdentifier", "keyid"},            \
	{                                                                      \
		"subjectKeyIdentifier", "hash"                                 \
	}

enum ca {
	CA_FIRST,
	CA_SECOND,  /* the same name, another key */
	CA_STRANGE, /* another authority, never an anchor */
	CA_EXPIRED, /* another name, expired */
	CA_MIDDLE,  /* below the first */
	CA_MIDDLE_EXPIRED,
	CA_MIDDLE_NO_CA, /* may not issue */
	CA_MIDDLE_LOW,   /* below CA_MIDDLE, which allows none */
	CA_MIDDLE_NAMES, /* may not issue for C=JP */
	CA_MIDDLE_SHA1,
	CA_MIDDLE_POLICY, /* wants a policy in every path */
	CA_FIRST_OLD,     /* the first one's key, an expired certificate */
	CA_COUNT
};

static X509 *ca[CA_COUNT];
static struct cert_verdict v;
static struct err error;

#define YEARS "20200101000000Z", "20300101000000Z"

static void
make_ca(enum ca which, const char *subject, enum certlab_key key, int issuer,
    const char *until, const char *const (*more)[2])
{
	struct certlab_spec s = {.subject = subject,
	    .key = key,
	    .signer = issuer == CA_FIRST    ? KEY_CA
		      : issuer == CA_MIDDLE ? KEY_MIDDLE
					    : key,
	    .issuer = issuer < 0 ? NULL : ca[issuer],
	    .from = "20200101000000Z",
	    .until = until,
	    .digest = which == CA_MIDDLE_SHA1 ? "SHA1" : NULL,
	    .extension = {CA_EXTENSIONS}};

	if (more != NULL)
		for (int i = 0; i < 2 && more[i][0] != NULL; i++) {
			size_t at =
			    strcmp(more[i][0], "basicConstraints") == 0 ? 0 : 4;

			s.extension[at][0] = more[i][0];
			s.extension[at][1] = more[i][1];
		}
	if (issuer >= 0) {
		s.extension[3][0] = "authorityKeyIdentifier";
		s.extension[3][1] = "keyid";
	}
	ca[which] = certlab_make(&s);
}

static void
forget(void)
{
	for (int i = 0; i < CA_COUNT; i++)
		X509_free(ca[i]);
}

static void
authorities(void)
{
	static const char *const none_below[][2] = {
	    {"basicConstraints", "critical,CA:TRUE,pathlen:0"}, {NULL, NULL}};
	static const char *const no_ca[][2] = {
	    {"basicConstraints", "critical,CA:FALSE"}, {NULL, NULL}};
	static const char *const names[][2] = {
	    {"nameConstraints", "critical,excluded;email:example.com"},
	    {NULL, NULL}};
	static const char *const policy[][2] = {
	    {"policyConstraints", "critical,requireExplicitPolicy:0"},
	    {NULL, NULL}};
	static const char end[] = "20300101000000Z";

	if (ca[0] != NULL)
		return;
	atexit(forget);
	make_ca(CA_FIRST, CA_NAME, KEY_CA, -1, end, NULL);
	make_ca(CA_SECOND, CA_NAME, KEY_CA_2, -1, end, NULL);
	make_ca(CA_STRANGE, "C=JP/O=Strange", KEY_STRANGER, -1, end, NULL);
	make_ca(CA_EXPIRED, "C=JP/O=Expired", KEY_STRANGER, -1,
	    "20260101000000Z", NULL);
	make_ca(
	    CA_MIDDLE, "C=JP/O=Middle", KEY_MIDDLE, CA_FIRST, end, none_below);
	make_ca(CA_MIDDLE_EXPIRED, "C=JP/O=Middle old", KEY_MIDDLE, CA_FIRST,
	    "20260101000000Z", NULL);
	make_ca(
	    CA_MIDDLE_NO_CA, "C=JP/O=No CA", KEY_MIDDLE, CA_FIRST, end, no_ca);
	make_ca(
	    CA_MIDDLE_LOW, "C=JP/O=Low", KEY_STRANGER, CA_MIDDLE, end, NULL);
	make_ca(
	    CA_MIDDLE_NAMES, "C=JP/O=Names", KEY_MIDDLE, CA_FIRST, end, names);
	make_ca(CA_MIDDLE_POLICY, "C=JP/O=Policy", KEY_MIDDLE, CA_FIRST, end,
	    policy);
	make_ca(CA_FIRST_OLD, CA_NAME, KEY_CA, -1, "20260101000000Z", NULL);
	make_ca(CA_MIDDLE_SHA1, "C=JP/O=Weak", KEY_MIDDLE, CA_FIRST, end, NULL);
}

struct row {
	const char *name;
	struct certlab_spec leaf; /* issuer and signer set by `by` */
	enum ca by;
	unsigned anchors;     /* bits of enum ca */
	const char *codes[4]; /* expected problems, any order */
	bool openssl_differs; /* openssl verify sees it otherwise */
};

#define ANCHORS (1U << CA_FIRST | 1U << CA_SECOND)
#define LEAF(...)                                                              \
	{                                                                      \
		.subject = LEAF_NAME, .key = KEY_LEAF,                         \
		.from = "20250101000000Z", .until = "20280101000000Z",         \
		__VA_ARGS__                                                    \
	}
#define USUAL_LEAF LEAF(.extension = {LEAF_EXTENSIONS})

static const struct row rows[] = {
    {"good", USUAL_LEAF, CA_FIRST, ANCHORS, {0}, 0},
    {"good of the second generation", USUAL_LEAF, CA_SECOND, ANCHORS, {0}, 0},
    {"second generation, no key identifier",
	LEAF(.extension = {{"keyUsage", SIGNING}}), CA_SECOND, ANCHORS, {0}, 1},
    {"generation that is not configured", USUAL_LEAF, CA_SECOND, 1 << CA_FIRST,
	{"certificate-path-signature"}, 0},
    {"generation not configured, no key identifier",
	LEAF(.extension = {{"keyUsage", SIGNING}}), CA_SECOND, 1 << CA_FIRST,
	{"certificate-path-signature"}, 0},
    {"expired",
	{.subject = LEAF_NAME,
	    .key = KEY_LEAF,
	    .from = "20250101000000Z",
	    .until = "20261121235959Z",
	    .extension = {LEAF_EXTENSIONS}},
	CA_FIRST, ANCHORS, {"certificate-expired"}, 0},
    {"not yet valid",
	{.subject = LEAF_NAME,
	    .key = KEY_LEAF,
	    .from = "20261122000001Z",
	    .until = "20280101000000Z",
	    .extension = {LEAF_EXTENSIONS}},
	CA_FIRST, ANCHORS, {"certificate-not-yet-valid"}, 0},
    {"usage: authentication only",
	LEAF(.extension = {{"keyUsage", "critical,digitalSignature"},
		 {"authorityKeyIdentifier", "keyid"}}),
	CA_FIRST, ANCHORS, {"certificate-usage"}, 1},
    {"usage: encryption",
	LEAF(.extension = {{"keyUsage", "keyEncipherment"},
		 {"authorityKeyIdentifier", "keyid"}}),
	CA_FIRST, ANCHORS, {"certificate-usage"}, 1},
    {"unknown authority", USUAL_LEAF, CA_STRANGE, ANCHORS,
	{"certificate-no-path"}, 0},
    {"RSA-1024",
	{.subject = LEAF_NAME,
	    .key = KEY_1024,
	    .from = "20250101000000Z",
	    .until = "20280101000000Z",
	    .extension = {LEAF_EXTENSIONS}},
	CA_FIRST, ANCHORS, {"certificate-key-too-small"}, 0},
    {"P-384",
	{.subject = LEAF_NAME,
	    .key = KEY_P384,
	    .from = "20250101000000Z",
	    .until = "20280101000000Z",
	    .extension = {LEAF_EXTENSIONS}},
	CA_FIRST, ANCHORS, {"algorithm-not-allowed"}, 1},
    {"signed with SHA-1",
	{.subject = LEAF_NAME,
	    .key = KEY_LEAF,
	    .from = "20250101000000Z",
	    .until = "20280101000000Z",
	    .digest = "SHA1",
	    .extension = {LEAF_EXTENSIONS}},
	CA_FIRST, ANCHORS, {"certificate-algorithm"}, 0},
    {"unknown critical extension",
	LEAF(.extension = {LEAF_EXTENSIONS,
		 {"1.2.3.4.5", "critical,ASN1:UTF8String:x"}}),
	CA_FIRST, ANCHORS, {"certificate-critical-extension"}, 0},
    {"unknown plain extension",
	LEAF(.extension = {LEAF_EXTENSIONS,
		 {"1.2.3.4.5", "ASN1:UTF8String:x"}}),
	CA_FIRST, ANCHORS, {0}, 0},
    {"JPKI policy, critical",
	LEAF(.extension = {LEAF_EXTENSIONS,
		 {"certificatePolicies",
		     "critical,1.2.392.200149.8.5.1.1.20"}}),
	CA_FIRST, ANCHORS, {0}, 0},
    {"JPKI authentication by policy",
	LEAF(.extension = {LEAF_EXTENSIONS,
		 {"certificatePolicies",
		     "critical,1.2.392.200149.8.5.1.3.30"}}),
	CA_FIRST, ANCHORS, {"certificate-is-authentication"}, 1},
    {"an authority's own", LEAF(.extension = {CA_EXTENSIONS}), CA_FIRST,
	ANCHORS, {"certificate-is-ca", "certificate-usage"}, 1},
    {"by a middle authority", USUAL_LEAF, CA_MIDDLE, ANCHORS | 1 << CA_MIDDLE,
	{0}, 0},
    {"middle authority missing", USUAL_LEAF, CA_MIDDLE, ANCHORS,
	{"certificate-no-path"}, 0},
    {"middle authority without its root", USUAL_LEAF, CA_MIDDLE,
	1 << CA_MIDDLE | 1 << CA_SECOND, {"certificate-path-signature"}, 0},
    {"middle authority expired", USUAL_LEAF, CA_MIDDLE_EXPIRED,
	ANCHORS | 1 << CA_MIDDLE_EXPIRED, {"certificate-ca-expired"}, 0},
    {"middle that is no authority", USUAL_LEAF, CA_MIDDLE_NO_CA,
	ANCHORS | 1 << CA_MIDDLE_NO_CA, {"certificate-ca-invalid"}, 0},
    {"path longer than allowed", USUAL_LEAF, CA_MIDDLE_LOW,
	ANCHORS | 1 << CA_MIDDLE | 1 << CA_MIDDLE_LOW,
	{"certificate-path-length"}, 0},
    {"name that the authority may not certify",
	LEAF(.extension = {LEAF_EXTENSIONS,
		 {"subjectAltName", "email:a@example.com"}}),
	CA_MIDDLE_NAMES, ANCHORS | 1 << CA_MIDDLE_NAMES,
	{"certificate-name-constraint"}, 0},
    {"name that it may", USUAL_LEAF, CA_MIDDLE_NAMES,
	ANCHORS | 1 << CA_MIDDLE_NAMES, {0}, 0},
    {"middle signed with SHA-1", USUAL_LEAF, CA_MIDDLE_SHA1,
	ANCHORS | 1 << CA_MIDDLE_SHA1, {"certificate-algorithm"}, 0},
    {"no policy where one is demanded", USUAL_LEAF, CA_MIDDLE_POLICY,
	ANCHORS | 1 << CA_MIDDLE_POLICY, {"certificate-path-policy"}, 0},
    {"renewed root beside the expired one, same key", USUAL_LEAF, CA_FIRST,
	1 << CA_FIRST | 1 << CA_FIRST_OLD, {0}, 1},
    {"only the expired root of that key", USUAL_LEAF, CA_FIRST,
	1 << CA_FIRST_OLD, {"certificate-ca-expired"}, 1},
    {"root expired", USUAL_LEAF, CA_EXPIRED, 1 << CA_EXPIRED,
	{"certificate-ca-expired"}, 0},
    {"several at once",
	{.subject = LEAF_NAME,
	    .key = KEY_1024,
	    .from = "20200101000000Z",
	    .until = "20210101000000Z",
	    .extension = {{"keyUsage", "keyEncipherment"}}},
	CA_STRANGE, ANCHORS,
	{"certificate-expired", "certificate-usage",
	    "certificate-key-too-small", "certificate-no-path"},
	0},
};

static const enum certlab_key signers[CA_COUNT] = {KEY_CA, KEY_CA_2,
    KEY_STRANGER, KEY_STRANGER, KEY_MIDDLE, KEY_MIDDLE, KEY_MIDDLE,
    KEY_STRANGER, KEY_MIDDLE, KEY_MIDDLE, KEY_MIDDLE, KEY_CA};

static X509 *
make_leaf(const struct row *r)
{
	struct certlab_spec s = r->leaf;

	authorities();
	s.issuer = ca[r->by];
	s.signer = signers[r->by];
	return certlab_make(&s);
}

/* The expired root comes first, so that order does not choose. */
static struct cert_anchors *
make_anchors(unsigned bits)
{
	struct cert_anchors *a;
	struct buf pem = {0};

	authorities();
	for (int i = CA_COUNT - 1; i >= 0; i--)
		if ((bits >> i & 1) != 0)
			certlab_pem(&ca[i], 1, &pem);
	a = cert_anchors_parse(buf_view(&pem), &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	buf_free(&pem);
	return a;
}

static void
check(const struct cert_policy *p, X509 *x, const char *at)
{
	struct buf der = {0};

	certlab_der(x, &der);
	error = (struct err){0};
	CHECK_OK(cert_check(p, buf_view(&der), certlab_time(at), &v, &error),
	    &error);
	buf_free(&der);
}

static void
expect_codes(const struct row *r)
{
	unsigned want = 0;
	bool all = true;

	for (int i = 0; i < 4 && r->codes[i] != NULL; i++, want++)
		all = all && certlab_has_problem(&v, r->codes[i]);
	if (!all || v.problem_count != want || v.ok != (want == 0))
		certlab_say(r->name, &v);
	CU_ASSERT_TRUE(all);
	CU_ASSERT_EQUAL(v.problem_count, want);
	CU_ASSERT_EQUAL(v.ok, want == 0);
	CU_ASSERT_EQUAL(cert_verdict_err(&v, &error) == 0, want == 0);
	if (want > 0) {
		CU_ASSERT_EQUAL(error.class, ERR_CERTIFICATE);
		CU_ASSERT_STRING_EQUAL(error.code, v.problems[0].code);
	}
}

static void
each_fault_has_its_code(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		X509 *leaf = make_leaf(&rows[i]);
		struct cert_anchors *a = make_anchors(rows[i].anchors);
		struct cert_policy p = {
		    .anchors = a, .revocation = CONF_REVOCATION_PREFER};

		check(&p, leaf, NOW);
		expect_codes(&rows[i]);
		cert_anchors_free(a);
		X509_free(leaf);
	}
}

/* openssl verify with the same roots, helpers, time and level. */
static bool
openssl_accepts(const struct row *r, X509 *leaf)
{
	struct certlab_question q = {.at = NOW};

	for (int i = 0; i < CA_COUNT; i++)
		if ((r->anchors >> i & 1) != 0)
			certlab_pem(
			    &ca[i], 1, i < CA_MIDDLE ? &q.roots : &q.helpers);
	certlab_pem(&leaf, 1, &q.leaf);
	return certlab_openssl_accepts(&q);
}

static void
openssl_verify_agrees(void)
{
	unsigned compared = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		X509 *leaf = make_leaf(&rows[i]);

		if (!rows[i].openssl_differs) {
			bool ok = openssl_accepts(&rows[i], leaf);

			if (ok != (rows[i].codes[0] == NULL))
				printf("# %s: openssl says %d\n", rows[i].name,
				    ok);
			CU_ASSERT_EQUAL(ok, rows[i].codes[0] == NULL);
			compared++;
		}
		X509_free(leaf);
	}
	CU_ASSERT_TRUE(compared >= 20);
}

static void
path_and_anchor_are_named(void)
{
	X509 *leaf;
	struct cert_anchors *a;
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};
	struct cert_info root;
	struct buf der = {0};
	static const struct row by_middle = {
	    "m", USUAL_LEAF, CA_MIDDLE, ANCHORS | 1 << CA_MIDDLE, {0}, 0};

	leaf = make_leaf(&by_middle);
	a = make_anchors(by_middle.anchors);
	p.anchors = a;
	check(&p, leaf, NOW);
	CU_ASSERT_EQUAL(v.path, CERT_PATH_OK);
	CU_ASSERT_EQUAL_FATAL(v.path_count, 2);
	CU_ASSERT_STRING_EQUAL(v.path_names[0], "C=JP, O=Middle");
	CU_ASSERT_STRING_EQUAL(
	    v.path_names[1], "C=JP, O=Test, OU=CA for signing");
	certlab_der(ca[CA_FIRST], &der);
	CHECK_OK(cert_parse(buf_view(&der), &root, &error), &error);
	CU_ASSERT_EQUAL(memcmp(root.sha256, v.anchor, CERT_SHA256), 0);
	CU_ASSERT_STRING_EQUAL(v.cert.holder.name, "試験 花子");
	CU_ASSERT_STRING_EQUAL(
	    v.cert.subject, "C=JP, L=Tokyo-to, CN=試験 花子");
	cert_anchors_free(a);
	X509_free(leaf);
	buf_free(&der);
}

static void
a_changed_byte_breaks_the_path(void)
{
	X509 *leaf = make_leaf(&rows[0]);
	struct cert_anchors *a = make_anchors(ANCHORS);
	struct cert_policy p = {
	    .anchors = a, .revocation = CONF_REVOCATION_PREFER};
	struct buf der = {0};

	certlab_der(leaf, &der);
	der.p[der.len - 5] ^= 1;
	CHECK_OK(cert_check(&p, buf_view(&der), certlab_time(NOW), &v, &error),
	    &error);
	CU_ASSERT_FALSE(v.ok);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-path-signature"));
	CU_ASSERT_EQUAL(v.path, CERT_PATH_BAD);
	cert_anchors_free(a);
	X509_free(leaf);
	buf_free(&der);
}

static void
policy_decides(void)
{
	X509 *leaf = make_leaf(&rows[0]);
	struct cert_anchors *a = make_anchors(ANCHORS), *none;
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};

	/* No anchors configured: said, not assumed. */
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_EQUAL(v.path, CERT_PATH_NOT_CHECKED);
	CU_ASSERT_TRUE(certlab_has_warning(&v, "certificate-path-not-checked"));
	/* An empty folder of anchors trusts nobody. */
	none = make_anchors(0);
	p.anchors = none;
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-no-path"));
	p.anchors = a;

	CU_ASSERT_STRING_EQUAL(v.revocation, "not-checked");
	p.revocation = CONF_REVOCATION_REQUIRE;
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(
	    certlab_has_problem(&v, "certificate-revocation-required"));
	p.revocation = CONF_REVOCATION_OFF;
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_STRING_EQUAL(v.revocation_why, "off");

	p.pinned = true;
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-not-pinned"));
	memcpy(p.pin, v.cert.sha256, CERT_SHA256);
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(v.ok);
	cert_anchors_free(a);
	cert_anchors_free(none);
	X509_free(leaf);
}

/* Also without anchors, where no path is looked at. */
static void
weak_or_unknown_needs_no_path(void)
{
	static const char *const codes[] = {
	    "certificate-algorithm", "certificate-critical-extension"};
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};
	size_t found = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		X509 *leaf;

		for (size_t k = 0; k < 2; k++) {
			if (rows[i].codes[0] == NULL ||
			    rows[i].by != CA_FIRST ||
			    strcmp(rows[i].codes[0], codes[k]) != 0)
				continue;
			leaf = make_leaf(&rows[i]);
			check(&p, leaf, NOW);
			CU_ASSERT_TRUE(certlab_has_problem(&v, codes[k]));
			X509_free(leaf);
			found++;
		}
	}
	CU_ASSERT_EQUAL(found, 2);
}

static void
elliptic_curves_only_when_allowed(void)
{
	struct certlab_spec s = rows[0].leaf;
	X509 *leaf;
	struct cert_anchors *a;
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};

	authorities();
	s.key = KEY_P384;
	s.issuer = ca[CA_FIRST];
	s.signer = KEY_CA;
	leaf = certlab_make(&s);
	a = make_anchors(ANCHORS);
	p.anchors = a;
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "algorithm-not-allowed"));
	CU_ASSERT_EQUAL(v.problem_count, 1);
	p.allow_ec = true;
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_STRING_EQUAL(v.cert.curve, "secp384r1");
	cert_anchors_free(a);
	X509_free(leaf);
}

/* P-384 and no other curve, whatever is allowed. */
static void
other_curves_are_never_allowed(void)
{
	struct certlab_spec s = rows[0].leaf;
	EVP_PKEY *p256 = EVP_EC_gen("P-256");
	struct cert_policy p = {
	    .revocation = CONF_REVOCATION_PREFER, .allow_ec = true};
	X509 *leaf;

	authorities();
	s.issuer = ca[CA_FIRST];
	s.signer = KEY_CA;
	leaf = certlab_make(&s);
	X509_set_pubkey(leaf, p256);
	X509_sign(leaf, certlab_key(KEY_CA), EVP_sha256());
	check(&p, leaf, NOW);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-algorithm"));
	CU_ASSERT_FALSE(v.ok);
	X509_free(leaf);
	EVP_PKEY_free(p256);
}

static void
configuration_allows_p384_by_format(void)
{
	struct conf c = {.egov = {.rsa_sha256 = true}};
	struct cert_policy p;

	CHECK_OK(cert_policy_init(&p, &c, NULL, NULL, &error), &error);
	CU_ASSERT_FALSE(p.allow_ec);
	c.egov.ecdsa_sha384 = true;
	CHECK_OK(cert_policy_init(&p, &c, NULL, NULL, &error), &error);
	CU_ASSERT_TRUE(p.allow_ec);
	CU_ASSERT_TRUE(conf_algorithm_allowed(&c, "egov", "rsa-sha256"));
	CU_ASSERT_TRUE(conf_algorithm_allowed(&c, "egov", "ecdsa-sha384"));
	CU_ASSERT_FALSE(conf_algorithm_allowed(&c, "egov", "rsa-sha1"));
	CU_ASSERT_FALSE(conf_algorithm_allowed(&c, "etax", "ecdsa-sha384"));
	CU_ASSERT_FALSE(
	    conf_algorithm_allowed(&c, "etax-form", "ecdsa-sha384"));
	CU_ASSERT_FALSE(conf_algorithm_allowed(&c, "eltax", "rsa-sha256"));
	CU_ASSERT_FALSE(conf_algorithm_allowed(&c, NULL, "rsa-sha1"));
}

static void
configuration_makes_a_policy(void)
{
	char fingerprint[100] = "0102030405060708090a0b0c0d0e0f10"
				"1112131415161718191A1B1C1D1E1F20",
	     name[] = "tanaka";
	struct conf c = {
	    .revocation = CONF_REVOCATION_OFF, .expiry_warning_days = 45};
	struct conf_key k = {.name = name,
	    .certificate_sha256 = fingerprint,
	    .revocation = CONF_REVOCATION_DEFAULT};
	struct cert_policy p;

	CHECK_OK(cert_policy_init(&p, &c, &k, NULL, &error), &error);
	CU_ASSERT_TRUE(p.pinned);
	CU_ASSERT_EQUAL(p.pin[0], 1);
	CU_ASSERT_EQUAL(p.pin[31], 0x20);
	CU_ASSERT_EQUAL(p.warn_days, 45);
	CU_ASSERT_EQUAL(p.revocation, CONF_REVOCATION_OFF);
	k.revocation = CONF_REVOCATION_REQUIRE;
	CHECK_OK(cert_policy_init(&p, &c, &k, NULL, &error), &error);
	CU_ASSERT_EQUAL(p.revocation, CONF_REVOCATION_REQUIRE);
	fingerprint[63] = 'g';
	CHECK_CODE(cert_policy_init(&p, &c, &k, NULL, &error), &error,
	    "certificate-pin-malformed");
	fingerprint[63] = '\0';
	CHECK_CODE(cert_policy_init(&p, &c, &k, NULL, &error), &error,
	    "certificate-pin-malformed");
	fingerprint[0] = '\0';
	CHECK_OK(cert_policy_init(&p, &c, &k, NULL, &error), &error);
	CU_ASSERT_FALSE(p.pinned);
	CHECK_OK(cert_policy_init(&p, &c, NULL, NULL, &error), &error);
}

static void
verdicts_travel_whole(void)
{
	X509 *leaf = make_leaf(&rows[sizeof rows / sizeof *rows - 1]);
	struct cert_anchors *a = make_anchors(ANCHORS);
	struct cert_policy p = {
	    .anchors = a, .revocation = CONF_REVOCATION_PREFER};
	struct ipc_msg m = {0}, back = {0};
	struct cert_verdict w;

	check(&p, leaf, NOW);
	ipc_begin(&m, 1);
	cert_verdict_put(&m, &v);
	CHECK_OK(ipc_load(&back, 1, ipc_body(&m)), &error);
	CHECK_OK(cert_verdict_get(&back, &w), &error);
	CU_ASSERT_TRUE(ipc_end(&back));
	CU_ASSERT_STRING_EQUAL(w.cert.subject, v.cert.subject);
	CU_ASSERT_STRING_EQUAL(w.cert.serial, v.cert.serial);
	CU_ASSERT_STRING_EQUAL(w.cert.profile.name, v.cert.profile.name);
	CU_ASSERT_EQUAL(w.problem_count, v.problem_count);
	CU_ASSERT_STRING_EQUAL(w.problems[3].code, v.problems[3].code);
	CU_ASSERT_EQUAL(w.days_left, v.days_left);
	CU_ASSERT_EQUAL(memcmp(w.cert.spki, v.cert.spki, CERT_SHA256), 0);
	CU_ASSERT_FALSE(w.ok);

	/* Cut short anywhere it is malformed, never half a verdict. */
	for (size_t n = 0; n < ipc_body(&m).len; n += 7) {
		struct slice s = ipc_body(&m);

		s.len = n;
		if (ipc_load(&back, 1, s) == 0)
			CU_ASSERT_TRUE(cert_verdict_get(&back, &w) != 0 ||
				       !ipc_end(&back));
	}
	ipc_free(&m);
	ipc_free(&back);
	cert_anchors_free(a);
	X509_free(leaf);
}

#ifdef NATSUIN_SANITIZED
/* OpenSSL 3.0 keeps what it had read of a malformed policy extension; to know
 * that from a leak of ours takes whole stacks. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void)
{
	return "leak:X509_policy_check\n";
}
#endif

SUITE_MAIN("check", CASE(each_fault_has_its_code), CASE(openssl_verify_agrees),
    CASE(path_and_anchor_are_named), CASE(a_changed_byte_breaks_the_path),
    CASE(policy_decides), CASE(weak_or_unknown_needs_no_path),
    CASE(elliptic_curves_only_when_allowed),
    CASE(other_curves_are_never_allowed),
    CASE(configuration_allows_p384_by_format),
    CASE(configuration_makes_a_policy), CASE(verdicts_travel_whole))
