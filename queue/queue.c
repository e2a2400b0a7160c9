/*
 * Opening the store and what belongs to no job: transactions, batches,
 * requests.  Only the holder of state/lock writes (requests excepted), and a
 * file that fails its check is never written, not even by a checkpoint.
 */
#include "queue/queue.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "queue/job.h"
#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_ALWAYS_BELOW (16 * 1024 * 1024)
#define BATCH_SUFFIX_MAX 1000
#define QUEUE_NEW QUEUE_FILE ".new"

static const char *const request_names[] = {
    [QUEUE_RETRY] = "retry",
    [QUEUE_RELEASE] = "release",
    [QUEUE_DISCARD] = "discard",
};

static int
take_lock(struct queue *q, int state_dir, struct err *e)
{
	int taken;

	q->lock = fs_open_lock(state_dir, QUEUE_LOCK, 0600, e);
	if (q->lock < 0)
		return -1;
	taken = fs_lock(q->lock, e);
	if (taken == 0)
		return err_set(
		    e, ERR_TRANSIENT_IO, "already-running", "%s", QUEUE_LOCK);
	return taken < 0 ? -1 : 0;
}

/* SQLite knows paths only; it resolves this one when it opens. */
static struct db *
open_file(int state_dir, const char *name, struct err *e)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", state_dir, name);
	return db_open(path, e);
}

