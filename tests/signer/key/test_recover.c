/*
 * Sessions whose card forgets them half-way, through the real pcscd and a
 * virtual card: unlocked again at most once per failure and only on the same
 * card with all its tries.  The card's own counters are the judge.
 */
#include "signer/key/session.h"
#include "tests/lib/cardlab.h"
#include "tests/lib/cardsession.h"
#include "tests/lib/suite.h"

#include "base/clock.h"

#include <stdio.h>

/* The fault costs the session nothing but one more VERIFY. */
static void
recovers_from(const char *fault)
{
	struct err e = {0};
	int64_t start;

	if (!cardsession_unlocked())
		return;
	CHECK_OK(cardsession_sign(&e), &e);
	CU_ASSERT(cards_ctl(0, "%s", fault) == 0);
	start = clock_mono_ms();
	CHECK_OK(cardsession_sign(&e), &e);
	printf("# %s: signs again after %lld ms\n", fault,
	    (long long)(clock_mono_ms() - start));
	CHECK_OK(cardsession_sign(&e), &e);
	CHECK_OK(session_alive(cardsession.session, &e), &e);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "verify_ok"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 3);
	CU_ASSERT_EQUAL(cards_count(0, "auth_sign"), 0);
	CU_ASSERT_STRING_EQUAL(cardsession_marker(), "");
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	cardsession_leave();
	/* And it is locked afterwards, as after any session. */
	CU_ASSERT(cardlab_counts(0, "power_off", 1));
}

static void
password_status_lost_is_given_again(void)
{
	recovers_from("fault sw=6982 ins=2A");
}

static void
card_that_restarted_is_unlocked_again(void)
{
	recovers_from("reset");
}

static void
answer_that_never_came_is_asked_again(void)
{
	recovers_from("fault byte ins=2A");
}

/* Some cards keep the password through a reset; it is checked anew. */
static void
card_that_keeps_its_state_is_locked_first(void)
{
	struct err e = {0};

	if (!cardsession_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "set reset-keeps-pin 1") == 0);
	CU_ASSERT(cards_ctl(0, "set verified-query-9000 1") == 0);
	CU_ASSERT(cards_ctl(0, "fault sw=6982 ins=2A") == 0);
	CHECK_OK(cardsession_sign(&e), &e);
	CU_ASSERT_EQUAL(cards_count(0, "verify_ok"), 2);
	cardsession_leave();
}

/* Out and in within a signature.  Whether pcscd saw it is its affair: the
 * session is unlocked again or over, with no VERIFY too many. */
static void
quick_reinsertion_recovers_or_ends(void)
{
	struct err e = {0};
	int result;

	for (int i = 0; i < 3; i++) {
		if (!cardsession_unlocked())
			return;
		CHECK_OK(cardsession_sign(&e), &e);
		CU_ASSERT(cards_ctl(0, "fault reinsert ins=2A") == 0);
		result = cardsession_sign(&e);
		printf("# reinsertion: %s\n", result == 0 ? "again" : e.code);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), result == 0 ? 2 : 1);
		CU_ASSERT(result == 0 || e.class == ERR_CARD);
		CU_ASSERT_STRING_EQUAL(cardsession_marker(), "");
		cardsession_leave();
		CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	}
}

/* The failure ends the session with this code: no VERIFY after the first,
 * and none later either. */
static void
ends(const char *code)
{
	struct err e = {0};

	CHECK_CODE(cardsession_sign(&e), &e, code);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(cardsession_sign(&e) < 0);
	CU_ASSERT(session_alive(cardsession.session, &e) < 0);
}

static void
removed_card_ends_the_session(void)
{
	if (!cardsession_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "fault remove ins=2A") == 0);
	ends("card-no-answer");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	/* Back in its reader it is asked for nothing more. */
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	ends("card-no-answer");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	cardsession_leave();
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
}

/* Another card, too fast for pcscd: it never gets the password. */
static void
another_card_gets_no_password(void)
{
	if (!cardsession_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "load %s/suzuki", cards_dir()) == 0);
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	ends("card-changed");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	cardsession_leave();
}

static void
swapped_card_gets_no_password(void)
{
	struct err e = {0};

	for (int i = 0; i < 5; i++) {
		if (!cardsession_unlocked())
			return;
		CU_ASSERT(cards_ctl(0, "zero") == 0);
		CU_ASSERT(cards_ctl(0, "swap %s/suzuki", cards_dir()) == 0);
		CU_ASSERT(cardsession_sign(&e) < 0);
		CU_ASSERT(cardsession_sign(&e) < 0);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
		CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
		cardsession_leave();
		CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	}
}

