/*
 * From the pass to a part that can be signed, and from signatures to the
 * output.  The output is the input's bytes with the signatures inserted at
 * the one offset that the pass took; nothing else is ever written.
 */
#include "signer/exam/etax_work.h"

#include "base/fsops.h"
#include "signer/exam/etax_read.h"
#include "signer/exam/etax_rules.h"
#include "signer/exam/plan.h"
#include "signer/exam/signedinfo.h"
#include "signer/exam/splice.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "dsig"
#define ID_LENGTH 34         /* "_", 16 digits, 17 digits */
#define PART_MAX (46 * 1024) /* what fits into one message */

/*
 * The schema's verdict.  A character that e-Tax does not take is told as
 * such, where the schema only says that a pattern does not match.
 */
static int
finish_schema(struct etax *x, bool *valid, struct err *e)
{
	char line[24];

	*valid = false;
	if (x->run == NULL)
		return 0;
	if (schema_run_finish(x->run, e) == 0) {
		*valid = true;
		return 0;
	}
	if (strcmp(e->code, "schema-invalid") != 0 || x->chars.outside == 0)
		return -1;
	snprintf(line, sizeof line, "line %u:", x->chars.outside_line);
	if (strncmp(e->detail, line, strlen(line)) != 0)
		return -1;
	return err_set(e, ERR_INPUT, "character-not-allowed", "line %u: U+%04X",
	    x->chars.outside_line, x->chars.outside_first);
}

static int
write_plan(const struct etax_kind *k, const struct etax *x,
    const struct buf *text, struct buf *out)
{
	struct plan p = {.size = x->result.size, .offset = x->result.offset};
	int result = -1;

	snprintf(p.format, sizeof p.format, "%s", k->name);
	snprintf(p.prefix, sizeof p.prefix, PREFIX);
	if (buf_slice(&p.signed_info, buf_view(text)) == 0 &&
	    plan_take_ids(&p, &x->result.ids, "_", ID_LENGTH) == 0)
		result = plan_put(&p, out);
	plan_free(&p);
	return result;
}

/* The one part: SignedInfo, plan, duplicate key. */
static int
add_part(const struct etax_kind *k, const struct etax *x, struct err *e)
{
	struct found_part *part = findings_add_part(x->findings);
	struct signedinfo_reference r = {
	    .c14n = true, .enveloped = k->form_root};
	struct buf text = {0};
	char uri[90];
	int result = -1;

	snprintf(uri, sizeof uri, "#%s", x->id);
	r.uri = uri;
	memcpy(r.digest, x->result.digest, sizeof r.digest);
	if (part == NULL ||
	    signedinfo_write(PREFIX, &r, 1, &x->result.inherited, &text,
		&part->signed_info) != 0 ||
	    signedinfo_duplicate(&r, 1, part->duplicate) != 0 ||
	    write_plan(k, x, &text, &part->plan) != 0)
		err_nomem(e);
	else if (part->signed_info.len + part->plan.len > PART_MAX)
		err_set(e, ERR_INPUT, "signed-info-too-large", "%zu bytes",
		    part->signed_info.len + part->plan.len);
	else
		result = 0;
	if (part != NULL)
		part->signed_by = x->signed_by;
	buf_free(&text);
	return result;
}

/* A second enveloped signature would break the first. */
static int
check_form(const struct etax *x, struct err *e)
{
	const struct exam_options *o = x->options;
	unsigned signers = exam_signer_places(o);
	uint32_t all = (UINT32_C(1) << signers) - 1;

	if (!o->sign_form_root)
		return err_set(e, ERR_INPUT, "form-root-not-configured", "%s",
		    x->findings->procedure);
	if (signers > 1 || (x->filing_count > 0 && (x->signed_by & all) != all))
		return err_set(e, ERR_INPUT, "form-root-one-signature", "%s",
		    x->findings->procedure);
	return 0;
}

static int
examine(const struct etax_kind *k, const struct drop *d, struct etax *x,
    struct err *e)
{
	struct findings *f = x->findings;
	bool valid;

	if (etax_read(d->members[0].fd, x, e) != 0)
		return -1;
	etax_period(x, f->period, sizeof f->period);
	if (etax_judge(x, e) != 0 || finish_schema(x, &valid, e) != 0)
		return -1;
	if (!k->form_root && etax_rules(x, valid, e) != 0)
		return -1;
	if (k->form_root && check_form(x, e) != 0)
		return -1;
	if (x->options->unsigned_only) {
		f->unsigned_only = true;
		return 0;
	}
	return add_part(k, x, e);
}

static int
one_file(const struct drop *d, struct err *e)
{
	if (!d->folder && d->count == 1)
		return 0;
	return err_set(e, ERR_INPUT, "etax-one-file", "%zu", d->count);
}

int
etax_work_examine(const struct etax_kind *k, const struct drop *d,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	struct etax x = {.options = o,
	    .findings = f,
	    .validate = true,
	    .form_root = k->form_root};
	int result;

	if (one_file(d, e) != 0)
		return -1;
	snprintf(f->format, sizeof f->format, "%s", k->name);
	result = examine(k, d, &x, e);
	etax_free(&x);
	return result;
}

int
etax_work_build(const struct etax_kind *k, const struct drop *d,
    const struct slice *plans, size_t plan_count,
    const struct new_signature *sigs, size_t sig_count, int out,
    struct built *b, struct err *e)
{
	struct plan p = {0};
	struct buf insert = {0};
	int result = -1;

	if (one_file(d, e) != 0)
		return -1;
	if (plan_count == 0) { /* unsigned: as it is */
		if (fs_copy(d->members[0].fd, out, b->sha256, &b->size, e) != 0)
			return -1;
		return fs_sync(out, e);
	}
	if (plan_count == 1 && plan_get(&p, plans[0], k->name, e) == 0 &&
	    plan_signatures(&p, 0, sigs, sig_count, &insert, e) == 0 &&
	    splice_write(d->members[0].fd, p.size, p.offset, buf_view(&insert),
		out, b, e) == 0)
		result = fs_sync(out, e);
	else if (plan_count != 1)
		err_set(e, ERR_BUG, "plan-malformed", "%zu plans", plan_count);
	plan_free(&p);
	buf_free(&insert);
	return result;
}

int
etax_work_name(const char *path, const char *extension, const char *also,
    char *out, size_t size)
{
	const char *base = strrchr(path, '/'), *dot;
	size_t stem;
	int n;

	base = base == NULL ? path : base + 1;
	dot = strrchr(base, '.');
	if (dot == base)
		dot = NULL; /* a hidden file has no extension */
	if (dot != NULL && (strcasecmp(dot, extension) == 0 ||
			       (also != NULL && strcasecmp(dot, also) == 0)))
		extension = dot;
	stem = dot == NULL ? strlen(path) : (size_t)(dot - path);
	if (stem > size)
		return -1;
	n = snprintf(out, size, "%.*s%s", (int)stem, path, extension);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}
