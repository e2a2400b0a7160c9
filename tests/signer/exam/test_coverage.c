/*
 * What no signature covers: the walk around digested elements, compared with
 * a slower way of telling on generated documents; and how it travels.
 */
#include "base/ipc.h"
#include "signer/exam/dom.h"
#include "signer/exam/judge.h"
#include "signer/exam/message.h"
#include "signer/exam/protocol.h"
#include "tests/lib/suite.h"
#include "tests/lib/verifylab.h"
#include "tests/lib/xmlgen.h"
#include "tests/lib/xmlsign.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD "<DATA id=\"DATA\" xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\">"
#define FILING "<RSH0010 id=\"RSH0010\" VR=\"1\"><IT id=\"IT\">a</IT></RSH0010>"
#define SIGNED                                                                 \
	SIGNATURE("_1", C14N, RSA_SHA256, REFERENCE("#RSH0010", PLAIN, SHA256))

static struct coverage list;
static char told[8000];

/* "kind[!] where" of each item, one a line; ! = not by the format. */
static char *
lines(const struct coverage *c)
{
	static const char *const kinds[] = {
	    "element", "attribute", "text", "instruction", "file"};
	size_t at = 0;

	told[0] = '\0';
	for (size_t i = 0; i < c->count && at < sizeof told - 300; i++)
		at += (size_t)snprintf(told + at, sizeof told - at, "%s%s %s\n",
		    kinds[c->items[i].what], c->items[i].by_format ? "" : "!",
		    c->items[i].where);
	return told;
}

/* Around the elements that have these ids. */
static char *
around(const struct verify_profile *p, const char *xml, const char *const *ids)
{
	struct verify_request q = {.profile = p};
	struct judge j = {.q = &q};
	xmlNodePtr apexes[8];
	size_t n = 0;

	coverage_free(&list);
	j.doc =
	    xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
	CU_ASSERT_PTR_NOT_NULL_FATAL(j.doc);
	j.root = xmlDocGetRootElement(j.doc);
	for (; ids[n] != NULL; n++) {
		xmlAttrPtr at[2];

		CU_ASSERT_EQUAL_FATAL(dom_count_id(j.doc, ids[n], at), 1);
		apexes[n] = at[0]->parent;
	}
	CU_ASSERT_EQUAL(judge_uncovered(&j, apexes, n, &list), 0);
	xmlFreeDoc(j.doc);
	return lines(&list);
}

static char *
around_filing(const char *xml)
{
	static const char *const filing[] = {"RSH0010", NULL};

	return around(&verify_etax, xml, filing);
}

static void
what_stands_beside_is_told(void)
{
	CU_ASSERT_STRING_EQUAL(
	    around_filing(HEAD FILING "</DATA>"), "attribute /DATA/@id\n");
	CU_ASSERT_EQUAL(list.unexpected, 0);
	CU_ASSERT_STRING_EQUAL(
	    around_filing("<?a b?>" HEAD "<x/>w" FILING "<y><z/></y><x/>"
			  "<![CDATA[v]]></DATA><?c?>"),
	    "instruction! /<?a?>\nattribute /DATA/@id\nelement! /DATA/x[1]\n"
	    "text! /DATA/text()\nelement! /DATA/y\nelement! /DATA/x[2]\n"
	    "instruction! /<?c?>\n");
	CU_ASSERT_EQUAL(list.unexpected, 6);
}

static void
what_says_nothing_is_not_told(void)
{
	CU_ASSERT_STRING_EQUAL(
	    around_filing("<!-- a --><DATA xmlns:n=\"urn:n\" xml:lang=\"ja\" "
			  "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-"
			  "instance\" xsi:schemaLocation=\"a b\">\r\n\t"
			  "<!-- b -->" FILING " \n</DATA><!-- c -->"),
	    "attribute /DATA/@schemaLocation\n");
	CU_ASSERT_EQUAL(list.unexpected, 0);
	/* In an attribute of another kind it would. */
	around_filing(
	    "<DATA xmlns:n=\"urn:n\" n:id=\"1\" lang=\"ja\">" FILING "</DATA>");
	CU_ASSERT_STRING_EQUAL(
	    told, "attribute! /DATA/@id\nattribute! /DATA/@lang\n");
}

