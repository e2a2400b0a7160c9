/*
 * Which algorithm a key has, the two forms of an ECDSA signature, and
 * verification with a certificate: what no honest signer makes is refused.
 */
#include "base/text.h"
#include "signer/cert/algorithm.h"
#include "signer/cert/pubkey.h"
#include "signer/cert/signerkey.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define HALF ALGORITHM_ECDSA_HALF
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"

static const char data[] = "<SignedInfo/>";

static EVP_PKEY_CTX *
context(const struct algorithm *a, EVP_PKEY *key, bool verify)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(
	    verify ? EVP_PKEY_verify_init(c) : EVP_PKEY_sign_init(c), 1);
	CU_ASSERT_EQUAL(algorithm_prepare(a, c), 0);
	return c;
}

/* A signature over `data`, as XML has it. */
static void
sign(EVP_PKEY *key, struct buf *out)
{
	const struct algorithm *a = algorithm_of_key(key);
	uint8_t digest[ALGORITHM_DIGEST_MAX];
	EVP_PKEY_CTX *c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	c = context(a, key, false);
	CU_ASSERT_EQUAL(algorithm_hash(a, slice_str(data), digest), 0);
	CU_ASSERT_EQUAL(
	    algorithm_sign(a, c, slice_of(digest, a->digest), out), 0);
	EVP_PKEY_CTX_free(c);
}

static void
keys_choose_their_algorithm(void)
{
	static const char *const others[] = {"P-256", "P-521", "secp256k1"};
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	CU_ASSERT_EQUAL(
	    algorithm_of_key(certlab_key(KEY_LEAF))->id, SIGN_RSA_SHA256);
	CU_ASSERT_EQUAL(
	    algorithm_of_key(certlab_key(KEY_P384))->id, SIGN_ECDSA_SHA384);
	CU_ASSERT_PTR_NULL(algorithm_of_key(k));
	EVP_PKEY_free(k);
	k = EVP_PKEY_Q_keygen(NULL, NULL, "RSA-PSS", (size_t)2048);
	CU_ASSERT_PTR_NULL(k == NULL ? NULL : algorithm_of_key(k));
	EVP_PKEY_free(k);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		k = EVP_EC_gen(others[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(k);
		CU_ASSERT_PTR_NULL(algorithm_of_key(k));
		EVP_PKEY_free(k);
	}
	ERR_clear_error();
}

static void
the_table_is_found_both_ways(void)
{
	CU_ASSERT_PTR_NULL(algorithm_find((enum sign_algorithm)0));
	CU_ASSERT_PTR_NULL(algorithm_find((enum sign_algorithm)3));
	CU_ASSERT_STRING_EQUAL(
	    algorithm_find(SIGN_RSA_SHA256)->method, MORE "rsa-sha256");
	CU_ASSERT_STRING_EQUAL(
	    algorithm_find(SIGN_ECDSA_SHA384)->method, MORE "ecdsa-sha384");
	CU_ASSERT_EQUAL(
	    algorithm_of_method(MORE "ecdsa-sha384")->id, SIGN_ECDSA_SHA384);
	CU_ASSERT_PTR_NULL(algorithm_of_method(MORE "ecdsa-sha256"));
	CU_ASSERT_PTR_NULL(algorithm_of_method(""));
}

/* DER of two numbers given as hexadecimal. */
static void
der_of(const char *r, const char *s, struct buf *out)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *x = NULL, *y = NULL;
	unsigned char *der = NULL;
	int n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
	BN_hex2bn(&x, r);
	BN_hex2bn(&y, s);
	ECDSA_SIG_set0(pair, x, y);
	n = i2d_ECDSA_SIG(pair, &der);
	CU_ASSERT_FATAL(n > 0);
	buf_reset(out);
	buf_append(out, der, (size_t)n);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
}

#define ONES24 "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
#define ONES48 ONES24 ONES24

