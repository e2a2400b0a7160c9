/* A certificate and its verdict, as a person or a program reads it. */
#ifndef SIGNER_CLI_CERTVIEW_H
#define SIGNER_CLI_CERTVIEW_H

#include "signer/cert/check.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* What the JPKI client software shows, and the verdict with what to do; in
 * the language in use.  The holder's name always; date of birth, sex and
 * address only with `personal`. */
void certview_text(FILE *f, const struct cert_verdict *v, bool personal);

/* The same as an object; NULL when memory is out. */
json_t *certview_json(const struct cert_verdict *v, bool personal);

/* "label            value", the label in a column of its own (two columns
 * per wide character). */
void certview_row(FILE *f, const char *label, const char *value);

/* What is known of its revocation, in words; until the next call. */
const char *certview_revocation(const struct cert_verdict *v);

/* The anchors of the configuration (NULL: none named); 0 / -1. */
int certview_anchors(
    const struct conf *c, struct cert_anchors **out, struct err *e);

#endif
