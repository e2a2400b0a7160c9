/* Is a document there to its end? */
#ifndef SIGNER_EXAM_WHOLE_H
#define SIGNER_EXAM_WHOLE_H

#include "signer/exam/format.h"

/*
 * For a drop that is one XML file and may still be growing: -1 with
 * ERR_TRANSIENT_IO "xml-truncated" when it ends too early; 0 when it is whole,
 * and also when something else is wrong with it, which examining it tells.
 */
int whole_document(const struct drop *d, struct err *e);

#endif
