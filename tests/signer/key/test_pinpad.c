/*
 * PINs typed on the reader: the exact bytes of PC/SC part 10, each answer of
 * reader and card, and that a keyholder without the PIN does not try again.
 * The card is the virtual card's own model, behind a reader of this program.
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
	const char *typed;  /* what the person types on the reader */
	unsigned reader_sw; /* or what the reader says instead */
	LONG error;         /* or PC/SC */
	struct conf_key key;
	char name[16];
	int state;
	struct audit *audit;
	struct session *session;
} lab;

static LONG
card_command(struct slice command, struct buf *answer)
{
	apdu_answer(lab.card, &lab.quirks, command, &lab.n, answer);
	return SCARD_S_SUCCESS;
}

/* A reader that does as it is told, and only as part 10 says it is told. */
static LONG
reader_keys(struct slice structure, struct buf *answer)
{
	static const uint8_t want[] = {60, 60, 0x82, 0x00, 0x00, 0x10, 0x06,
	    0x02, 0xFF, 0x11, 0x04, 0x00, 0x00, 0x00, 0x00, 5, 0, 0, 0, 0x00,
	    0x20, 0x00, 0x80, 0x00};
	uint8_t command[5 + 16];
	size_t n = lab.typed == NULL ? 0 : strlen(lab.typed);

	CU_ASSERT(slice_eq(structure, slice_of(want, sizeof want)));
	if (lab.error != SCARD_S_SUCCESS)
		return lab.error;
	if (lab.reader_sw != 0) {
		buf_putc(answer, (uint8_t)(lab.reader_sw >> 8));
		buf_putc(answer, (uint8_t)lab.reader_sw);
		return SCARD_S_SUCCESS;
	}
	memcpy(command, want + 19, 4);
	command[4] = (uint8_t)n;
	memcpy(command + 5, lab.typed, n);
	return card_command(slice_of(command, 5 + n), answer);
}

static const char *
card_folder(void)
{
	static char path[400];
	char line[1200];

	if (path[0] != '\0')
		return path;
	snprintf(path, sizeof path, "%s/card", suite_dir_path());
	snprintf(line, sizeof line,
	    "\"${NATSUIN_SRC:-.}/tests/vcard/mkcard.sh\" --pki %s/pki %s "
	    "tanaka >%s/mkcard.log 2>&1",
	    suite_dir_path(), path, suite_dir_path());
	CU_ASSERT_EQUAL(system(line), 0);
	return path;
}

