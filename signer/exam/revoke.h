/* An examiner's part in checking revocation. */
#ifndef SIGNER_EXAM_REVOKE_H
#define SIGNER_EXAM_REVOKE_H

#include "signer/exam/protocol.h"

/* Does an EXAM_REVOKE; fills r->plan, r->revocation, r->which.  0 / -1. */
int exam_revoke(
    const struct exam_request *q, struct exam_reply *r, struct err *e);

#endif
