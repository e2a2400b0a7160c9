/*
 * The pool of examiners.  Each has one request at a time; what it says is
 * believed only for the job it was given.  One that dies or does not answer
 * in time costs that job, not the batch: a new one starts.
 */
#include "signer/batch/exams.h"

#include "base/clock.h"
#include "base/log.h"
#include "signer/batch/crash.h"
#include "signer/batch/drops.h"
#include "signer/batch/finish.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/pool.h"
#include "signer/batch/sign.h"
#include "signer/exam/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WALL_PER_CPU 5 /* a filing's wall clock time, times its CPU time */

int
exams_start(struct runner *r, struct err *e)
{
	int64_t n = r->conf->examiners;

	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 2)
		n = 2; /* one builds, another verifies */
	if (n > EXAMINERS_MAX)
		n = EXAMINERS_MAX;
	for (size_t i = 0; i < (size_t)n; i++) {
		if (examiner_start(&r->exams[i].x, &r->conf->limits, e) != 0)
			return -1;
		r->exam_count++;
	}
	return 0;
}

void
exams_stop(struct runner *r)
{
	for (size_t i = 0; i < r->exam_count; i++) {
		examiner_stop(&r->exams[i].x);
		exam_reply_free(&r->exams[i].reply);
	}
	r->exam_count = 0;
}

bool
exams_busy(const struct runner *r)
{
	for (size_t i = 0; i < r->exam_count; i++)
		if (r->exams[i].job != NULL || r->exams[i].look != NULL)
			return true;
	return false;
}

int64_t
exams_deadline(const struct runner *r)
{
	int64_t first = -1;

	for (size_t i = 0; i < r->exam_count; i++) {
		const struct bexam *x = &r->exams[i];

		if (x->job == NULL && x->look == NULL)
			continue;
		if (first < 0 || x->deadline_ms < first)
			first = x->deadline_ms;
	}
	return first;
}

/* The spool's members as the examiner's. */
static int
to_drop(struct drop *d, const struct spool_members *m, const char *name,
    bool folder, struct err *e)
{
	d->name = name;
	d->folder = folder;
	d->count = m->count;
	d->members = calloc(m->count + 1, sizeof *d->members);
	if (d->members == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < m->count; i++) {
		d->members[i].name = m->member[i].name;
		d->members[i].fd = m->member[i].fd;
		d->members[i].size = m->member[i].size;
	}
	return 0;
}

static void
set_signers(struct runner *r, const struct conf_drop *d, struct exam_options *o)
{
	o->unsigned_only = d->unsigned_only;
	o->sign_form_root = d->sign_form_root;
	for (size_t at = 0; at < d->sign_with.count; at++) {
		struct place p;

		place_get(r, d, at, &p);
		for (size_t i = 0; i < p.count; i++) {
			const struct bkey *k = p.member[i].key;
			struct exam_signer *s = &o->signers[o->signer_count++];

			snprintf(s->etax_user_id, sizeof s->etax_user_id, "%s",
			    k->conf->etax_user_id);
			s->known = k->spki_known;
			memcpy(s->spki, k->spki, sizeof s->spki);
			s->or_else = i > 0;
			s->by_agent = p.by_agent;
		}
	}
}

static const char *
wanted_format(const struct conf_drop *d)
{
	static const char *const names[] = {"auto", "etax", "egov"};

	return names[d->format];
}

/* Arrays of a request that the caller frees. */
struct request_parts {
	struct spool_members in;
	int output;
	struct slice *plans;
	struct new_signature *sigs;
	struct exam_expected *expected;
	struct member output_member;
};

static void
parts_free(struct request_parts *p, struct exam_request *q)
{
	spool_members_close(&p->in);
	free(q->drop.members == &p->output_member ? NULL : q->drop.members);
	free(q->input.members);
	free(p->plans);
	free(p->sigs);
	free(p->expected);
	if (p->output >= 0)
		close(p->output);
}

static int
fill_build(struct runner *r, struct bjob *j, struct request_parts *p,
    struct exam_request *q, struct err *e)
{
	struct spool_job place = job_place(j);

