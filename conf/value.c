/*
 * One value: from text as typed in the file into its field, and back.  A
 * field is changed only when the whole value is good.  Knows the types, not
 * the settings.
 */
#include "base/clock.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_MAX 4000
#define LIST_MAX 64

static int
why_set(char why[120], const char *text)
{
	snprintf(why, 120, "%s", text);
	return -1;
}

static void *
field(const struct conf_setting *s, void *base)
{
	return (char *)base + s->offset;
}

static int
set_text(char **at, const char *text, char why[120])
{
	char *copy = strdup(text);

	if (copy == NULL)
		return why_set(why, "out of memory");
	free(*at);
	*at = copy;
	return 0;
}

static int
check_printable(const char *text, char why[120])
{
	if (strlen(text) > VALUE_MAX)
		return why_set(why, "too long");
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7F)
			return why_set(why, "control character");
	}
	return 0;
}

/* User, group and key names: what getpwnam and a socket's name can take. */
static int
check_name(const char *text, char why[120])
{
	size_t n = strlen(text);

	if (n > 32)
		return why_set(why, "name of more than 32 characters");
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_')
			continue;
		if (i > 0 && (c == '-' || c == '.'))
			continue;
		return why_set(why,
		    "a name has letters, digits, '_', and inside '-' and '.'");
	}
	return 0;
}

static int
check_digits(const char *text, const char *digits, int64_t count, char why[120])
{
	size_t n = strlen(text);

	if (n == 0 || (n == (size_t)count && strspn(text, digits) == n))
		return 0;
	snprintf(why, 120, "must be exactly %" PRId64 " %s", count,
	    count == 16 ? "decimal digits" : "hexadecimal digits");
	return -1;
}

/*
 * Appends the path's components joined by single '/', without "."; refuses
 * "..".  An absolute path keeps its leading '/'.
 */
static int
clean_path(const char *text, struct buf *out, char why[120])
{
	while (*text != '\0') {
		size_t n = strcspn(text, "/");

		if (n == 2 && memcmp(text, "..", 2) == 0)
			return why_set(why, "\"..\" is not allowed in a path");
		if (n > 255)
			return why_set(why, "path component too long");
		if (n > 0 && !(n == 1 && text[0] == '.')) {
			if (out->len > 0 && out->p[out->len - 1] != '/' &&
			    buf_putc(out, '/') != 0)
				return why_set(why, "out of memory");
			if (buf_append(out, text, n) != 0)
				return why_set(why, "out of memory");
		}
		text += n + (text[n] == '/');
	}
	return 0;
}

/* Stores the cleaned path; `dir` (or NULL) is put before a relative one. */
static int
set_path(char **at, const char *text, const char *dir, char why[120])
{
	struct buf b = {0};
	int result = -1;

	if (text[0] == '\0')
		return set_text(at, "", why);
	if (text[0] == '/' && buf_putc(&b, '/') != 0)
		goto nomem;
	if (text[0] != '/' && dir != NULL && buf_puts(&b, dir) != 0)
		goto nomem;
	if (clean_path(text, &b, why) != 0)
		goto out;
	if (b.len > 1 && b.p[b.len - 1] == '/') /* "." of the folder */
		b.len--;
	if (b.len == 0 && buf_putc(&b, '.') != 0)
		goto nomem;
	if (buf_cstr(&b) == NULL)
		goto nomem;
	if (b.len > VALUE_MAX) {
		why_set(why, "path too long");
		goto out;
	}
	result = set_text(at, (char *)b.p, why);
	goto out;
nomem:
	why_set(why, "out of memory");
out:
	buf_free(&b);
	return result;
}

static int
set_inside(char **at, const char *text, char why[120])
{
	if (text[0] == '/')
		return why_set(why, "must be relative to the spool folder");
	if (set_path(at, text, NULL, why) != 0)
		return -1;
	if (strcmp(*at, ".") == 0)
		return why_set(why, "must name a folder in the spool folder");
	return 0;
}

static int
set_deliver(char **at, const char *text, char why[120])
{
	static const char *const known[] = {
	    "{batch}", "{drop}", "{path}", "{name}", "{date}"};
	const size_t count = sizeof known / sizeof *known;
	const char *c = text;

	while ((c = strpbrk(c, "{}")) != NULL) {
		size_t i;

		for (i = 0; i < count; i++) {
			if (strncmp(c, known[i], strlen(known[i])) == 0)
				break;
		}
		if (i == count)
			return why_set(why,
			    "only {batch}, {drop}, {path}, {name} and {date} "
			    "can be used");
		c += strlen(known[i]);
	}
	if (text[0] == '\0')
		return why_set(why, "must not be empty");
	return set_path(at, text, NULL, why);
}

