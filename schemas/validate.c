/*
 * Schema validation while a document streams by.  libxml2's validator is
 * plugged onto an empty SAX handler and driven by hand, so that text reaches
 * it in large pieces (plugged plainly it is quadratic in a text node's
 * length).  Never opens a file: what a schema includes comes from its bundle.
 * Never lets a value of the filing into a message.
 */
#include "schemas/validate.h"

#include "schemas/bundle.h"
#include "schemas/problem.h"

#include <libxml/parser.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlschemas.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text is passed on in pieces of at least the first size, which doubles up
 * to the second within one text node. */
#define PIECE_MIN (64 * 1024)
#define PIECE_MAX (4 * 1024 * 1024)
#define PROBLEMS_MAX 3

struct schema {
	xmlDocPtr root; /* the compiled schema points into it */
	char procedure[BUNDLE_NAME_MAX];
	char version[BUNDLE_NAME_MAX];
	char sha256[BUNDLE_SHA256];
	xmlSchemaPtr compiled;
};

/* The bundle being compiled; libxml2's loader has no argument of its own. */
static const struct bundle *serving;

static xmlParserInputPtr
serve(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
	static const char prefix[] = SCHEMA_URL_PREFIX;
	const struct bundle_file *f = NULL;
	xmlParserInputBufferPtr bytes;
	xmlParserInputPtr input;

	(void)id;
	if (url != NULL && strncmp(url, prefix, sizeof prefix - 1) == 0)
		f = bundle_find(serving, url + sizeof prefix - 1);
	if (f == NULL)
		return NULL;
	bytes = xmlParserInputBufferCreateMem((const char *)f->bytes.p,
	    (int)f->bytes.len, XML_CHAR_ENCODING_NONE);
	if (bytes == NULL)
		return NULL;
	input = xmlNewIOInputStream(ctxt, bytes, XML_CHAR_ENCODING_NONE);
	if (input == NULL) {
		xmlFreeParserInputBuffer(bytes);
		return NULL;
	}
	input->filename = (char *)xmlStrdup((const xmlChar *)url);
	return input;
}

/* Keeps the first complaint of the compiler. */
static void
on_compile_error(void *ctx, xmlErrorPtr x)
{
	struct err *e = ctx;
	char text[160];

	if (e->class != ERR_NONE || x->level < XML_ERR_ERROR)
		return;
	err_set(e, ERR_CONFIG, "schema-compile", "%.100s:%d: %s",
	    x->file == NULL ? "" : x->file, x->line,
	    problem_line(text, sizeof text, x->message));
}

/* Parses the root document and compiles it with all that it includes. */
static int
compile_root(const struct bundle *b, struct schema *s, struct err *e)
{
	const struct bundle_file *root = &b->files[b->root];
	char url[BUNDLE_PATH_MAX + sizeof SCHEMA_URL_PREFIX];
	xmlSchemaParserCtxtPtr ctxt = NULL;

	snprintf(url, sizeof url, SCHEMA_URL_PREFIX "%s", root->name);
	s->root = xmlReadMemory((const char *)root->bytes.p,
	    (int)root->bytes.len, url, NULL, XML_PARSE_NONET);
	if (s->root != NULL)
		ctxt = xmlSchemaNewDocParserCtxt(s->root);
	if (ctxt != NULL) {
		xmlSchemaSetParserStructuredErrors(ctxt, on_compile_error, e);
		s->compiled = xmlSchemaParse(ctxt);
		xmlSchemaFreeParserCtxt(ctxt);
	}
	if (e->class == ERR_NONE && s->compiled == NULL)
		err_set(e, ERR_CONFIG, "schema-compile", "%s is not a schema",
		    root->name);
	return e->class == ERR_NONE ? 0 : -1;
}

/*
 * While a bundle compiles, libxml2's two process-wide hooks are ours: what
 * it loads comes from the bundle, what it says goes to `e`.
 */
static int
compile_bundle(const struct bundle *b, struct schema *s, struct err *e)
{
	xmlExternalEntityLoader loader = xmlGetExternalEntityLoader();
	xmlStructuredErrorFunc handler = xmlStructuredError;
	void *handler_ctx = xmlStructuredErrorContext;
	int result;

	serving = b;
	xmlSetExternalEntityLoader(serve);
	xmlSetStructuredErrorFunc(e, on_compile_error);
	result = compile_root(b, s, e);
	xmlSetStructuredErrorFunc(handler_ctx, handler);
	xmlSetExternalEntityLoader(loader);
	serving = NULL;
	return result;
}

