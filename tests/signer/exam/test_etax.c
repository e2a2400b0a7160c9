/* e-Tax filings from end to end inside the examiner: real schemas, keys. */
#include "base/fsops.h"
#include "base/text.h"
#include "schemas/sample.h"
#include "signer/exam/format_rows.h"
#include "tests/lib/examlab.h"
#include "tests/lib/suite.h"
#include "tests/lib/xsdtree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct examlab drop, output;
static struct findings found;
static struct exam_options options;
static struct err e;

/* The small sample of our own, agent 1111…, with its letter of authority. */
static struct slice
filing(void)
{
	static struct buf b;
	struct sample s = {
	    .number = 3, .agent_id = "1111111111111111", .letter = true};

	if (b.len == 0 && sample_etax(&s, &b) != 0)
		abort();
	return buf_view(&b);
}

/* The same with one change. */
static struct slice
changed(const char *from, const char *to)
{
	static struct buf b;

	buf_reset(&b);
	examlab_edit(&b, filing(), from, to);
	return buf_view(&b);
}

static int
examine(struct slice bytes)
{
	findings_free(&found);
	examlab_close(&drop);
	examlab_open(&drop, "sample.xtx", bytes);
	memset(&e, 0, sizeof e);
	return format_etax.examine(&drop.drop, &options, &found, &e);
}

static void
refused(struct slice bytes, const char *code)
{
	CHECK_CODE(examine(bytes), &e, code);
	if (strcmp(e.code, code) != 0)
		printf("# %s: %s, want %s\n", e.code, e.detail, code);
	CU_ASSERT_EQUAL(e.class, ERR_INPUT);
	CU_ASSERT_EQUAL(found.part_count, 0);
}

static bool
warned(const char *code)
{
	for (size_t i = 0; i < found.warning_count; i++)
		if (strcmp(found.warnings[i].code, code) == 0)
			return true;
	return false;
}

/* Signs what was examined last; the new output becomes `output`. */
static int
sign(unsigned keys, unsigned n)
{
	examlab_close(&output);
	return examlab_build(&format_etax, &drop, &found, keys, n, &output, &e);
}

static void
tells_what_is_in_it(void)
{
	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	CU_ASSERT_STRING_EQUAL(found.format, "etax");
	CU_ASSERT_STRING_EQUAL(found.procedure, "ZZZ0010");
	CU_ASSERT_STRING_EQUAL(found.version, "1.0.0");
	CU_ASSERT_STRING_EQUAL(found.procedure_name,
	    "\xE8\xA6\x8B\xE6\x9C\xAC\xE3\x81\xAE\xE7\x94\xB3\xE5\x91\x8A");
	CU_ASSERT_STRING_EQUAL(found.taxpayer_id, "9000000000000003");
	CU_ASSERT_STRING_EQUAL(found.agent_id, "1111111111111111");
	CU_ASSERT_STRING_EQUAL(found.period, "5070101-5071231");
	CU_ASSERT_STRING_EQUAL(found.schema, "ZZZ0010-1.0.0");
	CU_ASSERT_EQUAL(strlen(found.schema_sha256), 64);
	CU_ASSERT(found.etax);
	CU_ASSERT_EQUAL(found.warning_count, 0);
	CU_ASSERT_EQUAL(found.signature_count, 0);
	CU_ASSERT_EQUAL_FATAL(found.part_count, 1);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 0);
}

static void
signed_info_has_the_keyholders_form(void)
{
	static const char head[] =
	    "<dsig:SignedInfo xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\" "
	    "xmlns:dsig=\"http://www.w3.org/2000/09/xmldsig#\" "
	    "xmlns:gen=\"http://xml.e-tax.nta.go.jp/XSD/general\" "
	    "xmlns:kyo=\"http://xml.e-tax.nta.go.jp/XSD/kyotsu\" xmlns:rdf=";
	struct slice s;

	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	s = buf_view(&found.parts[0].signed_info);
	CU_ASSERT(slice_starts(s, head));
	CU_ASSERT_PTR_NOT_NULL(
	    memmem(s.p, s.len, "<dsig:Reference URI=\"#ZZZ0010\">", 31));
}

/* Runs a program quietly; true when it ends with 0. */
static bool
runs(const char *command)
{
	char line[1200];

	snprintf(
	    line, sizeof line, "%s >'%s/said' 2>&1", command, suite_dir_path());
	if (system(line) == 0)
		return true;
	snprintf(line, sizeof line, "head -c 1500 '%s/said'", suite_dir_path());
	printf("# %s\n", command);
	fflush(stdout);
	return system(line) < 0;
}

