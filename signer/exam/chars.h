/* Characters that e-Tax takes: the server's set and a narrower one. */
#ifndef SIGNER_EXAM_CHARS_H
#define SIGNER_EXAM_CHARS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chars_range {
	uint32_t first, last; /* a table ends with {0, 0} */
};

/* The receiving server and e-Tax's web version: JIS X 0221 in UTF-8, the
 * blocks listed at www.e-tax.nta.go.jp/tetsuzuki/tetsuzuki7.htm, which are
 * also the pattern of gen:str in the schemas. */
bool chars_in_server_set(uint32_t c);

/* ASCII and JIS X 0208: what e-Tax's downloaded software can take in. */
bool chars_in_narrow_set(uint32_t c);

#define CHARS_EXAMPLES 8

/* What was met outside the sets so far; start as {0}. */
struct chars_seen {
	size_t outside;         /* characters outside the server set */
	uint32_t outside_first; /* the first of them */
	unsigned outside_line;
	size_t narrow; /* within it, but outside the narrow set */
	unsigned narrow_line;
	uint32_t example[CHARS_EXAMPLES]; /* distinct ones of these */
	size_t examples;
};

/* Looks at well-formed UTF-8 in whole characters. */
void chars_look(struct chars_seen *seen, struct slice text, unsigned line);

/* "U+2460 ①, U+3231 ㈱" for a report; returns out. */
char *chars_examples(const struct chars_seen *seen, char *out, size_t size);

/* The tables (chars_jis.c): words of 32 bits from U+4E00 on. */
#define CHARS_JIS_FIRST 0x4E00
#define CHARS_JIS_WORDS 656
extern const uint32_t chars_jis_kanji[CHARS_JIS_WORDS];
extern const struct chars_range chars_jis_other[];

#endif
