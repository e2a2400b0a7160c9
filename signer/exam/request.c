/*
 * Requests to an examiner: sending on the batch's side, receiving on the
 * examiner's.  Members travel as descriptors with names as data; nothing in
 * a request is ever used as a path.
 */
#include "base/ipc.h"
#include "signer/exam/message.h"
#include "signer/exam/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBERS_PER_MESSAGE 100
#define REQUEST_MEMBERS_MAX 20000
#define REQUEST_PARTS_MAX 4096

static void
put_limits(struct ipc_msg *m, const struct exam_limits *l)
{
	ipc_put_u64(m, l->document_max);
	ipc_put_u64(m, l->drop_max);
	ipc_put_u64(m, l->full_verify_max);
	ipc_put_u64(m, l->members_max);
	ipc_put_u64(m, l->archive_max);
	ipc_put_u64(m, l->depth);
	ipc_put_u64(m, l->attributes);
	ipc_put_u64(m, l->namespaces);
	ipc_put_u64(m, l->ids);
}

static void
get_limits(struct ipc_msg *m, struct exam_limits *l)
{
	l->document_max = ipc_get_u64(m);
	l->drop_max = ipc_get_u64(m);
	l->full_verify_max = ipc_get_u64(m);
	l->members_max = (uint32_t)ipc_get_u64(m);
	l->archive_max = (uint32_t)ipc_get_u64(m);
	l->depth = (uint32_t)ipc_get_u64(m);
	l->attributes = (uint32_t)ipc_get_u64(m);
	l->namespaces = (uint32_t)ipc_get_u64(m);
	l->ids = (uint32_t)ipc_get_u64(m);
}

enum {
	OPT_UNSIGNED = 1,
	OPT_FORM_ROOT = 2,
	OPT_LEGACY = 4,
	OPT_SCHEMA = 8,
	OPT_COMPLETE = 16,
	OPT_ANCHORS = 32
};

enum { SIGNER_KNOWN = 1, SIGNER_OR = 2, SIGNER_BY_AGENT = 4 };

static void
put_options(struct ipc_msg *m, const struct exam_options *o)
{
	put_limits(m, &o->limits);
	ipc_put_u64(m, (o->unsigned_only ? OPT_UNSIGNED : 0U) |
			   (o->sign_form_root ? OPT_FORM_ROOT : 0U) |
			   (o->allow_legacy ? OPT_LEGACY : 0U) |
			   (o->schema_required ? OPT_SCHEMA : 0U) |
			   (o->complete_hint ? OPT_COMPLETE : 0U) |
			   (o->anchors_fd >= 0 ? OPT_ANCHORS : 0U));
	ipc_put_u64(m, o->signer_count);
	for (size_t i = 0; i < o->signer_count; i++) {
		ipc_put_str(m, o->signers[i].etax_user_id);
		ipc_put_u64(
		    m, (o->signers[i].known ? SIGNER_KNOWN : 0U) |
			   (o->signers[i].or_else ? SIGNER_OR : 0U) |
			   (o->signers[i].by_agent ? SIGNER_BY_AGENT : 0U));
		ipc_put_bytes(m, slice_of(o->signers[i].spki, FINDINGS_SHA256));
	}
	if (o->anchors_fd >= 0)
		ipc_put_fd(m, o->anchors_fd);
}

static void
get_options(struct ipc_msg *m, struct exam_options *o)
{
	uint64_t flags, n;
	bool anchors;

	get_limits(m, &o->limits);
	flags = ipc_get_u64(m);
	o->unsigned_only = (flags & OPT_UNSIGNED) != 0;
	o->sign_form_root = (flags & OPT_FORM_ROOT) != 0;
	o->allow_legacy = (flags & OPT_LEGACY) != 0;
	o->schema_required = (flags & OPT_SCHEMA) != 0;
	o->complete_hint = (flags & OPT_COMPLETE) != 0;
	anchors = (flags & OPT_ANCHORS) != 0;
	n = ipc_get_u64(m);
	if (n > FINDINGS_KEYS_MAX) {
		m->failed = true;
		return;
	}
	o->signer_count = (size_t)n;
	for (size_t i = 0; i < o->signer_count; i++) {
		ipc_get_str(m, o->signers[i].etax_user_id,
		    sizeof o->signers[i].etax_user_id);
		flags = ipc_get_u64(m);
		o->signers[i].known = (flags & SIGNER_KNOWN) != 0;
		o->signers[i].or_else = (flags & SIGNER_OR) != 0;
		o->signers[i].by_agent = (flags & SIGNER_BY_AGENT) != 0;
		ipc_get_exact(m, o->signers[i].spki, FINDINGS_SHA256);
	}
	o->anchors_fd = anchors ? ipc_get_fd(m) : -1;
}

