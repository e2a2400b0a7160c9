/* Taking a drop out of in/, its private copy, and its files in work/. */
#ifndef SPOOL_CLAIM_H
#define SPOOL_CLAIM_H

#include "spool/scan.h"
#include "spool/spool.h"

/* What the private copy is. */
struct spool_copy {
	uint64_t size;
	uint8_t sha256[FS_SHA256_SIZE]; /* file: of its bytes; folder: over
					 * the sorted (name, size, SHA-256) */
	int64_t mtime_ms;
};

/*
 * Takes a found drop out of in/ and makes its private copy, hashed as it is
 * read.  The order around it:
 *   queue: job in "claiming", committed
 *   spool_take      (any number of jobs)
 *   spool_sync
 *   queue: "claimed" with the copy's hash, committed
 *   spool_taken     (removes leftovers of drops on other file systems)
 * -1, and the drop is (again) in in/: "drop-changed", "drop-gone",
 * "drop-unreadable" (transient-io: scan again later; the job is returned),
 * "take-denied" (input: reported as a problem from now on; the job is
 * returned).  Other errors are of the disk ("take-unfinished": it could not
 * be put back); spool_recover tells where the drop is then.
 */
int spool_take(struct spool *s, const struct spool_found *f, const char *id,
    struct spool_copy *copy, struct err *e);
int spool_taken(struct spool *s, struct err *e);
/* True for an error of spool_take that left the drop in in/. */
bool spool_take_left(const struct err *e);

/* Makes the private copy anew from the original in work/ (after a crash, or
 * when the copy is not what its hash says); then spool_sync as above. */
int spool_copy_again(struct spool *s, const struct spool_job *j,
    struct spool_copy *copy, struct err *e);

/* True when the original in work/ still has the copy's size and time; a
 * writer that held it open over the claim shows here. */
bool spool_unchanged(
    struct spool *s, const struct spool_job *j, const struct spool_copy *copy);

/* The files of a drop, opened for reading, in byte order of their names. */
struct spool_member {
	char *name; /* in the folder, clean UTF-8; a single file's own name */
	int fd;
	uint64_t size;
};

struct spool_members {
	struct spool_member *member;
	size_t count;
	uint64_t size; /* of all */
};

/* Opens the private copy.  More than `max` members: ERR_INPUT
 * "too-many-members".  m is filled anew; spool_members_close frees it. */
int spool_open_input(struct spool *s, const struct spool_job *j, size_t max,
    struct spool_members *m, struct err *e);
/* Opens what was found but not claimed, for a look at its completeness
 * only; "drop-changed" when it is no longer what was found. */
int spool_open_found(struct spool *s, const struct spool_found *f, size_t max,
    struct spool_members *m, struct err *e);
void spool_members_close(struct spool_members *m);

/* A new, empty file for the job's output (an older one is removed): the
 * descriptor is for writing and reading; whoever writes it fsyncs it. */
int spool_create_output(
    struct spool *s, const struct spool_job *j, struct err *e);
/* The output for reading, by name, as it is on disk; -1 errnum ENOENT. */
int spool_open_output(
    struct spool *s, const struct spool_job *j, struct err *e);

/* Puts a drop that is not to be processed now back into in/ under its name
 * (or "name (2)"), removes its other files.  Idempotent.  The place, from
 * the drop folder, goes to `path` (may be NULL). */
int spool_return(struct spool *s, const struct spool_job *j,
    char path[SPOOL_PATH_MAX], struct err *e);

#endif
