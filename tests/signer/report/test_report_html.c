/* The page: every filing on it, nothing that runs, nothing from outside. */
#include "base/i18n.h"
#include "signer/report/report.h"
#include "signer/report/report_index.h"
#include "tests/lib/catalogue.h"
#include "tests/lib/sample_report.h"
#include "tests/lib/suite.h"

#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The page as a browser would have it; errors of its form fail the test. */
static htmlDocPtr
parse(struct buf *b)
{
	htmlParserCtxtPtr ctxt = htmlNewParserCtxt();
	htmlDocPtr doc;
	const xmlError *last;

	/* libxml2 knows HTML 4 only: newer elements are "unknown" to it. */
	doc = htmlCtxtReadMemory(ctxt, (char *)b->p, (int)b->len, NULL, "utf-8",
	    HTML_PARSE_NOERROR | HTML_PARSE_NONET);
	CU_ASSERT_FATAL(doc != NULL);
	last = xmlCtxtGetLastError(ctxt);
	if (last != NULL && last->code != XML_HTML_UNKNOWN_TAG) {
		printf("# line %d: %s", last->line, last->message);
		CU_FAIL("malformed page");
	}
	htmlFreeParserCtxt(ctxt);
	return doc;
}

static htmlDocPtr
page(const struct report *r)
{
	struct buf b = {0};
	struct err e = {0};
	htmlDocPtr doc;

	CHECK_OK(report_write_html(r, &b, &e), &e);
	doc = parse(&b);
	buf_free(&b);
	return doc;
}

static double
number(htmlDocPtr doc, const char *xpath)
{
	xmlXPathContextPtr ctxt = xmlXPathNewContext(doc);
	xmlXPathObjectPtr got = xmlXPathEval((const xmlChar *)xpath, ctxt);
	double n = got == NULL ? -1 : xmlXPathCastToNumber(got);

	xmlXPathFreeObject(got);
	xmlXPathFreeContext(ctxt);
	return n;
}

/* The text of the first node, in a static buffer. */
static const char *
words_at(htmlDocPtr doc, const char *xpath)
{
	static char text[4096];
	xmlXPathContextPtr ctxt = xmlXPathNewContext(doc);
	xmlXPathObjectPtr got = xmlXPathEval((const xmlChar *)xpath, ctxt);
	xmlChar *s = got == NULL ? NULL : xmlXPathCastToString(got);

	snprintf(text, sizeof text, "%s", s == NULL ? "" : (char *)s);
	xmlFree(s);
	xmlXPathFreeObject(got);
	xmlXPathFreeContext(ctxt);
	return text;
}

/* Nothing runs and nothing is fetched: no element, attribute or style that
 * could. */
static void
check_harmless(htmlDocPtr doc)
{
	CU_ASSERT_EQUAL(
	    number(doc,
		"count(//script|//img|//iframe|//link|//object|//embed|//base"
		"|//form|//svg|//video|//audio)"),
	    0);
	CU_ASSERT_EQUAL(number(doc, "count(//@src|//@srcset|//@action|//"
				    "@*[starts-with(name(),'on')])"),
	    0);
	CU_ASSERT_EQUAL(number(doc, "count(//@href[contains(., ':')])"), 0);
	CU_ASSERT_EQUAL(
	    number(doc,
		"count(//*[contains(@style, 'url') or contains(@style, ';')])"),
	    0);
	CU_ASSERT_EQUAL(number(doc, "count(//style[contains(., 'url(') or "
				    "contains(., '@import')])"),
	    0);
	CU_ASSERT_EQUAL(
	    number(doc,
		"count(//meta[@http-equiv='Content-Security-Policy' and "
		"starts-with(@content, \"default-src 'none'\")])"),
	    1);
}

static void
every_filing_has_its_row(void)
{
	struct report r;
	htmlDocPtr doc;

	catalogue_use("en");
	sample_report(&r, "ja", 1000);
	doc = page(&r);
	check_harmless(doc);
	CU_ASSERT_EQUAL(
	    number(doc, "count(//table[@class='filings']/tbody)"), 1000);
	CU_ASSERT_EQUAL(number(doc, "count(//tbody[@id='f1000'])"), 1);
	CU_ASSERT_EQUAL(number(doc, "count(//tbody[contains(@class, ' act')])"),
	    (double)(report_count(&r, REPORT_FAILED) +
		     report_count(&r, REPORT_HELD) +
		     report_count(&r, REPORT_DUPLICATE)));
	CU_ASSERT_EQUAL(
	    number(doc, "count(//dd[contains(., 'SHA-256')])"), 3 * 1000 - 25);
	xmlFreeDoc(doc);
	report_free(&r);
}

