/*
 * Reading a Signature from the stream of tags and judging its value.  The
 * path to every used element is followed exactly, so that a look-alike deeper
 * down (in an Object, say) is never taken for the real one.  Foreign
 * certificates are parsed here, hence only inside the examiner's sandbox.
 */
#include "signer/exam/existing.h"

#include "base/text.h"
#include "signer/cert/pubkey.h"
#include "signer/cert/signerkey.h"
#include "signer/exam/c14n.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 * 1024)
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define EXISTING_SHA256_URI "http://www.w3.org/2001/04/xmlenc#sha256"

enum place {
	AT_NOTHING, /* not of interest, nor anything below it */
	AT_SIGNATURE,
	AT_SIGNED_INFO,
	AT_CANONICAL_METHOD,
	AT_METHOD,
	AT_REFERENCE,
	AT_TRANSFORMS,
	AT_TRANSFORM,
	AT_DIGEST_METHOD,
	AT_DIGEST_VALUE,
	AT_VALUE,
	AT_KEY_INFO,
	AT_X509_DATA,
	AT_CERTIFICATE
};

/* The grammar that is read: parent, name, child. */
static const struct step {
	enum place parent;
	const char *local;
	enum place child;
} steps[] = {
    {AT_SIGNATURE, "SignedInfo", AT_SIGNED_INFO},
    {AT_SIGNATURE, "SignatureValue", AT_VALUE},
    {AT_SIGNATURE, "KeyInfo", AT_KEY_INFO},
    {AT_SIGNED_INFO, "CanonicalizationMethod", AT_CANONICAL_METHOD},
    {AT_SIGNED_INFO, "SignatureMethod", AT_METHOD},
    {AT_SIGNED_INFO, "Reference", AT_REFERENCE},
    {AT_REFERENCE, "Transforms", AT_TRANSFORMS},
    {AT_REFERENCE, "DigestMethod", AT_DIGEST_METHOD},
    {AT_REFERENCE, "DigestValue", AT_DIGEST_VALUE},
    {AT_TRANSFORMS, "Transform", AT_TRANSFORM},
    {AT_KEY_INFO, "X509Data", AT_X509_DATA},
    {AT_X509_DATA, "X509Certificate", AT_CERTIFICATE},
};

struct existing_reader {
	struct existing x;
	enum place at;
	enum place outer[6]; /* the places around `at` */
	unsigned levels;     /* used entries of outer */
	unsigned ignored;    /* open elements below an AT_NOTHING one */
	unsigned signed_infos, values;
	bool text_cut;
	struct buf text;
};

/* Keeps a value whole or not at all. */
static bool
copy(char *out, size_t size, struct slice value)
{
	out[0] = '\0';
	if (value.len == 0)
		return true;
	if (value.len >= size || memchr(value.p, '\0', value.len) != NULL)
		return false;
	memcpy(out, value.p, value.len);
	out[value.len] = '\0';
	return true;
}

struct existing_reader *
existing_open(const struct element *signature, unsigned line, bool filing)
{
	struct existing_reader *r = calloc(1, sizeof *r);
	struct slice id;

	if (r == NULL)
		return NULL;
	r->at = AT_SIGNATURE;
	r->x.line = line;
	r->x.filing = filing;
	if (element_attribute(signature, "Id", &id) &&
	    !copy(r->x.id, sizeof r->x.id, id))
		r->x.malformed = true;
	return r;
}

static enum place
child_of(enum place parent, const struct element *el)
{
	if (el->uri == NULL || strcmp(el->uri, ELEMENT_DSIG) != 0)
		return AT_NOTHING;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (steps[i].parent == parent &&
		    strcmp(steps[i].local, el->local) == 0)
			return steps[i].child;
	return AT_NOTHING;
}

static struct existing_reference *
last_reference(struct existing_reader *r)
{
	return &r->x.references[r->x.reference_count - 1];
}

static int
add_reference(struct existing_reader *r, const struct element *el)
{
	struct existing_reference *p;
	struct slice uri;

	if (r->x.reference_count >= EXISTING_REFERENCES_MAX) {
		r->x.malformed = true;
		r->at = AT_NOTHING;
		return 0;
	}
	p = reallocarray(r->x.references, r->x.reference_count + 1, sizeof *p);
	if (p == NULL)
		return -1;
	r->x.references = p;
	p += r->x.reference_count++;
	memset(p, 0, sizeof *p);
	if (!element_attribute(el, "URI", &uri))
		return 0;
	p->has_uri = true;
	if (!copy(p->uri, sizeof p->uri, uri))
		p->transforms |= EXISTING_OTHER;
	return 0;
}

