/* The seam of submission formats: one file and one table row per format. */
#ifndef SIGNER_EXAM_FORMAT_H
#define SIGNER_EXAM_FORMAT_H

#include "base/err.h"
#include "signer/exam/findings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file of a drop.  Names are data, never paths: they came from outside. */
struct member {
	const char *name; /* "kousei.xml", "<folder>/form_01.xml"; UTF-8 */
	int fd;           /* readable, seekable */
	uint64_t size;
};

/* A drop as the examiner sees it. */
struct drop {
	const char *name; /* of the file or folder, for messages only */
	bool folder;      /* else one file: members[0] */
	struct member *members;
	size_t count;
};

/* A key that may sign what is dropped, in signing order. */
struct exam_signer {
	char etax_user_id[20];         /* 16 digits, or "" */
	uint8_t spki[FINDINGS_SHA256]; /* of its certificate's public key */
	bool known;                    /* spki is set */
	bool or_else;  /* instead of the one before it: they are one pool, and
		       * together one signer */
	bool by_agent; /* only where its number is DAIRI_ID; else it is as if
			* it were not there, and the batch says so */
};

struct exam_options;
/* Which signer (from 0) key i of the options stands for, and how many
 * signers there are. */
unsigned exam_signer_place(const struct exam_options *o, size_t i);
unsigned exam_signer_places(const struct exam_options *o);

struct exam_limits {
	uint64_t document_max, drop_max, full_verify_max;
	uint32_t members_max; /* files of a folder drop */
	uint32_t archive_max; /* entries of a ZIP drop */
	uint32_t depth, attributes, namespaces, ids;
};

/* Gives the bundle of (procedure, version): its descriptor (caller closes)
 * and hash; -1 with errnum ENOENT where there is none. */
struct schema_source {
	int (*open)(void *ctx, const char *procedure, const char *version,
	    char sha256[65], struct err *e);
	void *ctx;
};

struct exam_options {
	struct exam_limits limits;
	struct exam_signer signers[FINDINGS_KEYS_MAX];
	size_t signer_count; /* keys; of signers there may be fewer */
	bool unsigned_only;  /* sign-with = none */
	bool sign_form_root;
	bool allow_legacy;    /* SHA-1 verifies, reported as legacy */
	bool schema_required; /* a missing bundle refuses the filing */
	bool complete_hint;   /* the file changed < 60 s ago: XML that ends
			       * too early is "xml-truncated", class
			       * ERR_TRANSIENT_IO, not a failure */
	struct schema_source schemas;
	int anchors_fd; /* PEM, for verification reports; -1 = none */
};

/* One signature to insert: the values recorded before and after signing. */
struct new_signature {
	size_t part;              /* index into findings.parts */
	char id[80];              /* Signature/@Id */
	struct slice value;       /* raw signature bytes */
	struct slice certificate; /* DER */
};

struct built {
	uint64_t size;
	uint8_t sha256[FINDINGS_SHA256];
};

struct submission_format {
	const char *name; /* "etax", "etax-form", "egov" */

	/*
	 * True when the drop looks like this format.  Cheap: by shape and
	 * the first few KB; malformed drops may be claimed by any.
	 */
	bool (*recognise)(const struct drop *d);

	/* NULL, or true for what is no drop to be signed but can be verified
	 * by itself: one document out of a drop. */
	bool (*recognise_signed)(const struct drop *d);

	/*
	 * NULL where a drop is one file.  Otherwise: 0 when every member that
	 * the drop's documents name is there; -1 with ERR_TRANSIENT_IO
	 * "egov-member-missing" naming the first that is not (the batch waits
	 * for it), or ERR_INPUT.
	 */
	int (*missing)(const struct drop *d, struct err *e);

	/*
	 * The one pass: everything DESIGN 4 calls "examined".  Fills f
	 * (initialised by the caller).  0; -1 with ERR_INPUT for a drop that
	 * must not be signed.
	 */
	int (*examine)(const struct drop *d, const struct exam_options *o,
	    struct findings *f, struct err *e);

	/*
	 * Writes the output (document or ZIP) to `out`, which is empty, and
	 * fsyncs it.  `plans` are the parts' plans from examine; `sigs` are
	 * in part order, then signer order.  `when_ms` fixes ZIP times.
	 */
	int (*build)(const struct drop *d, const struct exam_options *o,
	    const struct slice *plans, size_t plan_count,
	    const struct new_signature *sigs, size_t sig_count, int64_t when_ms,
	    int out, struct built *b, struct err *e);

	/*
	 * Reads `output` back and verifies it with xmlsec.  With `input` (may
	 * be NULL) also that bytes outside the signatures equal it.  Fills
	 * f->signatures.  0 when it could be judged (the caller looks at the
	 * flags); -1 when it is not even readable as this format.  Without
	 * `input`, and where f->judged is there (empty, the caller's), that
	 * is filled as well, and what has signatures but is not as the format
	 * says is told (fault), not refused.
	 */
	int (*verify)(const struct drop *output, const struct drop *input,
	    const struct exam_options *o, struct findings *f, struct err *e);

	/* Delivery name of the output for a drop's relative path: keeps the
	 * name and sets the extension (".xtx", ".zip").  0 / -1 too long. */
	int (*output_name)(const char *path, char *out, size_t size);
};

/* NULL-terminated, in the order of recognition. */
extern const struct submission_format *const submission_formats[];

/* By name; NULL when unknown. */
const struct submission_format *format_find(const char *name);
/* By look: `wanted` is "auto", "etax" or "egov".  NULL with ERR_INPUT:
 * "format-unknown", "format-eltax" (recognised, named and refused). */
const struct submission_format *format_recognise(
    const struct drop *d, const char *wanted, struct err *e);
/* Likewise, to be verified only. */
const struct submission_format *format_recognise_signed(
    const struct drop *d, const char *wanted, struct err *e);

#endif
