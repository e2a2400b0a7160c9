/*
 * Text helpers.  Every parser takes whole strings and refuses trailing
 * bytes, so that "20x" is never read as 20.
 */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char base64_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int
text_number(const char *s, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long v;

	if ((s[0] < '0' || s[0] > '9') && s[0] != '-')
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static int
scaled(const char *s, const struct unit *units, int64_t *out)
{
	size_t digits = strspn(s, "0123456789");
	char number[20];
	int64_t v;

	if (digits == 0 || digits >= sizeof number)
		return -1;
	memcpy(number, s, digits);
	number[digits] = '\0';
	if (text_number(number, 0, INT64_MAX, &v) != 0)
		return -1;
	for (; units->name != NULL; units++) {
		if (strcmp(s + digits, units->name) != 0)
			continue;
		if (v > INT64_MAX / units->factor)
			return -1;
		*out = v * units->factor;
		return 0;
	}
	return -1;
}

int
text_duration_ms(const char *s, int64_t *out)
{
	static const struct unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000},
	    {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

	return scaled(s, units, out);
}

int
text_size(const char *s, int64_t *out)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"KB", 1024},
	    {"MB", 1024 * 1024}, {"GB", 1024 * 1024 * 1024}, {NULL, 0}};

	return scaled(s, units, out);
}

void
text_hex_fixed(char *out, const uint8_t *in, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = '\0';
}

int
text_hex(struct buf *out, struct slice in)
{
	if (in.len > SIZE_MAX / 4 || buf_reserve(out, 2 * in.len) != 0)
		return -1;
	text_hex_fixed((char *)out->p + out->len, in.p, in.len);
	out->len += 2 * in.len;
	return 0;
}

int
text_base64(struct buf *out, struct slice in)
{
	char quad[4];

	if (in.len > SIZE_MAX / 4 || buf_reserve(out, in.len / 3 * 4 + 4) != 0)
		return -1;
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t v = (uint32_t)in.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)in.p[i + 1] << 8;
		if (left > 2)
			v |= in.p[i + 2];
		quad[0] = base64_chars[v >> 18];
		quad[1] = base64_chars[v >> 12 & 63];
		quad[2] = left > 1 ? base64_chars[v >> 6 & 63] : '=';
		quad[3] = left > 2 ? base64_chars[v & 63] : '=';
		if (buf_append(out, quad, sizeof quad) != 0)
			return -1;
	}
	return 0;
}

static int
base64_value(uint8_t c)
{
	const char *at;

	if (c == '\0')
		return -1;
	at = strchr(base64_chars, c);
	return at == NULL ? -1 : (int)(at - base64_chars);
}

int
text_base64_decode(struct buf *out, struct slice in)
{
	uint32_t acc = 0;
	unsigned have = 0, pad = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.p[i];
		int v;

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (c == '=') {
			pad++;
			continue;
		}
		v = base64_value(c);
		if (v < 0 || pad != 0)
			return -1;
		acc = acc << 6 | (uint32_t)v;
		if (++have < 4)
			continue;
		uint8_t three[3] = {
		    (uint8_t)(acc >> 16), (uint8_t)(acc >> 8), (uint8_t)acc};
		if (buf_append(out, three, 3) != 0)
			return -1;
		acc = 0;
		have = 0;
	}
	if (have == 0)
		return pad == 0 ? 0 : -1;
	if (have + pad != 4 || have == 1)
		return -1;
	acc <<= 6 * pad;
	uint8_t rest[2] = {(uint8_t)(acc >> 16), (uint8_t)(acc >> 8)};
	return buf_append(out, rest, have - 1);
}

size_t
text_utf8_next(struct slice s, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n;
	uint32_t v;

	if (s.len == 0)
		return 0;
	if (s.p[0] < 0x80) {
		*cp = s.p[0];
		return 1;
	}
	if (s.p[0] >= 0xC2 && s.p[0] < 0xE0)
		n = 2;
	else if (s.p[0] >= 0xE0 && s.p[0] < 0xF0)
		n = 3;
	else if (s.p[0] >= 0xF0 && s.p[0] < 0xF5)
		n = 4;
	else
		return 0;
	if (s.len < n)
		return 0;
	v = s.p[0] & (0xFFU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xC0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3F);
	}
	if (v < least[n] || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000))
		return 0;
	*cp = v;
	return n;
}

bool
text_is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

bool
text_is_utf8(struct slice s)
{
	uint32_t cp;

	while (s.len > 0) {
		size_t n = text_utf8_next(s, &cp);

		if (n == 0)
			return false;
		s.p += n;
		s.len -= n;
	}
	return true;
}

char *
text_escape(char *out, size_t size, const char *in)
{
	struct slice s = slice_str(in);
	size_t used = 0;

	if (size == 0)
		return out;
	while (s.len > 0) {
		uint32_t cp = 0;
		size_t n = text_utf8_next(s, &cp);
		bool plain = n > 0 && cp > 0x20 && cp != 0x7F && cp != '"' &&
			     cp != '\\' && cp != '=' &&
			     !(cp >= 0x80 && cp < 0xA0) &&
			     !(cp >= 0x2028 && cp <= 0x202E) &&
			     !(cp >= 0x2066 && cp <= 0x2069) && cp != 0xFEFF;
		size_t need = plain ? n : 4;

		if (used + need >= size)
			break;
		if (plain) {
			memcpy(out + used, s.p, n);
			used += n;
		} else {
			n = 1;
			used += (size_t)snprintf(
			    out + used, size - used, "\\x%02X", s.p[0]);
		}
		s.p += n;
		s.len -= n;
	}
	out[used] = '\0';
	return out;
}

/* Letters and marks that only show, never act on a terminal or a page. */
static bool
is_shown(uint32_t cp)
{
	return cp >= 0x20 && !(cp >= 0x7F && cp < 0xA0) &&
	       !(cp >= 0x2028 && cp <= 0x202E) &&
	       !(cp >= 0x2066 && cp <= 0x2069) && cp != 0x200E &&
	       cp != 0x200F && cp != 0xFEFF;
}

char *
text_printable(char *out, size_t size, struct slice in)
{
	size_t used = 0;

	if (size == 0)
		return out;
	while (in.len > 0) {
		uint32_t cp = 0;
		size_t n = text_utf8_next(in, &cp);
		bool shown = n > 0 && is_shown(cp);

		if (used + (shown ? n : 1) >= size)
			break;
		if (shown)
			memcpy(out + used, in.p, n);
		else
			out[used] = '?';
		used += shown ? n : 1;
		n = n > 0 ? n : 1;
		in.p += n;
		in.len -= n;
	}
	out[used] = '\0';
	return out;
}

char *
text_mask_id(char *out, size_t size, const char *in)
{
	size_t len = strlen(in);

	if (size == 0)
		return out;
	if (len >= size)
		len = size - 1;
	for (size_t i = 0; i < len; i++)
		out[i] = i + 4 < len || len <= 4 ? '*' : in[i];
	out[len] = '\0';
	return out;
}
