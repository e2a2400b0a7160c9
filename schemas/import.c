/*
 * Finds in a heap of XSD files which of them stand for a whole filing, and
 * packs each with all it needs.  Works on bytes and names only; every file
 * is hostile until libxml2 has read it, and nothing it names is opened.
 */
#include "schemas/import.h"

#include "base/text.h"
#include "schemas/bundle.h"
#include "schemas/problem.h"
#include "schemas/validate.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XSD_NS "http://www.w3.org/2001/XMLSchema"
#define VERSIONS_MAX 64

struct source {
	char *name; /* owned; cleaned: no "./", no "//"; "" = unusable */
	struct slice bytes;
	xmlDocPtr doc; /* NULL = not usable */
	bool used;     /* by itself or by a root */
};

struct import {
	struct source *files;
	size_t count;
	struct archive *out;
	struct err *e;
	char (*made)[2 * BUNDLE_NAME_MAX]; /* "PROCEDURE VERSION" */
	size_t made_count;
	bool failed;
	char parse_error[160];
};

static void note(struct import *im, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
note(struct import *im, const char *file, const char *fmt, ...)
{
	char what[200], name[120], text[340];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(what, sizeof what, fmt, ap) < 0)
		what[0] = '\0';
	va_end(ap);
	snprintf(text, sizeof text, "%s: %s",
	    text_escape(name, sizeof name, file), what);
	if (archive_add(im->out, IMPORT_NOTE, slice_str(text), im->e) != 0)
		im->failed = true;
}

static bool
is_xsd(const xmlNode *n, const char *local)
{
	return n->type == XML_ELEMENT_NODE && n->ns != NULL &&
	       strcmp((const char *)n->ns->href, XSD_NS) == 0 &&
	       strcmp((const char *)n->name, local) == 0;
}

/* An attribute's value, "" when it has none; free with xmlFree. */
static char *
attribute(xmlNode *n, const char *name)
{
	xmlChar *v = xmlGetNoNsProp(n, (const xmlChar *)name);

	return v != NULL ? (char *)v : (char *)xmlStrdup((const xmlChar *)"");
}

static bool
attribute_is(xmlNode *n, const char *name, const char *want)
{
	char *v = attribute(n, name);
	bool same = v != NULL && strcmp(v, want) == 0;

	xmlFree(v);
	return same;
}

/* The node after `n` in document order below `top`; with `skip`, not one
 * below `n`. */
static xmlNode *
next_node(const xmlNode *top, xmlNode *n, bool skip)
{
	if (n->children != NULL && n->type == XML_ELEMENT_NODE && !skip)
		return n->children;
	while (n != NULL && n != top) {
		if (n->next != NULL)
			return n->next;
		n = n->parent;
	}
	return NULL;
}

/* Removes "." and "name/.." in place; -1 when it leads out. */
static int
clean_path(char *path)
{
	char *to = path, *from = path;

	while (*from != '\0') {
		size_t n = strcspn(from, "/");
		char *rest = from + n + (from[n] == '/');

		if (n == 2 && memcmp(from, "..", 2) == 0) {
			if (to == path)
				return -1;
			for (to--; to > path && to[-1] != '/'; to--)
				;
		} else if (n > 0 && !(n == 1 && from[0] == '.')) {
			memmove(to, from, n);
			to += n;
			*to = *rest == '\0' ? '\0' : '/';
			to += *rest == '\0' ? 0 : 1;
		}
		from = rest;
	}
	*to = '\0';
	return 0;
}

/* The file that `location` names as seen from `from`; -1 = not there. */
static ssize_t
resolve(
    const struct import *im, const struct source *from, const char *location)
{
	char path[2 * ARCHIVE_NAME_MAX];
	const char *slash = strrchr(from->name, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash + 1 - from->name);
	int n;

	n = snprintf(
	    path, sizeof path, "%.*s%s", (int)folder, from->name, location);
	if (n < 0 || (size_t)n >= sizeof path || location[0] == '/' ||
	    clean_path(path) != 0)
		return -1;
	for (size_t i = 0; i < im->count; i++) {
		if (strcmp(im->files[i].name, path) == 0)
			return (ssize_t)i;
	}
	return -1;
}

