/* What init --demo makes can be used: keys, chain, schemas, filings. */
#include "base/fsops.h"
#include "conf/conf.h"
#include "schemas/store.h"
#include "signer/cli/demo.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fresh folder below the suite's own. */
static int
fresh(const char *name)
{
	struct err e = {0};
	int at = suite_dir(), dir;

	CHECK_OK(fs_mkdir(at, name, 0755, &e), &e);
	dir = fs_open_dir(at, name, &e);
	CU_ASSERT_FATAL(dir >= 0);
	close(at);
	return dir;
}

static void
load(int dir, const char *path, struct buf *b)
{
	struct err e = {0};
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	CU_ASSERT_FATAL(fd >= 0);
	CHECK_OK(fs_read_all(fd, 1 << 20, b, &e), &e);
	CU_ASSERT_FATAL(buf_cstr(b) != NULL);
	close(fd);
}

/* The signer's certificate in a key file, opened with its PIN file. */
static X509 *
open_key(int dir, const char *p12_path, const char *pin_path)
{
	struct buf file = {0}, pin = {0};
	const unsigned char *p;
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	PKCS12 *p12;

	load(dir, p12_path, &file);
	load(dir, pin_path, &pin);
	CU_ASSERT_EQUAL(pin.len, 16);
	p = file.p;
	p12 = d2i_PKCS12(NULL, &p, (long)file.len);
	CU_ASSERT_FATAL(p12 != NULL);
	CU_ASSERT_EQUAL(PKCS12_parse(p12, "wrong", &key, &x, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(
	    PKCS12_parse(p12, (char *)pin.p, &key, &x, NULL), 1);
	CU_ASSERT_EQUAL(X509_check_private_key(x, key), 1);
	EVP_PKEY_free(key);
	PKCS12_free(p12);
	buf_free(&file);
	buf_free(&pin);
	return x;
}

static X509 *
open_anchor(int dir)
{
	struct buf pem = {0};
	BIO *bio;
	X509 *ca;

	load(dir, "anchors/demo-ca.pem", &pem);
	bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	CU_ASSERT_FATAL(ca != NULL);
	BIO_free(bio);
	buf_free(&pem);
	return ca;
}

static void
keys_open_and_lead_to_the_anchor(void)
{
	int dir = fresh("keys");
	struct err e = {0};
	X509 *ca, *a, *b;
	struct stat st;

	CHECK_OK(demo_keys(dir, &e), &e);
	ca = open_anchor(dir);
	a = open_key(dir, "keys/zeirishi.p12", "keys/zeirishi.pin");
	b = open_key(dir, "keys/nozeisha.p12", "keys/nozeisha.pin");
	CU_ASSERT_EQUAL(X509_verify(a, X509_get0_pubkey(ca)), 1);
	CU_ASSERT_EQUAL(X509_verify(b, X509_get0_pubkey(ca)), 1);
	CU_ASSERT(X509_get_key_usage(a) & KU_NON_REPUDIATION);
	CU_ASSERT_EQUAL(X509_check_ca(a), 0);
	CU_ASSERT(X509_check_ca(ca) > 0);
	CU_ASSERT(X509_cmp(a, b) != 0);
	CU_ASSERT_EQUAL(fstatat(dir, "keys/zeirishi.pin", &st, 0), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0400);
	/* Nothing is overwritten. */
	CU_ASSERT_EQUAL(demo_keys(dir, &e), -1);
	CU_ASSERT_EQUAL(e.errnum, EEXIST);
	X509_free(a);
	X509_free(b);
	X509_free(ca);
	close(dir);
}

static void
schemas_become_bundles(void)
{
	char path[512], sha[65];
	struct schema_store *store;
	struct schema_entry *list = NULL;
	struct err e = {0};
	size_t n = 0;
	int fd;

	snprintf(path, sizeof path, "%s/schemas", suite_dir_path());
	CHECK_OK(demo_schemas(path, &e), &e);
	store = schema_store_open(path, &e);
	CU_ASSERT_FATAL(store != NULL);
	CHECK_OK(schema_store_list(store, &list, &n, &e), &e);
	CU_ASSERT(n >= 2);
	fd = schema_store_find(store, "ZZZ0010", "1.0.0", sha, &e);
	CU_ASSERT(fd >= 0);
	if (fd >= 0)
		close(fd);
	free(list);
	schema_store_close(store);
}

static bool
is_xml(int dir, const char *path)
{
	struct buf b = {0};
	xmlDocPtr doc;

	load(dir, path, &b);
	doc = xmlReadMemory((char *)b.p, (int)b.len, NULL, NULL,
	    XML_PARSE_NONET | XML_PARSE_NOERROR);
	buf_free(&b);
	xmlFreeDoc(doc);
	return doc != NULL;
}

static void
filings_are_there(void)
{
	int dir = fresh("filings");
	struct buf b = {0};
	struct err e = {0};

	CHECK_OK(demo_filings(dir, &e), &e);
	CU_ASSERT(is_xml(dir, "in/kokuzei/ZZZ0010-0001.xtx"));
	CU_ASSERT(is_xml(dir, "in/renmei/ZZZ0010-0002.xtx"));
	CU_ASSERT(is_xml(dir, "in/egov/999Z000000000000(1)/kousei.xml"));
	CU_ASSERT(is_xml(dir, "in/egov/999Z000000000000(2)/kousei.xml"));
	load(dir, "in/kokuzei/ZZZ0010-0003.xtx", &b);
	CU_ASSERT(strstr((char *)b.p, "<!DOCTYPE") != NULL);
	buf_reset(&b);
	load(dir, "in/kokuzei/ZZZ0010-0001.xtx", &b);
	CU_ASSERT(strstr((char *)b.p, DEMO_AGENT_ID) != NULL);
	buf_free(&b);
	close(dir);
}

static void
configuration_is_good(void)
{
	int dir = fresh("conf");
	char path[512];
	struct err e = {0};
	struct conf *c;
	const struct conf_drop *d;

	CHECK_OK(
	    fs_replace(dir, "natsuin.conf", slice_str(demo_conf()), 0644, &e),
	    &e);
	snprintf(path, sizeof path, "%s/conf/natsuin.conf", suite_dir_path());
	c = conf_load(path, &e);
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT_EQUAL(c->key_count, 2);
	d = conf_drop_find(c, "renmei");
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(d->sign_with.count, 2);
	conf_free(c);
	close(dir);
}

SUITE_MAIN("demo", CASE(keys_open_and_lead_to_the_anchor),
    CASE(schemas_become_bundles), CASE(filings_are_there),
    CASE(configuration_is_good))
