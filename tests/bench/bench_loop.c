/*
 * The peer: what one would write with libxml2 and libxmlsec1.  The key is
 * loaded once; each filing is parsed into a tree, gets a signature template,
 * is signed by xmlsec and written.  With --full it is also validated on the
 * tree first, written with fsync, read back and verified, as natsuin does.
 *   bench_loop [--full XSD] [--fsync] KEY.pem CERT.pem OUTDIR FILE…
 */
#include "tests/bench/usage.h"

#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlschemas.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xmlsec/crypto.h>
#include <xmlsec/templates.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

struct loop {
	xmlSecKeyPtr key;
	xmlSchemaPtr schema;
	const char *out;
	int sync;
};

static void
die(const char *what, const char *name)
{
	fprintf(stderr, "bench_loop: %s: %s\n", what, name);
	exit(1);
}

static xmlDocPtr
read_document(const char *file)
{
	xmlDocPtr doc =
	    xmlReadFile(file, NULL, XML_PARSE_HUGE | XML_PARSE_NONET);

	if (doc == NULL)
		die("parse", file);
	return doc;
}

/* The procedure element: the first element child of the root. */
static xmlNodePtr
signed_element(xmlDocPtr doc)
{
	xmlNodePtr n = xmlDocGetRootElement(doc)->children;

	while (n != NULL && n->type != XML_ELEMENT_NODE)
		n = n->next;
	return n;
}

static void
register_id(xmlDocPtr doc, xmlNodePtr node)
{
	xmlAttrPtr a = xmlHasProp(node, (const xmlChar *)"id");
	xmlChar *value = xmlGetProp(node, (const xmlChar *)"id");

	/* The schema validator has registered it already. */
	if (xmlGetID(doc, value) == NULL &&
	    (a == NULL || xmlAddID(NULL, doc, value, a) == NULL))
		die("id", (const char *)node->name);
	xmlFree(value);
}

static xmlNodePtr
add_template(xmlDocPtr doc, xmlNodePtr signed_node)
{
	xmlNodePtr root = xmlDocGetRootElement(doc), sig, ref, info;
	char uri[80];

	sig = xmlSecTmplSignatureCreateNsPref(doc, xmlSecTransformInclC14NId,
	    xmlSecTransformRsaSha256Id, (const xmlChar *)"_bench",
	    (const xmlChar *)"dsig");
	snprintf(uri, sizeof uri, "#%s", (const char *)signed_node->name);
	ref = xmlSecTmplSignatureAddReference(
	    sig, xmlSecTransformSha256Id, NULL, (const xmlChar *)uri, NULL);
	xmlSecTmplReferenceAddTransform(ref, xmlSecTransformInclC14NId);
	info = xmlSecTmplSignatureEnsureKeyInfo(sig, NULL);
	xmlSecTmplX509DataAddCertificate(xmlSecTmplKeyInfoAddX509Data(info));
	xmlAddChild(root, sig);
	return sig;
}

static void
validate(struct loop *l, xmlDocPtr doc, const char *file)
{
	xmlSchemaValidCtxtPtr v = xmlSchemaNewValidCtxt(l->schema);

	if (xmlSchemaValidateDoc(v, doc) != 0)
		die("schema", file);
	xmlSchemaFreeValidCtxt(v);
}

static void
write_out(struct loop *l, xmlDocPtr doc, const char *path)
{
	xmlChar *text;
	int n, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	xmlDocDumpMemory(doc, &text, &n);
	if (fd < 0 || write(fd, text, (size_t)n) != n ||
	    (l->sync && fsync(fd) != 0) || close(fd) != 0)
		die("write", path);
	xmlFree(text);
}

static void
verify(struct loop *l, const char *path)
{
	xmlDocPtr doc = read_document(path);
	xmlSecDSigCtxPtr ctx = xmlSecDSigCtxCreate(NULL);
	xmlNodePtr sig;

	register_id(doc, signed_element(doc));
	sig = xmlSecFindNode(
	    xmlDocGetRootElement(doc), xmlSecNodeSignature, xmlSecDSigNs);
	ctx->signKey = xmlSecKeyDuplicate(l->key);
	if (xmlSecDSigCtxVerify(ctx, sig) != 0 ||
	    ctx->status != xmlSecDSigStatusSucceeded)
		die("verify", path);
	xmlSecDSigCtxDestroy(ctx);
	xmlFreeDoc(doc);
}

static void
sign_one(struct loop *l, const char *file)
{
	xmlDocPtr doc = read_document(file);
	xmlSecDSigCtxPtr ctx = xmlSecDSigCtxCreate(NULL);
	const char *name = strrchr(file, '/');
	xmlNodePtr node = signed_element(doc), sig;
	char path[1024];

	if (l->schema != NULL)
		validate(l, doc, file);
	register_id(doc, node);
	sig = add_template(doc, node);
	ctx->signKey = xmlSecKeyDuplicate(l->key);
	if (xmlSecDSigCtxSign(ctx, sig) != 0)
		die("sign", file);
	snprintf(
	    path, sizeof path, "%s/%s", l->out, name == NULL ? file : name + 1);
	write_out(l, doc, path);
	xmlSecDSigCtxDestroy(ctx);
	xmlFreeDoc(doc);
	if (l->schema != NULL)
		verify(l, path);
}

static void
load_schema(struct loop *l, const char *file)
{
	xmlSchemaParserCtxtPtr p = xmlSchemaNewParserCtxt(file);

	l->schema = xmlSchemaParse(p);
	if (l->schema == NULL)
		die("schema", file);
	xmlSchemaFreeParserCtxt(p);
}

int
main(int argc, char **argv)
{
	struct loop l = {0};
	int i = 1;

	usage_start();
	xmlInitParser();
	if (xmlSecInit() < 0 || xmlSecCryptoAppInit(NULL) < 0 ||
	    xmlSecCryptoInit() < 0)
		die("init", "xmlsec");
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--full") == 0 && i + 1 < argc)
			load_schema(&l, argv[++i]);
		else if (strcmp(argv[i], "--fsync") == 0)
			l.sync = 1;
	}
	if (argc - i < 4)
		die("usage", "[--full XSD] [--fsync] KEY CERT OUTDIR FILE...");
	l.key = xmlSecCryptoAppKeyLoad(
	    argv[i], xmlSecKeyDataFormatPem, NULL, NULL, NULL);
	if (l.key == NULL || xmlSecCryptoAppKeyCertLoad(l.key, argv[i + 1],
				 xmlSecKeyDataFormatPem) < 0)
		die("key", argv[i]);
	l.out = argv[i + 2];
	for (int k = i + 3; k < argc; k++)
		sign_one(&l, argv[k]);
	usage_print("loop", (unsigned long)(argc - i - 3));
	return 0;
}
