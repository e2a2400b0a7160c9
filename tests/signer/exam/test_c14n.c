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

static void
put_file(const char *name, struct slice bytes)
{
	struct err e = {0};
	int dir = suite_dir();

	CHECK_OK(fs_replace(dir, name, bytes, 0600, &e), &e);
	close(dir);
}

/* Runs a command in the suite's folder; its standard output into out. */
static int
run(const char *command, struct buf *out)
{
	char line[600], chunk[4096];
	size_t n;
	FILE *f;

	snprintf(line, sizeof line, "cd '%s' && %s", suite_dir_path(), command);
	f = popen(line, "r");
	if (f == NULL)
		return -1;
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_append(out, chunk, n);
	return pclose(f);
}

static void
equals_xmllint(void)
{
	uint64_t seed = number_of("NATSUIN_TEST_SEED", 8100);
	struct xmlgen_options o = {
	    .apex_is_root = true, .bare = true, .no_comments = true};

	for (uint64_t i = 0; i < 25; i++) {
		struct buf doc = {0}, have = {0}, want = {0};
		struct pass_result r = {0};
		struct err e = {0};

		xmlgen_document(&doc, seed + i, &o);
		CHECK_OK(stream(buf_view(&doc), &have, &r, &e), &e);
		put_file("doc.xml", buf_view(&doc));
		CU_ASSERT_EQUAL(
		    run("xmllint --c14n doc.xml 2>/dev/null", &want), 0);
		CU_ASSERT(slice_eq(buf_view(&have), buf_view(&want)));
		if (!slice_eq(buf_view(&have), buf_view(&want))) {
			printf("# seed %llu\n", (unsigned long long)(seed + i));
			show_difference(&have, &want);
		}
		buf_free(&doc);
		buf_free(&have);
		buf_free(&want);
		pass_result_free(&r);
	}
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

static void
equals_xmlsec1(void)
{
	uint64_t seed = number_of("NATSUIN_TEST_SEED", 8200);
	struct xmlgen_options o = {.flat_apex = true};

	put_file("signer.der", examlab_certificate(0));
	for (uint64_t i = 0; i < 25; i++) {
		struct buf doc = {0}, have = {0}, out = {0}, said = {0};
		struct pass_result r = {0};
		struct err e = {0};
		char command[300];
		int status;

		xmlgen_document(&doc, seed + i, &o);
		CHECK_OK(stream(buf_view(&doc), &have, &r, &e), &e);
		signed_document(&doc, &r, i % 2 == 0 ? "dsig" : "", &out);
		put_file("doc.xml", buf_view(&out));
		snprintf(command, sizeof command,
		    "xmlsec1 --verify --trusted-der signer.der --id-attr:id "
		    "'%sS' doc.xml 2>&1",
		    apex_namespace(&have));
		status = run(command, &said);
		CU_ASSERT_EQUAL(status, 0);
		if (status != 0)
			printf("# seed %llu: %s\n# %.300s\n",
			    (unsigned long long)(seed + i), command,
			    buf_cstr(&said));
		buf_free(&doc);
		buf_free(&have);
		buf_free(&out);
		buf_free(&said);
		pass_result_free(&r);
	}
}

SUITE_MAIN("exam/c14n", CASE(equals_libxml2),
    CASE(equals_libxml2_on_long_texts), CASE(equals_xmllint),
    CASE(equals_xmlsec1))