static void
what_needs_action_comes_first(void)
{
	struct report r;
	htmlDocPtr doc;

	sample_report(&r, "ja", 400);
	doc = page(&r);
	CU_ASSERT_STRING_EQUAL(words_at(doc, "string(//h1)"), "署名結果報告書");
	CU_ASSERT_STRING_EQUAL(words_at(doc, "string(//p[1][contains(@class,"
					     "'verdict')])"),
	    "対応が必要なものが8件あります。");
	CU_ASSERT_STRING_EQUAL(
	    words_at(doc, "string((//h2)[1])"), "対応が必要なもの");
	CU_ASSERT_EQUAL(number(doc, "count((//section)[2]//article)"), 4);
	/* Links lead to rows that exist. */
	CU_ASSERT_EQUAL(
	    number(doc,
		"count(//li/a[not(substring-after(@href,'#')=//tbody/@id)])"),
	    0);
	CU_ASSERT(number(doc, "count(//li/a)") > 0);
	xmlFreeDoc(doc);
	report_free(&r);
}

static void
good_batch_says_so(void)
{
	struct report r;
	htmlDocPtr doc;

	sample_report(&r, "en", 5);
	doc = page(&r);
	CU_ASSERT_STRING_EQUAL(
	    words_at(doc, "string(//p[contains(@class,'verdict')])"),
	    "Everything is done. Nothing needs your attention.");
	CU_ASSERT_STRING_EQUAL(words_at(doc, "string(/html/@lang)"), "en");
	CU_ASSERT_STRING_NOT_EQUAL(
	    words_at(doc, "string((//h2)[1])"), "What needs action");
	xmlFreeDoc(doc);
	report_free(&r);
}

/* Each level of an end that comes nearer has its own words and its own place:
 * the last two above everything else, and then nothing is "done". */
static void
what_is_urgent_is_on_top(void)
{
	static const struct {
		const char *code, *urgency;
		bool top;
	} levels[] = {
	    {"certificate-expires-90", "note", false},
	    {"certificate-expires-60", "soon", false},
	    {"certificate-expires-30", "week", true},
	    {"certificate-expires-7", "now", true},
	    {"certificate-ends-before-due", "week", true},
	    {"certificate-changed", "week", true},
	    {"certificate-first-use", "note", false},
	    {"due-passed", "now", true},
	};
	char xpath[200];

	catalogue_use("en");
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		struct report r;
		htmlDocPtr doc;

		sample_report(&r, "en", 5);
		report_warn(&r, &r.keys[1].warnings, &r.keys[1].warning_count,
		    levels[i].code, "2026-11-30");
		doc = page(&r);
		snprintf(xpath, sizeof xpath,
		    "count(//article[.//code='%s'][contains(@class,'remark "
		    "to-do-"
		    "%s')]%s)",
		    levels[i].code, levels[i].urgency,
		    levels[i].top
			? "[ancestor::section[@class='urgent']]"
			: "[not(ancestor::section[@class='urgent'])]");
		CU_ASSERT(number(doc, xpath) >= 1);
		CU_ASSERT_EQUAL(
		    number(doc, "count(//section[@class='urgent'])"),
		    levels[i].top);
		CU_ASSERT_EQUAL(
		    number(doc, "count(//p[contains(@class,'verdict bad')])"),
		    levels[i].top);
		CU_ASSERT_EQUAL(
		    number(doc,
			"count(//section[@class='urgent']/"
			"preceding-sibling::section[not(@class='summary')])"),
		    0);
		xmlFreeDoc(doc);
		report_free(&r);
	}
}

/* A key's revocation that holds filings is told with them, not twice. */
static void
what_stops_filings_is_told_once(void)
{
	struct report r;
	htmlDocPtr doc;
	struct report_filing *f;

	sample_report(&r, "en", 5);
	f = report_add_filing(&r);
	f->result = REPORT_HELD;
	report_text(&r, &f->input, "a.xtx");
	report_text(&r, &f->reason.code, "certificate-revoked");
	report_warn(&r, &r.keys[0].warnings, &r.keys[0].warning_count,
	    "certificate-revoked", "2026-11-20");
	doc = page(&r);
	CU_ASSERT_EQUAL(
	    number(doc, "count(//article[.//code='certificate-revoked'])"), 1);
	xmlFreeDoc(doc);
	report_free(&r);
}

