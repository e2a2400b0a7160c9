/* A name as characters that compare; for the files of signer/cert/name*. */
#ifndef SIGNER_CERT_NAME_PARTS_H
#define SIGNER_CERT_NAME_PARTS_H

#include "signer/cert/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_CHARS 256
#define NAME_READINGS 3

struct name_char {
	uint32_t cp;     /* as it is compared */
	uint32_t was;    /* before variants were made one */
	bool gap;        /* a space, a title or a firm's form stood before it */
	bool titled;     /* a title stood before it */
	bool formed;     /* a firm's form stood before it */
	bool substitute; /* stands for another character */
};

struct name_chars {
	struct name_char c[NAME_CHARS];
	unsigned n;
	bool cut; /* there was more */
};

/* One way to read a name: who is meant, without form, titles and marks. */
struct name_reading {
	struct name_chars core;
	const char *form; /* "株式会社", or NULL: no firm */
	bool form_behind; /* 後株 */
	bool office;      /* …事務所 at its end */
	const char *left; /* a title or an office that was left out */
	bool form_short;  /* written as "(株)" */
	bool bracket;     /* without what is in brackets */
	bool other;       /* with a name that is in brackets */
};

/* Width, compatibility forms, case, spaces, variation selectors: what makes
 * no difference at all.  NFKC, one piece after the other, so that flags stay
 * with their characters. */
void name_fold(const struct name_text *in, struct name_chars *out);

/* Is there a letter or an ideograph?  A number is no name. */
bool name_is_name(const struct name_chars *c);

/* How it may be read; the first one is without anything in brackets.
 * Returns how many there are. */
unsigned name_read(
    const struct name_chars *folded, struct name_reading out[NAME_READINGS]);

/* The tables (name_table.c).  The usual form of a character that has several;
 * the character itself where there is none. */
uint32_t name_same_character(uint32_t cp);
/* The same for characters that are others, but often taken for each other. */
uint32_t name_like_character(uint32_t cp);

/* The longest word of a kind at a place: its number of characters, or 0. */
enum name_words {
	NAME_FORMS,     /* 株式会社; *word is the full form of "(株)" */
	NAME_TITLES,    /* 税理士, 代表取締役 */
	NAME_OFFICES,   /* 税理士事務所, 商店: after a person's name */
	NAME_BRANCHES,  /* 支店, 会計: in no person's name */
	NAME_HONORIFICS /* 様 */
};
unsigned name_word_at(enum name_words kind, const struct name_chars *c,
    unsigned at, const char **word);
/* The same at the end of the first n characters. */
unsigned name_word_before(enum name_words kind, const struct name_chars *c,
    unsigned n, const char **word);

#endif
