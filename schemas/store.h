/* The folder of schema bundles: <procedure>-<version>.bundle. */
#ifndef SCHEMAS_STORE_H
#define SCHEMAS_STORE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

struct schema_store;

/* Opens the folder; it need not exist yet (then it is empty).  NULL with an
 * I/O class or ERR_CONFIG "schema-store" when it is there and unreadable. */
struct schema_store *schema_store_open(const char *path, struct err *e);
void schema_store_close(struct schema_store *s); /* NULL is accepted */

/*
 * The bundle of (procedure, version): its descriptor (the caller closes it)
 * and SHA-256 in hex, computed once per file and kept until it changes.
 * -1: ERR_INPUT "schema-missing" with errnum ENOENT where there is none (also
 * for names that no bundle can have: both come from the filing), or an I/O
 * class.
 */
int schema_store_find(struct schema_store *s, const char *procedure,
    const char *version, char sha256[65], struct err *e);

struct schema_entry {
	char procedure[24];
	char version[24];
	char sha256[65];
	uint64_t size;
};

/* All bundles, by procedure and version; *out is freed by the caller.
 * Files that only look like bundles are listed too: reading one tells. */
int schema_store_list(struct schema_store *s, struct schema_entry **out,
    size_t *count, struct err *e);

/* Stores a bundle's bytes under its name, durably, making the folder when it
 * is missing.  0 = the same bytes were there, 1 = new, 2 = replaced, -1. */
int schema_store_put(struct schema_store *s, const char *procedure,
    const char *version, struct slice bytes, struct err *e);

#endif
