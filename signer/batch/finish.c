/*
 * Ends of jobs.  The order is what makes them safe: the output has its
 * delivery name and is durable before the queue says "published"; the
 * original leaves work/ only after that is committed.  Every step may be
 * repeated after a crash.
 */
#include "signer/batch/finish.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/report/explain.h"
#include "spool/publish.h"

#include <stdio.h>
#include <string.h>

int
finish_reason(const struct conf *c, const struct job *j, struct buf *out)
{
	char when[CLOCK_TEXT_SIZE], operator_language[8];
	int result;

	snprintf(
	    operator_language, sizeof operator_language, "%s", i18n_language());
	i18n_use(c->report_language);
	result = buf_printf(out,
	    _("natsuin did not sign this file.\n\n"
	      "File:   %s\nWhen:   %s\nBatch:  %s\nReason: %s\n        %s\n"
	      "What to do: %s\n\nCode: %s\n"),
	    j->path, clock_text(j->changed_ms, when), j->batch_name,
	    explain_what(j->code), j->detail, explain_todo(j->code), j->code);
	i18n_use(operator_language);
	return result;
}

static struct spool_job
place_of(const struct runner *r, const struct job *j)
{
	struct spool_job p = {j->name, j->batch_name,
	    conf_drop_find(r->conf, j->drop), j->source, j->path, j->folder};

	return p;
}

/* The original of a final job to its last place; j->original is set. */
static int
move_original(struct runner *r, struct job *j, struct err *e)
{
	struct spool_job p = place_of(r, j);
	struct buf reason = {0};
	char place[SPOOL_PATH_MAX] = "";
	int result = -1;

	if (j->state == JOB_PUBLISHED) {
		result = spool_done(r->spool, &p, place, e);
	} else if (j->state == JOB_RETURNED) {
		result = spool_return(r->spool, &p, place, e);
	} else if (finish_reason(r->conf, j, &reason) != 0) {
		err_nomem(e);
	} else {
		result = spool_fail(r->spool, &p, buf_view(&reason), place, e);
	}
	snprintf(j->original, sizeof j->original, "%s", place);
	buf_free(&reason);
	return result;
}

int
finish_leftover(struct runner *r, struct job *j, struct err *e)
{
	if (move_original(r, j, e) != 0 || spool_sync(r->spool, false, e) != 0)
		return -1;
	if (!runner_record(r))
		return -1;
	return queue_job_set_cleaned(r->queue, j, e);
}

/* The certificates of a verified job, once more.  0 / -1: the job is held. */
static int
certificates_hold(struct runner *r, struct bjob *j)
{
	struct err e = {0};

	for (size_t i = 0; i < j->drop->sign_with.count; i++) {
		struct bkey *k = runner_key(r, j->drop->sign_with.item[i]);

		if (k == NULL || key_check_again(k, &e) == 0)
			continue;
		key_stop(r, k, &e);
		job_hold(r, j, k->conf->name, &e);
		return -1;
	}
	return 0;
}

/* Links the output to its delivery name. */
static void
deliver(struct runner *r, struct bjob *j)
{
	struct spool_job p = job_place(j);
	struct err e = {0};

	if (certificates_hold(r, j) != 0)
		return;
	if (spool_publish(r->spool, &p, j->output_name, j->built.sha256,
		j->record.created_ms, j->record.output, &e) != 0)
		job_error(r, j, &e);
}

static void
record_published(struct runner *r, struct bjob *j)
{
	struct err e = {0};

	if (!runner_record(r))
		return;
	queue_job_set_output(r->queue, &j->record, &e);
	job_step(r, j, JOB_PUBLISHED, NULL);
	r->published++;
}

/* After the commit: the originals, then that nothing is left. */
static void
clear_away(struct runner *r)
{
	struct err e = {0};

	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (j->stage != STAGE_PUBLISH && j->stage != STAGE_FAILED)
			continue;
		if (move_original(r, &j->record, &e) != 0) {
			runner_fatal(r, &e);
			return;
		}
		keys_feed(r);
	}
	if (spool_sync(r->spool, false, &e) != 0) {
		runner_fatal(r, &e);
		return;
	}
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (j->stage != STAGE_PUBLISH && j->stage != STAGE_FAILED)
			continue;
		if (runner_record(r))
			queue_job_set_cleaned(r->queue, &j->record, &e);
		j->stage = STAGE_END;
	}
}

static size_t
count_stage(const struct runner *r, enum stage stage)
{
	int64_t now = clock_mono_ms();
	size_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		n += j->stage == stage && j->again_ms <= now;
	return n;
}

bool
finish_due(struct runner *r)
{
	size_t n = count_stage(r, STAGE_PUBLISH) + count_stage(r, STAGE_FAILED);

	if (n == 0) {
		r->ready_ms = 0;
		return false;
	}
	if (r->ready_ms == 0)
		r->ready_ms = clock_mono_ms();
	return n >= GROUP || !runner_expects_more(r) ||
	       clock_mono_ms() - r->ready_ms >= FINISH_MS;
}

void
finish_jobs(struct runner *r)
{
	struct err e = {0};

	r->ready_ms = 0;
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (j->stage == STAGE_PUBLISH) {
			deliver(r, j);
			keys_feed(r);
		}
	}
	if (count_stage(r, STAGE_PUBLISH) > 0 &&
	    spool_sync(r->spool, false, &e) != 0) {
		runner_fatal(r, &e);
		return;
	}
	keys_feed(r);
	for (struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->stage == STAGE_PUBLISH)
			record_published(r, j);
	if (runner_commit(r) == 0)
		clear_away(r);
}
