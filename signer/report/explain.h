/* Every code a person can meet, in words: what happened, what to do. */
#ifndef SIGNER_REPORT_EXPLAIN_H
#define SIGNER_REPORT_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What happened, in the language in use (base/i18n.h), as one or two whole
 * sentences; static text, never NULL.  A code without a row (and "" or NULL)
 * gets a general sentence.
 */
const char *explain_what(const char *code);

/* What the reader should do next; as above. */
const char *explain_todo(const char *code);

/* True when the code has a row of its own. */
bool explain_known(const char *code);

/* The codes one by one, for checks and lists: NULL after the last. */
const char *explain_code(size_t index);

#endif
