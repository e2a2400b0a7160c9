/*
 * Jobs in memory.  A job is freed only at STAGE_END; whatever happens to it
 * before is recorded first, so that after a crash the queue alone tells
 * where to go on.
 */
#include "signer/batch/jobs.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/batch/keys.h"
#include "signer/batch/pool.h"
#include "signer/batch/sign.h"
#include "signer/exam/signedinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_DELAY_MS 1000

struct bjob *
job_new(struct runner *r, const struct job *record)
{
	struct bjob *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	j->record = *record;
	j->drop = conf_drop_find(r->conf, record->drop);
	j->exam = j->builder = -1;
	findings_init(&j->findings);
	*r->jobs_end = j;
	r->jobs_end = &j->next;
	r->job_count++;
	return j;
}

bool
job_in_memory(const struct runner *r, int64_t id)
{
	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->record.id == id && j->stage != STAGE_END)
			return true;
	return false;
}

static void
job_free(struct bjob *j)
{
	for (size_t i = 0; i < j->sig_count; i++)
		buf_free(&j->sigs[i].value);
	free(j->sigs);
	findings_free(&j->findings);
	free(j);
}

void
jobs_sweep(struct runner *r)
{
	struct bjob **at = &r->jobs;

	while (*at != NULL) {
		struct bjob *j = *at;

		if (j->stage != STAGE_END || j->exam >= 0) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		for (size_t i = 0; i < r->key_count; i++)
			key_line_forget(&r->keys[i], j);
		sign_leave_gates(r, j, false);
		job_free(j);
		r->job_count--;
	}
	r->jobs_end = at;
}

void
jobs_free(struct runner *r)
{
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		j->stage = STAGE_END;
		j->exam = -1;
	}
	jobs_sweep(r);
}

struct spool_job
job_place(const struct bjob *j)
{
	struct spool_job p = {j->record.name, j->record.batch_name, j->drop,
	    j->record.source, j->record.path, j->record.folder};

	return p;
}

struct bkey *
runner_key(struct runner *r, const char *name)
{
	for (size_t i = 0; i < r->key_count; i++)
		if (strcmp(r->keys[i].conf->name, name) == 0)
			return &r->keys[i];
	return NULL;
}

void
job_step(
    struct runner *r, struct bjob *j, enum job_state to, const struct err *why)
{
	struct err e = {0};
	char path[300];

	if (!runner_record(r))
		return;
	queue_job_step(r->queue, &j->record, to, why, clock_wall_ms(), &e);
	log_event(LOG_LEVEL_INFO, "job.step",
	    "job=%s state=%s code=%s path=\"%s\"", j->record.name,
	    job_state_name(to), why == NULL ? "" : why->code,
	    text_escape(path, sizeof path, j->record.path));
}

/* The job leaves the pipeline; its lines and gates forget it at the sweep. */
static void
job_leave(struct runner *r, struct bjob *j, enum stage stage)
{
	for (size_t i = 0; i < r->key_count; i++)
		key_line_forget(&r->keys[i], j);
	sign_leave_gates(r, j, false);
	j->stage = stage;
}

void
job_count_held(struct runner *r, enum err_class why, bool taken)
{
	uint64_t *of_class = &r->held_by_class[why];

	if (taken && *of_class > 0) {
		(*of_class)--;
		r->held--;
	} else if (!taken) {
		(*of_class)++;
		r->held++;
	}
}

void
job_hold(
    struct runner *r, struct bjob *j, const char *key, const struct err *why)
{
	struct err e = {0};

	job_step(r, j, JOB_HELD, why);
	if (runner_record(r)) {
		snprintf(j->record.key, sizeof j->record.key, "%s", key);
		queue_job_set_key(r->queue, &j->record, &e);
	}
	job_count_held(r, why->class, false);
	job_leave(r, j, STAGE_END);
}

static void
job_fail(struct runner *r, struct bjob *j, const struct err *why)
{
	job_step(r, j, JOB_FAILED, why);
	r->failed++;
	job_leave(r, j, STAGE_FAILED);
}