/* The next include, import or redefine of a schema, from `n` on. */
static xmlNode *
next_reference(xmlNode *n)
{
	while (n != NULL && !is_xsd(n, "include") && !is_xsd(n, "import") &&
	       !is_xsd(n, "redefine"))
		n = n->next;
	return n;
}

/* One file's references; new ones go onto the stack. */
static int
mark_from(struct import *im, const struct source *f, bool *needed,
    size_t *stack, size_t *depth)
{
	xmlNode *n = xmlDocGetRootElement(f->doc)->children;
	int result = 0;

	for (n = next_reference(n); n != NULL; n = next_reference(n->next)) {
		char *location = attribute(n, "schemaLocation");
		ssize_t at = -1;

		if (location != NULL && location[0] != '\0') {
			at = resolve(im, f, location);
			if (at < 0 || im->files[at].doc == NULL) {
				note(im, f->name,
				    "needs %.80s, which is not here", location);
				result = -1;
			} else if (!needed[at]) {
				needed[at] = true;
				stack[(*depth)++] = (size_t)at;
			}
		}
		xmlFree(location);
	}
	return result;
}

/* Marks `start` and all it needs.  0; -1 when something is missing (noted),
 * or no memory. */
static int
mark_needed(struct import *im, size_t start, bool *needed)
{
	size_t *stack = calloc(im->count, sizeof *stack);
	size_t depth = 0;
	int result = 0;

	if (stack == NULL) {
		im->failed = true;
		return -1;
	}
	memset(needed, 0, im->count * sizeof *needed);
	needed[start] = true;
	stack[depth++] = start;
	while (depth > 0) {
		const struct source *f = &im->files[stack[--depth]];

		if (mark_from(im, f, needed, stack, &depth) != 0)
			result = -1;
	}
	free(stack);
	return result;
}

/* The named global component (complexType, simpleType) among the needed
 * files; a prefix does not matter, names do not repeat across namespaces in
 * these schemas. */
static xmlNode *
find_type(
    struct import *im, const bool *needed, const char *kind, const char *qname)
{
	const char *colon = strchr(qname, ':');
	const char *local = colon == NULL ? qname : colon + 1;

	for (size_t i = 0; i < im->count; i++) {
		xmlNode *n;

		if (!needed[i])
			continue;
		n = xmlDocGetRootElement(im->files[i].doc)->children;
		for (; n != NULL; n = n->next) {
			if (is_xsd(n, kind) && attribute_is(n, "name", local))
				return n;
		}
	}
	return NULL;
}

/* The type of an element or attribute: inside it, or named by it. */
static xmlNode *
type_of(struct import *im, const bool *needed, const char *kind, xmlNode *n)
{
	char *name = attribute(n, "type");
	xmlNode *type = NULL;

	if (name != NULL && name[0] != '\0') {
		type = find_type(im, needed, kind, name);
	} else {
		for (type = n->children; type != NULL; type = type->next) {
			if (is_xsd(type, kind))
				break;
		}
	}
	xmlFree(name);
	return type;
}

/* The first of this kind below `top`, not inside an element declaration
 * (unless that is what is looked for); with `name`, the one so named. */
static xmlNode *
find_below(xmlNode *top, const char *kind, const char *name)
{
	xmlNode *n = top;

	while (n != NULL) {
		n = next_node(top, n, n != top && is_xsd(n, "element"));
		if (n == NULL || n == top)
			return NULL;
		if (is_xsd(n, kind) &&
		    (name == NULL || attribute_is(n, "name", name)))
			return n;
	}
	return NULL;
}

struct versions {
	char text[VERSIONS_MAX][BUNDLE_NAME_MAX];
	size_t count;
};

/* The values that the attribute VR of this element may have. */
static void
versions_of(
    struct import *im, const bool *needed, xmlNode *element, struct versions *v)
{
	xmlNode *type = type_of(im, needed, "complexType", element);
	xmlNode *vr = type == NULL ? NULL : find_below(type, "attribute", "VR");
	xmlNode *values =
	    vr == NULL ? NULL : type_of(im, needed, "simpleType", vr);
	xmlNode *n = values;

