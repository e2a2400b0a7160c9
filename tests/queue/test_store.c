/*
 * The store itself: one writer, group commit that is whole or nothing,
 * damage and full disks by class, readers and requests beside a writer.
 */
#include "base/clock.h"
#include "base/fsops.h"
#include "queue/job.h"
#include "queue/queue.h"
#include "queue/sign.h"
#include "tests/lib/queuelab.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1795338000123 /* 2026-11-22T18:00:00.123+09:00 */

static struct queue *
open_new(int *dir)
{
	*dir = queuelab_dir();
	return queuelab_open(*dir);
}

static int64_t
add_job(struct queue *q, int64_t batch, const char *path)
{
	struct job j = {.batch = batch, .size = 10, .mtime_ms = NOW - 5000};
	struct err e = {0};

	snprintf(j.drop, sizeof j.drop, "kokuzei");
	snprintf(j.source, sizeof j.source, "%s", path);
	snprintf(j.path, sizeof j.path, "%s", path);
	CHECK_OK(queue_job_add(q, &j, NOW, &e), &e);
	return j.id;
}

static void
file_is_private_and_lasting(void)
{
	struct err e = {0};
	struct batch b, again;
	struct stat st;
	struct queue *q;
	int dir;

	q = open_new(&dir);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &b, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);
	CU_ASSERT_STRING_EQUAL(b.name, "20261122-180000");
	queue_close(q);
	CU_ASSERT(fstatat(dir, QUEUE_FILE, &st, 0) == 0);
	CU_ASSERT((st.st_mode & 0777) == 0600);
	q = queue_open(dir, QUEUE_WRITE, &e);
	CU_ASSERT(queue_batch_unfinished(q, &again, &e) == 1);
	CU_ASSERT(again.id == b.id && again.created_ms == NOW);
	queue_close(q);
	close(dir);
}

static void
second_writer_is_refused(void)
{
	struct err e = {0};
	struct queue *q, *second;
	int dir;

	q = open_new(&dir);
	second = queue_open(dir, QUEUE_WRITE, &e);
	CU_ASSERT(second == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "already-running");
	CU_ASSERT(e.class == ERR_TRANSIENT_IO);
	queue_close(q);
	second = queue_open(dir, QUEUE_WRITE, &e);
	CU_ASSERT(second != NULL);
	queue_close(second);
	close(dir);
}

