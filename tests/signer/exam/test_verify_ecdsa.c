/*
 * ECDSA on P-384: the referee against signatures made by xmlsec1, and the
 * pass's own judgement of them; values, methods and certificates that do not
 * go together.
 */
#include "signer/exam/verify.h"

#include "base/text.h"
#include "signer/cert/algorithm.h"
#include "signer/exam/existing.h"
#include "tests/lib/certlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"
#include "tests/lib/verifylab.h"
#include "tests/lib/xmlsign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define ECDSA_SHA384 MORE "ecdsa-sha384"
#define USUAL_REFERENCE REFERENCE("#RSH0010", PLAIN, SHA256)
#define ECDSA_BYTES 96

static int
judge(const char *xml)
{
	return verifylab_judge(&verify_etax, slice_str(xml), NULL, 0, false);
}

static void
sign_next(struct buf *xml)
{
	struct buf out = {0};

	xmlsign(&out, buf_cstr(xml), "RSH0010", "id", "RSH0010");
	buf_free(xml);
	*xml = out;
}

/* An e-Tax document with these Signatures after the procedure, the first one
 * signed. */
static char *
etax(struct buf *out, const char *tail)
{
	buf_reset(out);
	buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	    "<DATA id=\"DATA\" xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\">"
	    "<RSH0010 id=\"RSH0010\" VR=\"23.2.0\"><A>試験</A></RSH0010>%s"
	    "</DATA>",
	    tail);
	sign_next(out);
	return buf_cstr(out);
}

static char *
usual(struct buf *out)
{
	return etax(out, SIGNATURE("_1", C14N, ECDSA_SHA384, USUAL_REFERENCE));
}

/* Judges the document with another SignatureValue. */
static void
with_value(const char *xml, struct slice value)
{
	const char *from = strstr(xml, "SignatureValue>") + 15;
	const char *to = strstr(from, "</");
	struct buf b = {0};

	buf_append(&b, xml, (size_t)(from - xml));
	text_base64(&b, value);
	buf_puts(&b, to);
	CHECK_OK(judge(buf_cstr(&b)), &error);
	CU_ASSERT_EQUAL_FATAL(report.count, 1);
	buf_free(&b);
}

static void
value_of(const char *xml, uint8_t value[ECDSA_BYTES])
{
	const char *from = strstr(xml, "SignatureValue>") + 15;
	const char *to = strstr(from, "</");
	struct buf b = {0};

	CU_ASSERT_EQUAL(
	    text_base64_decode(&b, slice_of(from, (size_t)(to - from))), 0);
	CU_ASSERT_EQUAL_FATAL(b.len, ECDSA_BYTES);
	memcpy(value, b.p, ECDSA_BYTES);
	buf_free(&b);
}

static void
edited(const char *xml, const char *from, const char *to)
{
	struct buf b = {0};

	xmlsign_edit(&b, xml, from, to);
	CHECK_OK(judge(buf_cstr(&b)), &error);
	buf_free(&b);
}

static void
an_ecdsa_signature_is_whole(void)
{
	const struct verify_signature *s;
	struct buf xml = {0};

	CHECK_OK(judge(usual(&xml)), &error);
	CU_ASSERT_EQUAL_FATAL(report.count, 1);
	s = &report.signatures[0];
	CU_ASSERT_TRUE(verifylab_whole(s));
	CU_ASSERT_STRING_EQUAL(s->found.method, ECDSA_SHA384);
	CU_ASSERT_STRING_EQUAL(s->digest, SHA256);
	CU_ASSERT_FALSE(s->found.legacy);
	CHECK_OK(verify_all_good(&report, 1, &error), &error);
	edited(buf_cstr(&xml), "試験", "本番");
	verifylab_expect(true, false, true, "signature-digest-wrong");
	buf_free(&xml);
}

static void
both_kinds_stand_side_by_side(void)
{
	struct buf xml = {0};

	etax(&xml,
	    SIGNATURE("_1", C14N, ECDSA_SHA384, USUAL_REFERENCE)
		SIGNATURE("_2", C14N, RSA_SHA256, USUAL_REFERENCE)
		    SIGNATURE("_3", C14N, ECDSA_SHA384, USUAL_REFERENCE));
	sign_next(&xml);
	sign_next(&xml);
	CHECK_OK(judge(buf_cstr(&xml)), &error);
	CU_ASSERT_EQUAL_FATAL(report.filing_count, 3);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_TRUE(verifylab_whole(&report.signatures[i]));
	buf_free(&xml);
}

