/*
 * Starting, asking and ending examiners.  The new process is this program
 * executed again, so that nothing of the batch's memory reaches it.
 */
#include "base/fsops.h"
#include "base/ipc.h"
#include "base/role.h"
#include "schemas/store.h"
#include "signer/exam/examiner.h"
#include "signer/exam/message.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXAMINER_FILES 4096
#define SEND_TIMEOUT_S 20
#define SOCKET_BUFFER (512 * 1024)

static int
send_config(int fd, const struct conf_limits *l, struct err *e)
{
	struct ipc_msg m = {0};
	int result;

	ipc_begin(&m, MSG_CONFIG);
	ipc_put_u64(&m, (uint64_t)l->examiner_memory);
	ipc_put_u64(&m, (uint64_t)l->examiner_cpu_s);
	ipc_put_u64(&m, EXAMINER_FILES);
	ipc_put_u64(&m, (uint64_t)log_level());
	result = ipc_send(fd, &m, e);
	ipc_free(&m);
	return result;
}

int
examiner_start(
    struct examiner *x, const struct conf_limits *limits, struct err *e)
{
	struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
	int pair[2], size = SOCKET_BUFFER;

	x->fd = -1;
	if (ipc_pair(pair, e) != 0)
		return -1;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	x->pid = fork();
	if (x->pid == 0)
		role_become("natsuin-examiner", EXAMINER_ROLE, pair[1]);
	close(pair[1]);
	if (x->pid < 0) {
		close(pair[0]);
		return err_errno(
		    e, ERR_TRANSIENT_IO, "no-process", "%s", "examiner");
	}
	x->fd = pair[0];
	if (send_config(x->fd, limits, e) == 0)
		return 0;
	examiner_stop(x);
	return -1;
}

int
examiner_stop(struct examiner *x)
{
	int status = 0;

	if (x->pid <= 0)
		return 0;
	if (x->fd >= 0)
		close(x->fd);
	kill(x->pid, SIGKILL);
	while (waitpid(x->pid, &status, 0) < 0 && errno == EINTR)
		;
	x->fd = -1;
	x->pid = 0;
	return status;
}

void
examiner_options(const struct conf *c, struct exam_options *o)
{
	const struct conf_limits *l = &c->limits;

	memset(o, 0, sizeof *o);
	o->limits.document_max = (uint64_t)l->document_max;
	o->limits.drop_max = (uint64_t)l->drop_max;
	o->limits.full_verify_max = (uint64_t)l->full_verify_max;
	o->limits.members_max = (uint32_t)l->members_max;
	o->limits.archive_max = (uint32_t)l->archive_max;
	o->limits.depth = (uint32_t)l->depth;
	o->limits.attributes = (uint32_t)l->attributes;
	o->limits.namespaces = (uint32_t)l->namespaces;
	o->limits.ids = (uint32_t)l->ids;
	o->schema_required = c->schema_missing == CONF_MISSING_REFUSE;
	o->anchors_fd = -1;
}

/* Answers one question for a bundle. */
static int
serve_schema(struct examiner *x, const struct exam_reply *r,
    struct schema_store *schemas, struct err *e)
{
	char sha256[65] = "";
	struct err missing = {0};
	int bundle = -1, result;

	if (schemas != NULL)
		bundle = schema_store_find(
		    schemas, r->procedure, r->version, sha256, &missing);
	result = exam_schema_send(x->fd, bundle, sha256, e);
	if (bundle >= 0)
		close(bundle);
	return result;
}

int
examiner_ask(struct examiner *x, const struct exam_request *q,
    struct schema_store *schemas, struct exam_reply *r, struct err *e)
{
	int type;

	memset(r, 0, sizeof *r);
	if (exam_request_send(x->fd, q, e) != 0)
		return -1;
	for (;;) {
		type = exam_reply_receive(x->fd, r, e);
		if (type < 0)
			return -1;
		if (type == EXAM_REPLY_EOF)
			return err_set(
			    e, ERR_BUG, "examiner-died", "%s", q->drop.name);
		if (type == EXAM_REPLY_DONE)
			break;
		if (type == EXAM_REPLY_SCHEMA &&
		    serve_schema(x, r, schemas, e) != 0)
			return -1;
	}
	if (r->error.class == ERR_NONE)
		return 0;
	*e = r->error;
	return -1;
}
