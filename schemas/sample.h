/* Filings made up for the demonstration, the tests and the benchmarks. */
#ifndef SCHEMAS_SAMPLE_H
#define SCHEMAS_SAMPLE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Nothing here belongs to anybody: the procedures ZZZ0010 and ZZG010 and the
 * e-Gov procedure 999Z000000000000 do not exist, so no agency takes these.
 * They are valid against the schemas in schemas/demo.
 */
struct sample {
	uint32_t number; /* another number, another taxpayer and content */
	size_t size;     /* at least this many bytes; 0 = as small as it is */
	const char *agent_id; /* DAIRI_ID, 16 digits; NULL = no agent */
	bool letter;          /* with a letter of authority (SOZ074) */
	bool attachment;      /* the size is one base64 text, not rows */
};

/* An unsigned e-Tax filing (.xtx); appended to out.  0 / -1 no memory. */
int sample_etax(const struct sample *s, struct buf *out);

/* A document whose root is a form, like a deduction certificate. */
int sample_etax_form(const struct sample *s, struct buf *out);

/* Digits of NOZEISHA_ID of sample `number`: 16, with NUL. */
void sample_taxpayer_id(uint32_t number, char out[17]);

/*
 * The members of an e-Gov application.  A member's name is given for an
 * index from 0; NULL after the last one.  Standard form: kousei.xml, a form,
 * an attachment that is not signed.  Individual form: also one kousei file
 * per form and per attachment.
 */
enum sample_egov { SAMPLE_EGOV_STANDARD, SAMPLE_EGOV_INDIVIDUAL };

const char *sample_egov_member(enum sample_egov kind, size_t index);
/* Content of that member; s->size goes to the form; 0 / -1 no memory. */
int sample_egov_write(enum sample_egov kind, size_t index,
    const struct sample *s, struct buf *out);

#endif
