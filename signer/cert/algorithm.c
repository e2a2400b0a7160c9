/*
 * Which algorithm a key signs with, and the form of its signatures.  XML
 * signatures have r || s where OpenSSL has DER; a value of any other length,
 * or with a number that no signer makes, is no signature.
 */
#include "signer/cert/algorithm.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"

static const struct algorithm algorithms[] = {
    {SIGN_RSA_SHA256, "rsa-sha256", MORE "rsa-sha256", "SHA256", 32, "RSA",
	NULL},
    {SIGN_ECDSA_SHA384, "ecdsa-sha384", MORE "ecdsa-sha384", "SHA384", 48, "EC",
	"secp384r1"},
};

#define COUNT (sizeof algorithms / sizeof *algorithms)

const struct algorithm *
algorithm_find(enum sign_algorithm id)
{
	for (size_t i = 0; i < COUNT; i++)
		if (algorithms[i].id == id)
			return &algorithms[i];
	return NULL;
}

const struct algorithm *
algorithm_of_method(const char *uri)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(algorithms[i].method, uri) == 0)
			return &algorithms[i];
	return NULL;
}

static bool
group_is(const EVP_PKEY *key, const char *want)
{
	char name[32];
	size_t n;

	return want == NULL ||
	       (EVP_PKEY_get_group_name(key, name, sizeof name, &n) == 1 &&
		   strcmp(name, want) == 0);
}

const struct algorithm *
algorithm_of_key(const EVP_PKEY *key)
{
	for (size_t i = 0; i < COUNT; i++)
		if (EVP_PKEY_is_a(key, algorithms[i].key) &&
		    group_is(key, algorithms[i].group))
			return &algorithms[i];
	return NULL;
}

int
algorithm_hash(const struct algorithm *a, struct slice data,
    uint8_t out[ALGORITHM_DIGEST_MAX])
{
	size_t n;

	return EVP_Q_digest(NULL, a->hash, NULL, data.p, data.len, out, &n) == 1
		   ? 0
		   : -1;
}

int
algorithm_prepare(const struct algorithm *a, EVP_PKEY_CTX *c)
{
	if (a->group == NULL &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) != 1)
		return -1;
	return EVP_PKEY_CTX_set_signature_md(c,
		   a->id == SIGN_RSA_SHA256 ? EVP_sha256() : EVP_sha384()) == 1
		   ? 0
		   : -1;
}

static ECDSA_SIG *
pair_of(struct slice raw, size_t half)
{
	BIGNUM *r = BN_bin2bn(raw.p, (int)half, NULL);
	BIGNUM *s = BN_bin2bn(raw.p + half, (int)half, NULL);
	ECDSA_SIG *pair = NULL;

	if (r != NULL && s != NULL && !BN_is_zero(r) && !BN_is_zero(s))
		pair = ECDSA_SIG_new();
	if (pair != NULL) {
		ECDSA_SIG_set0(pair, r, s);
		return pair;
	}
	BN_free(r);
	BN_free(s);
	return NULL;
}

int
algorithm_to_der(struct slice raw, size_t half, struct buf *der)
{
	unsigned char *bytes = NULL;
	ECDSA_SIG *pair;
	int n, result = -1;

	if (raw.len != 2 * half)
		return -1;
	pair = pair_of(raw, half);
	n = pair == NULL ? -1 : i2d_ECDSA_SIG(pair, &bytes);
	if (n > 0)
		result = buf_append(der, bytes, (size_t)n);
	if (n > 0 && result != 0)
		ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	OPENSSL_free(bytes);
	ECDSA_SIG_free(pair);
	return result;
}

/* A number of a signature is positive. */
static int
put_number(const BIGNUM *n, size_t half, uint8_t *out)
{
	if (BN_is_zero(n) || BN_is_negative(n))
		return -1;
	return BN_bn2binpad(n, out, (int)half) == (int)half ? 0 : -1;
}

int
algorithm_from_der(struct slice der, size_t half, struct buf *raw)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
	int result = -1;

	if (pair != NULL && p == der.p + der.len &&
	    buf_reserve(raw, 2 * half) == 0 &&
	    put_number(ECDSA_SIG_get0_r(pair), half, raw->p + raw->len) == 0 &&
	    put_number(
		ECDSA_SIG_get0_s(pair), half, raw->p + raw->len + half) == 0) {
		raw->len += 2 * half;
		result = 0;
	}
	ECDSA_SIG_free(pair);
	return result;
}

static int
sign_raw(EVP_PKEY_CTX *c, struct slice digest, struct buf *out)
{
	size_t n = 0;

	if (EVP_PKEY_sign(c, NULL, &n, digest.p, digest.len) != 1 ||
	    buf_reserve(out, n) != 0 ||
	    EVP_PKEY_sign(c, out->p + out->len, &n, digest.p, digest.len) != 1)
		return -1;
	out->len += n;
	return 0;
}

int
algorithm_sign(const struct algorithm *a, EVP_PKEY_CTX *c, struct slice digest,
    struct buf *out)
{
	struct buf der = {0};
	int result;

	if (digest.len != a->digest)
		return -1;
	if (a->group == NULL)
		return sign_raw(c, digest, out);
	result = sign_raw(c, digest, &der);
	if (result == 0)
		result = algorithm_from_der(
		    buf_view(&der), ALGORITHM_ECDSA_HALF, out);
	buf_free(&der);
	return result;
}

int
algorithm_verify(const struct algorithm *a, EVP_PKEY_CTX *c,
    struct slice digest, struct slice signature)
{
	struct buf der = {0};
	int fits;

	if (digest.len != a->digest)
		return 0;
	if (a->group != NULL) {
		if (algorithm_to_der(signature, ALGORITHM_ECDSA_HALF, &der) !=
		    0)
			return 0;
		signature = buf_view(&der);
	}
	fits = EVP_PKEY_verify(
		   c, signature.p, signature.len, digest.p, digest.len) == 1;
	buf_free(&der);
	return fits;
}
