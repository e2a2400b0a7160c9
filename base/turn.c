/*
 * Scheduling hints.  With one card and two processors the card would
 * otherwise wait about a millisecond for each signature, because whoever is
 * woken by its answer does not interrupt an examiner's slice.
 */
#include "base/turn.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define US UINT64_C(1000)

/* struct sched_attr of the kernel, in its first size: <linux/sched/types.h>
 * and <sched.h> cannot both be included. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime; /* of SCHED_OTHER and SCHED_BATCH: the slice, ns */
	uint64_t deadline;
	uint64_t period;
};

/* One who is woken interrupts only who has asked for longer slices; the
 * kernel's own length is about 1 ms (pcscd has that). */
static const struct {
	uint32_t policy;
	uint64_t slice_ns;
} turns[] = {
    [TURN_CARD] = {SCHED_OTHER, 100 * US},
    [TURN_LOOP] = {SCHED_OTHER, 6000 * US},
    [TURN_COMPUTES] = {SCHED_BATCH, 20000 * US},
};

void
turn_take(enum turn turn)
{
	struct attributes a = {.size = sizeof a};

	if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) != 0 ||
	    (a.policy != SCHED_OTHER && a.policy != SCHED_BATCH))
		return;
	a.policy = turns[turn].policy;
	a.runtime = turns[turn].slice_ns;
	syscall(SYS_sched_setattr, 0, &a, 0);
}
