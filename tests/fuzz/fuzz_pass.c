/*
 * Any bytes as a document.  What the pass accepts, libxml2's own parser must
 * accept too, with the same canonical form of the same element, and an
 * element inserted at the offset must become that element's next sibling;
 * what the pass calls malformed, libxml2 must refuse.  The e-Tax reader gets
 * the bytes as well.  With clang -DFUZZ -fsanitize=fuzzer this is a libFuzzer
 * target; without, a program that runs the files named on its command line,
 * or small changes of its own seeds.
 */
#include "base/fsops.h"
#include "schemas/sample.h"
#include "signer/exam/format_rows.h"
#include "signer/exam/pass.h"
#include "tests/fuzz/mutate.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <unistd.h>

#define PARSE                                                                  \
	(XML_PARSE_NOENT | XML_PARSE_NONET | XML_PARSE_HUGE |                  \
	    XML_PARSE_NOWARNING | XML_PARSE_NOERROR)

static const struct exam_limits limits = {.document_max = 1 << 20,
    .depth = 100,
    .attributes = 100,
    .namespaces = 100,
    .ids = 1000};

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_pass: %s\n", what);
	abort();
}

static int
first_child(void *ctx, struct pass *p, const struct element *el, unsigned *want,
    struct err *e)
{
	(void)ctx;
	(void)p;
	(void)e;
	if (el->depth == 2 && el->nth == 1)
		*want = PASS_APEX | PASS_INSERT;
	return 0;
}

static const struct pass_format format = {.start = first_child};

static int
inside(void *apex, xmlNodePtr node, xmlNodePtr parent)
{
	xmlNodePtr at =
	    node->type == XML_NAMESPACE_DECL || node->type == XML_ATTRIBUTE_NODE
		? parent
		: node;

	for (; at != NULL; at = at->parent)
		if (at == apex)
			return 1;
	return 0;
}

static xmlNodePtr
apex_of(xmlDocPtr d)
{
	return xmlFirstElementChild(xmlDocGetRootElement(d));
}

static void
same_canonical(xmlDocPtr d, const struct buf *have)
{
	xmlOutputBufferPtr o = xmlAllocOutputBuffer(NULL);

	require(xmlC14NExecute(
		    d, inside, apex_of(d), XML_C14N_1_0, NULL, 0, o) >= 0,
	    "reference C14N");
	require(slice_eq(buf_view(have), slice_of(xmlOutputBufferGetContent(o),
					     xmlOutputBufferGetSize(o))),
	    "another canonical form");
	xmlOutputBufferClose(o);
}

static void
insertion(struct slice doc, uint64_t offset)
{
	struct buf b = {0};
	xmlNodePtr next;
	xmlDocPtr d;

	require(buf_append(&b, doc.p, offset) == 0 &&
		    buf_puts(&b, "<natsuin/>") == 0 &&
		    buf_append(&b, doc.p + offset, doc.len - offset) == 0,
	    "memory");
	d = xmlReadMemory((char *)b.p, (int)b.len, NULL, NULL, PARSE);
	require(d != NULL, "broken by the insertion");
	next = apex_of(d)->next;
	require(
	    next != NULL && strcmp((const char *)next->name, "natsuin") == 0,
	    "inserted elsewhere");
	xmlFreeDoc(d);
	buf_free(&b);
}

static void
compare(int fd, struct slice doc)
{
	struct buf canonical = {0};
	struct pass_options o = {.limits = &limits, .canonical = &canonical};
	struct pass_result r = {0};
	struct err e = {0};
	int ok = pass_run(fd, &format, NULL, &o, &r, &e);
	xmlDocPtr d =
	    xmlReadMemory((const char *)doc.p, (int)doc.len, NULL, NULL, PARSE);

	if (ok == 0) {
		require(d != NULL, "accepted what is not well-formed");
		require(r.digested == (apex_of(d) != NULL), "apex");
		if (r.digested) {
			same_canonical(d, &canonical);
			insertion(doc, r.offset);
		}
	} else {
		require(e.class == ERR_INPUT, e.code);
		if (strcmp(e.code, "xml-malformed") == 0 ||
		    strcmp(e.code, "xml-truncated") == 0)
			require(d == NULL, "refused what is well-formed");
	}
	xmlFreeDoc(d);
	pass_result_free(&r);
	buf_free(&canonical);
}

