/* The sheets: readable by Excel, nothing computed, no line missing. */
#include "signer/report/report.h"
#include "signer/report/sheet.h"
#include "tests/lib/catalogue.h"
#include "tests/lib/sample_report.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 32
#define CELL_MAX 4096

/* A reader by RFC 4180, strict: CRLF, quotes doubled, nothing else. */
struct reader {
	const char *p;
	char cell[CELL_MAX];
	bool end_of_row;
	bool broken;
};

static void
take(struct reader *r, size_t *at, char c)
{
	if (*at + 1 < CELL_MAX)
		r->cell[(*at)++] = c;
	r->p++;
}

static bool
next_cell(struct reader *r)
{
	size_t at = 0;

	r->end_of_row = false;
	if (*r->p == '\0')
		return false;
	if (*r->p == '"') {
		for (r->p++; *r->p != '\0'; take(r, &at, *r->p))
			if (*r->p == '"' && *++r->p != '"')
				break;
	} else {
		while (*r->p != '\0' && strchr(",\r\n\"", *r->p) == NULL)
			take(r, &at, *r->p);
	}
	r->cell[at] = '\0';
	if (*r->p == ',') {
		r->p++;
	} else if (strncmp(r->p, "\r\n", 2) == 0) {
		r->end_of_row = true;
		r->p += 2;
	} else {
		r->broken = true;
	}
	return !r->broken;
}

/* Rows of a sheet, each with exactly `columns` cells; -1 when broken. */
static long
rows_of(const char *text, size_t columns)
{
	struct reader r = {.p = text + 3};
	size_t cells = 0;
	long rows = 0;

	if (strncmp(text, "\xEF\xBB\xBF", 3) != 0)
		return -1;
	while (next_cell(&r)) {
		cells++;
		if (!r.end_of_row)
			continue;
		if (cells != columns)
			return -1;
		cells = 0;
		rows++;
	}
	return r.broken || cells != 0 ? -1 : rows;
}

/* The cell in `row` and `column`, both from 0. */
static const char *
cell_of(const char *text, size_t row, size_t column)
{
	static struct reader r;
	size_t x = 0, y = 0;

	r = (struct reader){.p = text + 3};
	while (next_cell(&r)) {
		if (y == row && x == column)
			return r.cell;
		x = r.end_of_row ? 0 : x + 1;
		y += r.end_of_row;
	}
	return "no such cell";
}

static void
thousand_filings_give_thousand_lines(void)
{
	struct report r;
	struct buf b = {0};
	struct err e = {0};

	catalogue_use("en");
	sample_report(&r, "ja", 1000);
	CHECK_OK(report_write_csv(&r, &b, &e), &e);
	CU_ASSERT_EQUAL(rows_of(buf_cstr(&b), COLUMNS), 1001);
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 1000, 0), "1000");
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 0, 1), "結果");
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 1, 1), "署名済み");
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 1, 7), "************0000");
	CU_ASSERT_STRING_EQUAL(
	    cell_of((char *)b.p, 1, 25), "2026-11-22 18:00:00");
	buf_free(&b);
	report_free(&r);
}

