/* One question to a key that nobody holds: how does it stand? */
#ifndef SIGNER_KEY_ASK_H
#define SIGNER_KEY_ASK_H

#include "conf/conf.h"
#include "signer/key/backend.h"

struct key_answer {
	struct key_status status;
	struct buf certificate; /* what is seen without a PIN, or empty */
	struct err problem;     /* why there is none, unless it wants a PIN */
};

/*
 * Opens the key in a short-lived child and asks; costs no PIN try.  A
 * command never opens a key itself: a PKCS#11 module is foreign code, which
 * may hang, crash or change the process it is loaded into.  0; -1 with the
 * backend's error, or ERR_CARD "key-check-silent" (card-timeout is over),
 * "key-check-died".
 */
int key_ask(const struct conf_key *key, struct key_answer *out, struct err *e);
void key_answer_free(struct key_answer *a);

#endif
