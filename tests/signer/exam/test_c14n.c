/*
 * The property: what the pass streams for an element is what libxml2's
 * C14N gives for the same node set, what `xmllint --c14n` prints, and what
 * xmlsec1 digests, on generated documents.
 * NATSUIN_TEST_SEED=N and NATSUIN_TEST_COUNT=N choose others.
 */
#include "base/fsops.h"
#include "signer/exam/pass.h"
#include "signer/exam/signedinfo.h"
#include "tests/lib/examlab.h"
#include "tests/lib/suite.h"
#include "tests/lib/xmlgen.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct exam_limits limits = {.document_max = 256 << 20,
    .depth = 200,
    .attributes = 256,
    .namespaces = 500,
    .ids = 100000};

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v == NULL ? otherwise : strtoull(v, NULL, 0);
}

static int
at_apex(void *ctx, struct pass *p, const struct element *el, unsigned *want,
    struct err *e)
{
	(void)ctx;
	(void)p;
	(void)e;
	if (strcmp(el->local, "S") == 0)
		*want = PASS_APEX | PASS_INSERT;
	return 0;
}

static const struct pass_format format = {.start = at_apex};

/* Our canonical bytes and result; 0 / -1. */
static int
stream(struct slice doc, struct buf *out, struct pass_result *r, struct err *e)
{
	struct pass_options o = {.limits = &limits, .canonical = out};
	int fd = fs_memfd("doc", e), result = -1;

	if (fd >= 0 && fs_write(fd, doc, e) == 0)
		result = pass_run(fd, &format, NULL, &o, r, e);
	close(fd);
	return result;
}

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
find(xmlNodePtr at)
{
	for (; at != NULL; at = at->next) {
		xmlNodePtr below;

		if (at->type != XML_ELEMENT_NODE)
			continue;
		if (strcmp((const char *)at->name, "S") == 0)
			return at;
		below = find(at->children);
		if (below != NULL)
			return below;
	}
	return NULL;
}

/* libxml2's own canonical form of the element S in its document. */
static int
reference(struct slice doc, struct buf *out)
{
	xmlDocPtr d =
	    xmlReadMemory((const char *)doc.p, (int)doc.len, NULL, NULL,
		XML_PARSE_NOENT | XML_PARSE_NONET | XML_PARSE_HUGE |
		    XML_PARSE_NOWARNING | XML_PARSE_NOERROR);
	xmlNodePtr apex = d == NULL ? NULL : find(xmlDocGetRootElement(d));
	xmlOutputBufferPtr o = xmlAllocOutputBuffer(NULL);
	int result = -1;

	if (apex != NULL && o != NULL &&
	    xmlC14NExecute(d, inside, apex, XML_C14N_1_0, NULL, 0, o) >= 0)
		result = buf_append(out, xmlOutputBufferGetContent(o),
		    xmlOutputBufferGetSize(o));
	if (o != NULL)
		xmlOutputBufferClose(o);
	xmlFreeDoc(d);
	return result;
}

/* Where two byte strings part, for the failure's message. */
static void
show_difference(const struct buf *a, const struct buf *b)
{
	size_t i = 0, from;

	while (i < a->len && i < b->len && a->p[i] == b->p[i])
		i++;
	from = i < 60 ? 0 : i - 60;
	printf("# at byte %zu of %zu / %zu\n# have: %.*s\n# want: %.*s\n", i,
	    a->len, b->len, (int)(a->len - from < 120 ? a->len - from : 120),
	    a->p + from, (int)(b->len - from < 120 ? b->len - from : 120),
	    b->p + from);
}

