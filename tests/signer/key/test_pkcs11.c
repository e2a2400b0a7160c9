/*
 * The PKCS#11 backend over a module that follows a script: what real tokens
 * cannot be made to show.  What the module counted is the judge of how often
 * a PIN was presented.
 */
#include "signer/key/ask.h"
#include "signer/key/backend.h"
#include "tests/lib/keylab.h"
#include "tests/lib/p11lab.h"
#include "tests/lib/suite.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct key_backend *const pkcs11 = &key_backend_pkcs11;
static struct p11script_counts before;

/* Opens with this script; counts begin here. */
static struct key *
open_key(enum p11lab_key kind, const char *script, struct err *e)
{
	struct key *k;

	p11lab_script(kind, "%s", script);
	k = pkcs11->open(p11lab_conf(), e);
	before = p11lab_counts();
	return k;
}

static unsigned
logins(void)
{
	return p11lab_counts().logins - before.logins;
}

static unsigned
context_logins(void)
{
	return p11lab_counts().context_logins - before.context_logins;
}

static unsigned
signatures(void)
{
	return p11lab_counts().signatures - before.signatures;
}

/* An unlocked key, its certificate read; NULL (asserted) if not. */
static struct key *
open_unlocked(enum p11lab_key kind, const char *script)
{
	struct buf certificate = {0};
	struct err e = {0};
	struct key *k = open_key(kind, script, &e);

	CU_ASSERT_PTR_NOT_NULL(k);
	if (k == NULL) {
		suite_print_err(__FILE__, __LINE__, &e);
		return NULL;
	}
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_OK(pkcs11->certificate(k, &certificate, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&certificate), p11lab_certificate(kind)));
	buf_free(&certificate);
	return k;
}

static enum sign_algorithm
algorithm_of(enum p11lab_key kind)
{
	return kind == P11LAB_RSA ? SIGN_RSA_SHA256 : SIGN_ECDSA_SHA384;
}

static int
sign(struct key *k, enum p11lab_key kind, uint8_t fill, struct buf *out,
    struct err *e)
{
	return p11lab_sign(pkcs11, k, algorithm_of(kind), fill, out, e);
}

static bool
good(enum p11lab_key kind, uint8_t fill, const struct buf *signature)
{
	return p11lab_signed(
	    p11lab_certificate(kind), algorithm_of(kind), fill, signature);
}

static void
signs_after_one_login(void)
{
	static const enum p11lab_key kinds[] = {P11LAB_RSA, P11LAB_EC};
	struct buf out = {0};
	struct key_status s;
	struct err e = {0};

	for (unsigned i = 0; i < 2; i++) {
		struct key *k = open_unlocked(kinds[i], "");

		if (k == NULL)
			return;
		for (uint8_t n = 1; n <= 10; n++) {
			CHECK_OK(sign(k, kinds[i], n, &out, &e), &e);
			CU_ASSERT(good(kinds[i], n, &out));
			CHECK_OK(pkcs11->status(k, &s, &e), &e);
			CHECK_OK(pkcs11->alive(k, &e), &e);
		}
		CU_ASSERT(s.present && s.pin == PIN_VERIFIED);
		CU_ASSERT_STRING_EQUAL(s.token, "SCRIPT (0001)");
		CU_ASSERT_EQUAL(logins(), 1);
		CU_ASSERT_EQUAL(context_logins(), 0);
		pkcs11->close(k);
	}
	buf_free(&out);
}

/* A token that hashes by itself gets the bytes, and only those. */
static void
hashing_tokens_get_the_bytes(void)
{
	static const enum p11lab_key kinds[] = {P11LAB_RSA, P11LAB_EC};
	static const enum sign_algorithm algorithms[] = {
	    SIGN_RSA_SHA256, SIGN_ECDSA_SHA384};
	struct slice text = slice_str("a SignedInfo");
	struct buf out = {0};
	struct err e = {0};

	for (unsigned i = 0; i < 2; i++) {
		struct key *k = open_unlocked(kinds[i], "hashing");
		uint8_t digest[48];

		CU_ASSERT(pkcs11->hashes(k));
		CHECK_CODE(sign(k, kinds[i], 1, &out, &e), &e,
		    "algorithm-not-allowed");
		CU_ASSERT_EQUAL(signatures(), 0);
		CHECK_OK(
		    pkcs11->sign_bytes(k, algorithms[i], text, &out, &e), &e);
		EVP_Digest(text.p, text.len, digest, NULL,
		    i == 0 ? EVP_sha256() : EVP_sha384(), NULL);
		CU_ASSERT(p11lab_verifies(p11lab_certificate(kinds[i]),
		    slice_of(digest, i == 0 ? 32 : 48), buf_view(&out)));
		pkcs11->close(k);
		k = open_unlocked(kinds[i], "");
		CU_ASSERT_FALSE(pkcs11->hashes(k));
		CHECK_CODE(pkcs11->sign_bytes(k, algorithms[i], text, &out, &e),
		    &e, "algorithm-not-allowed");
		pkcs11->close(k);
	}
	buf_free(&out);
}

