/*
 * What the seal signs and, one change at a time, what it does not.
 */
#include "signer/key/template.h"

#include "signer/exam/signedinfo.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define RSA MORE "rsa-sha256"
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define DIGEST "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXlQ="

/* The three good ones, spelled out: what all near misses start from. */
static const char etax[] =
    "<dsig:SignedInfo xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\" "
    "xmlns:dsig=\"" DSIG "\" "
    "xmlns:gen=\"http://xml.e-tax.nta.go.jp/XSD/general\" "
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
    "<dsig:CanonicalizationMethod Algorithm=\"" C14N "\">"
    "</dsig:CanonicalizationMethod>"
    "<dsig:SignatureMethod Algorithm=\"" RSA "\"></dsig:SignatureMethod>"
    "<dsig:Reference URI=\"#RSH0010\"><dsig:Transforms>"
    "<dsig:Transform Algorithm=\"" C14N "\"></dsig:Transform>"
    "</dsig:Transforms>"
    "<dsig:DigestMethod Algorithm=\"" SHA256 "\"></dsig:DigestMethod>"
    "<dsig:DigestValue>" DIGEST "</dsig:DigestValue></dsig:Reference>"
    "</dsig:SignedInfo>";

static const char etax_form[] =
    "<dsig:SignedInfo xmlns=\"http://xml.e-tax.nta.go.jp/XSD/kyotsu\" "
    "xmlns:dsig=\"" DSIG "\">"
    "<dsig:CanonicalizationMethod Algorithm=\"" C14N "\">"
    "</dsig:CanonicalizationMethod>"
    "<dsig:SignatureMethod Algorithm=\"" RSA "\"></dsig:SignatureMethod>"
    "<dsig:Reference URI=\"#TEG840202412230117074871004\"><dsig:Transforms>"
    "<dsig:Transform Algorithm=\"" DSIG "enveloped-signature\">"
    "</dsig:Transform>"
    "<dsig:Transform Algorithm=\"" C14N "\"></dsig:Transform>"
    "</dsig:Transforms>"
    "<dsig:DigestMethod Algorithm=\"" SHA256 "\"></dsig:DigestMethod>"
    "<dsig:DigestValue>" DIGEST "</dsig:DigestValue></dsig:Reference>"
    "</dsig:SignedInfo>";

#define KOUSEI "#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1"
#define FILE_REFERENCE(name)                                                   \
	"<Reference URI=\"" name "\">"                                         \
	"<DigestMethod Algorithm=\"" SHA256 "\"></DigestMethod>"               \
	"<DigestValue>" DIGEST "</DigestValue></Reference>"

static const char egov[] =
    "<SignedInfo xmlns=\"" DSIG "\">"
    "<CanonicalizationMethod Algorithm=\"" C14N "\"></CanonicalizationMethod>"
    "<SignatureMethod Algorithm=\"" RSA "\"></SignatureMethod>"
    "<Reference URI=\"" KOUSEI "\"><Transforms>"
    "<Transform Algorithm=\"" C14N "\"></Transform></Transforms>"
    "<DigestMethod Algorithm=\"" SHA256 "\"></DigestMethod>"
    "<DigestValue>" DIGEST "</DigestValue></Reference>" FILE_REFERENCE(
	"900A01020000100001_01.xml") "</SignedInfo>";

static struct template_match match;

static const char *
format_of(const char *text, size_t n)
{
	struct err e = {0};

	if (template_match(slice_of(text, n), SIGN_RSA_SHA256, &match, &e) !=
	    0) {
		CU_ASSERT_STRING_EQUAL(e.code, "not-a-signedinfo");
		CU_ASSERT_EQUAL(e.class, ERR_INPUT);
		CU_ASSERT_EQUAL(match.count, 0);
		return NULL;
	}
	return match.format;
}

