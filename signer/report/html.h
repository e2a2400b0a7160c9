/* Writing HTML: markup of our own, everything else escaped. */
#ifndef SIGNER_REPORT_HTML_H
#define SIGNER_REPORT_HTML_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* `failed` sticks: look at it once, at the end. */
struct html {
	struct buf *out;
	bool failed;
};

/* Markup, written in this program. */
void html_raw(struct html *h, const char *markup);
/* Foreign or translated text: & < > " ' escaped; what cannot be seen or
 * turns the direction of writing is shown by its number.  NULL = nothing. */
void html_text(struct html *h, const char *text);
/* With a comma between thousands. */
void html_number(struct html *h, int64_t n);

/* <tag>text</tag>; `open` is the inside of the start tag: "td class=\"n\"".
 * The end tag is its first word. */
void html_element(struct html *h, const char *open, const char *text);
/* The same with the text in <bdi>, for names and paths from outside: their
 * direction of writing ends there; a line may end after each slash. */
void html_foreign(struct html *h, const char *open, const char *text);

/* The start of a page up to <body>: language, title, style, and a policy
 * under which a browser loads and runs nothing. */
void html_begin(struct html *h, const char *language, const char *title);
void html_end(struct html *h);

#endif
