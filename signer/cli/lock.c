/*
 * `natsuin lock`: ends keyholders.  Returns when they have gone, so that
 * the card is unpowered and the socket removed once this command is over.
 */
#include "base/i18n.h"
#include "signer/cli/cli.h"
#include "signer/key/keyclient.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_SECONDS 90 /* a card may be in the middle of a command */

/* Greeting, then "locked", then the end: whatever comes between is let by. */
static int
wait_end(int fd, const struct conf_key *key, struct err *e)
{
	struct key_reply r = {0};
	bool greeted = false;
	int result = -1;

	for (;;) {
		if (keyclient_receive(fd, &r, e) != 0)
			break;
		if (r.type == KEY_REPLY_EOF) {
			result = greeted ? 0
					 : err_set(e, ERR_CONFIG,
					       "keyholder-refuses-user",
					       "key \"%s\"", key->name);
			break;
		}
		greeted = true;
	}
	key_reply_free(&r);
	return result;
}

/* 1 locked, 0 was not unlocked, -1. */
static int
lock_one(const struct conf *c, const struct conf_key *key, struct err *e)
{
	const struct timeval wait = {WAIT_SECONDS, 0};
	int result, fd = keyclient_connect(c, key, e);

	if (fd < 0)
		return e->errnum == ENOENT || e->errnum == ECONNREFUSED ? 0
									: -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	/* A holder that does not know us hangs up before it reads. */
	if (keyclient_lock(fd, e) != 0 && e->errnum != EPIPE)
		result = -1;
	else
		result = wait_end(fd, key, e) == 0 ? 1 : -1;
	close(fd);
	return result;
}

static int
lock_and_tell(const struct cli *cli, const struct conf_key *key)
{
	struct err e = {0};
	int r = lock_one(cli->conf, key, &e);

	if (r < 0)
		return cli_fail(&e);
	if (!cli->quiet)
		printf(r > 0 ? _("Key \"%s\" is locked.\n")
			     : _("Key \"%s\" was not unlocked.\n"),
		    key->name);
	return EXIT_ALL_DONE;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	const struct conf_key *key;
	struct err e = {0};
	int worst = EXIT_ALL_DONE;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return cli_usage(&cmd_lock);
	if (argc == 2) {
		key = cli_key(cli, argv[1], &e);
		return key == NULL ? cli_fail(&e) : lock_and_tell(cli, key);
	}
	for (size_t i = 0; i < cli->conf->key_count; i++) {
		int r = lock_and_tell(cli, &cli->conf->keys[i]);

		if (r != EXIT_ALL_DONE)
			worst = r;
	}
	return worst;
}

const struct command cmd_lock = {
    .name = "lock",
    .needs_conf = true,
    .run = run,
    .synopsis = N_("[KEY]"),
    .summary = N_("end the session of a key: PIN wiped, card switched off"),
    .help = N_("Without KEY, all configured keys are locked.\n\n"
	       "  natsuin lock tanaka\n"),
};