static unsigned
transform_kind(struct slice uri)
{
	if (slice_eq_str(uri, C14N_URI) ||
	    slice_eq_str(uri, C14N_URI "#WithComments"))
		return EXISTING_C14N;
	if (slice_eq_str(uri, ELEMENT_DSIG "enveloped-signature"))
		return EXISTING_ENVELOPED;
	return EXISTING_OTHER;
}

/* Stores an Algorithm attribute; a second one of a kind is malformed. */
static void
take_algorithm(struct existing_reader *r, char *out, struct slice uri)
{
	if (out[0] != '\0' || !copy(out, 80, uri))
		r->x.malformed = true;
}

static void
enter_algorithm(struct existing_reader *r, const struct element *el)
{
	struct slice uri = {0};

	element_attribute(el, "Algorithm", &uri);
	if (r->at == AT_CANONICAL_METHOD)
		take_algorithm(r, r->x.canonical, uri);
	else if (r->at == AT_METHOD)
		take_algorithm(r, r->x.method, uri);
	else if (r->at == AT_DIGEST_METHOD)
		take_algorithm(r, last_reference(r)->method, uri);
	else if (r->at == AT_TRANSFORM)
		last_reference(r)->transforms |= transform_kind(uri);
}

int
existing_start(struct existing_reader *r, const struct element *el)
{
	if (r->at == AT_NOTHING) {
		r->ignored++;
		return 0;
	}
	r->outer[r->levels++] = r->at;
	r->at = child_of(r->at, el);
	buf_reset(&r->text);
	r->text_cut = false;
	if (r->at == AT_REFERENCE)
		return add_reference(r, el);
	if (r->at == AT_SIGNED_INFO)
		r->signed_infos++;
	else
		enter_algorithm(r, el);
	return 0;
}

int
existing_text(struct existing_reader *r, struct slice text)
{
	if (r->at != AT_DIGEST_VALUE && r->at != AT_VALUE &&
	    r->at != AT_CERTIFICATE)
		return 0;
	if (r->text.len + text.len > TEXT_MAX) {
		r->text_cut = true;
		return 0;
	}
	return buf_slice(&r->text, text);
}

/*
 * Base64 content into an empty buffer; anything wrong is malformed.  Room is
 * made first: out of memory must not look like a bad signature.  0 / -1.
 */
static int
take_bytes(struct existing_reader *r, struct buf *out)
{
	if (buf_reserve(out, r->text.len + 4) != 0)
		return -1;
	if (out->len != 0 || r->text_cut ||
	    text_base64_decode(out, buf_view(&r->text)) != 0 || out->len == 0)
		r->x.malformed = true;
	return 0;
}

static int
leave(struct existing_reader *r)
{
	if (r->at == AT_DIGEST_VALUE)
		return take_bytes(r, &last_reference(r)->value);
	if (r->at == AT_VALUE) {
		r->values++;
		return take_bytes(r, &r->x.value);
	}
	if (r->at == AT_CERTIFICATE && r->x.certificates++ == 0)
		return take_bytes(r, &r->x.certificate);
	return 0;
}

int
existing_end(struct existing_reader *r, const struct element *el)
{
	(void)el;
	if (r->ignored > 0) {
		r->ignored--;
		return 0;
	}
	if (leave(r) != 0)
		return -1;
	if (r->levels > 0)
		r->at = r->outer[--r->levels];
	else if (r->signed_infos != 1 || r->values != 1 ||
		 r->x.reference_count == 0)
		r->x.malformed = true;
	return 0;
}

bool
existing_in_signed_info(const struct existing_reader *r)
{
	return r->levels > 0 &&
	       (r->at == AT_SIGNED_INFO ||
		   (r->levels > 1 && r->outer[1] == AT_SIGNED_INFO));
}

struct existing *
existing_result(struct existing_reader *r)
{
	return &r->x;
}

void
existing_close(struct existing_reader *r)
{
	if (r == NULL)
		return;
	existing_free(&r->x);
	buf_free(&r->text);
	free(r);
}

void
existing_free(struct existing *x)
{
	for (size_t i = 0; i < x->reference_count; i++)
		buf_free(&x->references[i].value);
	free(x->references);
	buf_free(&x->signed_info);
	buf_free(&x->value);
	buf_free(&x->certificate);
	memset(x, 0, sizeof *x);
}

