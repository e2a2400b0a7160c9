/* What an e-Gov drop must be, and what is said when it is not. */
#include "signer/exam/egov.h"
#include "signer/exam/egov_name.h"
#include "tests/lib/egovlab.h"
#include "tests/lib/rawzip.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "999A010200001000"

static int
examine(const struct lab_drop *d, bool hint, struct findings *f, struct err *e)
{
	struct exam_options o;

	lab_keys();
	lab_options(&o);
	o.complete_hint = hint;
	findings_init(f);
	memset(e, 0, sizeof *e);
	return format_egov.examine(&d->drop, &o, f, e);
}

/* A folder of these files is refused with this code and detail. */
static void
refused(const struct lab_file *files, size_t count, const char *code,
    const char *detail)
{
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_folder(&d, FOLDER, files, count);
	CHECK_CODE(examine(&d, false, &f, &e), &e, code);
	CU_ASSERT_EQUAL(e.class, ERR_INPUT);
	if (detail != NULL && strstr(e.detail, detail) == NULL) {
		suite_print_err(__FILE__, __LINE__, &e);
		CU_FAIL("detail");
	}
	findings_free(&f);
	lab_drop_free(&d);
}

/* The same for one kousei.xml beside f.xml and g.xml. */
static void
refused_kousei(const struct lab_kousei *k, const char *code, const char *detail)
{
	char *text = lab_kousei(k);
	const struct lab_file files[] = {{"kousei.xml", text, 0},
	    {"f.xml", "<f/>", 0}, {"g.xml", "<g/>", 0}};

	refused(files, 3, code, detail);
	free(text);
}

static void
has_warning(const struct findings *f, const char *code, const char *detail)
{
	for (size_t i = 0; i < f->warning_count; i++)
		if (strcmp(f->warnings[i].code, code) == 0 &&
		    strstr(f->warnings[i].detail, detail) != NULL)
			return;
	fprintf(stderr, "no warning %s %s\n", code, detail);
	CU_FAIL("warning");
}

