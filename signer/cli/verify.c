/*
 * `natsuin verify`: the signatures of outputs, judged by an examiner, and
 * their certificates.  Everything that came from the files stays data: after
 * the last answer this process closes itself off too, before it looks into
 * a certificate or prints a name.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "schemas/store.h"
#include "signer/cli/certview.h"
#include "signer/cli/cli.h"
#include "signer/cli/files.h"
#include "signer/cli/moment.h"
#include "signer/cli/revocation.h"
#include "signer/cli/verified.h"
#include "signer/exam/examiner.h"
#include "signer/exam/sandbox.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_MAX 200

/* A certificate of the files, by its fingerprint. */
struct holder {
	uint8_t sha256[CERT_SHA256];
	struct cert_revocation known;
};

struct verify_run {
	struct cli *cli;
	struct verified_rules rules;
	bool at_given, legacy, check;
	struct verified *files;
	size_t count;
	struct holder *holders;
	size_t holder_count;
};

static void
ask_one(const struct verify_run *r, struct examiner *x,
    struct schema_store *schemas, struct verified *v)
{
	struct exam_request q = {
	    .op = EXAM_VERIFY, .format = "auto", .out = -1};
	struct cli_drop d;

	examiner_options(r->cli->conf, &q.options);
	q.options.allow_legacy = r->legacy;
	if (cli_drop_open(&d, v->file, &v->error) == 0) {
		q.drop = d.drop;
		examiner_ask(x, &q, schemas, &v->reply, &v->error);
	}
	cli_drop_close(&d);
}

/* A file that ends its examiner does not end the others' turn. */
static int
ask_all(struct verify_run *r, struct err *e)
{
	struct examiner x = {.fd = -1};
	struct schema_store *schemas = NULL;
	int result = 0;

	if (examiner_start(&x, &r->cli->conf->limits, e) != 0)
		return -1;
	if (r->cli->conf->schemas[0] != '\0')
		schemas = schema_store_open(r->cli->conf->schemas, e);
	err_clear(e);
	for (size_t i = 0; i < r->count && result == 0; i++) {
		ask_one(r, &x, schemas, &r->files[i]);
		if (strcmp(r->files[i].error.code, "examiner-died") != 0)
			continue;
		examiner_stop(&x);
		result = examiner_start(&x, &r->cli->conf->limits, e);
	}
	schema_store_close(schemas);
	examiner_stop(&x);
	return result;
}

