/*
 * Certificates of the JPKI profile as scripts/test-pki makes them, damaged
 * ones, and folders of anchors.
 */
#include "signer/cert/cert.h"

#include "base/fsops.h"
#include "signer/cert/anchors.h"
#include "signer/cert/check.h"
#include "signer/cert/profile.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err error;

/* Makes the JPKI certificates once; false when that failed. */
static bool
have_jpki(void)
{
	static int made = -1;
	struct buf cmd = {0};
	const char *src = getenv("NATSUIN_SRC");

	if (made >= 0)
		return made == 1;
	buf_printf(&cmd,
	    "%s/scripts/test-pki jpki --policy real --start 20250401000000Z "
	    "--end 20300331145959Z --holder '試験　太郎' %s/pki tanaka",
	    src == NULL ? "." : src, suite_dir_path());
	made = system(buf_cstr(&cmd)) == 0;
	CU_ASSERT_EQUAL(made, 1);
	buf_free(&cmd);
	return made == 1;
}

static void
read_file(const char *name, struct buf *out)
{
	int dir = suite_dir();
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	buf_reset(out);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 20, out, &error), &error);
	close(fd);
	close(dir);
}

static void
jpki_signature_certificate_is_read(void)
{
	struct buf der = {0};
	struct cert_info c;

	if (!have_jpki())
		return;
	read_file("pki/tanaka.sign.der", &der);
	CHECK_OK(cert_parse(buf_view(&der), &c, &error), &error);
	CU_ASSERT_EQUAL(c.profile.kind, CERT_KIND_JPKI_SIGNATURE);
	CU_ASSERT_TRUE(cert_profile_may_sign(&c.profile));
	CU_ASSERT_STRING_EQUAL(c.holder.name, "試験　太郎");
	CU_ASSERT_TRUE(c.holder.from_names);
	CU_ASSERT_STRING_EQUAL(c.holder.birth, "319800401");
	CU_ASSERT_STRING_EQUAL(c.holder.sex, "2");
	CU_ASSERT_STRING_EQUAL(
	    c.holder.address, "東京都千代田区霞が関三丁目１番１号");
	CU_ASSERT_STRING_EQUAL(c.holder.name_flags, "00000");
	CU_ASSERT_STRING_EQUAL(c.issuer,
	    "C=JP, O=JPKI, OU=JPKI for digital signature, OU=Japan Agency "
	    "for Local Authority Information Systems");
	CU_ASSERT_EQUAL(strncmp(c.subject,
			    "C=JP, L=Tokyo-to, L=Chiyoda-ku, "
			    "CN=2025",
			    39),
	    0);
	CU_ASSERT_EQUAL(c.usage, CERT_DIGITAL_SIGNATURE | CERT_NON_REPUDIATION);
	CU_ASSERT_EQUAL_FATAL(c.policy_count, 1);
	CU_ASSERT_STRING_EQUAL(c.policies[0], "1.2.392.200149.8.5.1.1.20");
	CU_ASSERT_STRING_EQUAL(c.key_type, "RSA");
	CU_ASSERT_EQUAL(c.key_bits, 2048);
	CU_ASSERT_STRING_EQUAL(
	    c.signature_algorithm, "sha256WithRSAEncryption");
	CU_ASSERT_EQUAL(c.not_before_ms, certlab_time("20250401000000Z"));
	CU_ASSERT_EQUAL(c.not_after_ms, certlab_time("20300331145959Z"));
	CU_ASSERT_EQUAL(c.aki_len, 20);
	CU_ASSERT_EQUAL(c.ski_len, 20);
	CU_ASSERT_FALSE(c.ca || c.self_issued || c.unknown_critical);
	buf_free(&der);
}

