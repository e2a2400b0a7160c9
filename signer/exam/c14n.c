/*
 * The canonical form, written as the events come: nothing of the document is
 * kept but one start tag's names while they are sorted.  Comments never come
 * here.  Must stay byte for byte what libxml2's xmlC14NDocSaveTo gives for
 * the same element (the property test compares them).
 */
#include "signer/exam/c14n.h"

#include <stdlib.h>
#include <string.h>

#define OUT_SIZE (32 * 1024)

struct c14n {
	struct c14n_sink sink;
	bool failed;
	size_t len;
	struct scope_name *names;
	size_t name_cap;
	struct attribute *attributes;
	size_t attribute_cap;
	uint8_t out[OUT_SIZE];
};

struct c14n *
c14n_new(struct c14n_sink sink)
{
	struct c14n *c = malloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->sink = sink;
	c->failed = false;
	c->len = 0;
	c->names = NULL;
	c->name_cap = 0;
	c->attributes = NULL;
	c->attribute_cap = 0;
	return c;
}

void
c14n_free(struct c14n *c)
{
	if (c == NULL)
		return;
	free(c->names);
	free(c->attributes);
	free(c);
}

int
c14n_flush(struct c14n *c)
{
	size_t n = c->len;

	c->len = 0;
	if (c->failed)
		return -1;
	if (n > 0 && c->sink.write(c->sink.ctx, c->out, n) != 0) {
		c->failed = true;
		return -1;
	}
	return 0;
}

static int
put(struct c14n *c, const void *p, size_t n)
{
	if (n == 0)
		return 0;
	if (n > OUT_SIZE - c->len && c14n_flush(c) != 0)
		return -1;
	if (n > OUT_SIZE) {
		if (c->sink.write(c->sink.ctx, p, n) == 0)
			return 0;
		c->failed = true;
		return -1;
	}
	memcpy(c->out + c->len, p, n);
	c->len += n;
	return 0;
}

static int
puts_(struct c14n *c, const char *text)
{
	return put(c, text, strlen(text));
}

/* What a byte becomes in text and in an attribute value; NULL: itself. */
static const char *const text_escape[256] = {
    ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['\r'] = "&#xD;"};
static const char *const value_escape[256] = {['&'] = "&amp;",
    ['<'] = "&lt;",
    ['"'] = "&quot;",
    ['\t'] = "&#x9;",
    ['\n'] = "&#xA;",
    ['\r'] = "&#xD;"};
static const char *const pi_escape[256] = {['\r'] = "&#xD;"};

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Not 0 when one of the eight bytes is 0 (and perhaps when none is 0x80 or
 * more after such a one: it is only asked whether there is any). */
static uint64_t
zero_byte(uint64_t w)
{
	return (w - BYTES(1)) & ~w & BYTES(0x80);
}

/* How many bytes at p need no escape in text: whole words of them; long
 * texts are nearly all of this kind.  '<' and '>' differ in one bit. */
static size_t
plain_words(const uint8_t *p, size_t n)
{
	size_t i = 0;
	uint64_t w;

	for (; n - i >= sizeof w; i += sizeof w) {
		memcpy(&w, p + i, sizeof w);
		if ((zero_byte((w | BYTES(2)) ^ BYTES('>')) |
			zero_byte(w ^ BYTES('&')) |
			zero_byte(w ^ BYTES('\r'))) != 0)
			break;
	}
	return i;
}

static int
put_escaped(struct c14n *c, struct slice s, const char *const table[256])
{
	size_t from = 0;

	if (s.len == 0)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		const char *as = table[s.p[i]];

		if (as == NULL) {
			if (table == text_escape)
				i += plain_words(s.p + i, s.len - i);
			if (i == s.len || (as = table[s.p[i]]) == NULL)
				continue;
		}
		if (put(c, s.p + from, i - from) != 0 || puts_(c, as) != 0)
			return -1;
		from = i + 1;
	}
	return put(c, s.p + from, s.len - from);
}

int
c14n_text(struct c14n *c, struct slice text)
{
	return put_escaped(c, text, text_escape);
}

int
c14n_pi(struct c14n *c, const char *target, const char *data)
{
	if (puts_(c, "<?") != 0 || puts_(c, target) != 0)
		return -1;
	if (data != NULL && *data != '\0' &&
	    (puts_(c, " ") != 0 ||
		put_escaped(c, slice_str(data), pi_escape) != 0))
		return -1;
	return puts_(c, "?>");
}

static int
put_name(struct c14n *c, const char *prefix, const char *local)
{
	if (prefix != NULL && (puts_(c, prefix) != 0 || puts_(c, ":") != 0))
		return -1;
	return puts_(c, local);
}

/* Open, name and close in one go: most elements have nothing more. */
static int
put_tag(struct c14n *c, const char *open, const struct element *el,
    const char *close)
{
	size_t lead = strlen(open), name = strlen(el->local);
	size_t prefix = el->prefix == NULL ? 0 : strlen(el->prefix);
	size_t tail = strlen(close);
	uint8_t *to;

	if (lead + prefix + 1 + name + tail > OUT_SIZE - c->len)
		return puts_(c, open) != 0 ||
			       put_name(c, el->prefix, el->local) != 0
			   ? -1
			   : puts_(c, close);
	to = c->out + c->len;
	memcpy(to, open, lead);
	to += lead;
	if (prefix > 0) {
		memcpy(to, el->prefix, prefix);
		to += prefix;
		*to++ = ':';
	}
	memcpy(to, el->local, name);
	to += name;
	memcpy(to, close, tail);
	c->len = (size_t)(to + tail - c->out);
	return 0;
}

