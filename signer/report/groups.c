/*
 * Three hundred filings held for one PIN are one thing to do, not three
 * hundred: the page shows reasons, and under each the filings.  Order within
 * a group is the report's.
 */
#include "signer/report/groups.h"

#include <stdlib.h>
#include <string.h>

static struct group *
find(struct groups *g, enum report_result result, const char *code)
{
	struct group *bigger;

	for (size_t i = 0; i < g->count; i++)
		if (g->group[i].result == result &&
		    strcmp(g->group[i].code, code) == 0)
			return &g->group[i];
	bigger = reallocarray(g->group, g->count + 1, sizeof *bigger);
	if (bigger == NULL)
		return NULL;
	g->group = bigger;
	bigger += g->count++;
	*bigger = (struct group){.result = result, .code = code};
	return bigger;
}

static int
add(struct groups *g, enum report_result result,
    const struct report_remark *remark, size_t row)
{
	const char *code = remark->code == NULL ? "" : remark->code;
	struct group *to = find(g, result, code);
	struct group_item *bigger;
	size_t room;

	if (to == NULL)
		return -1;
	if (to->count > 0 && to->item[to->count - 1].row == row)
		return 0; /* a filing stands once under a code */
	if (to->count == to->room) {
		room = to->room == 0 ? 16 : to->room * 2;
		bigger = reallocarray(to->item, room, sizeof *bigger);
		if (bigger == NULL)
			return -1;
		to->item = bigger;
		to->room = room;
	}
	to->item[to->count++] = (struct group_item){row, remark->detail};
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->result != y->result)
		return x->result < y->result ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->code, y->code);
}

static void
sort(struct groups *g)
{
	if (g->count > 0)
		qsort(g->group, g->count, sizeof *g->group, compare);
}

int
groups_of_reasons(struct groups *g, const struct report *r)
{
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct report_filing *f = &r->filings[i];

		if (f->result != REPORT_PUBLISHED &&
		    add(g, f->result, &f->reason, i) != 0)
			return -1;
	}
	sort(g);
	return 0;
}

int
groups_of_warnings(struct groups *g, const struct report *r)
{
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct report_filing *f = &r->filings[i];

		for (size_t j = 0; j < f->warning_count; j++)
			if (add(g, REPORT_RESULT_MAX, &f->warnings[j], i) != 0)
				return -1;
	}
	sort(g);
	return 0;
}

void
groups_free(struct groups *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->group[i].item);
	free(g->group);
	memset(g, 0, sizeof *g);
}
