/*
 * The table of kinds: what each is known by, which rules hold for it, and
 * what a configuration may and may not change.
 */
#include "signer/cert/profile.h"

#include "base/fsops.h"
#include "base/i18n.h"
#include "signer/cert/check.h"
#include "signer/report/explain.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DN_SIGN                                                                \
	"C=JP, O=JPKI, OU=JPKI for digital signature, OU=Japan Agency for "    \
	"Local Authority Information Systems"
#define DN_AUTH                                                                \
	"C=JP, O=JPKI, OU=JPKI for user authentication, OU=Japan Agency for "  \
	"Local Authority Information Systems"
#define NEW "20260101000000Z"
#define OLD "20151221000000Z"

static struct err error;

static struct cert_info
info(const char *issuer, const char *policy, const char *from)
{
	struct cert_info c = {.not_before_ms = certlab_time(from)};

	snprintf(c.issuer, sizeof c.issuer, "%s", issuer);
	if (policy != NULL) {
		snprintf(c.policies[0], sizeof c.policies[0], "%s", "2.5.29.1");
		snprintf(c.policies[1], sizeof c.policies[1], "%s", policy);
		c.policy_count = 2;
	}
	return c;
}

static const struct {
	const char *issuer, *policy, *from, *name;
} known[] = {
    {DN_SIGN, "1.2.392.200149.8.5.1.1.20", NEW, "jpki-signature"},
    {DN_SIGN, "1.2.392.200149.8.5.1.0.20", NEW, "jpki-signature"},
    {DN_SIGN, NULL, NEW, "jpki-signature"},
    {"CN=renamed", "1.2.392.200149.8.5.1.1.20", NEW, "jpki-signature"},
    {DN_SIGN, "1.2.392.200149.8.5.1.1.40", NEW, "jpki-mobile-signature"},
    {DN_SIGN, "1.2.392.200149.8.5.1.1.401", NEW, "jpki-signature"},
    {DN_AUTH, "1.2.392.200149.8.5.1.3.30", NEW, "jpki-authentication"},
    {DN_AUTH, "1.2.392.200149.8.5.1.3.50", NEW, "jpki-authentication"},
    {DN_AUTH, NULL, NEW, "jpki-authentication"},
    /* A refusal wins over whatever else fits. */
    {DN_AUTH, "1.2.392.200149.8.5.1.1.20", NEW, "jpki-authentication"},
    {DN_SIGN, "1.2.392.200149.8.5.1.3.30", NEW, "jpki-authentication"},
    {"C=JP, O=JPKI, OU=Prefectural Association For JPKI, OU=BridgeCA", NULL,
	OLD, "juki"},
    {"C=JP, O=JPKI, OU=a governor", NULL, OLD, "juki"},
    {DN_SIGN, "1.2.392.200149.8.5.1.1.20", OLD, "juki"},
    {"C=JP, O=JPKI, OU=a governor", NULL, NEW, "other"},
    /* The first second of 2016 in Japan. */
    {DN_SIGN, NULL, "20151231145959Z", "juki"},
    {DN_SIGN, NULL, "20151231150000Z", "jpki-signature"},
    {"C=JP, O=Japanese Government, OU=Ministry of Justice, CN=Registrar of "
     "Tokyo Legal Affairs Bureau",
	NULL, NEW, "commercial-registry"},
    {"C=JP, O=NTT Neomeit, OU=e-Probatio PSA Service CA", NULL, NEW,
	"tax-accountant"},
    {"C=JP, O=NTT Neomeit, OU=e-Probatio PS2 Service CA", NULL, NEW,
	"accredited"},
    {"C=JP, O=SECOM Trust Systems, OU=SECOM Passport for G-ID", NULL, NEW,
	"secom-g-id"},
    {"C=JP, O=MIND, OU=DIACERT CA", NULL, NEW, "accredited"},
    {"C=JP, O=Japanese Government, OU=OfficialStatusCA", NULL, NEW, "gpki"},
    {"C=JP, O=LGPKI, OU=Organization CA", NULL, NEW, "lgpki"},
    {"C=JP, O=natsuin test, CN=natsuin test CA", NULL, NEW, "other"},
    {"", NULL, NEW, "other"},
};

static void
each_kind_is_known(void)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct cert_info c =
		    info(known[i].issuer, known[i].policy, known[i].from);
		struct cert_profile p = cert_profile_of(&c, NULL);

		if (strcmp(p.name, known[i].name) != 0)
			printf("# %zu: %s, not %s\n", i, p.name, known[i].name);
		CU_ASSERT_STRING_EQUAL(p.name, known[i].name);
	}
}

