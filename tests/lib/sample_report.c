/*
 * Names are common ones put together by number; ids and serials are made up.
 */
#include "tests/lib/sample_report.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_MS (24 * 60 * 60 * (int64_t)1000)
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const families[] = {"佐藤", "鈴木", "高橋", "田中", "伊藤",
    "渡辺", "山本", "中村", "小林", "加藤", "吉田", "山田"};
static const char *const givens[] = {
    "一郎", "花子", "健太", "美咲", "誠", "由美子", "大輔", "恵", "隆"};
static const char *const firms[] = {"株式会社朝日工務店",
    "有限会社みどり製パン", "株式会社ひかり電機サービス", "合同会社青空企画"};
static const struct {
	const char *code, *version, *name, *format;
} procedures[] = {
    {"RKO0010", "25.0.0", "所得税及び復興特別所得税申告", "etax"},
    {"RSH0010", "23.2.0", "消費税及び地方消費税申告(一般・個人)", "etax"},
    {"RHO0012", "26.0.1", "内国法人の確定申告(青色)", "etax"},
    {"900A010200001000", "0001", "健康保険・厚生年金保険被保険者資格取得届",
	"egov-standard"},
};
static const struct {
	enum report_result result;
	const char *code, *detail;
} troubles[] = {
    {REPORT_FAILED, "doctype-forbidden", "line 2: DATA"},
    {REPORT_FAILED, "schema-invalid", "line 84: TEA060: ABA00"},
    {REPORT_HELD, "pin-needed", "tanaka"},
    {REPORT_DUPLICATE, "duplicate", "20261121-180000"},
    {REPORT_DISCARDED, "discarded", NULL},
};

static void
set_hex(struct report *r, char **field, unsigned seed)
{
	char text[65];

	for (int i = 0; i < 8; i++) {
		seed = seed * 1664525u + 1013904223u;
		snprintf(text + i * 8, 9, "%08x", seed);
	}
	report_text(r, field, text);
}

static void
add_signer(struct report *r, struct report_filing *f, int which)
{
	static const char *const keys[] = {"tanaka", "suzuki"};
	static const char *const names[] = {"田中 太郎", "鈴木 次郎"};
	static const char *const serials[] = {"0A1B2C3D4E", "00E45F7712"};
	struct report_signer *s = report_add_signer(r, f);

	report_text(r, &s->key, keys[which]);
	report_text(r, &s->name, names[which]);
	report_text(r, &s->subject, "CN=4A2F-0001,OU=Tokyo,O=JPKI,C=JP");
	report_text(r, &s->issuer, "OU=Public Individuals,O=JPKI,C=JP");
	report_text(r, &s->serial, serials[which]);
	s->not_before_ms = SAMPLE_STARTED_MS - 1500 * DAY_MS;
	s->not_after_ms = SAMPLE_STARTED_MS + (which ? 1200 : 58) * DAY_MS;
	s->signed_ms = f->finished_ms;
}

static void
set_checks(struct report *r, struct report_filing *f)
{
	static const char *const why = "revocation-jpki-verifiers-only";
	struct report_check_result *last = &f->check[REPORT_CHECK_REVOCATION];

	if (f->result != REPORT_PUBLISHED)
		return;
	for (int i = 0; i < REPORT_CHECK_REVOCATION; i++)
		f->check[i].state = REPORT_PASSED;
	last->state = REPORT_NOT_CHECKED;
	report_text(r, &last->code, why);
}

static void
set_outcome(struct report *r, struct report_filing *f, size_t i)
{
	char text[200];

	f->result = REPORT_PUBLISHED;
	if (i % 40 == 7) {
		size_t t = i / 40 % COUNT(troubles);

		f->result = troubles[t].result;
		report_text(r, &f->reason.code, troubles[t].code);
		report_text(r, &f->reason.detail, troubles[t].detail);
		snprintf(
		    text, sizeof text, "failed/20261122-180000/%s", f->input);
		report_text(r, &f->original, text);
		return;
	}
	snprintf(text, sizeof text, "out/20261122-180000/%s", f->input);
	report_text(r, &f->output, text);
	snprintf(text, sizeof text, "done/20261122-180000/%s", f->input);
	report_text(r, &f->original, text);
	set_hex(r, &f->output_sha256, (unsigned)i * 2 + 1);
	f->output_size = 23456 + i;
	add_signer(r, f, 0);
	if (i % 5 == 0)
		add_signer(r, f, 1);
	if (i % 25 == 3)
		report_warn(r, &f->warnings, &f->warning_count,
		    "character-narrow-set", "line 31: ㈱");
}

