/* The only door to SQLite: cached statements, binding, errors by class. */
#ifndef QUEUE_DB_H
#define QUEUE_DB_H

#include "base/buf.h"
#include "base/err.h"
#include "queue/sql.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
/* A cached statement; at most one use of each at a time. */
struct db_stmt;

/* Opens an existing file (it may be empty) for reading and writing, without
 * touching it.  NULL on error. */
struct db *db_open(const char *path, struct err *e);
/* Rolls back, closes.  NULL is accepted.  Before db_trust, nothing is
 * written even now. */
void db_close(struct db *d);

/* Reads all of the file's structure: 0; -1 "queue-damaged". */
int db_check(struct db *d, struct err *e);
/* WAL and full durability, from now on it may be written. */
int db_trust(struct db *d, struct err *e);
/* From now on nothing can be written through this connection. */
int db_read_only(struct db *d, struct err *e);
/* Several statements without results. */
int db_script(struct db *d, const char *text, struct err *e);

/* The first error between begin and commit sticks: commit returns it and
 * rolls back. */
int db_begin(struct db *d, struct err *e);
int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d);
bool db_in_transaction(const struct db *d);

/* The statement, reset and without values.  Never NULL: an error is kept and
 * returned by db_step. */
struct db_stmt *db_use(struct db *d, enum sql_id id);
/* Values for the parameters, in order; text and bytes must stay until the
 * last step. */
void db_put_int(struct db_stmt *s, int64_t v);
void db_put_text(struct db_stmt *s, const char *text);
void db_put_bytes(struct db_stmt *s, const void *p, size_t n);
/* 1 a row, 0 no more (the statement is then free again), -1. */
int db_step(struct db_stmt *s, struct err *e);
/* Steps to the end. 0 / -1. */
int db_run(struct db_stmt *s, struct err *e);
/* Frees the statement before its last row. */
void db_done(struct db_stmt *s);

/* Columns of the row, in order. */
int64_t db_get_int(struct db_stmt *s);
/* Cut at size (never happens to what we stored). */
void db_get_text(struct db_stmt *s, char *out, size_t size);
/* Exactly n bytes; a value of another length gives zeros. */
void db_get_bytes(struct db_stmt *s, void *out, size_t n);
/* Appends; 0 / -1 memory. */
int db_get_buf(struct db_stmt *s, struct buf *out);

int64_t db_last_id(struct db *d);
/* Changes when another connection has committed. */
int64_t db_version(struct db *d);

#endif
