/*
 * `natsuin pin change`: the PIN of a card is replaced by its holder.  This
 * process is a keyholder that never serves: the same rights, marker, audit
 * file and secure memory.  While another one runs on the key, nothing is
 * asked.
 */
#include "signer/cli/pin_change.h"

#include "base/i18n.h"
#include "signer/key/keyclient.h"
#include "signer/key/keyholder.h"
#include "signer/key/prompt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct wish {
	const char *key;
	bool few_tries_ok;
	bool pin_changed;
};

static int
parse(struct wish *w, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--i-know") == 0)
			w->few_tries_ok = true;
		else if (strcmp(argv[i], "--pin-changed") == 0)
			w->pin_changed = true;
		else if (argv[i][0] == '-' || w->key != NULL)
			return -1;
		else
			w->key = argv[i];
	}
	return 0;
}

/* A running keyholder has the card for itself, and the old PIN. */
static int
refuse_while_unlocked(
    const struct conf *c, const struct conf_key *key, struct err *e)
{
	struct err why = {0};
	int fd = keyclient_connect(c, key, &why);

	if (fd >= 0) {
		close(fd);
		return err_set(
		    e, ERR_PIN, "pin-change-unlocked", "key \"%s\"", key->name);
	}
	if (why.errnum == ENOENT || why.errnum == ECONNREFUSED)
		return 0;
	*e = why;
	return -1;
}

static int
change(const struct cli *cli, const struct conf_key *key, const struct wish *w,
    struct err *e)
{
	struct unlock_options o = {.pin_fd = cli->pin_fd,
	    .few_tries_ok = w->few_tries_ok,
	    .pin_changed = w->pin_changed};
	struct keyholder *k;
	char text[400];
	int result;

	prctl(PR_SET_NAME, "natsuin-key");
	if (refuse_while_unlocked(cli->conf, key, e) != 0)
		return -1;
	k = keyholder_open(key, cli->conf->root, e);
	if (k == NULL)
		return -1;
	o.source = cli->pin_fd >= 0 ? PIN_SOURCE_DESCRIPTOR : prompt_choose();
	o.prompt.description = keyholder_describe(k, text, sizeof text);
	result = keyholder_change_pin(k, &o, e);
	keyholder_close(k);
	return result;
}

int
pin_change(
    const struct cli *cli, int argc, char **argv, const struct command *usage)
{
	const struct conf_key *key;
	struct wish w = {0};
	struct err e = {0};

	if (parse(&w, argc, argv) != 0)
		return cli_usage(usage);
	key = cli_key(cli, w.key, &e);
	if (key == NULL || change(cli, key, &w, &e) != 0)
		return cli_fail(&e);
	if (cli->quiet)
		return EXIT_ALL_DONE;
	printf(_("The PIN of key \"%s\" was changed.\n"), key->name);
	if (key->pin_file != NULL && key->pin_file[0] != '\0')
		printf(_("  Now write the new one into %s: the old one there "
			 "is not tried any more.\n"),
		    key->pin_file);
	else
		printf("%s", _("  A stored PIN (credential) must be replaced: "
			       "the old one is not tried any more.\n"));
	return EXIT_ALL_DONE;
}