static void
jpki_authentication_certificate_is_known(void)
{
	struct buf der = {0};
	struct cert_info c;

	if (!have_jpki())
		return;
	read_file("pki/tanaka.auth.der", &der);
	CHECK_OK(cert_parse(buf_view(&der), &c, &error), &error);
	CU_ASSERT_EQUAL(c.profile.kind, CERT_KIND_JPKI_AUTHENTICATION);
	CU_ASSERT_FALSE(cert_profile_may_sign(&c.profile));
	/* Also by its issuer alone, were the policy another. */
	c.policy_count = 0;
	CU_ASSERT_EQUAL(
	    cert_profile_of(&c, NULL).kind, CERT_KIND_JPKI_AUTHENTICATION);
	c.issuer[0] = '\0';
	CU_ASSERT_EQUAL(cert_profile_of(&c, NULL).kind, CERT_KIND_OTHER);
	buf_free(&der);
}

/* The critical policy extension and the odd subjectAltName of the CA are no
 * obstacle to the path. */
static void
jpki_path_is_good(void)
{
	struct cert_anchors *a;
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};
	struct cert_verdict v;
	struct buf der = {0}, dir = {0};
	const int64_t at = certlab_time("20261122000000Z");

	if (!have_jpki())
		return;
	buf_printf(&dir, "%s/anchors", suite_dir_path());
	CU_ASSERT_EQUAL(mkdir(buf_cstr(&dir), 0700), 0);
	read_file("pki/signca.der", &der);
	{
		int fd = open(buf_cstr(&dir), O_RDONLY | O_DIRECTORY);

		CHECK_OK(
		    fs_replace(fd, "signca.cer", buf_view(&der), 0600, &error),
		    &error);
		close(fd);
	}
	a = cert_anchors_load(buf_cstr(&dir), &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(cert_anchors_trusted(a), 1);
	p.anchors = a;
	read_file("pki/tanaka.sign.der", &der);
	CHECK_OK(cert_check(&p, buf_view(&der), at, &v, &error), &error);
	if (!v.ok)
		printf("# %s %s\n", v.problems[0].code, v.problems[0].detail);
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_EQUAL(v.path, CERT_PATH_OK);
	CU_ASSERT_EQUAL(v.warning_count, 0);
	CU_ASSERT_STRING_EQUAL(v.revocation_why, "jpki-verifiers-only");
	read_file("pki/tanaka.auth.der", &der);
	CHECK_OK(cert_check(&p, buf_view(&der), at, &v, &error), &error);
	CU_ASSERT_FALSE(v.ok);
	CU_ASSERT_STRING_EQUAL(
	    v.problems[0].code, "certificate-is-authentication");
	cert_anchors_free(a);
	buf_free(&der);
	buf_free(&dir);
}

static void
damaged_certificates_are_refused(void)
{
	struct buf der = {0};
	struct cert_info c;
	uint8_t spki[CERT_SHA256];
	unsigned refused = 0;

	if (!have_jpki())
		return;
	read_file("pki/tanaka.sign.der", &der);
	for (size_t n = 0; n < der.len; n++) {
		struct slice s = slice_of(der.p, n);

		if (cert_parse(s, &c, &error) == 0 ||
		    cert_spki(s, spki, &error) == 0)
			CU_FAIL("a cut certificate was read");
		CU_ASSERT_PTR_NOT_NULL(c.profile.name);
	}
	CU_ASSERT_STRING_EQUAL(error.code, "certificate-malformed");
	CU_ASSERT_EQUAL(error.class, ERR_CERTIFICATE);
	/* Any single changed byte: read or refused, never a crash. */
	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 0x81;
		refused += cert_parse(buf_view(&der), &c, &error) != 0;
		der.p[i] ^= 0x81;
	}
	CU_ASSERT_TRUE(refused > 50);
	buf_append(&der, "x", 1);
	CHECK_CODE(cert_parse(buf_view(&der), &c, &error), &error,
	    "certificate-malformed");
	buf_free(&der);
}

