/* Reading an e-Tax document: what the pass's callbacks gather. */
#ifndef SIGNER_EXAM_ETAX_READ_H
#define SIGNER_EXAM_ETAX_READ_H

#include "signer/exam/chars.h"
#include "signer/exam/format.h"
#include "signer/exam/pass.h"

#define ETAX_NAMESPACES "http://xml.e-tax.nta.go.jp/XSD/" /* and a name */
#define ETAX_OTHER_IDS 32
#define ETAX_PERIODS 5
#define ETAX_SIGNATURES_MAX 64

/* A filing signature: kept until the digest is known. */
struct etax_signature {
	struct existing existing;
	size_t found; /* index into findings.signatures */
	bool good;    /* whole, and covers the filing */
};

/* Everything the checks beyond the schema need to know. */
struct etax {
	const struct exam_options *options;
	struct findings *findings;
	bool
	    judge_only; /* verification: a bad signature is told, not refused */
	bool validate;  /* find and run the schema */
	struct pass_result result;
	struct schema_run *run; /* NULL: no schema */

	bool form_root;      /* the form-root family, not DATA/procedure */
	bool procedure_seen; /* or the form root */
	char id[81];         /* of the signed element */
	bool has_catalog, has_contents, has_it;
	bool has_envelope;       /* rdf:RDF with rdf:description in CATALOG */
	bool has_authority;      /* SOZ07x, 税務代理権限証書 */
	bool has_sofusho;        /* 送付書 */
	char procedure_code[24]; /* IT/TETSUZUKI/procedure_CD */
	char other_id[ETAX_OTHER_IDS][24]; /* GROUP_OYA_HOJIN_ID, SONOTA_ID */
	size_t other_ids;
	char period[ETAX_PERIODS][2][16]; /* [kind][from, to] */
	struct buf about;                 /* CATALOG's "#…", NUL after each */
	struct chars_seen chars;
	struct buf ends; /* uint64_t offsets: ends of the signed element and
			  * of the signatures beside it, in order */
	struct etax_signature *filing; /* the filing signatures, in order */
	size_t filing_count;
	uint32_t signed_by; /* as in found_part, by the good ones */

	/* where the pass stands */
	bool in_catalog, in_contents, in_it;
	const struct etax_item *item;
};

/* Reads the document with the callbacks of DATA/procedure or of a form as
 * root (x->form_root), fills findings' procedure, names, period, signatures.
 * 0 / -1; free with etax_free in any case. */
int etax_read(int fd, struct etax *x, struct err *e);
void etax_free(struct etax *x);

/*
 * Judges the filing signatures that etax_read found.  A bad one is -1
 * ERR_INPUT "existing-signature-…" unless judge_only; good ones count into
 * signed_by.
 */
int etax_judge(struct etax *x, struct err *e);

#endif
