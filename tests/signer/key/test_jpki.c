/*
 * The JPKI backend through the real pcscd and a virtual card.  What the
 * card counted is the judge, not what the backend says of itself.
 */
#include "signer/key/backend.h"
#include "signer/key/jpki_card.h"
#include "signer/key/jpki_info.h"
#include "tests/lib/cardlab.h"
#include "tests/lib/suite.h"

#include "base/clock.h"
#include "base/fsops.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RIGHT_PIN CARDLAB_PIN

static const struct key_backend *const jpki = &key_backend_jpki;
static char no_name[] = "";

static struct key *
open_key(const char *reader, struct err *e)
{
	char name[64];
	struct conf_key conf = {.name = no_name, .reader = name};

	snprintf(name, sizeof name, "%s", reader);
	return jpki->open(&conf, e);
}

static int
unlock(struct key *k, const char *text, struct err *e)
{
	struct secret *pin = secret_new(64);
	int result;

	memcpy(secret_room(pin), text, strlen(text));
	secret_set_len(pin, strlen(text));
	result = jpki->unlock(k, pin, e);
	secret_free(pin);
	return result;
}

/* An unlocked key on the card in reader 0, or NULL (asserted). */
static struct key *
open_unlocked(void)
{
	struct err e = {0};
	struct key *k = open_key("VR0 00 00", &e);

	CU_ASSERT(k != NULL);
	if (k == NULL) {
		suite_print_err(__FILE__, __LINE__, &e);
		return NULL;
	}
	CHECK_OK(unlock(k, RIGHT_PIN, &e), &e);
	return k;
}

static int
sign(struct key *k, uint8_t fill, struct buf *out, struct err *e)
{
	uint8_t digest[32];

	memset(digest, fill, sizeof digest);
	buf_reset(out);
	return jpki->sign(
	    k, SIGN_RSA_SHA256, slice_of(digest, sizeof digest), out, e);
}

static bool
signature_good(
    const struct buf *certificate, uint8_t fill, const struct buf *signature)
{
	const unsigned char *p = certificate->p;
	X509 *x = d2i_X509(NULL, &p, (long)certificate->len);
	EVP_PKEY *key = x == NULL ? NULL : X509_get_pubkey(x);
	EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
	uint8_t digest[32];
	bool good;

	memset(digest, fill, sizeof digest);
	good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_verify(ctx, signature->p, signature->len, digest,
		   sizeof digest) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	X509_free(x);
	return good;
}

/* Whether bytes equal a file of a card directory. */
static bool
equals_file(const struct buf *b, const char *card, const char *file)
{
	char path[256];
	struct buf want = {0};
	struct err e = {0};
	bool same;
	int fd;

	snprintf(path, sizeof path, "%s/%s/%s", cards_dir(), card, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	same = fd >= 0 && fs_read_all(fd, 65536, &want, &e) == 0 &&
	       slice_eq(buf_view(b), buf_view(&want));
	if (fd >= 0)
		close(fd);
	buf_free(&want);
	return same;
}

static void
one_verify_one_certificate_n_signatures(void)
{
	struct buf certificate = {0}, again = {0}, signature = {0};
	struct key_status status;
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CHECK_OK(jpki->certificate(k, &certificate, &e), &e);
	CHECK_OK(jpki->certificate(k, &again, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&certificate), buf_view(&again)));
	CU_ASSERT(equals_file(&certificate, "tanaka", "sign.der"));
	for (uint8_t i = 0; i < 20; i++) {
		CHECK_OK(sign(k, i, &signature, &e), &e);
		CU_ASSERT(signature_good(&certificate, i, &signature));
		/* Asking how it stands must not disturb the card. */
		CHECK_OK(jpki->status(k, &status, &e), &e);
		CHECK_OK(jpki->alive(k, &e), &e);
		CU_ASSERT(status.present && status.pin == PIN_VERIFIED);
	}
	CU_ASSERT_EQUAL(status.tries_left, 5);
	CU_ASSERT_STRING_EQUAL(status.token, "JPKIAPICCTOKEN2");
	CU_ASSERT_STRING_EQUAL(status.where, "VR0 00 00");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "cert_reads"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 20);
	CU_ASSERT_EQUAL(cards_count(0, "auth_sign"), 0);
	CU_ASSERT_EQUAL(cards_count(0, "select_ap"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "select_key"), 1);
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "select_other"), 1);
	CU_ASSERT(cardlab_counts(0, "power_off", 1));
	buf_free(&certificate);
	buf_free(&again);
	buf_free(&signature);
}

