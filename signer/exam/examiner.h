/* The sandboxed process that reads what came from outside. */
#ifndef SIGNER_EXAM_EXAMINER_H
#define SIGNER_EXAM_EXAMINER_H

#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "schemas/store.h"
#include "signer/exam/protocol.h"

#include <sys/types.h>

#define EXAMINER_ROLE "--examiner"

/* A running examiner as its owner sees it. */
struct examiner {
	int fd; /* socket; -1 when not running */
	pid_t pid;
};

/*
 * Executes this program as an examiner: it inherits nothing but standard
 * error and one socket, reads its limits, and enters the sandbox before it
 * reads a request.  0 / -1.
 */
int examiner_start(
    struct examiner *x, const struct conf_limits *limits, struct err *e);

/* Closes the socket, kills the process if it does not end, reaps it; its
 * wait status is returned (0 when it was not running). */
int examiner_stop(struct examiner *x);

/* conf's limits and rules as the examiner takes them. */
void examiner_options(const struct conf *c, struct exam_options *o);

/*
 * One request, waiting for its answer (for commands; the batch has its own
 * loop).  Bundles are served from `schemas` (NULL: none).  0, or -1 with
 * the examiner's error.  r is filled in both cases; freed by the caller.
 */
int examiner_ask(struct examiner *x, const struct exam_request *q,
    struct schema_store *schemas, struct exam_reply *r, struct err *e);

/* The examiner's main function: exit code. */
int examiner_main(void);

#endif
