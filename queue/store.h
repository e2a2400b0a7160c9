/* Inside queue/ only: the open queue, shared by its files. */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include "queue/db.h"
#include "queue/queue.h"

struct queue {
	struct db *db;
	enum queue_mode mode;
	int lock;     /* descriptor of state/lock, or -1 */
	int64_t seen; /* db_version at the last queue_changed */
};

/* The statement; aborts unless the queue may write and a transaction is
 * open.  For everything that changes the store. */
struct db_stmt *queue_writing(struct queue *q, enum sql_id id);

/* Runs a statement that gives ids; *ids is freed by the caller. */
int queue_ids(struct db_stmt *s, int64_t **ids, size_t *count, struct err *e);

#endif