static void
no_changed_value_passes(void)
{
	uint8_t value[ECDSA_BYTES + 1] = {0};
	struct buf xml = {0};
	char *x = usual(&xml);

	value_of(x, value);
	with_value(x, slice_of(value, ECDSA_BYTES));
	CU_ASSERT_TRUE(verifylab_whole(&report.signatures[0]));
	for (size_t i = 0; i < ECDSA_BYTES; i++) {
		value[i] ^= (uint8_t)(1 << i % 8);
		with_value(x, slice_of(value, ECDSA_BYTES));
		verifylab_expect(false, true, true, "signature-value-wrong");
		value[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 1; n <= sizeof value; n++) {
		if (n == ECDSA_BYTES)
			continue;
		with_value(x, slice_of(value, n));
		verifylab_expect(false, false, false, "signature-shape");
	}
	buf_free(&xml);
}

static void
numbers_that_no_signer_makes(void)
{
	static const uint8_t order[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC7, 0x63, 0x4D, 0x81,
	    0xF4, 0x37, 0x2D, 0xDF, 0x58, 0x1A, 0x0D, 0xB2, 0x48, 0xB0, 0xA7,
	    0x7A, 0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5, 0x29, 0x73};
	uint8_t good[ECDSA_BYTES], value[ECDSA_BYTES];
	struct buf xml = {0};
	char *x = usual(&xml);

	value_of(x, good);
	for (unsigned half = 0; half < 2; half++) {
		memcpy(value, good, sizeof value);
		memset(value + 48 * half, 0, 48);
		with_value(x, slice_of(value, sizeof value));
		CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
		memcpy(value + 48 * half, order, 48);
		with_value(x, slice_of(value, sizeof value));
		CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
		memset(value + 48 * half, 0xFF, 48);
		with_value(x, slice_of(value, sizeof value));
		CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
	}
	memcpy(value, good + 48, 48);
	memcpy(value + 48, good, 48);
	with_value(x, slice_of(value, sizeof value));
	CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
	buf_free(&xml);
}

static void
der_is_another_shape(void)
{
	uint8_t value[ECDSA_BYTES];
	struct buf xml = {0}, der = {0};
	char *x = usual(&xml);

	value_of(x, value);
	CU_ASSERT_EQUAL(
	    algorithm_to_der(slice_of(value, sizeof value), 48, &der), 0);
	with_value(x, buf_view(&der));
	verifylab_expect(false, false, false, "signature-shape");
	buf_free(&xml);
	buf_free(&der);
}

static void
methods_and_keys_must_go_together(void)
{
	static const char *const unknown[] = {MORE "ecdsa-sha1",
	    MORE "ecdsa-sha224", MORE "ecdsa-sha256", MORE "ecdsa-sha512",
	    "http://www.w3.org/2007/05/xmldsig-more#ecdsa-sha3-384"};
	struct buf xml = {0}, rsa = {0};
	char *x = usual(&xml);

	edited(x, ECDSA_SHA384, RSA_SHA256);
	CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
	CU_ASSERT_STRING_EQUAL(
	    report.signatures[0].found.problem, "signature-value-wrong");
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		edited(x, ECDSA_SHA384, unknown[i]);
		verifylab_expect(false, false, false, "signature-algorithm");
	}
	etax(&rsa, SIGNATURE("_1", C14N, RSA_SHA256, USUAL_REFERENCE));
	edited(buf_cstr(&rsa), RSA_SHA256, ECDSA_SHA384);
	verifylab_expect(false, false, false, "signature-shape");
	buf_free(&xml);
	buf_free(&rsa);
}

/* The document with this certificate in KeyInfo. */
static void
with_certificate(const char *xml, struct slice der)
{
	const char *from = strstr(xml, "X509Certificate>") + 16;
	const char *to = strstr(from, "</");
	struct buf b = {0};

	buf_append(&b, xml, (size_t)(from - xml));
	text_base64(&b, der);
	buf_puts(&b, to);
	CHECK_OK(judge(buf_cstr(&b)), &error);
	buf_free(&b);
}

