/* Keys of a batch: opening, their lines of signatures, stopping. */
#ifndef SIGNER_BATCH_KEYS_H
#define SIGNER_BATCH_KEYS_H

#include "signer/batch/internal.h"

/* Opens a key if it is closed: the listening keyholder, else a private one.
 * Never waits: the greeting comes through keys_receive. */
void key_open(struct runner *r, struct bkey *k);

/* Its descriptor was just connected: what comes of it is heard. */
void key_begin(struct bkey *k, enum key_state state);

/* True while the key may yet become usable or unusable (PIN being typed). */
bool key_is_undecided(const struct bkey *k);
/* True while its keyholder may say something. */
bool key_is_heard(const struct bkey *k);

/* Some format's first filing is not yet verified. */
bool key_waits_for_first(const struct bkey *k);

/* Puts a signature whose intent is durable at the end of its key's line. */
void key_line_add(struct bkey *k, struct bsig *s);

/* Takes a job's signatures out of all lines (an answer that still comes is
 * dropped). */
void key_line_forget(struct bkey *k, const struct bjob *job);

/*
 * Takes every answer that has arrived and sends what may be sent, without
 * waiting.  Answered signatures get their value and `done`; jobs with none
 * left are given to job_signed at the end of the turn.
 */
void keys_pump(struct runner *r);

/* The same in the middle of other work, for keys that could be given more:
 * the others need no look before the next turn. */
void keys_feed(struct runner *r);
/* When a key that pauses may be asked again (monotonic ms; INT64_MAX: none
 * pauses). */
int64_t keys_next_ms(const struct runner *r);

/* The first of each format is to be verified alone again: another batch, or
 * maybe another card. */
void key_close_gates(struct bkey *k);

/* Stops a key: its waiting jobs are given back to its pool, or held with
 * this error. */
void key_stop(struct runner *r, struct bkey *k, const struct err *why);

/* The certificate again, before an output is published: validity each time,
 * the whole check when the last one is older than a minute.  0 / -1. */
int key_check_again(struct bkey *k, struct err *e);

/* The whole check now, and for the next key_check_again. */
int key_check_now(struct bkey *k, struct err *e);
void key_check_soon(struct bkey *k);

/* Its certificate has been seen and need not wait: opens the key, or stops
 * it.  Nothing when it is open already or was stopped meanwhile. */
void key_seen(struct runner *r, struct bkey *k);

#endif
