/* The referee: signatures of one document judged by xmlsec1. */
#ifndef SIGNER_EXAM_VERIFY_H
#define SIGNER_EXAM_VERIFY_H

#include "base/err.h"
#include "signer/exam/findings.h"
#include "signer/exam/format.h"
#include "signer/exam/judged.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where a format's filing signatures stand and what they must digest, by
 * position and name.  One constant per kind of document, beside the format's
 * rules; texts are UTF-8 local names.
 */
struct verify_profile {
	const char *root;           /* local name of the root; NULL = any */
	const char *root_ns;        /* its namespace: "" = none, "x*" = begins
				     * with x, NULL = any */
	bool root_signed;           /* the signed element is the root itself */
	const char *signed_element; /* else: this child of the root, which
				     * must occur once; NULL = the only child
				     * that is no ds:Signature, and first */
	const char *id_attribute;   /* its attribute that a Reference names,
				     * without a namespace: "id", "ID" */
	const char *signed_id;      /* the value it must have; NULL = any */
	const char *holder;         /* signatures are children of this child of
				     * the root, which must follow the signed
				     * element directly; NULL = of the root */
	bool enveloped;             /* Transforms: enveloped-signature, C14N;
				     * false: C14N alone or none */
	bool members;               /* References after the first name
				     * files of the drop; false: exactly one */
	const char *const *unsigned_children; /* of the root, which no
				     * signature of this format digests; ends
				     * with NULL, at most 32; NULL = none */
	bool root_has_id;                     /* likewise its attribute "id" */
	bool stylesheet; /* likewise <?xml-stylesheet?> before it */
};

/* e-Tax .xtx; e-Tax form as root (電子的控除証明書); e-Gov kousei*.xml. */
extern const struct verify_profile verify_etax;
extern const struct verify_profile verify_etax_form;
extern const struct verify_profile verify_egov;

/* Bytes to read: a descriptor, or (fd < 0) bytes in memory. */
struct verify_input {
	int fd; /* read with pread, from its start to its end */
	struct slice bytes;
};

/* A file that References may name, relative to the document's folder. */
struct verify_member {
	const char *name; /* UTF-8, without a folder */
	struct verify_input input;
};

struct verify_request {
	const struct verify_profile *profile;
	struct verify_input document;
	const char *part;                    /* goes into the results */
	const struct verify_member *members; /* NULL = none */
	size_t member_count;
	bool allow_legacy; /* rsa-sha1 and sha1 */
	bool tell;   /* for people: also judge the signatures of a document
		      * that is not as the profile says (report.fault), and
		      * what each does not cover */
	bool absent; /* files that References name are not at hand */
	struct exam_limits limits;
};

#define VERIFY_REFERENCES_MAX 256
#define VERIFY_SIGNATURES_MAX 200

struct verify_reference {
	char uri[300];           /* as written */
	bool ok;                 /* the digest matches */
	bool filing;             /* digests the element the profile names */
	int member;              /* index into members, -1 = same document */
	bool legacy;             /* DigestMethod is SHA-1, else SHA-256 */
	bool checked;            /* it was digested */
	enum judged_names names; /* what it points at */
	char where[240];         /* with `tell`: the element's path; a file's
				  * name */
};

struct verify_signature {
	struct found_signature found; /* see findings.h */
	char digest[80]; /* DigestMethod URI of the first Reference */
	struct verify_reference *references;
	size_t reference_count;
	enum judged_claim claim;
	char claimed[40];
	struct coverage uncovered; /* with `tell` */
};

struct verify_report {
	struct verify_signature *signatures; /* the filing's own first, each
					      * kind in document order */
	size_t count;
	size_t filing_count; /* how many stand at the filing's place */
	bool more;           /* too many nested ones: the rest was not judged */
	struct finding fault; /* with `tell`: why the document is not as the
			       * profile says; code "" = it is */
};

/* xmlsec, its algorithms, its I/O callbacks (ours only), its errors to our
 * log.  Once per process, after sandbox_prepare, before sandbox_enter. */
int verify_init(struct err *e);

/*
 * Parses the document (no DTD, network, entities) and judges every
 * ds:Signature in it.  `found` is filled so: value_ok = SignatureValue fits
 * SignedInfo and the certificate in KeyInfo, by OpenSSL over libxml2's C14N
 * and, as far as xmlsec comes to it, by xmlsec (if they differ, false);
 * references_ok = each digest matches, by xmlsec; covers_filing = exactly
 * the References the profile describes, the first one on the element it
 * names (with members: none twice).  Whether the certificate may be trusted
 * is signer/cert's business.
 *
 * A Reference of a filing signature to another element is digested too, but
 * covers nothing: "signature-not-covering" for a part of what the format
 * names, "signature-wrapped" for an element that stands elsewhere.
 *
 * 0 when the document could be judged: look at each signature.  -1 ERR_INPUT:
 * "xml-malformed", "doctype-forbidden", "verify-too-large" (above
 * full_verify_max), "limit-…" (more than VERIFY_SIGNATURES_MAX at the
 * filing's place is one), "id-duplicate" (the signed element's id occurs
 * twice), "verify-wrong-shape" (the root or signed element is not as the
 * profile says), these two not with `tell`; other classes for memory and
 * reading.
 */
int verify_document(
    const struct verify_request *q, struct verify_report *out, struct err *e);
void verify_report_free(struct verify_report *r);

/* Moves the signatures into findings (also into its `judged` where there is
 * one), and warnings that say what is wrong with a nested one.  0 / -1 out of
 * memory. */
int verify_to_findings(struct verify_report *r, struct findings *f);

/*
 * 0 when every filing signature is whole (value, references, coverage, not
 * legacy unless allowed) and there are `least` of them or more; else -1
 * ERR_INPUT with the first bad one's problem as code.
 */
int verify_all_good(const struct verify_report *r, size_t least, struct err *e);

#endif
