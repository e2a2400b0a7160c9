/*
 * The tree for the referee.  The signing side never sees it; it is built
 * from bytes read back, under our own limits, and nothing it says (entity,
 * DTD, network address) makes us read anything else.
 */
#include "signer/exam/dom.h"

#include "base/log.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/uri.h>
#include <libxml/xmlerror.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
	const struct verify_input *in;
	const struct exam_limits *limits;
	uint64_t at;
	uint32_t depth;
	int line, error; /* of the first parser error */
	int read_errno;
	const char *refused; /* our own code */
};

static int
read_more(void *ctx, char *buffer, int size)
{
	struct reading *r = ctx;
	ssize_t n;

	if (r->in->fd < 0) {
		size_t left = r->in->bytes.len - (size_t)r->at;

		n = size < 0 ? 0 : size;
		if ((size_t)n > left)
			n = (ssize_t)left;
		memcpy(buffer, r->in->bytes.p + r->at, (size_t)n);
	} else {
		do
			n = pread(
			    r->in->fd, buffer, (size_t)size, (off_t)r->at);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			r->read_errno = errno;
	}
	if (n > 0)
		r->at += (uint64_t)n;
	if (r->at > r->limits->full_verify_max) {
		r->refused = "verify-too-large"; /* it grew */
		return -1;
	}
	return (int)n;
}

/* code: 2 of stop */
static void
stop(xmlParserCtxtPtr c, const char *code)
{
	struct reading *r = c->_private;

	if (r->refused == NULL)
		r->refused = code;
	r->line = xmlSAX2GetLineNumber(c);
	xmlStopParser(c);
}

static void
on_doctype(void *ctx, const xmlChar *name, const xmlChar *external_id,
    const xmlChar *system_id)
{
	(void)name;
	(void)external_id;
	(void)system_id;
	stop(ctx, "doctype-forbidden");
}

/* Pairs of prefix and URI.  C14N refuses relative ones, and so do we. */
static bool
has_relative(const xmlChar **namespaces, int count)
{
	for (int i = 0; i < count; i++) {
		const char *text = (const char *)namespaces[2 * i + 1];
		xmlURIPtr uri;
		bool absolute;

		if (text == NULL || *text == '\0')
			continue;
		uri = xmlParseURI(text);
		absolute = uri != NULL && uri->scheme != NULL;
		xmlFreeURI(uri);
		if (!absolute)
			return true;
	}
	return false;
}

static void
on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int namespace_count, const xmlChar **namespaces,
    int attribute_count, int defaulted, const xmlChar **attributes)
{
	xmlParserCtxtPtr c = ctx;
	struct reading *r = c->_private;

	if (++r->depth > r->limits->depth) {
		stop(c, "limit-depth");
		return;
	}
	if ((uint32_t)attribute_count > r->limits->attributes ||
	    (uint32_t)namespace_count > r->limits->namespaces) {
		stop(c, "limit-attributes");
		return;
	}
	if (has_relative(namespaces, namespace_count)) {
		stop(c, "xml-namespace");
		return;
	}
	xmlSAX2StartElementNs(ctx, name, prefix, uri, namespace_count,
	    namespaces, attribute_count, defaulted, attributes);
}

static void
on_end(
    void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	xmlParserCtxtPtr c = ctx;
	struct reading *r = c->_private;

	r->depth--;
	xmlSAX2EndElementNs(ctx, name, prefix, uri);
}

static void
on_error(void *ctx, xmlErrorPtr error)
{
	xmlParserCtxtPtr c = ctx;
	struct reading *r = c->_private;

	if (r->error == 0 && error->level >= XML_ERR_ERROR) {
		r->error = error->code;
		r->line = error->line;
	}
}

/* A version that C14N 1.0 does not know. */
static bool
is_other_version(xmlDocPtr doc)
{
	return doc != NULL && doc->version != NULL &&
	       strcmp((const char *)doc->version, "1.0") != 0;
}

