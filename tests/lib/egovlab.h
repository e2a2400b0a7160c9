/* e-Gov applications made for tests, and the whole way to a signed ZIP. */
#ifndef TESTS_LIB_EGOVLAB_H
#define TESTS_LIB_EGOVLAB_H

#include "signer/exam/format.h"

#include <openssl/evp.h>

#define LAB_FILES_MAX 64
#define LAB_NAMES_MAX 8
/* 2026-11-22 18:30:07.5 in Japan */
#define LAB_WHEN INT64_C(1795339807500)

/* A key with its self-signed certificate. */
struct lab_key {
	EVP_PKEY *pkey;
	struct buf certificate;
	uint8_t spki[FINDINGS_SHA256];
};

void lab_key_make(struct lab_key *k, const char *name);
/* From a PKCS#8 file and a PEM certificate; false when they do not load. */
bool lab_key_load(struct lab_key *k, const char *key, const char *certificate);
void lab_key_free(struct lab_key *k);

/* A file to be; size 0 = strlen(text). */
struct lab_file {
	const char *name;
	const char *text;
	size_t size;
};

/* A drop with its own descriptors. */
struct lab_drop {
	struct drop drop;
	struct member members[LAB_FILES_MAX];
};

void lab_folder(struct lab_drop *d, const char *name,
    const struct lab_file *files, size_t count);
/* The same files as an archive (deflated, names as they are). */
void lab_zip(struct lab_drop *d, const char *name, const struct lab_file *files,
    size_t count);
/* An output: one file. */
void lab_output(struct lab_drop *d, int fd);
void lab_drop_free(struct lab_drop *d);

/* What a kousei*.xml says; NULL takes the usual. */
struct lab_kousei {
	const char *style;       /* 様式ID */
	const char *application; /* 申請種別 */
	const char *procedure;   /* 手続ID */
	const char *forms[LAB_NAMES_MAX];
	const char *attachments[LAB_NAMES_MAX];
	const char *root;   /* attributes of DataRoot, with a leading space */
	const char *inside; /* added text in 構成情報 */
	const char *after;  /* text after </構成情報> */
};

/* Its text, to be freed. */
char *lab_kousei(const struct lab_kousei *k);

void lab_options(struct exam_options *o);

/* Signs every part by every key that has not signed it, with Ids from
 * LAB_WHEN on, one second apart, and builds.  0 / -1. */
int lab_sign(const struct drop *d, struct exam_options *o,
    const struct lab_key *keys, size_t count, int out, struct findings *f,
    struct err *e);

/* Appends a whole Signature over this SignedInfo, in the usual form. */
void lab_signature(const struct lab_key *k, struct slice signed_info,
    struct slice canonical, struct buf *out);

/* Two keys for all tests of a program; the first call also makes the
 * referee ready. */
const struct lab_key *lab_keys(void);

/* lab_sign with the first `keys` of them; then the output must verify with
 * `signatures` and be the input but for those.  Failures are CUnit's. */
void lab_sign_and_verify(
    const struct drop *d, size_t keys, size_t signatures, int out);

/* True when every filing signature of f is whole, and there are `count`. */
bool lab_all_good(const struct findings *f, size_t count);

/* The named member of an archive in `fd`, NUL-terminated; false if none. */
bool lab_member(int fd, const char *name, struct buf *out);

/* An empty memfd. */
int lab_memfd(void);

#endif
