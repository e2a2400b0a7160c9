/* Inclusive Canonical XML 1.0 (without comments) of one element, streamed. */
#ifndef SIGNER_EXAM_C14N_H
#define SIGNER_EXAM_C14N_H

#include "signer/exam/scope.h"

#define C14N_URI "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

/*
 * Source: W3C, Canonical XML 1.0 (15 March 2001), for the document subset
 * that is one element with all its descendants and no comments.  Events come
 * in document order, as a namespace-aware parser without DTD reports them
 * (line ends and attribute values normalised, references expanded).
 */
struct c14n;

/* Where canonical bytes go, in pieces of up to 32 KiB; 0 / -1. */
struct c14n_sink {
	int (*write)(void *ctx, const void *p, size_t n);
	void *ctx;
};

/* NULL when memory is out. */
struct c14n *c14n_new(struct c14n_sink sink);
void c14n_free(struct c14n *c);

/*
 * All return 0, or -1 when memory is out or the sink failed (it stays
 * failed).  `s` already holds the element's own declarations.  The apex gets
 * every namespace in scope and the xml:* attributes of its ancestors.
 */
int c14n_start(
    struct c14n *c, const struct scope *s, const struct element *el, bool apex);
int c14n_end(struct c14n *c, const struct element *el);
int c14n_text(struct c14n *c, struct slice text);
/* data may be NULL. */
int c14n_pi(struct c14n *c, const char *target, const char *data);

/* Hands on what is still buffered; after the apex's end. */
int c14n_flush(struct c14n *c);

#endif
