/*
 * A key in a PKCS#12 file; its PIN is the file's password.  The file is read
 * once, at open; the decrypted key lives in this process only, its numbers
 * in OpenSSL's secure heap, and is gone with close.  Never writes anything.
 */
#include "signer/key/backend.h"

#include "base/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1024 * 1024)

struct key {
	char *path;
	struct buf file; /* as read: encrypted */
	EVP_PKEY *pkey;  /* NULL until unlocked */
	EVP_PKEY_CTX *sign;
	const struct algorithm *algorithm; /* that the key is for */
	X509 *certificate;
};

static void
p12_close(struct key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_CTX_free(k->sign);
	EVP_PKEY_free(k->pkey);
	X509_free(k->certificate);
	buf_free(&k->file);
	free(k->path);
	free(k);
}

static PKCS12 *
parse_file(const struct key *k)
{
	const unsigned char *p = k->file.p;

	return d2i_PKCS12(NULL, &p, (long)k->file.len);
}

static int
read_file(struct key *k, struct err *e)
{
	struct stat st;
	PKCS12 *p12;
	int fd, result = -1;

	fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_errno(
		    e, ERR_CARD, "key-file-unreadable", "%s", k->path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_set(e, ERR_CONFIG, "key-file-unreadable",
		    "%s is not a regular file", k->path);
		goto out;
	}
	if (fs_read_all(fd, FILE_MAX_BYTES, &k->file, e) != 0) {
		err_push(e, "reading %s", k->path);
		goto out;
	}
	p12 = parse_file(k);
	if (p12 == NULL) {
		err_lib(e, ERR_CONFIG, "pkcs12-malformed", ERR_get_error(),
		    "%s", k->path);
		goto out;
	}
	/* Without one a wrong password cannot be told from a damaged file. */
	if (!PKCS12_mac_present(p12))
		err_set(e, ERR_CONFIG, "pkcs12-no-mac", "%s", k->path);
	else
		result = 0;
	PKCS12_free(p12);
out:
	close(fd);
	ERR_clear_error();
	return result;
}

static struct key *
p12_open(const struct conf_key *conf, struct err *e)
{
	struct key *k;

	if (conf->file == NULL || conf->file[0] == '\0') {
		err_set(e, ERR_CONFIG, "key-file-missing",
		    "key \"%s\" names no file", conf->name);
		return NULL;
	}
	k = calloc(1, sizeof *k);
	if (k == NULL || (k->path = strdup(conf->file)) == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (read_file(k, e) != 0)
		goto fail;
	return k;
fail:
	p12_close(k);
	return NULL;
}

/* True when the file opens without any password. */
static bool
needs_none(const struct key *k)
{
	PKCS12 *p12 = parse_file(k);
	bool none = p12 != NULL && (PKCS12_verify_mac(p12, "", 0) == 1 ||
				       PKCS12_verify_mac(p12, NULL, 0) == 1);

	PKCS12_free(p12);
	ERR_clear_error();
	return none;
}

static int
p12_alive(struct key *k, struct err *e)
{
	if (k->pkey != NULL || access(k->path, R_OK) == 0)
		return 0;
	return err_errno(e, ERR_CARD, "key-file-unreadable", "%s", k->path);
}

static int
p12_status(struct key *k, struct key_status *out, struct err *e)
{
	memset(out, 0, sizeof *out);
	out->tries_left = -1;
	out->present = p12_alive(k, e) == 0;
	snprintf(out->where, sizeof out->where, "%s", k->path);
	if (k->pkey != NULL)
		out->pin = PIN_VERIFIED;
	else
		out->pin = needs_none(k) ? PIN_NONE : PIN_NEEDED;
	return 0;
}

/* Old files use RC2 and 3DES, which OpenSSL 3 keeps in a provider of its
 * own.  Loaded only when a file wants it. */
static int
load_legacy(struct err *e)
{
	static bool loaded;

	if (!loaded && OSSL_PROVIDER_try_load(NULL, "legacy", 1) == NULL)
		return err_lib(e, ERR_CONFIG, "pkcs12-legacy", ERR_get_error(),
		    "%s", "RC2 or another old cipher");
	loaded = true;
	return 0;
}

static bool
is_unsupported(unsigned long code)
{
	int reason = ERR_GET_REASON(code);

	return reason == ERR_R_UNSUPPORTED ||
	       reason == EVP_R_UNSUPPORTED_ALGORITHM ||
	       reason == EVP_R_UNSUPPORTED_CIPHER ||
	       reason == PKCS12_R_UNKNOWN_DIGEST_ALGORITHM;
}

/* True when the error queue holds "this algorithm is not loaded". */
static bool
queue_says_unsupported(unsigned long *first)
{
	unsigned long code;
	bool unsupported = false;

	*first = ERR_peek_error();
	while ((code = ERR_get_error()) != 0)
		unsupported = unsupported || is_unsupported(code);
	return unsupported;
}

/* Decrypts with the password; the key's own certificate comes with it. */
static int
decrypt(struct key *k, PKCS12 *p12, const char *password, struct err *e)
{
	STACK_OF(X509) *others = NULL;
	unsigned long first;
	int ok;

	ok = PKCS12_parse(p12, password, &k->pkey, &k->certificate, &others);
	if (ok != 1 && queue_says_unsupported(&first)) {
		if (load_legacy(e) != 0)
			return -1;
		ok = PKCS12_parse(
		    p12, password, &k->pkey, &k->certificate, &others);
	}
	sk_X509_pop_free(others, X509_free);
	if (ok == 1)
		return 0;
	/* The MAC has proved the password right before. */
	return err_lib(
	    e, ERR_CONFIG, "pkcs12-malformed", ERR_peek_error(), "%s", k->path);
}

static int
prepare_sign(struct key *k, struct err *e)
{
	if (k->pkey == NULL || k->certificate == NULL)
		return err_set(e, ERR_CONFIG, "pkcs12-incomplete",
		    "%s has no %s", k->path,
		    k->pkey == NULL ? "private key" : "certificate of its key");
	k->algorithm = algorithm_of_key(k->pkey);
	if (k->algorithm == NULL)
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "%s holds neither an RSA nor a P-384 key", k->path);
	k->sign = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	if (k->sign == NULL || EVP_PKEY_sign_init(k->sign) != 1 ||
	    algorithm_prepare(k->algorithm, k->sign) != 0)
		return err_lib(e, ERR_CARD, "key-unusable", ERR_peek_error(),
		    "%s", k->path);
	return 0;
}

