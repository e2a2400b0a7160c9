/*
 * The referee against signatures made by xmlsec1, whole, tampered with and
 * wrapped; and against what must not be reached through a signature.
 */
#include "signer/exam/verify.h"

#include "base/fsops.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"
#include "tests/lib/verifylab.h"
#include "tests/lib/xmlsign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USUAL_REFERENCE REFERENCE("#RSH0010", PLAIN, SHA256)
#define USUAL SIGNATURE("_1", C14N, RSA_SHA256, USUAL_REFERENCE)

#define DATA_HEAD                                                              \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                         \
	"<DATA id=\"DATA\" xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\" "    \
	"xmlns:gen=\"http://xml.e-tax.nta.go.jp/XSD/general\">"
#define PROCEDURE                                                              \
	"<RSH0010 id=\"RSH0010\" VR=\"23.2.0\"><CATALOG id=\"CATALOG\"/>"      \
	"<CONTENTS id=\"CONTENTS\"><IT id=\"IT\" VR=\"1.5\"><NOZEISHA_NM "     \
	"ID=\"NOZEISHA_NM\">試験　花子</NOZEISHA_NM></IT>"                \
	"</CONTENTS></RSH0010>"

static int
judge_etax(const char *xml)
{
	return verifylab_judge(&verify_etax, slice_str(xml), NULL, 0, false);
}

/* The e-Tax document with this tail after the procedure, signed. */
static char *
etax(struct buf *out, const char *tail)
{
	struct buf t = {0};

	buf_reset(out);
	buf_printf(&t, "%s%s%s</DATA>", DATA_HEAD, PROCEDURE, tail);
	xmlsign(out, buf_cstr(&t), "RSH0010", "id", "RSH0010");
	buf_free(&t);
	return buf_cstr(out);
}

static void
etax_signature_is_whole(void)
{
	struct buf xml = {0};
	const struct verify_signature *s;

	CHECK_OK(judge_etax(etax(&xml, USUAL)), &error);
	CU_ASSERT_EQUAL_FATAL(report.count, 1);
	s = &report.signatures[0];
	CU_ASSERT_TRUE(verifylab_whole(s));
	CU_ASSERT_STRING_EQUAL(s->found.id, "_1");
	CU_ASSERT_STRING_EQUAL(s->found.method, RSA_SHA256);
	CU_ASSERT_STRING_EQUAL(s->found.reference, "#RSH0010");
	CU_ASSERT_TRUE(
	    slice_eq(buf_view(&s->found.certificate), keylab_certificate()));
	CU_ASSERT_FALSE(s->found.legacy);
	CHECK_OK(verify_all_good(&report, 1, &error), &error);
	CHECK_CODE(
	    verify_all_good(&report, 2, &error), &error, "signatures-missing");
	buf_free(&xml);
}

static void
second_signer_leaves_the_first_whole(void)
{
	struct buf xml = {0}, two = {0};

	etax(&xml, USUAL SIGNATURE("_2", C14N, RSA_SHA256, USUAL_REFERENCE));
	xmlsign(&two, buf_cstr(&xml), "RSH0010", "id", "RSH0010");
	CHECK_OK(judge_etax(buf_cstr(&two)), &error);
	CU_ASSERT_EQUAL_FATAL(report.filing_count, 2);
	CU_ASSERT_TRUE(verifylab_whole(&report.signatures[0]));
	CU_ASSERT_TRUE(verifylab_whole(&report.signatures[1]));
	buf_free(&xml);
	buf_free(&two);
}

static void
no_signature_is_no_error(void)
{
	CHECK_OK(judge_etax(DATA_HEAD PROCEDURE "</DATA>"), &error);
	CU_ASSERT_EQUAL(report.count, 0);
	CHECK_OK(verify_all_good(&report, 0, &error), &error);
}

static void
edited(const char *xml, const char *from, const char *to)
{
	struct buf b = {0};

	xmlsign_edit(&b, xml, from, to);
	CHECK_OK(judge_etax(buf_cstr(&b)), &error);
	buf_free(&b);
}