static int
word_index(const struct conf_setting *s, const char *text, char why[120])
{
	size_t used = 0;
	int n;

	for (int i = 0; s->words[i] != NULL; i++) {
		if (strcmp(s->words[i], text) == 0)
			return i;
	}
	n = snprintf(why, 120, "must be one of");
	used = n < 0 ? 0 : (size_t)n;
	for (int i = 0; s->words[i] != NULL && used < 120; i++) {
		n = snprintf(why + used, 120 - used, " %s", s->words[i]);
		used += n < 0 ? 0 : (size_t)n;
	}
	return -1;
}

static int
set_bool(bool *at, const char *text, char why[120])
{
	static const char *const yes[] = {"yes", "true", "on"};
	static const char *const no[] = {"no", "false", "off"};

	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*at = true;
			return 0;
		}
		if (strcasecmp(text, no[i]) == 0) {
			*at = false;
			return 0;
		}
	}
	return why_set(why, "must be yes or no");
}

static int
parse_octal(const char *text, int64_t *v)
{
	size_t n = strlen(text);

	if (n == 0 || n > 6 || strspn(text, "01234567") != n)
		return -1;
	*v = strtol(text, NULL, 8);
	return 0;
}

static int
parse_number(
    const struct conf_setting *s, const char *text, int64_t *v, char why[120])
{
	char least[32], most[32];
	int bad;

	if (s->type == CONF_DURATION)
		bad = text_duration_ms(text, v);
	else if (s->type == CONF_SIZE)
		bad = text_size(text, v);
	else if (s->type == CONF_MODE)
		bad = parse_octal(text, v);
	else
		bad = text_number(text, INT64_MIN, INT64_MAX, v);
	if (bad == 0 && *v >= s->min && *v <= s->max)
		return 0;
	snprintf(why, 120, "must be %s from %s to %s",
	    s->type == CONF_DURATION ? "a duration such as 3s"
	    : s->type == CONF_SIZE   ? "a size such as 20MB"
	    : s->type == CONF_MODE   ? "an octal mode"
				     : "a number",
	    conf_value_text(s, s->min, least, sizeof least),
	    conf_value_text(s, s->max, most, sizeof most));
	return -1;
}

static int
set_date(int64_t *at, const char *text, char why[120])
{
	int64_t v = 0;

	if (text[0] != '\0' && clock_day_end(text, &v) != 0)
		return why_set(
		    why, "must be a day of the calendar such as 2026-03-16");
	*at = v;
	return 0;
}

static int
add_name(const struct conf_setting *s, struct conf_list *list, const char *text,
    char why[120])
{
	char **grown;

	if (text[0] == '\0')
		return why_set(why, "an empty entry");
	if (s->type == CONF_NAMES && check_name(text, why) != 0)
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->item[i], text) == 0)
			return why_set(why, "is named twice");
	}
	if (list->count >= (size_t)s->max || list->count >= LIST_MAX)
		return why_set(why, "is one too many");
	grown = realloc(list->item, (list->count + 1) * sizeof *grown);
	if (grown == NULL)
		return why_set(why, "out of memory");
	list->item = grown;
	grown[list->count] = strdup(text);
	if (grown[list->count] == NULL)
		return why_set(why, "out of memory");
	list->count++;
	return 0;
}

static int
set_text_kind(const struct conf_setting *s, char **at, const char *text,
    const char *dir, char why[120])
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (s->type == CONF_PATH)
		return set_path(at, text, dir, why);
	if (s->type == CONF_INSIDE)
		return set_inside(at, text, why);
	if (s->type == CONF_DELIVER)
		return set_deliver(at, text, why);
	if (s->type == CONF_NAME && check_name(text, why) != 0)
		return -1;
	if (s->type == CONF_DIGITS &&
	    check_digits(text, "0123456789", s->max, why) != 0)
		return -1;
	if (s->type == CONF_HEX && check_digits(text, hex, s->max, why) != 0)
		return -1;
	if (s->type == CONF_WORD && word_index(s, text, why) < 0)
		return -1;
	if (set_text(at, text, why) != 0)
		return -1;
	for (char *c = *at; s->type == CONF_HEX && *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	}
	return 0;
}

