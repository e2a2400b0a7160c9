/*
 * Character sets of e-Tax.  The text comes straight from the XML parser, so
 * it is well-formed UTF-8; every character of a filing goes through here,
 * which is why ASCII leaves the loop early and the sets become bitmaps.
 */
#include "signer/exam/chars.h"

#include <stdio.h>
#include <string.h>

/* Source: tetsuzuki7.htm and General.xsd gen:str (names as in Unicode). */
static const struct chars_range server_set[] = {
    {0x0009, 0x000A}, /* tab, line feed */
    {0x000D, 0x000D}, /* carriage return */
    {0x0020, 0x007E}, /* Basic Latin without controls */
    {0x00A0, 0x00FF}, /* Latin-1 Supplement without controls */
    {0x0370, 0x03FF}, /* Greek */
    {0x0400, 0x04FF}, /* Cyrillic */
    {0x2000, 0x206F}, /* General Punctuation */
    {0x2150, 0x218F}, /* Number Forms */
    {0x2190, 0x21FF}, /* Arrows */
    {0x2200, 0x22FF}, /* Mathematical Operators */
    {0x2460, 0x24FF}, /* Enclosed Alphanumerics */
    {0x2500, 0x257F}, /* Box Drawing */
    {0x25A0, 0x25FF}, /* Geometric Shapes */
    {0x3000, 0x303F}, /* CJK Symbols and Punctuation */
    {0x3040, 0x309F}, /* Hiragana */
    {0x30A0, 0x30FF}, /* Katakana */
    {0x3200, 0x32FF}, /* Enclosed CJK Letters and Months */
    {0x3300, 0x33FF}, /* CJK Compatibility */
    {0x4E00, 0x9FFF}, /* CJK Unified Ideographs */
    {0xF900, 0xFAFF}, /* CJK Compatibility Ideographs */
    {0xFF00, 0xFF65}, /* Halfwidth and Fullwidth Forms but for */
    {0xFFA0, 0xFFEF}, /* half-width kana (U+FF66 to U+FF9F) */
    {0, 0},
};

enum { SERVER = 1, NARROW = 2 };

static uint8_t sets[0x10000]; /* of the basic plane, filled at first use */

static void
fill(const struct chars_range *r, uint8_t bit)
{
	for (; r->last != 0; r++)
		for (uint32_t c = r->first; c <= r->last; c++)
			sets[c] |= bit;
}

static uint8_t
sets_of(uint32_t c)
{
	if (sets['A'] == 0) {
		fill(server_set, SERVER);
		fill(chars_jis_other, NARROW);
		for (uint32_t k = 0; k < 32 * CHARS_JIS_WORDS; k++)
			if (chars_jis_kanji[k / 32] >> k % 32 & 1)
				sets[CHARS_JIS_FIRST + k] |= NARROW;
		for (uint32_t k = 0; k < 0x7F; k++)
			if (sets[k] & SERVER)
				sets[k] |= NARROW;
	}
	return c < sizeof sets ? sets[c] : 0;
}

bool
chars_in_server_set(uint32_t c)
{
	return (sets_of(c) & SERVER) != 0;
}

bool
chars_in_narrow_set(uint32_t c)
{
	return (sets_of(c) & NARROW) != 0;
}

static void
note(struct chars_seen *s, uint32_t c, uint8_t in, unsigned line)
{
	if (!(in & SERVER)) {
		if (s->outside++ == 0) {
			s->outside_first = c;
			s->outside_line = line;
		}
		return;
	}
	if (s->narrow++ == 0)
		s->narrow_line = line;
	for (size_t i = 0; i < s->examples; i++)
		if (s->example[i] == c)
			return;
	if (s->examples < CHARS_EXAMPLES)
		s->example[s->examples++] = c;
}

/* Well-formed input only; the length of the character at p. */
static size_t
decode(const uint8_t *p, size_t left, uint32_t *c)
{
	if (p[0] < 0x80 || left < 2) {
		*c = p[0];
		return 1;
	}
	if (p[0] < 0xE0 || left < 3) {
		*c = (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
		return 2;
	}
	if (p[0] < 0xF0 || left < 4) {
		*c =
		    (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
		return 3;
	}
	*c = (p[0] & 7u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 |
	     (p[3] & 0x3Fu);
	return 4;
}

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* How many bytes at p are printable ASCII, in whole words: a byte below 0x20
 * borrows, 0x7F and those above carry into their top bit. */
static size_t
plain_words(const uint8_t *p, size_t n)
{
	size_t i = 0;
	uint64_t w;

	for (; n - i >= sizeof w; i += sizeof w) {
		memcpy(&w, p + i, sizeof w);
		if (((w | (w - BYTES(0x20)) | (w + BYTES(1))) & BYTES(0x80)) !=
		    0)
			break;
	}
	return i;
}

void
chars_look(struct chars_seen *seen, struct slice text, unsigned line)
{
	size_t i = plain_words(text.p, text.len);

	while (i < text.len) {
		uint32_t c;
		uint8_t in;

		if (text.p[i] >= 0x20 && text.p[i] < 0x7F) {
			i++;
			continue;
		}
		i += decode(text.p + i, text.len - i, &c);
		in = sets_of(c);
		if (in != (SERVER | NARROW))
			note(seen, c, in, line);
		if (c < 0x80)
			i += plain_words(text.p + i, text.len - i);
	}
}

/* UTF-8 of a character, NUL-terminated. */
static void
encode(uint32_t c, char out[5])
{
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xC0 | c >> 6);
	} else {
		out[n++] = (char)(0xE0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	}
	if (c >= 0x80)
		out[n++] = (char)(0x80 | (c & 0x3F));
	out[n] = '\0';
}

char *
chars_examples(const struct chars_seen *seen, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < seen->examples && at + 16 < size; i++) {
		char text[5];

		encode(seen->example[i], text);
		at += (size_t)snprintf(out + at, size - at, "%sU+%04X %s",
		    i == 0 ? "" : ", ", seen->example[i], text);
	}
	return out;
}
