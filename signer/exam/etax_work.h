/* What the two e-Tax formats have in common: examine, build, verify. */
#ifndef SIGNER_EXAM_ETAX_WORK_H
#define SIGNER_EXAM_ETAX_WORK_H

#include "signer/exam/format.h"

/* What differs. */
struct etax_kind {
	const char *name; /* submission_format.name */
	bool form_root;   /* else DATA/procedure */
};

/* As the slots of struct submission_format. */
int etax_work_examine(const struct etax_kind *k, const struct drop *d,
    const struct exam_options *o, struct findings *f, struct err *e);
int etax_work_build(const struct etax_kind *k, const struct drop *d,
    const struct slice *plans, size_t plan_count,
    const struct new_signature *sigs, size_t sig_count, int out,
    struct built *b, struct err *e);

/* Copies `path`, its extension replaced by `extension` unless it has that or
 * `also` (may be NULL) in any case already.  0 / -1 too long. */
int etax_work_name(const char *path, const char *extension, const char *also,
    char *out, size_t size);

#endif
