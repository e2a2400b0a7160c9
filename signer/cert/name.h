/* Is the name on a certificate that of the person who was to sign? */
#ifndef SIGNER_CERT_NAME_H
#define SIGNER_CERT_NAME_H

/*
 * What a comparison says; the better one has the smaller number.  A name
 * that cannot be judged is never called the same, nor different.
 */
enum name_verdict {
	NAME_SAME,      /* but for width, spaces, case and the like */
	NAME_VARIANT,   /* the same by a rule of docs/DESIGN-people.md */
	NAME_UNCLEAR,   /* cannot be compared: a person has to look */
	NAME_DIFFERENT, /* of somebody else */
	NAME_NONE       /* one of them is no name: nothing to compare */
};

/* A name as it was read, UTF-8; `flags` (may be NULL) has "1" for each of its
 * characters that stands for another one (JPKI: 代替文字). */
struct name_text {
	const char *text;
	const char *flags;
};

struct name_result {
	enum name_verdict verdict;
	char why[16]; /* of NAME_UNCLEAR, a word of name_whys; else "" */
	char how[96]; /* where they differ: "髙/高, 濵/浜", or "" */
};

/* Compares two names.  Never fails: bytes that are not UTF-8 count as
 * characters of their own, a name of more than 256 characters is unclear.
 * Which one is a and which b makes no difference but for the order in how. */
void name_compare(const struct name_text *a, const struct name_text *b,
    struct name_result *out);

/* "same", "variant", "unclear", "different", "none"; and back, NAME_NONE for
 * any other word. */
const char *name_verdict_word(enum name_verdict v);
enum name_verdict name_verdict_of(const char *word);

/* The words of `why`, for tables and tests; NULL after the last. */
extern const char *const name_whys[];

#endif