static void
matches_each_format(void)
{
	CU_ASSERT_STRING_EQUAL(format_of(etax, sizeof etax - 1), "etax");
	CU_ASSERT_EQUAL(match.count, 1);
	CU_ASSERT(slice_eq_str(match.reference[0].uri, "#RSH0010"));
	CU_ASSERT(slice_eq_str(match.reference[0].digest, DIGEST));
	CU_ASSERT_STRING_EQUAL(
	    format_of(etax_form, sizeof etax_form - 1), "etax-form");
	CU_ASSERT_STRING_EQUAL(format_of(egov, sizeof egov - 1), "egov");
	CU_ASSERT_EQUAL(match.count, 2);
	CU_ASSERT(
	    slice_eq_str(match.reference[1].uri, "900A01020000100001_01.xml"));
}

/* Replaces the one occurrence of `from` and returns the new text. */
static char *
change(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out;

	if (at == NULL) {
		printf("# nothing to change: %s\n", from);
		CU_FAIL("the near miss does not apply");
		return strdup("");
	}
	if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, to,
		at + strlen(from)) < 0)
		abort();
	return out;
}

struct near_miss {
	const char *base;
	const char *from, *to;
};

static const struct near_miss misses[] = {
    /* algorithms */
    {etax, RSA, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
    {etax, RSA, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"},
    {etax, RSA, "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256"},
    {etax, RSA, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
    {etax, RSA, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
    {etax, SHA256, DSIG "sha1"},
    {etax, SHA256, "http://www.w3.org/2001/04/xmlenc#sha512"},
    {etax, "Method Algorithm=\"" C14N,
	"Method Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#"},
    {etax, "Method Algorithm=\"" C14N,
	"Method Algorithm=\"" C14N "#WithComments"},
    {etax, "Method Algorithm=\"" C14N,
	"Method Algorithm=\"http://www.w3.org/2006/12/xml-c14n11"},
    {etax, "<dsig:Transform Algorithm=\"" C14N,
	"<dsig:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#"},
    /* transforms */
    {etax, "<dsig:Transform ",
	"<dsig:Transform Algorithm=\"" DSIG "enveloped-signature\">"
	"</dsig:Transform><dsig:Transform "},
    {etax, "</dsig:Transforms>",
	"<dsig:Transform Algorithm=\"" C14N "\"></dsig:Transform>"
	"</dsig:Transforms>"},
    {etax,
	"<dsig:Transforms><dsig:Transform Algorithm=\"" C14N
	"\"></dsig:Transform></dsig:Transforms>",
	""},
    {etax, "<dsig:Transform Algorithm=\"" C14N "\"></dsig:Transform>", ""},
    {etax, "</dsig:Transform>", "<dsig:XPath>1</dsig:XPath></dsig:Transform>"},
    {etax_form,
	"<dsig:Transform Algorithm=\"" DSIG
	"enveloped-signature\"></dsig:Transform>",
	""},
    {etax_form, "enveloped-signature", "base64"},
    {etax_form, "TEG840202412230117074871004", "RSH0010"},
    /* what is referenced */
    {etax, "#RSH0010", "#DATA"},
    {etax, "#RSH0010", ""},
    {etax, "#RSH0010", "#"},
    {etax, "#RSH0010", "RSH0010"},
    {etax, "#RSH0010", "#rsh0010"},
    {etax, "#RSH0010", "#RSH001"},
    {etax, "#RSH0010", "#RSH00100"},
    {etax, "#RSH0010", "#RSH001O"},
    {etax, "#RSH0010", "#RSH0010 "},
    {etax, "#RSH0010", "#xpointer(/)"},
    {etax, "#RSH0010", "http://example.jp/x#RSH0010"},
    {etax, "#RSH0010", "file:///etc/passwd"},
    {etax, "URI=\"#RSH0010\"", "URI='#RSH0010'"},
    {etax, "URI=\"#RSH0010\"", "Id=\"a\" URI=\"#RSH0010\""},
    {etax, "URI=\"#RSH0010\"", "Type=\"a\" URI=\"#RSH0010\""},
    {etax, " URI=\"#RSH0010\"", ""},
    {etax_form, "#TEG840202412230117074871004", "#4TEG"},
    {etax_form, "#TEG840202412230117074871004", "#TEG&amp;"},
    {etax_form, "#TEG840202412230117074871004", "#"},
    {etax_form, "#TEG840202412230117074871004", "#\xE6\xA7\x8B"},
    /* more than one */
    {etax, "</dsig:SignedInfo>",
	"<dsig:Reference URI=\"#RSH0020\"></dsig:Reference></dsig:SignedInfo>"},
    {etax, "</dsig:Reference>",
	"</dsig:Reference><dsig:Reference URI=\"#RSH0020\"><dsig:Transforms>"
	"<dsig:Transform Algorithm=\"" C14N "\"></dsig:Transform>"
	"</dsig:Transforms><dsig:DigestMethod Algorithm=\"" SHA256
	"\"></dsig:DigestMethod><dsig:DigestValue>" DIGEST
	"</dsig:DigestValue></dsig:Reference>"},
    /* digest values */
    {etax, DIGEST, ""},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXlR="},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXl=="},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXlQ"},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXlQA"},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusR-lQ="},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusR lQ="},
    {etax, DIGEST, "l5oZv6IDaBQzJzjWvKNSmsYEj0n6\n8xrdl1zsWusRXlQ="},
    {etax, DIGEST, DIGEST DIGEST},
    {etax, DIGEST, "CVFr7lkEYmP0N3D4i2/zMqv4vEU="}, /* SHA-1 */
    {etax, DIGEST, " " DIGEST},
    {etax, DIGEST, DIGEST "\n"},
    /* names, prefixes, order */
    {etax, "<dsig:SignedInfo ", "<ds:SignedInfo "},
    {etax, "<dsig:SignedInfo ", "<SignedInfo "},
    {etax, "<dsig:SignedInfo ", "<dsig:signedInfo "},
    {etax, "<dsig:SignedInfo ", "<dsig:Manifest "},
    {etax, "<dsig:DigestMethod", "<dsig:digestMethod"},
    {etax, "</dsig:DigestValue>", "</DigestValue>"},
    {etax, "<dsig:DigestMethod Algorithm=\"" SHA256 "\"></dsig:DigestMethod>",
	"<dsig:DigestMethod Algorithm=\"" SHA256 "\"/>"},
    {etax,
	"<dsig:SignatureMethod Algorithm=\"" RSA "\"></dsig:SignatureMethod>",
	""},
    {etax, "</dsig:SignatureMethod>",
	"<dsig:HMACOutputLength>8</dsig:HMACOutputLength>"
	"</dsig:SignatureMethod>"},
    {etax, "<dsig:Reference", "<!-- --><dsig:Reference"},
    {etax, "<dsig:Reference", "<?x?><dsig:Reference"},
    {etax, "<dsig:Reference", "\n<dsig:Reference"},
    {etax, "<dsig:Reference", " <dsig:Reference"},
    {etax, "</dsig:SignedInfo>", "</dsig:SignedInfo>\n"},
    {etax, "</dsig:SignedInfo>", "</dsig:SignedInfo >"},
    {etax, "</dsig:SignedInfo>", ""},
    {etax, "</dsig:SignedInfo>",
	"<dsig:Object></dsig:Object></dsig:SignedInfo>"},
    {etax, "<dsig:SignedInfo ", "\xEF\xBB\xBF<dsig:SignedInfo "},
    {etax, "<dsig:SignedInfo ", "<?xml version=\"1.0\"?><dsig:SignedInfo "},
    /* the apex's start tag */
    {etax, " xmlns:dsig=\"" DSIG "\"", ""},
    {etax, "xmlns:dsig=\"" DSIG "\"", "xmlns:dsig=\"" DSIG "x\""},
    {etax, "xmlns:dsig=\"" DSIG "\"", "xmlns:dsig=\"urn:other\""},
    {etax, "xmlns:dsig=\"" DSIG "\"",
	"xmlns:dsig=\"" DSIG "\" xmlns:dsig=\"" DSIG "\""},
    {etax, "xmlns:gen=", "xmlns:abc="}, /* not in order */
    {etax, "xmlns:gen=", "xmlns="},
    {etax, "xmlns:gen=", "xmlns:="},
    {etax, "xmlns:gen=", "xmlns:1en="},
    {etax, "xmlns:gen=", "xmlns:g n="},
    {etax, "xmlns:gen=", "xmlns:xml="},
    {etax, "xmlns:gen=", "xmlns:xmlns="},
    {etax, "xmlns:gen=", "gen="},
    {etax, "xmlns:gen=", "Id="},
    {etax, "xmlns:gen=", "xml:lang=\"ja\" xmlns:gen="},
    {etax, "XSD/general\"", "XSD/<general\""},
    {etax, "XSD/general\"", "XSD/&general\""},
    {etax, "XSD/general\"", "XSD/&gt;general\""},
    {etax, "XSD/general\"", "XSD/&amp;general\""},
    {etax, "http://xml.e-tax.nta.go.jp/XSD/general\"", "general\""},
    {etax, "http://xml.e-tax.nta.go.jp/XSD/general\"", ":general\""},
    {etax, "instance\">", "instance\" xml:lang=\"&gt;\">"},
    {etax, "instance\">", "instance\" xml:lang=\"\t\">"},
    {etax, "instance\">", "instance\" xml:lang=\"\xEF\xBF\xBF\">"},
    {etax, "XSD/general\"", "XSD/&#x9general\""},
    {etax, "XSD/general\"", "XSD/&#9;general\""},
    {etax, "XSD/general\"", "XSD/\tgeneral\""},
    {etax, "XSD/general\"", "XSD/\xC0\xAFgeneral\""},
    {etax, "\"http://xml.e-tax.nta.go.jp/XSD/general\"", "\"\""},
    {etax, "instance\">", "instance\" >"},
    {etax, "instance\">", "instance\" xml:=\"x\">"},
    {etax, "instance\">", "instance\" xml:space=\"a\" xml:lang=\"ja\">"},
    {etax, "instance\">", "instance\" xml:lang=\"ja\" xml:lang=\"ja\">"},
    {etax, "instance\">", "instance\" xml:lang='ja'>"},
    {etax, " xmlns:gen", "  xmlns:gen"},
    {etax, "xmlns:gen=\"", "xmlns:gen = \""},
    /* e-Gov */
    {egov, "<SignedInfo xmlns=\"" DSIG "\">", "<SignedInfo>"},
    {egov, "xmlns=\"" DSIG "\"", "xmlns=\"urn:x\""},
    {egov, "xmlns=\"" DSIG "\"", "xmlns:a=\"" DSIG "\""},
    {egov, "xmlns=\"" DSIG "\"", "xmlns:a=\"b\" xmlns=\"" DSIG "\""},
    {egov, KOUSEI, "#\xE6\xA7\x8B\xE6\x88\x90\xE6\x83\x85\xE5\xA0\xB1"},
    {egov, KOUSEI, "#%e6%a7%8b%e6%88%90%e6%83%85%e5%a0%b1"},
    {egov, KOUSEI, "#RSH0010"},
    {egov, KOUSEI, "%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1"},
    {egov, "<Transform Algorithm=\"" C14N "\"></Transform>",
	"<Transform Algorithm=\"" C14N "\"></Transform><Transform "
	"Algorithm=\"" C14N "\"></Transform>"},
    {egov, "900A01020000100001_01.xml", ""},
    {egov, "900A01020000100001_01.xml", "#900A01020000100001_01.xml"},
    {egov, "900A01020000100001_01.xml", "a/b.xml"},
    {egov, "900A01020000100001_01.xml", "../b.xml"},
    {egov, "900A01020000100001_01.xml", ".hidden"},
    {egov, "900A01020000100001_01.xml", ".."},
    {egov, "900A01020000100001_01.xml", "a%2Fb.xml"},
    {egov, "900A01020000100001_01.xml", "a%5Cb.xml"},
    {egov, "900A01020000100001_01.xml", "a b.xml"},
    {egov, "900A01020000100001_01.xml", "a%20b.xml"},
    {egov, "900A01020000100001_01.xml", "a+b.xml"},
    {egov, "900A01020000100001_01.xml", "a%00b.xml"},
    {egov, "900A01020000100001_01.xml", "a%41b.xml"},
    {egov, "900A01020000100001_01.xml", "a%e6%a7%8b.xml"},
    {egov, "900A01020000100001_01.xml", "a%E6%A7.xml"},
    {egov, "900A01020000100001_01.xml", "a%E6%A"},
    {egov, "900A01020000100001_01.xml", "a%"},
    {egov, "900A01020000100001_01.xml", "file:a.xml"},
    {egov, "900A01020000100001_01.xml", "http://example.jp/a.xml"},
    {egov, "900A01020000100001_01.xml", "a?b.xml"},
    {egov, "900A01020000100001_01.xml", "a&amp;b.xml"},
    {egov, "900A01020000100001_01.xml", "\xE6\xA7\x8B.xml"},
    {egov, "</SignedInfo>",
	FILE_REFERENCE("900A01020000100001_01.xml") "</SignedInfo>"},
    {egov, "</SignedInfo>", FILE_REFERENCE(KOUSEI) "</SignedInfo>"},
    {egov, "900A01020000100001_01.xml\">",
	"900A01020000100001_01.xml\"><Transforms><Transform Algorithm=\"" C14N
	"\"></Transform></Transforms>"},
    {egov, "<Reference URI=\"900A", "<Manifest URI=\"900A"},
};

static void
refuses_every_near_miss(void)
{
	for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
		char *text =
		    change(misses[i].base, misses[i].from, misses[i].to);

		if (format_of(text, strlen(text)) != NULL) {
			printf("# signed: %s -> %s\n", misses[i].from,
			    misses[i].to);
			CU_FAIL("a near miss was accepted");
		}
		free(text);
	}
}