static void
put_file(const char *name, struct slice bytes)
{
	int dir = suite_dir();

	CHECK_OK(fs_replace(dir, name, bytes, 0600, &e), &e);
	close(dir);
}

/* xmlsec1's own program finds the first signature of `output` good. */
static bool
xmlsec_agrees(unsigned key, const char *node)
{
	struct buf bytes = {0};
	char command[1000];
	bool ok;

	examlab_read(&output, &bytes);
	put_file("signed.xml", buf_view(&bytes));
	put_file("signer.der", examlab_certificate(key));
	snprintf(command, sizeof command,
	    "cd '%s' && xmlsec1 --verify --trusted-der signer.der "
	    "--id-attr:id %s signed.xml",
	    suite_dir_path(), node);
	ok = runs(command);
	buf_free(&bytes);
	return ok;
}

static void
signs_and_xmlsec_agrees(void)
{
	struct buf in = {0}, out = {0};
	const uint8_t *at;

	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	CHECK_OK(sign(1, 1), &e);
	CU_ASSERT(
	    xmlsec_agrees(0, "http://xml.e-tax.nta.go.jp/XSD/shohi:ZZZ0010"));
	examlab_read(&drop, &in);
	examlab_read(&output, &out);
	at = memmem(out.p, out.len, "</ZZZ0010><dsig:Signature ", 26);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_EQUAL(memcmp(in.p, out.p, (size_t)(at - out.p) + 10), 0);
	CU_ASSERT_EQUAL(memcmp(out.p + out.len - 9, "\n</DATA>\n", 9), 0);
	buf_free(&in);
	buf_free(&out);
}

static void
second_signer_leaves_the_first_valid(void)
{
	struct buf out = {0};

	examlab_options(&options, 2);
	CHECK_OK(examine(filing()), &e);
	CHECK_OK(sign(1, 1), &e);
	examlab_read(&output, &out);
	CHECK_OK(examine(buf_view(&out)), &e);
	CU_ASSERT_EQUAL_FATAL(found.part_count, 1);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 1);
	CU_ASSERT_EQUAL(found.signature_count, 1);
	CHECK_OK(sign(2, 2), &e);
	buf_reset(&out);
	examlab_read(&output, &out);
	CHECK_OK(examine(buf_view(&out)), &e);
	CU_ASSERT_EQUAL_FATAL(found.part_count, 1);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 3);
	CU_ASSERT_EQUAL_FATAL(found.signature_count, 2);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT(found.signatures[i].value_ok &&
			  found.signatures[i].references_ok &&
			  found.signatures[i].covers_filing &&
			  found.signatures[i].filing);
	CU_ASSERT(
	    xmlsec_agrees(0, "http://xml.e-tax.nta.go.jp/XSD/shohi:ZZZ0010"));
	buf_free(&out);
}

static void
two_signers_at_once(void)
{
	struct buf out = {0};

	examlab_options(&options, 2);
	CHECK_OK(examine(filing()), &e);
	CHECK_OK(sign(3, 1), &e);
	examlab_read(&output, &out);
	CHECK_OK(examine(buf_view(&out)), &e);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 3);
	buf_free(&out);
}

/* The duplicate key depends on what is signed and on nothing else. */
static void
duplicate_key(void)
{
	uint8_t key[FINDINGS_SHA256];
	struct buf out = {0};

	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	memcpy(key, found.parts[0].duplicate, sizeof key);
	CHECK_OK(
	    examine(changed("\n</DATA>", "\r\n  <!-- x -->\n</DATA>")), &e);
	CU_ASSERT_EQUAL(memcmp(key, found.parts[0].duplicate, 32), 0);
	CHECK_OK(sign(1, 1), &e);
	examlab_read(&output, &out);
	CHECK_OK(examine(buf_view(&out)), &e);
	CU_ASSERT_EQUAL(memcmp(key, found.parts[0].duplicate, 32), 0);
	CHECK_OK(
	    examine(changed("<gen:mm>3</gen:mm>", "<gen:mm>2</gen:mm>")), &e);
	CU_ASSERT_NOT_EQUAL(memcmp(key, found.parts[0].duplicate, 32), 0);
	buf_free(&out);
}

