/* Card readers through PC/SC: the only file that calls it. */
#ifndef SIGNER_KEY_PCSC_H
#define SIGNER_KEY_PCSC_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define PCSC_NAME_MAX 128
#define PCSC_READERS_MAX 16

/*
 * All errors are ERR_CARD with the PC/SC code in `lib`:
 * "pcsc-unavailable" (no pcscd), "pcsc-denied" (polkit), "reader-missing",
 * "card-missing", "card-removed", "card-reset", "card-in-use", "card-mute",
 * "card-no-answer" (success with no bytes: pulled during the command),
 * "card-communication", "pcsc-error" for the rest.
 */

#define PCSC_ATR_TEXT (2 * 33 + 1)

struct pcsc_reader {
	char name[PCSC_NAME_MAX];
	char atr[PCSC_ATR_TEXT]; /* of the card in it, hexadecimal; or "" */
	bool present;            /* a card is in it */
	bool in_use; /* another program holds that card exclusively */
};

enum pcsc_leave { PCSC_LEAVE_CARD, PCSC_UNPOWER_CARD };

/* A context and at most one connected card. */
struct pcsc;

/* Reaches pcscd; NULL on error. */
struct pcsc *pcsc_new(struct err *e);
/* Leaves a connected card as it is; NULL is accepted. */
void pcsc_free(struct pcsc *p);

/* The readers as they are now; how many, or -1. No reader is 0. */
int pcsc_readers(
    struct pcsc *p, struct pcsc_reader out[PCSC_READERS_MAX], struct err *e);

/* Waits until a reader or card comes or goes, compared with the last
 * pcsc_readers: 1 changed, 0 not within timeout_ms, -1 error. */
int pcsc_wait(struct pcsc *p, int timeout_ms, struct err *e);

/* Connects to the card in `reader` with T=0 or T=1, powering it when
 * necessary; exclusive keeps every other program off it.  0 / -1. */
int pcsc_connect(
    struct pcsc *p, const char *reader, bool exclusive, struct err *e);
/* Forgets the connection; nothing when there is none. */
void pcsc_disconnect(struct pcsc *p, enum pcsc_leave how);

/* The reader of the connected card, "" without one. */
const char *pcsc_reader_name(const struct pcsc *p);

/*
 * After a failed command: waits until pcscd has looked at the connected
 * card's reader again, timeout_ms at most, and says whether the card was
 * taken out: 1 gone, 0 still there (or back).  pcscd looks every 400 ms.
 */
int pcsc_settle(struct pcsc *p, int timeout_ms);

/* Resets the connected card and keeps the (exclusive) connection: the state
 * in which a card just put in would be, but for what a reset does not clear
 * on every card.  0 / -1. */
int pcsc_restart(struct pcsc *p, struct err *e);

/* Whether the connected card is still there and was not reset: 0 / -1.
 * Sends nothing to the card. */
int pcsc_check(struct pcsc *p, struct err *e);

/*
 * One command as it is, one answer of at least two bytes, appended.  Blocks
 * as long as the card takes (pcscd has no time-out of its own).  0 / -1.
 */
int pcsc_transmit(
    struct pcsc *p, struct slice command, struct buf *answer, struct err *e);

/*
 * A reader with keys and PC/SC part 10's FEATURE_VERIFY_PIN_DIRECT: what is
 * typed there goes from the reader to the card and never comes here.
 */
bool pcsc_has_pad(struct pcsc *p);
/* Lets a person type a PIN of min to max characters (ASCII) within some
 * seconds; the reader puts it behind the command's four bytes, with its
 * length, and gives the card's answer or its own (6400 time-out, 6401
 * cancelled, 6403 length).  0 / -1. */
struct pcsc_entry {
	uint8_t command[4];
	uint8_t min, max;
	uint8_t seconds;
};
int pcsc_pad_verify(struct pcsc *p, const struct pcsc_entry *entry,
    struct buf *answer, struct err *e);

/* Keeps other programs from slipping commands in between while the card is
 * shared; 0 / -1. */
int pcsc_begin(struct pcsc *p, struct err *e);
void pcsc_end(struct pcsc *p);

#endif
