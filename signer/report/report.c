/*
 * The report as plain values: filling and freeing.  Filling never fails for
 * the caller one by one; a lack of memory sticks in `out_of_memory` and the
 * writers refuse, so that no report is ever written with lines missing.
 * Text is made valid UTF-8 here, once, so that no writer meets bad bytes.
 * A 利用者識別番号 is masked before it is kept.
 */
#include "signer/report/report.h"

#include "base/i18n.h"
#include "base/text.h"
#include "signer/cert/cert.h"
#include "signer/report/words.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *text;
} results[REPORT_RESULT_MAX] = {
    [REPORT_PUBLISHED] = {"published", N_("signed")},
    [REPORT_FAILED] = {"failed", N_("not signed")},
    [REPORT_HELD] = {"held", N_("waiting")},
    [REPORT_DUPLICATE] = {"duplicate", N_("signed before")},
    [REPORT_DISCARDED] = {"discarded", N_("discarded")},
};

void
report_init(struct report *r, const char *language)
{
	memset(r, 0, sizeof *r);
	memcpy(r->language, strcmp(language, "en") == 0 ? "en" : "ja", 3);
}

static void
free_remark(struct report_remark *remark)
{
	free(remark->code);
	free(remark->detail);
}

static void
free_remarks(struct report_remark *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free_remark(&list[i]);
	free(list);
}

static void
free_signer(struct report_signer *s)
{
	free(s->key);
	free(s->name);
	free(s->subject);
	free(s->issuer);
	free(s->serial);
}

static void
free_filing(struct report_filing *f)
{
	char *const texts[] = {f->job, f->drop, f->input, f->format,
	    f->procedure, f->version, f->procedure_name, f->taxpayer, f->agent,
	    f->user_id, f->period, f->schema, f->schema_sha256, f->input_sha256,
	    f->output_sha256, f->output, f->original, f->revocation.state,
	    f->revocation.why, f->revocation.kind, f->revocation.source,
	    f->revocation.note, f->people.must, f->people.wanted,
	    f->people.holder, f->people.key, f->people.verdict, f->people.why,
	    f->people.how};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(texts[i]);
	free_remark(&f->reason);
	free_remarks(f->warnings, f->warning_count);
	for (size_t i = 0; i < f->signer_count; i++)
		free_signer(&f->signers[i]);
	free(f->signers);
	for (size_t i = 0; i < REPORT_CHECK_MAX; i++) {
		free(f->check[i].code);
		free(f->check[i].detail);
	}
}

static void
free_key(struct report_key *k)
{
	free(k->name);
	free(k->holder);
	free(k->serial);
	free(k->where);
	free_remarks(k->warnings, k->warning_count);
}

void
report_free(struct report *r)
{
	free(r->batch);
	free(r->version);
	free_remarks(r->warnings, r->warning_count);
	for (size_t i = 0; i < r->key_count; i++)
		free_key(&r->keys[i]);
	free(r->keys);
	for (size_t i = 0; i < r->filing_count; i++)
		free_filing(&r->filings[i]);
	free(r->filings);
	memset(r, 0, sizeof *r);
}

/* A copy with every byte that is not UTF-8 as U+FFFD, or NULL. */
static char *
copy_utf8(const char *text)
{
	struct slice s = slice_str(text);
	struct buf b = {0};
	uint32_t cp;
	size_t n;

	while (s.len > 0) {
		n = text_utf8_next(s, &cp);
		if (n > 0 ? buf_append(&b, s.p, n) != 0
			  : buf_puts(&b, "\xEF\xBF\xBD") != 0)
			break;
		n = n > 0 ? n : 1;
		s = slice_of(s.p + n, s.len - n);
	}
	if (s.len == 0 && buf_cstr(&b) != NULL)
		return (char *)b.p;
	buf_free(&b);
	return NULL;
}

void
report_text(struct report *r, char **field, const char *text)
{
	free(*field);
	*field = NULL;
	if (text == NULL || *text == '\0')
		return;
	*field = copy_utf8(text);
	if (*field == NULL)
		r->out_of_memory = true;
}

void
report_user_id(struct report *r, struct report_filing *f, const char *id)
{
	char masked[64] = "";

	if (id != NULL && *id != '\0')
		text_mask_id(masked, sizeof masked, id);
	report_text(r, &f->user_id, masked);
}

/* Room for one more zeroed entry at the end of an array of `count`. */
static void *
grow(struct report *r, void *array, size_t count, size_t size)
{
	uint8_t *bigger = reallocarray(array, count + 1, size);

	if (bigger == NULL) {
		r->out_of_memory = true;
		return NULL;
	}
	memset(bigger + count * size, 0, size);
	return bigger;
}

