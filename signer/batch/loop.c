/*
 * The event loop.  One turn: take up and claim, record what came back,
 * commit, then act on it: lines, examiners, names.  Nothing is acted on that
 * is not committed, and after a fatal error nothing is recorded any more:
 * the next run finds everything as the last commit left it.
 */
#include "signer/batch/batch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/turn.h"
#include "signer/batch/crash.h"
#include "signer/batch/drops.h"
#include "signer/batch/exams.h"
#include "signer/batch/finish.h"
#include "signer/batch/internal.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/pool.h"
#include "signer/batch/progress.h"
#include "signer/batch/record.h"
#include "signer/batch/request.h"
#include "signer/batch/resume.h"
#include "signer/batch/return.h"
#include "signer/batch/revoke.h"
#include "signer/batch/sign.h"
#include "signer/exit.h"
#include "spool/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define STOP_PATIENCE_MS 10000
#define REQUEST_POLL_MS 1000
#define KEEP_BULK_MS (INT64_C(400) * 24 * 3600 * 1000) /* findings and plans */
#define FIXED_FDS 2                                    /* signals, inotify */

void
runner_fatal(struct runner *r, const struct err *e)
{
	if (r->fatal.class != ERR_NONE)
		return;
	r->fatal = *e;
	if (r->fatal.class == ERR_NONE)
		r->fatal.class = ERR_BUG;
	r->stopping = true;
	if (queue_in_transaction(r->queue))
		queue_rollback(r->queue);
	log_err(LOG_LEVEL_ALERT, "batch.fatal", e);
}

bool
runner_record(struct runner *r)
{
	struct err e = {0};

	if (r->fatal.class != ERR_NONE)
		return false;
	if (queue_in_transaction(r->queue))
		return true;
	if (queue_begin(r->queue, &e) == 0) {
		r->recorded_ms = clock_mono_ms();
		return true;
	}
	runner_fatal(r, &e);
	return false;
}

int
runner_commit(struct runner *r)
{
	int64_t began;
	struct err e = {0};

	if (r->fatal.class != ERR_NONE)
		return -1;
	if (!queue_in_transaction(r->queue))
		return 0;
	began = clock_mono_ms();
	if (queue_commit(r->queue, &e) == 0) {
		r->commit_ms = clock_mono_ms() - began;
		sign_committed(r);
		sign_enter_lines(r);
		return 0;
	}
	runner_fatal(r, &e);
	return -1;
}

static int
open_keys(struct runner *r, struct err *e)
{
	r->keys = calloc(r->conf->key_count + 1, sizeof *r->keys);
	if (r->keys == NULL)
		return err_nomem(e);
	r->key_count = r->conf->key_count;
	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i];

		k->conf = &r->conf->keys[i];
		k->fd = -1;
		k->line_end = &k->line;
		if (cert_policy_init(
			&k->policy, r->conf, k->conf, r->anchors, e) != 0)
			return -1;
	}
	return 0;
}

/* A disk may take long over each fsync; the card goes on meanwhile. */
static void
between_syncs(void *ctx)
{
	keys_feed(ctx);
}

static int
open_all(struct runner *r, struct err *e)
{
	/* Examiners first: they inherit nothing that is opened later. */
	if (exams_start(r, e) != 0)
		return -1;
	if (r->conf->anchors[0] != '\0') {
		r->anchors = cert_anchors_load(r->conf->anchors, e);
		if (r->anchors == NULL)
			return -1;
	}
	if (r->conf->schemas[0] != '\0') {
		r->schemas = schema_store_open(r->conf->schemas, e);
		if (r->schemas == NULL)
			return -1;
	}
	if (open_keys(r, e) != 0 || drops_open(r, e) != 0)
		return -1;
	r->spool = spool_open(r->conf, e);
	if (r->spool == NULL)
		return -1;
	spool_set_between(r->spool, between_syncs, r);
	r->queue = queue_open(spool_state_dir(r->spool), QUEUE_WRITE, e);
	if (r->queue == NULL || revoke_open(r, e) != 0)
		return -1;
	pool_remember(r);
	if (crash_watch(spool_state_dir(r->spool), &r->crashed, e) != 0)
		return -1;
	return resume_start(r, e);
}

static void
close_all(struct runner *r)
{
	crash_end();
	jobs_free(r);
	revoke_close(r);
	keys_close(r);
	exams_stop(r);
	queue_close(r->queue);
	spool_close(r->spool);
	schema_store_close(r->schemas);
	cert_anchors_free(r->anchors);
	free(r->keys);
	drops_close(r);
	free(r->resume);
}

/* Jobs whose intents wait for their commit. */
static size_t
intents_waiting(const struct runner *r)
{
	size_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		n += j->stage == STAGE_SIGN && !j->durable;
	return n;
}

bool
runner_expects_more(const struct runner *r)
{
	for (size_t i = 0; i < r->exam_count; i++)
		if (r->exams[i].job != NULL)
			return true;
	for (size_t i = 0; i < r->key_count; i++)
		if (r->keys[i].outstanding > 0)
			return true;
	return false;
}