/* A request being sent: records, as many to a message as it takes. */
struct sending {
	int fd;
	struct ipc_msg message;
	struct ipc_msg record;
};

static struct ipc_msg *
record_begin(struct sending *s, uint16_t kind)
{
	ipc_begin(&s->record, MSG_REQUEST);
	ipc_put_u64(&s->record, kind);
	return &s->record;
}

static int
record_end(struct sending *s, struct err *e)
{
	if (ipc_join(&s->message, &s->record))
		return 0;
	if (s->message.body.len > 0 && ipc_send(s->fd, &s->message, e) != 0)
		return -1;
	ipc_begin(&s->message, MSG_REQUEST);
	if (ipc_join(&s->message, &s->record))
		return 0;
	return ipc_send(s->fd, &s->record, e); /* too large: says so */
}

static int
send_members(
    struct sending *s, const struct drop *d, uint64_t which, struct err *e)
{
	for (size_t i = 0; i < d->count;) {
		struct ipc_msg *m = record_begin(s, MSG_MEMBERS);
		size_t n = d->count - i;

		if (n > MEMBERS_PER_MESSAGE)
			n = MEMBERS_PER_MESSAGE;
		ipc_put_u64(m, which);
		ipc_put_u64(m, n);
		for (size_t k = 0; k < n; k++, i++) {
			ipc_put_str(m, d->members[i].name);
			ipc_put_u64(m, d->members[i].size);
			ipc_put_fd(m, d->members[i].fd);
		}
		if (record_end(s, e) != 0)
			return -1;
	}
	return 0;
}

static int
send_begin(struct sending *s, const struct exam_request *r, struct err *e)
{
	struct ipc_msg *m = record_begin(s, MSG_BEGIN);

	ipc_put_u64(m, r->op);
	ipc_put_u64(m, r->token);
	ipc_put_str(m, r->format);
	ipc_put_i64(m, r->when_ms);
	ipc_put_str(m, r->drop.name == NULL ? "" : r->drop.name);
	ipc_put_u64(m, r->drop.folder);
	ipc_put_str(m, r->input.name == NULL ? "" : r->input.name);
	ipc_put_u64(m, r->input.folder);
	put_options(m, &r->options);
	if (r->op == EXAM_BUILD)
		ipc_put_fd(m, r->out);
	return record_end(s, e);
}

static int
send_plans(struct sending *s, const struct exam_request *r, struct err *e)
{
	int result = 0;

	for (size_t i = 0; i < r->plan_count && result == 0; i++) {
		ipc_put_bytes(record_begin(s, MSG_PLAN), r->plans[i]);
		result = record_end(s, e);
	}
	for (size_t i = 0; i < r->sig_count && result == 0; i++) {
		struct ipc_msg *m = record_begin(s, MSG_SIGNATURE);

		ipc_put_u64(m, r->sigs[i].part);
		ipc_put_str(m, r->sigs[i].id);
		ipc_put_bytes(m, r->sigs[i].value);
		ipc_put_bytes(m, r->sigs[i].certificate);
		result = record_end(s, e);
	}
	for (size_t i = 0; i < r->expected_count && result == 0; i++) {
		struct ipc_msg *m = record_begin(s, MSG_EXPECTED);

		ipc_put_str(m, r->expected[i].part);
		ipc_put_bytes(
		    m, slice_of(r->expected[i].spki, FINDINGS_SHA256));
		result = record_end(s, e);
	}
	return result;
}

static int
send_revoke(struct sending *s, const struct exam_request *r, struct err *e)
{
	struct ipc_msg *m;

	if (r->op != EXAM_REVOKE)
		return 0;
	m = record_begin(s, MSG_REVOKE);
	ipc_put_u64(m, r->revoke.what);
	ipc_put_i64(m, r->revoke.max_age_ms);
	ipc_put_u64(m, r->revoke.nonce_required);
	ipc_put_bytes(m, r->revoke.request);
	return record_end(s, e);
}

