/* One dsig:Signature found in a document, gathered while it is read. */
#ifndef SIGNER_EXAM_EXISTING_H
#define SIGNER_EXAM_EXISTING_H

#include "base/err.h"
#include "signer/exam/element.h"
#include "signer/exam/findings.h"

#define EXISTING_REFERENCES_MAX 1000
#define EXISTING_SHA1 20

enum existing_transform {
	EXISTING_C14N = 1, /* inclusive C14N 1.0, with or without comments */
	EXISTING_ENVELOPED = 2, /* enveloped-signature */
	EXISTING_OTHER = 4 /* anything else: we cannot say what it digests */
};

struct existing_reference {
	char uri[400];    /* as written; cut URIs set EXISTING_OTHER */
	char method[80];  /* DigestMethod URI */
	struct buf value; /* decoded DigestValue */
	unsigned transforms;
	bool has_uri; /* a missing URI attribute differs from URI="" */
};

/* Plain values; owned by whoever calls existing_free. */
struct existing {
	char id[80];
	char method[80];       /* SignatureMethod URI */
	char canonical[80];    /* CanonicalizationMethod URI */
	bool filing;           /* at a place where the format has signatures */
	bool malformed;        /* not one SignedInfo, one SignatureValue, … */
	unsigned line;         /* of its start tag */
	unsigned certificates; /* X509Certificate elements */
	struct buf signed_info; /* canonical, with the namespaces in place */
	struct buf value;       /* decoded SignatureValue */
	struct buf certificate; /* the first one, DER */
	struct existing_reference *references;
	size_t reference_count;
};

/* A method URI that names SHA-1 (signature or digest). */
bool existing_is_sha1(const char *method);

/*
 * Fills a finding: id, method, first Reference, certificate, SPKI hash,
 * legacy, and value_ok (OpenSSL, RSA PKCS#1 v1.5 with SHA-256/384/512,
 * ECDSA on P-384 with SHA-384, and RSA with SHA-1 when allow_legacy).
 * references_ok and covers_filing stay false: only the format knows what was
 * digested.  0; -1 when memory is out.
 */
int existing_judge(const struct existing *x, bool allow_legacy,
    struct found_signature *out, struct err *e);

/* What a filing signature must digest. */
struct existing_wanted {
	const char *id; /* of the signed element: URI="#id" */
	bool enveloped; /* its one further transform; false: C14N or none */
	const uint8_t *sha256, *sha1; /* of its canonical form */
	bool allow_legacy;
};

/*
 * For a Signature with one Reference, after existing_judge: fills
 * references_ok and covers_filing.  NULL when all is well, else the code for
 * a refusal: "existing-signature-legacy", "existing-signature-unsupported"
 * (a method, transform or Reference that is not the format's), or
 * "existing-signature-invalid" (tampered).
 */
const char *existing_problem(const struct existing *x,
    const struct existing_wanted *want, struct found_signature *out);

void existing_free(struct existing *x);

/*
 * The reader's side (pass.c): events of the Signature element and all below
 * it, in order, from its own start tag.
 */
struct existing_reader;

struct existing_reader *existing_open(
    const struct element *signature, unsigned line, bool filing);
int existing_start(struct existing_reader *r, const struct element *el);
int existing_text(struct existing_reader *r, struct slice text);
int existing_end(struct existing_reader *r, const struct element *el);
/* True while the SignedInfo's events are to be canonicalised as well. */
bool existing_in_signed_info(const struct existing_reader *r);
/* The gathered values, valid until existing_close. */
struct existing *existing_result(struct existing_reader *r);
void existing_close(struct existing_reader *r);

#endif
