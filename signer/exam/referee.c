/*
 * xmlsec1 in its cage.  It is given a tree that we parsed and a key that we
 * took from the certificate; it reads no KeyInfo, runs no transform beyond
 * C14N, enveloped-signature and the digests, and its only input callbacks
 * are ours, which hand out the members of the drop being verified, each for
 * the Reference that was resolved to it.  Trust is not decided here.
 */
#include "signer/exam/referee.h"

#include "base/log.h"
#include "base/text.h"
#include "signer/cert/pubkey.h"
#include "signer/cert/signerkey.h"
#include "signer/exam/dom.h"

#include <errno.h>
#include <libxml/c14n.h>
#include <libxml/xmlerror.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xmlsec/base64.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/keys.h>
#include <xmlsec/nodeset.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

/* code: 2 of dsig_problem */

/* The verification under way; xmlsec's callbacks have no context. */
static struct {
	const struct verify_request *q;
	const struct verify_signature *s;
	size_t reference;
} now;

struct stream {
	const struct verify_input *in;
	uint64_t at;
};

/* The member that the next detached Reference was resolved to. */
static const struct verify_member *
expected_member(void)
{
	if (now.q == NULL || now.s == NULL)
		return NULL;
	for (; now.reference < now.s->reference_count; now.reference++) {
		int m = now.s->references[now.reference].member;

		if (m >= 0)
			return &now.q->members[m];
	}
	return NULL;
}

static int
member_match(const char *uri)
{
	const struct verify_member *m = expected_member();

	return m != NULL && strcmp(m->name, uri) == 0;
}

static void *
member_open(const char *uri)
{
	const struct verify_member *m = expected_member();
	struct stream *stream;

	if (m == NULL || strcmp(m->name, uri) != 0)
		return NULL;
	stream = calloc(1, sizeof *stream);
	if (stream != NULL)
		stream->in = &m->input;
	now.reference++;
	return stream;
}

static int
member_read(void *context, char *buffer, int size)
{
	struct stream *s = context;
	ssize_t n;

	if (size < 0)
		return -1;
	if (s->in->fd < 0) {
		size_t left = s->in->bytes.len - (size_t)s->at;

		n = (size_t)size < left ? size : (ssize_t)left;
		if (n > 0)
			memcpy(buffer, s->in->bytes.p + s->at, (size_t)n);
	} else {
		do
			n = pread(
			    s->in->fd, buffer, (size_t)size, (off_t)s->at);
		while (n < 0 && errno == EINTR);
	}
	if (n > 0)
		s->at += (uint64_t)n;
	return (int)n;
}

static int
member_close(void *context)
{
	free(context);
	return 0;
}

/* Words of the libraries, for whoever reads the debug log. */
static void
on_xmlsec_error(const char *file, int line, const char *function,
    const char *object, const char *subject, int reason, const char *message)
{
	char safe[300];

	(void)file;
	(void)object;
	log_event(LOG_LEVEL_DEBUG, "xmlsec.error",
	    "in=%s line=%d subject=%s reason=%d message=\"%s\"", function, line,
	    subject == NULL ? "-" : subject, reason,
	    text_escape(safe, sizeof safe, message == NULL ? "" : message));
}

static void __attribute__((format(printf, 2, 3)))
on_libxml_text(void *context, const char *fmt, ...)
{
	(void)context;
	(void)fmt; /* said again, structured */
}

static void
on_libxml_error(void *context, xmlErrorPtr error)
{
	(void)context;
	log_event(LOG_LEVEL_DEBUG, "libxml.error", "domain=%d code=%d line=%d",
	    error->domain, error->code, error->line);
}

int
referee_init(struct err *e)
{
	static bool done;

	if (done)
		return 0;
	xmlSetGenericErrorFunc(NULL, on_libxml_text);
	xmlSetStructuredErrorFunc(NULL, on_libxml_error);
	xmlSecErrorsSetCallback(on_xmlsec_error);
	if (xmlSecInit() < 0 || xmlSecCheckVersion() != 1 ||
	    xmlSecCryptoAppInit(NULL) < 0 || xmlSecCryptoInit() < 0)
		return err_set(e, ERR_CONFIG, "sandbox-unavailable", "xmlsec1");
	xmlSecErrorsSetCallback(on_xmlsec_error);
	/* Only our own way of opening anything. */
	xmlSecIOCleanupCallbacks();
	if (xmlSecIORegisterCallbacks(
		member_match, member_open, member_read, member_close) < 0)
		return err_set(
		    e, ERR_CONFIG, "sandbox-unavailable", "xmlsec1 input");
	done = true;
	return 0;
}

struct subtree {
	const xmlNode *top;
};

/* For attributes and namespaces `parent` is their element. */
static int
within(void *data, xmlNodePtr node, xmlNodePtr parent)
{
	const struct subtree *t = data;
	const xmlNode *n = node;

	if (node == NULL || node->type == XML_NAMESPACE_DECL ||
	    node->type == XML_ATTRIBUTE_NODE)
		n = parent;
	for (; n != NULL; n = n->parent)
		if (n == t->top)
			return 1;
	return 0;
}

