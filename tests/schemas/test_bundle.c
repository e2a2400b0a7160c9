/* Bundles and their folder: what is written is read, nothing else is. */
#include "schemas/bundle.h"

#include "base/fsops.h"
#include "schemas/store.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
make(struct buf *out, const char *procedure, const char *version)
{
	struct bundle_file files[] = {
	    {"shohi/root.xsd", slice_str("<root/>")},
	    {"general/General.xsd", slice_str("<general>\n</general>")},
	    {"shohi/empty.xsd", slice_str("")},
	};
	struct err e = {0};

	CHECK_OK(bundle_write(
		     procedure, version, "shohi/root.xsd", files, 3, out, &e),
	    &e);
}

static void
what_is_written_is_read(void)
{
	struct buf bytes = {0};
	struct bundle b = {0};
	struct err e = {0};

	make(&bytes, "ZZZ0010", "1.0.0");
	CHECK_OK(bundle_parse(buf_view(&bytes), &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b.procedure, "ZZZ0010");
	CU_ASSERT_STRING_EQUAL(b.version, "1.0.0");
	CU_ASSERT_EQUAL(b.count, 3);
	CU_ASSERT_STRING_EQUAL(b.files[b.root].name, "shohi/root.xsd");
	CU_ASSERT(slice_eq_str(b.files[b.root].bytes, "<root/>"));
	CU_ASSERT_EQUAL(bundle_find(&b, "shohi/empty.xsd")->bytes.len, 0);
	CU_ASSERT_PTR_NULL(bundle_find(&b, "root.xsd"));
	CU_ASSERT_STRING_EQUAL(b.sha256,
	    "852ef1180f1f0177ebc70e040f2ce5e9dd4ff5583211db87b43f59b4eb3674a4");
	bundle_free(&b);
	buf_free(&bytes);
}

/* Every prefix, and every byte of the head changed, is refused or read as
 * itself; never more than that. */
static void
damage_is_noticed(void)
{
	struct buf bytes = {0};
	struct bundle b = {0};
	struct err e = {0};
	size_t head;

	make(&bytes, "ZZZ0010", "1.0.0");
	for (size_t n = 0; n < bytes.len; n++) {
		CU_ASSERT(bundle_parse(slice_of(bytes.p, n), &b, &e) < 0);
		CU_ASSERT_STRING_EQUAL(e.code, "schema-bundle-bad");
	}
	CU_ASSERT(buf_putc(&bytes, 'x') == 0);
	CHECK_CODE(
	    bundle_parse(buf_view(&bytes), &b, &e), &e, "schema-bundle-bad");
	bytes.len--;
	head = bytes.len - strlen("<root/><general>\n</general>");
	for (size_t i = 0; i < head; i++) {
		uint8_t was = bytes.p[i];

		for (int c = 0; c < 256; c += 5) {
			bytes.p[i] = (uint8_t)c;
			if (bundle_parse(buf_view(&bytes), &b, &e) == 0)
				bundle_free(&b);
		}
		bytes.p[i] = '\n';
		CU_ASSERT(
		    was == '\n' || bundle_parse(buf_view(&bytes), &b, &e) < 0);
		bytes.p[i] = was;
	}
	buf_free(&bytes);
}

static void
heads_that_lie(void)
{
	static const char *const heads[] = {
	    "natsuin-schema-bundle 2\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 1\n1 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure ../A\nversion 1\nroot a.xsd\n"
	    "files 1\n1 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot b.xsd\n"
	    "files 1\n1 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 0\n\n",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 99999999999999999999\n1 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 2\n1 b.xsd\n1 a.xsd\n\nxx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 2\n1 a.xsd\n1 a.xsd\n\nxx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 1\n-1 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 1\n18446744073709551615 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot ../a.xsd\n"
	    "files 1\n1 ../a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot /a.xsd\n"
	    "files 1\n1 /a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 1\n2 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 01\n1 a.xsd\n\nx",
	    "natsuin-schema-bundle 1\nprocedure A\nversion 1\nroot a.xsd\n"
	    "files 1\n01 a.xsd\n\nx",
	};
	struct bundle b = {0};
	struct err e = {0};

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		CHECK_CODE(bundle_parse(slice_str(heads[i]), &b, &e), &e,
		    "schema-bundle-bad");
	CHECK_OK(bundle_parse(slice_str("natsuin-schema-bundle 1\nprocedure A\n"
					"version 1\nroot a.xsd\nfiles 1\n"
					"1 a.xsd\n\nx"),
		     &b, &e),
	    &e);
	bundle_free(&b);
}

static void
writing_has_bounds(void)
{
	struct bundle_file twice[] = {
	    {"a.xsd", slice_str("x")}, {"a.xsd", slice_str("y")}};
	struct bundle_file out[] = {{"../a.xsd", slice_str("x")}};
	struct buf bytes = {0};
	struct err e = {0};

	CHECK_CODE(bundle_write("A", "1", "a.xsd", twice, 2, &bytes, &e), &e,
	    "schema-bundle-bad");
	CHECK_CODE(bundle_write("A", "1", "../a.xsd", out, 1, &bytes, &e), &e,
	    "schema-bundle-bad");
	CHECK_CODE(bundle_write("A", "1", "b.xsd", twice, 1, &bytes, &e), &e,
	    "schema-bundle-bad");
	CHECK_CODE(bundle_write("A-B", "1", "a.xsd", twice, 1, &bytes, &e), &e,
	    "schema-bundle-bad");
	CU_ASSERT(!bundle_name_ok("") && !bundle_name_ok(".") &&
		  !bundle_name_ok("a/b") && !bundle_name_ok("税") &&
		  !bundle_name_ok("aaaaaaaaaaaaaaaaaaaaaaaa"));
	CU_ASSERT(bundle_name_ok("23.2.0") && bundle_name_ok("RSH0010"));
	CU_ASSERT(!bundle_path_ok("a//b") && !bundle_path_ok("a/") &&
		  !bundle_path_ok("a/../b") && bundle_path_ok("a/b-c.xsd"));
	buf_free(&bytes);
}

static struct schema_store *
open_store(const char *name)
{
	char path[200];
	struct err e = {0};
	struct schema_store *s;

	snprintf(path, sizeof path, "%s/%s", suite_dir_path(), name);
	s = schema_store_open(path, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static void
store_finds_what_was_put(void)
{
	struct schema_store *s = open_store("schemas");
	struct schema_entry *list;
	struct buf bytes = {0}, other = {0}, back = {0};
	char first[65], second[65], again[65];
	struct err e = {0};
	size_t n;
	int fd;

	CHECK_CODE(schema_store_find(s, "ZZZ0010", "1.0.0", first, &e), &e,
	    "schema-missing");
	CU_ASSERT_EQUAL(e.errnum, ENOENT);
	CU_ASSERT_EQUAL(e.class, ERR_INPUT);
	CU_ASSERT(schema_store_list(s, &list, &n, &e) == 0 && n == 0);
	make(&bytes, "ZZZ0010", "1.0.0");
	make(&other, "ZZZ0010", "1.0.1");
	CU_ASSERT_EQUAL(
	    schema_store_put(s, "ZZZ0010", "1.0.0", buf_view(&bytes), &e), 1);
	CU_ASSERT_EQUAL(
	    schema_store_put(s, "ZZZ0010", "1.0.0", buf_view(&bytes), &e), 0);
	fd = schema_store_find(s, "ZZZ0010", "1.0.0", first, &e);
	CU_ASSERT_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 20, &back, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&bytes), buf_view(&back)));
	close(fd);
	/* The hash follows the content, also once it has been remembered. */
	fd = schema_store_find(s, "ZZZ0010", "1.0.0", again, &e);
	close(fd);
	CU_ASSERT_STRING_EQUAL(first, again);
	CU_ASSERT_EQUAL(
	    schema_store_put(s, "ZZZ0010", "1.0.0", buf_view(&other), &e), 2);
	fd = schema_store_find(s, "ZZZ0010", "1.0.0", second, &e);
	close(fd);
	CU_ASSERT_STRING_NOT_EQUAL(first, second);
	CU_ASSERT_EQUAL(
	    schema_store_put(s, "AAA0010", "2.0", buf_view(&bytes), &e), 1);
	CHECK_OK(schema_store_list(s, &list, &n, &e), &e);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_STRING_EQUAL(list[0].procedure, "AAA0010");
	CU_ASSERT_STRING_EQUAL(list[1].version, "1.0.0");
	CU_ASSERT_STRING_EQUAL(list[1].sha256, second);
	CU_ASSERT_EQUAL(list[1].size, other.len);
	free(list);
	schema_store_close(s);
	buf_free(&bytes);
	buf_free(&other);
	buf_free(&back);
}