struct variant {
	const char *base, *from, *to, *format;
};

static const struct variant variants[] = {
    {etax, "#RSH0010", "#RKO0010", "etax"},
    {etax, "XSD/general\"", "XSD/>'\"", "etax"},
    {etax, "instance\">",
	"instance\" xml:lang=\"&amp;&lt;&quot;&#x9;&#xA;&#xD;>\">", "etax"},
    {etax, "XSD/general\"", "XSD/\xE6\xA7\x8B\"", "etax"},
    {etax, "xmlns:gen=", "xmlns:\xE6\xA7\x8B=\"a:\" xmlns:\xE6\xA7\x8C=",
	NULL}, /* then xsi: not in order */
    {etax, "instance\">",
	"instance\" xmlns:\xE6\xA7\x8B=\"a:\" xmlns:\xE6\xA7\x8C=\"b:b\">",
	"etax"},
    {etax, "xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\" ", "", "etax"},
    {etax, "instance\">",
	"instance\" xml:base=\"b\" xml:id=\"x\" xml:lang=\"ja\" "
	"xml:space=\"preserve\">",
	"etax"},
    {egov, "\">", "\" xmlns:a=\"b:\" xml:lang=\"ja\">", "egov"},
    {egov, FILE_REFERENCE("900A01020000100001_01.xml"), "", "egov"},
    {egov, "900A01020000100001_01.xml",
	"%E6%B7%BB%E4%BB%98%28%EF%BC%91%29~-_.pdf", "egov"},
    {egov, "</SignedInfo>",
	FILE_REFERENCE("950A10220003900001_01.xml") "</SignedInfo>", "egov"},
    {etax_form, "TEG840202412230117074871004", "_a-b.c9", "etax-form"},
};