static void
tampered_signature_refuses(void)
{
	struct buf out = {0}, bad = {0};

	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	CHECK_OK(sign(1, 1), &e);
	examlab_read(&output, &out);
	/* the content */
	examlab_edit(&bad, buf_view(&out), "<gen:mm>3<", "<gen:mm>4<");
	refused(buf_view(&bad), "existing-signature-invalid");
	CU_ASSERT(found.signatures[0].value_ok);
	CU_ASSERT_FALSE(found.signatures[0].references_ok);
	/* the value */
	buf_reset(&bad);
	examlab_edit(&bad, buf_view(&out), "<dsig:SignatureValue>",
	    "<dsig:SignatureValue>AAAA");
	refused(buf_view(&bad), "existing-signature-invalid");
	CU_ASSERT_FALSE(found.signatures[0].value_ok);
	/* SignedInfo's inherited namespaces */
	buf_reset(&bad);
	examlab_edit(&bad, buf_view(&out), "<DATA id=\"DATA\"",
	    "<DATA id=\"DATA\" xmlns:x=\"urn:x\"");
	refused(buf_view(&bad), "existing-signature-invalid");
	/* another element than the procedure */
	buf_reset(&bad);
	examlab_edit(&bad, buf_view(&out), "URI=\"#ZZZ0010\"", "URI=\"#IT\"");
	refused(buf_view(&bad), "existing-signature-unsupported");
	buf_free(&out);
	buf_free(&bad);
}

/* A look-alike with the signed id elsewhere does not count. */
static void
wrapping_is_refused(void)
{
	examlab_options(&options, 1);
	examlab_schemas(&options, NULL);
	refused(changed("<CONTENTS id=\"CONTENTS\">",
		    "<CONTENTS id=\"CONTENTS\"><x id=\"ZZZ0010\"/>"),
	    "id-duplicate");
	refused(changed(" <ZZZ0010 VR=\"1.0.0\" id=\"ZZZ0010\">",
		    " <AAA0010 VR=\"1\" id=\"AAA0010\"/><ZZZ0010 "
		    "VR=\"1.0.0\" id=\"ZZZ0010\">"),
	    "etax-structure");
	refused(changed("</ZZZ0010>", "</ZZZ0010><x/>"), "etax-structure");
	refused(changed("</ZZZ0010>", "</ZZZ0010>x"), "etax-structure");
	refused(changed("<ZZZ0010 VR=\"1.0.0\" id=\"ZZZ0010\">",
		    "<ZZZ0010 VR=\"1.0.0\" id=\"Z\">"),
	    "etax-procedure-id");
	refused(changed("<ZZZ0010 VR=\"1.0.0\" ", "<ZZZ0010 "), "etax-version");
	refused(slice_str("<DATA xmlns='http://xml.e-tax.nta.go.jp/XSD/a'/>"),
	    "etax-structure");
	refused(slice_str("<DATA xmlns='urn:other'><ZZZ0010/></DATA>"),
	    "etax-structure");
}

static void
schema_decides(void)
{
	examlab_options(&options, 1);
	refused(
	    changed("<ZZC00030>1550331<", "<ZZC00030>x<"), "schema-invalid");
}

static void
schema_missing_warns_or_refuses(void)
{
	examlab_options(&options, 1);
	CHECK_OK(examine(changed("VR=\"1.0.0\"", "VR=\"9.9.9\"")), &e);
	CU_ASSERT(warned("schema-missing"));
	CU_ASSERT_STRING_EQUAL(found.schema_sha256, "");
	options.schema_required = true;
	refused(changed("VR=\"1.0.0\"", "VR=\"9.9.9\""), "schema-missing");
}

static void
characters(void)
{
	examlab_options(&options, 1);
	refused(changed("<DATA id", "<DATA a='\xEF\xBD\xB1' id"),
	    "character-not-allowed");
	refused(changed(">\xE8\xA6\x8B\xE6\x9C\xAC", ">\xEF\xBD\xB1"),
	    "character-not-allowed");
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "U+FF71"));
	refused(changed(">\xE8\xA6\x8B\xE6\x9C\xAC", ">\xF0\xA0\xAE\xB7"),
	    "character-not-allowed");
	CHECK_OK(examine(changed("NOZEISHA_NM\">\xE8\xA6\x8B",
		     "NOZEISHA_NM\">\xE2\x91\xA0\xE3\x88\xB1")),
	    &e);
	CU_ASSERT(warned("character-narrow-set"));
	examlab_schemas(&options, NULL);
	refused(changed(">\xE8\xA6\x8B\xE6\x9C\xAC", ">\xEF\xBD\xB1"),
	    "character-not-allowed");
}

