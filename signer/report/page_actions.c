/*
 * On top: what somebody has to do, by reason, with the filings it stopped;
 * then what is good to know.  The words come from the explain table, the
 * names from outside go through html_foreign.
 */
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "signer/report/groups.h"
#include "signer/report/page.h"

#include <stdio.h>

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

/* Warnings of the batch or of a key, in words. */
static void
put_remarks(struct page *p, const char *about, const struct report_remark *list,
    size_t count)
{
	struct html *h = &p->h;

	for (size_t i = 0; i < count; i++) {
		html_raw(h, "<article class=\"group remark\">\n<h3><span>");
		if (about != NULL) {
			html_text(h, _("Key"));
			html_raw(h, " ");
			html_foreign(h, "b", about);
			html_raw(h, ": ");
		}
		html_text(h, explain_what(list[i].code));
		html_raw(h, "</span></h3>\n");
		page_detail(h, "p class=\"detail\"", list[i].detail);
		html_raw(h, "<p class=\"todo\"><b>");
		html_text(h, _("What to do"));
		html_raw(h, "</b>");
		html_text(h, explain_todo(list[i].code));
		html_raw(h, "</p>\n<p class=\"code\"><code>");
		html_text(h, list[i].code);
		html_raw(h, "</code></p>\n</article>\n");
	}
}

int
page_warnings(struct page *p)
{
	const struct report *r = p->r;
	struct groups g = {0};
	struct html *h = &p->h;
	size_t n = r->warning_count;

	if (groups_of_warnings(&g, r) != 0) {
		groups_free(&g);
		return -1;
	}
	for (size_t i = 0; i < r->key_count; i++)
		n += r->keys[i].warning_count;
	if (n + g.count > 0) {
		html_raw(h, "<section>\n");
		html_element(h, "h2", _("Good to know"));
		html_raw(h, "\n");
		put_remarks(p, NULL, r->warnings, r->warning_count);
		for (size_t i = 0; i < r->key_count; i++)
			put_remarks(p, r->keys[i].name, r->keys[i].warnings,
			    r->keys[i].warning_count);
		for (size_t i = 0; i < g.count; i++)
			put_group(p, &g.group[i]);
		html_raw(h, "</section>\n");
	}
	groups_free(&g);
	return 0;
}