static void
accepts_what_filings_bring_along(void)
{
	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
		const struct variant *v = &variants[i];
		char *text = change(v->base, v->from, v->to);
		const char *got = format_of(text, strlen(text));

		if (v->format == NULL) {
			CU_ASSERT_PTR_NULL(got);
		} else if (got == NULL || strcmp(got, v->format) != 0) {
			printf("# refused: %s -> %s\n", v->from, v->to);
			CU_FAIL("a good SignedInfo was refused");
		}
		free(text);
	}
}

/* Cut anywhere, or with any one byte changed: what is still accepted must
 * differ only inside a name, a namespace or a digest. */
static void
refuses_every_truncation(void)
{
	for (size_t n = 0; n < sizeof etax - 1; n++)
		CU_ASSERT_PTR_NULL(format_of(etax, n));
	for (size_t n = 0; n < sizeof egov - 1; n++)
		CU_ASSERT_PTR_NULL(format_of(egov, n));
}

static void
refuses_nul_and_trailing_bytes(void)
{
	char text[sizeof etax + 8];

	memcpy(text, etax, sizeof etax);
	CU_ASSERT_PTR_NULL(format_of(text, sizeof etax)); /* its NUL */
	for (size_t i = 0; i < sizeof etax - 1; i++) {
		memcpy(text, etax, sizeof etax);
		text[i] = '\0';
		CU_ASSERT_PTR_NULL(format_of(text, sizeof etax - 1));
	}
	memcpy(text, etax, sizeof etax);
	text[sizeof etax - 1] = ' ';
	CU_ASSERT_PTR_NULL(format_of(text, sizeof etax));
}