/* The elements above `n`, without their other children, in a document of
 * their own: all that `n` inherits (namespaces, xml:*), and no more. */
static xmlNodePtr
copy_above(xmlNodePtr n, xmlDocPtr to)
{
	xmlNodePtr above, copy;

	if (n == NULL || n->type != XML_ELEMENT_NODE)
		return NULL;
	above = copy_above(n->parent, to);
	copy = xmlDocCopyNode(n, to, 2);
	if (copy == NULL)
		return NULL;
	if (above == NULL)
		xmlDocSetRootElement(to, copy);
	else
		xmlAddChild(above, copy);
	return copy;
}

/* SignedInfo alone, where it stands in its document.  C14N of a whole
 * document visits every node of it; this visits only what matters. */
static xmlDocPtr
excerpt(const struct dsig *d, xmlNodePtr *signed_info)
{
	xmlDocPtr doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNodePtr above;

	*signed_info = NULL;
	if (doc == NULL)
		return NULL;
	above = copy_above(d->signed_info->parent, doc);
	if (above != NULL)
		*signed_info = xmlDocCopyNode(d->signed_info, doc, 1);
	if (*signed_info == NULL) {
		xmlFreeDoc(doc);
		return NULL;
	}
	xmlAddChild(above, *signed_info);
	return doc;
}

/* The canonical SignedInfo; NULL when libxml2 refuses or memory is out. */
static xmlOutputBufferPtr
canonical(const struct dsig *d)
{
	struct subtree t;
	xmlNodePtr top;
	xmlDocPtr doc = excerpt(d, &top);
	xmlOutputBufferPtr out =
	    doc == NULL ? NULL : xmlAllocOutputBuffer(NULL);

	t.top = top;
	if (out != NULL &&
	    xmlC14NExecute(doc, within, &t, XML_C14N_1_0, NULL, 0, out) < 0) {
		xmlOutputBufferClose(out);
		out = NULL;
	}
	xmlFreeDoc(doc);
	return out;
}

/* An algorithm is for one kind of key, whatever SignatureMethod says. */
static int
fits(const struct dsig *d, const struct signerkey *k, const char *method,
    xmlOutputBufferPtr text)
{
	const char *hash = strcmp(method, DSIG_RSA_SHA1) == 0 ? "SHA1"
			   : d->ecdsa                         ? "SHA384"
							      : "SHA256";
	bool ec = k->algorithm->id == SIGN_ECDSA_SHA384;
	int rc;

	if (ec != d->ecdsa)
		return 0;
	rc = pubkey_fits(k->key, hash,
	    slice_of(
		xmlOutputBufferGetContent(text), xmlOutputBufferGetSize(text)),
	    buf_view(&d->value));
	ERR_clear_error();
	return rc;
}

int
referee_value(
    const struct dsig *d, struct slice certificate, struct verify_signature *s)
{
	const struct signerkey *k = signerkey_get(certificate);
	xmlOutputBufferPtr text;
	int rc = -1;

	if (k == NULL)
		return dsig_problem(
		    s, "signature-certificate-malformed", "%s", s->found.id);
	text = canonical(d);
	if (text == NULL) {
		dsig_problem(s, "signature-shape", "%s", "C14N of SignedInfo");
	} else {
		rc = fits(d, k, s->found.method, text);
		xmlOutputBufferClose(text);
		/* A system-wide policy may forbid SHA-1. */
		if (rc < 0)
			dsig_problem(
			    s, "signature-algorithm", "%s", s->found.method);
	}
	return rc;
}

static int
enable(xmlSecDSigCtxPtr c)
{
	return xmlSecDSigCtxEnableSignatureTransform(
		   c, xmlSecTransformInclC14NId) < 0 ||
		       xmlSecDSigCtxEnableSignatureTransform(
			   c, xmlSecTransformRsaSha256Id) < 0 ||
		       xmlSecDSigCtxEnableSignatureTransform(
			   c, xmlSecTransformEcdsaSha384Id) < 0 ||
		       xmlSecDSigCtxEnableSignatureTransform(
			   c, xmlSecTransformRsaSha1Id) < 0 ||
		       xmlSecDSigCtxEnableReferenceTransform(
			   c, xmlSecTransformInclC14NId) < 0 ||
		       xmlSecDSigCtxEnableReferenceTransform(
			   c, xmlSecTransformEnvelopedId) < 0 ||
		       xmlSecDSigCtxEnableReferenceTransform(
			   c, xmlSecTransformSha256Id) < 0 ||
		       xmlSecDSigCtxEnableReferenceTransform(
			   c, xmlSecTransformSha1Id) < 0
		   ? -1
		   : 0;
}