	q->when_ms = j->record.created_ms;
	p->plans = calloc(j->findings.part_count + 1, sizeof *p->plans);
	p->sigs = calloc(j->sig_count + 1, sizeof *p->sigs);
	if (p->plans == NULL || p->sigs == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < j->findings.part_count; i++)
		p->plans[i] = buf_view(&j->findings.parts[i].plan);
	for (size_t i = 0; i < j->sig_count; i++) {
		const struct bsig *s = &j->sigs[i];

		if (i == 0)
			q->when_ms = s->time_ms;
		p->sigs[i].part = s->part;
		snprintf(p->sigs[i].id, sizeof p->sigs[i].id, "%s", s->id);
		p->sigs[i].value = buf_view(&s->value);
		p->sigs[i].certificate = buf_view(&s->key->status.certificate);
	}
	q->plans = p->plans;
	q->plan_count = j->findings.part_count;
	q->sigs = p->sigs;
	q->sig_count = j->sig_count;
	p->output = spool_create_output(r->spool, &place, e);
	q->out = p->output;
	return p->output < 0 ? -1 : 0;
}

/* Every signer's signature of every part must be found valid, whether it was
 * made now or before. */
static int
fill_expected(struct runner *r, struct bjob *j, struct request_parts *p,
    struct exam_request *q, struct err *e)
{
	const struct conf_list *signers = &j->drop->sign_with;
	size_t n = 0;

	p->expected = calloc(
	    j->findings.part_count * signers->count + 1, sizeof *p->expected);
	if (p->expected == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < j->findings.part_count; i++) {
		for (size_t k = 0; k < signers->count; k++) {
			const struct bkey *key = place_signer(r, j, i, k);

			snprintf(p->expected[n].part,
			    sizeof p->expected[n].part, "%s",
			    j->findings.parts[i].name);
			memcpy(
			    p->expected[n++].spki, key->spki, FINDINGS_SHA256);
		}
	}
	q->expected = p->expected;
	q->expected_count = j->findings.unsigned_only ? 0 : n;
	return 0;
}

static int
fill_verify(struct runner *r, struct bjob *j, struct request_parts *p,
    struct exam_request *q, struct err *e)
{
	struct spool_job place = job_place(j);

	p->output = spool_open_output(r->spool, &place, e);
	if (p->output < 0)
		return -1;
	q->input = q->drop;
	p->output_member.name = j->output_name;
	p->output_member.fd = p->output;
	p->output_member.size = j->built.size;
	q->drop = (struct drop){j->output_name, false, &p->output_member, 1};
	return fill_expected(r, j, p, q, e);
}

static int
send_job(struct runner *r, struct bexam *x, struct bjob *j, enum exam_op op,
    struct err *e)
{
	struct spool_job place = job_place(j);
	struct exam_request q = {.op = op, .out = -1};
	struct request_parts p = {.output = -1};
	int result = -1;

	examiner_options(r->conf, &q.options);
	set_signers(r, j->drop, &q.options);
	q.token = (uint64_t)j->record.id;
	q.format =
	    op == EXAM_EXAMINE ? wanted_format(j->drop) : j->findings.format;
	if (spool_open_input(r->spool, &place,
		(size_t)r->conf->limits.members_max, &p.in, e) != 0 ||
	    to_drop(&q.drop, &p.in, j->record.path, j->record.folder, e) != 0)
		goto out;
	if (op == EXAM_BUILD && fill_build(r, j, &p, &q, e) != 0)
		goto out;
	if (op == EXAM_VERIFY && fill_verify(r, j, &p, &q, e) != 0)
		goto out;
	if (exam_request_send(x->x.fd, &q, e) != 0)
		goto out;
	result = 0;
out:
	parts_free(&p, &q);
	return result;
}

static void
restart(struct runner *r, struct bexam *x)
{
	struct err e = {0};

	exam_reply_free(&x->reply);
	if (examiner_start(&x->x, &r->conf->limits, &e) != 0)
		runner_fatal(r, &e);
}