static int
p12_unlock(struct key *k, const struct secret *pin, struct err *e)
{
	const char *password = pin == NULL ? "" : secret_text(pin);
	PKCS12 *p12 = parse_file(k);
	int result = -1;

	if (p12 == NULL) {
		err_nomem(e);
		goto out;
	}
	if (PKCS12_verify_mac(p12, password, -1) != 1 &&
	    (password[0] != '\0' || PKCS12_verify_mac(p12, NULL, 0) != 1)) {
		unsigned long first;

		if (queue_says_unsupported(&first))
			err_lib(e, ERR_CONFIG, "pkcs12-legacy", first, "%s",
			    k->path);
		else
			err_set(e, ERR_PIN, "pin-wrong", "%s", k->path);
		goto out;
	}
	ERR_clear_error();
	if (decrypt(k, p12, password, e) != 0 || prepare_sign(k, e) != 0)
		goto out;
	result = 0;
out:
	PKCS12_free(p12);
	ERR_clear_error();
	return result;
}

static int
p12_certificate(struct key *k, struct buf *out, struct err *e)
{
	unsigned char *der = NULL;
	int n, result;

	if (k->certificate == NULL)
		return err_set(
		    e, ERR_PIN, "pin-needed", "%s is locked", k->path);
	n = i2d_X509(k->certificate, &der);
	if (n <= 0)
		return err_nomem(e);
	result = buf_append(out, der, (size_t)n);
	OPENSSL_free(der);
	return result == 0 ? 0 : err_nomem(e);
}

static int
p12_sign(struct key *k, enum sign_algorithm a, struct slice digest,
    struct buf *out, struct err *e)
{
	if (k->sign == NULL)
		return err_set(
		    e, ERR_PIN, "pin-needed", "%s is locked", k->path);
	if (a != k->algorithm->id || digest.len != k->algorithm->digest)
		return err_set(e, ERR_CONFIG, "algorithm-not-allowed",
		    "algorithm %d", (int)a);
	if (algorithm_sign(k->algorithm, k->sign, digest, out) == 0)
		return 0;
	err_lib(e, ERR_CARD, "key-unusable", ERR_peek_error(), "%s", k->path);
	ERR_clear_error();
	return -1;
}

const struct key_backend key_backend_pkcs12 = {
    .name = "pkcs12",
    .pin_min = 0,
    .pin_max = 256,
    .open = p12_open,
    .status = p12_status,
    .unlock = p12_unlock,
    .certificate = p12_certificate,
    .sign = p12_sign,
    .alive = p12_alive,
    .close = p12_close,
};
