/* The record is valid by its documented schema and keeps every value. */
#include "signer/report/report.h"
#include "tests/lib/catalogue.h"
#include "tests/lib/jsonschema.h"
#include "tests/lib/sample_report.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
load_schema(void)
{
	const char *src = getenv("NATSUIN_SRC");
	char path[512];
	json_error_t why;
	json_t *schema;

	snprintf(path, sizeof path, "%s/docs/report.schema.json",
	    src == NULL ? "." : src);
	schema = json_load_file(path, 0, &why);
	if (schema == NULL)
		printf("# %s: %s\n", path, why.text);
	CU_ASSERT_FATAL(schema != NULL);
	return schema;
}

static json_t *
written(const struct report *r)
{
	struct buf b = {0};
	struct err e = {0};
	json_error_t why;
	json_t *json;

	CHECK_OK(report_write_json(r, &b, &e), &e);
	json = json_loadb((char *)b.p, b.len, JSON_REJECT_DUPLICATES, &why);
	CU_ASSERT_FATAL(json != NULL);
	buf_free(&b);
	return json;
}

static void
check_valid(const char *language, size_t filings)
{
	json_t *schema = load_schema(), *json;
	struct report r;

	catalogue_use("en");
	sample_report(&r, language, filings);
	json = written(&r);
	CU_ASSERT(jsonschema_valid(schema, json));
	CU_ASSERT_EQUAL(
	    json_array_size(json_object_get(json, "filings")), filings);
	json_decref(json);
	json_decref(schema);
	report_free(&r);
}

static void
sample_is_valid_by_the_schema(void)
{
	check_valid("ja", 0);
	check_valid("ja", 200);
	check_valid("en", 200);
}

static void
schema_refuses_what_is_wrong(void)
{
	json_t *schema = load_schema(), *json, *first;
	struct report r;

	sample_report(&r, "ja", 1);
	json = written(&r);
	first = json_array_get(json_object_get(json, "filings"), 0);
	json_object_set_new(first, "user_id", json_string("1234567890123456"));
	CU_ASSERT(!jsonschema_valid(schema, json));
	json_object_set_new(first, "user_id", json_null());
	CU_ASSERT(jsonschema_valid(schema, json));
	json_object_set_new(first, "surprise", json_null());
	CU_ASSERT(!jsonschema_valid(schema, json));
	json_object_del(first, "surprise");
	json_object_del(first, "result");
	CU_ASSERT(!jsonschema_valid(schema, json));
	json_decref(json);
	json_decref(schema);
	report_free(&r);
}

static const char *
member(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void
values_are_kept_as_they_are(void)
{
	const char *odd = "a\"b\\c\n<\xE2\x80\xAE>\xE6\x8D\xBA";
	struct report r;
	json_t *json, *f;

	report_init(&r, "en");
	sample_add(&r, odd);
	json = written(&r);
	f = json_array_get(json_object_get(json, "filings"), 0);
	CU_ASSERT_STRING_EQUAL(member(f, "taxpayer"), odd);
	CU_ASSERT_STRING_EQUAL(
	    member(json_object_get(f, "input"), "path"), odd);
	CU_ASSERT_STRING_EQUAL(member(f, "result"), "failed");
	CU_ASSERT_STRING_EQUAL(
	    member(f, "finished"), "2026-11-22T18:00:00.123+09:00");
	json_decref(json);
	report_free(&r);
}

static void
words_follow_the_language_codes_do_not(void)
{
	struct report ja, en;
	json_t *a, *b, *x, *y;

	catalogue_use("en");
	sample_report(&ja, "ja", 8);
	sample_report(&en, "en", 8);
	a = written(&ja);
	b = written(&en);
	x = json_object_get(
	    json_array_get(json_object_get(a, "filings"), 7), "reason");
	y = json_object_get(
	    json_array_get(json_object_get(b, "filings"), 7), "reason");
	CU_ASSERT_STRING_EQUAL(member(x, "code"), member(y, "code"));
	CU_ASSERT_STRING_NOT_EQUAL(member(x, "text"), member(y, "text"));
	CU_ASSERT_STRING_EQUAL(member(a, "language"), "ja");
	CU_ASSERT_STRING_EQUAL(member(b, "language"), "en");
	json_decref(a);
	json_decref(b);
	report_free(&ja);
	report_free(&en);
}

static void
summary_adds_up(void)
{
	struct report r;
	json_t *json, *s, *n;
	const char *name;
	json_int_t sum = 0;

	sample_report(&r, "ja", 400);
	json = written(&r);
	s = json_object_get(json, "summary");
	json_object_foreach(s, name, n) if (strcmp(name, "filings") != 0) sum +=
	    json_integer_value(n);
	CU_ASSERT_EQUAL(sum, 400);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(s, "filings")), 400);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(s, "failed")), 4);
	json_decref(json);
	report_free(&r);
}

SUITE_MAIN("report_json", CASE(sample_is_valid_by_the_schema),
    CASE(schema_refuses_what_is_wrong), CASE(values_are_kept_as_they_are),
    CASE(words_follow_the_language_codes_do_not), CASE(summary_adds_up))
