/*
 * How a certificate is shown.  All foreign text in it was made safe when it
 * was read (signer/cert/cert.c); nothing here decides anything.
 */
#include "signer/cli/certview.h"

#include "base/i18n.h"
#include "base/text.h"
#include "signer/cert/profile.h"
#include "signer/report/explain.h"
#include "signer/report/revoked.h"
#include "signer/report/urgency.h"

#include <string.h>

#define LABEL_COLUMNS 22

static int
columns(const char *text)
{
	struct slice s = slice_str(text);
	int n = 0;

	while (s.len > 0) {
		uint32_t cp = 0;
		size_t len = text_utf8_next(s, &cp);

		n += cp >= 0x1100 ? 2 : 1;
		len = len == 0 ? 1 : len;
		s.p += len;
		s.len -= len;
	}
	return n;
}

void
certview_row(FILE *f, const char *label, const char *value)
{
	int pad = LABEL_COLUMNS - columns(label);

	fprintf(f, "  %s%*s%s\n", label, pad < 1 ? 1 : pad, "", value);
}

/* EYYYYMMDD, E the era of the date's writing (1 明治 to 5 令和, 0 unknown),
 * YYYY Gregorian; an odd one is shown as it is. */
static void
birth_text(const char *coded, char *out, size_t size)
{
	static const struct {
		const char *name;
		int before; /* Gregorian year before year 1 */
	} eras[] = {{NULL, 0}, {"明治", 1867}, {"大正", 1911}, {"昭和", 1925},
	    {"平成", 1988}, {"令和", 2018}};
	int64_t day;
	int year, month, era;

	if (strlen(coded) != 9 || text_number(coded + 1, 0, 99999999, &day)) {
		snprintf(out, size, "%s", coded);
		return;
	}
	year = (int)(day / 10000);
	month = (int)(day / 100 % 100);
	era = coded[0] - '0';
	if (strcmp(i18n_language(), "ja") != 0)
		snprintf(
		    out, size, "%04d-%02d-%02d", year, month, (int)(day % 100));
	else if (era >= 1 && era <= 5 && year > eras[era].before)
		snprintf(out, size, "%s%d年%d月%d日 (%d年)", eras[era].name,
		    year - eras[era].before, month, (int)(day % 100), year);
	else
		snprintf(
		    out, size, "%d年%d月%d日", year, month, (int)(day % 100));
}

static const char *
sex_text(const char *coded)
{
	if (strcmp(coded, "1") == 0)
		return _("male");
	if (strcmp(coded, "2") == 0)
		return _("female");
	return _("not stated");
}

/* Marks the characters that stand for others: "渡《鍋》一郎". */
static void
mark_substitutes(const char *text, const char *flags, char *out, size_t size)
{
	struct slice s = slice_str(text);
	bool open = false;
	size_t used = 0;

	out[0] = '\0';
	while (used + 12 < size) {
		bool marked = s.len > 0 && *flags == '1';
		uint32_t cp;
		size_t n = text_utf8_next(s, &cp);

		if (marked != open) {
			memcpy(out + used, marked ? "《" : "》", 4);
			used += 3;
			open = marked;
		}
		if (n == 0)
			return; /* the end; a holder's texts are UTF-8 */
		memcpy(out + used, s.p, n);
		used += n;
		out[used] = '\0';
		flags += *flags != '\0';
		s = slice_of(s.p + n, s.len - n);
	}
}

/* A name or an address, and that there are substitutes in it. */
static void
show_marked(FILE *f, const char *label, const char *text, const char *flags)
{
	char marked[4 * 620];

	mark_substitutes(text, flags, marked, sizeof marked);
	certview_row(f, label, marked);
	if (strchr(flags, '1') != NULL)
		certview_row(
		    f, "", _("(《 》: substitutes for other characters)"));
}

static void
show_personal(FILE *f, const struct cert_holder *h)
{
	char text[80];

	if (h->birth[0] != '\0') {
		birth_text(h->birth, text, sizeof text);
		certview_row(f, _("date of birth"), text);
	}
	if (h->sex[0] != '\0')
		certview_row(f, _("sex"), sex_text(h->sex));
	if (h->address[0] != '\0')
		show_marked(f, _("address"), h->address, h->address_flags);
}

static void
show_holder(FILE *f, const struct cert_holder *h, bool personal)
{

	if (h->name[0] != '\0')
		show_marked(f, h->from_names ? _("holder") : _("name (CN)"),
		    h->name, h->from_names ? h->name_flags : "");
	if (personal)
		show_personal(f, h);
	else if (h->birth[0] != '\0' || h->address[0] != '\0')
		certview_row(f, "", _("(more of the holder with --holder)"));
}

static const struct {
	unsigned bit;
	const char *name, *label;
} usages[] = {
    {CERT_DIGITAL_SIGNATURE, "digitalSignature", N_("digital signature")},
    {CERT_NON_REPUDIATION, "nonRepudiation", N_("non-repudiation")},
    {CERT_KEY_ENCIPHERMENT, "keyEncipherment", N_("key encipherment")},
    {CERT_DATA_ENCIPHERMENT, "dataEncipherment", N_("data encipherment")},
    {CERT_KEY_AGREEMENT, "keyAgreement", N_("key agreement")},
    {CERT_KEY_CERT_SIGN, "keyCertSign", N_("signing certificates")},
    {CERT_CRL_SIGN, "cRLSign", N_("signing revocation lists")},
};

