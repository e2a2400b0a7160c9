/* Streaming schema validation, driven by hand from a SAX pass. */
#ifndef SCHEMAS_VALIDATE_H
#define SCHEMAS_VALIDATE_H

#include "base/buf.h"
#include "base/err.h"

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

/* A compiled bundle. */
struct schema;

/*
 * libxml2 probes names of included files with stat(2) before it asks for
 * their bytes.  They all begin with this, exist nowhere, and a sandbox may
 * refuse them without a word.
 */
#define SCHEMA_URL_PREFIX "natsuin-bundle:/"

/*
 * Compiles the bundle behind `fd` (read from its start, left open).  Opens
 * no file and no socket: includes and imports are served from the bundle
 * and nothing else.  NULL: ERR_CONFIG "schema-bundle-bad" or
 * "schema-compile" (detail: file, line, libxml2's words), or an I/O class.
 */
struct schema *schema_compile(int fd, struct err *e);
struct bundle;
struct schema *schema_compile_bundle(const struct bundle *b, struct err *e);
void schema_free(struct schema *s); /* NULL is accepted */

const char *schema_sha256(const struct schema *s);    /* 64 hex digits */
const char *schema_procedure(const struct schema *s); /* "RSH0010" */
const char *schema_version(const struct schema *s);   /* "23.2.0" */

/* Keeps the last few compiled bundles (compiling takes 30 to 90 ms). */
struct schema_cache;

struct schema_cache *schema_cache_new(size_t max); /* NULL: no memory */
void schema_cache_free(struct schema_cache *c);    /* NULL is accepted */

/* The compiled bundle with this SHA-256, if it is kept; it stays the cache's
 * and is valid until the next schema_cache_add. */
const struct schema *schema_cache_get(
    struct schema_cache *c, const char *sha256);
/* Compiles and keeps it, dropping the one unused for longest.  As
 * schema_compile; the result stays the cache's. */
const struct schema *schema_cache_add(
    struct schema_cache *c, int fd, struct err *e);

/*
 * One document being validated.  Feed it the arguments of libxml2's SAX2
 * callbacks in document order, the document element first:
 *
 *	r = schema_run_new(schema, e);
 *	schema_run_start(r, line, localname, prefix, uri, nb_namespaces,
 *	    namespaces, nb_attributes, attributes);
 *	schema_run_text(r, piece, length);
 *	schema_run_end(r, line, localname, prefix, uri);
 *	valid = schema_run_finish(r, e) == 0;
 *	schema_run_free(r);
 *
 * Element and attribute names, prefixes and namespace URIs are not copied:
 * they must stay where they are until the element has ended (libxml2's
 * parser gives them from its dictionary, which lives as long as the parser).
 * A start may therefore be replayed later from kept arguments, attribute
 * values included.  Attribute values and text are copied; text may come in
 * pieces of any size and is passed on in large ones, because libxml2 is
 * quadratic in the number of pieces.  Comments and processing instructions
 * are not fed.
 */
struct schema_run;

struct schema_run *schema_run_new(const struct schema *s, struct err *e);
void schema_run_free(struct schema_run *r); /* NULL is accepted */

void schema_run_start(struct schema_run *r, unsigned line,
    const xmlChar *localname, const xmlChar *prefix, const xmlChar *uri,
    int nb_namespaces, const xmlChar **namespaces, int nb_attributes,
    const xmlChar **attributes);
void schema_run_text(struct schema_run *r, const void *text, size_t length);
void schema_run_end(struct schema_run *r, unsigned line,
    const xmlChar *localname, const xmlChar *prefix, const xmlChar *uri);

/* True as soon as something was invalid; what follows adds nothing but
 * further problems. */
bool schema_run_invalid(const struct schema_run *r);

/*
 * After the document element's end.  0 = valid.  -1: ERR_INPUT
 * "schema-invalid", detail "line N: ELEMENT: what" of the first problem, the
 * next two as context; never a value out of the filing.  ERR_BUG
 * "schema-run" when the validator itself failed; "out-of-memory".
 */
int schema_run_finish(struct schema_run *r, struct err *e);

#endif
