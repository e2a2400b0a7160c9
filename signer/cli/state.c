/*
 * Opening the queue from a command: read-only, or to leave a request.
 */
#include "signer/cli/state.h"

#include "base/fsops.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct queue *
state_open(const struct conf *c, enum queue_mode mode, struct err *e)
{
	char path[1100];
	struct queue *q;
	int dir;

	snprintf(path, sizeof path, "%s/state", c->root);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		err_errno(e, ERR_CONFIG, "queue-none", "%s", path);
		return NULL;
	}
	q = queue_open(dir, mode, e);
	close(dir);
	return q;
}
