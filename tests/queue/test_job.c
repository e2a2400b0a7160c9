/*
 * The state machine: its table against a list written by hand, what a step
 * keeps, the count of abnormal exits, lists and histories.
 */
#include "base/fsops.h"
#include "queue/job.h"
#include "tests/lib/queuelab.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1795338000123

static struct queue *q;
static struct batch batch;
static int dir;

static void
start(void)
{
	struct err e = {0};

	dir = queuelab_dir();
	q = queuelab_open(dir);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &batch, &e), &e);
}

static void
finish(void)
{
	queuelab_end(q, dir);
}

static void
restart(void)
{
	struct err e = {0};

	q = queuelab_reopen(q, dir);
	CHECK_OK(queue_recover_attempts(q, &e), &e);
}

static struct job
new_job(const char *source, const char *path)
{
	struct job j = {.batch = batch.id, .size = 123, .mtime_ms = NOW - 9};
	struct err e = {0};

	snprintf(j.drop, sizeof j.drop, "kokuzei");
	snprintf(j.source, sizeof j.source, "%s", source);
	snprintf(j.path, sizeof j.path, "%s", path);
	CHECK_OK(queue_job_add(q, &j, NOW, &e), &e);
	return j;
}

static void
step(struct job *j, enum job_state to)
{
	struct err e = {0};

	CHECK_OK(queue_job_step(q, j, to, NULL, NOW, &e), &e);
}

static void
walk(struct job *j, enum job_state to)
{
	for (int s = (int)j->state + 1; s <= (int)to; s++)
		step(j, (enum job_state)s);
}

static void
names_go_both_ways(void)
{
	for (int s = 0; s < JOB_STATE_MAX; s++)
		CU_ASSERT(job_state_from_name(job_state_name(
			      (enum job_state)s)) == (enum job_state)s);
	CU_ASSERT(job_state_from_name("eaten") == JOB_STATE_MAX);
	CU_ASSERT(job_state_from_name("") == JOB_STATE_MAX);
}

/* Rows: from; columns: to, in the order of the enum (c C e s S b v H P F D
 * R).  Written by hand from DESIGN-queue. */
static void
table_is_as_designed(void)
{
	static const char *const want[JOB_STATE_MAX] = {
	    ".C.....H.F.R", /* claiming */
	    "..e....H.FDR", /* claimed */
	    ".C.s.b.H.FDR", /* examined */
	    ".Ce.S..H.FDR", /* signing */
	    ".Ce..b.H.FDR", /* signed */
	    ".Ce.S.vH.FDR", /* built */
	    ".Ce.S..HPFDR", /* verified */
	    ".CesSbvH.FDR", /* held */
	    "............", "............", "............", "............"};

	for (int from = 0; from < JOB_STATE_MAX; from++)
		for (int to = 0; to < JOB_STATE_MAX; to++)
			CU_ASSERT(
			    job_step_allowed((enum job_state)from,
				(enum job_state)to) == (want[from][to] != '.'));
	for (int s = 0; s < JOB_STATE_MAX; s++)
		CU_ASSERT(job_state_final((enum job_state)s) ==
			  (want[s][JOB_FAILED] == '.'));
	CU_ASSERT(!job_step_allowed(JOB_STATE_MAX, JOB_CLAIMED));
}

