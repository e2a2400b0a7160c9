/* The pass: digest, offsets, IDs, limits, refusals. */
#include "base/fsops.h"
#include "base/text.h"
#include "signer/exam/pass.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct exam_limits limits = {.document_max = 64 << 20,
    .depth = 200,
    .attributes = 256,
    .namespaces = 256,
    .ids = 100000};

/* What a test document is read with: the element "S" is the apex, text of
 * "t" is kept, signatures go after "S" (and after dsig:Signature). */
struct seen {
	char text[100];
	size_t text_len;
	struct existing_reference *reference;
	unsigned signatures;
	bool value_text;
};

static int
start(void *ctx, struct pass *p, const struct element *el, unsigned *want,
    struct err *e)
{
	(void)ctx;
	(void)p;
	(void)e;
	if (strcmp(el->local, "S") == 0)
		*want |= PASS_APEX | PASS_INSERT;
	if (element_is(el, ELEMENT_DSIG, "Signature"))
		*want |= PASS_INSERT | PASS_FILING | PASS_OMIT;
	if (strcmp(el->local, "t") == 0)
		*want |= PASS_TEXT;
	return 0;
}

static int
end(void *ctx, struct pass *p, const struct element *el, struct slice text,
    struct err *e)
{
	struct seen *s = ctx;

	(void)p;
	(void)e;
	if (strcmp(el->local, "t") != 0)
		return 0;
	s->text_len = text.len;
	snprintf(s->text, sizeof s->text, "%.*s", (int)text.len,
	    (const char *)text.p);
	return 0;
}

static int
signature(void *ctx, struct pass *p, struct existing *x, struct err *e)
{
	struct seen *s = ctx;

	(void)p;
	(void)e;
	s->signatures += x->filing ? 1 : 1000;
	return 0;
}

static const char *const id_names[] = {"id", "ID", "Id", NULL};
static const char *const idref_names[] = {"IDREF", NULL};
static const struct pass_format format = {.ids = id_names,
    .idrefs = idref_names,
    .start = start,
    .end = end,
    .signature = signature};

static struct pass_result result;
static struct buf canonical;
static struct seen seen;

/* Reads a document from memory with the format above. */
static int
read_bytes(struct slice doc, bool hint, struct err *e)
{
	struct pass_options o = {
	    .limits = &limits, .complete_hint = hint, .canonical = &canonical};
	int fd = fs_memfd("doc", e), r;

	pass_result_free(&result);
	buf_reset(&canonical);
	memset(&seen, 0, sizeof seen);
	if (fd < 0 || fs_write(fd, doc, e) != 0)
		return -1;
	r = pass_run(fd, &format, &seen, &o, &result, e);
	close(fd);
	return r;
}

static int
read_text(const char *doc, struct err *e)
{
	return read_bytes(slice_str(doc), false, e);
}

static void
canonical_is(const char *doc, const char *want)
{
	struct err e = {0};

	CHECK_OK(read_text(doc, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&canonical), want);
	CU_ASSERT_EQUAL(canonical.len, strlen(want));
}

static void
refused_as(const char *doc, const char *code)
{
	struct err e = {0};

	CHECK_CODE(read_text(doc, &e), &e, code);
	if (strcmp(e.code, code) != 0)
		printf(
		    "# %.60s: %s %s, want %s\n", doc, e.code, e.detail, code);
	CU_ASSERT_EQUAL(e.class, ERR_INPUT);
}

static void
canonical_namespaces(void)
{
	canonical_is(
	    "<r xmlns='urn:d' xmlns:b='urn:b' xmlns:a='urn:a'><S/></r>",
	    "<S xmlns=\"urn:d\" xmlns:a=\"urn:a\" xmlns:b=\"urn:b\"></S>");
	canonical_is("<r xmlns='urn:d'><S xmlns=''><x xmlns='urn:e'>"
		     "<y xmlns=''/><z xmlns='urn:e'/></x></S></r>",
	    "<S><x xmlns=\"urn:e\"><y xmlns=\"\"></y><z></z></x></S>");
	canonical_is("<r xmlns:p='urn:1'><S xmlns:p='urn:2'><p:x "
		     "xmlns:p='urn:1'/><p:y xmlns:p='urn:2'/></S></r>",
	    "<S xmlns:p=\"urn:2\"><p:x "
	    "xmlns:p=\"urn:1\"></p:x><p:y></p:y></S>");
}

