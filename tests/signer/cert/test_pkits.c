/*
 * The path sections of NIST's PKITS, from the package
 * python3-cryptography-vectors: all of its certificates lie in one folder of
 * anchors, and each test has NIST's result and our code.  openssl verify is
 * asked the same.  Not here: sections about revocation (4.4, 4.14, 4.15, and
 * 4.5.2, 4.5.5, 4.5.7, 4.7.4, 4.7.5), and repetitions with other acceptable
 * policies, which natsuin does not set.
 */
#include "signer/cert/check.h"

#include "base/fsops.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PKITS                                                                  \
	"/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data"
#define NOW "20261122000000Z"

struct row {
	const char *number, *name; /* the name says what NIST expects */
	const char *codes;         /* ours, without "certificate-" */
};

static const struct row rows[] = {
    {"4.1.1", "ValidCertificatePathTest1", NULL},
    {"4.1.2", "InvalidCASignatureTest2", "path-signature"},
    {"4.1.3", "InvalidEESignatureTest3", "path-signature"},
    {"4.1.4", "ValidDSASignaturesTest4", "algorithm key-too-small"},
    {"4.1.5", "ValidDSAParameterInheritanceTest5", "algorithm path-signature"},
    {"4.1.6", "InvalidDSASignatureTest6", "algorithm path-signature"},
    {"4.2.1", "InvalidCAnotBeforeDateTest1", "ca-expired"},
    {"4.2.2", "InvalidEEnotBeforeDateTest2", "not-yet-valid"},
    {"4.2.3", "Validpre2000UTCnotBeforeDateTest3", NULL},
    {"4.2.4", "ValidGeneralizedTimenotBeforeDateTest4", NULL},
    {"4.2.5", "InvalidCAnotAfterDateTest5", "ca-expired"},
    {"4.2.6", "InvalidEEnotAfterDateTest6", "expired"},
    {"4.2.7", "Invalidpre2000UTCEEnotAfterDateTest7", "expired"},
    {"4.2.8", "ValidGeneralizedTimenotAfterDateTest8", NULL},
    {"4.3.1", "InvalidNameChainingTest1", "no-path"},
    {"4.3.2", "InvalidNameChainingOrderTest2", "no-path"},
    {"4.3.3", "ValidNameChainingWhitespaceTest3", NULL},
    {"4.3.4", "ValidNameChainingWhitespaceTest4", NULL},
    {"4.3.5", "ValidNameChainingCapitalizationTest5", NULL},
    {"4.3.6", "ValidNameUIDsTest6", NULL},
    {"4.3.7", "ValidRFC3280MandatoryAttributeTypesTest7", NULL},
    {"4.3.8", "ValidRFC3280OptionalAttributeTypesTest8", NULL},
    {"4.3.9", "ValidUTF8StringEncodedNamesTest9", NULL},
    {"4.3.10", "ValidRolloverfromPrintableStringtoUTF8StringTest10", NULL},
    {"4.3.11", "ValidUTF8StringCaseInsensitiveMatchTest11", NULL},
    {"4.5.1", "ValidBasicSelfIssuedOldWithNewTest1", NULL},
    {"4.5.3", "ValidBasicSelfIssuedNewWithOldTest3", NULL},
    {"4.5.4", "ValidBasicSelfIssuedNewWithOldTest4", NULL},
    {"4.5.6", "ValidBasicSelfIssuedCRLSigningKeyTest6", NULL},
    {"4.5.8", "InvalidBasicSelfIssuedCRLSigningKeyTest8", "ca-usage"},
    {"4.6.1", "InvalidMissingbasicConstraintsTest1", "ca-invalid"},
    {"4.6.2", "InvalidcAFalseTest2", "ca-invalid"},
    {"4.6.3", "InvalidcAFalseTest3", "ca-invalid"},
    {"4.6.4", "ValidbasicConstraintsNotCriticalTest4", NULL},
    {"4.6.5", "InvalidpathLenConstraintTest5", "path-length"},
    {"4.6.6", "InvalidpathLenConstraintTest6", "is-ca path-length"},
    {"4.6.7", "ValidpathLenConstraintTest7", NULL},
    {"4.6.8", "ValidpathLenConstraintTest8", "is-ca"},
    {"4.6.9", "InvalidpathLenConstraintTest9", "path-length"},
    {"4.6.10", "InvalidpathLenConstraintTest10", "is-ca path-length"},
    {"4.6.11", "InvalidpathLenConstraintTest11", "path-length"},
    {"4.6.12", "InvalidpathLenConstraintTest12", "is-ca path-length"},
    {"4.6.13", "ValidpathLenConstraintTest13", NULL},
    {"4.6.14", "ValidpathLenConstraintTest14", "is-ca"},
    {"4.6.15", "ValidSelfIssuedpathLenConstraintTest15", NULL},
    {"4.6.16", "InvalidSelfIssuedpathLenConstraintTest16", "path-length"},
    {"4.6.17", "ValidSelfIssuedpathLenConstraintTest17", NULL},
    {"4.7.1", "InvalidkeyUsageCriticalkeyCertSignFalseTest1", "ca-usage"},
    {"4.7.2", "InvalidkeyUsageNotCriticalkeyCertSignFalseTest2", "ca-usage"},
    {"4.7.3", "ValidkeyUsageNotCriticalTest3", NULL},
    {"4.8.2", "AllCertificatesNoPoliciesTest2", NULL},
    {"4.8.3", "DifferentPoliciesTest3", NULL},
    {"4.8.4", "DifferentPoliciesTest4", "path-policy"},
    {"4.8.5", "DifferentPoliciesTest5", "path-policy"},
    {"4.8.6", "OverlappingPoliciesTest6", "is-ca"},
    {"4.8.7", "DifferentPoliciesTest7", "is-ca path-policy"},
    {"4.8.8", "DifferentPoliciesTest8", "is-ca path-policy"},
    {"4.8.9", "DifferentPoliciesTest9", "path-policy"},
    {"4.8.10", "AllCertificatesSamePoliciesTest10", NULL},
    {"4.8.11", "AllCertificatesanyPolicyTest11", NULL},
    {"4.8.12", "DifferentPoliciesTest12", "path-policy"},
    {"4.8.13", "AllCertificatesSamePoliciesTest13", NULL},
    {"4.8.14", "AnyPolicyTest14", NULL},
    {"4.8.15", "UserNoticeQualifierTest15", NULL},
    {"4.8.16", "UserNoticeQualifierTest16", NULL},
    {"4.8.17", "UserNoticeQualifierTest17", NULL},
    {"4.8.18", "UserNoticeQualifierTest18", NULL},
    {"4.8.19", "UserNoticeQualifierTest19", NULL},
    {"4.8.20", "CPSPointerQualifierTest20", NULL},
    {"4.9.1", "ValidrequireExplicitPolicyTest1", NULL},
    {"4.9.2", "ValidrequireExplicitPolicyTest2", NULL},
    {"4.9.3", "InvalidrequireExplicitPolicyTest3", "path-policy"},
    {"4.9.4", "ValidrequireExplicitPolicyTest4", NULL},
    {"4.9.5", "InvalidrequireExplicitPolicyTest5", "path-policy"},
    {"4.9.6", "ValidSelfIssuedrequireExplicitPolicyTest6", NULL},
    {"4.9.7", "InvalidSelfIssuedrequireExplicitPolicyTest7", "path-policy"},
    {"4.9.8", "InvalidSelfIssuedrequireExplicitPolicyTest8", "path-policy"},
    {"4.10.1", "ValidPolicyMappingTest1", NULL},
    {"4.10.2", "InvalidPolicyMappingTest2", "path-policy"},
    {"4.10.3", "ValidPolicyMappingTest3", NULL},
    {"4.10.4", "InvalidPolicyMappingTest4", "path-policy"},
    {"4.10.5", "ValidPolicyMappingTest5", NULL},
    {"4.10.6", "ValidPolicyMappingTest6", NULL},
    {"4.10.7", "InvalidMappingFromanyPolicyTest7", "path-policy"},
    {"4.10.8", "InvalidMappingToanyPolicyTest8", "path-policy"},
    {"4.10.9", "ValidPolicyMappingTest9", NULL},
    {"4.10.10", "InvalidPolicyMappingTest10", "path-policy"},
    {"4.10.11", "ValidPolicyMappingTest11", NULL},
    {"4.10.12", "ValidPolicyMappingTest12", NULL},
    {"4.10.13", "ValidPolicyMappingTest13", NULL},
    {"4.10.14", "ValidPolicyMappingTest14", NULL},
    {"4.11.1", "InvalidinhibitPolicyMappingTest1", "path-policy"},
    {"4.11.2", "ValidinhibitPolicyMappingTest2", NULL},
    {"4.11.3", "InvalidinhibitPolicyMappingTest3", "path-policy"},
    {"4.11.4", "ValidinhibitPolicyMappingTest4", NULL},
    {"4.11.5", "InvalidinhibitPolicyMappingTest5", "path-policy"},
    {"4.11.6", "InvalidinhibitPolicyMappingTest6", "path-policy"},
    {"4.11.7", "ValidSelfIssuedinhibitPolicyMappingTest7", NULL},
    {"4.11.8", "InvalidSelfIssuedinhibitPolicyMappingTest8", "path-policy"},
    {"4.11.9", "InvalidSelfIssuedinhibitPolicyMappingTest9", "path-policy"},
    {"4.11.10", "InvalidSelfIssuedinhibitPolicyMappingTest10", "path-policy"},
    {"4.11.11", "InvalidSelfIssuedinhibitPolicyMappingTest11", "path-policy"},
    {"4.12.1", "InvalidinhibitAnyPolicyTest1", "path-policy"},
    {"4.12.2", "ValidinhibitAnyPolicyTest2", NULL},
    {"4.12.3", "inhibitAnyPolicyTest3", NULL},
    {"4.12.4", "InvalidinhibitAnyPolicyTest4", "path-policy"},
    {"4.12.5", "InvalidinhibitAnyPolicyTest5", "path-policy"},
    {"4.12.6", "InvalidinhibitAnyPolicyTest6", "path-policy"},
    {"4.12.7", "ValidSelfIssuedinhibitAnyPolicyTest7", NULL},
    {"4.12.8", "InvalidSelfIssuedinhibitAnyPolicyTest8", "path-policy"},
    {"4.12.9", "ValidSelfIssuedinhibitAnyPolicyTest9", NULL},
    {"4.12.10", "InvalidSelfIssuedinhibitAnyPolicyTest10", "is-ca path-policy"},
    {"4.13.1", "ValidDNnameConstraintsTest1", NULL},
    {"4.13.2", "InvalidDNnameConstraintsTest2", "name-constraint"},
    {"4.13.3", "InvalidDNnameConstraintsTest3", "name-constraint"},
    {"4.13.4", "ValidDNnameConstraintsTest4", NULL},
    {"4.13.5", "ValidDNnameConstraintsTest5", NULL},
    {"4.13.6", "ValidDNnameConstraintsTest6", NULL},
    {"4.13.7", "InvalidDNnameConstraintsTest7", "name-constraint"},
    {"4.13.8", "InvalidDNnameConstraintsTest8", "name-constraint"},
    {"4.13.9", "InvalidDNnameConstraintsTest9", "name-constraint"},
    {"4.13.10", "InvalidDNnameConstraintsTest10", "name-constraint"},
    {"4.13.11", "ValidDNnameConstraintsTest11", NULL},
    {"4.13.12", "InvalidDNnameConstraintsTest12", "name-constraint"},
    {"4.13.13", "InvalidDNnameConstraintsTest13", "name-constraint"},
    {"4.13.14", "ValidDNnameConstraintsTest14", NULL},
    {"4.13.15", "InvalidDNnameConstraintsTest15", "name-constraint"},
    {"4.13.16", "InvalidDNnameConstraintsTest16", "name-constraint"},
    {"4.13.17", "InvalidDNnameConstraintsTest17", "name-constraint"},
    {"4.13.18", "ValidDNnameConstraintsTest18", NULL},
    {"4.13.19", "ValidDNnameConstraintsTest19", NULL},
    {"4.13.20", "InvalidDNnameConstraintsTest20", "name-constraint"},
    {"4.13.21", "ValidRFC822nameConstraintsTest21", NULL},
    {"4.13.22", "InvalidRFC822nameConstraintsTest22", "name-constraint"},
    {"4.13.23", "ValidRFC822nameConstraintsTest23", NULL},
    {"4.13.24", "InvalidRFC822nameConstraintsTest24", "name-constraint"},
    {"4.13.25", "ValidRFC822nameConstraintsTest25", NULL},
    {"4.13.26", "InvalidRFC822nameConstraintsTest26", "name-constraint"},
    {"4.13.27", "ValidDNandRFC822nameConstraintsTest27", NULL},
    {"4.13.28", "InvalidDNandRFC822nameConstraintsTest28", "name-constraint"},
    {"4.13.29", "InvalidDNandRFC822nameConstraintsTest29", "name-constraint"},
    {"4.13.30", "ValidDNSnameConstraintsTest30", NULL},
    {"4.13.31", "InvalidDNSnameConstraintsTest31", "name-constraint"},
    {"4.13.32", "ValidDNSnameConstraintsTest32", NULL},
    {"4.13.33", "InvalidDNSnameConstraintsTest33", "name-constraint"},
    {"4.13.34", "ValidURInameConstraintsTest34", NULL},
    {"4.13.35", "InvalidURInameConstraintsTest35", "name-constraint"},
    {"4.13.36", "ValidURInameConstraintsTest36", NULL},
    {"4.13.37", "InvalidURInameConstraintsTest37", "name-constraint"},
    {"4.13.38", "InvalidDNSnameConstraintsTest38", "name-constraint"},
    {"4.16.1", "ValidUnknownNotCriticalCertificateExtensionTest1", NULL},
    {"4.16.2", "InvalidUnknownCriticalCertificateExtensionTest2",
	"critical-extension"},
};

