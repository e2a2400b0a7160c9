/*
 * `natsuin verify`: the signatures of outputs, judged by an examiner, and
 * their certificates.  Everything that came from the files stays data: after
 * the last answer this process closes itself off too, before it looks into
 * a certificate or prints a name.
 */
#include "base/clock.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "base/text.h"
#include "schemas/store.h"
#include "signer/cert/check.h"
#include "signer/cert/profile.h"
#include "signer/cli/certview.h"
#include "signer/cli/cli.h"
#include "signer/cli/files.h"
#include "signer/exam/dsig.h"
#include "signer/exam/examiner.h"
#include "signer/exam/sandbox.h"
#include "signer/report/explain.h"

#include <stdlib.h>
#include <string.h>

/* One file's answer, kept until all files were asked for. */
struct answer {
	const char *file;
	struct exam_reply reply;
	struct err error; /* ERR_NONE: it could be judged */
};

struct verify_run {
	struct cli *cli;
	struct cert_policy policy;
	int64_t at_ms;
	bool legacy;
	struct answer *answers;
	size_t count;
};

static bool
is_whole(const struct found_signature *s)
{
	return s->value_ok && s->references_ok && s->covers_filing &&
	       s->problem[0] == '\0';
}

static const char *
yes_no(bool yes)
{
	return yes ? _("yes") : _("NO");
}

/* For the terminal: names and ids out of a document are foreign. */
static void
row(const char *label, const char *value)
{
	char text[700];

	certview_row(
	    stdout, label, text_printable(text, sizeof text, slice_str(value)));
}

static void
show_signer(const struct cert_verdict *v)
{
	char when[32];

	row(_("signer"), v->cert.holder.name[0] != '\0' ? v->cert.holder.name
							: v->cert.subject);
	row("", cert_profile_label(&v->cert.profile));
	row(_("issued by"), v->cert.issuer);
	row(_("valid until"),
	    cert_time_text(v->cert.not_after_ms, when, sizeof when));
	row(_("trusted issuer"), v->path == CERT_PATH_OK    ? _("yes")
				 : v->path == CERT_PATH_BAD ? _("NO")
							    : _("not checked"));
	row(_("revocation"), certview_revocation(v));
	for (unsigned i = 0; i < v->problem_count; i++)
		printf("    ✗ %s (%s)\n", explain_what(v->problems[i].code),
		    v->problems[i].detail);
}

static void
show_reason(const struct found_signature *s)
{
	char text[300];

	if (s->problem[0] == '\0')
		return;
	printf("    ✗ %s (%s)\n", explain_what(s->problem),
	    text_printable(text, sizeof text, slice_str(s->detail)));
	printf("      %s\n", explain_todo(s->problem));
}

/* SHA-1 without --allow-legacy: nothing further was looked at. */
static const char *
outcome(const struct found_signature *s, bool good)
{
	return strcmp(s->problem, "signature-legacy") == 0 && !good
		   ? _("not checked")
		   : yes_no(good);
}

static void
show_signature(const struct found_signature *s, const struct cert_verdict *v)
{
	char text[300], uri[sizeof s->reference];
	const char *hash;

	printf("%s%s%s\n",
	    s->filing ? _(" signature") : _(" signature inside a form"),
	    s->part[0] == '\0' ? "" : ": ",
	    text_printable(text, sizeof text, slice_str(s->part)));
	row("Id", s->id);
	hash = strrchr(s->method, '#');
	snprintf(text, sizeof text, "%s%s", hash == NULL ? s->method : hash + 1,
	    s->legacy ? _(" (legacy, not safe any more)") : "");
	row(_("method"), text);
	row(_("signature value fits"), outcome(s, s->value_ok));
	/* e-Gov writes its one Japanese id in %XX. */
	if (dsig_uri_decode(s->reference, uri, sizeof uri) != 0)
		snprintf(uri, sizeof uri, "%s", s->reference);
	snprintf(text, sizeof text, "%s%s%s%s", outcome(s, s->references_ok),
	    *uri == '\0' ? "" : " (", uri, *uri == '\0' ? "" : ")");
	row(_("signed content fits"), text);
	if (s->filing)
		row(_("covers the filing"), outcome(s, s->covers_filing));
	show_reason(s);
	if (v != NULL)
		show_signer(v);
}

/* The certificate's verdict, or NULL where there is none to judge. */
static struct cert_verdict *
judge_certificate(const struct verify_run *r, const struct found_signature *s)
{
	struct cert_verdict *v;
	struct err e = {0};

	if (s->certificate.len == 0)
		return NULL;
	v = calloc(1, sizeof *v);
	if (v != NULL && cert_check(&r->policy, buf_view(&s->certificate),
			     r->at_ms, v, &e) != 0) {
		free(v);
		return NULL;
	}
	return v;
}