static void
canonical_attributes(void)
{
	canonical_is("<r xmlns:b='urn:a' xmlns:a='urn:b' xml:lang='ja' "
		     "xml:space='preserve'><m xml:lang='en'><S z='1' b:q='2' "
		     "a:c='3' A='4' xml:space='default'/></m></r>",
	    "<S xmlns:a=\"urn:b\" xmlns:b=\"urn:a\" A=\"4\" z=\"1\" "
	    "xml:lang=\"en\" xml:space=\"default\" b:q=\"2\" a:c=\"3\"></S>");
	canonical_is("<r><S a='&#13;&#10;&#9;&lt;&amp;>&quot;\t\n'/></r>",
	    "<S a=\"&#xD;&#xA;&#x9;&lt;&amp;>&quot;  \"></S>");
	canonical_is(
	    "<r><S a='&#38;amp; &#60;'/></r>", "<S a=\"&amp;amp; &lt;\"></S>");
}

static void
canonical_text(void)
{
	canonical_is("<r><S>a\r\nb\rc&#13;&amp;&lt;>\"<![CDATA[<x>&\r\n]]]]>"
		     "<!-- no --><?pi d?a?><?q?></S></r>",
	    "<S>a\nb\nc&#xD;&amp;&lt;&gt;\"&lt;x&gt;&amp;\n]]"
	    "<?pi d?a?><?q?></S>");
	canonical_is("<r><S>\xF0\xA0\xAE\xB7&#x20BB7;</S></r>",
	    "<S>\xF0\xA0\xAE\xB7\xF0\xA0\xAE\xB7</S>");
}

static void
refuses_what_is_not_plain_xml(void)
{
	refused_as(
	    "<!DOCTYPE r [<!ENTITY a 'x'>]><r>&a;</r>", "doctype-forbidden");
	refused_as("<!DOCTYPE r SYSTEM 'x.dtd'><r/>", "doctype-forbidden");
	refused_as("<?xml version='1.1'?><r/>", "xml-version");
	refused_as("<?xml version='1.0' encoding='Shift_JIS'?><r/>",
	    "encoding-not-utf8");
	refused_as(
	    "<?xml version='1.0' encoding='UTF-16'?><r/>", "encoding-not-utf8");
	refused_as(
	    "<?xml version='1.0' encoding='x-none'?><r/>", "encoding-not-utf8");
	refused_as("<r xmlns='relative/uri'/>", "namespace-relative");
	refused_as("<r xmlns:a='a.b'/>", "namespace-relative");
	refused_as("<p:r/>", "xml-namespace");
	refused_as("<r xmlns:a='urn:a&amp;b'/>", "xml-namespace");
	refused_as("<r xmlns:a=''/>", "xml-namespace");
	refused_as("<r xmlns:a='urn:a' xmlns:b='urn:a' a:x='' b:x=''/>",
	    "xml-namespace");
	refused_as("<r>&foo;</r>  ", "xml-malformed");
	refused_as("<r>\x01</r>  ", "xml-malformed");
	refused_as("<r a='1' a='2'></r>   ", "xml-malformed");
	refused_as("not xml at all", "xml-malformed");
	refused_as("<r>\xE3\x81</r>", "xml-malformed");
	refused_as("<r/><r/>          ", "xml-malformed");
}

static void
ids_and_references(void)
{
	struct err e = {0};

	CHECK_OK(read_text("<r id='a'><x IDREF='b'/><y ID='b' Id='c'/>"
			   "<z IDREF=' c '/></r>",
		     &e),
	    &e);
	refused_as("<r id='a'>\n<x ID='a'/></r>", "id-duplicate");
	refused_as("<r id='a' Id=' a '/>", "id-duplicate");
	refused_as("<r id='a' xml:id='a'/>", "id-duplicate");
	refused_as("<r id='a'>\n<x IDREF='b'/></r>", "idref-dangling");
	CU_ASSERT_EQUAL(read_text("<r>\n\n<x IDREF='b'/>\n</r>", &e), -1);
	CU_ASSERT_STRING_EQUAL(e.detail, "line 3: \"b\"");
}

