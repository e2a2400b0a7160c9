/*
 * What a My Number card shows without its password: which card it is, tries
 * left, and the certificates that are free.  Sends no PIN; certificates are
 * parsed only after the process has closed itself off.
 */
#include "signer/cli/cert_card.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "signer/cert/cert.h"
#include "signer/cli/certview.h"
#include "signer/exam/sandbox.h"
#include "signer/key/jpki_info.h"

#include <stdio.h>
#include <string.h>

/* The certificates that are free on a card. */
static const struct {
	const char *name; /* in JSON */
	const char *title;
	size_t offset;
} parts[] = {
    {"authentication", N_("user authentication certificate (never signs)"),
	offsetof(struct jpki_info, auth_certificate)},
    {"authentication_authority", N_("authority of that certificate"),
	offsetof(struct jpki_info, auth_ca)},
    {"signature_authority", N_("authority of the signature certificate"),
	offsetof(struct jpki_info, sign_ca)},
};

static struct slice
part_bytes(const struct jpki_info *card, size_t i)
{
	const char *at = (const char *)card + parts[i].offset;

	return buf_view((const struct buf *)(const void *)at);
}

static void
row_tries(const char *label, int tries)
{
	char text[80];

	if (tries < 0)
		snprintf(text, sizeof text, "%s", _("the card does not say"));
	else if (tries == 0)
		snprintf(text, sizeof text, "%s", _("locked"));
	else
		snprintf(text, sizeof text, _("%d tries left"), tries);
	certview_row(stdout, label, text);
}

static void
print_certificate(const char *title, struct slice der)
{
	char when[32], text[120], hex[2 * CERT_SHA256 + 1];
	struct cert_info c;
	struct err e = {0};

	printf("%s\n", title);
	if (der.len == 0) {
		certview_row(stdout, "", _("not given by the card"));
		return;
	}
	if (cert_parse(der, &c, &e) != 0) {
		certview_row(stdout, "", e.code);
		return;
	}
	snprintf(text, sizeof text, _("%s (%lld days left)"),
	    cert_time_text(c.not_after_ms, when, sizeof when),
	    (long long)cert_days_left(c.not_after_ms, clock_wall_ms()));
	text_hex_fixed(hex, c.sha256, sizeof c.sha256);
	certview_row(stdout, _("issued to"), c.subject);
	certview_row(stdout, _("issued by"), c.issuer);
	certview_row(stdout, _("serial number"), c.serial);
	certview_row(stdout, _("valid until"), text);
	certview_row(stdout, "SHA-256", hex);
}

static void
print_text(const struct jpki_info *card)
{
	const char *has = card->has_sign_cert == 0
			      ? _("none on this card")
			      : _("readable only with the password");

	printf("%s\n", _("My Number card"));
	certview_row(stdout, _("reader"), card->reader);
	certview_row(stdout, _("kind"), card->label);
	row_tries(_("signature password"), card->sign_tries);
	row_tries(_("authentication PIN"), card->auth_tries);
	certview_row(stdout, _("signature certificate"), has);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		print_certificate(_(parts[i].title), part_bytes(card, i));
}

static json_t *
certificate_json(struct slice der)
{
	char hex[2 * CERT_SHA256 + 1];
	struct cert_info c;
	struct err e = {0};

	if (der.len == 0 || cert_parse(der, &c, &e) != 0)
		return json_null();
	text_hex_fixed(hex, c.sha256, sizeof c.sha256);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "subject", c.subject,
	    "issuer", c.issuer, "serial", c.serial, "not_before_ms",
	    (json_int_t)c.not_before_ms, "not_after_ms",
	    (json_int_t)c.not_after_ms, "sha256", hex);
}

static json_t *
tries_json(int tries)
{
	return tries < 0 ? json_null() : json_integer(tries);
}

static void
print_json(const struct jpki_info *card)
{
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o}", "reader",
	    card->reader, "kind", card->label, "signature_tries",
	    tries_json(card->sign_tries), "authentication_tries",
	    tries_json(card->auth_tries), "has_signature_certificate",
	    card->has_sign_cert < 0 ? json_null()
				    : json_boolean(card->has_sign_cert));

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		json_object_set_new(
		    j, parts[i].name, certificate_json(part_bytes(card, i)));
	json_dumpf(j, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(j);
}

int
cert_card(const struct cli *cli, const struct conf_key *key)
{
	static const struct sandbox_limits limits = {
	    .memory = 256 << 20, .cpu_s = 20, .files = 64};
	struct jpki_info card = {0};
	struct err e = {0};
	int code = EXIT_ALL_DONE;

	if (key->backend != CONF_BACKEND_JPKI) {
		err_set(&e, ERR_CONFIG, "card-not-jpki", "%s", key->name);
		return cli_fail(&e);
	}
	json_object_seed(0); /* wants /dev/urandom */
	if (jpki_info_read(key->reader, &card, &e) != 0 ||
	    sandbox_prepare(&e) != 0 || sandbox_enter(&limits, &e) != 0)
		code = cli_fail(&e);
	else
		(cli->json ? print_json : print_text)(&card);
	fflush(stdout);
	jpki_info_free(&card);
	return code;
}