/* NULL for one that is not among those kept. */
static struct holder *
find_holder(const struct verify_run *r, struct slice der, uint8_t *hash)
{
	uint8_t md[EVP_MAX_MD_SIZE];

	memset(hash, 0, CERT_SHA256);
	if (EVP_Digest(der.p, der.len, md, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	memcpy(hash, md, CERT_SHA256);
	for (size_t i = 0; i < r->holder_count; i++)
		if (memcmp(r->holders[i].sha256, hash, CERT_SHA256) == 0)
			return &r->holders[i];
	return NULL;
}

static const struct cert_revocation *
known(void *ctx, struct slice der)
{
	uint8_t hash[CERT_SHA256];
	const struct holder *h = find_holder(ctx, der, hash);

	return h == NULL ? NULL : &h->known;
}

/* What is known of this certificate's revocation, or, where that is wanted,
 * can be asked now.  Nothing is kept: it need not be one of ours. */
static int
look_up(struct verify_run *r, struct slice der, struct err *e)
{
	uint8_t hash[CERT_SHA256];
	struct holder *h = find_holder(r, der, hash);

	if (h != NULL || r->holder_count == CERTIFICATES_MAX)
		return 0;
	h = &r->holders[r->holder_count++];
	memcpy(h->sha256, hash, CERT_SHA256);
	if (r->check)
		return cli_revocation_ask(r->cli->conf, NULL,
		    r->rules.policy.anchors, der, false, &h->known, e);
	cli_revocation_recall(r->cli->conf, der, &h->known);
	return 0;
}

static int
look_up_all(struct verify_run *r, struct err *e)
{
	r->holders = calloc(CERTIFICATES_MAX, sizeof *r->holders);
	if (r->holders == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < r->count; i++) {
		const struct judged *j = r->files[i].reply.findings.judged;

		for (size_t k = 0; j != NULL && k < j->count; k++) {
			const struct found_signature *s =
			    &j->signatures[k].found;

			if (s->filing && s->certificate.len > 0 &&
			    look_up(r, buf_view(&s->certificate), e) != 0)
				return -1;
		}
	}
	return 0;
}

static json_t *
all_json(const struct verify_run *r, enum verified_result worst)
{
	json_t *list = json_array();
	char at[32];

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, verified_json(&r->files[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:i, s:o}", "verify",
	    "natsuin-verify-1", "natsuin", NATSUIN_VERSION, "language",
	    i18n_language(), "checked_for",
	    cert_time_text(r->rules.at_ms, at, sizeof at), "at_given",
	    (int)r->at_given, "result", verified_name(worst), "exit_status",
	    verified_exit(worst), "files", list);
}

static int
print_json(const struct verify_run *r, enum verified_result worst)
{
	json_t *all = all_json(r, worst);
	int result = all == NULL ? -1 : json_dumpf(all, stdout, JSON_INDENT(2));

	printf("\n");
	json_decref(all);
	return result;
}

/* Closed off from here on: foreign certificates, foreign names. */
static int
show_all(struct verify_run *r, struct err *e)
{
	static const struct sandbox_limits limits = {.files = 64};
	enum verified_result worst = VERIFIED_VALID;

	json_object_seed(0); /* wants /dev/urandom */
	if (sandbox_prepare(e) != 0 || sandbox_enter(&limits, e) != 0)
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		if (verified_judge(&r->files[i], &r->rules) != 0)
			return err_nomem(e);
		if (r->files[i].result > worst)
			worst = r->files[i].result;
		if (!r->cli->json)
			verified_show(&r->files[i], r->cli->quiet);
	}
	if (r->cli->json && print_json(r, worst) != 0)
		return err_nomem(e);
	/* What nobody could read has not been said. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errno(e, ERR_FATAL_IO, "io-error", "stdout");
	return verified_exit(worst);
}

static int
verify(struct verify_run *r)
{
	struct cert_policy *p = &r->rules.policy;
	struct cert_anchors *anchors = NULL;
	struct err e = {0};
	int code = -1;

	if (certview_anchors(r->cli->conf, &anchors, &e) == 0 &&
	    cert_policy_init(p, r->cli->conf, NULL, anchors, &e) == 0) {
		/* What may be made here does not say what others may. */
		p->allow_ec = true;
		p->past = r->at_given && r->rules.at_ms < clock_wall_ms();
		if (r->check && p->revocation == CONF_REVOCATION_OFF)
			p->revocation = CONF_REVOCATION_PREFER;
		if (ask_all(r, &e) == 0 && look_up_all(r, &e) == 0)
			code = show_all(r, &e);
	}
	if (code < 0)
		code = cli_fail(&e);
	cert_anchors_free(anchors);
	free(r->holders);
	return code;
}

/* 0; -1 wrong usage; or an exit status. */
static int
parse(struct verify_run *r, int argc, char **argv)
{
	struct err e = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--allow-legacy") == 0)
			r->legacy = true;
		else if (strcmp(argv[i], "--check") == 0)
			r->check = true;
		else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc) {
			r->at_given = true;
			if (cli_moment(argv[++i], &r->rules.at_ms, &e) != 0) {
				cli_fail(&e);
				return EXIT_WRONG_USAGE;
			}
		} else if (argv[i][0] == '-' && argv[i][1] != '\0')
			return -1;
		else
			r->files[r->count++].file = argv[i];
	}
	return r->count > 0 ? 0 : -1;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct verify_run r = {
	    .cli = cli, .rules = {.at_ms = clock_wall_ms(), .known = known}};
	struct err e = {0};
	int code;

	r.rules.ctx = &r;
	r.files = calloc((size_t)argc, sizeof *r.files);
	if (r.files == NULL) {
		err_nomem(&e);
		return cli_fail(&e);
	}
	code = parse(&r, argc, argv);
	if (code < 0)
		code = cli_usage(&cmd_verify);
	else if (code == 0)
		code = verify(&r);
	for (size_t i = 0; i < r.count; i++)
		verified_free(&r.files[i]);
	free(r.files);
	return code;
}

const struct command cmd_verify = {"verify", true, run,
    N_("[--at TIME] [--check] [--allow-legacy] FILE..."),
    N_("signatures, certificates and schema of signed output"),
    N_("Verifies documents, ZIP files and folders as a receiver would: each "
       "signature's\nvalue and what it digests, what it does not cover, its "
       "certificate and who issued\nit, and the schema.\n"
       "--at judges the certificates for another time (2026-03-15 is the end "
       "of that day,\n2026-03-15T12:00 Japanese time).  --check asks now "
       "whether they have been revoked.\nSHA-1 counts only with "
       "--allow-legacy.  -q shows only what is not valid.\n\n"
       "Exit status, by the worst file: 0 valid, 10 contains more than was "
       "signed,\n11 not everything could be checked, 12 certificate not in "
       "order, 13 not signed,\n14 cannot be verified, 15 signature not in "
       "order.\n\n"
       "examples:\n"
       "  natsuin verify out/*/*.xtx\n"
       "  natsuin verify --json --at 2026-03-15 application.zip\n")};