static void
frames_that_do_not_fit_are_refused(void)
{
	static const struct {
		const char *text, *code;
	} bad[] = {
	    {"<DataRoot/>", "egov-shape"},
	    {"<Other><構成情報 ID=\"構成情報\"/></Other>", "egov-shape"},
	    {"<DataRoot><構成情報/></DataRoot>", "egov-shape"},
	    {"<DataRoot><構成情報 Id=\"構成情報\"/></DataRoot>", "egov-shape"},
	    {"<DataRoot><構成情報 ID=\"x\"/></DataRoot>", "egov-shape"},
	    {"<DataRoot><a><構成情報 ID=\"構成情報\"/></a></DataRoot>",
		"egov-shape"},
	    {"<DataRoot><構成情報 ID=\"構成情報\"/><構成情報 ID=\"y\"/>"
	     "</DataRoot>",
		"egov-shape"},
	    {"<DataRoot><a ID=\"構成情報\"/><構成情報 ID=\"構成情報\"/>"
	     "</DataRoot>",
		"id-duplicate"},
	    {"<DataRoot xmlns=\"urn:x\"><構成情報 ID=\"構成情報\"/></DataRoot>",
		"egov-shape"},
	    {"<x:DataRoot xmlns:x=\"urn:x\"><構成情報 ID=\"構成情報\"/>"
	     "</x:DataRoot>",
		"egov-shape"},
	    {"<!DOCTYPE DataRoot><DataRoot/>", "doctype-forbidden"},
	    {"not XML", "xml-malformed"},
	    {"<DataRoot><構成情報 ID=\"構成情報\">", "xml-truncated"},
	    {"<DataRoot><構成情報 ID=\"構成情報\"/><署名情報/></DataRoot>",
		"egov-signature-empty"},
	    {"<DataRoot><署名情報/><構成情報 ID=\"構成情報\"/></DataRoot>",
		"egov-signature-place"},
	    {"<DataRoot><構成情報 ID=\"構成情報\"/><その他/><署名情報/>"
	     "</DataRoot>",
		"egov-signature-place"},
	    {"<DataRoot><構成情報 ID=\"構成情報\"/><署名情報><x/></署名情報>"
	     "</DataRoot>",
		"egov-shape"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct lab_file file = {"kousei.xml", bad[i].text, 0};
		unsigned before = CU_get_number_of_failures();

		refused(&file, 1, bad[i].code, NULL);
		if (CU_get_number_of_failures() != before)
			fprintf(stderr, "with: %s\n", bad[i].text);
	}
}

static void
names_in_documents_are_checked(void)
{
	const struct lab_kousei slash = {.forms = {"a/f.xml"}};
	const struct lab_kousei back = {.attachments = {"..\\f.xml"}};
	const struct lab_kousei self = {.forms = {"kousei.xml"}};
	const struct lab_kousei twice = {.forms = {"f.xml", "f.xml"}};
	const struct lab_kousei absent = {.forms = {"f.xml", "h.xml"}};
	const struct lab_kousei no_procedure = {
	    .procedure = "", .forms = {"f.xml"}};
	const struct lab_kousei odd_procedure = {
	    .procedure = "../../../../../..", .forms = {"f.xml"}};

	refused_kousei(&slash, "egov-name-path", "a/f.xml");
	refused_kousei(&back, "egov-name-path", NULL);
	refused_kousei(&self, "egov-name-reserved", "kousei.xml");
	refused_kousei(&twice, "egov-listed-twice", "f.xml");
	refused_kousei(&absent, "egov-member-missing", FOLDER "/h.xml");
	refused_kousei(&no_procedure, "egov-procedure", "kousei.xml");
	refused_kousei(&odd_procedure, "egov-procedure", "kousei.xml");
}

static void
names_that_cannot_be_signed_are_refused(void)
{
	static const char *const names[] = {"a b.xml", "100%.xml", "a#1.xml",
	    "a?.xml", "a&amp;b.xml", "a+b.xml", ".xml"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct lab_kousei k = {.forms = {names[i]}};
		char *text = lab_kousei(&k);
		const struct lab_file files[] = {{"kousei.xml", text, 0},
		    {i == 4 ? "a&b.xml" : names[i], "<f/>", 0}};

		refused(files, 2, "egov-name-unsignable", NULL);
		free(text);
	}
}

static void
names_e_gov_may_refuse_are_told(void)
{
	static const char *const odd[] = {"a　b.pdf", "①.pdf", "ｱ.pdf",
	    "a b.pdf", "－.pdf", "㈱.pdf", "Ⅳ.pdf", "a[1].pdf"};
	static const char *const fine[] = {
	    "委任状(1).pdf", "a-b_c.PDF", "カ・ー.pdf", "a+b.pdf"};
	uint32_t cp = 0;
	struct err e;

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		CU_ASSERT_EQUAL(
		    egov_name_check(odd[i], EGOV_NAME_ATTACHED, &cp, &e), 1);
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		CU_ASSERT_EQUAL(
		    egov_name_check(fine[i], EGOV_NAME_ATTACHED, &cp, &e), 0);
}

static void
remarks_are_made(void)
{
	const struct lab_kousei k = {.attachments = {"a　①.pdf"}};
	char *text = lab_kousei(&k);
	const struct lab_file files[] = {{"kousei.xml", text, 0},
	    {"a　①.pdf", "x", 0}, {"stray.txt", "x", 0}, {"style.xsl", "x", 0},
	    {"check.xml", "x", 0}, {"Thumbs.db", "x", 0}};
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_folder(&d, FOLDER, files, 6);
	CHECK_OK(examine(&d, false, &f, &e), &e);
	has_warning(&f, "egov-name-character", "a　①.pdf");
	has_warning(&f, "egov-unlisted", "stray.txt");
	has_warning(&f, "egov-member-skipped", "Thumbs.db");
	has_warning(&f, "egov-no-form", "kousei.xml");
	CU_ASSERT_EQUAL(f.warning_count, 4);
	findings_free(&f);
	lab_drop_free(&d);
	free(text);
}

/* A name in another normalisation, or in an archive's CP932, is the same
 * file, and goes out as the document spells it. */
static void
spelling_follows_the_document(void)
{
	const struct lab_kousei k = {.attachments = {"ガイド.pdf"}};
	char *text = lab_kousei(&k);
	const struct lab_file apart[] = {{"kousei.xml", text, 0},
	    {"ガイド.pdf", "content", 0}}; /* the voiced mark apart */
	const struct lab_file cp932[] = {{"kousei.xml", text, 0},
	    {"\x83\x4B\x83\x43\x83\x68.pdf", "content", 0}};
	struct lab_drop d;
	struct buf b = {0};
	int out[2] = {lab_memfd(), lab_memfd()};

	lab_folder(&d, FOLDER, apart, 2);
	lab_sign_and_verify(&d.drop, 1, 1, out[0]);
	lab_drop_free(&d);
	lab_zip(&d, "x.zip", cp932, 2);
	lab_sign_and_verify(&d.drop, 1, 1, out[1]);
	lab_drop_free(&d);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(lab_member(out[i], FOLDER "/ガイド.pdf", &b));
		CU_ASSERT(slice_eq_str(buf_view(&b), "content"));
		close(out[i]);
	}
	buf_free(&b);
	free(text);
}