struct report_filing *
report_add_filing(struct report *r)
{
	struct report_filing *bigger;
	size_t room = r->filing_room == 0 ? 64 : r->filing_room * 2;

	if (r->filing_count == r->filing_room) {
		bigger = reallocarray(r->filings, room, sizeof *bigger);
		if (bigger == NULL) {
			r->out_of_memory = true;
			return NULL;
		}
		r->filings = bigger;
		r->filing_room = room;
	}
	memset(&r->filings[r->filing_count], 0, sizeof *r->filings);
	return &r->filings[r->filing_count++];
}

struct report_key *
report_add_key(struct report *r)
{
	struct report_key *bigger =
	    grow(r, r->keys, r->key_count, sizeof *r->keys);

	if (bigger == NULL)
		return NULL;
	r->keys = bigger;
	bigger[r->key_count].tries_left = -1;
	return &bigger[r->key_count++];
}

struct report_signer *
report_add_signer(struct report *r, struct report_filing *f)
{
	struct report_signer *bigger =
	    grow(r, f->signers, f->signer_count, sizeof *f->signers);

	if (bigger == NULL)
		return NULL;
	f->signers = bigger;
	return &bigger[f->signer_count++];
}

void
report_warn(struct report *r, struct report_remark **list, size_t *count,
    const char *code, const char *detail)
{
	struct report_remark *bigger = grow(r, *list, *count, sizeof **list);

	if (bigger == NULL)
		return;
	*list = bigger;
	bigger += (*count)++;
	report_text(r, &bigger->code, code);
	report_text(r, &bigger->detail, detail);
}

static void
take_schema(
    struct report *r, struct report_filing *f, const struct findings *found)
{
	struct report_check_result *check = &f->check[REPORT_CHECK_SCHEMA];

	report_text(r, &f->schema, found->schema);
	report_text(r, &f->schema_sha256, found->schema_sha256);
	if (found->refused)
		return; /* not to the end; the reason says why */
	if (found->schema_sha256[0] != '\0') {
		check->state = REPORT_PASSED;
		report_text(r, &check->code, NULL);
	} else {
		/* e-Gov's schemas are not public: none can be installed. */
		bool none = found->format[0] != '\0' && !found->etax;

		check->state = REPORT_NOT_CHECKED;
		report_text(
		    r, &check->code, none ? "schema-none" : "schema-missing");
	}
}

static void
take_people(
    struct report *r, struct report_filing *f, const struct found_people *p)
{
	const char *code = people_code(p);
	char text[PEOPLE_TEXT];
	struct words w;

	report_text(r, &f->people.must, p->must);
	report_text(r, &f->people.wanted, p->wanted);
	report_text(r, &f->people.holder, p->holder);
	report_text(r, &f->people.key, p->key);
	report_text(r, &f->people.verdict, p->verdict);
	report_text(r, &f->people.why, p->why);
	report_text(r, &f->people.how, p->how);
	f->people.refused = p->refused;
	if (code == NULL)
		return;
	words_begin(&w, r->language);
	people_text(p, text, sizeof text);
	words_end(&w);
	report_warn(r, &f->warnings, &f->warning_count, code, text);
}

void
report_take_findings(
    struct report *r, struct report_filing *f, const struct findings *found)
{
	report_text(r, &f->format, found->format);
	report_text(r, &f->procedure, found->procedure);
	report_text(r, &f->version, found->version);
	report_text(r, &f->procedure_name, found->procedure_name);
	report_text(r, &f->taxpayer, found->taxpayer_name);
	report_text(r, &f->agent, found->agent_name);
	report_user_id(r, f, found->taxpayer_id);
	report_text(r, &f->period, found->period);
	take_schema(r, f, found);
	for (size_t i = 0; i < found->warning_count; i++)
		report_warn(r, &f->warnings, &f->warning_count,
		    found->warnings[i].code, found->warnings[i].detail);
	take_people(r, f, &found->people);
	f->nested_signatures = 0;
	for (size_t i = 0; i < found->signature_count; i++)
		if (!found->signatures[i].filing)
			f->nested_signatures++;
}

size_t
report_count(const struct report *r, enum report_result result)
{
	size_t n = 0;

	for (size_t i = 0; i < r->filing_count; i++)
		if (r->filings[i].result == result)
			n++;
	return n;
}

const char *
report_result_name(enum report_result result)
{
	return result < REPORT_RESULT_MAX ? results[result].name : "unknown";
}

const char *
report_result_text(enum report_result result)
{
	return result < REPORT_RESULT_MAX ? _(results[result].text) : "";
}

int64_t
report_days_left(int64_t then_ms, int64_t now_ms)
{
	return cert_days_left(then_ms, now_ms);
}

int64_t
report_now(const struct report *r)
{
	return r->finished_ms != 0 ? r->finished_ms : r->started_ms;
}
