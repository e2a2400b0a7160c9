/* Certificates for tests, made by OpenSSL as a test wants them; verdicts. */
#ifndef TESTS_LIB_CERTLAB_H
#define TESTS_LIB_CERTLAB_H

#include "base/buf.h"
#include "signer/cert/check.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* Keys, each made when first asked for; borrowed. */
enum certlab_key {
	KEY_LEAF,
	KEY_CA,
	KEY_CA_2, /* another generation */
	KEY_MIDDLE,
	KEY_STRANGER,
	KEY_1024,
	KEY_P384,
	KEY_COUNT
};

EVP_PKEY *certlab_key(enum certlab_key k);

struct certlab_spec {
	const char *subject;         /* "C=JP/O=Test/CN=x", UTF-8 */
	enum certlab_key key;        /* whose public key it carries */
	X509 *issuer;                /* NULL: self-signed */
	enum certlab_key signer;     /* who signs (self-signed: = key) */
	const char *from, *until;    /* "20260101000000Z" */
	const char *digest;          /* NULL = SHA256 */
	const char *extension[8][2]; /* as in openssl.cnf: name, value */
};

/* A new certificate; ends the program when OpenSSL refuses. */
X509 *certlab_make(const struct certlab_spec *s);

/* Appends the DER. */
void certlab_der(X509 *x, struct buf *out);
/* Appends the certificates as PEM. */
void certlab_pem(X509 *const *list, size_t count, struct buf *out);

/* One that certifies itself, its DER appended. */
void certlab_own(const char *subject, enum certlab_key key, struct buf *der);

/* Milliseconds since 1970 of "20260101000000Z". */
int64_t certlab_time(const char *text);

bool certlab_has_problem(const struct cert_verdict *v, const char *code);
bool certlab_has_warning(const struct cert_verdict *v, const char *code);
/* Are the problems these and no others ("ca-usage expired", each without
 * "certificate-"; NULL: none), and is `ok` what they say? */
bool certlab_problems_are(const struct cert_verdict *v, const char *codes);
/* Prints the verdict as a comment. */
void certlab_say(const char *name, const struct cert_verdict *v);

/* What openssl verify is asked, certificates as PEM; starts empty. */
struct certlab_question {
	struct buf roots, helpers, leaf;
	const char *at;    /* "20260101000000Z" */
	const char *flags; /* more of them, or NULL */
};

/* Appends "openssl verify" with settings as ours: time and level of check,
 * policies, signatures of roots, length of a path, no anchors of the system. */
void certlab_openssl_verify(
    struct buf *command, const char *at, const char *flags);
/* Asks, and frees the question's certificates. */
bool certlab_openssl_accepts(struct certlab_question *q);

#endif