static void
tampering_is_told_apart(void)
{
	struct buf xml = {0};
	char *x = etax(&xml, USUAL), *at;

	edited(x, "花子", "次郎");
	verifylab_expect(true, false, true, "signature-digest-wrong");
	CU_ASSERT_STRING_EQUAL(report.signatures[0].found.detail, "#RSH0010");
	edited(x, "<DATA ", "<DATA xmlns:x=\"urn:x\" ");
	verifylab_expect(false, false, true, "signature-value-wrong");

	/* DigestValue: both, because SignedInfo covers it. */
	at = strstr(x, "DigestValue>") + 12;
	at[0] = at[0] == 'A' ? 'B' : 'A';
	CHECK_OK(judge_etax(x), &error);
	verifylab_expect(false, false, true, "signature-value-wrong");

	x = etax(&xml, USUAL);
	at = strstr(x, "SignatureValue>") + 20;
	at[0] = at[0] == 'A' ? 'B' : 'A';
	CHECK_OK(judge_etax(x), &error);
	verifylab_expect(false, true, true, "signature-value-wrong");
	buf_free(&xml);
}

static void
changes_outside_what_is_signed_do_no_harm(void)
{
	struct buf xml = {0};
	char *x = etax(&xml, USUAL);

	edited(x, "</RSH0010>", "</RSH0010>\n<!-- x -->\n");
	verifylab_expect(true, true, true, "");
	edited(x, "Id=\"_1\"", "Id=\"_other\"");
	verifylab_expect(true, true, true, "");
	buf_free(&xml);
}

/* Any single changed byte in the procedure element or in SignedInfo; one in
 * the certificate shows as another certificate, for signer/cert to judge. */
static void
no_changed_byte_passes(void)
{
	struct buf xml = {0};
	char *x = etax(&xml, USUAL);
	const char *ends[][2] = {{"<RSH0010", "</RSH0010>"},
	    {"<dsig:SignedInfo>", "</dsig:SignedInfo>"},
	    {"<dsig:X509Certificate>", "</dsig:X509Certificate>"}};
	size_t passed = 0, tried = 0;

	for (size_t k = 0; k < 3; k++) {
		char *from = strstr(x, ends[k][0]);
		char *to = strstr(x, ends[k][1]);

		for (char *p = from + 1; p < to; p++) {
			if (k == 2 && (*p == '\n' || p[1] == '='))
				continue; /* not base64, or spare bits */
			*p = (char)(*p ^ 1);
			tried++;
			if (judge_etax(x) == 0 && report.count == 1 &&
			    verifylab_whole(&report.signatures[0]) &&
			    slice_eq(
				buf_view(
				    &report.signatures[0].found.certificate),
				keylab_certificate())) {
				printf("# byte %td passes\n", p - x);
				passed++;
			}
			*p = (char)(*p ^ 1);
		}
	}
	CU_ASSERT_TRUE(tried > 1000);
	CU_ASSERT_EQUAL(passed, 0);
	CHECK_OK(judge_etax(x), &error);
	verifylab_expect(true, true, true, "");
	buf_free(&xml);
}

#define FORGED "<RSH0010 id=\"%s\" VR=\"23.2.0\"><CATALOG id=\"C2\"/></RSH0010>"

/* `xml` with the signed procedure moved into an Object of the Signature and
 * `forged` at its place. */
static void
wrap(struct buf *out, const char *xml, const char *forged)
{
	struct buf one = {0}, object = {0};

	buf_printf(&object, "<dsig:Object>%s</dsig:Object></dsig:Signature>",
	    PROCEDURE);
	xmlsign_edit(&one, xml, PROCEDURE, forged);
	buf_reset(out);
	xmlsign_edit(
	    out, buf_cstr(&one), "</dsig:Signature>", buf_cstr(&object));
	buf_free(&one);
	buf_free(&object);
}

static void
moved_element_does_not_stand_in(void)
{
	struct buf xml = {0}, b = {0}, both = {0};
	char *x = etax(&xml, USUAL), forged[200];

	/* Same id twice: refused whole. */
	snprintf(forged, sizeof forged, FORGED, "RSH0010");
	wrap(&b, x, forged);
	CHECK_CODE(judge_etax(buf_cstr(&b)), &error, "id-duplicate");

	/* Another id at the filing's place: not what is digested. */
	snprintf(forged, sizeof forged, FORGED, "RSH0011");
	wrap(&b, x, forged);
	CHECK_OK(judge_etax(buf_cstr(&b)), &error);
	verifylab_expect(true, false, false, "signature-wrapped");
	CU_ASSERT_EQUAL(
	    report.signatures[0].references[0].names, JUDGED_ELEMENT);

	/* Two procedures side by side, in both orders. */
	for (int i = 0; i < 2; i++) {
		buf_reset(&b);
		buf_reset(&both);
		buf_printf(&both, "%s%s", i == 0 ? forged : PROCEDURE,
		    i == 0 ? PROCEDURE : forged);
		xmlsign_edit(&b, x, PROCEDURE, buf_cstr(&both));
		CHECK_CODE(
		    judge_etax(buf_cstr(&b)), &error, "verify-wrong-shape");
	}
	buf_free(&xml);
	buf_free(&b);
	buf_free(&both);
}

