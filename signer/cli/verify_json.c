/*
 * `natsuin verify --json`: the facts of the text under stable names
 * (docs/verify.schema.json).  Texts out of a document are made well-formed,
 * or one bad byte would take the whole answer away.
 */
#include "signer/cli/verified.h"

#include "base/text.h"
#include "signer/cli/certview.h"
#include "signer/report/explain.h"

#include <stdio.h>
#include <string.h>

static json_t *
text(const char *foreign)
{
	char safe[1200];

	return json_string(
	    text_printable(safe, sizeof safe, slice_str(foreign)));
}

/* {"code", "detail", "what", "todo"}, or null where there is no code. */
static json_t *
reason(const char *code, const char *detail)
{
	if (code[0] == '\0')
		return json_null();
	return json_pack("{s:s, s:o, s:s, s:s}", "code", code, "detail",
	    text(detail), "what", explain_what(code), "todo",
	    explain_todo(code));
}

static json_t *
reference_json(const struct judged_reference *r)
{
	static const char *const names[] = {[JUDGED_NOTHING] = "nothing",
	    [JUDGED_FILING] = "filing",
	    [JUDGED_ELEMENT] = "element",
	    [JUDGED_DOCUMENT] = "document",
	    [JUDGED_FILE] = "file"};

	return json_pack("{s:o, s:s, s:s, s:o, s:b, s:b}", "uri", text(r->uri),
	    "digest_method", r->digest, "digests", names[r->names], "where",
	    text(r->where), "checked", (int)r->checked, "ok", (int)r->ok);
}

static json_t *
references_json(const struct judged_signature *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->reference_count; i++)
		json_array_append_new(list, reference_json(&s->references[i]));
	return list;
}

static json_t *
uncovered_json(const struct coverage *c)
{
	static const char *const kinds[] = {[UNCOVERED_ELEMENT] = "element",
	    [UNCOVERED_ATTRIBUTE] = "attribute",
	    [UNCOVERED_TEXT] = "text",
	    [UNCOVERED_INSTRUCTION] = "instruction",
	    [UNCOVERED_FILE] = "file"};
	json_t *list = json_array();

	for (size_t i = 0; i < c->count; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:o, s:b}", "kind",
			      kinds[c->items[i].what], "where",
			      text(c->items[i].where), "by_format",
			      (int)c->items[i].by_format));
	return json_pack("{s:o, s:I, s:I}", "items", list, "not_listed",
	    (json_int_t)c->more, "unexpected", (json_int_t)c->unexpected);
}

static json_t *
claim_json(const struct judged_signature *s)
{
	char when[32];
	int64_t ms;

	if (s->claim == JUDGED_NO_CLAIM)
		return json_null();
	when[0] = '\0';
	if (verified_claim(s, &ms) == 0)
		cert_time_text(ms, when, sizeof when);
	return json_pack("{s:s, s:s, s:o}", "time", when, "source",
	    s->claim == JUDGED_CLAIM_ID ? "id" : "xades", "written",
	    text(s->claimed));
}

static json_t *
signer_json(const struct cert_verdict *v)
{
	json_t *j;

	if (v == NULL)
		return json_null();
	j = certview_json(v, false);
	if (j != NULL)
		json_object_set_new(j, "revocation_answer_is_later",
		    json_boolean(v->revoked.produced_ms > v->at_ms));
	return j;
}

static json_t *
signature_json(const struct verified_signature *v)
{
	const struct found_signature *f = &v->judged->found;
	bool looked_at = strcmp(f->problem, "signature-legacy") != 0;

	return json_pack("{s:o, s:o, s:b, s:s, s:o, s:b, s:b, s:b, s:b, s:b, "
			 "s:o, s:I, s:o, s:o, s:o, s:o}",
	    "part", text(f->part), "id", text(f->id), "filing", (int)f->filing,
	    "result", verified_name(v->result), "method", text(f->method),
	    "legacy", (int)f->legacy, "looked_at", (int)looked_at, "value_ok",
	    (int)f->value_ok, "references_ok", (int)f->references_ok,
	    "covers_filing", (int)f->covers_filing, "references",
	    references_json(v->judged), "references_not_listed",
	    (json_int_t)v->judged->references_more, "uncovered",
	    uncovered_json(&v->judged->uncovered), "claimed_time",
	    claim_json(v->judged), "problem", reason(f->problem, f->detail),
	    "signer", signer_json(v->verdict));
}

static json_t *
warnings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->warning_count; i++)
		json_array_append_new(
		    list, reason(f->warnings[i].code, f->warnings[i].detail));
	return list;
}

json_t *
verified_json(const struct verified *v)
{
	static const struct judged nothing;
	const struct findings *f = &v->reply.findings;
	const struct judged *j = f->judged == NULL ? &nothing : f->judged;
	json_t *signatures = json_array();

	for (size_t i = 0; i < v->count; i++)
		json_array_append_new(
		    signatures, signature_json(&v->signatures[i]));
	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, "
			 "s:s, s:o, s:o, s:o}",
	    "file", text(v->file), "result", verified_name(v->result), "error",
	    reason(v->error.code, v->error.detail), "fault",
	    reason(j->fault.code, j->fault.detail), "format", f->format,
	    "procedure", text(f->procedure), "procedure_name",
	    text(f->procedure_name), "version", text(f->version), "taxpayer",
	    text(f->taxpayer_name), "schema", text(f->schema), "schema_sha256",
	    f->schema_sha256, "warnings", warnings_json(f), "uncovered_files",
	    uncovered_json(&j->uncovered), "signatures", signatures);
}
