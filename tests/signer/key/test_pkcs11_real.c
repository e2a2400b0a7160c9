/*
 * The PKCS#11 backend over real modules: SoftHSM2, watched by OpenSC's
 * pkcs11-spy, and OpenSC's own module on a virtual My Number card through
 * the real pcscd, where the card's counters are the judge.
 */
#include "base/fsops.h"
#include "signer/key/backend.h"
#include "tests/lib/cards.h"
#include "tests/lib/keylab.h"
#include "tests/lib/p11lab.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIGN_TOKEN "JPKI (Digital Signature PIN)"
#define CARD_PIN "ABC123"

static const struct key_backend *const pkcs11 = &key_backend_pkcs11;
static char module[300], label[40], serial[40], hsm[200];
static long spied; /* bytes of the spy's log before this case */

__attribute__((format(printf, 1, 2))) static int
shell(const char *fmt, ...)
{
	char line[1200];
	va_list args;
	int n = snprintf(line, sizeof line,
	    ". \"$NATSUIN_SRC/tests/lib/tokens.sh\"; TOKENS_DIR=%s; { ", hsm);

	va_start(args, fmt);
	n += vsnprintf(line + n, sizeof line - (size_t)n, fmt, args);
	va_end(args);
	snprintf(line + n, sizeof line - (size_t)n, "; } >>%s/log 2>&1", hsm);
	setenv("LINE", line, 1);
	return system("bash -c \"$LINE\"");
}

static bool
find_library(const char *name)
{
	char command[200];
	FILE *f;
	size_t n;

	snprintf(command, sizeof command,
	    "find /usr/lib -name '%s' 2>/dev/null | head -n 1", name);
	f = popen(command, "r");
	n = f == NULL ? 0 : fread(module, 1, sizeof module - 1, f);
	module[n > 0 ? n - 1 : 0] = '\0';
	if (f != NULL)
		pclose(f);
	if (module[0] == '\0')
		suite_skip(name);
	return module[0] != '\0';
}

/* The token "office" with tanaka's RSA key and suzuki's on P-384. */
static bool
softhsm(const char *token)
{
	static bool made;
	struct stat st;
	char path[300];

	snprintf(label, sizeof label, "%s", token);
	serial[0] = '\0';
	if (getenv("NATSUIN_SRC") == NULL) {
		suite_skip("NATSUIN_SRC is not set");
		return false;
	}
	if (!find_library("libsofthsm2.so"))
		return false;
	setenv("PKCS11SPY", module, 1);
	if (!made) {
		snprintf(hsm, sizeof hsm, "%s/hsm", suite_dir_path());
		snprintf(path, sizeof path, "%s/softhsm2.conf", hsm);
		CU_ASSERT_EQUAL(fs_mkdir(AT_FDCWD, hsm, 0700, NULL), 0);
		setenv("SOFTHSM2_CONF", path, 1);
		CU_ASSERT_EQUAL(
		    shell("tokens_begin %s && token_make office 4711pin && "
			  "token_make p384 4711pin && "
			  "token_pair tanaka rsa && token_pair suzuki ec && "
			  "token_put office 4711pin tanaka 01 && "
			  "token_put p384 4711pin suzuki 02",
			hsm),
		    0);
		made = true;
	}
	snprintf(path, sizeof path, "%s/spy.log", hsm);
	setenv("PKCS11SPY_OUTPUT", path, 1);
	spied = stat(path, &st) == 0 ? (long)st.st_size : 0;
	return find_library("pkcs11-spy.so");
}

/* How often a function was called, by the spy. */
static unsigned
called(const char *function)
{
	char path[300], line[400];
	unsigned count = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/spy.log", hsm);
	f = fopen(path, "r");
	CU_ASSERT(f != NULL && fseek(f, spied, SEEK_SET) == 0);
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		char *colon = strstr(line, ": C_");

		line[strcspn(line, "\n")] = '\0';
		count += colon != NULL && strcmp(colon + 2, function) == 0;
	}
	if (f != NULL)
		fclose(f);
	return count;
}

static struct key *
open_key(struct err *e)
{
	struct conf_key *conf = p11lab_conf();

	conf->module = module;
	conf->token_label = label;
	conf->token_serial = serial;
	return pkcs11->open(conf, e);
}

/* OpenSC may see a card that was put in later than pcscd tells of it. */
static struct key *
open_unlocked(const char *pin, struct buf *certificate)
{
	struct err e = {0};
	struct key *k = open_key(&e);
	int tries = 300;

	while (k == NULL && tries-- > 0 &&
	       strcmp(e.code, "pkcs11-token-missing") == 0) {
		poll(NULL, 0, 100);
		err_clear(&e);
		k = open_key(&e);
	}
	buf_reset(certificate);
	if (k == NULL || p11lab_unlock(pkcs11, k, pin, &e) != 0 ||
	    pkcs11->certificate(k, certificate, &e) != 0) {
		suite_print_err(__FILE__, __LINE__, &e);
		CU_FAIL_FATAL("no unlocked key");
	}
	return k;
}