static void
other_certificates_do_not_fit(void)
{
	struct certlab_spec s = {.subject = "C=JP/CN=x",
	    .key = KEY_P384,
	    .signer = KEY_P384,
	    .from = "20260101000000Z",
	    .until = "20360101000000Z"};
	static const char *const curves[] = {"P-384", "P-256", "P-521"};
	static const char *const problems[] = {"signature-value-wrong",
	    "signature-certificate-malformed",
	    "signature-certificate-malformed"};
	struct buf xml = {0}, der = {0};
	char *x = usual(&xml);

	with_certificate(x, keylab_certificate());
	verifylab_expect(false, true, true, "signature-value-wrong");
	for (unsigned i = 0; i < 3; i++) {
		EVP_PKEY *k = EVP_EC_gen(curves[i]);
		X509 *c = certlab_make(&s);

		X509_set_pubkey(c, k);
		X509_sign(c, certlab_key(KEY_P384), EVP_sha384());
		buf_reset(&der);
		certlab_der(c, &der);
		with_certificate(x, buf_view(&der));
		CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
		CU_ASSERT_STRING_EQUAL(
		    report.signatures[0].found.problem, problems[i]);
		X509_free(c);
		EVP_PKEY_free(k);
	}
	buf_free(&xml);
	buf_free(&der);
}

/* The pass's own judgement: method, key and value must go together. */
static void
the_pass_judges_the_same(void)
{
	static const struct {
		const char *method;
		bool with_rsa, ok;
	} cases[] = {
	    {ECDSA_SHA384, false, true},
	    {ECDSA_SHA384, true, false},
	    {MORE "ecdsa-sha256", false, false},
	    {MORE "ecdsa-sha512", false, false},
	    {MORE "rsa-sha384", false, false},
	    {MORE "rsa-sha256", false, false},
	};
	const struct algorithm *a = algorithm_find(SIGN_ECDSA_SHA384);
	EVP_PKEY_CTX *c =
	    EVP_PKEY_CTX_new_from_pkey(NULL, certlab_key(KEY_P384), NULL);
	const struct certlab_spec spec = {.subject = "C=JP/CN=x",
	    .key = KEY_P384,
	    .signer = KEY_P384,
	    .from = "20260101000000Z",
	    .until = "20360101000000Z"};
	X509 *certificate = certlab_make(&spec);
	uint8_t digest[ALGORITHM_DIGEST_MAX];
	struct existing x = {.canonical = C14N};
	struct found_signature found;
	struct err e = {0};

	buf_puts(&x.signed_info, "<SignedInfo></SignedInfo>");
	algorithm_hash(a, buf_view(&x.signed_info), digest);
	CU_ASSERT_EQUAL(EVP_PKEY_sign_init(c), 1);
	CU_ASSERT_EQUAL(algorithm_prepare(a, c), 0);
	CU_ASSERT_EQUAL(
	    algorithm_sign(a, c, slice_of(digest, a->digest), &x.value), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(&found, 0, sizeof found);
		buf_reset(&x.certificate);
		if (cases[i].with_rsa)
			buf_slice(&x.certificate, keylab_certificate());
		else
			certlab_der(certificate, &x.certificate);
		snprintf(x.method, sizeof x.method, "%s", cases[i].method);
		CHECK_OK(existing_judge(&x, true, &found, &e), &e);
		CU_ASSERT_EQUAL(found.value_ok, cases[i].ok);
		CU_ASSERT_FALSE(found.legacy);
		buf_free(&found.certificate);
	}
	X509_free(certificate);
	EVP_PKEY_CTX_free(c);
	existing_free(&x);
}

SUITE_MAIN("verify_ecdsa", CASE(an_ecdsa_signature_is_whole),
    CASE(both_kinds_stand_side_by_side), CASE(no_changed_value_passes),
    CASE(numbers_that_no_signer_makes), CASE(der_is_another_shape),
    CASE(methods_and_keys_must_go_together),
    CASE(other_certificates_do_not_fit), CASE(the_pass_judges_the_same))
