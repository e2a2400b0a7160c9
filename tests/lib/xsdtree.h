/* A folder of XSD files as tests need it: in memory, or as one bundle. */
#ifndef TESTS_LIB_XSDTREE_H
#define TESTS_LIB_XSDTREE_H

#include "base/err.h"
#include "schemas/archive.h"
#include "schemas/bundle.h"

/* Adds every .xsd below `path` by its relative name; 0 / -1. */
int xsdtree_read(const char *path, struct archive *a, struct err *e);

/* Imports the folder and gives the bundle of (procedure, version) as an
 * anonymous file; -1 when there is none. */
int xsdtree_bundle(const char *path, const char *procedure, const char *version,
    struct err *e);

/* Our own schemas, schemas/demo in the source tree. */
const char *xsdtree_demo(void);

/* A whole file; 0 / -1. */
int xsdtree_file(const char *path, struct buf *out, struct err *e);

#endif
