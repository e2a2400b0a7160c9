/*
 * Requests of operators, executed by whoever holds the lock.  Each ends with
 * a result in its row, which `natsuin queue` waits for and shows.
 */
#include "signer/batch/request.h"

#include "base/clock.h"
#include "base/log.h"
#include "signer/batch/finish.h"
#include "signer/batch/resume.h"
#include "spool/publish.h"

#include <stdio.h>
#include <string.h>

/* A held job goes on.  It is allowed only what it was held for: of two equal
 * filings that are released, one is still a duplicate. */
static const char *
release(struct runner *r, struct job *j)
{
	struct err e = {0};
	unsigned allow = j->allow;

	if (j->state != JOB_HELD)
		return "not-held";
	if (strcmp(j->code, "resubmission-held") == 0)
		allow |= JOB_ALLOW_RESUBMISSION;
	if (queue_job_set_allow(r->queue, j, allow, &e) != 0)
		return "queue-io";
	resume_job(r, j->id);
	return "done";
}

/* A held job is not to be signed: its original goes to failed/. */
static const char *
discard(struct runner *r, struct job *j)
{
	struct err why = {0}, e = {0};

	if (j->state != JOB_HELD)
		return "not-held";
	err_set(&why, ERR_INPUT, "discarded", "%s", "");
	if (queue_job_step(
		r->queue, j, JOB_DISCARDED, &why, clock_wall_ms(), &e) != 0)
		return "queue-io";
	if (runner_commit(r) != 0 || finish_leftover(r, j, &e) != 0)
		return "io-error";
	return "done";
}

/* A failed drop back into its drop folder, as a new one. */
static const char *
retry(struct runner *r, struct job *j)
{
	struct spool_job p = {j->name, j->batch_name,
	    conf_drop_find(r->conf, j->drop), j->source, j->path, j->folder};
	char path[SPOOL_PATH_MAX];
	struct err e = {0};

	if (j->state != JOB_FAILED && j->state != JOB_DISCARDED)
		return "not-failed";
	if (p.drop == NULL)
		return "drop-not-configured";
	if (spool_retry(r->spool, &p, j->original, path, &e) != 0 ||
	    spool_sync(r->spool, false, &e) != 0) {
		log_err(LOG_LEVEL_WARN, "request.retry", &e);
		return "original-gone";
	}
	/* The name in failed/ is free for another one now. */
	j->original[0] = '\0';
	if (!runner_record(r) || queue_job_set_cleaned(r->queue, j, &e) != 0)
		return "queue-io";
	return "done";
}

static const char *
execute(struct runner *r, const struct queue_request *q)
{
	struct job j;
	struct err e = {0};

	if (queue_job_find(r->queue, q->job, &j, &e) != 1)
		return "job-unknown";
	switch (q->kind) {
	case QUEUE_RELEASE:
		return release(r, &j);
	case QUEUE_DISCARD:
		return discard(r, &j);
	case QUEUE_RETRY:
		return retry(r, &j);
	}
	return "request-unknown";
}

void
requests_execute(struct runner *r)
{
	struct queue_request q;
	struct err e = {0};

	while (runner_record(r) && queue_request_next(r->queue, &q, &e) == 1) {
		const char *result = execute(r, &q);

		if (!runner_record(r))
			return;
		queue_request_done(r->queue, q.id, result, clock_wall_ms(), &e);
		log_event(LOG_LEVEL_INFO, "request.done",
		    "job=%s kind=%d uid=%ld result=%s", q.job, (int)q.kind,
		    (long)q.uid, result);
		if (runner_commit(r) != 0)
			return;
	}
}
