/*
 * The strict reader of a Signature element.  It stands in front of xmlsec: a
 * signature that uses anything but the few algorithms and shapes of the
 * filing formats is named and never handed on, so that no transform that
 * runs programs, fetches files or selects nodes by expression is reached.
 */
#include "signer/exam/dsig.h"

#include "base/text.h"
#include "signer/exam/dom.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* code: 2 of dsig_problem */
int
dsig_problem(struct verify_signature *s, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (s->found.problem[0] != '\0')
		return -1;
	snprintf(s->found.problem, sizeof s->found.problem, "%s", code);
	va_start(ap, fmt);
	vsnprintf(s->found.detail, sizeof s->found.detail, fmt, ap);
	va_end(ap);
	return -1;
}

/* For showing: a text that is too long is cut. */
static void
show(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%.*s", (int)size - 1, text);
}

static int
shape(struct verify_signature *s, const xmlNode *n)
{
	return dsig_problem(s, "signature-shape", "%s, line %ld",
	    n == NULL ? "Signature" : (const char *)n->name,
	    n == NULL ? 0L : xmlGetLineNo(n));
}

/* Comments and processing instructions are seen by one reader and not by
 * another; in what is signed there is no place for them. */
static bool
only_elements_and_text(const xmlNode *top)
{
	for (const xmlNode *n = top->children; n != NULL; n = dom_next(n, top))
		if (n->type != XML_ELEMENT_NODE && n->type != XML_TEXT_NODE &&
		    n->type != XML_CDATA_SECTION_NODE)
			return false;
	return true;
}

/* Reads the Algorithm of `n`, which must be the element `name` and, where
 * `empty`, have no child elements. */
static int
algorithm(const xmlNode *n, const char *name, bool empty, char *out,
    size_t size, struct verify_signature *s)
{
	if (!dom_is(n, DSIG_NS, name) ||
	    dom_attribute_text(n, "Algorithm", out, size) != 0 ||
	    (empty && dom_first_child(n) != NULL))
		return shape(s, n);
	return 0;
}

static int
not_allowed(struct verify_signature *s, const char *uri)
{
	return dsig_problem(s, "signature-algorithm", "%s", uri);
}

static int
hash_allowed(const char *uri, const char *strong, const char *legacy,
    bool allow_legacy, struct dsig *d, struct verify_signature *s)
{
	if (strcmp(uri, strong) == 0)
		return 0;
	if (strcmp(uri, legacy) != 0)
		return not_allowed(s, uri);
	d->legacy = s->found.legacy = true;
	if (allow_legacy)
		return 0;
	return dsig_problem(s, "signature-legacy", "%s", uri);
}

static int
read_transforms(
    const xmlNode *list, struct dsig_reference *r, struct verify_signature *s)
{
	char uri[200];
	unsigned n = 0;

	for (xmlNodePtr t = dom_first_child(list); t != NULL;
	     t = dom_next_sibling(t), n++) {
		if (algorithm(t, "Transform", true, uri, sizeof uri, s) != 0)
			return -1;
		if (n == 0 && strcmp(uri, DSIG_ENVELOPED) == 0)
			r->enveloped = true;
		else if (strcmp(uri, DSIG_C14N) != 0 || n > 1 ||
			 (n == 1 && !r->enveloped))
			return not_allowed(s, uri);
	}
	if (n == 0)
		return shape(s, list);
	r->transforms = true;
	return 0;
}

static struct verify_reference *
add_reference(const xmlNode *n, struct verify_signature *s)
{
	struct verify_reference *grown, *v;

	if (s->reference_count >= VERIFY_REFERENCES_MAX) {
		shape(s, n);
		return NULL;
	}
	grown =
	    reallocarray(s->references, s->reference_count + 1, sizeof *grown);
	if (grown == NULL) {
		dsig_problem(s, "out-of-memory", "%s", "");
		return NULL;
	}
	s->references = grown;
	v = &grown[s->reference_count++];
	memset(v, 0, sizeof *v);
	v->member = -1;
	return v;
}

