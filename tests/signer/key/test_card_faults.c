/*
 * Each command of a session, each way in which it can fail, through the real
 * pcscd and a virtual card: the key stops with an error of the card or the
 * PIN, no VERIFY is sent that should not be, and once the card is back the
 * next session works.  The card's own counters are the judge.
 */
#include "signer/key/jpki_card.h"
#include "tests/lib/cardlab.h"
#include "tests/lib/cardsession.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The commands of a session, by the card's count of that instruction. */
enum step {
	SELECT_AP,
	TRIES_QUERY,
	VERIFY,
	SELECT_CERT,
	READ_CERT,
	SELECT_KEY,
	SIGN,
	STEPS
};

static struct {
	const char *name, *ins;
	long before; /* of that instruction in a session without faults */
} steps[STEPS] = {
    [SELECT_AP] = {"SELECT AP", "A4", 0},
    [TRIES_QUERY] = {"tries query", "20", 0},
    [VERIFY] = {"VERIFY", "20", 0},
    [SELECT_CERT] = {"SELECT certificate", "A4", 0},
    [READ_CERT] = {"READ BINARY", "B0", 0},
    [SELECT_KEY] = {"SELECT key", "A4", 0},
    [SIGN] = {"signature", "2A", 0},
};

/* Counts once what a session without faults sends. */
static bool
learn(void)
{
	static bool known;
	struct err e = {0};
	long selects, reads, all;

	if (!cardlab_fresh("tanaka"))
		return false;
	if (known)
		return true;
	known = true;
	if (!cardsession_begin())
		return false;
	reads = cards_count(0, "B0");
	CHECK_OK(cardsession_unlock(&e), &e);
	selects = cards_count(0, "A4");
	all = cards_count(0, "20");
	CHECK_OK(cardsession_sign(&e), &e);
	CU_ASSERT_EQUAL(cards_count(0, "A4"), selects + 1);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	steps[VERIFY].before = all - 1;
	steps[SELECT_CERT].before = selects - 1;
	steps[READ_CERT].before = reads;
	steps[SELECT_KEY].before = selects;
	cardsession_leave();
	return cardlab_fresh("tanaka");
}

/* A whole session up to two signatures; how far it came. */
static enum step
session(struct err *e)
{
	if (cardsession_open(e) != 0)
		return SELECT_AP;
	if (cardsession_unlock(e) != 0)
		return VERIFY;
	if (cardsession_sign(e) != 0 || cardsession_sign(e) != 0)
		return SIGN;
	return STEPS;
}

/* With the fault at one step; the error is of the card or the PIN, and VERIFY
 * was sent once at most, or once more by a session that recovered. */
static enum step
with_fault(enum step at, const char *fault, struct err *e)
{
	enum step came;
	long verify;

	CU_ASSERT(cards_ctl(0, "fault %s ins=%s after=%ld", fault,
		      steps[at].ins, steps[at].before) == 0);
	came = session(e);
	verify = cards_count(0, "verify");
	CU_ASSERT(verify <= (came == STEPS ? 2 : at < VERIFY ? 0 : 2));
	CU_ASSERT_EQUAL(cards_count(0, "verify_wrong"), 0);
	if (came != STEPS && e->class != ERR_CARD && e->class != ERR_PIN &&
	    e->class != ERR_CERTIFICATE) {
		suite_print_err(__FILE__, __LINE__, e);
		CU_FAIL("class");
	}
	return came;
}

/* The next session, after the card is back, with the same PIN file where its
 * marker allows that. */
static void
works_again(const char *what)
{
	struct err e = {0};
	int64_t start = clock_mono_ms();
	long before = cards_count(0, "verify");

	CU_ASSERT_EQUAL(session(&e), STEPS);
	if (e.class != ERR_NONE)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), before + 1);
	printf("# %s: signs %lld ms after the card's return\n", what,
	    (long long)(clock_mono_ms() - start));
	cardsession_leave();
}

/* Taken out instead of the command (which is also after the one before it),
 * or during it, so that the answer never comes. */
static void
pulled_at_each_command(const char *fault)
{
	char what[80];

	for (int i = 0; i < STEPS; i++) {
		enum step at = (enum step)i;
		struct err e = {0};

		if (!learn())
			return;
		CU_ASSERT_NOT_EQUAL(with_fault(at, fault, &e), STEPS);
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
		CU_ASSERT_EQUAL(cards_count(0, "verify"),
		    at > VERIFY || (at == VERIFY && *fault == 'l') ? 1 : 0);
		if (cardsession.session != NULL)
			CU_ASSERT_STRING_EQUAL(cardsession_marker(),
			    at == VERIFY ? "attempt" : "");
		cardsession_leave();
		CU_ASSERT(cards_ctl(0, "insert") == 0);
		CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
		snprintf(what, sizeof what, "%s at %s", fault, steps[i].name);
		works_again(what);
	}
}

/* A card that tells no number of tries: a VERIFY whose answer was lost may
 * have cost one, so the same file is not tried again. */
static void
unseen_end_without_a_number_counts(void)
{
	struct err e = {0};

	if (!learn())
		return;
	CU_ASSERT(cards_ctl(0, "set no-limit 1") == 0);
	CU_ASSERT_NOT_EQUAL(with_fault(VERIFY, "lose", &e), STEPS);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_STRING_EQUAL(cardsession_marker(), "attempt");
	CU_ASSERT(session_status(cardsession.session)->tries_hidden);
	cardsession_leave();
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	CU_ASSERT(cards_ctl(0, "set no-limit 0") == 0);
}

static void
pulled_before_each_command(void)
{
	pulled_at_each_command("remove");
}

static void
pulled_during_each_command(void)
{
	pulled_at_each_command("lose");
}

