/*
 * The table of names (names.tsv) and what must hold of any comparison: it
 * does not depend on the order, a name is its own, and how Unicode composes
 * it makes no difference.
 */
#include "signer/cert/name.h"

#include "base/buf.h"
#include "base/fsops.h"
#include "base/text.h"
#include "signer/cert/name_parts.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unistd.h>

#define ROWS_MIN 120

struct row {
	unsigned line;
	const char *filing, *holder, *flags;
	const char *verdict, *detail;
};

static char table[64 * 1024];
static struct row rows[400];
static size_t row_count;

/* "-" in a column is nothing. */
static const char *
column(char **at)
{
	char *start = strsep(at, "\t");

	return start == NULL || strcmp(start, "-") == 0 ? "" : start;
}

static void
read_table(void)
{
	struct buf b = {0};
	struct err e = {0};
	char *at = table, *line;
	unsigned number = 0;
	int fd;

	if (row_count > 0)
		return;
	fd = open(suite_data("../signer/cert/names.tsv"), O_RDONLY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, sizeof table - 1, &b, &e), &e);
	CU_ASSERT_TRUE_FATAL(b.len > 0 && b.len < sizeof table);
	memcpy(table, b.p, b.len);
	buf_free(&b);
	close(fd);
	while ((line = strsep(&at, "\n")) != NULL) {
		struct row *r = &rows[row_count];

		number++;
		if (*line == '#' || *line == '\0')
			continue;
		CU_ASSERT_TRUE_FATAL(row_count < sizeof rows / sizeof *rows);
		r->line = number;
		r->filing = column(&line);
		r->holder = column(&line);
		r->flags = column(&line);
		r->verdict = column(&line);
		r->detail = column(&line);
		row_count++;
	}
}

static struct name_result
compare(const char *a, const char *b, const char *flags)
{
	struct name_text x = {a, NULL}, y = {b, flags};
	struct name_result out;

	name_compare(&x, &y, &out);
	return out;
}

/* Says which row it was. */
static void
expect(const struct row *r, const char *what, const char *want, const char *got)
{
	if (strcmp(want, got) == 0)
		return;
	printf("# names.tsv:%u: %s | %s: %s \"%s\", not \"%s\"\n", r->line,
	    r->filing, r->holder, what, got, want);
	CU_FAIL("names.tsv");
}

static void
every_pair_of_the_table(void)
{
	read_table();
	CU_ASSERT_TRUE(row_count >= ROWS_MIN);
	for (size_t i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];
		struct name_result n = compare(r->filing, r->holder, r->flags);
		bool unclear = n.verdict == NAME_UNCLEAR;

		expect(r, "verdict", r->verdict, name_verdict_word(n.verdict));
		expect(r, unclear ? "why" : "how", r->detail,
		    unclear ? n.why : n.how);
		if (!unclear)
			expect(r, "why", "", n.why);
	}
}

static void
each_verdict_and_reason_is_there(void)
{
	const char *const verdicts[] = {
	    "same", "variant", "unclear", "different", "none"};

	read_table();
	for (size_t v = 0; v < sizeof verdicts / sizeof *verdicts; v++) {
		size_t n = 0;

		for (size_t i = 0; i < row_count; i++)
			n += strcmp(rows[i].verdict, verdicts[v]) == 0;
		CU_ASSERT_TRUE(n >= 5);
		CU_ASSERT_EQUAL(name_verdict_of(verdicts[v]), v);
	}
	for (size_t w = 0; name_whys[w] != NULL; w++) {
		size_t n = strcmp(name_whys[w], "long") == 0;

		for (size_t i = 0; i < row_count; i++)
			n += strcmp(rows[i].detail, name_whys[w]) == 0;
		if (n == 0)
			printf("# no row for \"%s\"\n", name_whys[w]);
		CU_ASSERT_TRUE(n > 0);
	}
}

