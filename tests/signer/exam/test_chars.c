/* Character sets: the tables against iconv, and what is met in texts. */
#include "signer/exam/chars.h"
#include "tests/lib/suite.h"

#include <iconv.h>
#include <stdio.h>
#include <string.h>

/* True when EUC-JP's JIS X 0208 half (two bytes) has the character. */
static bool
in_jis(iconv_t cd, uint32_t c)
{
	uint8_t in[4] = {(uint8_t)(c >> 24), (uint8_t)(c >> 16),
	    (uint8_t)(c >> 8), (uint8_t)c};
	uint8_t out[8];
	char *from = (char *)in, *to = (char *)out;
	size_t left = sizeof in, room = sizeof out;

	iconv(cd, NULL, NULL, NULL, NULL);
	return iconv(cd, &from, &left, &to, &room) == 0 &&
	       sizeof out - room == 2 && out[0] >= 0xA1 && out[1] >= 0xA1;
}

static void
narrow_set_is_jis(void)
{
	/* Characters that converters map differently: both are taken. */
	static const uint32_t doubled[] = {0xA2, 0xA3, 0xA5, 0xAC, 0x2014,
	    0x2015, 0x2016, 0x2212, 0x2225, 0x301C, 0xFF0D, 0xFF3C, 0xFF5E,
	    0xFFE0, 0xFFE1, 0xFFE2, 0xFFE3, 0xFFE5};
	iconv_t cd = iconv_open("EUC-JP", "UCS-4BE");
	unsigned bad = 0;

	CU_ASSERT_FATAL(cd != (iconv_t)-1);
	for (uint32_t c = 0x80; c < 0x10000; c++) {
		bool either = false;

		if (c >= 0xD800 && c < 0xE000)
			continue;
		for (size_t i = 0; i < sizeof doubled / sizeof *doubled; i++)
			either = either || doubled[i] == c;
		if (!either && chars_in_narrow_set(c) != in_jis(cd, c) &&
		    bad++ < 5)
			printf("# U+%04X\n", c);
		CU_ASSERT(!either || chars_in_narrow_set(c));
	}
	CU_ASSERT_EQUAL(bad, 0);
	iconv_close(cd);
}

static void
server_set_is_the_published_one(void)
{
	static const uint32_t in[] = {'\t', '\n', '\r', ' ', '~', 0xA0, 0xFF,
	    0x3A9, 0x44F, 0x2026, 0x2160, 0x2190, 0x2211, 0x2460, 0x2500,
	    0x25CB, 0x3001, 0x3042, 0x30A2, 0x3231, 0x338F, 0x4E00, 0x9FFF,
	    0xF929, 0xFA11, 0xFF01, 0xFF65, 0xFFE5};
	static const uint32_t out[] = {0, 8, 0x1F, 0x7F, 0x80, 0x9F, 0x100,
	    0x2103, 0x2116, 0x2605, 0x3400, 0xA000, 0xE000, 0xFF66, 0xFF71,
	    0xFF9F, 0xFFF0, 0x10000, 0x20BB7, 0x10FFFF};

	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		CU_ASSERT(chars_in_server_set(in[i]));
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		CU_ASSERT_FALSE(chars_in_server_set(out[i]));
}

static void
looks(void)
{
	struct chars_seen s = {0};
	char text[100];

	chars_look(&s, slice_str("plain ascii, long enough for words\r\n"), 1);
	chars_look(&s, slice_str("\xE6\xBC\xA2\xE5\xAD\x97\xEF\xBC\x91"), 2);
	CU_ASSERT_EQUAL(s.outside + s.narrow, 0);
	chars_look(
	    &s, slice_str("abcdefgh\xE2\x91\xA0ijklmnop\xE2\x91\xA0"), 3);
	chars_look(&s, slice_str("\xE3\x88\xB1"), 4);
	CU_ASSERT_EQUAL(s.narrow, 3);
	CU_ASSERT_EQUAL(s.narrow_line, 3);
	CU_ASSERT_STRING_EQUAL(chars_examples(&s, text, sizeof text),
	    "U+2460 \xE2\x91\xA0, U+3231 \xE3\x88\xB1");
	chars_look(&s, slice_str("1234567\x7F"), 5);
	CU_ASSERT_EQUAL(s.outside, 1);
	CU_ASSERT_EQUAL(s.outside_first, 0x7F);
	chars_look(&s, slice_str("12345678\xEF\xBD\xB1"), 6);
	chars_look(&s, slice_str("\xF0\xA0\xAE\xB7"), 7);
	CU_ASSERT_EQUAL(s.outside, 3);
	CU_ASSERT_EQUAL(s.outside_line, 5);
}

/* Every character at every place of a word is seen. */
static void
looks_everywhere(void)
{
	static const char *const odd[] = {
	    "\x7F", "\xC2\x80", "\xEF\xBD\xB1", "\xF0\xA0\xAE\xB7"};

	for (size_t pad = 0; pad < 40; pad++)
		for (size_t i = 0; i < 4; i++) {
			struct chars_seen s = {0};
			struct buf b = {0};

			for (size_t k = 0; k < pad; k++)
				buf_putc(&b, (uint8_t)(0x20 + k * 5 % 0x5F));
			buf_puts(&b, odd[i]);
			buf_puts(&b, "some more text");
			chars_look(&s, buf_view(&b), 1);
			CU_ASSERT_EQUAL(s.outside, 1);
			buf_free(&b);
		}
}

SUITE_MAIN("exam/chars", CASE(narrow_set_is_jis),
    CASE(server_set_is_the_published_one), CASE(looks), CASE(looks_everywhere))
