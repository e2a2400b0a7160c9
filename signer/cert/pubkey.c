/*
 * One question, asked of every signature when it comes back from a key: does
 * it fit the certificate?  A swapped card, a wrong key or a flipped bit is
 * found here, before anything is written.
 */
#include "signer/cert/pubkey.h"

#include "signer/cert/algorithm.h"
#include "signer/cert/signerkey.h"

#include <openssl/err.h>

int
pubkey_fits(
    EVP_PKEY *key, const char *hash, struct slice data, struct slice signature)
{
	EVP_MD_CTX *md = NULL;
	struct buf der = {0};
	int r = 0;

	if (EVP_PKEY_is_a(key, "EC")) {
		if (algorithm_to_der(signature, ALGORITHM_ECDSA_HALF, &der) !=
		    0)
			return 0;
		signature = buf_view(&der);
	}
	md = EVP_MD_CTX_new();
	if (md == NULL)
		ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	if (md == NULL ||
	    EVP_DigestVerifyInit_ex(md, NULL, hash, NULL, NULL, key, NULL) != 1)
		r = -1;
	else
		r = EVP_DigestVerify(
			md, signature.p, signature.len, data.p, data.len) == 1;
	EVP_MD_CTX_free(md);
	buf_free(&der);
	return r;
}

int
pubkey_verify(struct slice certificate, struct slice data,
    struct slice signature, struct err *e)
{
	const struct signerkey *k = signerkey_get(certificate);
	int r;

	if (k == NULL)
		return err_set(e, ERR_CERTIFICATE, "certificate-algorithm",
		    "%s", "no certificate with an RSA or P-384 key");
	r = pubkey_fits(k->key, k->algorithm->hash, data, signature);
	ERR_clear_error();
	if (r != 1)
		return err_set(e, ERR_CARD, "signature-wrong", "%s", "");
	return 0;
}
