/* Filling a report: masks, clean text, days, and lack of memory. */
#include "base/clock.h"
#include "base/text.h"
#include "schemas/problem.h"
#include "signer/report/groups.h"
#include "signer/report/report.h"
#include "signer/report/words.h"
#include "tests/lib/catalogue.h"
#include "tests/lib/sample_report.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS (24 * 60 * 60 * (int64_t)1000)

static void
user_id_is_masked_when_set(void)
{
	struct report r;
	struct report_filing *f;

	report_init(&r, "ja");
	f = report_add_filing(&r);
	CU_ASSERT_FATAL(f != NULL);
	report_user_id(&r, f, "1234567890123456");
	CU_ASSERT_STRING_EQUAL(f->user_id, "************3456");
	report_user_id(&r, f, "");
	CU_ASSERT(f->user_id == NULL);
	report_free(&r);
}

static void
text_becomes_utf8(void)
{
	struct report r;
	char *field = NULL;

	report_init(&r, "ja");
	report_text(&r, &field, "a\xFF\x82\xA0z\xE6\x8D\xBA\xE6\x8D");
	CU_ASSERT(text_is_utf8(slice_str(field)));
	CU_ASSERT_STRING_EQUAL(field, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
				      "z\xE6\x8D\xBA\xEF\xBF\xBD\xEF\xBF\xBD");
	report_text(&r, &field, NULL);
	CU_ASSERT(field == NULL);
	CU_ASSERT(!r.out_of_memory);
	report_free(&r);
}

static void
findings_fill_a_filing(void)
{
	struct report r;
	struct report_filing *f;
	struct findings found;

	findings_init(&found);
	snprintf(found.procedure, sizeof found.procedure, "RSH0010");
	snprintf(found.taxpayer_id, sizeof found.taxpayer_id, "%s",
	    "1234567890123456");
	findings_warn(&found, "character-narrow-set", "line %d", 3);
	CU_ASSERT_FATAL(findings_add_signature(&found) != NULL);
	report_init(&r, "ja");
	f = report_add_filing(&r);
	report_take_findings(&r, f, &found);
	CU_ASSERT_STRING_EQUAL(f->procedure, "RSH0010");
	CU_ASSERT_STRING_EQUAL(f->user_id, "************3456");
	CU_ASSERT_EQUAL(f->nested_signatures, 1);
	CU_ASSERT_EQUAL(f->warning_count, 1);
	CU_ASSERT_STRING_EQUAL(f->warnings[0].detail, "line 3");
	CU_ASSERT_EQUAL(
	    f->check[REPORT_CHECK_SCHEMA].state, REPORT_NOT_CHECKED);
	memset(found.schema_sha256, 'a', 64);
	report_take_findings(&r, f, &found);
	CU_ASSERT_EQUAL(f->check[REPORT_CHECK_SCHEMA].state, REPORT_PASSED);
	findings_free(&found);
	report_free(&r);
}

static void
days_left_are_days_in_japan(void)
{
	/* Time 0 is nine o'clock in Japan: the next day begins at 15 h. */
	const int64_t midnight = 15 * DAY_MS / 24;

	CU_ASSERT_EQUAL(report_days_left(3 * DAY_MS, 0), 3);
	CU_ASSERT_EQUAL(report_days_left(3 * DAY_MS, midnight - 1), 3);
	CU_ASSERT_EQUAL(report_days_left(3 * DAY_MS, midnight), 2);
	CU_ASSERT_EQUAL(report_days_left(midnight - 1000, 0), 0);
	CU_ASSERT_EQUAL(report_days_left(midnight, 0), 1);
	CU_ASSERT_EQUAL(report_days_left(0, 999), 0);
	CU_ASSERT_EQUAL(report_days_left(0, 1000), -1);
	CU_ASSERT_EQUAL(report_days_left(0, midnight), -1);
	CU_ASSERT_EQUAL(report_days_left(0, midnight + DAY_MS), -2);
}

