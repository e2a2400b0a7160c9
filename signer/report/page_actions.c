/*
 * On top: what somebody has to do, by reason, with the filings it stopped;
 * then what is good to know.  The words come from the explain table, the
 * names from outside go through html_foreign.
 */
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "signer/report/groups.h"
#include "signer/report/page.h"
#include "signer/report/urgency.h"

#include <stdio.h>
#include <string.h>

/* Names under a reason, and under a mere remark. */
#define NAMES_SHOWN 12
#define NAMES_REMARKED 6

/* "N filings" in the language's way. */
static void
put_count(struct html *h, size_t n)
{
	char text[64];

	snprintf(
	    text, sizeof text, ngettext("%zu filing", "%zu filings", n), n);
	html_text(h, text);
}

/* Name for people: the taxpayer, else the file. */
static const char *
title_of(const struct report_filing *f)
{
	return f->taxpayer != NULL ? f->taxpayer : f->input;
}

static void
put_affected(struct page *p, size_t row, const char *detail)
{
	const struct report_filing *f = &p->r->filings[row];
	struct html *h = &p->h;

	if (buf_printf(h->out, "<li><a href=\"#f%zu\">", row + 1) != 0)
		h->failed = true;
	html_foreign(h, "b", title_of(f));
	html_raw(h, "</a> ");
	if (f->procedure_name != NULL || f->procedure != NULL)
		html_foreign(h, "span class=\"what\"",
		    f->procedure_name != NULL ? f->procedure_name
					      : f->procedure);
	if (f->taxpayer != NULL)
		html_foreign(h, "span class=\"file\"", f->input);
	page_detail(h, "span class=\"detail\"", detail);
	html_raw(h, "</li>\n");
}

static void
put_more(struct html *h, size_t n)
{
	char text[96];

	snprintf(text, sizeof text, _("and %zu more, see the list of all"), n);
	html_element(h, "li class=\"more\"", text);
}

/* One reason with the filings that it stopped (or, as a remark, only
 * touched: `result` is then REPORT_RESULT_MAX). */
static void
put_group(struct page *p, const struct group *g)
{
	struct html *h = &p->h;
	bool stopped = g->result < REPORT_RESULT_MAX;
	size_t shown = stopped ? NAMES_SHOWN : NAMES_REMARKED;

	html_raw(h, "<article class=\"group ");
	html_raw(h, stopped ? page_class(g->result) : "remark");
	html_raw(h, "\">\n<h3>");
	if (stopped)
		page_badge(h, g->result);
	html_raw(h, "<span>");
	html_text(h, explain_what(g->code));
	html_raw(h, "</span> <span class=\"count\">");
	put_count(h, g->count);
	html_raw(h, "</span></h3>\n<p class=\"todo\"><b>");
	html_text(h, _("What to do"));
	html_raw(h, "</b>");
	html_text(h, explain_todo(g->code));
	html_raw(h, "</p>\n<ul>\n");
	for (size_t i = 0; i < g->count && i < shown; i++)
		put_affected(p, g->item[i].row, g->item[i].detail);
	if (g->count > shown)
		put_more(h, g->count - shown);
	html_raw(h, "</ul>\n<p class=\"code\"><code>");
	html_text(h, g->code);
	html_raw(h, "</code></p>\n</article>\n");
}

int
page_actions(struct page *p)
{
	struct groups g = {0};
	struct html *h = &p->h;

	if (page_count_action(p->r) == 0)
		return 0;
	if (groups_of_reasons(&g, p->r) != 0) {
		groups_free(&g);
		return -1;
	}
	html_raw(h, "<section>\n");
	html_element(h, "h2", _("What needs action"));
	html_raw(h, "\n");
	for (size_t i = 0; i < g.count; i++)
		if (page_needs_action(g.group[i].result))
			put_group(p, &g.group[i]);
	html_raw(h, "</section>\n");
	groups_free(&g);
	return 0;
}

/* ---- remarks about the batch and its keys ------------------------------- */

