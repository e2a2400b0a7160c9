/*
 * Finding one card among several, through the real pcscd: by the certificate
 * that is free on it, in whichever reader it is, and without a PIN.
 */
#include "base/fsops.h"
#include "base/text.h"
#include "signer/key/backend.h"
#include "tests/lib/cards.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char empty[] = "";

/* The hash by which a card is known, as natsuin cert --card prints it. */
static void
card_hash(const char *card, char hex[65])
{
	struct buf der = {0};
	struct err e = {0};
	uint8_t hash[32];
	char path[400];
	int fd;

	snprintf(path, sizeof path, "%s/%s/auth.der", cards_dir(), card);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 16, &der, &e), &e);
	close(fd);
	CU_ASSERT_FATAL(
	    EVP_Digest(der.p, der.len, hash, NULL, EVP_sha256(), NULL) == 1);
	text_hex_fixed(hex, hash, sizeof hash);
	buf_free(&der);
}

static struct key *
open_card(const char *hash, struct err *e)
{
	char hex[65];
	struct conf_key conf = {
	    .name = empty, .reader = empty, .card_sha256 = hex};

	snprintf(hex, sizeof hex, "%s", hash);
	return key_backend_jpki.open(&conf, e);
}

/* The card with this hash is found, and it is in this reader. */
static void
found_in(const char *hash, const char *where)
{
	struct key_status status;
	struct err e = {0};
	struct key *k = open_card(hash, &e);

	if (k == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_FATAL(k != NULL);
	CHECK_OK(key_backend_jpki.status(k, &status, &e), &e);
	CU_ASSERT_STRING_EQUAL(status.where, where);
	key_backend_jpki.close(k);
}

static void
a_card_is_known_by_its_certificate(void)
{
	char tanaka[65], suzuki[65];
	struct err e = {0};
	struct key *held;

	if (!cards_start(2))
		return;
	CU_ASSERT_FATAL(cards_shell("vcard_make tanaka") == 0);
	CU_ASSERT_FATAL(cards_shell("vcard_make suzuki") == 0);
	card_hash("tanaka", tanaka);
	card_hash("suzuki", suzuki);
	CU_ASSERT_FATAL(
	    cards_shell("vcard_start 0 \"$PCSCD_DIR/tanaka\"") == 0);
	/* Only another one is there: it is not taken for this one. */
	CHECK_CODE(open_card(suzuki, &e) == NULL ? -1 : 0, &e, "card-other");
	CU_ASSERT_FATAL(
	    cards_shell("vcard_start 1 \"$PCSCD_DIR/suzuki\"") == 0);
	CHECK_CODE(open_card("", &e) == NULL ? -1 : 0, &e, "card-ambiguous");
	found_in(tanaka, "VR0 00 00");
	found_in(suzuki, "VR0 00 01");
	/* Readers change places, and that costs nothing. */
	CU_ASSERT(cards_ctl(0, "load %s/suzuki", cards_dir()) == 0);
	CU_ASSERT(cards_ctl(1, "load %s/tanaka", cards_dir()) == 0);
	found_in(tanaka, "VR0 00 01");
	found_in(suzuki, "VR0 00 00");
	/* While the one is held, the only free one is still not it. */
	held = open_card(tanaka, &e);
	CU_ASSERT_FATAL(held != NULL);
	CHECK_CODE(open_card(tanaka, &e) == NULL ? -1 : 0, &e, "card-other");
	found_in(suzuki, "VR0 00 00");
	key_backend_jpki.close(held);
	CU_ASSERT_EQUAL(cards_count(0, "verify"), 0);
	CU_ASSERT_EQUAL(cards_count(1, "verify"), 0);
}

SUITE_MAIN("jpki_find", CASE(a_card_is_known_by_its_certificate))
