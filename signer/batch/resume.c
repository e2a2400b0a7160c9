/*
 * Taking up again.  Every job goes back to the examiner: reading again is
 * cheap and always right, and recorded intents come back by themselves
 * (queue_intent_set), so that the same bytes are signed with the same Id.
 */
#include "signer/batch/resume.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "signer/batch/finish.h"
#include "signer/batch/jobs.h"
#include "spool/publish.h"
#include "spool/recover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
add_id(struct runner *r, int64_t id, struct err *e)
{
	int64_t *p = reallocarray(r->resume, r->resume_count + 1, sizeof *p);

	if (p == NULL)
		return err_nomem(e);
	r->resume = p;
	p[r->resume_count++] = id;
	return 0;
}

static struct spool_job
place_of(const struct runner *r, const struct job *j)
{
	struct spool_job p = {j->name, j->batch_name,
	    conf_drop_find(r->conf, j->drop), j->source, j->path, j->folder};

	return p;
}

static void
step(struct runner *r, struct job *j, enum job_state to, const struct err *why)
{
	struct err e = {0};

	if (runner_record(r))
		queue_job_step(r->queue, j, to, why, clock_wall_ms(), &e);
}

/* The private copy again, from the original in work/.  What was recorded of
 * other content is forgotten. */
static int
copy_again(struct runner *r, struct job *j, struct err *e)
{
	struct spool_job p = place_of(r, j);
	struct spool_copy copy = {0};
	bool same;

	if (spool_copy_again(r->spool, &p, &copy, e) != 0 ||
	    spool_sync(r->spool, false, e) != 0)
		return -1;
	same = memcmp(copy.sha256, j->sha256, sizeof copy.sha256) == 0;
	j->size = copy.size;
	j->mtime_ms = copy.mtime_ms;
	memcpy(j->sha256, copy.sha256, sizeof copy.sha256);
	if (!runner_record(r))
		return -1;
	if (!same && queue_intents_clear(r->queue, j->id, e) != 0)
		return -1;
	return queue_job_set_claim(r->queue, j, e);
}

/* A claim that was interrupted: either it happened, or it did not. */
static int
recover_claim(
    struct runner *r, struct job *j, enum spool_place place, struct err *e)
{
	struct err why = {0};

	if (place == SPOOL_IN_WORK) {
		if (copy_again(r, j, e) != 0)
			return -1;
		step(r, j, JOB_CLAIMED, NULL);
		return 1;
	}
	err_set(&why, ERR_TRANSIENT_IO, "claim-interrupted", "%s", j->path);
	step(r, j, JOB_RETURNED, &why);
	return runner_record(r) ? queue_job_set_cleaned(r->queue, j, e) : -1;
}

/* Its original moves once this is committed (uncleaned_job). */
static int
fail(struct runner *r, struct job *j, const struct err *why)
{
	step(r, j, JOB_FAILED, why);
	r->failed++;
	return 0;
}

/* Where the drop of an open job really is.  1: take it up again; 0: it has
 * ended; -1. */
static int
recover_open(struct runner *r, struct job *j, struct err *e)
{
	struct spool_job p = place_of(r, j);
	struct spool_copy copy = {.size = j->size, .mtime_ms = j->mtime_ms};
	enum spool_place place;
	struct err why = {0};
	bool good = false, claiming = j->state == JOB_CLAIMING;
	size_t intents = 0, values = 0;

	memcpy(copy.sha256, j->sha256, sizeof copy.sha256);
	if (spool_recover(
		r->spool, &p, claiming ? NULL : &copy, &place, &good, e) != 0)
		return -1;
	if (queue_signature_count(r->queue, j->id, &intents, &values, e) != 0)
		return -1;
	/* Back in in/ before anything was signed: found again as a new drop.
	 * Later it must not be, or it would be signed twice. */
	if (claiming || (place == SPOOL_IN_DROP && intents == 0))
		return recover_claim(r, j, place, e);
	if (place != SPOOL_IN_WORK) {
		err_set(&why, ERR_INPUT, "original-gone", "%s", j->path);
		return fail(r, j, &why);
	}
	if (!good && copy_again(r, j, e) != 0)
		return -1;
	if (j->attempts >= ABNORMAL_EXITS) {
		err_set(&why, ERR_INPUT, "job-crashes", "%d", j->attempts);
		return fail(r, j, &why);
	}
	return 1;
}

