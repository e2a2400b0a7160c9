/* What build() must know of the pass: where and what to insert. */
#ifndef SIGNER_EXAM_PLAN_H
#define SIGNER_EXAM_PLAN_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/exam/format.h"
#include "signer/exam/ids.h"

/*
 * The content of found_part.plan, for formats that insert Signatures into a
 * document.  Owned; start as {0}, end with plan_free.
 */
struct plan {
	char format[24];        /* submission_format.name */
	uint64_t size;          /* of the document that was read */
	uint64_t offset;        /* where the signatures go */
	char prefix[16];        /* of the Signatures; "" = default namespace */
	struct buf before;      /* text before the first one, may be empty */
	struct buf after;       /* text after the last one, may be empty */
	struct buf signed_info; /* the element's text for rsa-sha256 */
	struct buf taken;       /* IDs in the document that a new Signature
				 * could have, each ended by LF */
};

/* Notes the document's IDs that begin with `prefix` and have `length` bytes,
 * as the new Signatures' Ids will; 0 / -1 no memory. */
int plan_take_ids(
    struct plan *p, const struct ids *ids, const char *prefix, size_t length);

/* Appends the encoded plan (versioned); 0 / -1 no memory. */
int plan_put(const struct plan *p, struct buf *out);
/* 0; -1 ERR_BUG "plan-malformed" (another version, another format). */
int plan_get(
    struct plan *p, struct slice encoded, const char *format, struct err *e);
void plan_free(struct plan *p);

/*
 * The text to insert: before, one Signature per `sigs` that belongs to
 * `part`, after.  -1 ERR_BUG "signature-id-taken" when an Id is in the
 * document or given twice, "signature-missing" without any,
 * "certificate-algorithm" for a signer whose key has none of ours.
 */
int plan_signatures(const struct plan *p, size_t part,
    const struct new_signature *sigs, size_t count, struct buf *out,
    struct err *e);

#endif