void
job_error(struct runner *r, struct bjob *j, const struct err *e)
{
	struct decision d = decide(e);

	if (d.stops_program) {
		runner_fatal(r, e);
		return;
	}
	switch (d.job) {
	case JOB_TRIES_AGAIN:
		if (++j->tries < TRANSIENT_TRIES) {
			j->again_ms = clock_mono_ms() + RETRY_DELAY_MS;
			log_err(LOG_LEVEL_WARN, "job.again", e);
			return;
		}
		job_hold(r, j, "", e);
		return;
	case JOB_FAILS:
		job_fail(r, j, e);
		return;
	case JOB_IS_HELD:
		log_err(LOG_LEVEL_ERROR, "job.held", e);
		job_hold(r, j, "", e);
		return;
	}
}

char *
bsig_name(const struct bsig *s, char out[KEY_JOB_ID_MAX])
{
	snprintf(out, KEY_JOB_ID_MAX, "%s.%u.%u", s->job->record.name, s->part,
	    s->signer);
	return out;
}

int
bsig_signed_info(const struct bsig *s, struct buf *out, struct err *e)
{
	const struct found_part *p = &s->job->findings.parts[s->part];

	if (signedinfo_for(s->key->algorithm, buf_view(&p->signed_info), out) !=
	    0)
		return err_nomem(e);
	return 0;
}

/* The earlier job in words for a report's detail. */
static void
earlier_err(struct err *e, const char *code, const struct queue_earlier *x)
{
	err_set(e, ERR_INPUT, code, "%s %s", x->batch, x->path);
}

/* By the key, or by any of its pool: one that is away is known by its name
 * and by the certificate that it showed last. */
static int
signed_before(struct runner *r, const struct bjob *j, const struct bsig *s,
    struct queue_earlier *x, struct err *e)
{
	const uint8_t *content = j->findings.parts[s->part].duplicate;
	struct place p;
	int found = 0;

	place_get(r, j->drop, s->signer, &p);
	for (size_t i = 0; found == 0 && i < p.count; i++) {
		const struct bkey *k = p.member[i].key;

		if (p.by_agent && !place_fits(&p, i, j))
			continue;
		if (k->spki_known)
			found = queue_find_duplicate(
			    r->queue, j->record.id, content, k->spki, x, e);
		if (found == 0 && p.count > 1)
			found = queue_find_duplicate_by(r->queue, j->record.id,
			    content, k->conf->name, x, e);
	}
	return found;
}

int
job_find_duplicate(struct runner *r, struct bjob *j, struct err *why)
{
	struct queue_earlier x;
	struct err e = {0};
	int found = 0;

	if ((j->record.allow & JOB_ALLOW_DUPLICATE) != 0)
		return 0;
	if (j->findings.unsigned_only)
		found = queue_find_input(
		    r->queue, j->record.id, j->record.sha256, &x, &e);
	for (size_t i = 0; found == 0 && i < j->sig_count; i++)
		found = signed_before(r, j, &j->sigs[i], &x, &e);
	if (found == 1)
		earlier_err(why, "duplicate", &x);
	if (found < 0)
		runner_fatal(r, &e);
	return found;
}

/* Everything is signed already by the keys that would sign. */
static int
find_own_output(struct runner *r, struct bjob *j, struct err *why)
{
	struct queue_earlier x;
	struct err e = {0};

	if (j->sig_count > 0 || j->findings.unsigned_only)
		return 0;
	if (queue_find_output(
		r->queue, j->record.id, j->record.sha256, &x, &e) == 1)
		earlier_err(why, "already-signed", &x);
	else
		err_set(why, ERR_INPUT, "already-signed", "%s", "");
	return 1;
}

/* Published before for the same taxpayer, procedure and period?  Warns, or
 * returns 1 with *why where the drop folder wants it held. */
