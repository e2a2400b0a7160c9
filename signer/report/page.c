/*
 * What the sections of the page share: which results need somebody, and how
 * each looks.  A result never shows by colour alone.
 */
#include "signer/report/page.h"

#include "base/i18n.h"
#include "signer/report/words.h"

/* Class names of the style sheet, and the mark beside the word. */
static const struct {
	const char *class, *mark;
} looks[REPORT_RESULT_MAX] = {
    [REPORT_PUBLISHED] = {"good", "\xE2\x97\x8F"},
    [REPORT_FAILED] = {"bad", "\xE2\x9C\x95"},
    [REPORT_HELD] = {"held", "\xE2\x97\x90"},
    [REPORT_DUPLICATE] = {"same", "\xE2\x95\x90"},
    [REPORT_DISCARDED] = {"gone", "\xE2\x88\x92"},
};

bool
page_needs_action(enum report_result result)
{
	return result == REPORT_FAILED || result == REPORT_HELD ||
	       result == REPORT_DUPLICATE;
}

size_t
page_count_action(const struct report *r)
{
	return report_count(r, REPORT_FAILED) + report_count(r, REPORT_HELD) +
	       report_count(r, REPORT_DUPLICATE);
}

const char *
page_class(enum report_result result)
{
	return looks[result].class;
}

void
page_badge(struct html *h, enum report_result result)
{
	html_raw(h, "<span class=\"badge ");
	html_raw(h, page_class(result));
	html_raw(h, "\"><span aria-hidden=\"true\">");
	html_raw(h, looks[result].mark);
	html_raw(h, "</span> ");
	html_text(h, report_result_text(result));
	html_raw(h, "</span>");
}

void
page_headings(struct html *h, const char *const *names, size_t count)
{
	html_raw(h, "<thead><tr>");
	for (size_t i = 0; i < count; i++)
		html_element(h, "th scope=\"col\"", _(names[i]));
	html_raw(h, "</tr></thead>\n");
}

void
page_detail(struct html *h, const char *open, const char *detail)
{
	char text[512];

	if (detail == NULL || *detail == '\0')
		return;
	html_raw(h, " ");
	html_foreign(h, open, words_detail(detail, text, sizeof text));
}