/* A held job is taken up by each batch, but for what only an operator can
 * decide. */
static bool
waits_for_operator(const struct job *j)
{
	return j->state == JOB_HELD && j->allow == 0 &&
	       strcmp(j->code, "resubmission-held") == 0;
}

static int
each_job(struct runner *r, enum queue_select which,
    int (*act)(struct runner *, struct job *, struct err *), struct err *e)
{
	struct job j;
	int64_t *ids = NULL;
	size_t n = 0;
	int result = queue_job_list(r->queue, which, 0, &ids, &n, e);

	for (size_t i = 0; i < n && result >= 0; i++) {
		result = queue_job_get(r->queue, ids[i], &j, e);
		if (result == 1)
			result = act(r, &j, e);
	}
	free(ids);
	return result < 0 ? -1 : 0;
}

/* What is the matter with one job must not keep the others waiting. */
static int
open_job(struct runner *r, struct job *j, struct err *e)
{
	int again;

	if (waits_for_operator(j))
		return 0;
	again = recover_open(r, j, e);
	if (again < 0 && r->fatal.class == ERR_NONE &&
	    !decide(e).stops_program) {
		log_err(LOG_LEVEL_ERROR, "job.not-recovered", e);
		step(r, j, JOB_HELD, e);
		job_count_held(r, e->class, false);
		err_clear(e);
		return 0;
	}
	return again == 1 ? add_id(r, j->id, e) : again;
}

static int
uncleaned_job(struct runner *r, struct job *j, struct err *e)
{
	return finish_leftover(r, j, e);
}

/* What lies in work/ and belongs to no job: nothing of it is deleted that
 * could be an original. */
static int
rescue_unknown(struct runner *r, struct err *e)
{
	const char *reason =
	    _("natsuin found this file in its work folder, but the queue does "
	      "not know it.\nCheck whether it was filed before; then put it "
	      "into the drop folder again.\n");
	struct spool_ids ids = {0};
	struct job j;
	int result = spool_list_work(r->spool, &ids, e);

	for (size_t i = 0; i < ids.count && result >= 0; i++) {
		int known = queue_job_find(r->queue, ids.id[i], &j, e);

		if (known < 0)
			result = -1;
		else if (known == 0)
			result = spool_rescue(
			    r->spool, ids.id[i], slice_str(reason), e);
		else if (job_state_final(j.state))
			result = spool_sweep(
			    r->spool, ids.id[i], slice_str(reason), e);
	}
	spool_ids_free(&ids);
	return result < 0 ? -1 : 0;
}

/* A crash while this job was worked on counts against it. */
static int
count_crash(struct runner *r, struct err *e)
{
	struct job j;
	int found = queue_job_get(r->queue, r->crashed, &j, e);

	if (found != 1 || job_state_final(j.state))
		return found < 0 ? -1 : 0;
	log_event(LOG_LEVEL_ERROR, "job.crashed", "job=%s", j.name);
	return queue_job_set_busy(r->queue, &j, true, e);
}

int
resume_start(struct runner *r, struct err *e)
{
	if (!runner_record(r) || count_crash(r, e) != 0 ||
	    queue_recover_attempts(r->queue, e) != 0)
		return -1;
	if (queue_batch_unfinished(r->queue, &r->batch, e) < 0)
		return -1;
	/* Names move only once it is committed why. */
	if (each_job(r, QUEUE_OPEN_JOBS, open_job, e) != 0 ||
	    runner_commit(r) != 0 ||
	    each_job(r, QUEUE_UNCLEANED, uncleaned_job, e) != 0 ||
	    runner_commit(r) != 0)
		return -1;
	return rescue_unknown(r, e);
}

