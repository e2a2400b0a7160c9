/*
 * Ends of jobs.  The order is what makes them safe: "verified" is committed
 * before an output may leave work/; the output has its delivery name and is
 * durable before the queue says "published"; the original leaves work/ only
 * after that is committed.  Every step may be repeated after a crash.
 */
#include "signer/batch/finish.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "signer/batch/exams.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/pool.h"
#include "signer/batch/revoke.h"
#include "signer/report/explain.h"
#include "signer/report/words.h"
#include "spool/publish.h"

#include <stdio.h>
#include <string.h>

/* The number makes it the text of this job alone: spool_fail knows its own
 * reason file by it. */
int
finish_reason(const struct conf *c, const struct job *j, struct buf *out)
{
	char when[CLOCK_TEXT_SIZE], operator_language[8], detail[600];
	int result;

	snprintf(
	    operator_language, sizeof operator_language, "%s", i18n_language());
	i18n_use(c->report_language);
	result = buf_printf(out,
	    _("natsuin did not sign this file.\n\n"
	      "File:   %s\nWhen:   %s\nNumber: %s\nReason: %s\n        %s\n"
	      "What to do: %s\n\nCode: %s\n"),
	    j->path, clock_text(j->changed_ms, when), j->name,
	    explain_what(j->code),
	    words_detail(j->detail, detail, sizeof detail),
	    explain_todo(j->code), j->code);
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
	size_t parts = j->findings.part_count;
	struct err e = {0};

	for (size_t i = 0; i < parts * j->drop->sign_with.count; i++) {
		struct bkey *k = place_signer(r, j, i % parts, i / parts);

		if (key_check_again(k, &e) == 0)
			continue;
		key_stop(r, k, &e);
		job_hold(r, j, k->conf->name, &e);
		return -1;
	}
	return 0;
}

/* What is known of its certificates is too old: the answer is awaited. */
static bool
certificates_awaited(struct runner *r, struct bjob *j)
{
	size_t parts = j->findings.part_count;
	bool awaited = false;

	for (size_t i = 0; i < parts * j->drop->sign_with.count; i++)
		if (revoke_is_due(r, place_signer(r, j, i % parts, i / parts)))
			awaited = true;
	return awaited;
}

/* Chooses the jobs whose names move now. */
static void
choose_leaving(struct runner *r)
{
	int64_t now = clock_mono_ms();

	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		j->leaving = j->stage == STAGE_FAILED;
		if (j->stage != STAGE_PUBLISH || j->again_ms > now)
			continue;
		/* What has been sent cannot be called back. */
		j->leaving = j->sent || (!certificates_awaited(r, j) &&
					    certificates_hold(r, j) == 0);
	}
}

static bool
is_leaving(const struct bjob *j, enum stage stage)
{
	return j->leaving && j->stage == stage;
}

static size_t
count_leaving(const struct runner *r, enum stage stage)
{
	size_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		n += is_leaving(j, stage);
	return n;
}

/* "verified" means: the output is durable in work/, and may be on its way
 * out.  So after a crash an output that is not there has been delivered. */
static void
record_verified(struct runner *r)
{
	struct err e = {0};

	if (count_leaving(r, STAGE_PUBLISH) == 0)
		return;
	if (spool_sync(r->spool, true, &e) != 0) {
		runner_fatal(r, &e);
		return;
	}
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (!is_leaving(j, STAGE_PUBLISH) ||
		    j->record.state == JOB_VERIFIED)
			continue;
		snprintf(j->record.output, sizeof j->record.output, "%.*s",
		    (int)sizeof j->record.output - 1, j->output_name);
		if (runner_record(r))
			queue_job_set_output(r->queue, &j->record, &e);
		job_step(r, j, JOB_VERIFIED, NULL);
	}
}

/* Moves the output to its delivery name. */
static void
deliver(struct runner *r, struct bjob *j)
{
	struct spool_job p = job_place(j);
	struct err e = {0};
	bool again = j->sent;

	j->sent = true;
	if (spool_publish(r->spool, &p, j->output_name, j->built.sha256, again,
		j->record.output, &e) == 0)
		return;
	j->leaving = false;
	job_error(r, j, &e);
}

static void
deliver_all(struct runner *r)
{
	struct err e = {0};

	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (!is_leaving(j, STAGE_PUBLISH))
			continue;
		deliver(r, j);
		if (r->fatal.class != ERR_NONE)
			return;
		keys_feed(r);
	}
	if (count_leaving(r, STAGE_PUBLISH) > 0 &&
	    spool_sync(r->spool, true, &e) != 0)
		runner_fatal(r, &e);
	keys_feed(r);
}

static void
record_published(struct runner *r)
{
	struct err e = {0};

	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (!is_leaving(j, STAGE_PUBLISH) || !runner_record(r))
			continue;
		queue_job_set_output(r->queue, &j->record, &e);
		job_step(r, j, JOB_PUBLISHED, NULL);
		r->published++;
	}
}

/* After the commit: the originals, then that nothing is left.  A job that
 * fails meanwhile is not yet committed and waits for the next time. */
static void
clear_away(struct runner *r)
{
	struct err e = {0};

	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (!j->leaving)
			continue;
		if (move_original(r, &j->record, &e) != 0) {
			runner_fatal(r, &e);
			return;
		}
		keys_feed(r);
	}
	if (spool_sync(r->spool, true, &e) != 0) {
		runner_fatal(r, &e);
		return;
	}
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (!j->leaving)
			continue;
		if (runner_record(r))
			queue_job_set_cleaned(r->queue, &j->record, &e);
		j->stage = STAGE_END;
	}
}

/* Names move in several slow steps: not just when the first filings of a
 * batch are to be examined for a card that runs dry.  (Later it would only
 * keep the places of those that are to be claimed.) */
int64_t
finish_wait_ms(const struct runner *r)
{
	if (r->published == 0 && exams_line_is_low(r) &&
	    jobs_waiting(r, STAGE_EXAM) > 0)
		return FINISH_LOW_MS;
	return FINISH_MS;
}

bool
finish_due(struct runner *r)
{
	size_t n =
	    jobs_waiting(r, STAGE_PUBLISH) + jobs_waiting(r, STAGE_FAILED);

	if (n == 0) {
		r->ready_ms = 0;
		return false;
	}
	if (r->ready_ms == 0)
		r->ready_ms = clock_mono_ms();
	return n >= GROUP || !runner_expects_more(r) ||
	       clock_mono_ms() - r->ready_ms >= finish_wait_ms(r);
}

void
finish_jobs(struct runner *r)
{
	r->ready_ms = 0;
	choose_leaving(r);
	record_verified(r);
	if (runner_commit(r) != 0)
		return;
	deliver_all(r);
	record_published(r);
	if (runner_commit(r) == 0)
		clear_away(r);
}