static void
killed_writer_leaves_no_lock_and_no_half(void)
{
	struct err e = {0};
	struct batch b;
	struct queue *q;
	int dir = queuelab_dir(), ready[2];
	char c;
	pid_t pid;

	CU_ASSERT(pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		q = queue_open(dir, QUEUE_WRITE, &e);
		if (q == NULL || queue_begin(q, &e) != 0 ||
		    queue_batch_add(q, NOW, &b, &e) != 0 ||
		    queue_commit(q, &e) != 0 || queue_begin(q, &e) != 0 ||
		    queue_batch_add(q, NOW, &b, &e) != 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	CU_ASSERT(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	q = queue_open(dir, QUEUE_WRITE, &e);
	CHECK_OK(q == NULL ? -1 : 0, &e);
	CU_ASSERT(queue_batch_find(q, "20261122-180000", &b, &e) == 1);
	CU_ASSERT(queue_batch_find(q, "20261122-180000-2", &b, &e) == 0);
	queue_close(q);
	close(dir);
}

static void
group_is_whole_or_nothing(void)
{
	struct queue_part twice[2] = {{.index = 1}, {.index = 1}};
	struct err e = {0};
	struct batch b;
	struct job j;
	struct queue *q;
	int64_t id;
	int dir;

	q = open_new(&dir);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &b, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);

	/* What is right before and after a failure goes with it, even when
	 * the caller does not look at the failing call. */
	CHECK_OK(queue_begin(q, &e), &e);
	id = add_job(q, b.id, "a.xtx");
	CU_ASSERT(queue_parts_set(q, id, twice, 2, NULL) == -1);
	add_job(q, b.id, "b.xtx");
	CHECK_CODE(queue_commit(q, &e), &e, "queue-constraint");
	CU_ASSERT(e.class == ERR_BUG);
	CU_ASSERT(!queue_in_transaction(q));
	CU_ASSERT(queue_job_find(q, "20261122-180000-0001", &j, &e) == 0);

	CHECK_OK(queue_begin(q, &e), &e);
	add_job(q, b.id, "c.xtx");
	queue_rollback(q);
	CU_ASSERT(queue_job_find(q, "20261122-180000-0001", &j, &e) == 0);
	CHECK_OK(queue_begin(q, &e), &e);
	add_job(q, b.id, "d.xtx");
	CHECK_OK(queue_commit(q, &e), &e);
	CU_ASSERT(queue_job_find(q, "20261122-180000-0001", &j, &e) == 1);
	CU_ASSERT_STRING_EQUAL(j.path, "d.xtx");
	queue_close(q);
	close(dir);
}

static void
a_batch_keeps_what_became_of_its_jobs(void)
{
	struct err e = {0}, why = {0};
	struct batch first, second;
	struct batch_line line;
	struct job j;
	struct queue *q;
	int64_t id, count, *ids;
	size_t n;
	int dir;

	q = open_new(&dir);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &first, &e), &e);
	id = add_job(q, first.id, "a.xtx");
	CU_ASSERT(queue_job_get(q, id, &j, &e) == 1);
	CHECK_OK(queue_job_step(q, &j, JOB_CLAIMED, NULL, NOW, &e), &e);
	err_set(&why, ERR_CARD, "card-absent", "reader 1");
	CHECK_OK(queue_job_step(q, &j, JOB_HELD, &why, NOW + 1, &e), &e);
	CU_ASSERT(queue_batch_get(q, first.id, &first, &e) == 1);
	CU_ASSERT(first.held == 1 && first.jobs == 1);
	CHECK_OK(queue_batch_finish(q, first.id, NOW + 2, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &second, &e), &e);
	CU_ASSERT_STRING_EQUAL(second.name, "20261122-180000-2");
	CHECK_OK(queue_job_enter(q, &j, second.id, &e), &e);
	CU_ASSERT_STRING_EQUAL(j.batch_name, second.name);
	err_set(&why, ERR_INPUT, "doctype-forbidden", "line 2");
	CHECK_OK(queue_job_step(q, &j, JOB_FAILED, &why, NOW + 3, &e), &e);
	CHECK_OK(queue_batch_finish(q, second.id, NOW + 4, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);

	CU_ASSERT(queue_batch_line(q, first.id, id, &line, &e) == 1);
	CU_ASSERT(line.state == JOB_HELD && line.class == ERR_CARD);
	CU_ASSERT_STRING_EQUAL(line.code, "card-absent");
	CU_ASSERT_STRING_EQUAL(line.detail, "reader 1");
	CU_ASSERT(queue_batch_line(q, second.id, id, &line, &e) == 1);
	CU_ASSERT(line.state == JOB_FAILED && line.class == ERR_INPUT);
	CHECK_OK(queue_batch_failed_with(
		     q, second.id, "doctype-forbidden", &count, &e),
	    &e);
	CU_ASSERT_EQUAL(count, 1);
	CHECK_OK(
	    queue_batch_failed_with(q, second.id, "card-absent", &count, &e),
	    &e);
	CU_ASSERT_EQUAL(count, 0);
	CHECK_OK(queue_batch_failed_with(
		     q, first.id, "doctype-forbidden", &count, &e),
	    &e);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT(queue_batch_get(q, first.id, &first, &e) == 1);
	CU_ASSERT(first.held == 1 && first.failed == 0);
	CU_ASSERT(queue_batch_get(q, second.id, &second, &e) == 1);
	CU_ASSERT(second.held == 0 && second.failed == 1);
	CU_ASSERT(queue_batch_unfinished(q, &first, &e) == 0);
	CHECK_OK(
	    queue_job_list(q, QUEUE_BATCH_JOBS, first.id, &ids, &n, &e), &e);
	CU_ASSERT(n == 1 && ids[0] == id);
	free(ids);
	CHECK_OK(queue_batch_list(q, 10, &ids, &n, &e), &e);
	CU_ASSERT(n == 2 && ids[0] == second.id);
	free(ids);
	queue_close(q);
	close(dir);
}

static void
readers_and_requests_beside_a_writer(void)
{
	struct err e = {0};
	struct queue *q, *reader, *asker;
	struct queue_request r;
	struct batch b;
	int64_t id;
	int dir;

	q = open_new(&dir);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &b, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);
	queue_changed(q);
	CU_ASSERT(!queue_changed(q));

	reader = queue_open(dir, QUEUE_READ, &e);
	CHECK_OK(reader == NULL ? -1 : 0, &e);
	CU_ASSERT(queue_batch_find(reader, "", &b, &e) == 1);
	asker = queue_open(dir, QUEUE_REQUEST, &e);
	CHECK_OK(asker == NULL ? -1 : 0, &e);
	CHECK_OK(queue_request_add(asker, QUEUE_RELEASE, "20261122-180000-0001",
		     1000, NOW, &id, &e),
	    &e);
	CU_ASSERT(queue_changed(q));
	CU_ASSERT(queue_request_next(q, &r, &e) == 1);
	CU_ASSERT(r.id == id && r.kind == QUEUE_RELEASE && r.uid == 1000);
	CU_ASSERT_STRING_EQUAL(r.job, "20261122-180000-0001");
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_request_done(q, id, "done", NOW + 1, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);
	CU_ASSERT(queue_request_next(q, &r, &e) == 0);
	CU_ASSERT(queue_request_get(asker, id, &r, &e) == 1);
	CU_ASSERT_STRING_EQUAL(r.result, "done");
	CU_ASSERT(!queue_changed(q));
	queue_close(asker);
	queue_close(reader);
	queue_close(q);
	close(dir);
}