#define ROWS (sizeof rows / sizeof *rows)

static struct cert_anchors *anchors;
static struct cert_verdict v;
static struct err error;
/* What openssl verify printed; with an explicit policy, for mappings. */
static struct buf plain, explicit;

static const char *
folder(void)
{
	const char *other = getenv("NATSUIN_PKITS");

	return other == NULL ? PKITS : other;
}

/* Without the package: said, never a success. */
static bool
have_pkits(void)
{
	struct buf dir = {0};

	if (anchors != NULL)
		return true;
	buf_printf(&dir, "%s/certs", folder());
	anchors = cert_anchors_load(buf_cstr(&dir), &error);
	buf_free(&dir);
	if (anchors == NULL)
		printf("# install python3-cryptography-vectors "
		       "(scripts/bootstrap does)\n");
	CU_ASSERT_PTR_NOT_NULL(anchors);
	return anchors != NULL;
}

static void
judge(const struct row *r)
{
	struct cert_policy p = {
	    .anchors = anchors, .revocation = CONF_REVOCATION_OFF};
	struct buf name = {0}, der = {0};
	int fd;

	buf_printf(&name, "%s/certs/%sEE.crt", folder(), r->name);
	fd = open(buf_cstr(&name), O_RDONLY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 16, &der, &error), &error);
	close(fd);
	CHECK_OK(cert_check(&p, buf_view(&der), certlab_time(NOW), &v, &error),
	    &error);
	buf_free(&name);
	buf_free(&der);
}

