/* Streaming validation against xmllint's verdict, and its traps. */
#include "schemas/validate.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/text.h"
#include "schemas/sample.h"
#include "tests/lib/suite.h"
#include "tests/lib/xsdtree.h"

#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a pass would do, in little: SAX2 from libxml2's parser, the root's
 * start kept and replayed at its first child. */
struct driver {
	struct schema_run *run;
	xmlParserCtxtPtr ctxt;
	size_t piece; /* text is cut into pieces of this size; 0 = as it is */
	bool keep_root;
	bool kept;
	xmlChar *values[32]; /* of the kept attributes, own copies */
	const xmlChar *attributes[5 * 32];
	const xmlChar *namespaces[64];
	const xmlChar *name[3];
	int nb_attributes, nb_namespaces;
	unsigned line;
};

static unsigned
line_now(const struct driver *d)
{
	return (unsigned)xmlSAX2GetLineNumber(d->ctxt);
}

static void
replay(struct driver *d)
{
	if (!d->kept)
		return;
	d->kept = false;
	schema_run_start(d->run, d->line, d->name[0], d->name[1], d->name[2],
	    d->nb_namespaces, d->namespaces, d->nb_attributes, d->attributes);
	for (int i = 0; i < d->nb_attributes; i++)
		xmlFree(d->values[i]);
}

static void
keep(struct driver *d, int nn, const xmlChar **ns, int na,
    const xmlChar **attributes)
{
	CU_ASSERT_FATAL(nn < 32 && na < 32);
	d->kept = true;
	d->nb_namespaces = nn;
	d->nb_attributes = na;
	for (int i = 0; i < 2 * nn; i++)
		d->namespaces[i] = ns[i];
	for (int i = 0; i < na; i++) {
		const xmlChar **a = attributes + 5 * i;
		int n = (int)(a[4] - a[3]);

		d->values[i] = xmlStrndup(a[3], n);
		for (int j = 0; j < 3; j++)
			d->attributes[5 * i + j] = a[j];
		d->attributes[5 * i + 3] = d->values[i];
		d->attributes[5 * i + 4] = d->values[i] + n;
	}
}

static void
on_start(void *ctx, const xmlChar *local, const xmlChar *prefix,
    const xmlChar *uri, int nn, const xmlChar **ns, int na, int defaulted,
    const xmlChar **attributes)
{
	struct driver *d = ctx;

	(void)defaulted;
	if (d->keep_root) {
		d->keep_root = false;
		d->line = line_now(d);
		d->name[0] = local;
		d->name[1] = prefix;
		d->name[2] = uri;
		keep(d, nn, ns, na, attributes);
		return;
	}
	replay(d);
	schema_run_start(
	    d->run, line_now(d), local, prefix, uri, nn, ns, na, attributes);
}

static void
on_end(
    void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct driver *d = ctx;

	replay(d);
	schema_run_end(d->run, line_now(d), local, prefix, uri);
}

static void
on_text(void *ctx, const xmlChar *text, int length)
{
	struct driver *d = ctx;

	if (d->kept)
		return; /* white space before the first child */
	while (d->piece > 0 && (size_t)length > d->piece) {
		schema_run_text(d->run, text, d->piece);
		text += d->piece;
		length -= (int)d->piece;
	}
	schema_run_text(d->run, text, (size_t)length);
}

