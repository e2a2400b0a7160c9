/*
 * `natsuin cert`: a certificate as the JPKI client software shows it, and
 * whether it may sign.  A file's bytes are foreign: this process closes
 * itself off before it reads them, as an examiner does.  No PIN passes
 * through here; a keyholder asks for it where one is needed.
 */
#include "base/clock.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "queue/queue.h"
#include "queue/sign.h"
#include "signer/cert/check.h"
#include "signer/cli/cert_card.h"
#include "signer/cli/cert_export.h"
#include "signer/cli/cert_registered.h"
#include "signer/cli/certview.h"
#include "signer/cli/cli.h"
#include "signer/cli/moment.h"
#include "signer/cli/revocation.h"
#include "signer/cli/state.h"
#include "signer/exam/sandbox.h"
#include "signer/key/keyclient.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct asked {
	const char *name;           /* key or file; NULL = the only key */
	const struct conf_key *key; /* NULL: a file */
	int64_t at_ms;
	bool remembered; /* as last seen, no PIN */
	bool card;       /* what the card shows without its PIN */
	bool at_given;   /* at_ms is not now */
	bool personal;   /* date of birth, sex, address too */
	bool check;      /* ask about revocation now */
	bool registered; /* record that it is registered in e-Tax */
	struct cert_export export;
	int64_t seen_ms; /* when that was; 0 = it comes from the key itself */
};

/* The last certificate that batches saw with this key. */
static int
recall(const struct conf *c, struct asked *a, struct buf *der, struct err *e)
{
	struct queue_certificate last = {0};
	struct queue *q = state_open(c, QUEUE_READ, e);
	int found;

	if (q == NULL && strcmp(e->code, "queue-none") == 0)
		return err_set(
		    e, ERR_PIN, "certificate-not-seen", "%s", a->key->name);
	if (q == NULL)
		return -1;
	found = queue_certificate_last(q, a->key->name, NULL, &last, e);
	if (found == 0)
		err_set(e, ERR_PIN, "certificate-not-seen", "%s", a->key->name);
	if (found == 1 && buf_slice(der, buf_view(&last.der)) != 0)
		found = err_nomem(e);
	a->seen_ms = last.last_ms;
	queue_certificate_free(&last);
	queue_close(q);
	return found == 1 ? 0 : -1;
}

/* Waits for the keyholder's word on its certificate. */
static int
receive(int fd, const char *key, struct buf *der, struct err *e)
{
	struct key_reply r = {0};
	int rc = -1;

	while (keyclient_receive(fd, &r, e) == 0) {
		if (r.type == KEY_REPLY_REFUSED) {
			*e = r.error;
			break;
		}
		if (r.type != KEY_REPLY_STATUS) {
			err_set(
			    e, ERR_CONFIG, "keyholder-refuses-user", "%s", key);
			break;
		}
		if (r.status.certificate.len == 0)
			continue;
		rc = buf_slice(der, buf_view(&r.status.certificate));
		if (rc != 0)
			err_nomem(e);
		break;
	}
	key_reply_free(&r);
	return rc;
}

/* From the key: a running keyholder, else a private one, which asks the PIN
 * where the key wants one before it shows its certificate. */
static int
ask_key(const struct cli *cli, const struct asked *a, struct buf *der,
    struct err *e)
{
	pid_t pid = -1;
	int rc, fd = keyclient_connect(cli->conf, a->key, e);

	if (fd < 0 && (e->errnum == ENOENT || e->errnum == ECONNREFUSED))
		fd = keyclient_spawn(cli->conf, a->key, cli->pin_fd, &pid, e);
	if (fd < 0)
		return -1;
	rc = receive(fd, a->key->name, der, e);
	close(fd);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return rc;
}

static int
read_file(const char *name, struct buf *out, struct err *e)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return err_errno(e, ERR_INPUT, "file-unreadable", "%s", name);
	rc = fs_read_all(fd, 1 << 20, out, e);
	close(fd);
	return rc;
}

static void
read_registered(const struct cli *cli, const struct asked *a,
    const struct cert_verdict *v, struct cert_registered *r)
{
	struct err ignored = {0};
	struct queue *q = state_open(cli->conf, QUEUE_READ, &ignored);

	cert_registered_read(r, cli->conf, q, a->key, v->cert.sha256);
	queue_close(q);
}

