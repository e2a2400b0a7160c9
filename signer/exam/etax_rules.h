/* e-Tax's checks beyond the schema. */
#ifndef SIGNER_EXAM_ETAX_RULES_H
#define SIGNER_EXAM_ETAX_RULES_H

#include "signer/exam/etax_read.h"

/*
 * After etax_read and, with a schema, its verdict (valid = it ran and found
 * nothing).  The table at the top of etax_rules.c has a row with its source
 * per check; a broken row is -1 ERR_INPUT with the row's code, or a warning
 * of that code in the findings.  0 / -1.
 */
int etax_rules(struct etax *x, bool valid, struct err *e);

/* The period of the filing from what was read: "5070101-5071231", or "". */
void etax_period(const struct etax *x, char *out, size_t size);

#endif
