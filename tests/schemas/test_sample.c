/* Made-up filings and tests/data: each is what it says it is. */
#include "schemas/sample.h"

#include "base/fsops.h"
#include "tests/lib/suite.h"
#include "tests/lib/xsdtree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT "1234567890123456"

/* Exit status of a shell command, its output thrown away. */
static int
shell(const char *command)
{
	char quiet[1500];
	int status;

	snprintf(quiet, sizeof quiet, "%s >/dev/null 2>&1", command);
	status = system(quiet);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* xmllint's exit status: 0 valid, 3 invalid, 1 not well-formed. */
static int
xmllint(const char *root, const char *path)
{
	char command[1300];

	snprintf(command, sizeof command,
	    "xmllint --huge --nonet --noout --schema '%s/%s' '%s'",
	    xsdtree_demo(), root, path);
	return shell(command);
}

static const char *
put(struct buf *b)
{
	static char path[200];
	struct err e = {0};
	int dir = suite_dir();

	CHECK_OK(fs_replace(dir, "sample.xml", buf_view(b), 0600, &e), &e);
	close(dir);
	snprintf(path, sizeof path, "%s/sample.xml", suite_dir_path());
	return path;
}

static void
sizes_are_kept_and_valid(void)
{
	static const size_t sizes[] = {0, 3000, 20480, 20481, 2097152};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int kind = 0; kind < 4; kind++) {
			struct sample s = {.number = 42,
			    .size = sizes[i],
			    .agent_id = kind & 1 ? AGENT : NULL,
			    .letter = kind & 1,
			    .attachment = kind & 2};
			struct buf b = {0};

			CU_ASSERT(sample_etax(&s, &b) == 0);
			CU_ASSERT(b.len >= sizes[i]);
			CU_ASSERT(sizes[i] == 0 || b.len < sizes[i] + 1200);
			CU_ASSERT_EQUAL(
			    xmllint("shohi/ZZZ0010-100.xsd", put(&b)), 0);
			buf_free(&b);
		}
	}
}

static void
a_number_is_a_filing(void)
{
	struct sample s = {.number = 1, .size = 5000};
	struct buf a = {0}, b = {0}, c = {0};
	char id[17], other[17];

	CU_ASSERT(sample_etax(&s, &a) == 0 && sample_etax(&s, &b) == 0);
	s.number = 2;
	CU_ASSERT(sample_etax(&s, &c) == 0);
	CU_ASSERT(slice_eq(buf_view(&a), buf_view(&b)));
	CU_ASSERT(!slice_eq(buf_view(&a), buf_view(&c)));
	sample_taxpayer_id(1, id);
	sample_taxpayer_id(4294967295U, other);
	CU_ASSERT_EQUAL(strlen(id), 16);
	CU_ASSERT_EQUAL(strlen(other), 16);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&a), id));
	CU_ASSERT_PTR_NULL(strstr(buf_cstr(&c), id));
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
}

static void
egov_index_names_every_file(void)
{
	for (int kind = 0; kind < 2; kind++) {
		struct sample s = {.number = 5, .size = 10000};
		struct buf main_file = {0};
		const char *name;

		CU_ASSERT(sample_egov_write(
			      (enum sample_egov)kind, 0, &s, &main_file) == 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(buf_cstr(&main_file));
		for (size_t i = 0;; i++) {
			struct buf b = {0};

			name = sample_egov_member((enum sample_egov)kind, i);
			if (name == NULL)
				break;
			CU_ASSERT(sample_egov_write(
				      (enum sample_egov)kind, i, &s, &b) == 0);
			if (strstr(name, ".xml") != NULL) {
				char command[300];

				snprintf(command, sizeof command,
				    "xmllint --noout '%s'", put(&b));
				CU_ASSERT_EQUAL(shell(command), 0);
			}
			if (i > 0)
				CU_ASSERT_PTR_NOT_NULL(
				    strstr((char *)main_file.p, name));
			buf_free(&b);
		}
		buf_free(&main_file);
	}
	CU_ASSERT(sample_egov_write(SAMPLE_EGOV_STANDARD, 99,
		      &(struct sample){0}, &(struct buf){0}) < 0);
}

static void
data_files_are_what_they_say(void)
{
	static const struct {
		const char *name;
		int verdict;
	} files[] = {
	    {"etax/valid.xtx", 0},
	    {"etax/bom-crlf.xtx", 0},
	    {"etax/cdata-references.xtx", 0},
	    {"etax/signed-elsewhere.xtx", 0},
	    {"etax/bad-tampered.xtx", 0},
	    {"etax/bad-doctype.xtx", 0},
	    {"etax/bad-idref.xtx", 0},
	    {"etax/bad-duplicate-id.xtx", 3},
	    {"etax/bad-schema.xtx", 3},
	    {"etax/bad-version.xtx", 3},
	    {"etax/bad-not-xml.xtx", 1},
	    {"etax/bad-truncated.xtx", 1},
	};
	char command[700];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int got =
		    xmllint("shohi/ZZZ0010-100.xsd", suite_data(files[i].name));

		if (got != files[i].verdict)
			printf("# %s: %d\n", files[i].name, got);
		CU_ASSERT_EQUAL(got, files[i].verdict);
	}
	CU_ASSERT_EQUAL(
	    xmllint("kyotsu/ZZG010-001.xsd", suite_data("etax/form-root.xml")),
	    0);
	for (int bad = 0; bad < 2; bad++) {
		snprintf(command, sizeof command,
		    "xmlsec1 --verify --insecure --id-attr:id ZZZ0010 '%s'",
		    suite_data(bad ? "etax/bad-tampered.xtx"
				   : "etax/signed-elsewhere.xtx"));
		CU_ASSERT_EQUAL(shell(command) == 0, !bad);
	}
}

/* tests/data is made from the samples; a changed sample wants it made anew. */
static void
data_files_are_the_samples(void)
{
	struct sample s = {
	    .number = 7, .size = 1, .agent_id = AGENT, .letter = true};
	struct buf want = {0}, got = {0};
	struct err e = {0};

	CU_ASSERT(sample_etax(&s, &want) == 0);
	CHECK_OK(xsdtree_file(suite_data("etax/valid.xtx"), &got, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&want), buf_view(&got)));
	buf_reset(&want);
	buf_reset(&got);
	CU_ASSERT(sample_egov_write(SAMPLE_EGOV_STANDARD, 0, &s, &want) == 0);
	CHECK_OK(
	    xsdtree_file(suite_data("egov/standard/kousei.xml"), &got, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&want), buf_view(&got)));
	buf_free(&want);
	buf_free(&got);
}

SUITE_MAIN("sample", CASE(sizes_are_kept_and_valid), CASE(a_number_is_a_filing),
    CASE(egov_index_names_every_file), CASE(data_files_are_what_they_say),
    CASE(data_files_are_the_samples))