/* SignatureMethods that can be checked. */
static const struct method {
	const char *uri;
	const char *digest;
	enum sign_algorithm key; /* what keys of this kind sign with here */
	bool legacy;
} methods[] = {
    {MORE "rsa-sha256", "SHA256", SIGN_RSA_SHA256, false},
    {MORE "rsa-sha384", "SHA384", SIGN_RSA_SHA256, false},
    {MORE "rsa-sha512", "SHA512", SIGN_RSA_SHA256, false},
    {MORE "ecdsa-sha384", "SHA384", SIGN_ECDSA_SHA384, false},
    {ELEMENT_DSIG "rsa-sha1", "SHA1", SIGN_RSA_SHA256, true},
};

bool
existing_is_sha1(const char *method)
{
	return strcmp(method, ELEMENT_DSIG "rsa-sha1") == 0 ||
	       strcmp(method, ELEMENT_DSIG "sha1") == 0;
}

static bool
value_ok(const struct existing *x, const struct signerkey *k, bool allow_legacy)
{
	if (x->malformed ||
	    (strcmp(x->canonical, C14N_URI) != 0 &&
		strcmp(x->canonical, C14N_URI "#WithComments") != 0))
		return false;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i].uri, x->method) == 0 &&
		    methods[i].key == k->algorithm->id &&
		    (!methods[i].legacy || allow_legacy))
			return pubkey_fits(k->key, methods[i].digest,
				   buf_view(&x->signed_info),
				   buf_view(&x->value)) == 1;
	return false;
}

/* True when OpenSSL's answers since ERR_clear_error are for want of memory:
 * then "no" does not mean that the signature is bad. */
static bool
openssl_nomem(void)
{
	unsigned long code;

	while ((code = ERR_get_error()) != 0)
		if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
			return true;
	return false;
}

int
existing_judge(const struct existing *x, bool allow_legacy,
    struct found_signature *out, struct err *e)
{
	struct slice der = buf_view(&x->certificate);
	const struct signerkey *k;

	ERR_clear_error();
	k = der.len == 0 || der.len > TEXT_MAX ? NULL : signerkey_get(der);
	element_copy_text(out->id, sizeof out->id, slice_str(x->id));
	element_copy_text(
	    out->method, sizeof out->method, slice_str(x->method));
	if (x->reference_count > 0)
		element_copy_text(out->reference, sizeof out->reference,
		    slice_str(x->references[0].uri));
	out->filing = x->filing;
	out->legacy = existing_is_sha1(x->method);
	for (size_t i = 0; i < x->reference_count; i++)
		if (existing_is_sha1(x->references[i].method))
			out->legacy = true;
	if (k != NULL) {
		out->value_ok = value_ok(x, k, allow_legacy);
		memcpy(out->spki, k->spki, sizeof out->spki);
	}
	if (openssl_nomem() || buf_slice(&out->certificate, der) != 0)
		return err_nomem(e);
	return 0;
}

static bool
method_known(const char *uri)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i].uri, uri) == 0)
			return true;
	return false;
}

static bool
digest_matches(
    const struct existing_reference *r, const struct existing_wanted *want)
{
	struct slice have = buf_view(&r->value);

	if (strcmp(r->method, EXISTING_SHA256_URI) == 0)
		return slice_eq(have, slice_of(want->sha256, FINDINGS_SHA256));
	return want->allow_legacy && existing_is_sha1(r->method) &&
	       slice_eq(have, slice_of(want->sha1, EXISTING_SHA1));
}

const char *
existing_problem(const struct existing *x, const struct existing_wanted *want,
    struct found_signature *out)
{
	const struct existing_reference *r = x->references;
	unsigned need = want->enveloped ? EXISTING_ENVELOPED : 0;

	if (x->malformed || x->reference_count != 1)
		return x->malformed ? "existing-signature-invalid"
				    : "existing-signature-unsupported";
	out->covers_filing = r->uri[0] == '#' &&
			     strcmp(r->uri + 1, want->id) == 0 &&
			     (r->transforms & ~(unsigned)EXISTING_C14N) == need;
	out->references_ok = out->covers_filing && digest_matches(r, want);
	if (out->legacy && !want->allow_legacy)
		return "existing-signature-legacy";
	if (!out->covers_filing || !method_known(x->method) ||
	    (strcmp(r->method, EXISTING_SHA256_URI) != 0 &&
		!existing_is_sha1(r->method)))
		return "existing-signature-unsupported";
	if (!out->value_ok || !out->references_ok)
		return "existing-signature-invalid";
	return NULL;
}
