/*
 * Reading libxml2's flat SAX2 arrays in one place.  Nothing here copies or
 * keeps what it is given.
 */
#include "signer/exam/element.h"

#include <string.h>

struct attribute
element_attribute_at(const struct element *el, size_t i)
{
	const xmlChar **at = el->attributes + 5 * i;
	struct attribute a = {
	    .local = (const char *)at[0],
	    .prefix = (const char *)at[1],
	    .uri = (const char *)at[2],
	    .value = slice_of(at[3], (size_t)(at[4] - at[3])),
	};

	return a;
}

bool
element_attribute(
    const struct element *el, const char *local, struct slice *value)
{
	for (size_t i = 0; i < el->attribute_count; i++) {
		struct attribute a = element_attribute_at(el, i);

		if (a.uri == NULL && strcmp(a.local, local) == 0) {
			*value = a.value;
			return true;
		}
	}
	return false;
}

bool
element_is(const struct element *el, const char *uri, const char *local)
{
	if (strcmp(el->local, local) != 0)
		return false;
	if (uri == NULL || el->uri == NULL)
		return uri == NULL && el->uri == NULL;
	return strcmp(el->uri, uri) == 0;
}

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
element_copy_text(char *out, size_t size, struct slice text)
{
	size_t n;

	while (text.len > 0 && blank(text.p[0])) {
		text.p++;
		text.len--;
	}
	n = text.len == 0 ? 0 : strnlen((const char *)text.p, text.len);
	while (n > 0 && blank(text.p[n - 1]))
		n--;
	if (n >= size) {
		n = size - 1;
		while (n > 0 && (text.p[n] & 0xC0) == 0x80)
			n--;
	}
	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
}
