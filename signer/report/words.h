/* Words that all writers share: dates and labels, in the language in use. */
#ifndef SIGNER_REPORT_WORDS_H
#define SIGNER_REPORT_WORDS_H

#include "signer/report/report.h"

#include <stdint.h>

#define WORDS_SIZE 64

/* Speaks the report's language until words_end. */
struct words {
	char before[3];
};
void words_begin(struct words *w, const char *language);
void words_end(const struct words *w);

/* Japanese time, for people; "" for 0.  All return buf.
 * "2026年11月22日 18:00", "2026-11-22 18:00" */
char *words_moment(int64_t ms, char buf[WORDS_SIZE]);
/* "2026年11月22日", "2026-11-22" */
char *words_date(int64_t ms, char buf[WORDS_SIZE]);
/* "18:00:12" */
char *words_clock(int64_t ms, char buf[WORDS_SIZE]);
/* "2026-11-22 18:00:12" in either language: what Excel takes for a time. */
char *words_sheet(int64_t ms, char buf[WORDS_SIZE]);
/* "令和7年1月1日~令和7年12月31日", "2025-01-01 to 2025-12-31" for e-Tax's
 * "5070101-5071231"; other periods as they are.  Returns buf or period. */
const char *words_period(const char *period, char buf[WORDS_SIZE]);
/* "350ミリ秒", "12秒", "3分5秒", "2時間10分" */
char *words_duration(int64_t ms, char buf[WORDS_SIZE]);
/* "12 KB", "3.4 MB" */
char *words_bytes(uint64_t size, char buf[WORDS_SIZE]);
/* "残り125日", "残り0日", "3日前に満了" */
char *words_days_left(int64_t days, char buf[WORDS_SIZE]);

/* A remark's or reason's own words for people: "line 3: DATA" and known
 * phrases in the language in use, all else stays as it is.  Returns out, cut
 * at size. */
const char *words_detail(const char *detail, char *out, size_t size);

/* What was checked, and how it went. */
const char *words_check(enum report_check check);
const char *words_check_state(enum report_check_state state);
/* "schema", "signature", … and "passed", "not-checked", … for machines. */
const char *words_check_name(enum report_check check);
const char *words_check_state_name(enum report_check_state state);
/* "e-Tax", "e-Gov", … for a submission format's name. */
const char *words_format(const char *name);

#endif
