/*
 * The thread that holds the key, over a session of the test key with scripted
 * faults: order, what can be taken back, and that a failure stops it.
 */
#include "base/secret.h"
#include "signer/key/hand.h"
#include "signer/key/keystate.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUTS 40

static struct keyserver settings; /* only for its key and folders */
static int state;
static struct audit *audit;
static struct session *session;
static struct hand *hand;
static struct buf info[INPUTS];
static uint8_t digest[INPUTS][32];

static void
begin(const char *name, const char *script)
{
	struct unlock_options o = {.source = PIN_SOURCE_FILE, .pin_fd = -1};
	struct err e = {0};

	keyserver_init(&settings, name, script);
	CHECK_OK(secret_init(&e), &e);
	state = keystate_open(settings.conf.root, &e);
	audit = audit_open(state, name, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(audit);
	session = session_open(&settings.key, state, audit, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(session);
	CHECK_OK(session_unlock(session, &o, &e), &e);
	hand = hand_new(session, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(hand);
	for (unsigned i = 0; i < INPUTS; i++) {
		buf_reset(&info[i]);
		keylab_signed_info(&info[i], "RSH0010", i);
		EVP_Digest(info[i].p, info[i].len, digest[i], NULL,
		    EVP_sha256(), NULL);
	}
}

static void
end(void)
{
	hand_free(hand);
	session_close(session);
	audit_close(audit);
	close(state);
	keyserver_free(&settings);
	for (unsigned i = 0; i < INPUTS; i++)
		buf_free(&info[i]);
}

static bool
give(unsigned n)
{
	struct sign_input in = {.bytes = buf_view(&info[n]),
	    .digest = slice_of(digest[n], sizeof digest[n])};

	return hand_give(hand, &in, &info[n]);
}

/* The next that comes back: its number, or -1 after 20 s. */
static int
take(struct handed *h)
{
	struct pollfd p = {hand_fd(hand), POLLIN, 0};

	while (!hand_take(hand, h))
		if (poll(&p, 1, 20000) != 1)
			return -1;
	return (int)((struct buf *)h->tag - info);
}

static void
check_signed(unsigned n)
{
	struct handed h = {0};

	CU_ASSERT_EQUAL(take(&h), (int)n);
	CU_ASSERT_EQUAL(h.error.class, ERR_NONE);
	CU_ASSERT(keylab_verifies(buf_view(&info[n]), buf_view(&h.signature)));
	buf_free(&h.signature);
}

static void
all_come_back_in_order(void)
{
	unsigned given = 0, taken = 0;

	begin("hand-order", "");
	while (taken < INPUTS) {
		while (given < INPUTS && give(given))
			given++;
		CU_ASSERT(given > taken);
		check_signed(taken++);
	}
	CU_ASSERT_EQUAL(hand_holds(hand), 0);
	CU_ASSERT_EQUAL(keyserver_count(&settings, "sign"), INPUTS);
	end();
}

static void
one_is_ready_and_can_be_taken_back(void)
{
	char script[200], gate[150];
	struct handed h = {0};

	snprintf(gate, sizeof gate, "%s/hand-gate", suite_dir_path());
	snprintf(script, sizeof script, "gate:1=%s", gate);
	begin("hand-two", script);
	CU_ASSERT(give(0));
	while (keyserver_count(&settings, "sign") == 0)
		usleep(1000);
	CU_ASSERT(give(1));
	CU_ASSERT_FALSE(give(2));
	CU_ASSERT_EQUAL(hand_holds(hand), HAND_FULL);
	CU_ASSERT_FALSE(hand_withdraw(hand, &info[0])); /* the key is at it */
	CU_ASSERT_FALSE(hand_withdraw(hand, &info[2])); /* it never had it */
	CU_ASSERT(hand_withdraw(hand, &info[1]));
	CU_ASSERT_FALSE(hand_withdraw(hand, &info[1]));
	CU_ASSERT_FALSE(hand_take(hand, &h));
	CU_ASSERT(give(3));
	CU_ASSERT_EQUAL(mkdir(gate, 0700), 0);
	check_signed(0);
	check_signed(3);
	CU_ASSERT_EQUAL(keyserver_count(&settings, "sign"), 2);
	end();
}

/* Nothing is asked of a key that has failed until its owner says so. */
static void
failure_stops_it(const char *name, const char *script, const char *code)
{
	struct handed h = {0};

	begin(name, script);
	CU_ASSERT(give(0));
	CU_ASSERT(give(1));
	CU_ASSERT_EQUAL(take(&h), 0);
	CU_ASSERT_STRING_EQUAL(h.error.code, code);
	CU_ASSERT_EQUAL(h.signature.len, 0);
	buf_free(&h.signature);
	usleep(50000); /* it would have gone on by now */
	CU_ASSERT_EQUAL(keyserver_count(&settings, "sign"), 1);
	CU_ASSERT(give(2));
	CU_ASSERT_EQUAL(hand_holds(hand), 2);
	hand_go_on(hand);
	check_signed(1);
	check_signed(2);
	end();
}

static void
failures_stop_it(void)
{
	failure_stops_it("hand-gone", "sign:1=card-removed", "card-removed");
	failure_stops_it(
	    "hand-wrong", "sign:1=wrong-signature", "signature-wrong");
}

/* Freed with one in the key and one ready: the first ends, the second is
 * never begun. */
static void
the_end_begins_nothing(void)
{
	begin("hand-end", "latency=300ms");
	CU_ASSERT(give(0));
	while (keyserver_count(&settings, "sign") == 0)
		usleep(1000);
	CU_ASSERT(give(1));
	hand_free(hand);
	hand = NULL;
	CU_ASSERT_EQUAL(keyserver_count(&settings, "sign"), 1);
	end();
}

SUITE_MAIN("hand", CASE(all_come_back_in_order),
    CASE(one_is_ready_and_can_be_taken_back), CASE(failures_stop_it),
    CASE(the_end_begins_nothing))