/* Procedure and version come from the filing. */
static void
names_from_a_filing_stay_names(void)
{
	static const char *const bad[] = {"../state/natsuin", "a/b", "", ".",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "税",
	    "A\n"};
	struct schema_store *s = open_store("names");
	struct err e = {0};
	char hash[65];
	int dir = suite_dir();

	CHECK_OK(fs_mkdir(dir, "names", 0700, &e), &e);
	CHECK_OK(
	    fs_replace(dir, "x-1.0.bundle", slice_str("secret"), 0600, &e), &e);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_CODE(schema_store_find(s, bad[i], "1.0", hash, &e), &e,
		    "schema-missing");
		CHECK_CODE(schema_store_find(s, "A", bad[i], hash, &e), &e,
		    "schema-missing");
		CU_ASSERT(
		    schema_store_put(s, bad[i], "1.0", slice_str("x"), &e) < 0);
	}
	CHECK_CODE(schema_store_find(s, "../x", "1.0", hash, &e), &e,
	    "schema-missing");
	/* A link out of the folder is not followed. */
	CU_ASSERT(symlinkat("../x-1.0.bundle", dir, "names/L-1.0.bundle") == 0);
	CU_ASSERT(schema_store_find(s, "L", "1.0", hash, &e) < 0);
	close(dir);
	schema_store_close(s);
}

SUITE_MAIN("bundle", CASE(what_is_written_is_read), CASE(damage_is_noticed),
    CASE(heads_that_lie), CASE(writing_has_bounds),
    CASE(store_finds_what_was_put), CASE(names_from_a_filing_stay_names))
