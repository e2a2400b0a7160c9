/*
 * What of a document no Reference of a signature digests.  It is found by
 * walking the tree around the digested elements, never by looking for names:
 * whatever is not below one of them and could tell a reader something is
 * told.  The walk goes into nothing but the ancestors of those elements, so
 * it costs what the children of these are.
 */
#include "signer/exam/dom.h"
#include "signer/exam/dsig.h"
#include "signer/exam/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XSI_NS "http://www.w3.org/2001/XMLSchema-instance"

/* Elements that must be gone into, by address. */
struct inner {
	xmlNodePtr *nodes;
	size_t count;
};

struct walk {
	const struct judge *j;
	struct inner apexes, ancestors;
	bool stylesheet_seen;
	unsigned named; /* bit i: the format's unsigned child i was seen */
	struct coverage *out;
};

static int
by_address(const void *a, const void *b)
{
	const xmlNode *x = *(xmlNode *const *)a, *y = *(xmlNode *const *)b;

	return x < y ? -1 : x > y;
}

static bool
has(const struct inner *set, xmlNodePtr n)
{
	return set->count > 0 && bsearch(&n, set->nodes, set->count,
				     sizeof *set->nodes, by_address) != NULL;
}

static int
gather_ancestors(struct walk *w)
{
	size_t room = 0;

	for (size_t i = 0; i < w->apexes.count; i++)
		for (xmlNodePtr n = w->apexes.nodes[i]->parent;
		     n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent)
			room++;
	w->ancestors.nodes = calloc(room + 1, sizeof *w->ancestors.nodes);
	if (w->ancestors.nodes == NULL)
		return -1;
	for (size_t i = 0; i < w->apexes.count; i++)
		for (xmlNodePtr n = w->apexes.nodes[i]->parent;
		     n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent)
			w->ancestors.nodes[w->ancestors.count++] = n;
	if (w->ancestors.count > 0)
		qsort(w->ancestors.nodes, w->ancestors.count,
		    sizeof *w->ancestors.nodes, by_address);
	return 0;
}

static int
add(struct walk *w, enum uncovered_what what, bool by_format, const xmlNode *at,
    const char *name)
{
	struct uncovered_item item;
	char path[sizeof item.where - 60], text[sizeof item.where];

	dom_path(at, path, sizeof path);
	snprintf(text, sizeof text, "%s%.59s", path, name);
	return coverage_add(w->out, what, by_format, text);
}

/* A child of the root that the format has and never signs: the first. */
static bool
is_unsigned_child(struct walk *w, const xmlNode *n)
{
	const char *const *names = w->j->q->profile->unsigned_children;

	for (unsigned i = 0; names != NULL && names[i] != NULL; i++) {
		if (n->parent != w->j->root || !dom_is(n, "", names[i]) ||
		    (w->named >> i & 1) != 0)
			continue;
		w->named |= 1U << i;
		return true;
	}
	return false;
}

/* Attributes of an element that itself is not digested.  Those of xml: are,
 * as the digested elements inherit them, and so are namespaces. */
static int
attributes(struct walk *w, const xmlNode *n)
{
	for (const xmlAttr *a = n->properties; a != NULL; a = a->next) {
		const char *ns = a->ns == NULL ? "" : (const char *)a->ns->href;
		const char *name = (const char *)a->name;
		char text[60];
		bool usual =
		    (n == w->j->root && *ns == '\0' &&
			strcmp(name, "id") == 0 &&
			w->j->q->profile->root_has_id) ||
		    (strcmp(ns, XSI_NS) == 0 &&
			(strcmp(name, "schemaLocation") == 0 ||
			    strcmp(name, "noNamespaceSchemaLocation") == 0));

		if (strcmp(ns, (const char *)XML_XML_NAMESPACE) == 0)
			continue;
		snprintf(text, sizeof text, "/@%s", name);
		if (add(w, UNCOVERED_ATTRIBUTE, usual, n, text) != 0)
			return -1;
	}
	return 0;
}

static bool
is_blank(const xmlNode *text)
{
	return text->content == NULL ||
	       text->content[strspn((const char *)text->content, " \t\r\n")] ==
		   '\0';
}

/* Parts of a filing signature that every signature has; what else it holds
 * is content. */
static bool
is_signature_part(const xmlNode *n)
{
	return dom_is(n, DSIG_NS, "SignedInfo") ||
	       dom_is(n, DSIG_NS, "SignatureValue") ||
	       dom_is(n, DSIG_NS, "KeyInfo");
}

/* The stylesheet of e-Gov's documents stands before the root, once. */
static int
instruction(struct walk *w, const xmlNode *n)
{
	char text[60];
	bool usual = w->j->q->profile->stylesheet && !w->stylesheet_seen &&
		     n->parent == (const xmlNode *)w->j->doc &&
		     strcmp((const char *)n->name, "xml-stylesheet") == 0;

	w->stylesheet_seen = w->stylesheet_seen || usual;
	snprintf(text, sizeof text, "/<?%s?>", (const char *)n->name);
	return add(w, UNCOVERED_INSTRUCTION, usual, n->parent, text);
}

/* One node below an element that is not digested.  *into: its children are
 * to be looked at as well. */
static int
look_at_element(struct walk *w, xmlNodePtr n, bool *into)
{
	bool signature = judge_filing_place(w->j, n);

	*into = false;
	if (has(&w->apexes, n))
		return 0;
	if (n->parent != NULL && n->parent->type == XML_ELEMENT_NODE &&
	    judge_filing_place(w->j, n->parent) && is_signature_part(n) &&
	    !has(&w->ancestors, n))
		return 0;
	*into = signature || judge_is_holder(w->j, n) || has(&w->ancestors, n);
	/* Id of a Signature; what it claims is told by itself. */
	if (*into)
		return signature ? 0 : attributes(w, n);
	return add(w, UNCOVERED_ELEMENT, is_unsigned_child(w, n), n, "");
}

static int
look_at(struct walk *w, xmlNodePtr n, bool *text_told, bool *into)
{
	*into = false;
	switch ((int)n->type) {
	case XML_ELEMENT_NODE:
		return look_at_element(w, n, into);
	case XML_PI_NODE:
		return instruction(w, n);
	case XML_TEXT_NODE:
	case XML_CDATA_SECTION_NODE:
		if (is_blank(n) || *text_told)
			return 0;
		*text_told = true;
		return add(w, UNCOVERED_TEXT, false, n->parent, "/text()");
	default: /* comments say nothing to a program */
		return 0;
	}
}

/* In document order, without recursion: the depth comes from outside. */
static int
walk_through(struct walk *w)
{
	xmlNodePtr top = (xmlNodePtr)w->j->doc, n = top->children;
	bool told = false, into;

	while (n != NULL) {
		if (look_at(w, n, &told, &into) != 0)
			return -1;
		if (into && n->children != NULL) {
			n = n->children;
			told = false;
			continue;
		}
		while (n != top && n->next == NULL) {
			n = n->parent;
			told = false;
		}
		if (n == top)
			break;
		n = n->next;
	}
	return 0;
}

int
judge_uncovered(const struct judge *j, xmlNodePtr *apexes, size_t count,
    struct coverage *out)
{
	struct walk w = {.j = j, .apexes = {apexes, count}, .out = out};
	int result = -1;

	if (count > 0)
		qsort(apexes, count, sizeof *apexes, by_address);
	if (gather_ancestors(&w) == 0)
		result = walk_through(&w);
	free(w.ancestors.nodes);
	return result;
}
