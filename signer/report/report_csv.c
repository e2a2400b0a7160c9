/*
 * Two sheets of a batch: report.csv for the office's Excel, one line per
 * filing with headings in the report's language; manifest.csv, one line per
 * filing and signer with fixed ASCII headings, as proof of what went in and
 * what came out.  Neither ever leaves a filing out.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "signer/report/report.h"
#include "signer/report/sheet.h"
#include "signer/report/words.h"

#include <stdio.h>
#include <string.h>

static const char *const headings[] = {N_("No."), N_("Result"), N_("Reason"),
    N_("What to do"), N_("Details"), N_("File"), N_("Taxpayer"),
    N_("User id (last 4 digits)"), N_("Procedure"), N_("Procedure's name"),
    N_("Version"), N_("Period"), N_("Signers"), N_("Certificate's serial"),
    N_("Valid from"), N_("Valid until"), N_("Days left"), N_("Remarks"),
    N_("Schema"), N_("Checked"), N_("Not checked"), N_("SHA-256 of the input"),
    N_("SHA-256 of the output"), N_("Output"), N_("Original"), N_("Taken"),
    N_("Finished"), N_("Drop folder"), N_("Job"), N_("Who was to sign"),
    N_("Certificate's holder"), N_("Names compared")};

/* Appends `part` after `between`, which stands only between parts. */
static void
join(struct sheet *s, struct buf *b, const char *between, const char *part)
{
	if (part == NULL || *part == '\0')
		return;
	if ((b->len > 0 && buf_puts(b, between) != 0) || buf_puts(b, part) != 0)
		s->failed = true;
}

/* Writes a joined cell and empties the buffer. */
static void
joined(struct sheet *s, struct buf *b)
{
	const char *text = buf_cstr(b);

	if (text == NULL)
		s->failed = true;
	sheet_text(s, text);
	buf_reset(b);
}

static void
put_reason(struct sheet *s, const struct report_filing *f)
{
	const char *code = f->reason.code;
	char text[512];

	sheet_text(s, report_result_text(f->result));
	sheet_text(s, code == NULL ? NULL : explain_what(code));
	sheet_text(s, code == NULL ? NULL : explain_todo(code));
	sheet_text(s, words_detail(f->reason.detail, text, sizeof text));
}

static void
put_filing(struct sheet *s, const struct report_filing *f)
{
	char period[WORDS_SIZE];

	sheet_text(s, f->input);
	sheet_text(s, f->taxpayer);
	sheet_text(s, f->user_id);
	sheet_text(s, f->procedure);
	sheet_text(s, f->procedure_name);
	sheet_text(s, f->version);
	sheet_text(s, words_period(f->period, period));
}

/* "01 AB 23": pairs, so that Excel does not take it for a number. */
static const char *
serial_pairs(const char *serial, char *out, size_t size)
{
	size_t at = 0, len = serial == NULL ? 0 : strlen(serial);

	out[0] = '\0';
	for (size_t i = 0; i < len && at + 3 < size; i++) {
		if (i > 0 && (len - i) % 2 == 0)
			out[at++] = ' ';
		out[at++] = serial[i];
		out[at] = '\0';
	}
	return out;
}

/* The earliest end of the signers' certificates decides days left. */
static void
put_validity(
    struct sheet *s, const struct report *r, const struct report_filing *f)
{
	int64_t from = 0, until = 0;
	char text[WORDS_SIZE];

	for (size_t i = 0; i < f->signer_count; i++) {
		const struct report_signer *g = &f->signers[i];

		if (g->not_before_ms > from)
			from = g->not_before_ms;
		if (until == 0 || g->not_after_ms < until)
			until = g->not_after_ms;
	}
	sheet_plain(s, words_sheet(from, text));
	sheet_plain(s, words_sheet(until, text));
	if (until == 0)
		sheet_plain(s, "");
	else
		sheet_number(s, report_days_left(until, report_now(r)));
}

static void
put_signers(
    struct sheet *s, const struct report *r, const struct report_filing *f)
{
	char serial[160];
	struct buf names = {0}, serials = {0};

	for (size_t i = 0; i < f->signer_count; i++) {
		const struct report_signer *g = &f->signers[i];

		join(s, &names, " / ", g->name != NULL ? g->name : g->key);
		join(s, &serials, " / ",
		    serial_pairs(g->serial, serial, sizeof serial));
	}
	joined(s, &names);
	joined(s, &serials);
	buf_free(&names);
	buf_free(&serials);
	put_validity(s, r, f);
}