static int
find_resubmission(struct runner *r, struct bjob *j, struct err *why)
{
	struct queue_earlier x;
	struct err e = {0};
	char when[CLOCK_TEXT_SIZE];
	int found = queue_find_filing(r->queue, j->record.id,
	    j->record.taxpayer, j->record.procedure, j->record.period, &x, &e);

	if (found < 0)
		runner_fatal(r, &e);
	if (found != 1)
		return found;
	clock_text(x.when_ms, when);
	when[10] = '\0';
	if (j->drop->resubmission == CONF_RESUBMISSION_HOLD &&
	    (j->record.allow & JOB_ALLOW_RESUBMISSION) == 0) {
		err_set(why, ERR_INPUT, "resubmission-held", "%s %s %s",
		    x.batch, when, x.path);
		return 1;
	}
	findings_warn(
	    &j->findings, "resubmission", "%s %s %s", x.batch, when, x.path);
	return 0;
}

void
job_record_findings(struct runner *r, struct bjob *j)
{
	const struct findings *f = &j->findings;
	struct job *t = &j->record;
	struct ipc_msg m = {0};
	struct err e = {0};

	snprintf(t->format, sizeof t->format, "%s", f->format);
	snprintf(t->procedure, sizeof t->procedure, "%s", f->procedure);
	snprintf(t->taxpayer, sizeof t->taxpayer, "%.79s",
	    f->taxpayer_id[0] != '\0' ? f->taxpayer_id : f->taxpayer_name);
	snprintf(t->period, sizeof t->period, "%s", f->period);
	ipc_begin(&m, 0);
	findings_put(&m, f);
	if (m.failed && err_nomem(&e) != 0)
		runner_fatal(r, &e);
	else if (runner_record(r))
		queue_job_set_findings(r->queue, t, ipc_body(&m), &e);
	ipc_free(&m);
}

void
job_refused(struct runner *r, struct bjob *j)
{
	findings_refuse(&j->findings);
	job_record_findings(r, j);
}

void
job_examined(struct runner *r, struct bjob *j)
{
	struct err why = {0};
	const char *key = "";

	for (j->format = 0; submission_formats[j->format] != NULL; j->format++)
		if (strcmp(submission_formats[j->format]->name,
			j->findings.format) == 0)
			break;
	/* Its own to say, not the examiner's. */
	memset(&j->findings.people, 0, sizeof j->findings.people);
	job_record_findings(r, j);
	if (!j->findings.unsigned_only && place_check_agent(r, j, &why) != 0) {
		job_error(r, j, &why);
		return;
	}
	if (!j->findings.unsigned_only && job_keys_stopped(r, j, &key, &why)) {
		job_hold(r, j, key, &why);
		return;
	}
	/* A key came, or came back, meanwhile: who has signed already was
	 * looked for without it. */
	if (!j->findings.unsigned_only &&
	    (j->keys_seen == 0 || j->keys_seen != job_keys_opened(r, j))) {
		j->stage = STAGE_EXAM;
		return;
	}
	if (sign_plan(r, j, &why) != 0 || find_own_output(r, j, &why) != 0) {
		if (r->fatal.class == ERR_NONE)
			job_error(r, j, &why);
		return;
	}
	if (find_resubmission(r, j, &why) != 0) {
		if (r->fatal.class == ERR_NONE)
			job_hold(r, j, "", &why);
		return;
	}
	if (j->findings.warning_count > 0)
		job_record_findings(r, j);
	job_step(r, j, JOB_EXAMINED, NULL);
	j->stage = STAGE_INTEND;
	j->tries = 0;
}

bool
jobs_are_coming(const struct runner *r)
{
	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->stage == STAGE_EXAM || j->stage == STAGE_INTEND ||
		    (j->stage == STAGE_SIGN && !j->durable))
			return true;
	return false;
}

size_t
jobs_waiting(const struct runner *r, enum stage stage)
{
	int64_t now = clock_mono_ms();
	size_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		n += j->stage == stage && j->again_ms <= now;
	return n;
}
