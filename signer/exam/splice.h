/* Output = the input's bytes with others inserted at one offset. */
#ifndef SIGNER_EXAM_SPLICE_H
#define SIGNER_EXAM_SPLICE_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/exam/format.h"

/*
 * Writes in[0, offset), `insert`, in[offset, size) to `out`, from its present
 * position, hashing what it writes.  The byte before the offset must be '>'
 * and the file must have exactly `size` bytes: -1 ERR_BUG "input-changed"
 * otherwise.  Syncs nothing.  0 / -1 (an I/O class).
 */
int splice_write(int in, uint64_t size, uint64_t offset, struct slice insert,
    int out, struct built *b, struct err *e);

/*
 * True in *same when `output` is `input` with output[from, to) taken out;
 * the lengths are compared too.  0 / -1 (an I/O class).
 */
int splice_check(int input, int output, uint64_t from, uint64_t to, bool *same,
    struct err *e);

#endif
