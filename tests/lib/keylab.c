/*
 * Keys for tests are made by OpenSSL when a program first needs one; nothing
 * secret lies in the source tree.
 */
#include "tests/lib/keylab.h"

#include "base/text.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static EVP_PKEY *the_key;
static X509 *the_certificate;
static struct buf the_der;

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "keylab: %s failed\n", what);
	exit(2);
}

static void
make_certificate(void)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	unsigned char *der = NULL;
	int len;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x4711);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400L * 365);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)"Key of the tests", -1, -1, 0);
	X509_set_issuer_name(x, n);
	X509_set_pubkey(x, the_key);
	need(X509_sign(x, the_key, EVP_sha256()) > 0, "X509_sign");
	len = i2d_X509(x, &der);
	need(len > 0 && buf_append(&the_der, der, (size_t)len) == 0, "DER");
	OPENSSL_free(der);
	the_certificate = x;
}

static void
forget_key(void)
{
	EVP_PKEY_free(the_key);
	X509_free(the_certificate);
	buf_free(&the_der);
}

EVP_PKEY *
keylab_key(void)
{
	if (the_key == NULL) {
		the_key = EVP_RSA_gen(2048);
		need(the_key != NULL, "EVP_RSA_gen");
		make_certificate();
		atexit(forget_key);
	}
	return the_key;
}

struct slice
keylab_certificate(void)
{
	keylab_key();
	return buf_view(&the_der);
}

static char *
path_of(const char *name)
{
	static char paths[4][300];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof paths[0], "%s/%s", suite_dir_path(), name);
	return p;
}

const char *
keylab_p12(const char *name, const char *password)
{
	const char *path = path_of(name);
	PKCS12 *p12;
	FILE *f;

	keylab_key();
	p12 = PKCS12_create(
	    password, "test", the_key, the_certificate, NULL, 0, 0, 0, 0, 0);
	need(p12 != NULL, "PKCS12_create");
	f = fopen(path, "wb");
	need(f != NULL && i2d_PKCS12_fp(f, p12) == 1, path);
	fclose(f);
	PKCS12_free(p12);
	return path;
}

const char *
keylab_file(const char *name, const char *text, unsigned mode)
{
	const char *path = path_of(name);
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
	    path);
	need(fchmod(fd, (mode_t)mode) == 0, "fchmod");
	close(fd);
	return path;
}

const char *
keylab_folder(const char *name, unsigned mode)
{
	const char *path = path_of(name);

	mkdir(path, 0700);
	need(chmod(path, (mode_t)mode) == 0, path);
	return path;
}

#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

static void
put_digest(struct buf *out, unsigned n)
{
	uint8_t digest[32] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16),
	    (uint8_t)(n >> 8), (uint8_t)n};

	text_base64(out, slice_of(digest, sizeof digest));
}

void
keylab_signed_info(struct buf *out, const char *procedure, unsigned n)
{
	buf_printf(out,
	    "<dsig:SignedInfo xmlns=\"http://xml.e-tax.nta.go.jp/XSD/shohi\" "
	    "xmlns:dsig=\"http://www.w3.org/2000/09/xmldsig#\" "
	    "xmlns:gen=\"http://xml.e-tax.nta.go.jp/XSD/general\">"
	    "<dsig:CanonicalizationMethod Algorithm=\"" C14N "\">"
	    "</dsig:CanonicalizationMethod><dsig:SignatureMethod Algorithm="
	    "\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\">"
	    "</dsig:SignatureMethod><dsig:Reference URI=\"#%s\">"
	    "<dsig:Transforms><dsig:Transform Algorithm=\"" C14N "\">"
	    "</dsig:Transform></dsig:Transforms><dsig:DigestMethod Algorithm="
	    "\"http://www.w3.org/2001/04/xmlenc#sha256\">"
	    "</dsig:DigestMethod><dsig:DigestValue>",
	    procedure);
	put_digest(out, n);
	buf_puts(out, "</dsig:DigestValue></dsig:Reference></dsig:SignedInfo>");
}

void
keylab_signed_info_egov(struct buf *out, unsigned files)
{
	buf_puts(out,
	    "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">"
	    "<CanonicalizationMethod Algorithm=\"" C14N "\">"
	    "</CanonicalizationMethod><SignatureMethod Algorithm="
	    "\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\">"
	    "</SignatureMethod>"
	    "<Reference URI=\"#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1\">"
	    "<Transforms><Transform Algorithm=\"" C14N "\"></Transform>"
	    "</Transforms><DigestMethod Algorithm="
	    "\"http://www.w3.org/2001/04/xmlenc#sha256\"></DigestMethod>"
	    "<DigestValue>");
	put_digest(out, 1);
	buf_puts(out, "</DigestValue></Reference>");
	for (unsigned i = 0; i < files; i++) {
		buf_printf(out,
		    "<Reference URI=\"900A01020000100001_%02u.xml\">"
		    "<DigestMethod Algorithm="
		    "\"http://www.w3.org/2001/04/xmlenc#sha256\">"
		    "</DigestMethod><DigestValue>",
		    i + 1);
		put_digest(out, 2 + i);
		buf_puts(out, "</DigestValue></Reference>");
	}
	buf_puts(out, "</SignedInfo>");
}

int
keylab_verifies(struct slice signed_info, struct slice signature)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = EVP_DigestVerifyInit(
		     c, NULL, EVP_sha256(), NULL, keylab_key()) == 1 &&
		 EVP_DigestVerify(c, signature.p, signature.len, signed_info.p,
		     signed_info.len) == 1;

	EVP_MD_CTX_free(c);
	return ok;
}

struct conf *
keylab_conf(void)
{
	static struct conf conf;
	static struct conf_key key;

	if (conf.keys != NULL)
		return &conf;
	conf.root = strdup(keylab_folder("spool", 0700));
	conf.run_dir = strdup(keylab_folder("run", 0755));
	key.name = strdup("tanaka");
	key.backend = CONF_BACKEND_PKCS12;
	key.file = strdup(keylab_p12("tanaka.p12", KEYLAB_PIN));
	key.pin_file = strdup(keylab_file("pin", KEYLAB_PIN "\n", 0400));
	conf.keys = &key;
	conf.key_count = 1;
	return &conf;
}

void
keylab_screen(int master, char *out, size_t size, const char *until)
{
	size_t n = 0;

	out[0] = '\0';
	while (n < size - 1) {
		struct pollfd p = {master, POLLIN, 0};
		ssize_t r;

		if (poll(&p, 1, 20000) <= 0)
			return;
		r = read(master, out + n, size - 1 - n);
		if (r <= 0)
			return;
		n += (size_t)r;
		out[n] = '\0';
		if (until != NULL && strstr(out, until) != NULL)
			return;
	}
}

bool
keylab_echoes(int terminal)
{
	struct termios t;

	return tcgetattr(terminal, &t) == 0 && (t.c_lflag & ECHO) != 0;
}