static void
truncation_is_told(void)
{
	static const char doc[] =
	    "<?xml version='1.0'?><r a='&lt;'><S><![CDATA[x]]>\xE6\xBC\xA2"
	    "&amp;<!-- c --><?p q?><t></t></S></r>";
	struct err e = {0};

	CHECK_OK(read_bytes(slice_str(doc), true, &e), &e);
	for (size_t n = 0; n < sizeof doc - 1; n++) {
		CU_ASSERT_EQUAL(read_bytes(slice_of(doc, n), true, &e), -1);
		if (strcmp(e.code, "xml-truncated") != 0)
			printf("# at %zu: %s %s\n", n, e.code, e.detail);
		CU_ASSERT_STRING_EQUAL(e.code, "xml-truncated");
		CU_ASSERT_EQUAL(e.class, ERR_TRANSIENT_IO);
		CU_ASSERT_EQUAL(read_bytes(slice_of(doc, n), false, &e), -1);
		CU_ASSERT_EQUAL(e.class, ERR_INPUT);
	}
}

static void
malformed_tells_line_and_column(void)
{
	struct err e = {0};

	CHECK_CODE(read_text("<r>\n <a></b>\n</r>\n         ", &e), &e,
	    "xml-malformed");
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "line 2, column "));
}

/* The bytes before the offset must end with `before`. */
static void
offset_after(const char *doc, const char *before)
{
	struct err e = {0};
	const char *at = strstr(doc, before);

	CHECK_OK(read_text(doc, &e), &e);
	CU_ASSERT_TRUE_FATAL(result.has_offset);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_EQUAL(result.offset, (size_t)(at - doc) + strlen(before));
}

static void
offsets(void)
{
	offset_after("<r><S></S></r>", "</S>");
	offset_after("<r><S/></r>", "<S/>");
	offset_after("<r><S /> </r>", "<S />");
	offset_after("<r><S></S \n></r>", "</S \n>");
	offset_after("\xEF\xBB\xBF<r><S></S><x/></r>", "</S>");
	offset_after(
	    "<?xml version='1.0' encoding='utf-8'?>\r\n<r>\r\n<!-- </S> "
	    "--><S>\xE6\xBC\xA2\xF0\xA0\xAE\xB7&#x6F22;&amp;<![CDATA["
	    "</S2>]]></S>\r\n<x/></r>",
	    "]]></S>");
}

/* `piece` n times between head and tail; a '#' in it becomes a number. */
static void
repeated(struct buf *b, const char *head, const char *piece, size_t n,
    const char *tail)
{
	size_t before = strcspn(piece, "#");

	buf_reset(b);
	CU_ASSERT_EQUAL(buf_puts(b, head), 0);
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_FATAL(buf_append(b, piece, before) == 0);
		if (piece[before] == '#')
			CU_ASSERT_FATAL(
			    buf_printf(b, "%zu%s", i, piece + before + 1) == 0);
	}
	CU_ASSERT_EQUAL(buf_puts(b, tail), 0);
}

/* Documents made to hurt: each ends soon (attributes of a tag are compared
 * with each other: hours, if the tag's length were not bounded). */
static void
hostile(const struct buf *b, const char *code)
{
	struct err e = {0};

	CHECK_CODE(read_bytes(buf_view(b), false, &e), &e, code);
	if (strcmp(e.code, code) != 0)
		printf("# %s %s, want %s\n", e.code, e.detail, code);
}