static int
read_reference(
    xmlNodePtr n, bool allow_legacy, struct dsig *d, struct verify_signature *s)
{
	struct dsig_reference *r = &d->references[s->reference_count];
	struct verify_reference *v;
	xmlNodePtr c = dom_first_child(n);
	char uri[200];

	if (!dom_is(n, DSIG_NS, "Reference"))
		return shape(s, n);
	v = add_reference(n, s);
	if (v == NULL)
		return -1;
	r->node = n;
	r->has_uri = dom_attribute(n, "URI") != NULL;
	if (dom_attribute_text(n, "URI", v->uri, sizeof v->uri) != 0)
		return shape(s, n);
	if (s->reference_count == 1)
		show(s->found.reference, sizeof s->found.reference, v->uri);
	if (c != NULL && dom_is(c, DSIG_NS, "Transforms")) {
		if (read_transforms(c, r, s) != 0)
			return -1;
		c = dom_next_sibling(c);
	}
	if (algorithm(c, "DigestMethod", true, uri, sizeof uri, s) != 0)
		return -1;
	if (s->digest[0] == '\0')
		show(s->digest, sizeof s->digest, uri);
	v->legacy = strcmp(uri, DSIG_SHA1) == 0;
	if (hash_allowed(uri, DSIG_SHA256, DSIG_SHA1, allow_legacy, d, s) != 0)
		return -1;
	c = dom_next_sibling(c);
	if (!dom_is(c, DSIG_NS, "DigestValue") || dom_next_sibling(c) != NULL)
		return shape(s, n);
	return 0;
}

static int
read_signed_info(bool allow_legacy, struct dsig *d, struct verify_signature *s)
{
	xmlNodePtr n = dom_first_child(d->signed_info);
	char uri[200];

	if (!only_elements_and_text(d->signed_info) || n == NULL)
		return shape(s, d->signed_info);
	if (algorithm(n, "CanonicalizationMethod", true, uri, sizeof uri, s) !=
	    0)
		return -1;
	if (strcmp(uri, DSIG_C14N) != 0)
		return not_allowed(s, uri);
	n = dom_next_sibling(n);
	if (n == NULL ||
	    algorithm(n, "SignatureMethod", true, uri, sizeof uri, s) != 0)
		return shape(s, d->signed_info);
	show(s->found.method, sizeof s->found.method, uri);
	d->ecdsa = strcmp(uri, DSIG_ECDSA_SHA384) == 0;
	if (!d->ecdsa && hash_allowed(uri, DSIG_RSA_SHA256, DSIG_RSA_SHA1,
			     allow_legacy, d, s) != 0)
		return -1;
	for (n = dom_next_sibling(n); n != NULL; n = dom_next_sibling(n))
		if (read_reference(n, allow_legacy, d, s) != 0)
			return -1;
	return s->reference_count > 0 ? 0 : shape(s, d->signed_info);
}

static int
decode(const xmlNode *n, struct buf *out, struct verify_signature *s)
{
	xmlChar *text = xmlNodeGetContent(n);
	int rc = -1;

	if (text != NULL)
		rc = text_base64_decode(out, slice_str((const char *)text));
	xmlFree(text);
	if (rc != 0 || out->len == 0)
		return shape(s, n);
	return 0;
}

static int
read_certificates(
    const xmlNode *data, struct dsig *d, struct verify_signature *s)
{
	for (xmlNodePtr n = dom_first_child(data); n != NULL;
	     n = dom_next_sibling(n)) {
		if (!dom_is(n, DSIG_NS, "X509Certificate"))
			continue;
		if (d->certificate_count == DSIG_CERTIFICATES_MAX)
			return shape(s, n);
		if (decode(n, &d->certificates[d->certificate_count++], s) != 0)
			return -1;
	}
	return 0;
}

static int
read_key_info(const xmlNode *info, struct dsig *d, struct verify_signature *s)
{
	for (xmlNodePtr n = dom_first_child(info); n != NULL;
	     n = dom_next_sibling(n))
		if (dom_is(n, DSIG_NS, "X509Data") &&
		    read_certificates(n, d, s) != 0)
			return -1;
	if (d->certificate_count == 0)
		return dsig_problem(s, "signature-no-certificate", "line %ld",
		    xmlGetLineNo(info));
	return 0;
}

