/*
 * `natsuin doctor`: walks the installation and says in one line each what is
 * well and what to do.  Spends no PIN try and changes nothing.
 */
#include "base/i18n.h"
#include "signer/cli/cli.h"
#include "signer/cli/health.h"

#include <jansson.h>
#include <stdio.h>

static const char *const state_names[] = {"good", "warning", "bad"};
static const char *const state_marks[] = {"✓", "!", "✗"};

static void
show_text(const struct cli *cli, const struct health *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct health_line *l = &h->line[i];

		if (cli->quiet && l->state == HEALTH_GOOD)
			continue;
		printf("%s %s: %s%s%s\n", state_marks[l->state], l->subject,
		    l->what, l->todo[0] == '\0' ? "" : "  → ", l->todo);
	}
}

static void
show_json(const struct health *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->count; i++) {
		const struct health_line *l = &h->line[i];

		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "state",
			state_names[l->state], "subject", l->subject, "code",
			l->code, "what", l->what, "todo", l->todo));
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(list);
}

static void
examine(struct health *h, const struct conf *c)
{
	struct cert_anchors *anchors;

	health_files(h, c);
	health_schemas(h, c);
	anchors = health_anchors(h, c);
	health_sandbox(h, c);
	health_host(h, c, "");
	health_readers(h, c);
	for (size_t i = 0; i < c->key_count; i++)
		health_key(h, c, &c->keys[i], anchors);
	cert_anchors_free(anchors);
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct health h = {0};
	struct err e = {0};
	size_t bad = 0;

	(void)argv;
	if (argc > 1)
		return cli_usage(&cmd_doctor);
	cli->conf = conf_load(cli->conf_file, &e);
	if (cli->conf == NULL)
		health_err(&h, HEALTH_BAD, cli->conf_file, &e);
	else
		examine(&h, cli->conf);
	for (size_t i = 0; i < h.count; i++)
		bad += h.line[i].state == HEALTH_BAD;
	if (cli->json)
		show_json(&h);
	else
		show_text(cli, &h);
	health_free(&h);
	return bad == 0 ? EXIT_ALL_DONE : EXIT_BAD_CONFIG;
}

const struct command cmd_doctor = {"doctor", false, run, "",
    N_("check the installation; says what to do"),
    N_("Walks configuration, rights, schemas, anchors, sandbox, secure "
       "memory, card\nreaders, and each key's card, PIN tries and "
       "certificate, and says in one line\neach what to do.  Tries no\nPIN and "
       "changes nothing.  With -q "
       "only what wants attention.  Exit status: 0 when\nnothing is wrong, "
       "78 otherwise.\n\n"
       "example:\n"
       "  natsuin -q doctor\n")};
