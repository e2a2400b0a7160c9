/*
 * Jobs and their one state.  A step that the table does not allow aborts the
 * program: the batch would otherwise act on something that never happened.
 * Every step leaves a history row in the same transaction.
 */
#include "queue/job.h"

#include "queue/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[JOB_STATE_MAX] = {
    [JOB_CLAIMING] = "claiming",
    [JOB_CLAIMED] = "claimed",
    [JOB_EXAMINED] = "examined",
    [JOB_SIGNING] = "signing",
    [JOB_SIGNED] = "signed",
    [JOB_BUILT] = "built",
    [JOB_VERIFIED] = "verified",
    [JOB_HELD] = "held",
    [JOB_PUBLISHED] = "published",
    [JOB_FAILED] = "failed",
    [JOB_DISCARDED] = "discarded",
    [JOB_RETURNED] = "returned",
};

#define TO(state) (1U << JOB_##state)
#define OUT (TO(FAILED) | TO(HELD) | TO(DISCARDED) | TO(RETURNED))

/* Forward steps, ways out, and steps back for recovery (DESIGN-queue). */
static const unsigned steps[JOB_STATE_MAX] = {
    [JOB_CLAIMING] = TO(CLAIMED) | TO(FAILED) | TO(HELD) | TO(RETURNED),
    [JOB_CLAIMED] = TO(EXAMINED) | OUT,
    /* Straight to built: nothing is left to sign. */
    [JOB_EXAMINED] = TO(CLAIMED) | TO(SIGNING) | TO(BUILT) | OUT,
    [JOB_SIGNING] = TO(CLAIMED) | TO(EXAMINED) | TO(SIGNED) | OUT,
    [JOB_SIGNED] = TO(CLAIMED) | TO(EXAMINED) | TO(BUILT) | OUT,
    [JOB_BUILT] = TO(CLAIMED) | TO(EXAMINED) | TO(SIGNED) | TO(VERIFIED) | OUT,
    [JOB_VERIFIED] =
	TO(CLAIMED) | TO(EXAMINED) | TO(SIGNED) | TO(PUBLISHED) | OUT,
    [JOB_HELD] = TO(CLAIMED) | TO(EXAMINED) | TO(SIGNING) | TO(SIGNED) |
		 TO(BUILT) | TO(VERIFIED) | OUT,
    [JOB_PUBLISHED] = 0,
    [JOB_FAILED] = 0,
    [JOB_DISCARDED] = 0,
    [JOB_RETURNED] = 0,
};

const char *
job_state_name(enum job_state state)
{
	if ((unsigned)state >= JOB_STATE_MAX)
		BUG("no such job state");
	return state_names[state];
}

enum job_state
job_state_from_name(const char *name)
{
	int i;

	for (i = 0; i < JOB_STATE_MAX; i++)
		if (strcmp(state_names[i], name) == 0)
			break;
	return (enum job_state)i;
}

bool
job_state_final(enum job_state state)
{
	return state == JOB_PUBLISHED || state == JOB_FAILED ||
	       state == JOB_DISCARDED || state == JOB_RETURNED;
}

bool
job_step_allowed(enum job_state from, enum job_state to)
{
	if ((unsigned)from >= JOB_STATE_MAX || (unsigned)to >= JOB_STATE_MAX)
		return false;
	return (steps[from] & 1U << to) != 0;
}

/* How far a state is along the way; being held is not progress. */
static int64_t
rank(enum job_state state)
{
	return state == JOB_HELD ? -1 : (int64_t)state;
}

static int
add_history(struct queue *q, const struct job *j, const struct err *why,
    int64_t now_ms, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_HISTORY_ADD);

	db_put_int(s, j->id);
	db_put_int(s, now_ms);
	db_put_text(s, job_state_name(j->state));
	db_put_text(s, why == NULL ? "" : why->code);
	db_put_text(s, why == NULL ? "" : why->detail);
	return db_run(s, e);
}

