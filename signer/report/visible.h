/* Foreign text made safe to look at: no controls, no turned direction. */
#ifndef SIGNER_REPORT_VISIBLE_H
#define SIGNER_REPORT_VISIBLE_H

#include "base/buf.h"

/*
 * Takes the next character off `rest` (well-formed UTF-8, not empty) and
 * writes what may be shown for it: itself, a space for a tab or line end,
 * "[U+202E]" for other controls, for marks that change the direction of
 * writing and for characters that cannot be seen.  Returns shown, which
 * holds at most 12 bytes with its NUL.
 */
const char *visible_next(struct slice *rest, char shown[12]);

#endif