static void
order_makes_no_difference(void)
{
	read_table();
	for (size_t i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];
		struct name_text a = {r->filing, NULL};
		struct name_text b = {r->holder, r->flags};
		struct name_result n, back;

		name_compare(&a, &b, &n);
		name_compare(&b, &a, &back);
		expect(r, "turned round", name_verdict_word(n.verdict),
		    name_verdict_word(back.verdict));
		expect(r, "turned round, why", n.why, back.why);
	}
}

static void
a_name_is_its_own(void)
{
	read_table();
	for (size_t i = 0; i < row_count; i++) {
		const char *both[] = {rows[i].filing, rows[i].holder};

		for (int k = 0; k < 2; k++) {
			struct name_result n = compare(both[k], both[k], NULL);

			if (n.verdict != NAME_NONE)
				expect(&rows[i], "itself", "same",
				    name_verdict_word(n.verdict));
		}
	}
}

/* The text as NFC or NFD has it. */
static const char *
normal(const char *text, bool composed, char out[1024])
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *form = composed ? unorm2_getNFCInstance(&status)
					    : unorm2_getNFDInstance(&status);
	UChar units[512], changed[512];
	int32_t n;

	u_strFromUTF8(units, 512, &n, text, -1, &status);
	n = unorm2_normalize(form, units, n, changed, 512, &status);
	u_strToUTF8(out, 1024, NULL, changed, n, &status);
	CU_ASSERT_TRUE_FATAL(U_SUCCESS(status));
	return out;
}

static void
composition_makes_no_difference(void)
{
	read_table();
	for (size_t i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];
		char a[1024], b[1024];

		for (int form = 0; form < 4; form++) {
			struct name_result n =
			    compare(normal(r->filing, form & 1, a),
				normal(r->holder, form & 2, b),
				form & 2 ? r->flags : NULL);

			/* Flags are one per character as it is on the card. */
			if (*r->flags == '\0' || (form & 2) != 0)
				expect(r, "composed otherwise", r->verdict,
				    name_verdict_word(n.verdict));
		}
	}
}

/* A usual form is its own; what is alike is so in usual forms. */
static void
tables_are_consistent(void)
{
	size_t same = 0, like = 0;

	for (uint32_t cp = 1; cp < 0x30000; cp++) {
		uint32_t s = name_same_character(cp);
		uint32_t l = name_like_character(cp);

		same += s != cp;
		like += l != cp;
		if (name_same_character(s) != s || name_like_character(l) != l)
			CU_FAIL("a usual form has another one");
		if (l != cp && (name_same_character(cp) != cp ||
				   name_same_character(l) != l))
			CU_FAIL("alike, but not in its usual form");
	}
	CU_ASSERT_TRUE(same > 400);
	CU_ASSERT_TRUE(like > 30);
}

static void
too_long_is_unclear(void)
{
	char a[2048] = "", b[2048] = "";

	for (int i = 0; i < 300; i++) {
		memcpy(a + 3 * i, "田", 4);
		memcpy(b + 3 * i, "田", 4);
	}
	CU_ASSERT_EQUAL(compare(a, b, NULL).verdict, NAME_UNCLEAR);
	CU_ASSERT_STRING_EQUAL(compare(a, b, NULL).why, "long");
	/* One character that becomes eighteen, many times. */
	for (int i = 0; i < 60; i++)
		memcpy(a + 3 * i, "\xEF\xB7\xBA", 4);
	CU_ASSERT_EQUAL(compare(a, "田中太郎", NULL).verdict, NAME_UNCLEAR);
}

static void
bad_bytes_are_not_the_same(void)
{
	CU_ASSERT_EQUAL(
	    compare("田中\xFF郎", "田中太郎", NULL).verdict, NAME_UNCLEAR);
	CU_ASSERT_EQUAL(
	    compare("田中太郎\xE5", "田中太郎", NULL).verdict, NAME_DIFFERENT);
}

SUITE_MAIN("name", CASE(every_pair_of_the_table),
    CASE(each_verdict_and_reason_is_there), CASE(order_makes_no_difference),
    CASE(a_name_is_its_own), CASE(composition_makes_no_difference),
    CASE(tables_are_consistent), CASE(too_long_is_unclear),
    CASE(bad_bytes_are_not_the_same))
