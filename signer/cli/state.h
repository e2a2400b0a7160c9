/* The spool's state for commands that do not run a batch. */
#ifndef SIGNER_CLI_STATE_H
#define SIGNER_CLI_STATE_H

#include "conf/conf.h"
#include "queue/queue.h"

/* Opens the queue of the configured spool; NULL on error. */
struct queue *state_open(
    const struct conf *c, enum queue_mode mode, struct err *e);

#endif
