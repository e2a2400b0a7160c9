/* One CUnit suite per test program; each case prints an ok / not ok line. */
#ifndef TESTS_LIB_SUITE_H
#define TESTS_LIB_SUITE_H

#include "base/err.h"

#include <CUnit/CUnit.h>
#include <stddef.h>

struct suite_case {
	const char *name;
	void (*run)(void);
};

#define CASE(fn)                                                               \
	{                                                                      \
#fn, fn                                                        \
	}
#define SUITE_MAIN(name, ...)                                                  \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		static const struct suite_case cases[] = {__VA_ARGS__};        \
		return suite_run(                                              \
		    name, cases, sizeof cases / sizeof *cases, argc, argv);    \
	}

/* Runs all cases (or those whose name contains argv[1]); exit status. */
int suite_run(const char *name, const struct suite_case *cases, size_t count,
    int argc, char **argv);

/* Marks the running case as skipped, visibly. */
void suite_skip(const char *why);

/* A private directory for this program, removed at exit; descriptor. */
int suite_dir(void);
const char *suite_dir_path(void);

/* A file of the samples named by $NATSUIN_SAMPLES, or NULL (skip then). */
const char *suite_sample(const char *relative);
/* A file of tests/data in the source tree. */
const char *suite_data(const char *relative);

/* Asserts that a call succeeded; prints the error when not. */
#define CHECK_OK(call, e)                                                      \
	do {                                                                   \
		int check_ok_result = (call);                                  \
		if (check_ok_result < 0)                                       \
			suite_print_err(__FILE__, __LINE__, (e));              \
		CU_ASSERT(check_ok_result >= 0);                               \
	} while (0)
/* Asserts that it failed with this code. */
#define CHECK_CODE(call, e, want)                                              \
	do {                                                                   \
		CU_ASSERT((call) < 0);                                         \
		CU_ASSERT_STRING_EQUAL((e)->code, want);                       \
	} while (0)

void suite_print_err(const char *file, int line, const struct err *e);

#endif