static void
who_may_sign(void)
{
	struct slice no_agent = changed("<DAIRI_ID ID=\"DAIRI_ID\">"
					"1111111111111111</DAIRI_ID>",
	    "");

	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	CU_ASSERT_EQUAL(found.warning_count, 0);
	/* a second accountant beside the one of DAIRI_ID */
	examlab_options(&options, 2);
	CHECK_OK(examine(filing()), &e);
	CU_ASSERT(warned("signer-id-unlisted"));
	/* somebody else's key alone */
	options.signers[0] = options.signers[1];
	options.signer_count = 1;
	refused(filing(), "agent-id-mismatch");
	CU_ASSERT_PTR_NULL(strstr(e.detail, "1111111"));
	no_agent = changed("<DAIRI_ID ID=\"DAIRI_ID\">"
			   "1111111111111111</DAIRI_ID>",
	    "");
	refused(no_agent, "taxpayer-id-mismatch");
	/* the taxpayer himself, with or without an agent */
	snprintf(options.signers[0].etax_user_id, 20, "9000000000000003");
	CHECK_OK(examine(no_agent), &e);
	CHECK_OK(examine(filing()), &e);
	/* a key that has no number is not judged here */
	options.signers[0].etax_user_id[0] = '\0';
	CHECK_OK(examine(filing()), &e);
}

/* Keys of a pool are one signer: the agent's is to sign, it is not missed
 * beside it, and what one of them has signed the pool has signed. */
static void
keys_of_one_pool(void)
{
	struct exam_signer tanaka;
	struct buf out = {0};

	examlab_options(&options, 2);
	tanaka = options.signers[0];
	options.signers[1].or_else = true;
	CHECK_OK(examine(filing()), &e);
	CU_ASSERT_EQUAL(found.warning_count, 0);
	CU_ASSERT_EQUAL(found.unfit, 2);
	CHECK_OK(sign(1, 1), &e);
	examlab_read(&output, &out);
	options.signers[0] = options.signers[1];
	options.signers[0].or_else = false;
	options.signers[1] = tanaka;
	options.signers[1].or_else = true;
	CHECK_OK(examine(filing()), &e);
	CU_ASSERT_EQUAL(found.unfit, 1);
	CU_ASSERT_EQUAL_FATAL(found.part_count, 1);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 0);
	CHECK_OK(examine(buf_view(&out)), &e);
	CU_ASSERT_EQUAL_FATAL(found.part_count, 1);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 1);
	buf_free(&out);
	/* a key without a number, beside one of another's */
	options.signers[1].etax_user_id[0] = '\0';
	CHECK_OK(examine(filing()), &e);
	CU_ASSERT_EQUAL(found.unfit, 1);
	/* none of them is the agent's */
	options.signers[1] = options.signers[0];
	options.signers[1].or_else = true;
	refused(filing(), "agent-id-mismatch");
	CU_ASSERT_EQUAL(found.unfit, 0);
}

static void
other_rules(void)
{
	examlab_options(&options, 1);
	examlab_schemas(&options, NULL);
	refused(changed("procedure_CD>ZZZ0010<", "procedure_CD>ZZZ0020<"),
	    "procedure-code-mismatch");
	refused(changed("<CATALOG id", "<a/><CATALOG id"), "catalog-missing");
	refused(changed("<IT VR=\"1.5\" id=\"IT\">", "<IT2 id=\"IT\"/><IT3>"),
	    "xml-malformed");
	CHECK_OK(examine(changed("about=\"#ZZA010-1\"", "about=\"#no\"")), &e);
	CU_ASSERT(warned("catalog-dangling"));
	refused(
	    changed("IDREF=\"ZEIMUSHO\"", "IDREF=\"NOPE\""), "idref-dangling");
	CHECK_OK(examine(changed("9000000000000003", "12")), &e);
	CU_ASSERT(warned("taxpayer-id-odd"));
}

static void
authority_missing_warns(void)
{
	struct buf b = {0};
	struct sample s = {.number = 1, .agent_id = "1111111111111111"};

	CU_ASSERT_EQUAL(sample_etax(&s, &b), 0);
	examlab_options(&options, 1);
	CHECK_OK(examine(buf_view(&b)), &e);
	CU_ASSERT(warned("authority-missing"));
	buf_free(&b);
}

