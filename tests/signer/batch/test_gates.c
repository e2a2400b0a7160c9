/*
 * Gates of filings with two signers, each of a pool: whoever loses a key in
 * the middle must not keep the gate of another while it waits for a new one.
 */
#include "base/clock.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/pool.h"
#include "signer/batch/return.h"
#include "signer/batch/sign.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1795338000123
#define KEYS 4
#define JOBS 2

static char *left[] = {(char[]){"tanaka"}, (char[]){"suzuki"}};
static char *right[] = {(char[]){"sato"}, (char[]){"kato"}};
static char *places[] = {(char[]){"left"}, (char[]){"right"}};
static struct conf_key conf_keys[KEYS];
static struct conf_pool conf_pools[2];
static struct conf_drop conf_drop = {.name = (char[]){"kokuzei"}};
static struct conf conf;

struct lab {
	struct runner r;
	struct bkey key[KEYS];
	struct bjob *job[JOBS];
};

/* Its first signature by `a`, its second by `b`; the intents are durable. */
static void
add_job(struct lab *l, size_t i, struct bkey *a, struct bkey *b)
{
	struct job record = {.batch = l->r.batch.id};
	struct bjob *j;
	struct err e = {0};

	snprintf(record.drop, sizeof record.drop, "kokuzei");
	CHECK_OK(queue_job_add(l->r.queue, &record, NOW, &e), &e);
	j = job_new(&l->r, &record);
	CU_ASSERT_FATAL(j != NULL);
	CU_ASSERT_FATAL(findings_add_part(&j->findings) != NULL);
	j->sigs = calloc(2, sizeof *j->sigs);
	CU_ASSERT_FATAL(j->sigs != NULL);
	j->sig_count = j->sigs_left = 2;
	for (unsigned s = 0; s < 2; s++) {
		j->sigs[s].job = j;
		j->sigs[s].signer = s;
		j->sigs[s].key = s == 0 ? a : b;
	}
	job_step(&l->r, j, JOB_CLAIMED, NULL);
	job_step(&l->r, j, JOB_EXAMINED, NULL);
	job_step(&l->r, j, JOB_SIGNING, NULL);
	j->stage = STAGE_SIGN;
	l->job[i] = j;
}

static void
open_conf(void)
{
	for (size_t i = 0; i < KEYS; i++)
		conf_keys[i].name = i < 2 ? left[i] : right[i - 2];
	conf_pools[0].name = places[0];
	conf_pools[0].keys = (struct conf_list){left, 2};
	conf_pools[1].name = places[1];
	conf_pools[1].keys = (struct conf_list){right, 2};
	conf_drop.sign_with = (struct conf_list){places, 2};
	conf.keys = conf_keys;
	conf.key_count = KEYS;
	conf.pools = conf_pools;
	conf.pool_count = 2;
	conf.drops = &conf_drop;
	conf.drop_count = 1;
}

static void
lab_open(struct lab *l)
{
	struct err e = {0};
	int dir;

	memset(l, 0, sizeof *l);
	open_conf();
	l->r.conf = &conf;
	l->r.jobs_end = &l->r.jobs;
	CU_ASSERT_FATAL(mkdirat(suite_dir(), "state", 0700) == 0);
	dir = openat(suite_dir(), "state", O_RDONLY | O_DIRECTORY);
	l->r.queue = queue_open(dir, QUEUE_WRITE, &e);
	close(dir);
	CU_ASSERT_FATAL(l->r.queue != NULL);
	l->r.keys = l->key;
	l->r.key_count = KEYS;
	for (size_t i = 0; i < KEYS; i++) {
		struct bkey *k = &l->key[i];

		k->conf = &conf_keys[i];
		k->fd = -1;
		k->state = KEY_OPEN;
		k->algorithm = algorithm_find(SIGN_RSA_SHA256);
		k->line_end = &k->line;
		k->heard_ms = clock_mono_ms();
	}
	CU_ASSERT_FATAL(runner_record(&l->r));
	CHECK_OK(queue_batch_add(l->r.queue, NOW, &l->r.batch, &e), &e);
}

static void
lab_close(struct lab *l)
{
	runner_commit(&l->r);
	jobs_free(&l->r);
	keys_close(&l->r);
	queue_close(l->r.queue);
	free(l->r.resume);
}

/* Chosen anew, and its intents are durable again. */
static void
intend_again(struct lab *l, struct bjob *j)
{
	const char *name = "";
	struct err e = {0};

	CU_ASSERT(j->stage == STAGE_INTEND);
	CU_ASSERT(pool_choose(&l->r, j, &name, &e) == 1);
	j->stage = STAGE_SIGN;
	j->durable = true;
}

/* Both are the first of their keys; then each needs the other's. */
static void
two_that_cross(void)
{
	struct lab l;
	struct err why = {0};

	lab_open(&l);
	add_job(&l, 0, &l.key[0], &l.key[2]);
	add_job(&l, 1, &l.key[1], &l.key[3]);
	CU_ASSERT(runner_commit(&l.r) == 0);
	CU_ASSERT(l.job[0]->lined && l.job[1]->lined);
	err_set(&why, ERR_CARD, "card-removed", "%s", "of the test");
	key_stop(&l.r, &l.key[0], &why);
	key_stop(&l.r, &l.key[3], &why);
	intend_again(&l, l.job[0]);
	intend_again(&l, l.job[1]);
	CU_ASSERT(l.job[0]->sigs[0].key == &l.key[1]);
	CU_ASSERT(l.job[1]->sigs[1].key == &l.key[2]);
	sign_enter_lines(&l.r);
	CU_ASSERT(l.job[0]->lined && !l.job[1]->lined);
	sign_open_gates(&l.r, l.job[0]);
	sign_leave_gates(&l.r, l.job[0], false);
	sign_enter_lines(&l.r);
	CU_ASSERT(l.job[1]->lined);
	CU_ASSERT(l.key[1].line_length == 2 && l.key[2].line_length == 2);
	lab_close(&l);
}

SUITE_MAIN("batch/gates", CASE(two_that_cross))
