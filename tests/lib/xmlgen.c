/*
 * The generator of the canonicalisation property test.  It keeps track of
 * the namespaces in scope, so that every document it writes is well-formed
 * and namespace-well-formed; everything else is as odd as XML 1.0 allows.
 */
#include "tests/lib/xmlgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE_MAX 400

struct binding {
	const char *prefix, *uri;
};

struct gen {
	struct buf *out;
	const struct xmlgen_options *o;
	uint64_t state;
	struct binding scope[SCOPE_MAX];
	size_t count;
	unsigned depth, elements, apex_at;
	bool apex_done, in_apex;
};

static const char *const uris[] = {
    "urn:one", "urn:two", "http://example.test/y?a=1;b=2#c", "urn:one:"};
static const char *const prefixes[] = {"", "p", "q", "Q", "p1", "z-z"};
static const char *const locals[] = {"a", "b", "A", "abc", "_x", "x.y-z",
    "\xE6\xA7\x8B\xE6\x88\x90", "RSH0010", "aa"};
static const char *const names[] = {
    "a", "B", "b", "aa", "\xE5\xB1\x9E", "c.d", "IDX", "z"};
static const char *const text[] = {"a", "bc", " ", "  ", "\n", "\r\n", "\r",
    "\t", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#13;", "&#xD;", "&#9;",
    "&#10;", "&#x6F22;", "&#x20BB7;", "&#38;", "&#60;", "\"", "'",
    "\xE6\xBC\xA2\xE5\xAD\x97", "\xF0\xA0\xAE\xB7", "\xC2\xA0", "\xC2\x85",
    "\xE2\x80\xA8", "]]", "--", "?>", "/", "=", "&#x10FFFF;", "\xEF\xBB\xBF",
    "&#38;amp;", "\r\r\n", "\n\r", "&#13;\n", "]"};

uint64_t
xmlgen_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static unsigned
pick(struct gen *g, unsigned below)
{
	return (unsigned)(xmlgen_random(&g->state) % below);
}

#define ONE_OF(g, list) (list)[pick(g, sizeof(list) / sizeof *(list))]

static void
put(struct gen *g, const char *s)
{
	if (buf_puts(g->out, s) != 0)
		abort();
}

static void
blank(struct gen *g)
{
	static const char *const blanks[] = {
	    " ", "  ", "\n", "\r\n", "\t", " \r\n\t "};

	put(g, ONE_OF(g, blanks));
}

static const char *
bound(const struct gen *g, const char *prefix)
{
	for (size_t i = g->count; i-- > 0;)
		if (strcmp(g->scope[i].prefix, prefix) == 0)
			return g->scope[i].uri;
	return "";
}

/* An attribute value between quotes. */
static void
quoted(struct gen *g, bool id)
{
	const char *q = pick(g, 2) ? "\"" : "'";
	unsigned n = pick(g, 40) == 0 ? 300 : pick(g, 6);

	put(g, "=");
	put(g, q);
	if (id)
		put(g, "S");
	for (unsigned i = 0; !id && i < n; i++) {
		const char *piece = ONE_OF(g, text);

		if (strcmp(piece, q) != 0)
			put(g, piece);
	}
	put(g, q);
}

/* Declares up to three namespaces; g->count tells the scope before it. */
static void
declarations(struct gen *g)
{
	const char *done[3];
	unsigned n = pick(g, 4);

	for (unsigned i = 0; i < n && g->count < SCOPE_MAX; i++) {
		const char *prefix = ONE_OF(g, prefixes);
		const char *uri = ONE_OF(g, uris);
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again = again || strcmp(done[k], prefix) == 0;
		done[i] = prefix;
		if (again)
			continue;
		if (*prefix == '\0' && pick(g, 3) == 0)
			uri = "";
		blank(g);
		put(g, *prefix == '\0' ? "xmlns" : "xmlns:");
		put(g, prefix);
		put(g, pick(g, 4) ? "=\"" : " = '");
		put(g, uri);
		put(g, g->out->p[g->out->len - strlen(uri) - 1] == '"' ? "\""
								       : "'");
		g->scope[g->count++] = (struct binding){prefix, uri};
	}
}

/* A prefix with a namespace; "" always works. */
static const char *
usable(struct gen *g)
{
	const char *prefix = ONE_OF(g, prefixes);

	return *bound(g, prefix) == '\0' ? "" : prefix;
}

static void
attributes(struct gen *g, bool apex)
{
	static const char *const inherited[] = {
	    "xml:lang", "xml:space", "xml:base", "xml:q"};
	struct binding done[8];
	unsigned n = pick(g, 5);

	for (unsigned i = 0; i < n; i++) {
		const char *prefix = usable(g), *local = ONE_OF(g, names);
		bool again = false;

		if (pick(g, 4) == 0) {
			local = ONE_OF(g, inherited);
			prefix = "";
		}
		done[i] = (struct binding){
		    local, *prefix == '\0' ? "" : bound(g, prefix)};
		for (unsigned k = 0; k < i; k++)
			again =
			    again || (strcmp(done[k].prefix, local) == 0 &&
					 strcmp(done[k].uri, done[i].uri) == 0);
		if (again)
			continue;
		blank(g);
		put(g, prefix);
		put(g, *prefix == '\0' ? "" : ":");
		put(g, local);
		quoted(g, false);
	}
	if (apex && g->o->flat_apex) {
		put(g, " id");
		quoted(g, true);
	}
}

