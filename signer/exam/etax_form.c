/*
 * Format "etax-form": a form that is the document element itself, as
 * 電子的控除証明書 (TEG8xx) are.  Its one Signature stands inside it, last,
 * and digests all of it but itself (enveloped-signature, then C14N), so a
 * second one would break the first.  Signed only where configured.
 */
#include "signer/exam/etax_read.h"
#include "signer/exam/etax_verify.h"
#include "signer/exam/etax_work.h"
#include "signer/exam/format_rows.h"
#include "signer/exam/whole.h"

#include <string.h>

static const struct etax_kind kind = {.name = "etax-form", .form_root = true};

static bool
form_recognise(const struct drop *d)
{
	struct pass_root root;

	return !d->folder && d->count == 1 &&
	       pass_peek(d->members[0].fd, &root) &&
	       strcmp(root.local, "DATA") != 0 &&
	       strncmp(root.uri, ETAX_NAMESPACES, strlen(ETAX_NAMESPACES)) == 0;
}

static int
form_examine(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	return etax_work_examine(&kind, d, o, f, e);
}

static int
form_build(const struct drop *d, const struct exam_options *o,
    const struct slice *plans, size_t plan_count,
    const struct new_signature *sigs, size_t sig_count, int64_t when_ms,
    int out, struct built *b, struct err *e)
{
	(void)o;
	(void)when_ms;
	return etax_work_build(
	    &kind, d, plans, plan_count, sigs, sig_count, out, b, e);
}

static int
form_verify(const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	return etax_verify(&kind, &verify_etax_form, output, input, o, f, e);
}

static int
form_output_name(const char *path, char *out, size_t size)
{
	return etax_work_name(path, ".xml", ".xtx", out, size);
}

const struct submission_format format_etax_form = {.name = "etax-form",
    .recognise = form_recognise,
    .missing = whole_document,
    .examine = form_examine,
    .build = form_build,
    .verify = form_verify,
    .output_name = form_output_name};
