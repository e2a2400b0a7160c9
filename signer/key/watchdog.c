/*
 * The last thing a keyholder does when its card hangs.  Everything in the
 * handler is a system call or a write to memory: no allocation, no lock, no
 * formatting, because the signal may have come anywhere.  Should it hang all
 * the same, a second timer kills the process.
 */
#include "signer/key/watchdog.h"

#include "base/fsops.h"
#include "base/i18n.h"
#include "base/ipc.h"
#include "base/secret.h"
#include "signer/key/keyproto.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOLD_MAX 24
#define GRACE_MS 2000
#define EXIT_STATUS 69 /* the card or its reader is unavailable */
#define THE_SIGNAL (SIGRTMAX - 1)

static struct {
	bool ready;
	volatile sig_atomic_t running;
	int64_t limit_ms;
	timer_t timer, killer;
	struct ipc_msg refused;
	char text[500];
	atomic_int told[TOLD_MAX]; /* descriptor + 1; 0 = free */
	void (*volatile at_end)(void *arg);
	void *volatile arg;
} dog;

static void
set_timer(timer_t t, int64_t ms)
{
	struct itimerspec when = {.it_value = {ms / 1000, ms % 1000 * 1000000}};

	timer_settime(t, 0, &when, NULL);
}

/* In the signal handler. */
static void
cut(int signal)
{
	(void)signal;
	if (!dog.running)
		return;
	set_timer(dog.killer, GRACE_MS);
	secret_wipe_all();
	if (dog.at_end != NULL)
		dog.at_end(dog.arg);
	for (unsigned i = 0; i < TOLD_MAX; i++) {
		int told = dog.told[i]; /* the other thread may change it */

		if (told > 0)
			ipc_send(told - 1, &dog.refused, NULL);
	}
	fs_write(STDERR_FILENO, slice_str(dog.text), NULL);
	_exit(EXIT_STATUS);
}

static int
prepare_words(const char *key, struct err *e)
{
	struct err why = {0};

	err_set(&why, ERR_CARD, "card-timeout", "key \"%s\": %lld s", key,
	    (long long)(dog.limit_ms / 1000));
	ipc_begin(&dog.refused, KEYMSG_REFUSED);
	ipc_put_str(&dog.refused, "");
	ipc_put_err(&dog.refused, &why);
	snprintf(dog.text, sizeof dog.text,
	    _("natsuin: key \"%s\": the card or its reader did not answer "
	      "within %lld s, so the key was locked. Take the card out, put "
	      "it in again and unlock the key again. (card-timeout)\n"),
	    key, (long long)(dog.limit_ms / 1000));
	return dog.refused.failed ? err_nomem(e) : 0;
}

static int
make_timer(timer_t *t, int signo)
{
	struct sigevent how = {
	    .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo};

	return timer_create(CLOCK_MONOTONIC, &how, t);
}

int
watchdog_init(const char *key, int64_t limit_ms, struct err *e)
{
	struct sigaction action = {.sa_handler = cut, .sa_flags = SA_RESTART};

	watchdog_stop();
	dog.limit_ms = limit_ms;
	if (limit_ms <= 0)
		return 0;
	if (prepare_words(key, e) != 0)
		return -1;
	if (dog.ready)
		return 0;
	sigfillset(&action.sa_mask);
	if (sigaction(THE_SIGNAL, &action, NULL) != 0 ||
	    make_timer(&dog.timer, THE_SIGNAL) != 0 ||
	    make_timer(&dog.killer, SIGKILL) != 0)
		return err_errno(
		    e, ERR_TRANSIENT_IO, "io-error", "%s", "timer_create");
	dog.ready = true;
	return 0;
}

void
watchdog_start(void)
{
	if (!dog.ready || dog.limit_ms <= 0)
		return;
	dog.running = 1;
	set_timer(dog.timer, dog.limit_ms);
}

void
watchdog_alive(void)
{
	watchdog_allow(0);
}

void
watchdog_allow(int64_t more_ms)
{
	if (dog.running)
		set_timer(dog.timer, dog.limit_ms + more_ms);
}

void
watchdog_stop(void)
{
	if (!dog.running)
		return;
	dog.running = 0;
	set_timer(dog.timer, 0);
}

static void
mask(int how)
{
	sigset_t own;

	sigemptyset(&own);
	sigaddset(&own, THE_SIGNAL);
	pthread_sigmask(how, &own, NULL);
}

void
watchdog_leave(void)
{
	mask(SIG_BLOCK);
}

void
watchdog_return(void)
{
	mask(SIG_UNBLOCK);
}

void
watchdog_tell(int fd)
{
	watchdog_forget(fd);
	for (unsigned i = 0; i < TOLD_MAX; i++) {
		if (dog.told[i] == 0) {
			dog.told[i] = fd + 1;
			return;
		}
	}
}

void
watchdog_forget(int fd)
{
	for (unsigned i = 0; i < TOLD_MAX; i++)
		if (dog.told[i] == fd + 1)
			dog.told[i] = 0;
}

void
watchdog_at_end(void (*fn)(void *arg), void *arg)
{
	dog.at_end = NULL;
	dog.arg = arg;
	dog.at_end = fn;
}
