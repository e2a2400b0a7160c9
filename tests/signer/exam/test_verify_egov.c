/*
 * The referee on e-Gov applications: an encoded fragment, files beside the
 * document, and everything inside the sandbox.
 */
#include "base/fsops.h"
#include "base/log.h"
#include "signer/exam/sandbox.h"
#include "tests/lib/suite.h"
#include "tests/lib/verifylab.h"
#include "tests/lib/xmlsign.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORM "900A01020000100001_01.xml"
#define FORM_TEXT "<?xml version=\"1.0\"?>\r\n<DataRoot/>\r\n"
#define EGOV_REFERENCES                                                        \
	REFERENCE("#" CONFIG, PLAIN, SHA256) REFERENCE(FORM, "", SHA256)
#define EGOV(signature)                                                        \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><DataRoot><様式ID>1"      \
	"</様式ID><構成情報 ID=\"構成情報\"><管理情報/>"         \
	"</構成情報><署名情報>" signature "</署名情報><その他/></DataRoot>"

static struct verify_member form_member = {.name = FORM, .input = {.fd = -1}};

static int
judge_egov(const char *xml, size_t members)
{
	return verifylab_judge(
	    &verify_egov, slice_str(xml), &form_member, members, false);
}

static char *
egov(struct buf *out, const char *xml)
{
	struct err e = {0};
	int dir = suite_dir();

	CHECK_OK(fs_replace(dir, FORM, slice_str(FORM_TEXT), 0600, &e), &e);
	CHECK_OK(fs_replace(dir, "other.xml", slice_str("<o/>"), 0600, &e), &e);
	close(dir);
	form_member.input.bytes = slice_str(FORM_TEXT);
	buf_reset(out);
	xmlsign(out, xml, "構成情報", "ID", CONFIG);
	return buf_cstr(out);
}

static void
egov_signature_is_whole(void)
{
	struct buf xml = {0};
	char *x = egov(&xml, EGOV(SIGNATURE("20261122180000", C14N, RSA_SHA256,
				 EGOV_REFERENCES)));
	struct err e = {0};
	int dir = suite_dir();

	CHECK_OK(judge_egov(x, 1), &error);
	verifylab_expect(true, true, true, "");
	CU_ASSERT_EQUAL(report.signatures[0].reference_count, 2);
	CU_ASSERT_EQUAL(report.signatures[0].references[1].member, 0);
	CU_ASSERT_STRING_EQUAL(report.signatures[0].found.part, "kousei.xml");

	/* The same from a descriptor. */
	form_member.input.fd = openat(dir, FORM, O_RDONLY | O_CLOEXEC);
	CHECK_OK(judge_egov(x, 1), &error);
	verifylab_expect(true, true, true, "");
	close(form_member.input.fd);
	form_member.input.fd = -1;
	close(dir);
	(void)e;
	buf_free(&xml);
}

static void
egov_form_changes_are_seen(void)
{
	struct buf xml = {0}, b = {0};
	char *x = egov(&xml, EGOV(SIGNATURE("20261122180000", C14N, RSA_SHA256,
				 EGOV_REFERENCES)));

	form_member.input.bytes =
	    slice_str("<?xml version=\"1.0\"?>\n<DataRoot/>\n");
	CHECK_OK(judge_egov(x, 1), &error);
	verifylab_expect(true, false, true, "signature-digest-wrong");
	CU_ASSERT_STRING_EQUAL(report.signatures[0].found.detail, FORM);
	CU_ASSERT_TRUE(report.signatures[0].references[0].ok);

	CHECK_OK(judge_egov(x, 0), &error);
	verifylab_expect(true, false, false, "signature-member-missing");
	CU_ASSERT_TRUE(report.signatures[0].references[0].ok);

	/* Both references bad: each is told. */
	xmlsign_edit(&b, x, "<管理情報/>", "<管理情報>x</管理情報>");
	CHECK_OK(judge_egov(buf_cstr(&b), 1), &error);
	verifylab_expect(true, false, true, "signature-digest-wrong");
	CU_ASSERT_FALSE(report.signatures[0].references[0].ok);
	CU_ASSERT_FALSE(report.signatures[0].references[1].ok);
	form_member.input.bytes = slice_str(FORM_TEXT);
	CHECK_OK(judge_egov(buf_cstr(&b), 1), &error);
	CU_ASSERT_FALSE(report.signatures[0].references[0].ok);
	CU_ASSERT_TRUE(report.signatures[0].references[1].ok);
	buf_free(&xml);
	buf_free(&b);
}