static void
signatures_are_no_content_but_their_objects_are(void)
{
	static const char *const in_object[] = {"O", NULL};

	CU_ASSERT_STRING_EQUAL(
	    around_filing(HEAD FILING SIGNED SIGNED "</DATA>"),
	    "attribute /DATA/@id\n");
	around_filing(HEAD FILING "<s:Signature xmlns:s=\"" DS
				  "\"><s:SignedInfo/><s:Object><a/>"
				  "</s:Object>t</s:Signature></DATA>");
	CU_ASSERT_STRING_EQUAL(told,
	    "attribute /DATA/@id\nelement! /DATA/s:Signature/s:Object\n"
	    "text! /DATA/s:Signature/text()\n");
	/* One that is not at its place is an element like any other. */
	around_filing(HEAD FILING "<x>" SIGNED "</x></DATA>");
	CU_ASSERT_STRING_EQUAL(told, "attribute /DATA/@id\nelement! /DATA/x\n");
	/* What was moved into an Object is covered, its old place is not. */
	around(&verify_etax,
	    HEAD FILING "<s:Signature xmlns:s=\"" DS "\"><s:SignedInfo/>"
			"<s:Object><a id=\"O\"/><b/></s:Object></s:Signature>"
			"</DATA>",
	    in_object);
	CU_ASSERT_STRING_EQUAL(told,
	    "attribute /DATA/@id\nelement! /DATA/RSH0010\n"
	    "element! /DATA/s:Signature/s:Object/b\n");
}

static void
several_references_add_up(void)
{
	static const char *const two[] = {"A", "C", NULL};
	static const char *const nested[] = {"A", "B", NULL};

	around(&verify_etax,
	    "<r><p q=\"1\"><a id=\"A\"><b id=\"B\"/></a>t</p><c id=\"C\">u</c>"
	    "<d/></r>",
	    two);
	CU_ASSERT_STRING_EQUAL(
	    told, "attribute! /r/p/@q\ntext! /r/p/text()\nelement! /r/d\n");
	around(&verify_etax, "<r><a id=\"A\"><b id=\"B\"/><e/></a><d/></r>",
	    nested);
	CU_ASSERT_STRING_EQUAL(told, "element! /r/d\n");
}

static void
without_a_reference_nothing_is_covered(void)
{
	static const char *const none[] = {NULL};

	CU_ASSERT_STRING_EQUAL(
	    around(&verify_etax, HEAD FILING "</DATA>", none),
	    "element! /DATA\n");
	CU_ASSERT_EQUAL(list.unexpected, 1);
}

/* Each part that the format leaves unsigned counts once. */
static void
what_the_format_leaves_is_marked_once(void)
{
	static const char *const config[] = {"構成情報", NULL};

	around(&verify_egov,
	    "<?xml-stylesheet href=\"a\"?><?xml-stylesheet href=\"b\"?>"
	    "<DataRoot><様式ID/><様式バージョン/><STYLESHEET/>"
	    "<構成情報 ID=\"構成情報\"/><署名情報 a=\"1\"><x/></署名情報>"
	    "<その他/><その他/><STYLESHEET xmlns=\"urn:x\"/></DataRoot>",
	    config);
	CU_ASSERT_STRING_EQUAL(told,
	    "instruction /<?xml-stylesheet?>\n"
	    "instruction! /<?xml-stylesheet?>\n"
	    "element /DataRoot/様式ID\nelement /DataRoot/様式バージョン\n"
	    "element /DataRoot/STYLESHEET[1]\n"
	    "attribute! /DataRoot/署名情報/@a\nelement! /DataRoot/署名情報/x\n"
	    "element /DataRoot/その他[1]\nelement! /DataRoot/その他[2]\n"
	    "element! /DataRoot/STYLESHEET[2]\n");
}

static void
lists_are_cut_and_counts_are_not(void)
{
	struct buf b = {0};

	buf_puts(&b, HEAD FILING);
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "<x/>");
	buf_puts(&b, "</DATA>");
	around_filing(buf_cstr(&b));
	CU_ASSERT_EQUAL(list.count, JUDGED_ITEMS_MAX);
	CU_ASSERT_EQUAL(list.more, 301 - JUDGED_ITEMS_MAX);
	CU_ASSERT_EQUAL(list.unexpected, 300);
	buf_free(&b);
}

static void
long_paths_lose_their_beginning(void)
{
	char name[] = "<element-with-a-name-of-forty-characters->";
	struct buf b = {0};
	const char *where;

	for (int i = 0; i < 30; i++)
		buf_puts(&b, name);
	buf_puts(&b, "<z id=\"Z\"/><last/>");
	for (int i = 0; i < 30; i++)
		buf_printf(&b, "</%s", name + 1);
	around(&verify_etax, buf_cstr(&b), (const char *const[]){"Z", NULL});
	where = list.items[0].where;
	CU_ASSERT_EQUAL(strncmp(where, "…/element", strlen("…/element")), 0);
	CU_ASSERT_STRING_EQUAL(where + strlen(where) - 5, "/last");
	buf_free(&b);
}