static json_t *
signature_json(const struct found_signature *s, const struct cert_verdict *v)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, "
			      "s:s, s:s}",
	    "part", s->part, "id", s->id, "method", s->method, "reference",
	    s->reference, "filing", s->filing, "value_ok", s->value_ok,
	    "references_ok", s->references_ok, "covers_filing",
	    s->covers_filing, "legacy", s->legacy, "problem", s->problem,
	    "detail", s->detail);

	if (o != NULL && v != NULL)
		json_object_set_new(o, "signer", certview_json(v, false));
	return o;
}

/* One per signature; NULLs where there is no certificate.  NULL when memory
 * is out. */
static struct cert_verdict **
judge_certificates(const struct verify_run *r, const struct findings *f)
{
	struct cert_verdict **v = calloc(f->signature_count + 1, sizeof *v);

	for (size_t i = 0; v != NULL && i < f->signature_count; i++)
		v[i] = judge_certificate(r, &f->signatures[i]);
	return v;
}

static void
free_certificates(struct cert_verdict **v, size_t count)
{
	for (size_t i = 0; v != NULL && i < count; i++)
		free(v[i]);
	free(v);
}

static void
show_filing(const struct findings *f)
{
	char text[300], name[220];

	snprintf(text, sizeof text, "%s %s %s %s", f->format, f->procedure,
	    f->version, f->procedure_name);
	row(_("filing"), text);
	if (f->taxpayer_name[0] != '\0')
		row(_("taxpayer"), f->taxpayer_name);
	if (f->schema_sha256[0] == '\0')
		row(_("schema"), _("not checked"));
	else
		row(_("schema"), f->schema);
	for (size_t i = 0; i < f->warning_count; i++)
		printf("    ! %s (%s)\n", explain_what(f->warnings[i].code),
		    text_printable(
			name, sizeof name, slice_str(f->warnings[i].detail)));
}

static json_t *
answer_json(const struct answer *a, const char *result, json_t *signatures)
{
	const struct findings *f = &a->reply.findings;
	json_t *warnings = json_array();

	for (size_t i = 0; i < f->warning_count; i++)
		json_array_append_new(warnings,
		    json_pack("{s:s, s:s}", "code", f->warnings[i].code,
			"detail", f->warnings[i].detail));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, "
			 "s:o, s:o}",
	    "file", a->file, "result", result, "code", a->error.code, "detail",
	    a->error.detail, "format", f->format, "procedure", f->procedure,
	    "version", f->version, "taxpayer", f->taxpayer_name, "schema",
	    f->schema, "schema_sha256", f->schema_sha256, "warnings", warnings,
	    "signatures", signatures);
}

static const char *
headline(const char *result)
{
	if (strcmp(result, "good") == 0)
		return _("signed, in order");
	if (strcmp(result, "certificate") == 0)
		return _("signed, but with a certificate that is not in order");
	if (strcmp(result, "unsigned") == 0)
		return _("NOT SIGNED");
	if (strcmp(result, "unreadable") == 0)
		return _("CANNOT BE VERIFIED");
	return _("SIGNATURE IS NOT IN ORDER");
}

/* The file's result: its worst filing signature decides, nested ones do
 * not. */
static const char *
result_of(const struct answer *a, struct cert_verdict *const *v)
{
	const struct findings *f = &a->reply.findings;
	bool trusted = true;
	size_t filing = 0;

	if (a->error.class != ERR_NONE || v == NULL)
		return "unreadable";
	for (size_t i = 0; i < f->signature_count; i++) {
		if (!f->signatures[i].filing)
			continue;
		filing++;
		if (!is_whole(&f->signatures[i]))
			return "bad";
		if (v[i] == NULL || !v[i]->ok)
			trusted = false;
	}
	if (filing == 0 && !f->unsigned_only)
		return "unsigned";
	return trusted ? "good" : "certificate";
}

static void
answer_text(
    const struct answer *a, const char *result, struct cert_verdict *const *v)
{
	const struct findings *f = &a->reply.findings;
	char file[1100], text[300];

	printf("%s: %s\n",
	    text_printable(file, sizeof file, slice_str(a->file)),
	    headline(result));
	if (a->error.class != ERR_NONE)
		printf("    ✗ %s (%s)\n      %s\n", explain_what(a->error.code),
		    text_printable(
			text, sizeof text, slice_str(a->error.detail)),
		    explain_todo(a->error.code));
	else
		show_filing(f);
	for (size_t i = 0; v != NULL && i < f->signature_count; i++)
		show_signature(&f->signatures[i], v[i]);
}