/* code: 2 of refuse */
static int
refuse(const struct reading *r, const char *code, struct err *e)
{
	return err_lib(
	    e, ERR_INPUT, code, (unsigned long)r->error, "line %d", r->line);
}

static int
result(const struct reading *r, bool whole, struct err *e)
{
	if (r->read_errno != 0) {
		errno = r->read_errno;
		return err_errno(e, err_io_class(r->read_errno), "io-error",
		    "read document");
	}
	if (r->refused != NULL)
		return refuse(r, r->refused, e);
	if (r->error == XML_ERR_NO_MEMORY)
		return err_nomem(e);
	if (!whole)
		return refuse(r, "xml-malformed", e);
	return 0;
}

static int
check_size(const struct verify_input *in, const struct exam_limits *limits,
    struct err *e)
{
	struct stat st;
	uint64_t size = in->bytes.len;

	if (in->fd >= 0) {
		if (fstat(in->fd, &st) != 0)
			return err_errno(e, err_io_class(errno), "io-error",
			    "stat document");
		size = (uint64_t)st.st_size;
	}
	if (size > limits->full_verify_max)
		return err_set(e, ERR_INPUT, "verify-too-large",
		    "%llu bytes, at most %llu", (unsigned long long)size,
		    (unsigned long long)limits->full_verify_max);
	return 0;
}

xmlDocPtr
dom_read(const struct verify_input *in, const struct exam_limits *limits,
    struct err *e)
{
	struct reading r = {.in = in, .limits = limits};
	xmlParserCtxtPtr c;
	xmlDocPtr doc;

	if (check_size(in, limits, e) != 0)
		return NULL;
	c = xmlNewParserCtxt();
	if (c == NULL) {
		err_nomem(e);
		return NULL;
	}
	c->_private = &r;
	c->sax->internalSubset = on_doctype;
	c->sax->startElementNs = on_start;
	c->sax->endElementNs = on_end;
	c->sax->serror = on_error;
	doc = xmlCtxtReadIO(c, read_more, NULL, &r, NULL, NULL,
	    XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_BIG_LINES |
		XML_PARSE_COMPACT);
	if (r.refused == NULL && is_other_version(doc))
		r.refused = "xml-version";
	if (result(&r, doc != NULL && c->wellFormed && c->nsWellFormed, e) !=
	    0) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(c);
	return doc;
}

xmlNodePtr
dom_next(const xmlNode *n, const xmlNode *top)
{
	if (n->children != NULL && n->type == XML_ELEMENT_NODE)
		return n->children;
	while (n != top && n->next == NULL)
		n = n->parent;
	return n == top ? NULL : n->next;
}

bool
dom_is(const xmlNode *n, const char *ns, const char *name)
{
	const char *href;

	if (n == NULL || n->type != XML_ELEMENT_NODE ||
	    strcmp((const char *)n->name, name) != 0)
		return false;
	href = n->ns == NULL || n->ns->href == NULL ? ""
						    : (const char *)n->ns->href;
	return strcmp(href, ns == NULL ? "" : ns) == 0;
}

static xmlNodePtr
element_from(xmlNodePtr n)
{
	while (n != NULL && n->type != XML_ELEMENT_NODE)
		n = n->next;
	return n;
}

xmlNodePtr
dom_first_child(const xmlNode *parent)
{
	return element_from(parent->children);
}

xmlNodePtr
dom_next_sibling(const xmlNode *n)
{
	return element_from(n->next);
}

xmlAttrPtr
dom_attribute(const xmlNode *element, const char *name)
{
	for (xmlAttrPtr a = element->properties; a != NULL; a = a->next)
		if (a->ns == NULL && strcmp((const char *)a->name, name) == 0)
			return a;
	return NULL;
}

