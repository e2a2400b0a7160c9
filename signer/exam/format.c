/*
 * The table of formats and how a drop finds its own.  A drop that no row
 * knows is refused with a reason, never guessed at.
 */
#include "signer/exam/format.h"

#include "signer/exam/format_rows.h"
#include "signer/exam/pass.h"

#include <string.h>

const struct submission_format *const submission_formats[] = {
    &format_etax, &format_etax_form, &format_egov, NULL};

const struct submission_format *
format_find(const char *name)
{
	for (size_t i = 0; submission_formats[i] != NULL; i++)
		if (strcmp(submission_formats[i]->name, name) == 0)
			return submission_formats[i];
	return NULL;
}

unsigned
exam_signer_place(const struct exam_options *o, size_t i)
{
	unsigned place = 0;

	for (size_t k = 1; k <= i; k++)
		place += !o->signers[k].or_else;
	return place;
}

unsigned
exam_signer_places(const struct exam_options *o)
{
	return o->signer_count == 0
		   ? 0
		   : exam_signer_place(o, o->signer_count - 1) + 1;
}

/* "etax" stands for both e-Tax rows, "egov" for e-Gov's. */
static bool
wanted_row(const struct submission_format *f, const char *wanted)
{
	return strcmp(wanted, "auto") == 0 ||
	       strncmp(f->name, wanted, strlen(wanted)) == 0;
}

/* eLTAX (地方税): its schemas' namespaces are http://eltax.jp/… */
static bool
is_eltax(const struct pass_root *root)
{
	return strstr(root->uri, "eltax.") != NULL;
}

/* What a single file is instead, as the reason of the refusal. */
static int
explain(const struct drop *d, struct err *e)
{
	struct pass_root root;

	if (d->folder || d->count != 1)
		return err_set(
		    e, ERR_INPUT, "format-unknown", "%zu files", d->count);
	if (!pass_peek(d->members[0].fd, &root))
		return err_set(e, ERR_INPUT, "format-unknown", "no XML");
	if (is_eltax(&root))
		return err_set(e, ERR_INPUT, "format-eltax", "%s", root.local);
	return err_set(e, ERR_INPUT, "format-unknown", "%s", root.local);
}

const struct submission_format *
format_recognise(const struct drop *d, const char *wanted, struct err *e)
{
	for (size_t i = 0; submission_formats[i] != NULL; i++) {
		const struct submission_format *f = submission_formats[i];

		if (wanted_row(f, wanted) && f->recognise(d))
			return f;
	}
	explain(d, e);
	return NULL;
}

const struct submission_format *
format_recognise_signed(const struct drop *d, const char *wanted, struct err *e)
{
	const struct submission_format *f = format_recognise(d, wanted, e);

	for (size_t i = 0; f == NULL && submission_formats[i] != NULL; i++)
		if (wanted_row(submission_formats[i], wanted) &&
		    submission_formats[i]->recognise_signed != NULL &&
		    submission_formats[i]->recognise_signed(d)) {
			f = submission_formats[i];
			err_clear(e);
		}
	return f;
}