static void
show_usage(FILE *f, const struct cert_info *c)
{
	char text[300] = "";
	size_t used = 0;

	if (!c->has_usage) {
		certview_row(f, _("usage"), _("not stated"));
		return;
	}
	for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
		int n;

		if ((c->usage & usages[i].bit) == 0)
			continue;
		n = snprintf(text + used, sizeof text - used, "%s%s",
		    used == 0 ? "" : ", ", _(usages[i].label));
		used += n < 0 ? 0 : (size_t)n;
		if (used >= sizeof text)
			break;
	}
	certview_row(f, _("usage"), text);
}

static void
show_validity(FILE *f, const struct cert_verdict *v)
{
	char when[32], text[120];

	certview_row(f, _("valid from"),
	    cert_time_text(v->cert.not_before_ms, when, sizeof when));
	cert_time_text(v->cert.not_after_ms, when, sizeof when);
	if (v->days_left < 0)
		snprintf(text, sizeof text, _("%s (expired)"), when);
	else
		snprintf(text, sizeof text, _("%s (%lld days left)"), when,
		    (long long)v->days_left);
	certview_row(f, _("valid until"), text);
}

static void
show_key(FILE *f, const struct cert_info *c)
{
	char text[2 * CERT_SHA256 + 100];

	if (c->curve[0] != '\0')
		snprintf(text, sizeof text, "%s %s", c->key_type, c->curve);
	else
		snprintf(text, sizeof text, "%s %d", c->key_type, c->key_bits);
	certview_row(f, _("key"), text);
	certview_row(f, _("signed with"), c->signature_algorithm);
	show_usage(f, c);
	for (unsigned i = 0; i < c->policy_count; i++)
		certview_row(f, i == 0 ? _("policy") : "", c->policies[i]);
	text_hex_fixed(text, c->sha256, CERT_SHA256);
	certview_row(f, "SHA-256", text);
}

static void
show_path(FILE *f, const struct cert_verdict *v)
{
	char text[2 * CERT_SHA256 + 40];

	if (v->path == CERT_PATH_NOT_CHECKED) {
		certview_row(f, _("trusted issuer"), _("not checked"));
		return;
	}
	certview_row(f, _("trusted issuer"),
	    v->path == CERT_PATH_OK ? _("yes") : _("NO"));
	for (unsigned i = 0; i < v->path_count; i++)
		certview_row(f, "", v->path_names[i]);
	if (v->path != CERT_PATH_OK)
		return;
	text_hex_fixed(text, v->anchor, CERT_SHA256);
	certview_row(f, _("its SHA-256"), text);
}

const char *
certview_revocation(const struct cert_verdict *v)
{
	static char text[REVOKED_TEXT];

	return revoked_text(&v->revoked, text, sizeof text);
}

static const char *
acceptance_text(enum cert_acceptance a)
{
	if (a == CERT_UNCONFIRMED)
		return _("not confirmed");
	return a == CERT_ACCEPTED ? _("accepted") : _("not accepted");
}

/* The rules of its kind. */
static void
show_kind(FILE *f, const struct cert_profile *p)
{
	const char *renewal = cert_profile_renewal(p);
	char text[200];

	snprintf(text, sizeof text, "e-Tax: %s, e-Gov: %s",
	    acceptance_text(p->etax), acceptance_text(p->egov));
	certview_row(f, _("filings"), text);
	certview_row(f, _("revocation data"), cert_profile_revocation(p));
	if (renewal[0] != '\0')
		certview_row(f, _("renewal"), renewal);
}

static void
show_verdict(FILE *f, const struct cert_verdict *v)
{
	fprintf(f, "  → %s\n",
	    v->ok ? _("may sign filings") : _("must not sign filings:"));
	for (unsigned i = 0; i < v->problem_count; i++)
		fprintf(f, "    ✗ %s (%s)\n      %s\n",
		    explain_what(v->problems[i].code), v->problems[i].detail,
		    explain_todo(v->problems[i].code));
	for (unsigned i = 0; i < v->warning_count; i++)
		fprintf(f, "    %s %s%s%s%s\n      %s\n",
		    urgency_mark(urgency_of(v->warnings[i].code)),
		    explain_what(v->warnings[i].code),
		    v->warnings[i].detail[0] == '\0' ? "" : " (",
		    v->warnings[i].detail,
		    v->warnings[i].detail[0] == '\0' ? "" : ")",
		    explain_todo(v->warnings[i].code));
}

