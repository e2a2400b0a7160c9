/* Times as an operator types them. */
#ifndef SIGNER_CLI_MOMENT_H
#define SIGNER_CLI_MOMENT_H

#include "base/err.h"

#include <stdint.h>

/*
 * "2026-03-15" (its last second, Japanese time: what was issued, revoked or
 * expired in the course of the day counts), or with a time of day
 * "2026-03-15T12:00[:30[.5]][+09:00|Z]", a space in place of T; without an
 * offset Japanese time.  Years 1970 to 9999, in ms UTC.  0; -1 ERR_CONFIG
 * "time-unreadable" naming the text.
 */
int cli_moment(const char *text, int64_t *ms, struct err *e);

#endif