/* Our verdict on the path: a path to an authority's own certificate, which
 * must not sign filings, is a path all the same. */
static bool
path_is_good(void)
{
	return v.path == CERT_PATH_OK &&
	       !certlab_has_problem(&v, "certificate-expired") &&
	       !certlab_has_problem(&v, "certificate-not-yet-valid") &&
	       !certlab_has_problem(&v, "certificate-critical-extension");
}

/* The names that tell no result are all valid unless a policy is missing. */
static bool
nist_says_valid(const struct row *r)
{
	static const char *const invalid[] = {
	    "4.8.4", "4.8.5", "4.8.7", "4.8.8", "4.8.9", "4.8.12"};

	for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
		if (strcmp(r->number, invalid[i]) == 0)
			return false;
	return strncmp(r->name, "Invalid", 7) != 0;
}

/* natsuin takes no DSA; the parameters of 4.1.5 stand in another
 * certificate. */
static bool
is_about_dsa(const struct row *r)
{
	return strstr(r->name, "DSA") != NULL;
}

static void
nist_is_agreed_with(void)
{
	if (!have_pkits())
		return;
	for (size_t i = 0; i < ROWS; i++) {
		bool fits;

		judge(&rows[i]);
		fits = certlab_problems_are(&v, rows[i].codes) &&
		       (is_about_dsa(&rows[i]) ||
			   path_is_good() == nist_says_valid(&rows[i]));
		if (!fits)
			certlab_say(rows[i].name, &v);
		CU_ASSERT_TRUE(fits);
	}
}

