/* The ID table. */
#include "signer/exam/ids.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

static void
define_and_refer(void)
{
	struct ids t = {0};
	struct slice name;
	unsigned line = 0;

	CU_ASSERT_FALSE(ids_defined(&t, "a"));
	CU_ASSERT_FALSE(ids_dangling(&t, &name, &line));
	CU_ASSERT_EQUAL(ids_refer(&t, slice_str("b"), 4), 0);
	CU_ASSERT_EQUAL(ids_refer(&t, slice_str("a"), 5), 0);
	CU_ASSERT(ids_dangling(&t, &name, &line));
	CU_ASSERT(slice_eq_str(name, "b"));
	CU_ASSERT_EQUAL(line, 4);
	CU_ASSERT_EQUAL(ids_define(&t, slice_str("\tb\n"), 6, &line), 0);
	CU_ASSERT(ids_dangling(&t, &name, &line));
	CU_ASSERT(slice_eq_str(name, "a"));
	CU_ASSERT_EQUAL(ids_define(&t, slice_str("a"), 7, &line), 0);
	CU_ASSERT_FALSE(ids_dangling(&t, &name, &line));
	CU_ASSERT_EQUAL(ids_define(&t, slice_str("b"), 8, &line), 1);
	CU_ASSERT_EQUAL(line, 6);
	CU_ASSERT(ids_defined(&t, "a"));
	CU_ASSERT_FALSE(ids_defined(&t, "A"));
	CU_ASSERT_EQUAL(ids_count(&t), 2);
	ids_free(&t);
}

static void
many(void)
{
	struct ids t = {0};
	struct slice name;
	char text[20];
	unsigned line;
	size_t at = 0, n = 0;

	for (unsigned i = 0; i < 50000; i++) {
		snprintf(text, sizeof text, "%c%u", i % 2 ? '_' : 'x', i);
		CU_ASSERT_EQUAL(
		    ids_define(&t, slice_str(text), i + 1, &line), 0);
	}
	for (unsigned i = 0; i < 50000; i += 1234) {
		snprintf(text, sizeof text, "%c%u", i % 2 ? '_' : 'x', i);
		CU_ASSERT_EQUAL(ids_define(&t, slice_str(text), 9, &line), 1);
		CU_ASSERT_EQUAL(line, i + 1);
	}
	while (ids_next(&t, "_", &at, &name))
		n++;
	CU_ASSERT_EQUAL(n, 25000);
	CU_ASSERT_EQUAL(ids_count(&t), 50000);
	ids_free(&t);
}

static void
empty_and_odd_names(void)
{
	struct ids t = {0};
	unsigned line;

	CU_ASSERT_EQUAL(ids_define(&t, slice_str(""), 1, &line), 0);
	CU_ASSERT_EQUAL(ids_define(&t, slice_str(" "), 2, &line), 1);
	CU_ASSERT_EQUAL(ids_define(&t, slice_of("a\0b", 3), 3, &line), 0);
	CU_ASSERT_EQUAL(ids_define(&t, slice_of("a\0c", 3), 4, &line), 0);
	CU_ASSERT_EQUAL(ids_define(&t, slice_str("\xE6\xA7\x8B"), 5, &line), 0);
	CU_ASSERT(ids_defined(&t, "\xE6\xA7\x8B"));
	ids_free(&t);
}

SUITE_MAIN(
    "exam/ids", CASE(define_and_refer), CASE(many), CASE(empty_and_odd_names))
