/*
 * SQLite behind a small door.  This file alone calls sqlite3_*: it keeps one
 * prepared statement per SQL text, turns result codes into error classes
 * where they are known, and makes the first error in a transaction stick, so
 * that half of a group is never committed.  It knows no table by name.
 */
#include "queue/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 5000

struct db_stmt {
	struct db *db;
	sqlite3_stmt *raw;
	int at;      /* next parameter, then next column */
	bool failed; /* could not be prepared or bound; see db->pending */
};

struct db {
	sqlite3 *raw;
	bool in_transaction;
	struct err sticky;  /* first error of the transaction */
	struct err pending; /* of prepare and bind, for the next step */
	struct db_stmt stmts[SQL_COUNT];
};

/* code: 2 of db_fail */
static int
db_fail(enum err_class class, const char *code, struct db *d, struct err *e)
{
	struct err own;
	int saved = d->raw == NULL ? 0 : sqlite3_system_errno(d->raw);

	err_lib(&own, class, code,
	    d->raw == NULL ? 0
			   : (unsigned long)sqlite3_extended_errcode(d->raw),
	    "%s", d->raw == NULL ? "" : sqlite3_errmsg(d->raw));
	if (class == ERR_FATAL_IO || class == ERR_CONFIG)
		own.errnum = saved;
	if (d->in_transaction && d->sticky.class == ERR_NONE)
		d->sticky = own;
	if (e != NULL)
		*e = own;
	return -1;
}

static int
db_error(struct db *d, int rc, struct err *e)
{
	switch (rc & 0xFF) {
	case SQLITE_NOMEM:
		return db_fail(ERR_TRANSIENT_IO, "out-of-memory", d, e);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return db_fail(ERR_TRANSIENT_IO, "queue-busy", d, e);
	case SQLITE_FULL:
		return db_fail(ERR_FATAL_IO, "queue-full", d, e);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return db_fail(ERR_FATAL_IO, "queue-damaged", d, e);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return db_fail(ERR_CONFIG, "queue-rights", d, e);
	case SQLITE_CONSTRAINT:
		return db_fail(ERR_BUG, "queue-constraint", d, e);
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_MISMATCH:
		return db_fail(ERR_BUG, "queue-statement", d, e);
	case SQLITE_IOERR:
		if (sqlite3_system_errno(d->raw) == ENOSPC)
			return db_fail(ERR_FATAL_IO, "queue-full", d, e);
		return db_fail(ERR_FATAL_IO, "queue-io", d, e);
	default:
		return db_fail(ERR_FATAL_IO, "queue-io", d, e);
	}
}