static void
softhsm_signs(void)
{
	static const char *const tokens[] = {"office", "p384"};
	static const enum sign_algorithm algorithms[] = {
	    SIGN_RSA_SHA256, SIGN_ECDSA_SHA384};
	struct buf certificate = {0}, out = {0};
	struct err e = {0};

	for (unsigned i = 0; i < 2; i++) {
		struct key *k;

		if (!softhsm(tokens[i]))
			return;
		k = open_unlocked(P11LAB_PIN, &certificate);
		for (uint8_t n = 1; n <= 20; n++) {
			CHECK_OK(
			    p11lab_sign(pkcs11, k, algorithms[i], n, &out, &e),
			    &e);
			CU_ASSERT(p11lab_signed(
			    buf_view(&certificate), algorithms[i], n, &out));
			CHECK_OK(pkcs11->alive(k, &e), &e);
		}
		pkcs11->close(k);
		CU_ASSERT_EQUAL(called("C_Login"), 1);
		CU_ASSERT_EQUAL(called("C_Sign"), 20);
		CU_ASSERT_EQUAL(called("C_Finalize"), 1);
	}
	buf_free(&certificate);
	buf_free(&out);
}

static void
softhsm_wrong_pin_costs_one_login(void)
{
	struct key_status s;
	struct err e = {0};
	struct key *k;

	if (!softhsm("office"))
		return;
	k = open_key(&e);
	CHECK_CODE(p11lab_unlock(pkcs11, k, "4711pen", &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(called("C_Login"), 1);
	/* The flag of a refused try: two left, for all that is known. */
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.tries_left, 2);
	CHECK_CODE(p11lab_unlock(pkcs11, k, "no", &e), &e, "pin-format");
	CU_ASSERT_EQUAL(called("C_Login"), 1);
	CHECK_OK(p11lab_unlock(pkcs11, k, P11LAB_PIN, &e), &e);
	pkcs11->close(k);
	k = open_key(&e);
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.tries_left, -1);
	pkcs11->close(k);
}

static void
softhsm_tokens_by_serial(void)
{
	struct key_status s;
	struct err e = {0};
	struct key *k;
	char *open;

	if (!softhsm("office"))
		return;
	k = open_key(&e);
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	pkcs11->close(k);
	open = strrchr(s.token, '(');
	CU_ASSERT_FATAL(open != NULL && strlen(open) == 18);
	/* Both tokens fit: never a guess. */
	label[0] = '\0';
	CU_ASSERT_PTR_NULL(open_key(&e));
	CU_ASSERT_STRING_EQUAL(e.code, "pkcs11-token-ambiguous");
	snprintf(serial, sizeof serial, "%.16s", open + 1);
	k = open_key(&e);
	CU_ASSERT_PTR_NOT_NULL(k);
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(strncmp(s.token, "office ", 7), 0);
	pkcs11->close(k);
}

/* A fresh copy of a card in reader 0, with so many tries left. */
static bool
fresh_card(int tries)
{
	static int copies;
	static bool ready;

	if (!cards_start(2) || !find_library("opensc-pkcs11.so"))
		return false;
	snprintf(label, sizeof label, "%s", SIGN_TOKEN);
	serial[0] = '\0';
	if (!ready) {
		CU_ASSERT(cards_shell("vcard_make tanaka") == 0);
		CU_ASSERT(cards_shell("vcard_make suzuki") == 0);
		CU_ASSERT(
		    cards_shell("vcard_start 0 \"$PCSCD_DIR/tanaka\"") == 0);
		ready = true;
	}
	copies++;
	CU_ASSERT(cards_shell("cp -r \"$PCSCD_DIR/tanaka\" "
			      "\"$PCSCD_DIR/c%d\" && "
			      "printf 'auth 1234 3 3\\nsign ABC123 %d 5\\n' "
			      ">\"$PCSCD_DIR/c%d/pins\"",
		      copies, tries, copies) == 0);
	CU_ASSERT(cards_ctl(0, "load %s/c%d", cards_dir(), copies) == 0);
	CU_ASSERT(cards_ctl(0, "defaults") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	return true;
}

/* OpenSC says ALWAYS_AUTHENTICATE of the signature key: a VERIFY at login
 * and one per signature, and not one more. */
static void
card_through_opensc(void)
{
	struct buf certificate = {0}, out = {0};
	struct key_status s;
	struct err e = {0};
	struct key *k;

	if (!fresh_card(5))
		return;
	k = open_key(&e);
	CU_ASSERT_FATAL(k != NULL);
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.pin, PIN_NEEDED);
	CU_ASSERT_EQUAL(s.tries_left, -1);
	CHECK_CODE(pkcs11->certificate(k, &certificate, &e), &e, "pin-needed");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	pkcs11->close(k);
	k = open_unlocked(CARD_PIN, &certificate);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	for (uint8_t n = 1; n <= 5; n++) {
		CHECK_OK(
		    p11lab_sign(pkcs11, k, SIGN_RSA_SHA256, n, &out, &e), &e);
		CU_ASSERT(p11lab_signed(
		    buf_view(&certificate), SIGN_RSA_SHA256, n, &out));
		CHECK_OK(pkcs11->alive(k, &e), &e);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 1 + n);
	}
	CU_ASSERT_EQUAL(cards_count(0, "verify_wrong"), 0);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 5);
	pkcs11->close(k);
	buf_free(&certificate);
	buf_free(&out);
}

