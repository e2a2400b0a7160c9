/* The page of all batches. */
#ifndef SIGNER_REPORT_REPORT_INDEX_H
#define SIGNER_REPORT_REPORT_INDEX_H

#include "signer/report/report.h"

/* One batch on the index page, newest first. */
struct report_index_row {
	const char *batch;
	int64_t started_ms, finished_ms; /* finished 0 = still running */
	size_t count[REPORT_RESULT_MAX];
};

/* reports/index.html: links to <batch>/report.html. */
int report_write_index(const struct report_index_row *rows, size_t count,
    const char *language, struct buf *out, struct err *e);

#endif
