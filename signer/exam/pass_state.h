/* Inside the pass: what pass.c and pass_events.c share, and nobody else. */
#ifndef SIGNER_EXAM_PASS_STATE_H
#define SIGNER_EXAM_PASS_STATE_H

#include "signer/exam/c14n.h"
#include "signer/exam/pass.h"

#include <libxml/parser.h>
#include <openssl/evp.h>

#define PASS_READ (64 * 1024)     /* bytes per pread */
#define PASS_TAG_MAX (128 * 1024) /* bytes of markup without an event */
#define PASS_NAME_MAX 1000        /* bytes of a name or namespace URI */

/* An open element. */
struct pass_open {
	unsigned children;
	unsigned want; /* enum pass_want */
};

struct pass {
	int fd;
	const struct pass_format *format;
	void *ctx;
	const struct pass_options *options;
	struct pass_result *result;
	struct err *e;
	bool failed; /* `e` is set; no callback may change it any more */
	bool peek;   /* stop at the first start tag */
	struct pass_root *peeked;

	xmlParserCtxtPtr parser;
	uint8_t *input; /* PASS_READ bytes */
	size_t input_at, input_len;
	uint64_t input_offset; /* of the next pread */
	bool at_end;           /* pread found the end */
	size_t silent;         /* bytes given to the parser since an event */

	struct scope scope;
	struct pass_open *open; /* limits.depth + 1 entries; [0]: document */
	unsigned depth;

	struct c14n *digest; /* while the apex is open */
	unsigned apex_depth;
	unsigned omit_depth; /* 0: nothing is left out */
	EVP_MD_CTX *sha256, *sha1;

	struct existing_reader *signature; /* while a Signature is open */
	unsigned signature_depth;
	struct c14n *capture; /* while its SignedInfo is open */

	struct schema_run *run; /* NULL: not validated (yet) */
	struct element root;    /* the document element, for its replay */
	const xmlChar **root_attributes; /* its arrays, owned */
	struct buf root_values;
	unsigned root_line;

	bool collecting; /* text goes to `text` */
	struct buf text;
};

/* Fills the parser's table with the pass's own handlers. */
void pass_events(xmlSAXHandler *sax);

/* Ends the pass once `e` is set: no further event is looked at. */
void pass_stop(struct pass *p);
/* pass_stop with "out-of-memory". */
void pass_nomem(struct pass *p);

#endif
