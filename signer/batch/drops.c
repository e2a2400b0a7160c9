/*
 * Drop folders.  What a scan found is looked at where it may be incomplete,
 * then taken in groups: intention committed, names moved, folders synced,
 * "claimed" committed.  Nothing is taken that cannot be worked on now.
 */
#include "signer/batch/drops.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/batch/exams.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAKE_MAX IN_FLIGHT_MAX
#define SOON 2 /* settling times that a run waits for a drop */

int
drops_open(struct runner *r, struct err *e)
{
	r->drops = calloc(r->conf->drop_count + 1, sizeof *r->drops);
	if (r->drops == NULL)
		return err_nomem(e);
	r->drop_count = r->conf->drop_count;
	for (size_t i = 0; i < r->drop_count; i++)
		r->drops[i].conf = &r->conf->drops[i];
	return 0;
}

void
drops_wake(struct runner *r)
{
	for (size_t i = 0; i < r->drop_count; i++)
		r->drops[i].scan_ms = 0;
}

static void
tell_problems(const struct spool_scan *scan)
{
	char path[300];

	for (size_t i = 0; i < scan->problem_count; i++) {
		const struct spool_problem *p = &scan->problems[i];

		if (p->fresh)
			log_event(LOG_LEVEL_WARN, "drop.problem",
			    "code=%s drop=%s path=\"%s\"", p->code,
			    p->drop->name,
			    text_escape(path, sizeof path, p->path));
	}
}

/* A found drop that was chosen to be taken. */
struct found {
	struct bdrop *drop;
	size_t at;
};

/* Everything found is gone: time for the next scan. */
static bool
is_used_up(const struct bdrop *d)
{
	for (size_t at = d->next; at < d->scan.found_count; at++)
		if (d->state[at] != FOUND_GONE)
			return false;
	return true;
}

static void
forget_scan(struct bdrop *d)
{
	free(d->state);
	d->state = NULL;
	d->next = 0;
	memset(&d->scan, 0, sizeof d->scan);
}

static void
scan(struct runner *r, struct bdrop *d)
{
	int64_t now = clock_mono_ms();
	struct err e = {0};

	forget_scan(d);
	d->waiting = false;
	d->scan_ms = now + r->conf->poll_ms;
	if (spool_scan(r->spool, d->conf, &d->scan, &e) != 0) {
		memset(&d->scan, 0, sizeof d->scan);
		if (!d->unreadable)
			log_err(LOG_LEVEL_ERROR, "drop.unreadable", &e);
		d->unreadable = true;
		return;
	}
	d->unreadable = false;
	d->waiting = d->scan.waiting > 0 && d->scan.next_ms >= 0 &&
		     d->scan.next_ms <= SOON * r->conf->settle_network_ms;
	if (d->scan.next_ms >= 0 && d->scan.next_ms < r->conf->poll_ms)
		d->scan_ms = now + d->scan.next_ms;
	tell_problems(&d->scan);
	d->state = calloc(d->scan.found_count + 1, sizeof *d->state);
	if (d->state == NULL) /* found again by the next scan */
		d->scan.found_count = 0;
}

/* A drop that may be incomplete is looked at by an examiner first: folders,
 * and XML that was written a moment ago. */
static bool
wants_look(const struct spool_found *f)
{
	if (f->overdue)
		return false;
	return f->folder || clock_wall_ms() - f->changed_ms < FRESH_MS;
}

void
drop_looked(struct runner *r, struct bdrop *d, size_t at, const struct err *e)
{
	const struct spool_found *f = &d->scan.found[at];

	if (d->state[at] == FOUND_LOOKING)
		d->looking--;
	if (e->class != ERR_TRANSIENT_IO) {
		/* Whole, or it fails with its reason. */
		d->state[at] = FOUND_WHOLE;
		return;
	}
	log_err(LOG_LEVEL_INFO, "drop.incomplete", e);
	spool_defer(r->spool, f, f->folder ? 0 : clock_mono_ms() + FRESH_MS);
	d->state[at] = FOUND_GONE;
}