static void
other_algorithms_are_refused(void)
{
	struct buf out = {0};
	struct err e = {0};
	uint8_t digest[48] = {0};
	struct key *k = open_unlocked(P11LAB_RSA, "");

	CHECK_CODE(
	    pkcs11->sign(k, SIGN_ECDSA_SHA384, slice_of(digest, 48), &out, &e),
	    &e, "algorithm-not-allowed");
	CHECK_CODE(
	    pkcs11->sign(k, SIGN_RSA_SHA256, slice_of(digest, 48), &out, &e),
	    &e, "algorithm-not-allowed");
	CU_ASSERT_EQUAL(signatures(), 0);
	pkcs11->close(k);
	buf_free(&out);
}

/* However badly the objects are labelled, it is the certificate's key. */
static void
key_is_found_by_certificate(void)
{
	static const char *const scripts[] = {
	    "mute", "no-id", "other-id", "no-id mute", "other-id mute"};
	static const enum p11lab_key kinds[] = {P11LAB_RSA, P11LAB_EC};
	struct buf out = {0};
	struct err e = {0};

	for (unsigned i = 0; i < 10; i++) {
		enum p11lab_key kind = kinds[i / 5];
		struct key *k = open_unlocked(kind, scripts[i % 5]);

		if (k == NULL)
			return;
		CHECK_OK(sign(k, kind, 3, &out, &e), &e);
		CU_ASSERT(good(kind, 3, &out));
		pkcs11->close(k);
	}
	buf_free(&out);
}

static void
certificate_hidden_until_login(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k = open_key(P11LAB_RSA, "hidden", &e);

	CHECK_CODE(pkcs11->certificate(k, &out, &e), &e, "pin-needed");
	CHECK_CODE(sign(k, P11LAB_RSA, 1, &out, &e), &e, "pin-needed");
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_OK(pkcs11->certificate(k, &out, &e), &e);
	CHECK_OK(sign(k, P11LAB_RSA, 1, &out, &e), &e);
	pkcs11->close(k);
	k = open_key(P11LAB_RSA, "", &e);
	buf_reset(&out);
	CHECK_OK(pkcs11->certificate(k, &out, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&out), p11lab_certificate(P11LAB_RSA)));
	CU_ASSERT_EQUAL(logins(), 0);
	pkcs11->close(k);
	buf_free(&out);
}

static void
two_certificates_need_a_word(void)
{
	struct conf_key *conf = p11lab_conf();
	struct buf out = {0};
	struct err e = {0};
	char script[400], hex[65];
	uint8_t hash[32];
	struct key *k;

	snprintf(script, sizeof script, "cert2=%s", p11lab_second());
	k = open_key(P11LAB_RSA, script, &e);
	CHECK_CODE(pkcs11->certificate(k, &out, &e), &e,
	    "pkcs11-certificate-ambiguous");
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_CODE(pkcs11->certificate(k, &out, &e), &e,
	    "pkcs11-certificate-ambiguous");
	CU_ASSERT_EQUAL(e.class, ERR_CERTIFICATE);
	EVP_Digest(p11lab_certificate(P11LAB_RSA).p,
	    p11lab_certificate(P11LAB_RSA).len, hash, NULL, EVP_sha256(), NULL);
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, hex));
	conf->certificate_sha256 = hex;
	CHECK_OK(pkcs11->certificate(k, &out, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&out), p11lab_certificate(P11LAB_RSA)));
	pkcs11->close(k);
	/* Set, but on no certificate of the token. */
	conf = p11lab_conf();
	hex[3] = hex[3] == 'a' ? 'b' : 'a';
	conf->certificate_sha256 = hex;
	k = pkcs11->open(conf, &e);
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_CODE(
	    pkcs11->certificate(k, &out, &e), &e, "certificate-not-pinned");
	pkcs11->close(k);
	buf_free(&out);
}

