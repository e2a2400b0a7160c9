/*
 * Compares two names in steps: as they are, in their usual characters, and
 * with what is only alike made one.  Each step can say more than the one
 * before it but less for certain; what remains is different.
 */
#include "signer/cert/name.h"

#include "base/buf.h"
#include "base/text.h"
#include "signer/cert/name_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

/* Why two names cannot be compared, the reason that tells most first. */
#define WHY_SUBSTITUTE "substitute" /* a 代替文字 stands where they differ */
#define WHY_SIMILAR "similar"       /* other characters, often confused */
#define WHY_OTHER_NAME "other-name"  /* former surname or alias in brackets */
#define WHY_POSITION "form-position" /* 前株 against 後株 */
#define WHY_WITHIN "within"          /* one is the end of the other */
#define WHY_FIRM "firm"              /* a firm against a person */
#define WHY_SCRIPT "script"          /* Latin or kana, against kanji */
#define WHY_LONG "long"              /* more than is compared */

const char *const name_whys[] = {WHY_SUBSTITUTE, WHY_SIMILAR, WHY_OTHER_NAME,
    WHY_POSITION, WHY_WITHIN, WHY_FIRM, WHY_SCRIPT, WHY_LONG, NULL};

static const char *const verdict_words[] = {
    [NAME_SAME] = "same",
    [NAME_VARIANT] = "variant",
    [NAME_UNCLEAR] = "unclear",
    [NAME_DIFFERENT] = "different",
    [NAME_NONE] = "none",
};

const char *
name_verdict_word(enum name_verdict v)
{
	return v <= NAME_NONE ? verdict_words[v] : "none";
}

enum name_verdict
name_verdict_of(const char *word)
{
	unsigned v = NAME_SAME;

	while (v < NAME_NONE && strcmp(verdict_words[v], word) != 0)
		v++;
	return (enum name_verdict)v;
}

/* Part of a name. */
struct run {
	const struct name_char *c;
	unsigned n;
};

typedef bool equal(struct run, struct run);

static struct run
run_of(const struct name_chars *c, unsigned from)
{
	return (struct run){c->c + from, c->n - from};
}

static bool
is_equal(struct run a, struct run b)
{
	for (unsigned i = 0; i < a.n && a.n == b.n; i++)
		if (a.c[i].cp != b.c[i].cp)
			return false;
	return a.n == b.n;
}

/* Characters that are taken for each other; hiragana as katakana. */
static uint32_t
alike(uint32_t cp)
{
	if (cp >= 0x3041 && cp <= 0x3096)
		cp += 0x60;
	cp = name_like_character(cp);
	return cp >= 0x3041 && cp <= 0x3096 ? cp + 0x60 : cp;
}

/* The end of a long vowel, however it is written: "oo", "ou", "oh", "uu". */
static bool
is_lengthening(struct run r, unsigned i)
{
	uint32_t cp = r.c[i].cp, before;

	if (i == 0)
		return false;
	before = r.c[i - 1].cp;
	if (before == 'o')
		return cp == 'o' || cp == 'u' || cp == 'h';
	return (before == 'u' && cp == 'u') || cp == 0x30FC;
}

static unsigned
skip_lengthening(struct run r, unsigned i)
{
	while (i < r.n && is_lengthening(r, i))
		i++;
	return i;
}

static bool
is_alike(struct run a, struct run b)
{
	unsigned i = skip_lengthening(a, 0), k = skip_lengthening(b, 0);

	while (i < a.n && k < b.n && alike(a.c[i].cp) == alike(b.c[k].cp)) {
		i = skip_lengthening(a, i + 1);
		k = skip_lengthening(b, k + 1);
	}
	return i == a.n && k == b.n;
}

/* Where b may stand after one step of a: each of `from` goes on by one
 * character that fits, or by 1 to `span` ones that any may be. */
