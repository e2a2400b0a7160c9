/*
 * A card that forgets its password while nobody wants a signature: what the
 * keyholder's regular look (session_alive) makes of each answer of PC/SC.
 * The card is the virtual card's own model, behind a reader of this program:
 * no pcscd tells an exclusive client of a reset when it is wanted.
 */
#include "signer/key/keystate.h"
#include "signer/key/session.h"
#include "tests/lib/fakereader.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"
#include "tests/vcard/apdu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	struct card *card;
	struct card_quirks quirks;
	struct counters n;
	LONG error; /* instead of any answer */
	struct conf_key key;
	char name[16], pin_file[400];
	int state;
	struct audit *audit;
	struct session *session;
} lab;

/* Waiting for pcscd to look again costs no time here. */
int64_t __wrap_clock_mono_ms(void);
int64_t
__wrap_clock_mono_ms(void)
{
	static int64_t now;

	return now += 100;
}

static LONG
card_command(struct slice command, struct buf *answer)
{
	if (lab.error != SCARD_S_SUCCESS)
		return lab.error;
	apdu_answer(lab.card, &lab.quirks, command, &lab.n, answer);
	return SCARD_S_SUCCESS;
}

/* A card directory "tanaka" or "suzuki", made once. */
static const char *
card_folder(const char *name)
{
	static char path[400];
	char line[1500];

	snprintf(path, sizeof path, "%s/%s", suite_dir_path(), name);
	snprintf(line, sizeof line,
	    "test -d %s || \"${NATSUIN_SRC:-.}/tests/vcard/mkcard.sh\" --pki "
	    "%s/pki %s %s >%s/mkcard.log 2>&1",
	    path, suite_dir_path(), path, name, suite_dir_path());
	CU_ASSERT_EQUAL(system(line), 0);
	return path;
}

static void
put_in(const char *name)
{
	struct err e = {0};

	card_free(lab.card);
	lab.card = card_load(card_folder(name), &e);
	CU_ASSERT_FATAL(lab.card != NULL);
	lab.card->pins[1].tries = 5;
	snprintf(
	    lab.card->pins[1].value, sizeof lab.card->pins[1].value, "ABC123");
}

static int
sign(struct err *e)
{
	uint8_t digest[32] = {1};
	struct sign_input in = {.digest = slice_of(digest, sizeof digest)};
	struct buf out = {0};
	int r;

	err_clear(e);
	r = session_sign(lab.session, &in, &out, e);
	buf_free(&out);
	return r;
}

static void
sign_ok(void)
{
	struct err e = {0};

	CHECK_OK(sign(&e), &e);
}

/* An unlocked session that has signed once. */
static void
begin(void)
{
	static int count;
	static char none[] = "";
	struct unlock_options o = {.source = PIN_SOURCE_FILE,
	    .pin_fd = -1,
	    .prompt = {.key = "idle", .description = "card", .signal_fd = -1}};
	struct err e = {0};

	memset(&lab, 0, sizeof lab);
	memset(&fakereader, 0, sizeof fakereader);
	CHECK_OK(secret_init(&e), &e);
	fakereader.transmit = card_command;
	put_in("tanaka");
	snprintf(lab.name, sizeof lab.name, "idle%d", ++count);
	snprintf(lab.pin_file, sizeof lab.pin_file, "%s",
	    keylab_file("idle.pin", "ABC123\n", 0400));
	lab.key = (struct conf_key){.name = lab.name,
	    .backend = CONF_BACKEND_JPKI,
	    .reader = none,
	    .pin_file = lab.pin_file};
	lab.state = keystate_open(keylab_folder("spool", 0700), &e);
	lab.audit = audit_open(lab.state, lab.name, &e);
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CU_ASSERT_FATAL(lab.session != NULL);
	CHECK_OK(session_unlock(lab.session, &o, &e), &e);
	CU_ASSERT_EQUAL(lab.n.verify, 1);
	sign_ok();
}

static void
end(void)
{
	session_close(lab.session);
	audit_close(lab.audit);
	close(lab.state);
	card_free(lab.card);
}

/* The card loses its power, and the next look at the reader is told so. */
static void
forgets(LONG told)
{
	card_power_off(lab.card);
	fakereader.status = told;
}

static const char *
marker(void)
{
	static struct pin_marker m;
	struct err e = {0};

	return pin_marker_read(lab.state, lab.name, &m, &e) == 1 ? m.code : "";
}

/* The look ends the session with this code, for good: nothing later brings
 * a VERIFY, though the reader says that all is well. */
