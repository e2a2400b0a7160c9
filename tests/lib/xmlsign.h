/* Signatures made by another implementation: xmlsec1's library. */
#ifndef TESTS_LIB_XMLSIGN_H
#define TESTS_LIB_XMLSIGN_H

#include "base/buf.h"

/*
 * Fills the empty DigestValue, SignatureValue and X509Data of the first
 * Signature template in `xml` that has an empty SignatureValue, with the key
 * of keylab, or of certlab's P-384 one where its SignatureMethod is an ECDSA
 * one, and appends the result to `out`.  IDs: the attribute `id` of the
 * first element `element` (any namespace) is registered as `value` (what the
 * Reference says after '#').  File References are read from the suite's
 * directory.  Runs in a child, because xmlsec's settings are global; any
 * failure ends the program.
 */
void xmlsign(struct buf *out, const char *xml, const char *element,
    const char *id, const char *value);

/* `text` with the first `from` replaced by `to`, appended to out; ends the
 * program when there is none. */
void xmlsign_edit(
    struct buf *out, const char *text, const char *from, const char *to);

#endif
