/*
 * Reading an output back.  Two judges that share no code for it look at each
 * filing signature (the streaming pass with OpenSSL, and xmlsec1 over a
 * tree), and both must find it whole.  That only signatures were added is
 * shown by comparing bytes.
 */
#include "signer/exam/etax_verify.h"

#include "signer/exam/etax_read.h"
#include "signer/exam/etax_rules.h"
#include "signer/exam/splice.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t
end_at(const struct etax *x, size_t i)
{
	uint64_t v;

	memcpy(&v, x->ends.p + i * sizeof v, sizeof v);
	return v;
}

/*
 * Signatures stand between the ends of two elements below the document
 * element: some such stretch must be all that the output has more.
 */
static int
only_added(const struct etax *x, int input, int output, struct err *e)
{
	size_t count = x->ends.len / sizeof(uint64_t);
	struct stat st;
	uint64_t more;
	bool same = false;

	if (fstat(input, &st) != 0)
		return err_errno(e, ERR_FATAL_IO, "io-error", "stat input");
	more = x->result.size - (uint64_t)st.st_size;
	for (size_t i = 0; i < count; i++)
		for (size_t k = i; k < count && !same; k++) {
			uint64_t from = end_at(x, i), to = end_at(x, k);

			if (to - from == more && splice_check(input, output,
						     from, to, &same, e) != 0)
				return -1;
		}
	if (!same)
		return err_set(e, ERR_BUG, "output-differs",
		    "more than signatures was changed");
	return 0;
}

/* Forgets what the pass noted of signatures: the referee's word counts. */
static void
drop_signatures(struct findings *f)
{
	for (size_t i = 0; i < f->signature_count; i++)
		buf_free(&f->signatures[i].certificate);
	f->signature_count = 0;
}

static void
compare_judges(const struct etax *x, struct verify_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct found_signature *s = &r->signatures[i].found;

		if (!s->filing)
			continue;
		if (n < x->filing_count && x->filing[n++].good)
			continue;
		if (!s->value_ok || !s->references_ok || !s->covers_filing)
			continue;
		s->value_ok = s->references_ok = false;
		snprintf(s->problem, sizeof s->problem,
		    "signature-verifiers-differ");
	}
}

/* `odd`: the pass could not read the document to its end, and has no word. */
static int
referee(const struct etax *x, const struct verify_profile *profile, int fd,
    bool odd, struct err *e)
{
	struct verify_request q = {.profile = profile,
	    .document = {.fd = fd},
	    .part = "",
	    .allow_legacy = x->options->allow_legacy,
	    .tell = x->findings->judged != NULL,
	    .limits = x->options->limits};
	struct verify_report report = {0};
	int result = -1;

	if (verify_document(&q, &report, e) != 0)
		goto done;
	drop_signatures(x->findings);
	/* Of several enveloped signatures the pass can judge none. */
	if (!odd && (!x->form_root || x->filing_count == 1))
		compare_judges(x, &report);
	if (verify_to_findings(&report, x->findings) != 0)
		err_nomem(e);
	else
		result = 0;
done:
	verify_report_free(&report);
	return result;
}

/* The schema's verdict as a warning: `verify` tells, it does not refuse. */
static int
tell_schema(struct etax *x, struct err *e)
{
	if (x->run == NULL || schema_run_finish(x->run, e) == 0)
		return 0;
	if (e->class != ERR_INPUT)
		return -1;
	if (findings_warn(x->findings, "schema-invalid", "%s", e->detail) != 0)
		return err_nomem(e);
	err_clear(e);
	return 0;
}

/* A document that the pass refuses may still have signatures, and a person
 * who verifies it is to see what they are worth. */
static int
tell_anyway(struct etax *x, const struct verify_profile *profile, int output,
    struct err *e)
{
	struct findings *f = x->findings;
	struct err why = *e, other = {0};

	if (f->judged == NULL || e->class != ERR_INPUT)
		return -1;
	if (referee(x, profile, output, true, &other) != 0)
		return other.class == ERR_INPUT ? -1 : (*e = other, -1);
	if (f->signature_count == 0)
		return -1;
	judged_fault(f->judged, why.code, why.detail);
	err_clear(e);
	return 0;
}

static int
verify(struct etax *x, const struct verify_profile *profile, int output,
    const struct drop *input, struct err *e)
{
	if (etax_read(output, x, e) != 0 || etax_judge(x, e) != 0)
		return input != NULL ? -1 : tell_anyway(x, profile, output, e);
	if (tell_schema(x, e) != 0)
		return -1;
	etax_period(x, x->findings->period, sizeof x->findings->period);
	if (input != NULL &&
	    only_added(x, input->members[0].fd, output, e) != 0)
		return -1;
	return referee(x, profile, output, false, e);
}

int
etax_verify(const struct etax_kind *k, const struct verify_profile *profile,
    const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	struct etax x = {.options = o,
	    .findings = f,
	    .judge_only = true,
	    .validate = input == NULL,
	    .form_root = k->form_root};
	int result;

	if (output->count != 1 || (input != NULL && input->count != 1))
		return err_set(e, ERR_INPUT, "etax-one-file", "%s",
		    output->name == NULL ? "" : output->name);
	snprintf(f->format, sizeof f->format, "%s", k->name);
	result = verify(&x, profile, output->members[0].fd, input, e);
	etax_free(&x);
	return result;
}
