/*
 * Folders, writers and transactions of queues: what is done before and after
 * whatever a test asks of one.
 */
#include "tests/lib/queuelab.h"

#include "base/fsops.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <unistd.h>

int
queuelab_dir(void)
{
	static int n;
	char name[20];
	struct err e = {0};
	int top = suite_dir(), fd;

	snprintf(name, sizeof name, "q%d", n++);
	CHECK_OK(fs_mkdir(top, name, 0700, &e), &e);
	fd = fs_open_dir(top, name, &e);
	close(top);
	return fd;
}

struct queue *
queuelab_open(int dir)
{
	struct err e = {0};
	struct queue *q = queue_open(dir, QUEUE_WRITE, &e);

	CHECK_OK(q == NULL ? -1 : 0, &e);
	return q;
}

struct queue *
queuelab_reopen(struct queue *q, int dir)
{
	struct err e = {0};

	CHECK_OK(queue_commit(q, &e), &e);
	queue_close(q);
	q = queuelab_open(dir);
	CHECK_OK(queue_begin(q, &e), &e);
	return q;
}

void
queuelab_end(struct queue *q, int dir)
{
	struct err e = {0};

	if (queue_in_transaction(q))
		CHECK_OK(queue_commit(q, &e), &e);
	queue_close(q);
	close(dir);
}
