/*
 * Reading applications back: every Signature in 署名情報 goes to the referee
 * together with the files it may name, and with the input at hand every byte
 * outside the new signatures is compared.  Nothing here uses what build
 * thought; the output is taken apart like any other drop.
 */
#include "base/text.h"
#include "signer/exam/egov.h"
#include "signer/exam/egov_name.h"
#include "signer/exam/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

/* The files of one application as the referee may be given them. */
struct offered {
	void *map; /* the archive's store, or NULL for a folder */
	size_t size;
	struct verify_member *members;
};

static int
offer(const struct egov *g, const struct egov_application *a,
    struct offered *out, struct err *e)
{
	uint64_t total = 0;

	memset(out, 0, sizeof *out);
	out->members = calloc(a->count + 1, sizeof *out->members);
	if (out->members == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < g->drop.zip.count; i++)
		total += g->drop.zip.members[i].size;
	if (!g->drop.folder && total > 0) {
		out->map = mmap(NULL, (size_t)total, PROT_READ, MAP_SHARED,
		    g->drop.zip.store, 0);
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
		m->input.fd = g->drop.folder ? f->fd : -1;
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

/* True when this Signature references every file that it must. */
static bool
covers_names(const struct egov_document *doc, const struct verify_signature *s)
{
	const struct egov_application *a = doc->application;
	const char *name;

	for (size_t i = 0; (name = egov_signed_name(doc, i)) != NULL; i++) {
		bool found = false;

		for (size_t k = 0; k < s->reference_count; k++)
			found =
			    found ||
			    (s->references[k].member >= 0 &&
				strcmp(a->files[s->references[k].member].name,
				    name) == 0);
		if (!found)
			return false;
	}
	return true;
}

/* The format's own demand beside the profile's: each form is referenced. */
static void
apply_coverage(const struct egov_document *doc, struct verify_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct verify_signature *s = &r->signatures[i];

		if (!s->found.filing || covers_names(doc, s))
			continue;
		s->found.covers_filing = false;
		if (s->found.problem[0] == '\0')
			snprintf(s->found.problem, sizeof s->found.problem,
			    "signature-not-covering");
	}
}

int
egov_judge(const struct egov *g, const struct egov_document *doc,
    const struct exam_options *o, bool strict, struct findings *f,
    struct err *e)
{
	struct verify_report report = {0};
	struct offered offered;
	struct verify_request q = {.profile = &verify_egov,
	    .part = doc->part,
	    .allow_legacy = o->allow_legacy,
	    .limits = o->limits};
	int result = -1;

	if (offer(g, doc->application, &offered, e) != 0)
		goto out;
	q.document = offered.members[doc->file - doc->application->files].input;
	q.members = offered.members;
	q.member_count = doc->application->count;
	if (verify_document(&q, &report, e) != 0)
		goto out;
	apply_coverage(doc, &report);
	if (strict && verify_all_good(&report, 1, e) != 0)
		goto out;
	result = verify_to_findings(&report, f);
	if (result != 0)
		err_nomem(e);
out:
	verify_report_free(&report);
	withdraw(&offered);
	return result;
}

static int
read_exactly(int fd, uint8_t *p, size_t n, uint64_t at, struct err *e)
{
	while (n > 0) {
		ssize_t r = pread(fd, p, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_errno(
			    e, err_io_class(errno), "io-error", "read");
		if (r == 0)
			return err_set(
			    e, ERR_TRANSIENT_IO, "io-error", "file shrank");
		p += r;
		n -= (size_t)r;
		at += (uint64_t)r;
	}
	return 0;
}

/* Compares a run of bytes of two files; 1 same, 0 different, -1. */
static int
same_bytes(const struct egov_file *a, uint64_t a_at, const struct egov_file *b,
    uint64_t b_at, uint64_t size, struct err *e)
{
	static uint8_t x[CHUNK], y[CHUNK];

	while (size > 0) {
		size_t n = size < CHUNK ? (size_t)size : CHUNK;

		if (read_exactly(a->fd, x, n, a->offset + a_at, e) != 0 ||
		    read_exactly(b->fd, y, n, b->offset + b_at, e) != 0)
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
	if (read_exactly(
		out->fd, head, n, out->offset + in->k.pass.offset, e) != 0 ||
	    read_exactly(out->fd, tail, m,
		out->offset + in->k.pass.offset + size - m, e) != 0)
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

static const struct egov_document *
document_of(const struct egov *g, const struct egov_file *f)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->documents[i].file == f)
			return &g->documents[i];
	return NULL;
}

static int
compare_application(const struct egov *in, const struct egov_application *a,
    const struct egov_application *b, struct err *e)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct egov_file *f = &a->files[i];
		const struct egov_file *out = egov_find(b, f->name);
		const struct egov_document *doc = document_of(in, f);
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

int
egov_verify(const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e)
{
	struct egov out, in;
	int result = 0;

	if (egov_open(&out, output, &o->limits, false, f, e) != 0)
		return -1;
	egov_describe(&out, f);
	f->unsigned_only = o->unsigned_only;
	for (size_t i = 0; i < out.count && result == 0; i++)
		if (out.documents[i].k.signatures > 0)
			result =
			    egov_judge(&out, &out.documents[i], o, false, f, e);
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
