/* The batch: drop folders to published, reported filings. */
#ifndef SIGNER_BATCH_BATCH_H
#define SIGNER_BATCH_BATCH_H

#include "base/err.h"
#include "conf/conf.h"

#include <stdbool.h>

struct batch_options {
	bool watch;    /* stay; a batch per quiet time */
	int pin_fd;    /* for a private keyholder, or -1 */
	bool progress; /* a bar or lines on standard error */
};

/*
 * Runs one batch (or watches until SIGTERM).  Returns an exit code of
 * signer/cli/cli.h; what stopped the program as a whole is in *e (class
 * ERR_NONE when it ran to its end).
 */
int batch_run(
    const struct conf *c, const struct batch_options *o, struct err *e);

/*
 * Executes pending requests of operators (natsuin queue …) where no batch is
 * running.  0; -1, "already-running" when one is: it will execute them.
 */
int batch_requests(const struct conf *c, struct err *e);

#endif
