/*
 * The parser's events, each handed to whoever needs it: limits, scope, ID
 * table, format, canonical forms, signature reader, schema.  Nothing is kept
 * of an element once its end tag was seen.  After the first error no handler
 * does anything, whatever the parser still reports.
 */
/* code: 3 of pass_fail */
#include "signer/exam/pass_state.h"

#include <ctype.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
digest_write(void *ctx, const void *data, size_t n)
{
	struct pass *p = ctx;

	p->result->canonical_size += n;
	if (EVP_DigestUpdate(p->sha256, data, n) != 1 ||
	    (p->sha1 != NULL && EVP_DigestUpdate(p->sha1, data, n) != 1))
		return -1;
	if (p->options->canonical != NULL)
		return buf_append(p->options->canonical, data, n);
	return 0;
}

static int
capture_write(void *ctx, const void *data, size_t n)
{
	struct pass *p = ctx;

	return buf_append(&existing_result(p->signature)->signed_info, data, n);
}

static bool
digesting(const struct pass *p)
{
	return p->digest != NULL && p->omit_depth == 0;
}

static int
apex_open(struct pass *p, const struct element *el)
{
	struct c14n_sink sink = {digest_write, p};

	if (p->digest != NULL || p->result->digested)
		return pass_fail(
		    p, p->e, "two-signed-elements", "%s", el->local);
	p->sha256 = EVP_MD_CTX_new();
	p->digest = c14n_new(sink);
	if (p->digest == NULL || p->sha256 == NULL ||
	    EVP_DigestInit_ex(p->sha256, EVP_sha256(), NULL) != 1)
		return err_nomem(p->e);
	if (p->options->sha1) {
		p->sha1 = EVP_MD_CTX_new();
		if (p->sha1 == NULL ||
		    EVP_DigestInit_ex(p->sha1, EVP_sha1(), NULL) != 1)
			return err_nomem(p->e);
	}
	p->apex_depth = el->depth;
	return 0;
}

static int
apex_close(struct pass *p)
{
	if (c14n_flush(p->digest) != 0 ||
	    EVP_DigestFinal_ex(p->sha256, p->result->digest, NULL) != 1 ||
	    (p->sha1 != NULL &&
		EVP_DigestFinal_ex(p->sha1, p->result->digest_sha1, NULL) != 1))
		return err_nomem(p->e);
	c14n_free(p->digest);
	p->digest = NULL;
	p->result->digested = true;
	return 0;
}

/* A namespace name must be an absolute URI: C14N is not defined otherwise. */
static bool
absolute(const char *uri)
{
	const char *c = uri;

	if (*c == '\0')
		return true;
	if (!isalpha((unsigned char)*c))
		return false;
	while (isalnum((unsigned char)*c) || (*c != '\0' && strchr("+-.", *c)))
		c++;
	return *c == ':';
}

static int
check_namespaces(const struct pass *p, const struct element *el)
{
	for (size_t i = 0; i < el->namespace_count; i++) {
		const char *uri = (const char *)el->namespaces[2 * i + 1];

		if (uri == NULL)
			continue;
		if (strlen(uri) > PASS_NAME_MAX)
			return pass_fail(p, p->e, "limit-name", "namespace");
		if (!absolute(uri))
			return pass_fail(
			    p, p->e, "namespace-relative", "%.100s", uri);
		/* Canonical XML escapes these, libxml2's does not. */
		if (strpbrk(uri, "&<\"\t\r\n") != NULL)
			return pass_fail(p, p->e, "xml-namespace",
			    "characters that are written differently");
	}
	return 0;
}

static int
check_limits(const struct pass *p, const struct element *el)
{
	const struct exam_limits *l = p->options->limits;

	if (el->depth > l->depth)
		return pass_fail(p, p->e, "limit-depth", "%u", l->depth);
	if (el->attribute_count > l->attributes)
		return pass_fail(
		    p, p->e, "limit-attributes", "%u", l->attributes);
	if (p->scope.count + el->namespace_count > l->namespaces)
		return pass_fail(
		    p, p->e, "limit-namespaces", "%u", l->namespaces);
	if (strlen(el->local) > PASS_NAME_MAX)
		return pass_fail(p, p->e, "limit-name", "element");
	return check_namespaces(p, el);
}