/* "_<16 digits of the signer><yyyyMMddHHmmssSSS>" (e-Tax), or
 * "yyyyMMddHHmmss" (e-Gov). */
static void
claim_in_id(struct verify_signature *s)
{
	const char *id = s->found.id;
	size_t n = strlen(id);

	if (n == 34 && id[0] == '_')
		id += 17;
	else if (n != 14)
		return;
	if (strspn(id, "0123456789") != strlen(id))
		return;
	s->claim = JUDGED_CLAIM_ID;
	snprintf(s->claimed, sizeof s->claimed, "%.17s", id);
}

static bool
is_xades(const xmlNode *n, const char *name)
{
	static const char ns[] = "http://uri.etsi.org/01903/";

	return n->ns != NULL && strcmp((const char *)n->name, name) == 0 &&
	       strncmp((const char *)n->ns->href, ns, sizeof ns - 1) == 0;
}

/* SigningTime in an Object of the signature: XAdES' place for it. */
static void
claim_in_object(const xmlNode *object, struct verify_signature *s)
{
	static const char *const steps[] = {"QualifyingProperties",
	    "SignedProperties", "SignedSignatureProperties", "SigningTime"};
	const xmlNode *n = object;
	xmlChar *text;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		n = dom_first_child(n);
		while (n != NULL && !is_xades(n, steps[i]))
			n = dom_next_sibling(n);
		if (n == NULL)
			return;
	}
	text = xmlNodeGetContent(n);
	if (text == NULL)
		return;
	s->claim = JUDGED_CLAIM_XADES;
	show(s->claimed, sizeof s->claimed, (const char *)text);
	xmlFree(text);
}

int
dsig_read(xmlNodePtr signature, bool allow_legacy, struct dsig *d,
    struct verify_signature *s)
{
	xmlNodePtr n = dom_first_child(signature), info;

	d->node = signature;
	if (dom_attribute_text(
		signature, "Id", s->found.id, sizeof s->found.id) != 0)
		return shape(s, signature);
	claim_in_id(s);
	if (!dom_is(n, DSIG_NS, "SignedInfo"))
		return shape(s, signature);
	d->signed_info = n;
	if (read_signed_info(allow_legacy, d, s) != 0)
		return -1;
	n = dom_next_sibling(n);
	if (!dom_is(n, DSIG_NS, "SignatureValue"))
		return shape(s, signature);
	d->value_node = n;
	if (decode(n, &d->value, s) != 0)
		return -1;
	if (d->ecdsa && d->value.len != DSIG_ECDSA_BYTES)
		return shape(s, n);
	info = dom_next_sibling(n);
	if (!dom_is(info, DSIG_NS, "KeyInfo"))
		return dsig_problem(s, "signature-no-certificate", "line %ld",
		    xmlGetLineNo(signature));
	for (n = dom_next_sibling(info); n != NULL; n = dom_next_sibling(n)) {
		if (!dom_is(n, DSIG_NS, "Object"))
			return shape(s, n);
		d->object = true;
		claim_in_object(n, s);
	}
	return read_key_info(info, d, s);
}

void
dsig_free(struct dsig *d)
{
	buf_free(&d->value);
	for (unsigned i = 0; i < d->certificate_count; i++)
		buf_free(&d->certificates[i]);
	memset(d, 0, sizeof *d);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
dsig_uri_decode(const char *uri, char *out, size_t size)
{
	size_t used = 0;

	for (const char *p = uri; *p != '\0'; p++) {
		int high, low;

		if (used + 1 >= size)
			return -1;
		if (*p != '%') {
			out[used++] = *p;
			continue;
		}
		high = hex_digit(p[1]);
		low = high < 0 ? -1 : hex_digit(p[2]);
		if (low < 0 || (high == 0 && low == 0))
			return -1;
		out[used++] = (char)(high << 4 | low);
		p += 2;
	}
	out[used] = '\0';
	return 0;
}