/* One of them; key: its name, or NULL for the batch's. */
struct said {
	const char *key;
	const struct report_remark *remark;
};

static void
put_remark(struct page *p, const struct said *s)
{
	enum urgency u = urgency_of(s->remark->code);
	struct html *h = &p->h;

	html_raw(h, "<article class=\"group remark to-do-");
	html_raw(h, urgency_name(u));
	html_raw(h, "\">\n<h3>");
	if (u != URGENCY_NOTE) {
		html_raw(h, "<span class=\"urgency\">");
		html_text(h, urgency_text(u));
		html_raw(h, "</span> ");
	}
	html_raw(h, "<span>");
	if (s->key != NULL) {
		html_text(h, _("Key"));
		html_raw(h, " ");
		html_foreign(h, "b", s->key);
		html_raw(h, ": ");
	}
	html_text(h, explain_what(s->remark->code));
	html_raw(h, "</span></h3>\n");
	page_detail(h, "p class=\"detail\"", s->remark->detail);
	html_raw(h, "<p class=\"todo\"><b>");
	html_text(h, _("What to do"));
	html_raw(h, "</b>");
	html_text(h, explain_todo(s->remark->code));
	html_raw(h, "</p>\n<p class=\"code\"><code>");
	html_text(h, s->remark->code);
	html_raw(h, "</code></p>\n</article>\n");
}

/* What already stands under "What needs action" is not said twice. */
static bool
is_reason(const struct report *r, const char *code)
{
	for (size_t i = 0; i < r->filing_count; i++)
		if (page_needs_action(r->filings[i].result) &&
		    r->filings[i].reason.code != NULL && code != NULL &&
		    strcmp(r->filings[i].reason.code, code) == 0)
			return true;
	return false;
}

/* Calls `each` for the remarks of this urgency; their number. */
static size_t
remarks_of(struct page *p, enum urgency u,
    void (*each)(struct page *, const struct said *))
{
	const struct report *r = p->r;
	size_t n = 0;

	for (size_t i = 0; i <= r->key_count; i++) {
		const struct report_key *k = i == 0 ? NULL : &r->keys[i - 1];
		const struct report_remark *list =
		    k == NULL ? r->warnings : k->warnings;
		size_t count = k == NULL ? r->warning_count : k->warning_count;

		for (size_t j = 0; j < count; j++) {
			struct said s = {k == NULL ? NULL : k->name, &list[j]};

			if (urgency_of(list[j].code) != u ||
			    (k != NULL && is_reason(r, list[j].code)))
				continue;
			if (each != NULL)
				each(p, &s);
			n++;
		}
	}
	return n;
}

size_t
page_count_urgent(struct page *p)
{
	return remarks_of(p, URGENCY_NOW, NULL) +
	       remarks_of(p, URGENCY_WEEK, NULL);
}

void
page_urgent(struct page *p)
{
	struct html *h = &p->h;

	if (page_count_urgent(p) == 0)
		return;
	html_raw(h, "<section class=\"urgent\">\n");
	html_element(h, "h2", _("See to this before you submit"));
	html_raw(h, "\n");
	remarks_of(p, URGENCY_NOW, put_remark);
	remarks_of(p, URGENCY_WEEK, put_remark);
	html_raw(h, "</section>\n");
}

int
page_warnings(struct page *p)
{
	struct groups g = {0};
	struct html *h = &p->h;
	size_t n = remarks_of(p, URGENCY_SOON, NULL) +
		   remarks_of(p, URGENCY_NOTE, NULL);

	if (groups_of_warnings(&g, p->r) != 0) {
		groups_free(&g);
		return -1;
	}
	if (n + g.count > 0) {
		html_raw(h, "<section>\n");
		html_element(h, "h2", _("Good to know"));
		html_raw(h, "\n");
		remarks_of(p, URGENCY_SOON, put_remark);
		for (size_t i = 0; i < g.count; i++)
			put_group(p, &g.group[i]);
		remarks_of(p, URGENCY_NOTE, put_remark);
		html_raw(h, "</section>\n");
	}
	groups_free(&g);
	return 0;
}