/* Every row is reached by a line above, and has all that is said of it. */
static void
each_row_is_complete(void)
{
	struct cert_profile p;

	for (size_t i = 0; cert_profile_at(i, &p); i++) {
		bool reached = false;

		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			reached |= strcmp(known[k].name, p.name) == 0;
		CU_ASSERT_TRUE(reached);
		CU_ASSERT_STRING_EQUAL(cert_profile_find(p.name).name, p.name);
		CU_ASSERT_TRUE(cert_profile_label(&p)[0] != '\0');
		CU_ASSERT_TRUE(cert_profile_revocation(&p)[0] != '\0');
		CU_ASSERT_TRUE(p.usage_any != 0);
		CU_ASSERT_EQUAL(cert_profile_renewal(&p)[0] == '\0',
		    p.kind == CERT_KIND_OTHER);
		if (cert_profile_may_sign(&p))
			continue;
		CU_ASSERT_TRUE(explain_what(p.refusal)[0] != '\0');
		CU_ASSERT_EQUAL(p.etax, CERT_NOT_ACCEPTED);
		CU_ASSERT_EQUAL(p.egov, CERT_NOT_ACCEPTED);
	}
	CU_ASSERT_STRING_EQUAL(cert_profile_find("no such").name, "other");
}

static struct conf *
load(const char *text)
{
	char path[200];
	int dir = suite_dir();
	struct conf *c;

	CHECK_OK(fs_replace(dir, "natsuin.conf", slice_str(text), 0600, &error),
	    &error);
	close(dir);
	snprintf(path, sizeof path, "%s/natsuin.conf", suite_dir_path());
	c = conf_load(path, &error);
	if (c == NULL)
		suite_print_err(__FILE__, __LINE__, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

#define KINDS                                                                  \
	"certificate-kind \"guild\" {\n"                                       \
	" policy = { \"1.2.3.4\", \"1.2.3.5.*\" }\n"                           \
	" issuer = { \"CN=Guild CA\" }\n usage = { digital-signature }\n"      \
	" formats = { egov }\n revocation = crl\n"                             \
	" label = \"士業証明書\"\n renewal = \"毎年4月\"\n}\n"         \
	"certificate-kind \"tax-accountant\" {\n"                              \
	" issuer = { \"CN=Federation 7\" }\n revocation = ocsp\n}\n"           \
	"certificate-kind \"closed\" {\n issuer = { \"CN=Closed\" }\n"         \
	" may-sign = no\n formats = {}\n revocation = verifiers-only\n}\n"     \
	"certificate-kind \"loose\" {\n"                                       \
	" policy = { \"1.2.392.200149.8.5.1.*\" }\n"                           \
	" issuer = { \"O=JPKI\" }\n}\n"

static struct cert_profile
by(const struct conf *conf, const char *issuer, const char *policy,
    const char *from)
{
	struct cert_info c = info(issuer, policy, from);

	return cert_profile_of(&c, conf);
}

static void
configuration_adds_kinds(void)
{
	struct conf *c = load(KINDS);
	struct cert_profile p = by(c, "CN=any", "1.2.3.4", NEW);

	CU_ASSERT_STRING_EQUAL(p.name, "guild");
	CU_ASSERT_EQUAL(p.kind, CERT_KIND_CONFIGURED);
	CU_ASSERT_STRING_EQUAL(cert_profile_label(&p), "士業証明書");
	CU_ASSERT_STRING_EQUAL(cert_profile_renewal(&p), "毎年4月");
	CU_ASSERT_EQUAL(p.usage_any, CERT_DIGITAL_SIGNATURE);
	CU_ASSERT_EQUAL(p.revocation, CERT_REVOCATION_CRL);
	CU_ASSERT_EQUAL(cert_profile_accepts(&p, "etax"), CERT_NOT_ACCEPTED);
	CU_ASSERT_EQUAL(
	    cert_profile_accepts(&p, "etax-form"), CERT_NOT_ACCEPTED);
	CU_ASSERT_EQUAL(cert_profile_accepts(&p, "egov"), CERT_ACCEPTED);
	CU_ASSERT_STRING_EQUAL(by(c, "CN=any", "1.2.3.5.9", NEW).name, "guild");
	CU_ASSERT_STRING_EQUAL(by(c, "CN=any", "1.2.3.50", NEW).name, "other");
	CU_ASSERT_STRING_EQUAL(by(c, "CN=any", "1.2.3.41", NEW).name, "other");
	CU_ASSERT_STRING_EQUAL(
	    by(c, "O=x, CN=Guild CA", NULL, NEW).name, "guild");
	/* A row of the configuration completes a built-in one. */
	p = by(c, "C=JP, CN=Federation 7", NULL, NEW);
	CU_ASSERT_STRING_EQUAL(p.name, "tax-accountant");
	CU_ASSERT_STRING_EQUAL(cert_profile_label(&p), "tax-accountant");
	CU_ASSERT_STRING_EQUAL(cert_profile_renewal(&p), "");
	CU_ASSERT_EQUAL(p.usage_any, CERT_NON_REPUDIATION);
	CU_ASSERT_EQUAL(p.egov, CERT_ACCEPTED);
	CU_ASSERT_EQUAL(p.etax, CERT_ACCEPTED);
	p = by(c, "CN=Closed", NULL, NEW);
	CU_ASSERT_STRING_EQUAL(p.refusal, "certificate-kind-refused");
	CU_ASSERT_EQUAL(p.etax, CERT_NOT_ACCEPTED);
	conf_free(c);
}

static void
configuration_cannot_loosen_a_refusal(void)
{
	struct conf *c = load(KINDS);

	/* It may have another opinion of what may sign, */
	CU_ASSERT_STRING_EQUAL(by(c, DN_SIGN, NULL, NEW).name, "loose");
	/* but not of what must not. */
	CU_ASSERT_STRING_EQUAL(
	    by(c, DN_AUTH, NULL, NEW).name, "jpki-authentication");
	CU_ASSERT_STRING_EQUAL(
	    by(c, "CN=any", "1.2.392.200149.8.5.1.3.30", NEW).name,
	    "jpki-authentication");
	CU_ASSERT_STRING_EQUAL(by(c, DN_SIGN, NULL, OLD).name, "juki");
	conf_free(c);
}

static struct cert_verdict v;

static void
check(const struct conf *c, const char *issuer, const char *policy,
    const char *from, const char *usage)
{
	struct certlab_spec ca = {.subject = issuer,
	    .key = KEY_CA,
	    .from = "20100101000000Z",
	    .until = "20300101000000Z",
	    .extension = {{"basicConstraints", "critical,CA:TRUE"}}};
	X509 *root = certlab_make(&ca), *x;
	struct certlab_spec leaf = {.subject = "C=JP/CN=x",
	    .key = KEY_LEAF,
	    .issuer = root,
	    .signer = KEY_CA,
	    .from = from,
	    .until = "20280101000000Z",
	    .extension = {
		{"keyUsage", usage}, {"certificatePolicies", policy}}};
	struct cert_policy p;
	struct buf der = {0};

	x = certlab_make(&leaf);
	CHECK_OK(cert_policy_init(&p, c, NULL, NULL, &error), &error);
	certlab_der(x, &der);
	CHECK_OK(cert_check(&p, buf_view(&der), certlab_time("20260601000000Z"),
		     &v, &error),
	    &error);
	buf_free(&der);
	X509_free(x);
	X509_free(root);
}

#define BOTH "critical,digitalSignature,nonRepudiation"

static void
verdict_follows_the_kind(void)
{
	struct conf *c = load(KINDS);

	/* Usage: what is enough for the one is not for the other. */
	check(c, "C=JP/CN=Elsewhere", "1.2.3.4", NEW, "digitalSignature");
	CU_ASSERT_STRING_EQUAL(v.cert.profile.name, "guild");
	CU_ASSERT_TRUE(v.ok);
	check(c, "C=JP/CN=Federation 7", "1.9.9", NEW, "digitalSignature");
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-usage"));
	check(c, "C=JP/CN=Guild CA", "1.9.9", NEW, "nonRepudiation");
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-usage"));
	/* Revocation: who tells verifiers only was not failed by anybody. */
	CU_ASSERT_STRING_EQUAL(v.revocation_why, "not-asked");
	check(c, "C=JP/CN=Closed", "1.9.9", NEW, BOTH);
	CU_ASSERT_STRING_EQUAL(v.revocation_why, "jpki-verifiers-only");
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-kind-refused"));
	/* Built-in refusals, each with its own code. */
	check(c, "C=JP/O=JPKI/OU=Governor", "1.9.9", OLD, BOTH);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-juki-ended"));
	CU_ASSERT_STRING_EQUAL(v.problems[0].detail, "2018-12-22");
	check(c, "C=JP/CN=x", "1.2.392.200149.8.5.1.3.30", NEW, BOTH);
	CU_ASSERT_TRUE(
	    certlab_has_problem(&v, "certificate-is-authentication"));
	CU_ASSERT_FALSE(v.ok);
	conf_free(c);
}

SUITE_MAIN("profile", CASE(each_kind_is_known), CASE(each_row_is_complete),
    CASE(configuration_adds_kinds), CASE(configuration_cannot_loosen_a_refusal),
    CASE(verdict_follows_the_kind))