static void
files_may_be_pem_or_der(void)
{
	struct buf der = {0}, pem = {0}, got = {0};

	if (!have_jpki())
		return;
	read_file("pki/tanaka.sign.der", &der);
	read_file("pki/tanaka.sign.pem", &pem);
	CHECK_OK(cert_from_file(buf_view(&der), &got, &error), &error);
	CU_ASSERT_TRUE(slice_eq(buf_view(&got), buf_view(&der)));
	buf_reset(&got);
	CHECK_OK(cert_from_file(buf_view(&pem), &got, &error), &error);
	CU_ASSERT_TRUE(slice_eq(buf_view(&got), buf_view(&der)));
	/* A key before the certificate is passed over. */
	read_file("pki/tanaka.sign.key", &der);
	buf_slice(&der, buf_view(&pem));
	buf_reset(&got);
	CHECK_OK(cert_from_file(buf_view(&der), &got, &error), &error);
	read_file("pki/tanaka.sign.key", &der);
	CHECK_CODE(cert_from_file(buf_view(&der), &got, &error), &error,
	    "certificate-malformed");
	CHECK_CODE(cert_from_file(slice_str("hello"), &got, &error), &error,
	    "certificate-malformed");
	CHECK_CODE(cert_from_file(slice_str(""), &got, &error), &error,
	    "certificate-malformed");
	buf_free(&der);
	buf_free(&pem);
	buf_free(&got);
}

/* Names are made safe to show wherever they came from. */
static void
odd_names_are_made_safe(void)
{
	struct certlab_spec s = {
	    .subject = "C=JP/CN=a\x01\x1b[31m\nb\xC2\x9B\xE2\x80\xAE",
	    .key = KEY_LEAF,
	    .signer = KEY_LEAF,
	    .from = "20250101000000Z",
	    .until = "20280101000000Z"};
	char longname[400] = "C=JP/CN=";
	struct buf der = {0};
	struct cert_info c;
	X509 *x = certlab_make(&s);

	certlab_der(x, &der);
	X509_free(x);
	CHECK_OK(cert_parse(buf_view(&der), &c, &error), &error);
	for (const char *p = c.subject; *p != '\0'; p++)
		CU_ASSERT_TRUE((unsigned char)*p >= 0x20);
	for (const char *p = c.holder.name; *p != '\0'; p++)
		CU_ASSERT_TRUE((unsigned char)*p >= 0x20);
	CU_ASSERT_STRING_EQUAL(c.holder.name, "a??[31m?b??");

	for (int i = 0; i < 60; i++)
		strncat(longname, "試", sizeof longname - strlen(longname) - 1);
	s.subject = longname;
	x = certlab_make(&s);
	buf_reset(&der);
	certlab_der(x, &der);
	X509_free(x);
	CHECK_OK(cert_parse(buf_view(&der), &c, &error), &error);
	CU_ASSERT_EQUAL(strlen(c.holder.name), 180);
	buf_free(&der);
}

static void
write_anchor(int dir, const char *name, struct slice bytes)
{
	CHECK_OK(fs_replace(dir, name, bytes, 0600, &error), &error);
}

/* Two roots and one below the first. */
static void
make_list(X509 *list[3])
{
	struct certlab_spec s = {.subject = "C=JP/CN=root",
	    .key = KEY_CA,
	    .signer = KEY_CA,
	    .from = "20250101000000Z",
	    .until = "20280101000000Z",
	    .extension = {{"basicConstraints", "critical,CA:TRUE"}}};

	list[0] = certlab_make(&s);
	s.subject = "C=JP/CN=below";
	s.key = KEY_MIDDLE;
	s.issuer = list[0];
	list[1] = certlab_make(&s);
	s.subject = "C=JP/CN=root two";
	s.key = s.signer = KEY_CA_2;
	s.issuer = NULL;
	list[2] = certlab_make(&s);
}

/* A fresh folder of anchors: its descriptor and path. */
static int
anchor_folder(const char *name, struct buf *path)
{
	int top = suite_dir(), dir;

	CHECK_OK(fs_mkdir(top, name, 0700, &error), &error);
	dir = fs_open_dir(top, name, &error);
	buf_reset(path);
	buf_printf(path, "%s/%s", suite_dir_path(), name);
	close(top);
	return dir;
}

/* Counts what was loaded, and frees it. */
static void
expect_anchors(struct cert_anchors *a, size_t count, size_t trusted)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(cert_anchors_count(a), count);
	CU_ASSERT_EQUAL(cert_anchors_trusted(a), trusted);
	cert_anchors_free(a);
}

