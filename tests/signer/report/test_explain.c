/* Every row has words in both languages, and unknown codes have some too. */
#include "base/i18n.h"
#include "signer/report/explain.h"
#include "tests/lib/catalogue.h"
#include "tests/lib/suite.h"

#include <string.h>

/* True when the text holds a character beyond ASCII. */
static bool
beyond_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return true;
	return false;
}

static void
rows_have_words_in_both_languages(void)
{
	const char *code;
	size_t i;

	catalogue_use("en");
	for (i = 0; (code = explain_code(i)) != NULL; i++) {
		CU_ASSERT(strlen(explain_what(code)) > 10);
		CU_ASSERT(strlen(explain_todo(code)) > 10);
	}
	CU_ASSERT(i > 0);
	/* That every row has its Japanese is proved by scripts/check-codes. */
	catalogue_use("ja");
	CU_ASSERT(beyond_ascii(explain_what("io-error")));
	CU_ASSERT(beyond_ascii(explain_todo("schema-missing")));
	catalogue_use("en");
}

static void
codes_are_unique_and_found(void)
{
	const char *code;

	for (size_t i = 0; (code = explain_code(i)) != NULL; i++) {
		CU_ASSERT(explain_known(code));
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(code, explain_code(j));
	}
}

static void
unknown_code_gets_general_words(void)
{
	const char *general = explain_what("no-such-code");

	CU_ASSERT(!explain_known("no-such-code"));
	CU_ASSERT(!explain_known(""));
	CU_ASSERT(!explain_known(NULL));
	CU_ASSERT(strlen(general) > 10);
	CU_ASSERT_STRING_EQUAL(general, explain_what(""));
	CU_ASSERT_STRING_EQUAL(general, explain_what(NULL));
	CU_ASSERT_STRING_NOT_EQUAL(general, explain_what("io-error"));
	CU_ASSERT(strlen(explain_todo(NULL)) > 10);
}

SUITE_MAIN("explain", CASE(rows_have_words_in_both_languages),
    CASE(codes_are_unique_and_found), CASE(unknown_code_gets_general_words))