static bool
named(const char *const *names, const char *local)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, local) == 0)
			return true;
	return false;
}

/* By the format's names, or xml:id, which is one everywhere. */
static bool
is_id(const struct pass *p, const struct attribute *a)
{
	if (a->uri == NULL)
		return named(p->format->ids, a->local);
	return p->format->ids != NULL && strcmp(a->local, "id") == 0 &&
	       strcmp(a->uri, ELEMENT_XML) == 0;
}

static int
note_id(struct pass *p, struct slice value)
{
	unsigned first = 0;
	int r = ids_define(&p->result->ids, value, pass_line(p), &first);

	if (r < 0)
		return err_nomem(p->e);
	if (r > 0)
		return pass_fail(p, p->e, "id-duplicate",
		    "\"%.*s\", first in line %u", (int)value.len,
		    (const char *)value.p, first);
	return 0;
}

/* IDs, references, and the format's look at each value. */
static int
look_at_attributes(struct pass *p, const struct element *el)
{
	for (size_t i = 0; i < el->attribute_count; i++) {
		struct attribute a = element_attribute_at(el, i);

		if (strlen(a.local) > PASS_NAME_MAX)
			return pass_fail(p, p->e, "limit-name", "attribute");
		if (p->format->value != NULL &&
		    p->format->value(p->ctx, p, a.value, p->e) != 0)
			return -1;
		if (is_id(p, &a)) {
			if (note_id(p, a.value) != 0)
				return -1;
		} else if (a.uri == NULL && named(p->format->idrefs, a.local) &&
			   ids_refer(&p->result->ids, a.value, pass_line(p)) !=
			       0) {
			return err_nomem(p->e);
		}
	}
	if (ids_count(&p->result->ids) > p->options->limits->ids)
		return pass_fail(
		    p, p->e, "limit-ids", "%u", p->options->limits->ids);
	return 0;
}

static int
signature_open(struct pass *p, const struct element *el, bool filing)
{
	if (p->signature != NULL)
		return existing_start(p->signature, el) == 0 ? 0
							     : err_nomem(p->e);
	if (!element_is(el, ELEMENT_DSIG, "Signature"))
		return 0;
	p->signature = existing_open(el, pass_line(p), filing);
	p->signature_depth = el->depth;
	return p->signature == NULL ? err_nomem(p->e) : 0;
}

/* Canonical forms of this start tag: the apex's, and a SignedInfo's. */
static int
canonical_start(struct pass *p, const struct element *el, unsigned want)
{
	bool first = false;

	if ((want & PASS_APEX) && apex_open(p, el) != 0)
		return -1;
	if ((want & PASS_OMIT) && p->omit_depth == 0)
		p->omit_depth = el->depth;
	if (digesting(p) &&
	    c14n_start(p->digest, &p->scope, el, el->depth == p->apex_depth))
		return err_nomem(p->e);
	if (p->signature == NULL || !existing_in_signed_info(p->signature))
		return 0;
	if (p->capture == NULL) {
		if (existing_result(p->signature)->signed_info.len != 0)
			return 0; /* a second one: malformed anyway */
		p->capture = c14n_new((struct c14n_sink){capture_write, p});
		if (p->capture == NULL)
			return err_nomem(p->e);
		first = true;
	}
	if (c14n_start(p->capture, &p->scope, el, first) != 0)
		return err_nomem(p->e);
	return 0;
}

/*
 * The document element's start tag, kept until the format knows its schema:
 * the names stay in the parser's dictionary, only values must be copied.
 */
