/*
 * PKCS#12 files as OpenSSL and others write them, and files that are none.
 */
#include "base/secret.h"
#include "signer/key/backend.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct key_backend *const b = &key_backend_pkcs12;
static struct conf_key conf = {.backend = CONF_BACKEND_PKCS12};

static struct key *
open_file(const char *path, struct err *e)
{
	CHECK_OK(secret_init(e), e);
	free(conf.file);
	conf.file = strdup(path);
	return b->open(&conf, e);
}

static struct secret *
pin_of(const char *text)
{
	struct secret *s = secret_new(100);

	memcpy(secret_room(s), text, strlen(text));
	secret_set_len(s, strlen(text));
	return s;
}

static int
unlock(struct key *k, const char *password, struct err *e)
{
	struct secret *s = pin_of(password);
	int r = b->unlock(k, s, e);

	secret_free(s);
	return r;
}

/* Signs a digest and checks it with the test key's public half. */
static void
check_signs(struct key *k)
{
	struct buf out = {0}, der = {0};
	uint8_t digest[32];
	struct err e = {0};

	SHA256((const uint8_t *)"abc", 3, digest);
	CHECK_OK(b->certificate(k, &der, &e), &e);
	CU_ASSERT(slice_eq(buf_view(&der), keylab_certificate()));
	for (int i = 0; i < 2; i++) {
		buf_reset(&out);
		CHECK_OK(b->sign(k, SIGN_RSA_SHA256,
			     slice_of(digest, sizeof digest), &out, &e),
		    &e);
		CU_ASSERT(keylab_verifies(slice_str("abc"), buf_view(&out)));
	}
	buf_free(&out);
	buf_free(&der);
}