/* Our verdict: 0 valid, -1 with the error. */
static int
judge(const struct schema *s, struct slice xml, size_t piece, struct err *e)
{
	struct driver d = {.piece = piece, .keep_root = true};
	int result, well_formed;

	d.run = schema_run_new(s, e);
	d.ctxt = xmlCreateMemoryParserCtxt((const char *)xml.p, (int)xml.len);
	CU_ASSERT_FATAL(d.run != NULL && d.ctxt != NULL);
	xmlCtxtUseOptions(d.ctxt, XML_PARSE_HUGE | XML_PARSE_NONET |
				      XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	memset(d.ctxt->sax, 0, sizeof *d.ctxt->sax);
	d.ctxt->sax->initialized = XML_SAX2_MAGIC;
	d.ctxt->sax->startElementNs = on_start;
	d.ctxt->sax->endElementNs = on_end;
	d.ctxt->sax->characters = on_text;
	d.ctxt->sax->ignorableWhitespace = on_text;
	d.ctxt->sax->cdataBlock = on_text;
	d.ctxt->userData = &d;
	xmlParseDocument(d.ctxt);
	well_formed = d.ctxt->wellFormed;
	result = schema_run_finish(d.run, e);
	if (!well_formed && result == 0)
		result = err_set(e, ERR_INPUT, "xml-malformed", "test");
	schema_run_free(d.run);
	xmlFreeParserCtxt(d.ctxt);
	return result;
}

/* xmllint's verdict on the same bytes: 0 valid. */
static int
xmllint(const char *root, struct slice xml)
{
	struct err e = {0};
	char path[200], command[800];
	int dir = suite_dir();

	CHECK_OK(fs_replace(dir, "doc.xml", xml, 0600, &e), &e);
	close(dir);
	snprintf(path, sizeof path, "%s/doc.xml", suite_dir_path());
	snprintf(command, sizeof command,
	    "xmllint --huge --nonet --noout --schema '%s' '%s' >/dev/null 2>&1",
	    root, path);
	return system(command) == 0 ? 0 : -1;
}

static struct schema *
compile(const char *tree, const char *procedure, const char *version)
{
	struct err e = {0};
	int fd = xsdtree_bundle(tree, procedure, version, &e);
	struct schema *s;

	if (fd < 0)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_FATAL(fd >= 0);
	s = schema_compile(fd, &e);
	if (s == NULL)
		suite_print_err(__FILE__, __LINE__, &e);
	close(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

/* Replaces the first `from` by `to`. */
static void
change(struct buf *b, const char *from, const char *to)
{
	struct buf out = {0};
	uint8_t *at = memmem(b->p, b->len, from, strlen(from));
	size_t before;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	before = (size_t)(at - b->p);
	CU_ASSERT(buf_append(&out, b->p, before) == 0);
	CU_ASSERT(buf_puts(&out, to) == 0);
	CU_ASSERT(buf_append(&out, at + strlen(from),
		      b->len - before - strlen(from)) == 0);
	buf_free(b);
	*b = out;
}

struct twist {
	const char *from, *to; /* NULL = nothing changed */
	const char *words;     /* in our message; NULL = valid */
};

/* Each twist of a valid document: xmllint and we agree, and we say what. */
static void
agree(const struct schema *s, const char *root, struct slice valid,
    const struct twist *twists, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf doc = {0};
		struct err e = {0};
		int ours, theirs;

		CU_ASSERT(buf_slice(&doc, valid) == 0);
		if (twists[i].from != NULL)
			change(&doc, twists[i].from, twists[i].to);
		ours = judge(s, buf_view(&doc), 0, &e);
		theirs = xmllint(root, buf_view(&doc));
		if (ours != theirs || (ours == 0) != (twists[i].words == NULL))
			printf("# %s: we %d, xmllint %d: %s\n", twists[i].to,
			    ours, theirs, e.detail);
		CU_ASSERT_EQUAL(ours, theirs);
		CU_ASSERT_EQUAL(ours == 0, twists[i].words == NULL);
		if (ours != 0 && twists[i].words != NULL) {
			CU_ASSERT_STRING_EQUAL(e.code, "schema-invalid");
			CU_ASSERT_EQUAL(e.class, ERR_INPUT);
			if (strstr(e.detail, twists[i].words) == NULL) {
				printf("# wanted %s, got %s\n", twists[i].words,
				    e.detail);
				CU_FAIL("other words");
			}
		}
		buf_free(&doc);
	}
}

static void
demo_verdicts_equal_xmllint(void)
{
	static const struct twist twists[] = {
	    {NULL, NULL, NULL},
	    {"VR=\"1.0.0\"", "VR=\"1.0.1\"",
		"line 3: ZZZ0010/@VR: the value is not one of the set "
		"{'1.0.0'}"},
	    {"VR=\"1.0.0\"", "", "'VR' is required but missing"},
	    {"<IT VR", "<IX VR", NULL},
	    {"<ZEIMUSHO ID", "<SOFUSHO/><ZEIMUSHO ID",
		"SOFUSHO: This element is not expected. Expected is ( "
		"ZEIMUSHO )"},
	    {"見本商店", "ﾐﾎﾝ商店",
		"NOZEISHA_NM: the value does not match the required pattern"},
	    {"見本商店", "見本<![CDATA[商店]]>", NULL},
	    {"見本商店", "<!-- x -->見本&#x5546;店", NULL},
	    {"見本商店 7号", "𠮷田商店 7号", "pattern"},
	    {"<gen:mm>3", "<gen:mm>13", "mm: the value is too large"},
	    {"<gen:mm>3", "<gen:mm>三", "mm: the value does not fit the type"},
	    {"9000000000000007", "90000000000000070",
		"line 9: NOZEISHA_ID: [facet 'maxLength'] The value has a "
		"length of '17'"},
	    {"</CONTENTS>", "x</CONTENTS>", "Character content"},
	    {"sakuseiDay=\"2026-03-31\"", "sakuseiDay=\"2026-02-30\"",
		"ZZA010/@sakuseiDay: the value does not fit the"},
	    {"<ZZA010 ", "<ZZA010 unknown=\"1\" ", "'unknown' is not allowed"},
	    {"<ZZC00030>", "<ZZC00030> \n", NULL},
	    {"<TENPU id=\"TENPU\">", "<TENPU id=\"9\">", "TENPU/@id"},
	    {" xmlns:gen=\"http://xml.e-tax.nta.go.jp/XSD/general\"><ZZS",
		"><ZZS", NULL},
	    {"</ZZS00020>", "</ZZS00020><x:y xmlns:x=\"urn:x\"/>",
		"not expected"},
	    {"xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\"",
		"xmlns=\"http://xml.e-tax.nta.go.jp/XSD/hojin\"",
		"No matching global declaration"},
	};
	struct schema *s = compile(xsdtree_demo(), "ZZZ0010", "1.0.0");
	struct sample sample = {
	    .number = 7, .agent_id = "1234567890123456", .letter = true};
	struct buf doc = {0};
	char root[600];

	CU_ASSERT_STRING_EQUAL(schema_procedure(s), "ZZZ0010");
	CU_ASSERT_STRING_EQUAL(schema_version(s), "1.0.0");
	CU_ASSERT_EQUAL(strlen(schema_sha256(s)), 64);
	snprintf(root, sizeof root, "%s/shohi/ZZZ0010-100.xsd", xsdtree_demo());
	CU_ASSERT(sample_etax(&sample, &doc) == 0);
	/* <IX …> closes as </IT>: both refuse it as malformed. */
	agree(s, root, buf_view(&doc), twists, 3);
	agree(s, root, buf_view(&doc), twists + 4,
	    sizeof twists / sizeof *twists - 4);
	buf_free(&doc);
	schema_free(s);
}

static void
form_root_verdicts_equal_xmllint(void)
{
	static const struct twist twists[] = {
	    {NULL, NULL, NULL},
	    {"VR=\"1.0\"", "VR=\"1.1\"", "ZZG010/@VR"},
	    {"<ZZG00020>8<", "<ZZG00020>100<", "too large"},
	    {"</ZZG00030>", "</ZZG00030><ZZG00030>1</ZZG00030>", "expected"},
	};
	struct schema *s = compile(xsdtree_demo(), "ZZG010", "1.0");
	struct sample sample = {.number = 3};
	struct buf doc = {0};
	char root[600];

	snprintf(root, sizeof root, "%s/kyotsu/ZZG010-001.xsd", xsdtree_demo());
	CU_ASSERT(sample_etax_form(&sample, &doc) == 0);
	agree(s, root, buf_view(&doc), twists, sizeof twists / sizeof *twists);
	buf_free(&doc);
	schema_free(s);
}

/* A value of the filing must not reach a log or a reason file. */
static void
messages_have_no_values(void)
{
	static const struct twist twists[] = {
	    {"見本商店 7号", "himitsuｱ' is not an element of the set {'x'}",
		""},
	    {"<gen:yy>8", "<gen:yy>himitsu", ""},
	    {"<gen:era>5",
		"<gen:era>5<himitsu:x xmlns:himitsu=\"urn:himitsu\">"
		"himitsu2</himitsu:x>",
		""},
	    {"sakuseiNM=\"見本", "sakuseiNM=\"himitsuｱ", ""},
	    {"IDREF=\"ZEIMUSHO\"", "IDREF=\"1himitsu' type 'himitsu\"", ""},
	    {"01101<", "himitsu type 'himitsu'<", ""},
	};
	struct schema *s = compile(xsdtree_demo(), "ZZZ0010", "1.0.0");
	struct sample sample = {.number = 7};

	for (size_t i = 0; i < sizeof twists / sizeof *twists; i++) {
		struct buf doc = {0};
		struct err e = {0};
		char text[900];

		CU_ASSERT(sample_etax(&sample, &doc) == 0);
		change(&doc, twists[i].from, twists[i].to);
		CU_ASSERT(judge(s, buf_view(&doc), 0, &e) < 0);
		err_format(&e, text, sizeof text);
		if (strstr(text, "himitsu") != NULL) {
			printf("# %s\n", text);
			CU_FAIL("a value in the message");
		}
		buf_free(&doc);
	}
	schema_free(s);
}

/* A root that is kept and replayed gives its own line, and several problems
 * are told apart. */
static void
problems_are_counted(void)
{
	struct schema *s = compile(xsdtree_demo(), "ZZZ0010", "1.0.0");
	struct sample sample = {.number = 7};
	struct buf doc = {0};
	struct err e = {0};

	CU_ASSERT(sample_etax(&sample, &doc) == 0);
	change(&doc, "<DATA id=\"DATA\"", "<DATA ix=\"DATA\"");
	change(&doc, "<gen:mm>3", "<gen:mm>33");
	change(&doc, "01101", "0110");
	CU_ASSERT(judge(s, buf_view(&doc), 0, &e) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "line 2: DATA/@ix: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "(and 2 more)"));
	CU_ASSERT_EQUAL(e.frames, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.frame[0], "line 7: zeimusho_CD: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.frame[1], "mm: "));
	buf_free(&doc);
	schema_free(s);
}

static int64_t
timed(const struct schema *s, struct slice doc, size_t piece, bool valid)
{
	int64_t start = clock_mono_ns();
	struct err e = {0};
	int r = judge(s, doc, piece, &e);

	if ((r == 0) != valid)
		suite_print_err(__FILE__, __LINE__, &e);
	CU_ASSERT_EQUAL(r == 0, valid);
	return (clock_mono_ns() - start) / 1000000;
}

/* A document whose one text is `unit` repeated to `size` bytes. */
static void
long_text(struct buf *out, const char *element, const char *unit, size_t size)
{
	struct sample sample = {.number = 7};
	struct buf text = {0};
	char tag[100];

	CU_ASSERT(sample_etax(&sample, out) == 0);
	snprintf(tag, sizeof tag, "<%s>", element);
	CU_ASSERT(buf_puts(&text, tag) == 0);
	while (text.len < size)
		CU_ASSERT_FATAL(buf_puts(&text, unit) == 0);
	snprintf(tag, sizeof tag, "</%s></ZZA010>", element);
	CU_ASSERT(buf_puts(&text, tag) == 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(buf_cstr(&text));
	change(out, "</ZZA010>", (char *)text.p);
	buf_free(&text);
}

static void
long_texts_are_judged_whole(void)
{
	static const struct {
		const char *element, *unit;
		size_t size;
	} texts[] = {{"ZZD00000", "a&amp;", 10 << 20},
	    {"ZZD00000", "行\r\n", 10 << 20},
	    {"ZZD00000", "漢字かな", 10 << 20},
	    {"ZZD00000", "<![CDATA[<a>]]>", 2 << 20},
	    {"ZZE00000",
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xt\n"
		"bm9w",
		20 << 20}};
	struct schema *s = compile(xsdtree_demo(), "ZZZ0010", "1.0.0");

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf doc = {0};
		/* libxml2 passes over foreign characters in base64, but
		 * not over an odd number of its own. */
		bool base64 = strcmp(texts[i].element, "ZZE00000") == 0;
		const char *wrong = base64 ? "A" : "ｱ";
		char bad[100];
		int64_t ms;

		long_text(&doc, texts[i].element, texts[i].unit, texts[i].size);
		ms = timed(s, buf_view(&doc), 0, true);
		printf("# %zu MB of %.12s: %lld ms\n", texts[i].size >> 20,
		    texts[i].unit, (long long)ms);
		/* The very last character counts. */
		snprintf(bad, sizeof bad, "%s</%s>", wrong, texts[i].element);
		change(&doc, bad + strlen(wrong), bad);
		timed(s, buf_view(&doc), 0, false);
		buf_free(&doc);
	}
	schema_free(s);
}

/* The size of the pieces changes nothing. */
static void
pieces_do_not_matter(void)
{
	struct schema *s = compile(xsdtree_demo(), "ZZZ0010", "1.0.0");
	struct buf doc = {0};

	long_text(&doc, "ZZD00000", "0123456789", 300000);
	for (size_t piece = 1; piece <= 100003; piece = piece * 7 + 3)
		timed(s, buf_view(&doc), piece, true);
	change(&doc, "</ZZD00000>", "𠮷</ZZD00000>");
	timed(s, buf_view(&doc), 3, false);
	buf_free(&doc);
	schema_free(s);
}

static void
cache_keeps_the_last_used(void)
{
	struct schema_cache *c = schema_cache_new(2);
	struct err e = {0};
	int a = xsdtree_bundle(xsdtree_demo(), "ZZZ0010", "1.0.0", &e);
	int b = xsdtree_bundle(xsdtree_demo(), "ZZG010", "1.0", &e);
	int d = xsdtree_bundle(xsdtree_demo(), "SOZ074", "1.0", &e);
	char first[65], second[65];

	CU_ASSERT_FATAL(a >= 0 && b >= 0 && d >= 0 && c != NULL);
	CU_ASSERT_PTR_NULL(schema_cache_get(c, "00"));
	snprintf(first, sizeof first, "%s",
	    schema_sha256(schema_cache_add(c, a, &e)));
	snprintf(second, sizeof second, "%s",
	    schema_sha256(schema_cache_add(c, b, &e)));
	CU_ASSERT_PTR_NOT_NULL(schema_cache_get(c, second));
	CU_ASSERT_PTR_NOT_NULL(schema_cache_get(c, first));
	CU_ASSERT_PTR_NOT_NULL(schema_cache_add(c, d, &e));
	CU_ASSERT_PTR_NULL(schema_cache_get(c, second));
	CU_ASSERT_PTR_NOT_NULL(schema_cache_get(c, first));
	schema_cache_free(c);
	close(a);
	close(b);
	close(d);
}

/* A run that is left in the middle gives no verdict, and nothing leaks. */
static void
half_a_document_is_not_valid(void)
{
	struct schema *s = compile(xsdtree_demo(), "ZZG010", "1.0");
	static const xmlChar name[] = "ZZG010",
			     uri[] = "http://xml.e-tax.nta.go.jp/XSD/kyotsu",
			     vr[] = "VR", value[] = "1.0";
	const xmlChar *attributes[] = {vr, NULL, NULL, value, value + 3};
	struct schema_run *r;
	struct err e = {0};

	r = schema_run_new(s, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CHECK_CODE(schema_run_finish(r, &e), &e, "schema-run");
	schema_run_start(r, 1, name, NULL, uri, 0, NULL, 1, attributes);
	CU_ASSERT(schema_run_finish(r, &e) < 0);
	schema_run_free(r);
	schema_run_free(NULL);
	schema_free(s);
}

static struct schema *
nta(const char *procedure, const char *version)
{
	const char *sample = suite_sample("schemas/etax");
	char path[512];

	if (sample == NULL) {
		suite_skip("NATSUIN_SAMPLES is not set");
		return NULL;
	}
	snprintf(path, sizeof path, "%s", sample);
	return compile(path, procedure, version);
}

static void
nta_verdicts_equal_xmllint(void)
{
	static const struct twist twists[] = {
	    {NULL, NULL, NULL},
	    {"VR=\"23.2.0\"", "VR=\"23.1.0\"", "RSH0010/@VR"},
	    {"<SHA010 ", "<SOFUSHO/><SHA010 ", "SOFUSHO"},
	    {"架空　花子", "架空　ﾊﾅｺ", "NOZEISHA_NM"},
	    {"架空　花子", "架空　𠮷子", "NOZEISHA_NM"},
	    {"架空　花子", "①㈱髙﨑～－", NULL},
	    {"01101", "99999x", "zeimusho_CD"},
	};
	struct schema *s = nta("RSH0010", "23.2.0");
	struct buf doc = {0};
	struct err e = {0};
	char root[512];

	if (s == NULL)
		return;
	snprintf(root, sizeof root, "%s",
	    suite_sample("schemas/etax/shohi/RSH0010-232.xsd"));
	CHECK_OK(xsdtree_file(suite_sample("samples/etax/synthetic/"
					   "RSH0010-unsigned.xtx"),
		     &doc, &e),
	    &e);
	agree(s, root, buf_view(&doc), twists, sizeof twists / sizeof *twists);
	buf_free(&doc);
	CHECK_OK(xsdtree_file(suite_sample("samples/etax/synthetic/"
					   "RSH0010-signed1-zeirishi.xtx"),
		     &doc, &e),
	    &e);
	CHECK_OK(judge(s, buf_view(&doc), 0, &e), &e);
	buf_free(&doc);
	schema_free(s);
}

static void
nta_certificates_equal_xmllint(void)
{
	static const char *const names[] = {
	    "samples/etax/kojo/TEG840-sample1.xml",
	    "samples/etax/kojo/TEG840-sample2.xml",
	    "samples/etax/kojo/TEG840-sample5.xml",
	    "samples/etax/kojo/TEG840-sample6.xml"};
	struct schema *s = nta("TEG840", "1.0");
	char root[512];

	if (s == NULL)
		return;
	snprintf(root, sizeof root, "%s",
	    suite_sample("schemas/etax/kyotsu/TEG840-001.xsd"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf doc = {0};
		struct err e = {0};

		CHECK_OK(xsdtree_file(suite_sample(names[i]), &doc, &e), &e);
		CU_ASSERT_EQUAL(judge(s, buf_view(&doc), 0, &e),
		    xmllint(root, buf_view(&doc)));
		CU_ASSERT_EQUAL(judge(s, buf_view(&doc), 0, &e) == 0, i < 2);
		buf_free(&doc);
	}
	schema_free(s);
}

SUITE_MAIN("validate", CASE(demo_verdicts_equal_xmllint),
    CASE(form_root_verdicts_equal_xmllint), CASE(messages_have_no_values),
    CASE(problems_are_counted), CASE(long_texts_are_judged_whole),
    CASE(pieces_do_not_matter), CASE(cache_keeps_the_last_used),
    CASE(half_a_document_is_not_valid), CASE(nta_verdicts_equal_xmllint),
    CASE(nta_certificates_equal_xmllint))