static void
an_id_that_occurs_twice_is_refused(void)
{
	static const char *const ways[] = {"id=\"RSH0010\"", "ID=\"RSH0010\"",
	    "Id=\"RSH0010\"", "xml:id=\"RSH0010\"", "id=\"RSH001&#48;\""};
	struct buf xml = {0}, b = {0};
	char *x = etax(&xml, USUAL), to[100];

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		buf_reset(&b);
		snprintf(to, sizeof to, "<dsig:KeyInfo><x %s/>", ways[i]);
		xmlsign_edit(&b, x, "<dsig:KeyInfo>", to);
		CHECK_CODE(judge_etax(buf_cstr(&b)), &error, "id-duplicate");
	}
	/* An attribute of another vocabulary is no id. */
	buf_reset(&b);
	xmlsign_edit(&b, x, "<dsig:KeyInfo>",
	    "<dsig:KeyInfo><x xmlns:q=\"urn:q\" q:id=\"RSH0010\"/>");
	CHECK_OK(judge_etax(buf_cstr(&b)), &error);
	verifylab_expect(true, true, true, "");
	buf_reset(&b);
	xmlsign_edit(&b, x, "Id=\"_1\"", "Id=\"RSH0010\"");
	CHECK_CODE(judge_etax(buf_cstr(&b)), &error, "id-duplicate");
	buf_free(&xml);
	buf_free(&b);
}

/* Signed correctly, but over something that is not the filing. */
static void
signing_another_element_does_not_cover(void)
{
	struct buf t = {0}, xml = {0};

	buf_printf(&t, "%s%s%s</DATA>", DATA_HEAD, PROCEDURE,
	    SIGNATURE(
		"_1", C14N, RSA_SHA256, REFERENCE("#CONTENTS", PLAIN, SHA256)));
	xmlsign(&xml, buf_cstr(&t), "CONTENTS", "id", "CONTENTS");
	CHECK_OK(judge_etax(buf_cstr(&xml)), &error);
	verifylab_expect(true, true, false, "signature-not-covering");

	buf_reset(&t);
	buf_reset(&xml);
	buf_printf(&t, "%s%s%s</DATA>", DATA_HEAD, PROCEDURE,
	    SIGNATURE("_1", C14N, RSA_SHA256,
		REFERENCE("",
		    "<dsig:Transforms>" TRANSFORM(ENVELOPED)
			TRANSFORM(C14N) "</dsig:Transforms>",
		    SHA256)));
	xmlsign(&xml, buf_cstr(&t), "CONTENTS", "id", "CONTENTS");
	CHECK_OK(judge_etax(buf_cstr(&xml)), &error);
	verifylab_expect(true, false, false, "signature-reference");

	/* The right element, but not in the form that the format has. */
	buf_reset(&t);
	buf_reset(&xml);
	buf_printf(&t, "%s%s%s</DATA>", DATA_HEAD, PROCEDURE,
	    SIGNATURE("_1", C14N, RSA_SHA256,
		REFERENCE("#RSH0010",
		    "<dsig:Transforms>" TRANSFORM(ENVELOPED)
			TRANSFORM(C14N) "</dsig:Transforms>",
		    SHA256)));
	xmlsign(&xml, buf_cstr(&t), "RSH0010", "id", "RSH0010");
	CHECK_OK(judge_etax(buf_cstr(&xml)), &error);
	verifylab_expect(true, true, false, "signature-not-covering");

	/* Two References where the format has one. */
	buf_reset(&t);
	buf_reset(&xml);
	buf_printf(&t, "%s%s%s</DATA>", DATA_HEAD, PROCEDURE,
	    SIGNATURE("_1", C14N, RSA_SHA256, USUAL_REFERENCE USUAL_REFERENCE));
	xmlsign(&xml, buf_cstr(&t), "RSH0010", "id", "RSH0010");
	CHECK_OK(judge_etax(buf_cstr(&xml)), &error);
	verifylab_expect(true, true, false, "signature-not-covering");
	buf_free(&t);
	buf_free(&xml);
}

