/* e-Gov applications: the whole way from a drop to a verified archive. */
#include "base/fsops.h"
#include "signer/exam/egov.h"
#include "signer/exam/signedinfo.h"
#include "tests/lib/egovlab.h"
#include "tests/lib/rawzip.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "999A010200001000(1)"
#define FORM "999A01020000100001_01.xml"

/* CRLF, and bytes that are no UTF-8: a form is never parsed. */
static const char form_text[] = "<?xml version=\"1.0\"?>\r\n<DataRoot>\r\n"
				"<a/>\r\n</DataRoot>\r\n";
static const char binary[] = "%PDF-1.4\n\x80\x81\xFF\x00\x01 end";

/* kousei.xml with one form and one binary attachment. */
static void
standard(struct lab_file files[3], char *kousei)
{
	files[0] = (struct lab_file){.name = FORM, .text = form_text};
	files[1] = (struct lab_file){.name = "kousei.xml", .text = kousei};
	files[2] = (struct lab_file){
	    .name = "tenpu.pdf", .text = binary, .size = sizeof binary};
}

static char *
standard_kousei(const char *application)
{
	const struct lab_kousei k = {.application = application,
	    .forms = {FORM},
	    .attachments = {"tenpu.pdf"}};

	return lab_kousei(&k);
}

static void
a_folder_is_signed(void)
{
	char *kousei = standard_kousei(NULL);
	struct lab_file files[3];
	struct lab_drop d;
	struct buf b = {0};
	int out = lab_memfd();
	char *at;

	standard(files, kousei);
	lab_folder(&d, "in/" FOLDER, files, 3);
	CU_ASSERT(format_egov.recognise(&d.drop));
	lab_sign_and_verify(&d.drop, 1, 1, out);
	CU_ASSERT(lab_member(out, FOLDER "/" FORM, &b));
	CU_ASSERT(slice_eq_str(buf_view(&b), form_text));
	CU_ASSERT(lab_member(out, FOLDER "/tenpu.pdf", &b));
	CU_ASSERT(slice_eq(buf_view(&b), slice_of(binary, sizeof binary)));
	/* kousei.xml is the input with one insertion */
	CU_ASSERT_FATAL(lab_member(out, FOLDER "/kousei.xml", &b));
	at = strstr((char *)b.p, "<署名情報><Signature "
				 "xmlns=\"http://www.w3.org/2000/09/xmldsig#\" "
				 "Id=\"20261122183007\"><SignedInfo>");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT(at - (char *)b.p > 20);
	CU_ASSERT(strncmp(at - strlen("</構成情報>"), "</構成情報>",
		      strlen("</構成情報>")) == 0);
	CU_ASSERT(
	    strncmp((char *)b.p, kousei, (size_t)(at - (char *)b.p)) == 0);
	CU_ASSERT_STRING_EQUAL(
	    strstr(at, "</署名情報>") + strlen("</署名情報>"),
	    kousei + (at - (char *)b.p));
	CU_ASSERT_PTR_NULL(
	    memchr(at, '\n', (size_t)(strstr(at, "</署名情報>") - at)));
	buf_free(&b);
	lab_drop_free(&d);
	free(kousei);
	close(out);
}

static void
findings_tell_the_application(void)
{
	char *kousei = standard_kousei(NULL);
	struct lab_file files[3];
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_keys();
	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	lab_options(&o);
	findings_init(&f);
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	CU_ASSERT_STRING_EQUAL(f.format, "egov");
	CU_ASSERT_STRING_EQUAL(f.procedure, "999A010200001000");
	CU_ASSERT_STRING_EQUAL(f.procedure_name, "見本の届");
	CU_ASSERT_STRING_EQUAL(f.version, "0001");
	CU_ASSERT_STRING_EQUAL(f.taxpayer_name, "株式会社みほん");
	CU_ASSERT_STRING_EQUAL(f.agent_name, "例示　太郎");
	CU_ASSERT(!f.etax);
	CU_ASSERT_EQUAL(f.warning_count, 0);
	CU_ASSERT_EQUAL_FATAL(f.part_count, 1);
	CU_ASSERT_STRING_EQUAL(f.parts[0].name, FOLDER "/kousei.xml");
	findings_free(&f);
	lab_drop_free(&d);
	free(kousei);
}

