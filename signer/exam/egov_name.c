/*
 * File names of e-Gov applications.  The rules stand in one table with their
 * sources, because the agency changes them; nothing here changes a name.
 */
#include "signer/exam/egov_name.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

/* e-gov.go.jp, help/shinsei/attention/about_letters02.html: the old portal's
 * list.  The present system says only
 * 「ファイル名に指定できない文字が使用されています。」, so these warn. */
#define OLD_PAGE 1
/* Characters that signing programs write into a URI in different ways, so
 * that a signature might not find the file again (facts: an accepted sample
 * with such a name was never seen), or that Windows has in no name.  These
 * refuse; the keyholder's template refuses them too. */
#define AMBIGUOUS_URI 2

static const struct name_rule {
	uint32_t first, last;
	unsigned sources;
} name_rules[] = {
    {0x0000, 0x001F, OLD_PAGE | AMBIGUOUS_URI}, /* controls */
    {' ', ' ', OLD_PAGE | AMBIGUOUS_URI},       /* space */
    {'"', '"', AMBIGUOUS_URI},                  /* quote */
    {'#', '#', OLD_PAGE | AMBIGUOUS_URI},       /* fragment */
    {'%', '%', OLD_PAGE | AMBIGUOUS_URI},       /* escape */
    {'&', '&', AMBIGUOUS_URI},                  /* markup */
    {'*', '+', AMBIGUOUS_URI},                  /* plus is a space to some */
    {':', ':', AMBIGUOUS_URI},                  /* scheme, drive */
    {'<', '<', OLD_PAGE | AMBIGUOUS_URI},       /* markup */
    {'>', '>', OLD_PAGE | AMBIGUOUS_URI},       /* markup */
    {'?', '?', OLD_PAGE | AMBIGUOUS_URI},       /* query */
    {'[', '[', OLD_PAGE},                       /* bracket */
    {']', '^', OLD_PAGE},                       /* bracket, caret */
    {'{', '{', OLD_PAGE},                       /* brace */
    {'|', '|', AMBIGUOUS_URI},                  /* pipe */
    {'}', '~', OLD_PAGE},                       /* brace, tilde */
    {0x007F, 0x009F, OLD_PAGE | AMBIGUOUS_URI}, /* controls */
    {0x00A2, 0x00A3, OLD_PAGE},                 /* cent, pound */
    {0x00A5, 0x00A5, OLD_PAGE},                 /* yen */
    {0x2010, 0x2015, OLD_PAGE},                 /* hyphens and dashes */
    {0x2016, 0x2016, OLD_PAGE},                 /* double vertical line */
    {0x2116, 0x2116, OLD_PAGE},                 /* numero sign */
    {0x2121, 0x2121, OLD_PAGE},                 /* telephone sign */
    {0x2160, 0x217F, OLD_PAGE},                 /* Roman numerals */
    {0x2200, 0x22FF, OLD_PAGE}, /* mathematical signs, minus, parallel */
    {0x2460, 0x24FF, OLD_PAGE}, /* circled digits */
    {0x3000, 0x3000, OLD_PAGE}, /* full-width space */
    {0x3220, 0x33FF, OLD_PAGE}, /* bracketed kanji, units, eras */
    {0xFF0D, 0xFF0D, OLD_PAGE}, /* full-width minus */
    {0xFF61, 0xFF9F, OLD_PAGE}, /* half-width katakana */
    {0xFFE0, 0xFFE1, OLD_PAGE}, /* full-width cent, pound */
    {0xFFE5, 0xFFE5, OLD_PAGE}, /* full-width yen */
};

static unsigned
rules_against(uint32_t cp)
{
	for (size_t i = 0; i < sizeof name_rules / sizeof *name_rules; i++)
		if (cp >= name_rules[i].first && cp <= name_rules[i].last)
			return name_rules[i].sources;
	return 0;
}

int
egov_name_check(
    const char *name, enum egov_name_use use, uint32_t *cp, struct err *e)
{
	struct slice s = slice_str(name);
	char shown[160];
	int result = 0;

	if (use == EGOV_NAME_SIGNED && name[0] == '.')
		return err_set(e, ERR_INPUT, "egov-name-unsignable", "%s",
		    text_escape(shown, sizeof shown, name));
	while (s.len > 0) {
		uint32_t c = 0;
		size_t n = text_utf8_next(s, &c);
		unsigned against = n == 0 ? AMBIGUOUS_URI : rules_against(c);

		if (use == EGOV_NAME_SIGNED && (against & AMBIGUOUS_URI))
			return err_set(e, ERR_INPUT, "egov-name-unsignable",
			    "%s", text_escape(shown, sizeof shown, name));
		if (result == 0 && (against & OLD_PAGE)) {
			*cp = c;
			result = 1;
		}
		n = n == 0 ? 1 : n;
		s.p += n;
		s.len -= n;
	}
	return result;
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
unreserved(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       digit((char)c) || c == '-' || c == '.' || c == '_' || c == '~';
}

int
egov_name_uri(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		uint8_t c = (uint8_t)*name;
		int r = unreserved(c) ? buf_putc(out, c)
				      : buf_printf(out, "%%%02X", c);

		if (r != 0)
			return -1;
	}
	return 0;
}

bool
egov_name_is_kousei(const char *name)
{
	if (strncmp(name, "kousei", 6) != 0)
		return false;
	name += 6;
	name += strspn(name, "0123456789");
	return strcmp(name, ".xml") == 0;
}

bool
egov_name_is_main(const char *name)
{
	return strcmp(name, "kousei.xml") == 0;
}

bool
egov_name_is_folder(const char *name)
{
	size_t n = strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	size_t digits;

	if (n != 16)
		return false;
	name += n;
	if (*name == '\0')
		return true;
	if (*name++ != '(')
		return false;
	digits = strspn(name, "0123456789");
	return digits > 0 && digits < 5 && strcmp(name + digits, ")") == 0;
}

bool
egov_name_is_litter(const char *name)
{
	static const char *const names[] = {
	    "Thumbs.db", "desktop.ini", ".DS_Store", "__MACOSX"};

	if (strncmp(name, "._", 2) == 0)
		return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}
