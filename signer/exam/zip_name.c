/*
 * Names from archives.  A name is never interpreted, only decoded, compared
 * and refused: nothing here opens a file.  ICU does the work, because its
 * tables are part of a library that libxml2 has loaded anyway; iconv would
 * open conversion modules, which the sandbox forbids.
 */
#include "signer/exam/zip_name.h"

#include "base/text.h"

#include <string.h>
#include <unicode/ucnv.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* Windows' own Shift_JIS with NEC and IBM extensions. */
#define LEGACY_CHARSET "windows-31j"
/* UTF-16 units: no raw name that fits needs more. */
#define UNITS_MAX (4 * ZIP_NAME_MAX)

/* Made at first use; lives with the process. */
static UConverter *legacy;

static UConverter *
legacy_converter(void)
{
	UErrorCode status = U_ZERO_ERROR;
	UConverter *c;

	if (legacy != NULL)
		return legacy;
	c = ucnv_open(LEGACY_CHARSET, &status);
	if (U_FAILURE(status))
		return NULL;
	ucnv_setToUCallBack(
	    c, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &status);
	if (U_FAILURE(status)) {
		ucnv_close(c);
		return NULL;
	}
	legacy = c;
	return legacy;
}

static int
bad_encoding(struct slice raw, struct err *e)
{
	char shown[160], text[ZIP_NAME_MAX];
	size_t n = raw.len < sizeof text - 1 ? raw.len : sizeof text - 1;

	memcpy(text, raw.p, n);
	text[n] = '\0';
	return err_set(e, ERR_INPUT, "zip-name-encoding", "%s",
	    text_escape(shown, sizeof shown, text));
}

static int
put_utf8(const UChar *units, int32_t count, struct buf *out, struct err *e)
{
	char text[3 * UNITS_MAX + 1];
	UErrorCode status = U_ZERO_ERROR;
	int32_t n;

	u_strToUTF8(text, sizeof text, &n, units, count, &status);
	if (U_FAILURE(status))
		return err_set(
		    e, ERR_INPUT, "zip-name-encoding", "no text in UTF-8");
	if (buf_append(out, text, (size_t)n) != 0 || buf_cstr(out) == NULL)
		return err_nomem(e);
	return 0;
}

static int
decode_legacy(struct slice raw, struct buf *out, struct err *e)
{
	UChar units[UNITS_MAX];
	UErrorCode status = U_ZERO_ERROR;
	UConverter *c = legacy_converter();
	int32_t n;

	if (c == NULL)
		return bad_encoding(raw, e);
	ucnv_resetToUnicode(c);
	n = ucnv_toUChars(c, units, UNITS_MAX, (const char *)raw.p,
	    (int32_t)raw.len, &status);
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING)
		return bad_encoding(raw, e);
	return put_utf8(units, n, out, e);
}

int
zip_name_decode(struct slice raw, bool flagged, struct buf *out, struct err *e)
{
	if (raw.len >= ZIP_NAME_MAX)
		return err_set(
		    e, ERR_INPUT, "name-too-long", "%zu bytes", raw.len);
	if (!text_is_utf8(raw))
		return flagged ? bad_encoding(raw, e)
			       : decode_legacy(raw, out, e);
	if (buf_slice(out, raw) != 0 || buf_cstr(out) == NULL)
		return err_nomem(e);
	return 0;
}

static int
unsafe(const char *name, struct err *e)
{
	char shown[160];

	return err_set(e, ERR_INPUT, "zip-name-unsafe", "%s",
	    text_escape(shown, sizeof shown, name));
}

/* A component that stays where it is. */
static bool
plain_component(const char *at, size_t n)
{
	if (n == 0)
		return false;
	return !(at[0] == '.' && (n == 1 || (n == 2 && at[1] == '.')));
}

int
zip_name_check(const char *name, struct err *e)
{
	struct slice s = slice_str(name);
	const char *at = name;
	uint32_t cp;

	if (s.len >= ZIP_NAME_MAX)
		return err_set(
		    e, ERR_INPUT, "name-too-long", "%zu bytes", s.len);
	if (s.len == 0 || (s.len > 1 && name[1] == ':'))
		return unsafe(name, e);
	while (s.len > 0) {
		size_t n = text_utf8_next(s, &cp);

		if (n == 0 || cp < 0x20 || (cp >= 0x7F && cp < 0xA0) ||
		    cp == '\\')
			return unsafe(name, e);
		s.p += n;
		s.len -= n;
	}
	while (*at != '\0') {
		size_t n = strcspn(at, "/");

		if (!plain_component(at, n))
			return unsafe(name, e);
		at += n + (at[n] == '/');
	}
	return 0;
}

int
zip_name_nfc(const char *name, struct buf *out, struct err *e)
{
	UChar units[UNITS_MAX], normal[UNITS_MAX];
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *nfc;
	int32_t n;

	if (text_is_ascii(name)) {
		if (buf_puts(out, name) != 0 || buf_cstr(out) == NULL)
			return err_nomem(e);
		return 0;
	}
	u_strFromUTF8(units, UNITS_MAX, &n, name, -1, &status);
	nfc = unorm2_getNFCInstance(&status);
	n = unorm2_normalize(nfc, units, n, normal, UNITS_MAX, &status);
	if (U_FAILURE(status))
		return bad_encoding(slice_str(name), e);
	return put_utf8(normal, n, out, e);
}

bool
zip_name_same(const char *a, const char *b)
{
	struct buf na = {0}, nb = {0};
	bool same;

	if (strcmp(a, b) == 0)
		return true;
	if (text_is_ascii(a) || text_is_ascii(b))
		return false;
	same = zip_name_nfc(a, &na, NULL) == 0 &&
	       zip_name_nfc(b, &nb, NULL) == 0 &&
	       slice_eq(buf_view(&na), buf_view(&nb));
	buf_free(&na);
	buf_free(&nb);
	return same;
}