static void
add_filing(struct report *r, size_t i)
{
	struct report_filing *f = report_add_filing(r);
	size_t p = i % 7 == 6 ? 3 : i % 5 == 4 ? 2 : i % 3 == 0;
	char text[200];

	snprintf(text, sizeof text, "20261122-%06zu", i + 1);
	report_text(r, &f->job, text);
	report_text(r, &f->drop, "kokuzei");
	if (p >= 2)
		snprintf(text, sizeof text, "%s", firms[i % COUNT(firms)]);
	else
		snprintf(text, sizeof text, "%s %s",
		    families[i % COUNT(families)],
		    givens[i * 5 % COUNT(givens)]);
	report_text(r, &f->taxpayer, text);
	snprintf(text, sizeof text, "令和7年分/%04zu_%s.%s", 1001 + i,
	    procedures[p].code, p == 3 ? "zip" : "xtx");
	report_text(r, &f->input, text);
	report_text(r, &f->format, procedures[p].format);
	report_text(r, &f->procedure, procedures[p].code);
	report_text(r, &f->version, procedures[p].version);
	report_text(r, &f->procedure_name, procedures[p].name);
	if (p != 3) {
		snprintf(text, sizeof text, "%016zu", 1234567800000000 + i);
		report_user_id(r, f, text);
	}
	report_text(r, &f->schema, "RSH0010-23.2.0");
	set_hex(r, &f->schema_sha256, 7);
	set_hex(r, &f->input_sha256, (unsigned)i * 2);
	f->input_size = 20480 + i;
	f->claimed_ms = SAMPLE_STARTED_MS + (int64_t)i * 40;
	f->finished_ms = f->claimed_ms + 350;
	set_outcome(r, f, i);
	set_checks(r, f);
}

static void
add_keys(struct report *r, size_t filings)
{
	struct report_key *k = report_add_key(r);

	report_text(r, &k->name, "tanaka");
	report_text(r, &k->holder, "田中 太郎");
	report_text(r, &k->serial, "0A1B2C3D4E");
	report_text(r, &k->where, "Sony FeliCa Port/PaSoRi 4.0 00 00");
	k->not_after_ms = SAMPLE_STARTED_MS + 58 * DAY_MS;
	k->tries_left = 5;
	k->signatures = filings;
	report_warn(r, &k->warnings, &k->warning_count,
	    "certificate-expires-60", "2027-01-19");
	k = report_add_key(r);
	report_text(r, &k->name, "suzuki");
	report_text(r, &k->holder, "鈴木 次郎");
	report_text(r, &k->serial, "00E45F7712");
	report_text(r, &k->where, "/etc/natsuin/suzuki.p12");
	k->not_after_ms = SAMPLE_STARTED_MS + 1200 * DAY_MS;
	k->signatures = filings / 5;
}

void
sample_report(struct report *r, const char *language, size_t filings)
{
	report_init(r, language);
	report_text(r, &r->batch, "20261122-180000");
	report_text(r, &r->version, "0.1");
	r->started_ms = SAMPLE_STARTED_MS;
	r->finished_ms = SAMPLE_STARTED_MS + 350 + (int64_t)filings * 40;
	if (filings > 0)
		add_keys(r, filings);
	for (size_t i = 0; i < filings; i++)
		add_filing(r, i);
}

struct report_filing *
sample_add(struct report *r, const char *text)
{
	struct report_filing *f = report_add_filing(r);
	struct report_signer *s = report_add_signer(r, f);
	char **const fields[] = {&f->job, &f->drop, &f->input, &f->format,
	    &f->procedure, &f->version, &f->procedure_name, &f->taxpayer,
	    &f->agent, &f->user_id, &f->period, &f->schema, &f->schema_sha256,
	    &f->input_sha256, &f->output_sha256, &f->output, &f->original,
	    &f->reason.code, &f->reason.detail, &s->key, &s->name, &s->subject,
	    &s->issuer, &s->serial, &f->check[REPORT_CHECK_PATH].code};

	for (size_t i = 0; i < COUNT(fields); i++)
		report_text(r, fields[i], text);
	report_warn(r, &f->warnings, &f->warning_count, text, text);
	f->result = REPORT_FAILED;
	f->check[REPORT_CHECK_PATH].state = REPORT_NOT_CHECKED;
	s->not_before_ms = s->not_after_ms = SAMPLE_STARTED_MS;
	f->claimed_ms = f->finished_ms = SAMPLE_STARTED_MS;
	return f;
}
