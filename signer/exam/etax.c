/*
 * Format "etax": .xtx with DATA and one procedure element.  One Signature
 * per signer as a child of DATA, right after the procedure element or the
 * last Signature; each digests the procedure element alone, so they may
 * come in any order and none breaks another.
 */
#include "signer/exam/etax_read.h"
#include "signer/exam/etax_verify.h"
#include "signer/exam/etax_work.h"
#include "signer/exam/format_rows.h"
#include "signer/exam/whole.h"

#include <string.h>

static const struct etax_kind kind = {.name = "etax"};

/* A file that is called .xtx or .xml and of which no start tag can be read:
 * examine() will say what is wrong with it. */
static bool
called_xml(const char *name)
{
	const char *dot = name == NULL ? NULL : strrchr(name, '.');

	return dot != NULL &&
	       (strcasecmp(dot, ".xtx") == 0 || strcasecmp(dot, ".xml") == 0);
}

static bool
etax_recognise(const struct drop *d)
{
	struct pass_root root;

	if (d->folder || d->count != 1)
		return false;
	if (!pass_peek(d->members[0].fd, &root))
		return called_xml(d->name);
	return strcmp(root.local, "DATA") == 0 &&
	       strncmp(root.uri, ETAX_NAMESPACES, strlen(ETAX_NAMESPACES)) == 0;
}

static int
etax_examine(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	return etax_work_examine(&kind, d, o, f, e);
}

static int
etax_build(const struct drop *d, const struct exam_options *o,
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
etax_verify_output(const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	return etax_verify(&kind, &verify_etax, output, input, o, f, e);
}

static int
etax_output_name(const char *path, char *out, size_t size)
{
	return etax_work_name(path, ".xtx", NULL, out, size);
}

const struct submission_format format_etax = {.name = "etax",
    .recognise = etax_recognise,
    .missing = whole_document,
    .examine = etax_examine,
    .build = etax_build,
    .verify = etax_verify_output,
    .output_name = etax_output_name};