int
dom_attribute_text(
    const xmlNode *element, const char *name, char *out, size_t size)
{
	xmlAttrPtr a = dom_attribute(element, name);
	xmlChar *value;
	int n;

	out[0] = '\0';
	if (a == NULL)
		return 0;
	value = xmlNodeListGetString(a->doc, a->children, 1);
	if (value == NULL)
		return 0;
	n = snprintf(out, size, "%s", (const char *)value);
	xmlFree(value);
	if (n >= 0 && (size_t)n < size)
		return 0;
	out[0] = '\0';
	return -1;
}

/* Are these the three spellings that filings use, or xml:id? */
static bool
is_id_name(const xmlAttr *a)
{
	const char *name = (const char *)a->name;

	return (name[0] == 'i' || name[0] == 'I') &&
	       (name[1] == 'd' || name[1] == 'D') && name[2] == '\0' &&
	       (a->ns == NULL || strcmp((const char *)a->ns->href,
				     (const char *)XML_XML_NAMESPACE) == 0);
}

static bool
attribute_is(const xmlAttr *a, const char *value)
{
	xmlChar *text;
	bool same;

	/* Nearly always one text node: no copy. */
	if (a->children != NULL && a->children->next == NULL &&
	    a->children->type == XML_TEXT_NODE)
		return strcmp((const char *)a->children->content, value) == 0;
	text = xmlNodeListGetString(a->doc, a->children, 1);
	same = text != NULL && strcmp((const char *)text, value) == 0;
	xmlFree(text);
	return same;
}

unsigned
dom_count_id(xmlDocPtr doc, const char *value, xmlAttrPtr first_two[2])
{
	xmlNodePtr root = xmlDocGetRootElement(doc);
	unsigned count = 0;

	first_two[0] = first_two[1] = NULL;
	for (xmlNodePtr n = root; n != NULL; n = dom_next(n, root)) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		for (xmlAttrPtr a = n->properties; a != NULL; a = a->next) {
			if (!is_id_name(a) || !attribute_is(a, value))
				continue;
			first_two[count] = a;
			if (++count == 2)
				return count;
		}
	}
	return count;
}

/* Its place among the siblings of its name, from 1; 0 when it is alone. */
static unsigned
place_of(const xmlNode *element)
{
	unsigned before = 0, after = 0;

	for (const xmlNode *n = element->prev; n != NULL; n = n->prev)
		before += n->type == XML_ELEMENT_NODE &&
			  xmlStrEqual(n->name, element->name);
	for (const xmlNode *n = element->next; n != NULL && after == 0;
	     n = n->next)
		after += n->type == XML_ELEMENT_NODE &&
			 xmlStrEqual(n->name, element->name);
	return before + after == 0 ? 0 : before + 1;
}

/* One step, "/prefix:name[3]"; its length, or -1 for one that is too long. */
static int
step_text(const xmlNode *n, char *out, size_t size)
{
	const xmlChar *prefix = n->ns == NULL ? NULL : n->ns->prefix;
	unsigned place = place_of(n);
	char number[16] = "";
	int len;

	if (place > 0)
		snprintf(number, sizeof number, "[%u]", place);
	len = snprintf(out, size, "/%s%s%s%s",
	    prefix == NULL ? "" : (const char *)prefix,
	    prefix == NULL ? "" : ":", (const char *)n->name, number);
	return len < 0 || (size_t)len >= size ? -1 : len;
}

void
dom_path(const xmlNode *element, char *out, size_t size)
{
	static const char cut[] = "…";
	char step[200];
	size_t at = size - 1;

	out[at] = '\0';
	for (const xmlNode *n = element;
	     n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent) {
		int len = step_text(n, step, sizeof step);

		if (len < 0 || (size_t)len + sizeof cut > at) {
			at -= sizeof cut - 1;
			memcpy(out + at, cut, sizeof cut - 1);
			break;
		}
		at -= (size_t)len;
		memcpy(out + at, step, (size_t)len);
	}
	memmove(out, out + at, size - at);
}