/* Folder in any order, or archive: the same output. */
static void
output_does_not_depend_on_packing(void)
{
	char *kousei = standard_kousei(NULL);
	struct lab_file files[3], turned[3], inside[3];
	struct lab_drop d;
	struct buf a = {0}, b = {0};
	struct err e;
	int out[3];

	standard(files, kousei);
	for (size_t i = 0; i < 3; i++) {
		turned[i] = files[2 - i];
		inside[i] = files[i];
		out[i] = lab_memfd();
	}
	inside[0].name = FOLDER "/" FORM;
	inside[1].name = FOLDER "/kousei.xml";
	inside[2].name = FOLDER "/tenpu.pdf";
	lab_folder(&d, FOLDER, files, 3);
	lab_sign_and_verify(&d.drop, 2, 2, out[0]);
	lab_drop_free(&d);
	lab_folder(&d, FOLDER, turned, 3);
	lab_sign_and_verify(&d.drop, 2, 2, out[1]);
	lab_drop_free(&d);
	lab_zip(&d, "shinsei.zip", inside, 3);
	CU_ASSERT(format_egov.recognise(&d.drop));
	lab_sign_and_verify(&d.drop, 2, 2, out[2]);
	lab_drop_free(&d);
	CHECK_OK(fs_read_all(out[0], 1 << 20, &a, &e), &e);
	for (size_t i = 1; i < 3; i++) {
		buf_reset(&b);
		CHECK_OK(fs_read_all(out[i], 1 << 20, &b, &e), &e);
		CU_ASSERT(slice_eq(buf_view(&a), buf_view(&b)));
	}
	for (size_t i = 0; i < 3; i++)
		close(out[i]);
	buf_free(&a);
	buf_free(&b);
	free(kousei);
}

static void
files_without_a_folder_get_one(void)
{
	char *kousei = standard_kousei(NULL);
	struct lab_file files[3];
	struct lab_drop d;
	struct buf b = {0};
	int out = lab_memfd(), other = lab_memfd();

	standard(files, kousei);
	lab_folder(&d, "山田商店 11月", files, 3);
	lab_sign_and_verify(&d.drop, 1, 1, out);
	CU_ASSERT(lab_member(out, "999A010200001000/kousei.xml", &b));
	lab_drop_free(&d);
	lab_zip(&d, FOLDER ".zip", files, 3);
	lab_sign_and_verify(&d.drop, 1, 1, other);
	CU_ASSERT(lab_member(other, "999A010200001000/kousei.xml", &b));
	lab_drop_free(&d);
	buf_free(&b);
	free(kousei);
	close(out);
	close(other);
}

/* A signer later: the first signature stays valid, only the missing one is
 * asked for. */
static void
a_second_signer_is_added(void)
{
	char *kousei = standard_kousei(NULL);
	struct lab_file files[3];
	struct lab_drop d, first;
	struct exam_options o;
	struct findings f;
	struct err e;
	struct buf b = {0};
	int out = lab_memfd(), both = lab_memfd();

	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	lab_sign_and_verify(&d.drop, 1, 1, out);
	lab_output(&first, dup(out));
	lab_sign_and_verify(&first.drop, 2, 2, both);
	lab_options(&o);
	o.signer_count = 2;
	memcpy(o.signers[0].spki, lab_keys()[1].spki, FINDINGS_SHA256);
	memcpy(o.signers[1].spki, lab_keys()[0].spki, FINDINGS_SHA256);
	o.signers[0].known = o.signers[1].known = true;
	findings_init(&f);
	CHECK_OK(format_egov.examine(&first.drop, &o, &f, &e), &e);
	CU_ASSERT_EQUAL_FATAL(f.part_count, 1);
	CU_ASSERT_EQUAL(f.parts[0].signed_by, 2);
	CU_ASSERT_EQUAL(f.signature_count, 1);
	findings_free(&f);
	/* one 署名情報, two Signatures */
	CU_ASSERT_FATAL(lab_member(both, FOLDER "/kousei.xml", &b));
	CU_ASSERT_PTR_NOT_NULL(strstr((char *)b.p, "</Signature><Signature "));
	CU_ASSERT_PTR_NULL(
	    strstr(strstr((char *)b.p, "<署名情報>") + 1, "<署名情報>"));
	buf_free(&b);
	lab_drop_free(&first);
	lab_drop_free(&d);
	free(kousei);
	close(out);
	close(both);
}