bool
resume_pending(const struct runner *r)
{
	return r->resume_next < r->resume_count;
}

/* Was the output on its way out, or even gone, when the job was left? */
static bool
was_sent(struct runner *r, const struct job *j)
{
	struct spool_job p = place_of(r, j);

	if (j->state != JOB_VERIFIED &&
	    (j->state != JOB_HELD || j->resume != JOB_VERIFIED))
		return false;
	return !spool_output_waits(r->spool, &p);
}

/* Goes on where the delivery was: nothing is built a second time. */
static void
go_on_sending(struct runner *r, struct bjob *j)
{
	if (j->record.state != JOB_VERIFIED)
		job_step(r, j, JOB_VERIFIED, NULL);
	snprintf(j->output_name, sizeof j->output_name, "%s", j->record.output);
	j->built.size = j->record.output_size;
	memcpy(j->built.sha256, j->record.output_sha256, FINDINGS_SHA256);
	j->sent = true;
	j->stage = STAGE_PUBLISH;
}

/* Brings one job back into the open batch: to be examined again, in state
 * "claimed", or to be published where that had begun. */
static int
take_up(struct runner *r, int64_t id, struct err *e)
{
	struct job record;
	struct bjob *j;

	if (queue_job_get(r->queue, id, &record, e) != 1)
		return -1;
	/* It may have been named twice: by the start and by an operator. */
	if (job_state_final(record.state) || job_in_memory(r, id))
		return 0;
	if (r->batch.id == 0 &&
	    queue_batch_add(r->queue, clock_wall_ms(), &r->batch, e) != 0)
		return -1;
	if (record.state == JOB_HELD && record.changed_ms >= r->began_ms)
		job_count_held(r, record.class, true);
	if (record.batch != r->batch.id &&
	    queue_job_enter(r->queue, &record, r->batch.id, e) != 0)
		return -1;
	snprintf(
	    record.batch_name, sizeof record.batch_name, "%s", r->batch.name);
	j = job_new(r, &record);
	if (j == NULL)
		return err_nomem(e);
	if (j->drop == NULL) {
		err_set(
		    e, ERR_CONFIG, "drop-not-configured", "%s", record.drop);
		job_hold(r, j, "", e);
		err_clear(e);
		return 0;
	}
	if (was_sent(r, &j->record))
		go_on_sending(r, j);
	else if (j->record.state != JOB_CLAIMED)
		job_step(r, j, JOB_CLAIMED, NULL);
	return 0;
}

void
resume_more(struct runner *r)
{
	struct err e = {0};

	while (
	    resume_pending(r) && r->job_count < IN_FLIGHT_MAX && !r->stopping) {
		if (!runner_record(r))
			return;
		if (take_up(r, r->resume[r->resume_next], &e) != 0) {
			runner_fatal(r, &e);
			return;
		}
		r->resume_next++;
	}
}

void
resume_job(struct runner *r, int64_t id)
{
	struct err e = {0};

	if (add_id(r, id, &e) != 0)
		runner_fatal(r, &e);
}

/* Was it held for the sake of this key, or of a pool that has it? */
static bool
waits_for_key(const struct runner *r, const struct job *j, const char *key)
{
	const struct conf_pool *p = conf_pool_find(r->conf, j->key);

	for (size_t i = 0; p != NULL && i < p->keys.count; i++)
		if (strcmp(p->keys.item[i], key) == 0)
			return true;
	return strcmp(j->key, key) == 0;
}

void
resume_held(struct runner *r, const char *key)
{
	struct job j;
	struct err e = {0};
	int64_t *ids = NULL;
	size_t n = 0;

	if (queue_job_list(r->queue, QUEUE_HELD_JOBS, 0, &ids, &n, &e) != 0)
		runner_fatal(r, &e);
	for (size_t i = 0; i < n; i++)
		if (queue_job_get(r->queue, ids[i], &j, &e) == 1 &&
		    !waits_for_operator(&j) &&
		    (key == NULL || waits_for_key(r, &j, key)))
			resume_job(r, j.id);
	free(ids);
}