/* What is recorded about a certificate in English reads well in Japanese. */
static void
details_of_certificates_have_their_words(void)
{
	static const char *const rows[][2] = {
	    {"valid until 2026-11-27 23:59:59 JST; due date of kokuzei: "
	     "2026-12-10",
		"有効期間の満了 2026-11-27 23:59:59 (日本時間)。提出期限 "
		"投入フォルダ kokuzei: 2026-12-10"},
	    {"invalid since 2026-11-20 10:00:00 JST, the key may be in other "
	     "hands; as of 2026-11-21 10:00:00 JST; asked at http://a/",
		"失効日時 2026-11-20 10:00:00 (日本時間), "
		"鍵が他人に渡ったおそれがあるため。情報の作成日時 "
		"2026-11-21 10:00:00 (日本時間)。確認先 http://a/"},
	    {"timeout; asked at http://a/",
		"証明書が失効しているかどうかは確認できていません。"
		"サーバーが時間内に応答しませんでした。確認先 http://a/"},
	    {"unknown-word; asked at http://a/",
		"unknown-word。確認先 http://a/"},
	    {"other, etax", "その他の認証局の電子証明書, e-Tax"},
	    {"other, whatever", "other, whatever"},
	    {"nothing, egov", "nothing, egov"},
	};
	char text[400];

	catalogue_use("ja");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CU_ASSERT_STRING_EQUAL(
		    words_detail(rows[i][0], text, sizeof text), rows[i][1]);
	catalogue_use("en");
	CU_ASSERT_STRING_EQUAL(words_detail(rows[2][0], text, sizeof text),
	    "Whether the certificate was revoked is not known: the server did "
	    "not answer in time. Asked: http://a/");
}

static void
times_are_japanese(void)
{
	char text[WORDS_SIZE];

	catalogue_use("ja");
	CU_ASSERT_STRING_EQUAL(
	    words_moment(SAMPLE_STARTED_MS, text), "2026年11月22日 18:00");
	catalogue_use("en");
	CU_ASSERT_STRING_EQUAL(
	    words_moment(SAMPLE_STARTED_MS, text), "2026-11-22 18:00");
	CU_ASSERT_STRING_EQUAL(
	    words_clock(SAMPLE_STARTED_MS, text), "18:00:00");
	CU_ASSERT_STRING_EQUAL(words_moment(0, text), "");
	CU_ASSERT_STRING_EQUAL(words_duration(185000, text), "3 min 5 s");
	CU_ASSERT_STRING_EQUAL(words_days_left(1, text), "1 day left");
	CU_ASSERT_STRING_EQUAL(words_days_left(0, text), "ends today");
	CU_ASSERT_STRING_EQUAL(words_days_left(-2, text), "expired 2 days ago");
}

static void
periods_are_dates(void)
{
	char text[WORDS_SIZE];

	catalogue_use("ja");
	CU_ASSERT_STRING_EQUAL(words_period("5070101-5071231", text),
	    "令和7年1月1日~令和7年12月31日");
	CU_ASSERT_STRING_EQUAL(
	    words_period("4310430", text), "平成31年4月30日");
	catalogue_use("en");
	CU_ASSERT_STRING_EQUAL(
	    words_period("3640107-5071231", text), "1989-01-07 to 2025-12-31");
	CU_ASSERT_STRING_EQUAL(words_period("5070101-", text), "5070101-");
	CU_ASSERT_STRING_EQUAL(words_period("6070101", text), "6070101");
	CU_ASSERT_STRING_EQUAL(words_period("2026", text), "2026");
	CU_ASSERT_STRING_EQUAL(words_period(NULL, text), "");
}

static void
line_numbers_speak_the_language(void)
{
	char text[64];

	catalogue_use("ja");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 12: DATA", text, sizeof text), "12行目: DATA");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 3", text, sizeof text), "3行目");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line up", text, sizeof text), "line up");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 3x", text, sizeof text), "line 3x");
	CU_ASSERT_STRING_EQUAL(words_detail(NULL, text, sizeof text), "");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 12, column 3: x", text, sizeof text),
	    "12行目の3文字目: x");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 3, column x", text, sizeof text),
	    "3行目, column x");
	catalogue_use("en");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 12: DATA", text, sizeof text), "line 12: DATA");
}