/* xmlsec's form of the key, which it takes over; NULL when it cannot. */
static xmlSecKeyPtr
adopt(EVP_PKEY *key)
{
	xmlSecKeyDataPtr data;
	xmlSecKeyPtr k;

	if (EVP_PKEY_up_ref(key) != 1)
		return NULL;
	data = xmlSecOpenSSLEvpKeyAdopt(key);
	if (data == NULL) {
		EVP_PKEY_free(key);
		return NULL;
	}
	k = xmlSecKeyCreate();
	if (k == NULL || xmlSecKeySetValue(k, data) < 0) {
		xmlSecKeyDataDestroy(data);
		if (k != NULL)
			xmlSecKeyDestroy(k);
		return NULL;
	}
	return k;
}

static xmlSecDSigCtxPtr
context(const struct verify_request *q, struct slice certificate)
{
	xmlSecDSigCtxPtr c = xmlSecDSigCtxCreate(NULL);
	const struct signerkey *k;

	if (c == NULL)
		return NULL;
	/* Visa 3D: "#id" is looked up as an ID, never read as an XPointer. */
	c->flags = XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS |
		   XMLSEC_DSIG_FLAGS_USE_VISA3D_HACK;
	c->enabledReferenceUris =
	    xmlSecTransformUriTypeEmpty | xmlSecTransformUriTypeSameDocument;
	/* A bare file name counts as remote; the callbacks know better. */
	if (q->member_count > 0)
		c->enabledReferenceUris |= xmlSecTransformUriTypeRemote;
	k = signerkey_get(certificate);
	if (k != NULL)
		c->signKey = adopt(k->key);
	if (c->signKey == NULL || enable(c) != 0) {
		xmlSecDSigCtxDestroy(c);
		return NULL;
	}
	return c;
}

/* One Reference, digested where it points to in the real document. */
static bool
reference_holds(xmlSecDSigCtxPtr c, const struct dsig *d, size_t i)
{
	xmlSecDSigReferenceCtxPtr r = xmlSecDSigReferenceCtxCreate(
	    c, xmlSecDSigReferenceOriginSignedInfo);
	bool ok;

	if (r == NULL)
		return false;
	now.reference = i;
	ok = xmlSecDSigReferenceCtxProcessNode(r, d->references[i].node) == 0 &&
	     r->status == xmlSecDSigStatusSucceeded;
	xmlSecDSigReferenceCtxDestroy(r);
	return ok;
}

/* The transforms of SignedInfo as xmlsec reads them: C14N, then the
 * signature; NULL when it takes one of them not. */
static xmlSecTransformPtr
read_methods(xmlSecTransformCtxPtr t, const xmlNode *signed_info)
{
	xmlNodePtr c14n = dom_first_child(signed_info);

	if (xmlSecTransformCtxNodeRead(
		t, c14n, xmlSecTransformUsageC14NMethod) == NULL)
		return NULL;
	return xmlSecTransformCtxNodeRead(
	    t, dom_next_sibling(c14n), xmlSecTransformUsageSignatureMethod);
}

/* xmlsec's word on the value: over the excerpt, since its own way from a
 * Signature on canonicalises a SignedInfo by visiting the whole document. */
static int
value_holds(
    xmlSecDSigCtxPtr c, const struct dsig *d, struct verify_signature *s)
{
	xmlNodePtr signed_info;
	xmlDocPtr doc = excerpt(d, &signed_info);
	xmlSecTransformCtxPtr t = &c->transformCtx;
	xmlSecTransformPtr method;
	bool ok = false;

	if (doc == NULL)
		return dsig_problem(s, "out-of-memory", "%s", "");
	method = read_methods(t, signed_info);
	if (method != NULL) {
		xmlSecNodeSetPtr nodes;

		method->operation = xmlSecTransformOperationVerify;
		nodes = xmlSecNodeSetGetChildren(doc, signed_info, 1, 0);
		ok = nodes != NULL &&
		     xmlSecTransformSetKey(method, c->signKey) == 0 &&
		     xmlSecTransformCtxXmlExecute(t, nodes) == 0 &&
		     xmlSecTransformVerifyNodeContent(
			 method, d->value_node, t) == 0 &&
		     method->status == xmlSecTransformStatusOk;
		if (nodes != NULL)
			xmlSecNodeSetDestroy(nodes);
	}
	xmlSecTransformCtxReset(t);
	xmlFreeDoc(doc);
	return ok;
}

static int
run(xmlSecDSigCtxPtr c, const struct dsig *d, const bool *usable,
    struct verify_signature *s)
{
	c->operation = xmlSecTransformOperationVerify;
	for (size_t i = 0; i < s->reference_count; i++)
		s->references[i].ok = usable[i] && reference_holds(c, d, i);
	return value_holds(c, d, s);
}

int
referee_references(const struct verify_request *q, const struct dsig *d,
    struct slice certificate, const bool *usable, struct verify_signature *s)
{
	xmlSecDSigCtxPtr c = context(q, certificate);
	int rc = -1;

	if (c == NULL) {
		ERR_clear_error();
		return dsig_problem(
		    s, "signature-certificate-malformed", "%s", s->found.id);
	}
	now.q = q;
	now.s = s;
	now.reference = 0;
	rc = run(c, d, usable, s);
	now.q = NULL;
	now.s = NULL;
	xmlSecDSigCtxDestroy(c);
	ERR_clear_error();
	return rc;
}
