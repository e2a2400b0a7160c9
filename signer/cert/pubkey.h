/* A signature checked with a certificate's public key. */
#ifndef SIGNER_CERT_PUBKEY_H
#define SIGNER_CERT_PUBKEY_H

#include "base/buf.h"
#include "base/err.h"

/*
 * rsa-sha256 (PKCS#1 v1.5, RFC 4051 2.3.2): does `signature` fit `data` and
 * the key of the DER certificate?  0; -1 ERR_CARD "signature-wrong" when it
 * does not, ERR_CERTIFICATE "certificate-algorithm" for what is no certificate
 * with an RSA key.
 */
int pubkey_verify_rsa_sha256(struct slice certificate, struct slice data,
    struct slice signature, struct err *e);

#endif