static void
advance(const bool *from, bool *to, struct run b, uint32_t cp, unsigned span)
{
	memset(to, 0, (NAME_CHARS + 1) * sizeof *to);
	for (unsigned k = 0; k < b.n; k++) {
		if (!from[k])
			continue;
		if (span == 0)
			to[k + 1] = to[k + 1] || alike(b.c[k].cp) == alike(cp);
		for (unsigned s = 1; s <= span && k + s <= b.n; s++)
			to[k + s] = true;
	}
}

/* A row of substitute characters of a stands for as many of b, or for fewer:
 * kana in the place of a kanji. */
static bool
fits_substitutes(struct run a, struct run b)
{
	bool at[2][NAME_CHARS + 1] = {{true}};
	unsigned now = 0;

	for (unsigned i = 0; i < a.n;) {
		unsigned span = 0;

		while (i + span < a.n && a.c[i + span].substitute)
			span++;
		advance(at[now], at[1 - now], b, a.c[i].cp, span);
		now = 1 - now;
		i += span == 0 ? 1 : span;
	}
	return at[now][b.n];
}

static bool
has_substitute(struct run a)
{
	for (unsigned i = 0; i < a.n; i++)
		if (a.c[i].substitute)
			return true;
	return false;
}

static bool
is_substituted(struct run a, struct run b)
{
	return (has_substitute(a) && fits_substitutes(a, b)) ||
	       (has_substitute(b) && fits_substitutes(b, a));
}

static void
say(struct name_result *out, enum name_verdict v, const char *why)
{
	out->verdict = v;
	snprintf(out->why, sizeof out->why, "%s", why);
}

/* UTF-8 of one character. */
static void
put_character(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		*out++ = (char)cp;
	} else if (cp < 0x800) {
		*out++ = (char)(0xC0 | cp >> 6);
		*out++ = (char)(0x80 | (cp & 0x3F));
	} else {
		if (cp < 0x10000) {
			*out++ = (char)(0xE0 | cp >> 12);
		} else {
			*out++ = (char)(0xF0 | cp >> 18);
			*out++ = (char)(0x80 | (cp >> 12 & 0x3F));
		}
		*out++ = (char)(0x80 | (cp >> 6 & 0x3F));
		*out++ = (char)(0x80 | (cp & 0x3F));
	}
	*out = '\0';
}

static bool
is_said(const char *how, const char *text, size_t n)
{
	for (; (how = strstr(how, text)) != NULL; how++)
		if (how[n] == '\0' || how[n] == ',')
			return true;
	return false;
}

/* Adds to `how` what has room, whole, and is not there yet. */
static void
add_how(struct name_result *out, const char *text)
{
	size_t used = strlen(out->how), n = strlen(text);
	const char *between = used == 0 ? "" : ", ";

	if (used + strlen(between) + n >= sizeof out->how ||
	    is_said(out->how, text, n))
		return;
	memcpy(out->how + used, between, strlen(between) + 1);
	memcpy(out->how + used + strlen(between), text, n + 1);
}

static void
add_pairs(struct name_result *out, struct run a, struct run b)
{
	for (unsigned i = 0; i < a.n && a.n == b.n; i++) {
		char x[5], y[5], pair[12];

		if (a.c[i].was == b.c[i].was)
			continue;
		put_character(x, a.c[i].was);
		put_character(y, b.c[i].was);
		snprintf(pair, sizeof pair, "%s/%s", x, y);
		add_how(out, pair);
	}
}

/* What only one of them has. */
static void
add_left(struct name_result *out, const struct name_reading *a,
    const struct name_reading *b)
{
	if (a->form != b->form || a->form_short != b->form_short) {
		if (a->form != NULL)
			add_how(out, a->form);
		if (b->form != NULL)
			add_how(out, b->form);
	}
	if (a->left != NULL && a->left != b->left)
		add_how(out, a->left);
	if (b->left != NULL && a->left != b->left)
		add_how(out, b->left);
	if (a->bracket != b->bracket)
		add_how(out, "[ ]");
}