/* All certificates of the folder, for openssl's -untrusted. */
static void
write_pool(void)
{
	struct buf pem = {0};
	int dir = suite_dir();

	CHECK_OK(cert_anchors_pem(anchors, &pem, &error), &error);
	CHECK_OK(
	    fs_replace(dir, "pool.pem", buf_view(&pem), 0600, &error), &error);
	close(dir);
	buf_free(&pem);
}

/* Appends the names of those that it accepts. */
static void
ask_openssl(const char *flags, struct buf *out)
{
	const char *dir = suite_dir_path();
	struct buf cmd = {0};
	int fd;

	buf_printf(&cmd,
	    "cd %s/certs && openssl x509 -in TrustAnchorRootCertificate.crt "
	    "-out %s/root.pem && exec ",
	    folder(), dir);
	certlab_openssl_verify(&cmd, NOW, flags);
	buf_printf(&cmd,
	    "-CAfile %s/root.pem -untrusted %s/pool.pem *EE.crt >%s/answer "
	    "2>/dev/null",
	    dir, dir, dir);
	CU_ASSERT_NOT_EQUAL(system(buf_cstr(&cmd)), 0); /* some are refused */
	buf_free(&cmd);
	buf_printf(&cmd, "%s/answer", dir);
	fd = open(buf_cstr(&cmd), O_RDONLY | O_CLOEXEC);
	CHECK_OK(fs_read_all(fd, 1 << 20, out, &error), &error);
	close(fd);
	buf_free(&cmd);
}

