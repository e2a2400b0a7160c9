/* Who was to sign and who does, in words. */
#ifndef SIGNER_REPORT_PEOPLE_H
#define SIGNER_REPORT_PEOPLE_H

#include "signer/exam/findings.h"

#include <stdbool.h>
#include <stddef.h>

/* As in struct found_people; must NULL: nobody asked. */
struct report_people {
	char *must, *wanted, *holder, *key, *verdict, *why, *how;
	bool refused;
};

#define PEOPLE_TEXT 900

/* "tax accountant", "taxpayer"; in the language in use. */
const char *people_must(const char *must);

/* "the same name, written in another way (髙/高)"; likewise.  Returns out. */
char *people_verdict(const char *verdict, const char *why, const char *how,
    char *out, size_t size);

/* "tax accountant 髙橋一郎, certificate (tanaka) 高橋一郎: the same name, …";
 * likewise. */
char *people_text(const struct found_people *p, char *out, size_t size);

/* The remark that it is worth, or NULL: "signer-differs", "signer-unclear",
 * "signer-name-missing". */
const char *people_code(const struct found_people *p);

#endif
