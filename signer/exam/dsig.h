/* What a ds:Signature element says, read strictly, before it is judged. */
#ifndef SIGNER_EXAM_DSIG_H
#define SIGNER_EXAM_DSIG_H

#include "base/buf.h"
#include "signer/exam/verify.h"

#include <libxml/tree.h>
#include <stdbool.h>

#define DSIG_NS "http://www.w3.org/2000/09/xmldsig#"
#define DSIG_C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define DSIG_ENVELOPED DSIG_NS "enveloped-signature"
#define DSIG_RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define DSIG_ECDSA_SHA384 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
#define DSIG_RSA_SHA1 DSIG_NS "rsa-sha1"
#define DSIG_SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define DSIG_SHA1 DSIG_NS "sha1"

#define DSIG_CERTIFICATES_MAX 8
#define DSIG_ECDSA_BYTES 96 /* r || s on P-384 */

struct dsig_reference {
	xmlNodePtr node;
	bool has_uri;
	bool enveloped;  /* its first transform is enveloped-signature */
	bool transforms; /* it has any */
};

/* Starts as {0}; dsig_free. */
struct dsig {
	xmlNodePtr node, signed_info, value_node;
	bool legacy; /* SHA-1 somewhere */
	bool ecdsa;  /* else RSA */
	bool object; /* has an Object */
	struct buf value;
	struct buf certificates[DSIG_CERTIFICATES_MAX]; /* DER */
	unsigned certificate_count;
	struct dsig_reference references[VERIFY_REFERENCES_MAX];
};

/*
 * Reads a Signature element into d and, as far as it goes, into s (Id,
 * method, References, digest, the time of signing that it claims).  Only
 * what natsuin's formats use is let through: C14N 1.0, RSA with SHA-256
 * (SHA-1 when legacy is allowed), ECDSA with SHA-384 (whose value has 96
 * bytes, r || s on P-384),
 * enveloped-signature then C14N as transforms.  0; -1 with s->found.problem
 * "signature-shape", "signature-algorithm", "signature-legacy",
 * "signature-no-certificate", or "out-of-memory".
 */
int dsig_read(xmlNodePtr signature, bool allow_legacy, struct dsig *d,
    struct verify_signature *s);
void dsig_free(struct dsig *d);

/* Sets s->found.problem and detail unless one is set already; returns -1. */
int dsig_problem(struct verify_signature *s, const char *code, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Decodes %XX of a URI into out; -1 for a malformed or too long one, or one
 * that has a NUL. */
int dsig_uri_decode(const char *uri, char *out, size_t size);

#endif
