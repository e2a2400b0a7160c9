/*
 * What the key signs.  Text and canonical form come from the same bytes; the
 * start tag's canonical form comes from the streaming C14N itself, so there
 * is one implementation of its rules.
 */
#include "signer/exam/signedinfo.h"

#include "base/text.h"
#include "signer/exam/c14n.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_URI "http://www.w3.org/2001/04/xmlenc#sha256"

/* Writes with a namespace prefix; `failed` sticks. */
struct writer {
	struct buf *out;
	const char *prefix;
	bool failed;
};

static void
raw(struct writer *w, const char *text)
{
	if (buf_puts(w->out, text) != 0)
		w->failed = true;
}

static void
tag(struct writer *w, const char *open, const char *local)
{
	raw(w, open);
	raw(w, w->prefix);
	if (w->prefix[0] != '\0')
		raw(w, ":");
	raw(w, local);
}

static void
start(struct writer *w, const char *local)
{
	tag(w, "<", local);
	raw(w, ">");
}

static void
end(struct writer *w, const char *local)
{
	tag(w, "</", local);
	raw(w, ">");
}

/* An attribute value as C14N writes it, which any parser reads back. */
static void
value(struct writer *w, const char *text)
{
	static const struct {
		char c;
		const char *as;
	} escape[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'"', "&quot;"},
	    {'\t', "&#x9;"}, {'\n', "&#xA;"}, {'\r', "&#xD;"}};

	for (; *text != '\0'; text++) {
		const char *as = NULL;

		for (size_t i = 0; i < sizeof escape / sizeof *escape; i++)
			if (escape[i].c == *text)
				as = escape[i].as;
		if (as != NULL)
			raw(w, as);
		else if (buf_putc(w->out, (uint8_t)*text) != 0)
			w->failed = true;
	}
}

/* <p:local name="v"></p:local> */
static void
empty(struct writer *w, const char *local, const char *name, const char *v)
{
	tag(w, "<", local);
	raw(w, " ");
	raw(w, name);
	raw(w, "=\"");
	value(w, v);
	raw(w, "\">");
	end(w, local);
}

static void
base64(struct writer *w, const char *local, struct slice bytes)
{
	start(w, local);
	if (text_base64(w->out, bytes) != 0)
		w->failed = true;
	end(w, local);
}

static void
reference(struct writer *w, const struct signedinfo_reference *r)
{
	tag(w, "<", "Reference");
	raw(w, " URI=\"");
	value(w, r->uri);
	raw(w, "\">");
	if (r->enveloped || r->c14n) {
		start(w, "Transforms");
		if (r->enveloped)
			empty(w, "Transform", "Algorithm",
			    ELEMENT_DSIG "enveloped-signature");
		if (r->c14n)
			empty(w, "Transform", "Algorithm", C14N_URI);
		end(w, "Transforms");
	}
	empty(w, "DigestMethod", "Algorithm", SHA256_URI);
	base64(w, "DigestValue", slice_of(r->digest, sizeof r->digest));
	end(w, "Reference");
}

static int
sink(void *ctx, const void *p, size_t n)
{
	return buf_append(ctx, p, n);
}

/* The canonical start tag, as for an element read at that place. */
static int
canonical_start(
    const char *prefix, const struct scope *inherited, struct buf *out)
{
	struct element el = {.local = "SignedInfo",
	    .prefix = prefix[0] == '\0' ? NULL : prefix,
	    .uri = ELEMENT_DSIG,
	    .depth = 2};
	struct c14n *c = c14n_new((struct c14n_sink){sink, out});
	struct scope here = {0};
	int result = -1;

	if (c != NULL && scope_copy(&here, inherited) == 0 &&
	    scope_declare(&here, prefix, ELEMENT_DSIG, 1) == 0 &&
	    c14n_start(c, &here, &el, true) == 0)
		result = c14n_flush(c);
	scope_free(&here);
	c14n_free(c);
	return result;
}