static void
english_report_has_english_headings(void)
{
	struct report r;
	struct buf b = {0};
	struct err e = {0};

	sample_report(&r, "en", 1);
	CHECK_OK(report_write_csv(&r, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(cell_of(buf_cstr(&b), 0, 1), "Result");
	buf_free(&b);
	report_free(&r);
}

/* What one text becomes in a sheet for Excel. */
static const char *
as_cell(const char *text, bool numbers_as_text)
{
	static char cell[CELL_MAX];
	struct buf b = {0};
	struct sheet s;

	sheet_begin(&s, &b, numbers_as_text);
	sheet_text(&s, text);
	sheet_end_row(&s);
	CU_ASSERT(!s.failed);
	CU_ASSERT_EQUAL(rows_of(buf_cstr(&b), 1), 1);
	snprintf(cell, sizeof cell, "%s", cell_of((char *)b.p, 0, 0));
	buf_free(&b);
	return cell;
}

static void
formulas_are_neutralised(void)
{
	static const char *const starts[] = {"=1+1", "+81", "-1", "@SUM(A1)",
	    "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1", "－1", "＠1",
	    "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x\",\"y\")"};

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		CU_ASSERT_EQUAL(as_cell(starts[i], true)[0], '\'');
		CU_ASSERT_EQUAL(as_cell(starts[i], false)[0], '\'');
	}
	CU_ASSERT_STRING_EQUAL(as_cell("株式会社＝A", true), "株式会社＝A");
	CU_ASSERT_STRING_EQUAL(as_cell("a=1", true), "a=1");
}

static void
numbers_that_are_text_stay_text(void)
{
	static const char *const kept[] = {"0001", "4950000203250000", "12E5",
	    "1.2e+3", "23.20", "1-2", "1/2/3", "18:00", "1,234"};
	static const char *const plain[] = {"23.2.0", "RSH0010", "12",
	    "20261122-000001", "0A 1B", "5070101-5071231", "1-2-3-4", "-", "e",
	    "1-", "900A010200001000"};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		CU_ASSERT_EQUAL(as_cell(kept[i], true)[0], '\'');
		CU_ASSERT_STRING_EQUAL(as_cell(kept[i], false), kept[i]);
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		CU_ASSERT(strcmp(plain[i], "-") == 0 ||
			  strcmp(as_cell(plain[i], true), plain[i]) == 0);
}

static void
hostile_text_stays_in_its_cell(void)
{
	CU_ASSERT_STRING_EQUAL(as_cell("a\",\"b", true), "a\",\"b");
	CU_ASSERT_STRING_EQUAL(as_cell("a\r\n1,2", true), "a  1,2");
	CU_ASSERT_STRING_EQUAL(as_cell("a\xE2\x80\xAE"
				       "b",
				   true),
	    "a[U+202E]b");
	CU_ASSERT_STRING_EQUAL(as_cell("a\x1B[31m", true), "a[U+001B][31m");
	CU_ASSERT_STRING_EQUAL(as_cell("\"", true), "\"");
	CU_ASSERT_STRING_EQUAL(as_cell(NULL, true), "");
}

static void
hostile_filing_changes_no_other_line(void)
{
	struct report r;
	struct buf b = {0};
	struct err e = {0};

	sample_report(&r, "ja", 3);
	sample_add(&r, "=\"\r\n\",\xE2\x80\xAE");
	CHECK_OK(report_write_csv(&r, &b, &e), &e);
	CU_ASSERT_EQUAL(rows_of(buf_cstr(&b), COLUMNS), 5);
	CU_ASSERT_EQUAL(cell_of((char *)b.p, 4, 5)[0], '\'');
	buf_reset(&b);
	CHECK_OK(report_write_manifest(&r, &b, &e), &e);
	CU_ASSERT_EQUAL(rows_of(buf_cstr(&b), 19), 6);
	buf_free(&b);
	report_free(&r);
}

/* Filings with two signers have two lines, those with none one. */
static void
manifest_names_every_signer(void)
{
	struct report r;
	struct buf b = {0};
	struct err e = {0};
	long want = 1;

	sample_report(&r, "ja", 100);
	for (size_t i = 0; i < r.filing_count; i++)
		want += r.filings[i].signer_count == 0
			    ? 1
			    : (long)r.filings[i].signer_count;
	CHECK_OK(report_write_manifest(&r, &b, &e), &e);
	CU_ASSERT_EQUAL(rows_of(buf_cstr(&b), 19), want);
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 0, 4), "input_sha256");
	CU_ASSERT_STRING_EQUAL(
	    cell_of((char *)b.p, 1, 4), r.filings[0].input_sha256);
	CU_ASSERT_STRING_EQUAL(
	    cell_of((char *)b.p, 1, 6), r.filings[0].output_sha256);
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 2, 12), "00E45F7712");
	CU_ASSERT_STRING_EQUAL(cell_of((char *)b.p, 1, 16), "published");
	buf_free(&b);
	report_free(&r);
}

SUITE_MAIN("report_csv", CASE(thousand_filings_give_thousand_lines),
    CASE(english_report_has_english_headings), CASE(formulas_are_neutralised),
    CASE(numbers_that_are_text_stay_text), CASE(hostile_text_stays_in_its_cell),
    CASE(hostile_filing_changes_no_other_line),
    CASE(manifest_names_every_signer))
