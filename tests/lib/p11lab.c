/*
 * Keys and certificates for the scripted PKCS#11 module, and its script in a
 * file, so that a keyholder in a process of its own follows it too.
 */
#include "tests/lib/p11lab.h"

#include "tests/lib/certlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum certlab_key keys[] = {KEY_LEAF, KEY_P384};
static struct buf ders[2];
static char key_paths[2][300], der_paths[3][300];

static void
write_file(const char *path, struct slice bytes)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(bytes.p, 1, bytes.len, f) != bytes.len ||
	    fclose(f) != 0)
		exit(2);
}

static X509 *
certificate(const char *subject, enum certlab_key key)
{
	const struct certlab_spec spec = {.subject = subject,
	    .key = key,
	    .signer = key,
	    .from = "20200101000000Z",
	    .until = "20991231000000Z",
	    .extension = {
		{"keyUsage", "critical,digitalSignature,nonRepudiation"}}};

	return certlab_make(&spec);
}

static void
make(unsigned i)
{
	X509 *x = certificate("C=JP/O=natsuin test/CN=token", keys[i]);
	FILE *f;

	snprintf(key_paths[i], sizeof key_paths[i], "%s/p11key%u.pem",
	    suite_dir_path(), i);
	snprintf(der_paths[i], sizeof der_paths[i], "%s/p11cert%u.der",
	    suite_dir_path(), i);
	f = fopen(key_paths[i], "w");
	if (f == NULL ||
	    PEM_write_PrivateKey(
		f, certlab_key(keys[i]), NULL, NULL, 0, NULL, NULL) != 1 ||
	    fclose(f) != 0)
		exit(2);
	certlab_der(x, &ders[i]);
	write_file(der_paths[i], buf_view(&ders[i]));
	X509_free(x);
}

static void
make_all(void)
{
	if (ders[0].len > 0)
		return;
	make(P11LAB_RSA);
	make(P11LAB_EC);
}

const char *
p11lab_second(void)
{
	struct buf der = {0};
	X509 *x;

	if (der_paths[2][0] != '\0')
		return der_paths[2];
	x = certificate("C=JP/O=natsuin test/CN=second", KEY_STRANGER);
	snprintf(der_paths[2], sizeof der_paths[2], "%s/p11cert2.der",
	    suite_dir_path());
	certlab_der(x, &der);
	write_file(der_paths[2], buf_view(&der));
	buf_free(&der);
	X509_free(x);
	return der_paths[2];
}

void
p11lab_script(enum p11lab_key kind, const char *fmt, ...)
{
	char text[3000], path[300], at[301];
	va_list args;
	int n;

	make_all();
	if (kind == P11LAB_STRANGER)
		n = snprintf(text, sizeof text, "key=%s cert=%s ",
		    key_paths[P11LAB_RSA], p11lab_second());
	else
		n = snprintf(text, sizeof text, "key=%s cert=%s ",
		    key_paths[kind], der_paths[kind]);
	va_start(args, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
	va_end(args);
	snprintf(path, sizeof path, "%s/p11script", suite_dir_path());
	snprintf(at, sizeof at, "@%s", path);
	write_file(path, slice_str(text));
	setenv("P11SCRIPT", at, 1);
}

const char *
p11lab_module(void)
{
	static char path[400];
	const char *build = getenv("NATSUIN_BUILD");

	snprintf(path, sizeof path, "%s/tests/p11script/p11script.so",
	    build == NULL ? "build" : build);
	return path;
}

struct conf_key *
p11lab_conf(void)
{
	static char name[] = "script", nothing[3][1], module[400];
	static struct conf_key conf;

	snprintf(module, sizeof module, "%s", p11lab_module());
	conf = (struct conf_key){.name = name,
	    .backend = CONF_BACKEND_PKCS11,
	    .module = module,
	    .token_serial = nothing[0],
	    .token_label = nothing[1],
	    .certificate_sha256 = nothing[2]};
	return &conf;
}

struct p11script_counts
p11lab_counts(void)
{
	struct p11script_counts (*counts)(void);
	struct p11script_counts none = {0};
	void *symbol,
	    *library = dlopen(p11lab_module(), RTLD_NOW | RTLD_NOLOAD);

	if (library == NULL)
		return none;
	symbol = dlsym(library, "p11script_counts");
	memcpy(&counts, &symbol, sizeof counts);
	dlclose(library);
	return counts();
}

struct slice
p11lab_certificate(enum p11lab_key kind)
{
	make_all();
	return buf_view(&ders[kind]);
}

static bool
verify(EVP_PKEY *key, struct slice digest, struct slice signature)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	bool good = c != NULL && EVP_PKEY_verify_init(c) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(
			c, rsa ? EVP_sha256() : EVP_sha384()) == 1 &&
		    EVP_PKEY_verify(c, signature.p, signature.len, digest.p,
			digest.len) == 1;

	EVP_PKEY_CTX_free(c);
	return good;
}

/* r || s as OpenSSL wants it. */
static bool
verify_raw(EVP_PKEY *key, struct slice digest, struct slice raw)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	int half = (int)(raw.len / 2);
	unsigned char *der = NULL;
	int n;
	bool good;

	if (raw.len != 96 || ECDSA_SIG_set0(s, BN_bin2bn(raw.p, half, NULL),
				 BN_bin2bn(raw.p + half, half, NULL)) != 1) {
		ECDSA_SIG_free(s);
		return false;
	}
	n = i2d_ECDSA_SIG(s, &der);
	good = n > 0 && verify(key, digest, slice_of(der, (size_t)n));
	OPENSSL_free(der);
	ECDSA_SIG_free(s);
	return good;
}

bool
p11lab_verifies(
    struct slice certificate_der, struct slice digest, struct slice signature)
{
	const unsigned char *p = certificate_der.p;
	X509 *x = d2i_X509(NULL, &p, (long)certificate_der.len);
	EVP_PKEY *key = x == NULL ? NULL : X509_get0_pubkey(x);
	bool good = key != NULL && (EVP_PKEY_is_a(key, "EC")
					   ? verify_raw(key, digest, signature)
					   : verify(key, digest, signature));

	X509_free(x);
	return good;
}

int
p11lab_unlock(
    const struct key_backend *b, struct key *k, const char *text, struct err *e)
{
	static struct secret *kept; /* outlives the key, as a session's */
	static bool ready;

	if (!ready && secret_init(e) != 0)
		return -1;
	ready = true;
	secret_free(kept);
	kept = secret_new(300);
	memcpy(secret_room(kept), text, strlen(text));
	secret_set_len(kept, strlen(text));
	return b->unlock(k, kept, e);
}

static size_t
digest_size(enum sign_algorithm a)
{
	return a == SIGN_RSA_SHA256 ? 32 : 48;
}

int
p11lab_sign(const struct key_backend *b, struct key *k, enum sign_algorithm a,
    uint8_t fill, struct buf *out, struct err *e)
{
	uint8_t digest[48];

	memset(digest, fill, sizeof digest);
	buf_reset(out);
	err_clear(e);
	return b->sign(k, a, slice_of(digest, digest_size(a)), out, e);
}

bool
p11lab_signed(struct slice certificate, enum sign_algorithm a, uint8_t fill,
    const struct buf *signature)
{
	uint8_t digest[48];

	memset(digest, fill, sizeof digest);
	return p11lab_verifies(
	    certificate, slice_of(digest, digest_size(a)), buf_view(signature));
}
