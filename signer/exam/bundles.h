/* The compiled schema of a filing, kept between filings. */
#ifndef SIGNER_EXAM_BUNDLES_H
#define SIGNER_EXAM_BUNDLES_H

#include "schemas/validate.h"
#include "signer/exam/format.h"

/*
 * Asks the request's schema source for (procedure, version), compiles the
 * bundle unless this process has it, and starts a run.  Fills f->schema and
 * f->schema_sha256.  The caller frees *run, before the next call.  Without
 * a bundle *run is NULL and there is a warning "schema-missing", or -1
 * ERR_INPUT "schema-missing" when schemas are required.  0 / -1.
 */
int bundles_run(const struct exam_options *o, const char *procedure,
    const char *version, struct findings *f, struct schema_run **run,
    struct err *e);

#endif
