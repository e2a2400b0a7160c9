/*
 * What a person says about the registration of a certificate, and how it is
 * shown.  Nothing here asks e-Tax, and nothing is guessed: a certificate that
 * nobody said is registered is told as such.
 */
#include "signer/cli/cert_registered.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "signer/report/explain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
cert_registered_read(struct cert_registered *r, const struct conf *c,
    struct queue *q, const struct conf_key *key, const uint8_t sha256[32])
{
	memset(r, 0, sizeof *r);
	if (registered_judge(c, q, key->name, sha256, &r->state, &r->last,
		&r->problem) == 0 &&
	    r->state == REGISTERED_FIRST && key->etax_user_id[0] == '\0')
		r->state = REGISTERED_YES;
}

const char *
cert_registered_code(const struct cert_registered *r)
{
	if (r->problem.class != ERR_NONE)
		return r->problem.code;
	return r->state == REGISTERED_CHANGED ? "certificate-changed"
	       : r->state == REGISTERED_FIRST ? "certificate-first-use"
					      : NULL;
}

char *
cert_registered_text(const struct cert_registered *r, char *out, size_t size)
{
	const char *code = cert_registered_code(r);
	char when[32];

	if (code == NULL && r->last.time_ms != 0)
		snprintf(out, size, _("recorded as registered at %s"),
		    cert_time_text(r->last.time_ms, when, sizeof when));
	else if (code != NULL && r->problem.class == ERR_NONE)
		snprintf(out, size, "%s",
		    r->state == REGISTERED_CHANGED
			? _("NOT YET recorded as registered: it has changed")
			: _("not recorded as registered"));
	else
		snprintf(
		    out, size, "%s", code == NULL ? "" : explain_what(code));
	return out;
}

json_t *
cert_registered_json(const struct cert_registered *r)
{
	char text[CLOCK_TEXT_SIZE];

	if (r->problem.class != ERR_NONE || r->state != REGISTERED_YES ||
	    r->last.time_ms == 0)
		return json_null();
	return json_string(clock_text(r->last.time_ms, text));
}

static void
say(const struct cli *cli, const struct conf_key *key,
    const struct cert_info *c, const struct registration *r)
{
	char hex[2 * CERT_SHA256 + 1], when[32], until[32];

	text_hex_fixed(hex, c->sha256, CERT_SHA256);
	cert_time_text(r->time_ms, when, sizeof when);
	cert_time_text(c->not_after_ms, until, sizeof until);
	if (cli->json) {
		json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "key", key->name,
		    "certificate_sha256", hex, "serial", c->serial,
		    "registered", when);

		json_dumpf(j, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(j);
		return;
	}
	printf(_("key %s: recorded at %s that this certificate is registered "
		 "in e-Tax:\n"),
	    key->name, when);
	printf("  %s %s\n  %s %s\n  SHA-256 %s\n", _("serial number"),
	    c->serial, _("valid until"), until, hex);
}

int
cert_registered_record(
    const struct cli *cli, const struct conf_key *key, struct slice der)
{
	struct registration r, now = {.time_ms = clock_wall_ms()};
	struct cert_info c;
	struct err e = {0}, ignored = {0};

	if (cert_parse(der, &c, &e) != 0)
		return cli_fail(&e);
	memcpy(now.sha256, c.sha256, sizeof now.sha256);
	now.uid = getuid();
	/* Said twice is said once. */
	if (registered_get(cli->conf, key->name, &r, &ignored) == 1 &&
	    memcmp(r.sha256, now.sha256, sizeof r.sha256) == 0)
		now = r;
	else if (registered_put(cli->conf, key->name, &now, &e) != 0)
		return cli_fail(&e);
	say(cli, key, &c, &now);
	return EXIT_ALL_DONE;
}
