/*
 * What the unlocked seal may sign.  There is no XML parser here: the bytes
 * must be exactly those that natsuin's own SignedInfo has once it is
 * canonical, and differ only where the table below says so: inherited
 * namespaces, the referenced name, the digest.  Anything else, be it valid
 * XML or not, is refused.  Nothing is allocated and nothing is read beyond
 * the given bytes.
 */
#include "signer/key/template.h"

#include "base/text.h"

#include <string.h>

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define ENVELOPED DSIG "enveloped-signature"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"

#define MAX_NAMESPACES 256
#define MAX_VALUE 2048
#define MAX_NAME 255
#define DIGEST_CHARS 44 /* base64 of 32 bytes */

/* The unread rest of the bytes. */
struct cursor {
	const uint8_t *p;
	size_t len;
};

struct template
{
	const char *format;
	const char *prefix;        /* of the dsig namespace; "" = default */
	const char *transforms[3]; /* of the first Reference, NULL ends */
	bool (*first)(struct slice uri);
	bool (*further)(struct slice uri); /* NULL: exactly one Reference */
};

static bool
upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
letter(uint8_t c)
{
	return upper(c) || (c >= 'a' && c <= 'z');
}

/* e-Tax procedure codes: RSH0010, RKO0010, RHO0012, … */
static bool
procedure_uri(struct slice uri)
{
	if (uri.len != 8 || uri.p[0] != '#')
		return false;
	return upper(uri.p[1]) && upper(uri.p[2]) && upper(uri.p[3]) &&
	       digit(uri.p[4]) && digit(uri.p[5]) && digit(uri.p[6]) &&
	       digit(uri.p[7]);
}

/* The id of a form at the root: any plain name that is no procedure's. */
static bool
form_uri(struct slice uri)
{
	if (uri.len < 2 || uri.len > 81 || uri.p[0] != '#')
		return false;
	if (!letter(uri.p[1]) && uri.p[1] != '_')
		return false;
	for (size_t i = 2; i < uri.len; i++) {
		uint8_t c = uri.p[i];

		if (!letter(c) && !digit(c) && c != '_' && c != '-' && c != '.')
			return false;
	}
	return !procedure_uri(uri);
}

/* '#' and 構成情報, percent-encoded with upper-case digits. */
static bool
kousei_uri(struct slice uri)
{
	return slice_eq_str(uri, "#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1");
}

