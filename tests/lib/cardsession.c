/* One session at a time, on the card in reader 0. */
#include "tests/lib/cardsession.h"

#include "signer/key/keystate.h"
#include "tests/lib/cardlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct cardsession cardsession;

void
cardsession_leave(void)
{
	session_close(cardsession.session);
	audit_close(cardsession.audit);
	if (cardsession.state > 0)
		close(cardsession.state);
	memset(&cardsession, 0, sizeof cardsession);
}

static void
prepare(void)
{
	static int n;

	memset(&cardsession, 0, sizeof cardsession);
	snprintf(cardsession.name, sizeof cardsession.name, "k%d", ++n);
	snprintf(cardsession.reader, sizeof cardsession.reader, "VR0 00 00");
	snprintf(cardsession.pin_file, sizeof cardsession.pin_file, "%s",
	    keylab_file("card.pin", CARDLAB_PIN "\n", 0400));
	snprintf(cardsession.root, sizeof cardsession.root, "%s",
	    keylab_folder("spool", 0700));
	cardsession.key = (struct conf_key){.name = cardsession.name,
	    .backend = CONF_BACKEND_JPKI,
	    .reader = cardsession.reader,
	    .pin_file = cardsession.pin_file};
}

int
cardsession_open(struct err *e)
{
	prepare();
	err_clear(e);
	cardsession.state = keystate_open(cardsession.root, e);
	if (cardsession.state >= 0)
		cardsession.audit =
		    audit_open(cardsession.state, cardsession.name, e);
	if (cardsession.audit != NULL)
		cardsession.session = session_open(
		    &cardsession.key, cardsession.state, cardsession.audit, e);
	if (cardsession.session != NULL)
		return 0;
	cardsession_leave();
	return -1;
}

bool
cardsession_begin(void)
{
	struct err e = {0};
	int r = cardsession_open(&e);

	CHECK_OK(r, &e);
	return r == 0;
}

int
cardsession_unlock(struct err *e)
{
	struct unlock_options o = {.source = PIN_SOURCE_FILE,
	    .pin_fd = -1,
	    .prompt = {.key = "k", .description = "k", .signal_fd = -1}};

	return session_unlock(cardsession.session, &o, e);
}

bool
cardsession_unlocked(void)
{
	struct err e = {0};

	if (!cardlab_fresh("tanaka") || !cardsession_begin())
		return false;
	CHECK_OK(cardsession_unlock(&e), &e);
	return true;
}

/* session_sign verifies what it gives with the certificate. */
int
cardsession_sign(struct err *e)
{
	uint8_t digest[32];
	struct sign_input in = {0};
	struct buf out = {0};
	int result;

	memset(digest, 7, sizeof digest);
	in.digest = slice_of(digest, sizeof digest);
	err_clear(e);
	result = session_sign(cardsession.session, &in, &out, e);
	CU_ASSERT_EQUAL(out.len, result == 0 ? 256 : 0);
	buf_free(&out);
	return result;
}

/* "", "attempt" or the code of the refusal that the marker tells. */
const char *
cardsession_marker(void)
{
	static struct pin_marker m;
	struct err e = {0};

	if (pin_marker_read(cardsession.state, cardsession.name, &m, &e) != 1)
		return "";
	CU_ASSERT_EQUAL(m.refused, strcmp(m.code, "attempt") != 0);
	return m.code;
}
