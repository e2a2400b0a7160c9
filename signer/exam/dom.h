/* A document as a tree, for the referee only. */
#ifndef SIGNER_EXAM_DOM_H
#define SIGNER_EXAM_DOM_H

#include "base/err.h"
#include "signer/exam/verify.h"

#include <libxml/tree.h>
#include <stdbool.h>

/*
 * Parses a whole document: no DOCTYPE, no entities but the five, no network,
 * within `limits` (size: full_verify_max).  NULL with ERR_INPUT
 * "verify-too-large", "xml-malformed" (detail: line), "doctype-forbidden",
 * "limit-depth", "limit-attributes"; or reading's own error.
 */
xmlDocPtr dom_read(const struct verify_input *in,
    const struct exam_limits *limits, struct err *e);

/* The next node in document order within `top`, NULL at its end. */
xmlNodePtr dom_next(const xmlNode *n, const xmlNode *top);

/* Element with this local name and namespace ("" or NULL: none). */
bool dom_is(const xmlNode *n, const char *ns, const char *name);

xmlNodePtr dom_first_child(const xmlNode *parent); /* elements only */
xmlNodePtr dom_next_sibling(const xmlNode *n);

/* The attribute without a namespace, or NULL. */
xmlAttrPtr dom_attribute(const xmlNode *element, const char *name);
/* Copies its value ("" when absent or NULL); -1 when it does not fit. */
int dom_attribute_text(
    const xmlNode *element, const char *name, char *out, size_t size);

/* How many elements have an id, ID, Id or xml:id of this value, and the first
 * two such attributes (NULL where there are fewer).  Counts at most to 2. */
unsigned dom_count_id(
    xmlDocPtr doc, const char *value, xmlAttrPtr first_two[2]);

/* "/DATA/RSH0010/CONTENTS[2]": for people.  A long one loses its beginning. */
void dom_path(const xmlNode *element, char *out, size_t size);

#endif