static void
signs_once_unlocked(void)
{
	struct key_status s;
	struct buf out = {0};
	uint8_t digest[32] = {0};
	struct err e = {0};
	struct key *k = open_file(keylab_p12("good.p12", "geheim"), &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CHECK_OK(b->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.pin, PIN_NEEDED);
	CU_ASSERT_EQUAL(s.tries_left, -1);
	CU_ASSERT(s.present);
	CHECK_CODE(b->sign(k, SIGN_RSA_SHA256, slice_of(digest, 32), &out, &e),
	    &e, "pin-needed");
	CHECK_CODE(b->certificate(k, &out, &e), &e, "pin-needed");
	CHECK_OK(unlock(k, "geheim", &e), &e);
	check_signs(k);
	CHECK_CODE(b->sign(k, SIGN_RSA_SHA256, slice_of(digest, 20), &out, &e),
	    &e, "algorithm-not-allowed");
	CHECK_CODE(
	    b->sign(k, SIGN_ECDSA_SHA384, slice_of(digest, 32), &out, &e), &e,
	    "algorithm-not-allowed");
	CU_ASSERT_EQUAL(out.len, 0);
	unlink(conf.file); /* a pulled USB memory changes nothing now */
	CHECK_OK(b->alive(k, &e), &e);
	check_signs(k);
	b->close(k);
}

static void
wrong_password_is_a_wrong_pin(void)
{
	static const char *const wrong[] = {"Geheim", "geheim ", "", "x"};
	struct err e = {0};
	struct key *k = open_file(keylab_p12("wrong.p12", "geheim"), &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_CODE(unlock(k, wrong[i], &e), &e, "pin-wrong");
		CU_ASSERT_EQUAL(e.class, ERR_PIN);
	}
	CHECK_OK(unlock(k, "geheim", &e), &e);
	b->close(k);
}

static void
japanese_and_empty_passwords_work(void)
{
	static const char kanji[] = "\xE6\xA7\x8B\xE6\x88\x90"
				    "A1";
	struct key_status s;
	struct err e = {0};
	struct key *k = open_file(keylab_p12("kanji.p12", kanji), &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CHECK_OK(unlock(k, kanji, &e), &e);
	check_signs(k);
	b->close(k);
	k = open_file(keylab_p12("empty.p12", ""), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CHECK_OK(b->status(k, &s, &e), &e);
	CU_ASSERT_EQUAL(s.pin, PIN_NONE);
	CHECK_OK(b->unlock(k, NULL, &e), &e);
	check_signs(k);
	b->close(k);
}

/* The private numbers lie in the secure heap, and leave it. */
static void
key_lives_in_the_secure_heap(void)
{
	struct err e = {0};
	struct key *k = open_file(keylab_p12("heap.p12", "geheim"), &e);
	size_t before = CRYPTO_secure_used(), unlocked;

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CHECK_OK(unlock(k, "geheim", &e), &e);
	unlocked = CRYPTO_secure_used();
	CU_ASSERT(unlocked >= before + 256 + 5 * 128);
	b->close(k);
	CU_ASSERT_EQUAL(CRYPTO_secure_used(), before);
}

/* Writes the key by the openssl program with these options. */
static const char *
by_openssl(const char *name, const char *options)
{
	static char path[300];
	struct slice der = keylab_certificate();
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	char pem[300], command[1000];
	FILE *f;

	snprintf(pem, sizeof pem, "%s/%s.pem", suite_dir_path(), name);
	snprintf(path, sizeof path, "%s/%s", suite_dir_path(), name);
	f = fopen(pem, "w");
	PEM_write_PrivateKey(f, keylab_key(), NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
	snprintf(command, sizeof command,
	    "openssl pkcs12 -export -in %s -out %s -passout pass:geheim %s "
	    "2>/dev/null",
	    pem, path, options);
	CU_ASSERT_EQUAL(system(command), 0);
	return path;
}

/* Where OpenSSL has no old ciphers, the operator is told so.  Comes before
 * the case that loads them. */
static void
missing_legacy_provider_is_told(void)
{
	const char *path = by_openssl("rc2.p12",
	    "-legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES");
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct err e = {0};
		struct key *k;

		setenv("OPENSSL_MODULES", "/nonexistent", 1);
		k = open_file(path, &e);
		if (k == NULL || unlock(k, "geheim", &e) == 0)
			_exit(1);
		_exit(strcmp(e.code, "pkcs12-legacy") == 0 &&
			      e.class == ERR_CONFIG
			  ? 0
			  : 2);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static void
files_of_every_age_open(void)
{
	static const char *const kinds[] = {"", "-legacy",
	    "-legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES",
	    "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES", "-certpbe NONE",
	    ("-certpbe AES-256-CBC -keypbe AES-256-CBC "
	     "-macalg sha256")};
	struct err e = {0};

	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct key *k = open_file(by_openssl("age.p12", kinds[i]), &e);

		CU_ASSERT_PTR_NOT_NULL_FATAL(k);
		CHECK_CODE(unlock(k, "falsch", &e), &e, "pin-wrong");
		if (unlock(k, "geheim", &e) != 0) {
			printf("# %s\n", kinds[i]);
			suite_print_err(__FILE__, __LINE__, &e);
			CU_FAIL("a good file does not open");
		} else {
			check_signs(k);
		}
		b->close(k);
	}
}

static X509 *
another_certificate(EVP_PKEY *key, long serial)
{
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	CU_ASSERT(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

/* A file with chain certificates, the key's own not first. */
static void
own_certificate_is_found_in_a_chain(void)
{
	struct slice der = keylab_certificate();
	const unsigned char *p = der.p;
	X509 *own = d2i_X509(NULL, &p, (long)der.len);
	EVP_PKEY *other = EVP_RSA_gen(2048);
	STACK_OF(X509) *chain = sk_X509_new_null();
	char path[300];
	PKCS12 *p12;
	struct key *k;
	struct err e = {0};
	FILE *f;

	sk_X509_push(chain, another_certificate(other, 1));
	sk_X509_push(chain, own);
	sk_X509_push(chain, another_certificate(other, 2));
	/* Given as "others": nothing marks the one that is the key's. */
	p12 = PKCS12_create(
	    "geheim", NULL, keylab_key(), NULL, chain, 0, 0, 0, 0, 0);
	snprintf(path, sizeof path, "%s/chain.p12", suite_dir_path());
	f = fopen(path, "wb");
	CU_ASSERT_EQUAL(i2d_PKCS12_fp(f, p12), 1);
	fclose(f);
	k = open_file(path, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CHECK_OK(unlock(k, "geheim", &e), &e);
	check_signs(k);
	b->close(k);
	PKCS12_free(p12);
	sk_X509_pop_free(chain, X509_free);
	EVP_PKEY_free(other);
}

static void
save(const char *name, EVP_PKEY *key, X509 *x, char *path, size_t size)
{
	PKCS12 *p12 =
	    PKCS12_create("geheim", NULL, key, x, NULL, 0, 0, 0, 0, 0);
	FILE *f;

	snprintf(path, size, "%s/%s", suite_dir_path(), name);
	f = fopen(path, "wb");
	CU_ASSERT_EQUAL(i2d_PKCS12_fp(f, p12), 1);
	fclose(f);
	PKCS12_free(p12);
}

static void
incomplete_files_are_named(void)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	X509 *x = another_certificate(ec, 3);
	struct err e = {0};
	struct key *k;
	char path[300];

	save("nokey.p12", NULL, x, path, sizeof path);
	k = open_file(path, &e);
	CHECK_CODE(unlock(k, "geheim", &e), &e, "pkcs12-incomplete");
	b->close(k);
	save("nocert.p12", keylab_key(), NULL, path, sizeof path);
	k = open_file(path, &e);
	CHECK_CODE(unlock(k, "geheim", &e), &e, "pkcs12-incomplete");
	b->close(k);
	save("ec.p12", ec, x, path, sizeof path);
	k = open_file(path, &e);
	CHECK_CODE(unlock(k, "geheim", &e), &e, "algorithm-not-allowed");
	CU_ASSERT_EQUAL(e.class, ERR_CONFIG);
	b->close(k);
	X509_free(x);
	EVP_PKEY_free(ec);
}

static void
other_files_are_refused(void)
{
	struct err e = {0};

	CU_ASSERT_PTR_NULL(open_file("/nonexistent/key.p12", &e));
	CU_ASSERT_STRING_EQUAL(e.code, "key-file-unreadable");
	CU_ASSERT_EQUAL(e.class, ERR_CARD); /* a pulled USB memory: held */
	CU_ASSERT_PTR_NULL(open_file(suite_dir_path(), &e));
	CU_ASSERT_STRING_EQUAL(e.code, "key-file-unreadable");
	CU_ASSERT_PTR_NULL(
	    open_file(keylab_file("text.p12", "not a key", 0600), &e));
	CU_ASSERT_STRING_EQUAL(e.code, "pkcs12-malformed");
	CU_ASSERT_PTR_NULL(open_file(keylab_file("zero.p12", "", 0600), &e));
	CU_ASSERT_STRING_EQUAL(e.code, "pkcs12-malformed");
	CU_ASSERT_PTR_NULL(open_file(by_openssl("nomac.p12", "-nomac"), &e));
	CU_ASSERT_STRING_EQUAL(e.code, "pkcs12-no-mac");
	CU_ASSERT_PTR_NULL(open_file("/dev/zero", &e));
	CU_ASSERT_STRING_EQUAL(e.code, "key-file-unreadable");
	CU_ASSERT_PTR_NULL(open_file("", &e));
	CU_ASSERT_STRING_EQUAL(e.code, "key-file-missing");
	b->close(NULL);
}

/* Cut or changed anywhere, a file is refused or proves its password. */
static void
damaged_files_do_no_harm(void)
{
	const char *path = keylab_p12("damaged.p12", "geheim");
	static uint8_t text[8192];
	size_t n;
	FILE *f = fopen(path, "rb");

	n = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t i = 0; i < n; i += 37) {
		struct err e = {0};
		struct key *k;

		text[i] ^= 0x11;
		f = fopen(path, "wb");
		fwrite(text, 1, i % 2 == 0 ? n : i, f);
		fclose(f);
		text[i] ^= 0x11;
		k = open_file(path, &e);
		if (k != NULL && unlock(k, "geheim", &e) == 0)
			check_signs(k);
		b->close(k);
	}
	free(conf.file);
	conf.file = NULL;
}

#ifdef NATSUIN_SANITIZED
/* OpenSSL's legacy provider stays loaded as long as the process lives; what
 * it allocated hangs on a library that is gone when leaks are counted. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void)
{
	return "leak:libcrypto.so\n";
}
#endif

SUITE_MAIN("pkcs12", CASE(signs_once_unlocked),
    CASE(wrong_password_is_a_wrong_pin),
    CASE(japanese_and_empty_passwords_work), CASE(key_lives_in_the_secure_heap),
    CASE(missing_legacy_provider_is_told), CASE(files_of_every_age_open),
    CASE(own_certificate_is_found_in_a_chain), CASE(incomplete_files_are_named),
    CASE(other_files_are_refused), CASE(damaged_files_do_no_harm))
