/* What an element inherits: namespaces in scope and xml:* attributes. */
#ifndef SIGNER_EXAM_SCOPE_H
#define SIGNER_EXAM_SCOPE_H

#include "signer/exam/element.h"

struct scope_name {
	const char *prefix; /* "" = the default namespace */
	const char *uri;    /* "" = undeclared (xmlns="") */
	unsigned depth;     /* of the declaring element */
};

struct scope_attribute {
	char *local; /* "lang" of xml:lang */
	struct buf value;
	unsigned depth;
};

/*
 * A stack that follows the open elements.  Start as {0}, end with
 * scope_free.  `owned` is set in copies only: they hold their own strings.
 */
struct scope {
	struct scope_name *names;
	size_t count, cap;
	struct scope_attribute *attributes;
	size_t attribute_count, attribute_cap;
	struct buf owned;
};

/* Adds what this start tag declares; its strings must outlive the scope (the
 * values of xml:* attributes are copied).  0 / -1 when memory is out. */
int scope_push(struct scope *s, const struct element *el);
/* Adds one declaration at `depth`; 0 / -1. */
int scope_declare(
    struct scope *s, const char *prefix, const char *uri, unsigned depth);
/* Drops what elements at `depth` and below declared. */
void scope_pop(struct scope *s, unsigned depth);

/* The URI that `prefix` ("" = default) has for an element whose own
 * declarations have a depth below `before`; "" when none. */
const char *scope_find(
    const struct scope *s, const char *prefix, unsigned before);

/* A copy that holds only what is in effect, all at depth 0.  0 / -1. */
int scope_copy(struct scope *to, const struct scope *from);

void scope_free(struct scope *s);

#endif