void
certview_text(FILE *f, const struct cert_verdict *v, bool personal)
{
	const struct cert_info *c = &v->cert;

	fprintf(f, "%s\n", cert_profile_label(&c->profile));
	show_holder(f, &c->holder, personal);
	certview_row(f, _("serial number"), c->serial);
	certview_row(f, _("issued to"), c->subject);
	certview_row(f, _("issued by"), c->issuer);
	show_validity(f, v);
	show_key(f, c);
	show_path(f, v);
	certview_row(f, _("revocation"), certview_revocation(v));
	show_kind(f, &c->profile);
	show_verdict(f, v);
}

static json_t *
notes_json(const struct cert_note *notes, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "code",
			notes[i].code, "urgency",
			urgency_name(urgency_of(notes[i].code)), "detail",
			notes[i].detail, "what", explain_what(notes[i].code),
			"todo", explain_todo(notes[i].code)));
	return list;
}

static json_t *
usage_json(const struct cert_info *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
		if ((c->usage & usages[i].bit) != 0)
			json_array_append_new(
			    list, json_string(usages[i].name));
	return list;
}

static json_t *
strings_json(const char *first, size_t stride, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_string(first + i * stride));
	return list;
}

static json_t *
holder_json(const struct cert_holder *h, bool personal)
{
	json_t *j = json_pack(
	    "{s:s, s:s}", "name", h->name, "name_flags", h->name_flags);

	if (j != NULL && personal)
		json_object_update_new(
		    j, json_pack("{s:s, s:s, s:s, s:s}", "birth", h->birth,
			   "sex", h->sex, "address", h->address,
			   "address_flags", h->address_flags));
	return j;
}

static json_t *
kind_json(const struct cert_profile *p)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s}", "name", p->name,
	    "label", cert_profile_label(p), "formats", "etax",
	    cert_acceptance_name(p->etax), "egov",
	    cert_acceptance_name(p->egov), "revocation_data",
	    cert_revocation_source_name(p->revocation), "renewal",
	    cert_profile_renewal(p));
}

static json_t *
info_json(const struct cert_info *c, bool personal)
{
	char hash[2 * CERT_SHA256 + 1], spki[2 * CERT_SHA256 + 1];
	char from[32], until[32];

	text_hex_fixed(hash, c->sha256, CERT_SHA256);
	text_hex_fixed(spki, c->spki, CERT_SHA256);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:i, s:s, "
			 "s:o, s:o, s:s, s:s}",
	    "kind", c->profile.name, "subject", c->subject, "issuer", c->issuer,
	    "serial", c->serial, "holder", holder_json(&c->holder, personal),
	    "not_before", cert_time_text(c->not_before_ms, from, sizeof from),
	    "not_after", cert_time_text(c->not_after_ms, until, sizeof until),
	    "key_type", c->key_type, "key_bits", c->key_bits,
	    "signature_algorithm", c->signature_algorithm, "usage",
	    usage_json(c), "policies",
	    strings_json(
		c->policies[0], sizeof c->policies[0], c->policy_count),
	    "sha256", hash, "spki_sha256", spki);
}

static json_t *
revoked_json(const struct cert_revocation *r)
{
	char text[4][32] = {"", "", "", ""};
	const int64_t when[4] = {
	    r->checked_ms, r->produced_ms, r->until_ms, r->revoked_ms};

	for (int i = 0; i < 4; i++)
		if (when[i] != 0)
			cert_time_text(when[i], text[i], sizeof text[i]);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s}",
	    "revocation_kind", r->kind, "revocation_source", r->source,
	    "revocation_note", r->note, "revoked_because", r->reason,
	    "revocation_earlier_answer", (int)r->cached, "revocation_asked",
	    text[0], "revocation_produced", text[1], "revocation_good_until",
	    text[2], "revoked_since", text[3]);
}

json_t *
certview_json(const struct cert_verdict *v, bool personal)
{
	static const char *const paths[] = {"not-checked", "good", "bad"};
	char anchor[2 * CERT_SHA256 + 1] = "", at[32];
	json_t *j;

	if (v->path == CERT_PATH_OK)
		text_hex_fixed(anchor, v->anchor, CERT_SHA256);
	j = json_pack("{s:o, s:o, s:s, s:b, s:I, s:s, s:o, s:s, s:s, s:s, s:o, "
		      "s:o}",
	    "certificate", info_json(&v->cert, personal), "kind",
	    kind_json(&v->cert.profile), "checked_for",
	    cert_time_text(v->at_ms, at, sizeof at), "may_sign", v->ok,
	    "days_left", (json_int_t)v->days_left, "path", paths[v->path],
	    "path_names",
	    strings_json(
		v->path_names[0], sizeof v->path_names[0], v->path_count),
	    "anchor_sha256", anchor, "revocation", v->revocation,
	    "revocation_reason", v->revocation_why, "problems",
	    notes_json(v->problems, v->problem_count), "warnings",
	    notes_json(v->warnings, v->warning_count));
	if (j != NULL)
		json_object_update_new(j, revoked_json(&v->revoked));
	return j;
}

int
certview_anchors(const struct conf *c, struct cert_anchors **out, struct err *e)
{
	*out = NULL;
	if (c == NULL || c->anchors == NULL || c->anchors[0] == '\0')
		return 0;
	*out = cert_anchors_load(c->anchors, e);
	return *out == NULL ? -1 : 0;
}