static void
begin(enum conf_pin_entry entry, const char *pin_file)
{
	static int count;
	static char none[] = "";
	struct err e = {0};

	memset(&lab, 0, sizeof lab);
	memset(&fakereader, 0, sizeof fakereader);
	CHECK_OK(secret_init(&e), &e);
	fakereader.transmit = card_command;
	fakereader.pad = reader_keys;
	lab.card = card_load(card_folder(), &e);
	CU_ASSERT_FATAL(lab.card != NULL);
	lab.card->pins[1].tries = 5;
	snprintf(lab.name, sizeof lab.name, "pad%d", ++count);
	lab.key = (struct conf_key){.name = lab.name,
	    .backend = CONF_BACKEND_JPKI,
	    .reader = none,
	    .pin_entry = entry,
	    .pin_file = pin_file == NULL ? none : strdup(pin_file)};
	lab.state = keystate_open(keylab_folder("spool", 0700), &e);
	lab.audit = audit_open(lab.state, lab.name, &e);
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CU_ASSERT(lab.session != NULL);
	if (lab.session == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
}

static void
end(void)
{
	session_close(lab.session);
	audit_close(lab.audit);
	close(lab.state);
	card_free(lab.card);
	if (lab.key.pin_file[0] != '\0')
		free(lab.key.pin_file);
}

static int
unlock(enum pin_source source, struct err *e)
{
	struct unlock_options o = {.source = source,
	    .pin_fd = -1,
	    .prompt = {.key = "pad", .description = "card", .signal_fd = -1}};

	err_clear(e);
	return session_unlock(lab.session, &o, e);
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

static const char *
marker_of(const char *name)
{
	static struct pin_marker m;
	struct err e = {0};

	if (pin_marker_read(lab.state, name, &m, &e) != 1)
		return "";
	return m.code;
}

/* The marker's code, or "". */
static const char *
marker(void)
{
	return marker_of(lab.name);
}

/* The same of the card's own. */
static const char *
card_marker(void)
{
	const char *card = session_status(lab.session)->card;

	CU_ASSERT_EQUAL(strlen(card), KEY_CARD_SIZE - 1);
	return marker_of(card);
}

static void
typed_on_the_reader_it_signs(void)
{
	struct err e = {0};

	begin(CONF_PIN_AUTO, NULL);
	CU_ASSERT_EQUAL(session_status(lab.session)->pin, PIN_PAD);
	lab.typed = "ABC123";
	CHECK_OK(unlock(PIN_SOURCE_TERMINAL, &e), &e);
	CU_ASSERT_EQUAL(session_pin_source(lab.session), PIN_SOURCE_PAD);
	CHECK_OK(sign(&e), &e);
	CHECK_OK(sign(&e), &e);
	CU_ASSERT_EQUAL(fakereader.pads, 1);
	CU_ASSERT_EQUAL(lab.n.verify, 1);
	CU_ASSERT_EQUAL(lab.n.sign, 2);
	CU_ASSERT_STRING_EQUAL(marker(), "");
	end();
	CU_ASSERT(fakereader.unpowered > 0);
}

/* What the reader says when it sent nothing costs nothing, and the key may
 * be tried again at once. */
static void
reader_refusals_cost_no_try(void)
{
	static const struct {
		unsigned sw;
		const char *code;
	} rows[] = {{0x6400, "pin-pad-timeout"}, {0x6401, "pin-cancelled"},
	    {0x6402, "pin-pad-length"}, {0x6403, "pin-pad-length"}};
	struct err e = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin(CONF_PIN_AUTO, NULL);
		lab.reader_sw = rows[i].sw;
		CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, ERR_PIN);
		CU_ASSERT_EQUAL(e.lib, rows[i].sw);
		CU_ASSERT_EQUAL(lab.n.verify, 0);
		CU_ASSERT_EQUAL(lab.card->pins[1].tries, 5);
		CU_ASSERT_STRING_EQUAL(marker(), "");
		CU_ASSERT_STRING_EQUAL(card_marker(), "");
		CU_ASSERT(sign(&e) < 0);
		lab.reader_sw = 0;
		lab.typed = "ABC123";
		CHECK_OK(unlock(PIN_SOURCE_TERMINAL, &e), &e);
		CHECK_OK(sign(&e), &e);
		CU_ASSERT_EQUAL(lab.n.verify, 1);
		end();
	}
}

/* A marker of before is still there after a cancelled entry. */
static void
cancelled_entry_keeps_an_old_marker(void)
{
	struct err e = {0};
	struct pin_marker old = {.refused = true,
	    .code = "pin-wrong",
	    .time_ms = 1000,
	    .tries = 5,
	    .origin = {.source = PIN_SOURCE_DESCRIPTOR}};

	begin(CONF_PIN_AUTO, NULL);
	CHECK_OK(pin_marker_write(lab.state, lab.name, &old, &e), &e);
	CHECK_OK(pin_marker_write(
		     lab.state, session_status(lab.session)->card, &old, &e),
	    &e);
	lab.reader_sw = 0x6401;
	CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, "pin-cancelled");
	CU_ASSERT_STRING_EQUAL(marker(), "pin-wrong");
	CU_ASSERT_STRING_EQUAL(card_marker(), "pin-wrong");
	lab.reader_sw = 0;
	lab.typed = "ABC123";
	CHECK_OK(unlock(PIN_SOURCE_TERMINAL, &e), &e);
	CU_ASSERT_STRING_EQUAL(card_marker(), "");
	end();
}

static void
wrong_pin_costs_one_try(void)
{
	struct err e = {0};

	begin(CONF_PIN_AUTO, NULL);
	lab.typed = "WRONG1";
	CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(lab.n.verify, 1);
	CU_ASSERT_EQUAL(lab.n.verify_wrong, 1);
	CU_ASSERT_STRING_EQUAL(marker(), "pin-wrong");
	CU_ASSERT_STRING_EQUAL(card_marker(), "attempt");
	lab.card->pins[1].tries = 1;
	CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, "pin-tries-low");
	lab.card->pins[1].tries = 0;
	CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, "pin-blocked");
	CU_ASSERT_EQUAL(lab.n.verify, 1);
	CU_ASSERT_EQUAL(fakereader.pads, 1);
	end();
}

