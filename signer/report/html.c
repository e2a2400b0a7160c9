/*
 * The only place where text becomes HTML.  Pages hold no script and name no
 * other resource; a policy in each page says so to the browser too.  The
 * style sheet is report.css, taken into the program when it is built.
 */
#include "signer/report/html.h"

#include "signer/report/visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

__asm__(".pushsection .rodata\n"
	".global natsuin_report_css\n"
	"natsuin_report_css:\n"
	".incbin \"signer/report/report.css\"\n"
	".byte 0\n"
	".popsection\n");
extern const char natsuin_report_css[];

void
html_raw(struct html *h, const char *markup)
{
	if (buf_puts(h->out, markup) != 0)
		h->failed = true;
}

static const char *
escaped(const char *shown)
{
	switch (shown[0]) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return shown;
	}
}

/* Escaped text; after each of `breaks` a line may end. */
static void
put_text(struct html *h, const char *text, char breaks)
{
	struct slice rest = slice_str(text == NULL ? "" : text);
	char shown[12];

	while (rest.len > 0) {
		html_raw(h, escaped(visible_next(&rest, shown)));
		if (shown[0] == breaks)
			html_raw(h, "<wbr>");
	}
}

void
html_text(struct html *h, const char *text)
{
	put_text(h, text, '\0');
}

void
html_number(struct html *h, int64_t n)
{
	char digits[24];
	size_t len;

	snprintf(digits, sizeof digits, "%" PRId64, n);
	len = strlen(digits);
	for (size_t i = 0; i < len; i++) {
		if (i > (n < 0 ? 1 : 0) && (len - i) % 3 == 0)
			html_raw(h, ",");
		if (buf_putc(h->out, (uint8_t)digits[i]) != 0)
			h->failed = true;
	}
}

static void
close_tag(struct html *h, const char *open)
{
	if (buf_printf(h->out, "</%.*s>", (int)strcspn(open, " "), open) != 0)
		h->failed = true;
}

static void
open_tag(struct html *h, const char *open)
{
	html_raw(h, "<");
	html_raw(h, open);
	html_raw(h, ">");
}

void
html_element(struct html *h, const char *open, const char *text)
{
	open_tag(h, open);
	html_text(h, text);
	close_tag(h, open);
}

void
html_foreign(struct html *h, const char *open, const char *text)
{
	open_tag(h, open);
	if (text != NULL && *text != '\0') {
		html_raw(h, "<bdi>");
		put_text(h, text, '/');
		html_raw(h, "</bdi>");
	}
	close_tag(h, open);
}

void
html_begin(struct html *h, const char *language, const char *title)
{
	html_raw(h, "<!DOCTYPE html>\n<html lang=\"");
	html_text(h, language);
	html_raw(h, "\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\""
		    "default-src 'none'; style-src 'unsafe-inline'\">\n"
		    "<meta name=\"viewport\" content=\""
		    "width=device-width, initial-scale=1\">\n"
		    "<meta name=\"referrer\" content=\"no-referrer\">\n"
		    "<meta name=\"robots\" content=\"noindex\">\n");
	html_element(h, "title", title);
	html_raw(h, "\n<style>\n");
	html_raw(h, natsuin_report_css);
	html_raw(h, "</style>\n</head>\n<body>\n");
}

void
html_end(struct html *h)
{
	html_raw(h, "</body>\n</html>\n");
}