/* The slower way: each element by its own path and ancestors. */
static bool
below(const xmlNode *n, xmlNodePtr *apexes, size_t count)
{
	for (; n != NULL; n = n->parent)
		for (size_t i = 0; i < count; i++)
			if (n == apexes[i])
				return true;
	return false;
}

static bool
is_listed(const xmlNode *n, bool ancestors)
{
	char path[sizeof list.items->where - 60];

	for (; n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent) {
		dom_path(n, path, sizeof path);
		for (size_t i = 0; i < list.count; i++)
			if (list.items[i].what == UNCOVERED_ELEMENT &&
			    strcmp(list.items[i].where, path) == 0)
				return true;
		if (!ancestors)
			break;
	}
	return false;
}

static unsigned
compare(xmlDocPtr doc, xmlNodePtr *apexes, size_t count)
{
	xmlNodePtr root = xmlDocGetRootElement(doc);
	unsigned wrong = 0;

	for (xmlNodePtr n = root; n != NULL; n = dom_next(n, root)) {
		bool inside, around_one = false;

		if (n->type != XML_ELEMENT_NODE)
			continue;
		inside = below(n, apexes, count);
		for (size_t i = 0; i < count; i++)
			around_one = around_one || below(apexes[i], &n, 1);
		if (inside || around_one)
			wrong += is_listed(n, true);
		else
			wrong += !is_listed(n, true);
	}
	return wrong;
}

static size_t
pick(xmlDocPtr doc, uint64_t *random, xmlNodePtr *apexes)
{
	xmlNodePtr root = xmlDocGetRootElement(doc);
	size_t n = 0, every = 2 + xmlgen_random(random) % 12;

	for (xmlNodePtr e = root; e != NULL && n < 4; e = dom_next(e, root))
		if (e->type == XML_ELEMENT_NODE &&
		    xmlgen_random(random) % every == 0)
			apexes[n++] = e;
	return n;
}