/* Shows one file; true when all is good. */
static bool
show_answer(const struct verify_run *r, const struct answer *a, json_t *list)
{
	const struct findings *f = &a->reply.findings;
	struct cert_verdict **v = judge_certificates(r, f);
	const char *result = result_of(a, v);
	json_t *signatures;

	if (list == NULL) {
		answer_text(a, result, v);
	} else {
		signatures = json_array();
		for (size_t i = 0; v != NULL && i < f->signature_count; i++)
			json_array_append_new(signatures,
			    signature_json(&f->signatures[i], v[i]));
		json_array_append_new(list, answer_json(a, result, signatures));
	}
	free_certificates(v, f->signature_count);
	return strcmp(result, "good") == 0;
}

static void
ask_one(const struct verify_run *r, struct examiner *x,
    struct schema_store *schemas, struct answer *a)
{
	struct exam_request q = {
	    .op = EXAM_VERIFY, .format = "auto", .out = -1};
	struct cli_drop d;

	examiner_options(r->cli->conf, &q.options);
	q.options.allow_legacy = r->legacy;
	if (cli_drop_open(&d, a->file, &a->error) == 0) {
		q.drop = d.drop;
		examiner_ask(x, &q, schemas, &a->reply, &a->error);
	}
	cli_drop_close(&d);
}

static int
ask_all(struct verify_run *r, struct err *e)
{
	struct examiner x = {.fd = -1};
	struct schema_store *schemas = NULL;

	if (examiner_start(&x, &r->cli->conf->limits, e) != 0)
		return -1;
	if (r->cli->conf->schemas[0] != '\0')
		schemas = schema_store_open(r->cli->conf->schemas, e);
	err_clear(e);
	for (size_t i = 0; i < r->count; i++)
		ask_one(r, &x, schemas, &r->answers[i]);
	schema_store_close(schemas);
	examiner_stop(&x);
	return 0;
}

/* Closed off from here on: foreign certificates, foreign names. */
static int
show_all(const struct verify_run *r, struct err *e)
{
	static const struct sandbox_limits limits = {.files = 64};
	json_t *list = r->cli->json ? json_array() : NULL;
	size_t bad = 0;

	json_object_seed(0); /* wants /dev/urandom */
	if (sandbox_prepare(e) != 0 || sandbox_enter(&limits, e) != 0) {
		json_decref(list);
		return -1;
	}
	for (size_t i = 0; i < r->count; i++)
		bad += !show_answer(r, &r->answers[i], list);
	if (list != NULL) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(list);
	}
	fflush(stdout);
	if (bad == 0)
		return EXIT_ALL_DONE;
	return bad == r->count ? EXIT_ALL_FAILED : EXIT_SOME_FAILED;
}

static int
verify(struct verify_run *r)
{
	struct cert_anchors *anchors = NULL;
	struct err e = {0};
	int code = -1;

	if (certview_anchors(r->cli->conf, &anchors, &e) == 0 &&
	    cert_policy_init(&r->policy, r->cli->conf, NULL, anchors, &e) ==
		0) {
		/* What may be made here does not say what others may. */
		r->policy.allow_ec = true;
		if (ask_all(r, &e) == 0)
			code = show_all(r, &e);
	}
	if (code < 0)
		code = cli_fail(&e);
	cert_anchors_free(anchors);
	return code;
}

static int
parse(struct verify_run *r, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--allow-legacy") == 0)
			r->legacy = true;
		else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc) {
			if (certview_time(argv[++i], &r->at_ms) != 0)
				return -1;
		} else if (argv[i][0] == '-' && argv[i][1] != '\0')
			return -1;
		else
			r->answers[r->count++].file = argv[i];
	}
	return r->count > 0 ? 0 : -1;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct verify_run r = {.cli = cli, .at_ms = clock_wall_ms()};
	struct err e = {0};
	int code;

	r.answers = calloc((size_t)argc, sizeof *r.answers);
	if (r.answers == NULL) {
		err_nomem(&e);
		return cli_fail(&e);
	}
	code = parse(&r, argc, argv) != 0 ? cli_usage(&cmd_verify) : verify(&r);
	for (size_t i = 0; i < r.count; i++)
		exam_reply_free(&r.answers[i].reply);
	free(r.answers);
	return code;
}

const struct command cmd_verify = {"verify", true, run,
    N_("[--allow-legacy] [--at DATE] FILE..."),
    N_("signatures, certificates and schema of signed output"),
    N_("Verifies documents, ZIP files and folders as a receiver would: each "
       "signature's\nvalue, what it covers, its certificate and who issued "
       "it, and the schema.\nSHA-1 counts only with --allow-legacy.  --at "
       "judges the certificates for another\nday.  Exit status: 0 all in "
       "order, 3 some are not, 4 none is.\n\n"
       "examples:\n"
       "  natsuin verify out/*/*.xtx\n"
       "  natsuin verify --json --at 2026-03-15 application.zip\n")};