/* The same filing in other clothes: signed, valid, only bytes added. */
static void
odd_clothes(void)
{
	static const char *const edits[][2] = {
	    {"<?xml version", "\xEF\xBB\xBF<?xml version"},
	    {"</ZZZ0010>", "</ZZZ0010 \n>"},
	    {"</ZZZ0010>", "</ZZZ0010><!-- a --> <?pi b?>\r\n"},
	    {"<ZZC00020>", "<ZZC00020><!-- c --><![CDATA[\r\n]]>&#13;&amp;"},
	    {"<DATA id=\"DATA\"", "<DATA\r\nid='DATA' xml:lang=\"ja\""},
	    {"<SEND_DATA/>", "<SEND_DATA\n/>"},
	    {" <ZZZ0010 VR=\"1.0.0\" id=\"ZZZ0010\">",
		"<ZZZ0010 xmlns:z=\"urn:z\" id='ZZZ0010' VR='1.0.0'>"},
	};
	struct buf out = {0};

	examlab_options(&options, 1);
	examlab_schemas(&options, NULL);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		CHECK_OK(examine(changed(edits[i][0], edits[i][1])), &e);
		CHECK_OK(sign(1, 1), &e);
		CU_ASSERT(xmlsec_agrees(
		    0, "http://xml.e-tax.nta.go.jp/XSD/shohi:ZZZ0010"));
		buf_reset(&out);
		examlab_read(&output, &out);
		CHECK_OK(examine(buf_view(&out)), &e);
		CU_ASSERT_EQUAL(found.parts[0].signed_by, 1);
	}
	buf_free(&out);
}

static void
build_wants_its_own_plan(void)
{
	struct buf out = {0};
	uint8_t *p;

	examlab_options(&options, 1);
	CHECK_OK(examine(filing()), &e);
	CHECK_OK(sign(1, 1), &e);
	examlab_read(&output, &out);
	/* an Id that the document has */
	CHECK_OK(examine(buf_view(&out)), &e);
	CHECK_CODE(sign(1, 1), &e, "signature-id-taken");
	/* another document than the one that was read */
	CHECK_OK(examine(filing()), &e);
	examlab_close(&drop);
	examlab_open(&drop, "x", buf_view(&out));
	CHECK_CODE(sign(1, 1), &e, "input-changed");
	/* a plan that is cut or changed */
	CHECK_OK(examine(filing()), &e);
	found.parts[0].plan.len--;
	CHECK_CODE(sign(1, 1), &e, "plan-malformed");
	found.parts[0].plan.len++;
	p = memmem(found.parts[0].plan.p, found.parts[0].plan.len, "etax", 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	*p = 'E';
	CHECK_CODE(sign(1, 1), &e, "plan-malformed");
	buf_free(&out);
}

static void
output_names(void)
{
	char out[30];

	CU_ASSERT_EQUAL(format_etax.output_name("a/b.xtx", out, 30), 0);
	CU_ASSERT_STRING_EQUAL(out, "a/b.xtx");
	CU_ASSERT_EQUAL(format_etax.output_name("a.d/B.XTX", out, 30), 0);
	CU_ASSERT_STRING_EQUAL(out, "a.d/B.XTX");
	CU_ASSERT_EQUAL(format_etax.output_name("a.d/b.xml", out, 30), 0);
	CU_ASSERT_STRING_EQUAL(out, "a.d/b.xtx");
	CU_ASSERT_EQUAL(format_etax.output_name("a.d/b", out, 30), 0);
	CU_ASSERT_STRING_EQUAL(out, "a.d/b.xtx");
	CU_ASSERT_EQUAL(format_etax.output_name("0123456789", out, 14), -1);
	CU_ASSERT_EQUAL(format_etax.output_name("0123456789", out, 15), 0);
	CU_ASSERT_EQUAL(format_etax_form.output_name("a.xml", out, 30), 0);
	CU_ASSERT_STRING_EQUAL(out, "a.xml");
}

static const struct submission_format *
recognise(const char *name, const char *text, const char *wanted)
{
	const struct submission_format *f;
	struct examlab l;

	examlab_open(&l, name, slice_str(text));
	f = format_recognise(&l.drop, wanted, &e);
	examlab_close(&l);
	return f;
}

static void
recognises(void)
{
	static const char data[] =
	    "<DATA xmlns='http://xml.e-tax.nta.go.jp/XSD/shohi'><a";
	static const char form[] =
	    "<TEG840 xmlns='http://xml.e-tax.nta.go.jp/XSD/kyotsu'/>";

	CU_ASSERT_PTR_EQUAL(recognise("a", data, "auto"), &format_etax);
	CU_ASSERT_PTR_EQUAL(recognise("a", data, "etax"), &format_etax);
	CU_ASSERT_PTR_NULL(recognise("a", data, "egov"));
	CU_ASSERT_PTR_EQUAL(recognise("a", form, "auto"), &format_etax_form);
	CU_ASSERT_PTR_EQUAL(recognise("a.xtx", "<DA", "auto"), &format_etax);
	CU_ASSERT_PTR_EQUAL(
	    recognise("a.xtx", "<DATA id='DATA' ", "auto"), &format_etax);
	CU_ASSERT_PTR_NULL(recognise("a.pdf", "%PDF-1.4", "auto"));
	CU_ASSERT_STRING_EQUAL(e.code, "format-unknown");
	CU_ASSERT_PTR_NULL(recognise("a.xml",
	    "<HOJIN_DOFUKEN xmlns='http://eltax.jp/HOJIN_DOFUKEN'/>", "auto"));
	CU_ASSERT_STRING_EQUAL(e.code, "format-eltax");
	CU_ASSERT_PTR_EQUAL(format_find("etax-form"), &format_etax_form);
	CU_ASSERT_PTR_NULL(format_find("eltax"));
}

static void
truncated_waits_only_with_the_hint(void)
{
	struct slice s = filing();

	examlab_options(&options, 1);
	s.len /= 2;
	refused(s, "xml-truncated");
	options.complete_hint = true;
	CHECK_CODE(examine(s), &e, "xml-truncated");
	CU_ASSERT_EQUAL(e.class, ERR_TRANSIENT_IO);
}

/* The form-root family. */
static int
examine_form(struct slice bytes)
{
	findings_free(&found);
	examlab_close(&drop);
	examlab_open(&drop, "form.xml", bytes);
	memset(&e, 0, sizeof e);
	return format_etax_form.examine(&drop.drop, &options, &found, &e);
}

static void
form_root(void)
{
	struct sample s = {.number = 5};
	struct buf form = {0}, out = {0}, bad = {0};

	CU_ASSERT_EQUAL_FATAL(sample_etax_form(&s, &form), 0);
	examlab_options(&options, 1);
	CHECK_CODE(
	    examine_form(buf_view(&form)), &e, "form-root-not-configured");
	options.sign_form_root = true;
	CHECK_OK(examine_form(buf_view(&form)), &e);
	CU_ASSERT_STRING_EQUAL(found.schema, "ZZG010-1.0");
	examlab_close(&output);
	CHECK_OK(
	    examlab_build(&format_etax_form, &drop, &found, 1, 1, &output, &e),
	    &e);
	CU_ASSERT(
	    xmlsec_agrees(0, "http://xml.e-tax.nta.go.jp/XSD/kyotsu:ZZG010"));
	examlab_read(&output, &out);
	CHECK_OK(examine_form(buf_view(&out)), &e);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 1);
	examlab_edit(&bad, buf_view(&out), "<ZZG00020>8<", "<ZZG00020>9<");
	CHECK_CODE(
	    examine_form(buf_view(&bad)), &e, "existing-signature-invalid");
	/* somebody else's signature: ours would break it */
	options.signers[0].spki[0] ^= 1;
	CHECK_CODE(examine_form(buf_view(&out)), &e, "form-root-one-signature");
	buf_free(&form);
	buf_free(&out);
	buf_free(&bad);
}