/* A failed attempt stands on the counter: somebody else's, and a warning. */
static void
only_with_all_tries(void)
{
	static const int tries[] = {4, 2, 1, 0};
	struct err e = {0};

	for (int i = 0; i < 4; i++) {
		if (!cardsession_unlocked() ||
		    !cardlab_load("tanaka", CARDLAB_PIN, tries[i]))
			return;
		ends("pin-tries-low");
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
		cardsession_leave();
	}
	if (!cardsession_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "set no-limit 1") == 0);
	CU_ASSERT(cards_ctl(0, "reset") == 0);
	CHECK_CODE(cardsession_sign(&e), &e, "pin-tries-low");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	cardsession_leave();
}

/* The same card with another password: one try is spent, and no more, by
 * this session or by what comes after it with the same file. */
static void
refused_password_is_never_given_again(void)
{
	struct err e = {0};

	if (!cardsession_unlocked() || !cardlab_load("tanaka", "OTHER1", 5))
		return;
	ends("pin-wrong");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "verify_wrong"), 1);
	CU_ASSERT_STRING_EQUAL(cardsession_marker(), "pin-wrong");
	session_close(cardsession.session);
	cardsession.session = session_open(
	    &cardsession.key, cardsession.state, cardsession.audit, &e);
	CU_ASSERT_FATAL(cardsession.session != NULL);
	CHECK_CODE(cardsession_unlock(&e), &e, "pin-file-refused-before");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	cardsession_leave();
}

/* The answer of the second VERIFY is lost: it counts as spent. */
static void
lost_second_answer_is_not_repeated(void)
{
	struct err e = {0};

	if (!cardsession_unlocked())
		return;
	CHECK_OK(cardsession_sign(&e), &e);
	CU_ASSERT(cards_ctl(0, "reset") == 0);
	/* Queries: recover, session, unlock; then the VERIFY. */
	CU_ASSERT(cards_ctl(0, "fault lose ins=20 after=3") == 0);
	ends("card-state-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_STRING_EQUAL(cardsession_marker(), "attempt");
	cardsession_leave();
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
}

/* It shows the authentication certificate that was seen, but signs with
 * another key. */
static void
other_signature_certificate_ends_the_session(void)
{
	if (!cardsession_unlocked())
		return;
	CU_ASSERT(cards_shell("rm -rf \"$PCSCD_DIR/mix\" && "
			      "cp -r \"$PCSCD_DIR/suzuki\" \"$PCSCD_DIR/mix\" "
			      "&& cp \"$PCSCD_DIR\"/tanaka/auth.* "
			      "\"$PCSCD_DIR/mix\"") == 0);
	CU_ASSERT(cards_ctl(0, "load %s/mix", cards_dir()) == 0);
	ends("card-changed");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	cardsession_leave();
}

/* A card that does not say which it is cannot be known again. */
static void
card_without_identity_does_not_recover(void)
{
	struct err e = {0};

	if (!cardlab_fresh("tanaka"))
		return;
	/* The application, label, then the certificate. */
	CU_ASSERT(cards_ctl(0, "fault sw=6A82 ins=A4 after=2") == 0);
	if (!cardsession_begin())
		return;
	CHECK_OK(cardsession_unlock(&e), &e);
	CU_ASSERT(cards_ctl(0, "fault sw=6982 ins=2A") == 0);
	ends("card-pin-status-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	cardsession_leave();
}

/* A card that forgets again and again is not unlocked for ever. */
static void
three_times_at_most(void)
{
	struct err e = {0};
	long asked;

	if (!cardsession_unlocked())
		return;
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(cards_ctl(0, "reset") == 0);
		CHECK_OK(cardsession_sign(&e), &e);
	}
	CU_ASSERT(cards_ctl(0, "reset") == 0);
	CU_ASSERT(cardsession_sign(&e) != 0);
	asked = cards_count(0, "commands");
	/* It is over: the card is not asked for anything more. */
	CU_ASSERT(cardsession_sign(&e) != 0);
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	CU_ASSERT_EQUAL(cards_count(0, "commands"), asked);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 4);
	cardsession_leave();
}

/* The repeated signature fails too: not a second recovery for it. */
static void
once_for_each_signature(void)
{
	struct err e = {0};

	if (!cardsession_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "fault sw=6982 ins=2A times=2") == 0);
	CHECK_CODE(cardsession_sign(&e), &e, "card-pin-status-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "2A"), 2);
	cardsession_leave();
}

SUITE_MAIN("recover", CASE(password_status_lost_is_given_again),
    CASE(card_that_restarted_is_unlocked_again),
    CASE(answer_that_never_came_is_asked_again),
    CASE(card_that_keeps_its_state_is_locked_first),
    CASE(quick_reinsertion_recovers_or_ends),
    CASE(removed_card_ends_the_session), CASE(another_card_gets_no_password),
    CASE(swapped_card_gets_no_password), CASE(only_with_all_tries),
    CASE(refused_password_is_never_given_again),
    CASE(lost_second_answer_is_not_repeated),
    CASE(other_signature_certificate_ends_the_session),
    CASE(card_without_identity_does_not_recover), CASE(three_times_at_most),
    CASE(once_for_each_signature))
