/* Importing XSD folders: what is found, what is refused, and in the box. */
#include "schemas/import.h"

#include "base/fsops.h"
#include "base/log.h"
#include "schemas/bundle.h"
#include "schemas/validate.h"
#include "signer/exam/sandbox.h"
#include "tests/lib/suite.h"
#include "tests/lib/xsdtree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#define SCHEMA                                                                 \
	"<s:schema xmlns:s='http://www.w3.org/2001/XMLSchema' xmlns='urn:t' "  \
	"targetNamespace='urn:t'>"
#define FORM(name, versions)                                                   \
	"<s:element name='" name "'><s:complexType><s:attribute name='VR'>"    \
	"<s:simpleType><s:restriction base='s:string'>" versions               \
	"</s:restriction></s:simpleType></s:attribute></s:complexType>"        \
	"</s:element></s:schema>"
#define VERSION(v) "<s:enumeration value='" v "'/>"

static void
add(struct archive *a, const char *name, const char *text)
{
	struct err e = {0};

	CHECK_OK(archive_add(a, name, slice_str(text), &e), &e);
}

static size_t
bundles(const struct archive *out)
{
	size_t n = 0;

	for (size_t i = 0; i < out->count; i++)
		n += strcmp(out->files[i].name, IMPORT_BUNDLE) == 0;
	return n;
}

/* A note with all of these words. */
static bool
noted(struct archive *out, const char *file, const char *what)
{
	for (size_t i = 0; i < out->count; i++) {
		const char *text = buf_cstr(&out->files[i].bytes);

		if (strcmp(out->files[i].name, IMPORT_NOTE) == 0 &&
		    strncmp(text, file, strlen(file)) == 0 &&
		    strstr(text, what) != NULL)
			return true;
	}
	for (size_t i = 0; i < out->count; i++)
		printf("# %s %.80s\n", out->files[i].name,
		    buf_cstr(&out->files[i].bytes));
	return false;
}

static void
import(struct archive *in, struct archive *out)
{
	struct err e = {0};

	*out = (struct archive){0};
	CHECK_OK(schema_import(in, out, &e), &e);
	archive_free(in);
}

static void
own_schemas_become_bundles(void)
{
	struct archive in = {0}, out;
	struct err e = {0};

	CHECK_OK(xsdtree_read(xsdtree_demo(), &in, &e), &e);
	import(&in, &out);
	CU_ASSERT_EQUAL(bundles(&out), 3);
	CU_ASSERT_EQUAL(out.count, 3);
	archive_free(&out);
}

/* Only what a filing needs is in its bundle, under names from the folder
 * that they share; the order of the files does not matter. */
