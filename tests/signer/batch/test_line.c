/*
 * A key's line with a real queue and a keyholder played by the test on the
 * other end of a socket: what it refuses, what it answers too late, and that
 * it falls silent must neither lose a filing nor sign one twice.
 */
#include "base/clock.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/resume.h"
#include "signer/batch/return.h"
#include "signer/batch/sign.h"
#include "signer/key/keyproto.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBS 6
#define AT_ONCE 4 /* given to a keyholder */
#define NOW 1795338000123

static struct conf conf;
static struct conf_key conf_key = {.name = (char[]){"tanaka"}};
static struct conf_drop conf_drop = {.name = (char[]){"kokuzei"}};
static char *key_names[] = {(char[]){"tanaka"}};
static struct batch_options options = {.pin_fd = -1};

struct lab {
	struct runner r;
	struct bkey key;
	int holder; /* the test's end */
	struct bjob *job[JOBS];
};

static void
add_job(struct lab *l, size_t i)
{
	struct job record = {.batch = l->r.batch.id};
	struct bjob *j;
	struct bsig *s;
	struct err e = {0};

	snprintf(record.drop, sizeof record.drop, "kokuzei");
	snprintf(record.path, sizeof record.path, "%zu.xtx", i);
	snprintf(record.source, sizeof record.source, "%zu.xtx", i);
	CHECK_OK(queue_job_add(l->r.queue, &record, NOW, &e), &e);
	j = job_new(&l->r, &record);
	CU_ASSERT_FATAL(j != NULL && j->drop == &conf_drop);
	CU_ASSERT_FATAL(findings_add_part(&j->findings) != NULL);
	CU_ASSERT_FATAL(
	    buf_puts(&j->findings.parts[0].signed_info, "<SignedInfo/>") == 0);
	j->sigs = calloc(1, sizeof *j->sigs);
	CU_ASSERT_FATAL(j->sigs != NULL);
	s = j->sigs;
	s->job = j;
	s->key = &l->key;
	j->sig_count = j->sigs_left = 1;
	job_step(&l->r, j, JOB_CLAIMED, NULL);
	job_step(&l->r, j, JOB_EXAMINED, NULL);
	job_step(&l->r, j, JOB_SIGNING, NULL);
	j->stage = STAGE_SIGN;
	l->job[i] = j;
}

static void
lab_open(struct lab *l)
{
	static int count;
	struct err e = {0};
	char name[20];
	int pair[2], dir;

	memset(l, 0, sizeof *l);
	conf.drops = &conf_drop;
	conf.drop_count = 1;
	conf_drop.sign_with = (struct conf_list){key_names, 1};
	l->r.conf = &conf;
	l->r.options = &options;
	l->r.jobs_end = &l->r.jobs;
	snprintf(name, sizeof name, "state-%d", count++);
	CU_ASSERT_FATAL(mkdirat(suite_dir(), name, 0700) == 0);
	dir = openat(suite_dir(), name, O_RDONLY | O_DIRECTORY);
	l->r.queue = queue_open(dir, QUEUE_WRITE, &e);
	close(dir);
	CU_ASSERT_FATAL(l->r.queue != NULL && ipc_pair(pair, &e) == 0);
	l->r.keys = &l->key;
	l->r.key_count = 1;
	l->key.conf = &conf_key;
	l->key.fd = pair[0];
	l->key.state = KEY_OPEN;
	l->key.algorithm = algorithm_find(SIGN_RSA_SHA256);
	l->key.line_end = &l->key.line;
	l->key.heard_ms = clock_mono_ms();
	l->key.gate[0] = GATE_OPEN;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	l->holder = pair[1];
	CU_ASSERT_FATAL(runner_record(&l->r));
	CHECK_OK(queue_batch_add(l->r.queue, NOW, &l->r.batch, &e), &e);
	for (size_t i = 0; i < JOBS; i++)
		add_job(l, i);
	CU_ASSERT(runner_commit(&l->r) == 0);
	CU_ASSERT(l->key.line_length == JOBS);
}

