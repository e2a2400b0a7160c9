/*
 * Two programs that connect to one card at once, through the real pcscd: who
 * only looks is told that the card is taken; it does not wait for its end.
 */
#include "base/clock.h"
#include "signer/key/pcsc.h"
#include "signer/key/pcsc_lock.h"
#include "tests/lib/cards.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 1500
#define PATIENCE_MS 30000 /* a look that is not kept waiting is over */

/* What the two processes tell each other. */
static struct {
	atomic_uint looks; /* that have come back */
	atomic_bool over;
} * both;

static char reader[PCSC_NAME_MAX];

static void
pause_randomly(void)
{
	usleep((useconds_t)rand() % 1500);
}

/* The other program: connects in shared mode again and again. */
static void
look_on(void)
{
	struct pcsc *p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	p = pcsc_new(NULL);
	while (p != NULL && !both->over) {
		if (pcsc_connect(p, reader, false, NULL) == 0)
			pcsc_disconnect(p, PCSC_LEAVE_CARD);
		both->looks++;
		pause_randomly();
	}
	pcsc_free(p);
	_exit(p == NULL);
}

/* Two more looks come back: the second began while the card was held. */
static bool
others_come_back(void)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;
	unsigned then = both->looks;

	while (both->looks - then < 2) {
		if (clock_mono_ms() > end)
			return false;
		usleep(200);
	}
	return true;
}

static void
hold_and_look(void)
{
	struct pcsc *p;
	struct err e = {0};
	unsigned held = 0, refused = 0;
	bool waits = false;
	int status = -1;
	pid_t other = fork();

	if (other == 0)
		look_on();
	p = pcsc_new(&e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	for (int i = 0; i < ROUNDS && !waits; i++) {
		if (pcsc_connect(p, reader, true, &e) == 0) {
			held++;
			waits = !others_come_back();
			pcsc_disconnect(p, PCSC_LEAVE_CARD);
		} else {
			refused += strcmp(e.code, "card-in-use") == 0;
		}
		pause_randomly();
	}
	pcsc_free(p);
	both->over = true;
	CU_ASSERT(waitpid(other, &status, 0) == other && status == 0);
	CU_ASSERT_FALSE(waits);
	CU_ASSERT(waits || held > ROUNDS / 10);
	CU_ASSERT(waits || held + refused == ROUNDS);
	printf("# held %u times, %u times too late, %u looks\n", held, refused,
	    (unsigned)both->looks);
}

static void
connect_without(void)
{
	struct pcsc *p = pcsc_new(NULL);
	struct err e = {0};
	int lock = pcsc_lock(0), second;

	CU_ASSERT_FATAL(lock >= 0);
	second = pcsc_lock(50);
	CU_ASSERT_EQUAL(second, -1);
	CHECK_OK(pcsc_connect(p, reader, true, &e), &e);
	pcsc_disconnect(p, PCSC_LEAVE_CARD);
	pcsc_unlock(lock);
	lock = pcsc_lock(0);
	CU_ASSERT(lock >= 0);
	pcsc_unlock(lock);
	pcsc_free(p);
}

/* The lock ends with its holder. */
static void
dead_holder_holds_nothing(void)
{
	int status, lock;
	pid_t holder = fork();

	if (holder == 0)
		_exit(pcsc_lock(0) < 0);
	CU_ASSERT(waitpid(holder, &status, 0) == holder && status == 0);
	lock = pcsc_lock(0);
	CU_ASSERT(lock >= 0);
	pcsc_unlock(lock);
}

/* A card in the one reader, and what both processes share. */
static bool
prepared(void)
{
	struct pcsc_reader r[PCSC_READERS_MAX];
	struct pcsc *p;

	if (!cards_start(1))
		return false;
	if (both == NULL) {
		both = mmap(NULL, sizeof *both, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CU_ASSERT_FATAL(both != MAP_FAILED);
		CU_ASSERT_FATAL(cards_shell("vcard_make tanaka") == 0);
		CU_ASSERT_FATAL(
		    cards_shell("vcard_start 0 \"$PCSCD_DIR/tanaka\"") == 0);
	}
	p = pcsc_new(NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	for (int n = pcsc_readers(p, r, NULL); n > 0; n--)
		if (r[n - 1].present)
			memcpy(reader, r[n - 1].name, sizeof reader);
	pcsc_free(p);
	CU_ASSERT_FATAL(reader[0] != '\0');
	return true;
}

static void
nobody_waits_for_the_holders_end(void)
{
	if (prepared())
		hold_and_look();
}

/* Somebody who keeps the lock keeps nobody from the card for ever. */
static void
lock_that_is_never_given_back_costs_a_wait_only(void)
{
	if (prepared())
		connect_without();
}

SUITE_MAIN("pcsc_lock", CASE(nobody_waits_for_the_holders_end),
    CASE(lock_that_is_never_given_back_costs_a_wait_only),
    CASE(dead_holder_holds_nothing))
