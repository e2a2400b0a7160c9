/* Ends this process when its key does not answer. */
#ifndef SIGNER_KEY_WATCHDOG_H
#define SIGNER_KEY_WATCHDOG_H

#include "base/err.h"

#include <stdint.h>

/*
 * A command of a card, a reader or a PKCS#11 module cannot be cancelled, and
 * the process that waits for it can do nothing else.  So a timer's signal
 * handler does what is left to do: it tells the clients REFUSED
 * "card-timeout", closes the audit file's last record, removes the socket,
 * wipes every secret, says it on standard error and leaves the process with
 * status 69.  Everything it sends is made beforehand.
 */

/* How long this process's key may take for one command; limit_ms <= 0: for
 * ever.  `key` is its name, for people.  0 / -1. */
int watchdog_init(const char *key, int64_t limit_ms, struct err *e);

/* The time runs from here; anew, because something came back; no more.  All
 * do nothing without a limit. */
void watchdog_start(void);
void watchdog_alive(void);
void watchdog_stop(void);
/* As watchdog_alive, but this once a person has so much time besides. */
void watchdog_allow(int64_t more_ms);

/* The calling thread leaves the signal to the process's others; until it is
 * alone again. */
void watchdog_leave(void);
void watchdog_return(void);

/* A connection of `base/ipc` that is told; until watchdog_forget. */
void watchdog_tell(int fd);
void watchdog_forget(int fd);

/* What else is done then: `fn` may call only what a signal handler may. */
void watchdog_at_end(void (*fn)(void *arg), void *arg);

#endif