/* Every examiner ends by itself: the fault is not in the filings. */
static void
count_exit(struct runner *r, int status)
{
	struct err e = {0};

	if (!WIFEXITED(status) || ++r->exits < EXITS_MAX)
		return;
	err_set(&e, ERR_CONFIG, "examiner-unusable", "status %d",
	    WEXITSTATUS(status));
	runner_fatal(r, &e);
}

/* Another one for one that does not take requests any more. */
static void
replace(struct runner *r, struct bexam *x)
{
	count_exit(r, examiner_stop(&x->x));
	if (r->fatal.class == ERR_NONE)
		restart(r, x);
}

/* A request could not be sent: is that the examiner's fault? */
static bool
takes_nothing(const struct err *e)
{
	return e->errnum == EPIPE || e->errnum == EAGAIN;
}

static void
begin(struct runner *r, struct bexam *x, enum exam_op op)
{
	x->op = op;
	err_clear(&x->schema);
	x->deadline_ms = clock_mono_ms() +
			 r->conf->limits.examiner_cpu_s * 1000 * WALL_PER_CPU;
	exam_reply_free(&x->reply);
}

static void
give(struct runner *r, struct bexam *x, struct bjob *j, enum exam_op op)
{
	struct err e = {0};

	if (send_job(r, x, j, op, &e) != 0) {
		if (takes_nothing(&e))
			replace(r, x);
		job_error(r, j, &e);
		return;
	}
	begin(r, x, op);
	if (op == EXAM_EXAMINE)
		j->keys_seen = job_keys_opened(r, j);
	x->job = j;
	j->exam = (int)(x - r->exams);
}

static struct bexam *
idle_examiner(struct runner *r, int other_than)
{
	for (size_t i = 0; i < r->exam_count; i++) {
		struct bexam *x = &r->exams[i];

		if (x->job == NULL && x->look == NULL && (int)i != other_than)
			return x;
	}
	return NULL;
}

bool
exams_look(struct runner *r, struct bdrop *d, size_t at)
{
	const struct spool_found *f = &d->scan.found[at];
	struct bexam *x = idle_examiner(r, -1);
	struct exam_request q = {.op = EXAM_MISSING, .out = -1};
	struct spool_members m = {0};
	struct err e = {0};
	bool looking = true;

	if (x == NULL)
		return false;
	examiner_options(r->conf, &q.options);
	q.format = wanted_format(d->conf);
	if (spool_open_found(r->spool, f, (size_t)r->conf->limits.members_max,
		&m, &e) != 0 ||
	    to_drop(&q.drop, &m, f->path, f->folder, &e) != 0 ||
	    exam_request_send(x->x.fd, &q, &e) != 0) {
		looking = !takes_nothing(&e);
		if (looking)
			drop_looked(r, d, at, &e);
		else
			replace(r, x);
	} else {
		begin(r, x, EXAM_MISSING);
		x->look = d;
		x->look_at = at;
	}
	spool_members_close(&m);
	free(q.drop.members);
	return looking;
}

static bool
wants(const struct bjob *j, enum stage stage, int64_t now)
{
	return j->stage == stage && j->exam < 0 && j->again_ms <= now;
}

/* Gives one waiting job of a stage to an examiner; false when there is no
 * such job or no examiner for it. */
static bool
dispatch_stage(struct runner *r, enum stage stage, enum exam_op op)
{
	int64_t now = clock_mono_ms();

	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		struct bexam *x;

		if (!wants(j, stage, now))
			continue;
		if (stage == STAGE_EXAM && !job_keys_decided(r, j))
			continue;
		x = idle_examiner(r, stage == STAGE_VERIFY ? j->builder : -1);
		if (x == NULL)
			continue;
		give(r, x, j, op);
		return true;
	}
	return false;
}

/* True when some open key has too little to sign.  Where the first filing is
 * not yet verified the line cannot fill, and examining more would only make
 * that one wait. */
bool
exams_line_is_low(const struct runner *r)
{
	for (size_t i = 0; i < r->key_count; i++)
		if (r->keys[i].state == KEY_OPEN &&
		    r->keys[i].line_length < LINE_LOW &&
		    !key_waits_for_first(&r->keys[i]))
			return true;
	return false;
}

