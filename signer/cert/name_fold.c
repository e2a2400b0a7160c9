/*
 * The first step of a comparison: what makes no difference at all is taken
 * away.  Memory is fixed; whatever the bytes are, at most NAME_CHARS
 * characters come out, each with the flag of the one that it came from.
 */
#include "signer/cert/name_parts.h"

#include "base/text.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#define PIECE_MAX 32  /* characters that belong together; more are parted */
#define FOLDED_MAX 96 /* units that one piece may become */

/* Characters that do not normalise without each other. */
struct piece {
	UChar unit[2 * PIECE_MAX];
	int32_t units;
	unsigned chars;
	bool substitute;
};

static bool
is_invisible(uint32_t cp)
{
	return u_hasBinaryProperty(
		   (UChar32)cp, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
	       u_charType((UChar32)cp) == U_CONTROL_CHAR;
}

/* What software leaves where it lacks a character: ? * 〓 ○ ● □ ■, U+FFFD, a
 * character of somebody's own. */
static bool
is_placeholder(uint32_t cp)
{
	return cp == '?' || cp == '*' || cp == 0x3013 || cp == 0x25CB ||
	       cp == 0x25CF || cp == 0x25A0 || cp == 0x25A1 || cp == 0xFFFD ||
	       u_charType((UChar32)cp) == U_PRIVATE_USE_CHAR;
}

static void
put(struct name_chars *out, uint32_t cp, bool substitute, bool *gap)
{
	if (u_isUWhiteSpace((UChar32)cp) || cp == 0x3164) {
		*gap = true;
		return;
	}
	if (is_invisible(cp))
		return;
	if (out->n == NAME_CHARS) {
		out->cut = true;
		return;
	}
	cp = (uint32_t)u_foldCase((UChar32)cp, U_FOLD_CASE_DEFAULT);
	out->c[out->n++] = (struct name_char){.cp = cp,
	    .was = cp,
	    .gap = *gap && out->n > 0,
	    .substitute = substitute || is_placeholder(cp)};
	*gap = false;
}

/* Normalises what was gathered; what ICU cannot stays as it is. */
static void
flush(const UNormalizer2 *nfkc, struct piece *p, struct name_chars *out,
    bool *gap)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar folded[FOLDED_MAX];
	const UChar *from = folded;
	int32_t n, at = 0;

	n = unorm2_normalize(
	    nfkc, p->unit, p->units, folded, FOLDED_MAX, &status);
	if (U_FAILURE(status)) {
		from = p->unit;
		n = p->units;
	}
	while (at < n) {
		uint32_t cp = from[at++];

		if (U16_IS_LEAD(cp) && at < n && U16_IS_TRAIL(from[at]))
			cp = 0x10000 + ((cp & 0x3FF) << 10) +
			     (from[at++] & 0x3FFU);
		put(out, cp, p->substitute, gap);
	}
	memset(p, 0, sizeof *p);
}

static void
add(struct piece *p, uint32_t cp, bool substitute)
{
	if (cp > 0xFFFF) {
		p->unit[p->units++] = U16_LEAD(cp);
		p->unit[p->units++] = U16_TRAIL(cp);
	} else {
		p->unit[p->units++] = (UChar)cp;
	}
	p->chars++;
	p->substitute = p->substitute || substitute;
}

void
name_fold(const struct name_text *in, struct name_chars *out)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&status);
	const char *flags = in->flags != NULL ? in->flags : "";
	struct slice s = slice_str(in->text);
	struct piece p = {0};
	bool gap = false;

	memset(out, 0, sizeof *out);
	if (U_FAILURE(status)) {
		out->cut = true; /* it cannot be compared */
		return;
	}
	while (s.len > 0 && !out->cut) {
		uint32_t cp = 0;
		size_t n = text_utf8_next(s, &cp);

		if (n == 0)
			cp = 0xFFFD;
		n = n == 0 ? 1 : n;
		if (p.chars == PIECE_MAX ||
		    (p.chars > 0 &&
			unorm2_hasBoundaryBefore(nfkc, (UChar32)cp)))
			flush(nfkc, &p, out, &gap);
		add(&p, cp, *flags == '1');
		flags += *flags != '\0';
		s = slice_of(s.p + n, s.len - n);
	}
	flush(nfkc, &p, out, &gap);
}

bool
name_is_name(const struct name_chars *c)
{
	unsigned letters = 0, digits = 0;

	for (unsigned i = 0; i < c->n; i++) {
		letters += u_isalpha((UChar32)c->c[i].cp) != 0;
		digits += u_isdigit((UChar32)c->c[i].cp) != 0;
	}
	/* "20261127090000123456789A" is the number of a certificate. */
	return letters > 0 && (digits < 8 || letters > digits);
}
