/* Verifying an e-Tax document that was signed, by us or by others. */
#ifndef SIGNER_EXAM_ETAX_VERIFY_H
#define SIGNER_EXAM_ETAX_VERIFY_H

#include "signer/exam/etax_work.h"
#include "signer/exam/verify.h"

/*
 * As submission_format.verify.  Besides: without `input` the schema is
 * checked too, and what it finds is a warning "schema-invalid"; with it,
 * -1 ERR_BUG "output-differs" unless the output is the input with whole
 * Signatures inserted.  A signature that the pass and xmlsec judge
 * differently counts as bad, its problem "signature-verifiers-differ".
 */
int etax_verify(const struct etax_kind *k, const struct verify_profile *profile,
    const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e);

#endif
