/* The public key of a signer's certificate, remembered. */
#ifndef SIGNER_CERT_SIGNERKEY_H
#define SIGNER_CERT_SIGNERKEY_H

#include "base/buf.h"
#include "signer/cert/algorithm.h"
#include "signer/cert/cert.h"

#include <openssl/evp.h>
#include <stdint.h>

struct signerkey {
	struct buf certificate; /* DER */
	uint8_t spki[CERT_SHA256];
	EVP_PKEY *key;                     /* RSA, or on P-384 */
	const struct algorithm *algorithm; /* that it signs with */
};

/*
 * The key of a DER certificate: read now, or remembered from the same bytes
 * (OpenSSL takes longer to read a certificate than to verify with it, and a
 * batch has few signers).  Borrowed until the next call but three; NULL for
 * what is no certificate with such a key, or for want of memory: then
 * OpenSSL's error queue has ERR_R_MALLOC_FAILURE.
 */
const struct signerkey *signerkey_get(struct slice der);

#endif