/* The next text id of the batch; also gives the batch's name. */
static int
take_name(struct queue *q, struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_BATCH_NEXT_JOB);
	int r;

	db_put_int(s, j->batch);
	r = db_step(s, e);
	if (r < 0)
		return -1;
	if (r == 0)
		BUG("job in a batch that does not exist");
	db_get_text(s, j->batch_name, sizeof j->batch_name);
	snprintf(j->name, sizeof j->name, "%s-%04lld", j->batch_name,
	    (long long)db_get_int(s));
	return db_run(s, e);
}

static int
enter_batch(struct queue *q, const struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_BATCH_ENTER);

	db_put_int(s, j->batch);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_add(struct queue *q, struct job *j, int64_t now_ms, struct err *e)
{
	struct db_stmt *s;

	if (take_name(q, j, e) != 0)
		return -1;
	j->state = JOB_CLAIMING;
	j->created_ms = j->changed_ms = now_ms;
	s = queue_writing(q, SQL_JOB_ADD);
	db_put_text(s, j->name);
	db_put_int(s, j->batch);
	db_put_text(s, j->drop);
	db_put_bytes(s, j->source, strlen(j->source));
	db_put_text(s, j->path);
	db_put_int(s, j->folder);
	db_put_int(s, (int64_t)j->size);
	db_put_int(s, j->mtime_ms);
	db_put_int(s, now_ms);
	db_put_int(s, now_ms);
	db_put_text(s, job_state_name(j->state));
	if (db_run(s, e) != 0)
		return -1;
	j->id = db_last_id(q->db);
	if (enter_batch(q, j, e) != 0)
		return -1;
	return add_history(q, j, NULL, now_ms, e);
}

static void
keep_reason(struct job *j, enum job_state to, const struct err *why)
{
	bool keeps = to == JOB_HELD || to == JOB_FAILED ||
		     to == JOB_DISCARDED || to == JOB_RETURNED;

	if (to == JOB_HELD && j->state != JOB_HELD)
		j->resume = j->state;
	j->class = ERR_NONE;
	j->code[0] = j->detail[0] = '\0';
	if (!keeps || why == NULL)
		return;
	j->class = why->class;
	snprintf(j->code, sizeof j->code, "%s", why->code);
	snprintf(j->detail, sizeof j->detail, "%s", why->detail);
}

static int
write_step(struct queue *q, struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_STEP);
	int r;

	db_put_text(s, job_state_name(j->state));
	db_put_text(s, j->state == JOB_HELD ? job_state_name(j->resume) : "");
	db_put_text(s, err_class_name(j->class));
	db_put_text(s, j->code);
	db_put_text(s, j->detail);
	db_put_int(s, j->changed_ms);
	db_put_int(s, rank(j->state));
	db_put_int(s, j->state == JOB_RETURNED);
	db_put_int(s, j->id);
	r = db_step(s, e);
	if (r < 0)
		return -1;
	if (r == 0)
		BUG("step of a job that does not exist");
	j->attempts = (int)db_get_int(s);
	return db_run(s, e);
}

int
queue_job_step(struct queue *q, struct job *j, enum job_state to,
    const struct err *why, int64_t now_ms, struct err *e)
{
	struct db_stmt *s;

	if (!job_step_allowed(j->state, to))
		BUG("job step that is not allowed");
	keep_reason(j, to, why);
	j->state = to;
	j->changed_ms = now_ms;
	j->busy = false;
	if (to == JOB_RETURNED)
		j->cleaned = true;
	if (write_step(q, j, e) != 0)
		return -1;
	if (to == JOB_RETURNED) {
		s = queue_writing(q, SQL_BATCH_LEAVE);
		db_put_int(s, j->id);
		if (db_run(s, e) != 0)
			return -1;
	}
	return add_history(q, j, why, now_ms, e);
}

int
queue_job_set_claim(struct queue *q, struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_CLAIM);

	db_put_int(s, (int64_t)j->size);
	db_put_bytes(s, j->sha256, sizeof j->sha256);
	db_put_int(s, j->mtime_ms);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_set_findings(
    struct queue *q, struct job *j, struct slice findings, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_FOUND);

	db_put_text(s, j->format);
	db_put_text(s, j->procedure);
	db_put_text(s, j->taxpayer);
	db_put_text(s, j->period);
	db_put_int(s, j->id);
	if (db_run(s, e) != 0)
		return -1;
	s = queue_writing(q, SQL_JOB_FINDINGS_SET);
	db_put_int(s, j->id);
	db_put_bytes(s, findings.p, findings.len);
	return db_run(s, e);
}