	v->count = 0;
	while (n != NULL && v->count < VERSIONS_MAX) {
		n = next_node(values, n, false);
		if (n == NULL || n == values)
			break;
		if (is_xsd(n, "enumeration")) {
			char *text = attribute(n, "value");

			if (text != NULL && bundle_name_ok(text))
				snprintf(v->text[v->count++], BUNDLE_NAME_MAX,
				    "%s", text);
			xmlFree(text);
		}
	}
}

/* The element that stands for the filing: inside DATA, or itself. */
static xmlNode *
procedure_element(struct import *im, const bool *needed, xmlNode *element)
{
	xmlNode *type;

	if (!attribute_is(element, "name", "DATA"))
		return element;
	type = type_of(im, needed, "complexType", element);
	return type == NULL ? NULL : find_below(type, "element", NULL);
}

/* Length of the folder part that all needed files share. */
static size_t
common_folder(const struct import *im, const bool *needed)
{
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < im->count; i++) {
		const char *name = im->files[i].name;
		size_t same = 0;

		if (!needed[i])
			continue;
		if (first == NULL) {
			first = name;
			n = strlen(name);
		}
		while (same < n && name[same] == first[same])
			same++;
		n = same;
	}
	while (n > 0 && first[n - 1] != '/')
		n--;
	return n;
}

/* True for the first file that defines this version; a second is noted. */
static bool
first_of(
    struct import *im, size_t root, const char *procedure, const char *version)
{
	char key[2 * BUNDLE_NAME_MAX], (*grown)[2 * BUNDLE_NAME_MAX];

	snprintf(key, sizeof key, "%s %s", procedure, version);
	for (size_t i = 0; i < im->made_count; i++) {
		if (strcmp(im->made[i], key) == 0) {
			note(im, im->files[root].name,
			    "not used: another file defines %s too", key);
			im->files[root].used = true;
			return false;
		}
	}
	grown = realloc(im->made, (im->made_count + 1) * sizeof *grown);
	if (grown == NULL) {
		im->failed = true;
		return false;
	}
	im->made = grown;
	memcpy(grown[im->made_count++], key, sizeof key);
	return true;
}

/* Adds the bundle to the answer if it compiles. */
static void
try_bundle(struct import *im, const char *root, struct slice bytes)
{
	struct bundle b = {0};
	struct err e = {0};
	struct schema *s = NULL;

	if (bundle_parse(bytes, &b, &e) == 0)
		s = schema_compile_bundle(&b, &e);
	if (s == NULL)
		note(im, root, "does not compile: %s", e.detail);
	else if (archive_add(im->out, IMPORT_BUNDLE, bytes, im->e) != 0)
		im->failed = true;
	schema_free(s);
	bundle_free(&b);
}

static void
make_bundle(struct import *im, size_t root, const bool *needed,
    const char *procedure, const char *version)
{
	struct bundle_file files[BUNDLE_FILES_MAX];
	size_t cut = common_folder(im, needed), n = 0;
	struct buf bytes = {0};
	struct err e = {0};

	if (strlen(procedure) >= BUNDLE_NAME_MAX ||
	    !first_of(im, root, procedure, version))
		return;
	for (size_t i = 0; i < im->count; i++) {
		if (!needed[i])
			continue;
		if (n == BUNDLE_FILES_MAX) {
			note(im, im->files[root].name, "needs too many files");
			return;
		}
		files[n].name = im->files[i].name + cut;
		files[n++].bytes = im->files[i].bytes;
		im->files[i].used = true;
	}
	if (bundle_write(procedure, version, im->files[root].name + cut, files,
		n, &bytes, &e) != 0)
		note(im, im->files[root].name, "%s", e.detail);
	else
		try_bundle(im, im->files[root].name, buf_view(&bytes));
	buf_free(&bytes);
}

/* Every global element of a file that is a filing. */
static void
use_file(struct import *im, size_t at, bool *needed)
{
	xmlNode *n = xmlDocGetRootElement(im->files[at].doc)->children;
	bool marked = false;

	for (; n != NULL && !im->failed; n = n->next) {
		struct versions v = {.count = 0};
		xmlNode *element;
		char *name;

		if (!is_xsd(n, "element"))
			continue;
		if (!marked && mark_needed(im, at, needed) != 0)
			return;
		marked = true;
		element = procedure_element(im, needed, n);
		if (element == NULL)
			continue;
		versions_of(im, needed, element, &v);
		name = attribute(element, "name");
		for (size_t i = 0; i < v.count && name != NULL; i++)
			make_bundle(im, at, needed, name, v.text[i]);
		xmlFree(name);
	}
}