static void
nothing_there_is_no_damage(void)
{
	struct err e = {0};
	int dir = queuelab_dir();

	CU_ASSERT(queue_open(dir, QUEUE_READ, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "queue-none");
	CU_ASSERT(queue_open(dir, QUEUE_REQUEST, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "queue-none");
	CU_ASSERT(faccessat(dir, QUEUE_FILE, F_OK, 0) != 0);
	close(dir);
}

static void
file_hash(int dir, const char *name, uint8_t sha[FS_SHA256_SIZE])
{
	struct err e = {0};
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	memset(sha, 0, FS_SHA256_SIZE);
	if (fd >= 0)
		CHECK_OK(fs_hash(fd, sha, NULL, &e), &e);
	close(fd);
}

static void
overwrite(int dir, const char *name, off_t at, size_t n)
{
	uint8_t junk[4096];
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	memset(junk, 0x5A, sizeof junk);
	CU_ASSERT(fd >= 0);
	CU_ASSERT(pwrite(fd, junk, n, at) == (ssize_t)n);
	close(fd);
}

static void
damage_is_said_and_left_alone(void)
{
	static const off_t places[] = {0, 100, 4096, 8192, 5 * 4096};
	uint8_t before[FS_SHA256_SIZE], after[FS_SHA256_SIZE];
	struct err e = {0};
	struct queue *q;
	int dir;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		q = open_new(&dir);
		queue_close(q);
		overwrite(dir, QUEUE_FILE, places[i], 600);
		file_hash(dir, QUEUE_FILE, before);
		err_clear(&e);
		CU_ASSERT(queue_open(dir, QUEUE_WRITE, &e) == NULL);
		CU_ASSERT_STRING_EQUAL(e.code, "queue-damaged");
		CU_ASSERT(e.class == ERR_FATAL_IO);
		file_hash(dir, QUEUE_FILE, after);
		CU_ASSERT(memcmp(before, after, sizeof before) == 0);
		close(dir);
	}
}

/* An empty file, or a log without its file, is no first start: what has been
 * signed would be forgotten. */
static void
emptiness_is_damage(void)
{
	struct err e = {0};
	struct stat st;
	struct queue *q;
	int dir, fd;

	q = open_new(&dir);
	queue_close(q);
	fd = openat(dir, QUEUE_FILE, O_WRONLY | O_TRUNC | O_CLOEXEC);
	CU_ASSERT(fd >= 0 && close(fd) == 0);
	CU_ASSERT(queue_open(dir, QUEUE_WRITE, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "queue-damaged");
	CU_ASSERT(fstatat(dir, QUEUE_FILE, &st, 0) == 0 && st.st_size == 0);
	CU_ASSERT(unlinkat(dir, QUEUE_FILE, 0) == 0);
	fd = openat(
	    dir, QUEUE_FILE "-wal", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT(fd >= 0 && close(fd) == 0);
	err_clear(&e);
	CU_ASSERT(queue_open(dir, QUEUE_WRITE, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "queue-damaged");
	CU_ASSERT(faccessat(dir, QUEUE_FILE, F_OK, 0) != 0);
	close(dir);
}

/* A start that was killed while it made the file is a first start still. */
static void
half_made_is_made_anew(void)
{
	struct err e = {0};
	struct queue *q;
	int dir, fd;

	q = open_new(&dir);
	queue_close(q);
	CU_ASSERT(renameat(dir, QUEUE_FILE, dir, QUEUE_FILE ".new") == 0);
	overwrite(dir, QUEUE_FILE ".new", 100, 600);
	fd = openat(dir, QUEUE_FILE ".new-journal",
	    O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT(fd >= 0 && close(fd) == 0);
	q = queue_open(dir, QUEUE_WRITE, &e);
	CU_ASSERT(q != NULL);
	queue_close(q);
	close(dir);
}

static void
newer_file_is_not_touched(void)
{
	struct err e = {0};
	struct queue *q;
	int dir;
	uint8_t version[4] = {0, 0, 0, 99};
	int fd;

	q = open_new(&dir);
	queue_close(q);
	/* user_version: 4 bytes big-endian at offset 60 of the file. */
	fd = openat(dir, QUEUE_FILE, O_WRONLY | O_CLOEXEC);
	CU_ASSERT(pwrite(fd, version, 4, 60) == 4);
	close(fd);
	CU_ASSERT(queue_open(dir, QUEUE_WRITE, &e) == NULL);
	CU_ASSERT_STRING_EQUAL(e.code, "queue-newer");
	CU_ASSERT(e.class == ERR_CONFIG);
	close(dir);
}

/* In a child, because the limit stays: fills the disk (a file size limit
 * gives the same EFBIG/ENOSPC way) in the middle of a group. */
static int
full_disk_child(int dir)
{
	struct rlimit limit = {64 * 1024, 64 * 1024};
	struct err e = {0};
	struct batch b;
	struct queue *q = queue_open(dir, QUEUE_WRITE, &e);
	int r = 0;

	if (q == NULL || queue_begin(q, &e) != 0 ||
	    queue_batch_add(q, NOW, &b, &e) != 0 || queue_commit(q, &e) != 0)
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 2;
	for (int i = 0; i < 2000 && r == 0; i++) {
		struct job j = {.batch = b.id};

		if (!queue_in_transaction(q))
			r = queue_begin(q, &e);
		if (r == 0)
			queue_job_add(q, &j, NOW, NULL);
		if (r == 0 && i % 20 == 19)
			r = queue_commit(q, &e);
	}
	if (r == 0)
		return 3;
	return e.class == ERR_FATAL_IO ? 0 : 4;
}

static void
full_disk_is_fatal_and_loses_nothing(void)
{
	struct err e = {0};
	struct batch b;
	struct queue *q;
	int dir = queuelab_dir(), status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(full_disk_child(dir));
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	q = queue_open(dir, QUEUE_WRITE, &e);
	CHECK_OK(q == NULL ? -1 : 0, &e);
	CU_ASSERT(queue_batch_find(q, "", &b, &e) == 1);
	CU_ASSERT(b.jobs % 20 == 0); /* whole groups only */
	queue_close(q);
	close(dir);
}

static int
abort_child(int dir, int what)
{
	struct err e = {0};
	struct queue *q = queue_open(dir, QUEUE_WRITE, &e);
	struct batch b;
	struct job j = {0};

	dup2(open("/dev/null", O_WRONLY), 2); /* the message is expected */
	if (what == 0)
		queue_batch_add(q, NOW, &b, &e); /* outside */
	queue_begin(q, &e);
	if (what == 1)
		queue_begin(q, &e); /* nested */
	queue_batch_add(q, NOW, &b, &e);
	j.id = add_job(q, b.id, "a");
	queue_job_get(q, j.id, &j, &e);
	if (what == 2)
		queue_job_step(q, &j, JOB_PUBLISHED, NULL, NOW, &e);
	return 0;
}

static void
misuse_aborts(void)
{
	for (int what = 0; what < 3; what++) {
		int dir = queuelab_dir(), status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(abort_child(dir, what));
		waitpid(pid, &status, 0);
		CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		close(dir);
	}
}

static void
group_commit_is_fast(void)
{
	struct err e = {0};
	struct batch b;
	struct job j = {0};
	struct queue *q;
	int64_t start;
	int dir, steps = 0;

	q = open_new(&dir);
	CHECK_OK(queue_begin(q, &e), &e);
	CHECK_OK(queue_batch_add(q, NOW, &b, &e), &e);
	CHECK_OK(queue_commit(q, &e), &e);
	start = clock_mono_ns();
	for (int group = 0; group < 10; group++) {
		CHECK_OK(queue_begin(q, &e), &e);
		for (int i = 0; i < 60; i++) {
			memset(&j, 0, sizeof j);
			j.batch = b.id;
			queue_job_add(q, &j, NOW, &e);
			for (enum job_state s = JOB_CLAIMED; s <= JOB_VERIFIED;
			     s++, steps++)
				queue_job_step(q, &j, s, NULL, NOW, &e);
			queue_job_step(q, &j, JOB_PUBLISHED, NULL, NOW, &e);
		}
		CHECK_OK(queue_commit(q, &e), &e);
	}
	printf("# 600 jobs, %d steps in %.1f ms\n", steps,
	    (double)(clock_mono_ns() - start) / 1e6);
	CU_ASSERT(queue_batch_get(q, b.id, &b, &e) == 1);
	CU_ASSERT(b.published == 600);
	queue_close(q);
	close(dir);
}

SUITE_MAIN("queue-store", CASE(file_is_private_and_lasting),
    CASE(second_writer_is_refused),
    CASE(killed_writer_leaves_no_lock_and_no_half),
    CASE(group_is_whole_or_nothing),
    CASE(a_batch_keeps_what_became_of_its_jobs),
    CASE(readers_and_requests_beside_a_writer),
    CASE(nothing_there_is_no_damage), CASE(damage_is_said_and_left_alone),
    CASE(emptiness_is_damage), CASE(half_made_is_made_anew),
    CASE(newer_file_is_not_touched), CASE(full_disk_is_fatal_and_loses_nothing),
    CASE(misuse_aborts), CASE(group_commit_is_fast))