/* Is there room on the disk for one more? */
static bool
fits(struct runner *r, uint64_t bytes)
{
	struct err e = {0};

	if (spool_space(r->spool, bytes, &e) == 0)
		return true;
	if (r->low.class == ERR_NONE)
		log_err(LOG_LEVEL_ERROR, "disk.low", &e);
	r->low = e;
	return false;
}

/* Those of them that the disk has room for.  One that does not fit waits for
 * those in flight; when there are none it is left in in/. */
static size_t
choose_fitting(struct runner *r, struct found *take, size_t n)
{
	uint64_t bytes = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct bdrop *d = take[i].drop;
		uint64_t size = d->scan.found[take[i].at].size;

		if (fits(r, bytes + size)) {
			bytes += size;
			take[kept++] = take[i];
			continue;
		}
		if (kept > 0 || r->job_count > 0)
			break;
		d->state[take[i].at] = FOUND_GONE;
	}
	return kept;
}

/* One found drop: has it looked at, or finds it whole. */
static void
consider(struct runner *r, struct bdrop *d, size_t at)
{
	if (d->state[at] != FOUND_NEW)
		return;
	if (!wants_look(&d->scan.found[at])) {
		d->state[at] = FOUND_WHOLE;
		return;
	}
	d->state[at] = FOUND_LOOKING;
	d->looking++;
	if (!exams_look(r, d, at)) {
		d->state[at] = FOUND_NEW;
		d->looking--;
	}
}

/* The found drops that may be taken, at most `room`; none while a few more
 * looks make it a larger group. */
static size_t
choose(struct runner *r, struct found *take, size_t room)
{
	size_t n = 0, undecided = 0;

	for (size_t i = 0; i < r->drop_count; i++) {
		struct bdrop *d = &r->drops[i];

		while (d->next < d->scan.found_count &&
		       d->state[d->next] == FOUND_GONE)
			d->next++;
		for (size_t at = d->next;
		     at < d->scan.found_count && n + undecided < room; at++) {
			consider(r, d, at);
			if (d->state[at] == FOUND_WHOLE)
				take[n++] = (struct found){d, at};
			else if (d->state[at] != FOUND_GONE)
				undecided++;
		}
	}
	return n >= GROUP || undecided == 0 ? n : 0;
}

static int
open_batch(struct runner *r, struct err *e)
{
	if (r->batch.id != 0)
		return 0;
	if (queue_batch_add(r->queue, clock_wall_ms(), &r->batch, e) != 0)
		return -1;
	log_event(LOG_LEVEL_INFO, "batch.begin", "batch=%s", r->batch.name);
	resume_held(r, NULL);
	return 0;
}

static int
add_job(
    struct runner *r, const struct spool_found *f, struct job *j, struct err *e)
{
	memset(j, 0, sizeof *j);
	j->batch = r->batch.id;
	snprintf(j->batch_name, sizeof j->batch_name, "%s", r->batch.name);
	snprintf(j->drop, sizeof j->drop, "%s", f->drop->name);
	snprintf(j->source, sizeof j->source, "%s", f->source);
	snprintf(j->path, sizeof j->path, "%s", f->path);
	j->folder = f->folder;
	j->size = f->size;
	j->mtime_ms = f->mtime_ms;
	return queue_job_add(r->queue, j, clock_wall_ms(), e);
}

/* A drop that changed or vanished meanwhile stays in in/: it is found again.
 * 1 taken, 0 left, -1 the disk fails. */
static int
take(struct runner *r, const struct spool_found *f, struct bjob *j,
    struct err *why)
{
	struct spool_copy copy = {0};

	if (spool_take(r->spool, f, j->record.name, &copy, why) == 0) {
		j->record.size = copy.size;
		j->record.mtime_ms = copy.mtime_ms;
		memcpy(j->record.sha256, copy.sha256, sizeof copy.sha256);
		return 1;
	}
	if (!spool_take_left(why))
		return -1; /* resume_start finds out where it is */
	log_err(LOG_LEVEL_INFO, "drop.not-taken", why);
	return 0;
}