static void
anchors_come_from_a_folder(void)
{
	X509 *list[3];
	struct buf pem = {0}, der = {0}, path = {0}, all = {0};
	struct cert_anchors *a;
	int dir = anchor_folder("trust", &path);

	make_list(list);
	expect_anchors(cert_anchors_load(buf_cstr(&path), &error), 0, 0);
	certlab_pem(list, 2, &pem);
	certlab_der(list[2], &der);
	write_anchor(dir, "two.PEM", buf_view(&pem));
	write_anchor(dir, "again.crt", buf_view(&pem));
	write_anchor(dir, "root2.cer", buf_view(&der));
	write_anchor(dir, "README.txt", slice_str("not a certificate"));
	write_anchor(dir, ".hidden.pem", slice_str("not a certificate"));
	a = cert_anchors_load(buf_cstr(&path), &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	/* Through PEM to an examiner and back. */
	CHECK_OK(cert_anchors_pem(a, &all, &error), &error);
	expect_anchors(a, 3, 2);
	expect_anchors(cert_anchors_parse(buf_view(&all), &error), 3, 2);
	for (int i = 0; i < 3; i++)
		X509_free(list[i]);
	close(dir);
	buf_free(&pem);
	buf_free(&der);
	buf_free(&path);
	buf_free(&all);
}

/* Its own name as issuer, but another key: helps, is not trusted. */
static void
only_self_signed_is_trusted(void)
{
	struct certlab_spec s = {.subject = "C=JP/CN=root",
	    .key = KEY_CA,
	    .signer = KEY_STRANGER,
	    .from = "20250101000000Z",
	    .until = "20280101000000Z"};
	X509 *x = certlab_make(&s);
	struct buf pem = {0};

	certlab_pem(&x, 1, &pem);
	expect_anchors(cert_anchors_parse(buf_view(&pem), &error), 1, 0);
	X509_free(x);
	buf_free(&pem);
}

/* One bad file is an error with its name, not a shorter list. */
static void
bad_anchor_files_are_errors(void)
{
	X509 *list[3];
	struct buf pem = {0}, path = {0};
	int dir = anchor_folder("distrust", &path);

	make_list(list);
	certlab_pem(list, 2, &pem);
	write_anchor(dir, "good.pem", buf_view(&pem));
	write_anchor(dir, "bad.pem",
	    slice_str("-----BEGIN CERTIFICATE-----\nAAAA\n"
		      "-----END CERTIFICATE-----\n"));
	CU_ASSERT_PTR_NULL(cert_anchors_load(buf_cstr(&path), &error));
	CU_ASSERT_STRING_EQUAL(error.code, "anchor-malformed");
	CU_ASSERT_STRING_EQUAL(error.detail, "bad.pem");
	CU_ASSERT_EQUAL(error.class, ERR_CONFIG);
	/* Good ones followed by a broken one are just as wrong. */
	buf_puts(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	write_anchor(dir, "bad.pem", buf_view(&pem));
	CU_ASSERT_PTR_NULL(cert_anchors_load(buf_cstr(&path), &error));
	write_anchor(dir, "bad.pem", slice_str(""));
	CU_ASSERT_PTR_NULL(cert_anchors_load(buf_cstr(&path), &error));
	buf_puts(&path, "/none");
	CU_ASSERT_PTR_NULL(cert_anchors_load(buf_cstr(&path), &error));
	CU_ASSERT_STRING_EQUAL(error.code, "anchors-unreadable");
	for (int i = 0; i < 3; i++)
		X509_free(list[i]);
	close(dir);
	buf_free(&pem);
	buf_free(&path);
}

static void
times_are_japanese(void)
{
	char text[32];

	CU_ASSERT_STRING_EQUAL(
	    cert_time_text(certlab_time("20300331145959Z"), text, sizeof text),
	    "2030-03-31 23:59:59 JST");
}

SUITE_MAIN("cert", CASE(jpki_signature_certificate_is_read),
    CASE(jpki_authentication_certificate_is_known), CASE(jpki_path_is_good),
    CASE(damaged_certificates_are_refused), CASE(files_may_be_pem_or_der),
    CASE(odd_names_are_made_safe), CASE(anchors_come_from_a_folder),
    CASE(only_self_signed_is_trusted), CASE(bad_anchor_files_are_errors),
    CASE(times_are_japanese))