static void
bundle_has_what_it_needs(void)
{
	struct archive in = {0}, out;
	struct bundle b = {0};
	struct err e = {0};

	add(&in, "表/xsd/unused.xsd", SCHEMA "</s:schema>");
	add(&in, "表/xsd/a/root.xsd",
	    SCHEMA "<s:include schemaLocation='../b/./two.xsd'/>" FORM(
		"F010", VERSION("1.0") VERSION("1.1")));
	add(&in, "表/xsd/b/three.xsd",
	    SCHEMA "<s:include schemaLocation='two.xsd'/></s:schema>");
	add(&in, "表/xsd/b/two.xsd",
	    SCHEMA "<s:include schemaLocation='three.xsd'/></s:schema>");
	import(&in, &out);
	CU_ASSERT_EQUAL_FATAL(bundles(&out), 2);
	CHECK_OK(bundle_parse(buf_view(&out.files[0].bytes), &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b.procedure, "F010");
	CU_ASSERT_STRING_EQUAL(b.version, "1.0");
	CU_ASSERT_EQUAL(b.count, 3);
	CU_ASSERT_STRING_EQUAL(b.files[b.root].name, "a/root.xsd");
	CU_ASSERT_PTR_NOT_NULL(bundle_find(&b, "b/three.xsd"));
	CU_ASSERT(noted(&out, "表/xsd/unused.xsd: ", "no procedure"));
	bundle_free(&b);
	archive_free(&out);
}

static void
faults_are_noted(void)
{
	struct archive in = {0}, out;

	add(&in, "1.xsd", "<s:schema");
	add(&in, "2.xsd",
	    "<!DOCTYPE s:schema [<!ENTITY a 'aaaaaaaaaa'>]>" SCHEMA FORM(
		"F2", VERSION("1")));
	add(&in, "3.xsd", "<html/>");
	add(&in, "4.xsd",
	    SCHEMA
	    "<s:include schemaLocation='none.xsd'/>" FORM("F4", VERSION("1")));
	add(&in, "5.xsd",
	    SCHEMA
	    "<s:include schemaLocation='1.xsd'/>" FORM("F5", VERSION("1")));
	add(&in, "6.xsd",
	    SCHEMA
	    "<s:element name='x' type='missing'/>" FORM("F6", VERSION("1")));
	add(&in, "7.xsd", SCHEMA FORM("F7", VERSION("../../x")));
	add(&in, "../8.xsd", SCHEMA FORM("F8", VERSION("1")));
	add(&in, "good.xsd", SCHEMA FORM("F9", VERSION("1")));
	add(&in, "good2.xsd", SCHEMA FORM("F9", VERSION("1") VERSION("1")));
	import(&in, &out);
	CU_ASSERT_EQUAL(bundles(&out), 1);
	CU_ASSERT(noted(&out, "1.xsd: ", "well-formed"));
	CU_ASSERT(noted(&out, "2.xsd: ", "DOCTYPE"));
	CU_ASSERT(noted(&out, "3.xsd: ", "not an XML schema"));
	CU_ASSERT(noted(&out, "4.xsd: ", "none.xsd, which is not here"));
	CU_ASSERT(noted(&out, "5.xsd: ", "1.xsd, which is not here"));
	CU_ASSERT(noted(&out, "6.xsd: ", "does not compile"));
	CU_ASSERT(noted(&out, "7.xsd: ", "no procedure"));
	CU_ASSERT(noted(&out, "../8.xsd: ", "cannot be used"));
	CU_ASSERT(noted(&out, "good2.xsd: ", "another file defines F9 1"));
	archive_free(&out);
}

/* Names that lead to the machine or the network lead nowhere. */
static void
includes_stay_inside(void)
{
	static const char *const out_names[] = {"/etc/passwd",
	    "file:///etc/passwd", "http://127.0.0.1:9/x.xsd",
	    "../../../../etc/passwd", "\\\\host\\x.xsd"};
	char text[600];

	for (size_t i = 0; i < sizeof out_names / sizeof *out_names; i++) {
		struct archive in = {0}, out;

		snprintf(text, sizeof text,
		    SCHEMA "<s:import namespace='urn:x' "
			   "schemaLocation='%s'/>" FORM("F1", VERSION("1")),
		    out_names[i]);
		add(&in, "a/root.xsd", text);
		import(&in, &out);
		CU_ASSERT_EQUAL(bundles(&out), 0);
		CU_ASSERT(noted(&out, "a/root.xsd: ", "which is not here"));
		archive_free(&out);
	}
}

/* A bundle made by other hands names what it does not have. */
static void
compiling_serves_only_the_bundle(void)
{
	struct bundle_file files[] = {{"r.xsd",
	    slice_str(SCHEMA "<s:include schemaLocation='/etc/hostname'/>" FORM(
		"F1", VERSION("1")))}};
	struct buf bytes = {0};
	struct bundle b = {0};
	struct err e = {0};

	CHECK_OK(bundle_write("F1", "1", "r.xsd", files, 1, &bytes, &e), &e);
	CHECK_OK(bundle_parse(buf_view(&bytes), &b, &e), &e);
	CU_ASSERT_PTR_NULL(schema_compile_bundle(&b, &e));
	CU_ASSERT_STRING_EQUAL(e.code, "schema-compile");
	bundle_free(&b);
	buf_free(&bytes);
}

static void
zip_archives(void)
{
	struct archive a = {0};
	struct buf bytes = {0};
	struct err e = {0};
	char path[200];
	zip_t *z;

	snprintf(path, sizeof path, "%s/a.zip", suite_dir_path());
	z = zip_open(path, ZIP_CREATE, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(z);
	zip_file_add(z, "d/one.xsd", zip_source_buffer(z, "<one/>", 6, 0), 0);
	zip_file_add(z, "d/two.XSD", zip_source_buffer(z, "", 0, 0), 0);
	zip_file_add(z, "d/read.me", zip_source_buffer(z, "x", 1, 0), 0);
	CU_ASSERT(zip_close(z) == 0);
	CHECK_OK(xsdtree_file(path, &bytes, &e), &e);
	CHECK_OK(archive_add_zip(&a, buf_view(&bytes), &e), &e);
	CU_ASSERT_EQUAL_FATAL(a.count, 2);
	CU_ASSERT_STRING_EQUAL(a.files[0].name, "d/one.xsd");
	CU_ASSERT(slice_eq_str(buf_view(&a.files[0].bytes), "<one/>"));
	archive_free(&a);
	for (size_t n = 1; n < bytes.len; n += 7)
		CU_ASSERT(archive_add_zip(&a, slice_of(bytes.p, n), &e) < 0);
	archive_free(&a);
	buf_free(&bytes);
}

static void
archives_travel_through_a_descriptor(void)
{
	struct archive a = {0}, b = {0};
	struct err e = {0};
	int fd = fs_memfd("a", &e);

	add(&a, "", "");
	add(&a, "x/y", "bytes");
	CHECK_OK(archive_write(&a, fd, &e), &e);
	CHECK_OK(archive_read(&b, fd, &e), &e);
	CU_ASSERT_EQUAL_FATAL(b.count, 2);
	CU_ASSERT_STRING_EQUAL(b.files[1].name, "x/y");
	CU_ASSERT(slice_eq_str(buf_view(&b.files[1].bytes), "bytes"));
	archive_free(&b);
	CHECK_OK(fs_write(fd, slice_str("x"), &e), &e);
	CHECK_CODE(archive_read(&b, fd, &e), &e, "schema-import-answer");
	archive_free(&a);
	archive_free(&b);
	close(fd);
}

/* In a box: import and compile; what the box refused goes to the pipe. */
static void
boxed(int log_fd, const struct archive *in, int bundle)
{
	const struct sandbox_limits limits = {.memory = UINT64_C(1) << 30};
	const int keep[] = {log_fd, bundle};
	struct archive out = {0};
	struct err e = {0};
	struct schema *s;

	log_open(log_fd, LOG_LEVEL_INFO, "test");
	if (sandbox_prepare(&e) != 0 || sandbox_keep_only(keep, 2, &e) != 0 ||
	    sandbox_enter(&limits, &e) != 0)
		_exit(10);
	if (schema_import(in, &out, &e) != 0 || bundles(&out) != 4)
		_exit(11);
	s = schema_compile(bundle, &e);
	if (s == NULL)
		_exit(12);
	schema_free(s);
	_exit(0);
}

static void
works_in_the_box_unnoticed(void)
{
	int bundle, status = 0, ends[2];
	struct archive in = {0};
	struct err e = {0};
	char text[4096];
	ssize_t n;
	pid_t pid;

	CHECK_OK(xsdtree_read(xsdtree_demo(), &in, &e), &e);
	/* As agencies have written them, too: a comment in Shift_JIS. */
	add(&in, "sjis.xsd",
	    "<?xml version='1.0' encoding='Shift_JIS'?>" SCHEMA
	    "<!-- \x90\x5C\x8D\x90 -->" FORM("F010", VERSION("1.0")));
	bundle = xsdtree_bundle(xsdtree_demo(), "ZZZ0010", "1.0.0", &e);
	CU_ASSERT_FATAL(bundle >= 0 && pipe(ends) == 0);
	pid = fork();
	if (pid == 0)
		boxed(ends[1], &in, bundle);
	close(ends[1]);
	n = read(ends[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	if (n != 0)
		printf("# %s\n", text);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT(waitpid(pid, &status, 0) == pid);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	close(ends[0]);
	close(bundle);
	archive_free(&in);
}

static void
nta_schemas_become_bundles(void)
{
	const char *path = suite_sample("schemas/etax");
	struct archive in = {0}, out;
	struct err e = {0};

	if (path == NULL) {
		suite_skip("NATSUIN_SAMPLES is not set");
		return;
	}
	CHECK_OK(xsdtree_read(path, &in, &e), &e);
	CU_ASSERT_EQUAL(in.count, 63);
	import(&in, &out);
	CU_ASSERT_EQUAL(bundles(&out), 30);
	CU_ASSERT_EQUAL(out.count, 35);
	CU_ASSERT(noted(&out, "shotoku/KOA020-023.xsd: ", "no procedure"));
	archive_free(&out);
	for (int i = 0; i < 2; i++) {
		int fd = xsdtree_bundle(suite_sample("schemas/etax"),
		    i == 0 ? "RSH0010" : "RSH0030", "23.2.0", &e);

		CU_ASSERT(fd >= 0);
		close(fd);
	}
}

SUITE_MAIN("import", CASE(own_schemas_become_bundles),
    CASE(bundle_has_what_it_needs), CASE(faults_are_noted),
    CASE(includes_stay_inside), CASE(compiling_serves_only_the_bundle),
    CASE(zip_archives), CASE(archives_travel_through_a_descriptor),
    CASE(works_in_the_box_unnoticed), CASE(nta_schemas_become_bundles))
