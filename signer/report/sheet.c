/*
 * CSV as Excel wants it: UTF-8 with BOM, CRLF, commas, quotes doubled.  A
 * cell never starts with a character that begins a formula, half or full
 * width (a Japanese Excel takes both), so that a taxpayer's name cannot run
 * anything on the accountant's computer.
 */
#include "signer/report/sheet.h"

#include "signer/report/visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const formula_starts[] = {"=", "+", "-", "@", "\t", "\r",
    "\n", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};

static void
put(struct sheet *s, const char *text)
{
	if (buf_puts(s->out, text) != 0)
		s->failed = true;
}

void
sheet_begin(struct sheet *s, struct buf *out, bool numbers_as_text)
{
	*s = (struct sheet){.out = out, .numbers_as_text = numbers_as_text};
	put(s, "\xEF\xBB\xBF");
}

/* Digits in groups of at most four with `mark` between, two or three groups:
 * "1-2", "18:00", "2026/11/22"; Excel makes dates and times of them. */
static bool
looks_like_date(const char *text, const char *mark)
{
	size_t n, groups = 0;

	do {
		n = strspn(text, "0123456789");
		if (n == 0 || n > 4)
			return false;
		groups++;
		text += n;
	} while (*text != '\0' && strchr(mark, *text) != NULL && *++text);
	return *text == '\0' && groups >= 2 && groups <= 3;
}

/* "0001", "4950000203250000", "12E5", "23.20": Excel would drop zeros, round
 * after 15 digits, or make another number of them. */
static bool
looks_like_number(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (text[n] == '\0')
		return n > 11 || (n > 1 && text[0] == '0');
	if (text[n] == '.' || text[n] == ',') {
		text += n + 1;
		n = strspn(text, "0123456789,");
	}
	if ((text[n] == 'e' || text[n] == 'E') && n > 0) {
		text += n + 1;
		text += *text == '+' || *text == '-';
		n = strspn(text, "0123456789");
	}
	return n > 0 && text[n] == '\0';
}

static bool
needs_apostrophe(const struct sheet *s, const char *text)
{
	const char *first = text + strspn(text, " ");

	for (size_t i = 0; i < sizeof formula_starts / sizeof(char *); i++)
		if (strncmp(first, formula_starts[i],
			strlen(formula_starts[i])) == 0)
			return true;
	return s->numbers_as_text &&
	       (looks_like_number(text) || looks_like_date(text, "-/") ||
		   looks_like_date(text, ":"));
}

static void
next_cell(struct sheet *s)
{
	if (s->in_row)
		put(s, ",");
	s->in_row = true;
}

void
sheet_text(struct sheet *s, const char *text)
{
	struct slice rest = slice_str(text == NULL ? "" : text);
	char shown[12];

	next_cell(s);
	put(s, "\"");
	if (rest.len > 0 && needs_apostrophe(s, text))
		put(s, "'");
	while (rest.len > 0) {
		visible_next(&rest, shown);
		put(s, strcmp(shown, "\"") == 0 ? "\"\"" : shown);
	}
	put(s, "\"");
}

void
sheet_plain(struct sheet *s, const char *text)
{
	next_cell(s);
	put(s, text);
}

void
sheet_number(struct sheet *s, int64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, n);
	sheet_plain(s, text);
}

void
sheet_end_row(struct sheet *s)
{
	put(s, "\r\n");
	s->in_row = false;
}
