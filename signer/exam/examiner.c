/*
 * The examiner process: it reads what came from outside and has nothing to
 * give away: no PIN, no key, no database, no network and no paths.  It takes
 * one request at a time, answers it, and forgets it.  What it says is data
 * to the batch, which trusts none of it beyond its shape.
 */
#include "signer/exam/examiner.h"

#include "base/ipc.h"
#include "base/role.h"
#include "base/text.h"
#include "signer/exam/judged.h"
#include "signer/exam/message.h"
#include "signer/exam/revoke.h"
#include "signer/exam/sandbox.h"
#include "signer/exam/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
open_schema(void *ctx, const char *procedure, const char *version,
    char sha256[65], struct err *e)
{
	const int *fd = ctx;

	return exam_schema_ask(*fd, procedure, version, sha256, e);
}

/* The format by name, or by look where the request says "auto". */
static const struct submission_format *
choose_format(const struct exam_request *q, struct err *e)
{
	const struct submission_format *f = format_find(q->format);

	/* A drop folder's setting names a family ("etax", "egov"), which the
	 * look of the drop narrows down. */
	if (q->op == EXAM_VERIFY && f == NULL)
		f = format_recognise_signed(&q->drop, q->format, e);
	else if (f == NULL || q->op == EXAM_EXAMINE || q->op == EXAM_MISSING)
		f = format_recognise(&q->drop, q->format, e);
	return f;
}

static int
examine(const struct submission_format *f, const struct exam_request *q,
    struct exam_reply *r, struct err *e)
{
	if (f->examine(&q->drop, &q->options, &r->findings, e) != 0)
		return -1;
	snprintf(r->findings.format, sizeof r->findings.format, "%s", f->name);
	if (f->output_name(
		q->drop.name, r->output_name, sizeof r->output_name) != 0)
		return err_set(
		    e, ERR_INPUT, "name-too-long", "%s", q->drop.name);
	return 0;
}

static bool
is_satisfied(const struct found_signature *s, const struct exam_expected *x)
{
	return s->filing && s->value_ok && s->references_ok &&
	       s->covers_filing && strcmp(s->part, x->part) == 0 &&
	       memcmp(s->spki, x->spki, FINDINGS_SHA256) == 0;
}

/* Every signature that was made must be found valid, and no filing
 * signature may be invalid. */
static int
check_expected(
    const struct exam_request *q, const struct findings *f, struct err *e)
{
	for (size_t i = 0; i < q->expected_count; i++) {
		size_t k;

		for (k = 0; k < f->signature_count; k++)
			if (is_satisfied(&f->signatures[k], &q->expected[i]))
				break;
		if (k == f->signature_count)
			return err_set(e, ERR_BUG, "verification-failed",
			    "signature %zu of %zu, part \"%s\"", i + 1,
			    q->expected_count, q->expected[i].part);
	}
	if (q->expected_count == 0)
		return 0;
	for (size_t k = 0; k < f->signature_count; k++) {
		const struct found_signature *s = &f->signatures[k];

		if (s->filing && (!s->value_ok || !s->references_ok))
			return err_set(
			    e, ERR_BUG, "verification-failed", "Id %s", s->id);
	}
	return 0;
}

static int
verify(const struct submission_format *f, const struct exam_request *q,
    struct exam_reply *r, struct err *e)
{
	const struct drop *input = q->input.count > 0 ? &q->input : NULL;

	/* Nothing to compare with: a person asks. */
	if (input == NULL && q->expected_count == 0) {
		r->findings.judged = calloc(1, sizeof *r->findings.judged);
		if (r->findings.judged == NULL)
			return err_nomem(e);
	}
	if (f->verify(&q->drop, input, &q->options, &r->findings, e) != 0)
		return -1;
	snprintf(r->findings.format, sizeof r->findings.format, "%s", f->name);
	return check_expected(q, &r->findings, e);
}

static int
perform(const struct exam_request *q, struct exam_reply *r, struct err *e)
{
	const struct submission_format *f;

	if (q->op == EXAM_REVOKE)
		return exam_revoke(q, r, e);
	f = choose_format(q, e);
	if (f == NULL)
		return -1;
	switch (q->op) {
	case EXAM_MISSING:
		return f->missing == NULL ? 0 : f->missing(&q->drop, e);
	case EXAM_EXAMINE:
		return examine(f, q, r, e);
	case EXAM_BUILD:
		return f->build(&q->drop, &q->options, q->plans, q->plan_count,
		    q->sigs, q->sig_count, q->when_ms, q->out, &r->built, e);
	case EXAM_VERIFY:
		return verify(f, q, r, e);
	case EXAM_REVOKE:
		break;
	}
	return err_set(e, ERR_BUG, "ipc-malformed", "operation %d", (int)q->op);
}

/* One request; 1 to go on, 0 when the batch is gone, -1 on a broken peer. */
static int
serve_one(int fd)
{
	struct exam_job *job = NULL;
	struct exam_reply r = {0};
	struct exam_request q;
	struct err failure = {0}, e = {0};
	int n = exam_job_receive(fd, &job, &e);

	if (n <= 0) {
		if (n < 0)
			log_err(LOG_LEVEL_ERROR, "request.broken", &e);
		return n;
	}
	q = *exam_job_request(job);
	q.options.schemas.open = open_schema;
	q.options.schemas.ctx = &fd;
	r.token = q.token;
	if (perform(&q, &r, &failure) != 0 && failure.class == ERR_NONE)
		err_set(&failure, ERR_BUG, "examiner-no-reason", "%s", "");
	n = exam_done_send(fd, &r, &failure, &e);
	if (n != 0)
		log_err(LOG_LEVEL_ERROR, "answer.unsent", &e);
	exam_reply_free(&r);
	exam_job_free(job);
	return n == 0 ? 1 : -1;
}

/* The first message: limits for the sandbox, and the log level. */
static int
receive_config(int fd, struct sandbox_limits *limits, struct err *e)
{
	struct ipc_msg m = {0};
	int n = ipc_recv(fd, &m, e), level = 0;

	if (n == 1 && m.type == MSG_CONFIG) {
		limits->memory = (uint64_t)ipc_get_u64(&m);
		limits->cpu_s = (uint64_t)ipc_get_u64(&m);
		limits->files = (uint64_t)ipc_get_u64(&m);
		level = (int)ipc_get_u64(&m);
	}
	n = n == 1 && ipc_end(&m) ? 0 : -1;
	ipc_free(&m);
	log_open(2, (enum log_level)level, "examiner");
	return n;
}

int
examiner_main(void)
{
	static const int keep[] = {ROLE_FD};
	struct sandbox_limits limits = {0};
	struct err e = {0};
	uint64_t cpu_s;
	int n;

	log_open(2, LOG_LEVEL_WARN, "examiner");
	if (receive_config(ROLE_FD, &limits, &e) != 0)
		return 1;
	cpu_s = limits.cpu_s;
	if (sandbox_prepare(&e) != 0 || verify_init(&e) != 0 ||
	    sandbox_keep_only(keep, 1, &e) != 0 ||
	    sandbox_enter(&limits, &e) != 0) {
		log_err(LOG_LEVEL_ALERT, "sandbox.failed", &e);
		return 1;
	}
	do {
		n = sandbox_cpu_renew(cpu_s, &e);
		if (n == 0)
			n = serve_one(ROLE_FD);
	} while (n == 1);
	return n < 0;
}
