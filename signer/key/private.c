/*
 * `natsuin --keyholder`: the private keyholder that a batch executes.  It
 * knows only what its parent tells it on descriptor 3, asks the PIN where
 * the parent's terminal or files allow, and ends when the parent hangs up.
 */
#include "base/i18n.h"
#include "base/log.h"
#include "signer/key/keyholder.h"
#include "signer/key/keyproto.h"
#include "signer/key/watchdog.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PARENT_FD 3

static int
receive_setup(struct keyholder_setup *s, struct err *e)
{
	struct ipc_msg m = {0};
	int result = -1;

	if (ipc_recv(PARENT_FD, &m, e) > 0 && m.type == KEYMSG_SETUP &&
	    keyproto_get_setup(&m, s) == 0)
		result = 0;
	else if (e->class == ERR_NONE)
		err_set(e, ERR_BUG, "ipc-malformed", "%s", "setup");
	ipc_free(&m);
	return result;
}

/* Tells the parent why there will be no key. */
static void
give_up(const struct err *why)
{
	struct ipc_msg m = {0};
	struct err e = {0};

	ipc_begin(&m, KEYMSG_REFUSED);
	ipc_put_str(&m, "");
	ipc_put_err(&m, why);
	if (ipc_send(PARENT_FD, &m, &e) != 0)
		log_err(LOG_LEVEL_WARN, "key.parent-gone", &e);
	ipc_free(&m);
}

static int
hold(const struct keyholder_setup *s, struct err *e)
{
	struct keyholder *k = keyholder_open(&s->key, s->root, e);
	struct unlock_options o = {.pin_fd = s->pin_fd};
	char text[400];
	int result = -1;

	if (k == NULL)
		return -1;
	o.source = pin_choose(&s->key, s->pin_fd);
	o.prompt.description = keyholder_describe(k, text, sizeof text);
	if (keyholder_unlock(k, &o, e) != 0)
		goto out;
	keyholder_set_private(k, PARENT_FD);
	keyholder_serve(k, e);
	result = 0;
out:
	keyholder_close(k);
	return result;
}

int
keyholder_main(int argc, char **argv)
{
	struct keyholder_setup setup;
	struct err e = {0};
	int result;

	(void)argc;
	(void)argv;
	prctl(PR_SET_NAME, "natsuin-key");
	fcntl(PARENT_FD, F_SETFD, FD_CLOEXEC);
	watchdog_tell(PARENT_FD);
	log_open(STDERR_FILENO, LOG_LEVEL_WARN, "keyholder");
	if (receive_setup(&setup, &e) != 0)
		return 70;
	i18n_use(setup.language);
	result = hold(&setup, &e);
	if (result != 0)
		give_up(&e);
	keyproto_free_setup(&setup);
	return result == 0 ? 0 : 77;
}
