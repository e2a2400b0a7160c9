/*
 * Any bytes as a SignedInfo.  What the template accepts must be canonical
 * XML by libxml2's judgement too, with the one element and the algorithms
 * that the format has; everything else it must refuse.  With clang -DFUZZ
 * -fsanitize=fuzzer a libFuzzer target; without, see mutate.h.
 */
#include "signer/key/template.h"
#include "tests/fuzz/mutate.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>

static struct template_match match;

static void
require(int ok, const char *what, const uint8_t *data, size_t size)
{
	if (ok)
		return;
	fprintf(stderr, "not ok fuzz_template: %s\n%.*s\n", what, (int)size,
	    (const char *)data);
	abort();
}

static int
inside(struct slice s, const uint8_t *data, size_t size)
{
	return s.p >= data && s.p + s.len <= data + size && s.len > 0;
}

static void
silent(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	(void)fmt;
}

static void
check_canonical(const uint8_t *data, size_t size)
{
	/* Without NOENT libxml2 keeps "&amp;" of a namespace's URI escaped. */
	xmlDocPtr doc =
	    xmlReadMemory((const char *)data, (int)size, NULL, "UTF-8",
		XML_PARSE_NOENT | XML_PARSE_NONET | XML_PARSE_NOERROR |
		    XML_PARSE_NOWARNING);
	xmlChar *text = NULL;
	xmlNodePtr root;
	int n;

	if (doc == NULL)
		return; /* a namespace prefix that is no XML name */
	root = xmlDocGetRootElement(doc);
	require(strcmp((const char *)root->name, "SignedInfo") == 0 &&
		    root->ns != NULL &&
		    strcmp((const char *)root->ns->href,
			"http://www.w3.org/2000/09/xmldsig#") == 0,
	    "another element", data, size);
	require(xmlChildElementCount(root) == 2 + match.count, "other children",
	    data, size);
	n = xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_0, NULL, 1, &text);
	if (n >= 0) /* libxml2 refuses URIs that it cannot parse */
		require((size_t)n == size && memcmp(text, data, size) == 0,
		    "not canonical", data, size);
	xmlFree(text);
	xmlFreeDoc(doc);
}

/* True when it is signed with this algorithm. */
static bool
try_one(enum sign_algorithm a, const uint8_t *data, size_t size)
{
	struct err e = {0};

	if (template_match(slice_of(data, size), a, &match, &e) != 0) {
		require(e.class == ERR_INPUT && match.format == NULL,
		    "a refusal without a reason", data, size);
		return false;
	}
	require(memmem(data, size, match.algorithm->method,
		    strlen(match.algorithm->method)) != NULL,
	    "another method", data, size);
	require(match.count > 0 && match.format != NULL, "nothing signed", data,
	    size);
	for (size_t i = 0; i < match.count; i++)
		require(inside(match.reference[i].uri, data, size) &&
			    inside(match.reference[i].digest, data, size),
		    "outside the bytes", data, size);
	check_canonical(data, size);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool rsa;

	xmlSetGenericErrorFunc(NULL, silent);
	rsa = try_one(SIGN_RSA_SHA256, data, size);
	require(!try_one(SIGN_ECDSA_SHA384, data, size) || !rsa,
	    "two algorithms", data, size);
	return 0;
}

#ifndef FUZZ
#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define RSA "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define DIGEST "l5oZv6IDaBQzJzjWvKNSmsYEj0n68xrdl1zsWusRXlQ="

static const char etax[] =
    "<dsig:SignedInfo xmlns=\"urn:a\" xmlns:dsig=\"" DSIG
    "\" xmlns:gen=\"urn:b\" xml:lang=\"ja&amp;&quot;\">"
    "<dsig:CanonicalizationMethod Algorithm=\"" C14N
    "\"></dsig:CanonicalizationMethod><dsig:SignatureMethod Algorithm=\"" RSA
    "\"></dsig:SignatureMethod><dsig:Reference URI=\"#RSH0010\">"
    "<dsig:Transforms><dsig:Transform Algorithm=\"" C14N
    "\"></dsig:Transform></dsig:Transforms><dsig:DigestMethod "
    "Algorithm=\"" SHA256 "\"></dsig:DigestMethod><dsig:DigestValue>" DIGEST
    "</dsig:DigestValue></dsig:Reference></dsig:SignedInfo>";
#define ECDSA "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
static const char egov_ecdsa[] =
    "<SignedInfo xmlns=\"" DSIG "\"><CanonicalizationMethod Algorithm=\"" C14N
    "\"></CanonicalizationMethod><SignatureMethod Algorithm=\"" ECDSA
    "\"></SignatureMethod><Reference "
    "URI=\"#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1\"><Transforms><Transform "
    "Algorithm=\"" C14N
    "\"></Transform></Transforms><DigestMethod Algorithm=\"" SHA256
    "\"></DigestMethod><DigestValue>" DIGEST
    "</DigestValue></Reference></SignedInfo>";
static const char egov[] =
    "<SignedInfo xmlns=\"" DSIG "\"><CanonicalizationMethod Algorithm=\"" C14N
    "\"></CanonicalizationMethod><SignatureMethod Algorithm=\"" RSA
    "\"></SignatureMethod><Reference "
    "URI=\"#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1\"><Transforms><Transform "
    "Algorithm=\"" C14N
    "\"></Transform></Transforms><DigestMethod Algorithm=\"" SHA256
    "\"></DigestMethod><DigestValue>" DIGEST
    "</DigestValue></Reference><Reference URI=\"a_%E6%A7%8B.xml\">"
    "<DigestMethod Algorithm=\"" SHA256 "\"></DigestMethod><DigestValue>" DIGEST
    "</DigestValue></Reference></SignedInfo>";

int
main(int argc, char **argv)
{
	static const struct fuzz_seed seeds[] = {{etax, sizeof etax - 1},
	    {egov, sizeof egov - 1}, {egov_ecdsa, sizeof egov_ecdsa - 1},
	    {"", 0}};

	if (mutate_files(argc, argv) != 0)
		return 1;
	if (argc == 1)
		mutate_run(seeds, 4, 200000);
	printf("ok fuzz_template\n");
	xmlCleanupParser();
	return 0;
}
#endif
