/*
 * Which certificate of a key is registered: recorded durably, told until it
 * is, by the hash of the certificate alone.
 */
#include "signer/cert/registered.h"

#include "base/fsops.h"
#include "queue/sign.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1795000000000)

static struct conf conf;
static int state = -1;
static const uint8_t first[32] = {1, 2, 3}, renewed[32] = {0xFF, 0xFE};
static struct err e;

/* A spool of its own for each case. */
static void
begin(void)
{
	static char root[300];
	static int n;
	char name[20];
	int dir = suite_dir(), spool;

	snprintf(name, sizeof name, "spool%d", n++);
	snprintf(root, sizeof root, "%s/%s", suite_dir_path(), name);
	CHECK_OK(fs_mkdir(dir, name, 0700, &e), &e);
	spool = fs_open_dir(dir, name, &e);
	CHECK_OK(fs_mkdir(spool, "state", 0700, &e), &e);
	if (state >= 0)
		close(state);
	state = fs_open_dir(spool, "state", &e);
	close(spool);
	close(dir);
	conf.root = root;
}

static void
record(const uint8_t sha256[32], int64_t ms)
{
	struct registration r = {.time_ms = ms, .uid = 1000};

	memcpy(r.sha256, sha256, sizeof r.sha256);
	CHECK_OK(registered_put(&conf, "tanaka", &r, &e), &e);
}

static void
see(struct queue *q, const uint8_t sha256[32], uint8_t key, int64_t ms)
{
	struct queue_certificate c = {.key = "tanaka", .spki = {key}};

	memcpy(c.sha256, sha256, sizeof c.sha256);
	CHECK_OK(buf_append(&c.der, "x", 1), &e);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_certificate_seen(q, &c, ms, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);
	queue_certificate_free(&c);
}

static enum registered
judge(struct queue *q, const uint8_t sha256[32])
{
	enum registered state_of = REGISTERED_YES;
	struct registration r;

	CHECK_OK(
	    registered_judge(&conf, q, "tanaka", sha256, &state_of, &r, &e),
	    &e);
	return state_of;
}

static void
changed_is_told_until_recorded(void)
{
	struct queue *q;

	begin();
	q = queue_open(state, QUEUE_WRITE, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(q);
	CU_ASSERT_EQUAL(judge(q, first), REGISTERED_FIRST);
	see(q, first, 1, NOW);
	CU_ASSERT_EQUAL(judge(q, first), REGISTERED_FIRST);
	/* Renewed with the same key: another certificate all the same. */
	see(q, renewed, 1, NOW + 1);
	CU_ASSERT_EQUAL(judge(q, renewed), REGISTERED_CHANGED);
	CU_ASSERT_EQUAL(judge(q, renewed), REGISTERED_CHANGED);
	record(renewed, NOW + 2);
	CU_ASSERT_EQUAL(judge(q, renewed), REGISTERED_YES);
	/* e-Tax knows one at a time: the old one is the changed one now. */
	CU_ASSERT_EQUAL(judge(q, first), REGISTERED_CHANGED);
	CU_ASSERT_EQUAL(judge(NULL, renewed), REGISTERED_YES);
	queue_close(q);
}

static void
a_record_tells_who_and_when(void)
{
	struct registration r;
	struct stat st;

	begin();
	CU_ASSERT_EQUAL(registered_get(&conf, "tanaka", &r, &e), 0);
	CU_ASSERT_EQUAL(r.time_ms, 0);
	record(first, NOW);
	record(renewed, NOW + 60000);
	CU_ASSERT_EQUAL(registered_get(&conf, "tanaka", &r, &e), 1);
	CU_ASSERT_EQUAL(r.time_ms, NOW + 60000);
	CU_ASSERT_EQUAL(r.uid, 1000);
	CU_ASSERT_EQUAL(memcmp(r.sha256, renewed, sizeof renewed), 0);
	CU_ASSERT_EQUAL(registered_get(&conf, "sato", &r, &e), 0);
	CU_ASSERT_EQUAL(fstatat(state, "registered", &st, 0), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	CU_ASSERT_EQUAL(fstatat(state, "registered/tanaka", &st, 0), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	/* Both lines are there: the file is a proof too. */
	CU_ASSERT(st.st_size > 2 * 64);
}

/* The file cannot grow for ever, and keeps whole lines. */
static void
old_lines_go_at_last(void)
{
	struct registration r;
	struct stat st;

	begin();
	for (int i = 0; i < 400; i++)
		record(i % 2 == 0 ? first : renewed, NOW + i);
	CU_ASSERT_EQUAL(registered_get(&conf, "tanaka", &r, &e), 1);
	CU_ASSERT_EQUAL(r.time_ms, NOW + 399);
	CU_ASSERT_EQUAL(fstatat(state, "registered/tanaka", &st, 0), 0);
	CU_ASSERT(st.st_size > 30 * 1024 && st.st_size < 34 * 1024);
}

static void
damaged_records_count_as_none(void)
{
	static const char hex[] = "0102030000000000000000000000000000000000"
				  "000000000000000000000000";
	static const char *const bad[] = {"", "\n", "x\n", "%s\n", "%s 5 5",
	    "%s 5\n", "%s 0 5 t\n", "%s 5 -1 t\n", "%sa 5 5 t\n", "Z%s 5 5 t\n",
	    "%s 99999999999999999999 5 t\n"};
	char text[200];
	enum registered s;
	struct registration r;
	int dir;

	begin();
	CHECK_OK(fs_mkdir(state, "registered", 0700, &e), &e);
	dir = fs_open_dir(state, "registered", &e);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *at = strstr(bad[i], "%s");

		if (at == NULL)
			snprintf(text, sizeof text, "%s", bad[i]);
		else
			snprintf(text, sizeof text, "%.*s%s%s",
			    (int)(at - bad[i]), bad[i], hex, at + 2);
		CHECK_OK(
		    fs_replace(dir, "tanaka", slice_str(text), 0600, &e), &e);
		CHECK_CODE(registered_get(&conf, "tanaka", &r, &e), &e,
		    "registration-unreadable");
		CU_ASSERT_EQUAL(r.time_ms, 0);
		CHECK_CODE(
		    registered_judge(&conf, NULL, "tanaka", first, &s, &r, &e),
		    &e, "registration-unreadable");
	}
	/* What is damaged can be recorded anew. */
	record(first, NOW);
	CU_ASSERT_EQUAL(judge(NULL, first), REGISTERED_YES);
	close(dir);
}

static void
only_the_owner_of_the_spool_records(void)
{
	struct registration r = {.time_ms = NOW};

	begin();
	/* Without root a folder of root's stands for another user's. */
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(fchown(state, 12345, (gid_t)-1), 0);
	} else {
		CU_ASSERT_EQUAL(unlinkat(state, "../state", AT_REMOVEDIR), 0);
		CU_ASSERT_EQUAL(symlinkat("/usr", state, "../state"), 0);
	}
	CHECK_CODE(registered_put(&conf, "tanaka", &r, &e), &e,
	    "registration-not-owner");
	CU_ASSERT_NOT_EQUAL(faccessat(state, "registered", F_OK, 0), 0);
}

SUITE_MAIN("registered", CASE(changed_is_told_until_recorded),
    CASE(a_record_tells_who_and_when), CASE(old_lines_go_at_last),
    CASE(damaged_records_count_as_none),
    CASE(only_the_owner_of_the_spool_records))