struct db *
db_open(const char *path, struct err *e)
{
	struct db *d = calloc(1, sizeof *d);
	int rc;

	if (d == NULL) {
		err_nomem(e);
		return NULL;
	}
	rc = sqlite3_open_v2(path, &d->raw,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (rc == SQLITE_CANTOPEN && d->raw != NULL &&
	    sqlite3_system_errno(d->raw) == EACCES)
		rc = SQLITE_PERM;
	if (rc != SQLITE_OK) {
		db_error(d, rc, e);
		sqlite3_close(d->raw);
		free(d);
		return NULL;
	}
	/* Until it is known to be sound, not even a checkpoint writes it. */
	sqlite3_db_config(d->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(d->raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_busy_timeout(d->raw, BUSY_MS);
	return d;
}

void
db_close(struct db *d)
{
	if (d == NULL)
		return;
	db_rollback(d);
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(d->stmts[i].raw);
	sqlite3_close(d->raw);
	free(d);
}

int
db_script(struct db *d, const char *text, struct err *e)
{
	int rc = sqlite3_exec(d->raw, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_error(d, rc, e);
}

int
db_check(struct db *d, struct err *e)
{
	struct db_stmt *s = db_use(d, SQL_CHECK);
	char word[120];
	int r = db_step(s, e);

	if (r < 0)
		return -1;
	db_get_text(s, word, sizeof word);
	db_done(s);
	if (strcmp(word, "ok") == 0)
		return 0;
	return err_set(e, ERR_FATAL_IO, "queue-damaged", "%s", word);
}

int
db_trust(struct db *d, struct err *e)
{
	if (db_script(d, sql_settings, e) != 0)
		return -1;
	sqlite3_db_config(d->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return 0;
}

int
db_read_only(struct db *d, struct err *e)
{
	return db_script(d, sql_read_only, e);
}

int
db_begin(struct db *d, struct err *e)
{
	err_clear(&d->sticky);
	if (db_run(db_use(d, SQL_BEGIN), e) != 0)
		return -1;
	d->in_transaction = true;
	return 0;
}

int
db_commit(struct db *d, struct err *e)
{
	if (d->sticky.class == ERR_NONE &&
	    db_run(db_use(d, SQL_COMMIT), e) == 0) {
		d->in_transaction = false;
		return 0;
	}
	if (e != NULL)
		*e = d->sticky;
	db_rollback(d);
	return -1;
}

void
db_rollback(struct db *d)
{
	d->in_transaction = false;
	/* A full disk may have ended the transaction by itself. */
	if (sqlite3_get_autocommit(d->raw) == 0)
		db_run(db_use(d, SQL_ROLLBACK), NULL);
}

bool
db_in_transaction(const struct db *d)
{
	return d->in_transaction;
}

static void
note(struct db_stmt *s, int rc)
{
	if (rc == SQLITE_OK || s->failed)
		return;
	s->failed = true;
	db_error(s->db, rc, &s->db->pending);
}

struct db_stmt *
db_use(struct db *d, enum sql_id id)
{
	struct db_stmt *s = &d->stmts[id];

	s->db = d;
	s->at = 1;
	s->failed = false;
	if (s->raw == NULL)
		note(s, sqlite3_prepare_v3(d->raw, sql_text(id), -1,
			    SQLITE_PREPARE_PERSISTENT, &s->raw, NULL));
	else
		db_done(s);
	return s;
}

void
db_put_int(struct db_stmt *s, int64_t v)
{
	if (!s->failed)
		note(s, sqlite3_bind_int64(s->raw, s->at++, v));
}

void
db_put_text(struct db_stmt *s, const char *text)
{
	if (!s->failed)
		note(s, sqlite3_bind_text(
			    s->raw, s->at++, text, -1, SQLITE_STATIC));
}

void
db_put_bytes(struct db_stmt *s, const void *p, size_t n)
{
	/* SQLite takes a NULL pointer for NULL, not for no bytes. */
	if (!s->failed)
		note(s, sqlite3_bind_blob64(s->raw, s->at++, n == 0 ? "" : p, n,
			    SQLITE_STATIC));
}

int
db_step(struct db_stmt *s, struct err *e)
{
	int rc;

	if (s->failed) {
		if (e != NULL)
			*e = s->db->pending;
		return -1;
	}
	rc = sqlite3_step(s->raw);
	s->at = 0;
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		db_error(s->db, rc, e);
	db_done(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
db_run(struct db_stmt *s, struct err *e)
{
	int r;

	while ((r = db_step(s, e)) == 1)
		continue;
	return r;
}

void
db_done(struct db_stmt *s)
{
	if (s->raw == NULL)
		return;
	/* Also drops the pointers to the caller's values. */
	sqlite3_reset(s->raw);
	sqlite3_clear_bindings(s->raw);
}

int64_t
db_get_int(struct db_stmt *s)
{
	return sqlite3_column_int64(s->raw, s->at++);
}

void
db_get_text(struct db_stmt *s, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(s->raw, s->at);
	size_t n = (size_t)sqlite3_column_bytes(s->raw, s->at++);

	if (text == NULL)
		n = 0;
	if (n >= size)
		n = size - 1;
	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
}

void
db_get_bytes(struct db_stmt *s, void *out, size_t n)
{
	const void *p = sqlite3_column_blob(s->raw, s->at);
	size_t have = (size_t)sqlite3_column_bytes(s->raw, s->at++);

	if (p != NULL && have == n)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

int
db_get_buf(struct db_stmt *s, struct buf *out)
{
	const void *p = sqlite3_column_blob(s->raw, s->at);
	size_t n = (size_t)sqlite3_column_bytes(s->raw, s->at++);

	return p == NULL ? 0 : buf_append(out, p, n);
}

int64_t
db_last_id(struct db *d)
{
	return sqlite3_last_insert_rowid(d->raw);
}

int64_t
db_version(struct db *d)
{
	struct db_stmt *s = db_use(d, SQL_DATA_VERSION);
	int64_t v = -1;

	if (db_step(s, NULL) == 1)
		v = db_get_int(s);
	db_done(s);
	return v;
}
