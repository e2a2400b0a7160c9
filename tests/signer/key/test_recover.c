/*
 * Sessions whose card forgets them half-way, through the real pcscd and a
 * virtual card: unlocked again at most once per failure and only on the same
 * card with all its tries.  The card's own counters are the judge.
 */
#include "signer/key/keystate.h"
#include "signer/key/session.h"
#include "tests/lib/cardlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lab {
	struct conf_key key;
	char name[16], reader[16], pin_file[300];
	char root[300];
	int state;
	struct audit *audit;
	struct session *session;
} lab;

static void
leave(void)
{
	session_close(lab.session);
	audit_close(lab.audit);
	if (lab.state > 0)
		close(lab.state);
	memset(&lab, 0, sizeof lab);
}

/* A session of the card in reader 0, with the PIN from a file. */
static bool
begin(void)
{
	static int n;
	struct err e = {0};

	memset(&lab, 0, sizeof lab);
	snprintf(lab.name, sizeof lab.name, "k%d", ++n);
	snprintf(lab.reader, sizeof lab.reader, "VR0 00 00");
	snprintf(lab.pin_file, sizeof lab.pin_file, "%s",
	    keylab_file("recover.pin", CARDLAB_PIN "\n", 0400));
	snprintf(lab.root, sizeof lab.root, "%s", keylab_folder("spool", 0700));
	lab.key = (struct conf_key){.name = lab.name,
	    .backend = CONF_BACKEND_JPKI,
	    .reader = lab.reader,
	    .pin_file = lab.pin_file};
	lab.state = keystate_open(lab.root, &e);
	CHECK_OK(lab.state, &e);
	lab.audit = audit_open(lab.state, lab.name, &e);
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CU_ASSERT(lab.session != NULL);
	if (lab.session != NULL)
		return true;
	suite_print_err(__FILE__, __LINE__, &e);
	leave();
	return false;
}

static int
unlock(struct err *e)
{
	struct unlock_options o = {
	    .source = PIN_SOURCE_FILE, .pin_fd = -1, .prompt = {"k", "k", -1}};

	return session_unlock(lab.session, &o, e);
}

static bool
begin_unlocked(void)
{
	struct err e = {0};

	if (!cardlab_fresh("tanaka") || !begin())
		return false;
	CHECK_OK(unlock(&e), &e);
	return true;
}

/* session_sign verifies what it gives with the certificate. */
static int
sign(struct err *e)
{
	uint8_t digest[32];
	struct sign_input in = {0};
	struct buf out = {0};
	int result;

	memset(digest, 7, sizeof digest);
	in.digest = slice_of(digest, sizeof digest);
	err_clear(e);
	result = session_sign(lab.session, &in, &out, e);
	CU_ASSERT_EQUAL(out.len, result == 0 ? 256 : 0);
	buf_free(&out);
	return result;
}

/* "", "attempt" or the code of the refusal that the marker tells. */
static const char *
marker(void)
{
	static struct pin_marker m;
	struct err e = {0};

	if (pin_marker_read(lab.state, lab.name, &m, &e) != 1)
		return "";
	CU_ASSERT_EQUAL(m.refused, strcmp(m.code, "attempt") != 0);
	return m.code;
}

/* The fault costs the session nothing but one more VERIFY. */
static void
recovers_from(const char *fault)
{
	struct err e = {0};
	int64_t start;

	if (!begin_unlocked())
		return;
	CHECK_OK(sign(&e), &e);
	CU_ASSERT(cards_ctl(0, "%s", fault) == 0);
	start = clock_mono_ms();
	CHECK_OK(sign(&e), &e);
	printf("# %s: signs again after %lld ms\n", fault,
	    (long long)(clock_mono_ms() - start));
	CHECK_OK(sign(&e), &e);
	CHECK_OK(session_alive(lab.session, &e), &e);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "verify_ok"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 3);
	CU_ASSERT_EQUAL(cards_count(0, "auth_sign"), 0);
	CU_ASSERT_STRING_EQUAL(marker(), "");
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	leave();
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

	if (!begin_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "set reset-keeps-pin 1") == 0);
	CU_ASSERT(cards_ctl(0, "set verified-query-9000 1") == 0);
	CU_ASSERT(cards_ctl(0, "fault sw=6982 ins=2A") == 0);
	CHECK_OK(sign(&e), &e);
	CU_ASSERT_EQUAL(cards_count(0, "verify_ok"), 2);
	leave();
}

/* Out and in within a signature.  Whether pcscd saw it is its affair: the
 * session is unlocked again or over, with no VERIFY too many. */
static void
quick_reinsertion_recovers_or_ends(void)
{
	struct err e = {0};
	int result;

	for (int i = 0; i < 3; i++) {
		if (!begin_unlocked())
			return;
		CHECK_OK(sign(&e), &e);
		CU_ASSERT(cards_ctl(0, "fault reinsert ins=2A") == 0);
		result = sign(&e);
		printf("# reinsertion: %s\n", result == 0 ? "again" : e.code);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), result == 0 ? 2 : 1);
		CU_ASSERT(result == 0 || e.class == ERR_CARD);
		CU_ASSERT_STRING_EQUAL(marker(), "");
		leave();
		CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	}
}