static void
show_json(
    const struct cli *cli, const struct asked *a, const struct cert_verdict *v)
{
	json_t *j = certview_json(v, a->personal);
	struct cert_registered r;

	if (a->key != NULL) {
		read_registered(cli, a, v, &r);
		json_object_set_new(j, "registered", cert_registered_json(&r));
	}
	json_dumpf(j, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(j);
}

static void
show_text(
    const struct cli *cli, const struct asked *a, const struct cert_verdict *v)
{
	char when[32], text[240];
	struct cert_registered r;

	if (a->seen_ms != 0)
		printf(_("as last seen at %s:\n"),
		    cert_time_text(a->seen_ms, when, sizeof when));
	certview_text(stdout, v, a->personal);
	if (a->key == NULL)
		return;
	read_registered(cli, a, v, &r);
	cert_registered_text(&r, text, sizeof text);
	if (text[0] != '\0')
		certview_row(stdout, _("in e-Tax"), text);
}

static int
show(const struct cli *cli, const struct asked *a, const struct cert_policy *p,
    struct slice der)
{
	struct cert_verdict *v = calloc(1, sizeof *v);
	struct err e = {0};
	int code = EXIT_ALL_FAILED;

	if (v == NULL || cert_check(p, der, a->at_ms, v, &e) != 0) {
		if (v == NULL)
			err_nomem(&e);
		code = cli_fail(&e);
	} else if (cli->json) {
		show_json(cli, a, v);
	} else {
		show_text(cli, a, v);
	}
	if (v != NULL && v->ok)
		code = EXIT_ALL_DONE;
	fflush(stdout);
	free(v);
	return code;
}

/* Closed off from here on: what is left is to parse and to print. */
static int
show_file(const struct cli *cli, const struct asked *a,
    const struct cert_policy *p, const struct buf *bytes)
{
	static const struct sandbox_limits limits = {
	    .memory = 256 << 20, .cpu_s = 20, .files = 64};
	struct buf der = {0};
	struct err e = {0};
	int code;

	json_object_seed(0); /* wants /dev/urandom */
	if (sandbox_prepare(&e) != 0 || sandbox_enter(&limits, &e) != 0)
		return cli_fail(&e);
	if (cert_from_file(buf_view(bytes), &der, &e) != 0)
		code = cli_fail(&e);
	else
		code = show(cli, a, p, buf_view(&der));
	buf_free(&der);
	return code;
}

static int
get_bytes(
    const struct cli *cli, struct asked *a, struct buf *out, struct err *e)
{
	if (a->key == NULL)
		return read_file(a->name, out, e);
	if (a->remembered)
		return recall(cli->conf, a, out, e);
	return ask_key(cli, a, out, e);
}

/* Revocation: asked now, or what batches found out. */
static int
look_up(const struct cli *cli, const struct asked *a, struct cert_policy *p,
    struct slice bytes, struct cert_revocation *known, struct err *e)
{
	p->past = a->at_given && a->at_ms < clock_wall_ms();
	if (cli->conf == NULL)
		return 0;
	p->known = known;
	if (!a->check) {
		cli_revocation_recall(cli->conf, bytes, known);
		return 0;
	}
	if (p->revocation == CONF_REVOCATION_OFF)
		p->revocation = CONF_REVOCATION_PREFER;
	return cli_revocation_ask(
	    cli->conf, a->key, p->anchors, bytes, true, known, e);
}

static int
cert(const struct cli *cli, struct asked *a)
{
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};
	struct cert_revocation known;
	struct cert_anchors *anchors = NULL;
	struct buf bytes = {0};
	struct err e = {0};
	int code;

	if (certview_anchors(cli->conf, &anchors, &e) != 0 ||
	    (cli->conf != NULL &&
		cert_policy_init(&p, cli->conf, a->key, anchors, &e) != 0) ||
	    get_bytes(cli, a, &bytes, &e) != 0 ||
	    look_up(cli, a, &p, buf_view(&bytes), &known, &e) != 0)
		code = cli_fail(&e);
	else if (a->key == NULL)
		code = show_file(cli, a, &p, &bytes);
	else
		code = show(cli, a, &p, buf_view(&bytes));
	buf_free(&bytes);
	cert_anchors_free(anchors);
	return code;
}

static int export(const struct cli *cli, struct asked *a)
{
	struct buf der = {0};
	struct err e = {0};
	int code = EXIT_ALL_DONE;
	int got = a->export.which == CERT_WHICH_SIGN
		      ? get_bytes(cli, a, &der, &e)
		      : cert_export_read(a->key, a->export.which, &der, &e);

	if (got != 0 || cert_export_write(&a->export, buf_view(&der), &e) != 0)
		code = cli_fail(&e);
	buf_free(&der);
	return code;
}

/* The certificate in question is the one that is unlocked, else the last one
 * that a batch saw; no PIN is asked for this. */
static int
registered(const struct cli *cli, struct asked *a)
{
	struct buf der = {0};
	struct err e = {0};
	int fd = keyclient_connect(cli->conf, a->key, &e), got = -1, code;

	if (fd >= 0) {
		got = receive(fd, a->key->name, &der, &e);
		close(fd);
	} else if (e.errnum == ENOENT || e.errnum == ECONNREFUSED) {
		got = recall(cli->conf, a, &der, &e);
	}
	code = got != 0 ? cli_fail(&e)
			: cert_registered_record(cli, a->key, buf_view(&der));
	buf_free(&der);
	return code;
}

