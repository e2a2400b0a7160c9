/*
 * Throw-away certificates for the demonstration: a CA whose key is forgotten
 * as soon as the two signers have theirs, so that nothing made here can ever
 * certify anything else.  The names say what they are.
 */
#include "signer/cli/demo.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define CA_DAYS 3650
#define SIGNER_DAYS 730
#define KEY_BITS 2048

struct demo_ca {
	EVP_PKEY *key;
	X509 *certificate;
};

static int
crypto_error(struct err *e, const char *what)
{
	err_lib(e, ERR_BUG, "demo-crypto", ERR_get_error(), "%s", what);
	ERR_clear_error();
	return -1;
}

static bool
add_name(X509 *x, const char *cn, bool ca)
{
	X509_NAME *n = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(n, "C", MBSTRING_UTF8,
		   (const unsigned char *)"JP", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8,
		   (const unsigned char *)"natsuin demonstration", -1, -1,
		   0) == 1 &&
	       (ca || X509_NAME_add_entry_by_txt(n, "OU", MBSTRING_UTF8,
			  (const unsigned char *)"not valid for any filing", -1,
			  -1, 0) == 1) &&
	       X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
		   (const unsigned char *)cn, -1, -1, 0) == 1;
}

static bool
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool good;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return good;
}

/* Version, serial, name, period and key; names and extensions follow. */
static X509 *
start_certificate(EVP_PKEY *key, const char *cn, long serial, bool ca)
{
	X509 *x = X509_new();

	if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), serial) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(x), ca ? CA_DAYS : SIGNER_DAYS,
		0, NULL) != NULL &&
	    X509_set_pubkey(x, key) == 1 && add_name(x, cn, ca))
		return x;
	X509_free(x);
	return NULL;
}

void
demo_ca_free(struct demo_ca *ca)
{
	if (ca == NULL)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->certificate);
	free(ca);
}

static int
put_pem(X509 *x, struct buf *pem, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;
	int result = -1;

	if (bio == NULL || PEM_write_bio_X509(bio, x) != 1) {
		crypto_error(e, "writing a certificate");
		goto out;
	}
	n = BIO_get_mem_data(bio, &text);
	if (buf_append(pem, text, (size_t)n) != 0)
		err_nomem(e);
	else
		result = 0;
out:
	BIO_free(bio);
	return result;
}

struct demo_ca *
demo_ca_new(struct buf *pem, struct err *e)
{
	struct demo_ca *ca = calloc(1, sizeof *ca);
	X509 *x;

	if (ca == NULL) {
		err_nomem(e);
		return NULL;
	}
	ca->key = EVP_RSA_gen(KEY_BITS);
	ca->certificate = x = ca->key == NULL
				  ? NULL
				  : start_certificate(ca->key,
					"natsuin demonstration CA", 1, true);
	if (x == NULL ||
	    X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
	    !add_extension(
		x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !add_extension(
		x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !add_extension(x, x, NID_subject_key_identifier, "hash") ||
	    X509_sign(x, ca->key, EVP_sha256()) == 0) {
		crypto_error(e, "making the demonstration CA");
		goto fail;
	}
	if (put_pem(x, pem, e) == 0)
		return ca;
fail:
	demo_ca_free(ca);
	return NULL;
}

static X509 *
certify(struct demo_ca *ca, EVP_PKEY *key, const char *name, long serial)
{
	X509 *x = start_certificate(key, name, serial, false);
	X509 *by = ca->certificate;

	if (x != NULL &&
	    X509_set_issuer_name(x, X509_get_subject_name(by)) == 1 &&
	    add_extension(x, by, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(x, by, NID_key_usage,
		"critical,digitalSignature,nonRepudiation") &&
	    add_extension(x, by, NID_subject_key_identifier, "hash") &&
	    add_extension(
		x, by, NID_authority_key_identifier, "keyid:always") &&
	    X509_sign(x, ca->key, EVP_sha256()) != 0)
		return x;
	X509_free(x);
	return NULL;
}

static int
put_p12(PKCS12 *p12, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_PKCS12(p12, &der);
	int result = n <= 0 ? -1 : buf_append(out, der, (size_t)n);

	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	return result;
}

int
demo_signer(struct demo_ca *ca, const char *name, long serial, const char *pin,
    struct buf *p12, struct err *e)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	X509 *x = key == NULL ? NULL : certify(ca, key, name, serial);
	PKCS12 *file =
	    x == NULL ? NULL
		      : PKCS12_create(pin, name, key, x, NULL, 0, 0, 0, 0, 0);
	int result = 0;

	if (file == NULL || put_p12(file, p12) != 0)
		result = crypto_error(e, "making a demonstration key");
	PKCS12_free(file);
	X509_free(x);
	EVP_PKEY_free(key);
	return result;
}