/* The duplicate key follows content, not packing or white space outside. */
static void
duplicate_key_follows_content(void)
{
	char *kousei = standard_kousei(NULL), *loose, *other;
	const struct lab_kousei spaced = {
	    .forms = {FORM}, .attachments = {"tenpu.pdf"}, .after = "\n\n  "};
	const struct lab_kousei changed = {.forms = {FORM},
	    .attachments = {"tenpu.pdf"},
	    .inside = "<通信欄>x</通信欄>"};
	struct lab_file files[3];
	uint8_t key[3][FINDINGS_SHA256];
	struct exam_options o;
	struct lab_drop d;
	struct err e;

	loose = lab_kousei(&spaced);
	other = lab_kousei(&changed);
	lab_options(&o);
	for (size_t i = 0; i < 3; i++) {
		struct findings f;

		standard(files, i == 0 ? kousei : i == 1 ? loose : other);
		if (i == 1)
			lab_zip(&d, "x.zip", files, 3);
		else
			lab_folder(&d, FOLDER, files, 3);
		findings_init(&f);
		CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
		CU_ASSERT_EQUAL_FATAL(f.part_count, 1);
		memcpy(key[i], f.parts[0].duplicate, FINDINGS_SHA256);
		findings_free(&f);
		lab_drop_free(&d);
	}
	CU_ASSERT(memcmp(key[0], key[1], FINDINGS_SHA256) == 0);
	CU_ASSERT(memcmp(key[0], key[2], FINDINGS_SHA256) != 0);
	free(kousei);
	free(loose);
	free(other);
}

#define DOC_A "kousei20261122183007001.xml"
#define DOC_F1 "kousei20261122183007002.xml"
#define DOC_F2 "kousei20261122183007003.xml"

/* 個別ファイル署名形式: two forms and one signed attachment. */
static size_t
individual(struct lab_file files[LAB_FILES_MAX], char *texts[4])
{
	const struct lab_kousei main = {
	    .attachments = {DOC_A, DOC_F1, DOC_F2, "f1.xml", "f2.xml",
		"委任状.pdf", "extra.txt"}};
	const struct lab_kousei a = {.application = "添付書類署名",
	    .procedure = "999A010200001T01",
	    .attachments = {"委任状.pdf"}};
	const struct lab_kousei f1 = {.style = "999000000000000009",
	    .application = "申請書作成",
	    .procedure = "999A010200001F01",
	    .forms = {"f1.xml"}};
	const struct lab_kousei f2 = {.style = "999000000000000009",
	    .application = "申請書作成",
	    .procedure = "999A010200001F02",
	    .forms = {"f2.xml"}};
	const struct lab_file list[] = {
	    {"kousei.xml", texts[0] = lab_kousei(&main), 0},
	    {DOC_A, texts[1] = lab_kousei(&a), 0},
	    {DOC_F1, texts[2] = lab_kousei(&f1), 0},
	    {DOC_F2, texts[3] = lab_kousei(&f2), 0}, {"f1.xml", form_text, 0},
	    {"f2.xml", "<DataRoot/>", 0}, {"委任状.pdf", binary, sizeof binary},
	    {"extra.txt", "x", 0}};

	memcpy(files, list, sizeof list);
	return sizeof list / sizeof *list;
}

