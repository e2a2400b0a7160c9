/*
 * Findings: plain values, their memory, and their one encoding.  The same
 * encoding goes through the socket and into the queue's record, so that a
 * report can be made again from the record alone.
 */
#include "signer/exam/findings.h"

#include "signer/exam/judged.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX_ITEMS 4096
#define FINDINGS_MAX_WARNINGS 60
#define FINDINGS_MAX_ENCODED (48 * 1024)

void
findings_init(struct findings *f)
{
	memset(f, 0, sizeof *f);
}

static void
free_lists(struct findings *f)
{
	for (size_t i = 0; i < f->signature_count; i++)
		buf_free(&f->signatures[i].certificate);
	for (size_t i = 0; i < f->part_count; i++) {
		buf_free(&f->parts[i].signed_info);
		buf_free(&f->parts[i].plan);
	}
	free(f->warnings);
	free(f->signatures);
	free(f->parts);
	if (f->judged != NULL)
		judged_free(f->judged);
	free(f->judged);
	f->judged = NULL;
	f->warnings = NULL;
	f->signatures = NULL;
	f->parts = NULL;
	f->warning_count = f->signature_count = f->part_count = 0;
}

void
findings_free(struct findings *f)
{
	free_lists(f);
	memset(f, 0, sizeof *f);
}

void
findings_refuse(struct findings *f)
{
	free_lists(f);
	f->refused = true;
}

/* Grows an array by one zeroed element; NULL when it cannot. */
static void *
grow(void *array, size_t *count, size_t size, void **slot)
{
	uint8_t *p;

	if (*count >= FINDINGS_MAX_ITEMS)
		return NULL;
	p = reallocarray(array, *count + 1, size);
	if (p == NULL)
		return NULL;
	*slot = p + *count * size;
	memset(*slot, 0, size);
	(*count)++;
	return p;
}

int
findings_warn(struct findings *f, const char *code, const char *fmt, ...)
{
	struct finding *w;
	void *slot, *p;
	va_list ap;

	if (f->warning_count > FINDINGS_MAX_WARNINGS)
		return 0;
	p = grow(f->warnings, &f->warning_count, sizeof *f->warnings, &slot);
	if (p == NULL)
		return -1;
	f->warnings = p;
	w = slot;
	if (f->warning_count > FINDINGS_MAX_WARNINGS) {
		snprintf(w->code, sizeof w->code, "more-warnings");
		return 0;
	}
	snprintf(w->code, sizeof w->code, "%s", code);
	va_start(ap, fmt);
	vsnprintf(w->detail, sizeof w->detail, fmt, ap);
	va_end(ap);
	return 0;
}

struct found_signature *
findings_add_signature(struct findings *f)
{
	void *slot, *p = grow(f->signatures, &f->signature_count,
			sizeof *f->signatures, &slot);

	if (p == NULL)
		return NULL;
	f->signatures = p;
	return slot;
}

struct found_part *
findings_add_part(struct findings *f)
{
	void *slot,
	    *p = grow(f->parts, &f->part_count, sizeof *f->parts, &slot);

	if (p == NULL)
		return NULL;
	f->parts = p;
	return slot;
}

static void
put_flags(struct ipc_msg *m, const struct found_signature *s)
{
	ipc_put_u64(m, (uint64_t)s->filing | (uint64_t)s->value_ok << 1 |
			   (uint64_t)s->references_ok << 2 |
			   (uint64_t)s->covers_filing << 3 |
			   (uint64_t)s->legacy << 4);
}

/* How many signatures fit; the certificates of nested ones never travel. */
static size_t
signatures_that_fit(const struct findings *f, size_t used)
{
	size_t n;

	for (n = 0; n < f->signature_count; n++) {
		used += 960 + f->signatures[n].certificate.len;
		if (used > FINDINGS_MAX_ENCODED)
			break;
	}
	return n;
}

void
findings_put_signature(struct ipc_msg *m, const struct found_signature *s,
    struct slice certificate)
{
	ipc_put_str(m, s->part);
	ipc_put_str(m, s->id);
	ipc_put_str(m, s->method);
	ipc_put_str(m, s->reference);
	put_flags(m, s);
	ipc_put_str(m, s->problem);
	ipc_put_str(m, s->detail);
	ipc_put_bytes(m, slice_of(s->spki, sizeof s->spki));
	ipc_put_bytes(m, certificate);
}

static void
put_signatures(struct ipc_msg *m, const struct findings *f)
{
	size_t count = signatures_that_fit(f, m->body.len);

	ipc_put_u64(m, count);
	for (size_t i = 0; i < count; i++) {
		const struct found_signature *s = &f->signatures[i];

		findings_put_signature(m, s,
		    s->filing ? buf_view(&s->certificate) : slice_of("", 0));
	}
}

void
findings_put_part(struct ipc_msg *m, const struct found_part *p)
{
	ipc_put_str(m, p->name);
	ipc_put_bytes(m, slice_of(p->duplicate, FINDINGS_SHA256));
	ipc_put_u64(m, p->signed_by);
	ipc_put_bytes(m, buf_view(&p->signed_info));
	ipc_put_bytes(m, buf_view(&p->plan));
}

static void
put_people(struct ipc_msg *m, const struct findings *f)
{
	const struct found_people *p = &f->people;

	ipc_put_str(m, f->representative);
	ipc_put_u64(m, (uint64_t)f->several | (uint64_t)p->refused << 1);
	ipc_put_str(m, p->must);
	ipc_put_str(m, p->wanted);
	ipc_put_str(m, p->holder);
	ipc_put_str(m, p->key);
	ipc_put_str(m, p->verdict);
	ipc_put_str(m, p->why);
	ipc_put_str(m, p->how);
}

