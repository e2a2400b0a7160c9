/* Which token and which certificate on it is meant: choices, no PKCS#11. */
#ifndef SIGNER_KEY_PKCS11_FIND_H
#define SIGNER_KEY_PKCS11_FIND_H

#include "conf/conf.h"
#include "signer/key/pkcs11_module.h"

/*
 * The token of a key's settings: by token-serial and token-label, never by
 * slot.  NULL: ERR_CARD "pkcs11-token-missing" or "pkcs11-token-ambiguous";
 * both name what was found.
 */
const struct p11_token *p11_choose_token(const struct p11_token *list,
    size_t count, const struct conf_key *conf, struct err *e);

/* Is it the token that it was? */
bool p11_same_token(const struct p11_token *a, const struct p11_token *b);

/*
 * The certificate that signs: the one whose SHA-256 is `sha256` (hex) when
 * that is not empty.  Else the only one suited to signing (no authority's,
 * of a kind that may sign, with nonRepudiation before those without); one
 * that is valid at `now_ms` goes before those that are not.  NULL:
 * ERR_CERTIFICATE "pkcs11-certificate-missing", "certificate-not-pinned", or
 * "pkcs11-certificate-ambiguous", which names fingerprints.
 */
const struct p11_certificate *p11_choose_certificate(
    const struct p11_certificate *list, size_t count, const char *sha256,
    int64_t now_ms, struct err *e);

/* The public key of a certificate, as PKCS#11 objects show it. */
struct p11_public {
	bool ec;
	struct buf value; /* RSA: modulus; EC: uncompressed point */
	size_t signature; /* bytes of a raw signature */
};

/* 0; -1 ERR_CERTIFICATE "algorithm-not-allowed" for another kind of key. */
int p11_public_of(struct slice der, struct p11_public *out, struct err *e);

#endif
