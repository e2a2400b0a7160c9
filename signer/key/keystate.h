/* What is remembered of a key between processes: where, and refused PINs. */
#ifndef SIGNER_KEY_KEYSTATE_H
#define SIGNER_KEY_KEYSTATE_H

#include "base/clock.h"
#include "base/err.h"
#include "signer/key/backend.h"
#include "signer/key/pin.h"

/*
 * Opens (creating, 0700) the folder of keys' audit files and markers:
 * `<spool root>/state/keys` when this user owns the spool's root; else
 * `natsuin/keys` in $XDG_STATE_HOME or ~/.local/state.  Descriptor / -1.
 */
int keystate_open(const char *root, struct err *e);
/* Its path, for people; returns out. */
char *keystate_path(const char *root, char *out, size_t size);

/* Codes of markers that a change of the PIN leaves. */
#define PIN_MARKER_CHANGED "pin-changed"
#define PIN_MARKER_UNSURE "pin-change-unsure"

#define PIN_MARKER_HIDDEN (-2) /* tries: there is a counter, unseen */

/* A PIN that was tried and not accepted (or whose answer was never seen). */
struct pin_marker {
	char key[40];   /* for which it was tried */
	bool refused;   /* false: an attempt whose end is unknown */
	bool file_only; /* the right PIN has come from elsewhere since */
	char code[40];
	int64_t time_ms;
	char time[CLOCK_TEXT_SIZE]; /* the same for people; set by reading */
	char where[160];            /* card or file, for people */
	/* Left before that attempt; -1 = no counter. */
	int tries;
	struct pin_origin origin;
};

/* 1 and *m; 0 when there is none; -1 (an unreadable one counts as refused,
 * so it is -1 with ERR_PIN "pin-marker-unreadable"). */
int pin_marker_read(
    int dirfd, const char *key, struct pin_marker *m, struct err *e);
/* Durable when it returns. */
int pin_marker_write(
    int dirfd, const char *key, const struct pin_marker *m, struct err *e);
int pin_marker_clear(int dirfd, const char *key, struct err *e);

/* A PIN was changed, or may have been: no refusal. */
bool pin_marker_tells_change(const struct pin_marker *m);

/*
 * A card has a marker as well, under the name key_status.card, because
 * several keys may be of one card.  It stands from before a PIN is presented
 * until one is accepted; one that tells of a change until another key has
 * shown that it knows the new PIN.
 */

/*
 * Which card (key_status.card) the key was unlocked with last: 1 and *card; 0
 * when none is remembered, or not legibly; durable when key_card_write
 * returns 0.
 */
int key_card_read(int dirfd, const char *key, char card[KEY_CARD_SIZE]);
int key_card_write(int dirfd, const char *key, const char *card, struct err *e);

/*
 * May this PIN be tried now?  0; -1 with ERR_PIN "pin-file-refused-before"
 * for a stored PIN whose file has not changed since it was refused, and for
 * a piped one; "pin-stored-outdated" likewise where the PIN was changed
 * since; "pin-refused-for-other-key" for one that is older than an attempt
 * for another key of this card (now->card), while the card's counter still
 * shows that; a person who types decides alone.
 */
int pin_marker_check(int dirfd, const char *key, const struct pin_origin *o,
    const struct key_status *now, struct err *e);

#endif
