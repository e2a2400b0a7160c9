/*
 * Judging in tests, with settings small enough to run into.
 */
#include "tests/lib/verifylab.h"

#include "base/fsops.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verify_report report;
struct err error;

static void
forget(void)
{
	verify_report_free(&report);
}

int
verifylab_judge(const struct verify_profile *p, struct slice xml,
    const struct verify_member *members, size_t count, bool legacy)
{
	struct verify_request q = {.profile = p,
	    .document = {.fd = -1, .bytes = xml},
	    .part = members == NULL ? "" : "kousei.xml",
	    .members = members,
	    .member_count = count,
	    .allow_legacy = legacy,
	    .limits = {.full_verify_max = 1 << 20,
		.depth = 60,
		.attributes = 40,
		.namespaces = 20}};
	static bool known;

	if (!known)
		atexit(forget);
	known = true;
	verify_report_free(&report);
	error = (struct err){0};
	CHECK_OK(verify_init(&error), &error);
	return verify_document(&q, &report, &error);
}

bool
verifylab_whole(const struct verify_signature *s)
{
	return s->found.value_ok && s->found.references_ok &&
	       s->found.covers_filing && s->found.filing &&
	       s->found.problem[0] == '\0';
}

void
verifylab_expect(bool value, bool references, bool covers, const char *problem)
{
	const struct found_signature *f;

	CU_ASSERT_EQUAL_FATAL(report.count > 0, true);
	f = &report.signatures[0].found;
	if (strcmp(f->problem, problem) != 0)
		printf("# problem %s (%s), not %s\n", f->problem, f->detail,
		    problem);
	CU_ASSERT_STRING_EQUAL(f->problem, problem);
	CU_ASSERT_EQUAL(f->value_ok, value);
	CU_ASSERT_EQUAL(f->references_ok, references);
	CU_ASSERT_EQUAL(f->covers_filing, covers);
}

int
verifylab_sample(const char *name, const struct verify_profile *p,
    const struct verify_member *members, size_t count)
{
	const char *path = suite_sample(name);
	struct buf text = {0};
	int fd, rc;

	if (path == NULL) {
		suite_skip("NATSUIN_SAMPLES is not set");
		return -2;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_OK(fs_read_all(fd, 1 << 20, &text, &error), &error);
	rc = verifylab_judge(p, buf_view(&text), members, count, true);
	buf_free(&text);
	close(fd);
	return rc;
}