static void
cdata(struct gen *g)
{
	static const char *const inner[] = {"<x>", "&amp;", "\r\n", "\r", "]",
	    "]]", "a", "\xE6\xBC\xA2", ">", "\n", "\xF0\xA0\xAE\xB7"};
	unsigned n = pick(g, 6);
	bool brackets = false;

	put(g, "<![CDATA[");
	for (unsigned i = 0; i < n; i++) {
		const char *piece = ONE_OF(g, inner);

		/* "]]" and ">" must not meet here. */
		if (*piece == '>' && brackets)
			continue;
		put(g, piece);
		brackets = *piece == ']' || (brackets && *piece == ']');
	}
	put(g, "]]>");
}

static void
instruction(struct gen *g)
{
	static const char *const list[] = {"<?pi?>", "<?pi  a b?>",
	    "<?x-y <&\r\n>?>", "<?q \xE6\xBC\xA2?>", "<?a ?\?>"};

	put(g, ONE_OF(g, list));
}

static void
comment(struct gen *g)
{
	static const char *const list[] = {
	    "<!---->", "<!-- <S/> &x; -->", "<!--\r\n- \xE6\xBC\xA2-->"};

	if (!g->o->no_comments)
		put(g, ONE_OF(g, list));
}

static void
some_text(struct gen *g)
{
	unsigned n = pick(g, 60) == 0 ? 4000 : 1 + pick(g, 8);
	bool brackets = false;

	for (unsigned i = 0; i < n; i++) {
		const char *piece = ONE_OF(g, text);

		if (brackets && strchr(piece, '>') != NULL)
			continue;
		put(g, piece);
		brackets = *piece == ']';
	}
	/* "]]" at the end and a '>' written next would be "]]>". */
	if (brackets)
		put(g, " ");
}

static void
long_text(struct gen *g)
{
	static const char *const kinds[] = {"plain text ", "a&amp;", "line\r\n",
	    "\xE6\xBC\xA2\xE5\xAD\x97", "QUJDREVGR0hJSktMTU5PUFFS",
	    "cdata]\r\n"};
	const char *piece = kinds[g->o->kind % 6];
	size_t until = g->out->len + g->o->long_text;

	put(g, g->o->kind == 5 ? "<![CDATA[" : "");
	while (g->out->len < until)
		put(g, piece);
	put(g, g->o->kind == 5 ? "]]>" : "");
}

static void element(struct gen *g);

static void
content(struct gen *g, bool apex)
{
	unsigned n = g->depth > 12 ? 1 : 1 + pick(g, 6);

	if (apex && g->o->long_text > 0)
		long_text(g);
	for (unsigned i = 0; i < n; i++) {
		unsigned what = pick(g, 12);

		if (what < 5 && g->elements < 150 && g->depth < 40)
			element(g);
		else if (what == 5)
			cdata(g);
		else if (what == 6)
			instruction(g);
		else if (what == 7)
			comment(g);
		else
			some_text(g);
	}
}

static void
end_tag(struct gen *g, const char *prefix, const char *local)
{
	put(g, "</");
	put(g, prefix);
	put(g, *prefix == '\0' ? "" : ":");
	put(g, local);
	if (pick(g, 8) == 0)
		blank(g);
	put(g, ">");
}

static bool
is_apex(const struct gen *g)
{
	if (g->apex_done)
		return false;
	if (g->o->apex_is_root)
		return g->depth == 1;
	if (g->o->flat_apex)
		return g->depth == 2;
	return g->depth > 1 && g->elements >= g->apex_at;
}

static void
element(struct gen *g)
{
	size_t before = g->count, at = g->out->len;
	const char *local, *prefix;
	bool apex;

	g->depth++;
	g->elements++;
	apex = is_apex(g);
	g->apex_done = g->apex_done || apex;
	local = apex ? "S" : ONE_OF(g, locals);
	/* The prefix may be one that this very tag declares: so the name is
	 * written last. */
	declarations(g);
	prefix = usable(g);
	attributes(g, apex);
	{
		struct buf rest = {0};

		if (buf_append(&rest, g->out->p + at, g->out->len - at) != 0)
			abort();
		g->out->len = at;
		put(g, "<");
		put(g, prefix);
		put(g, *prefix == '\0' ? "" : ":");
		put(g, local);
		if (buf_slice(g->out, buf_view(&rest)) != 0)
			abort();
		buf_free(&rest);
	}
	if (pick(g, 6) == 0)
		blank(g);
	if (!apex && g->depth > 1 && pick(g, 5) == 0) {
		put(g, "/>");
	} else {
		put(g, ">");
		content(g, apex);
		/* The apex is still owed: it becomes the root's last child. */
		if (g->depth == 1 && !g->apex_done) {
			g->apex_at = 0;
			element(g);
		}
		end_tag(g, prefix, local);
	}
	g->count = before;
	g->depth--;
}

static void
outside(struct gen *g)
{
	if (g->o->bare)
		return;
	for (unsigned i = pick(g, 3); i > 0; i--) {
		if (pick(g, 2))
			comment(g);
		else
			instruction(g);
		put(g, pick(g, 2) ? "\r\n" : "\n");
	}
}

void
xmlgen_document(struct buf *out, uint64_t seed, const struct xmlgen_options *o)
{
	static const char *const declarations_[] = {"",
	    "<?xml version=\"1.0\"?>",
	    "<?xml version='1.0' encoding='UTF-8'?>\n",
	    "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"no\"?>\r\n",
	    "\xEF\xBB\xBF",
	    ("\xEF\xBB\xBF<?xml version=\"1.0\" "
	     "encoding=\"UTF-8\" ?>")};
	struct gen g = {.out = out,
	    .o = o,
	    .state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};

	for (int i = 0; i < 8; i++)
		xmlgen_random(&g.state);
	g.apex_at = 2 + pick(&g, 25);
	put(&g, ONE_OF(&g, declarations_));
	outside(&g);
	element(&g);
	outside(&g);
}
