/*
 * Remembered keys are found by the certificate's whole bytes, so that one
 * signer's key can never stand for another's.
 */
#include "signer/cert/signerkey.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#define REMEMBERED 4

static struct signerkey known[REMEMBERED];
static unsigned oldest;

/* The queue may say "no" for want of memory, which says nothing about the
 * certificate; anything else in it is of no interest. */
static void
keep_nomem_only(bool nomem)
{
	unsigned long code;

	while ((code = ERR_get_error()) != 0)
		nomem = nomem || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	if (nomem)
		ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
}

static EVP_PKEY *
read_key(struct slice der, const struct algorithm **algorithm)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	EVP_PKEY *key = NULL;

	if (x != NULL && p == der.p + der.len)
		key = X509_get_pubkey(x);
	X509_free(x);
	*algorithm = key == NULL ? NULL : algorithm_of_key(key);
	if (*algorithm == NULL) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	keep_nomem_only(false);
	return key;
}

static void
forget(struct signerkey *k)
{
	buf_free(&k->certificate);
	EVP_PKEY_free(k->key);
	memset(k, 0, sizeof *k);
}

const struct signerkey *
signerkey_get(struct slice der)
{
	struct signerkey *k;
	struct err e = {0};

	for (unsigned i = 0; i < REMEMBERED; i++)
		if (known[i].key != NULL &&
		    slice_eq(buf_view(&known[i].certificate), der))
			return &known[i];
	k = &known[oldest];
	forget(k);
	k->key = read_key(der, &k->algorithm);
	if (k->key == NULL || cert_spki(der, k->spki, &e) != 0) {
		forget(k);
		return NULL;
	}
	if (buf_slice(&k->certificate, der) != 0) {
		keep_nomem_only(true);
		forget(k);
		return NULL;
	}
	oldest = (oldest + 1) % REMEMBERED;
	return k;
}