int
c14n_end(struct c14n *c, const struct element *el)
{
	return put_tag(c, "</", el, ">");
}

/* Makes room for `want` names or attributes; the content is not kept. */
static int
room(void **array, size_t *cap, size_t want, size_t size)
{
	void *p;

	if (want <= *cap)
		return 0;
	p = reallocarray(NULL, want, size);
	if (p == NULL)
		return -1;
	free(*array);
	*array = p;
	*cap = want;
	return 0;
}

static int
by_prefix(const void *a, const void *b)
{
	const struct scope_name *x = a, *y = b;

	return strcmp(x->prefix, y->prefix);
}

/* Namespace URI first (none sorts before all), then the local name. */
static int
by_expanded_name(const void *a, const void *b)
{
	const struct attribute *x = a, *y = b;
	int d =
	    strcmp(x->uri == NULL ? "" : x->uri, y->uri == NULL ? "" : y->uri);

	return d != 0 ? d : strcmp(x->local, y->local);
}

static bool
listed(const struct scope_name *names, size_t n, const char *prefix)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i].prefix, prefix) == 0)
			return true;
	return false;
}

/* The apex: everything in scope, innermost first, "" being undeclared. */
static size_t
names_of_apex(struct c14n *c, const struct scope *s)
{
	size_t n = 0, kept = 0;

	for (size_t i = s->count; i-- > 0;)
		if (!listed(c->names, n, s->names[i].prefix))
			c->names[n++] = s->names[i];
	for (size_t i = 0; i < n; i++)
		if (c->names[i].uri[0] != '\0')
			c->names[kept++] = c->names[i];
	return kept;
}

/* Elsewhere: own declarations that differ from what the parent has. */
static size_t
names_of_inner(struct c14n *c, const struct scope *s, const struct element *el)
{
	size_t n = 0;

	for (size_t i = s->count; i-- > 0 && s->names[i].depth == el->depth;) {
		const struct scope_name *own = &s->names[i];

		if (strcmp(own->uri, scope_find(s, own->prefix, el->depth)) !=
		    0)
			c->names[n++] = *own;
	}
	return n;
}

static int
put_namespaces(
    struct c14n *c, const struct scope *s, const struct element *el, bool apex)
{
	void *array = c->names;
	size_t n;

	if (!apex && el->namespace_count == 0)
		return 0;
	if (room(&array, &c->name_cap, s->count, sizeof *c->names) != 0)
		return -1;
	c->names = array;
	n = apex ? names_of_apex(c, s) : names_of_inner(c, s, el);
	if (n > 1)
		qsort(c->names, n, sizeof *c->names, by_prefix);
	for (size_t i = 0; i < n; i++) {
		const char *prefix = c->names[i].prefix;

		if (puts_(c, *prefix == '\0' ? " xmlns" : " xmlns:") != 0 ||
		    puts_(c, prefix) != 0 || puts_(c, "=\"") != 0 ||
		    put_escaped(c, slice_str(c->names[i].uri), value_escape) !=
			0 ||
		    puts_(c, "\"") != 0)
			return -1;
	}
	return 0;
}

static bool
has_attribute(const struct attribute *list, size_t n, const char *local)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].uri != NULL &&
		    strcmp(list[i].uri, ELEMENT_XML) == 0 &&
		    strcmp(list[i].local, local) == 0)
			return true;
	return false;
}

/* Adds the ancestors' xml:* attributes, nearest first; the new count. */
static size_t
inherit(struct c14n *c, const struct scope *s, size_t n)
{
	for (size_t i = s->attribute_count; i-- > 0;) {
		const struct scope_attribute *a = &s->attributes[i];

		if (has_attribute(c->attributes, n, a->local))
			continue;
		c->attributes[n++] = (struct attribute){
		    a->local, "xml", ELEMENT_XML, buf_view(&a->value)};
	}
	return n;
}

static int
put_attributes(
    struct c14n *c, const struct scope *s, const struct element *el, bool apex)
{
	size_t n = el->attribute_count;
	size_t want = n + (apex ? s->attribute_count : 0);
	void *array = c->attributes;

	if (room(&array, &c->attribute_cap, want, sizeof *c->attributes) != 0)
		return -1;
	c->attributes = array;
	for (size_t i = 0; i < n; i++)
		c->attributes[i] = element_attribute_at(el, i);
	if (apex)
		n = inherit(c, s, n);
	if (n > 1)
		qsort(
		    c->attributes, n, sizeof *c->attributes, by_expanded_name);
	for (size_t i = 0; i < n; i++) {
		const struct attribute *a = &c->attributes[i];

		if (puts_(c, " ") != 0 ||
		    put_name(c, a->prefix, a->local) != 0 ||
		    puts_(c, "=\"") != 0 ||
		    put_escaped(c, a->value, value_escape) != 0 ||
		    puts_(c, "\"") != 0)
			return -1;
	}
	return 0;
}

int
c14n_start(
    struct c14n *c, const struct scope *s, const struct element *el, bool apex)
{
	if (!apex && el->namespace_count == 0 && el->attribute_count == 0)
		return put_tag(c, "<", el, ">");
	if (put_tag(c, "<", el, "") != 0 ||
	    put_namespaces(c, s, el, apex) != 0 ||
	    put_attributes(c, s, el, apex) != 0)
		return -1;
	return puts_(c, ">");
}