static void
lab_close(struct lab *l)
{
	struct err e = {0};

	runner_commit(&l->r);
	(void)e;
	jobs_free(&l->r);
	keys_close(&l->r);
	queue_close(l->r.queue);
	free(l->r.resume);
	close(l->holder);
}

/* The next request: the job's name; "" when there is none. */
static void
asked(struct lab *l, char job[KEY_JOB_ID_MAX])
{
	struct pollfd p = {.fd = l->holder, .events = POLLIN};
	struct ipc_msg m = {0};
	struct err e = {0};

	job[0] = '\0';
	if (poll(&p, 1, 0) != 1)
		return;
	CU_ASSERT_FATAL(ipc_recv(l->holder, &m, &e) == 1);
	CU_ASSERT(m.type == KEYMSG_SIGN);
	ipc_get_u64(&m);
	ipc_get_bytes(&m);
	ipc_get_str(&m, job, KEY_JOB_ID_MAX);
	CU_ASSERT(ipc_end(&m));
	ipc_free(&m);
}

static void
expect_asked(struct lab *l, const struct bjob *j)
{
	char got[KEY_JOB_ID_MAX], want[KEY_JOB_ID_MAX] = "";

	if (j != NULL)
		bsig_name(j->sigs, want);
	asked(l, got);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void
refuse(
    struct lab *l, const struct bjob *j, enum err_class class, const char *code)
{
	struct ipc_msg m = {0};
	struct err why, e = {0};
	char name[KEY_JOB_ID_MAX] = "";

	if (j != NULL)
		bsig_name(j->sigs, name);
	err_set(&why, class, code, "%s", "of the test");
	ipc_begin(&m, KEYMSG_REFUSED);
	ipc_put_str(&m, name);
	ipc_put_err(&m, &why);
	CHECK_OK(ipc_send(l->holder, &m, &e), &e);
	ipc_free(&m);
}

/* A signature that is none. */
static void
answer(struct lab *l, const char *name)
{
	struct ipc_msg m = {0};
	struct err e = {0};

	ipc_begin(&m, KEYMSG_SIGNED);
	ipc_put_str(&m, name);
	ipc_put_bytes(&m, slice_str("no signature"));
	CHECK_OK(ipc_send(l->holder, &m, &e), &e);
	ipc_free(&m);
}

static struct job
recorded(struct lab *l, const struct bjob *j)
{
	struct job record = {0};
	struct err e = {0};

	CU_ASSERT(queue_job_get(l->r.queue, j->record.id, &record, &e) == 1);
	return record;
}

static void
some_at_a_time_in_order(void)
{
	struct lab l;

	lab_open(&l);
	keys_pump(&l.r);
	for (size_t i = 0; i < AT_ONCE; i++)
		expect_asked(&l, l.job[i]);
	expect_asked(&l, NULL);
	lab_close(&l);
}

/* Another batch uses the keyholder too: it says "busy", and is asked again
 * for the same filing, which neither fails nor waits for ever. */
static void
busy_is_asked_again(void)
{
	struct lab l;

	lab_open(&l);
	keys_pump(&l.r);
	for (size_t i = 0; i < AT_ONCE; i++)
		expect_asked(&l, l.job[i]);
	refuse(&l, l.job[1], ERR_TRANSIENT_IO, "keyholder-busy");
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPEN);
	CU_ASSERT(l.job[1]->stage == STAGE_SIGN);
	expect_asked(&l, NULL);
	CU_ASSERT(keys_next_ms(&l.r) != INT64_MAX);
	l.key.pause_ms = 0; /* the pause is over */
	keys_pump(&l.r);
	expect_asked(&l, l.job[1]);
	expect_asked(&l, NULL);
	CU_ASSERT(l.key.line_length == JOBS);
	lab_close(&l);
}