static void
references_to_elsewhere_are_refused(void)
{
	static const char *const uris[] = {"http://127.0.0.1:9/x",
	    "file:///etc/passwd", "/etc/passwd", "../secret", "a.xml",
	    "#xpointer(/)", "#xpointer(id('RSH0010'))",
	    "#RSH0010') | id('CONTENTS", "#a b", "#%00RSH0010", "#",
	    "#RSH0010%", "?x"};
	struct buf xml = {0}, b = {0};
	char *x = etax(&xml, USUAL), to[200];

	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
		buf_reset(&b);
		snprintf(to, sizeof to, "URI=\"%s\"", uris[i]);
		xmlsign_edit(&b, x, "URI=\"#RSH0010\"", to);
		CHECK_OK(judge_etax(buf_cstr(&b)), &error);
		verifylab_expect(false, false, false, "signature-reference");
		CU_ASSERT_FALSE(report.signatures[0].references[0].ok);
	}
	buf_reset(&b);
	xmlsign_edit(&b, x, " URI=\"#RSH0010\"", "");
	CHECK_OK(judge_etax(buf_cstr(&b)), &error);
	verifylab_expect(false, false, false, "signature-reference");
	buf_free(&xml);
	buf_free(&b);
}

/* These verify with xmlsec as it comes; here they are named and refused. */
static void
other_algorithms_are_refused(void)
{
	static const char *const tails[] = {
	    SIGNATURE("_1", EXC_C14N, RSA_SHA256, USUAL_REFERENCE),
	    SIGNATURE("_1", C14N "#WithComments", RSA_SHA256, USUAL_REFERENCE),
	    SIGNATURE("_1", C14N, RSA_SHA512, USUAL_REFERENCE),
	    SIGNATURE("_1", C14N, RSA_SHA256,
		REFERENCE("#RSH0010",
		    "<dsig:Transforms>" TRANSFORM(
			EXC_C14N) "</dsig:Transforms>",
		    SHA256)),
	    SIGNATURE("_1", C14N, RSA_SHA256,
		REFERENCE("#RSH0010", PLAIN,
		    "http://www.w3.org/2001/04/xmlenc#sha512")),
	    SIGNATURE("_1", C14N, RSA_SHA256,
		REFERENCE("#RSH0010",
		    "<dsig:Transforms>" C14N_TWICE "</dsig:Transforms>",
		    SHA256)),
	};
	struct buf xml = {0};

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		CHECK_OK(judge_etax(etax(&xml, tails[i])), &error);
		verifylab_expect(false, false, false, "signature-algorithm");
	}
	buf_free(&xml);
}

static void
expressions_and_programs_are_refused(void)
{
	static const char *const transforms[] = {
	    ("<dsig:Transform Algorithm=\"http://www.w3.org/TR/1999/"
	     "REC-xslt-19991116\"><xsl:stylesheet version=\"1.0\" xmlns:xsl="
	     "\"http://www.w3.org/1999/XSL/Transform\"/></dsig:Transform>"),
	    ("<dsig:Transform Algorithm=\"http://www.w3.org/TR/1999/"
	     "REC-xpath-19991116\"><dsig:XPath>1</dsig:XPath>"
	     "</dsig:Transform>"),
	    ("<dsig:Transform Algorithm=\"http://www.w3.org/2002/06/"
	     "xmldsig-filter2\"/>"),
	};
	struct buf xml = {0}, b = {0};
	char *x = etax(&xml, USUAL);

	for (size_t i = 0; i < 3; i++) {
		buf_reset(&b);
		xmlsign_edit(&b, x, TRANSFORM(C14N), transforms[i]);
		CHECK_OK(judge_etax(buf_cstr(&b)), &error);
		CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
		CU_ASSERT_FALSE(report.signatures[0].found.references_ok);
		CU_ASSERT_TRUE(strncmp(report.signatures[0].found.problem,
				   "signature-", 10) == 0);
	}
	edited(x, RSA_SHA256, DS "hmac-sha1");
	verifylab_expect(false, false, false, "signature-algorithm");
	edited(x, RSA_SHA256, DS "dsa-sha1");
	verifylab_expect(false, false, false, "signature-algorithm");
	edited(x, "<dsig:SignedInfo>", "<dsig:SignedInfo><?pi x?>");
	verifylab_expect(false, false, false, "signature-shape");
	edited(x, "<dsig:SignatureValue>",
	    "<dsig:SignatureValue/><dsig:SignatureValue>");
	verifylab_expect(false, false, false, "signature-shape");
	buf_free(&xml);
	buf_free(&b);
}