struct schema *
schema_compile_bundle(const struct bundle *b, struct err *e)
{
	struct schema *s = calloc(1, sizeof *s);
	struct err first = {0};

	if (s == NULL) {
		err_nomem(e);
		return NULL;
	}
	memcpy(s->procedure, b->procedure, sizeof s->procedure);
	memcpy(s->version, b->version, sizeof s->version);
	memcpy(s->sha256, b->sha256, sizeof s->sha256);
	if (compile_bundle(b, s, &first) == 0)
		return s;
	schema_free(s);
	if (e != NULL)
		*e = first;
	return NULL;
}

struct schema *
schema_compile(int fd, struct err *e)
{
	struct bundle b = {0};
	struct schema *s = NULL;

	if (bundle_read(fd, &b, e) == 0)
		s = schema_compile_bundle(&b, e);
	bundle_free(&b);
	return s;
}

void
schema_free(struct schema *s)
{
	if (s == NULL)
		return;
	xmlSchemaFree(s->compiled);
	xmlFreeDoc(s->root);
	free(s);
}

const char *
schema_sha256(const struct schema *s)
{
	return s->sha256;
}

const char *
schema_procedure(const struct schema *s)
{
	return s->procedure;
}

const char *
schema_version(const struct schema *s)
{
	return s->version;
}

struct schema_run {
	xmlSAXHandler empty;
	xmlSchemaValidCtxtPtr ctxt;
	xmlSchemaSAXPlugPtr plug;
	xmlSAXHandlerPtr sax; /* the validator's own */
	void *sax_data;
	struct buf text; /* waits to be passed on */
	size_t piece;    /* … once it is this long */
	unsigned line;
	unsigned depth;
	bool started;
	bool failed; /* out of memory */
	size_t problem_count;
	char problem[PROBLEMS_MAX][200];
	char last[120]; /* "line N: ELEMENT" of the last problem */
};

/* Keeps the first problems; libxml2 says of one bad value first what facet
 * it breaks and then that it is not of the type: once is enough. */
static void
on_problem(void *ctx, xmlErrorPtr x)
{
	struct schema_run *r = ctx;
	char text[sizeof r->problem[0]];
	size_t n;

	if (x->level < XML_ERR_ERROR)
		return;
	problem_text(text, sizeof text, r->line, x);
	n = strcspn(text, ":");
	n += text[n] == '\0' ? 0 : 1 + strcspn(text + n + 1, ":");
	if (n >= sizeof r->last)
		n = sizeof r->last - 1;
	if (x->code == XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1 &&
	    strncmp(r->last, text, n) == 0)
		return;
	memcpy(r->last, text, n);
	r->last[n] = '\0';
	if (r->problem_count < PROBLEMS_MAX)
		memcpy(r->problem[r->problem_count], text, sizeof text);
	r->problem_count++;
}

struct schema_run *
schema_run_new(const struct schema *s, struct err *e)
{
	struct schema_run *r = calloc(1, sizeof *r);

	if (r == NULL)
		goto nomem;
	r->piece = PIECE_MIN;
	r->empty.initialized = XML_SAX2_MAGIC;
	r->sax = &r->empty;
	r->ctxt = xmlSchemaNewValidCtxt(s->compiled);
	if (r->ctxt == NULL)
		goto nomem;
	xmlSchemaSetValidStructuredErrors(r->ctxt, on_problem, r);
	r->plug = xmlSchemaSAXPlug(r->ctxt, &r->sax, &r->sax_data);
	if (r->plug == NULL)
		goto nomem;
	return r;
nomem:
	schema_run_free(r);
	err_nomem(e);
	return NULL;
}

void
schema_run_free(struct schema_run *r)
{
	if (r == NULL)
		return;
	if (r->plug != NULL)
		xmlSchemaSAXUnplug(r->plug);
	xmlSchemaFreeValidCtxt(r->ctxt);
	buf_free(&r->text);
	free(r);
}