/* Every single-byte change outside the variable places is refused. */
static void
refuses_changed_fixed_bytes(void)
{
	char text[sizeof egov];
	const char *uri = strstr(egov, "900A");
	size_t accepted = 0;

	for (size_t i = 0; i < sizeof egov - 1; i++) {
		memcpy(text, egov, sizeof egov);
		text[i] = (char)(text[i] ^ 0x20);
		accepted += format_of(text, sizeof egov - 1) != NULL;
	}
	/* The file's name (letters change case; digits become controls) and
	 * letters of two digests. */
	CU_ASSERT(uri != NULL && accepted > 0 && accepted < 2 * 44 + 25);
}

static void
refuses_what_is_too_long(void)
{
	struct buf b = {0};
	struct err e = {0};

	keylab_signed_info_egov(&b, TEMPLATE_MAX_REFERENCES - 1);
	CU_ASSERT(b.len > TEMPLATE_MAX_BYTES);
	CHECK_CODE(template_match(buf_view(&b), SIGN_RSA_SHA256, &match, &e),
	    &e, "not-a-signedinfo");
	buf_reset(&b);
	keylab_signed_info_egov(&b, 190);
	CU_ASSERT(b.len < TEMPLATE_MAX_BYTES);
	CHECK_OK(template_match(buf_view(&b), SIGN_RSA_SHA256, &match, &e), &e);
	CU_ASSERT_EQUAL(match.count, 191);
	buf_free(&b);
}

