/*
 * Finds the one JPKI card among the readers.  Never guesses between two
 * cards: a password sent to the wrong one would cost its owner a try.  What
 * is free on a card and tells it from all others is the certificate for user
 * authentication; readers and slots change places.
 */
#include "signer/key/jpki_card.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

#define LOOK_MS 250

/* What one look at the readers showed. */
struct survey {
	int readers; /* whose name matches */
	int cards;   /* in them */
	int in_use;
	int others; /* JPKI cards that are not meant */
	int jpki;
	char name[PCSC_NAME_MAX]; /* of the last JPKI card */
};

static bool
usable(const struct pcsc_reader *r, const char *filter)
{
	return strstr(r->name, filter) != NULL && r->present && !r->in_use;
}

static void
count_readers(
    const struct pcsc_reader *r, int n, const char *filter, struct survey *s)
{
	for (int i = 0; i < n; i++) {
		if (strstr(r[i].name, filter) == NULL)
			continue;
		s->readers++;
		s->cards += r[i].present;
		s->in_use += r[i].in_use;
	}
}

/* Is the connected card the one that is meant?  1, 0; -1: it cannot say. */
static int
is_meant(struct pcsc *p, const struct jpki_wanted *w, struct err *e)
{
	uint8_t hash[JPKI_IDENTITY_SIZE];
	char hex[2 * JPKI_IDENTITY_SIZE + 1];

	if (w->card_sha256 == NULL || w->card_sha256[0] == '\0')
		return 1;
	if (jpki_identity(p, hash, e) != 0)
		return -1;
	text_hex_fixed(hex, hash, sizeof hash);
	return strcasecmp(hex, w->card_sha256) == 0;
}

/* Asks one card for the application; the connection stays when it has it and
 * is the one that is meant. */
static void
probe(struct pcsc *p, const char *reader, const struct jpki_wanted *w,
    bool exclusive, struct survey *s, struct err *e)
{
	struct err why = {0};
	int meant;

	if (pcsc_connect(p, reader, exclusive, &why) != 0) {
		s->in_use += strcmp(why.code, "card-in-use") == 0;
		*e = why;
		return;
	}
	meant = jpki_select(p, &why) != 0 ? -1 : is_meant(p, w, &why);
	if (meant != 1) {
		pcsc_disconnect(p, PCSC_LEAVE_CARD);
		s->others += meant == 0;
		if (meant < 0)
			*e = why;
		return;
	}
	s->jpki++;
	memcpy(s->name, pcsc_reader_name(p), strlen(pcsc_reader_name(p)) + 1);
}

static int
nothing_found(
    const struct survey *s, const struct jpki_wanted *w, struct err *e)
{
	const char *filter = w->reader;

	if (s->readers == 0)
		return err_set(e, ERR_CARD, "reader-missing", "%s", filter);
	if (s->cards == 0)
		return err_set(e, ERR_CARD, "card-missing", "%s", filter);
	if (s->others > 0)
		return err_set(e, ERR_CARD, "card-other",
		    "%d others, %d in use", s->others, s->in_use);
	if (s->in_use > 0)
		return err_set(e, ERR_CARD, "card-in-use", "%s", filter);
	return -1; /* the last card's own error */
}

/* Where a card is in use by another program and the settings do not say which
 * is meant, the free one may be another person's. */
static bool
may_be_another(
    const struct survey *s, const struct jpki_wanted *w, bool exclusive)
{
	return exclusive && s->in_use > 0 &&
	       (w->card_sha256 == NULL || w->card_sha256[0] == '\0');
}

/* Connects to the card that was found in shared mode; it may have been
 * changed for another meanwhile. */
static int
connect_found(struct pcsc *p, const char *reader, const struct jpki_wanted *w,
    bool exclusive, struct err *e)
{
	int meant;

	if (pcsc_connect(p, reader, exclusive, e) != 0 ||
	    jpki_select(p, e) != 0 || (meant = is_meant(p, w, e)) < 0)
		return -1;
	if (meant == 0)
		return err_set(e, ERR_CARD, "card-other", "%s", reader);
	return 0;
}

/*
 * One look at all readers.  With one card there it is connected as wanted
 * at once; among several the JPKI card is looked for in shared mode first.
 */
static int
look(struct pcsc *p, const struct jpki_wanted *w, bool exclusive, struct err *e)
{
	const char *filter = w->reader;
	struct pcsc_reader r[PCSC_READERS_MAX];
	struct survey s = {0};
	int n = pcsc_readers(p, r, e);
	bool alone;

	if (n < 0)
		return -1;
	count_readers(r, n, filter, &s);
	alone = s.cards - s.in_use == 1;
	for (int i = 0; i < n; i++) {
		if (usable(&r[i], filter))
			probe(p, r[i].name, w, alone && exclusive, &s, e);
	}
	if (s.jpki == 0)
		return nothing_found(&s, w, e);
	if (s.jpki > 1 || may_be_another(&s, w, exclusive)) {
		pcsc_disconnect(p, PCSC_LEAVE_CARD);
		return err_set(e, ERR_CARD, "card-ambiguous",
		    "%d free cards, %d in use", s.jpki, s.in_use);
	}
	if (alone)
		return 0;
	return connect_found(p, s.name, w, exclusive, e);
}

/* Whether waiting may help: a card is being inserted, given back, or is
 * not powered yet. */
static bool
may_come(const struct err *e)
{
	static const char *const codes[] = {"reader-missing", "card-missing",
	    "card-in-use", "card-mute", "card-removed", "card-no-answer",
	    "card-communication", "card-other"};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	}
	return false;
}

int
jpki_find_card(struct pcsc *p, const struct jpki_wanted *w, bool exclusive,
    int wait_ms, struct err *e)
{
	int64_t end = clock_mono_ms() + wait_ms;
	struct err why = {0};

	for (;;) {
		int64_t left;

		err_clear(&why);
		if (look(p, w, exclusive, &why) == 0)
			return 0;
		left = end - clock_mono_ms();
		if (left <= 0 || !may_come(&why))
			break;
		/* Some of it passes without an event. */
		if (pcsc_wait(p, left < LOOK_MS ? (int)left : LOOK_MS, &why) <
		    0)
			break;
	}
	pcsc_disconnect(p, PCSC_LEAVE_CARD);
	if (e != NULL)
		*e = why;
	return -1;
}

int
jpki_find(struct pcsc *p, const char *filter, bool exclusive, int wait_ms,
    struct err *e)
{
	struct jpki_wanted w = {.reader = filter};

	return jpki_find_card(p, &w, exclusive, wait_ms, e);
}
