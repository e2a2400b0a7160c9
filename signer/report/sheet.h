/* Cells for a spreadsheet: what Excel opens, and nothing it would compute. */
#ifndef SIGNER_REPORT_SHEET_H
#define SIGNER_REPORT_SHEET_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Starts with a byte order mark, without which Excel reads the system's old
 * code page.  `failed` sticks: look at it once, at the end. */
struct sheet {
	struct buf *out;
	bool failed;
	bool in_row;
	bool numbers_as_text; /* protect text that Excel takes for a number */
};

void sheet_begin(struct sheet *s, struct buf *out, bool numbers_as_text);

/* A text cell (NULL = empty), always quoted; controls and marks that turn
 * the writing direction become visible, line ends become spaces, and a
 * leading character that starts a formula gets an apostrophe before it. */
void sheet_text(struct sheet *s, const char *text);
/* A number or a time of our own making, as it is. */
void sheet_plain(struct sheet *s, const char *text);
void sheet_number(struct sheet *s, int64_t n);
void sheet_end_row(struct sheet *s);

#endif