/* The next program must not find the card unlocked. */
static void
closing_locks_the_card(void)
{
	struct buf certificate = {0};
	struct err e = {0};
	struct pcsc *p;
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	jpki->close(k);
	p = pcsc_new(&e);
	CHECK_OK(jpki_find(p, "VR0 00 00", false, 1000, &e), &e);
	CHECK_CODE(jpki_read_der(p, JPKI_SIGN_CERT, &certificate, &e), &e,
	    "card-pin-status-lost");
	pcsc_free(p);
	buf_free(&certificate);
}

static void
wrong_pin_costs_exactly_one_try(void)
{
	struct buf out = {0};
	struct key_status status;
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka"))
		return;
	k = open_key("", &e);
	CU_ASSERT_FATAL(k != NULL);
	CHECK_CODE(unlock(k, "WRONG1", &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CHECK_OK(jpki->status(k, &status, &e), &e);
	CU_ASSERT_EQUAL(status.tries_left, 4);
	CU_ASSERT_EQUAL(status.pin, PIN_NEEDED);
	CHECK_CODE(sign(k, 1, &out, &e), &e, "pin-needed");
	CHECK_CODE(jpki->certificate(k, &out, &e), &e, "pin-needed");
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	buf_free(&out);
}

static void
last_try_is_never_spent(void)
{
	struct err e = {0};
	struct key *k;

	if (!cardlab_with_tries(2))
		return;
	k = open_key("", &e);
	CU_ASSERT_FATAL(k != NULL);
	CHECK_CODE(unlock(k, "WRONG1", &e), &e, "pin-wrong");
	CHECK_CODE(unlock(k, RIGHT_PIN, &e), &e, "pin-tries-low");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
}

static void
blocked_card_gets_no_verify(void)
{
	static const char *const answers[] = {"63C0", "6984", "6983"};
	struct key_status status;

	for (int i = 0; i < 3; i++) {
		struct err e = {0};
		struct key *k;

		if (!cardlab_with_tries(0))
			return;
		CU_ASSERT(
		    cards_ctl(0, "set blocked-query-sw %s", answers[i]) == 0);
		k = open_key("", &e);
		CU_ASSERT_FATAL(k != NULL);
		CHECK_OK(jpki->status(k, &status, &e), &e);
		CU_ASSERT_EQUAL(status.pin, PIN_BLOCKED);
		CU_ASSERT_EQUAL(status.tries_left, 0);
		CHECK_CODE(unlock(k, RIGHT_PIN, &e), &e, "pin-blocked");
		jpki->close(k);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	}
}

/* What VERIFY itself may answer; the tries query before it goes well. */
static void
verify_status_words(void)
{
	static const struct {
		const char *sw;
		enum err_class class;
		const char *code;
	} rows[] = {
	    {"6983", ERR_PIN, "pin-blocked"},
	    {"6984", ERR_PIN, "pin-blocked"},
	    {"63C0", ERR_PIN, "pin-blocked"},
	    {"63C3", ERR_PIN, "pin-wrong"},
	    {"63C1", ERR_PIN, "pin-wrong"},
	    {"6300", ERR_PIN, "pin-wrong"},
	    {"6700", ERR_PIN, "pin-format"},
	    {"6A80", ERR_PIN, "pin-format"},
	    {"6C05", ERR_CARD, "card-error"},
	    {"6105", ERR_CARD, "card-error"},
	    {"6F00", ERR_CARD, "card-error"},
	    {"6981", ERR_CARD, "card-refused"},
	    {"6982", ERR_CARD, "card-pin-status-lost"},
	    {"6985", ERR_CARD, "card-refused"},
	    {"6986", ERR_CARD, "card-state-lost"},
	    {"6A82", ERR_CARD, "card-file-missing"},
	    {"6A86", ERR_CARD, "card-refused"},
	    {"6B00", ERR_CARD, "card-refused"},
	    {"6D00", ERR_CARD, "card-foreign"},
	    {"6E00", ERR_CARD, "card-foreign"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct key *k;

		if (!cardlab_fresh("tanaka"))
			return;
		k = open_key("", &e);
		CU_ASSERT_FATAL(k != NULL);
		CU_ASSERT(cards_ctl(0, "fault sw=%s ins=20 after=1 times=9",
			      rows[i].sw) == 0);
		CHECK_CODE(unlock(k, RIGHT_PIN, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, rows[i].class);
		/* The query and one VERIFY: whatever it said, once. */
		CU_ASSERT_EQUAL(cards_count(0, "20"), 2);
		jpki->close(k);
	}
}

/* The answer of VERIFY is lost: the try may be spent, nothing repeats it. */
static void
lost_verify_is_not_repeated(void)
{
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka"))
		return;
	k = open_key("", &e);
	CU_ASSERT_FATAL(k != NULL);
	CU_ASSERT(cards_ctl(0, "fault lose ins=20 after=1") == 0);
	CHECK_CODE(unlock(k, RIGHT_PIN, &e), &e, "card-no-answer");
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CHECK_CODE(unlock(k, RIGHT_PIN, &e), &e, "card-state-lost");
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
}

static void
malformed_pin_is_not_sent(void)
{
	static const char *const pins[] = {
	    "abc123", "ABC12", "ABC-123", "ABCDEFGHIJKLMNOPQ", ""};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka"))
		return;
	k = open_key("", &e);
	CU_ASSERT_FATAL(k != NULL);
	for (size_t i = 0; i < sizeof pins / sizeof *pins; i++)
		CHECK_CODE(unlock(k, pins[i], &e), &e, "pin-format");
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
}

/* Another program left the card verified, and the card says so instead of
 * the tries: they are read all the same, and the PIN is still checked. */
static void
card_left_verified_by_another(void)
{
	struct secret *pin;
	struct err e = {0};
	struct pcsc *p;
	struct key *k;
	int tries = -1;

	if (!cardlab_fresh("tanaka"))
		return;
	CU_ASSERT(cards_ctl(0, "set verified-query-9000 1") == 0);
	pin = secret_new(16);
	memcpy(secret_room(pin), RIGHT_PIN, 6);
	secret_set_len(pin, 6);
	p = pcsc_new(&e);
	CHECK_OK(jpki_find(p, "VR0 00 00", true, 1000, &e), &e);
	CHECK_OK(jpki_verify(p, JPKI_SIGN_PIN, pin, &tries, &e), &e);
	CU_ASSERT_EQUAL(jpki_tries(p, JPKI_SIGN_PIN, &e), JPKI_TRIES_VERIFIED);
	pcsc_free(p);
	secret_free(pin);
	k = open_key("", &e);
	CU_ASSERT_FATAL(k != NULL);
	CHECK_CODE(unlock(k, "WRONG1", &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 2);
	jpki->close(k);
}

/* A command of the card that ends the session; what it must be called. */
static void
check_session_end(const char *fault, const char *code)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CHECK_OK(sign(k, 1, &out, &e), &e);
	CU_ASSERT(cards_ctl(0, "%s", fault) == 0);
	CHECK_CODE(sign(k, 2, &out, &e), &e, code);
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	CU_ASSERT_EQUAL(out.len, 0);
	/* And it stays ended, without another command to the card. */
	CHECK_CODE(sign(k, 3, &out, &e), &e, "card-state-lost");
	CHECK_CODE(jpki->alive(k, &e), &e, "card-state-lost");
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_EQUAL(cards_ctl(0, "insert"), 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	buf_free(&out);
}

static void
pulled_instead_of_the_signature(void)
{
	check_session_end("fault remove ins=2A", "card-no-answer");
}

static void
pulled_during_the_signature(void)
{
	check_session_end("fault lose ins=2A", "card-no-answer");
}

static void
answer_without_status_word(void)
{
	check_session_end("fault byte ins=2A", "card-no-answer");
}

static void
silent_reinsertion(void)
{
	check_session_end("fault reinsert ins=2A", "card-no-answer");
}

static void
card_forgot_its_session(void)
{
	check_session_end("reset", "card-state-lost");
}

static void
pin_status_lost(void)
{
	check_session_end("fault sw=6982 ins=2A", "card-pin-status-lost");
}

static void
pulled_between_signatures(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CU_ASSERT(cards_ctl(0, "remove") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 empty") == 0);
	CHECK_CODE(jpki->alive(k, &e), &e, "card-removed");
	CHECK_CODE(sign(k, 2, &out, &e), &e, "card-state-lost");
	jpki->close(k);
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "card-missing");
	CU_ASSERT_EQUAL(cards_ctl(0, "insert"), 0);
	/* It comes back while open waits. */
	k = open_key("", &e);
	CU_ASSERT(k != NULL);
	jpki->close(k);
	buf_free(&out);
}

/* Another card in the same reader between two signatures, too fast for
 * PC/SC to notice: it must not sign, nor see this card's PIN. */
static void
swapped_card_does_not_sign(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CHECK_OK(sign(k, 1, &out, &e), &e);
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	CU_ASSERT(cards_ctl(0, "swap %s/suzuki", cards_dir()) == 0);
	CU_ASSERT(sign(k, 2, &out, &e) < 0);
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	CU_ASSERT(sign(k, 3, &out, &e) < 0);
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	CU_ASSERT_EQUAL(cards_count(0, "20"), 0);
	buf_free(&out);
}

static void
flipped_signature_is_returned_as_it_is(void)
{
	struct buf certificate = {0}, out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CHECK_OK(jpki->certificate(k, &certificate, &e), &e);
	CU_ASSERT(cards_ctl(0, "fault flip ins=2A") == 0);
	CHECK_OK(sign(k, 1, &out, &e), &e);
	CU_ASSERT_EQUAL(out.len, 256);
	CU_ASSERT_FALSE(signature_good(&certificate, 1, &out));
	CHECK_OK(sign(k, 1, &out, &e), &e);
	CU_ASSERT(signature_good(&certificate, 1, &out));
	jpki->close(k);
	buf_free(&certificate);
	buf_free(&out);
}

/* A refusal of one signature leaves the session as it is. */
static void
refused_signature_keeps_the_session(void)
{
	static const struct {
		const char *fault;
		const char *code;
	} rows[] = {
	    {"short", "card-answer"},
	    {"long", "card-answer"},
	    {"sw=9000", "card-answer"},
	    {"sw=6700", "card-refused"},
	    {"sw=6981", "card-refused"},
	    {"sw=6985", "card-refused"},
	    {"sw=6A80", "card-refused"},
	    {"sw=6A86", "card-refused"},
	    {"sw=6B00", "card-refused"},
	    {"sw=6F00", "card-error"},
	    {"sw=6200", "card-error"},
	    {"sw=1234", "card-error"},
	};
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CU_ASSERT(cards_ctl(0, "fault %s ins=2A", rows[i].fault) == 0);
		CHECK_CODE(sign(k, 1, &out, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
		CU_ASSERT_EQUAL(out.len, 0);
		CHECK_OK(sign(k, 2, &out, &e), &e);
	}
	jpki->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT_EQUAL(cards_count(0, "select_key"), 1);
	buf_free(&out);
}

static void
foreign_status_words_end_the_session(void)
{
	check_session_end("fault sw=6D00 ins=2A", "card-foreign");
	check_session_end("fault sw=6E00 ins=2A", "card-foreign");
	check_session_end("fault sw=6A82 ins=2A", "card-file-missing");
}

/* 61xx, 6Cxx, a file end answered by 6Cxx, filler behind the object. */
static void
other_ways_to_answer(void)
{
	static const char *const settings[] = {
	    "set chain-61 1", "set strict-le 1", "set filler 300"};
	struct buf certificate = {0}, out = {0};
	struct err e = {0};
	struct key *k;

	for (int i = 0; i < 3; i++) {
		if (!cardlab_fresh("tanaka"))
			return;
		CU_ASSERT(cards_ctl(0, "%s", settings[i]) == 0);
		if ((k = open_unlocked()) == NULL)
			return;
		buf_reset(&certificate);
		CHECK_OK(jpki->certificate(k, &certificate, &e), &e);
		CU_ASSERT(equals_file(&certificate, "tanaka", "sign.der"));
		CU_ASSERT(cards_ctl(0, "fault sw=6C00 ins=2A") == 0);
		CHECK_OK(sign(k, 1, &out, &e), &e);
		CU_ASSERT(signature_good(&certificate, 1, &out));
		CU_ASSERT_EQUAL(cards_count(0, "2A"), 2);
		jpki->close(k);
	}
	buf_free(&certificate);
	buf_free(&out);
}

static void
endless_get_response_ends(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CU_ASSERT(cards_ctl(0, "fault sw=6110 ins=2A") == 0);
	CU_ASSERT(cards_ctl(0, "fault sw=6110 ins=C0 times=9999") == 0);
	CHECK_CODE(sign(k, 1, &out, &e), &e, "card-error");
	jpki->close(k);
	CU_ASSERT(cards_count(0, "C0") <= 64);
	buf_free(&out);
}

static void
first_command_may_fail_once(void)
{
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka"))
		return;
	CU_ASSERT(cards_ctl(0, "set first-6f00 1") == 0);
	k = open_key("", &e);
	CU_ASSERT(k != NULL);
	jpki->close(k);
	/* Twice is a broken card. */
	CU_ASSERT(cards_ctl(0, "fault sw=6F00 ins=A4 times=2") == 0);
	CU_ASSERT(cards_ctl(0, "set first-6f00 0") == 0);
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "card-error");
}

static void
late_answer_is_waited_for(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;
	int64_t start;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CU_ASSERT(cards_ctl(0, "fault hang=700 ins=2A") == 0);
	start = clock_mono_ms();
	CHECK_OK(sign(k, 1, &out, &e), &e);
	CU_ASSERT(clock_mono_ms() - start >= 700);
	jpki->close(k);
	buf_free(&out);
}

static void
child_card_is_named(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("kodomo") || (k = open_unlocked()) == NULL)
		return;
	CHECK_CODE(jpki->certificate(k, &out, &e), &e,
	    "card-no-signature-certificate");
	CU_ASSERT_EQUAL(e.class, ERR_CERTIFICATE);
	jpki->close(k);
	buf_free(&out);
}

static void
card_of_another_kind(void)
{
	struct err e = {0};

	if (!cardlab_fresh("tanaka"))
		return;
	CU_ASSERT(cards_ctl(0, "fault sw=6A82 ins=A4 times=99") == 0);
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "card-foreign");
	CU_ASSERT_EQUAL(cards_count(0, "20"), 0);
	CHECK_CODE(
	    open_key("No Such", &e) == NULL ? -1 : 0, &e, "reader-missing");
}

/* Two JPKI cards: never a guess whose password it is. */
static void
two_cards_need_a_reader_name(void)
{
	struct key_status status;
	struct err e = {0};
	struct key *first, *second;

	if (!cardlab_fresh("tanaka"))
		return;
	CU_ASSERT(cards_shell("vcard_start 1 \"$PCSCD_DIR/suzuki\"") == 0);
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "card-ambiguous");
	first = open_key("VR0 00 01", &e);
	CU_ASSERT_FATAL(first != NULL);
	CHECK_OK(jpki->status(first, &status, &e), &e);
	CU_ASSERT_STRING_EQUAL(status.where, "VR0 00 01");
	/* That one is held; the free one may still be another person's. */
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "card-ambiguous");
	second = open_key("VR0 00 00", &e);
	CU_ASSERT(second != NULL);
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "card-in-use");
	jpki->close(first);
	jpki->close(second);
	CU_ASSERT(cards_shell("vcard_stop 1") == 0);
	CU_ASSERT(cards_shell("vcard_wait 1 empty") == 0);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
}