static void
card_wrong_pin_costs_one_verify(void)
{
	struct key_status s;
	struct err e = {0};
	struct key *k;

	if (!fresh_card(5))
		return;
	k = open_key(&e);
	CHECK_CODE(p11lab_unlock(pkcs11, k, "WRONG1", &e), &e, "pin-wrong");
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CHECK_OK(pkcs11->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.tries_left, 2); /* "low": 4 in truth */
	CHECK_CODE(p11lab_unlock(pkcs11, k, "ABC12", &e), &e, "pin-format");
	pkcs11->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
}

static void
card_with_few_tries(void)
{
	static const struct {
		int tries, told;
		const char *code;
	} rows[] = {{1, 1, "pin-tries-low"}, {0, 0, "pin-blocked"}};

	for (unsigned i = 0; i < 2; i++) {
		struct key_status s;
		struct err e = {0};
		struct key *k;

		if (!fresh_card(rows[i].tries))
			return;
		k = open_key(&e);
		CU_ASSERT_FATAL(k != NULL);
		CHECK_OK(pkcs11->status(k, &s, &e), &e);
		CU_ASSERT_EQUAL(s.tries_left, rows[i].told);
		CHECK_CODE(
		    p11lab_unlock(pkcs11, k, CARD_PIN, &e), &e, rows[i].code);
		pkcs11->close(k);
		CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	}
}

/* Another card in the reader, faster than it can be noticed: it neither
 * signs nor sees the PIN. */
static void
swapped_card_sees_no_pin(void)
{
	struct buf certificate = {0}, out = {0};
	struct err cause, e = {0};
	struct key *k;

	if (!fresh_card(5))
		return;
	k = open_unlocked(CARD_PIN, &certificate);
	CHECK_OK(p11lab_sign(pkcs11, k, SIGN_RSA_SHA256, 1, &out, &e), &e);
	CU_ASSERT(cards_ctl(0, "zero") == 0);
	CU_ASSERT(cards_ctl(0, "swap %s/suzuki", cards_dir()) == 0);
	CU_ASSERT(p11lab_sign(pkcs11, k, SIGN_RSA_SHA256, 2, &out, &e) < 0);
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	cause = e;
	/* OpenSC's serial number is the same for all cards. */
	CU_ASSERT(pkcs11->recover(k, &cause, &e) < 0);
	pkcs11->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	CU_ASSERT_EQUAL(cards_count(0, "sign"), 0);
	CU_ASSERT(cards_ctl(0, "swap %s/tanaka", cards_dir()) == 0);
	buf_free(&certificate);
	buf_free(&out);
}

static void
pulled_card_ends_the_session(void)
{
	struct buf certificate = {0}, out = {0};
	struct err e = {0};
	struct key *k;

	if (!fresh_card(5))
		return;
	k = open_unlocked(CARD_PIN, &certificate);
	CU_ASSERT(cards_ctl(0, "remove") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 empty") == 0);
	CU_ASSERT(pkcs11->alive(k, &e) < 0);
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	CHECK_CODE(p11lab_sign(pkcs11, k, SIGN_RSA_SHA256, 2, &out, &e), &e,
	    "card-state-lost");
	pkcs11->close(k);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 1);
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	k = open_unlocked(CARD_PIN, &certificate);
	CHECK_OK(p11lab_sign(pkcs11, k, SIGN_RSA_SHA256, 2, &out, &e), &e);
	pkcs11->close(k);
	buf_free(&certificate);
	buf_free(&out);
}

#ifdef NATSUIN_SANITIZED
/* What pkcs11-spy does not free is no leak of ours. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void)
{
	return "leak:pkcs11-spy.so\n";
}
#endif

SUITE_MAIN("pkcs11_real", CASE(softhsm_signs),
    CASE(softhsm_wrong_pin_costs_one_login), CASE(softhsm_tokens_by_serial),
    CASE(card_through_opensc), CASE(card_wrong_pin_costs_one_verify),
    CASE(card_with_few_tries), CASE(swapped_card_sees_no_pin),
    CASE(pulled_card_ends_the_session))
