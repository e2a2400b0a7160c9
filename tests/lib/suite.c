/*
 * The small frame around CUnit: one line per case ("ok suite/case",
 * "not ok …", "skip …"), which scripts/run-tests counts.
 */
#include "tests/lib/suite.h"

#include "base/fsops.h"

#include <CUnit/TestRun.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *skip_reason;
static char dir_path[64];

static void
remove_dir(void)
{
	struct err e;

	if (dir_path[0] != '\0')
		fs_remove_tree(AT_FDCWD, dir_path, &e);
}

const char *
suite_dir_path(void)
{
	if (dir_path[0] == '\0') {
		snprintf(dir_path, sizeof dir_path, "/tmp/natsuin-test.XXXXXX");
		if (mkdtemp(dir_path) == NULL) {
			perror("mkdtemp");
			exit(2);
		}
		atexit(remove_dir);
	}
	return dir_path;
}

int
suite_dir(void)
{
	return open(suite_dir_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

const char *
suite_sample(const char *relative)
{
	static char path[512];
	const char *base = getenv("NATSUIN_SAMPLES");

	if (base == NULL || *base == '\0')
		return NULL;
	snprintf(path, sizeof path, "%s/%s", base, relative);
	return access(path, R_OK) == 0 ? path : NULL;
}

const char *
suite_data(const char *relative)
{
	static char path[512];
	const char *base = getenv("NATSUIN_TEST_DATA");

	snprintf(path, sizeof path, "%s/%s", base == NULL ? "tests/data" : base,
	    relative);
	return path;
}

void
suite_skip(const char *why)
{
	skip_reason = why;
}

void
suite_print_err(const char *file, int line, const struct err *e)
{
	char text[800];

	fprintf(stderr, "%s:%d: %s\n", file, line,
	    err_format(e, text, sizeof text));
}

static int
run_case(const char *suite, CU_pSuite s, const struct suite_case *c)
{
	CU_pTest test = CU_add_test(s, c->name, c->run);
	CU_pFailureRecord f;
	unsigned failures;

	skip_reason = NULL;
	if (test == NULL || CU_run_test(s, test) != CUE_SUCCESS) {
		printf("not ok %s/%s: cannot run\n", suite, c->name);
		return 1;
	}
	failures = CU_get_number_of_failures();
	for (f = CU_get_failure_list(); f != NULL; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber,
		    f->strCondition);
	if (failures != 0)
		printf("not ok %s/%s\n", suite, c->name);
	else if (skip_reason != NULL)
		printf("skip %s/%s: %s\n", suite, c->name, skip_reason);
	else
		printf("ok %s/%s\n", suite, c->name);
	fflush(stdout);
	return failures != 0;
}

int
suite_run(const char *name, const struct suite_case *cases, size_t count,
    int argc, char **argv)
{
	CU_pSuite s;
	int failed = 0;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	s = CU_add_suite(name, NULL, NULL);
	for (size_t i = 0; i < count; i++) {
		if (argc > 1 && strstr(cases[i].name, argv[1]) == NULL)
			continue;
		failed += run_case(name, s, &cases[i]);
	}
	CU_cleanup_registry();
	return failed == 0 ? 0 : 1;
}