/* An option with a value; 0 / -1. */
static int
take_value(struct asked *a, const char *option, const char *value)
{
	struct err e = {0};

	if (strcmp(option, "--at") == 0) {
		a->at_given = true;
		return cli_moment(value, &a->at_ms, &e) == 0 ? 0 : cli_fail(&e);
	}
	if (strcmp(option, "--export") == 0)
		return cert_export_format(&a->export, value);
	if (strcmp(option, "--which") == 0)
		return cert_export_which(&a->export, value);
	if (strcmp(option, "-o") != 0)
		return -1;
	a->export.file = value;
	return 0;
}

static int
parse(struct asked *a, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--remembered") == 0)
			a->remembered = true;
		else if (strcmp(argv[i], "--check") == 0)
			a->check = true;
		else if (strcmp(argv[i], "--registered") == 0)
			a->registered = true;
		else if (strcmp(argv[i], "--card") == 0)
			a->card = true;
		else if (strcmp(argv[i], "--holder") == 0)
			a->personal = true;
		else if (argv[i][0] == '-' && i + 1 < argc) {
			if (take_value(a, argv[i], argv[i + 1]) != 0)
				return -1;
			i++;
		} else if (argv[i][0] == '-' || a->name != NULL)
			return -1;
		else
			a->name = argv[i];
	}
	/* Bytes are not for a terminal. */
	if (a->export.wanted && a->export.der && a->export.file == NULL &&
	    isatty(STDOUT_FILENO))
		return -1;
	return a->export.wanted || (a->export.file == NULL &&
				       a->export.which == CERT_WHICH_SIGN)
		   ? 0
		   : -1;
}

/* A file is shown without any configuration; a key needs one. */
static int
run(struct cli *cli, int argc, char **argv)
{
	struct asked a = {
	    .at_ms = clock_wall_ms(), .personal = isatty(STDOUT_FILENO) == 1};
	struct err e = {0};
	bool file;

	if (parse(&a, argc, argv) != 0)
		return cli_usage(&cmd_cert);
	file = a.name != NULL && access(a.name, R_OK) == 0;
	if (!file || access(cli->conf_file, F_OK) == 0) {
		cli->conf = conf_load(cli->conf_file, &e);
		if (cli->conf == NULL)
			return cli_fail(&e);
	}
	if (cli->conf != NULL && a.name != NULL)
		a.key = conf_key_find(cli->conf, a.name);
	if (a.key == NULL && !file) {
		a.key = cli_key(cli, a.name, &e);
		if (a.key == NULL)
			return cli_fail(&e);
	}
	if (((a.card || a.export.wanted || a.registered) && a.key == NULL) ||
	    (a.registered &&
		(a.card || a.check || a.remembered || a.export.wanted)) ||
	    (a.check && cli->conf == NULL))
		return cli_usage(&cmd_cert);
	if (a.export.wanted)
		return export(cli, &a);
	if (a.registered)
		return registered(cli, &a);
	if (a.card)
		return cert_card(cli, a.key);
	return cert(cli, &a);
}

const struct command cmd_cert = {"cert", false, run,
    N_("[KEY|FILE] [--check] [--at DATE] [--remembered | --card] [--holder] "
       "[--export pem|der] [--registered]"),
    N_("show a certificate and whether it may sign"),
    N_("Shows the certificate of a key or of a file (PEM or DER): holder, "
       "dates, usage,\npath to a trusted authority, revocation, and whether "
       "filings may be signed with it.\nA key that is locked asks for its "
       "PIN; --remembered shows the certificate as the\nlast batch saw it, "
       "without a PIN.  --at checks for another day (2027-03-15).\n"
       "--check asks now whether it has been revoked, instead of showing what "
       "is known.\n"
       "--card shows what a My Number card tells without its password.\n"
       "--registered records that you have registered the key's present "
       "certificate in\ne-Tax; until then a changed one is told in every "
       "report and by natsuin status.\n"
       "Date of birth, sex and address are shown on a terminal or with "
       "--holder.\n\n"
       "  --export pem|der   write the certificate out instead; -o FILE\n"
       "                     makes a file, which must not exist yet\n"
       "  --which WHICH      sign (the default), auth, sign-ca, auth-ca;\n"
       "                     all but sign need no PIN\n\n"
       "examples:\n"
       "  natsuin cert tanaka\n"
       "  natsuin cert tanaka --export pem --which sign-ca -o ca.pem\n"
       "  natsuin cert --json ca.cer\n")};
