/*
 * Certificates are made in memory; nothing secret lies in the source tree.
 */
#include "tests/lib/certlab.h"

#include "base/fsops.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static EVP_PKEY *keys[KEY_COUNT];
static long serial = 0x1000;

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "certlab: %s failed\n", what);
	exit(2);
}

static void
forget(void)
{
	for (int i = KEY_LEAF + 1; i < KEY_COUNT; i++)
		EVP_PKEY_free(keys[i]);
}

EVP_PKEY *
certlab_key(enum certlab_key k)
{
	static bool registered;

	if (!registered)
		atexit(forget);
	registered = true;
	if (keys[k] != NULL)
		return keys[k];
	if (k == KEY_LEAF)
		keys[k] = keylab_key();
	else if (k == KEY_P384)
		keys[k] = EVP_EC_gen("P-384");
	else
		keys[k] = EVP_RSA_gen(k == KEY_1024 ? 1024U : 2048U);
	need(keys[k] != NULL, "key");
	return keys[k];
}

/* "C=JP/O=Test/CN=x" into a name. */
static void
set_name(X509_NAME *n, const char *text)
{
	char part[200];

	while (*text != '\0') {
		size_t len = strcspn(text, "/");
		char *value;

		snprintf(part, sizeof part, "%.*s", (int)len, text);
		value = strchr(part, '=');
		need(value != NULL, text);
		*value++ = '\0';
		need(X509_NAME_add_entry_by_txt(n, part, MBSTRING_UTF8,
			 (const unsigned char *)value, -1, -1, 0) == 1,
		    part);
		text += len + (text[len] == '/');
	}
}

static void
add_extensions(X509 *x, const struct certlab_spec *s)
{
	CONF *conf = NCONF_new(NULL);
	X509V3_CTX c;

	X509V3_set_ctx(&c, s->issuer == NULL ? x : s->issuer, x, NULL, NULL, 0);
	X509V3_set_nconf(&c, conf);
	for (size_t i = 0; i < 8 && s->extension[i][0] != NULL; i++) {
		X509_EXTENSION *ext = X509V3_EXT_nconf(
		    conf, &c, s->extension[i][0], s->extension[i][1]);

		need(ext != NULL, s->extension[i][0]);
		need(X509_add_ext(x, ext, -1) == 1, "extension");
		X509_EXTENSION_free(ext);
	}
	NCONF_free(conf);
}

X509 *
certlab_make(const struct certlab_spec *s)
{
	X509 *x = X509_new();
	const EVP_MD *md =
	    EVP_get_digestbyname(s->digest == NULL ? "SHA256" : s->digest);

	need(x != NULL && md != NULL, "certificate");
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	need(
	    ASN1_TIME_set_string_X509(X509_getm_notBefore(x), s->from) == 1 &&
		ASN1_TIME_set_string_X509(X509_getm_notAfter(x), s->until) == 1,
	    "dates");
	set_name(X509_get_subject_name(x), s->subject);
	X509_set_issuer_name(
	    x, X509_get_subject_name(s->issuer == NULL ? x : s->issuer));
	X509_set_pubkey(x, certlab_key(s->key));
	add_extensions(x, s);
	need(X509_sign(x, certlab_key(s->signer), md) > 0, "sign");
	return x;
}

void
certlab_own(const char *subject, enum certlab_key key, struct buf *der)
{
	const struct certlab_spec s = {.subject = subject,
	    .key = key,
	    .signer = key,
	    .from = "20260101000000Z",
	    .until = "20360101000000Z"};
	X509 *x = certlab_make(&s);

	certlab_der(x, der);
	X509_free(x);
}

void
certlab_der(X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	need(n > 0 && buf_append(out, der, (size_t)n) == 0, "DER");
	OPENSSL_free(der);
}

void
certlab_pem(X509 *const *list, size_t count, struct buf *out)
{
	BIO *b = BIO_new(BIO_s_mem());
	unsigned char *text;
	long n;

	for (size_t i = 0; i < count; i++)
		need(PEM_write_bio_X509(b, list[i]) == 1, "PEM");
	n = BIO_get_mem_data(b, &text);
	need(n == 0 || buf_append(out, text, (size_t)n) == 0, "PEM");
	BIO_free(b);
}

int64_t
certlab_time(const char *text)
{
	struct tm tm = {0};

	need(strptime(text, "%Y%m%d%H%M%SZ", &tm) != NULL, text);
	return (int64_t)timegm(&tm) * 1000;
}

static bool
is_among(const struct cert_note *notes, unsigned count, const char *code)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(notes[i].code, code) == 0)
			return true;
	return false;
}

bool
certlab_has_problem(const struct cert_verdict *v, const char *code)
{
	return is_among(v->problems, v->problem_count, code);
}

bool
certlab_has_warning(const struct cert_verdict *v, const char *code)
{
	return is_among(v->warnings, v->warning_count, code);
}

bool
certlab_problems_are(const struct cert_verdict *v, const char *codes)
{
	const char *list = codes == NULL ? "" : codes;
	char code[60];
	unsigned count = 0;

	for (; *list != '\0'; count++) {
		size_t len = strcspn(list, " ");

		snprintf(code, sizeof code, "certificate-%.*s", (int)len, list);
		if (!certlab_has_problem(v, code))
			return false;
		list += len + (list[len] == ' ');
	}
	return count == v->problem_count && v->ok == (count == 0);
}

void
certlab_say(const char *name, const struct cert_verdict *v)
{
	printf("# %s:", name);
	for (unsigned i = 0; i < v->problem_count; i++)
		printf(" %s (%s)", v->problems[i].code, v->problems[i].detail);
	for (unsigned i = 0; i < v->path_count; i++)
		printf(" / %s", v->path_names[i]);
	printf("\n");
}

void
certlab_openssl_verify(struct buf *command, const char *at, const char *flags)
{
	buf_printf(command,
	    "openssl verify -no-CApath -no-CAstore -attime %lld -auth_level 2 "
	    "-policy_check -policy anyPolicy -check_ss_sig -verify_depth %d "
	    "%s ",
	    (long long)(certlab_time(at) / 1000), CERT_PATH_MAX - 1,
	    flags == NULL ? "" : flags);
}

bool
certlab_openssl_accepts(struct certlab_question *q)
{
	struct buf cmd = {0};
	struct err e = {0};
	int dir = suite_dir();
	bool ok;

	/* A file without certificates is an error to openssl. */
	if (q->helpers.len == 0)
		buf_slice(&q->helpers, buf_view(&q->leaf));
	CHECK_OK(fs_replace(dir, "r.pem", buf_view(&q->roots), 0600, &e), &e);
	CHECK_OK(fs_replace(dir, "h.pem", buf_view(&q->helpers), 0600, &e), &e);
	CHECK_OK(fs_replace(dir, "l.pem", buf_view(&q->leaf), 0600, &e), &e);
	buf_printf(&cmd, "cd %s && exec ", suite_dir_path());
	certlab_openssl_verify(&cmd, q->at, q->flags);
	buf_printf(&cmd, "%s -untrusted h.pem l.pem >openssl.log 2>&1",
	    q->roots.len == 0 ? "-no-CAfile" : "-CAfile r.pem");
	ok = system(buf_cstr(&cmd)) == 0;
	close(dir);
	buf_free(&cmd);
	buf_free(&q->roots);
	buf_free(&q->helpers);
	buf_free(&q->leaf);
	return ok;
}
