/*
 * The second step: a name in its usual characters, and taken apart.  What is
 * not the person's own (a firm's form, titles, an office, marks) leaves, and
 * what was left out is remembered, because it may decide.
 */
#include "signer/cert/name_parts.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>

static bool
is_kana(uint32_t cp)
{
	return (cp >= 0x3041 && cp <= 0x309F) ||
	       (cp >= 0x30A1 && cp <= 0x30FF && cp != 0x30FB);
}

/* Small kana as large ones; ヵ ヶ as カ ケ. */
static uint32_t
large_kana(uint32_t cp)
{
	static const char small[] = {0x41, 0x43, 0x45, 0x47, 0x49, 0x63, 0x4e};

	if (cp == 0x3083 || cp == 0x3085 || cp == 0x3087 || cp == 0x30E3 ||
	    cp == 0x30E5 || cp == 0x30E7)
		return cp + 1;
	if (cp == 0x3095 || cp == 0x30F5)
		return cp == 0x3095 ? 0x304B : 0x30AB;
	if (cp == 0x3096 || cp == 0x30F6)
		return cp == 0x3096 ? 0x3051 : 0x30B1;
	for (size_t i = 0; i < sizeof small; i++)
		if (cp == 0x3000U + (uint32_t)small[i] ||
		    cp == 0x3060U + (uint32_t)small[i])
			return cp + 1;
	return cp;
}

/* A Latin letter without its mark: "ō" is o. */
static uint32_t
plain_letter(uint32_t cp)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
	UChar parts[8];
	int32_t n;

	if (cp < 0xC0 || (cp > 0x24F && (cp < 0x1E00 || cp > 0x1EFF)) ||
	    U_FAILURE(status))
		return cp;
	n = unorm2_getDecomposition(nfc, (UChar32)cp, parts, 8, &status);
	return n > 0 && U_SUCCESS(status) && parts[0] < 0x80 ? parts[0] : cp;
}

static bool
is_dash(uint32_t cp)
{
	return cp == '-' || (cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 ||
	       cp == 0x2500 || cp == 0x30A0;
}

/* The usual form of each character; 々 is the one before it. */
static void
settle(struct name_chars *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		uint32_t cp = c->c[i].cp;

		if (i > 0 && (cp == 0x3005 || cp == 0x4EDD || cp == 0x303B))
			cp = c->c[i - 1].cp;
		else if (i > 0 && is_dash(cp) && is_kana(c->c[i - 1].cp))
			cp = 0x30FC;
		else
			cp = plain_letter(large_kana(name_same_character(cp)));
		c->c[i].cp = cp;
	}
}

/* Middle dots, points, dashes, quotes, brackets; one that stands for a
 * character that was not to be had ("渡?") is none. */
static bool
is_mark(const struct name_char *x)
{
	uint32_t category = U_MASK(u_charType((UChar32)x->cp));

	return !x->substitute &&
	       (category & (U_GC_P_MASK | U_GC_SM_MASK | U_GC_SC_MASK |
			       U_GC_SK_MASK)) != 0;
}

/* Takes characters [at, at + n) out; a gap stays in their place. */
static void
take_out(struct name_chars *c, unsigned at, unsigned n)
{
	memmove(&c->c[at], &c->c[at + n], (c->n - at - n) * sizeof *c->c);
	c->n -= n;
	if (at < c->n)
		c->c[at].gap = at > 0;
}

/* The first firm's form in the name. */
static void
take_form(struct name_reading *r)
{
	struct name_chars *c = &r->core;

	for (unsigned at = 0; at < c->n; at++) {
		unsigned n = name_word_at(NAME_FORMS, c, at, &r->form);

		if (n == 0)
			continue;
		/* Full forms have nothing but kanji, of three bytes each. */
		r->form_short = 3 * n != strlen(r->form);
		r->form_behind = at > 0;
		take_out(c, at, n);
		if (at < c->n)
			c->c[at].formed = true;
		return;
	}
}

