/*
 * Sessions over the scripted PKCS#11 module: what a session makes of a token
 * that forgets, comes back, is another one or refuses.  The module counts
 * how often it got a PIN; session_sign verifies what it gives.
 */
#include "signer/key/keystate.h"
#include "signer/key/session.h"
#include "tests/lib/keylab.h"
#include "tests/lib/p11lab.h"
#include "tests/lib/suite.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lab {
	char name[20], pin_file[300], root[300];
	struct conf_key key;
	struct audit *audit;
	struct session *session;
	int state;
	struct p11script_counts before;
} lab;

static void
end(void)
{
	session_close(lab.session);
	audit_close(lab.audit);
	if (lab.state > 0)
		close(lab.state);
	memset(&lab, 0, sizeof lab);
}

static void
begin(const char *pin, const char *script)
{
	static int n;
	struct err e = {0};
	char file[40];

	if (n == 0)
		CHECK_OK(secret_init(&e), &e);
	snprintf(lab.name, sizeof lab.name, "p%d", ++n);
	snprintf(file, sizeof file, "p%d.pin", n);
	snprintf(lab.pin_file, sizeof lab.pin_file, "%s",
	    keylab_file(file, pin, 0400));
	snprintf(lab.root, sizeof lab.root, "%s", keylab_folder("spool", 0700));
	lab.key = *p11lab_conf();
	lab.key.name = lab.name;
	lab.key.pin_file = lab.pin_file;
	p11lab_script(P11LAB_RSA, "%s", script);
	lab.state = keystate_open(lab.root, &e);
	CHECK_OK(lab.state, &e);
	lab.audit = audit_open(lab.state, lab.name, &e);
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CU_ASSERT_FATAL(lab.audit != NULL && lab.session != NULL);
	lab.before = p11lab_counts();
}

static int
unlock(bool few, struct err *e)
{
	struct unlock_options o = {.source = PIN_SOURCE_FILE,
	    .pin_fd = -1,
	    .few_tries_ok = few,
	    .prompt = {.key = "k", .description = "k", .signal_fd = -1}};

	err_clear(e);
	return session_unlock(lab.session, &o, e);
}

/* By this call of the session. */
static int
sign_by(int (*call)(struct session *, const struct sign_input *, struct buf *,
	    struct err *),
    struct err *e)
{
	struct sign_input in = {.bytes = slice_str("a SignedInfo")};
	struct buf out = {0};
	uint8_t digest[32];
	int result;

	EVP_Digest(in.bytes.p, in.bytes.len, digest, NULL, EVP_sha256(), NULL);
	in.digest = slice_of(digest, sizeof digest);
	err_clear(e);
	result = call(lab.session, &in, &out, e);
	CU_ASSERT_EQUAL(out.len, result == 0 ? 256 : 0);
	buf_free(&out);
	return result;
}

static int
sign(struct err *e)
{
	return sign_by(session_sign, e);
}

static unsigned
logins(void)
{
	return p11lab_counts().logins - lab.before.logins;
}

static unsigned
context_logins(void)
{
	return p11lab_counts().context_logins - lab.before.context_logins;
}

/* Whether the marker of a refused PIN stands. */
static bool
marked(void)
{
	struct pin_marker m;
	struct err e = {0};

	return pin_marker_read(lab.state, lab.name, &m, &e) == 1 && m.refused;
}

/* Lost until the module is begun anew, with these words afterwards. */
static void
lose(const char *fail, const char *then)
{
	p11lab_script(P11LAB_RSA, "fail=%s fails=%u %s", fail,
	    p11lab_counts().initialised + 1, then);
}

