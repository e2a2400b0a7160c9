/*
 * A key comes back: the card is put in again, pcscd is started again, somebody
 * unlocks it.  That is noticed within seconds and costs no PIN: a keyholder
 * that listens is asked for; a private one is started again only where its
 * PIN is stored, and that one presents no PIN that was refused before.  What a
 * card's return does not mend is tried again less and less often.
 */
#include "signer/batch/return.h"

#include "base/clock.h"
#include "base/log.h"
#include "signer/batch/keys.h"
#include "signer/key/pin.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 1000 /* is somebody listening? */
#define SOON_MS 1500 /* a card that is out is looked for so often */
#define RETRY_MIN_MS 5000
#define RETRY_MAX_MS 300000
#define FRUITLESS                                                              \
	2             /* stops without a signature: it is not the card's being
		       * out */
#define BURY_MS 5000  /* a keyholder that does not end is killed */
#define CLOSE_MS 2000 /* the same at the end of the program */
#define LOOK_AGAIN_MS 20

/* Is this mended by putting the card back, or by unlocking the key? */
static bool
is_mended_by_return(const struct bkey *k)
{
	static const char *const codes[] = {
	    "keyholder-ended", "pin-needed", "no-keyholder"};

	if (k->fruitless >= FRUITLESS ||
	    strcmp(k->error.code, "signature-wrong") == 0)
		return false;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(k->error.code, codes[i]) == 0)
			return true;
	return k->error.class == ERR_CARD || k->error.class == ERR_TRANSIENT_IO;
}

void
key_await_return(struct bkey *k)
{
	int64_t now = clock_mono_ms();

	if (k->fd >= 0)
		close(k->fd); /* a private keyholder ends at the hang-up */
	k->fd = -1;
	k->stopped_ms = now;
	k->look_ms = now + LOOK_MS;
	if (is_mended_by_return(k)) {
		k->again_ms = now + SOON_MS;
		return;
	}
	k->retry_ms = k->retry_ms == 0 ? RETRY_MIN_MS : 2 * k->retry_ms;
	if (k->retry_ms > RETRY_MAX_MS)
		k->retry_ms = RETRY_MAX_MS;
	k->again_ms = now + k->retry_ms;
}

/* True once no keyholder of ours holds the card any more. */
static bool
is_buried(struct bkey *k)
{
	if (k->pid <= 0)
		return true;
	if (waitpid(k->pid, NULL, WNOHANG) != 0) {
		k->pid = 0;
		return true;
	}
	if (clock_mono_ms() - k->stopped_ms > BURY_MS)
		kill(k->pid, SIGKILL); /* its card does not answer */
	return false;
}

/* Somebody else than the one that refused, or it is time to ask that one
 * again. */
static bool
is_worth_asking(const struct bkey *k, int fd)
{
	return keyclient_peer(fd) != k->holder ||
	       clock_mono_ms() >= k->again_ms;
}

static void
try_again(struct runner *r, struct bkey *k)
{
	enum pin_source s = pin_choose(k->conf, -1);
	int64_t now = clock_mono_ms();
	struct err e = {0};
	int fd;

	k->look_ms = now + LOOK_MS;
	fd = keyclient_connect(r->conf, k->conf, &e);
	if (fd >= 0 && !is_worth_asking(k, fd)) {
		close(fd);
		return;
	}
	if (fd < 0) {
		if ((e.errnum != ENOENT && e.errnum != ECONNREFUSED) ||
		    now < k->again_ms ||
		    (s != PIN_SOURCE_FILE && s != PIN_SOURCE_CREDENTIAL))
			return;
		fd = keyclient_spawn(r->conf, k->conf, -1, &k->pid, &e);
	}
	if (fd < 0)
		return;
	k->fd = fd;
	key_begin(k, KEY_RETURNING);
}

void
keys_return(struct runner *r)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i];

		if (k->state == KEY_STOPPED && is_buried(k) && !r->stopping &&
		    (now >= k->look_ms || now >= k->again_ms))
			try_again(r, k);
	}
}

/* Waits until the process has ended, wait_ms at most. */
static void
await_end(pid_t pid, int64_t wait_ms)
{
	struct pollfd end = {
	    .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (end.fd < 0 && wait_ms > LOOK_AGAIN_MS)
		wait_ms = LOOK_AGAIN_MS;
	poll(&end, 1, (int)wait_ms);
	if (end.fd >= 0)
		close(end.fd);
}

static void
end_private(struct bkey *k, int64_t until_ms)
{
	while (k->pid > 0 && waitpid(k->pid, NULL, WNOHANG) == 0) {
		int64_t left = until_ms - clock_mono_ms();

		if (left > 0) {
			await_end(k->pid, left);
			continue;
		}
		kill(k->pid, SIGKILL);
		waitpid(k->pid, NULL, 0);
		break;
	}
	k->pid = 0;
}

void
keys_close(struct runner *r)
{
	int64_t until_ms = clock_mono_ms() + CLOSE_MS;

	/* All at once, then one after the other: they end side by side. */
	for (size_t i = 0; i < r->key_count; i++)
		if (r->keys[i].state != KEY_CLOSED && r->keys[i].fd >= 0)
			close(r->keys[i].fd);
	for (size_t i = 0; i < r->key_count; i++) {
		end_private(&r->keys[i], until_ms);
		keyholder_status_free(&r->keys[i].status);
	}
}
