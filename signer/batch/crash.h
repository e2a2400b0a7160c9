/* Which job was worked on when the program crashed. */
#ifndef SIGNER_BATCH_CRASH_H
#define SIGNER_BATCH_CRASH_H

#include "base/err.h"

#include <stdint.h>

/*
 * Opens state/crash and takes what an earlier crash left there: *job gets
 * the job's id, 0 when the program ended in any other way (a kill, a power
 * cut or a full disk is never a filing's fault).  Installs handlers that
 * write the id on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT and then let
 * the signal take its course.  0 / -1.
 */
int crash_watch(int state_dir, int64_t *job, struct err *e);

/* From now on a crash is this job's (0: nobody's). */
void crash_blame(int64_t job);

/* Closes the file; handlers are taken back. */
void crash_end(void);

#endif
