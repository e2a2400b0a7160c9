/*
 * The output archive: every file of the drop byte for byte, but that
 * signatures are inserted at one place of the documents that have a plan.
 * The drop is read again, so a plan that no longer fits its document is
 * noticed; nothing is written for it.
 */
#include "base/fsops.h"
#include "signer/exam/egov.h"
#include "signer/exam/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is inserted into one document. */
struct insertion {
	struct egov_document *doc;
	uint64_t offset;
	struct buf text; /* empty: it stays as it is */
};

struct insertions {
	struct insertion *items;
	size_t count;
};

static void
insertions_free(struct insertions *s)
{
	for (size_t i = 0; i < s->count; i++)
		buf_free(&s->items[i].text);
	free(s->items);
}

static const struct insertion *
insertion_of(const struct insertions *s, const struct egov_file *f)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].doc->file == f)
			return &s->items[i];
	return NULL;
}

static bool
signed_now(size_t part, const struct new_signature *sigs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sigs[i].part == part)
			return true;
	return false;
}

/* The plan's document must be the one that was examined. */
static int
check_plan(const struct egov_document *doc, const struct plan *p,
    const char *part, struct err *e)
{
	char before = 0;

	if (doc == NULL || !doc->sign || doc->file->size != p->size ||
	    doc->k.pass.offset != p->offset ||
	    doc->k.signature_info == (p->before.len != 0))
		return err_set(e, ERR_BUG, "input-changed", "%s", part);
	if (pread(doc->file->fd, &before, 1,
		(off_t)(doc->file->offset + p->offset - 1)) != 1)
		return err_errno(
		    e, err_io_class(errno), "io-error", "read %s", part);
	if (before != '>')
		return err_set(e, ERR_BUG, "input-changed", "%s", part);
	return 0;
}

static int
prepare_one(struct egov *g, struct slice encoded, size_t index,
    const struct new_signature *sigs, size_t sig_count, struct insertion *in,
    struct err *e)
{
	struct plan p = {0};
	char part[200];
	int result = -1;

	if (egov_plan_get(encoded, part, &p, e) != 0)
		goto out;
	in->doc = egov_document(g, part);
	in->offset = p.offset;
	if (check_plan(in->doc, &p, part, e) != 0)
		goto out;
	if (signed_now(index, sigs, sig_count))
		result =
		    plan_signatures(&p, index, sigs, sig_count, &in->text, e);
	else if (in->doc->k.signatures > 0)
		result = 0; /* signed before, by all that shall */
	else
		err_set(e, ERR_BUG, "signature-missing", "%s", part);
out:
	plan_free(&p);
	return result;
}

/* One plan for each document that is to be signed, or none at all. */
static int
prepare(struct egov *g, const struct exam_options *o, const struct slice *plans,
    size_t plan_count, const struct new_signature *sigs, size_t sig_count,
    struct insertions *s, struct err *e)
{
	size_t wanted = 0;

	for (size_t i = 0; i < g->count; i++)
		wanted += g->documents[i].sign;
	if (plan_count != (o->unsigned_only ? 0 : wanted))
		return err_set(e, ERR_BUG, "plan-malformed",
		    "%zu plans, %zu documents", plan_count, wanted);
	s->items = calloc(plan_count + 1, sizeof *s->items);
	if (s->items == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < plan_count; i++) {
		s->count++;
		if (prepare_one(
			g, plans[i], i, sigs, sig_count, &s->items[i], e) != 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (s->items[k].doc == s->items[i].doc)
				return err_set(e, ERR_BUG, "plan-malformed",
				    "%s twice", s->items[i].doc->part);
	}
	return 0;
}

static int
add_file(struct zipout *z, const struct egov_application *a,
    const struct egov_file *f, const struct insertion *in, struct err *e)
{
	struct zip_piece pieces[3];
	struct buf name = {0};
	size_t count = 1;
	int result;

	pieces[0] = (struct zip_piece){
	    .fd = f->fd, .offset = f->offset, .size = f->size};
	if (in != NULL && in->text.len > 0) {
		pieces[0].size = in->offset;
		pieces[1] = (struct zip_piece){
		    .fd = -1, .size = in->text.len, .bytes = in->text.p};
		pieces[2] = (struct zip_piece){.fd = f->fd,
		    .offset = f->offset + in->offset,
		    .size = f->size - in->offset};
		count = 3;
	}
	if (buf_printf(&name, "%s/%s", a->folder, f->name) != 0 ||
	    buf_cstr(&name) == NULL)
		result = err_nomem(e);
	else
		result = zipout_add(z, (const char *)name.p, pieces, count, e);
	buf_free(&name);
	return result;
}

static int
write_archive(const struct egov *g, const struct insertions *s, int64_t when_ms,
    int out, struct err *e)
{
	struct zipout *z = zipout_open(out, when_ms, e);

	if (z == NULL)
		return -1;
	for (size_t i = 0; i < g->drop.count; i++) {
		const struct egov_application *a = &g->drop.applications[i];

		for (size_t k = 0; k < a->count; k++)
			if (add_file(z, a, &a->files[k],
				insertion_of(s, &a->files[k]), e) != 0) {
				zipout_free(z);
				return -1;
			}
	}
	return zipout_close(z, e);
}

int
egov_build(const struct drop *d, const struct exam_options *o,
    const struct slice *plans, size_t plan_count,
    const struct new_signature *sigs, size_t sig_count, int64_t when_ms,
    int out, struct built *b, struct err *e)
{
	struct insertions s = {0};
	struct egov g;
	int result = -1;

	if (egov_open(&g, d, &o->limits, false, NULL, e) != 0)
		return -1;
	if (prepare(&g, o, plans, plan_count, sigs, sig_count, &s, e) == 0 &&
	    write_archive(&g, &s, when_ms, out, e) == 0 && fs_sync(out, e) == 0)
		result = fs_hash(out, b->sha256, &b->size, e);
	insertions_free(&s);
	egov_close(&g);
	return result;
}
