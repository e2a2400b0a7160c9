/*
 * `natsuin pin`.  `tries` costs none: a running keyholder is asked first,
 * because it holds the card exclusively.
 */
#include "base/i18n.h"
#include "signer/cli/cli.h"
#include "signer/cli/keyview.h"
#include "signer/cli/pin_change.h"
#include "signer/key/ask.h"
#include "signer/key/keyclient.h"
#include "signer/key/keyholder.h"
#include "signer/report/explain.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 1 and the status from a running keyholder; 0 when none runs; -1. */
static int
ask_keyholder(const struct conf *c, const struct conf_key *key,
    struct key_status *out, struct err *e)
{
	struct key_reply r = {0};
	int result = -1, fd = keyclient_connect(c, key, e);

	if (fd < 0)
		return e->errnum == ENOENT || e->errnum == ECONNREFUSED ? 0
									: -1;
	if (keyclient_receive(fd, &r, e) != 0)
		goto out;
	if (r.type == KEY_REPLY_STATUS) {
		*out = r.status.card;
		result = 1;
	} else {
		err_set(e, ERR_CONFIG, "keyholder-refuses-user", "key \"%s\"",
		    key->name);
	}
out:
	key_reply_free(&r);
	close(fd);
	return result;
}

static int
ask_card(const struct conf_key *key, struct key_status *out, struct err *e)
{
	struct key_answer a;

	if (key_ask(key, &a, e) != 0)
		return -1;
	*out = a.status;
	key_answer_free(&a);
	return 0;
}

static void
print_plain(const char *name, const struct key_status *s, bool unlocked,
    const struct pin_marker *m)
{
	char text[400];

	printf("%s\n", key_status_describe(name, s, text, sizeof text));
	if (s->tries_left < 0)
		printf("%s", _("  tries left   not told by this kind of "
			       "key\n"));
	if (s->pin == PIN_BLOCKED)
		printf("  %s\n  → %s\n", explain_what("pin-blocked"),
		    explain_todo("pin-blocked"));
	if (unlocked)
		printf("%s", _("  unlocked\n"));
	if (m != NULL)
		printf(_("  A PIN was refused at %s (%s, from the %s).\n"),
		    m->time, m->code, pin_source_name(m->origin.source));
}

static void
print_json(const char *name, const struct key_status *s, bool unlocked,
    const struct pin_marker *m)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:b}", "key", name, "where",
	    s->where, "token", s->token, "unlocked", unlocked, "blocked",
	    s->pin == PIN_BLOCKED);

	if (s->tries_left >= 0)
		json_object_set_new(
		    j, "tries_left", json_integer(s->tries_left));
	if (m != NULL)
		json_object_set_new(j, "refused_at", json_string(m->time));
	json_dumpf(j, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(j);
}

static int
tries(const struct cli *cli, const struct conf_key *key)
{
	struct key_status s = {0};
	struct pin_marker m;
	struct err e = {0};
	bool marked;
	int held = ask_keyholder(cli->conf, key, &s, &e);

	if (held < 0 || (held == 0 && ask_card(key, &s, &e) != 0))
		return cli_fail(&e);
	marked = keyview_marker(cli->conf, key, &m, &e) > 0;
	(cli->json ? print_json : print_plain)(
	    key->name, &s, held > 0, marked ? &m : NULL);
	return EXIT_ALL_DONE;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	const struct conf_key *key;
	struct err e = {0};

	if (argc >= 2 && strcmp(argv[1], "change") == 0)
		return pin_change(cli, argc - 1, argv + 1, &cmd_pin);
	if (argc < 2 || argc > 3 || strcmp(argv[1], "tries") != 0)
		return cli_usage(&cmd_pin);
	key = cli_key(cli, argc == 3 ? argv[2] : NULL, &e);
	return key == NULL ? cli_fail(&e) : tries(cli, key);
}

const struct command cmd_pin = {
    .name = "pin",
    .needs_conf = true,
    .run = run,
    .synopsis = N_("tries | change [KEY] [--i-know]"),
    .summary = N_("tell how many PIN tries are left, or change the PIN"),
    .help =
	N_("tries tells how many tries are left, without using one.\n"
	   "change asks for the present PIN once and the new one twice, and\n"
	   "gives it to the card. All three are checked before anything is\n"
	   "sent; nothing is sent unless all tries are left.\n\n"
	   "  --i-know        change although a try has been lost\n"
	   "  --pin-changed   the PIN of --pin-fd is not the one that was\n"
	   "                  refused before\n\n"
	   "With --pin-fd: three lines, present PIN, new PIN, new PIN.\n\n"
	   "  natsuin pin tries tanaka\n"
	   "  natsuin pin change tanaka\n"),
};
