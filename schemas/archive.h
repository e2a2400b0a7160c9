/* Named pieces of bytes, handed between a process and its parsing child. */
#ifndef SCHEMAS_ARCHIVE_H
#define SCHEMAS_ARCHIVE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_NAME_MAX 1024
#define ARCHIVE_FILES_MAX 20000
#define ARCHIVE_SIZE_MAX (INT64_C(512) * 1024 * 1024) /* all bytes together */

/* Names are data: they are never opened. */
struct archive_file {
	char *name;
	struct buf bytes;
};

/* Starts as {0}. */
struct archive {
	struct archive_file *files;
	size_t count;
	uint64_t total;
};

/* Copies a piece; 0; -1 ERR_INPUT "schema-import-too-large", no memory. */
int archive_add(
    struct archive *a, const char *name, struct slice bytes, struct err *e);

/* Adds the .xsd files of a ZIP archive (its bytes).  Names of any encoding
 * are kept as they are.  -1: ERR_INPUT "schema-import-zip". */
int archive_add_zip(struct archive *a, struct slice zip, struct err *e);

/* Writes all pieces to a descriptor (an empty memfd); reads them back from
 * its start, trusting nothing ("schema-import-answer", ERR_BUG). */
int archive_write(const struct archive *a, int fd, struct err *e);
int archive_read(struct archive *a, int fd, struct err *e);

void archive_free(struct archive *a);

#endif
