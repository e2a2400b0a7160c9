/* ZIP archives over descriptors: read with suspicion, written reproducibly. */
#ifndef SIGNER_EXAM_ZIP_H
#define SIGNER_EXAM_ZIP_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zipin_limits {
	uint64_t total_max;   /* bytes of all members together, unpacked */
	uint32_t members_max; /* entries, folders included */
};

/* One file of an archive; its bytes are a range of the store. */
struct zipin_member {
	char *name; /* UTF-8, safe by zip_name_check, may have '/' */
	uint64_t offset;
	uint64_t size;
};

/* An archive read whole: names, and the bytes in one anonymous file. */
struct zipin {
	int store; /* memfd; -1 while empty */
	struct zipin_member *members;
	size_t count;
};

/* True when the file begins like a ZIP archive (or is an empty one). */
bool zipin_recognise(int fd);

/*
 * Unpacks the archive in `fd` (read by pread) into `z`, in the order of its
 * directory; folder entries are left out.  Refuses, class ERR_INPUT:
 * "zip-damaged" (structure, check sums, sizes that lie), "zip-encrypted",
 * "zip-compression" (neither stored nor deflated), "zip-special-file" (links,
 * devices), "zip-too-many-members", "zip-too-large", "zip-ratio" (a bomb),
 * "zip-duplicate-name", "zip-name-unsafe", "zip-name-encoding",
 * "name-too-long".
 * On success z is freed by zipin_free; on error it is empty.
 */
int zipin_read(
    int fd, const struct zipin_limits *limits, struct zipin *z, struct err *e);
void zipin_free(struct zipin *z);

/* A member's own descriptor, readable from 0: a copy in a new anonymous
 * file, closed by the caller; -1 on error. */
int zipin_member_fd(const struct zipin *z, size_t index, struct err *e);

/* A run of bytes that goes into a member: from a file, or from memory. */
struct zip_piece {
	int fd; /* -1: bytes */
	uint64_t offset;
	uint64_t size;
	const uint8_t *bytes;
};

/*
 * Writing: open, add each member, close.  The same members, bytes and time
 * give the same archive: deflate at one level, no folder entries, no data
 * descriptors, Unix mode 0644, the UTF-8 flag only for names beyond ASCII,
 * every entry dated `when_ms` (Japanese time, even seconds, 1980-2107).
 * libzip takes dates through the process's own time zone, so that should be
 * one without summer time (sandbox_prepare sees to it).
 */
struct zipout;

/* `out` is an empty file, readable and writable; it stays the caller's. */
struct zipout *zipout_open(int out, int64_t when_ms, struct err *e);

/* Adds a member.  The pieces' descriptors and bytes must stay as they are
 * until zipout_close; the array itself is copied. */
int zipout_add(struct zipout *z, const char *name,
    const struct zip_piece *pieces, size_t count, struct err *e);

/* Writes the archive (no fsync) and frees z in any case; 0 / -1. */
int zipout_close(struct zipout *z, struct err *e);
/* Frees without writing; NULL is accepted. */
void zipout_free(struct zipout *z);

#endif
