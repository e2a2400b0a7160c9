/*
 * The list of batches, newest first, each a link to its page.  It is made
 * anew from the queue's record after every batch; it decides nothing.
 */
#include "signer/report/report_index.h"
#include "base/i18n.h"
#include "signer/report/html.h"
#include "signer/report/report.h"
#include "signer/report/words.h"

static const enum report_result shown[] = {
    REPORT_PUBLISHED, REPORT_FAILED, REPORT_HELD, REPORT_DUPLICATE};
static const char *const classes[] = {"good", "bad", "held", "same"};

static void
put_batch_count(struct html *h, const char *class, size_t n)
{
	html_raw(h, "<td class=\"n ");
	html_raw(h, n == 0 ? "zero" : class);
	html_raw(h, "\">");
	html_number(h, (int64_t)n);
	html_raw(h, "</td>");
}

/* The batch's folder as a relative link: anything unusual by its number. */
static void
put_link(struct html *h, const char *batch)
{
	static const char digits[] = "0123456789ABCDEF";
	char c[4] = {0};

	html_raw(h, "<a href=\"");
	for (const char *p = batch; *p != '\0'; p++) {
		unsigned char u = (unsigned char)*p;

		if ((u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') ||
		    (u >= 'a' && u <= 'z') || u == '-' || u == '_') {
			c[0] = (char)u;
			c[1] = '\0';
		} else {
			c[0] = '%';
			c[1] = digits[u >> 4];
			c[2] = digits[u & 15];
		}
		html_raw(h, c);
	}
	html_raw(h, "/report.html\">");
}

static void
put_batch(struct html *h, const struct report_index_row *b)
{
	char text[WORDS_SIZE];

	html_raw(h, "<tr><th scope=\"row\">");
	put_link(h, b->batch);
	html_text(h, words_moment(b->started_ms, text));
	html_raw(h, "</a></th><td class=\"n quiet\">");
	html_text(
	    h, b->finished_ms == 0
		   ? _("running")
		   : words_duration(b->finished_ms - b->started_ms, text));
	html_raw(h, "</td>");
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		put_batch_count(h, classes[i], b->count[shown[i]]);
	html_raw(h, "<td class=\"quiet mono\">");
	html_text(h, b->batch);
	html_raw(h, "</td></tr>\n");
}

static void
put_columns(struct html *h)
{
	html_raw(h, "<thead><tr>");
	html_element(h, "th scope=\"col\"", _("Started"));
	html_element(h, "th scope=\"col\"", _("took"));
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		html_element(
		    h, "th scope=\"col\"", report_result_text(shown[i]));
	html_element(h, "th scope=\"col\"", _("Batch"));
	html_raw(h, "</tr></thead>\n<tbody>\n");
}

int
report_write_index(const struct report_index_row *rows, size_t count,
    const char *language, struct buf *out, struct err *e)
{
	struct html h = {.out = out};
	struct words w;

	words_begin(&w, language);
	html_begin(&h, i18n_language(), _("Signing reports"));
	html_raw(&h, "<main>\n<header>\n<div class=\"seal\" aria-hidden=\""
		     "true\">\xE6\x8D\xBA\xE5\x8D\xB0</div>\n");
	html_element(&h, "h1", _("Signing reports"));
	html_raw(&h, "\n</header>\n<section>\n");
	if (count == 0) {
		html_element(&h, "p", _("There is no report yet."));
	} else {
		html_raw(&h, "<div class=\"wide\"><table class=\"index\">\n");
		put_columns(&h);
		for (size_t i = 0; i < count; i++)
			put_batch(&h, &rows[i]);
		html_raw(&h, "</tbody>\n</table></div>\n");
	}
	html_raw(&h, "</section>\n</main>\n");
	html_end(&h);
	words_end(&w);
	return h.failed ? err_nomem(e) : 0;
}