static void
on_parse_error(void *ctx, xmlErrorPtr x)
{
	struct import *im = ctx;
	char text[120];

	if (im->parse_error[0] == '\0')
		snprintf(im->parse_error, sizeof im->parse_error, "line %d: %s",
		    x->line, problem_line(text, sizeof text, x->message));
}

static xmlParserInputPtr
serve_nothing(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
	(void)url;
	(void)id;
	(void)ctxt;
	return NULL;
}

/* Parses one file; a DOCTYPE, another root or bad XML leaves doc NULL. */
static void
parse_file(struct import *im, struct source *f)
{
	xmlNode *root;

	im->parse_error[0] = '\0';
	f->doc = xmlReadMemory((const char *)f->bytes.p, (int)f->bytes.len,
	    "import.xsd", NULL, XML_PARSE_NONET);
	if (f->doc == NULL) {
		note(
		    im, f->name, "is not well-formed XML: %s", im->parse_error);
		return;
	}
	root = xmlDocGetRootElement(f->doc);
	if (f->doc->intSubset != NULL)
		note(im, f->name, "has a DOCTYPE");
	else if (!is_xsd(root, "schema"))
		note(im, f->name, "is not an XML schema");
	else
		return;
	xmlFreeDoc(f->doc);
	f->doc = NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* In the order of their names, whatever order they came in. */
static int
take_files(struct import *im, const struct archive *in)
{
	im->files = calloc(in->count + 1, sizeof *im->files);
	if (im->files == NULL)
		return -1;
	for (size_t i = 0; i < in->count; i++) {
		struct source *f = &im->files[im->count];

		f->name = strdup(in->files[i].name);
		if (f->name == NULL)
			return -1;
		im->count++;
		f->bytes = buf_view(&in->files[i].bytes);
		if (clean_path(f->name) != 0 ||
		    f->bytes.len > BUNDLE_SIZE_MAX) {
			note(im, in->files[i].name, "cannot be used");
			f->name[0] = '\0';
		}
	}
	if (im->count > 0)
		qsort(im->files, im->count, sizeof *im->files, by_name);
	for (size_t i = 0; i < im->count; i++) {
		if (im->files[i].name[0] != '\0')
			parse_file(im, &im->files[i]);
	}
	return 0;
}

/* What was not needed by any filing: said, so that a missing root file of
 * the agency's package is noticed. */
static void
note_unused(struct import *im)
{
	for (size_t i = 0; i < im->count; i++) {
		if (im->files[i].doc != NULL && !im->files[i].used)
			note(im, im->files[i].name,
			    "not used: no procedure here includes it");
	}
}

int
schema_import(const struct archive *in, struct archive *out, struct err *e)
{
	xmlExternalEntityLoader loader = xmlGetExternalEntityLoader();
	struct import im = {.out = out, .e = e};
	bool *needed;

	xmlSetExternalEntityLoader(serve_nothing);
	xmlSetStructuredErrorFunc(&im, on_parse_error);
	needed = calloc(in->count + 1, sizeof *needed);
	if (needed == NULL || take_files(&im, in) != 0)
		im.failed = true;
	for (size_t i = 0; i < im.count && !im.failed; i++) {
		if (im.files[i].doc != NULL)
			use_file(&im, i, needed);
	}
	if (!im.failed)
		note_unused(&im);
	xmlSetStructuredErrorFunc(NULL, NULL);
	xmlSetExternalEntityLoader(loader);
	for (size_t i = 0; i < im.count; i++) {
		xmlFreeDoc(im.files[i].doc);
		free(im.files[i].name);
	}
	free(im.files);
	free(im.made);
	free(needed);
	if (im.failed && (e == NULL || e->class == ERR_NONE))
		return err_nomem(e);
	return im.failed ? -1 : 0;
}
