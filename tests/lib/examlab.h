/* Drops, signers and schemas for tests of the examiner's formats. */
#ifndef TESTS_LIB_EXAMLAB_H
#define TESTS_LIB_EXAMLAB_H

#include "signer/exam/format.h"

#include <openssl/evp.h>

#define EXAMLAB_SIGNERS 3

/* A drop that is one file in memory; end it with examlab_close. */
struct examlab {
	struct member member;
	struct drop drop;
};

void examlab_open(struct examlab *l, const char *name, struct slice bytes);
void examlab_close(struct examlab *l);
/* The file's content, appended. */
void examlab_read(const struct examlab *l, struct buf *out);

/* RSA-2048 keys 0 … EXAMLAB_SIGNERS-1 with self-signed certificates, made
 * once per program; borrowed. */
EVP_PKEY *examlab_key(unsigned i);
struct slice examlab_certificate(unsigned i);
/* rsa-sha256 by key i. */
void examlab_sign(unsigned i, struct slice bytes, struct buf *value);

/* Default limits, schemas of our own (schemas/demo), and the first `signers`
 * keys; their etax_user_id is sixteen times the digit i + 1. */
void examlab_options(struct exam_options *o, unsigned signers);
/* Schemas of another folder, NULL = none; the path is borrowed. */
void examlab_schemas(struct exam_options *o, const char *path);

/*
 * Builds the output with signatures by the keys in `keys` (bits), Ids made
 * from the user id and `n`.  0 / -1.
 */
int examlab_build(const struct submission_format *format,
    const struct examlab *in, const struct findings *f, unsigned keys,
    unsigned n, struct examlab *out, struct err *e);

/* Are there `count` signatures, each valid and over the whole filing? */
bool examlab_all_good(const struct findings *f, size_t count);

/* `text` with the first `from` replaced by `to`, appended to out; ends the
 * program when there is none. */
void examlab_edit(
    struct buf *out, struct slice text, const char *from, const char *to);

#endif
