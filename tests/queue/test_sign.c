/*
 * Intents, times of Signature Ids, duplicates per key, resubmissions, the
 * memory of certificates.
 */
#include "base/fsops.h"
#include "queue/sign.h"
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
	CU_ASSERT(queue_in_transaction(q));
	queuelab_end(q, dir);
}

static void
restart(void)
{
	q = queuelab_reopen(q, dir);
}

static struct job
job_at(enum job_state to, const char *path)
{
	struct job j = {.batch = batch.id};
	struct err e = {0};

	snprintf(j.path, sizeof j.path, "%s", path);
	snprintf(j.source, sizeof j.source, "%s", path);
	CHECK_OK(queue_job_add(q, &j, NOW, &e), &e);
	for (int s = JOB_CLAIMED; s <= (int)to && s <= JOB_VERIFIED; s++)
		CHECK_OK(
		    queue_job_step(q, &j, (enum job_state)s, NULL, NOW, &e),
		    &e);
	if (to > JOB_VERIFIED)
		CHECK_OK(queue_job_step(q, &j, to, NULL, NOW, &e), &e);
	return j;
}

static void
set_part(int64_t job, unsigned index, uint8_t duplicate)
{
	struct queue_part p = {.index = index, .signed_by = 5};
	struct err e = {0};

	snprintf(p.name, sizeof p.name, "kousei.xml");
	memset(p.duplicate, duplicate, sizeof p.duplicate);
	CU_ASSERT(buf_puts(&p.signed_info, "<SignedInfo/>") == 0);
	CU_ASSERT(buf_append(&p.plan, "\0\1\2", 3) == 0);
	CHECK_OK(queue_parts_set(q, job, &p, 1, &e), &e);
	queue_part_free(&p);
}

static struct queue_signature
intent(int64_t job, uint8_t spki, uint8_t info, const char *id, int64_t ms)
{
	struct queue_signature s = {.job = job, .time_ms = ms};
	struct err e = {0};

	snprintf(s.key, sizeof s.key, "tanaka");
	snprintf(s.id, sizeof s.id, "%s", id);
	memset(s.spki, spki, sizeof s.spki);
	memset(s.signed_info, info, sizeof s.signed_info);
	memset(s.certificate, spki + 1, sizeof s.certificate);
	CHECK_OK(queue_intent_set(q, &s, &e), &e);
	return s;
}

static void
parts_come_back(void)
{
	struct queue_part p = {0};
	struct err e = {0};
	struct job j;
	size_t n;

	start();
	j = job_at(JOB_EXAMINED, "a");
	set_part(j.id, 0, 1);
	set_part(j.id, 3, 9); /* replaces */
	restart();
	CHECK_OK(queue_part_count(q, j.id, &n, &e), &e);
	CU_ASSERT(n == 1);
	CU_ASSERT(queue_part_get(q, j.id, 0, &p, &e) == 0);
	CU_ASSERT(queue_part_get(q, j.id, 3, &p, &e) == 1);
	CU_ASSERT(slice_eq_str(buf_view(&p.signed_info), "<SignedInfo/>"));
	CU_ASSERT(slice_eq(buf_view(&p.plan), slice_of("\0\1\2", 3)));
	CU_ASSERT(p.duplicate[31] == 9 && p.signed_by == 5);
	CU_ASSERT_STRING_EQUAL(p.name, "kousei.xml");
	queue_part_free(&p);
	finish();
}

static void
recorded_intent_is_kept(void)
{
	struct queue_signature s, got = {0};
	struct err e = {0};
	struct job j;
	size_t intents, values;

	start();
	j = job_at(JOB_EXAMINED, "a");
	s = intent(j.id, 7, 1, "_A1", NOW);
	queue_signature_free(&s);
	restart();
	/* Recovery comes with a new Id and time for the same thing. */
	s = intent(j.id, 7, 1, "_A2", NOW + 60000);
	CU_ASSERT_STRING_EQUAL(s.id, "_A1");
	CU_ASSERT(s.time_ms == NOW && s.value.len == 0);
	CHECK_OK(queue_signature_count(q, j.id, &intents, &values, &e), &e);
	CU_ASSERT(intents == 1 && values == 0);
	CHECK_OK(
	    queue_signature_set(q, j.id, 0, 0, slice_of("\0sig", 4), &e), &e);
	queue_signature_free(&s);
	s = intent(j.id, 7, 1, "_A3", NOW + 70000);
	CU_ASSERT(slice_eq(buf_view(&s.value), slice_of("\0sig", 4)));
	CHECK_OK(queue_signature_count(q, j.id, &intents, &values, &e), &e);
	CU_ASSERT(intents == 1 && values == 1);
	/* Another SignedInfo: another intent, without the old value. */
	queue_signature_free(&s);
	s = intent(j.id, 7, 2, "_A4", NOW + 80000);
	CU_ASSERT_STRING_EQUAL(s.id, "_A4");
	CU_ASSERT(queue_signature_get(q, j.id, 0, 0, &got, &e) == 1);
	CU_ASSERT_STRING_EQUAL(got.id, "_A4");
	CU_ASSERT(got.value.len == 0 && got.signed_info[0] == 2);
	CU_ASSERT(queue_signature_get(q, j.id, 0, 1, &got, &e) == 0);
	CHECK_OK(queue_intents_clear(q, j.id, &e), &e);
	CU_ASSERT(queue_signature_get(q, j.id, 0, 0, &got, &e) == 0);
	queue_signature_free(&got);
	queue_signature_free(&s);
	finish();
}