static void
flush(struct schema_run *r)
{
	if (r->text.len > 0)
		r->sax->characters(r->sax_data, r->text.p, (int)r->text.len);
	buf_reset(&r->text);
}

/* A text node has ended; the next one starts with small pieces again, and a
 * large buffer is not kept for it. */
static void
end_text(struct schema_run *r)
{
	flush(r);
	if (r->piece > PIECE_MIN)
		buf_free(&r->text);
	r->piece = PIECE_MIN;
}

void
schema_run_start(struct schema_run *r, unsigned line, const xmlChar *localname,
    const xmlChar *prefix, const xmlChar *uri, int nb_namespaces,
    const xmlChar **namespaces, int nb_attributes, const xmlChar **attributes)
{
	end_text(r);
	r->line = line;
	r->depth++;
	r->started = true;
	r->sax->startElementNs(r->sax_data, localname, prefix, uri,
	    nb_namespaces, namespaces, nb_attributes, 0, attributes);
}

void
schema_run_text(struct schema_run *r, const void *text, size_t length)
{
	if (r->depth == 0 || length > INT_MAX / 2)
		return;
	if (buf_append(&r->text, text, length) != 0) {
		r->failed = true;
		return;
	}
	if (r->text.len < r->piece)
		return;
	flush(r);
	if (r->piece < PIECE_MAX)
		r->piece *= 2;
}

void
schema_run_end(struct schema_run *r, unsigned line, const xmlChar *localname,
    const xmlChar *prefix, const xmlChar *uri)
{
	end_text(r);
	r->line = line;
	if (r->depth == 0)
		return;
	r->depth--;
	r->sax->endElementNs(r->sax_data, localname, prefix, uri);
}

bool
schema_run_invalid(const struct schema_run *r)
{
	return r->problem_count > 0;
}

int
schema_run_finish(struct schema_run *r, struct err *e)
{
	size_t more = r->problem_count - 1;

	if (r->failed)
		return err_nomem(e);
	if (r->problem_count == 0) {
		if (r->started && r->depth == 0 &&
		    xmlSchemaIsValid(r->ctxt) == 1)
			return 0;
		return err_set(e, ERR_BUG, "schema-run",
		    "the validator gave no verdict at line %u", r->line);
	}
	if (more == 0)
		return err_set(
		    e, ERR_INPUT, "schema-invalid", "%s", r->problem[0]);
	err_set(e, ERR_INPUT, "schema-invalid", "%s (and %zu more)",
	    r->problem[0], more);
	for (size_t i = 1; i < r->problem_count && i < PROBLEMS_MAX; i++)
		err_push(e, "%.79s", r->problem[i]);
	return -1;
}

struct slot {
	struct schema *schema;
	uint64_t used;
};

struct schema_cache {
	size_t max;
	uint64_t clock;
	struct slot slots[];
};

struct schema_cache *
schema_cache_new(size_t max)
{
	struct schema_cache *c;

	if (max == 0)
		max = 1;
	c = calloc(1, sizeof *c + max * sizeof c->slots[0]);
	if (c != NULL)
		c->max = max;
	return c;
}

void
schema_cache_free(struct schema_cache *c)
{
	for (size_t i = 0; c != NULL && i < c->max; i++)
		schema_free(c->slots[i].schema);
	free(c);
}

const struct schema *
schema_cache_get(struct schema_cache *c, const char *sha256)
{
	for (size_t i = 0; i < c->max; i++) {
		struct slot *s = &c->slots[i];

		if (s->schema == NULL || strcmp(s->schema->sha256, sha256) != 0)
			continue;
		s->used = ++c->clock;
		return s->schema;
	}
	return NULL;
}

const struct schema *
schema_cache_add(struct schema_cache *c, int fd, struct err *e)
{
	struct schema *fresh = schema_compile(fd, e);
	struct slot *oldest = &c->slots[0];

	if (fresh == NULL)
		return NULL;
	for (size_t i = 0; i < c->max; i++) {
		struct slot *s = &c->slots[i];

		if (s->schema != NULL &&
		    strcmp(s->schema->sha256, fresh->sha256) == 0) {
			oldest = s;
			break;
		}
		if (s->used < oldest->used)
			oldest = s;
	}
	schema_free(oldest->schema);
	oldest->schema = fresh;
	oldest->used = ++c->clock;
	return fresh;
}