static void
hostile_documents(void)
{
	struct buf b = {0};

	repeated(&b, "", "<a#>", 1000, "");
	hostile(&b, "limit-depth");
	repeated(&b, "", "<a>", 2000000, "");
	hostile(&b, "limit-depth");
	repeated(&b, "<r", " a#=''", 300, "/>");
	hostile(&b, "limit-attributes");
	repeated(&b, "<r", " a#=''", 1000000, "/>");
	hostile(&b, "limit-tag");
	repeated(&b, "<r", " xmlns:a#='urn:a'", 300, "/>");
	hostile(&b, "limit-namespaces");
	repeated(&b, "<r", " xmlns:a#='urn:a'", 1000000, "/>");
	hostile(&b, "limit-tag");
	repeated(&b, "<r a='", "xxxxxxxxxxxxxxxx", 1000000, "'/>");
	hostile(&b, "limit-tag");
	repeated(&b, "<r", "xxxxxxxxxxxxxxxx", 1000000, "/>");
	hostile(&b, "limit-tag");
	repeated(&b, "<r", "xxxxxxxxxxxxxxxx", 100, "/>");
	hostile(&b, "limit-name");
	repeated(&b, "<r>", "<x id='i#'/>", 100001, "</r>");
	hostile(&b, "limit-ids");
	repeated(&b, "<r>", "<x IDREF='i#'/>", 100001, "</r>");
	hostile(&b, "limit-ids");
	repeated(&b, "<r>", "xxxxxxxxxxxxxxxx", (64 << 20) / 16, "</r>");
	hostile(&b, "document-too-large");
	repeated(&b, "<!DOCTYPE r [<!ENTITY a0 'ha'>",
	    "<!ENTITY b# '&a0;&a0;&a0;&a0;'>", 1000, "]><r>&b999;</r>");
	hostile(&b, "doctype-forbidden");
	repeated(&b, "", " ", 1000000, "<r/>");
	CU_ASSERT_EQUAL(read_bytes(buf_view(&b), false, NULL), -1);
	buf_free(&b);
}

/* What may be long is: comments, instructions, CDATA, text. */
static void
long_things_pass(void)
{
	static const char *const frames[][2] = {{"<r><!--", "--></r>"},
	    {"<r><?p ", "?></r>"}, {"<r><![CDATA[", "]]></r>"},
	    {"<r>", "</r>"}};
	struct buf b = {0};
	struct err e = {0};

	for (size_t i = 0; i < 4; i++) {
		repeated(&b, frames[i][0], "xxxxxxxxxxxxxxxx", 1000000,
		    frames[i][1]);
		CHECK_OK(read_bytes(buf_view(&b), false, &e), &e);
	}
	buf_free(&b);
}

/* The document is cut where the parser refills its buffer: CR LF, characters
 * and references fall apart at every place. */
static void
buffer_boundaries(void)
{
	static const char tail[] =
	    "\r\n\r\xE6\xBC\xA2\xF0\xA0\xAE\xB7&#13;&amp;<![CDATA[\r\n\r]]>";
	static const char want[] = "\n\n\xE6\xBC\xA2\xF0\xA0\xAE\xB7&#xD;&amp;"
				   "\n\n</S>";
	struct buf b = {0};
	struct err e = {0};
	size_t n = sizeof want - 1;

	for (size_t pad = 65536 - 80; pad < 65536 + 20; pad++) {
		buf_reset(&b);
		CU_ASSERT_EQUAL(buf_puts(&b, "<r><S>"), 0);
		for (size_t i = 0; i < pad; i++)
			buf_putc(&b, 'x');
		CU_ASSERT_EQUAL(buf_puts(&b, tail), 0);
		CU_ASSERT_EQUAL(buf_puts(&b, "</S></r>"), 0);
		CHECK_OK(read_bytes(buf_view(&b), false, &e), &e);
		CU_ASSERT_EQUAL(canonical.len, 3 + pad + n);
		CU_ASSERT_EQUAL(memcmp(canonical.p + 3 + pad, want, n), 0);
	}
	buf_free(&b);
}

static void
peeks(void)
{
	struct pass_root root;
	struct err e;
	int fd = fs_memfd("peek", &e);

	CHECK_OK(fs_write(fd,
		     slice_str("<?xml version='1.0'?><!-- x --><p:a "
			       "xmlns:p='urn:p'><b"),
		     &e),
	    &e);
	CU_ASSERT(pass_peek(fd, &root));
	CU_ASSERT_STRING_EQUAL(root.local, "a");
	CU_ASSERT_STRING_EQUAL(root.uri, "urn:p");
	close(fd);
	fd = fs_memfd("peek", &e);
	CHECK_OK(fs_write(fd, slice_str("<!DOCTYPE a><a/>"), &e), &e);
	CU_ASSERT_FALSE(pass_peek(fd, &root));
	close(fd);
}

SUITE_MAIN("exam/pass", CASE(canonical_namespaces), CASE(canonical_attributes),
    CASE(canonical_text), CASE(refuses_what_is_not_plain_xml),
    CASE(ids_and_references), CASE(truncation_is_told),
    CASE(malformed_tells_line_and_column), CASE(offsets),
    CASE(hostile_documents), CASE(long_things_pass), CASE(buffer_boundaries),
    CASE(peeks))