static void
individually_signed_form_is_signed(void)
{
	struct lab_file files[LAB_FILES_MAX];
	char *texts[4];
	size_t count = individual(files, texts);
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct buf b = {0};
	struct err e;
	int out = lab_memfd();

	lab_folder(&d, FOLDER, files, count);
	lab_sign_and_verify(&d.drop, 2, 6, out);
	CU_ASSERT(lab_member(out, FOLDER "/kousei.xml", &b));
	CU_ASSERT(slice_eq_str(buf_view(&b), texts[0]));
	CU_ASSERT_FATAL(lab_member(out, FOLDER "/" DOC_A, &b));
	CU_ASSERT_PTR_NOT_NULL(strstr((char *)b.p,
	    "<Reference URI=\"%E5%A7%94%E4%BB%BB%E7%8A%B6.pdf\">"
	    "<DigestMethod"));
	lab_options(&o);
	findings_init(&f);
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	CU_ASSERT_EQUAL_FATAL(f.part_count, 3);
	CU_ASSERT_STRING_EQUAL(f.parts[0].name, FOLDER "/" DOC_A);
	CU_ASSERT_STRING_EQUAL(f.parts[1].name, FOLDER "/" DOC_F1);
	CU_ASSERT_STRING_EQUAL(f.parts[2].name, FOLDER "/" DOC_F2);
	CU_ASSERT_EQUAL(f.warning_count, 0);
	findings_free(&f);
	buf_free(&b);
	lab_drop_free(&d);
	for (size_t i = 0; i < 4; i++)
		free(texts[i]);
	close(out);
}

static void
several_applications_are_signed(void)
{
	const struct lab_kousei one = {.forms = {"f.xml"}};
	const struct lab_kousei two = {
	    .procedure = "999A010200002000", .forms = {"f.xml", "g.xml"}};
	char *a = lab_kousei(&one), *b = lab_kousei(&two);
	const struct lab_file files[] = {{"999A010200002000/kousei.xml", b, 0},
	    {"999A010200002000/f.xml", "<f>2</f>", 0},
	    {"999A010200002000/g.xml", "<g>2</g>", 0},
	    {"999A010200001000(1)/kousei.xml", a, 0},
	    {"999A010200001000(1)/f.xml", "<f>1</f>", 0}};
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct buf text = {0};
	struct err e;

	for (int zip = 0; zip < 2; zip++) {
		int out = lab_memfd();

		if (zip)
			lab_zip(&d, "bulk.zip", files, 5);
		else
			lab_folder(&d, "bulk", files, 5);
		lab_sign_and_verify(&d.drop, 1, 2, out);
		CU_ASSERT(lab_member(out, "999A010200002000/g.xml", &text));
		CU_ASSERT(slice_eq_str(buf_view(&text), "<g>2</g>"));
		close(out);
		if (zip == 0)
			lab_drop_free(&d);
	}
	lab_options(&o);
	findings_init(&f);
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	CU_ASSERT_STRING_EQUAL(f.procedure_name, "見本の届 (+1)");
	CU_ASSERT_EQUAL(f.part_count, 2);
	findings_free(&f);
	lab_drop_free(&d);
	buf_free(&text);
	free(a);
	free(b);
}

static void
unsigned_applications_are_packed(void)
{
	char *kousei = standard_kousei("再提出");
	struct lab_file files[3];
	struct exam_options o;
	struct findings f, v;
	struct lab_drop d, output;
	struct built built;
	struct buf b = {0};
	struct err e;
	int out = lab_memfd();

	lab_keys();
	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	lab_options(&o);
	o.unsigned_only = true;
	findings_init(&f);
	findings_init(&v);
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	CU_ASSERT(f.unsigned_only);
	CU_ASSERT_EQUAL(f.part_count, 0);
	CHECK_OK(format_egov.build(
		     &d.drop, &o, NULL, 0, NULL, 0, LAB_WHEN, out, &built, &e),
	    &e);
	CU_ASSERT(lab_member(out, FOLDER "/kousei.xml", &b));
	CU_ASSERT(slice_eq_str(buf_view(&b), kousei));
	lab_output(&output, out);
	CU_ASSERT_EQUAL(built.size, output.members[0].size);
	CHECK_OK(format_egov.verify(&output.drop, &d.drop, &o, &v, &e), &e);
	CU_ASSERT_EQUAL(v.signature_count, 0);
	findings_free(&f);
	findings_free(&v);
	buf_free(&b);
	lab_drop_free(&output);
	lab_drop_free(&d);
	free(kousei);
}

