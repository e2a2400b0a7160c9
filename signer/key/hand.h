/* The thread that holds the key: it signs what it was given, in order. */
#ifndef SIGNER_KEY_HAND_H
#define SIGNER_KEY_HAND_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/key/session.h"

#include <stdbool.h>

/*
 * While a card works, its keyholder reads requests, writes records and
 * releases signatures; this thread only goes from one command to the next.
 * It calls session_sign_once and nothing else.  The session is its own while
 * something is given and not done; after a failure it stops, and the session
 * is its owner's until hand_go_on.
 */
struct hand;

#define HAND_FULL 2 /* one in the card, one ready */

/* NULL: ERR_TRANSIENT_IO.  From now on the calling thread leaves the
 * watchdog's signal to this one.  `s` must outlive it. */
struct hand *hand_new(struct session *s, struct err *e);

/* Waits for the command that runs, forgets what has not begun, frees; the
 * calling thread has the watchdog's signal again.  NULL is accepted. */
void hand_free(struct hand *h);

/* The descriptor that becomes readable when something is done. */
int hand_fd(const struct hand *h);

/* Given, and not yet done. */
unsigned hand_holds(struct hand *h);

/* Gives one more: true, or false when it is full.  What `in` points to must
 * stay until it comes back, by hand_take or hand_withdraw, as `tag`. */
bool hand_give(struct hand *h, const struct sign_input *in, void *tag);

struct handed {
	void *tag;
	struct buf signature; /* the caller's to free */
	struct err error;     /* ERR_NONE: signed */
};

/* The next that is done; false when there is none. */
bool hand_take(struct hand *h, struct handed *out);

/* Takes `tag` back if it has not begun; false when it has. */
bool hand_withdraw(struct hand *h, const void *tag);

/* After a failure: the next may begin. */
void hand_go_on(struct hand *h);

#endif
