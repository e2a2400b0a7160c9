/* The one table of settings: parser, defaults and manual read it. */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_TEXT,     /* char *: any text without control characters */
	CONF_NAME,     /* char *: user or group name, may be empty */
	CONF_PATH,     /* char *: absolute, or from the file's folder */
	CONF_INSIDE,   /* char *: relative, below the spool root */
	CONF_DELIVER,  /* char *: path with {batch}, {path}, … */
	CONF_DIGITS,   /* char *: exactly `max` decimal digits, or empty */
	CONF_HEX,      /* char *: exactly `max` hex digits, or empty */
	CONF_WORD,     /* char *: one of `words` */
	CONF_ENUM,     /* an enum: index of the word in `words` */
	CONF_FLAGS,    /* consecutive bools, one per word; list in the file */
	CONF_BOOL,     /* bool: yes | no (also true, on; false, off) */
	CONF_INT,      /* int64_t */
	CONF_DURATION, /* int64_t, milliseconds */
	CONF_SIZE,     /* int64_t, bytes */
	CONF_DATE,     /* int64_t: the day's last ms in Japan; 0 = none */
	CONF_MODE,     /* mode_t, octal */
	CONF_NAMES,    /* struct conf_list of names; list in the file */
	CONF_TEXTS     /* struct conf_list of CONF_TEXT; list in the file */
};

struct conf_setting {
	const char *section; /* "spool", "drop", … */
	const char *name;
	enum conf_type type;
	const char *fallback; /* as typed in the file; lists: blank-separated */
	const char *example;  /* for the commented example; NULL = fallback */
	int64_t min, max;     /* INT, DURATION, SIZE, MODE; DIGITS, HEX: max */
	const char *const *words; /* WORD, ENUM, FLAGS: NULL-terminated */
	size_t offset;            /* into struct conf, conf_drop or conf_key */
	const char *help;         /* one or two sentences, N_() */
};

struct conf_section {
	const char *name;
	const char *example; /* title in the example; NULL = takes no title */
	const char *help;    /* N_() */
};

/* Both end with an entry whose name is NULL; settings of one section are
 * adjacent and in the sections' order. */
extern const struct conf_setting conf_settings[];
extern const struct conf_section conf_sections[];

const struct conf_setting *conf_setting_find(
    const char *section, const char *name);

/*
 * Reads one value as typed in a file into the field at base + offset (lists
 * get it appended, flags get it raised).  `dir` is the absolute folder that
 * relative paths start from.  0; -1 with the reason in `why`: class of the
 * fault is always the configuration's.
 */
int conf_value_set(const struct conf_setting *s, void *base, const char *text,
    const char *dir, char why[120]);

/* Lists and flags become empty; other fields stay. */
void conf_value_clear(const struct conf_setting *s, void *base);
/* Frees what the field owns. */
void conf_value_free(const struct conf_setting *s, void *base);

/* True for lists: a value may be given several times. */
bool conf_is_list(const struct conf_setting *s);

/* A number as it is typed for this setting: "3s", "20MB", "0027". */
char *conf_value_text(
    const struct conf_setting *s, int64_t v, char *out, size_t size);

#endif
