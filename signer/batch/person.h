/* Who has to sign a filing, and is a certificate's holder that person? */
#ifndef SIGNER_BATCH_PERSON_H
#define SIGNER_BATCH_PERSON_H

#include "conf/conf.h"
#include "signer/cert/cert.h"
#include "signer/cert/name.h"
#include "signer/exam/findings.h"

/* "accountant", "taxpayer"; "" where nobody has to. */
const char *person_word(enum conf_signer_must must);

/*
 * Compares the holder with whom the rule wants.  Returns the name in the
 * filing that it came to (borrowed from f); out->why may be "several" too:
 * applications of several people in one drop.
 */
const char *person_judge(const struct findings *f, enum conf_signer_must must,
    const struct cert_holder *h, struct name_result *out);

/* Is a better than b?  The verdict that finds the person comes first, the one
 * that finds another last. */
bool person_is_better(enum name_verdict a, enum name_verdict b);

#endif
