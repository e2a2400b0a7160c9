/* Ways out of work/: delivered and done, or failed. */
#ifndef SPOOL_PUBLISH_H
#define SPOOL_PUBLISH_H

#include "spool/spool.h"

/* Everything here may be repeated after a crash at any point and then ends
 * in the same state; places are relative to the spool root, or absolute. */

/*
 * Delivers the job's output by its drop's `deliver` template ({batch} {path}
 * {name} {drop} {date}; a template without {path} and {name} is a folder and
 * gets /{path}) where {path} is `output_path` (the format's name for the
 * drop's path).  Never overwrites: the next free of "name", "name (2)", … is
 * taken.  Delivered exactly once even when the receiver takes the file away
 * at once; then `place` is the name by rule.  Call spool_sync before the
 * queue says "published".  `sha256` is the output's.
 * -1: "deliver-missing" (transient-io: a fixed folder is not there),
 * "deliver-template" (config), "output-missing" (bug: neither here nor
 * delivered; build it again).
 */
int spool_publish(struct spool *s, const struct spool_job *j,
    const char *output_path, const uint8_t sha256[FS_SHA256_SIZE],
    int64_t now_ms, char place[SPOOL_PATH_MAX], struct err *e);

/* After "published" is committed: the original goes to done/<batch>/<path>,
 * the job's files in work/ are removed. */
int spool_done(struct spool *s, const struct spool_job *j,
    char place[SPOOL_PATH_MAX], struct err *e);

/* After "failed" or "discarded" is committed: the original goes to
 * failed/<batch>/<path>, with `reason` beside it as <name>.reason.txt. */
int spool_fail(struct spool *s, const struct spool_job *j, struct slice reason,
    char place[SPOOL_PATH_MAX], struct err *e);

/* A failed drop (its `place` from spool_fail) back into its drop folder,
 * to be found as a new one; removes its reason file.  The new place, from
 * the drop folder, goes to `path`. */
int spool_retry(struct spool *s, const struct spool_job *j, const char *place,
    char path[SPOOL_PATH_MAX], struct err *e);

/* Checks a deliver template: 0 / -1 "deliver-template" (config). */
int spool_check_template(const char *deliver, struct err *e);

#endif