/* A procedure that exists, in little, without a schema. */
static struct slice
little(const char *contents)
{
	static struct buf b;

	buf_reset(&b);
	if (buf_printf(&b,
		"<DATA xmlns='http://xml.e-tax.nta.go.jp/XSD/shohi' "
		"xmlns:r='urn:r'><RSH0010 id='RSH0010' VR='23.2.0'>"
		"<CATALOG id='C'><r:RDF><r:description id='R'/></r:RDF>"
		"</CATALOG>%s</RSH0010></DATA>",
		contents) != 0)
		abort();
	return buf_view(&b);
}

#define LITTLE_IT                                                              \
	"<IT id='IT'><TETSUZUKI><procedure_CD>RSH0010</procedure_CD>"          \
	"</TETSUZUKI><NENBUN><era>5</era><yy>7</yy></NENBUN></IT>"

static void
little_rules(void)
{
	struct buf other = {0};

	examlab_options(&options, 1);
	examlab_schemas(&options, NULL);
	CHECK_OK(examine(little("<CONTENTS>" LITTLE_IT "</CONTENTS>")), &e);
	CU_ASSERT_STRING_EQUAL(found.period, "507");
	CU_ASSERT(warned("schema-missing"));
	CU_ASSERT_EQUAL(found.warning_count, 1);
	refused(little("<CONTENTS>" LITTLE_IT "<SOFUSHO/></CONTENTS>"),
	    "sofusho-forbidden");
	refused(little(""), "contents-missing");
	refused(little("<CONTENTS/>"), "contents-missing");
	refused(
	    little("<CONTENTS>" LITTLE_IT "</CONTENTS><x a='\xEF\xBD\xB1'/>"),
	    "character-not-allowed");
	examlab_schemas(&options, xsdtree_demo());
	/* the demo's CATALOG is lax, as the real one */
	examlab_edit(&other, changed("rdf:description id", "rdf:Desc id"),
	    "</rdf:description></rdf:RDF>", "</rdf:Desc></rdf:RDF>");
	CHECK_OK(examine(buf_view(&other)), &e);
	CU_ASSERT(warned("catalog-envelope"));
	/* so any text may stand in it */
	CHECK_OK(examine(changed(
		     "<SEND_DATA/>", "<SEND_DATA>\xEF\xBD\xB1</SEND_DATA>")),
	    &e);
	CU_ASSERT(warned("character-unusual"));
	buf_free(&other);
}