static int
make_schema(struct db *db, struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	if (db_script(db, sql_schema, e) != 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

static bool
is_there(int state_dir, const char *name)
{
	return faccessat(state_dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Makes a database where there is none.  It gets its name when it is whole,
 * so that an empty file of this name is always a damaged one: to begin anew
 * would be to forget what has been signed. */
static int
make_file(int state_dir, struct err *e)
{
	struct db *db;
	int fd, result;

	if (is_there(state_dir, QUEUE_FILE)) /* maybe by a killed process */
		return fs_sync_dir(state_dir, e);
	if (is_there(state_dir, QUEUE_FILE "-wal"))
		return err_set(e, ERR_FATAL_IO, "queue-damaged", "%s",
		    QUEUE_FILE " is gone, but " QUEUE_FILE "-wal is there");
	if (fs_unlink(state_dir, QUEUE_NEW, e) != 0 ||
	    fs_unlink(state_dir, QUEUE_NEW "-journal", e) != 0)
		return -1;
	fd = fs_create(state_dir, QUEUE_NEW, 0600, e);
	if (fd < 0 || fs_close(&fd, e) != 0 || fs_sync_dir(state_dir, e) != 0)
		return -1;
	db = open_file(state_dir, QUEUE_NEW, e);
	if (db == NULL)
		return -1;
	result = make_schema(db, e);
	db_close(db);
	if (result != 0 ||
	    fs_move(state_dir, QUEUE_NEW, state_dir, QUEUE_FILE, e) != 0)
		return -1;
	return fs_sync_dir(state_dir, e);
}

/* A look at the whole structure: always when it is quick, and when the last
 * writer did not close (then its WAL is still there). */
static bool
wants_check(int state_dir)
{
	struct stat st;

	if (fstatat(state_dir, QUEUE_FILE "-wal", &st, 0) == 0 &&
	    st.st_size > 0)
		return true;
	return fstatat(state_dir, QUEUE_FILE, &st, 0) == 0 &&
	       st.st_size < CHECK_ALWAYS_BELOW;
}

static int
schema_version(struct queue *q, int64_t *version, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_VERSION);

	if (db_step(s, e) != 1)
		return -1;
	*version = db_get_int(s);
	db_done(s);
	if (*version <= SQL_SCHEMA_VERSION)
		return 0;
	return err_set(e, ERR_CONFIG, "queue-newer",
	    "version %lld, this natsuin knows %d", (long long)*version,
	    SQL_SCHEMA_VERSION);
}

static int
open_writer(struct queue *q, int state_dir, int64_t version, struct err *e)
{
	if (version == 0)
		return err_set(
		    e, ERR_FATAL_IO, "queue-damaged", "%s", "it is empty");
	if (wants_check(state_dir) && db_check(q->db, e) != 0)
		return -1;
	return db_trust(q->db, e);
}

static int
open_db(struct queue *q, int state_dir, struct err *e)
{
	int64_t version;

	if (q->mode == QUEUE_WRITE && make_file(state_dir, e) != 0)
		return -1;
	if (faccessat(state_dir, QUEUE_FILE, F_OK, 0) != 0)
		return err_errno(e, ERR_CONFIG, "queue-none", "%s", QUEUE_FILE);
	q->db = open_file(state_dir, QUEUE_FILE, e);
	if (q->db == NULL || schema_version(q, &version, e) != 0)
		return -1;
	if (q->mode == QUEUE_WRITE)
		return open_writer(q, state_dir, version, e);
	if (version == 0)
		return err_set(e, ERR_CONFIG, "queue-none", "%s", QUEUE_FILE);
	return q->mode == QUEUE_READ ? db_read_only(q->db, e)
				     : db_trust(q->db, e);
}

struct queue *
queue_open(int state_dir, enum queue_mode mode, struct err *e)
{
	struct queue *q = calloc(1, sizeof *q);

	if (q == NULL) {
		err_nomem(e);
		return NULL;
	}
	q->mode = mode;
	q->lock = -1;
	q->seen = -1;
	if ((mode == QUEUE_WRITE && take_lock(q, state_dir, e) != 0) ||
	    open_db(q, state_dir, e) != 0) {
		queue_close(q);
		return NULL;
	}
	return q;
}

void
queue_close(struct queue *q)
{
	if (q == NULL)
		return;
	db_close(q->db);
	if (q->lock >= 0)
		close(q->lock);
	free(q);
}

struct db_stmt *
queue_writing(struct queue *q, enum sql_id id)
{
	if (q->mode != QUEUE_WRITE)
		BUG("queue is not open for writing");
	if (!db_in_transaction(q->db))
		BUG("queue write outside a transaction");
	return db_use(q->db, id);
}

int
queue_begin(struct queue *q, struct err *e)
{
	if (q->mode != QUEUE_WRITE)
		BUG("queue is not open for writing");
	if (db_in_transaction(q->db))
		BUG("queue transactions do not nest");
	return db_begin(q->db, e);
}

int
queue_commit(struct queue *q, struct err *e)
{
	if (!db_in_transaction(q->db))
		BUG("no queue transaction to commit");
	return db_commit(q->db, e);
}

void
queue_rollback(struct queue *q)
{
	db_rollback(q->db);
}

bool
queue_in_transaction(const struct queue *q)
{
	return db_in_transaction(q->db);
}

int
queue_ids(struct db_stmt *s, int64_t **ids, size_t *count, struct err *e)
{
	size_t room = 0;
	int r;

	*ids = NULL;
	*count = 0;
	while ((r = db_step(s, e)) == 1) {
		if (*count == room) {
			int64_t *more;

			room = room == 0 ? 64 : room * 2;
			more = reallocarray(*ids, room, sizeof **ids);
			if (more == NULL) {
				db_done(s);
				r = err_nomem(e);
				break;
			}
			*ids = more;
		}
		(*ids)[(*count)++] = db_get_int(s);
	}
	if (r == 0)
		return 0;
	free(*ids);
	*ids = NULL;
	*count = 0;
	return -1;
}

/* Batches. */

static int
count_states(struct queue *q, struct batch *b, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_BATCH_COUNT);
	char name[16];
	int r;

	b->published = b->failed = b->held = b->discarded = b->jobs = 0;
	db_put_int(s, b->id);
	while ((r = db_step(s, e)) == 1) {
		enum job_state state;
		int64_t n;

		db_get_text(s, name, sizeof name);
		state = job_state_from_name(name);
		n = db_get_int(s);
		b->jobs += n;
		if (state == JOB_PUBLISHED)
			b->published = n;
		else if (state == JOB_FAILED)
			b->failed = n;
		else if (state == JOB_HELD)
			b->held = n;
		else if (state == JOB_DISCARDED)
			b->discarded = n;
	}
	return r;
}

/* Steps the statement, whose one row is a batch. */
static int
read_batch(struct queue *q, struct db_stmt *s, struct batch *out, struct err *e)
{
	int r = db_step(s, e);

	if (r != 1)
		return r;
	memset(out, 0, sizeof *out);
	out->id = db_get_int(s);
	db_get_text(s, out->name, sizeof out->name);
	out->created_ms = db_get_int(s);
	out->finished_ms = db_get_int(s);
	out->published = db_get_int(s);
	out->failed = db_get_int(s);
	out->held = db_get_int(s);
	out->discarded = db_get_int(s);
	out->jobs = db_get_int(s);
	db_done(s);
	if (out->finished_ms == 0 && count_states(q, out, e) != 0)
		return -1;
	return 1;
}

static int
batch_exists(struct queue *q, const char *name, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_BATCH_EXISTS);
	int r;

	db_put_text(s, name);
	r = db_step(s, e);
	db_done(s);
	return r;
}

static int
batch_name(
    struct queue *q, int64_t now_ms, char name[QUEUE_BATCH_MAX], struct err *e)
{
	char digits[CLOCK_TEXT_SIZE];
	int n, r = 1;

	clock_digits(now_ms, digits);
	n = snprintf(name, QUEUE_BATCH_MAX, "%.8s-%.6s", digits, digits + 8);
	for (int i = 2; i < BATCH_SUFFIX_MAX; i++) {
		r = batch_exists(q, name, e);
		if (r <= 0)
			return r;
		snprintf(name + n, QUEUE_BATCH_MAX - (size_t)n, "-%d", i);
	}
	return err_set(e, ERR_BUG, "queue-constraint", "%s", name);
}

int
queue_batch_add(
    struct queue *q, int64_t now_ms, struct batch *out, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_BATCH_ADD);

	memset(out, 0, sizeof *out);
	if (batch_name(q, now_ms, out->name, e) != 0)
		return -1;
	out->created_ms = now_ms;
	db_put_text(s, out->name);
	db_put_int(s, now_ms);
	if (db_run(s, e) != 0)
		return -1;
	out->id = db_last_id(q->db);
	return 0;
}