/* One document: the same bytes, the right digest, the right offset. */
static bool
equal(uint64_t seed, const struct xmlgen_options *o)
{
	struct buf doc = {0}, have = {0}, want = {0};
	struct pass_result r = {0};
	uint8_t digest[32];
	struct err e = {0};
	bool ok;

	xmlgen_document(&doc, seed, o);
	ok = stream(buf_view(&doc), &have, &r, &e) == 0;
	if (!ok)
		suite_print_err(__FILE__, __LINE__, &e);
	ok = ok && reference(buf_view(&doc), &want) == 0;
	if (ok && !slice_eq(buf_view(&have), buf_view(&want))) {
		show_difference(&have, &want);
		ok = false;
	}
	SHA256(want.p, want.len, digest);
	ok = ok && memcmp(digest, r.digest, sizeof digest) == 0 &&
	     r.canonical_size == want.len && r.size == doc.len &&
	     r.offset > 0 && doc.p[r.offset - 1] == '>';
	if (!ok)
		printf("# seed %llu, %zu bytes\n", (unsigned long long)seed,
		    doc.len);
	buf_free(&doc);
	buf_free(&have);
	buf_free(&want);
	pass_result_free(&r);
	return ok;
}

static void
equals_libxml2(void)
{
	uint64_t count = number_of("NATSUIN_TEST_COUNT", 600);
	uint64_t seed = number_of("NATSUIN_TEST_SEED", 20261122);
	struct xmlgen_options o = {0};
	unsigned bad = 0;

	for (uint64_t i = 0; i < count && bad < 5; i++) {
		o.apex_is_root = i % 7 == 0;
		o.flat_apex = i % 5 == 0 && !o.apex_is_root;
		if (!equal(seed + i, &o))
			bad++;
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void
equals_libxml2_on_long_texts(void)
{
	static const size_t sizes[] = {70000, 300001, 12 << 20};
	struct xmlgen_options o = {0};

	for (unsigned s = 0; s < 3; s++)
		for (o.kind = 0; o.kind < 6; o.kind++) {
			o.long_text = sizes[s];
			if (s == 2 && o.kind != 1 && o.kind != 5)
				continue;
			CU_ASSERT(equal(7000 + 10 * s + o.kind, &o));
		}
}

/* Not durable: there are a thousand of them. */
static void
write_file(const char *name, struct slice bytes)
{
	char path[500];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", suite_dir_path(), name);
	f = fopen(path, "wb");
	CU_ASSERT_FATAL(f != NULL);
	CU_ASSERT_EQUAL(fwrite(bytes.p, 1, bytes.len, f), bytes.len);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

/* "doc07.xml" */
static void
put_file(uint64_t number, struct slice bytes)
{
	char name[32];

	snprintf(name, sizeof name, "doc%02u.xml", (unsigned)number);
	write_file(name, bytes);
}

/* Runs a command in the suite's folder; its standard output into out. */
static int
run(const char *command, struct buf *out)
{
	struct buf line = {0};
	char chunk[4096];
	size_t n;
	FILE *f;

	buf_printf(&line, "cd '%s' && %s", suite_dir_path(), command);
	f = popen(buf_cstr(&line), "r");
	buf_free(&line);
	if (f == NULL)
		return -1;
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_append(out, chunk, n);
	return pclose(f);
}

#define AT_ONCE 25 /* documents that one run of a tool gets */

/* Documents seed … seed + AT_ONCE - 1: their canonical forms in a row. */
static void
xmllint_agrees(uint64_t seed)
{
	struct xmlgen_options o = {
	    .apex_is_root = true, .bare = true, .no_comments = true};
	struct buf have = {0}, want = {0};

	for (uint64_t i = 0; i < AT_ONCE; i++) {
		struct buf doc = {0};
		struct pass_result r = {0};
		struct err e = {0};

		xmlgen_document(&doc, seed + i, &o);
		CHECK_OK(stream(buf_view(&doc), &have, &r, &e), &e);
		put_file(i, buf_view(&doc));
		buf_free(&doc);
		pass_result_free(&r);
	}
	CU_ASSERT_EQUAL(
	    run("xmllint --c14n $(ls doc*.xml) 2>/dev/null", &want), 0);
	if (!slice_eq(buf_view(&have), buf_view(&want))) {
		CU_FAIL("xmllint differs");
		printf("# seed %llu to %llu\n", (unsigned long long)seed,
		    (unsigned long long)seed + AT_ONCE - 1);
		show_difference(&have, &want);
	}
	buf_free(&have);
	buf_free(&want);
}

static void
equals_xmllint(void)
{
	uint64_t count = number_of("NATSUIN_TEST_COUNT", 500);
	uint64_t seed = number_of("NATSUIN_TEST_SEED", 8100);

	for (uint64_t i = 0; i < count; i += AT_ONCE)
		xmllint_agrees(seed + i);
}

/* The document with our signature over S right after it. */
static void
signed_document(const struct buf *doc, const struct pass_result *r,
    const char *prefix, struct buf *out)
{
	struct signedinfo_reference ref = {.uri = "#S", .c14n = true};
	struct buf text = {0}, canonical = {0}, value = {0};

	memcpy(ref.digest, r->digest, sizeof ref.digest);
	CU_ASSERT_EQUAL(
	    signedinfo_write(prefix, &ref, 1, &r->inherited, &text, &canonical),
	    0);
	examlab_sign(0, buf_view(&canonical), &value);
	buf_append(out, doc->p, r->offset);
	CU_ASSERT_EQUAL(signedinfo_signature(out, prefix, "_1", buf_view(&text),
			    buf_view(&value), examlab_certificate(0)),
	    0);
	buf_append(out, doc->p + r->offset, doc->len - r->offset);
	buf_free(&text);
	buf_free(&canonical);
	buf_free(&value);
}

/* "URI:" of S's namespace, or "", from the canonical form's start tag. */
static const char *
apex_namespace(struct buf *canonical)
{
	static char uri[100];
	char *name = buf_cstr(canonical) + 1, *end = strchr(name, '>'), *at;
	size_t n = strcspn(name, ": >");
	char attribute[40];

	if (name[n] == ':')
		snprintf(attribute, sizeof attribute, " xmlns:%.*s=\"", (int)n,
		    name);
	else
		snprintf(attribute, sizeof attribute, " xmlns=\"");
	at = strstr(name, attribute);
	if (at == NULL || at > end)
		return "";
	at += strlen(attribute);
	snprintf(uri, sizeof uri, "%.*s:", (int)strcspn(at, "\""), at);
	return uri;
}

/* Documents seed … seed + AT_ONCE - 1, signed by us. */
static void
xmlsec1_agrees(uint64_t seed)
{
	struct xmlgen_options o = {.flat_apex = true};
	struct buf command = {0}, said = {0};
	size_t good = 0;

	buf_printf(&command, "xmlsec1 --verify --trusted-der signer.der");
	for (uint64_t i = 0; i < AT_ONCE; i++) {
		struct buf doc = {0}, have = {0}, out = {0};
		struct pass_result r = {0};
		struct err e = {0};

		xmlgen_document(&doc, seed + i, &o);
		CHECK_OK(stream(buf_view(&doc), &have, &r, &e), &e);
		signed_document(&doc, &r, i % 2 == 0 ? "dsig" : "", &out);
		put_file(i, buf_view(&out));
		buf_printf(
		    &command, " --id-attr:id '%sS'", apex_namespace(&have));
		buf_free(&doc);
		buf_free(&have);
		buf_free(&out);
		pass_result_free(&r);
	}
	buf_printf(&command, " $(ls doc*.xml) 2>&1");
	CU_ASSERT_EQUAL(run(buf_cstr(&command), &said), 0);
	for (const char *at = strstr(buf_cstr(&said), "OK\n"); at != NULL;
	     at = strstr(at + 1, "OK\n"))
		good++;
	if (good != AT_ONCE) {
		CU_FAIL("xmlsec1 differs");
		printf("# seed %llu to %llu: %s\n# %.2000s\n",
		    (unsigned long long)seed,
		    (unsigned long long)seed + AT_ONCE - 1, buf_cstr(&command),
		    buf_cstr(&said));
	}
	buf_free(&command);
	buf_free(&said);
}

static void
equals_xmlsec1(void)
{
	uint64_t count = number_of("NATSUIN_TEST_COUNT", 500);
	uint64_t seed = number_of("NATSUIN_TEST_SEED", 8200);

	write_file("signer.der", examlab_certificate(0));
	for (uint64_t i = 0; i < count; i += AT_ONCE)
		xmlsec1_agrees(seed + i);
}

SUITE_MAIN("exam/c14n", CASE(equals_libxml2),
    CASE(equals_libxml2_on_long_texts), CASE(equals_xmllint),
    CASE(equals_xmlsec1))