static void
short_numbers_get_their_zeros(void)
{
	static const struct {
		const char *r, *s;
		int ok;
	} cases[] = {
	    {"1", "2", 0},
	    {"7F", "80", 0}, /* DER writes 80 as 00 80 */
	    {ONES48, ONES48, 0},
	    {"00" ONES24, ONES48, 0},
	    {ONES48 "00", "1", -1}, /* 49 bytes */
	    {"1", ONES48 "00", -1},
	    {"0", "1", -1},
	    {"1", "0", -1},
	};
	struct buf der = {0}, raw = {0}, again = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		der_of(cases[i].r, cases[i].s, &der);
		buf_reset(&raw);
		CU_ASSERT_EQUAL(algorithm_from_der(buf_view(&der), HALF, &raw),
		    cases[i].ok);
		CU_ASSERT_EQUAL(raw.len, cases[i].ok == 0 ? 2 * HALF : 0);
		if (cases[i].ok != 0)
			continue;
		buf_reset(&again);
		CU_ASSERT_EQUAL(
		    algorithm_to_der(buf_view(&raw), HALF, &again), 0);
		CU_ASSERT(slice_eq(buf_view(&again), buf_view(&der)));
	}
	der_of("1", "2", &der);
	buf_reset(&raw);
	CU_ASSERT_EQUAL(algorithm_from_der(buf_view(&der), HALF, &raw), 0);
	CU_ASSERT_EQUAL(raw.p[HALF - 1], 1);
	CU_ASSERT_EQUAL(raw.p[2 * HALF - 1], 2);
	buf_free(&der);
	buf_free(&raw);
	buf_free(&again);
	ERR_clear_error();
}

static void
what_is_no_der_is_refused(void)
{
	static const uint8_t negative[] = {0x30, 6, 2, 1, 0xFF, 2, 1, 1};
	struct buf der = {0}, raw = {0};

	CU_ASSERT_EQUAL(
	    algorithm_from_der(slice_of(negative, sizeof negative), HALF, &raw),
	    -1);
	der_of(ONES48, ONES24, &der);
	for (size_t n = 0; n < der.len; n++)
		CU_ASSERT_EQUAL(
		    algorithm_from_der(slice_of(der.p, n), HALF, &raw), -1);
	buf_putc(&der, 0);
	CU_ASSERT_EQUAL(algorithm_from_der(buf_view(&der), HALF, &raw), -1);
	CU_ASSERT_EQUAL(raw.len, 0);
	buf_free(&der);
	buf_free(&raw);
	ERR_clear_error();
}

static void
only_96_bytes_and_no_zero(void)
{
	uint8_t raw[2 * HALF + 2];
	struct buf der = {0};

	memset(raw, 1, sizeof raw);
	for (size_t n = 0; n <= sizeof raw; n++)
		CU_ASSERT_EQUAL(algorithm_to_der(slice_of(raw, n), HALF, &der),
		    n == 2 * HALF ? 0 : -1);
	memset(raw, 0, HALF);
	CU_ASSERT_EQUAL(
	    algorithm_to_der(slice_of(raw, 2 * HALF), HALF, &der), -1);
	memset(raw, 1, HALF);
	memset(raw + HALF, 0, HALF);
	CU_ASSERT_EQUAL(
	    algorithm_to_der(slice_of(raw, 2 * HALF), HALF, &der), -1);
	buf_free(&der);
}