/* Every status word that cards are known to give, at each command but VERIFY
 * (test_jpki.c has those). */
static void
each_status_word_at_each_command(void)
{
	static const char *const words[] = {"63C0", "6700", "6981", "6982",
	    "6983", "6984", "6985", "6986", "6A82", "6A86", "6B00", "6D00",
	    "6E00", "6F00"};
	char fault[40];

	for (int i = 0; i < STEPS; i++) {
		for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
			struct err e = {0};

			if (i == VERIFY)
				continue;
			if (!learn())
				return;
			/* Twice: a first command's 6F00 is asked again. */
			snprintf(fault, sizeof fault, "sw=%s times=%d",
			    words[j], i == SELECT_AP ? 99 : 1);
			with_fault((enum step)i, fault, &e);
			cardsession_leave();
			CU_ASSERT(cards_ctl(0, "clear-faults") == 0);
		}
		works_again(steps[i].name);
	}
}

/* An answer of one byte is none. */
static void
half_an_answer_at_each_command(void)
{
	for (int i = 0; i < STEPS; i++) {
		struct err e = {0};

		if (!learn())
			return;
		with_fault((enum step)i, "byte", &e);
		cardsession_leave();
		works_again(steps[i].name);
	}
}

/* Another program is talking to the card: it is not pushed aside, and this
 * key waits for its next unlock. */
static void
card_in_use_by_another_program(void)
{
	struct err e = {0};
	struct pcsc *p;

	for (int exclusive = 0; exclusive < 2; exclusive++) {
		if (!cardlab_fresh("tanaka"))
			return;
		p = pcsc_new(&e);
		CHECK_OK(pcsc_connect(p, "VR0 00 00", exclusive == 1, &e), &e);
		CHECK_CODE(cardsession_open(&e), &e, "card-in-use");
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
		pcsc_disconnect(p, PCSC_LEAVE_CARD);
		pcsc_free(p);
		works_again("other program");
	}
}

/* While a session lasts no other program gets at the card, to reset it or
 * to sign with it. */
static void
nobody_else_gets_at_an_unlocked_card(void)
{
	struct err e = {0};
	struct pcsc *p;

	if (!cardsession_unlocked())
		return;
	p = pcsc_new(&e);
	CHECK_CODE(pcsc_connect(p, "VR0 00 00", false, &e), &e, "card-in-use");
	pcsc_free(p);
	CHECK_OK(cardsession_sign(&e), &e);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	cardsession_leave();
}

/* A client that sends two requests and dies while the first is signed. */
static void
send_two_and_wait(const struct keyserver *s)
{
	struct buf info = {0};
	struct err e = {0};
	int fd = keyserver_connect(s);

	for (unsigned i = 0; i < 2; i++) {
		buf_reset(&info);
		keylab_signed_info(&info, "RSH0010", i);
		if (keyclient_sign(
			fd, SIGN_RSA_SHA256, buf_view(&info), "job", &e) != 0)
			_exit(1);
	}
	for (;;)
		pause();
}

static void
killed_client_costs_one_signature_at_most(void)
{
	struct keyserver holder;
	struct err e = {0};
	long before;
	pid_t client;
	int fd;

	if (!cardlab_fresh("tanaka"))
		return;
	CU_ASSERT(cards_ctl(0, "set latency 1500") == 0);
	keyserver_init(&holder, "killed", "");
	holder.key.backend = CONF_BACKEND_JPKI;
	holder.key.reader = strdup("VR0 00 00");
	free(holder.key.pin_file);
	holder.key.pin_file =
	    strdup(keylab_file("killed.card-pin", CARDLAB_PIN "\n", 0400));
	CHECK_OK(keyserver_start(&holder, &e), &e);
	fflush(NULL);
	client = fork();
	if (client == 0)
		send_two_and_wait(&holder);
	CU_ASSERT(cardlab_counts(0, "2A", 1));
	CU_ASSERT_EQUAL(kill(client, SIGKILL), 0);
	before = cards_count(0, "sign");
	waitpid(client, NULL, 0);
	/* Its greeting comes after what was to be done before. */
	fd = keyserver_connect(&holder);
	CU_ASSERT(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL(keyserver_stop(&holder), KEYHOLDER_END_SIGNAL);
	CU_ASSERT(cards_count(0, "sign") <= before + 1);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	free(holder.key.reader);
	keyserver_free(&holder);
}

/* Stands last: the daemon that the others use ends in mid-session. */
static void
pcscd_gone_ends_the_session(void)
{
	struct err e = {0};

	if (!cardsession_unlocked())
		return;
	CHECK_OK(cardsession_sign(&e), &e);
	CU_ASSERT(cards_shell("pcscd_halt") == 0);
	CHECK_CODE(cardsession_sign(&e), &e, "pcsc-unavailable");
	CU_ASSERT(session_alive(cardsession.session, &e) < 0);
	cardsession_leave();
	CHECK_CODE(cardsession_open(&e), &e, "pcsc-unavailable");
	CU_ASSERT(cards_shell("vcard_stop 0; pcscd_again && "
			      "vcard_start 0 \"$PCSCD_DIR/tanaka\"") == 0);
	works_again("pcscd");
}

SUITE_MAIN("card_faults", CASE(pulled_before_each_command),
    CASE(pulled_during_each_command), CASE(each_status_word_at_each_command),
    CASE(unseen_end_without_a_number_counts),
    CASE(half_an_answer_at_each_command), CASE(card_in_use_by_another_program),
    CASE(nobody_else_gets_at_an_unlocked_card),
    CASE(killed_client_costs_one_signature_at_most),
    CASE(pcscd_gone_ends_the_session))
