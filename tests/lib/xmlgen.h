/* Random namespace-well-formed documents full of canonicalisation traps. */
#ifndef TESTS_LIB_XMLGEN_H
#define TESTS_LIB_XMLGEN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct xmlgen_options {
	bool apex_is_root; /* the element "S" is the document element */
	bool bare;         /* nothing before or after the document element */
	bool no_comments;  /* for xmllint, which keeps them */
	bool flat_apex;    /* "S" is a child of the root, with id="S", and
			    * nothing else has an attribute id */
	size_t long_text;  /* bytes of one text node somewhere in S; 0 none */
	unsigned kind;     /* of it: 0 plain, 1 "a&amp;", 2 CRLF, 3 kanji,
			    * 4 base64, 5 CDATA with CRLF */
};

/* The same seed and options give the same bytes.  There is exactly one
 * element with the local name "S".  Ends the program when memory is out. */
void xmlgen_document(
    struct buf *out, uint64_t seed, const struct xmlgen_options *o);

/* The next number of a generator; its state is not zero. */
uint64_t xmlgen_random(uint64_t *state);

#endif
