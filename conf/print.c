/*
 * The table of settings for people: as a commented configuration file and as
 * manual page text.  Both say what the parser does because both read the
 * same rows.
 */
#include "base/buf.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "conf/conf.h"
#include "conf/table.h"

#include <string.h>

#define WIDTH 78

/* One unbreakable piece: a word of narrow characters with the blanks before
 * it, or one kana or kanji.  *cols gets its columns in a terminal. */
static size_t
piece(const char *text, unsigned *cols)
{
	size_t n = 0;

	*cols = 0;
	if ((unsigned char)text[0] >= 0xE2) {
		for (n = 1; (text[n] & 0xC0) == 0x80; n++)
			;
		*cols = 2;
		return n;
	}
	while (text[n] == ' ')
		n++;
	while (
	    text[n] != '\0' && text[n] != ' ' && (unsigned char)text[n] < 0xE2)
		n++;
	*cols = (unsigned)n;
	return n;
}

static void
put_comment(struct buf *b, const char *prefix, const char *text)
{
	unsigned used = 0, cols;

	buf_puts(b, prefix);
	while (*text != '\0') {
		size_t n = piece(text, &cols);

		if (used > 0 && used + cols + 10 > WIDTH) {
			buf_printf(b, "\n%s", prefix);
			used = 0;
			while (n > 0 && *text == ' ') {
				text++;
				n--;
			}
		}
		buf_append(b, text, n);
		used += cols;
		text += n;
	}
	buf_putc(b, '\n');
}

/* What may be typed: "a duration, 100ms to 1h", "one of auto, etax, egov". */
static void
put_range(struct buf *b, const struct conf_setting *s)
{
	char least[32], most[32];
	const char *kind = NULL;

	if (s->type == CONF_DURATION)
		kind = _("duration");
	else if (s->type == CONF_SIZE)
		kind = _("size");
	else if (s->type == CONF_MODE)
		kind = _("octal mode");
	else if (s->type == CONF_INT)
		kind = _("number");
	if (kind != NULL)
		buf_printf(b, _("%s, %s to %s"), kind,
		    conf_value_text(s, s->min, least, sizeof least),
		    conf_value_text(s, s->max, most, sizeof most));
	if (s->type == CONF_DATE)
		buf_puts(b, _("a day such as 2026-03-16"));
	for (size_t i = 0; s->words != NULL && s->words[i] != NULL; i++)
		buf_printf(b, "%s%s", i == 0 ? "" : " | ", s->words[i]);
	if (s->type == CONF_BOOL)
		buf_puts(b, "yes | no");
}

static void
put_list(struct buf *b, const char *words)
{
	const char *separator = " ";

	buf_putc(b, '{');
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		buf_printf(b, "%s\"%.*s\"", separator, (int)n, words);
		separator = ", ";
		words += n + (words[n] == ' ');
	}
	buf_puts(b, " }");
}

static void
put_value(struct buf *b, const struct conf_setting *s, const char *text)
{
	if (conf_is_list(s))
		put_list(b, text);
	else if (s->type == CONF_INT || s->type == CONF_BOOL)
		buf_puts(b, text);
	else
		buf_printf(b, "\"%s\"", text);
}

/* A titled section is an example, commented out; what it would be with the
 * marks removed is a good configuration. */
static void
put_setting(
    struct buf *b, const struct conf_setting *s, bool example, bool first)
{
	const char *mark = example ? "#" : "";
	struct buf range = {0};

	if (!first)
		buf_printf(b, "%s\n", mark);
	put_comment(b, example ? "#\t# " : "\t# ", _(s->help));
	put_range(&range, s);
	if (range.len > 0)
		put_comment(b, example ? "#\t# " : "\t# ", buf_cstr(&range));
	buf_printf(b, "%s\t%s = ", mark, s->name);
	put_value(
	    b, s, example && s->example != NULL ? s->example : s->fallback);
	buf_putc(b, '\n');
	buf_free(&range);
}

static void
put_section(struct buf *b, const struct conf_section *sec)
{
	bool example = sec->example != NULL;
	bool first = true;

	buf_putc(b, '\n');
	put_comment(b, "# ", _(sec->help));
	if (example)
		buf_printf(b, "#%s \"%s\" {\n", sec->name, sec->example);
	else
		buf_printf(b, "%s {\n", sec->name);
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		if (strcmp(s->section, sec->name) != 0)
			continue;
		put_setting(b, s, example, first);
		first = false;
	}
	buf_printf(b, "%s}\n", example ? "#" : "");
}

void
conf_print_defaults(int fd)
{
	struct buf b = {0};
	struct err e = {0};

	put_comment(&b, "# ",
	    _("natsuin.conf: every setting with its default. Relative paths "
	      "start from this file's folder. Remove the # before a drop and "
	      "a key and change their names."));
	for (const struct conf_section *s = conf_sections; s->name; s++)
		put_section(&b, s);
	fs_write(fd, buf_view(&b), &e);
	buf_free(&b);
}

/* mdoc takes a backslash as an escape and a leading '.' or '\'' as a macro;
 * help texts begin with a letter, so only backslashes matter. */
static void
put_roff(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			buf_puts(b, "\\e");
		else
			buf_putc(b, (uint8_t)*text);
		/* One sentence per line, as mdoc wants it. */
		if (*text == '.' && text[1] == ' ' && text[2] != '\0') {
			buf_putc(b, '\n');
			text++;
		}
	}
	buf_putc(b, '\n');
}

/* "|" at the end of a macro line would be taken as punctuation. */
static void
put_man_arg(struct buf *b, const struct conf_setting *s)
{
	struct buf range = {0};

	put_range(&range, s);
	if (range.len == 0)
		buf_puts(&range, conf_is_list(s) ? "list" : "text");
	buf_puts(b, " \"");
	buf_slice(b, buf_view(&range));
	buf_puts(b, "\"\n");
	buf_free(&range);
}

static void
put_man_setting(struct buf *b, const struct conf_setting *s)
{
	buf_printf(b, ".It Ic %s No = Ar", s->name);
	put_man_arg(b, s);
	put_roff(b, _(s->help));
	if (s->fallback[0] != '\0')
		buf_printf(
		    b, "%s\n.Ql %s .\n", _("The default is"), s->fallback);
}

static void
put_man_section(struct buf *b, const struct conf_section *sec)
{
	buf_printf(b, ".Ss %s%s\n", sec->name,
	    sec->example == NULL ? "" : " \\(dqtitle\\(dq");
	put_roff(b, _(sec->help));
	buf_puts(b, ".Bl -tag -width Ds\n");
	for (const struct conf_setting *s = conf_settings; s->name; s++) {
		if (strcmp(s->section, sec->name) == 0)
			put_man_setting(b, s);
	}
	buf_puts(b, ".El\n");
}

void
conf_print_man(int fd)
{
	struct buf b = {0};
	struct err e = {0};

	for (const struct conf_section *s = conf_sections; s->name; s++)
		put_man_section(&b, s);
	fs_write(fd, buf_view(&b), &e);
	buf_free(&b);
}