/* How long a commit waits for company.  The loop gives examiners nothing to
 * do meanwhile, so a slow disk's are three times their own length apart. */
static int64_t
group_wait_ms(const struct runner *r)
{
	int64_t wait = 3 * r->commit_ms;

	if (wait < GROUP_MS)
		return GROUP_MS;
	return wait < GROUP_SLOW_MS ? wait : GROUP_SLOW_MS;
}

bool
runner_due(const struct runner *r)
{
	if (!queue_in_transaction(r->queue))
		return false;
	return !runner_expects_more(r) || intents_waiting(r) >= GROUP ||
	       clock_mono_ms() - r->recorded_ms >= group_wait_ms(r);
}

static void
record_intents(struct runner *r)
{
	for (struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->stage == STAGE_INTEND)
			sign_intend(r, j);
}

/* What is durable goes to the keys: before a commit, which may take long, and
 * after it. */
static void
feed_keys(struct runner *r)
{
	if (r->fatal.class != ERR_NONE)
		return; /* nothing may follow what was not committed */
	sign_enter_lines(r);
	pool_balance(r);
	keys_feed(r);
}

/* The recorded part of a turn, then what may follow its commit.  Examiners
 * need no commit: what they do can be done again. */
static void
turn(struct runner *r)
{
	bool hurry = sign_first_hurries(r);

	resume_more(r);
	if (!hurry)
		drops_claim(r);
	keys_pump(r);
	revoke_pump(r);
	sign_collect(r);
	record_intents(r);
	exams_dispatch(r);
	feed_keys(r);
	if (!hurry && runner_due(r))
		runner_commit(r);
	feed_keys(r);
	if (r->fatal.class != ERR_NONE)
		return;
	if (!hurry && finish_due(r))
		finish_jobs(r);
	jobs_sweep(r);
}

/* Nothing in memory is worked on. */
static bool
at_rest(const struct runner *r)
{
	return r->job_count == 0 && !exams_busy(r);
}

static bool
idle(const struct runner *r)
{
	return at_rest(r) && !resume_pending(r);
}

static void
report_unwritten(struct runner *r, const struct err *e)
{
	log_err(LOG_LEVEL_ALERT, "report.unwritten", e);
	if (r->fatal.class == ERR_NONE)
		runner_fatal(r, e);
}

/* Closes the open batch: its report is written, then its outcomes are kept.
 * A batch whose report could not be written stays open: the next run ends
 * it, and so writes the report. */
static void
end_batch(struct runner *r)
{
	struct err e = {0};
	bool over = runner_commit(r) == 0 && idle(r);

	progress_end(r);
	queue_batch_get(r->queue, r->batch.id, &r->batch, &e);
	if (record_batch(r, !over, &e) != 0) {
		report_unwritten(r, &e);
		over = false;
	}
	if (over && runner_record(r)) {
		queue_batch_finish(r->queue, r->batch.id, clock_wall_ms(), &e);
		queue_prune(r->queue, clock_wall_ms() - KEEP_BULK_MS, &e);
		runner_commit(r);
	}
	queue_batch_get(r->queue, r->batch.id, &r->batch, &e);
	if (record_index(r, &e) != 0)
		report_unwritten(r, &e);
	progress_summary(r);
	for (size_t i = 0; i < r->key_count; i++) {
		r->keys[i].used = false;
		r->keys[i].signs = 0;
		r->keys[i].signatures = 0;
		r->keys[i].bound = r->keys[i].state == KEY_OPEN;
	}
}

/* How long poll may sleep. */
static int
patience(const struct runner *r)
{
	int64_t now = clock_mono_ms(), until = now + REQUEST_POLL_MS;
	int64_t deadline = exams_deadline(r), drops = drops_next_ms(r);
	int64_t keys = keys_next_ms(r), revoke = revoke_next_ms(r);
	bool hurry = sign_first_hurries(r); /* the rest waits */

	if (!hurry && queue_in_transaction(r->queue) &&
	    r->recorded_ms + group_wait_ms(r) < until)
		until = r->recorded_ms + group_wait_ms(r);
	if (keys < until)
		until = keys;
	if (revoke < until)
		until = revoke;
	if (deadline >= 0 && deadline < until)
		until = deadline;
	if (!hurry && !r->stopping && r->job_count < IN_FLIGHT_MAX &&
	    drops < until)
		until = drops;
	for (const struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (j->again_ms > now && j->again_ms < until)
			until = j->again_ms;
		if (sign_may_wait(j) && j->durable_ms + FIRST_WAIT_MS < until)
			until = j->durable_ms + FIRST_WAIT_MS;
	}
	if (!hurry && r->ready_ms != 0 &&
	    r->ready_ms + finish_wait_ms(r) < until)
		until = r->ready_ms + finish_wait_ms(r);
	return until <= now ? 0 : (int)(until - now);
}