static void
signs_with_and_without_hashing(void)
{
	static const char *const scripts[] = {
	    "", "hashing", "always", "always hashing", "hidden"};
	struct err e = {0};

	for (unsigned i = 0; i < 5; i++) {
		begin(P11LAB_PIN "\n", scripts[i]);
		CHECK_OK(unlock(false, &e), &e);
		CHECK_OK(sign(&e), &e);
		CHECK_OK(sign(&e), &e);
		CU_ASSERT_EQUAL(logins(), 1);
		CU_ASSERT_EQUAL(
		    context_logins(), strstr(scripts[i], "always") ? 2 : 0);
		end();
	}
}

static void
wrong_pin_is_not_tried_again(void)
{
	struct err e = {0};

	begin("wrong-1\n", "");
	CHECK_CODE(unlock(false, &e), &e, "pin-wrong");
	CU_ASSERT(marked());
	CHECK_CODE(unlock(false, &e), &e, "pin-file-refused-before");
	CU_ASSERT_EQUAL(logins(), 1);
	end();
}

/* The keyholder died in C_Login: the token may have counted it, and never
 * tells.  The stored PIN is not given to it again. */
static void
unseen_end_counts_as_refused(void)
{
	struct err e = {0};

	begin(P11LAB_PIN "\n", "fail=C_Login:0x30");
	CHECK_CODE(unlock(false, &e), &e, "card-error");
	CU_ASSERT_FALSE(marked());
	session_close(lab.session);
	p11lab_script(P11LAB_RSA, "%s", "");
	lab.session = session_open(&lab.key, lab.state, lab.audit, &e);
	CHECK_CODE(unlock(false, &e), &e, "pin-file-refused-before");
	CU_ASSERT_EQUAL(logins(), 1);
	end();
}

/* Nobody types here: the token asks on its own keys.  What a person did not
 * finish there is no refused PIN. */
static void
pin_pad_needs_no_pin_from_us(void)
{
	struct unlock_options o = {.source = PIN_SOURCE_NONE,
	    .pin_fd = -1,
	    .prompt = {.key = "k", .description = "k", .signal_fd = -1}};
	struct err e = {0};

	begin(P11LAB_PIN "\n", "flags=pad always");
	p11lab_script(P11LAB_RSA, "flags=pad always fail=C_Login:0x50");
	CHECK_CODE(session_unlock(lab.session, &o, &e), &e, "pin-cancelled");
	CU_ASSERT_FALSE(marked());
	p11lab_script(P11LAB_RSA, "flags=pad always");
	CHECK_OK(session_unlock(lab.session, &o, &e), &e);
	CHECK_OK(sign(&e), &e);
	CU_ASSERT_EQUAL(logins(), 2);
	CU_ASSERT_EQUAL(context_logins(), 1);
	/* Without a PIN of ours there is no unlocking again. */
	lose("C_SignInit:0xb3", "flags=pad always");
	CHECK_CODE(sign(&e), &e, "card-state-lost");
	CU_ASSERT_EQUAL(logins(), 2);
	end();
	/* A stored PIN goes the usual way. */
	begin(P11LAB_PIN "\n", "flags=pad always");
	CHECK_OK(unlock(false, &e), &e);
	CHECK_OK(sign(&e), &e);
	end();
}

static void
few_tries_want_a_word(void)
{
	struct err e = {0};

	begin(P11LAB_PIN "\n", "flags=low");
	CHECK_CODE(unlock(false, &e), &e, "pin-tries-low");
	CU_ASSERT_EQUAL(logins(), 0);
	CHECK_OK(unlock(true, &e), &e);
	CU_ASSERT_EQUAL(logins(), 1);
	end();
	begin(P11LAB_PIN "\n", "flags=final");
	CHECK_CODE(unlock(true, &e), &e, "pin-tries-low");
	p11lab_script(P11LAB_RSA, "flags=locked");
	CHECK_CODE(unlock(true, &e), &e, "pin-blocked");
	CU_ASSERT_EQUAL(logins(), 0);
	end();
}

