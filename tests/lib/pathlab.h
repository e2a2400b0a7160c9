/*
 * Small PKIs from one line of text, for tests of path building:
 *
 *   "R; A<R len=0 pol=a; leaf<A pol=a"
 *
 * Certificates are separated by ';'.  Each is LABEL[:NAME[:KEY]][<ISSUER]
 * and options; NAME (the subject's CN) is the label, KEY is the name, unless
 * given; without ISSUER it is self-signed.  ISSUER is a label: its name and
 * its key sign.  So "A2:A:K2<A" is a self-issued certificate for A's new key,
 * and "A2:A<B" another certificate for A and its key.  "leaf" is the signer.
 *
 *   absent            is not among the anchors
 *   rsa rsa1024 p384  kind of key (else P-256; the leaf: RSA-2048)
 *   md=sha1           digest of the certificate's signature
 *   sig=L             signed by the key of L, in the name of the issuer
 *   from= until=      year, or YYYYMMDDhhmmssZ
 *   o=X mail=X        of the subject (O is Test)
 *   iname=X           the issuer's CN, written otherwise ('_' is a space)
 *   print             the issuer's name as PrintableString
 *   ca noca nobc softbc len=N     basicConstraints
 *   ku=BITS noku noski noaki aki=L (the key identifier of L)  v1
 *   pol=a,b,any pol!=a map=a>b,c>d req=N inh=N any=N      policies
 *   permit=X exclude=X san=X      as in openssl.cnf ('|' is ';'); dir:X is
 *                     C=JP, O=X
 *   crit odd          an unknown extension, critical or not
 */
#ifndef TESTS_LIB_PATHLAB_H
#define TESTS_LIB_PATHLAB_H

#include "tests/lib/certlab.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#define PATHLAB_MAX 200

struct pathlab_cert {
	char label[24], name[40], key[24], issuer[24];
	char options[400]; /* " len=0 pol=a " */
	X509 *x;
	bool self_signed, absent;
};

struct pathlab {
	struct pathlab_cert cert[PATHLAB_MAX];
	size_t count;
};

/* Makes all of them; ends the program when the text makes no sense. */
void pathlab_make(struct pathlab *lab, const char *text);
void pathlab_free(struct pathlab *lab);

/* By label; ends the program when there is none. */
struct pathlab_cert *pathlab_find(struct pathlab *lab, const char *label);

/* All but the leaf and the absent ones, as PEM. */
void pathlab_anchors(const struct pathlab *lab, struct buf *pem);

/* Judges the leaf with all of those as anchors. */
void pathlab_judge(struct pathlab *lab, struct cert_policy policy,
    const char *at, struct cert_verdict *v);

/* Adds a certificate to what openssl verify is asked. */
void pathlab_ask(const struct pathlab_cert *c, struct certlab_question *q);

/*
 * OpenSSL 3.0 loses the policyConstraints of a certificate that has no
 * policies: between these two no leaks are looked for if the lab has such
 * ones.
 */
void pathlab_leaks_begin(const struct pathlab *lab);
void pathlab_leaks_end(const struct pathlab *lab);

#endif
