/*
 * The keys of the batch with what runs out (days, PIN tries), and the checks:
 * how often each was made, and plainly why one was not.
 */
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "signer/report/page.h"
#include "signer/report/words.h"

static void
put_days(struct page *p, int64_t not_after_ms)
{
	struct html *h = &p->h;
	char text[WORDS_SIZE];
	int64_t days = report_days_left(not_after_ms, report_now(p->r));

	html_raw(h, "<td>");
	if (not_after_ms != 0) {
		html_text(h, words_date(not_after_ms, text));
		html_raw(h, " ");
		html_element(h,
		    days < PAGE_SOON_DAYS ? "span class=\"soon\""
					  : "span class=\"quiet\"",
		    words_days_left(days, text));
	}
	html_raw(h, "</td>");
}

static void
put_key(struct page *p, const struct report_key *k)
{
	struct html *h = &p->h;

	html_raw(h, "<tr>");
	html_foreign(h, "th scope=\"row\"", k->name);
	html_foreign(h, "td", k->holder);
	html_foreign(h, "td class=\"mono\"", k->serial);
	put_days(p, k->not_after_ms);
	html_raw(h, "<td class=\"n\">");
	if (k->tries_left >= 0)
		html_number(h, k->tries_left);
	html_raw(h, "</td><td class=\"n\">");
	html_number(h, (int64_t)k->signatures);
	html_raw(h, "</td>");
	html_foreign(h, "td class=\"quiet\"", k->where);
	html_raw(h, "</tr>\n");
}

void
page_keys(struct page *p)
{
	static const char *const names[] = {N_("Key"), N_("Holder"),
	    N_("Certificate's serial"), N_("Valid until"), N_("PIN tries left"),
	    N_("Signatures"), N_("Where")};
	struct html *h = &p->h;

	if (p->r->key_count == 0)
		return;
	html_raw(h, "<section>\n");
	html_element(h, "h2", _("Keys and certificates"));
	html_raw(h, "\n<div class=\"wide\"><table class=\"keys\">\n");
	page_headings(h, names, sizeof names / sizeof *names);
	html_raw(h, "<tbody>\n");
	for (size_t i = 0; i < p->r->key_count; i++)
		put_key(p, &p->r->keys[i]);
	html_raw(h, "</tbody>\n</table></div>\n</section>\n");
}

static size_t
count_check(const struct report *r, size_t check, enum report_check_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->filing_count; i++)
		if (r->filings[i].check[check].state == state)
			n++;
	return n;
}

/* Why most of them were not checked: the first reason found. */
static const char *
why_unchecked(const struct report *r, size_t check)
{
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct report_check_result *c =
		    &r->filings[i].check[check];

		if (c->state == REPORT_NOT_CHECKED && c->code != NULL)
			return explain_what(c->code);
	}
	return NULL;
}

static void
put_checked(struct page *p, size_t check)
{
	static const enum report_check_state columns[] = {REPORT_PASSED,
	    REPORT_NOT_PASSED, REPORT_NOT_CHECKED, REPORT_NOT_REACHED};
	struct html *h = &p->h;

	html_raw(h, "<tr>");
	html_element(
	    h, "th scope=\"row\"", words_check((enum report_check)check));
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		size_t n = count_check(p->r, check, columns[i]);

		html_raw(
		    h, n == 0 ? "<td class=\"n zero\">" : "<td class=\"n\">");
		html_number(h, (int64_t)n);
		html_raw(h, "</td>");
	}
	html_element(h, "td class=\"quiet\"", why_unchecked(p->r, check));
	html_raw(h, "</tr>\n");
}

void
page_checks(struct page *p)
{
	static const char *const names[] = {N_("What was checked"), N_("good"),
	    N_("not good"), N_("not checked"), N_("not reached"), N_("Note")};
	struct html *h = &p->h;

	if (p->r->filing_count == 0)
		return;
	html_raw(h, "<section>\n");
	html_element(h, "h2", _("What was checked and what was not"));
	html_raw(h, "\n<div class=\"wide\"><table class=\"checks\">\n");
	page_headings(h, names, sizeof names / sizeof *names);
	html_raw(h, "<tbody>\n");
	for (size_t i = 0; i < REPORT_CHECK_MAX; i++)
		put_checked(p, i);
	html_raw(h, "</tbody>\n</table></div>\n</section>\n");
}