static void
ends(const char *code, uint64_t verify)
{
	struct err e = {0};
	uint64_t signatures = lab.n.sign;

	CHECK_CODE(session_alive(lab.session, &e), &e, code);
	fakereader.status = SCARD_S_SUCCESS;
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(session_alive(lab.session, &e) < 0);
		CU_ASSERT(sign(&e) < 0);
	}
	CU_ASSERT_FALSE(session_status(lab.session)->present);
	CU_ASSERT_EQUAL(lab.n.verify, verify);
	CU_ASSERT_EQUAL(lab.n.sign, signatures);
}

/* Unlocked again before the next signature is wanted. */
static void
forgotten_while_idle_is_unlocked_again(void)
{
	static const LONG told[] = {
	    SCARD_W_RESET_CARD, SCARD_E_NOT_TRANSACTED, SCARD_E_COMM_DATA_LOST};
	struct err e = {0};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		begin();
		forgets(told[i]);
		CHECK_OK(session_alive(lab.session, &e), &e);
		CU_ASSERT(session_status(lab.session)->present);
		CU_ASSERT_EQUAL(session_status(lab.session)->pin, PIN_VERIFIED);
		CU_ASSERT_EQUAL(fakereader.reconnects, 1);
		CU_ASSERT_EQUAL(lab.n.verify, 2);
		CU_ASSERT_EQUAL(lab.n.verify_wrong, 0);
		CU_ASSERT_STRING_EQUAL(marker(), "");
		sign_ok();
		CHECK_OK(session_alive(lab.session, &e), &e);
		CU_ASSERT_EQUAL(lab.n.verify, 2);
		end();
	}
}

/* Looking alone costs no command at all. */
static void
looking_asks_the_card_nothing(void)
{
	unsigned before;
	struct err e = {0};

	begin();
	before = fakereader.transmits;
	for (int i = 0; i < 100; i++)
		CHECK_OK(session_alive(lab.session, &e), &e);
	CU_ASSERT_EQUAL(fakereader.transmits, before);
	end();
}

static void
gone_card_is_not_waited_for(void)
{
	begin();
	forgets(SCARD_W_REMOVED_CARD);
	ends("card-removed", 1);
	end();
	begin();
	forgets(SCARD_E_NO_SERVICE);
	ends("pcsc-unavailable", 1);
	end();
}

/* A reader that is unplugged, as no virtual one can be: noticed by the look
 * or by the next signature, and not waited for. */
static void
unplugged_reader_ends_the_session(void)
{
	static const LONG told[] = {
	    SCARD_E_READER_UNAVAILABLE, SCARD_E_UNKNOWN_READER};
	struct err e = {0};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		begin();
		forgets(told[i]);
		ends("reader-missing", 1);
		end();
		begin();
		lab.error = fakereader.status = told[i];
		CHECK_CODE(sign(&e), &e, "reader-missing");
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
		/* Plugged in again: unlocked by who did that, not by this. */
		lab.error = SCARD_S_SUCCESS;
		ends("reader-missing", 1);
		end();
	}
}

static void
another_card_gets_no_password(void)
{
	begin();
	put_in("suzuki");
	forgets(SCARD_W_RESET_CARD);
	ends("card-changed", 1);
	end();
}

static void
only_with_all_tries(void)
{
	for (int tries = 0; tries < 5; tries++) {
		begin();
		lab.card->pins[1].tries = tries;
		forgets(SCARD_W_RESET_CARD);
		ends("pin-tries-low", 1);
		CU_ASSERT_EQUAL(lab.card->pins[1].tries, tries);
		end();
	}
}

/* The same card, whose password was changed elsewhere. */
static void
refused_password_is_never_given_again(void)
{
	begin();
	snprintf(
	    lab.card->pins[1].value, sizeof lab.card->pins[1].value, "OTHER1");
	forgets(SCARD_W_RESET_CARD);
	ends("pin-wrong", 2);
	CU_ASSERT_EQUAL(lab.n.verify_wrong, 1);
	CU_ASSERT_STRING_EQUAL(marker(), "pin-wrong");
	end();
}

static void
three_times_at_most(void)
{
	struct err e = {0};

	begin();
	for (int i = 0; i < 3; i++) {
		forgets(SCARD_W_RESET_CARD);
		CHECK_OK(session_alive(lab.session, &e), &e);
	}
	forgets(SCARD_W_RESET_CARD);
	ends("card-reset", 4);
	end();
}

SUITE_MAIN("idle", CASE(forgotten_while_idle_is_unlocked_again),
    CASE(looking_asks_the_card_nothing), CASE(gone_card_is_not_waited_for),
    CASE(unplugged_reader_ends_the_session),
    CASE(another_card_gets_no_password), CASE(only_with_all_tries),
    CASE(refused_password_is_never_given_again), CASE(three_times_at_most))
