/*
 * The record of a batch as JSON (docs/report.schema.json).  Codes, numbers
 * and times do not depend on the language; the words beside them do.  Every
 * member that the schema names is there, with null for what is not known, so
 * that a reader need not ask twice.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "signer/report/report.h"
#include "signer/report/words.h"

#include <jansson.h>
#include <string.h>

/* A failed allocation anywhere leaves a NULL that fails the object it goes
 * into; jansson frees the rest. */
static json_t *
text(const char *s)
{
	return s == NULL || *s == '\0' ? json_null() : json_string(s);
}

static json_t *
moment(int64_t ms)
{
	char buf[CLOCK_TEXT_SIZE];

	return ms == 0 ? json_null() : json_string(clock_text(ms, buf));
}

static json_t *
remark(const struct report_remark *m)
{
	return json_pack("{s:o, s:s, s:s, s:o}", "code", text(m->code), "text",
	    explain_what(m->code), "todo", explain_todo(m->code), "detail",
	    text(m->detail));
}

/* Takes over the item; 0 / -1 (and frees it). */
static int
append(json_t *array, json_t *item)
{
	return json_array_append_new(array, item);
}

static json_t *
remarks(const struct report_remark *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < count; i++)
		if (append(array, remark(&list[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
one_signer(const struct report *r, const struct report_signer *s)
{
	int64_t days = report_days_left(s->not_after_ms, report_now(r));

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
	    "key", text(s->key), "name", text(s->name), "subject",
	    text(s->subject), "issuer", text(s->issuer), "serial",
	    text(s->serial), "valid_from", moment(s->not_before_ms),
	    "valid_until", moment(s->not_after_ms), "days_left",
	    s->not_after_ms == 0 ? json_null() : json_integer(days), "signed",
	    moment(s->signed_ms), "already_there", (int)s->already);
}

static json_t *
signers(const struct report *r, const struct report_filing *f)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < f->signer_count; i++)
		if (append(array, one_signer(r, &f->signers[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
checks(const struct report_filing *f)
{
	json_t *object = json_object(), *one;
	const struct report_check_result *c;

	for (size_t i = 0; object != NULL && i < REPORT_CHECK_MAX; i++) {
		c = &f->check[i];
		one = json_pack("{s:s, s:o, s:o, s:o}", "state",
		    words_check_state_name(c->state), "code", text(c->code),
		    "text",
		    text(c->code == NULL ? NULL : explain_what(c->code)),
		    "detail", text(c->detail));
		if (json_object_set_new(object,
			words_check_name((enum report_check)i), one) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* Who was asked whether the certificate is revoked, and what came of it. */
static json_t *
revocation(const struct report_revocation *v)
{
	if (v->state == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}",
	    "state", text(v->state), "reason", text(v->why), "kind",
	    text(v->kind), "source", text(v->source), "note", text(v->note),
	    "earlier_answer", (int)v->cached, "asked", moment(v->checked_ms),
	    "produced", moment(v->produced_ms), "good_until",
	    moment(v->until_ms));
}

/* Who was to sign, and who does. */
static json_t *
people(const struct report_people *p)
{
	if (p->must == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "must",
	    text(p->must), "name", text(p->wanted), "holder", text(p->holder),
	    "key", text(p->key), "verdict", text(p->verdict), "reason",
	    text(p->why), "differences", text(p->how), "refused",
	    (int)p->refused);
}

static json_t *
file(const char *path, const char *sha256, uint64_t size)
{
	return json_pack("{s:o, s:o, s:I}", "path", text(path), "sha256",
	    text(sha256), "size", (json_int_t)size);
}

static json_t *
one_filing(const struct report *r, const struct report_filing *f)
{
	json_t *what, *outcome;

	what =
	    json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o}",
		"job", text(f->job), "drop", text(f->drop), "format",
		text(f->format), "procedure", "code", text(f->procedure),
		"version", text(f->version), "name", text(f->procedure_name),
		"taxpayer", text(f->taxpayer), "agent", text(f->agent),
		"user_id", text(f->user_id), "period", text(f->period));
	outcome = json_pack("{s:s, s:o, s:o, s:o, s:I, s:o, s:o, "
			    "s:o, s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o}",
	    "result", report_result_name(f->result), "reason",
	    f->reason.code == NULL ? json_null() : remark(&f->reason),
	    "warnings", remarks(f->warnings, f->warning_count), "signers",
	    signers(r, f), "nested_signatures",
	    (json_int_t)f->nested_signatures, "checks", checks(f), "revocation",
	    revocation(&f->revocation), "people", people(&f->people), "schema",
	    "name", text(f->schema), "sha256", text(f->schema_sha256), "input",
	    file(f->input, f->input_sha256, f->input_size), "output",
	    f->output_sha256 == NULL
		? json_null()
		: file(f->output, f->output_sha256, f->output_size),
	    "original", text(f->original), "claimed", moment(f->claimed_ms),
	    "finished", moment(f->finished_ms));
	if (what == NULL || outcome == NULL ||
	    json_object_update(what, outcome) != 0) {
		json_decref(what);
		what = NULL;
	}
	json_decref(outcome);
	return what;
}

static json_t *
filings(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < r->filing_count; i++)
		if (append(array, one_filing(r, &r->filings[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
one_key(const struct report *r, const struct report_key *k)
{
	int64_t days = report_days_left(k->not_after_ms, report_now(r));

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
	    "name", text(k->name), "holder", text(k->holder), "serial",
	    text(k->serial), "where", text(k->where), "valid_until",
	    moment(k->not_after_ms), "days_left",
	    k->not_after_ms == 0 ? json_null() : json_integer(days),
	    "tries_left",
	    k->tries_left < 0 ? json_null() : json_integer(k->tries_left),
	    "signatures", (json_int_t)k->signatures, "warnings",
	    remarks(k->warnings, k->warning_count));
}

static json_t *
keys(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < r->key_count; i++)
		if (append(array, one_key(r, &r->keys[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *
summary(const struct report *r)
{
	json_t *object =
	    json_pack("{s:I}", "filings", (json_int_t)r->filing_count);

	for (int i = 0; object != NULL && i < REPORT_RESULT_MAX; i++)
		if (json_object_set_new(object,
			report_result_name((enum report_result)i),
			json_integer((json_int_t)report_count(
			    r, (enum report_result)i))) != 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *
whole(const struct report *r)
{
	return json_pack(
	    "{s:s, s:o, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "report",
	    "natsuin-report-1", "natsuin", text(r->version), "batch",
	    text(r->batch), "language", r->language, "started",
	    moment(r->started_ms), "finished", moment(r->finished_ms),
	    "interrupted", (int)r->interrupted, "summary", summary(r),
	    "warnings", remarks(r->warnings, r->warning_count), "keys", keys(r),
	    "filings", filings(r));
}

static int
put(const char *data, size_t size, void *out)
{
	return buf_append(out, data, size);
}

int
report_write_json(const struct report *r, struct buf *out, struct err *e)
{
	struct words w;
	json_t *json;
	int failed;

	if (r->out_of_memory)
		return err_nomem(e);
	words_begin(&w, r->language);
	json = whole(r);
	words_end(&w);
	failed = json == NULL ||
		 json_dump_callback(json, put, out, JSON_INDENT(1)) != 0 ||
		 buf_putc(out, '\n') != 0;
	json_decref(json);
	return failed ? err_nomem(e) : 0;
}
