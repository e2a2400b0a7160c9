/* What operators ask for: release, discard, retry. */
#ifndef SIGNER_BATCH_REQUEST_H
#define SIGNER_BATCH_REQUEST_H

#include "signer/batch/internal.h"

/* Executes every pending request. */
void requests_execute(struct runner *r);

#endif