static void
info_without_a_pin(void)
{
	struct jpki_info info;
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka"))
		return;
	CHECK_OK(jpki_info_read("", &info, &e), &e);
	CU_ASSERT_STRING_EQUAL(info.label, "JPKIAPICCTOKEN2");
	CU_ASSERT_STRING_EQUAL(info.reader, "VR0 00 00");
	CU_ASSERT_EQUAL(info.has_sign_cert, 1);
	CU_ASSERT_EQUAL(info.sign_tries, 5);
	CU_ASSERT_EQUAL(info.auth_tries, 3);
	CU_ASSERT(equals_file(&info.auth_certificate, "tanaka", "auth.der"));
	CU_ASSERT(equals_file(&info.auth_ca, "tanaka", "authca.der"));
	CU_ASSERT(equals_file(&info.sign_ca, "tanaka", "signca.der"));
	jpki_info_free(&info);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	k = open_key("", &e);
	CHECK_CODE(jpki_info_read("", &info, &e), &e, "card-in-use");
	jpki_info_free(&info);
	jpki->close(k);
}

/* Stands last: it ends the daemon that the others use. */
static void
pcscd_may_stop_and_come_back(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	if (!cardlab_fresh("tanaka") || (k = open_unlocked()) == NULL)
		return;
	CU_ASSERT(cards_shell("pcscd_halt") == 0);
	CHECK_CODE(sign(k, 1, &out, &e), &e, "pcsc-unavailable");
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	jpki->close(k);
	CHECK_CODE(open_key("", &e) == NULL ? -1 : 0, &e, "pcsc-unavailable");
	CU_ASSERT(cards_shell("vcard_stop 0; pcscd_again && "
			      "vcard_start 0 \"$PCSCD_DIR/tanaka\"") == 0);
	k = open_unlocked();
	CU_ASSERT_FATAL(k != NULL);
	CHECK_OK(sign(k, 1, &out, &e), &e);
	jpki->close(k);
	buf_free(&out);
}

SUITE_MAIN("jpki", CASE(one_verify_one_certificate_n_signatures),
    CASE(closing_locks_the_card), CASE(wrong_pin_costs_exactly_one_try),
    CASE(last_try_is_never_spent), CASE(blocked_card_gets_no_verify),
    CASE(verify_status_words), CASE(lost_verify_is_not_repeated),
    CASE(malformed_pin_is_not_sent), CASE(card_left_verified_by_another),
    CASE(pulled_instead_of_the_signature), CASE(pulled_during_the_signature),
    CASE(answer_without_status_word), CASE(silent_reinsertion),
    CASE(card_forgot_its_session), CASE(pin_status_lost),
    CASE(pulled_between_signatures), CASE(swapped_card_does_not_sign),
    CASE(flipped_signature_is_returned_as_it_is),
    CASE(refused_signature_keeps_the_session),
    CASE(foreign_status_words_end_the_session), CASE(other_ways_to_answer),
    CASE(endless_get_response_ends), CASE(first_command_may_fail_once),
    CASE(late_answer_is_waited_for), CASE(child_card_is_named),
    CASE(card_of_another_kind), CASE(two_cards_need_a_reader_name),
    CASE(info_without_a_pin), CASE(pcscd_may_stop_and_come_back))
