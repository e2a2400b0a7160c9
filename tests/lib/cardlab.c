/* The cards are made once per program; each case gets copies. */
#include "tests/lib/cardlab.h"

#include "base/clock.h"
#include "base/secret.h"
#include "tests/lib/suite.h"

#define WAIT_MS 60000

static int copies;

static bool
prepare(void)
{
	static bool ready;
	struct err e = {0};

	if (!cards_start(4))
		return false;
	if (ready)
		return true;
	ready = true;
	CHECK_OK(secret_init(&e), &e);
	CU_ASSERT(cards_shell("vcard_make tanaka") == 0);
	CU_ASSERT(cards_shell("vcard_make suzuki") == 0);
	CU_ASSERT(cards_shell("vcard_make kodomo --child") == 0);
	CU_ASSERT(cards_shell("vcard_start 0 \"$PCSCD_DIR/tanaka\"") == 0);
	return true;
}

bool
cardlab_fresh(const char *name)
{
	if (!prepare())
		return false;
	copies++;
	CU_ASSERT(cards_shell("cp -r \"$PCSCD_DIR/%s\" \"$PCSCD_DIR/c%d\"",
		      name, copies) == 0);
	CU_ASSERT(cards_ctl(0, "load %s/c%d", cards_dir(), copies) == 0);
	CU_ASSERT(cards_ctl(0, "defaults") == 0);
	CU_ASSERT(cards_ctl(0, "insert") == 0);
	CU_ASSERT(cards_shell("vcard_wait 0 card") == 0);
	return true;
}

bool
cardlab_load(const char *name, const char *pin, int tries)
{
	copies++;
	CU_ASSERT(cards_shell("cp -r \"$PCSCD_DIR/%s\" \"$PCSCD_DIR/c%d\" && "
			      "printf 'auth 1234 3 3\\nsign %s %d 5\\n' "
			      ">\"$PCSCD_DIR/c%d/pins\"",
		      name, copies, pin, tries, copies) == 0);
	CU_ASSERT(cards_ctl(0, "load %s/c%d", cards_dir(), copies) == 0);
	return true;
}

bool
cardlab_with_tries(int tries)
{
	return cardlab_fresh("tanaka") &&
	       cardlab_load("tanaka", CARDLAB_PIN, tries);
}

bool
cardlab_counts(int reader, const char *name, long want)
{
	int64_t end = clock_mono_ms() + WAIT_MS;
	long n;

	do {
		n = cards_count(reader, name);
	} while (n != want && clock_mono_ms() < end);
	return n == want;
}
