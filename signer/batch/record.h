/* The batch's report, made from the queue. */
#ifndef SIGNER_BATCH_RECORD_H
#define SIGNER_BATCH_RECORD_H

#include "signer/batch/internal.h"

/* Writes reports/<batch>/report.{html,csv,json} and manifest.csv.  0 / -1:
 * the batch itself is not touched by that. */
int record_batch(struct runner *r, bool interrupted, struct err *e);
/* Writes reports/index.html. */
int record_index(struct runner *r, struct err *e);

#endif
