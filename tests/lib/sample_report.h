/* A batch as an office has it, invented, for the tests of the writers. */
#ifndef TESTS_LIB_SAMPLE_REPORT_H
#define TESTS_LIB_SAMPLE_REPORT_H

#include "signer/report/report.h"

/* 22 November 2026, 18:00:00.123 in Tokyo. */
#define SAMPLE_STARTED_MS ((int64_t)1795338000123)

/* Fills r with `filings` filings of two keys, every 40th of them failed,
 * held, signed before or discarded in turn, every 25th with a remark. */
void sample_report(struct report *r, const char *language, size_t filings);

/* One more filing whose every text is `text`. */
struct report_filing *sample_add(struct report *r, const char *text);

#endif
