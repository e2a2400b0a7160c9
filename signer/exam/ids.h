/* The ID/IDREF table of one document. */
#ifndef SIGNER_EXAM_IDS_H
#define SIGNER_EXAM_IDS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start as {0}, end with ids_free.  Memory: the distinct names plus about 32
 * bytes each. */
struct ids {
	struct ids_entry *entries; /* open addressing, a power of two */
	size_t size, count;
	struct buf names;
	uint64_t seed; /* so that nobody can choose colliding names */
};

/*
 * White space around a value is not part of it (xs:ID collapses it).
 * 0; 1 when this ID was there before (*first_line tells where);
 * -1 when memory is out.
 */
int ids_define(
    struct ids *t, struct slice value, unsigned line, unsigned *first_line);

/* Notes a reference, before or after its ID comes; 0 / -1 as above. */
int ids_refer(struct ids *t, struct slice value, unsigned line);

/* True when an ID of that name was defined. */
bool ids_defined(const struct ids *t, const char *name);

/* A reference without ID: false when there is none; else its name (borrowed)
 * and the line where it is, the first in the document. */
bool ids_dangling(const struct ids *t, struct slice *name, unsigned *line);

/* Distinct names, defined or referred to. */
size_t ids_count(const struct ids *t);

/* The next defined ID that starts with `prefix`, from position *at (0 at
 * first); false at the end. */
bool ids_next(
    const struct ids *t, const char *prefix, size_t *at, struct slice *name);

void ids_free(struct ids *t);

#endif