/* Both have the same name: is it the same firm, too? */
static void
judge_forms(const struct name_reading *a, const struct name_reading *b,
    struct name_result *out)
{
	if ((a->form == NULL) != (b->form == NULL))
		say(out, NAME_UNCLEAR, WHY_FIRM);
	else if (a->form != NULL && strcmp(a->form, b->form) != 0)
		say(out, NAME_DIFFERENT, "");
	else if (a->form_behind != b->form_behind)
		say(out, NAME_UNCLEAR, WHY_POSITION);
	else
		say(out, NAME_VARIANT, "");
}

/* Is the place in a name one where a person's begins? */
static bool
begins_person(const struct name_reading *r, unsigned at)
{
	const char *word = NULL;

	return r->form != NULL || r->core.c[at].titled ||
	       name_word_before(NAME_OFFICES, &r->core, at, &word) > 0;
}

/* "税理士法人あおば 税理士 田中太郎" and "田中太郎". */
static bool
judge_within(const struct name_reading *whole, const struct name_reading *end,
    equal *equals, struct name_result *out)
{
	unsigned at;
	bool gap;

	if (whole->core.n <= end->core.n || end->core.n < 2 ||
	    end->form != NULL)
		return false;
	at = whole->core.n - end->core.n;
	gap = whole->core.c[at].gap;
	if (!equals(run_of(&whole->core, at), run_of(&end->core, 0)))
		return false;
	if (gap && begins_person(whole, at))
		say(out, NAME_VARIANT, "");
	else if (gap || whole->form != NULL)
		say(out, NAME_UNCLEAR, WHY_WITHIN);
	else
		return false;
	add_pairs(out, run_of(&whole->core, at), run_of(&end->core, 0));
	return true;
}

/* Where what is not the firm's own name begins; n if there is nothing. */
static unsigned
behind_firm(const struct name_reading *r)
{
	const struct name_chars *c = &r->core;

	for (unsigned i = 1; i < c->n; i++)
		if (r->form_behind ? c->c[i].formed : c->c[i].gap)
			return i;
	return c->n;
}

/* Does a firm's name go on with what looks like a person's? */
static bool
names_person(const struct name_reading *r)
{
	const struct name_chars *c = &r->core;
	unsigned from = behind_firm(r);
	const char *word = NULL;

	for (unsigned i = from; i < c->n; i++)
		if (c->c[i].titled)
			return true;
	if (c->n - from < 2 || c->n - from > 6)
		return false;
	for (unsigned i = from; i < c->n; i++)
		if (!u_hasBinaryProperty(
			(UChar32)c->c[i].cp, UCHAR_IDEOGRAPHIC) ||
		    name_word_at(NAME_BRANCHES, c, i, &word) > 0)
			return false;
	return true;
}

/* One way of reading each, with one idea of what is equal. */
static void
relate(const struct name_reading *a, const struct name_reading *b,
    equal *equals, struct name_result *out)
{
	memset(out, 0, sizeof *out);
	if (a->core.n > 0 && equals(run_of(&a->core, 0), run_of(&b->core, 0))) {
		judge_forms(a, b, out);
		add_pairs(out, run_of(&a->core, 0), run_of(&b->core, 0));
	} else if (!judge_within(a, b, equals, out) &&
		   !judge_within(b, a, equals, out)) {
		const struct name_reading *firm = a->form != NULL ? a : b;

		if ((a->form == NULL) != (b->form == NULL) &&
		    !names_person(firm))
			say(out, NAME_UNCLEAR, WHY_FIRM);
		else
			say(out, NAME_DIFFERENT, "");
	}
	if (out->verdict != NAME_DIFFERENT)
		add_left(out, a, b);
}

static unsigned
rank_of(const char *why)
{
	unsigned i = 0;

	while (name_whys[i] != NULL && strcmp(name_whys[i], why) != 0)
		i++;
	return i;
}

static bool
is_better(const struct name_result *x, const struct name_result *than)
{
	if (x->verdict != than->verdict)
		return x->verdict < than->verdict;
	return rank_of(x->why) < rank_of(than->why);
}

