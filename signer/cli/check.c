/*
 * `natsuin check`: everything but the signature, on files named by hand.
 */
#include "base/i18n.h"
#include "base/text.h"
#include "signer/cli/check_people.h"
#include "signer/cli/cli.h"
#include "signer/cli/files.h"
#include "signer/cli/state.h"
#include "signer/exam/examiner.h"
#include "signer/report/explain.h"
#include "signer/report/words.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* One run of the command. */
struct checking {
	struct cli *cli;
	struct examiner examiner;
	struct schema_store *schemas;
	struct queue *queue;          /* NULL: there is none yet */
	const struct conf_drop *drop; /* of --drop, or NULL */
	json_t *list;                 /* --json, or NULL */
};

static void
show_text(const struct checking *k, const struct conf_drop *drop,
    const char *file, const struct findings *f, const struct err *e)
{
	char detail[600];

	if (e->class != ERR_NONE) {
		printf(
		    _("%s: cannot be signed: %s"), file, explain_what(e->code));
		if (e->detail[0] != '\0')
			printf(" (%s)",
			    words_detail(e->detail, detail, sizeof detail));
		printf("\n  → %s\n", explain_todo(e->code));
		return;
	}
	printf(_("%s: ready to be signed\n"), file);
	printf("  %s %s %s %s\n", f->format, f->procedure, f->version,
	    f->procedure_name);
	if (f->taxpayer_name[0] != '\0')
		printf(_("  taxpayer: %s\n"), f->taxpayer_name);
	check_people_text(k->cli->conf, drop, k->queue, f);
	if (f->schema_sha256[0] != '\0')
		printf(_("  valid by schema %s (%.12s...)\n"), f->schema,
		    f->schema_sha256);
	else
		printf("%s", _("  schema: not checked\n"));
	for (size_t i = 0; i < f->signature_count; i++)
		printf(_("  has a signature already: %s%s\n"),
		    f->signatures[i].id,
		    f->signatures[i].filing ? "" : _(" (inside a form)"));
	for (size_t i = 0; i < f->warning_count; i++)
		printf(_("  warning: %s %s\n"),
		    explain_what(f->warnings[i].code),
		    words_detail(f->warnings[i].detail, detail, sizeof detail));
}

static json_t *
to_json(const struct checking *k, const struct conf_drop *drop,
    const char *file, const struct findings *f, const struct err *e)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < f->warning_count; i++)
		json_array_append_new(warnings,
		    json_pack("{s:s, s:s}", "code", f->warnings[i].code,
			"detail", f->warnings[i].detail));
	return json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, "
			 "s:o, s:o}",
	    "file", file, "ready", e->class == ERR_NONE, "code", e->code,
	    "detail", e->detail, "format", f->format, "procedure", f->procedure,
	    "version", f->version, "taxpayer", f->taxpayer_name, "agent",
	    f->agent_name, "schema", f->schema_sha256, "people",
	    check_people_json(k->cli->conf, drop, k->queue, f), "warnings",
	    warnings);
}

static int
check_one(struct checking *k, const char *file)
{
	const struct conf_drop *drop =
	    k->drop != NULL ? k->drop : check_drop_of(k->cli->conf, file);
	struct exam_request q = {
	    .op = EXAM_EXAMINE, .format = "auto", .out = -1};
	struct exam_reply r = {0};
	struct cli_drop d;
	struct err e = {0};
	int result = cli_drop_open(&d, file, &e);

	examiner_options(k->cli->conf, &q.options);
	if (result == 0) {
		q.drop = d.drop;
		result = examiner_ask(&k->examiner, &q, k->schemas, &r, &e);
	}
	if (k->list != NULL)
		json_array_append_new(
		    k->list, to_json(k, drop, file, &r.findings, &e));
	else
		show_text(k, drop, file, &r.findings, &e);
	exam_reply_free(&r);
	cli_drop_close(&d);
	return result;
}

/* -1 usage, else 0; optind is the first file's. */
static int
take_options(struct checking *k, int argc, char **argv, struct err *e)
{
	static const struct option options[] = {
	    {"drop", required_argument, NULL, 'd'}, {0}};
	int o;

	optind = 1;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'd')
			return -1;
		k->drop = conf_drop_find(k->cli->conf, optarg);
		if (k->drop == NULL)
			return err_set(
			    e, ERR_CONFIG, "drop-not-configured", "%s", optarg);
	}
	return optind < argc ? 0 : -1;
}

static int
check(struct cli *cli, int argc, char **argv)
{
	struct checking k = {.cli = cli, .examiner = {.fd = -1}};
	struct err e = {0}, none = {0};
	int bad = 0;

	if (take_options(&k, argc, argv, &e) != 0)
		return e.class == ERR_NONE ? cli_usage(&cmd_check)
					   : cli_fail(&e);
	if (examiner_start(&k.examiner, &cli->conf->limits, &e) != 0)
		return cli_fail(&e);
	k.list = cli->json ? json_array() : NULL;
	if (cli->conf->schemas[0] != '\0')
		k.schemas = schema_store_open(cli->conf->schemas, &e);
	k.queue = state_open(cli->conf, QUEUE_READ, &none);
	for (int i = optind; i < argc; i++)
		bad += check_one(&k, argv[i]) != 0;
	if (k.list != NULL) {
		json_dumpf(k.list, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(k.list);
	}
	queue_close(k.queue);
	schema_store_close(k.schemas);
	examiner_stop(&k.examiner);
	if (bad == 0)
		return EXIT_ALL_DONE;
	return bad == argc - optind ? EXIT_ALL_FAILED : EXIT_SOME_FAILED;
}

const struct command cmd_check = {"check", true, check,
    N_("[--drop NAME] FILE..."), N_("everything but the signature (dry run)"),
    N_("Reads each file or folder as the batch would and says whether it "
       "could be signed,\nwhat it is, and what is remarkable.  Nothing "
       "is moved or written.\n"
       "Where its drop folder (--drop, or the one that it lies in) says who "
       "has to sign,\nthe holders of the certificates seen last are compared "
       "with that person's name.\n\n"
       "examples:\n"
       "  natsuin check in/kokuzei/*.xtx\n"
       "  natsuin check --json folder\n")};