/* The failure ends the session with this code: no VERIFY after the first,
 * and none later either. */
static void
ends(const char *code)
{
	struct err e = {0};

	CHECK_CODE(sign(&e), &e, code);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(sign(&e) < 0);
	CU_ASSERT(session_alive(lab.session, &e) < 0);
}

static void
removed_card_ends_the_session(void)
{
	if (!begin_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "fault remove ins=2A") == 0);
	ends("card-no-answer");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	/* Back in its reader it is asked for nothing more. */
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	ends("card-no-answer");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	leave();
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
}

/* Another card, too fast for pcscd: it never gets the password. */
static void
another_card_gets_no_password(void)
{
	if (!begin_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "load %s/suzuki", cards_dir()) == 0);
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	ends("card-changed");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	leave();
}

static void
swapped_card_gets_no_password(void)
{
	struct err e = {0};

	for (int i = 0; i < 5; i++) {
		if (!begin_unlocked())
			return;
		CU_ASSERT(cards_ctl(0, "zero") == 0);
		CU_ASSERT(cards_ctl(0, "swap %s/suzuki", cards_dir()) == 0);
		CU_ASSERT(sign(&e) < 0);
		CU_ASSERT(sign(&e) < 0);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
		CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
		leave();
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
		if (!begin_unlocked() ||
		    !cardlab_load("tanaka", CARDLAB_PIN, tries[i]))
			return;
		ends("pin-tries-low");
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
		leave();
	}
	if (!begin_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "set no-limit 1") == 0);
	CU_ASSERT(cards_ctl(0, "reset") == 0);
	CHECK_CODE(sign(&e), &e, "pin-tries-low");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	leave();
}

/* The same card with another password: one try is spent, and no more, by
 * this session or by what comes after it with the same file. */
static void
refused_password_is_never_given_again(void)
{
	struct err e = {0};

	if (!begin_unlocked() || !cardlab_load("tanaka", "OTHER1", 5))
		return;
	ends("pin-wrong");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "verify_wrong"), 1);
	CU_ASSERT_STRING_EQUAL(marker(), "pin-wrong");
	session_close(lab.session);
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CU_ASSERT_FATAL(lab.session != NULL);
	CHECK_CODE(unlock(&e), &e, "pin-file-refused-before");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	leave();
}

/* The answer of the second VERIFY is lost: it counts as spent. */
static void
lost_second_answer_is_not_repeated(void)
{
	struct err e = {0};

	if (!begin_unlocked())
		return;
	CHECK_OK(sign(&e), &e);
	CU_ASSERT(cards_ctl(0, "reset") == 0);
	/* Queries: recover, session, unlock; then the VERIFY. */
	CU_ASSERT(cards_ctl(0, "fault lose ins=20 after=3") == 0);
	ends("card-state-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_STRING_EQUAL(marker(), "attempt");
	leave();
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
}

/* It shows the authentication certificate that was seen, but signs with
 * another key. */
static void
other_signature_certificate_ends_the_session(void)
{
	if (!begin_unlocked())
		return;
	CU_ASSERT(cards_shell("rm -rf \"$PCSCD_DIR/mix\" && "
			      "cp -r \"$PCSCD_DIR/suzuki\" \"$PCSCD_DIR/mix\" "
			      "&& cp \"$PCSCD_DIR\"/tanaka/auth.* "
			      "\"$PCSCD_DIR/mix\"") == 0);
	CU_ASSERT(cards_ctl(0, "load %s/mix", cards_dir()) == 0);
	ends("card-changed");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	leave();
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
	if (!begin())
		return;
	CHECK_OK(unlock(&e), &e);
	CU_ASSERT(cards_ctl(0, "fault sw=6982 ins=2A") == 0);
	ends("card-pin-status-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	leave();
}

/* A card that forgets again and again is not unlocked for ever. */
static void
three_times_at_most(void)
{
	struct err e = {0};

	if (!begin_unlocked())
		return;
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(cards_ctl(0, "reset") == 0);
		CHECK_OK(sign(&e), &e);
	}
	CU_ASSERT(cards_ctl(0, "reset") == 0);
	ends("card-state-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 4);
	leave();
}

/* The repeated signature fails too: not a second recovery for it. */
static void
once_for_each_signature(void)
{
	struct err e = {0};

	if (!begin_unlocked())
		return;
	CU_ASSERT(cards_ctl(0, "fault sw=6982 ins=2A times=2") == 0);
	CHECK_CODE(sign(&e), &e, "card-pin-status-lost");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	CU_ASSERT_EQUAL(cards_count(0, "2A"), 2);
	leave();
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
