/*
 * Signs templates with libxmlsec1 in a child process.
 */
#include "tests/lib/xmlsign.h"

#include "base/fsops.h"
#include "tests/lib/certlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <libxml/parser.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmlsec/base64.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "xmlsign: %s failed\n", what);
	_exit(2);
}

static xmlNodePtr
find(xmlNodePtr n, const char *name)
{
	for (; n != NULL; n = n->next) {
		xmlNodePtr below;

		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (strcmp((const char *)n->name, name) == 0)
			return n;
		below = find(n->children, name);
		if (below != NULL)
			return below;
	}
	return NULL;
}

/* The first Signature whose SignatureValue is empty. */
static xmlNodePtr
unfinished(xmlNodePtr n)
{
	for (; n != NULL; n = n->next) {
		xmlNodePtr v;

		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (strcmp((const char *)n->name, "Signature") == 0) {
			v = find(n->children, "SignatureValue");
			if (v != NULL && v->children == NULL)
				return n;
		}
		v = unfinished(n->children);
		if (v != NULL)
			return v;
	}
	return NULL;
}

static struct slice
curve_certificate(void)
{
	const struct certlab_spec s = {.subject = "C=JP/O=Test/CN=curve",
	    .key = KEY_P384,
	    .signer = KEY_P384,
	    .from = "20260101000000Z",
	    .until = "20360101000000Z"};
	static struct buf der;
	X509 *x = certlab_make(&s);

	certlab_der(x, &der);
	X509_free(x);
	return buf_view(&der);
}

static xmlSecKeyPtr
key(bool ecdsa)
{
	BIO *b = BIO_new(BIO_s_mem());
	struct slice der = ecdsa ? curve_certificate() : keylab_certificate();
	EVP_PKEY *private = ecdsa ? certlab_key(KEY_P384) : keylab_key();
	unsigned char *pem;
	xmlSecKeyPtr k;
	long n;

	need(PEM_write_bio_PrivateKey(b, private, NULL, NULL, 0, NULL, NULL) ==
		 1,
	    "key as PEM");
	n = BIO_get_mem_data(b, &pem);
	k = xmlSecCryptoAppKeyLoadMemory(
	    pem, (xmlSecSize)n, xmlSecKeyDataFormatPem, NULL, NULL, NULL);
	need(k != NULL &&
		 xmlSecCryptoAppKeyCertLoadMemory(k, der.p, (xmlSecSize)der.len,
		     xmlSecKeyDataFormatCertDer) == 0,
	    "key");
	BIO_free(b);
	return k;
}

static bool
is_ecdsa(xmlNodePtr signature)
{
	xmlChar *uri = xmlGetProp(find(signature->children, "SignatureMethod"),
	    (const xmlChar *)"Algorithm");
	bool ecdsa = strstr((const char *)uri, "#ecdsa-") != NULL;

	xmlFree(uri);
	return ecdsa;
}

static void
sign(int fd, const char *xml, const char *element, const char *id,
    const char *value)
{
	xmlDocPtr doc;
	xmlNodePtr e, s;
	xmlSecDSigCtxPtr c;
	xmlChar *text;
	int n;

	need(xmlSecInit() == 0 && xmlSecCryptoAppInit(NULL) == 0 &&
		 xmlSecCryptoInit() == 0,
	    "xmlsec");
	need(chdir(suite_dir_path()) == 0, "chdir");
	doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
	need(doc != NULL, "template");
	e = find(doc->children, element);
	need(e != NULL, element);
	need(xmlAddID(NULL, doc, (const xmlChar *)value,
		 xmlHasProp(e, (const xmlChar *)id)) != NULL,
	    "id");
	s = unfinished(doc->children);
	need(s != NULL, "Signature template");
	c = xmlSecDSigCtxCreate(NULL);
	c->signKey = key(is_ecdsa(s));
	need(xmlSecDSigCtxSign(c, s) == 0, "signing");
	xmlDocDumpMemory(doc, &text, &n);
	while (n > 0) {
		ssize_t w = write(fd, text, (size_t)n);

		need(w > 0, "write");
		text += w;
		n -= (int)w;
	}
	_exit(0);
}

void
xmlsign(struct buf *out, const char *xml, const char *element, const char *id,
    const char *value)
{
	struct err e = {0};
	int fd = fs_memfd("xmlsign", &e), status = -1;
	pid_t pid;

	(void)keylab_key();
	(void)certlab_key(KEY_P384);
	pid = fork();
	if (pid == 0)
		sign(fd, xml, element, id, value);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ||
	    fs_read_all(fd, 64 << 20, out, &e) != 0) {
		fprintf(stderr, "xmlsign: the child failed\n");
		exit(2);
	}
	close(fd);
}

void
xmlsign_edit(
    struct buf *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (at == NULL) {
		fprintf(stderr, "xmlsign_edit: no \"%s\"\n", from);
		exit(2);
	}
	if (buf_append(out, text, (size_t)(at - text)) != 0 ||
	    buf_puts(out, to) != 0 || buf_puts(out, at + strlen(from)) != 0)
		exit(2);
}
