/* Keys, PIN files and SignedInfos for tests of the key layer. */
#ifndef TESTS_LIB_KEYLAB_H
#define TESTS_LIB_KEYLAB_H

#include "base/buf.h"
#include "conf/conf.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#define KEYLAB_PIN "Secret-PIN-4711"

/* One RSA-2048 key with a self-signed certificate, made once per program;
 * borrowed. */
EVP_PKEY *keylab_key(void);
struct slice keylab_certificate(void); /* DER */

/* Writes `name` (PKCS#12, password as given) into the suite's directory;
 * returns its path (static storage per call site is not promised: 4 turn
 * about). */
const char *keylab_p12(const char *name, const char *password);
/* Writes a file with this content and mode; its path, likewise. */
const char *keylab_file(const char *name, const char *text, unsigned mode);
/* Makes a folder; its path, likewise. */
const char *keylab_folder(const char *name, unsigned mode);

/* A canonical SignedInfo of e-Tax for this procedure ("RSH0010") whose
 * digest depends on `n`. */
void keylab_signed_info(struct buf *out, const char *procedure, unsigned n);
/* One of an e-Gov application with `files` further References. */
void keylab_signed_info_egov(struct buf *out, unsigned files);

/* True when `signature` is the key's rsa-sha256 over the bytes. */
int keylab_verifies(struct slice signed_info, struct slice signature);

/* Everything a terminal (its master's side) shows until `until` is seen, or
 * (NULL) until its end; text.  Waits 20 s for more of it. */
void keylab_screen(int master, char *out, size_t size, const char *until);
/* Does it show what is typed? */
bool keylab_echoes(int terminal);

/* A configuration with one pkcs12 key "tanaka" whose PIN file is right; the
 * spool root is a fresh folder of the suite's.  Borrowed, one per program. */
struct conf *keylab_conf(void);

#endif