static void
sha1_only_on_request_and_named_legacy(void)
{
	struct buf xml = {0};
	char *x = etax(&xml, SIGNATURE("_1", C14N, DS "rsa-sha1",
				 REFERENCE("#RSH0010", PLAIN, DS "sha1")));

	CHECK_OK(judge_etax(x), &error);
	verifylab_expect(false, false, false, "signature-legacy");
	CU_ASSERT_TRUE(report.signatures[0].found.legacy);
	CHECK_CODE(
	    verify_all_good(&report, 1, &error), &error, "signature-legacy");
	CHECK_OK(
	    verifylab_judge(&verify_etax, slice_str(x), NULL, 0, true), &error);
	verifylab_expect(true, true, true, "");
	CU_ASSERT_TRUE(report.signatures[0].found.legacy);
	buf_free(&xml);
}

static void
certificate_is_the_only_source_of_the_key(void)
{
	struct buf xml = {0}, b = {0};
	char *x = etax(&xml, USUAL), *from, *to;

	/* No certificate: a KeyValue or KeyName is no substitute. */
	from = strstr(x, "<dsig:X509Data>");
	to = strstr(x, "</dsig:X509Data>") + 16;
	buf_append(&b, x, (size_t)(from - x));
	buf_puts(&b, "<dsig:KeyName>k</dsig:KeyName>");
	buf_puts(&b, to);
	CHECK_OK(judge_etax(buf_cstr(&b)), &error);
	verifylab_expect(false, false, false, "signature-no-certificate");
	/* Not a certificate. */
	buf_reset(&b);
	from = strstr(x, "<dsig:X509Certificate>") + 22;
	to = strstr(x, "</dsig:X509Certificate>");
	buf_append(&b, x, (size_t)(from - x));
	buf_puts(&b, "MIIDYjCCAkqgAwIBAgIBATAN");
	buf_puts(&b, to);
	CHECK_OK(judge_etax(buf_cstr(&b)), &error);
	verifylab_expect(
	    false, false, false, "signature-certificate-malformed");
	buf_free(&xml);
	buf_free(&b);
}

static void
bad_documents_are_errors(void)
{
	struct buf xml = {0}, b = {0};

	CHECK_CODE(judge_etax("<DATA"), &error, "xml-malformed");
	CHECK_CODE(judge_etax(""), &error, "xml-malformed");
	CHECK_CODE(judge_etax("<x:DATA/>"), &error, "xml-malformed");
	CHECK_CODE(judge_etax("<!DOCTYPE DATA [<!ENTITY a \"b\">]><DATA/>"),
	    &error, "doctype-forbidden");
	CHECK_CODE(
	    judge_etax("<!DOCTYPE DATA SYSTEM \"file:///etc/passwd\"><DATA/>"),
	    &error, "doctype-forbidden");
	CHECK_CODE(judge_etax("<DATA>&x;</DATA>"), &error, "xml-malformed");
	CHECK_CODE(judge_etax("<DATA/>"), &error, "verify-wrong-shape");
	CHECK_CODE(
	    judge_etax(DATA_HEAD "</DATA>"), &error, "verify-wrong-shape");
	CHECK_CODE(judge_etax(DATA_HEAD "<RSH0010/></DATA>"), &error,
	    "verify-wrong-shape");
	CHECK_CODE(judge_etax(DATA_HEAD "<RSH0010 id=\"a b\"/></DATA>"), &error,
	    "verify-wrong-shape");

	CHECK_CODE(
	    judge_etax("<DATA xmlns=\"shohi\"/>"), &error, "xml-namespace");
	CHECK_CODE(
	    judge_etax("<DATA xmlns:a=\"htt/p:x\"/>"), &error, "xml-namespace");
	CHECK_CODE(judge_etax("<?xml version=\"1.1\"?><DATA/>"), &error,
	    "xml-version");
	for (int i = 0; i < 61; i++)
		buf_puts(&b, "<a>");
	CHECK_CODE(judge_etax(buf_cstr(&b)), &error, "limit-depth");
	buf_reset(&b);
	buf_puts(&b, "<a");
	for (int i = 0; i < 41; i++)
		buf_printf(&b, " a%d=''", i);
	buf_puts(&b, "/>");
	CHECK_CODE(judge_etax(buf_cstr(&b)), &error, "limit-attributes");
	buf_reset(&b);
	CU_ASSERT_EQUAL(buf_reserve(&b, (1 << 20) + 1), 0);
	memset(b.p, ' ', (1 << 20) + 1);
	b.len = (1 << 20) + 1;
	CHECK_CODE(verifylab_judge(&verify_etax, buf_view(&b), NULL, 0, false),
	    &error, "verify-too-large");
	buf_free(&xml);
	buf_free(&b);
}

