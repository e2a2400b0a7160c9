/*
 * Memory that runs out at the k-th allocation, for every k: reading and
 * building an e-Tax filing ends with "out-of-memory" or succeeds, and leaks
 * nothing.  The Makefile links this program with the allocator wrapped.
 */
#include "base/fsops.h"
#include "schemas/sample.h"
#include "signer/exam/format_rows.h"
#include "tests/lib/examlab.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

static long countdown; /* 0: never fails */
static bool failed;

static bool
fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static struct exam_options options;
static struct examlab drop, output;

static void
ended_well(int result, const struct err *e, long k)
{
	CU_ASSERT(result == 0 || strcmp(e->code, "out-of-memory") == 0);
	if (result != 0 && strcmp(e->code, "out-of-memory") != 0)
		printf("# allocation %ld: %s %s\n", k, e->code, e->detail);
}

/* A filing with one signature of the tests' first key. */
static void
signed_filing(void)
{
	struct sample s = {
	    .number = 7, .agent_id = "1111111111111111", .letter = true};
	struct findings f = {0};
	struct err e = {0};
	struct buf b = {0};

	CU_ASSERT_EQUAL_FATAL(sample_etax(&s, &b), 0);
	examlab_options(&options, 2);
	examlab_open(&drop, "a.xtx", buf_view(&b));
	CHECK_OK(format_etax.examine(&drop.drop, &options, &f, &e), &e);
	CHECK_OK(examlab_build(&format_etax, &drop, &f, 1, 1, &output, &e), &e);
	examlab_schemas(&options, NULL); /* the pass alone is meant here */
	findings_free(&f);
	buf_free(&b);
}

static void
examine_at_each(void)
{
	long k = 0;

	signed_filing();
	do {
		struct findings f = {0};
		struct err e = {0};
		int result;

		failed = false;
		countdown = ++k;
		result = format_etax.examine(&output.drop, &options, &f, &e);
		countdown = 0;
		ended_well(result, &e, k);
		findings_free(&f);
	} while (failed && k < 100000);
	printf("# %ld allocations\n", k - 1);
	CU_ASSERT(k > 50);
	examlab_close(&drop);
	examlab_close(&output);
}

static void
build_at_each(void)
{
	struct new_signature sig = {.id = "_1"};
	struct findings f = {0};
	struct buf value = {0};
	struct err e = {0};
	struct slice plan;
	long k = 0;

	signed_filing();
	CHECK_OK(format_etax.examine(&drop.drop, &options, &f, &e), &e);
	examlab_sign(0, buf_view(&f.parts[0].signed_info), &value);
	sig.value = buf_view(&value);
	sig.certificate = examlab_certificate(0);
	plan = buf_view(&f.parts[0].plan);
	do {
		int out = fs_memfd("out", &e), result;
		struct built b;

		failed = false;
		countdown = ++k;
		result = format_etax.build(
		    &drop.drop, &options, &plan, 1, &sig, 1, 0, out, &b, &e);
		countdown = 0;
		ended_well(result, &e, k);
		close(out);
	} while (failed && k < 100000);
	CU_ASSERT(k > 5);
	findings_free(&f);
	buf_free(&value);
	examlab_close(&drop);
	examlab_close(&output);
}

SUITE_MAIN("exam/nomem", CASE(examine_at_each), CASE(build_at_each))
