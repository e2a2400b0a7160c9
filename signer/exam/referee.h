/* xmlsec1, kept in one file: the second opinion on a signature. */
#ifndef SIGNER_EXAM_REFEREE_H
#define SIGNER_EXAM_REFEREE_H

#include "base/err.h"
#include "signer/exam/dsig.h"
#include "signer/exam/verify.h"

#include <stdbool.h>

/* See verify_init. */
int referee_init(struct err *e);

/*
 * Does SignatureValue fit SignedInfo, canonicalised where it stands
 * (libxml2's C14N 1.0), and the key of this DER certificate (OpenSSL)?
 * 1 yes, 0 no; -1 with s->problem when the certificate or the memory fails.
 */
int referee_value(
    const struct dsig *d, struct slice certificate, struct verify_signature *s);

/*
 * Lets xmlsec verify: sets ok of each reference, and tells what it thinks of
 * the value: 1 good, 0 wrong, -1 with s->problem when it cannot be asked.
 * References whose `member` is set are served from q->members, nothing else
 * is opened; `usable[i]` false keeps reference i from being looked at at all.
 * IDs must have been registered in the document.
 */
int referee_references(const struct verify_request *q, const struct dsig *d,
    struct slice certificate, const bool *usable, struct verify_signature *s);

#endif
