/*
 * The values of a verification that go from an examiner to `natsuin verify`,
 * and their messages.  Lists are cut, never counts: what is not told in full
 * is still known to be there.
 */
#include "signer/exam/judged.h"

#include "signer/exam/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A larger one is of no certificate that anybody issues. */
#define CERTIFICATE_MAX (48 * 1024)

static struct uncovered_item *
new_item(struct coverage *c)
{
	struct uncovered_item *grown;

	grown = reallocarray(c->items, c->count + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	c->items = grown;
	memset(&grown[c->count], 0, sizeof *grown);
	return &grown[c->count++];
}

int
coverage_add(struct coverage *c, enum uncovered_what what, bool by_format,
    const char *where)
{
	struct uncovered_item *item;

	c->unexpected += !by_format;
	if (c->count >= JUDGED_ITEMS_MAX) {
		c->more++;
		return 0;
	}
	item = new_item(c);
	if (item == NULL)
		return -1;
	item->what = what;
	item->by_format = by_format;
	snprintf(item->where, sizeof item->where, "%s", where);
	return 0;
}

void
coverage_free(struct coverage *c)
{
	free(c->items);
	memset(c, 0, sizeof *c);
}

struct judged_signature *
judged_add(struct judged *j)
{
	struct judged_signature *grown;

	if (j->count >= JUDGED_SIGNATURES_MAX) {
		judged_fault(j, "limit-signatures", "");
		return NULL;
	}
	grown = reallocarray(j->signatures, j->count + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	j->signatures = grown;
	memset(&grown[j->count], 0, sizeof *grown);
	return &grown[j->count++];
}

/* code: 2 of judged_fault */
void
judged_fault(struct judged *j, const char *code, const char *detail)
{
	if (j->fault.code[0] != '\0')
		return;
	snprintf(j->fault.code, sizeof j->fault.code, "%s", code);
	snprintf(j->fault.detail, sizeof j->fault.detail, "%.*s",
	    (int)sizeof j->fault.detail - 1, detail);
}

void
judged_free(struct judged *j)
{
	for (size_t i = 0; i < j->count; i++) {
		buf_free(&j->signatures[i].found.certificate);
		free(j->signatures[i].references);
		coverage_free(&j->signatures[i].uncovered);
	}
	free(j->signatures);
	coverage_free(&j->uncovered);
	memset(j, 0, sizeof *j);
}

static void
put_coverage(struct ipc_msg *m, const struct coverage *c)
{
	ipc_put_u64(m, c->more);
	ipc_put_u64(m, c->unexpected);
	ipc_put_u64(m, c->count);
	for (size_t i = 0; i < c->count; i++) {
		ipc_put_u64(m, c->items[i].what);
		ipc_put_u64(m, c->items[i].by_format);
		ipc_put_str(m, c->items[i].where);
	}
}

static void
get_coverage(struct ipc_msg *m, struct coverage *c)
{
	uint64_t n;

	coverage_free(c);
	c->more = (size_t)ipc_get_u64(m);
	c->unexpected = (size_t)ipc_get_u64(m);
	n = ipc_get_u64(m);
	if (n > JUDGED_ITEMS_MAX)
		m->failed = true;
	while (n-- > 0 && !m->failed) {
		struct uncovered_item *item = new_item(c);
		uint64_t what = ipc_get_u64(m);

		if (item == NULL || what > UNCOVERED_FILE) {
			m->failed = true;
			return;
		}
		item->what = (enum uncovered_what)what;
		item->by_format = ipc_get_u64(m) != 0;
		ipc_get_str(m, item->where, sizeof item->where);
	}
}

static void
put_signature(struct ipc_msg *m, const struct judged_signature *s)
{
	struct slice der = buf_view(&s->found.certificate);

	findings_put_signature(
	    m, &s->found, der.len > CERTIFICATE_MAX ? slice_of("", 0) : der);
	ipc_put_u64(m, s->claim);
	ipc_put_str(m, s->claimed);
}

static void
get_signature(struct ipc_msg *m, struct judged_signature *s)
{
	uint64_t claim;

	findings_get_signature(m, &s->found);
	claim = ipc_get_u64(m);
	if (claim > JUDGED_CLAIM_XADES)
		m->failed = true;
	else
		s->claim = (enum judged_claim)claim;
	ipc_get_str(m, s->claimed, sizeof s->claimed);
}

static void
put_references(struct ipc_msg *m, const struct judged_signature *s)
{
	ipc_put_u64(m, s->references_more);
	ipc_put_u64(m, s->reference_count);
	for (size_t i = 0; i < s->reference_count; i++) {
		const struct judged_reference *r = &s->references[i];

		ipc_put_str(m, r->uri);
		ipc_put_str(m, r->digest);
		ipc_put_str(m, r->where);
		ipc_put_u64(m, r->names);
		ipc_put_u64(m, (uint64_t)r->checked | (uint64_t)r->ok << 1);
	}
}

static void
get_reference(struct ipc_msg *m, struct judged_reference *r)
{
	uint64_t names, flags;

	ipc_get_str(m, r->uri, sizeof r->uri);
	ipc_get_str(m, r->digest, sizeof r->digest);
	ipc_get_str(m, r->where, sizeof r->where);
	names = ipc_get_u64(m);
	if (names > JUDGED_FILE)
		m->failed = true;
	else
		r->names = (enum judged_names)names;
	flags = ipc_get_u64(m);
	r->checked = flags & 1;
	r->ok = flags >> 1 & 1;
}

static void
get_references(struct ipc_msg *m, struct judged_signature *s)
{
	uint64_t n;

	free(s->references);
	s->references = NULL;
	s->reference_count = 0;
	s->references_more = (size_t)ipc_get_u64(m);
	n = ipc_get_u64(m);
	if (n > JUDGED_REFERENCES_MAX)
		m->failed = true;
	if (n == 0 || m->failed)
		return;
	s->references = calloc((size_t)n, sizeof *s->references);
	if (s->references == NULL) {
		m->failed = true;
		return;
	}
	while (s->reference_count < n && !m->failed)
		get_reference(m, &s->references[s->reference_count++]);
}

/* A message whose rest is about the signature that came last. */
static int
send_of_signature(
    int fd, struct ipc_msg *m, const struct judged_signature *s, struct err *e)
{
	ipc_begin(m, MSG_JUDGED_SIGNATURE);
	put_signature(m, s);
	if (ipc_send(fd, m, e) != 0)
		return -1;
	ipc_begin(m, MSG_JUDGED_REFERENCES);
	put_references(m, s);
	if (ipc_send(fd, m, e) != 0)
		return -1;
	ipc_begin(m, MSG_JUDGED_UNCOVERED);
	put_coverage(m, &s->uncovered);
	return ipc_send(fd, m, e);
}

int
judged_send(int fd, const struct judged *j, struct err *e)
{
	struct ipc_msg m = {0};
	int result = 0;

	for (size_t i = 0; i < j->count && result == 0; i++)
		result = send_of_signature(fd, &m, &j->signatures[i], e);
	if (result == 0) {
		ipc_begin(&m, MSG_JUDGED_FILE);
		ipc_put_str(&m, j->fault.code);
		ipc_put_str(&m, j->fault.detail);
		ipc_put_u64(&m, j->unsigned_part);
		put_coverage(&m, &j->uncovered);
		result = ipc_send(fd, &m, e);
	}
	ipc_free(&m);
	return result;
}

static void
take_file(struct judged *j, struct ipc_msg *m)
{
	ipc_get_str(m, j->fault.code, sizeof j->fault.code);
	ipc_get_str(m, j->fault.detail, sizeof j->fault.detail);
	j->unsigned_part = ipc_get_u64(m) != 0;
	get_coverage(m, &j->uncovered);
}

void
judged_take(struct judged *j, struct ipc_msg *m)
{
	struct judged_signature *s = NULL;

	if (m->type == MSG_JUDGED_FILE) {
		take_file(j, m);
		return;
	}
	if (m->type == MSG_JUDGED_SIGNATURE)
		s = judged_add(j);
	else if (j->count > 0)
		s = &j->signatures[j->count - 1];
	if (s == NULL)
		m->failed = true;
	else if (m->type == MSG_JUDGED_SIGNATURE)
		get_signature(m, s);
	else if (m->type == MSG_JUDGED_REFERENCES)
		get_references(m, s);
	else
		get_coverage(m, &s->uncovered);
}