/* Whatever the validator's words are, a Japanese report has none of them. */
static void
schema_problems_speak_the_language(void)
{
	char message[] = "Element 'A': x set {'a'} type 'b'.";
	char english[400], text[800], cut[20];

	catalogue_use("ja");
	for (int code = XML_SCHEMAV_NOROOT; code <= XML_SCHEMAV_MISC; code++) {
		xmlError x = {.code = code, .message = message};

		problem_text(english, sizeof english, 7, &x);
		words_detail(english, text, sizeof text);
		CU_ASSERT(strncmp(text, "7行目: A: ", 12) == 0);
		CU_ASSERT(strstr(text, "value") == NULL &&
			  strstr(text, "does") == NULL &&
			  strstr(text, "missing") == NULL);
	}
	CU_ASSERT_STRING_EQUAL(
	    words_detail("line 7: A: This element is not expected. "
			 "Expected is ( B )",
		text, sizeof text),
	    "7行目: A: ここには置けない項目です。必要な項目: ( B )");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("monkey \"a\"", text, sizeof text), "monkey \"a\"");
	CU_ASSERT_STRING_EQUAL(
	    words_detail("key \"a\"", text, sizeof text), "鍵 \"a\"");
	words_detail("line 7: This element is not expected", cut, sizeof cut);
	CU_ASSERT_EQUAL(strlen(cut), sizeof cut - 1);
	catalogue_use("en");
	for (int code = XML_SCHEMAV_NOROOT; code <= XML_SCHEMAV_MISC; code++) {
		xmlError x = {.code = code, .message = message};

		problem_text(english, sizeof english, 7, &x);
		CU_ASSERT_STRING_EQUAL(
		    words_detail(english, text, sizeof text), english);
	}
}

static void
groups_put_the_worst_first(void)
{
	struct report r;
	struct groups g = {0};
	size_t n = 0;

	sample_report(&r, "ja", 400);
	CU_ASSERT_EQUAL(groups_of_reasons(&g, &r), 0);
	CU_ASSERT_EQUAL_FATAL(g.count, 5);
	CU_ASSERT_EQUAL(g.group[0].result, REPORT_FAILED);
	CU_ASSERT_EQUAL(g.group[4].result, REPORT_DISCARDED);
	for (size_t i = 0; i < g.count; i++)
		n += g.group[i].count;
	CU_ASSERT_EQUAL(n, 400 - report_count(&r, REPORT_PUBLISHED));
	groups_free(&g);
	report_free(&r);
}

static void
filing_stands_once_under_a_warning(void)
{
	struct report r;
	struct report_filing *f;
	struct groups g = {0};

	report_init(&r, "ja");
	f = report_add_filing(&r);
	for (int i = 0; i < 30; i++)
		report_warn(&r, &f->warnings, &f->warning_count, "same", "x");
	CU_ASSERT_EQUAL(groups_of_warnings(&g, &r), 0);
	CU_ASSERT_EQUAL_FATAL(g.count, 1);
	CU_ASSERT_EQUAL(g.group[0].count, 1);
	groups_free(&g);
	report_free(&r);
}

static void
writers_refuse_a_report_with_holes(void)
{
	struct report r;
	struct buf b = {0};
	struct err e = {0};

	sample_report(&r, "ja", 2);
	r.out_of_memory = true;
	CHECK_CODE(report_write_html(&r, &b, &e), &e, "out-of-memory");
	CHECK_CODE(report_write_json(&r, &b, &e), &e, "out-of-memory");
	CHECK_CODE(report_write_csv(&r, &b, &e), &e, "out-of-memory");
	CHECK_CODE(report_write_manifest(&r, &b, &e), &e, "out-of-memory");
	CU_ASSERT_EQUAL(b.len, 0);
	report_free(&r);
}

SUITE_MAIN("report", CASE(user_id_is_masked_when_set), CASE(text_becomes_utf8),
    CASE(findings_fill_a_filing), CASE(days_left_are_days_in_japan),
    CASE(details_of_certificates_have_their_words), CASE(times_are_japanese),
    CASE(periods_are_dates), CASE(line_numbers_speak_the_language),
    CASE(schema_problems_speak_the_language), CASE(groups_put_the_worst_first),
    CASE(filing_stands_once_under_a_warning),
    CASE(writers_refuse_a_report_with_holes))