static void
record_taken(struct runner *r, struct bjob *j, int taken, const struct err *why)
{
	struct err e = {0};

	if (taken == 0) {
		job_step(r, j, JOB_RETURNED, why);
		if (runner_record(r))
			queue_job_set_cleaned(r->queue, &j->record, &e);
		j->stage = STAGE_END;
		return;
	}
	if (runner_record(r))
		queue_job_set_claim(r->queue, &j->record, &e);
	job_step(r, j, JOB_CLAIMED, NULL);
}

/* Records the intention to take all of these; jobs get their memory. */
static int
intend(struct runner *r, const struct spool_found *const *found, size_t n,
    struct bjob **jobs)
{
	struct job record;
	struct err e = {0};

	if (!runner_record(r))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (open_batch(r, &e) != 0 ||
		    add_job(r, found[i], &record, &e) != 0) {
			runner_fatal(r, &e);
			return -1;
		}
		jobs[i] = job_new(r, &record);
		if (jobs[i] == NULL) {
			err_nomem(&e);
			runner_fatal(r, &e);
			return -1;
		}
	}
	return runner_commit(r);
}

static void
take_all(struct runner *r, const struct spool_found *const *found, size_t n)
{
	struct bjob *jobs[TAKE_MAX];
	struct err why[TAKE_MAX] = {0}, e = {0};
	int taken[TAKE_MAX];

	if (intend(r, found, n, jobs) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		taken[i] = take(r, found[i], jobs[i], &why[i]);
		if (taken[i] < 0) {
			runner_fatal(r, &why[i]);
			return;
		}
		keys_feed(r);
	}
	/* The copies' data is fsynced by the examiners that read them. */
	if (spool_sync(r->spool, true, &e) != 0) {
		runner_fatal(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		record_taken(r, jobs[i], taken[i], &why[i]);
	if (runner_commit(r) != 0)
		return;
	if (spool_taken(r->spool, &e) != 0)
		runner_fatal(r, &e);
}

/* Claiming takes several slow steps, during which no examiner is given
 * anything: not while a card that runs dry has enough to be examined, and it
 * is being examined (what waits for another key's PIN is not). */
static bool
may_wait(const struct runner *r)
{
	return r->examiners_full && exams_line_is_low(r) &&
	       jobs_waiting(r, STAGE_EXAM) >= LINE_LOW;
}

void
drops_claim(struct runner *r)
{
	const struct spool_found *found[TAKE_MAX];
	struct found chosen[TAKE_MAX];
	int64_t now = clock_mono_ms();
	size_t n, room;

	if (r->stopping || r->job_count >= IN_FLIGHT_MAX || may_wait(r))
		return;
	for (size_t i = 0; i < r->drop_count; i++)
		if (is_used_up(&r->drops[i]) && r->drops[i].scan_ms <= now)
			scan(r, &r->drops[i]);
	room = IN_FLIGHT_MAX - r->job_count;
	/* A little at a time: what is in flight waits while files move. */
	n = choose(r, chosen, room < GROUP ? room : GROUP);
	n = choose_fitting(r, chosen, n);
	for (size_t i = 0; i < n; i++) {
		found[i] = &chosen[i].drop->scan.found[chosen[i].at];
		chosen[i].drop->state[chosen[i].at] = FOUND_GONE;
	}
	if (n > 0)
		take_all(r, found, n);
}

int64_t
drops_next_ms(const struct runner *r)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < r->drop_count; i++) {
		const struct bdrop *d = &r->drops[i];

		if (is_used_up(d) && d->scan_ms < first)
			first = d->scan_ms;
	}
	return first;
}

bool
drops_pending(const struct runner *r)
{
	for (size_t i = 0; i < r->drop_count; i++)
		if (!is_used_up(&r->drops[i]) || r->drops[i].waiting)
			return true;
	return false;
}

size_t
drops_left(const struct runner *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->drop_count; i++)
		for (size_t at = r->drops[i].next;
		     at < r->drops[i].scan.found_count; at++)
			n += r->drops[i].state[at] != FOUND_GONE;
	return n;
}

void
drops_close(struct runner *r)
{
	for (size_t i = 0; i < r->drop_count; i++)
		free(r->drops[i].state);
	free(r->drops);
}
