/* libxml2's words on an invalid document, made fit for logs and reports. */
#ifndef SCHEMAS_PROBLEM_H
#define SCHEMAS_PROBLEM_H

#include <libxml/xmlerror.h>
#include <stddef.h>

/* One line: namespaces in braces dropped, controls to blanks, cut at a whole
 * character.  NULL is "".  Returns out. */
char *problem_line(char *out, size_t size, const char *message);

/*
 * A validation error as "line N: ELEMENT: what" or "line N: ELEMENT/@ATTR:
 * what".  Names and what the schema asks for are kept; a value out of the
 * document never is.  Returns out.
 */
char *problem_text(char *out, size_t size, unsigned line, const xmlError *x);

#endif