static void
agrees_with_the_slower_way(void)
{
	static const struct xmlgen_options o = {0};
	uint64_t seed = (uint64_t)time(NULL), random = seed | 1;
	unsigned wrong = 0, tried = 0;

	printf("# seed %llu\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < 400; i++) {
		struct verify_request q = {.profile = &verify_etax};
		struct judge j = {.q = &q};
		xmlNodePtr apexes[4];
		struct buf b = {0};
		size_t n;

		xmlgen_document(&b, seed + i, &o);
		j.doc = xmlReadMemory((const char *)b.p, (int)b.len, NULL, NULL,
		    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
		CU_ASSERT_PTR_NOT_NULL_FATAL(j.doc);
		j.root = xmlDocGetRootElement(j.doc);
		n = pick(j.doc, &random, apexes);
		coverage_free(&list);
		CU_ASSERT_EQUAL(judge_uncovered(&j, apexes, n, &list), 0);
		if (list.more == 0) {
			tried++;
			wrong += compare(j.doc, apexes, n);
		}
		xmlFreeDoc(j.doc);
		buf_free(&b);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(tried > 200);
}

/* A signature with as much in every list as is told. */
static void
fill(struct judged *j)
{
	struct judged_signature *s = judged_add(j);
	char name[300];

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	snprintf(s->found.id, sizeof s->found.id, "%s", "_1");
	s->found.filing = s->found.value_ok = true;
	s->claim = JUDGED_CLAIM_ID;
	snprintf(s->claimed, sizeof s->claimed, "%s", "20260315120000");
	buf_printf(&s->found.certificate, "%s", name);
	s->references_more = 7;
	s->references = calloc(JUDGED_REFERENCES_MAX, sizeof *s->references);
	for (size_t i = 0; i < JUDGED_REFERENCES_MAX; i++) {
		struct judged_reference *r =
		    &s->references[s->reference_count++];

		snprintf(r->uri, sizeof r->uri, "%s", name);
		snprintf(r->digest, sizeof r->digest, "%.79s", name);
		snprintf(r->where, sizeof r->where, "%.239s", name);
		r->names = JUDGED_FILE;
		r->checked = true;
	}
	for (size_t i = 0; i < JUDGED_ITEMS_MAX + 3; i++) {
		coverage_add(&s->uncovered, UNCOVERED_TEXT, i % 2, name);
		coverage_add(&j->uncovered, UNCOVERED_FILE, false, name);
	}
}

static void
everything_travels(void)
{
	struct judged j = {0};
	struct exam_reply r = {0};
	struct err e = {0}, none = {0};
	const struct judged_signature *s;
	struct exam_reply out = {0};
	int fds[2], type;

	CHECK_OK(ipc_pair(fds, &e), &e);
	fill(&j);
	judged_fault(&j, "id-duplicate", "a");
	judged_fault(&j, "second", "b");
	j.unsigned_part = true;
	out.findings.judged = &j;
	CHECK_OK(exam_done_send(fds[1], &out, &none, &e), &e);
	do
		type = exam_reply_receive(fds[0], &r, &e);
	while (type == EXAM_REPLY_MORE);
	CU_ASSERT_EQUAL(type, EXAM_REPLY_DONE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r.findings.judged);
	CU_ASSERT_STRING_EQUAL(r.findings.judged->fault.code, "id-duplicate");
	CU_ASSERT_TRUE(r.findings.judged->unsigned_part);
	CU_ASSERT_EQUAL(r.findings.judged->uncovered.unexpected, 67);
	CU_ASSERT_EQUAL_FATAL(r.findings.judged->count, 1);
	s = &r.findings.judged->signatures[0];
	CU_ASSERT_STRING_EQUAL(s->found.id, "_1");
	CU_ASSERT_TRUE(s->found.filing && s->found.value_ok);
	CU_ASSERT_EQUAL(s->found.certificate.len, 299);
	CU_ASSERT_EQUAL(s->reference_count, JUDGED_REFERENCES_MAX);
	CU_ASSERT_EQUAL(s->references_more, 7);
	CU_ASSERT_EQUAL(s->references[63].names, JUDGED_FILE);
	CU_ASSERT_TRUE(s->references[63].checked && !s->references[63].ok);
	CU_ASSERT_EQUAL(s->uncovered.count, JUDGED_ITEMS_MAX);
	CU_ASSERT_EQUAL(s->uncovered.more, 3);
	CU_ASSERT_EQUAL(s->uncovered.unexpected, 34);
	CU_ASSERT_STRING_EQUAL(s->claimed, "20260315120000");
	exam_reply_free(&r);
	judged_free(&j);
	close(fds[0]);
	close(fds[1]);
}

/* What an examiner gone wild could send. */
static int
receive(uint16_t type, const uint64_t *numbers, size_t count)
{
	struct exam_reply r = {0};
	struct ipc_msg m = {0};
	struct err e = {0};
	int fds[2], got;

	CHECK_OK(ipc_pair(fds, &e), &e);
	ipc_begin(&m, type);
	for (size_t i = 0; i < count; i++)
		ipc_put_u64(&m, numbers[i]);
	CHECK_OK(ipc_send(fds[1], &m, &e), &e);
	got = exam_reply_receive(fds[0], &r, &e);
	ipc_free(&m);
	exam_reply_free(&r);
	close(fds[0]);
	close(fds[1]);
	return got;
}

static void
lies_are_refused(void)
{
	static const uint64_t huge[] = {0, 0, UINT64_MAX};

	/* References before there is a signature. */
	CU_ASSERT_EQUAL(receive(MSG_JUDGED_REFERENCES, huge, 3), -1);
	CU_ASSERT_EQUAL(receive(MSG_JUDGED_UNCOVERED, huge, 3), -1);
	CU_ASSERT_EQUAL(receive(MSG_JUDGED_SIGNATURE, huge, 3), -1);
	CU_ASSERT_EQUAL(receive(MSG_JUDGED_FILE, huge, 3), -1);
}

static void
too_many_signatures_are_a_fault(void)
{
	struct judged j = {0};

	for (size_t i = 0; i < JUDGED_SIGNATURES_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(judged_add(&j));
	CU_ASSERT_PTR_NULL(judged_add(&j));
	CU_ASSERT_STRING_EQUAL(j.fault.code, "limit-signatures");
	judged_free(&j);
}

static void
forget(void)
{
	coverage_free(&list);
}

/* The whole way: signed by xmlsec1's library, judged for people. */
static void
the_referee_tells(void)
{
	struct buf xml = {0};
	struct verify_request q = {.profile = &verify_etax,
	    .part = "",
	    .tell = true,
	    .limits = {.full_verify_max = 1 << 20,
		.depth = 60,
		.attributes = 40,
		.namespaces = 20}};
	struct verify_report r;
	struct err e = {0};

	xmlsign(&xml, HEAD FILING SIGNED "<RSH0020/></DATA>", "RSH0010", "id",
	    "RSH0010");
	q.document = (struct verify_input){-1, buf_view(&xml)};
	CHECK_OK(verify_init(&e), &e);
	CHECK_OK(verify_document(&q, &r, &e), &e);
	CU_ASSERT_STRING_EQUAL(r.fault.code, "verify-wrong-shape");
	CU_ASSERT_EQUAL_FATAL(r.count, 1);
	CU_ASSERT_TRUE(r.signatures[0].found.value_ok);
	CU_ASSERT_TRUE(r.signatures[0].found.references_ok);
	CU_ASSERT_FALSE(r.signatures[0].found.covers_filing);
	CU_ASSERT_STRING_EQUAL(
	    r.signatures[0].references[0].where, "/DATA/RSH0010");
	CU_ASSERT_STRING_EQUAL(lines(&r.signatures[0].uncovered),
	    "attribute /DATA/@id\nelement! /DATA/RSH0020\n");
	verify_report_free(&r);
	/* For a batch it is refused whole. */
	q.tell = false;
	CHECK_CODE(verify_document(&q, &r, &e), &e, "verify-wrong-shape");
	buf_free(&xml);
	atexit(forget);
}

#define XADES                                                                  \
	"<dsig:Object><x:QualifyingProperties xmlns:x=\""                      \
	"http://uri.etsi.org/01903/v1.3.2#\"><x:SignedProperties>"             \
	"<x:SignedSignatureProperties><x:SigningTime>2026-03-15T03:00:00Z"     \
	"</x:SigningTime></x:SignedSignatureProperties></x:SignedProperties>"  \
	"</x:QualifyingProperties></dsig:Object>"

/* What the signer says of the time, and where. */
static void
claimed_times_are_found(void)
{
	static const struct {
		const char *id, *after; /* …KeyInfo */
		enum judged_claim claim;
		const char *claimed;
	} cases[] = {{"_900000000000000120260315120000123", "", JUDGED_CLAIM_ID,
			 "20260315120000123"},
	    {"20260315120000", "", JUDGED_CLAIM_ID, "20260315120000"},
	    {"_1", "", JUDGED_NO_CLAIM, ""},
	    {"_90000000000000012026031512000012x", "", JUDGED_NO_CLAIM, ""},
	    {"2026031512000x", "", JUDGED_NO_CLAIM, ""},
	    {"_1", XADES, JUDGED_CLAIM_XADES, "2026-03-15T03:00:00Z"},
	    {"_1", "<dsig:Object><SigningTime>1</SigningTime></dsig:Object>",
		JUDGED_NO_CLAIM, ""}};
	struct buf xml = {0}, named = {0}, b = {0};
	char id[60], after[600];

	xmlsign(&xml, HEAD FILING SIGNED "</DATA>", "RSH0010", "id", "RSH0010");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct verify_signature *v;

		buf_reset(&named);
		buf_reset(&b);
		snprintf(id, sizeof id, "Id=\"%s\"", cases[i].id);
		snprintf(
		    after, sizeof after, "</dsig:KeyInfo>%s", cases[i].after);
		xmlsign_edit(&named, buf_cstr(&xml), "Id=\"_1\"", id);
		xmlsign_edit(&b, buf_cstr(&named), "</dsig:KeyInfo>", after);
		CHECK_OK(
		    verifylab_judge(&verify_etax, buf_view(&b), NULL, 0, false),
		    &error);
		verifylab_expect(true, true, true, "");
		v = &report.signatures[0];
		CU_ASSERT_EQUAL(v->claim, cases[i].claim);
		CU_ASSERT_STRING_EQUAL(v->claimed, cases[i].claimed);
	}
	buf_free(&xml);
	buf_free(&named);
	buf_free(&b);
}

/* A form that is its own root: all of it but the signature is digested. */
static void
a_signed_root_leaves_nothing(void)
{
	static const char *const root[] = {"F", NULL};

	around(&verify_etax_form,
	    "<?a?><TEG840 id=\"F\" x=\"1\"><a/>" SIGNED "</TEG840>", root);
	CU_ASSERT_STRING_EQUAL(told, "instruction! /<?a?>\n");
}

SUITE_MAIN("coverage", CASE(what_stands_beside_is_told),
    CASE(what_says_nothing_is_not_told),
    CASE(signatures_are_no_content_but_their_objects_are),
    CASE(several_references_add_up),
    CASE(without_a_reference_nothing_is_covered),
    CASE(what_the_format_leaves_is_marked_once),
    CASE(lists_are_cut_and_counts_are_not),
    CASE(long_paths_lose_their_beginning), CASE(agrees_with_the_slower_way),
    CASE(everything_travels), CASE(lies_are_refused),
    CASE(too_many_signatures_are_a_fault), CASE(the_referee_tells),
    CASE(claimed_times_are_found), CASE(a_signed_root_leaves_nothing))