static size_t
fill_fds(const struct runner *r, int signals, struct pollfd *fds)
{
	size_t n = FIXED_FDS;

	fds[0] = (struct pollfd){signals, POLLIN, 0};
	fds[1] = (struct pollfd){spool_watch_fd(r->spool), POLLIN, 0};
	n += exams_poll(r, fds + n);
	for (size_t i = 0; i < r->key_count; i++) {
		const struct bkey *k = &r->keys[i];

		fds[n++] =
		    (struct pollfd){key_is_heard(k) ? k->fd : -1, POLLIN, 0};
	}
	n += revoke_poll(r, fds + n);
	return n;
}

static void
wait_for_events(struct runner *r, int signals)
{
	struct pollfd fds[FIXED_FDS + EXAMINERS_MAX + 2 * 256];
	struct signalfd_siginfo info;
	size_t n = fill_fds(r, signals, fds);

	if (poll(fds, n, patience(r)) < 0 && errno != EINTR)
		return;
	if (fds[0].revents != 0 &&
	    read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
		log_event(
		    LOG_LEVEL_INFO, "batch.stop", "signal=%u", info.ssi_signo);
		r->stopping = true;
	}
	if (fds[1].revents != 0 && spool_watch_read(r->spool))
		drops_wake(r);
	exams_receive(r, fds + FIXED_FDS);
}

/* True when nothing is left that this run should wait for. */
static bool
run_is_over(struct runner *r, int64_t stop_ms)
{
	if (r->fatal.class != ERR_NONE)
		return true;
	if (r->stopping)
		return at_rest(r) || clock_mono_ms() > stop_ms;
	return !r->options->watch && idle(r) && !drops_pending(r);
}

/* Watch: a batch ends after some quiet time. */
static void
watch_batches(struct runner *r)
{
	int64_t now = clock_mono_ms();

	if (!r->options->watch || !idle(r) || drops_pending(r)) {
		r->quiet_ms = now;
		return;
	}
	if (r->batch.id == 0 || now - r->quiet_ms < r->conf->quiet_ms)
		return;
	end_batch(r);
	for (size_t i = 0; i < r->key_count; i++)
		key_close_gates(&r->keys[i]);
	memset(&r->batch, 0, sizeof r->batch);
	/* What is held stays so, and enters the next batch. */
	r->published = r->failed = 0;
}

static void
loop(struct runner *r, int signals)
{
	int64_t stop_ms = 0, requests_ms = 0;

	for (;;) {
		int64_t now = clock_mono_ms();

		if (now >= requests_ms) {
			if (requests_ms == 0 || queue_changed(r->queue))
				requests_execute(r);
			requests_ms = now + REQUEST_POLL_MS;
		}
		keys_return(r);
		turn(r);
		progress_show(r);
		watch_batches(r);
		if (r->stopping && stop_ms == 0)
			stop_ms = clock_mono_ms() + STOP_PATIENCE_MS;
		if (run_is_over(r, stop_ms))
			return;
		wait_for_events(r, signals);
	}
}

static int
exit_code(const struct runner *r)
{
	if (r->fatal.class == ERR_CONFIG)
		return EXIT_BAD_CONFIG;
	if (r->fatal.class != ERR_NONE)
		return r->fatal.class == ERR_BUG ? EXIT_INTERNAL
						 : EXIT_TRY_LATER;
	if (r->held_by_class[ERR_PIN] > 0)
		return EXIT_PIN_NEEDED;
	if (r->held_by_class[ERR_CARD] > 0)
		return EXIT_NO_CARD;
	if (r->low.class != ERR_NONE)
		return EXIT_TRY_LATER;
	if (r->options->watch || r->failed + r->held == 0)
		return EXIT_ALL_DONE;
	return r->published == 0 ? EXIT_ALL_FAILED : EXIT_SOME_FAILED;
}

static int
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
batch_run(const struct conf *c, const struct batch_options *o, struct err *e)
{
	struct runner r = {.conf = c, .revocation_dir = -1, .options = o};
	int signals = block_signals(), code;

	r.jobs_end = &r.jobs;
	r.began_ms = clock_wall_ms();
	turn_take(TURN_LOOP);
	if (open_all(&r, e) != 0) {
		if (e->class == ERR_NONE)
			*e = r.fatal;
		close_all(&r);
		close(signals);
		return -1;
	}
	if (o->watch)
		spool_watch_start(r.spool, NULL);
	loop(&r, signals);
	if (r.batch.id != 0)
		end_batch(&r);
	else if (!o->watch)
		progress_summary(&r);
	*e = r.fatal.class != ERR_NONE ? r.fatal : r.low;
	code = exit_code(&r);
	close_all(&r);
	close(signals);
	return code;
}

int
batch_requests(const struct conf *c, struct err *e)
{
	static const struct batch_options none = {.pin_fd = -1};
	struct runner r = {.conf = c, .revocation_dir = -1, .options = &none};

	r.jobs_end = &r.jobs;
	r.spool = spool_open(c, e);
	if (r.spool != NULL)
		r.queue = queue_open(spool_state_dir(r.spool), QUEUE_WRITE, e);
	if (r.queue != NULL) {
		requests_execute(&r);
		runner_commit(&r);
		*e = r.fatal;
	}
	close_all(&r);
	return e->class == ERR_NONE ? 0 : -1;
}