static int
keep_root(struct pass *p, const struct element *el)
{
	size_t names = 2 * el->namespace_count, n = 5 * el->attribute_count;
	const xmlChar **copy = calloc(names + n + 1, sizeof *copy);
	size_t bytes = 0, at = 0;

	if (copy == NULL)
		return err_nomem(p->e);
	p->root_attributes = copy;
	for (size_t i = 0; i < el->attribute_count; i++)
		bytes += element_attribute_at(el, i).value.len;
	if (buf_reserve(&p->root_values, bytes) != 0)
		return err_nomem(p->e);
	if (names > 0)
		memcpy(copy, el->namespaces, names * sizeof *copy);
	for (size_t i = 0; i < el->attribute_count; i++) {
		struct slice v = element_attribute_at(el, i).value;
		const xmlChar **to = copy + names + 5 * i;

		memcpy(to, el->attributes + 5 * i, 3 * sizeof *to);
		to[3] = p->root_values.p + at;
		to[4] = to[3] + v.len;
		buf_append(&p->root_values, v.p, v.len);
		at += v.len;
	}
	p->root = *el;
	p->root.namespaces = copy;
	p->root.attributes = copy + names;
	p->root_line = pass_line(p);
	return 0;
}

static void
validate_start(struct pass *p, const struct element *el, unsigned line)
{
	schema_run_start(p->run, line, (const xmlChar *)el->local,
	    (const xmlChar *)el->prefix, (const xmlChar *)el->uri,
	    (int)el->namespace_count, el->namespaces, (int)el->attribute_count,
	    el->attributes);
}

void
pass_validate(struct pass *p, struct schema_run *run)
{
	if (p->depth > 1)
		BUG("validation must begin at the top");
	p->run = run;
	if (p->depth == 1)
		validate_start(p, &p->root, p->root_line);
}

static int
element_start(struct pass *p, const struct element *el)
{
	unsigned want = 0;

	if (check_limits(p, el) != 0)
		return -1;
	if (scope_push(&p->scope, el) != 0)
		return err_nomem(p->e);
	if (look_at_attributes(p, el) != 0)
		return -1;
	if (p->format->start != NULL &&
	    p->format->start(p->ctx, p, el, &want, p->e) != 0)
		return -1;
	if (signature_open(p, el, (want & PASS_FILING) != 0) != 0 ||
	    canonical_start(p, el, want) != 0)
		return -1;
	if (p->run != NULL)
		validate_start(p, el, pass_line(p));
	else if (el->depth == 1 && keep_root(p, el) != 0)
		return -1;
	p->open[el->depth] = (struct pass_open){0, want};
	p->collecting = (want & PASS_TEXT) != 0;
	buf_reset(&p->text);
	return 0;
}

static void
on_start(void *ctx, const xmlChar *local, const xmlChar *prefix,
    const xmlChar *uri, int namespace_count, const xmlChar **namespaces,
    int attribute_count, int defaulted, const xmlChar **attributes)
{
	struct pass *p = ctx;
	struct element el = {(const char *)local, (const char *)prefix,
	    (const char *)uri, p->depth + 1, 0, (size_t)namespace_count,
	    namespaces, (size_t)attribute_count, attributes};

	(void)defaulted; /* there is no DTD that could */
	if (p->failed)
		return;
	p->silent = 0;
	/* The event comes before the tag is known to be complete; one that
	 * is not is the parser's error, and half a name is nobody's. */
	if (memchr(">/", *p->parser->input->cur, 2) == NULL)
		return;
	if (p->peek) {
		snprintf(
		    p->peeked->local, sizeof p->peeked->local, "%s", el.local);
		snprintf(p->peeked->uri, sizeof p->peeked->uri, "%s",
		    el.uri == NULL ? "" : el.uri);
		pass_stop(p);
		return;
	}
	el.nth = ++p->open[p->depth].children;
	if (element_start(p, &el) != 0)
		pass_stop(p);
	else
		p->depth++;
}