/* All of them, each once, for the key's sake: watch finds them by it. */
static void
card_gone_holds_all_for_the_key(void)
{
	struct lab l;

	lab_open(&l);
	keys_pump(&l.r);
	refuse(&l, l.job[0], ERR_CARD, "card-removed");
	keys_pump(&l.r);
	CU_ASSERT(
	    l.key.state == KEY_STOPPED && l.r.held_by_class[ERR_CARD] == JOBS);
	CU_ASSERT(l.key.line == NULL && l.key.line_length == 0);
	CU_ASSERT(l.r.held == JOBS);
	for (size_t i = 0; i < JOBS; i++) {
		struct job record = recorded(&l, l.job[i]);

		CU_ASSERT(record.state == JOB_HELD);
		CU_ASSERT_STRING_EQUAL(record.code, "card-removed");
		CU_ASSERT_STRING_EQUAL(record.key, "tanaka");
	}
	lab_close(&l);
}

/* A refusal of one filing is that filing's. */
static void
bad_template_fails_one(void)
{
	struct lab l;

	lab_open(&l);
	keys_pump(&l.r);
	refuse(&l, l.job[0], ERR_INPUT, "not-a-filing");
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPEN);
	CU_ASSERT(l.job[0]->stage == STAGE_FAILED);
	CU_ASSERT(l.job[1]->stage == STAGE_SIGN);
	expect_asked(&l, l.job[0]);
	expect_asked(&l, l.job[1]);
	expect_asked(&l, l.job[2]);
	lab_close(&l);
}

static void
wrong_signature_stops_the_key(void)
{
	struct lab l;
	char name[KEY_JOB_ID_MAX];

	lab_open(&l);
	keys_pump(&l.r);
	answer(&l, bsig_name(l.job[0]->sigs, name));
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_STOPPED);
	CU_ASSERT(!l.job[0]->sigs->done);
	for (size_t i = 0; i < JOBS; i++)
		CU_ASSERT(recorded(&l, l.job[i]).state == JOB_HELD);
	lab_close(&l);
}

/* The answer to a question that nobody asks any more. */
static void
late_answer_is_nobodys(void)
{
	struct lab l;
	char name[KEY_JOB_ID_MAX];
	struct err why = {0};

	lab_open(&l);
	keys_pump(&l.r);
	bsig_name(l.job[0]->sigs, name);
	err_set(&why, ERR_BUG, "of-the-test", "%s", "");
	job_hold(&l.r, l.job[0], "", &why);
	CU_ASSERT(l.key.line_length == JOBS - 1);
	answer(&l, name);
	answer(&l, "20200101-000000-0001.0.0");
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPEN);
	expect_asked(&l, l.job[0]);
	expect_asked(&l, l.job[1]);
	expect_asked(&l, l.job[2]);
	expect_asked(&l, l.job[3]);
	lab_close(&l);
}

/* Takes jobs out at the end, in the middle and at the front, then adds. */
static void
forgotten_leave_the_line_whole(void)
{
	static const size_t order[] = {JOBS - 1, 1, 0};
	struct lab l;
	size_t left = JOBS;

	lab_open(&l);
	for (size_t i = 0; i < 3; i++) {
		key_line_forget(&l.key, l.job[order[i]]);
		CU_ASSERT(l.key.line_length == --left);
	}
	key_line_add(&l.key, l.job[1]->sigs);
	keys_pump(&l.r);
	for (size_t i = 2; i < JOBS - 1; i++)
		expect_asked(&l, l.job[i]);
	expect_asked(&l, l.job[1]);
	lab_close(&l);
}

static void
silent_keyholder_stops_the_key(void)
{
	struct lab l;

	lab_open(&l);
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPEN);
	l.key.heard_ms -= 10 * 60 * 1000;
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_STOPPED);
	CU_ASSERT_STRING_EQUAL(l.key.error.code, "key-silent");
	CU_ASSERT(recorded(&l, l.job[JOBS - 1]).state == JOB_HELD);
	lab_close(&l);
}

/* One that listens and says nothing at all keeps nobody waiting for ever; one
 * of our own may be waiting for a person. */
