/* Filings brought together by what happened to them. */
#ifndef SIGNER_REPORT_GROUPS_H
#define SIGNER_REPORT_GROUPS_H

#include "signer/report/report.h"

struct group_item {
	size_t row;         /* index into report.filings */
	const char *detail; /* borrowed from the report; may be NULL */
};

/* One code; `result` is REPORT_RESULT_MAX in a group of warnings. */
struct group {
	enum report_result result;
	const char *code; /* borrowed */
	struct group_item *item;
	size_t count, room;
};

/* Start as {0}, end with groups_free (also after a failure). */
struct groups {
	struct group *group;
	size_t count;
};

/* Filings that were not published, by result and reason: failed first, and
 * the largest group first within a result.  0, -1 when memory is out. */
int groups_of_reasons(struct groups *g, const struct report *r);
/* Filings by warning, the largest group first. */
int groups_of_warnings(struct groups *g, const struct report *r);
void groups_free(struct groups *g);

#endif
