/* Exit codes of commands, for scripts and cron. */
#ifndef SIGNER_EXIT_H
#define SIGNER_EXIT_H

/* DESIGN 8; the numbers are those of sysexits.h where it has one. */
enum {
	EXIT_ALL_DONE = 0,
	EXIT_SOME_FAILED = 3,
	EXIT_ALL_FAILED = 4,
	EXIT_WRONG_USAGE = 64,
	EXIT_NO_CARD = 69,
	EXIT_INTERNAL = 70,
	EXIT_TRY_LATER = 75,
	EXIT_PIN_NEEDED = 77,
	EXIT_BAD_CONFIG = 78
};

#endif