static void
layouts_that_do_not_fit_are_refused(void)
{
	const struct lab_kousei k = {.forms = {"f.xml"}};
	char *text = lab_kousei(&k);
	const struct lab_file nested[] = {
	    {"a/b/kousei.xml", text, 0}, {"a/b/f.xml", "<f/>", 0}};
	const struct lab_file beside[] = {{"a/kousei.xml", text, 0},
	    {"a/f.xml", "<f/>", 0}, {"readme.txt", "x", 0}};
	const struct lab_file without[] = {{"a/kousei.xml", text, 0},
	    {"a/f.xml", "<f/>", 0}, {"b/f.xml", "<f/>", 0}};
	const struct lab_file up[] = {{"../kousei.xml", text, 0}};
	const struct lab_file both[] = {{"kousei.xml", text, 0},
	    {"ガ.pdf", "1", 0}, {"ガ.pdf", "2", 0}, {"f.xml", "<f/>", 0}};
	const struct lab_file litter[] = {{".DS_Store", "x", 0}};

	refused(nested, 2, "egov-nested", "a/b/");
	refused(beside, 3, "egov-file-at-root", "readme.txt");
	refused(without, 3, "egov-member-missing", "b/kousei.xml");
	refused(up, 1, "zip-name-unsafe", NULL);
	refused(both, 4, "zip-duplicate-name", NULL);
	refused(litter, 1, "egov-empty", NULL);
	free(text);
}

static void
limits_hold_for_folders(void)
{
	const struct lab_kousei k = {.forms = {"f.xml"}};
	char *text = lab_kousei(&k);
	const struct lab_file files[] = {
	    {"kousei.xml", text, 0}, {"f.xml", "<f/>", 0}};
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_folder(&d, FOLDER, files, 2);
	findings_init(&f);
	lab_options(&o);
	o.limits.members_max = 1;
	CHECK_CODE(
	    format_egov.examine(&d.drop, &o, &f, &e), &e, "limit-members");
	lab_options(&o);
	o.limits.drop_max = strlen(text) + 3;
	CHECK_CODE(format_egov.examine(&d.drop, &o, &f, &e), &e, "limit-drop");
	lab_options(&o);
	o.limits.document_max = strlen(text) - 1;
	CHECK_CODE(
	    format_egov.examine(&d.drop, &o, &f, &e), &e, "document-too-large");
	findings_free(&f);
	lab_drop_free(&d);
	free(text);
}

#define DOC "kousei20261122183007001.xml"

/* An individually signed application with one form; a rule broken each. */
static void
limits_hold_for_archives(void)
{
	const struct lab_kousei k = {.forms = {"f.xml"}};
	char *text = lab_kousei(&k);
	const struct lab_file files[] = {
	    {"kousei.xml", text, 0}, {"f.xml", "<f/>", 0}};
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_zip(&d, "x.zip", files, 2);
	findings_init(&f);
	lab_options(&o);
	o.limits.archive_max = 1;
	CHECK_CODE(format_egov.examine(&d.drop, &o, &f, &e), &e,
	    "zip-too-many-members");
	o.limits.archive_max = 2;
	o.limits.members_max = 1; /* is about folders */
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	findings_free(&f);
	lab_drop_free(&d);
	free(text);
}

