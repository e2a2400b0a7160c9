/* The scripted PKCS#11 module (tests/p11script) and what it needs. */
#ifndef TESTS_LIB_P11LAB_H
#define TESTS_LIB_P11LAB_H

#include "base/buf.h"
#include "conf/conf.h"
#include "signer/key/backend.h"
#include "tests/p11script/p11script.h"

#include <stdbool.h>

#define P11LAB_PIN "4711pin"

/* STRANGER: the certificate is not of the token's RSA key. */
enum p11lab_key { P11LAB_RSA, P11LAB_EC, P11LAB_STRANGER };

/* Sets the script: key and certificate of this kind, and more words.  Other
 * processes of the test see a change as well. */
void p11lab_script(enum p11lab_key kind, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A configuration of the scripted module; borrowed, one per program. */
struct conf_key *p11lab_conf(void);
/* Path of the scripted module. */
const char *p11lab_module(void);
/* What it counted in this process; all zero before it was loaded. */
struct p11script_counts p11lab_counts(void);

/* The certificate on the token, DER. */
struct slice p11lab_certificate(enum p11lab_key kind);
/* Path of a second one, also for signing, of the same authority. */
const char *p11lab_second(void);

/* Does it fit the digest (32 bytes RSA, 48 bytes EC: raw r || s)? */
bool p11lab_verifies(
    struct slice certificate, struct slice digest, struct slice signature);

/* Asks the key to sign a digest full of `fill`; `out` starts anew. */
int p11lab_sign(const struct key_backend *b, struct key *k,
    enum sign_algorithm a, uint8_t fill, struct buf *out, struct err *e);
/* Is that such a signature? */
bool p11lab_signed(struct slice certificate, enum sign_algorithm a,
    uint8_t fill, const struct buf *signature);

/* Unlocks an open key with this PIN. */
int p11lab_unlock(
    const struct key_backend *b, struct key *k, const char *pin, struct err *e);

#endif