static void
give_all(struct runner *r)
{
	bool exam_first = exams_line_is_low(r);

	while (r->fatal.class == ERR_NONE && idle_examiner(r, -1) != NULL) {
		if (exam_first && dispatch_stage(r, STAGE_EXAM, EXAM_EXAMINE))
			continue;
		if (dispatch_stage(r, STAGE_VERIFY, EXAM_VERIFY) ||
		    dispatch_stage(r, STAGE_BUILD, EXAM_BUILD))
			continue;
		if (sign_first_hurries(r) ||
		    !dispatch_stage(r, STAGE_EXAM, EXAM_EXAMINE))
			return;
	}
}

void
exams_dispatch(struct runner *r)
{
	give_all(r);
	r->examiners_full = idle_examiner(r, -1) == NULL;
}

size_t
exams_poll(const struct runner *r, struct pollfd *fds)
{
	for (size_t i = 0; i < r->exam_count; i++)
		fds[i] = (struct pollfd){r->exams[i].x.fd, POLLIN, 0};
	return r->exam_count;
}

/* What an examiner's end means for the job that it had.  A crash is the
 * filing's when it happens again: somebody else may have killed the first.
 * One that ended by itself could not work at all. */
static void
why_it_died(struct bjob *j, int status, bool late, struct err *e)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (late || (number != 0 && sandbox_is_cpu_signal(number)))
		err_set(e, ERR_INPUT, "examiner-too-long", "%s", "");
	else if (number == 0)
		err_set(e, ERR_TRANSIENT_IO, "examiner-ended", "status %d",
		    WEXITSTATUS(status));
	else if (j != NULL && ++j->deaths < DEATHS)
		err_set(
		    e, ERR_TRANSIENT_IO, "examiner-died", "signal %d", number);
	else
		err_set(e, ERR_INPUT, "examiner-died", "signal %d", number);
}

/* An examiner is gone: why is in its wait status. */
static void
died(struct runner *r, struct bexam *x, bool late)
{
	int status = examiner_stop(&x->x);
	struct bjob *j = x->job;
	struct bdrop *d = x->look;
	struct err e = {0};

	x->job = NULL;
	x->look = NULL;
	log_event(LOG_LEVEL_ERROR, "examiner.died", "status=%d late=%d", status,
	    late);
	why_it_died(j, status, late, &e);
	count_exit(r, status);
	if (r->fatal.class == ERR_NONE)
		restart(r, x);
	if (d != NULL) {
		e.class = ERR_INPUT; /* looked at for long enough: take it */
		drop_looked(r, d, x->look_at, &e);
	}
	if (j == NULL)
		return;
	j->exam = -1;
	if (j->stage != STAGE_END)
		job_error(r, j, &e);
}

static void
answer_schema(struct runner *r, struct bexam *x)
{
	char sha256[65] = "";
	struct err e = {0};
	int bundle = -1;

	if (r->schemas != NULL)
		bundle = schema_store_find(r->schemas, x->reply.procedure,
		    x->reply.version, sha256, &e);
	/* That one is unreadable is no reason to check less. */
	if (bundle < 0 && e.class != ERR_NONE && e.errnum != ENOENT) {
		x->schema = e;
		x->schema.class = ERR_TRANSIENT_IO;
	}
	if (exam_schema_send(x->x.fd, bundle, sha256, &e) != 0)
		log_err(LOG_LEVEL_ERROR, "schema.unsent", &e);
	if (bundle >= 0)
		close(bundle);
}

/* "verified" is recorded by finish_jobs, once the output's name in work/ is
 * durable. */
static void
verified(struct runner *r, struct bjob *j)
{
	log_event(LOG_LEVEL_INFO, "job.good", "job=%s", j->record.name);
	sign_open_gates(r, j);
	j->stage = STAGE_PUBLISH;
	j->tries = 0;
}

static void
built(struct runner *r, struct bjob *j, const struct bexam *x)
{
	struct err e = {0};

	j->built = x->reply.built;
	j->builder = (int)(x - r->exams);
	j->record.output_size = j->built.size;
	memcpy(j->record.output_sha256, j->built.sha256, FINDINGS_SHA256);
	if (runner_record(r))
		queue_job_set_output(r->queue, &j->record, &e);
	job_step(r, j, JOB_BUILT, NULL);
	j->stage = STAGE_VERIFY;
	j->tries = 0;
}

