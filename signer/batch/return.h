/* Keys that stopped: their end, and their return. */
#ifndef SIGNER_BATCH_RETURN_H
#define SIGNER_BATCH_RETURN_H

#include "signer/batch/internal.h"

/* Hangs up on a key that stopped (k->error says why) and chooses when to try
 * it again. */
void key_await_return(struct bkey *k);

/* Once a turn, never waiting: buries private keyholders that have ended, and
 * tries stopped keys again whose time has come. */
void keys_return(struct runner *r);

/* Ends private keyholders and closes all connections. */
void keys_close(struct runner *r);

#endif