static void
put_remarks(struct sheet *s, const struct report_filing *f)
{
	struct buf b = {0};
	char text[512];

	for (size_t i = 0; i < f->warning_count; i++) {
		join(s, &b, " / ", explain_what(f->warnings[i].code));
		join(s, &b, " ",
		    words_detail(f->warnings[i].detail, text, sizeof text));
	}
	joined(s, &b);
	buf_free(&b);
}

static void
put_checks(struct sheet *s, const struct report_filing *f, bool passed)
{
	struct buf b = {0};

	for (int i = 0; i < REPORT_CHECK_MAX; i++) {
		const struct report_check_result *c = &f->check[i];

		if ((c->state == REPORT_PASSED) != passed)
			continue;
		join(s, &b, " / ", words_check((enum report_check)i));
		if (!passed)
			join(s, &b, ": ", words_check_state(c->state));
		if (c->detail != NULL)
			join(s, &b, ": ", c->detail);
	}
	joined(s, &b);
	buf_free(&b);
}

static void
put_files(struct sheet *s, const struct report_filing *f)
{
	char text[WORDS_SIZE];

	sheet_text(s, f->input_sha256);
	sheet_text(s, f->output_sha256);
	sheet_text(s, f->output);
	sheet_text(s, f->original);
	sheet_plain(s, words_sheet(f->claimed_ms, text));
	sheet_plain(s, words_sheet(f->finished_ms, text));
	sheet_text(s, f->drop);
	sheet_text(s, f->job);
}

static void
put_people(struct sheet *s, const struct report_people *p)
{
	char text[PEOPLE_TEXT] = "";

	if (p->must != NULL)
		people_verdict(p->verdict, p->why, p->how, text, sizeof text);
	sheet_text(s, p->wanted);
	sheet_text(s, p->holder);
	sheet_text(s, text);
	sheet_end_row(s);
}

int
report_write_csv(const struct report *r, struct buf *out, struct err *e)
{
	struct sheet s;
	struct words w;

	if (r->out_of_memory)
		return err_nomem(e);
	words_begin(&w, r->language);
	sheet_begin(&s, out, true);
	for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
		sheet_text(&s, _(headings[i]));
	sheet_end_row(&s);
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct report_filing *f = &r->filings[i];

		sheet_number(&s, (int64_t)i + 1);
		put_reason(&s, f);
		put_filing(&s, f);
		put_signers(&s, r, f);
		put_remarks(&s, f);
		sheet_text(&s, f->schema);
		put_checks(&s, f, true);
		put_checks(&s, f, false);
		put_files(&s, f);
		put_people(&s, &f->people);
	}
	words_end(&w);
	return s.failed ? err_nomem(e) : 0;
}

static const char *const columns[] = {"batch", "job", "drop", "input",
    "input_sha256", "output", "output_sha256", "user_id", "procedure",
    "version", "key", "signer_subject", "signer_serial", "signer_valid_from",
    "signer_valid_until", "already_there", "result", "code", "finished"};

static void
put_proof(struct sheet *s, const struct report *r,
    const struct report_filing *f, const struct report_signer *g)
{
	static const struct report_signer nobody;
	char text[CLOCK_TEXT_SIZE];

	if (g == NULL)
		g = &nobody;
	sheet_text(s, r->batch);
	sheet_text(s, f->job);
	sheet_text(s, f->drop);
	sheet_text(s, f->input);
	sheet_text(s, f->input_sha256);
	sheet_text(s, f->output);
	sheet_text(s, f->output_sha256);
	sheet_text(s, f->user_id);
	sheet_text(s, f->procedure);
	sheet_text(s, f->version);
	sheet_text(s, g->key);
	sheet_text(s, g->subject);
	sheet_text(s, g->serial);
	sheet_text(s,
	    g->not_before_ms == 0 ? NULL : clock_text(g->not_before_ms, text));
	sheet_text(
	    s, g->not_after_ms == 0 ? NULL : clock_text(g->not_after_ms, text));
	sheet_plain(s, g == &nobody ? "" : g->already ? "1" : "0");
	sheet_text(s, report_result_name(f->result));
	sheet_text(s, f->reason.code);
	sheet_text(
	    s, f->finished_ms == 0 ? NULL : clock_text(f->finished_ms, text));
	sheet_end_row(s);
}

int
report_write_manifest(const struct report *r, struct buf *out, struct err *e)
{
	struct sheet s;

	if (r->out_of_memory)
		return err_nomem(e);
	sheet_begin(&s, out, false);
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		sheet_text(&s, columns[i]);
	sheet_end_row(&s);
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct report_filing *f = &r->filings[i];

		if (f->signer_count == 0)
			put_proof(&s, r, f, NULL);
		for (size_t j = 0; j < f->signer_count; j++)
			put_proof(&s, r, f, &f->signers[j]);
	}
	return s.failed ? err_nomem(e) : 0;
}
