/*
 * A private pcscd with virtual JPKI cards, for unit tests: tests/lib/pcscd.sh
 * behind two pipes.  One per program; it ends with the program, however that
 * ends.
 */
#ifndef TESTS_LIB_CARDS_H
#define TESTS_LIB_CARDS_H

#include <stdbool.h>

/* Starts it with so many readers, once; false (and the case is marked as
 * skipped) when pcscd or the virtual reader is not installed.  PC/SC calls
 * of this program go to it from now on. */
bool cards_start(int readers);
/* Its directory, where card directories live too. */
const char *cards_dir(void);

/* Executes a line with the functions of pcscd.sh; its status. */
int cards_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Sends a control command to the card in a reader; 0, or -1 when the card
 * answered "error" or not at all. */
int cards_ctl(int reader, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One counter of that card ("verify", "sign", …, or a command's INS as "2A");
 * -1 when there is no such counter. */
long cards_count(int reader, const char *name);

#endif