static int
canonical_end(struct pass *p, const struct element *el)
{
	if (p->capture != NULL) {
		if (c14n_end(p->capture, el) != 0)
			return err_nomem(p->e);
		if (el->depth == p->signature_depth + 1) {
			if (c14n_flush(p->capture) != 0)
				return err_nomem(p->e);
			c14n_free(p->capture);
			p->capture = NULL;
		}
	}
	if (digesting(p)) {
		if (c14n_end(p->digest, el) != 0)
			return err_nomem(p->e);
		if (el->depth == p->apex_depth && apex_close(p) != 0)
			return -1;
	}
	if (p->omit_depth == el->depth)
		p->omit_depth = 0;
	return 0;
}

static int
signature_end(struct pass *p, const struct element *el)
{
	int result = 0;

	if (p->signature == NULL)
		return 0;
	if (existing_end(p->signature, el) != 0)
		return err_nomem(p->e);
	if (el->depth != p->signature_depth)
		return 0;
	if (p->format->signature != NULL)
		result = p->format->signature(
		    p->ctx, p, existing_result(p->signature), p->e);
	existing_close(p->signature);
	p->signature = NULL;
	return result;
}

/* The parser stands right after this end tag: here signatures may go. */
static int
note_offset(struct pass *p)
{
	p->result->has_offset = true;
	p->result->offset = pass_offset(p);
	if (scope_copy(&p->result->inherited, &p->scope) != 0)
		return err_nomem(p->e);
	return 0;
}

static int
element_end(struct pass *p, const struct element *el)
{
	unsigned want = p->open[el->depth].want;
	struct slice text = {0};

	if (canonical_end(p, el) != 0 || signature_end(p, el) != 0)
		return -1;
	if (p->run != NULL)
		schema_run_end(p->run, pass_line(p), (const xmlChar *)el->local,
		    (const xmlChar *)el->prefix, (const xmlChar *)el->uri);
	if (want & PASS_TEXT)
		text = buf_view(&p->text);
	if (p->format->end != NULL &&
	    p->format->end(p->ctx, p, el, text, p->e) != 0)
		return -1;
	p->collecting = (p->open[el->depth - 1].want & PASS_TEXT) != 0;
	buf_reset(&p->text);
	scope_pop(&p->scope, el->depth);
	return (want & PASS_INSERT) ? note_offset(p) : 0;
}

static void
on_end(
    void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct pass *p = ctx;
	struct element el = {(const char *)local, (const char *)prefix,
	    (const char *)uri, p->depth, 0, 0, NULL, 0, NULL};

	if (p->failed)
		return;
	p->silent = 0;
	el.nth = p->open[p->depth - 1].children;
	if (element_end(p, &el) != 0)
		pass_stop(p);
	else
		p->depth--;
}

static int
take_text(struct pass *p, struct slice text)
{
	if (digesting(p) && c14n_text(p->digest, text) != 0)
		return err_nomem(p->e);
	if (p->capture != NULL && c14n_text(p->capture, text) != 0)
		return err_nomem(p->e);
	if (p->signature != NULL && existing_text(p->signature, text) != 0)
		return err_nomem(p->e);
	if (p->run != NULL)
		schema_run_text(p->run, text.p, text.len);
	if (p->collecting && p->text.len < PASS_TEXT_MAX) {
		size_t left = PASS_TEXT_MAX - p->text.len;

		if (buf_append(&p->text, text.p,
			text.len < left ? text.len : left) != 0)
			return err_nomem(p->e);
	}
	if (p->format->text != NULL)
		return p->format->text(p->ctx, p, text, p->e);
	return 0;
}

static void
on_text(void *ctx, const xmlChar *text, int n)
{
	struct pass *p = ctx;

	if (p->failed || p->peek)
		return;
	p->silent = 0;
	if (take_text(p, slice_of(text, (size_t)n)) != 0)
		pass_stop(p);
}

static void
on_pi(void *ctx, const xmlChar *target, const xmlChar *data)
{
	struct pass *p = ctx;
	const char *t = (const char *)target, *d = (const char *)data;

	if (p->failed || p->peek)
		return;
	p->silent = 0;
	if ((digesting(p) && c14n_pi(p->digest, t, d) != 0) ||
	    (p->capture != NULL && c14n_pi(p->capture, t, d) != 0))
		pass_nomem(p);
}

