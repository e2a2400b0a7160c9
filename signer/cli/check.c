/*
 * `natsuin check`: everything but the signature, on files named by hand.
 */
#include "base/i18n.h"
#include "base/text.h"
#include "signer/cli/cli.h"
#include "signer/cli/files.h"
#include "signer/exam/examiner.h"
#include "signer/report/explain.h"
#include "signer/report/words.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void
show_text(const char *file, const struct findings *f, const struct err *e)
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
to_json(const char *file, const struct findings *f, const struct err *e)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < f->warning_count; i++)
		json_array_append_new(warnings,
		    json_pack("{s:s, s:s}", "code", f->warnings[i].code,
			"detail", f->warnings[i].detail));
	return json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}",
	    "file", file, "ready", e->class == ERR_NONE, "code", e->code,
	    "detail", e->detail, "format", f->format, "procedure", f->procedure,
	    "version", f->version, "taxpayer", f->taxpayer_name, "schema",
	    f->schema_sha256, "warnings", warnings);
}

static int
check_one(struct cli *cli, struct examiner *x, struct schema_store *schemas,
    const char *file, json_t *list)
{
	struct exam_request q = {
	    .op = EXAM_EXAMINE, .format = "auto", .out = -1};
	struct exam_reply r = {0};
	struct cli_drop d;
	struct err e = {0};
	int result = cli_drop_open(&d, file, &e);

	examiner_options(cli->conf, &q.options);
	if (result == 0) {
		q.drop = d.drop;
		result = examiner_ask(x, &q, schemas, &r, &e);
	}
	if (list != NULL)
		json_array_append_new(list, to_json(file, &r.findings, &e));
	else
		show_text(file, &r.findings, &e);
	exam_reply_free(&r);
	cli_drop_close(&d);
	return result;
}

static int
check(struct cli *cli, int argc, char **argv)
{
	struct examiner x = {.fd = -1};
	struct schema_store *schemas = NULL;
	json_t *list = cli->json ? json_array() : NULL;
	struct err e = {0};
	int bad = 0;

	if (argc < 2)
		return cli_usage(&cmd_check);
	if (examiner_start(&x, &cli->conf->limits, &e) != 0)
		return cli_fail(&e);
	if (cli->conf->schemas[0] != '\0')
		schemas = schema_store_open(cli->conf->schemas, &e);
	for (int i = 1; i < argc; i++)
		bad += check_one(cli, &x, schemas, argv[i], list) != 0;
	if (list != NULL) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(list);
	}
	schema_store_close(schemas);
	examiner_stop(&x);
	if (bad == 0)
		return EXIT_ALL_DONE;
	return bad == argc - 1 ? EXIT_ALL_FAILED : EXIT_SOME_FAILED;
}

const struct command cmd_check = {"check", true, check, N_("FILE..."),
    N_("everything but the signature (dry run)"),
    N_("Reads each file or folder as the batch would and says whether it "
       "could be signed,\nwhat it is, and what is remarkable.  Nothing "
       "is moved or written.\n\n"
       "examples:\n"
       "  natsuin check in/kokuzei/*.xtx\n"
       "  natsuin check --json folder\n")};