/* A bulk archive of more applications than a folder may have files. */
static void
a_large_bulk_archive_is_signed(void)
{
	enum { COUNT = 60 };
	static char names[2 * COUNT][40];
	const struct lab_kousei k = {.forms = {"f.xml"}};
	char *text = lab_kousei(&k);
	struct rawzip_entry *entries = calloc(2 * COUNT, sizeof *entries);
	struct buf zip = {0};
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct err e;

	CU_ASSERT_FATAL(entries != NULL);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[2 * i], 40, "999A010200001000(%zu)/kousei.xml",
		    i + 1);
		snprintf(
		    names[2 * i + 1], 40, "999A010200001000(%zu)/f.xml", i + 1);
		entries[2 * i] = (struct rawzip_entry){.name = names[2 * i],
		    .data = text,
		    .size = strlen(text),
		    .deflate = true};
		entries[2 * i + 1] = (struct rawzip_entry){
		    .name = names[2 * i + 1], .data = "<f/>", .size = 4};
	}
	rawzip_write(&zip, entries, 2 * COUNT);
	lab_output(&d, rawzip_fd(buf_view(&zip)));
	lab_options(&o);
	findings_init(&f);
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	CU_ASSERT_EQUAL(f.part_count, COUNT);
	findings_free(&f);
	lab_drop_free(&d);
	buf_free(&zip);
	free(entries);
	free(text);
}

static void
individual_rules_are_kept(void)
{
	const struct lab_kousei main_good = {.attachments = {DOC, "f.xml"}};
	const struct lab_kousei main_forms = {
	    .attachments = {DOC, "f.xml"}, .forms = {"g.xml"}};
	const struct lab_kousei main_no_doc = {.attachments = {"f.xml"}};
	const struct lab_kousei main_no_form = {.attachments = {DOC}};
	const struct lab_kousei doc_good = {.style = "999000000000000009",
	    .application = "申請書作成",
	    .procedure = "999A010200001F01",
	    .forms = {"f.xml"}};
	const struct lab_kousei doc_style = {.application = "申請書作成",
	    .procedure = "999A010200001F01",
	    .forms = {"f.xml"}};
	const struct lab_kousei doc_two = {.style = "999000000000000009",
	    .application = "申請書作成",
	    .procedure = "999A010200001F01",
	    .forms = {"f.xml", "g.xml"}};
	const struct lab_kousei doc_kind = {.style = "999000000000000009",
	    .procedure = "999A010200001F01",
	    .forms = {"f.xml"}};
	const struct lab_kousei doc_none = {
	    .application = "添付書類署名", .procedure = "999A010200001T01"};
	const struct lab_kousei doc_main = {.forms = {"f.xml"}};
	const struct {
		const struct lab_kousei *main, *doc;
		const char *code, *detail;
	} cases[] = {
	    {&main_forms, &doc_good, "egov-mixed-forms", "kousei.xml"},
	    {&main_no_doc, &doc_good, "egov-not-listed", DOC},
	    {&main_no_form, &doc_good, "egov-not-listed", "f.xml"},
	    {&main_good, &doc_style, "egov-shape", "999000000000000009"},
	    {&main_good, &doc_two, "egov-shape", "one form"},
	    {&main_good, &doc_kind, "egov-shape", "申請書作成"},
	    {&main_good, &doc_none, "egov-shape", "one attachment"},
	    {&main_good, &doc_main, "egov-two-mains", DOC},
	    {&doc_good, &main_good, "egov-no-main", "kousei.xml"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *main = lab_kousei(cases[i].main);
		char *doc = lab_kousei(cases[i].doc);
		const struct lab_file files[] = {{"kousei.xml", main, 0},
		    {DOC, doc, 0}, {"f.xml", "<f/>", 0}, {"g.xml", "<g/>", 0}};

		refused(files, 4, cases[i].code, cases[i].detail);
		free(main);
		free(doc);
	}
}

static void
a_wrong_suffix_is_told(void)
{
	const struct lab_kousei main = {.attachments = {DOC, "f.xml"}};
	const struct lab_kousei doc = {.style = "999000000000000009",
	    .application = "申請書作成",
	    .forms = {"f.xml"}};
	char *a = lab_kousei(&main), *b = lab_kousei(&doc);
	const struct lab_file files[] = {
	    {"kousei.xml", a, 0}, {DOC, b, 0}, {"f.xml", "<f/>", 0}};
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_folder(&d, FOLDER, files, 3);
	CHECK_OK(examine(&d, false, &f, &e), &e);
	has_warning(&f, "egov-individual-suffix", DOC);
	findings_free(&f);
	lab_drop_free(&d);
	free(a);
	free(b);
}

/* A folder that is copied slowly, in the order of names. */
static void
incomplete_folders_wait(void)
{
	const struct lab_kousei k = {
	    .forms = {"f.xml"}, .attachments = {"tenpu.pdf"}};
	char *text = lab_kousei(&k);
	const struct lab_file files[] = {{"f.xml", "<f/>", 0},
	    {"kousei.xml", text, 0}, {"tenpu.pdf", "x", 0}};
	const char *wanted[] = {"kousei.xml", "tenpu.pdf", NULL};
	struct err e;

	for (size_t n = 1; n <= 3; n++) {
		struct lab_drop d;
		struct findings f;

		lab_folder(&d, FOLDER, files, n);
		CU_ASSERT(format_egov.recognise(&d.drop));
		memset(&e, 0, sizeof e);
		if (wanted[n - 1] == NULL) {
			CHECK_OK(format_egov.missing(&d.drop, &e), &e);
			lab_drop_free(&d);
			continue;
		}
		CHECK_CODE(format_egov.missing(&d.drop, &e), &e,
		    "egov-member-missing");
		CU_ASSERT_EQUAL(e.class, ERR_TRANSIENT_IO);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, wanted[n - 1]));
		CHECK_CODE(
		    examine(&d, true, &f, &e), &e, "egov-member-missing");
		CU_ASSERT_EQUAL(e.class, ERR_TRANSIENT_IO);
		findings_free(&f);
		CHECK_CODE(
		    examine(&d, false, &f, &e), &e, "egov-member-missing");
		CU_ASSERT_EQUAL(e.class, ERR_INPUT);
		findings_free(&f);
		lab_drop_free(&d);
	}
	free(text);
}

