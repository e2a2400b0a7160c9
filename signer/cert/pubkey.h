/* A signature checked with a certificate's public key. */
#ifndef SIGNER_CERT_PUBKEY_H
#define SIGNER_CERT_PUBKEY_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>

/*
 * Does `signature` fit `data` and the key of the DER certificate, by the
 * algorithm that this key signs with (rsa-sha256: PKCS#1 v1.5, RFC 6931
 * 2.3.2; ecdsa-sha384: r || s, 2.3.6)?  0; -1 ERR_CARD "signature-wrong" when
 * it does not, ERR_CERTIFICATE "certificate-algorithm" for what is no
 * certificate with such a key.
 */
int pubkey_verify(struct slice certificate, struct slice data,
    struct slice signature, struct err *e);

/* The same with any hash (OpenSSL's name).  1 fits, 0 does not; -1 when
 * OpenSSL cannot say (its errors stay). */
int pubkey_fits(
    EVP_PKEY *key, const char *hash, struct slice data, struct slice signature);

#endif
