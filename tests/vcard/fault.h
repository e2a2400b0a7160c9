/* Scripted misbehaviour of the card. */
#ifndef TESTS_VCARD_FAULT_H
#define TESTS_VCARD_FAULT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_SW,      /* the command is not done, this status word */
	FAULT_BYTE,    /* not done, an answer of one byte */
	FAULT_HANG,    /* done, answered so many ms late */
	FAULT_SHORT,   /* done, data one byte short */
	FAULT_LONG,    /* done, one byte more */
	FAULT_FLIP,    /* done, one bit of the data inverted */
	FAULT_REMOVE,  /* not done, the card is pulled */
	FAULT_LOSE,    /* done, the card is pulled before the answer */
	FAULT_REINSERT /* not done, pulled and back at once */
};

struct fault {
	enum fault_kind kind;
	int ins;        /* -1 = any command */
	uint32_t after; /* so many matching commands go well first */
	uint32_t times;
	uint32_t value; /* status word or milliseconds */
};

#define FAULTS_MAX 16

struct fault_list {
	struct fault item[FAULTS_MAX];
	unsigned count;
};

/*
 * "sw=6F00 ins=2A after=3 times=2", "byte", "hang=500", "short", "long",
 * "flip", "remove", "lose", "reinsert"; ins any, after 0 and times 1 by
 * default.  0, or -1 when not understood.
 */
int fault_parse(const char *text, struct fault *out);

/* What is to happen to this command; used up once its times are over. */
struct fault fault_take(struct fault_list *l, uint8_t ins);

/* Changes an answer (data and status word) for SHORT, LONG and FLIP. */
void fault_bend(enum fault_kind kind, struct buf *answer);

#endif
