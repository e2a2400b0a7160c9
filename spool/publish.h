/* Ways out of work/: delivered and done, or failed. */
#ifndef SPOOL_PUBLISH_H
#define SPOOL_PUBLISH_H

#include "spool/spool.h"

/* Everything here may be repeated after a crash at any point and then ends
 * in the same state; places are relative to the spool root, or absolute. */

/*
 * Delivers the job's output by its drop's `deliver` template: {path} is
 * `output_path` (the format's name for the drop's path), {name} its last
 * part, {batch}, {drop}, {date} (yyyymmdd of the batch); a template without
 * {path} and {name} is a folder and gets /{path}.  Never overwrites: the
 * next free of "name.xtx", "name (2).xtx", … is taken.  Call spool_sync
 * before the queue says "published".
 *
 * Exactly once after a crash, with `again` (the job was taken up from before
 * this program started): an output with the same bytes under one of its names
 * is this one (signed output; no two have the same Signature Id), so a job
 * that was taken up from an earlier state and built again is not delivered
 * twice.  And when the job was "verified" and its output is no longer in
 * work/, it has been delivered, even if the receiver has fetched it; `place`
 * is then the name by rule.  Publish such a job without building it again:
 * only then a fetched output is not delivered a second time.  This needs a
 * spool_sync between spool_create_output and the commit of "verified".
 *
 * -1: "deliver-missing" (transient-io: a fixed folder is not there),
 * "deliver-template" (config), "drop-not-configured" (config),
 * "output-missing" (bug: not in work/, and not `again`).
 */
int spool_publish(struct spool *s, const struct spool_job *j,
    const char *output_path, const uint8_t sha256[FS_SHA256_SIZE], bool again,
    char place[SPOOL_PATH_MAX], struct err *e);

/* True when the job's output is in work/ and its delivery has not begun:
 * only then may it be built and delivered anew after a crash. */
bool spool_output_waits(struct spool *s, const struct spool_job *j);

/* After "published" is committed: the original goes to done/<batch>/<path>,
 * the job's files in work/ are removed. */
int spool_done(struct spool *s, const struct spool_job *j,
    char place[SPOOL_PATH_MAX], struct err *e);

/* After "failed" or "discarded" is committed: the original goes to
 * failed/<batch>/<path>, with `reason` beside it as <name>.reason.txt; the
 * same text each time it is repeated, and another for each job (put the
 * job's id into it). */
int spool_fail(struct spool *s, const struct spool_job *j, struct slice reason,
    char place[SPOOL_PATH_MAX], struct err *e);

/* A failed drop (its `place` from spool_fail) back into its drop folder,
 * to be found as a new one; removes its reason file.  The new place, from
 * the drop folder, goes to `path`. */
int spool_retry(struct spool *s, const struct spool_job *j, const char *place,
    char path[SPOOL_PATH_MAX], struct err *e);

#endif