static void
one_signer_for_corrections(void)
{
	static const char *const kinds[] = {"再提出", "部分補正"};

	for (size_t i = 0; i < 2; i++) {
		char *kousei = standard_kousei(kinds[i]);
		struct lab_file files[3];
		struct exam_options o;
		struct findings f;
		struct lab_drop d, done;
		struct err e;
		int out = lab_memfd();

		standard(files, kousei);
		lab_folder(&d, FOLDER, files, 3);
		lab_sign_and_verify(&d.drop, 1, 1, out);
		lab_options(&o);
		o.signer_count = 2; /* not known yet: as many as named */
		findings_init(&f);
		CHECK_CODE(format_egov.examine(&d.drop, &o, &f, &e), &e,
		    "signer-count");
		findings_free(&f);
		/* signed by one, and another wants to */
		lab_output(&done, out);
		lab_options(&o);
		o.signer_count = 1;
		memcpy(o.signers[0].spki, lab_keys()[1].spki, FINDINGS_SHA256);
		o.signers[0].known = true;
		CHECK_CODE(format_egov.examine(&done.drop, &o, &f, &e), &e,
		    "signer-count");
		findings_free(&f);
		memcpy(o.signers[0].spki, lab_keys()[0].spki, FINDINGS_SHA256);
		CHECK_OK(format_egov.examine(&done.drop, &o, &f, &e), &e);
		findings_free(&f);
		lab_drop_free(&done);
		lab_drop_free(&d);
		free(kousei);
	}
}

/* One byte of the member is changed; the rest is packed again as it was. */
static int
tampered(int fd, const char *member, const char *find, size_t skip)
{
	static const char *const names[] = {
	    FOLDER "/" FORM, FOLDER "/kousei.xml", FOLDER "/tenpu.pdf"};
	struct rawzip_entry entries[3] = {0};
	struct buf content[3] = {0}, zip = {0};
	int result;

	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(lab_member(fd, names[i], &content[i]));
		if (strcmp(names[i], member) == 0) {
			char *at = memmem(
			    content[i].p, content[i].len, find, strlen(find));

			CU_ASSERT_PTR_NOT_NULL_FATAL(at);
			at[skip] = at[skip] == 'A' ? 'B' : 'A';
		}
		entries[i].name = names[i];
		entries[i].data = content[i].p;
		entries[i].size = content[i].len;
	}
	rawzip_write(&zip, entries, 3);
	result = rawzip_fd(buf_view(&zip));
	buf_free(&zip);
	for (size_t i = 0; i < 3; i++)
		buf_free(&content[i]);
	return result;
}

static void
tampering_is_found(void)
{
	static const struct {
		const char *member, *find;
		size_t skip;
		bool value, references;
		const char *code; /* of examining it again */
	} cases[] = {
	    {FOLDER "/" FORM, "<a/>", 1, true, false, "signature-digest-wrong"},
	    {FOLDER "/kousei.xml", "999A010200001000</手続ID>", 0, true, false,
		"signature-digest-wrong"},
	    {FOLDER "/kousei.xml", "<SignatureValue>", 20, false, true,
		"signature-value-wrong"},
	    {FOLDER "/kousei.xml", "<DigestValue>", 20, false, false, NULL},
	};
	char *kousei = standard_kousei(NULL);
	struct lab_file files[3];
	struct lab_drop d, bad;
	int out = lab_memfd();

	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	lab_sign_and_verify(&d.drop, 1, 1, out);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct exam_options o;
		struct findings f;
		struct err e = {0};
		int fd = tampered(
		    out, cases[i].member, cases[i].find, cases[i].skip);

		lab_output(&bad, fd);
		lab_options(&o);
		findings_init(&f);
		CHECK_OK(format_egov.verify(&bad.drop, NULL, &o, &f, &e), &e);
		CU_ASSERT_EQUAL_FATAL(f.signature_count, 1);
		CU_ASSERT_EQUAL(f.signatures[0].value_ok, cases[i].value);
		CU_ASSERT_EQUAL(
		    f.signatures[0].references_ok, cases[i].references);
		findings_free(&f);
		/* and it is not signed by anybody else */
		CU_ASSERT(format_egov.examine(&bad.drop, &o, &f, &e) < 0);
		CU_ASSERT_EQUAL(e.class, ERR_INPUT);
		if (cases[i].code != NULL)
			CU_ASSERT_STRING_EQUAL(e.code, cases[i].code);
		findings_free(&f);
		lab_drop_free(&bad);
	}
	lab_drop_free(&d);
	free(kousei);
	close(out);
}

