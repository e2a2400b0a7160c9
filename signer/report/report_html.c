/*
 * The page that an office reads in the morning: what came out in one line,
 * then what somebody has to do, then everything.  All foreign text goes
 * through html_text; nothing is loaded, nothing runs.
 */
#include "base/i18n.h"
#include "signer/report/page.h"
#include "signer/report/words.h"

#include <stdio.h>

static void
put_head(struct page *p)
{
	const struct report *r = p->r;
	struct html *h = &p->h;
	char from[WORDS_SIZE], took[WORDS_SIZE];

	html_raw(h, "<header>\n<div class=\"seal\" aria-hidden=\"true\">"
		    "\xE6\x8D\xBA\xE5\x8D\xB0</div>\n<div>\n");
	html_element(h, "h1", _("Signing report"));
	html_raw(h, "\n<p class=\"when\">");
	html_text(h, words_moment(r->started_ms, from));
	if (r->finished_ms != 0) {
		html_raw(h, " <span class=\"quiet\">");
		html_text(h, _("took"));
		html_raw(h, " ");
		html_text(
		    h, words_duration(r->finished_ms - r->started_ms, took));
		html_raw(h, "</span>");
	}
	html_raw(h, " <span class=\"quiet\">");
	html_text(h, _("Batch"));
	html_raw(h, " ");
	html_text(h, r->batch);
	html_raw(h, "</span></p>\n</div>\n</header>\n");
}

/* The sentence that must be right if only one is read. */
static void
put_verdict(struct page *p)
{
	const struct report *r = p->r;
	struct html *h = &p->h;
	size_t action = page_count_action(r), urgent = page_count_urgent(p);
	char text[128];

	if (r->filing_count == 0)
		snprintf(
		    text, sizeof text, "%s", _("There was nothing to sign."));
	else if (action == 0 && urgent > 0)
		snprintf(text, sizeof text, "%s",
		    _("All filings are done, but read this before you "
		      "submit them."));
	else if (action == 0)
		snprintf(text, sizeof text, "%s",
		    _("Everything is done. Nothing needs your attention."));
	else
		snprintf(text, sizeof text,
		    ngettext("%zu filing needs your attention.",
			"%zu filings need your attention.", action),
		    action);
	html_element(h,
	    action + urgent == 0 ? "p class=\"verdict good\""
				 : "p class=\"verdict bad\"",
	    text);
	if (r->interrupted)
		html_element(h, "p class=\"note\"",
		    _("This batch was interrupted. The next run continues it; "
		      "nothing is lost."));
}

static void
put_figure(struct page *p, enum report_result result)
{
	struct html *h = &p->h;
	size_t n = report_count(p->r, result);

	html_raw(h, "<div class=\"figure ");
	html_raw(h, n == 0 ? "none" : page_class(result));
	html_raw(h, "\"><dt>");
	html_text(h, report_result_text(result));
	html_raw(h, "</dt><dd>");
	html_number(h, (int64_t)n);
	html_raw(h, "</dd></div>\n");
}

static void
put_bar(struct page *p)
{
	struct html *h = &p->h;

	html_raw(h, "<div class=\"bar\" aria-hidden=\"true\">");
	for (int i = 0; i < REPORT_RESULT_MAX; i++) {
		size_t n = report_count(p->r, (enum report_result)i);

		if (n == 0)
			continue;
		if (buf_printf(h->out,
			"<i class=\"%s\" style=\"flex-grow:%zu\"></i>",
			page_class((enum report_result)i), n) != 0)
			h->failed = true;
	}
	html_raw(h, "</div>\n");
}

static void
put_summary(struct page *p)
{
	struct html *h = &p->h;

	html_raw(h, "<section class=\"summary\">\n");
	put_verdict(p);
	if (p->r->filing_count > 0) {
		html_raw(h, "<dl class=\"figures\">\n<div class=\"figure all\">"
			    "<dt>");
		html_text(h, _("all"));
		html_raw(h, "</dt><dd>");
		html_number(h, (int64_t)p->r->filing_count);
		html_raw(h, "</dd></div>\n");
		for (int i = 0; i < REPORT_RESULT_MAX; i++)
			put_figure(p, (enum report_result)i);
		html_raw(h, "</dl>\n");
		put_bar(p);
	}
	html_raw(h, "</section>\n");
}

static void
put_foot(struct page *p)
{
	struct html *h = &p->h;

	html_raw(h, "<footer><p>");
	html_text(h, _("natsuin signs and packages filings; it does not send "
		       "them. Whether a certificate is registered with the "
		       "agency is known only there."));
	html_raw(h, "</p><p>natsuin ");
	html_text(h, p->r->version);
	html_raw(h, "</p></footer>\n");
}

int
report_write_html(const struct report *r, struct buf *out, struct err *e)
{
	struct page p = {.h = {.out = out}, .r = r};
	struct words w;
	char when[WORDS_SIZE], title[WORDS_SIZE * 3];

	if (r->out_of_memory)
		return err_nomem(e);
	words_begin(&w, r->language);
	snprintf(title, sizeof title, "%s %s", _("Signing report"),
	    words_moment(r->started_ms, when));
	html_begin(&p.h, r->language, title);
	html_raw(&p.h, "<main>\n");
	put_head(&p);
	put_summary(&p);
	page_urgent(&p);
	if (page_actions(&p) != 0 || page_warnings(&p) != 0)
		p.h.failed = true;
	page_keys(&p);
	page_filings(&p);
	page_checks(&p);
	put_foot(&p);
	html_raw(&p.h, "</main>\n");
	html_end(&p.h);
	words_end(&w);
	return p.h.failed ? err_nomem(e) : 0;
}