int
exam_request_send(int fd, const struct exam_request *r, struct err *e)
{
	struct sending s = {.fd = fd};
	int result = -1;

	ipc_begin(&s.message, MSG_REQUEST);
	if (send_begin(&s, r, e) != 0 ||
	    send_members(&s, &r->drop, 0, e) != 0 ||
	    send_members(&s, &r->input, 1, e) != 0 ||
	    send_plans(&s, r, e) != 0 || send_revoke(&s, r, e) != 0)
		goto out;
	record_begin(&s, MSG_GO);
	if (record_end(&s, e) == 0)
		result = ipc_send(fd, &s.message, e);
out:
	ipc_free(&s.record);
	ipc_free(&s.message);
	return result;
}

/*
 * A received request.  Arrays grow as messages come; the request's const
 * pointers point into them once GO has come.
 */
struct exam_job {
	struct exam_request r;
	char format[24];
	char name[2][512];
	struct slice *plans;
	struct new_signature *sigs;
	struct exam_expected *expected;
	struct slice request; /* EXAM_REVOKE */
};

static void
free_members(struct drop *d)
{
	for (size_t i = 0; i < d->count; i++) {
		close(d->members[i].fd);
		free((char *)(uintptr_t)d->members[i].name);
	}
	free(d->members);
}

static void
free_slice(struct slice s)
{
	free((void *)(uintptr_t)s.p);
}

void
exam_job_free(struct exam_job *job)
{
	if (job == NULL)
		return;
	free_members(&job->r.drop);
	free_members(&job->r.input);
	for (size_t i = 0; i < job->r.plan_count; i++)
		free_slice(job->plans[i]);
	for (size_t i = 0; i < job->r.sig_count; i++) {
		free_slice(job->sigs[i].value);
		free_slice(job->sigs[i].certificate);
	}
	free_slice(job->request);
	free(job->plans);
	free(job->sigs);
	free(job->expected);
	if (job->r.options.anchors_fd >= 0)
		close(job->r.options.anchors_fd);
	if (job->r.out >= 0)
		close(job->r.out);
	free(job);
}

/* Owned copy of message bytes; p is NULL (and the message failed) when
 * memory is out. */
static struct slice
copy_bytes(struct ipc_msg *m)
{
	struct slice s = ipc_get_bytes(m);
	uint8_t *p = malloc(s.len + 1);

	if (p == NULL) {
		m->failed = true;
		return slice_of(NULL, 0);
	}
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return slice_of(p, s.len);
}

static void *
grow(void *array, size_t count, size_t size)
{
	/* Doubling at powers of two keeps this linear. */
	if (count != 0 && (count & (count - 1)) != 0)
		return array;
	return reallocarray(array, count == 0 ? 1 : count * 2, size);
}

static void
take_begin(struct exam_job *job, struct ipc_msg *m)
{
	struct exam_request *r = &job->r;

	r->op = (enum exam_op)ipc_get_u64(m);
	r->token = ipc_get_u64(m);
	ipc_get_str(m, job->format, sizeof job->format);
	r->when_ms = ipc_get_i64(m);
	ipc_get_str(m, job->name[0], sizeof job->name[0]);
	r->drop.folder = ipc_get_u64(m) != 0;
	ipc_get_str(m, job->name[1], sizeof job->name[1]);
	r->input.folder = ipc_get_u64(m) != 0;
	get_options(m, &r->options);
	if (r->op == EXAM_BUILD)
		r->out = ipc_get_fd(m);
	if (r->op < EXAM_MISSING || r->op > EXAM_REVOKE)
		m->failed = true;
	r->format = job->format;
	r->drop.name = job->name[0];
	r->input.name = job->name[1];
}

static void
take_members(struct exam_job *job, struct ipc_msg *m)
{
	struct drop *d = ipc_get_u64(m) == 0 ? &job->r.drop : &job->r.input;
	uint64_t n = ipc_get_u64(m);

	while (n-- > 0 && !m->failed) {
		struct member *p = d->count >= REQUEST_MEMBERS_MAX
				       ? NULL
				       : grow(d->members, d->count, sizeof *p);
		struct slice name;

		if (p == NULL) {
			m->failed = true;
			return;
		}
		d->members = p;
		name = copy_bytes(m);
		if (name.p == NULL)
			return;
		p += d->count++;
		p->name = (const char *)name.p;
		p->size = ipc_get_u64(m);
		p->fd = ipc_get_fd(m);
		if (strlen(p->name) != name.len)
			m->failed = true;
	}
}