/* A form's own signature is told and refuses nothing, however bad. */
static void
nested_signature_is_only_reported(void)
{
	static const char nested[] =
	    "<dsig:Signature xmlns:dsig='http://www.w3.org/2000/09/xmldsig#' "
	    "Id='_n'><dsig:SignedInfo><dsig:CanonicalizationMethod "
	    "Algorithm='urn:x'/><dsig:SignatureMethod Algorithm='urn:y'/>"
	    "<dsig:Reference URI='#SOZ'/></dsig:SignedInfo>"
	    "<dsig:SignatureValue>!</dsig:SignatureValue></dsig:Signature>";
	char contents[1000];
	struct buf out = {0};

	snprintf(contents, sizeof contents,
	    "<CONTENTS>" LITTLE_IT "<TENPU><SOZ074>%s</SOZ074></TENPU>"
	    "</CONTENTS>",
	    nested);
	examlab_options(&options, 1);
	examlab_schemas(&options, NULL);
	CHECK_OK(examine(little(contents)), &e);
	CU_ASSERT_EQUAL_FATAL(found.signature_count, 1);
	CU_ASSERT_FALSE(found.signatures[0].filing);
	CU_ASSERT_FALSE(found.signatures[0].value_ok);
	CU_ASSERT_STRING_EQUAL(found.signatures[0].id, "_n");
	CU_ASSERT_STRING_EQUAL(found.signatures[0].reference, "#SOZ");
	CHECK_OK(sign(1, 1), &e);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 0);
	examlab_read(&output, &out);
	CHECK_OK(examine(buf_view(&out)), &e);
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 1);
	CU_ASSERT_EQUAL(found.signature_count, 2);
	buf_free(&out);
}

/* What stands in a filing signature twice, or hidden, is not believed. */
static void
malformed_signature_refuses(void)
{
	static const char *const edits[][2] = {
	    {"</dsig:SignedInfo>", "</dsig:SignedInfo><dsig:SignedInfo/>"},
	    {"<dsig:SignatureValue>",
		"<dsig:SignatureValue>AA==</dsig:SignatureValue>"
		"<dsig:SignatureValue>"},
	    {"<dsig:KeyInfo>", "<dsig:Object><dsig:KeyInfo>"},
	    {"<dsig:DigestValue>", "<dsig:DigestValue>AAAA</dsig:DigestValue>"
				   "<dsig:DigestValue>"},
	    {"<dsig:Reference ", "<dsig:Reference URI=''/><dsig:Reference "},
	};
	struct buf out = {0}, bad = {0}, closed = {0};

	examlab_options(&options, 1);
	examlab_schemas(&options, NULL);
	CHECK_OK(examine(filing()), &e);
	CHECK_OK(sign(1, 1), &e);
	examlab_read(&output, &out);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		buf_reset(&bad);
		buf_reset(&closed);
		examlab_edit(&bad, buf_view(&out), edits[i][0], edits[i][1]);
		if (i == 2)
			examlab_edit(&closed, buf_view(&bad), "</dsig:KeyInfo>",
			    "</dsig:KeyInfo></dsig:Object>");
		else
			buf_slice(&closed, buf_view(&bad));
		CU_ASSERT_EQUAL(examine(buf_view(&closed)), -1);
		CU_ASSERT(strncmp(e.code, "existing-signature-", 19) == 0);
		CU_ASSERT_EQUAL(found.part_count, 0);
	}
	buf_free(&out);
	buf_free(&bad);
	buf_free(&closed);
}