int
queue_batch_unfinished(struct queue *q, struct batch *out, struct err *e)
{
	return read_batch(q, db_use(q->db, SQL_BATCH_UNFINISHED), out, e);
}

int
queue_batch_get(
    struct queue *q, int64_t batch, struct batch *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_BATCH_GET);

	db_put_int(s, batch);
	return read_batch(q, s, out, e);
}

int
queue_batch_find(
    struct queue *q, const char *name, struct batch *out, struct err *e)
{
	struct db_stmt *s;

	if (*name == '\0')
		return read_batch(q, db_use(q->db, SQL_BATCH_NEWEST), out, e);
	s = db_use(q->db, SQL_BATCH_FIND);
	db_put_text(s, name);
	return read_batch(q, s, out, e);
}

int
queue_batch_finish(
    struct queue *q, int64_t batch, int64_t now_ms, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_BATCH_KEEP);
	struct batch b = {.id = batch};

	db_put_int(s, batch);
	if (db_run(s, e) != 0 || count_states(q, &b, e) != 0)
		return -1;
	s = queue_writing(q, SQL_BATCH_FINISH);
	db_put_int(s, now_ms);
	db_put_int(s, b.published);
	db_put_int(s, b.failed);
	db_put_int(s, b.held);
	db_put_int(s, b.discarded);
	db_put_int(s, b.jobs);
	db_put_int(s, batch);
	return db_run(s, e);
}

int
queue_batch_list(
    struct queue *q, size_t max, int64_t **ids, size_t *count, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_BATCH_LIST);

	db_put_int(s, max > INT32_MAX ? INT32_MAX : (int64_t)max);
	return queue_ids(s, ids, count, e);
}

/* Requests. */

int
queue_request_add(struct queue *q, enum queue_request_kind kind,
    const char *job, uid_t uid, int64_t now_ms, int64_t *id, struct err *e)
{
	bool own = !db_in_transaction(q->db);
	struct db_stmt *s;

	if (q->mode == QUEUE_READ)
		BUG("queue is open for reading only");
	if (own && db_begin(q->db, e) != 0)
		return -1;
	s = db_use(q->db, SQL_REQUEST_ADD);
	db_put_text(s, request_names[kind]);
	db_put_text(s, job);
	db_put_int(s, uid);
	db_put_int(s, now_ms);
	if (db_run(s, e) == 0)
		*id = db_last_id(q->db);
	else if (!own)
		return -1;
	return own ? db_commit(q->db, e) : 0;
}

static enum queue_request_kind
request_kind(const char *name)
{
	for (int i = QUEUE_RETRY; i < QUEUE_DISCARD; i++)
		if (strcmp(request_names[i], name) == 0)
			return (enum queue_request_kind)i;
	return QUEUE_DISCARD;
}

static int
read_request(struct db_stmt *s, struct queue_request *out, struct err *e)
{
	char name[16];
	int r = db_step(s, e);

	if (r != 1)
		return r;
	memset(out, 0, sizeof *out);
	out->id = db_get_int(s);
	db_get_text(s, name, sizeof name);
	out->kind = request_kind(name);
	db_get_text(s, out->job, sizeof out->job);
	out->uid = (uid_t)db_get_int(s);
	out->created_ms = db_get_int(s);
	out->done_ms = db_get_int(s);
	db_get_text(s, out->result, sizeof out->result);
	db_done(s);
	return 1;
}

int
queue_request_next(struct queue *q, struct queue_request *out, struct err *e)
{
	return read_request(db_use(q->db, SQL_REQUEST_NEXT), out, e);
}

int
queue_request_get(
    struct queue *q, int64_t id, struct queue_request *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_REQUEST_GET);

	db_put_int(s, id);
	return read_request(s, out, e);
}

int
queue_request_done(struct queue *q, int64_t id, const char *result,
    int64_t now_ms, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_REQUEST_DONE);

	db_put_text(s, result);
	db_put_int(s, now_ms);
	db_put_int(s, id);
	return db_run(s, e);
}

bool
queue_changed(struct queue *q)
{
	int64_t now = db_version(q->db);
	bool changed = now != q->seen;

	q->seen = now;
	return changed;
}

int
queue_prune(struct queue *q, int64_t before_ms, struct err *e)
{
	static const enum sql_id all[] = {
	    SQL_PRUNE_FINDINGS, SQL_PRUNE_PARTS, SQL_PRUNE_SIGNATURES};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct db_stmt *s = queue_writing(q, all[i]);

		db_put_int(s, before_ms);
		if (db_run(s, e) != 0)
			return -1;
	}
	return 0;
}
