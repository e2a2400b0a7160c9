/*
 * The table of all filings, one line each, with everything known about one
 * beneath it, shown when its file name is opened (by style alone).  Every
 * filing of the report has its line.
 */
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "signer/report/page.h"
#include "signer/report/words.h"

#include <stdio.h>

/* One row of a description list; nothing when there is no text. */
static void
put_pair(struct html *h, const char *name, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	html_element(h, "dt", name);
	html_foreign(h, "dd", text);
}

static void
put_procedure(struct html *h, const struct report_filing *f)
{
	html_raw(h, "<td>");
	html_text(h, f->procedure_name);
	html_raw(h, " <span class=\"sub\">");
	html_foreign(h, "span class=\"mono\"", f->procedure);
	if (f->version != NULL) {
		html_raw(h, " ");
		html_foreign(h, "span", f->version);
	}
	html_raw(h, "</span></td>");
}

static void
put_names(struct html *h, const struct report_filing *f)
{
	html_raw(h, "<td>");
	for (size_t i = 0; i < f->signer_count; i++) {
		const struct report_signer *s = &f->signers[i];

		if (i > 0)
			html_raw(h, "<br>");
		html_foreign(h, "span", s->name != NULL ? s->name : s->key);
		if (s->already) {
			html_raw(h, " ");
			html_element(
			    h, "span class=\"sub\"", _("(there before)"));
		}
	}
	html_raw(h, "</td>");
}

static void
put_signer(struct page *p, const struct report_signer *s)
{
	struct html *h = &p->h;
	char from[WORDS_SIZE], until[WORDS_SIZE], left[WORDS_SIZE], text[256];

	html_element(h, "dt", _("Signer"));
	html_raw(h, "<dd>");
	html_foreign(h, "b", s->name != NULL ? s->name : s->key);
	if (s->serial != NULL) {
		html_raw(h, " ");
		html_text(h, _("serial"));
		html_raw(h, " ");
		html_foreign(h, "span class=\"mono\"", s->serial);
	}
	if (s->not_after_ms != 0) {
		snprintf(text, sizeof text, _(" valid %s to %s, %s"),
		    words_date(s->not_before_ms, from),
		    words_date(s->not_after_ms, until),
		    words_days_left(
			report_days_left(s->not_after_ms, report_now(p->r)),
			left));
		html_text(h, text);
	}
	if (s->issuer != NULL) {
		html_raw(h, "<br>");
		html_text(h, _("issued by"));
		html_raw(h, " ");
		html_foreign(h, "span", s->issuer);
	}
	html_raw(h, "</dd>\n");
}

static bool
reached_no_check(const struct report_filing *f)
{
	for (size_t i = 0; i < REPORT_CHECK_MAX; i++)
		if (f->check[i].state != REPORT_NOT_REACHED)
			return false;
	return true;
}

static void
put_check_list(struct html *h, const struct report_filing *f)
{
	html_element(h, "dt", _("Checks"));
	if (reached_no_check(f)) {
		html_element(h, "dd", words_check_state(REPORT_NOT_REACHED));
		return;
	}
	html_raw(h, "<dd class=\"checklist\">");
	for (size_t i = 0; i < REPORT_CHECK_MAX; i++) {
		const struct report_check_result *c = &f->check[i];

		html_raw(h, "<span class=\"check ");
		html_raw(h, words_check_state_name(c->state));
		html_raw(h, "\">");
		html_text(h, words_check((enum report_check)i));
		html_raw(h, ": <b>");
		html_text(h, words_check_state(c->state));
		html_raw(h, "</b>");
		if (c->detail != NULL) {
			html_raw(h, "<br>");
			html_text(h, c->detail);
		}
		html_raw(h, "</span>");
	}
	html_raw(h, "</dd>\n");
}

/* A file with its size and hash. */
static void
put_file(struct html *h, const char *name, const char *path, const char *sha256,
    uint64_t size)
{
	char text[WORDS_SIZE];

	if (path == NULL && sha256 == NULL)
		return;
	html_element(h, "dt", name);
	html_raw(h, "<dd>");
	html_foreign(h, "span", path);
	if (size > 0) {
		html_raw(h, " ");
		html_element(
		    h, "span class=\"quiet\"", words_bytes(size, text));
	}
	if (sha256 != NULL) {
		html_raw(h, "<br><span class=\"mono quiet\">SHA-256 ");
		html_text(h, sha256);
		html_raw(h, "</span>");
	}
	html_raw(h, "</dd>\n");
}

static void
put_remark_pairs(struct html *h, const struct report_filing *f)
{
	for (size_t i = 0; i < f->warning_count; i++) {
		html_element(h, "dt", _("Remark"));
		html_raw(h, "<dd>");
		html_text(h, explain_what(f->warnings[i].code));
		page_detail(h, "span class=\"detail\"", f->warnings[i].detail);
		html_raw(h, "</dd>\n");
	}
}

static void
put_reason_pairs(struct html *h, const struct report_filing *f)
{
	if (f->reason.code == NULL)
		return;
	html_element(h, "dt", _("Reason"));
	html_raw(h, "<dd>");
	html_text(h, explain_what(f->reason.code));
	page_detail(h, "span class=\"detail\"", f->reason.detail);
	html_raw(h, " <code>");
	html_text(h, f->reason.code);
	html_raw(h, "</code></dd>\n");
	put_pair(h, _("What to do"), explain_todo(f->reason.code));
}

