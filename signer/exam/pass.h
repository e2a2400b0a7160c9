/* The one pass over the bytes of a document. */
#ifndef SIGNER_EXAM_PASS_H
#define SIGNER_EXAM_PASS_H

#include "base/err.h"
#include "schemas/validate.h"
#include "signer/exam/element.h"
#include "signer/exam/existing.h"
#include "signer/exam/format.h"
#include "signer/exam/ids.h"
#include "signer/exam/scope.h"

/*
 * The document is read once, by pread, never held whole.  On the way: it is
 * well-formed namespace XML 1.0 in UTF-8 without DOCTYPE, within the limits;
 * IDs are unique and IDREFs resolve; one element is canonicalised into
 * SHA-256; every Signature is gathered; the offset for new ones is noted.
 * What differs between formats is the const struct pass_format.
 */
struct pass;

/* What start() asks for at an element, or-ed into *want. */
enum pass_want {
	PASS_APEX = 1,   /* digest this element's canonical form (one only) */
	PASS_OMIT = 2,   /* leave it and all below out of the digest */
	PASS_TEXT = 4,   /* hand its own text to end(): what came after its
			  * last child, so the whole text of a leaf */
	PASS_INSERT = 8, /* new signatures go right after its end tag; the
			  * last such element of the document counts */
	PASS_FILING = 16 /* this Signature stands where filing signatures do */
};

#define PASS_TEXT_MAX (64 * 1024) /* bytes of a PASS_TEXT text; rest is cut */

struct pass_format {
	/* Attributes without namespace that share the document's ID space,
	 * and those that refer to it; NULL-terminated; may be NULL. */
	const char *const *ids;
	const char *const *idrefs;

	/* All may be NULL; 0, or -1 with `e` set (pass_fail), which ends the
	 * pass.  start: *want is 0.  end: `text` is empty unless PASS_TEXT. */
	int (*start)(void *ctx, struct pass *p, const struct element *el,
	    unsigned *want, struct err *e);
	int (*end)(void *ctx, struct pass *p, const struct element *el,
	    struct slice text, struct err *e);
	/* Every text, in pieces of whole characters. */
	int (*text)(
	    void *ctx, struct pass *p, struct slice piece, struct err *e);
	/* Every attribute's value. */
	int (*value)(
	    void *ctx, struct pass *p, struct slice value, struct err *e);
	/* After a Signature's end tag (outermost ones only).  *x may be taken
	 * over by copying the struct and zeroing the original. */
	int (*signature)(
	    void *ctx, struct pass *p, struct existing *x, struct err *e);
};

struct pass_options {
	const struct exam_limits *limits; /* document_max, depth, … */
	bool complete_hint;               /* as in exam_options */
	bool sha1;                        /* also digest with SHA-1 */
	struct buf *canonical; /* also gets the apex's canonical bytes; NULL
				* but in tests */
};

struct pass_result {
	uint64_t size;                   /* bytes of the document */
	bool digested;                   /* an apex was seen, to its end */
	uint64_t canonical_size;         /* of the apex, bytes */
	uint8_t digest[FINDINGS_SHA256]; /* of the apex */
	uint8_t digest_sha1[EXISTING_SHA1];
	bool has_offset;
	uint64_t offset;        /* where signatures go */
	struct scope inherited; /* what an element placed there inherits */
	struct ids ids;
};

/*
 * Reads `fd` from its start.  0; -1: ERR_INPUT with "xml-malformed" (detail:
 * line, column, parser's words), "xml-truncated" (ERR_TRANSIENT_IO with
 * complete_hint), "doctype-forbidden", "encoding-not-utf8", "xml-version",
 * "namespace-relative", "xml-namespace", "limit-…", "id-duplicate",
 * "idref-dangling", or what a callback set.  `r` starts as {0}; free it with
 * pass_result_free in any case.
 */
int pass_run(int fd, const struct pass_format *f, void *ctx,
    const struct pass_options *o, struct pass_result *r, struct err *e);
void pass_result_free(struct pass_result *r);

/* For callbacks.  The line of the tag or text at hand; the depth of the
 * innermost open element (in start and end: of its parent and itself). */
unsigned pass_line(const struct pass *p);
unsigned pass_depth(const struct pass *p);
/* In end(): the offset of the first byte after the end tag. */
uint64_t pass_offset(const struct pass *p);
/* In start() at depth 1 or 2: from here on everything is also fed to `run`,
 * the document element's start (and this one) first.  The caller finishes
 * and frees it after pass_run. */
void pass_validate(struct pass *p, struct schema_run *run);
/* err_set with ERR_INPUT and "line N: " before the detail; returns -1.
 * code: 3 of pass_fail */
int pass_fail(const struct pass *p, struct err *e, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The document element, for recognition. */
struct pass_root {
	char local[80];
	char uri[200];
};

/* Reads no further than the first start tag.  False when there is none (not
 * XML, DOCTYPE, another encoding, …). */
bool pass_peek(int fd, struct pass_root *root);

#endif
