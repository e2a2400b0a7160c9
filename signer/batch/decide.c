/*
 * From error class to action: the one table.  The class is set where the
 * cause is known; here it only decides who is stopped by it.
 */
#include "signer/batch/internal.h"

static const struct decision decisions[ERR_CLASS_MAX] = {
    [ERR_NONE] = {JOB_IS_HELD, false, false},
    [ERR_INPUT] = {JOB_FAILS, false, false},
    [ERR_CERTIFICATE] = {JOB_IS_HELD, true, false},
    [ERR_PIN] = {JOB_IS_HELD, true, false},
    [ERR_CARD] = {JOB_IS_HELD, true, false},
    [ERR_TRANSIENT_IO] = {JOB_TRIES_AGAIN, false, false},
    [ERR_FATAL_IO] = {JOB_IS_HELD, false, true},
    [ERR_CONFIG] = {JOB_IS_HELD, false, false},
    [ERR_BUG] = {JOB_IS_HELD, false, false},
};

struct decision
decide(const struct err *e)
{
	if ((unsigned)e->class >= ERR_CLASS_MAX)
		return decisions[ERR_BUG];
	return decisions[e->class];
}