static void
take_findings(struct bjob *j, struct bexam *x)
{
	findings_free(&j->findings);
	j->findings = x->reply.findings;
	findings_init(&x->reply.findings);
}

/* A failed verification is ours, never the filing's: the first of a key and
 * format closes the gate for all others. */
static void
not_done(struct runner *r, struct bexam *x, struct bjob *j, const struct err *e)
{
	if (x->op == EXAM_VERIFY && e->class == ERR_BUG)
		sign_leave_gates(r, j, true);
	if (x->op == EXAM_EXAMINE && e->class == ERR_INPUT) {
		take_findings(j, x);
		job_refused(r, j);
	}
	job_error(r, j, e);
}

/* The next stage of a job that an examiner is done with. */
static void
advance(struct runner *r, struct bexam *x, struct bjob *j)
{
	switch (x->op) {
	case EXAM_EXAMINE:
		take_findings(j, x);
		snprintf(j->output_name, sizeof j->output_name, "%s",
		    x->reply.output_name);
		job_examined(r, j);
		break;
	case EXAM_BUILD:
		built(r, j, x);
		break;
	case EXAM_VERIFY:
		verified(r, j);
		break;
	case EXAM_MISSING:
	case EXAM_REVOKE: /* has an examiner of its own */
		break;
	}
}

/* What an examiner may say of itself.  It reads foreign bytes, so it must
 * not be able to stop the program or a key: only a build may report a full
 * disk, and whatever is not the filing's fault is tried again or held. */
static enum err_class
believed(enum exam_op op, enum err_class class)
{
	switch (class) {
	case ERR_NONE:
	case ERR_INPUT:
	case ERR_TRANSIENT_IO:
	case ERR_BUG:
		return class;
	case ERR_FATAL_IO:
		return op == EXAM_BUILD ? class : ERR_TRANSIENT_IO;
	case ERR_CERTIFICATE:
	case ERR_PIN:
	case ERR_CARD:
	case ERR_CONFIG:
	case ERR_CLASS_MAX:
		break;
	}
	return ERR_BUG;
}

static void
done(struct runner *r, struct bexam *x)
{
	struct bjob *j = x->job;
	struct err e = x->reply.error;

	e.class = believed(x->op, e.class);
	if (x->schema.class != ERR_NONE)
		e = x->schema;
	r->exits = 0;
	x->job = NULL;
	j->exam = -1;
	if (j->stage == STAGE_END || j->stage == STAGE_FAILED)
		return;
	crash_blame(j->record.id);
	if (e.class != ERR_NONE)
		not_done(r, x, j, &e);
	else
		advance(r, x, j);
	crash_blame(0);
}

static void
receive_from(struct runner *r, struct bexam *x)
{
	struct err e = {0};
	struct bdrop *d = x->look;
	int type = exam_reply_receive(x->x.fd, &x->reply, &e);

	if (type == EXAM_REPLY_MORE)
		return;
	if (type == EXAM_REPLY_SCHEMA && x->job != NULL) {
		answer_schema(r, x);
		return;
	}
	if (type == EXAM_REPLY_DONE && d != NULL) {
		x->look = NULL;
		drop_looked(r, d, x->look_at, &x->reply.error);
		return;
	}
	if (type == EXAM_REPLY_DONE && x->job != NULL &&
	    x->reply.token == (uint64_t)x->job->record.id) {
		done(r, x);
		return;
	}
	if (type < 0)
		log_err(LOG_LEVEL_ERROR, "examiner.broken", &e);
	died(r, x, false);
}

void
exams_receive(struct runner *r, const struct pollfd *fds)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < r->exam_count; i++) {
		struct bexam *x = &r->exams[i];

		if (r->fatal.class != ERR_NONE)
			return;
		if (fds[i].revents != 0)
			receive_from(r, x);
		else if ((x->job != NULL || x->look != NULL) &&
			 now > x->deadline_ms)
			died(r, x, true);
	}
}
