/* After a crash: where each drop really is, and what belongs to no job. */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "spool/claim.h"
#include "spool/spool.h"

enum spool_place {
	SPOOL_IN_WORK, /* the original is in work/ */
	SPOOL_IN_DROP, /* it (or something of its name) is still in in/ */
	SPOOL_NOWHERE  /* neither: done, failed, returned or taken away */
};

/*
 * For jobs that are not final (those repeat spool_done or spool_fail): ends
 * an interrupted take or return and says where the original is.  Rules
 * (DESIGN-spool "Recovery"): IN_WORK: half a copy is removed, a second name
 * in in/ of the same file is removed; `*copy_good` tells whether the private
 * copy is there and is what `copy` (may be NULL: unknown) says; if not,
 * spool_copy_again.  IN_DROP: everything of the job in work/ is removed; the
 * job is "returned" and the drop found again as any other.
 */
int spool_recover(struct spool *s, const struct spool_job *j,
    const struct spool_copy *copy, enum spool_place *place, bool *copy_good,
    struct err *e);

/* Ids of jobs that have anything in work/, or a leftover in a drop folder;
 * to be compared with the queue.  Freed by spool_ids_free. */
struct spool_ids {
	char (*id)[SPOOL_ID_MAX];
	size_t count;
};
int spool_list_work(struct spool *s, struct spool_ids *ids, struct err *e);
void spool_ids_free(struct spool_ids *ids);

/*
 * For an id that the queue does not know (a lost or restored database): an
 * original goes to failed/unknown/<id>/<name> with `reason` beside it (one
 * that is still hidden in a drop folder gets its name back), or the private
 * copy where there is no original; then outputs and copies are removed.
 * Nothing is deleted that could be an original, and nothing at all of an id
 * that has neither.
 */
int spool_rescue(
    struct spool *s, const char *id, struct slice reason, struct err *e);

/* The same for an id whose job is final and cleaned: normally only copies
 * are left, but an original is an original. */
int spool_sweep(
    struct spool *s, const char *id, struct slice reason, struct err *e);

#endif
