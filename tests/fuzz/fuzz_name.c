/*
 * Any bytes as two names and the second one's flags, a line each.  The order
 * makes no difference, a name is its own, a reason is given when and only when
 * there is none to decide by, and what is shown is UTF-8.  With clang -DFUZZ
 * -fsanitize=fuzzer a libFuzzer target; without, see mutate.h.
 */
#include "signer/cert/name.h"
#include "tests/fuzz/mutate.h"

#include "base/text.h"

#define LINE_MAX_BYTES 3000

static void
require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not ok fuzz_name: %s\n", what);
	abort();
}

/* The next line as a text of its own. */
static const uint8_t *
line(const uint8_t *at, const uint8_t *end, char out[LINE_MAX_BYTES])
{
	size_t n = 0;

	while (at < end && *at != '\n' && *at != '\0' && n + 1 < LINE_MAX_BYTES)
		out[n++] = (char)*at++;
	out[n] = '\0';
	return at < end ? at + 1 : at;
}

static void
look(const struct name_result *r)
{
	require(r->verdict <= NAME_NONE, "verdict");
	require((r->verdict == NAME_UNCLEAR) == (r->why[0] != '\0'), "why");
	require(memchr(r->how, '\0', sizeof r->how) != NULL, "end of how");
	require(text_is_utf8(slice_str(r->how)), "how is UTF-8");
}

static void
look_at_itself(const struct name_text *name)
{
	struct name_result r;

	name_compare(name, name, &r);
	require(r.verdict == NAME_SAME || r.verdict == NAME_NONE ||
		    strcmp(r.why, "long") == 0,
	    "a name is its own");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char a[LINE_MAX_BYTES], b[LINE_MAX_BYTES], f[LINE_MAX_BYTES];
	const uint8_t *at = data, *end = data + size;
	struct name_text x = {a, NULL}, y = {b, f};
	struct name_result one, two;

	at = line(at, end, a);
	at = line(at, end, b);
	line(at, end, f);
	name_compare(&x, &y, &one);
	name_compare(&y, &x, &two);
	look(&one);
	look(&two);
	require(one.verdict == two.verdict, "order and verdict");
	require(strcmp(one.why, two.why) == 0, "order and why");
	look_at_itself(&x);
	look_at_itself(&y);
	return 0;
}

#ifndef FUZZ
int
main(int argc, char **argv)
{
	static const char *const texts[] = {
	    "髙橋　一郎\n高橋一郎\n",
	    "渡邊一郎\n渡鍋一郎\n0100",
	    "税理士法人あおば　税理士　田中太郎\n田中　太郎\n",
	    "㈱見本商事\n見本商事(株)\n",
	    "鈴木花子\n田中［鈴木］　花子\n",
	    "Ōno, Tarō\nOHNO TAROU\n",
	    "ﾊﾞﾊﾞ々ヶ\n葛󠄀ー-\n1111",
	    "公認会計士・税理士 佐々木(株)\n有限会社[]〓?\n010",
	};
	struct fuzz_seed seeds[sizeof texts / sizeof *texts];
	const unsigned count = sizeof texts / sizeof *texts;

	if (argc > 1)
		return mutate_files(argc, argv);
	for (unsigned i = 0; i < count; i++)
		seeds[i] = (struct fuzz_seed){texts[i], strlen(texts[i])};
	mutate_run(seeds, count, 40000);
	printf("ok fuzz_name/mutations\n");
	return 0;
}
#endif