void
findings_put(struct ipc_msg *m, const struct findings *f)
{
	ipc_put_str(m, f->format);
	ipc_put_str(m, f->procedure);
	ipc_put_str(m, f->version);
	ipc_put_str(m, f->procedure_name);
	ipc_put_str(m, f->taxpayer_name);
	ipc_put_str(m, f->taxpayer_id);
	ipc_put_str(m, f->agent_name);
	ipc_put_str(m, f->agent_id);
	ipc_put_str(m, f->period);
	ipc_put_str(m, f->schema);
	ipc_put_str(m, f->schema_sha256);
	ipc_put_u64(m, (uint64_t)f->etax | (uint64_t)f->unsigned_only << 1 |
			   (uint64_t)f->refused << 2 |
			   (uint64_t)f->unfit << 32);
	ipc_put_u64(m, f->warning_count);
	for (size_t i = 0; i < f->warning_count; i++) {
		ipc_put_str(m, f->warnings[i].code);
		ipc_put_str(m, f->warnings[i].detail);
	}
	put_signatures(m, f);
	put_people(m, f);
}

void
findings_get_signature(struct ipc_msg *m, struct found_signature *s)
{
	uint64_t flags;

	ipc_get_str(m, s->part, sizeof s->part);
	ipc_get_str(m, s->id, sizeof s->id);
	ipc_get_str(m, s->method, sizeof s->method);
	ipc_get_str(m, s->reference, sizeof s->reference);
	flags = ipc_get_u64(m);
	s->filing = flags & 1;
	s->value_ok = flags >> 1 & 1;
	s->references_ok = flags >> 2 & 1;
	s->covers_filing = flags >> 3 & 1;
	s->legacy = flags >> 4 & 1;
	ipc_get_str(m, s->problem, sizeof s->problem);
	ipc_get_str(m, s->detail, sizeof s->detail);
	ipc_get_exact(m, s->spki, FINDINGS_SHA256);
	if (buf_slice(&s->certificate, ipc_get_bytes(m)) != 0)
		m->failed = true;
}

static void
get_lists(struct ipc_msg *m, struct findings *f)
{
	uint64_t n = ipc_get_u64(m);

	while (n-- > 0 && !m->failed) {
		char code[40], detail[200];

		ipc_get_str(m, code, sizeof code);
		ipc_get_str(m, detail, sizeof detail);
		if (findings_warn(f, code, "%s", detail) != 0)
			m->failed = true;
	}
	n = ipc_get_u64(m);
	while (n-- > 0 && !m->failed) {
		struct found_signature *s = findings_add_signature(f);

		if (s == NULL) {
			m->failed = true;
			return;
		}
		findings_get_signature(m, s);
	}
}

/* A record of an earlier version ends before. */
static void
get_people(struct ipc_msg *m, struct findings *f)
{
	struct found_people *p = &f->people;
	uint64_t flags;

	if (!ipc_more(m))
		return;
	ipc_get_str(m, f->representative, sizeof f->representative);
	flags = ipc_get_u64(m);
	f->several = flags & 1;
	p->refused = flags >> 1 & 1;
	ipc_get_str(m, p->must, sizeof p->must);
	ipc_get_str(m, p->wanted, sizeof p->wanted);
	ipc_get_str(m, p->holder, sizeof p->holder);
	ipc_get_str(m, p->key, sizeof p->key);
	ipc_get_str(m, p->verdict, sizeof p->verdict);
	ipc_get_str(m, p->why, sizeof p->why);
	ipc_get_str(m, p->how, sizeof p->how);
}

int
findings_get_part(struct ipc_msg *m, struct found_part *p)
{
	memset(p, 0, sizeof *p);
	ipc_get_str(m, p->name, sizeof p->name);
	ipc_get_exact(m, p->duplicate, FINDINGS_SHA256);
	p->signed_by = (uint32_t)ipc_get_u64(m);
	if (buf_slice(&p->signed_info, ipc_get_bytes(m)) != 0 ||
	    buf_slice(&p->plan, ipc_get_bytes(m)) != 0)
		m->failed = true;
	if (!m->failed)
		return 0;
	buf_free(&p->signed_info);
	buf_free(&p->plan);
	return -1;
}

int
findings_get(struct ipc_msg *m, struct findings *f)
{
	uint64_t flags;

	findings_init(f);
	ipc_get_str(m, f->format, sizeof f->format);
	ipc_get_str(m, f->procedure, sizeof f->procedure);
	ipc_get_str(m, f->version, sizeof f->version);
	ipc_get_str(m, f->procedure_name, sizeof f->procedure_name);
	ipc_get_str(m, f->taxpayer_name, sizeof f->taxpayer_name);
	ipc_get_str(m, f->taxpayer_id, sizeof f->taxpayer_id);
	ipc_get_str(m, f->agent_name, sizeof f->agent_name);
	ipc_get_str(m, f->agent_id, sizeof f->agent_id);
	ipc_get_str(m, f->period, sizeof f->period);
	ipc_get_str(m, f->schema, sizeof f->schema);
	ipc_get_str(m, f->schema_sha256, sizeof f->schema_sha256);
	flags = ipc_get_u64(m);
	f->etax = flags & 1;
	f->unsigned_only = flags >> 1 & 1;
	f->unfit = (uint32_t)(flags >> 32);
	f->refused = flags >> 2 & 1;
	get_lists(m, f);
	get_people(m, f);
	if (m->failed) {
		findings_free(f);
		return -1;
	}
	return 0;
}