static bool
openssl_accepts(const struct row *r)
{
	bool maps = strncmp(r->number, "4.10.", 5) == 0 ||
		    strncmp(r->number, "4.11.", 5) == 0;
	char line[120];

	snprintf(line, sizeof line, "\n%sEE.crt: OK\n", r->name);
	return strstr(buf_cstr(maps ? &explicit : &plain), line) != NULL;
}

static void
openssl_verify_agrees(void)
{
	unsigned agreed = 0;

	if (!have_pkits())
		return;
	buf_printf(&plain, "\n");
	buf_printf(&explicit, "\n");
	write_pool();
	ask_openssl("", &plain);
	ask_openssl("-explicit_policy", &explicit);
	for (size_t i = 0; i < ROWS; i++) {
		bool same;

		judge(&rows[i]);
		same = openssl_accepts(&rows[i]) == path_is_good();
		if (!same)
			printf("# openssl verify differs in %s %s\n",
			    rows[i].number, rows[i].name);
		CU_ASSERT_TRUE(same);
		agreed += same;
	}
	printf("# openssl verify agrees in %u of %zu\n", agreed, ROWS);
	CU_ASSERT_EQUAL(agreed, ROWS);
	buf_free(&plain);
	buf_free(&explicit);
	cert_anchors_free(anchors);
	anchors = NULL;
}

SUITE_MAIN("pkits", CASE(nist_is_agreed_with), CASE(openssl_verify_agrees))