int
signedinfo_write(const char *prefix, const struct signedinfo_reference *refs,
    size_t count, const struct scope *inherited, struct buf *text,
    struct buf *canonical)
{
	struct writer w = {text, prefix, false};
	size_t body;

	buf_reset(text);
	buf_reset(canonical);
	start(&w, "SignedInfo");
	body = text->len;
	empty(&w, "CanonicalizationMethod", "Algorithm", C14N_URI);
	empty(&w, "SignatureMethod", "Algorithm",
	    algorithm_find(SIGN_RSA_SHA256)->method);
	for (size_t i = 0; i < count; i++)
		reference(&w, &refs[i]);
	end(&w, "SignedInfo");
	if (w.failed || canonical_start(prefix, inherited, canonical) != 0)
		return -1;
	return buf_append(canonical, text->p + body, text->len - body);
}

/* Where the value of SignatureMethod's Algorithm stands.  No attribute value
 * before it has a quote in it, so its name is found nowhere else first. */
static bool
find_method(struct slice s, size_t *from, size_t *to)
{
	static const char name[] = "SignatureMethod Algorithm=\"";
	const uint8_t *at = NULL, *quote;

	if (s.len > 0)
		at = memmem(s.p, s.len, name, sizeof name - 1);
	if (at == NULL)
		return false;
	*from = (size_t)(at - s.p) + sizeof name - 1;
	quote = memchr(s.p + *from, '"', s.len - *from);
	*to = quote == NULL ? 0 : (size_t)(quote - s.p);
	return quote != NULL;
}

int
signedinfo_for(
    const struct algorithm *a, struct slice signed_info, struct buf *out)
{
	size_t from, to;

	buf_reset(out);
	if (!find_method(signed_info, &from, &to))
		return buf_slice(out, signed_info);
	return buf_append(out, signed_info.p, from) == 0 &&
		       buf_puts(out, a->method) == 0 &&
		       buf_append(
			   out, signed_info.p + to, signed_info.len - to) == 0
		   ? 0
		   : -1;
}

static int
by_bytes(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	int d = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

	return d != 0 ? d : (x->len > y->len) - (x->len < y->len);
}

int
signedinfo_duplicate(const struct signedinfo_reference *refs, size_t count,
    uint8_t key[FINDINGS_SHA256])
{
	struct buf *lines = calloc(count == 0 ? 1 : count, sizeof *lines);
	struct buf all = {0};
	int result = lines == NULL ? -1 : 0;

	for (size_t i = 0; result == 0 && i < count; i++)
		if (buf_printf(&lines[i], "%s\n", refs[i].uri) != 0 ||
		    text_base64(&lines[i],
			slice_of(refs[i].digest, FINDINGS_SHA256)) != 0 ||
		    buf_putc(&lines[i], '\n') != 0)
			result = -1;
	if (result == 0)
		qsort(lines, count, sizeof *lines, by_bytes);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = buf_slice(&all, buf_view(&lines[i]));
	if (result == 0)
		SHA256(all.p, all.len, key);
	for (size_t i = 0; lines != NULL && i < count; i++)
		buf_free(&lines[i]);
	free(lines);
	buf_free(&all);
	return result;
}

int
signedinfo_signature(struct buf *out, const char *prefix, const char *id,
    struct slice signed_info, struct slice sig, struct slice certificate)
{
	struct writer w = {out, prefix, false};

	tag(&w, "<", "Signature");
	raw(&w, " xmlns");
	if (prefix[0] != '\0')
		raw(&w, ":");
	raw(&w, prefix);
	raw(&w, "=\"" ELEMENT_DSIG "\" Id=\"");
	value(&w, id);
	raw(&w, "\">");
	if (buf_slice(out, signed_info) != 0)
		w.failed = true;
	base64(&w, "SignatureValue", sig);
	start(&w, "KeyInfo");
	start(&w, "X509Data");
	base64(&w, "X509Certificate", certificate);
	end(&w, "X509Data");
	end(&w, "KeyInfo");
	end(&w, "Signature");
	return w.failed ? -1 : 0;
}
