/* The pool of examiners: who works on what. */
#ifndef SIGNER_BATCH_EXAMS_H
#define SIGNER_BATCH_EXAMS_H

#include "signer/batch/internal.h"

#include <poll.h>

/* Starts the pool (conf->examiners, or one per core, at least two).  0 / -1. */
int exams_start(struct runner *r, struct err *e);
void exams_stop(struct runner *r);

/* Gives waiting jobs to idle examiners, in the order of DESIGN-batch. */
void exams_dispatch(struct runner *r);

/* True when some open key has too little to sign. */
bool exams_line_is_low(const struct runner *r);

/* A look at found drop `at` before its claim; false when no examiner is
 * idle.  drop_looked is called with its result, maybe at once. */
bool exams_look(struct runner *r, struct bdrop *d, size_t at);

/* Descriptors to poll (returns how many were filled), then what came. */
size_t exams_poll(const struct runner *r, struct pollfd *fds);
void exams_receive(struct runner *r, const struct pollfd *fds);

/* When the next examiner is over its time (monotonic ms), or -1. */
int64_t exams_deadline(const struct runner *r);

/* True while any examiner works. */
bool exams_busy(const struct runner *r);

#endif
