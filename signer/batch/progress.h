/* What an operator sees while a batch runs. */
#ifndef SIGNER_BATCH_PROGRESS_H
#define SIGNER_BATCH_PROGRESS_H

#include "signer/batch/internal.h"

/* A bar with the time left on a terminal, else nothing until the end. */
void progress_show(struct runner *r);
/* Ends the bar's line. */
void progress_end(struct runner *r);
/* One line of results. */
void progress_summary(const struct runner *r);

#endif