static int
set_enum(
    const struct conf_setting *s, void *at, const char *text, char why[120])
{
	int i = word_index(s, text, why);
	unsigned v = (unsigned)i;

	if (i < 0)
		return -1;
	if (s->type == CONF_FLAGS)
		((bool *)at)[i] = true;
	else
		memcpy(at, &v, sizeof v);
	return 0;
}

int
conf_value_set(const struct conf_setting *s, void *base, const char *text,
    const char *dir, char why[120])
{
	void *at = field(s, base);
	int64_t v;

	_Static_assert(sizeof(enum conf_format) == sizeof(unsigned) &&
			   sizeof(enum conf_backend) == sizeof(unsigned),
	    "enums are stored as unsigned");
	if (check_printable(text, why) != 0)
		return -1;
	switch (s->type) {
	case CONF_ENUM:
	case CONF_FLAGS:
		return set_enum(s, at, text, why);
	case CONF_BOOL:
		return set_bool(at, text, why);
	case CONF_DATE:
		return set_date(at, text, why);
	case CONF_NAMES:
	case CONF_TEXTS:
		return add_name(s, at, text, why);
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_MODE:
		if (parse_number(s, text, &v, why) != 0)
			return -1;
		if (s->type == CONF_MODE)
			*(mode_t *)at = (mode_t)v;
		else
			*(int64_t *)at = v;
		return 0;
	case CONF_TEXT:
	case CONF_NAME:
	case CONF_PATH:
	case CONF_INSIDE:
	case CONF_DELIVER:
	case CONF_DIGITS:
	case CONF_HEX:
	case CONF_WORD:
	default:
		return set_text_kind(s, at, text, dir, why);
	}
}

void
conf_value_clear(const struct conf_setting *s, void *base)
{
	void *at = field(s, base);

	if (s->type == CONF_FLAGS) {
		for (int i = 0; s->words[i] != NULL; i++)
			((bool *)at)[i] = false;
	} else if (s->type == CONF_NAMES || s->type == CONF_TEXTS) {
		struct conf_list *list = at;

		for (size_t i = 0; i < list->count; i++)
			free(list->item[i]);
		free(list->item);
		list->item = NULL;
		list->count = 0;
	}
}

void
conf_value_free(const struct conf_setting *s, void *base)
{
	char **text;

	switch (s->type) {
	case CONF_TEXT:
	case CONF_NAME:
	case CONF_PATH:
	case CONF_INSIDE:
	case CONF_DELIVER:
	case CONF_DIGITS:
	case CONF_HEX:
	case CONF_WORD:
		text = field(s, base);
		free(*text);
		*text = NULL;
		break;
	case CONF_ENUM:
	case CONF_FLAGS:
	case CONF_BOOL:
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_DATE:
	case CONF_MODE:
	case CONF_NAMES:
	case CONF_TEXTS:
	default:
		conf_value_clear(s, base);
		break;
	}
}

bool
conf_is_list(const struct conf_setting *s)
{
	return s->type == CONF_NAMES || s->type == CONF_TEXTS ||
	       s->type == CONF_FLAGS;
}

struct unit {
	int64_t factor;
	const char *name;
};

static char *
with_unit(const struct unit *units, int64_t v, char *out, size_t size)
{
	for (; units->factor > 1; units++) {
		if (v != 0 && v % units->factor == 0)
			break;
	}
	snprintf(out, size, "%" PRId64 "%s", v / units->factor, units->name);
	return out;
}

char *
conf_value_text(const struct conf_setting *s, int64_t v, char *out, size_t size)
{
	static const struct unit durations[] = {{86400000, "d"}, {3600000, "h"},
	    {60000, "m"}, {1000, "s"}, {1, "ms"}};
	static const struct unit sizes[] = {{INT64_C(1) << 30, "GB"},
	    {1 << 20, "MB"}, {1 << 10, "KB"}, {1, "B"}};

	if (s->type == CONF_DURATION)
		return with_unit(durations, v, out, size);
	if (s->type == CONF_SIZE)
		return with_unit(sizes, v, out, size);
	snprintf(out, size, s->type == CONF_MODE ? "%04" PRIo64 : "%" PRId64,
	    (uint64_t)v);
	return out;
}