/* Titles at the beginning of a word or at the end of the whole. */
static void
take_titles(struct name_reading *r)
{
	struct name_chars *c = &r->core;
	const char *word = NULL;
	unsigned n;

	for (unsigned at = 0; at < c->n; at++) {
		if (at > 0 && !c->c[at].gap)
			continue;
		while ((n = name_word_at(NAME_TITLES, c, at, &word)) > 0 &&
		       name_word_at(NAME_OFFICES, c, at, &word) == 0) {
			name_word_at(NAME_TITLES, c, at, &r->left);
			take_out(c, at, n);
			while (at < c->n && is_mark(&c->c[at]))
				take_out(c, at, 1);
			if (at < c->n)
				c->c[at].titled = true;
		}
	}
	while (c->n > 0 &&
	       (n = name_word_before(NAME_HONORIFICS, c, c->n, &word)) > 0 &&
	       c->n >= n + 2) {
		r->left = word;
		c->n -= n;
	}
	while (c->n > 0 &&
	       (n = name_word_before(NAME_TITLES, c, c->n, &word)) > 0 &&
	       c->n >= n + 2) {
		r->left = word;
		c->n -= n;
	}
}

/* "田中太郎税理士事務所" is called after a person; a shop's short words
 * alone (屋, 堂) end names of people too and stay. */
static void
take_office(struct name_reading *r)
{
	struct name_chars *c = &r->core;
	const char *word = NULL;
	unsigned n =
	    c->n == 0 ? 0 : name_word_before(NAME_OFFICES, c, c->n, &word);

	if (n < 2 || c->n < n + 2)
		return;
	r->office = true;
	r->left = word;
	c->n -= n;
}

/* Marks stand between the parts of a name only. */
static void
take_marks(struct name_chars *c)
{
	unsigned to = 0;
	bool gap = false, titled = false, formed = false;

	for (unsigned i = 0; i < c->n; i++) {
		struct name_char x = c->c[i];

		gap = gap || x.gap || x.cp == ',';
		titled = titled || x.titled;
		formed = formed || x.formed;
		if (is_mark(&x))
			continue;
		x.gap = gap && to > 0;
		x.titled = titled;
		x.formed = formed;
		c->c[to++] = x;
		gap = titled = formed = false;
	}
	c->n = to;
}

static bool
is_open(uint32_t cp)
{
	return cp == '(' || cp == '[' || cp == 0x3014 || cp == 0x3010 ||
	       cp == 0x300C || cp == 0x3008 || cp == '<' || cp == '{';
}

static bool
is_close(uint32_t cp)
{
	return cp == ')' || cp == ']' || cp == 0x3015 || cp == 0x3011 ||
	       cp == 0x300D || cp == 0x3009 || cp == '>' || cp == '}';
}

/* The first pair of brackets with something in it. */
static bool
find_brackets(const struct name_chars *c, unsigned *open, unsigned *close)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (!is_open(c->c[i].cp))
			continue;
		for (unsigned k = i + 1; k < c->n; k++) {
			if (!is_close(c->c[k].cp))
				continue;
			*open = i;
			*close = k;
			return k > i + 1;
		}
	}
	return false;
}

/* "田中[鈴木] 花子": 鈴木花子, the name in brackets for the one before it. */
static void
with_other_surname(struct name_chars *c, unsigned open, unsigned close)
{
	unsigned from = open;

	while (from > 0 && !c->c[from].gap)
		from--;
	if (open > 0 && from == open) /* a space before the bracket */
		for (from = open - 1; from > 0 && !c->c[from].gap;)
			from--;
	take_out(c, close, 1);
	take_out(c, from, open + 1 - from);
}

/* What is in brackets alone: another name of the same person. */
static void
other_alone(struct name_chars *c, unsigned open, unsigned close)
{
	c->n = close;
	take_out(c, 0, open + 1);
}

static void
finish(struct name_reading *r)
{
	take_titles(r);
	take_office(r);
	take_marks(&r->core);
}

unsigned
name_read(
    const struct name_chars *folded, struct name_reading out[NAME_READINGS])
{
	unsigned open, close, count = 1;

	memset(out, 0, NAME_READINGS * sizeof *out);
	out[0].core = *folded;
	settle(&out[0].core);
	take_form(&out[0]);
	if (find_brackets(&out[0].core, &open, &close)) {
		out[1] = out[2] = out[0];
		out[1].other = out[2].other = true;
		with_other_surname(&out[1].core, open, close);
		other_alone(&out[2].core, open, close);
		out[0].bracket = true;
		take_out(&out[0].core, open, close + 1 - open);
		count = NAME_READINGS;
	}
	for (unsigned i = 0; i < count; i++)
		finish(&out[i]);
	return count;
}