static void
on_comment(void *ctx, const xmlChar *text)
{
	struct pass *p = ctx;

	(void)text;
	p->silent = 0;
}

static void
refuse(struct pass *p, const char *code, const char *what)
{
	if (p->failed)
		return;
	pass_fail(p, p->e, code, "%s", what);
	pass_stop(p);
}

static void
on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
    const xmlChar *system)
{
	struct pass *p = ctx;

	(void)external;
	(void)system;
	refuse(p, "doctype-forbidden", (const char *)name);
	xmlStopParser(p->parser); /* before the first declaration is read */
}

/* After the XML declaration, before anything else. */
static void
on_document(void *ctx)
{
	struct pass *p = ctx;
	const char *version = (const char *)p->parser->version;
	/* Any other than UTF-8 and UTF-16 is noted at the input only. */
	const char *encoding = (const char *)(p->parser->input->encoding != NULL
						  ? p->parser->input->encoding
						  : p->parser->encoding);

	if (version != NULL && strcmp(version, "1.0") != 0)
		refuse(p, "xml-version", version);
	else if (encoding != NULL && strcasecmp(encoding, "UTF-8") != 0)
		refuse(p, "encoding-not-utf8", encoding);
}

/*
 * True when the parser gave up because the bytes ended: nothing is left that
 * could close the markup at hand.  XML_ERR_DOCUMENT_EMPTY and _END are also
 * what text before or after the document element gives.
 */
static bool
ended_early(const struct pass *p, int code)
{
	const xmlParserInput *in = p->parser->input;
	size_t n;

	if (!p->at_end || p->input_at < p->input_len || in == NULL ||
	    code == XML_ERR_TAG_NAME_MISMATCH)
		return false;
	n = (size_t)(in->end - in->cur);
	if (n == 0)
		return true;
	return code != XML_ERR_DOCUMENT_EMPTY && code != XML_ERR_DOCUMENT_END &&
	       memchr(in->cur, '>', n) == NULL;
}

static void
on_error(void *ctx, xmlErrorPtr x)
{
	struct pass *p = ctx;
	const char *words = x->message == NULL ? "" : x->message;
	int n = (int)strcspn(words, "\n");

	if (p->failed || x->level < XML_ERR_ERROR)
		return;
	if (x->code == XML_ERR_NO_MEMORY) {
		pass_nomem(p);
		return;
	}
	if (x->domain == XML_FROM_NAMESPACE)
		err_set(p->e, ERR_INPUT, "xml-namespace",
		    "line %d, column %d: %.*s", x->line, x->int2, n, words);
	else if (x->code == XML_ERR_UNSUPPORTED_ENCODING ||
		 x->code == XML_ERR_UNKNOWN_ENCODING)
		err_set(p->e, ERR_INPUT, "encoding-not-utf8", "%.*s", n, words);
	else if (ended_early(p, x->code))
		err_set(p->e,
		    p->options->complete_hint ? ERR_TRANSIENT_IO : ERR_INPUT,
		    "xml-truncated", "line %d, column %d", x->line, x->int2);
	else
		err_set(p->e, ERR_INPUT, "xml-malformed",
		    "line %d, column %d: %.*s", x->line, x->int2, n, words);
	pass_stop(p);
}

void
pass_events(xmlSAXHandler *sax)
{
	memset(sax, 0, sizeof *sax);
	sax->initialized = XML_SAX2_MAGIC;
	sax->startDocument = on_document;
	sax->internalSubset = on_doctype;
	sax->startElementNs = on_start;
	sax->endElementNs = on_end;
	sax->characters = on_text;
	sax->ignorableWhitespace = on_text;
	sax->cdataBlock = on_text;
	sax->processingInstruction = on_pi;
	sax->comment = on_comment;
	sax->serror = on_error;
}