static void
id_times_only_grow(void)
{
	struct err e = {0};
	int64_t t;

	start();
	CHECK_OK(queue_sign_time(q, "a", 1, 5500, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 5500);
	CHECK_OK(queue_sign_time(q, "a", 1, 5500, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 5501);
	restart();
	/* The clock went back. */
	CHECK_OK(queue_sign_time(q, "a", 1, 100, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 5502);
	CHECK_OK(queue_sign_time(q, "a", 1000, 5600, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 6000);
	CHECK_OK(queue_sign_time(q, "a", 1000, 5600, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 7000);
	CHECK_OK(queue_sign_time(q, "a", 1000, 9999, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 9000);
	CHECK_OK(queue_sign_time(q, "b", 1, 100, &t, &e), &e);
	CU_ASSERT_EQUAL(t, 100);
	finish();
}

static int
find_dup(int64_t job, uint8_t dup, uint8_t spki, struct queue_earlier *out)
{
	uint8_t d[QUEUE_SHA256], s[QUEUE_SHA256];
	struct err e = {0};
	int r;

	memset(d, dup, sizeof d);
	memset(s, spki, sizeof s);
	r = queue_find_duplicate(q, job, d, s, out, &e);
	CHECK_OK(r, &e);
	return r;
}

static void
duplicate_is_per_key_and_living(void)
{
	static const struct {
		enum job_state state;
		int found;
	} cases[] = {{JOB_SIGNING, 1}, {JOB_VERIFIED, 1}, {JOB_HELD, 1},
	    {JOB_PUBLISHED, 1}, {JOB_FAILED, 0}, {JOB_DISCARDED, 0},
	    {JOB_RETURNED, 0}};
	struct queue_earlier was;
	struct queue_signature s;
	struct job j;

	start();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t dup = (uint8_t)(10 + i);

		j = job_at(cases[i].state, "申告.xtx");
		set_part(j.id, 0, dup);
		/* Examined only, nothing recorded by any key. */
		CU_ASSERT(find_dup(0, dup, 7, &was) == 0);
		s = intent(j.id, 7, 1, "_A", NOW);
		queue_signature_free(&s);
		CU_ASSERT_EQUAL(find_dup(0, dup, 7, &was), cases[i].found);
		if (cases[i].found) {
			CU_ASSERT(was.job == j.id);
			CU_ASSERT(was.state == cases[i].state);
			CU_ASSERT_STRING_EQUAL(was.batch, batch.name);
			CU_ASSERT_STRING_EQUAL(was.path, "申告.xtx");
		}
		/* Not its own duplicate, not of another key or content. */
		CU_ASSERT(find_dup(j.id, dup, 7, &was) == 0);
		CU_ASSERT(find_dup(0, dup, 8, &was) == 0);
		CU_ASSERT(find_dup(0, (uint8_t)(dup + 100), 7, &was) == 0);
	}
	finish();
}

static void
input_output_and_filing_are_found(void)
{
	struct queue_earlier was;
	struct err e = {0};
	struct job j, failed;

	start();
	j = job_at(JOB_VERIFIED, "a");
	memset(j.sha256, 1, sizeof j.sha256);
	CHECK_OK(queue_job_set_claim(q, &j, &e), &e);
	memset(j.output_sha256, 2, sizeof j.output_sha256);
	CHECK_OK(queue_job_set_output(q, &j, &e), &e);
	snprintf(j.taxpayer, sizeof j.taxpayer, "1111");
	snprintf(j.procedure, sizeof j.procedure, "RSH0010");
	CHECK_OK(queue_job_set_findings(q, &j, slice_str(""), &e), &e);
	CU_ASSERT(queue_find_filing(q, 0, "1111", "RSH0010", "", &was, &e) ==
		  0); /* not published yet */
	CHECK_OK(queue_job_step(q, &j, JOB_PUBLISHED, NULL, NOW, &e), &e);
	failed = job_at(JOB_FAILED, "b");
	memset(failed.sha256, 3, sizeof failed.sha256);
	CHECK_OK(queue_job_set_claim(q, &failed, &e), &e);

	CU_ASSERT(queue_find_input(q, 0, j.sha256, &was, &e) == 1);
	CU_ASSERT(was.job == j.id);
	CU_ASSERT(queue_find_input(q, j.id, j.sha256, &was, &e) == 0);
	CU_ASSERT(queue_find_input(q, 0, failed.sha256, &was, &e) == 0);
	CU_ASSERT(queue_find_output(q, 0, j.output_sha256, &was, &e) == 1);
	CU_ASSERT(queue_find_output(q, 0, j.sha256, &was, &e) == 0);
	CU_ASSERT(
	    queue_find_filing(q, 0, "1111", "RSH0010", "", &was, &e) == 1);
	CU_ASSERT_STRING_EQUAL(was.batch, batch.name);
	CU_ASSERT(
	    queue_find_filing(q, 0, "1111", "RSH0010", "R7", &was, &e) == 0);
	CU_ASSERT(queue_find_filing(q, 0, "", "", "", &was, &e) == 0);
	finish();
}

static void
certificates_are_remembered(void)
{
	struct queue_certificate c = {0}, got = {0};
	struct buf der = {0};
	struct err e = {0};

	start();
	CU_ASSERT(queue_certificate_last(q, "tanaka", NULL, &got, &e) == 0);
	snprintf(c.key, sizeof c.key, "tanaka");
	memset(c.sha256, 1, sizeof c.sha256);
	memset(c.spki, 9, sizeof c.spki);
	CU_ASSERT(buf_puts(&c.der, "DER one") == 0);
	CHECK_OK(queue_certificate_seen(q, &c, NOW, &e), &e);
	CHECK_OK(queue_certificate_seen(q, &c, NOW + 5, &e), &e);
	restart();
	CU_ASSERT(queue_certificate_last(q, "tanaka", NULL, &got, &e) == 1);
	CU_ASSERT(got.first_ms == NOW && got.last_ms == NOW + 5);
	CU_ASSERT(slice_eq_str(buf_view(&got.der), "DER one"));
	CU_ASSERT(got.spki[0] == 9 && got.sha256[31] == 1);
	CU_ASSERT(queue_certificate_last(q, "sato", NULL, &got, &e) == 0);
	/* Only the one it has now: nothing changed. */
	CU_ASSERT(queue_certificate_last(q, "tanaka", c.sha256, &got, &e) == 0);
	memset(c.sha256, 2, sizeof c.sha256);
	CHECK_OK(queue_certificate_seen(q, &c, NOW + 9, &e), &e);
	CU_ASSERT(queue_certificate_last(q, "tanaka", c.sha256, &got, &e) == 1);
	CU_ASSERT(got.sha256[0] == 1);
	CU_ASSERT(queue_certificate_last(q, "tanaka", NULL, &got, &e) == 1);
	CU_ASSERT(got.sha256[0] == 2);
	CU_ASSERT(queue_certificate_get(q, c.sha256, &der, &e) == 1);
	CU_ASSERT(slice_eq_str(buf_view(&der), "DER one"));
	buf_free(&der);
	queue_certificate_free(&c);
	queue_certificate_free(&got);
	finish();
}

static void
pruning_keeps_what_finds_duplicates(void)
{
	struct queue_signature s, got = {0};
	struct queue_earlier was;
	struct queue_part p = {0};
	struct err e = {0};
	struct buf blob = {0};
	struct job old, open;

	start();
	old = job_at(JOB_PUBLISHED, "a");
	open = job_at(JOB_EXAMINED, "b");
	for (int i = 0; i < 2; i++) {
		struct job *j = i == 0 ? &old : &open;

		set_part(j->id, 0, (uint8_t)(i + 1));
		s = intent(j->id, 7, 1, "_A", NOW);
		queue_signature_free(&s);
		CHECK_OK(queue_job_set_findings(q, j, slice_str("f"), &e), &e);
	}
	CHECK_OK(queue_prune(q, NOW + 1000, &e), &e);
	CU_ASSERT(queue_part_get(q, old.id, 0, &p, &e) == 1);
	CU_ASSERT(p.signed_info.len > 0); /* not cleaned yet */
	CHECK_OK(queue_job_set_cleaned(q, &old, &e), &e);
	CHECK_OK(queue_prune(q, NOW + 1000, &e), &e);
	CU_ASSERT(queue_part_get(q, old.id, 0, &p, &e) == 1);
	CU_ASSERT(p.signed_info.len == 0 && p.plan.len == 0);
	CU_ASSERT(find_dup(0, 1, 7, &was) == 1);
	CHECK_OK(queue_job_findings(q, old.id, &blob, &e), &e);
	CU_ASSERT(blob.len == 0);
	CU_ASSERT(queue_part_get(q, open.id, 0, &p, &e) == 1);
	CU_ASSERT(p.signed_info.len > 0);
	CHECK_OK(queue_job_findings(q, open.id, &blob, &e), &e);
	CU_ASSERT(blob.len == 1);
	queue_part_free(&p);
	queue_signature_free(&got);
	buf_free(&blob);
	finish();
}

SUITE_MAIN("queue-sign", CASE(parts_come_back), CASE(recorded_intent_is_kept),
    CASE(id_times_only_grow), CASE(duplicate_is_per_key_and_living),
    CASE(input_output_and_filing_are_found), CASE(certificates_are_remembered),
    CASE(pruning_keeps_what_finds_duplicates))
