/* A schema bundle: all XSD files of one (procedure, version) in one file. */
#ifndef SCHEMAS_BUNDLE_H
#define SCHEMAS_BUNDLE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define BUNDLE_NAME_MAX 24                 /* procedure, version; with NUL */
#define BUNDLE_PATH_MAX 128                /* member name; with NUL */
#define BUNDLE_FILES_MAX 512               /* members */
#define BUNDLE_SIZE_MAX (16 * 1024 * 1024) /* bytes of the whole file */
#define BUNDLE_SHA256 65                   /* hex text with NUL */

/*
 * The format, version 1 (docs/DESIGN-schemas.md): lines of ASCII text, each
 * ended by LF, then the members' bytes one after the other.
 *
 *	natsuin-schema-bundle 1
 *	procedure RSH0010
 *	version 23.2.0
 *	root shohi/RSH0010-232.xsd
 *	files 37
 *	48213 general/General.xsd          (size, name; by name, ascending)
 *	…
 *	(an empty line)
 *
 * The same content gives the same bytes.  The SHA-256 of the file is the
 * schema version that reports show.
 */
struct bundle_file {
	const char *name;   /* relative, '/' between folders, no ".." */
	struct slice bytes; /* borrowed from the bundle */
};

struct bundle {
	char procedure[BUNDLE_NAME_MAX];
	char version[BUNDLE_NAME_MAX];
	char sha256[BUNDLE_SHA256];
	size_t root; /* index into files */
	struct bundle_file *files;
	size_t count;
	struct buf bytes; /* the whole file; owned */
	char *names;      /* owned */
};

/* Letters, digits, '.', '_'; not beginning with '.'; shorter than
 * BUNDLE_NAME_MAX: fit for a procedure or a version. */
bool bundle_name_ok(const char *name);
/* A relative member name of such components, which may also have '-'. */
bool bundle_path_ok(const char *path);

/*
 * Reads a bundle through its descriptor alone, from its start.  0; -1 with
 * ERR_CONFIG "schema-bundle-bad" (what is wrong in the detail), or an I/O
 * class.  *b is filled only on success; free it with bundle_free.
 */
int bundle_read(int fd, struct bundle *b, struct err *e);
/* As bundle_read, from bytes (copied). */
int bundle_parse(struct slice bytes, struct bundle *b, struct err *e);
void bundle_free(struct bundle *b); /* {0} is accepted */

/* The member with this name; NULL when there is none. */
const struct bundle_file *bundle_find(const struct bundle *b, const char *name);

/*
 * Writes a bundle.  `files` may be in any order and is sorted by name;
 * names must be unique; `root` is one of them.  0; -1 ERR_INPUT
 * "schema-bundle-bad" where a bound is exceeded.
 */
int bundle_write(const char *procedure, const char *version, const char *root,
    struct bundle_file *files, size_t count, struct buf *out, struct err *e);

#endif