static void
half_a_document_waits(void)
{
	const struct lab_kousei k = {.forms = {"f.xml"}};
	char *text = lab_kousei(&k);
	size_t whole = strlen(text) - 1; /* without the last line end */
	struct lab_drop d;
	struct err e;

	for (size_t n = 1; n < whole; n += 7) {
		const struct lab_file files[] = {
		    {"kousei.xml", text, n}, {"f.xml", "<f/>", 0}};

		lab_folder(&d, FOLDER, files, 2);
		memset(&e, 0, sizeof e);
		CHECK_CODE(
		    format_egov.missing(&d.drop, &e), &e, "xml-truncated");
		CU_ASSERT_EQUAL(e.class, ERR_TRANSIENT_IO);
		if (e.class != ERR_TRANSIENT_IO)
			fprintf(
			    stderr, "%zu bytes: %s %s\n", n, e.code, e.detail);
		lab_drop_free(&d);
	}
	free(text);
}

/* What is wrong for good is not waited for, and nor is an archive. */
static void
waiting_has_limits(void)
{
	const struct lab_kousei k = {.forms = {"f.xml"}};
	char *text = lab_kousei(&k);
	const struct lab_file bad[] = {
	    {"kousei.xml", "<DataRoot/>", 0}, {"f.xml", "<f/>", 0}};
	const struct lab_file part[] = {{"kousei.xml", text, 0}};
	struct lab_drop d;
	struct findings f;
	struct err e;

	lab_folder(&d, FOLDER, bad, 2);
	CHECK_OK(format_egov.missing(&d.drop, &e), &e);
	lab_drop_free(&d);
	lab_zip(&d, "x.zip", part, 1);
	CHECK_OK(format_egov.missing(&d.drop, &e), &e);
	CHECK_CODE(examine(&d, true, &f, &e), &e, "egov-member-missing");
	CU_ASSERT_EQUAL(e.class, ERR_INPUT);
	findings_free(&f);
	lab_drop_free(&d);
	free(text);
}

