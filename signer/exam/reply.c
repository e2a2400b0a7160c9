/*
 * Answers of an examiner, and its question for a schema bundle.  The batch
 * treats an examiner as hostile: everything received is bounded, and what
 * does not decode ends that examiner, not the batch.
 */
#include "base/ipc.h"
#include "signer/exam/judged.h"
#include "signer/exam/message.h"
#include "signer/exam/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
exam_schema_send(int fd, int bundle, const char *sha256, struct err *e)
{
	struct ipc_msg m = {0};
	int result;

	ipc_begin(&m, MSG_SCHEMA);
	ipc_put_u64(&m, bundle >= 0);
	ipc_put_str(&m, bundle >= 0 ? sha256 : "");
	if (bundle >= 0)
		ipc_put_fd(&m, bundle);
	result = ipc_send(fd, &m, e);
	ipc_free(&m);
	return result;
}

int
exam_schema_ask(int fd, const char *procedure, const char *version,
    char sha256[65], struct err *e)
{
	struct ipc_msg m = {0};
	int bundle = -1;

	ipc_begin(&m, MSG_NEED_SCHEMA);
	ipc_put_str(&m, procedure);
	ipc_put_str(&m, version);
	if (ipc_send(fd, &m, e) != 0 || ipc_recv(fd, &m, e) != 1)
		goto out;
	if (m.type != MSG_SCHEMA) {
		err_set(e, ERR_BUG, "ipc-malformed", "schema answer");
		goto out;
	}
	if (ipc_get_u64(&m) == 0) {
		errno = ENOENT;
		err_errno(e, ERR_INPUT, "schema-missing", "%s %s", procedure,
		    version);
		goto out;
	}
	ipc_get_str(&m, sha256, 65);
	bundle = ipc_get_fd(&m);
out:
	ipc_free(&m);
	return bundle;
}

static int
send_parts(int fd, const struct findings *f, struct err *e)
{
	struct ipc_msg m = {0};
	int result = f->judged == NULL ? 0 : judged_send(fd, f->judged, e);

	for (size_t i = 0; i < f->part_count && result == 0; i++) {
		ipc_begin(&m, MSG_PART);
		findings_put_part(&m, &f->parts[i]);
		result = ipc_send(fd, &m, e);
	}
	ipc_free(&m);
	return result;
}

int
exam_done_send(int fd, const struct exam_reply *r, const struct err *failure,
    struct err *e)
{
	struct ipc_msg m = {0};
	int result;

	if (failure->class == ERR_NONE && send_parts(fd, &r->findings, e) != 0)
		return -1;
	ipc_begin(&m, MSG_DONE);
	ipc_put_u64(&m, r->token);
	ipc_put_err(&m, failure);
	findings_put(&m, &r->findings);
	ipc_put_u64(&m, r->built.size);
	ipc_put_bytes(&m, slice_of(r->built.sha256, FINDINGS_SHA256));
	ipc_put_str(&m, r->output_name);
	ipc_put_u64(&m, r->revoke);
	if (r->revoke) {
		revoke_plan_put(&m, &r->plan);
		cert_revocation_put(&m, &r->revocation);
		ipc_put_u64(&m, r->which);
	}
	result = ipc_send(fd, &m, e);
	ipc_free(&m);
	return result;
}

static void
take_part(struct exam_reply *r, struct ipc_msg *m)
{
	struct found_part *p = findings_add_part(&r->findings);

	if (p == NULL || findings_get_part(m, p) != 0)
		m->failed = true;
}

static void
take_judged(struct exam_reply *r, struct ipc_msg *m)
{
	struct findings *f = &r->findings;

	if (f->judged == NULL)
		f->judged = calloc(1, sizeof *f->judged);
	if (f->judged == NULL)
		m->failed = true;
	else
		judged_take(f->judged, m);
}

/* DONE replaces the findings but keeps what came before it. */
static void
take_done(struct exam_reply *r, struct ipc_msg *m)
{
	struct findings f;

	r->token = ipc_get_u64(m);
	ipc_get_err(m, &r->error);
	if (findings_get(m, &f) != 0)
		return;
	f.parts = r->findings.parts;
	f.part_count = r->findings.part_count;
	f.judged = r->findings.judged;
	r->findings.parts = NULL;
	r->findings.part_count = 0;
	r->findings.judged = NULL;
	findings_free(&r->findings);
	r->findings = f;
	r->built.size = ipc_get_u64(m);
	ipc_get_exact(m, r->built.sha256, FINDINGS_SHA256);
	ipc_get_str(m, r->output_name, sizeof r->output_name);
	r->revoke = ipc_get_u64(m) != 0;
	if (!r->revoke)
		return;
	revoke_plan_get(m, &r->plan);
	cert_revocation_get(m, &r->revocation);
	r->which = (unsigned)ipc_get_u64(m);
}

int
exam_reply_receive(int fd, struct exam_reply *r, struct err *e)
{
	struct ipc_msg m = {0};
	int type = -1, n = ipc_recv(fd, &m, e);

	if (n == 0)
		type = EXAM_REPLY_EOF;
	if (n <= 0)
		goto out;
	switch (m.type) {
	case MSG_PART:
		take_part(r, &m);
		type = EXAM_REPLY_MORE;
		break;
	case MSG_JUDGED_SIGNATURE:
	case MSG_JUDGED_REFERENCES:
	case MSG_JUDGED_UNCOVERED:
	case MSG_JUDGED_FILE:
		take_judged(r, &m);
		type = EXAM_REPLY_MORE;
		break;
	case MSG_NEED_SCHEMA:
		ipc_get_str(&m, r->procedure, sizeof r->procedure);
		ipc_get_str(&m, r->version, sizeof r->version);
		type = EXAM_REPLY_SCHEMA;
		break;
	case MSG_DONE:
		take_done(r, &m);
		type = EXAM_REPLY_DONE;
		break;
	default:
		m.failed = true;
		break;
	}
	if (!ipc_end(&m))
		type = err_set(
		    e, ERR_BUG, "ipc-malformed", "examiner message %u", m.type);
out:
	ipc_free(&m);
	return type;
}

void
exam_reply_free(struct exam_reply *r)
{
	findings_free(&r->findings);
	memset(r, 0, sizeof *r);
}
