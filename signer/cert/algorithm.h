/* The algorithms that filings are signed with: one table, a row each. */
#ifndef SIGNER_CERT_ALGORITHM_H
#define SIGNER_CERT_ALGORITHM_H

#include "base/buf.h"

#include <openssl/evp.h>
#include <stdint.h>

/* In messages and tables; rsa-sha256 only by default (facts/etax.md §6). */
enum sign_algorithm { SIGN_RSA_SHA256 = 1, SIGN_ECDSA_SHA384 = 2 };

#define ALGORITHM_DIGEST_MAX 48
#define ALGORITHM_ECDSA_HALF 48 /* bytes of r and of s on P-384 */

struct algorithm {
	enum sign_algorithm id;
	const char *name;   /* "rsa-sha256", as in the configuration */
	const char *method; /* URI of SignatureMethod (RFC 6931 2.3) */
	const char *hash;   /* OpenSSL's name */
	size_t digest;      /* bytes of the hash */
	const char *key;    /* OpenSSL's name of the type of key */
	const char *group;  /* of an elliptic curve key; else NULL */
};

/* By number or by SignatureMethod; NULL for one that is not in the table. */
const struct algorithm *algorithm_find(enum sign_algorithm id);
const struct algorithm *algorithm_of_method(const char *uri);

/* The one that this key signs with: RSA (of any size) or P-384; else NULL. */
const struct algorithm *algorithm_of_key(const EVP_PKEY *key);

/* Hashes what is signed; 0, or -1 for want of memory. */
int algorithm_hash(const struct algorithm *a, struct slice data,
    uint8_t out[ALGORITHM_DIGEST_MAX]);

/* Sets padding and hash of a context made ready by EVP_PKEY_sign_init or
 * EVP_PKEY_verify_init.  0 / -1. */
int algorithm_prepare(const struct algorithm *a, EVP_PKEY_CTX *c);

/* Signs a digest with a prepared context; appends the signature as XML has
 * it (RSA: as it is; ECDSA: r || s).  0; -1 leaves OpenSSL's errors. */
int algorithm_sign(const struct algorithm *a, EVP_PKEY_CTX *c,
    struct slice digest, struct buf *out);

/* Does the signature, as XML has it, fit the digest?  1 or 0. */
int algorithm_verify(const struct algorithm *a, EVP_PKEY_CTX *c,
    struct slice digest, struct slice signature);

/*
 * The two forms of an ECDSA signature: r || s, two numbers of `half` bytes
 * each (RFC 4050 3.3, RFC 6931 2.3.6), and OpenSSL's DER.  Appends.  0; -1
 * for another length, a number that is zero, negative or too long, bytes
 * after the DER, or want of memory.
 */
int algorithm_to_der(struct slice raw, size_t half, struct buf *der);
int algorithm_from_der(struct slice der, size_t half, struct buf *raw);

#endif