static void
certificate_without_its_key(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k;

	k = open_key(P11LAB_STRANGER, "no-id", &e);
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_CODE(pkcs11->certificate(k, &out, &e), &e, "pkcs11-key-missing");
	CU_ASSERT_EQUAL(e.class, ERR_CERTIFICATE);
	pkcs11->close(k);
	buf_free(&out);
}

static void
wrong_pin_is_presented_once(void)
{
	struct err e = {0};
	struct key *k = open_key(P11LAB_RSA, "", &e);
	struct key_status s;

	CHECK_CODE(p11lab_unlock(pkcs11, k, "wrong1", &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	CU_ASSERT_EQUAL(logins(), 1);
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.pin, PIN_NEEDED);
	pkcs11->close(k);
}

static void
flags_decide_before_the_login(void)
{
	static const struct {
		const char *script, *code;
		int tries;
		enum pin_state pin;
	} rows[] = {
	    {"flags=locked", "pin-blocked", 0, PIN_BLOCKED},
	    {"flags=final", "pin-tries-low", 1, PIN_NEEDED},
	    {"flags=low,final", "pin-tries-low", 1, PIN_NEEDED},
	    {"flags=low,final,locked", "pin-blocked", 0, PIN_BLOCKED},
	    {"flags=low", NULL, 2, PIN_NEEDED},
	    {"", NULL, -1, PIN_NEEDED},
	};
	struct key_status s;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct key *k = open_key(P11LAB_RSA, rows[i].script, &e);
		int got;

		CHECK_OK(pkcs11->status(k, &s, &e), &e);
		CU_ASSERT_EQUAL(s.tries_left, rows[i].tries);
		CU_ASSERT_EQUAL(s.pin, rows[i].pin);
		got = p11lab_unlock(pkcs11, k, P11LAB_PIN, &e);
		CU_ASSERT_EQUAL(got, rows[i].code == NULL ? 0 : -1);
		if (rows[i].code != NULL)
			CU_ASSERT_STRING_EQUAL(e.code, rows[i].code);
		CU_ASSERT_EQUAL(logins(), rows[i].code == NULL);
		pkcs11->close(k);
	}
}

/* They may change between the look and the login. */
static void
flags_are_read_anew(void)
{
	struct err e = {0};
	struct key *k = open_key(P11LAB_RSA, "", &e);

	p11lab_script(P11LAB_RSA, "flags=final");
	CHECK_CODE(
	    p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e, "pin-tries-low");
	/* Another token in the same slot does not get the PIN. */
	p11lab_script(P11LAB_RSA, "serial=0002");
	CHECK_CODE(
	    p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e, "card-changed");
	CHECK_CODE(
	    p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e, "card-state-lost");
	CU_ASSERT_EQUAL(logins(), 0);
	pkcs11->close(k);
}

static void
pin_length_is_the_tokens(void)
{
	static const struct {
		const char *script, *pin;
		bool allowed;
	} rows[] = {
	    {"min=8 max=16", P11LAB_PIN, false},
	    {"min=4 max=6", P11LAB_PIN, false},
	    {"min=7 max=7", P11LAB_PIN, true},
	    {"min=99 max=0", P11LAB_PIN, true},  /* no rule at all */
	    {"min=900 max=8", P11LAB_PIN, true}, /* makes no sense */
	    {"min=0 max=0xffffffffffffffff", P11LAB_PIN, true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct key *k = open_key(P11LAB_RSA, rows[i].script, &e);

		if (rows[i].allowed)
			CHECK_OK(p11lab_unlock(pkcs11, k, rows[i].pin, &e), &e);
		else
			CHECK_CODE(p11lab_unlock(pkcs11, k, rows[i].pin, &e),
			    &e, "pin-format");
		CU_ASSERT_EQUAL(logins(), rows[i].allowed);
		pkcs11->close(k);
	}
}

static void
pin_pad_is_left_to_itself(void)
{
	static const char *const scripts[] = {"flags=pad", "flags=pad always"};
	struct buf out = {0};
	struct key_status s;
	struct err e = {0};

	for (unsigned i = 0; i < 2; i++) {
		struct key *k = open_key(P11LAB_RSA, scripts[i], &e);

		CHECK_OK(pkcs11->status(k, &s, &e), &e);
		CU_ASSERT_EQUAL(s.pin, PIN_PAD);
		CHECK_OK(pkcs11->unlock(k, NULL, &e), &e);
		CHECK_OK(pkcs11->certificate(k, &out, &e), &e);
		CHECK_OK(sign(k, P11LAB_RSA, 5, &out, &e), &e);
		CU_ASSERT(good(P11LAB_RSA, 5, &out));
		CU_ASSERT_EQUAL(logins(), 1);
		CU_ASSERT_EQUAL(context_logins(), i);
		pkcs11->close(k);
	}
	buf_free(&out);
}

static void
token_without_a_pin(void)
{
	struct buf out = {0};
	struct key_status s;
	struct err e = {0};
	struct key *k = open_key(P11LAB_RSA, "flags=nologin", &e);

	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.pin, PIN_NONE);
	CHECK_OK(pkcs11->unlock(k, NULL, &e), &e);
	CHECK_OK(pkcs11->certificate(k, &out, &e), &e);
	CHECK_OK(sign(k, P11LAB_RSA, 5, &out, &e), &e);
	CHECK_OK(pkcs11->alive(k, &e), &e);
	CU_ASSERT_EQUAL(logins(), 0);
	pkcs11->close(k);
	buf_free(&out);
}

