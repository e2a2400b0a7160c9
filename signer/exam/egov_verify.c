/*
 * Reading applications back: every Signature in 署名情報 goes to the referee
 * (egov_judge.c), and with the input at hand every byte outside the new
 * signatures is compared.  Nothing here uses what build thought; the output
 * is taken apart like any other drop.
 */
#include "base/text.h"
#include "signer/exam/egov.h"

#include <stdio.h>
#include <string.h>

#define CHUNK (64 * 1024)

/* Compares a run of bytes of two files; 1 same, 0 different, -1. */
static int
same_bytes(const struct egov_file *a, uint64_t a_at, const struct egov_file *b,
    uint64_t b_at, uint64_t size, struct err *e)
{
	static uint8_t x[CHUNK], y[CHUNK];

	while (size > 0) {
		size_t n = size < CHUNK ? (size_t)size : CHUNK;

		if (egov_file_read(a, a_at, x, n, e) != 0 ||
		    egov_file_read(b, b_at, y, n, e) != 0)
			return -1;
		if (memcmp(x, y, n) != 0)
			return 0;
		a_at += n;
		b_at += n;
		size -= n;
	}
	return 1;
}

static int
differs(
    const struct egov_application *a, const struct egov_file *f, struct err *e)
{
	return err_set(
	    e, ERR_BUG, "output-differs", "%s/%s", a->folder, f->name);
}

/* What was inserted begins and ends as signatures do. */
static int
check_inserted(const struct egov_document *in, const struct egov_file *out,
    uint64_t size, struct err *e)
{
	const char *first =
	    in->k.signature_info ? "<Signature " : "<署名情報><Signature ";
	const char *last =
	    in->k.signature_info ? "</Signature>" : "</Signature></署名情報>";
	size_t n = strlen(first), m = strlen(last);
	uint8_t head[64], tail[64];

	if (size < n + m)
		return 0;
	if (egov_file_read(out, in->k.pass.offset, head, n, e) != 0 ||
	    egov_file_read(out, in->k.pass.offset + size - m, tail, m, e) != 0)
		return -1;
	return memcmp(head, first, n) == 0 && memcmp(tail, last, m) == 0;
}

/* A document: equal but for one insertion where signatures go. */
static int
compare_document(
    const struct egov_document *in, const struct egov_file *out, struct err *e)
{
	const struct egov_file *f = in->file;
	uint64_t at = in->k.pass.offset, more;
	int same;

	if (out->size < f->size)
		return 0;
	more = out->size - f->size;
	if (!in->sign && more != 0)
		return 0;
	same = same_bytes(f, 0, out, 0, at, e);
	if (same == 1)
		same = same_bytes(f, at, out, at + more, f->size - at, e);
	if (same == 1 && more != 0)
		same = check_inserted(in, out, more, e);
	return same;
}

static int
compare_application(const struct egov *in, const struct egov_application *a,
    const struct egov_application *b, struct err *e)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct egov_file *f = &a->files[i];
		const struct egov_file *out = egov_find(b, f->name);
		const struct egov_document *doc = egov_document_of(in, f);
		int same = 0;

		if (out == NULL || strcmp(out->name, f->name) != 0)
			return differs(a, f, e);
		if (doc != NULL)
			same = compare_document(doc, out, e);
		else if (out->size == f->size)
			same = same_bytes(f, 0, out, 0, f->size, e);
		if (same < 0)
			return -1;
		if (same == 0)
			return differs(a, f, e);
	}
	return a->count == b->count ? 0 : differs(b, &b->files[0], e);
}

/* Nothing lost, nothing added, nothing changed but by signatures. */
static int
compare(const struct egov *in, const struct egov *out, struct err *e)
{
	if (in->drop.count != out->drop.count)
		return err_set(e, ERR_BUG, "output-differs",
		    "%zu applications, %zu were read", out->drop.count,
		    in->drop.count);
	for (size_t i = 0; i < in->drop.count; i++) {
		const struct egov_application *a = &in->drop.applications[i];
		const struct egov_application *b = NULL;

		for (size_t k = 0; k < out->drop.count; k++)
			if (strcmp(out->drop.applications[k].folder,
				a->folder) == 0)
				b = &out->drop.applications[k];
		if (b == NULL)
			return differs(a, &a->files[0], e);
		if (compare_application(in, a, b, e) != 0)
			return -1;
	}
	return 0;
}

/* Each document's signatures, and, for people, what of the drop has none. */
static int
judge_all(const struct egov *g, const struct exam_options *o,
    struct findings *f, struct err *e)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->documents[i].k.signatures > 0 &&
		    egov_judge(g, &g->documents[i], o, false, f, e) != 0)
			return -1;
	if (f->judged != NULL && egov_tell_files(g, f->judged) != 0)
		return err_nomem(e);
	return 0;
}

int
egov_verify(const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	struct egov out, in;
	int result = 0;

	if (input == NULL && f->judged != NULL && egov_is_plain(output))
		return egov_tell_plain(output, o, f, e);
	if (egov_open(&out, output, &o->limits, false, f, e) != 0)
		return input != NULL || f->judged == NULL
			   ? -1
			   : egov_tell_broken(output, o, f, e);
	egov_describe(&out, f);
	f->unsigned_only = o->unsigned_only;
	result = judge_all(&out, o, f, e);
	if (result == 0 && input != NULL) {
		result = egov_open(&in, input, &o->limits, false, NULL, e);
		if (result == 0) {
			result = compare(&in, &out, e);
			egov_close(&in);
		}
	}
	egov_close(&out);
	return result;
}