/* Every SignatureMethod against every request: only its own is signed. */
static void
signs_only_what_the_request_says(void)
{
	static const char *const bases[] = {etax, etax_form, egov};
	static const struct {
		enum sign_algorithm asked; /* the one that may, or 0 */
		const char *method;
	} methods[] = {
	    {SIGN_RSA_SHA256, RSA},
	    {SIGN_ECDSA_SHA384, MORE "ecdsa-sha384"},
	    {0, MORE "rsa-sha384"},
	    {0, MORE "rsa-sha512"},
	    {0, MORE "ecdsa-sha1"},
	    {0, MORE "ecdsa-sha224"},
	    {0, MORE "ecdsa-sha256"},
	    {0, MORE "ecdsa-sha512"},
	    {0, MORE "ecdsa-sha384 "},
	    {0, MORE "ecdsa-sha38"},
	    {0, MORE "ecdsa-sha3844"},
	    {0, MORE "ECDSA-SHA384"},
	    {0, MORE "hmac-sha384"},
	    {0, DSIG "rsa-sha1"},
	    {0, DSIG "ecdsa-sha384"},
	    {0, "http://www.w3.org/2007/05/xmldsig-more#ecdsa-sha3-384"},
	    {0, RSA "\"></SignatureMethod><SignatureMethod Algorithm=\"" MORE
		    "ecdsa-sha384"},
	    {0, ""},
	};
	struct err e = {0};

	for (size_t b = 0; b < 3; b++)
		for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
			for (int a = 0; a < 4; a++) {
				char *text =
				    change(bases[b], RSA, methods[m].method);
				bool may = a != 0 && a == (int)methods[m].asked;

				CU_ASSERT_EQUAL(
				    template_match(slice_str(text),
					(enum sign_algorithm)a, &match, &e),
				    may ? 0 : -1);
				CU_ASSERT(!may || match.algorithm->id ==
						      methods[m].asked);
				if (!may)
					CU_ASSERT_STRING_EQUAL(e.code,
					    a == 0 || a == 3
						? "algorithm-not-allowed"
						: "not-a-signedinfo");
				free(text);
			}
}