/* One way of reading each, in all steps. */
static void
compare_readings(const struct name_reading *a, const struct name_reading *b,
    struct name_result *best)
{
	static const struct {
		equal *equals;
		const char *why;
	} steps[] = {{is_equal, ""}, {is_alike, WHY_SIMILAR},
	    {is_substituted, WHY_SUBSTITUTE}};
	const char *why = a->other || b->other ? WHY_OTHER_NAME : "";

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct name_result r;

		relate(a, b, steps[i].equals, &r);
		if (r.verdict == NAME_VARIANT && i > 0)
			say(&r, NAME_UNCLEAR, steps[i].why);
		if (r.verdict <= NAME_UNCLEAR && *why != '\0' &&
		    strcmp(r.why, WHY_FIRM) != 0)
			say(&r, NAME_UNCLEAR, why);
		if (is_better(&r, best))
			*best = r;
	}
}

/* "TARO TANAKA" is "Tanaka Taro": Latin words in order. */
static int
by_word(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	for (unsigned i = 0; i < x->n && i < y->n; i++)
		if (x->c[i].cp != y->c[i].cp)
			return x->c[i].cp < y->c[i].cp ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

static void
order_words(struct name_chars *c)
{
	struct name_chars from = *c;
	struct run words[NAME_CHARS];
	size_t count = 0;
	unsigned to = 0;

	for (unsigned i = 0; i < from.n; i++) {
		if (i == 0 || from.c[i].gap)
			words[count++] = (struct run){&from.c[i], 0};
		words[count - 1].n++;
	}
	qsort(words, count, sizeof *words, by_word);
	for (size_t w = 0; w < count; w++)
		for (unsigned i = 0; i < words[w].n; i++)
			c->c[to++] = words[w].c[i];
}

enum script { SCRIPT_LATIN, SCRIPT_KANA, SCRIPT_KANJI };

static enum script
script_of(const struct name_chars *c)
{
	enum script s = SCRIPT_LATIN;

	for (unsigned i = 0; i < c->n; i++) {
		UErrorCode status = U_ZERO_ERROR;
		UScriptCode code =
		    uscript_getScript((UChar32)c->c[i].cp, &status);

		if (code == USCRIPT_HAN || code == USCRIPT_HANGUL)
			return SCRIPT_KANJI;
		if (code == USCRIPT_HIRAGANA || code == USCRIPT_KATAKANA)
			s = SCRIPT_KANA;
	}
	return s;
}

static void
compare_all(const struct name_chars *a, const struct name_chars *b,
    struct name_result *out)
{
	struct name_reading x[NAME_READINGS], y[NAME_READINGS];
	unsigned nx = name_read(a, x), ny = name_read(b, y);
	bool latin =
	    script_of(a) == SCRIPT_LATIN && script_of(b) == SCRIPT_LATIN;

	for (unsigned i = 0; latin && i < nx; i++)
		order_words(&x[i].core);
	for (unsigned k = 0; latin && k < ny; k++)
		order_words(&y[k].core);
	for (unsigned i = 0; i < nx; i++)
		for (unsigned k = 0; k < ny; k++)
			compare_readings(&x[i], &y[k], out);
	/* A firm may well be called in Latin letters: WHY_FIRM stays. */
	if (out->verdict == NAME_DIFFERENT && script_of(a) != script_of(b))
		say(out, NAME_UNCLEAR, WHY_SCRIPT);
}

void
name_compare(const struct name_text *a, const struct name_text *b,
    struct name_result *out)
{
	struct name_chars x, y;

	memset(out, 0, sizeof *out);
	name_fold(a, &x);
	name_fold(b, &y);
	if (x.cut || y.cut)
		say(out, NAME_UNCLEAR, WHY_LONG);
	else if (!name_is_name(&x) || !name_is_name(&y))
		say(out, NAME_NONE, "");
	else if (is_equal(run_of(&x, 0), run_of(&y, 0)))
		say(out, NAME_SAME, "");
	else {
		say(out, NAME_DIFFERENT, "");
		compare_all(&x, &y, out);
	}
}
