/*
 * `natsuin verify` for people.  Names and ids out of a document are foreign:
 * they reach the terminal without control characters.
 */
#include "signer/cli/verified.h"

#include "base/i18n.h"
#include "base/text.h"
#include "signer/cert/profile.h"
#include "signer/cli/certview.h"
#include "signer/exam/dsig.h"
#include "signer/report/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
row(const char *label, const char *value)
{
	char text[700];

	certview_row(
	    stdout, label, text_printable(text, sizeof text, slice_str(value)));
}

static void __attribute__((format(printf, 2, 3)))
rowf(const char *label, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	row(label, text);
}

static const char *
yes_no(bool yes)
{
	return yes ? _("yes") : _("NO");
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
show_reason(const char *mark, const char *code, const char *detail)
{
	char text[300];

	if (code[0] == '\0')
		return;
	text_printable(text, sizeof text, slice_str(detail));
	printf("    %s %s%s%s%s\n", mark, explain_what(code),
	    *text == '\0' ? "" : " (", text, *text == '\0' ? "" : ")");
	printf("      %s\n", explain_todo(code));
}

static const char *
last_of_uri(const char *uri)
{
	const char *hash = strrchr(uri, '#');

	return hash == NULL ? uri : hash + 1;
}

static const char *
points_at(const struct judged_reference *r)
{
	switch (r->names) {
	case JUDGED_FILING:
		return _("the filing");
	case JUDGED_ELEMENT:
		return _("ANOTHER ELEMENT");
	case JUDGED_DOCUMENT:
		return _("the whole document");
	case JUDGED_FILE:
		return _("a file");
	case JUDGED_NOTHING:
		break;
	}
	return _("NOTHING THAT MAY BE READ");
}

static void
show_references(const struct judged_signature *s)
{
	const struct found_signature *f = &s->found;
	char uri[sizeof s->references->uri];

	row(_("signed content fits"), outcome(f, f->references_ok));
	for (size_t i = 0; i < s->reference_count; i++) {
		const struct judged_reference *r = &s->references[i];

		/* e-Gov writes its one Japanese id in %XX. */
		if (dsig_uri_decode(r->uri, uri, sizeof uri) != 0)
			snprintf(uri, sizeof uri, "%s", r->uri);
		rowf("", "%s: %s, %s%s%s%s, %s", *uri == '\0' ? "\"\"" : uri,
		    r->checked ? yes_no(r->ok) : _("not checked"), points_at(r),
		    r->names == JUDGED_ELEMENT ? " (" : "",
		    r->names == JUDGED_ELEMENT ? r->where : "",
		    r->names == JUDGED_ELEMENT ? ")" : "",
		    last_of_uri(r->digest));
	}
	if (s->references_more > 0)
		rowf("", _("and %zu more"), s->references_more);
}

/* What should not be so first. */
static void
show_uncovered(const char *label, const struct coverage *c)
{
	for (int usual = 0; usual < 2; usual++)
		for (size_t i = 0; i < c->count; i++) {
			const struct uncovered_item *item = &c->items[i];

			if (item->by_format != (usual != 0))
				continue;
			rowf(label, "%s%s%s", usual ? "" : "⚠ ", item->where,
			    usual ? _(" (this format never signs it)") : "");
			label = "";
		}
	if (c->more > 0)
		rowf(label, _("and %zu more"), c->more);
}

static void
show_coverage(const struct judged_signature *s)
{
	const struct found_signature *f = &s->found;

	if (!f->filing)
		return;
	row(_("covers the filing"), outcome(f, f->covers_filing));
	if (s->uncovered.count == 0)
		row(_("not covered"), _("nothing"));
	show_uncovered(_("not covered"), &s->uncovered);
}

static void
show_claim(const struct judged_signature *s)
{
	char when[32];
	int64_t ms;

	if (s->claim == JUDGED_NO_CLAIM)
		return;
	if (verified_claim(s, &ms) != 0)
		row(_("signing time claimed"), s->claimed);
	else
		row(_("signing time claimed"),
		    cert_time_text(ms, when, sizeof when));
	row("", s->claim == JUDGED_CLAIM_ID
		    ? _("(in the Id, which the signature does not protect)")
		    : _("(the signer's own word, no time stamp)"));
}

static void
show_path(const struct cert_verdict *v)
{
	row(_("trusted issuer"), v->path == CERT_PATH_OK    ? _("yes")
				 : v->path == CERT_PATH_BAD ? _("NO")
							    : _("not checked"));
	for (unsigned i = 0; i < v->path_count; i++)
		row("", v->path_names[i]);
}

static void
show_notes(const char *mark, const struct cert_note *notes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		show_reason(mark, notes[i].code, notes[i].detail);
}

static void
show_signer(const struct cert_verdict *v)
{
	const struct cert_info *c = &v->cert;
	char from[32], until[32];

	row(_("signer"),
	    c->holder.name[0] != '\0' ? c->holder.name : c->subject);
	row("", cert_profile_label(&c->profile));
	row(_("issued to"), c->subject);
	row(_("issued by"), c->issuer);
	row(_("serial number"), c->serial);
	rowf(_("valid"), _("from %s until %s"),
	    cert_time_text(c->not_before_ms, from, sizeof from),
	    cert_time_text(c->not_after_ms, until, sizeof until));
	row(_("checked for"), cert_time_text(v->at_ms, from, sizeof from));
	show_path(v);
	row(_("revocation"), certview_revocation(v));
	if (v->revoked.produced_ms > v->at_ms)
		row("", _("(by an answer made after the time checked for)"));
	show_notes("✗", v->problems, v->problem_count);
	show_notes("!", v->warnings, v->warning_count);
}

static void
show_signature(const struct verified_signature *v)
{
	const struct found_signature *s = &v->judged->found;
	char text[300];

	printf("%s%s%s\n",
	    s->filing ? _(" signature") : _(" signature inside a form"),
	    s->part[0] == '\0' ? "" : ": ",
	    text_printable(text, sizeof text, slice_str(s->part)));
	row("Id", s->id);
	rowf(_("method"), "%s%s", last_of_uri(s->method),
	    s->legacy ? _(" (legacy, not safe any more)") : "");
	row(_("signature value fits"), outcome(s, s->value_ok));
	show_references(v->judged);
	show_coverage(v->judged);
	show_claim(v->judged);
	show_reason("✗", s->problem, s->detail);
	if (v->verdict != NULL)
		show_signer(v->verdict);
}

static void
show_filing(const struct findings *f)
{
	rowf(_("filing"), "%s %s %s %s", f->format, f->procedure, f->version,
	    f->procedure_name);
	if (f->taxpayer_name[0] != '\0')
		row(_("taxpayer"), f->taxpayer_name);
	row(_("schema"),
	    f->schema_sha256[0] == '\0' ? _("not checked") : f->schema);
	show_uncovered(_("files not signed"), &f->judged->uncovered);
	show_reason("✗", f->judged->fault.code, f->judged->fault.detail);
	for (size_t i = 0; i < f->warning_count; i++)
		show_reason("!", f->warnings[i].code, f->warnings[i].detail);
}

/* The first reason of what is not valid, for one line. */
static const char *
why_not(const struct verified *v)
{
	const struct judged *j = v->reply.findings.judged;

	if (v->error.class != ERR_NONE || j == NULL)
		return v->error.code;
	for (size_t i = 0; i < v->count; i++) {
		const struct verified_signature *s = &v->signatures[i];

		if (s->result != v->result || !s->judged->found.filing)
			continue;
		if (s->judged->found.problem[0] != '\0')
			return s->judged->found.problem;
		if (s->verdict != NULL && s->verdict->problem_count > 0)
			return s->verdict->problems[0].code;
	}
	return j->fault.code;
}

void
verified_show(const struct verified *v, bool quiet)
{
	const struct findings *f = &v->reply.findings;
	const char *why = quiet ? why_not(v) : "";
	char file[1100];

	if (quiet && v->result == VERIFIED_VALID)
		return;
	printf("%s: %s%s%s%s\n",
	    text_printable(file, sizeof file, slice_str(v->file)),
	    verified_headline(v->result), *why == '\0' ? "" : " (", why,
	    *why == '\0' ? "" : ")");
	if (quiet)
		return;
	if (v->error.class != ERR_NONE)
		show_reason("✗", v->error.code, v->error.detail);
	else if (f->judged != NULL)
		show_filing(f);
	for (size_t i = 0; i < v->count; i++)
		show_signature(&v->signatures[i]);
}