/* A signature by one who knew only one of two forms: whole in itself, but
 * not over what the application now says. */
static void
a_signature_must_cover_every_form(void)
{
	const struct lab_kousei k = {.forms = {"f.xml", "g.xml"}};
	char *text = lab_kousei(&k);
	struct lab_file files[] = {{"kousei.xml", text, 0},
	    {"f.xml", "<f/>", 0}, {"g.xml", "<g/>", 0}};
	struct signedinfo_reference refs[2] = {
	    {.uri = EGOV_CONFIG_URI, .c14n = true}, {.uri = "f.xml"}};
	struct buf info = {0}, canonical = {0}, out = {0};
	struct kousei parsed = {0};
	struct exam_options o;
	struct findings f;
	struct lab_drop d;
	struct err e;

	lab_options(&o);
	lab_folder(&d, FOLDER, files, 3);
	CHECK_OK(
	    kousei_read(d.members[0].fd, &o.limits, false, &parsed, &e), &e);
	memcpy(refs[0].digest, parsed.pass.digest, FINDINGS_SHA256);
	EVP_Digest("<f/>", 4, refs[1].digest, NULL, EVP_sha256(), NULL);
	CU_ASSERT_EQUAL(signedinfo_write("", refs, 2, &parsed.pass.inherited,
			    &info, &canonical),
	    0);
	buf_append(&out, text, parsed.pass.offset);
	buf_puts(&out, "<署名情報>");
	lab_signature(
	    &lab_keys()[0], buf_view(&info), buf_view(&canonical), &out);
	buf_printf(&out, "</署名情報>%s", text + parsed.pass.offset);
	lab_drop_free(&d);
	files[0].text = buf_cstr(&out);
	lab_folder(&d, FOLDER, files, 3);
	findings_init(&f);
	CHECK_OK(format_egov.verify(&d.drop, NULL, &o, &f, &e), &e);
	CU_ASSERT_EQUAL_FATAL(f.signature_count, 1);
	CU_ASSERT(f.signatures[0].value_ok && f.signatures[0].references_ok);
	CU_ASSERT(!f.signatures[0].covers_filing);
	CU_ASSERT_STRING_EQUAL(
	    f.signatures[0].problem, "signature-not-covering");
	findings_free(&f);
	CHECK_CODE(format_egov.examine(&d.drop, &o, &f, &e), &e,
	    "signature-not-covering");
	findings_free(&f);
	lab_drop_free(&d);
	kousei_free(&parsed);
	buf_free(&info);
	buf_free(&canonical);
	buf_free(&out);
	free(text);
}

/* The output is compared with inputs that it was not made from. */
static void
a_different_output_is_noticed(void)
{
	enum { SAME, MORE, SHORTER, SPACE, CASES };
	char *kousei = standard_kousei(NULL);
	struct lab_file files[4];
	struct lab_drop d, other, output;
	struct exam_options o;
	struct findings f;
	struct err e;
	int out = lab_memfd();

	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	lab_sign_and_verify(&d.drop, 1, 1, out);
	lab_output(&output, out);
	lab_options(&o);
	for (int i = 0; i < CASES; i++) {
		standard(files, kousei);
		files[3] = (struct lab_file){.name = "more", .text = "x"};
		if (i == SHORTER)
			files[2].size--;
		if (i == SPACE) /* outside the signed element */
			files[1].size = strlen(kousei) - 1;
		lab_folder(&other, FOLDER, files, i == MORE ? 4 : 3);
		findings_init(&f);
		if (i == SAME) {
			CHECK_OK(format_egov.verify(
				     &output.drop, &other.drop, &o, &f, &e),
			    &e);
		} else {
			CHECK_CODE(format_egov.verify(
				       &output.drop, &other.drop, &o, &f, &e),
			    &e, "output-differs");
		}
		findings_free(&f);
		lab_drop_free(&other);
	}
	lab_drop_free(&output);
	lab_drop_free(&d);
	free(kousei);
}