/* A form inside the filing with its own signature, made before the
 * filing's; then the form is damaged.  Reported, and no reason to refuse. */
static void
nested_signature_is_reported_only(void)
{
	static const char form[] =
	    "<TEG800 id=\"F1\"><a>1</a>" SIGNATURE("_n", C14N, RSA_SHA256,
		REFERENCE("#F1",
		    "<dsig:Transforms>" TRANSFORM(ENVELOPED)
			TRANSFORM(C14N) "</dsig:Transforms>",
		    SHA256)) "</TEG800>";
	struct buf t = {0}, one = {0}, two = {0}, b = {0};
	struct findings f;

	buf_printf(&t,
	    "%s<RSH0010 id=\"RSH0010\" VR=\"1\">%s</RSH0010>%s</DATA>",
	    DATA_HEAD, form, USUAL);
	xmlsign(&one, buf_cstr(&t), "TEG800", "id", "F1");
	xmlsign(&two, buf_cstr(&one), "RSH0010", "id", "RSH0010");
	CHECK_OK(judge_etax(buf_cstr(&two)), &error);
	CU_ASSERT_EQUAL_FATAL(report.count, 2);
	CU_ASSERT_EQUAL(report.filing_count, 1);
	CU_ASSERT_TRUE(verifylab_whole(&report.signatures[0]));
	CU_ASSERT_FALSE(report.signatures[1].found.filing);
	CU_ASSERT_TRUE(report.signatures[1].found.value_ok);
	CU_ASSERT_TRUE(report.signatures[1].found.references_ok);
	CU_ASSERT_FALSE(report.signatures[1].found.covers_filing);
	CU_ASSERT_STRING_EQUAL(report.signatures[1].found.problem, "");

	/* Damaged before the filing was signed. */
	xmlsign_edit(&b, buf_cstr(&one), "<a>1</a>", "<a>2</a>");
	buf_reset(&two);
	xmlsign(&two, buf_cstr(&b), "RSH0010", "id", "RSH0010");
	CHECK_OK(judge_etax(buf_cstr(&two)), &error);
	CU_ASSERT_TRUE(verifylab_whole(&report.signatures[0]));
	CU_ASSERT_FALSE(report.signatures[1].found.references_ok);
	CHECK_OK(verify_all_good(&report, 1, &error), &error);
	findings_init(&f);
	CHECK_OK(verify_to_findings(&report, &f), &error);
	CU_ASSERT_EQUAL(f.signature_count, 2);
	CU_ASSERT_EQUAL_FATAL(f.warning_count, 1);
	CU_ASSERT_STRING_EQUAL(f.warnings[0].code, "nested-signature-bad");
	findings_free(&f);
	buf_free(&t);
	buf_free(&one);
	buf_free(&two);
	buf_free(&b);
}

static void
form_root_is_enveloped(void)
{
	static const char xml[] =
	    "<TEG800 id=\"F1\" xmlns=\"http://xml.e-tax.nta.go.jp/XSD/kyotsu"
	    "\"><a>1</a>" SIGNATURE("_f", C14N, RSA_SHA256,
		REFERENCE("#F1",
		    "<dsig:Transforms>" TRANSFORM(ENVELOPED)
			TRANSFORM(C14N) "</dsig:Transforms>",
		    SHA256)) "</TEG800>";
	struct buf b = {0}, c = {0};

	xmlsign(&b, xml, "TEG800", "id", "F1");
	CHECK_OK(
	    verifylab_judge(&verify_etax_form, buf_view(&b), NULL, 0, false),
	    &error);
	verifylab_expect(true, true, true, "");
	xmlsign_edit(&c, buf_cstr(&b), "<a>1", "<a>2");
	CHECK_OK(
	    verifylab_judge(&verify_etax_form, buf_view(&c), NULL, 0, false),
	    &error);
	verifylab_expect(true, false, true, "signature-digest-wrong");
	buf_free(&b);
	buf_free(&c);
}