static void
no_greeting_stops_the_key(void)
{
	struct lab l;

	lab_open(&l);
	l.key.state = KEY_OPENING;
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPENING);
	l.key.heard_ms -= 10 * 60 * 1000;
	l.key.pid = getpid();
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPENING);
	l.key.pid = 0;
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_STOPPED);
	CU_ASSERT_STRING_EQUAL(l.key.error.code, "key-silent");
	lab_close(&l);
}

/* Nothing to sign is no silence. */
static void
idle_keyholder_is_left_alone(void)
{
	struct lab l;

	lab_open(&l);
	for (size_t i = 0; i < JOBS; i++)
		key_line_forget(&l.key, l.job[i]);
	l.key.heard_ms -= 10 * 60 * 1000;
	keys_pump(&l.r);
	CU_ASSERT(l.key.state == KEY_OPEN);
	lab_close(&l);
}

/* The gate: one goes alone; when it ends without being verified, the next
 * one is alone; when its verification fails, nobody follows. */
static void
gate_goes_to_the_next_first(void)
{
	struct lab l;

	lab_open(&l);
	l.key.gate[0] = GATE_FIRST;
	l.key.first[0] = l.job[0];
	sign_leave_gates(&l.r, l.job[1], false);
	CU_ASSERT(l.key.gate[0] == GATE_FIRST);
	sign_leave_gates(&l.r, l.job[0], false);
	CU_ASSERT(l.key.gate[0] == GATE_UNKNOWN && l.key.first[0] == NULL);
	l.key.gate[0] = GATE_FIRST;
	l.key.first[0] = l.job[1];
	sign_leave_gates(&l.r, l.job[1], true);
	CU_ASSERT(l.key.gate[0] == GATE_BROKEN && l.key.first[0] == NULL);
	lab_close(&l);
}

static void
gate_stays_open_until_the_batch_ends(void)
{
	struct lab l;

	lab_open(&l);
	l.key.gate[0] = GATE_FIRST;
	l.key.first[0] = l.job[0];
	sign_open_gates(&l.r, l.job[0]);
	key_close_gates(&l.key); /* the first one is not through yet */
	CU_ASSERT(l.key.gate[0] == GATE_OPEN);
	sign_leave_gates(&l.r, l.job[0], false);
	CU_ASSERT(l.key.gate[0] == GATE_OPEN);
	key_close_gates(&l.key);
	CU_ASSERT(l.key.gate[0] == GATE_UNKNOWN);
	lab_close(&l);
}

/* Named by the start and by an operator, or by two: it comes back once. */
static void
held_job_comes_back_once(void)
{
	struct lab l;
	struct err why = {0};
	int64_t id;
	size_t n = 0;

	lab_open(&l);
	err_set(&why, ERR_CARD, "of-the-test", "%s", "");
	job_hold(&l.r, l.job[0], "tanaka", &why);
	CU_ASSERT(runner_commit(&l.r) == 0);
	id = l.job[0]->record.id;
	jobs_sweep(&l.r);
	resume_job(&l.r, id);
	resume_job(&l.r, id);
	resume_held(&l.r, "tanaka");
	resume_more(&l.r);
	CU_ASSERT(!resume_pending(&l.r));
	for (const struct bjob *j = l.r.jobs; j != NULL; j = j->next)
		n += j->record.id == id;
	CU_ASSERT(n == 1);
	CU_ASSERT(l.r.job_count == JOBS);
	lab_close(&l);
}

SUITE_MAIN("batch/line", CASE(some_at_a_time_in_order),
    CASE(busy_is_asked_again), CASE(card_gone_holds_all_for_the_key),
    CASE(bad_template_fails_one), CASE(wrong_signature_stops_the_key),
    CASE(late_answer_is_nobodys), CASE(forgotten_leave_the_line_whole),
    CASE(silent_keyholder_stops_the_key), CASE(no_greeting_stops_the_key),
    CASE(idle_keyholder_is_left_alone), CASE(gate_goes_to_the_next_first),
    CASE(gate_stays_open_until_the_batch_ends), CASE(held_job_comes_back_once))