int
queue_job_set_output(struct queue *q, struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_OUTPUT);

	db_put_text(s, j->output);
	db_put_int(s, (int64_t)j->output_size);
	db_put_bytes(s, j->output_sha256, sizeof j->output_sha256);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_set_cleaned(struct queue *q, struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_CLEANED);

	j->cleaned = true;
	db_put_text(s, j->original);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_set_key(struct queue *q, struct job *j, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_KEY);

	db_put_text(s, j->key);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_set_allow(
    struct queue *q, struct job *j, unsigned allow, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_ALLOW);

	j->allow = allow;
	db_put_int(s, allow);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_set_busy(struct queue *q, struct job *j, bool busy, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_BUSY);

	j->busy = busy;
	db_put_int(s, busy);
	db_put_int(s, j->id);
	return db_run(s, e);
}

int
queue_job_enter(struct queue *q, struct job *j, int64_t batch, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_JOB_BATCH);
	struct batch b;
	int r = queue_batch_get(q, batch, &b, e);

	if (r < 0)
		return -1;
	if (r == 0)
		BUG("job enters a batch that does not exist");
	j->batch = batch;
	snprintf(j->batch_name, sizeof j->batch_name, "%s", b.name);
	db_put_int(s, batch);
	db_put_int(s, j->id);
	return db_run(s, e) != 0 ? -1 : enter_batch(q, j, e);
}

int
queue_recover_attempts(struct queue *q, struct err *e)
{
	return db_run(queue_writing(q, SQL_JOB_RECOVER), e);
}

static void
read_origin(struct db_stmt *s, struct job *j)
{
	j->id = db_get_int(s);
	db_get_text(s, j->name, sizeof j->name);
	j->batch = db_get_int(s);
	db_get_text(s, j->batch_name, sizeof j->batch_name);
	db_get_text(s, j->drop, sizeof j->drop);
	db_get_text(s, j->source, sizeof j->source);
	db_get_text(s, j->path, sizeof j->path);
	j->folder = db_get_int(s) != 0;
	j->size = (uint64_t)db_get_int(s);
	db_get_bytes(s, j->sha256, sizeof j->sha256);
	j->mtime_ms = db_get_int(s);
	j->created_ms = db_get_int(s);
	j->changed_ms = db_get_int(s);
}

static void
read_state(struct db_stmt *s, struct job *j)
{
	char name[16];

	db_get_text(s, name, sizeof name);
	j->state = job_state_from_name(name);
	db_get_text(s, name, sizeof name);
	j->resume = *name == '\0' ? j->state : job_state_from_name(name);
	db_get_text(s, name, sizeof name);
	j->class = err_class_from_name(name);
	db_get_text(s, j->code, sizeof j->code);
	db_get_text(s, j->detail, sizeof j->detail);
	db_get_text(s, j->key, sizeof j->key);
	j->attempts = (int)db_get_int(s);
	j->busy = db_get_int(s) != 0;
	j->allow = (unsigned)db_get_int(s);
	j->cleaned = db_get_int(s) != 0;
}

static void
read_result(struct db_stmt *s, struct job *j)
{
	db_get_text(s, j->format, sizeof j->format);
	db_get_text(s, j->procedure, sizeof j->procedure);
	db_get_text(s, j->taxpayer, sizeof j->taxpayer);
	db_get_text(s, j->period, sizeof j->period);
	db_get_text(s, j->output, sizeof j->output);
	db_get_text(s, j->original, sizeof j->original);
	j->output_size = (uint64_t)db_get_int(s);
	db_get_bytes(s, j->output_sha256, sizeof j->output_sha256);
}

