/*
 * The Signatures of one document of an application, judged by the referee,
 * which is given the application's files and no others, and the format's own
 * demand: that each file which the document has signed is named.
 */
#include "signer/exam/egov.h"
#include "signer/exam/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The files of one application as the referee may be given them. */
struct offered {
	void *map; /* the archive's store, or NULL for a folder */
	size_t size;
	struct verify_member *members;
};

static int
offer(const struct egov_drop *d, const struct egov_application *a,
    struct offered *out, struct err *e)
{
	uint64_t total = 0;

	memset(out, 0, sizeof *out);
	out->members = calloc(a->count + 1, sizeof *out->members);
	if (out->members == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < d->zip.count; i++)
		total += d->zip.members[i].size;
	if (!d->folder && total > 0) {
		out->map = mmap(NULL, (size_t)total, PROT_READ, MAP_SHARED,
		    d->zip.store, 0);
		if (out->map == MAP_FAILED) {
			out->map = NULL;
			return err_nomem(e);
		}
		out->size = (size_t)total;
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct egov_file *f = &a->files[i];
		struct verify_member *m = &out->members[i];

		m->name = f->name;
		m->input.fd = d->folder ? f->fd : -1;
		if (out->map != NULL)
			m->input.bytes = slice_of(
			    (uint8_t *)out->map + f->offset, (size_t)f->size);
	}
	return 0;
}

static void
withdraw(struct offered *o)
{
	if (o->map != NULL)
		munmap(o->map, o->size);
	free(o->members);
}

static bool
references(const struct verify_signature *s, const char *name)
{
	for (size_t k = 0; k < s->reference_count; k++)
		if (s->references[k].names == JUDGED_FILE &&
		    strcmp(s->references[k].where, name) == 0)
			return true;
	return false;
}

/* Does this Signature reference every file that it must?  What it lacks is
 * noted where people ask.  1, 0; -1 memory. */
static int
covers_names(
    const struct egov_document *doc, bool tell, struct verify_signature *s)
{
	const char *name;
	int all = 1;

	for (size_t i = 0; (name = egov_signed_name(doc, i)) != NULL; i++) {
		if (references(s, name))
			continue;
		all = 0;
		if (tell && coverage_add(&s->uncovered, UNCOVERED_FILE, false,
				name) != 0)
			return -1;
	}
	return all;
}

/* The format's own demand beside the profile's: each form is referenced. */
static int
apply_coverage(
    const struct egov_document *doc, bool tell, struct verify_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct verify_signature *s = &r->signatures[i];
		int all = s->found.filing ? covers_names(doc, tell, s) : 1;

		if (all < 0)
			return -1;
		if (all == 1)
			continue;
		s->found.covers_filing = false;
		if (s->found.problem[0] == '\0')
			snprintf(s->found.problem, sizeof s->found.problem,
			    "signature-not-covering");
	}
	return 0;
}

/* Files whose digest stands in a filing signature that holds. */
static void
note_covered(const struct verify_report *r, struct egov_application *a)
{
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct verify_signature *s = &r->signatures[i];

		for (size_t k = 0; k < s->reference_count; k++)
			if (s->found.value_ok && s->references[k].ok &&
			    s->references[k].member >= 0)
				a->files[s->references[k].member].covered =
				    true;
	}
}

int
egov_referee(const struct egov_drop *d, const struct egov_application *a,
    const struct egov_file *file, struct verify_request *q,
    struct verify_report *report, struct err *e)
{
	struct offered offered;
	int result = -1;

	q->profile = &verify_egov;
	memset(report, 0, sizeof *report);
	if (offer(d, a, &offered, e) == 0) {
		q->document = offered.members[file - a->files].input;
		q->members = q->absent ? NULL : offered.members;
		q->member_count = q->absent ? 0 : a->count;
		result = verify_document(q, report, e);
	}
	q->members = NULL;
	withdraw(&offered);
	return result;
}

int
egov_judge(const struct egov *g, const struct egov_document *doc,
    const struct exam_options *o, bool strict, struct findings *f,
    struct err *e)
{
	struct verify_report report;
	struct verify_request q = {.part = doc->part,
	    .allow_legacy = o->allow_legacy,
	    .tell = f->judged != NULL,
	    .absent = doc->alone,
	    .limits = o->limits};
	int result = -1;

	if (egov_referee(
		&g->drop, doc->application, doc->file, &q, &report, e) != 0)
		goto out;
	if (apply_coverage(doc, q.tell, &report) != 0) {
		err_nomem(e);
		goto out;
	}
	if (strict && verify_all_good(&report, 1, e) != 0)
		goto out;
	note_covered(&report, doc->application);
	result = verify_to_findings(&report, f);
	if (result != 0)
		err_nomem(e);
out:
	verify_report_free(&report);
	return result;
}