static void
too_many_forms_are_refused(void)
{
	static char names[300][24];
	struct buf b = {0};
	struct lab_file *files = calloc(301, sizeof *files);
	char *plain, *at;
	const struct lab_kousei k = {0};
	struct drop drop;
	struct member *members = calloc(301, sizeof *members);
	struct exam_options o;
	struct findings f;
	struct err e;

	CU_ASSERT_FATAL(files != NULL && members != NULL);
	lab_keys();
	plain = lab_kousei(&k);
	at = strstr(plain, "</構成情報>");
	buf_append(&b, plain, (size_t)(at - plain));
	for (size_t i = 0; i < 300; i++) {
		snprintf(names[i], sizeof names[i], "f%03zu.xml", i);
		buf_printf(&b,
		    "<申請書属性情報><申請書ファイル名称>%s"
		    "</申請書ファイル名称></申請書属性情報>",
		    names[i]);
		members[i] =
		    (struct member){names[i], rawzip_fd(slice_str("<f/>")), 4};
	}
	buf_puts(&b, at);
	members[300] =
	    (struct member){"kousei.xml", rawzip_fd(buf_view(&b)), b.len};
	drop = (struct drop){FOLDER, true, members, 301};
	lab_options(&o);
	o.limits.members_max = 301;
	findings_init(&f);
	CHECK_CODE(
	    format_egov.examine(&drop, &o, &f, &e), &e, "egov-too-many-forms");
	findings_free(&f);
	for (size_t i = 0; i < 301; i++)
		close(members[i].fd);
	free(members);
	free(files);
	free(plain);
	buf_free(&b);
}

static void
output_names_end_in_zip(void)
{
	static const struct {
		const char *path, *name;
	} cases[] = {{"999A010200001000(1)", "999A010200001000(1).zip"},
	    {"a/b.ZIP", "a/b.zip"}, {"v1.2", "v1.2.zip"}, {".zip", ".zip.zip"},
	    {"a/.zip", "a/.zip.zip"}};
	char out[40], small[8];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CU_ASSERT_EQUAL(
		    format_egov.output_name(cases[i].path, out, sizeof out), 0);
		CU_ASSERT_STRING_EQUAL(out, cases[i].name);
	}
	CU_ASSERT_EQUAL(
	    format_egov.output_name("abcd", small, sizeof small), -1);
}

static void
other_drops_are_not_recognised(void)
{
	const struct lab_file xtx[] = {{"a.xtx", "<DATA/>", 0}};
	const struct lab_file both[] = {
	    {"a.xtx", "<DATA/>", 0}, {"b/kousei.xml", "x", 0}};
	struct lab_drop d;

	lab_folder(&d, "x", xtx, 1);
	CU_ASSERT(!format_egov.recognise(&d.drop));
	d.drop.folder = false;
	CU_ASSERT(!format_egov.recognise(&d.drop));
	lab_drop_free(&d);
	lab_folder(&d, "x", both, 2);
	CU_ASSERT(format_egov.recognise(&d.drop));
	lab_drop_free(&d);
}

SUITE_MAIN("egov-rules", CASE(frames_that_do_not_fit_are_refused),
    CASE(names_in_documents_are_checked),
    CASE(names_that_cannot_be_signed_are_refused),
    CASE(names_e_gov_may_refuse_are_told), CASE(remarks_are_made),
    CASE(spelling_follows_the_document),
    CASE(layouts_that_do_not_fit_are_refused), CASE(limits_hold_for_folders),
    CASE(limits_hold_for_archives), CASE(a_large_bulk_archive_is_signed),
    CASE(individual_rules_are_kept), CASE(a_wrong_suffix_is_told),
    CASE(incomplete_folders_wait), CASE(half_a_document_waits),
    CASE(waiting_has_limits), CASE(too_many_forms_are_refused),
    CASE(output_names_end_in_zip), CASE(other_drops_are_not_recognised))