static void
put_people(struct html *h, const struct report_people *p)
{
	char text[PEOPLE_TEXT];

	if (p->must == NULL)
		return;
	html_element(h, "dt", _("Who was to sign"));
	html_raw(h, "<dd>");
	html_text(h, people_must(p->must));
	html_raw(h, " ");
	html_foreign(h, "b", p->wanted);
	html_raw(h, "</dd>\n");
	html_element(h, "dt", _("Certificate's holder"));
	html_raw(h, "<dd>");
	html_foreign(h, "b", p->holder);
	html_raw(h, " ");
	html_foreign(h, "span class=\"quiet\"", p->key);
	html_raw(h, "</dd>\n");
	html_element(h, "dt", _("Names compared"));
	html_raw(h, "<dd>");
	html_text(
	    h, people_verdict(p->verdict, p->why, p->how, text, sizeof text));
	html_raw(h, "</dd>\n");
}

static void
put_details(struct page *p, const struct report_filing *f)
{
	struct html *h = &p->h;
	char text[WORDS_SIZE];

	html_raw(h, "<tr class=\"details\"><td colspan=\"7\"><dl>\n");
	put_reason_pairs(h, f);
	put_remark_pairs(h, f);
	put_file(h, _("Input"), f->input, f->input_sha256, f->input_size);
	put_file(h, _("Output"), f->output, f->output_sha256, f->output_size);
	put_pair(h, _("Original"), f->original);
	for (size_t i = 0; i < f->signer_count; i++)
		put_signer(p, &f->signers[i]);
	put_people(h, &f->people);
	put_check_list(h, f);
	put_file(h, _("Schema"), f->schema, f->schema_sha256, 0);
	put_pair(h, _("Format"), words_format(f->format));
	put_pair(h, _("Agent"), f->agent);
	put_pair(h, _("Period"), words_period(f->period, text));
	put_pair(h, _("Taken"), words_moment(f->claimed_ms, text));
	put_pair(h, _("Drop folder"), f->drop);
	put_pair(h, _("Job"), f->job);
	html_raw(h, "</dl></td></tr>\n");
}

static void
put_row_start(struct page *p, size_t row, const struct report_filing *f)
{
	struct html *h = &p->h;
	char id[64];

	snprintf(id, sizeof id, "<tbody id=\"f%zu\" class=\"", row + 1);
	html_raw(h, id);
	html_raw(h, page_class(f->result));
	if (page_needs_action(f->result))
		html_raw(h, " act");
	if (f->warning_count > 0)
		html_raw(h, " warned");
	html_raw(h, "\">\n<tr><td class=\"n quiet\">");
	html_number(h, (int64_t)row + 1);
	html_raw(h, "</td><td>");
	page_badge(h, f->result);
	if (f->warning_count > 0)
		html_element(h, "span class=\"flag\"", _("remark"));
	html_raw(h, "</td><td>");
}

static void
put_row(struct page *p, size_t row)
{
	const struct report_filing *f = &p->r->filings[row];
	struct html *h = &p->h;
	char text[WORDS_SIZE];

	put_row_start(p, row, f);
	html_foreign(h, "b", f->taxpayer);
	if (f->user_id != NULL) {
		html_raw(h, " ");
		html_foreign(h, "span class=\"sub mono\"", f->user_id);
	}
	html_raw(h, "</td>");
	put_procedure(h, f);
	html_raw(h, "<td><details>");
	html_foreign(h, "summary", f->input);
	html_raw(h, "</details></td>");
	put_names(h, f);
	html_element(h, "td class=\"n\"", words_clock(f->finished_ms, text));
	html_raw(h, "</tr>\n");
	put_details(p, f);
	html_raw(h, "</tbody>\n");
}

static void
put_filter(struct html *h)
{
	static const struct {
		const char *id, *text;
	} choices[] = {{"show-all", N_("all")},
	    {"show-act", N_("needs action")},
	    {"show-warned", N_("with remarks")}};

	html_raw(h, "<fieldset class=\"filter\"><legend>");
	html_text(h, _("Show"));
	html_raw(h, "</legend>");
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		html_raw(h, "<label><input type=\"radio\" name=\"show\" id=\"");
		html_raw(h, choices[i].id);
		html_raw(h, i == 0 ? "\" checked> " : "\"> ");
		html_text(h, _(choices[i].text));
		html_raw(h, "</label>");
	}
	html_raw(h, "</fieldset>\n");
}

void
page_filings(struct page *p)
{
	static const char *const names[] = {N_("No."), N_("Result"),
	    N_("Taxpayer"), N_("Procedure"), N_("File"), N_("Signers"),
	    N_("Finished")};
	struct html *h = &p->h;

	if (p->r->filing_count == 0)
		return;
	html_raw(h, "<section class=\"list\">\n<div class=\"listhead\">");
	html_element(h, "h2", _("All filings"));
	put_filter(h);
	html_raw(h, "</div>\n<div class=\"wide\"><table class=\"filings\">\n");
	page_headings(h, names, sizeof names / sizeof *names);
	for (size_t i = 0; i < p->r->filing_count; i++)
		put_row(p, i);
	html_raw(h, "</table></div>\n</section>\n");
}