/* A file of the samples into `out`; false (and skipped) without samples. */
static bool
sample(const char *name, struct buf *out)
{
	const char *path = suite_sample(name);

	if (path == NULL) {
		suite_skip("NATSUIN_SAMPLES is not set");
		return false;
	}
	buf_reset(out);
	CHECK_OK(xsdtree_file(path, out, &e), &e);
	return true;
}

static void
sample_rsh0010(void)
{
	struct buf in = {0}, out = {0};
	char schemas[400];

	if (!sample("samples/etax/synthetic/RSH0010-unsigned.xtx", &in))
		return;
	examlab_options(&options, 2);
	snprintf(schemas, sizeof schemas, "%s", suite_sample("schemas/etax"));
	examlab_schemas(&options, schemas);
	CHECK_OK(examine(buf_view(&in)), &e);
	CU_ASSERT_STRING_EQUAL(found.schema, "RSH0010-23.2.0");
	CU_ASSERT_STRING_EQUAL(found.period, "5070101-5071231");
	CHECK_OK(sign(3, 1), &e);
	CU_ASSERT(
	    xmlsec_agrees(0, "http://xml.e-tax.nta.go.jp/XSD/shohi:RSH0010"));
	{
		char command[1000];

		snprintf(command, sizeof command,
		    "xmllint --nonet --noout --schema "
		    "'%s/shohi/RSH0010-232.xsd' '%s/signed.xml'",
		    schemas, suite_dir_path());
		CU_ASSERT(runs(command));
	}
	examlab_read(&output, &out);
	/* the synthetic signed one: a whole signature of another signer */
	CU_ASSERT(
	    sample("samples/etax/synthetic/RSH0010-signed1-zeirishi.xtx", &in));
	CHECK_OK(examine(buf_view(&in)), &e);
	CU_ASSERT(examlab_all_good(&found, 1));
	CU_ASSERT_EQUAL(found.parts[0].signed_by, 0);
	buf_free(&in);
	buf_free(&out);
}

static void
sample_nta_vector(void)
{
	struct buf in = {0};

	if (!sample("samples/etax/nta-test/PTE0010-signature-vector.xml", &in))
		return;
	examlab_options(&options, 0);
	options.allow_legacy = true;
	refused(buf_view(&in), "existing-signature-invalid");
	CU_ASSERT_EQUAL_FATAL(found.signature_count, 1);
	CU_ASSERT(found.signatures[0].value_ok);
	CU_ASSERT(found.signatures[0].covers_filing);
	CU_ASSERT(found.signatures[0].legacy);
	CU_ASSERT_FALSE(found.signatures[0].references_ok);
	options.allow_legacy = false;
	refused(buf_view(&in), "existing-signature-legacy");
	CU_ASSERT_FALSE(found.signatures[0].value_ok);
	buf_free(&in);
}

static void
sample_deduction_certificates(void)
{
	static const char *const names[] = {"TEG840-sample1.xml",
	    "TEG840-sample2.xml", "TEG840-sample5.xml", "TEG840-sample6.xml"};
	struct buf in = {0};
	char path[100];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "samples/etax/kojo/%s", names[i]);
		if (!sample(path, &in))
			return;
		examlab_options(&options, 1);
		options.sign_form_root = true;
		examlab_schemas(&options, NULL);
		CHECK_CODE(examine_form(buf_view(&in)), &e,
		    "existing-signature-invalid");
		CU_ASSERT_EQUAL_FATAL(found.signature_count, 1);
		CU_ASSERT_FALSE(found.signatures[0].value_ok);
		CU_ASSERT(found.signatures[0].covers_filing);
	}
	buf_free(&in);
}

SUITE_MAIN("exam/etax", CASE(tells_what_is_in_it),
    CASE(signed_info_has_the_keyholders_form), CASE(signs_and_xmlsec_agrees),
    CASE(second_signer_leaves_the_first_valid), CASE(two_signers_at_once),
    CASE(keys_of_one_pool), CASE(duplicate_key),
    CASE(tampered_signature_refuses), CASE(wrapping_is_refused),
    CASE(schema_decides), CASE(schema_missing_warns_or_refuses),
    CASE(characters), CASE(who_may_sign), CASE(other_rules),
    CASE(authority_missing_warns), CASE(odd_clothes),
    CASE(build_wants_its_own_plan), CASE(output_names), CASE(recognises),
    CASE(truncated_waits_only_with_the_hint), CASE(form_root),
    CASE(little_rules), CASE(nested_signature_is_only_reported),
    CASE(malformed_signature_refuses), CASE(sample_rsh0010),
    CASE(sample_nta_vector), CASE(sample_deduction_certificates))