/* The digests stay SHA-256 with either algorithm. */
static void
digests_stay_sha256(void)
{
	struct err e = {0};
	char *ecdsa = change(etax, RSA, MORE "ecdsa-sha384");
	char *text = change(ecdsa, SHA256, MORE "sha384");

	CHECK_OK(
	    template_match(slice_str(ecdsa), SIGN_ECDSA_SHA384, &match, &e),
	    &e);
	CHECK_CODE(
	    template_match(slice_str(text), SIGN_ECDSA_SHA384, &match, &e), &e,
	    "not-a-signedinfo");
	free(text);
	free(ecdsa);
}

/* What the examiner writes, with whatever a document hands down, is what is
 * matched here: both sides are the programs' own. */
static void
agrees_with_the_examiner(void)
{
	static const struct {
		const char *prefix, *format;
		struct signedinfo_reference refs[2];
		size_t count;
	} cases[] = {
	    {"dsig", "etax", {{"#RSH0010", true, false, {1}}}, 1},
	    {"dsig", "etax-form", {{"#TEG840_1", true, true, {2}}}, 1},
	    {"", "egov", {{KOUSEI, true, false, {3}}}, 1},
	    {"", "egov",
		{{KOUSEI, true, false, {3}}, {"a_01.xml", false, false, {4}}},
		2},
	};
	struct buf lang = {0};
	struct scope_attribute attribute = {(char[]){"lang"}, {0}, 0};
	struct scope scope = {0};
	struct err e = {0};

	buf_puts(&lang, "ja <&\"\t");
	attribute.value = lang;
	scope.attributes = &attribute;
	scope.attribute_count = 1;
	CU_ASSERT_EQUAL(scope_declare(&scope, "xsi", "urn:b?a=1'b=2", 0), 0);
	CU_ASSERT_EQUAL(scope_declare(&scope, "", "urn:default", 0), 0);
	CU_ASSERT_EQUAL(
	    scope_declare(&scope, "\xE6\xA7\x8B", "urn:\xE6\xA7\x8B", 0), 0);
	CU_ASSERT_EQUAL(scope_declare(&scope, "a", "urn:->", 0), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf text = {0}, canonical = {0};

		CU_ASSERT_EQUAL(signedinfo_write(cases[i].prefix, cases[i].refs,
				    cases[i].count, &scope, &text, &canonical),
		    0);
		CHECK_OK(template_match(
			     buf_view(&canonical), SIGN_RSA_SHA256, &match, &e),
		    &e);
		CU_ASSERT_STRING_EQUAL(match.format, cases[i].format);
		CU_ASSERT_EQUAL(match.count, cases[i].count);
		CU_ASSERT(template_match(buf_view(&text), SIGN_RSA_SHA256,
			      &match, &e) < 0);
		CU_ASSERT_EQUAL(
		    signedinfo_for(algorithm_find(SIGN_ECDSA_SHA384),
			buf_view(&canonical), &text),
		    0);
		CHECK_OK(template_match(
			     buf_view(&text), SIGN_ECDSA_SHA384, &match, &e),
		    &e);
		CU_ASSERT_STRING_EQUAL(match.format, cases[i].format);
		buf_free(&text);
		buf_free(&canonical);
	}
	scope.attributes = NULL;
	scope.attribute_count = 0;
	scope_free(&scope);
	buf_free(&lang);
}

SUITE_MAIN("template", CASE(matches_each_format), CASE(refuses_every_near_miss),
    CASE(accepts_what_filings_bring_along), CASE(refuses_every_truncation),
    CASE(refuses_nul_and_trailing_bytes), CASE(refuses_changed_fixed_bytes),
    CASE(refuses_what_is_too_long), CASE(signs_only_what_the_request_says),
    CASE(digests_stay_sha256), CASE(agrees_with_the_examiner))
