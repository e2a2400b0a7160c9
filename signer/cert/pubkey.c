/*
 * One question, asked of every signature when it comes back from a key: does
 * it fit the certificate?  A swapped card, a wrong key or a flipped bit is
 * found here, before anything is written.
 */
#include "signer/cert/pubkey.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static int
verify(EVP_PKEY *key, struct slice data, struct slice signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int r = -1;

	if (md != NULL &&
	    EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1)
		r = EVP_DigestVerify(
		    md, signature.p, signature.len, data.p, data.len);
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return r;
}

int
pubkey_verify_rsa_sha256(struct slice certificate, struct slice data,
    struct slice signature, struct err *e)
{
	const unsigned char *p = certificate.p;
	X509 *x = certificate.len > LONG_MAX
		      ? NULL
		      : d2i_X509(NULL, &p, (long)certificate.len);
	EVP_PKEY *key = x == NULL ? NULL : X509_get0_pubkey(x);
	int result = -1;

	if (key == NULL)
		err_set(e, ERR_CERTIFICATE, "certificate-malformed", "%s", "");
	else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		err_set(e, ERR_CERTIFICATE, "certificate-algorithm", "%s",
		    "not RSA");
	else if (verify(key, data, signature) != 1)
		err_set(e, ERR_CARD, "signature-wrong", "%s", "");
	else
		result = 0;
	X509_free(x);
	ERR_clear_error();
	return result;
}
