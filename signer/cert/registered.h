/* Which certificate of a key the office says it has registered in e-Tax. */
#ifndef SIGNER_CERT_REGISTERED_H
#define SIGNER_CERT_REGISTERED_H

#include "base/err.h"
#include "conf/conf.h"
#include "queue/queue.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * e-Tax takes signatures only of the certificate that was registered there,
 * and a renewed one must be registered anew, with the same key or another:
 * what counts is the hash of the whole certificate.  Nobody can ask e-Tax, so
 * a person says it here (`natsuin cert --registered`).
 */
struct registration {
	uint8_t sha256[32]; /* of the certificate */
	int64_t time_ms;    /* when that was said */
	uid_t uid;          /* by whom */
};

/* The last one of this key: 1 and *r, 0 none; -1 ERR_CONFIG
 * "registration-unreadable". */
int registered_get(const struct conf *c, const char *key,
    struct registration *r, struct err *e);

/* Records one; durable when it returns 0.  Earlier ones stay in the file.
 * -1 "registration-not-owner": the state folder is another user's; or why it
 * could not be written. */
int registered_put(const struct conf *c, const char *key,
    const struct registration *r, struct err *e);

enum registered {
	REGISTERED_YES,    /* this certificate is the one that was recorded */
	REGISTERED_FIRST,  /* the key's first certificate, nothing recorded */
	REGISTERED_CHANGED /* another than recorded, or than seen before */
};

/* What is to be said of this certificate of the key; `q` tells which were
 * seen before (NULL: none), `r` gets what is recorded (time_ms 0: nothing).
 * -1 as registered_get, or as the queue. */
int registered_judge(const struct conf *c, struct queue *q, const char *key,
    const uint8_t sha256[32], enum registered *out, struct registration *r,
    struct err *e);

#endif