static void
egov_shapes_that_do_not_count(void)
{
	struct buf xml = {0}, b = {0};
	char *x = egov(&xml, EGOV(SIGNATURE("20261122180000", C14N, RSA_SHA256,
				 EGOV_REFERENCES)));

	/* 署名情報 elsewhere: there is no filing signature. */
	xmlsign_edit(&b, x, "</構成情報>", "</構成情報><x/>");
	CHECK_OK(judge_egov(buf_cstr(&b), 1), &error);
	CU_ASSERT_EQUAL(report.filing_count, 0);
	CHECK_CODE(
	    verify_all_good(&report, 1, &error), &error, "signatures-missing");
	/* A second 構成情報. */
	buf_reset(&b);
	xmlsign_edit(&b, x, "<様式ID>", "<構成情報 ID=\"y\"/><様式ID>");
	CHECK_CODE(judge_egov(buf_cstr(&b), 1), &error, "verify-wrong-shape");
	buf_reset(&b);
	xmlsign_edit(&b, x, "<様式ID>", "<様式ID id=\"構成情報\">");
	CHECK_CODE(judge_egov(buf_cstr(&b), 1), &error, "id-duplicate");
	/* The same file twice. */
	x = egov(&xml, EGOV(SIGNATURE("1", C14N, RSA_SHA256,
			   EGOV_REFERENCES REFERENCE(FORM, "", SHA256))));
	CHECK_OK(judge_egov(x, 1), &error);
	verifylab_expect(true, true, false, "signature-not-covering");
	/* A transform on a file would be a second reading of it. */
	x = egov(&xml, EGOV(SIGNATURE("1", C14N, RSA_SHA256,
			   REFERENCE("#" CONFIG, PLAIN, SHA256)
			       REFERENCE(FORM, PLAIN, SHA256))));
	CHECK_OK(judge_egov(x, 1), &error);
	verifylab_expect(true, false, false, "signature-reference");
	/* A file that is there on disk but no member. */
	x = egov(
	    &xml, EGOV(SIGNATURE("1", C14N, RSA_SHA256,
		      EGOV_REFERENCES REFERENCE("other.xml", "", SHA256))));
	CHECK_OK(judge_egov(x, 1), &error);
	verifylab_expect(true, false, false, "signature-member-missing");
	buf_free(&xml);
	buf_free(&b);
}

static void
works_inside_the_sandbox(void)
{
	struct sandbox_limits l = {
	    .memory = 1ULL << 30, .cpu_s = 20, .files = 64};
	struct buf xml = {0};
	struct err e = {0};
	char *x = egov(&xml, EGOV(SIGNATURE("20261122180000", C14N, RSA_SHA256,
				 EGOV_REFERENCES)));
	int log = fs_memfd("log", &e), status = -1;
	struct buf text = {0};
	pid_t pid = fork();

	if (pid == 0) {
		log_open(log, LOG_LEVEL_WARN, "examiner");
		if (sandbox_prepare(&e) != 0 || verify_init(&e) != 0 ||
		    sandbox_enter(&l, &e) != 0 || judge_egov(x, 1) != 0)
			_exit(1);
		_exit(verifylab_whole(&report.signatures[0]) ? 0 : 2);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	CHECK_OK(fs_read_all(log, 65536, &text, &e), &e);
	CU_ASSERT_EQUAL(text.len, 0);
	buf_free(&text);
	buf_free(&xml);
	close(log);
}

static void
samples_of_egov_vectors_verify(void)
{
	static const char *const names[] = {
	    "kousei_signed_kiji.xml", "kousei_signed_ts.xml"};
	const char *form = suite_sample("samples/egov/vectors/" FORM);
	struct verify_member m = {.name = FORM};
	char path[100];

	m.input.fd = form == NULL ? -1 : open(form, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < 2; i++) {
		snprintf(
		    path, sizeof path, "samples/egov/vectors/%s", names[i]);
		if (verifylab_sample(path, &verify_egov, &m, 1) != 0)
			return;
		verifylab_expect(true, true, true, "");
	}
	close(m.input.fd);
}

SUITE_MAIN("verify_egov", CASE(egov_signature_is_whole),
    CASE(egov_form_changes_are_seen), CASE(egov_shapes_that_do_not_count),
    CASE(works_inside_the_sandbox), CASE(samples_of_egov_vectors_verify))
