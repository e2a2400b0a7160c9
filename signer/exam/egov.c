/*
 * The e-Gov format: recognising a drop, and examining it: which documents
 * are to be signed, over which References, by how many.  The rules that the
 * agency changes stand at the top.  Nothing is signed that was already
 * tampered with, and nothing of the input is changed.
 *
 * e-Gov's XSDs are not public, so no schema is applied: the frame that
 * kousei.c demands and the rules of egov_read.c stand in for it.
 */
#include "signer/exam/egov.h"

#include "base/ipc.h"
#include "signer/exam/egov_name.h"
#include "signer/exam/plan.h"
#include "signer/exam/signedinfo.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* yyyyMMddHHmmss; e-Gov refuses a 15th digit (facts/egov.md 1.3). */
#define EGOV_ID_LENGTH 14
#define PLAN_TYPE 0x4547
/* Room for names and lengths when a part is encoded. */
#define PART_MARGIN 1024

/*
 * Exactly one signer: 「補正・再提出に必要な署名は1人です。」 (e-Gov's answer
 * to a developer, facts/egov.md 1.3).
 */
static const char *const one_signer_only[] = {"再提出", "部分補正"};

static bool
name_recognised(const char *name)
{
	const char *slash = strrchr(name, '/');

	return egov_name_is_kousei(slash == NULL ? name : slash + 1);
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n >= k && strcasecmp(name + n - k, suffix) == 0;
}

/* A folder without any kousei*.xml may be one that is still being copied;
 * only one with e-Tax files in it is certainly something else. */
static bool
egov_recognise(const struct drop *d)
{
	bool other = false;

	if (!d->folder)
		return d->count == 1 && zipin_recognise(d->members[0].fd);
	for (size_t i = 0; i < d->count; i++) {
		if (name_recognised(d->members[i].name))
			return true;
		other = other || ends_with(d->members[i].name, ".xtx");
	}
	return d->count > 0 && !other;
}

static int
egov_missing(const struct drop *d, struct err *e)
{
	/* Wide: the examination that follows has the configured ones. */
	static const struct exam_limits limits = {
	    .document_max = UINT64_C(1) << 30,
	    .drop_max = UINT64_C(1) << 40,
	    .members_max = UINT32_MAX,
	    .depth = 200,
	    .attributes = 256,
	    .namespaces = 256,
	    .ids = 100000};
	struct egov g;

	if (!d->folder)
		return 0;
	if (egov_open(&g, d, &limits, true, NULL, e) == 0) {
		egov_close(&g);
		return 0;
	}
	/* Whatever else is wrong with it is not for waiting. */
	return e->class == ERR_INPUT ? 0 : -1;
}

int
egov_plan_put(const char *part, const struct plan *p, struct buf *out)
{
	struct ipc_msg m = {0};
	struct buf inner = {0};
	int result = -1;

	if (plan_put(p, &inner) != 0)
		goto out;
	ipc_begin(&m, PLAN_TYPE);
	ipc_put_str(&m, part);
	ipc_put_bytes(&m, buf_view(&inner));
	result = m.failed ? -1 : buf_slice(out, ipc_body(&m));
	ipc_free(&m);
out:
	buf_free(&inner);
	return result;
}

int
egov_plan_get(
    struct slice encoded, char part[200], struct plan *p, struct err *e)
{
	struct ipc_msg m = {0};
	struct slice inner;
	int result;

	if (ipc_load(&m, PLAN_TYPE, encoded) != 0)
		return err_nomem(e);
	ipc_get_str(&m, part, 200);
	inner = ipc_get_bytes(&m);
	if (!ipc_end(&m))
		result = err_set(
		    e, ERR_BUG, "plan-malformed", "%zu bytes", encoded.len);
	else
		result = plan_get(p, inner, EGOV_FORMAT, e);
	ipc_free(&m);
	return result;
}

static size_t
count_signed_names(const struct egov_document *doc)
{
	size_t n = 0;

	while (egov_signed_name(doc, n) != NULL)
		n++;
	return n;
}

/* 構成情報 first, then the raw bytes of the files it names. */
static int
make_references(const struct egov_document *doc,
    struct signedinfo_reference *refs, struct buf *uris, size_t count,
    struct err *e)
{
	refs[0].uri = EGOV_CONFIG_URI;
	refs[0].c14n = true;
	memcpy(refs[0].digest, doc->k.pass.digest, sizeof refs[0].digest);
	for (size_t i = 1; i < count; i++) {
		const char *name = egov_signed_name(doc, i - 1);
		const struct egov_file *f = egov_find(doc->application, name);

		if (f == NULL)
			return err_set(
			    e, ERR_BUG, "egov-member-missing", "%s", name);
		if (egov_name_uri(&uris[i], name) != 0)
			return err_nomem(e);
		refs[i].uri = buf_cstr(&uris[i]);
		if (refs[i].uri == NULL)
			return err_nomem(e);
		if (egov_file_hash(f, refs[i].digest, e) != 0)
			return -1;
	}
	return 0;
}

