/* Whose turn it is on a processor: a card that waits costs more than a
 * computation that does. */
#ifndef BASE_TURN_H
#define BASE_TURN_H

enum turn {
	TURN_CARD,    /* speaks to a card: at once, never for long */
	TURN_LOOP,    /* gives cards their work: soon */
	TURN_COMPUTES /* interrupts nobody (SCHED_BATCH, sched(7)) */
};

/*
 * For this process and what it starts from now on.  Every process keeps its
 * fair share of the processor; only who interrupts whom changes.  Needs no
 * privilege.  Where the kernel does not know it (time slices by request:
 * Linux 6.12, sched_setattr(2)), or the operator has chosen a policy of
 * their own, it does less or nothing.
 */
void turn_take(enum turn turn);

#endif