static void
take_plan(struct exam_job *job, struct ipc_msg *m)
{
	struct slice *p = job->r.plan_count >= REQUEST_PARTS_MAX
			      ? NULL
			      : grow(job->plans, job->r.plan_count, sizeof *p);

	if (p == NULL) {
		m->failed = true;
		return;
	}
	job->plans = p;
	p[job->r.plan_count++] = copy_bytes(m);
}

static void
take_signature(struct exam_job *job, struct ipc_msg *m)
{
	struct new_signature *p =
	    job->r.sig_count >= REQUEST_PARTS_MAX * FINDINGS_SIGNERS_MAX
		? NULL
		: grow(job->sigs, job->r.sig_count, sizeof *p);

	if (p == NULL) {
		m->failed = true;
		return;
	}
	job->sigs = p;
	p += job->r.sig_count++;
	memset(p, 0, sizeof *p);
	p->part = (size_t)ipc_get_u64(m);
	ipc_get_str(m, p->id, sizeof p->id);
	p->value = copy_bytes(m);
	p->certificate = copy_bytes(m);
}

static void
take_expected(struct exam_job *job, struct ipc_msg *m)
{
	struct exam_expected *p =
	    job->r.expected_count >= REQUEST_PARTS_MAX * FINDINGS_SIGNERS_MAX
		? NULL
		: grow(job->expected, job->r.expected_count, sizeof *p);

	if (p == NULL) {
		m->failed = true;
		return;
	}
	job->expected = p;
	p += job->r.expected_count++;
	ipc_get_str(m, p->part, sizeof p->part);
	ipc_get_exact(m, p->spki, FINDINGS_SHA256);
}

static void
take_revoke(struct exam_job *job, struct ipc_msg *m)
{
	struct exam_revoke *v = &job->r.revoke;
	uint64_t what = ipc_get_u64(m);

	v->max_age_ms = ipc_get_i64(m);
	v->nonce_required = ipc_get_u64(m) != 0;
	if (what > EXAM_REVOKE_OCSP || job->request.p != NULL) {
		m->failed = true;
		return;
	}
	v->what = (enum exam_revoke_what)what;
	v->request = job->request = copy_bytes(m);
}

/* One record of a request; true when it was the last (GO). */
static bool
take_record(struct exam_job *job, struct ipc_msg *m)
{
	switch (ipc_get_u64(m)) {
	case MSG_BEGIN:
		take_begin(job, m);
		return false;
	case MSG_MEMBERS:
		take_members(job, m);
		return false;
	case MSG_PLAN:
		take_plan(job, m);
		return false;
	case MSG_SIGNATURE:
		take_signature(job, m);
		return false;
	case MSG_EXPECTED:
		take_expected(job, m);
		return false;
	case MSG_REVOKE:
		take_revoke(job, m);
		return false;
	case MSG_GO:
		return true;
	default:
		m->failed = true;
		return false;
	}
}

int
exam_job_receive(int fd, struct exam_job **out, struct err *e)
{
	struct exam_job *job = calloc(1, sizeof *job);
	struct ipc_msg m = {0};
	bool last = false;
	int n = -1;

	if (job == NULL)
		return err_nomem(e);
	job->r.out = job->r.options.anchors_fd = -1;
	while (!last) {
		n = ipc_recv(fd, &m, e);
		if (n <= 0)
			goto out;
		while (m.type == MSG_REQUEST && !last && ipc_more(&m))
			last = take_record(job, &m);
		if (m.type != MSG_REQUEST || !ipc_end(&m)) {
			n = err_set(e, ERR_BUG, "ipc-malformed",
			    "request message %u", m.type);
			goto out;
		}
	}
	job->r.plans = job->plans;
	job->r.sigs = job->sigs;
	job->r.expected = job->expected;
	*out = job;
	job = NULL;
out:
	ipc_free(&m);
	exam_job_free(job);
	return n;
}

const struct exam_request *
exam_job_request(const struct exam_job *job)
{
	return &job->r;
}