static void
same_token_is_unlocked_again_once(void)
{
	static const char *const fails[] = {"C_Sign:0x32", "C_SignInit:0xb3",
	    "C_Sign:0x101", "C_SignInit:0xe0", "C_Sign:0x30"};
	struct err e = {0};

	for (unsigned i = 0; i < 5; i++) {
		begin(P11LAB_PIN "\n", "");
		CHECK_OK(unlock(false, &e), &e);
		lose(fails[i], "");
		CHECK_OK(sign(&e), &e);
		CU_ASSERT_EQUAL(logins(), 2);
		CHECK_OK(sign(&e), &e);
		CHECK_OK(session_alive(lab.session, &e), &e);
		CU_ASSERT_EQUAL(logins(), 2);
		CU_ASSERT_FALSE(marked());
		end();
	}
}

static void
other_token_gets_no_pin(void)
{
	static const char *const then[] = {
	    "serial=0002", "flags=low", "flags=final", "label=OTHER"};
	struct err e = {0};

	for (unsigned i = 0; i < 4; i++) {
		begin(P11LAB_PIN "\n", "");
		CHECK_OK(unlock(false, &e), &e);
		lose("C_Sign:0x32", then[i]);
		CU_ASSERT(sign(&e) < 0);
		CU_ASSERT_EQUAL(logins(), 1);
		p11lab_script(P11LAB_RSA, "%s", "");
		CU_ASSERT(sign(&e) < 0);
		CU_ASSERT(session_alive(lab.session, &e) < 0);
		CU_ASSERT_EQUAL(logins(), 1);
		end();
	}
}

/* The same token with another certificate: unlocked, but signs nothing. */
static void
other_certificate_ends_the_session(void)
{
	unsigned signatures;
	struct err e = {0};

	begin(P11LAB_PIN "\n", "");
	CHECK_OK(unlock(false, &e), &e);
	p11lab_script(P11LAB_RSA, "absent");
	CU_ASSERT(session_alive(lab.session, &e) < 0);
	end();
	begin(P11LAB_PIN "\n", "");
	CHECK_OK(unlock(false, &e), &e);
	p11lab_script(P11LAB_EC, "fail=C_Sign:0x32 fails=%u",
	    p11lab_counts().initialised + 1);
	signatures = p11lab_counts().signatures;
	CHECK_CODE(sign(&e), &e, "card-changed");
	CU_ASSERT_EQUAL(p11lab_counts().signatures, signatures);
	end();
}

/* Somebody changed the PIN while it is wanted for each signature: one try,
 * and the stored PIN is not used again, also when the session ends at that
 * moment and nobody asks again. */
static void
pin_changed_in_mid_session(void)
{
	struct err e = {0};

	begin(P11LAB_PIN "\n", "always");
	CHECK_OK(unlock(false, &e), &e);
	CHECK_OK(sign(&e), &e);
	p11lab_script(P11LAB_RSA, "always pin=another");
	CHECK_CODE(sign_by(session_sign_once, &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(context_logins(), 2);
	CU_ASSERT(marked());
	CHECK_CODE(unlock(false, &e), &e, "pin-file-refused-before");
	CU_ASSERT_EQUAL(logins(), 1);
	end();
}

static void
wrong_signatures_are_noticed(void)
{
	struct err e = {0};

	begin(P11LAB_PIN "\n", "odd=flipped");
	CHECK_OK(unlock(false, &e), &e);
	CHECK_CODE(sign(&e), &e, "signature-wrong");
	end();
}

SUITE_MAIN("pkcs11_session", CASE(signs_with_and_without_hashing),
    CASE(wrong_pin_is_not_tried_again), CASE(unseen_end_counts_as_refused),
    CASE(pin_pad_needs_no_pin_from_us), CASE(few_tries_want_a_word),
    CASE(same_token_is_unlocked_again_once), CASE(other_token_gets_no_pin),
    CASE(other_certificate_ends_the_session), CASE(pin_changed_in_mid_session),
    CASE(wrong_signatures_are_noticed))
