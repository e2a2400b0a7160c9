/*
 * The table from error class to action, row by row as DESIGN-batch has it:
 * what it must never do is lose a filing for something that is not its fault.
 */
#include "signer/batch/internal.h"
#include "tests/lib/suite.h"

static struct decision of(enum err_class class)
{
	struct err e = {.class = class};

	return decide(&e);
}

/* Only what the filing itself has done makes it fail. */
static void
only_input_fails(void)
{
	for (int i = 0; i < ERR_CLASS_MAX; i++) {
		struct decision d = of((enum err_class)i);

		CU_ASSERT((d.job == JOB_FAILS) == (i == ERR_INPUT));
	}
}

static void
only_transient_is_tried_again(void)
{
	for (int i = 0; i < ERR_CLASS_MAX; i++) {
		struct decision d = of((enum err_class)i);

		CU_ASSERT(
		    (d.job == JOB_TRIES_AGAIN) == (i == ERR_TRANSIENT_IO));
	}
}

static void
keys_stop_for_their_own_faults(void)
{
	for (int i = 0; i < ERR_CLASS_MAX; i++) {
		bool own =
		    i == ERR_CERTIFICATE || i == ERR_PIN || i == ERR_CARD;

		CU_ASSERT(of((enum err_class)i).stops_key == own);
	}
}

static void
only_the_disk_stops_the_program(void)
{
	for (int i = 0; i < ERR_CLASS_MAX; i++)
		CU_ASSERT(
		    of((enum err_class)i).stops_program == (i == ERR_FATAL_IO));
}

/* A class that came over a socket may be any number. */
static void
unknown_class_is_a_bug_and_held(void)
{
	CU_ASSERT(of((enum err_class)99).job == JOB_IS_HELD);
	CU_ASSERT(of((enum err_class) - 1).job == JOB_IS_HELD);
	CU_ASSERT(!of((enum err_class)99).stops_program);
}

SUITE_MAIN("batch/decide", CASE(only_input_fails),
    CASE(only_transient_is_tried_again), CASE(keys_stop_for_their_own_faults),
    CASE(only_the_disk_stops_the_program),
    CASE(unknown_class_is_a_bug_and_held))