/* Enough signatures that some have a number that begins with zeros. */
static void
real_signatures_fit_whatever_they_begin_with(void)
{
	const struct algorithm *a = algorithm_find(SIGN_ECDSA_SHA384);
	EVP_PKEY *key = certlab_key(KEY_P384);
	EVP_PKEY_CTX *c = context(a, key, true);
	uint8_t digest[ALGORITHM_DIGEST_MAX];
	struct buf out = {0};
	unsigned zeros = 0, n = 0;

	algorithm_hash(a, slice_str(data), digest);
	/* One in 128 has them: that 8,192 in a row have not is 1 : 10^27. */
	while (n++ < 8192 && zeros < 2) {
		buf_reset(&out);
		sign(key, &out);
		CU_ASSERT_EQUAL_FATAL(out.len, 2 * HALF);
		if (out.p[0] != 0 && out.p[HALF] != 0 && n > 1)
			continue;
		zeros += out.p[0] == 0 || out.p[HALF] == 0;
		CU_ASSERT_EQUAL(algorithm_verify(a, c, slice_of(digest, HALF),
				    buf_view(&out)),
		    1);
		CU_ASSERT_EQUAL(algorithm_verify(
				    a, c, slice_of(digest, 32), buf_view(&out)),
		    0);
	}
	CU_ASSERT_EQUAL(zeros, 2);
	EVP_PKEY_CTX_free(c);
	buf_free(&out);
}

static void
check_key(enum certlab_key key)
{
	struct buf der = {0}, value = {0};
	struct err e = {0};

	certlab_own("C=JP/O=Test/CN=x", key, &der);
	sign(certlab_key(key), &value);
	CHECK_OK(pubkey_verify(
		     buf_view(&der), slice_str(data), buf_view(&value), &e),
	    &e);
	CHECK_CODE(pubkey_verify(buf_view(&der), slice_str("<SignedInfo />"),
		       buf_view(&value), &e),
	    &e, "signature-wrong");
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	for (size_t i = 0; i < value.len; i++) {
		value.p[i] ^= (uint8_t)(1 << i % 8);
		CHECK_CODE(pubkey_verify(buf_view(&der), slice_str(data),
			       buf_view(&value), &e),
		    &e, "signature-wrong");
		value.p[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < value.len; n++)
		CHECK_CODE(pubkey_verify(buf_view(&der), slice_str(data),
			       slice_of(value.p, n), &e),
		    &e, "signature-wrong");
	buf_putc(&value, 0);
	CHECK_CODE(pubkey_verify(
		       buf_view(&der), slice_str(data), buf_view(&value), &e),
	    &e, "signature-wrong");
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	buf_free(&der);
	buf_free(&value);
}

static void
a_changed_value_fits_no_certificate(void)
{
	check_key(KEY_LEAF);
	check_key(KEY_P384);
}

/* What OpenSSL itself makes (DER) is not what XML has. */
static void
der_is_no_xml_signature(void)
{
	struct buf certificate = {0}, raw = {0}, der = {0};
	struct err e = {0};

	certlab_own("C=JP/O=Test/CN=x", KEY_P384, &certificate);
	sign(certlab_key(KEY_P384), &raw);
	CU_ASSERT_EQUAL(algorithm_to_der(buf_view(&raw), HALF, &der), 0);
	CHECK_CODE(pubkey_verify(buf_view(&certificate), slice_str(data),
		       buf_view(&der), &e),
	    &e, "signature-wrong");
	buf_free(&certificate);
	buf_free(&raw);
	buf_free(&der);
}

static void
other_certificates_have_no_algorithm(void)
{
	struct buf der = {0};
	struct err e = {0};

	CHECK_CODE(
	    pubkey_verify(slice_str("x"), slice_str(data), slice_str("y"), &e),
	    &e, "certificate-algorithm");
	certlab_own("C=JP/O=Test/CN=x", KEY_P384, &der);
	CU_ASSERT_PTR_NULL(signerkey_get(slice_of(der.p, der.len - 1)));
	CU_ASSERT_EQUAL(
	    signerkey_get(buf_view(&der))->algorithm->id, SIGN_ECDSA_SHA384);
	buf_free(&der);
}

SUITE_MAIN("algorithm", CASE(keys_choose_their_algorithm),
    CASE(the_table_is_found_both_ways), CASE(short_numbers_get_their_zeros),
    CASE(what_is_no_der_is_refused), CASE(only_96_bytes_and_no_zero),
    CASE(real_signatures_fit_whatever_they_begin_with),
    CASE(a_changed_value_fits_no_certificate), CASE(der_is_no_xml_signature),
    CASE(other_certificates_have_no_algorithm))