static void
empty_and_interrupted_batches_say_so(void)
{
	struct report r;
	htmlDocPtr doc;

	sample_report(&r, "en", 0);
	doc = page(&r);
	CU_ASSERT_STRING_EQUAL(
	    words_at(doc, "string(//p[contains(@class,'verdict')])"),
	    "There was nothing to sign.");
	CU_ASSERT_EQUAL(number(doc, "count(//table)"), 0);
	xmlFreeDoc(doc);
	r.interrupted = true;
	doc = page(&r);
	CU_ASSERT_EQUAL(number(doc, "count(//p[@class='note'])"), 1);
	xmlFreeDoc(doc);
	report_free(&r);
}

static void
hostile_text_is_only_text(void)
{
	static const char *const attacks[] = {
	    "<script>alert(1)</script>",
	    "\"><img src=x onerror=alert(1)>",
	    "' onmouseover='alert(1)",
	    "</title></style><script>alert(1)</script>",
	    "<!--",
	    "-->",
	    "]]>",
	    "&lt;b&gt;&#60;",
	    "javascript:alert(1)",
	};
	struct report r;
	htmlDocPtr doc;

	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		report_init(&r, "ja");
		report_text(&r, &r.batch, attacks[i]);
		report_text(&r, &r.version, attacks[i]);
		sample_add(&r, attacks[i]);
		report_warn(
		    &r, &r.warnings, &r.warning_count, attacks[i], attacks[i]);
		report_text(&r, &report_add_key(&r)->name, attacks[i]);
		doc = page(&r);
		check_harmless(doc);
		CU_ASSERT_STRING_EQUAL(
		    words_at(doc, "string(//tbody[@id='f1']//b)"), attacks[i]);
		xmlFreeDoc(doc);
		report_free(&r);
	}
}

static void
hidden_characters_are_shown(void)
{
	struct report r;
	htmlDocPtr doc;

	report_init(&r, "ja");
	sample_add(&r, "a\xE2\x80\xAEgpj.exe\x01\xC2\x85\xEF\xBB\xBF\n|\t|");
	doc = page(&r);
	CU_ASSERT_STRING_EQUAL(words_at(doc, "string(//tbody[@id='f1']//b)"),
	    "a[U+202E]gpj.exe[U+0001][U+0085][U+FEFF] | |");
	/* Foreign names stand in <bdi>, so that their direction ends there. */
	CU_ASSERT_EQUAL(number(doc, "count(//tbody//summary/bdi)"), 1);
	xmlFreeDoc(doc);
	report_free(&r);
}

static void
language_is_put_back(void)
{
	struct report r;
	htmlDocPtr doc;

	catalogue_use("en");
	sample_report(&r, "ja", 1);
	doc = page(&r);
	CU_ASSERT_STRING_EQUAL(i18n_language(), "en");
	xmlFreeDoc(doc);
	report_free(&r);
}

static void
index_links_to_each_batch(void)
{
	struct report_index_row rows[3] = {
	    {.batch = "20261122-180000",
		.started_ms = SAMPLE_STARTED_MS,
		.finished_ms = SAMPLE_STARTED_MS + 5000,
		.count = {[REPORT_PUBLISHED] = 300, [REPORT_FAILED] = 2}},
	    {.batch = "20261121-180000", .started_ms = SAMPLE_STARTED_MS},
	    {.batch = "../\"><script>", .started_ms = SAMPLE_STARTED_MS},
	};
	struct buf b = {0};
	struct err e = {0};
	htmlDocPtr doc;

	catalogue_use("en");
	CHECK_OK(report_write_index(rows, 3, "ja", &b, &e), &e);
	doc = parse(&b);
	check_harmless(doc);
	CU_ASSERT_EQUAL(number(doc, "count(//tbody/tr)"), 3);
	CU_ASSERT_STRING_EQUAL(words_at(doc, "string((//a)[1]/@href)"),
	    "20261122-180000/report.html");
	CU_ASSERT_STRING_EQUAL(words_at(doc, "string((//a)[3]/@href)"),
	    "%2E%2E%2F%22%3E%3Cscript%3E/report.html");
	CU_ASSERT_STRING_EQUAL(
	    words_at(doc, "string((//tbody/tr)[2]/td[1])"), "処理中");
	xmlFreeDoc(doc);
	buf_reset(&b);
	CHECK_OK(report_write_index(NULL, 0, "en", &b, &e), &e);
	CU_ASSERT(strstr(buf_cstr(&b), "There is no report yet.") != NULL);
	buf_free(&b);
}

SUITE_MAIN("report_html", CASE(every_filing_has_its_row),
    CASE(what_needs_action_comes_first), CASE(good_batch_says_so),
    CASE(what_is_urgent_is_on_top), CASE(what_stops_filings_is_told_once),
    CASE(empty_and_interrupted_batches_say_so), CASE(hostile_text_is_only_text),
    CASE(hidden_characters_are_shown), CASE(language_is_put_back),
    CASE(index_links_to_each_batch))