/* An output with a member or with bytes that the input does not have. */
static void
additions_are_noticed(void)
{
	const struct lab_kousei more = {.forms = {FORM},
	    .attachments = {"tenpu.pdf"},
	    .after = "<!-- more -->"};
	char *kousei = standard_kousei(NULL), *longer = lab_kousei(&more);
	struct lab_file files[3];
	struct lab_drop d, bad;
	struct exam_options o;
	struct err e;

	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	lab_options(&o);
	for (int i = 0; i < 2; i++) {
		struct lab_file packed[] = {
		    {FOLDER "/kousei.xml", i == 0 ? kousei : longer, 0},
		    {FOLDER "/" FORM, form_text, 0},
		    {FOLDER "/tenpu.pdf", binary, sizeof binary},
		    {FOLDER "/more.txt", "more", 0}};
		struct findings f;

		lab_zip(&bad, "bad.zip", packed, i == 0 ? 4 : 3);
		findings_init(&f);
		CHECK_CODE(format_egov.verify(&bad.drop, &d.drop, &o, &f, &e),
		    &e, "output-differs");
		findings_free(&f);
		lab_drop_free(&bad);
	}
	lab_drop_free(&d);
	free(kousei);
	free(longer);
}

/* build refuses plans that do not belong to the drop, and no signature. */
static void
plans_must_fit(void)
{
	const struct lab_kousei moved = {.forms = {FORM},
	    .attachments = {"tenpu.pdf"},
	    .inside = "<通信欄/>"};
	const struct lab_kousei usual = {.forms = {FORM},
	    .attachments = {"tenpu.pdf"},
	    .after = "<通信欄/>"};
	char *kousei = lab_kousei(&usual), *changed = lab_kousei(&moved);
	struct new_signature none[1] = {{.part = 0}};
	struct lab_file files[3];
	struct lab_drop d, other;
	struct exam_options o;
	struct findings f;
	struct built built;
	struct slice plan;
	struct err e;
	int out = lab_memfd();

	standard(files, kousei);
	lab_folder(&d, FOLDER, files, 3);
	files[1].text = changed;
	lab_folder(&other, FOLDER, files, 3); /* of the same size */
	lab_options(&o);
	findings_init(&f);
	CHECK_OK(format_egov.examine(&d.drop, &o, &f, &e), &e);
	plan = buf_view(&f.parts[0].plan);
	CHECK_CODE(format_egov.build(&d.drop, &o, &plan, 1, none, 0, LAB_WHEN,
		       out, &built, &e),
	    &e, "signature-missing");
	CHECK_CODE(format_egov.build(&other.drop, &o, &plan, 1, none, 0,
		       LAB_WHEN, out, &built, &e),
	    &e, "input-changed");
	CHECK_CODE(format_egov.build(&d.drop, &o, NULL, 0, none, 0, LAB_WHEN,
		       out, &built, &e),
	    &e, "plan-malformed");
	plan.len--;
	CHECK_CODE(format_egov.build(&d.drop, &o, &plan, 1, none, 0, LAB_WHEN,
		       out, &built, &e),
	    &e, "plan-malformed");
	findings_free(&f);
	lab_drop_free(&d);
	lab_drop_free(&other);
	free(kousei);
	free(changed);
	close(out);
}

SUITE_MAIN("egov", CASE(a_folder_is_signed),
    CASE(findings_tell_the_application),
    CASE(output_does_not_depend_on_packing),
    CASE(files_without_a_folder_get_one), CASE(a_second_signer_is_added),
    CASE(duplicate_key_follows_content),
    CASE(individually_signed_form_is_signed),
    CASE(several_applications_are_signed),
    CASE(unsigned_applications_are_packed), CASE(one_signer_for_corrections),
    CASE(tampering_is_found), CASE(a_signature_must_cover_every_form),
    CASE(a_different_output_is_noticed), CASE(additions_are_noticed),
    CASE(plans_must_fit))
