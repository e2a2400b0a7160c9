/*
 * What a person who verifies an application is told beyond its signatures:
 * which files nobody has signed, and what the signatures are worth where the
 * application is not as the format says, or only one document of it is there.
 * Nothing here lets anything pass: it only adds to what is said.
 */
#include "signer/exam/egov.h"
#include "signer/exam/egov_name.h"
#include "signer/exam/verify.h"

#include <stdio.h>
#include <string.h>

/* Do the application's documents list it as something that is to be signed?
 * (Attachments are bound by their names only.) */
static bool
is_form(const struct egov *g, const struct egov_application *a,
    const struct egov_file *f)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct egov_document *d = &g->documents[i];

		for (size_t k = 0; d->application == a && k < d->k.count; k++)
			if (d->k.entries[k].list == KOUSEI_LIST_FORM &&
			    strcmp(d->k.entries[k].name, f->name) == 0)
				return true;
	}
	return false;
}

/* Is it told, and as something that the format never signs? */
static bool
is_uncovered(const struct egov *g, const struct egov_application *a,
    const struct egov_file *f, bool *by_format)
{
	const struct egov_document *d = egov_document_of(g, f);

	*by_format =
	    d != NULL ? !d->sign : !egov_is_stray(f) && !is_form(g, a, f);
	return d != NULL ? d->k.signatures == 0 : !f->covered;
}

static int
tell_file(const struct egov *g, const struct egov_application *a,
    const struct egov_file *f, bool wanted, struct judged *j)
{
	char name[sizeof j->uncovered.items->where];
	bool by_format;

	if (!is_uncovered(g, a, f, &by_format) || by_format != wanted)
		return 0;
	if (egov_document_of(g, f) != NULL && !by_format)
		j->unsigned_part = true;
	snprintf(name, sizeof name, "%.100s%s%.130s", a->folder,
	    a->folder[0] == '\0' ? "" : "/", f->name);
	return coverage_add(&j->uncovered, UNCOVERED_FILE, by_format, name);
}

/* What should not be so first: the list may be cut. */
int
egov_tell_files(const struct egov *g, struct judged *j)
{
	for (int by_format = 0; by_format < 2; by_format++)
		for (size_t i = 0; i < g->drop.count; i++) {
			const struct egov_application *a =
			    &g->drop.applications[i];

			for (size_t k = 0; k < a->count; k++)
				if (tell_file(g, a, &a->files[k],
					by_format != 0, j) != 0)
					return -1;
		}
	return 0;
}

static int
judge_broken(const struct egov_drop *d, const struct egov_application *a,
    const struct egov_file *file, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	char part[200];
	struct verify_request q = {.part = part,
	    .allow_legacy = o->allow_legacy,
	    .tell = true,
	    .limits = o->limits};
	struct verify_report report;
	struct err why = {0};
	int result = -1;

	snprintf(part, sizeof part, "%.80s%s%.110s", a->folder,
	    a->folder[0] == '\0' ? "" : "/", file->name);
	if (egov_referee(d, a, file, &q, &report, &why) == 0)
		result = verify_to_findings(&report, f) == 0 ? 0 : err_nomem(e);
	else if (why.class == ERR_INPUT)
		result = 0; /* not even readable; *e says enough */
	else
		*e = why;
	verify_report_free(&report);
	return result;
}

static int
judge_drop(const struct egov_drop *d, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct egov_application *a = &d->applications[i];

		for (size_t k = 0; k < a->count; k++)
			if (egov_name_is_kousei(a->files[k].name) &&
			    judge_broken(d, a, &a->files[k], o, f, e) != 0)
				return -1;
	}
	return 0;
}

/* After the judgement: *e is the fault where there are signatures. */
static int
conclude(struct findings *f, struct err *e)
{
	if (f->signature_count == 0)
		return -1;
	snprintf(f->format, sizeof f->format, "%s", EGOV_FORMAT);
	judged_fault(f->judged, e->code, e->detail);
	err_clear(e);
	return 0;
}

int
egov_tell_broken(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	struct egov_drop drop;
	struct err why = {0};
	int result;

	if (e->class != ERR_INPUT ||
	    egov_drop_open(&drop, d, &o->limits, &why) != 0)
		return -1;
	result = judge_drop(&drop, o, f, e);
	egov_drop_close(&drop);
	return result == 0 ? conclude(f, e) : -1;
}

bool
egov_is_plain(const struct drop *d)
{
	struct pass_root root;

	return !d->folder && d->count == 1 &&
	       pass_peek(d->members[0].fd, &root) &&
	       strcmp(root.local, "DataRoot") == 0 && root.uri[0] == '\0';
}

int
egov_tell_plain(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	char name[] = "";
	struct egov_file file = {
	    .name = name, .fd = d->members[0].fd, .size = d->members[0].size};
	struct egov_application a = {.files = &file, .count = 1};
	struct egov_document doc = {
	    .application = &a, .file = &file, .sign = true, .alone = true};
	struct egov g = {
	    .drop = {.folder = true, .applications = &a, .count = 1},
	    .documents = &doc,
	    .count = 1};
	int result;

	g.drop.zip.store = -1;
	result = kousei_read(file.fd, &o->limits, false, &doc.k, e);
	if (result == 0) {
		egov_describe(&g, f);
		if (doc.k.signatures > 0)
			result = egov_judge(&g, &doc, o, false, f, e);
	} else if (e->class == ERR_INPUT) {
		result = judge_broken(&g.drop, &a, &file, o, f, e);
		if (result == 0)
			result = conclude(f, e);
	}
	kousei_free(&doc.k);
	return result;
}