static void
everything_comes_back(void)
{
	const char *raw = "\x83\x65\x83\x58/\xff x\n.xtx"; /* not UTF-8 */
	struct err e = {0};
	struct job j, got;
	struct buf blob = {0};

	start();
	j = new_job(raw, "%83e%83X/%FF x%0A.xtx");
	CU_ASSERT_STRING_EQUAL(j.name, "20261122-180000-0001");
	memset(j.sha256, 0xAB, sizeof j.sha256);
	j.size = 1ULL << 40;
	j.mtime_ms = 5;
	CHECK_OK(queue_job_set_claim(q, &j, &e), &e);
	step(&j, JOB_CLAIMED);
	snprintf(j.format, sizeof j.format, "etax");
	snprintf(j.procedure, sizeof j.procedure, "RSH0010");
	snprintf(j.taxpayer, sizeof j.taxpayer, "1234567890123456");
	snprintf(j.period, sizeof j.period, "5070101-5071231");
	CHECK_OK(queue_job_set_findings(q, &j, slice_of("a\0b", 3), &e), &e);
	CHECK_OK(queue_job_set_findings(q, &j, slice_of("c\0de", 4), &e), &e);
	walk(&j, JOB_VERIFIED);
	snprintf(j.output, sizeof j.output, "out/x/申告.xtx");
	j.output_size = 77;
	memset(j.output_sha256, 0xCD, sizeof j.output_sha256);
	CHECK_OK(queue_job_set_output(q, &j, &e), &e);
	CHECK_OK(queue_job_set_allow(q, &j, JOB_ALLOW_DUPLICATE, &e), &e);
	step(&j, JOB_PUBLISHED);
	snprintf(j.original, sizeof j.original, "done/x/申告.xtx");
	CHECK_OK(queue_job_set_cleaned(q, &j, &e), &e);
	restart();
	memset(&got, 0x55, sizeof got);
	CU_ASSERT(queue_job_find(q, j.name, &got, &e) == 1);
	CU_ASSERT(got.id == j.id && got.batch == batch.id);
	CU_ASSERT_STRING_EQUAL(got.batch_name, batch.name);
	CU_ASSERT_STRING_EQUAL(got.drop, "kokuzei");
	CU_ASSERT_STRING_EQUAL(got.source, raw);
	CU_ASSERT_STRING_EQUAL(got.path, j.path);
	CU_ASSERT(got.size == j.size && got.mtime_ms == 5 && !got.folder);
	CU_ASSERT(memcmp(got.sha256, j.sha256, sizeof j.sha256) == 0);
	CU_ASSERT(got.state == JOB_PUBLISHED && got.cleaned);
	CU_ASSERT(got.allow == JOB_ALLOW_DUPLICATE);
	CU_ASSERT_STRING_EQUAL(got.format, "etax");
	CU_ASSERT_STRING_EQUAL(got.period, j.period);
	CU_ASSERT_STRING_EQUAL(got.output, j.output);
	CU_ASSERT_STRING_EQUAL(got.original, j.original);
	CU_ASSERT(got.output_size == 77);
	CU_ASSERT(memcmp(got.output_sha256, j.output_sha256, 32) == 0);
	CHECK_OK(queue_job_findings(q, j.id, &blob, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&blob), slice_of("c\0de", 4)));
	buf_free(&blob);
	finish();
}

static void
reason_stays_until_it_is_left(void)
{
	struct err e = {0}, why = {0};
	struct job j, got;
	struct job_event *events;
	size_t n;

	start();
	j = new_job("a", "a");
	walk(&j, JOB_SIGNING);
	err_set(&why, ERR_PIN, "pin-needed", "key %s", "tanaka");
	CHECK_OK(queue_job_step(q, &j, JOB_HELD, &why, NOW + 1, &e), &e);
	snprintf(j.key, sizeof j.key, "tanaka");
	CHECK_OK(queue_job_set_key(q, &j, &e), &e);
	/* Still held in the next batch, for another reason. */
	err_set(&why, ERR_CARD, "card-absent", "%s", "");
	CHECK_OK(queue_job_step(q, &j, JOB_HELD, &why, NOW + 2, &e), &e);
	CU_ASSERT(queue_job_get(q, j.id, &got, &e) == 1);
	CU_ASSERT(got.state == JOB_HELD && got.resume == JOB_SIGNING);
	CU_ASSERT(got.class == ERR_CARD);
	CU_ASSERT_STRING_EQUAL(got.code, "card-absent");
	CU_ASSERT_STRING_EQUAL(got.key, "tanaka");
	step(&got, JOB_SIGNING);
	CU_ASSERT(queue_job_get(q, j.id, &got, &e) == 1);
	CU_ASSERT(got.class == ERR_NONE && got.code[0] == '\0');
	CHECK_OK(queue_job_history(q, j.id, &events, &n, &e), &e);
	CU_ASSERT_EQUAL(n, 7);
	CU_ASSERT(events[0].state == JOB_CLAIMING);
	CU_ASSERT(events[4].state == JOB_HELD);
	CU_ASSERT_STRING_EQUAL(events[4].code, "pin-needed");
	CU_ASSERT_STRING_EQUAL(events[4].detail, "key tanaka");
	CU_ASSERT_STRING_EQUAL(events[5].code, "card-absent");
	CU_ASSERT(events[6].state == JOB_SIGNING && events[6].code[0] == 0);
	free(events);
	finish();
}

static void
returned_job_has_no_line(void)
{
	struct err e = {0};
	struct job j, other;
	struct batch b;
	int64_t *ids;
	size_t n;

	start();
	j = new_job("a", "a");
	other = new_job("b", "b");
	step(&j, JOB_RETURNED);
	CU_ASSERT(queue_batch_get(q, batch.id, &b, &e) == 1);
	CU_ASSERT(b.jobs == 1);
	CHECK_OK(
	    queue_job_list(q, QUEUE_BATCH_JOBS, batch.id, &ids, &n, &e), &e);
	CU_ASSERT(n == 1 && ids[0] == other.id);
	free(ids);
	/* Nothing of it is left to clean. */
	CHECK_OK(queue_job_list(q, QUEUE_UNCLEANED, 0, &ids, &n, &e), &e);
	CU_ASSERT(n == 0);
	free(ids);
	finish();
}