static void
as_etax(int fd, size_t size)
{
	struct member m = {"fuzz.xtx", fd, size};
	struct drop d = {"fuzz.xtx", false, &m, 1};
	struct exam_options o = {
	    .limits = limits, .allow_legacy = true, .sign_form_root = true};
	struct findings f = {0};
	struct err e = {0};

	if (format_etax.examine(&d, &o, &f, &e) != 0)
		require(e.class == ERR_INPUT, e.code);
	findings_free(&f);
	if (format_etax_form.examine(&d, &o, &f, &e) != 0)
		require(e.class == ERR_INPUT, e.code);
	findings_free(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	int fd = fs_memfd("fuzz", &e);

	require(fd >= 0 && fs_pwrite(fd, 0, slice_of(data, size), &e) == 0,
	    "memfd");
	compare(fd, slice_of(data, size));
	as_etax(fd, size);
	close(fd);
	return 0;
}

#ifndef FUZZ
#define SIGNATURE                                                              \
	"<dsig:Signature xmlns:dsig='http://www.w3.org/2000/09/xmldsig#' "     \
	"Id='_1'><dsig:SignedInfo><dsig:CanonicalizationMethod Algorithm='"    \
	"http://www.w3.org/TR/2001/REC-xml-c14n-20010315'/>"                   \
	"<dsig:SignatureMethod Algorithm='http://www.w3.org/2001/04/"          \
	"xmldsig-more#rsa-sha256'/><dsig:Reference URI='#RSH0010'>"            \
	"<dsig:Transforms><dsig:Transform Algorithm='http://www.w3.org/TR/"    \
	"2001/REC-xml-c14n-20010315'/></dsig:Transforms><dsig:DigestMethod "   \
	"Algorithm='http://www.w3.org/2001/04/xmlenc#sha256'/>"                \
	"<dsig:DigestValue>AAAA</dsig:DigestValue></dsig:Reference>"           \
	"</dsig:SignedInfo><dsig:SignatureValue>AAAA</dsig:SignatureValue>"    \
	"<dsig:KeyInfo><dsig:X509Data><dsig:X509Certificate>MIIB"              \
	"</dsig:X509Certificate></dsig:X509Data></dsig:KeyInfo>"               \
	"</dsig:Signature>"

static const char *const texts[] = {
    "<?xml version='1.0' encoding='UTF-8'?>\r\n<!-- c --><r xmlns='urn:d' "
    "xmlns:p='urn:p' xml:lang='ja'><p:S a='&#13;&amp;\t' p:b=\"x\" "
    "xmlns:p='urn:p'>t\r\n&lt;<![CDATA[<x>\r\n]]></p:S><b xmlns=''/></r>",
    "\xEF\xBB\xBF<r a='1'><S/>\xE6\xBC\xA2&#x20BB7;<?pi d?></r>",
    "<DATA xmlns='http://xml.e-tax.nta.go.jp/XSD/a'><RSH0010 id='RSH0010' "
    "VR='1'><CATALOG/></RSH0010>" SIGNATURE "</DATA>",
    "<A xmlns='http://xml.e-tax.nta.go.jp/XSD/a' id='A' "
    "VR='1'><B>\xEF\xBD\xB1</B>" SIGNATURE "</A>",
};

int
main(int argc, char **argv)
{
	struct fuzz_seed seeds[5];
	struct sample s = {.number = 1, .letter = true};
	struct buf b = {0};

	if (argc > 1)
		return mutate_files(argc, argv);
	require(sample_etax(&s, &b) == 0, "memory");
	for (size_t i = 0; i < 4; i++)
		seeds[i] = (struct fuzz_seed){texts[i], strlen(texts[i])};
	seeds[4] = (struct fuzz_seed){b.p, b.len};
	mutate_run(seeds, 5, 20000);
	buf_free(&b);
	xmlCleanupParser();
	printf("ok fuzz/pass\n");
	return 0;
}
#endif
