/*
 * One question, asked of every signature when it comes back from a key: does
 * it fit the certificate?  A swapped card, a wrong key or a flipped bit is
 * found here, before anything is written.
 */
#include "signer/cert/pubkey.h"

#include "signer/cert/signerkey.h"

#include <openssl/err.h>
#include <openssl/evp.h>

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
	const struct signerkey *k = signerkey_get(certificate);

	if (k == NULL)
		return err_set(e, ERR_CERTIFICATE, "certificate-algorithm",
		    "%s", "no certificate with an RSA key");
	if (verify(k->key, data, signature) != 1)
		return err_set(e, ERR_CARD, "signature-wrong", "%s", "");
	return 0;
}