static int
hex_value(uint8_t c)
{
	if (digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
unreserved(uint8_t c)
{
	return letter(c) || digit(c) || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

/* Decodes one byte of a Reference to a file; false for anything that the
 * encoder would have written otherwise or that must not be in a name. */
static bool
name_byte(struct slice uri, size_t *at, uint8_t *out)
{
	int high, low;

	if (unreserved(uri.p[*at])) {
		*out = uri.p[(*at)++];
		return true;
	}
	if (uri.p[*at] != '%' || uri.len - *at < 3)
		return false;
	high = hex_value(uri.p[*at + 1]);
	low = hex_value(uri.p[*at + 2]);
	if (high < 0 || low < 0)
		return false;
	*at += 3;
	*out = (uint8_t)(high << 4 | low);
	return *out > 0x20 && *out != 0x7F && !unreserved(*out) &&
	       memchr("/\\%#?&+:<>\"|*", *out, 13) == NULL;
}

/* A member file by its bare name, as e-Gov references it. */
static bool
file_uri(struct slice uri)
{
	uint8_t name[MAX_NAME];
	size_t at = 0, n = 0;

	while (at < uri.len) {
		if (n == sizeof name || !name_byte(uri, &at, &name[n]))
			return false;
		n++;
	}
	return n > 0 && name[0] != '.' && text_is_utf8(slice_of(name, n));
}

/* The formats; sources of each row: facts of e-Tax §1 and e-Gov §1.3, §1.4
 * as told in docs/DESIGN-keyholder.md. */
static const struct template templates[] = {
    {"etax", "dsig:", {C14N}, procedure_uri, NULL},
    {"etax-form", "dsig:", {ENVELOPED, C14N}, form_uri, NULL},
    {"egov", "", {C14N}, kousei_uri, file_uri},
};

static bool
literal(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	if (c->len < n || memcmp(c->p, text, n) != 0)
		return false;
	c->p += n;
	c->len -= n;
	return true;
}

/* Takes bytes up to `end`, which stays; at most `most` of them. */
static bool
until(struct cursor *c, uint8_t end, size_t most, struct slice *out)
{
	size_t limit = c->len < most + 1 ? c->len : most + 1;
	const uint8_t *at = limit == 0 ? NULL : memchr(c->p, end, limit);

	if (at == NULL)
		return false;
	*out = slice_of(c->p, (size_t)(at - c->p));
	c->p += out->len;
	c->len -= out->len;
	return true;
}

/* `<prefix:name` or `</prefix:name`. */
static bool
tag(struct cursor *c, const char *open, const char *prefix, const char *name)
{
	return literal(c, open) && literal(c, prefix) && literal(c, name);
}

static bool
start(struct cursor *c, const char *prefix, const char *name)
{
	return tag(c, "<", prefix, name) && literal(c, ">");
}

static bool
end(struct cursor *c, const char *prefix, const char *name)
{
	return tag(c, "</", prefix, name) && literal(c, ">");
}

/* An element that has only an Algorithm, in canonical form. */
static bool
method(struct cursor *c, const char *prefix, const char *name, const char *uri)
{
	return tag(c, "<", prefix, name) && literal(c, " Algorithm=\"") &&
	       literal(c, uri) && literal(c, "\">") && end(c, prefix, name);
}

/* U+FFFE and U+FFFF are no characters of XML. */
static bool
noncharacter(const struct cursor *c)
{
	return c->len >= 3 && c->p[0] == 0xEF && c->p[1] == 0xBF &&
	       c->p[2] >= 0xBE;
}

/* An attribute value as C14N writes it: only these references, no raw '<'
 * or white space but the space. */
static bool
canonical_value(struct slice v)
{
	static const char *const references[] = {
	    "&amp;", "&lt;", "&quot;", "&#x9;", "&#xA;", "&#xD;", NULL};
	struct cursor c = {v.p, v.len};

	while (c.len > 0) {
		const char *const *r = references;

		if (c.p[0] == '<' || c.p[0] < 0x20 || noncharacter(&c))
			return false;
		if (c.p[0] != '&') {
			c.p++;
			c.len--;
			continue;
		}
		while (*r != NULL && !literal(&c, *r))
			r++;
		if (*r == NULL)
			return false;
	}
	return true;
}

static bool
ncname(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];
		bool first_ok = letter(c) || c == '_' || c >= 0x80;

		if (!first_ok &&
		    (i == 0 || (!digit(c) && c != '-' && c != '.')))
			return false;
	}
	return s.len > 0;
}

static bool
less(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order < 0 || (order == 0 && a.len < b.len);
}

static struct slice
without(struct slice s, size_t n)
{
	return slice_of(s.p + n, s.len - n);
}

/* What the apex start tag has shown so far. */
struct apex {
	struct slice last; /* prefix, or name of an xml: attribute */
	bool any;          /* a declaration was seen */
	bool attributes;   /* xml: attributes have begun */
	bool dsig;         /* the signature's namespace is bound as it must */
};

/* An absolute URI without characters that canonical XML would escape: the
 * reader of documents lets no others through (libxml2's own canonical form
 * is wrong for them). */
static bool
namespace_uri(struct slice v)
{
	size_t n = 0;

	while (n < v.len && (letter(v.p[n]) ||
				(n > 0 && (digit(v.p[n]) || v.p[n] == '+' ||
					      v.p[n] == '-' || v.p[n] == '.'))))
		n++;
	return n > 0 && n < v.len && v.p[n] == ':' &&
	       memchr(v.p, '&', v.len) == NULL;
}

/* A namespace declaration: the default first, then by prefix. */
static bool
declaration(struct apex *x, const char *want, struct slice name, struct slice v)
{
	struct slice prefix = slice_of(name.p + 5, 0);

	if (x->attributes || !namespace_uri(v))
		return false;
	if (name.len > 5) {
		prefix = without(name, 6);
		if (!ncname(prefix) || slice_eq_str(prefix, "xml") ||
		    slice_eq_str(prefix, "xmlns"))
			return false;
	}
	if (x->any && !less(x->last, prefix))
		return false;
	x->any = true;
	x->last = prefix;
	if (slice_eq_str(prefix, want)) {
		x->dsig = slice_eq_str(v, DSIG);
		return x->dsig;
	}
	return true;
}

/* An xml:* attribute of an ancestor (xml:lang, …): C14N 1.0 writes them at
 * the apex of a part of a document, in order, after the namespaces. */
static bool
inherited(struct apex *x, struct slice name)
{
	if (!slice_starts(name, "xml:") || !ncname(without(name, 4)) ||
	    (x->attributes && !less(x->last, name)))
		return false;
	x->attributes = true;
	x->last = name;
	return true;
}

static bool
apex_item(struct cursor *c, struct apex *x, const char *want)
{
	struct slice name, value;

	if (!until(c, '=', MAX_NAME, &name) || !literal(c, "=\"") ||
	    !until(c, '"', MAX_VALUE, &value) || !literal(c, "\"") ||
	    !canonical_value(value))
		return false;
	if (slice_eq_str(name, "xmlns") || slice_starts(name, "xmlns:"))
		return declaration(x, want, name, value);
	return inherited(x, name);
}

/* `<SignedInfo …>` with what it inherits, in canonical order. */
static bool
apex(struct cursor *c, const char *prefix)
{
	char want[16] = {0};
	struct apex x = {0};

	memcpy(want, prefix, strcspn(prefix, ":"));
	if (!tag(c, "<", prefix, "SignedInfo"))
		return false;
	for (unsigned i = 0; i <= MAX_NAMESPACES && literal(c, " "); i++)
		if (!apex_item(c, &x, want))
			return false;
	return x.dsig && literal(c, ">");
}

/* Base64 of exactly 32 bytes, as an encoder writes it: the four bits that
 * do not count are zero. */
static bool
sha256_text(struct slice v)
{
	static const char last[] = "AEIMQUYcgkosw048";

	if (v.len != DIGEST_CHARS || v.p[DIGEST_CHARS - 1] != '=')
		return false;
	for (size_t i = 0; i < DIGEST_CHARS - 1; i++)
		if (!letter(v.p[i]) && !digit(v.p[i]) && v.p[i] != '+' &&
		    v.p[i] != '/')
			return false;
	return memchr(last, v.p[DIGEST_CHARS - 2], sizeof last - 1) != NULL;
}

static bool
transforms(struct cursor *c, const char *prefix, const char *const *list)
{
	if (!start(c, prefix, "Transforms"))
		return false;
	for (; *list != NULL; list++)
		if (!method(c, prefix, "Transform", *list))
			return false;
	return end(c, prefix, "Transforms");
}

/* One Reference, with transforms (the first) or without. */
static bool
reference(struct cursor *c, const struct template *t, bool first,
    struct template_reference *r)
{
	const char *p = t->prefix;

	if (!tag(c, "<", p, "Reference") || !literal(c, " URI=\"") ||
	    !until(c, '"', 3 * MAX_NAME, &r->uri) || !literal(c, "\">") ||
	    !(first ? t->first : t->further)(r->uri))
		return false;
	if (first && !transforms(c, p, t->transforms))
		return false;
	return method(c, p, "DigestMethod", SHA256) &&
	       start(c, p, "DigestValue") &&
	       until(c, '<', DIGEST_CHARS, &r->digest) &&
	       sha256_text(r->digest) && end(c, p, "DigestValue") &&
	       end(c, p, "Reference");
}

static bool
named_before(const struct template_match *m, struct slice uri)
{
	for (size_t i = 0; i < m->count; i++)
		if (slice_eq(m->reference[i].uri, uri))
			return true;
	return false;
}

static bool
match_one(struct cursor c, const struct template *t, const struct algorithm *a,
    struct template_match *m)
{
	const char *p = t->prefix;

	m->algorithm = a;
	m->format = t->format;
	m->count = 0;
	if (!apex(&c, p) || !method(&c, p, "CanonicalizationMethod", C14N) ||
	    !method(&c, p, "SignatureMethod", a->method))
		return false;
	do {
		struct template_reference r;

		if (m->count == TEMPLATE_MAX_REFERENCES ||
		    !reference(&c, t, m->count == 0, &r) ||
		    named_before(m, r.uri))
			return false;
		m->reference[m->count++] = r;
	} while (t->further != NULL && c.len > 1 && c.p[1] != '/');
	return end(&c, p, "SignedInfo") && c.len == 0;
}

int
template_match(struct slice signed_info, enum sign_algorithm id,
    struct template_match *m, struct err *e)
{
	const struct algorithm *a = algorithm_find(id);
	struct cursor c = {signed_info.p, signed_info.len};

	m->format = NULL;
	m->count = 0;
	m->algorithm = NULL;
	if (a == NULL)
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "algorithm %d", (int)id);
	if (signed_info.len <= TEMPLATE_MAX_BYTES && text_is_utf8(signed_info))
		for (size_t i = 0; i < sizeof templates / sizeof *templates;
		     i++)
			if (match_one(c, &templates[i], a, m))
				return 0;
	m->format = NULL;
	m->algorithm = NULL;
	m->count = 0;
	return err_set(
	    e, ERR_INPUT, "not-a-signedinfo", "%zu bytes", signed_info.len);
}
