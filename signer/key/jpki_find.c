/*
 * Finds the one JPKI card among the readers.  Never guesses between two
 * cards: a password sent to the wrong one would cost its owner a try.
 */
#include "signer/key/jpki_card.h"

#include "base/clock.h"

#include <string.h>

#define LOOK_MS 250

/* What one look at the readers showed. */
struct survey {
	int readers; /* whose name matches */
	int cards;   /* in them */
	int in_use;
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

/* Asks one card for the application; the connection stays when it has it. */
static void
probe(struct pcsc *p, const char *reader, bool exclusive, struct survey *s,
    struct err *e)
{
	struct err why = {0};

	if (pcsc_connect(p, reader, exclusive, &why) != 0) {
		s->in_use += strcmp(why.code, "card-in-use") == 0;
		*e = why;
		return;
	}
	if (jpki_select(p, &why) != 0) {
		pcsc_disconnect(p, PCSC_LEAVE_CARD);
		*e = why;
		return;
	}
	s->jpki++;
	memcpy(s->name, pcsc_reader_name(p), strlen(pcsc_reader_name(p)) + 1);
}

static int
nothing_found(const struct survey *s, const char *filter, struct err *e)
{
	if (s->readers == 0)
		return err_set(e, ERR_CARD, "reader-missing", "%s", filter);
	if (s->cards == 0)
		return err_set(e, ERR_CARD, "card-missing", "%s", filter);
	if (s->in_use > 0)
		return err_set(e, ERR_CARD, "card-in-use", "%s", filter);
	return -1; /* the last card's own error */
}

/*
 * One look at all readers.  With one card there it is connected as wanted
 * at once; among several the JPKI card is looked for in shared mode first.
 */
static int
look(struct pcsc *p, const char *filter, bool exclusive, struct err *e)
{
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
			probe(p, r[i].name, alone && exclusive, &s, e);
	}
	if (s.jpki == 0)
		return nothing_found(&s, filter, e);
	if (s.jpki > 1) {
		pcsc_disconnect(p, PCSC_LEAVE_CARD);
		return err_set(
		    e, ERR_CARD, "card-ambiguous", "%d cards", s.jpki);
	}
	if (alone)
		return 0;
	if (pcsc_connect(p, s.name, exclusive, e) != 0)
		return -1;
	return jpki_select(p, e);
}

/* Whether waiting may help: a card is being inserted, given back, or is
 * not powered yet. */
static bool
may_come(const struct err *e)
{
	static const char *const codes[] = {"reader-missing", "card-missing",
	    "card-in-use", "card-mute", "card-removed", "card-no-answer",
	    "card-communication"};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	}
	return false;
}

int
jpki_find(struct pcsc *p, const char *filter, bool exclusive, int wait_ms,
    struct err *e)
{
	int64_t end = clock_mono_ms() + wait_ms;
	struct err why = {0};

	for (;;) {
		int64_t left;

		err_clear(&why);
		if (look(p, filter, exclusive, &why) == 0)
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
