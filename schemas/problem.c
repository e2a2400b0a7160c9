/*
 * Says what the schema validator found without repeating a value of the
 * filing: a log or a reason file is read by more people than a tax return.
 * libxml2's text is kept only for codes whose text has nothing but names and
 * lengths in it; for all others there are words here.
 */
#include "schemas/problem.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 100

struct words {
	int code;
	const char *text; /* NULL = libxml2's own */
	const char *keep; /* schema's part of the message: from here on */
};

/* clang-format off */
static const struct words table[] = {
	{XML_SCHEMAV_ELEMENT_CONTENT, NULL, NULL},
	{XML_SCHEMAV_CVC_ELT_1, NULL, NULL},
	{XML_SCHEMAV_CVC_ELT_2, NULL, NULL},
	{XML_SCHEMAV_CVC_ELT_3_1, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_2_1, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_2_2, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_2_3, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_2_4, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_3_1, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_3_2_1, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_3_2_2, NULL, NULL},
	{XML_SCHEMAV_CVC_COMPLEX_TYPE_4, NULL, NULL},
	{XML_SCHEMAV_CVC_TYPE_3_1_1, NULL, NULL},
	{XML_SCHEMAV_CVC_TYPE_3_1_2, NULL, NULL},
	{XML_SCHEMAV_CVC_WILDCARD, NULL, NULL},
	{XML_SCHEMAV_CVC_LENGTH_VALID, NULL, NULL},
	{XML_SCHEMAV_CVC_MINLENGTH_VALID, NULL, NULL},
	{XML_SCHEMAV_CVC_MAXLENGTH_VALID, NULL, NULL},
	{XML_SCHEMAV_CVC_PATTERN_VALID,
	    "the value does not match the required pattern", NULL},
	{XML_SCHEMAV_CVC_ENUMERATION_VALID, "the value is not one of the ",
	    "set {"},
	{XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1, "the value does not fit the ",
	    "type '"},
	{XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_2, "the value does not fit the ",
	    "type '"},
	{XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_3, "the value does not fit the ",
	    "type '"},
	{XML_SCHEMAV_CVC_MININCLUSIVE_VALID, "the value is too small", NULL},
	{XML_SCHEMAV_CVC_MINEXCLUSIVE_VALID, "the value is too small", NULL},
	{XML_SCHEMAV_CVC_MAXINCLUSIVE_VALID, "the value is too large", NULL},
	{XML_SCHEMAV_CVC_MAXEXCLUSIVE_VALID, "the value is too large", NULL},
	{XML_SCHEMAV_CVC_TOTALDIGITS_VALID,
	    "the value has too many digits", NULL},
	{XML_SCHEMAV_CVC_FRACTIONDIGITS_VALID,
	    "the value has too many decimal places", NULL},
	{XML_SCHEMAV_CVC_IDC, "a key is missing or not unique", NULL},
	{XML_SCHEMAV_CVC_AU, "the value is not the fixed one", NULL},
	{XML_SCHEMAV_CVC_ELT_5_2_2_2_1,
	    "the value is not the fixed one", NULL},
	{XML_SCHEMAV_CVC_ELT_5_2_2_2_2,
	    "the value is not the fixed one", NULL},
};
/* clang-format on */

/* Drops the last, possibly cut, character of `used` bytes. */
static size_t
whole(const char *out, size_t used)
{
	while (used > 0 && ((unsigned char)out[used] & 0xC0) == 0x80)
		used--;
	return used;
}

char *
problem_line(char *out, size_t size, const char *message)
{
	size_t used = 0;
	bool name = false; /* inside {…} */

	if (message == NULL)
		message = "";
	for (; *message != '\0' && used + 1 < size; message++) {
		unsigned char c = (unsigned char)*message;

		if (c == '{' && strchr(message, '}') != NULL &&
		    message[1] != '\'')
			name = true;
		if (!name)
			out[used++] = (char)(c < 0x20 || c == 0x7F ? ' ' : c);
		if (c == '}')
			name = false;
	}
	if (*message != '\0') {
		out[used] = *message;
		used = whole(out, used);
	}
	while (used > 0 && (out[used - 1] == ' ' || out[used - 1] == '.'))
		used--;
	out[used] = '\0';
	return out;
}

/* Takes `lead` and a name in quotes off the message. */
static const char *
take_name(const char *m, const char *lead, char name[NAME_SIZE])
{
	size_t n = strlen(lead);
	const char *end;

	name[0] = '\0';
	if (strncmp(m, lead, n) != 0)
		return m;
	end = strchr(m + n, '\'');
	if (end == NULL)
		return m;
	snprintf(name, NAME_SIZE, "%.*s", (int)(end - (m + n)), m + n);
	return end + 1;
}

static const struct words *
words_for(int code)
{
	static const struct words other = {
	    0, "does not follow the schema", NULL};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].code == code)
			return &table[i];
	}
	return &other;
}

/* The last place where `what` begins: an earlier one may be the value's. */
static const char *
find_last(const char *text, const char *what)
{
	const char *found = NULL;

	for (const char *at = strstr(text, what); at != NULL;
	     at = strstr(at + 1, what))
		found = at;
	return found;
}

char *
problem_text(char *out, size_t size, unsigned line, const xmlError *x)
{
	char element[NAME_SIZE], attribute[NAME_SIZE], text[400];
	const struct words *w = words_for(x->code);
	const char *m = x->message == NULL ? "" : x->message, *kept = NULL;

	m = take_name(m, "Element '", element);
	m = take_name(m, ", attribute '", attribute);
	if (strncmp(m, ": ", 2) == 0)
		m += 2;
	problem_line(element, sizeof element, element);
	problem_line(attribute, sizeof attribute, attribute);
	if (w->text == NULL) {
		problem_line(text, sizeof text, m);
	} else {
		if (w->keep != NULL)
			kept = find_last(m, w->keep);
		problem_line(text, sizeof text, kept == NULL ? "" : kept);
		if (w->keep != NULL && kept == NULL)
			snprintf(text, sizeof text,
			    w->keep[0] == 't' ? "type" : "allowed ones");
	}
	snprintf(out, size, "line %u: %s%s%s: %s%s", line, element,
	    attribute[0] == '\0' ? "" : "/@", attribute,
	    w->text == NULL ? "" : w->text,
	    w->text == NULL || w->keep ? text : "");
	return out;
}