static int
read_job(struct db_stmt *s, struct job *out, struct err *e)
{
	int r = db_step(s, e);

	if (r != 1)
		return r;
	memset(out, 0, sizeof *out);
	read_origin(s, out);
	read_state(s, out);
	read_result(s, out);
	db_done(s);
	return 1;
}

int
queue_job_get(struct queue *q, int64_t id, struct job *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_JOB_GET);

	db_put_int(s, id);
	return read_job(s, out, e);
}

int
queue_job_find(
    struct queue *q, const char *name, struct job *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_JOB_FIND);

	db_put_text(s, name);
	return read_job(s, out, e);
}

int
queue_job_findings(struct queue *q, int64_t id, struct buf *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_JOB_FINDINGS_GET);
	int r;

	db_put_int(s, id);
	r = db_step(s, e);
	if (r != 1)
		return r;
	if (db_get_buf(s, out) != 0)
		r = err_nomem(e);
	db_done(s);
	return r < 0 ? -1 : 0;
}

int
queue_job_list(struct queue *q, enum queue_select which, int64_t arg,
    int64_t **ids, size_t *count, struct err *e)
{
	static const enum sql_id texts[] = {
	    [QUEUE_OPEN_JOBS] = SQL_JOB_LIST_OPEN,
	    [QUEUE_HELD_JOBS] = SQL_JOB_LIST_HELD,
	    [QUEUE_UNCLEANED] = SQL_JOB_LIST_UNCLEANED,
	    [QUEUE_BATCH_JOBS] = SQL_JOB_LIST_BATCH,
	    [QUEUE_RECENT_JOBS] = SQL_JOB_LIST_RECENT,
	};
	struct db_stmt *s = db_use(q->db, texts[which]);

	if (which == QUEUE_BATCH_JOBS || which == QUEUE_RECENT_JOBS)
		db_put_int(s, arg);
	return queue_ids(s, ids, count, e);
}

int
queue_job_counts(struct queue *q, int64_t counts[], struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_JOB_COUNTS);
	char name[16];
	int r;

	memset(counts, 0, JOB_STATE_MAX * sizeof *counts);
	while ((r = db_step(s, e)) == 1) {
		enum job_state state;

		db_get_text(s, name, sizeof name);
		state = job_state_from_name(name);
		if (state < JOB_STATE_MAX)
			counts[state] = db_get_int(s);
	}
	return r;
}

int
queue_batch_line(struct queue *q, int64_t batch, int64_t job,
    struct batch_line *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_BATCH_LINE);
	char name[16];
	int r;

	db_put_int(s, batch);
	db_put_int(s, job);
	r = db_step(s, e);
	if (r != 1)
		return r;
	db_get_text(s, name, sizeof name);
	out->state = job_state_from_name(name);
	db_get_text(s, name, sizeof name);
	out->class = err_class_from_name(name);
	db_get_text(s, out->code, sizeof out->code);
	db_get_text(s, out->detail, sizeof out->detail);
	db_done(s);
	return 1;
}

int
queue_batch_failed_with(struct queue *q, int64_t batch, const char *code,
    int64_t *count, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_BATCH_FAILED_WITH);

	*count = 0;
	db_put_int(s, batch);
	db_put_text(s, code);
	if (db_step(s, e) != 1)
		return -1;
	*count = db_get_int(s);
	db_done(s);
	return 0;
}

int
queue_job_history(struct queue *q, int64_t id, struct job_event **events,
    size_t *count, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_HISTORY_GET);
	char name[16];
	int r;

	*events = NULL;
	*count = 0;
	db_put_int(s, id);
	while ((r = db_step(s, e)) == 1) {
		struct job_event *more =
		    reallocarray(*events, *count + 1, sizeof **events);

		if (more == NULL) {
			db_done(s);
			r = err_nomem(e);
			break;
		}
		*events = more;
		more += (*count)++;
		more->when_ms = db_get_int(s);
		db_get_text(s, name, sizeof name);
		more->state = job_state_from_name(name);
		db_get_text(s, more->code, sizeof more->code);
		db_get_text(s, more->detail, sizeof more->detail);
	}
	if (r == 0)
		return 0;
	free(*events);
	*events = NULL;
	*count = 0;
	return -1;
}