/* Facts 1.1: right after 構成情報, or after the last Signature. */
static int
make_plan(const struct egov_document *doc, struct plan *p)
{
	snprintf(p->format, sizeof p->format, "%s", EGOV_FORMAT);
	p->size = doc->file->size;
	p->offset = doc->k.pass.offset;
	if (!doc->k.signature_info &&
	    (buf_puts(&p->before, "<署名情報>") != 0 ||
		buf_puts(&p->after, "</署名情報>") != 0))
		return -1;
	/* The year of a new Id begins with 2. */
	return plan_take_ids(p, &doc->k.pass.ids, "2", EGOV_ID_LENGTH);
}

static int
fill_part(const struct egov_document *doc,
    const struct signedinfo_reference *refs, size_t count,
    struct found_part *part, struct err *e)
{
	struct plan p = {0};
	int result = -1;

	memcpy(part->name, doc->part, sizeof part->name);
	if (make_plan(doc, &p) != 0 ||
	    signedinfo_write("", refs, count, &doc->k.pass.inherited,
		&p.signed_info, &part->signed_info) != 0 ||
	    signedinfo_duplicate(refs, count, part->duplicate) != 0 ||
	    egov_plan_put(doc->part, &p, &part->plan) != 0)
		err_nomem(e);
	else if (part->signed_info.len + part->plan.len + PART_MARGIN >
		 FINDINGS_PART_MAX)
		err_set(e, ERR_INPUT, "egov-too-many-forms", "%s: %zu",
		    doc->part, count - 1);
	else
		result = 0;
	plan_free(&p);
	return result;
}

static int
add_part(const struct egov_document *doc, struct findings *f, struct err *e)
{
	size_t count = 1 + count_signed_names(doc);
	struct signedinfo_reference *refs = calloc(count, sizeof *refs);
	struct buf *uris = calloc(count, sizeof *uris);
	struct found_part *part = findings_add_part(f);
	int result = -1;

	if (refs == NULL || uris == NULL || part == NULL)
		err_nomem(e);
	else if (make_references(doc, refs, uris, count, e) == 0)
		result = fill_part(doc, refs, count, part, e);
	for (size_t i = 0; uris != NULL && i < count; i++)
		buf_free(&uris[i]);
	free(uris);
	free(refs);
	return result;
}

/* Who of the named signers has signed the newest part already. */
static void
note_signers(const struct exam_options *o, struct findings *f, size_t from)
{
	struct found_part *part = &f->parts[f->part_count - 1];

	for (size_t s = 0; s < o->signer_count; s++)
		for (size_t i = from; i < f->signature_count; i++)
			if (o->signers[s].known && f->signatures[i].filing &&
			    memcmp(f->signatures[i].spki, o->signers[s].spki,
				FINDINGS_SHA256) == 0)
				part->signed_by |= UINT32_C(1)
						   << exam_signer_place(o, s);
}

static const char *
application_kind(const struct egov *g, const struct egov_document *doc)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->documents[i].application == doc->application &&
		    g->documents[i].k.kind == KOUSEI_MAIN)
			return g->documents[i].k.application;
	return "";
}

/* Signatures there plus signatures to come, where only one may be. */
static int
check_signer_count(const struct egov *g, const struct egov_document *doc,
    const struct exam_options *o, uint32_t signed_by, struct err *e)
{
	const char *kind = application_kind(g, doc);
	size_t total = doc->k.signatures;
	bool single = false;

	for (size_t i = 0; i < sizeof one_signer_only / sizeof *one_signer_only;
	     i++)
		single = single || strcmp(kind, one_signer_only[i]) == 0;
	if (!o->unsigned_only)
		for (unsigned s = 0; s < exam_signer_places(o); s++)
			total += !(signed_by >> s & 1);
	if (!single || total <= 1)
		return 0;
	return err_set(e, ERR_INPUT, "signer-count", "%s: %s, %zu", doc->part,
	    kind, total);
}

static int
examine_document(const struct egov *g, const struct egov_document *doc,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	size_t from = f->signature_count;

	if (doc->k.signatures > 0 && egov_judge(g, doc, o, true, f, e) != 0)
		return -1;
	if (o->unsigned_only)
		return check_signer_count(g, doc, o, 0, e);
	if (add_part(doc, f, e) != 0)
		return -1;
	note_signers(o, f, from);
	return check_signer_count(
	    g, doc, o, f->parts[f->part_count - 1].signed_by, e);
}

static int
egov_examine(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	struct egov g;
	int result = 0;

	if (egov_open(&g, d, &o->limits, o->complete_hint, f, e) != 0)
		return -1;
	egov_describe(&g, f);
	f->unsigned_only = o->unsigned_only;
	for (size_t i = 0; i < g.count && result == 0; i++)
		if (g.documents[i].sign)
			result = examine_document(&g, &g.documents[i], o, f, e);
	egov_close(&g);
	return result;
}

static int
egov_output_name(const char *path, char *out, size_t size)
{
	size_t n = strlen(path);
	int w;

	if (n > 4 && strcasecmp(path + n - 4, ".zip") == 0 &&
	    path[n - 5] != '/')
		n -= 4;
	if (n > INT_MAX)
		return -1;
	w = snprintf(out, size, "%.*s.zip", (int)n, path);
	return w < 0 || (size_t)w >= size ? -1 : 0;
}

const struct submission_format format_egov = {
    .name = EGOV_FORMAT,
    .recognise = egov_recognise,
    .recognise_signed = egov_is_plain,
    .missing = egov_missing,
    .examine = egov_examine,
    .build = egov_build,
    .verify = egov_verify,
    .output_name = egov_output_name,
};
