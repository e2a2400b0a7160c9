/* One key as `natsuin status` shows it: everything that needs no PIN. */
#ifndef SIGNER_CLI_KEYVIEW_H
#define SIGNER_CLI_KEYVIEW_H

#include "queue/queue.h"
#include "signer/cert/check.h"
#include "signer/cli/cert_registered.h"
#include "signer/key/keyclient.h"
#include "signer/key/keystate.h"

#include <jansson.h>

enum keyview_state {
	KEYVIEW_LOCKED,
	KEYVIEW_UNLOCKED,
	KEYVIEW_UNKNOWN /* a keyholder runs that does not speak with us */
};
enum keyview_card { KEYVIEW_CARD_UNKNOWN, KEYVIEW_ABSENT, KEYVIEW_PRESENT };

#define KEYVIEW_NOTES 8

struct keyview {
	const struct conf_key *key;
	enum keyview_state state;
	struct err problem;             /* why the state is unknown */
	struct keyholder_status status; /* of an unlocked key */
	enum keyview_card card;
	bool marked; /* a refused PIN stands in the way of stored ones */
	struct pin_marker marker;
	int64_t not_after_ms; /* 0 = no certificate known */
	int64_t seen_ms;      /* when that was seen; 0 = now */
	/* What is to be said of it: its dates, then its registration. */
	struct cert_note notes[KEYVIEW_NOTES];
	unsigned note_count;
	struct cert_registered registered;
};

/* The marker of a key that this user's keyholders left; the folder is looked
 * into and never made.  1 one that stands, 0 none; -1 unreadable. */
int keyview_marker(const struct conf *c, const struct conf_key *key,
    struct pin_marker *m, struct err *e);

/* Fills all but the card of a locked key.  Connects to no card, so that a
 * batch that starts at this moment is not in its way; q may be NULL. */
void keyview_read(struct keyview *v, const struct conf *c,
    const struct conf_key *key, struct queue *q);
/* Asks the readers whether cards are in them, for the locked keys of this
 * list that are on a card. */
void keyview_look_for_cards(struct keyview *list, size_t count);
void keyview_free(struct keyview *v);

void keyview_text(const struct keyview *v);
json_t *keyview_json(const struct keyview *v);

#endif