/* Every answer of the card comes through as without a pad. */
static void
card_answers_through_the_reader(void)
{
	static const struct {
		unsigned sw;
		const char *code;
		enum err_class class;
	} rows[] = {{0x6983, "pin-blocked", ERR_PIN},
	    {0x6984, "pin-blocked", ERR_PIN}, {0x63C2, "pin-wrong", ERR_PIN},
	    {0x6700, "pin-format", ERR_PIN},
	    {0x6986, "card-state-lost", ERR_CARD},
	    {0x6105, "card-error", ERR_CARD}, {0x6C05, "card-error", ERR_CARD},
	    {0x6F00, "card-error", ERR_CARD}};
	struct err e = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin(CONF_PIN_PAD, NULL);
		lab.reader_sw = rows[i].sw;
		CHECK_CODE(unlock(PIN_SOURCE_NONE, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, rows[i].class);
		CU_ASSERT_EQUAL(fakereader.pads, 1);
		CU_ASSERT_STRING_EQUAL(marker(),
		    rows[i].class == ERR_PIN ? rows[i].code : "attempt");
		end();
	}
}

static void
lost_answer_leaves_the_marker(void)
{
	static const struct {
		LONG error;
		const char *code;
	} rows[] = {{SCARD_E_NOT_TRANSACTED, "card-communication"},
	    {SCARD_W_REMOVED_CARD, "card-removed"},
	    {SCARD_E_NO_SERVICE, "pcsc-unavailable"}};
	struct err e = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin(CONF_PIN_AUTO, NULL);
		lab.error = rows[i].error;
		CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, rows[i].code);
		CU_ASSERT_STRING_EQUAL(marker(), "attempt");
		CU_ASSERT_EQUAL(fakereader.pads, 1);
		end();
	}
}

/* Nobody is at the desk in mid-session: no second entry. */
static void
forgotten_pin_ends_the_session(void)
{
	struct err e = {0};

	begin(CONF_PIN_AUTO, NULL);
	lab.typed = "ABC123";
	CHECK_OK(unlock(PIN_SOURCE_TERMINAL, &e), &e);
	CHECK_OK(sign(&e), &e);
	card_power_off(lab.card);
	CHECK_CODE(sign(&e), &e, "card-state-lost");
	CU_ASSERT(sign(&e) < 0);
	CU_ASSERT_EQUAL(fakereader.pads, 1);
	CU_ASSERT_EQUAL(fakereader.reconnects, 0);
	CU_ASSERT_EQUAL(lab.n.verify, 1);
	end();
}

/* A file gives the PIN: nobody need be there; and it may be given again. */
static void
pin_file_goes_before_the_pad(void)
{
	const char *file = keylab_file("pad.pin", "ABC123\n", 0400);
	struct err e = {0};

	begin(CONF_PIN_AUTO, file);
	CHECK_OK(unlock(PIN_SOURCE_FILE, &e), &e);
	CU_ASSERT_EQUAL(session_pin_source(lab.session), PIN_SOURCE_FILE);
	card_power_off(lab.card);
	CHECK_OK(sign(&e), &e);
	CU_ASSERT_EQUAL(fakereader.pads, 0);
	CU_ASSERT_EQUAL(lab.n.verify, 2);
	end();
	/* "pad" means the pad. */
	begin(CONF_PIN_PAD, file);
	lab.typed = "ABC123";
	CHECK_OK(unlock(PIN_SOURCE_FILE, &e), &e);
	CU_ASSERT_EQUAL(fakereader.pads, 1);
	end();
	/* "keyboard" means never the pad. */
	begin(CONF_PIN_KEYBOARD, file);
	CU_ASSERT_EQUAL(session_status(lab.session)->pin, PIN_NEEDED);
	CHECK_OK(unlock(PIN_SOURCE_FILE, &e), &e);
	CU_ASSERT_EQUAL(fakereader.pads, 0);
	end();
}

static void
reader_without_keys_cannot_be_asked(void)
{
	struct err e = {0};

	begin(CONF_PIN_PAD, NULL);
	session_close(lab.session);
	fakereader.pad = NULL;
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CU_ASSERT_FATAL(lab.session != NULL);
	CU_ASSERT_EQUAL(session_status(lab.session)->pin, PIN_NEEDED);
	CHECK_CODE(unlock(PIN_SOURCE_TERMINAL, &e), &e, "pin-pad-missing");
	CU_ASSERT_EQUAL(e.class, ERR_CONFIG);
	CU_ASSERT_EQUAL(lab.n.verify, 0);
	end();
}

SUITE_MAIN("pinpad", CASE(typed_on_the_reader_it_signs),
    CASE(reader_refusals_cost_no_try),
    CASE(cancelled_entry_keeps_an_old_marker), CASE(wrong_pin_costs_one_try),
    CASE(card_answers_through_the_reader), CASE(lost_answer_leaves_the_marker),
    CASE(forgotten_pin_ends_the_session), CASE(pin_file_goes_before_the_pad),
    CASE(reader_without_keys_cannot_be_asked))
