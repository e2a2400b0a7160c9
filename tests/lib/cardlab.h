/* Fresh virtual JPKI cards in reader 0, for tests that judge by a card. */
#ifndef TESTS_LIB_CARDLAB_H
#define TESTS_LIB_CARDLAB_H

#include "tests/lib/cards.h"

#include <stdbool.h>

#define CARDLAB_PIN "ABC123"

/* A fresh copy of a card ("tanaka", "suzuki", "kodomo": a child's, without a
 * signature certificate) in reader 0, settings, faults and counters as at
 * first; false when the case is skipped.  Begins with secret_init. */
bool cardlab_fresh(const char *name);

/* Another memory for the card in the reader, its session and counters going
 * on: `name` with this signature PIN and so many tries left. */
bool cardlab_load(const char *name, const char *pin, int tries);
/* cardlab_fresh, and so many tries left. */
bool cardlab_with_tries(int tries);

/* Whether a counter reaches a value within a moment: power is taken off a
 * card without an answer, so it may be behind. */
bool cardlab_counts(int reader, const char *name, long want);

#endif
