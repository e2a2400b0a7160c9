/* A queue in a folder of its own, for tests of it. */
#ifndef TESTS_LIB_QUEUELAB_H
#define TESTS_LIB_QUEUELAB_H

#include "queue/queue.h"

/* A new folder of the suite's; its descriptor. */
int queuelab_dir(void);
/* A writer of the queue there; NULL (asserted) when that fails. */
struct queue *queuelab_open(int dir);
/* Commits and closes; then opens it again and begins a transaction, as a
 * program that is started anew. */
struct queue *queuelab_reopen(struct queue *q, int dir);
/* Commits, if a transaction runs, and closes both. */
void queuelab_end(struct queue *q, int dir);

#endif