static void
xmlsec1_program_agrees(void)
{
	struct buf xml = {0}, b = {0}, cmd = {0};
	struct err e = {0};
	int dir = suite_dir();
	char *x = etax(&xml, USUAL);

	xmlsign_edit(&b, x, "花子", "次郎");
	CHECK_OK(fs_replace(dir, "good.xtx", buf_view(&xml), 0600, &e), &e);
	CHECK_OK(fs_replace(dir, "bad.xtx", buf_view(&b), 0600, &e), &e);
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "good" : "bad";

		buf_reset(&cmd);
		buf_printf(&cmd,
		    "xmlsec1 --verify --insecure --id-attr:id RSH0010 "
		    "%s/%s.xtx >/dev/null 2>&1",
		    suite_dir_path(), name);
		CU_ASSERT_EQUAL(system(buf_cstr(&cmd)) == 0, i == 0);
		CHECK_OK(judge_etax(i == 0 ? x : buf_cstr(&b)), &error);
		CU_ASSERT_EQUAL(verifylab_whole(&report.signatures[0]), i == 0);
	}
	close(dir);
	buf_free(&xml);
	buf_free(&b);
	buf_free(&cmd);
}

static void
sample_of_etax_verifies(void)
{
	if (verifylab_sample(
		"samples/etax/synthetic/RSH0010-signed1-zeirishi.xtx",
		&verify_etax, NULL, 0) != 0)
		return;
	CU_ASSERT_EQUAL(report.filing_count, 1);
	verifylab_expect(true, true, true, "");
}

/* A genuine SignatureValue of the tax agency's test authority over a body
 * that is not at hand. */
static void
sample_of_the_agency_value_yes_reference_no(void)
{
	if (verifylab_sample(
		"samples/etax/nta-test/PTE0010-signature-vector.xml",
		&verify_etax, NULL, 0) != 0)
		return;
	verifylab_expect(true, false, true, "signature-digest-wrong");
	CU_ASSERT_TRUE(report.signatures[0].found.legacy);
	CU_ASSERT_STRING_EQUAL(report.signatures[0].found.detail, "#PTE0010");
}

static void
samples_of_deduction_certificates_fail(void)
{
	static const char *const names[] = {"TEG840-sample1.xml",
	    "TEG840-sample2.xml", "TEG840-sample5.xml", "TEG840-sample6.xml",
	    "TEG800-dummy-signature.xml"};
	char path[100];

	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof path, "samples/etax/kojo/%s", names[i]);
		if (verifylab_sample(path, &verify_etax_form, NULL, 0) != 0)
			return;
		CU_ASSERT_EQUAL_FATAL(report.count, 1);
		CU_ASSERT_FALSE(report.signatures[0].found.value_ok);
		CU_ASSERT_FALSE(report.signatures[0].found.references_ok);
	}
}

SUITE_MAIN("verify", CASE(etax_signature_is_whole),
    CASE(second_signer_leaves_the_first_whole), CASE(no_signature_is_no_error),
    CASE(tampering_is_told_apart),
    CASE(changes_outside_what_is_signed_do_no_harm),
    CASE(no_changed_byte_passes), CASE(moved_element_does_not_stand_in),
    CASE(an_id_that_occurs_twice_is_refused),
    CASE(signing_another_element_does_not_cover),
    CASE(references_to_elsewhere_are_refused),
    CASE(other_algorithms_are_refused),
    CASE(expressions_and_programs_are_refused),
    CASE(sha1_only_on_request_and_named_legacy),
    CASE(certificate_is_the_only_source_of_the_key),
    CASE(bad_documents_are_errors), CASE(nested_signature_is_reported_only),
    CASE(form_root_is_enveloped), CASE(xmlsec1_program_agrees),
    CASE(sample_of_etax_verifies),
    CASE(sample_of_the_agency_value_yes_reference_no),
    CASE(samples_of_deduction_certificates_fail))
