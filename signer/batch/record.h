/* The batch's report, made from the queue. */
#ifndef SIGNER_BATCH_RECORD_H
#define SIGNER_BATCH_RECORD_H

#include "signer/batch/internal.h"

/* Writes reports/<batch>/report.{html,csv,json}, manifest.csv and
 * reports/index.html.  0 / -1: the batch itself is not touched by that. */
int record_batch(struct runner *r, bool interrupted, struct err *e);

#endif
