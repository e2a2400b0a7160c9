/*
 * A file name may hold a right-to-left override that makes "fdp.exe" look
 * like another name, or a line end that fakes a second row.  Whoever shows
 * foreign text goes through here; the JSON record alone keeps it as it is.
 */
#include "signer/report/visible.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
	uint32_t first, last;
} hidden[] = {
    {0x00, 0x08},
    {0x0B, 0x0C},
    {0x0E, 0x1F},
    {0x7F, 0x9F},
    {0xAD, 0xAD},
    {0x61C, 0x61C},
    {0x115F, 0x1160},
    {0x17B4, 0x17B5},
    {0x180B, 0x180F},
    {0x200B, 0x200F},
    {0x2028, 0x202E},
    {0x2060, 0x206F},
    {0x3164, 0x3164},
    {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFB},
    {0xFFFE, 0xFFFF},
    {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A},
    {0xE0000, 0xE007F},
};

const char *
visible_next(struct slice *rest, char shown[12])
{
	uint32_t cp = 0;
	size_t n = text_utf8_next(*rest, &cp);

	if (n == 0 || n > 4) { /* not UTF-8: report_text lets none through */
		cp = 0xFFFD;
		n = 1;
		snprintf(shown, 12, "%s", "\xEF\xBF\xBD");
	} else {
		memcpy(shown, rest->p, n);
		shown[n] = '\0';
	}
	*rest = slice_of(rest->p + n, rest->len - n);
	if (cp == '\t' || cp == '\n' || cp == '\r')
		return memcpy(shown, " ", 2);
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (cp >= hidden[i].first && cp <= hidden[i].last)
			snprintf(shown, 12, "[U+%04X]", (unsigned)cp);
	return shown;
}
