/* A start or end tag as the pass hands it on: libxml2's SAX2 values. */
#ifndef SIGNER_EXAM_ELEMENT_H
#define SIGNER_EXAM_ELEMENT_H

#include "base/buf.h"

#include <libxml/xmlstring.h>
#include <stdbool.h>
#include <stddef.h>

#define ELEMENT_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define ELEMENT_XML "http://www.w3.org/XML/1998/namespace"

/*
 * Borrowed for the length of a callback.  Names, prefixes and namespace URIs
 * live as long as the pass; attribute values do not.  At an end tag
 * the namespaces and attributes are absent (counts 0).
 */
struct element {
	const char *local;  /* never NULL */
	const char *prefix; /* NULL: none */
	const char *uri;    /* NULL: no namespace */
	unsigned depth;     /* the document element has 1 */
	unsigned nth;       /* 1-based among its parent's child elements */
	size_t namespace_count;
	const xmlChar **namespaces; /* (prefix or NULL, URI) pairs */
	size_t attribute_count;
	const xmlChar **attributes; /* (local, prefix, URI, value, end) */
};

/* One attribute of it, by position. */
struct attribute {
	const char *local;
	const char *prefix; /* NULL: none */
	const char *uri;    /* NULL: no namespace */
	struct slice value; /* after attribute-value normalisation */
};

struct attribute element_attribute_at(const struct element *el, size_t i);

/* The value of the attribute without namespace of that name; false when the
 * element has none. */
bool element_attribute(
    const struct element *el, const char *local, struct slice *value);

/* True for this expanded name (uri NULL: no namespace). */
bool element_is(const struct element *el, const char *uri, const char *local);

/* Copies text for a report: white space at both ends removed, cut at a
 * character boundary where it does not fit, up to a NUL. */
void element_copy_text(char *out, size_t size, struct slice text);

#endif