/* An abnormal exit while the job is in flight. */
static int
crash_of(struct job *j)
{
	struct err e = {0};

	CHECK_OK(queue_job_set_busy(q, j, true, &e), &e);
	restart();
	CU_ASSERT(queue_job_get(q, j->id, j, &e) == 1);
	CU_ASSERT(!j->busy);
	return j->attempts;
}

static void
attempts_count_crashes_without_progress(void)
{
	struct job j, idle;
	struct err e = {0};

	start();
	j = new_job("a", "a");
	idle = new_job("b", "b");
	walk(&j, JOB_CLAIMED);
	walk(&idle, JOB_CLAIMED);
	CU_ASSERT_EQUAL(crash_of(&j), 1);
	/* A crash while it is not in flight is not its own. */
	restart();
	CU_ASSERT(queue_job_get(q, j.id, &j, &e) == 1);
	CU_ASSERT_EQUAL(j.attempts, 1);
	CU_ASSERT_EQUAL(crash_of(&j), 2);
	walk(&j, JOB_BUILT);
	CU_ASSERT_EQUAL(j.attempts, 0);
	/* Going back and again to the same place is no progress. */
	CU_ASSERT_EQUAL(crash_of(&j), 1);
	step(&j, JOB_SIGNED);
	step(&j, JOB_BUILT);
	CU_ASSERT_EQUAL(crash_of(&j), 2);
	step(&j, JOB_HELD);
	step(&j, JOB_BUILT);
	CU_ASSERT_EQUAL(crash_of(&j), 3);
	CU_ASSERT(queue_job_get(q, idle.id, &idle, &e) == 1);
	CU_ASSERT_EQUAL(idle.attempts, 0);
	finish();
}

static void
step_ends_the_flight(void)
{
	struct err e = {0};
	struct job j;

	start();
	j = new_job("a", "a");
	walk(&j, JOB_CLAIMED);
	CHECK_OK(queue_job_set_busy(q, &j, true, &e), &e);
	step(&j, JOB_EXAMINED);
	restart();
	CU_ASSERT(queue_job_get(q, j.id, &j, &e) == 1);
	CU_ASSERT_EQUAL(j.attempts, 0);
	finish();
}

static void
lists_choose_by_state(void)
{
	struct err e = {0};
	struct job j[6];
	int64_t *ids, counts[JOB_STATE_MAX];
	size_t n;

	start();
	for (size_t i = 0; i < 6; i++)
		j[i] = new_job("a", "a");
	walk(&j[1], JOB_CLAIMED);
	walk(&j[2], JOB_EXAMINED);
	step(&j[2], JOB_HELD);
	walk(&j[3], JOB_VERIFIED);
	step(&j[3], JOB_PUBLISHED);
	step(&j[4], JOB_FAILED);
	CHECK_OK(queue_job_set_cleaned(q, &j[4], &e), &e);
	CHECK_OK(queue_job_list(q, QUEUE_OPEN_JOBS, 0, &ids, &n, &e), &e);
	CU_ASSERT(n == 4 && ids[0] == j[0].id && ids[1] == j[1].id);
	CU_ASSERT(n == 4 && ids[2] == j[2].id && ids[3] == j[5].id);
	free(ids);
	CHECK_OK(queue_job_list(q, QUEUE_HELD_JOBS, 0, &ids, &n, &e), &e);
	CU_ASSERT(n == 1 && ids[0] == j[2].id);
	free(ids);
	CHECK_OK(queue_job_list(q, QUEUE_UNCLEANED, 0, &ids, &n, &e), &e);
	CU_ASSERT(n == 1 && ids[0] == j[3].id);
	free(ids);
	CHECK_OK(queue_job_list(q, QUEUE_RECENT_JOBS, 2, &ids, &n, &e), &e);
	CU_ASSERT(n == 2 && ids[0] == j[5].id && ids[1] == j[4].id);
	free(ids);
	CHECK_OK(queue_job_counts(q, counts, &e), &e);
	CU_ASSERT(counts[JOB_CLAIMING] == 2 && counts[JOB_CLAIMED] == 1);
	CU_ASSERT(counts[JOB_HELD] == 1 && counts[JOB_PUBLISHED] == 1);
	CU_ASSERT(counts[JOB_FAILED] == 1 && counts[JOB_EXAMINED] == 0);
	finish();
}

SUITE_MAIN("queue-job", CASE(names_go_both_ways), CASE(table_is_as_designed),
    CASE(everything_comes_back), CASE(reason_stays_until_it_is_left),
    CASE(returned_job_has_no_line),
    CASE(attempts_count_crashes_without_progress), CASE(step_ends_the_flight),
    CASE(lists_choose_by_state))