/* The token had this login already: the PIN must be looked at all the same.
 */
static void
already_logged_in_proves_nothing(void)
{
	struct err e = {0};
	struct key *k = open_key(P11LAB_RSA, "", &e);

	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_CODE(p11lab_unlock(pkcs11, k, "wrong1", &e), &e, "pin-wrong");
	pkcs11->close(k);
}

static void
always_authenticate_is_one_login_each(void)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k = open_unlocked(P11LAB_EC, "always");

	for (uint8_t i = 1; i <= 5; i++) {
		CHECK_OK(sign(k, P11LAB_EC, i, &out, &e), &e);
		CU_ASSERT(good(P11LAB_EC, i, &out));
		CU_ASSERT_EQUAL(context_logins(), i);
	}
	/* Low in mid-session: not even once more. */
	p11lab_script(P11LAB_EC, "always flags=low");
	CHECK_CODE(sign(k, P11LAB_EC, 6, &out, &e), &e, "pin-tries-low");
	p11lab_script(P11LAB_EC, "always flags=locked");
	CHECK_CODE(sign(k, P11LAB_EC, 6, &out, &e), &e, "pin-blocked");
	CU_ASSERT_EQUAL(context_logins(), 5);
	/* Somebody changed the PIN: one try, and it is told. */
	p11lab_script(P11LAB_EC, "always pin=another");
	CHECK_CODE(sign(k, P11LAB_EC, 6, &out, &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(e.class, ERR_PIN);
	CU_ASSERT_EQUAL(context_logins(), 6);
	CU_ASSERT_EQUAL(logins(), 1);
	pkcs11->close(k);
	buf_free(&out);
}

static void
module_answers_have_their_meaning(void)
{
	static const struct {
		const char *fail, *code;
		enum err_class class;
	} rows[] = {
	    {"C_Login:0xa0", "pin-wrong", ERR_PIN},
	    {"C_Login:0xa1", "pin-format", ERR_PIN},
	    {"C_Login:0xa2", "pin-format", ERR_PIN},
	    {"C_Login:0xa3", "pkcs11-pin-expired", ERR_PIN},
	    {"C_Login:0xa4", "pin-blocked", ERR_PIN},
	    {"C_Login:0x102", "pkcs11-pin-not-set", ERR_PIN},
	    {"C_Login:0x50", "pin-cancelled", ERR_PIN},
	    {"C_Login:0x30", "card-error", ERR_CARD},
	    {"C_Login:0x32", "card-removed", ERR_CARD},
	    {"C_Login:0xe0", "card-removed", ERR_CARD},
	    {"C_Login:0xb3", "card-state-lost", ERR_CARD},
	    {"C_Login:0x5", "pkcs11-refused", ERR_CARD},
	    {"C_Login:0x80000001", "pkcs11-refused", ERR_CARD},
	    {"C_Login:0x100", "pkcs11-refused", ERR_CARD},
	    {"C_GetTokenInfo:0x30", "card-error", ERR_CARD},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct key *k = open_key(P11LAB_RSA, "", &e);

		p11lab_script(P11LAB_RSA, "fail=%s", rows[i].fail);
		CHECK_CODE(
		    p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, rows[i].class);
		/* Only "already logged in" is answered by a logout and the
		 * same once more. */
		CU_ASSERT(logins() <= 1 || strstr(rows[i].fail, ":0x100"));
		pkcs11->close(k);
	}
}

/* A token that went in mid-session: the session is over until it recovers,
 * and nothing presents the PIN meanwhile. */
static void
lost_token_stays_lost(void)
{
	static const struct {
		const char *script, *code;
	} rows[] = {
	    {"absent", "card-removed"},
	    {"fail=C_SignInit:0xb3", "card-state-lost"},
	    {"fail=C_Sign:0x101", "card-pin-status-lost"},
	    {"fail=C_Sign:0x30", "card-error"},
	    {"fail=C_Sign:0x32", "card-removed"},
	};
	struct buf out = {0};
	struct err e = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct key *k = open_unlocked(P11LAB_RSA, "");

		CHECK_OK(sign(k, P11LAB_RSA, 1, &out, &e), &e);
		p11lab_script(P11LAB_RSA, "%s", rows[i].script);
		CHECK_CODE(sign(k, P11LAB_RSA, 2, &out, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
		p11lab_script(P11LAB_RSA, "%s", "");
		CHECK_CODE(
		    sign(k, P11LAB_RSA, 3, &out, &e), &e, "card-state-lost");
		CHECK_CODE(pkcs11->alive(k, &e), &e, "card-state-lost");
		CU_ASSERT_EQUAL(logins(), 1);
		pkcs11->close(k);
	}
	buf_free(&out);
}

static void
presence_is_noticed(void)
{
	struct err e = {0};
	struct key *k = open_unlocked(P11LAB_RSA, "");

	CHECK_OK(pkcs11->alive(k, &e), &e);
	p11lab_script(P11LAB_RSA, "absent");
	CHECK_CODE(pkcs11->alive(k, &e), &e, "card-removed");
	pkcs11->close(k);
}

static struct key *
lose_token(const char *script)
{
	struct buf out = {0};
	struct err e = {0};
	struct key *k = open_unlocked(P11LAB_RSA, script);

	p11lab_script(P11LAB_RSA, "absent");
	CHECK_CODE(sign(k, P11LAB_RSA, 1, &out, &e), &e, "card-removed");
	buf_free(&out);
	return k;
}

static void
same_token_recovers(void)
{
	struct buf out = {0};
	struct err cause = {.class = ERR_CARD}, e = {0};
	struct key *k = lose_token("");

	p11lab_script(P11LAB_RSA, "%s", "");
	CHECK_OK(pkcs11->recover(k, &cause, &e), &e);
	/* It presents nothing itself. */
	CU_ASSERT_EQUAL(logins(), 1);
	CHECK_CODE(sign(k, P11LAB_RSA, 2, &out, &e), &e, "pin-needed");
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	CHECK_OK(pkcs11->certificate(k, &out, &e), &e);
	CHECK_OK(sign(k, P11LAB_RSA, 2, &out, &e), &e);
	CU_ASSERT(good(P11LAB_RSA, 2, &out));
	CU_ASSERT_EQUAL(logins(), 2);
	pkcs11->close(k);
	buf_free(&out);
}

static void
other_tokens_do_not_recover(void)
{
	static const struct {
		const char *script, *code;
	} rows[] = {
	    {"serial=0002", "card-changed"},
	    {"label=OTHER", "card-changed"},
	    {"model=other", "card-changed"},
	    {"flags=low", "pin-tries-low"},
	    {"flags=final", "pin-tries-low"},
	    {"flags=locked", "pin-tries-low"},
	    {"absent", "pkcs11-token-missing"},
	    {"fail=C_Initialize:0x5", "pkcs11-module-failed"},
	    {"fail=C_OpenSession:0x5", "pkcs11-refused"},
	};
	struct err cause = {.class = ERR_CARD};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct key *k = lose_token("");

		p11lab_script(P11LAB_RSA, "%s", rows[i].script);
		CHECK_CODE(pkcs11->recover(k, &cause, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(logins(), 1);
		p11lab_script(P11LAB_RSA, "%s", "");
		CHECK_CODE(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e,
		    "card-state-lost");
		CU_ASSERT_EQUAL(logins(), 1);
		pkcs11->close(k);
	}
}

/* OpenSC gives every My Number card the serial number 00000000. */
static void
tokens_that_look_alike(void)
{
	struct err cause = {.class = ERR_CARD}, e = {0};
	struct key *k = lose_token("serial=00000000");

	p11lab_script(P11LAB_RSA, "serial=00000000 hidden");
	CHECK_CODE(pkcs11->recover(k, &cause, &e), &e, "pin-needed");
	p11lab_script(P11LAB_STRANGER, "serial=00000000");
	CHECK_CODE(pkcs11->recover(k, &cause, &e), &e, "card-changed");
	p11lab_script(P11LAB_RSA, "serial=00000000");
	CHECK_OK(pkcs11->recover(k, &cause, &e), &e);
	CU_ASSERT_EQUAL(logins(), 1);
	pkcs11->close(k);
}

static void
refusals_do_not_recover(void)
{
	struct err wrong = {.class = ERR_PIN, .code = "pin-wrong"};
	struct err refused = {.class = ERR_CARD, .code = "pkcs11-refused"};
	struct err e = {0};
	struct key *k = open_unlocked(P11LAB_RSA, "");

	CU_ASSERT(pkcs11->recover(k, &wrong, &e) < 0);
	CU_ASSERT(pkcs11->recover(k, &refused, &e) < 0);
	CU_ASSERT_EQUAL(logins(), 1);
	pkcs11->close(k);
}

/* Counts and lengths that cannot be are errors, never used. */
static void
impossible_answers(void)
{
	static const char *const odd[] = {
	    "C_FindObjects", "endless", "C_GetAttributeValue", "growing"};
	static const char *const signing[] = {"C_Sign", "short"};
	struct buf out = {0};
	struct err e = {0};
	char script[60];
	struct key *k = open_key(P11LAB_RSA, "odd=C_GetSlotList", &e);

	CU_ASSERT_PTR_NULL(k);
	CU_ASSERT_STRING_EQUAL(e.code, "pkcs11-answer");
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		k = open_key(P11LAB_RSA, "", &e);
		CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
		p11lab_script(P11LAB_RSA, "odd=%s", odd[i]);
		CHECK_CODE(
		    pkcs11->certificate(k, &out, &e), &e, "pkcs11-answer");
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
		pkcs11->close(k);
	}
	for (size_t i = 0; i < sizeof signing / sizeof *signing; i++) {
		snprintf(script, sizeof script, "odd=%s", signing[i]);
		k = open_unlocked(P11LAB_RSA, script);
		CHECK_CODE(
		    sign(k, P11LAB_RSA, 1, &out, &e), &e, "pkcs11-answer");
		CU_ASSERT_EQUAL(out.len, 0);
		pkcs11->close(k);
	}
	/* All ones: no text ends, every flag is set. */
	k = open_key(P11LAB_RSA, "odd=C_GetTokenInfo", &e);
	CU_ASSERT_PTR_NOT_NULL(k);
	CHECK_CODE(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e, "pin-blocked");
	CU_ASSERT_EQUAL(logins(), 0);
	pkcs11->close(k);
	buf_free(&out);
}

static void
check_module(const char *path, const char *script, const char *code)
{
	struct conf_key *conf = p11lab_conf();
	char copy[400];
	struct err e = {0};
	struct key *k;

	snprintf(copy, sizeof copy, "%s", path);
	p11lab_script(P11LAB_RSA, "%s", script);
	conf->module = copy;
	k = pkcs11->open(conf, &e);
	CU_ASSERT_PTR_NULL(k);
	CU_ASSERT_STRING_EQUAL(e.code, code);
}

static void
unusable_modules(void)
{
	const char *own = p11lab_module(), *text;

	check_module("/nonexistent/module.so", "", "pkcs11-module-unusable");
	check_module("libz.so.1", "", "pkcs11-module-unusable");
	text = keylab_file("text.so", "no library", 0644);
	check_module(text, "", "pkcs11-module-unusable");
	text = keylab_file("open.so", "no library", 0644);
	CU_ASSERT_EQUAL(chmod(text, 0646), 0);
	check_module(text, "", "pkcs11-module-mode");
	check_module(own, "odd=null", "pkcs11-module-unusable");
	check_module(own, "odd=version", "pkcs11-module-unusable");
	check_module(own, "fail=C_Initialize:0x5", "pkcs11-module-failed");
	check_module(own, "absent", "pkcs11-token-missing");
	check_module(own, "fail=C_GetSlotList:0x5", "pkcs11-refused");
}

static void
token_is_named_never_numbered(void)
{
	static const struct {
		const char *serial, *label;
		bool found;
	} rows[] = {
	    {"", "", true},
	    {"0001", "", true},
	    {"", "SCRIPT", true},
	    {"0001", "SCRIPT", true},
	    {"0002", "", false},
	    {"0001", "OTHER", false},
	    {"", "SCRIPT ", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct conf_key *conf = p11lab_conf();
		char serial[20], label[20];
		struct err e = {0};
		struct key *k;

		snprintf(serial, sizeof serial, "%s", rows[i].serial);
		snprintf(label, sizeof label, "%s", rows[i].label);
		conf->token_serial = serial;
		conf->token_label = label;
		p11lab_script(P11LAB_RSA, "%s", "");
		k = pkcs11->open(conf, &e);
		CU_ASSERT_EQUAL(k != NULL, rows[i].found);
		if (k == NULL) {
			CU_ASSERT_STRING_EQUAL(e.code, "pkcs11-token-missing");
			/* It says what is there. */
			CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "0001"));
		}
		pkcs11->close(k);
	}
}

/* What a command asks: in a child, whatever becomes of it. */
static void
asking_survives_the_module(void)
{
	static const struct {
		const char *script, *code;
	} rows[] = {
	    {"crash=C_Initialize", "key-check-died"},
	    {"crash=C_Finalize", "key-check-died"},
	    {"crash=C_GetTokenInfo", "key-check-died"},
	    {"hang=C_Initialize", "key-check-silent"},
	    {"hang=C_Finalize", "key-check-silent"},
	    {"absent", "pkcs11-token-missing"},
	};
	struct conf_key *conf = p11lab_conf();
	struct key_answer a;
	struct err e = {0};

	p11lab_script(P11LAB_RSA, "%s", "");
	CHECK_OK(key_ask(conf, &a, &e), &e);
	CU_ASSERT_STRING_EQUAL(a.status.token, "SCRIPT (0001)");
	CU_ASSERT_EQUAL(a.status.pin, PIN_NEEDED);
	CU_ASSERT(
	    slice_eq(buf_view(&a.certificate), p11lab_certificate(P11LAB_RSA)));
	CU_ASSERT_EQUAL(a.problem.class, ERR_NONE);
	key_answer_free(&a);
	p11lab_script(P11LAB_RSA, "hidden");
	CHECK_OK(key_ask(conf, &a, &e), &e);
	CU_ASSERT_EQUAL(a.certificate.len, 0);
	CU_ASSERT_EQUAL(a.problem.class, ERR_NONE);
	key_answer_free(&a);
	p11lab_script(P11LAB_RSA, "cert2=%s", p11lab_second());
	CHECK_OK(key_ask(conf, &a, &e), &e);
	CU_ASSERT_STRING_EQUAL(a.problem.code, "pkcs11-certificate-ambiguous");
	key_answer_free(&a);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		conf->card_timeout_ms =
		    strstr(rows[i].script, "hang") == NULL ? 60000 : 300;
		p11lab_script(P11LAB_RSA, "%s", rows[i].script);
		CHECK_CODE(key_ask(conf, &a, &e), &e, rows[i].code);
		CU_ASSERT_EQUAL(e.class, ERR_CARD);
	}
}

SUITE_MAIN("pkcs11", CASE(signs_after_one_login),
    CASE(hashing_tokens_get_the_bytes), CASE(other_algorithms_are_refused),
    CASE(key_is_found_by_certificate), CASE(certificate_hidden_until_login),
    CASE(two_certificates_need_a_word), CASE(certificate_without_its_key),
    CASE(wrong_pin_is_presented_once), CASE(flags_decide_before_the_login),
    CASE(flags_are_read_anew), CASE(pin_length_is_the_tokens),
    CASE(pin_pad_is_left_to_itself), CASE(token_without_a_pin),
    CASE(already_logged_in_proves_nothing),
    CASE(always_authenticate_is_one_login_each),
    CASE(module_answers_have_their_meaning), CASE(lost_token_stays_lost),
    CASE(presence_is_noticed), CASE(same_token_recovers),
    CASE(other_tokens_do_not_recover), CASE(tokens_that_look_alike),
    CASE(refusals_do_not_recover), CASE(impossible_answers),
    CASE(unusable_modules), CASE(token_is_named_never_numbered),
    CASE(asking_survives_the_module))
