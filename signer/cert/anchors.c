/*
 * Trust anchors come from the operator's folder and from nowhere else; the
 * system's web anchors are never looked at.  A file that cannot be read as a
 * certificate is an error with its name, not a shorter list.
 */
#include "signer/cert/anchors.h"

#include "base/fsops.h"
#include "signer/cert/anchor_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANCHORS_MAX 500
#define ANCHOR_FILE_MAX (1 << 20)

static bool
self_signed(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	bool yes = key != NULL &&
		   X509_NAME_cmp(X509_get_subject_name(x),
		       X509_get_issuer_name(x)) == 0 &&
		   X509_verify(x, key) == 1;

	ERR_clear_error();
	return yes;
}

/* Takes over x.  The same certificate twice counts once. */
static int
add(struct cert_anchors *a, X509 *x, struct err *e)
{
	struct anchor *grown;

	for (size_t i = 0; i < a->count; i++) {
		if (X509_cmp(a->item[i].x, x) == 0) {
			X509_free(x);
			return 0;
		}
	}
	grown = reallocarray(a->item, a->count + 1, sizeof *grown);
	if (grown == NULL || a->count == ANCHORS_MAX) {
		if (grown != NULL)
			a->item = grown;
		X509_free(x);
		return grown == NULL
			   ? err_nomem(e)
			   : err_set(e, ERR_CONFIG, "anchors-unreadable",
				 "more than %d", ANCHORS_MAX);
	}
	a->item = grown;
	a->item[a->count++] = (struct anchor){x, self_signed(x)};
	return 0;
}

static int
malformed(const char *name, struct err *e)
{
	unsigned long lib = ERR_peek_last_error();

	ERR_clear_error();
	return err_lib(e, ERR_CONFIG, "anchor-malformed", lib, "%s", name);
}

static int
add_pem(
    struct cert_anchors *a, struct slice text, const char *name, struct err *e)
{
	BIO *b = BIO_new_mem_buf(text.p, (int)text.len);
	size_t n = 0;
	X509 *x;
	int rc = 0;

	if (b == NULL)
		return err_nomem(e);
	while (
	    rc == 0 && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		n++;
		rc = add(a, x, e);
	}
	BIO_free(b);
	/* The end of the text is the one error that is none. */
	if (rc == 0 && (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) !=
				      PEM_R_NO_START_LINE))
		return malformed(name, e);
	ERR_clear_error();
	return rc;
}

static int
add_bytes(
    struct cert_anchors *a, struct slice bytes, const char *name, struct err *e)
{
	const unsigned char *p = bytes.p;
	X509 *x;

	if (bytes.len == 0)
		return malformed(name, e);
	if (bytes.p[0] != 0x30)
		return add_pem(a, bytes, name, e);
	x = d2i_X509(NULL, &p, (long)bytes.len);
	if (x == NULL || p != bytes.p + bytes.len) {
		X509_free(x);
		return malformed(name, e);
	}
	return add(a, x, e);
}

static bool
is_certificate_name(const char *name)
{
	static const char *const ends[] = {".pem", ".crt", ".cer", ".der"};
	size_t len = strlen(name);

	if (name[0] == '.' || len < 5)
		return false;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (strcasecmp(name + len - 4, ends[i]) == 0)
			return true;
	return false;
}

static int
add_file(struct cert_anchors *a, int dirfd, const char *name, struct err *e)
{
	struct buf bytes = {0};
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = -1;

	if (fd < 0)
		return err_errno(
		    e, ERR_CONFIG, "anchors-unreadable", "%s", name);
	if (fs_read_all(fd, ANCHOR_FILE_MAX, &bytes, e) == 0)
		rc = add_bytes(a, buf_view(&bytes), name, e);
	buf_free(&bytes);
	close(fd);
	return rc;
}

static int
add_folder(struct cert_anchors *a, DIR *d, struct err *e)
{
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL)
		if (is_certificate_name(entry->d_name) &&
		    add_file(a, dirfd(d), entry->d_name, e) != 0)
			return -1;
	return 0;
}

struct cert_anchors *
cert_anchors_load(const char *dir, struct err *e)
{
	struct cert_anchors *a = calloc(1, sizeof *a);
	DIR *d;

	if (a == NULL) {
		err_nomem(e);
		return NULL;
	}
	d = opendir(dir);
	if (d == NULL) {
		err_errno(e, ERR_CONFIG, "anchors-unreadable", "%s", dir);
		cert_anchors_free(a);
		return NULL;
	}
	if (add_folder(a, d, e) != 0) {
		cert_anchors_free(a);
		a = NULL;
	}
	closedir(d);
	return a;
}

struct cert_anchors *
cert_anchors_parse(struct slice pem, struct err *e)
{
	struct cert_anchors *a = calloc(1, sizeof *a);

	if (a == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (pem.len > 0 && add_pem(a, pem, "PEM", e) != 0) {
		cert_anchors_free(a);
		return NULL;
	}
	return a;
}

struct cert_anchors *
cert_anchors_read(int fd, struct err *e)
{
	struct cert_anchors *a = NULL;
	struct buf bytes = {0};

	if (fs_read_all(fd, 4 * ANCHOR_FILE_MAX, &bytes, e) == 0)
		a = cert_anchors_parse(buf_view(&bytes), e);
	buf_free(&bytes);
	return a;
}

int
cert_anchors_pem(const struct cert_anchors *a, struct buf *out, struct err *e)
{
	BIO *b = BIO_new(BIO_s_mem());
	unsigned char *text = NULL;
	int rc = b == NULL ? -1 : 0;
	long n;

	for (size_t i = 0; rc == 0 && i < a->count; i++)
		if (PEM_write_bio_X509(b, a->item[i].x) != 1)
			rc = -1;
	if (rc == 0) {
		n = BIO_get_mem_data(b, &text);
		rc = n < 0 ? -1 : buf_append(out, text, (size_t)n);
	}
	BIO_free(b);
	return rc == 0 ? 0 : err_nomem(e);
}

size_t
cert_anchors_count(const struct cert_anchors *a)
{
	return a->count;
}

size_t
cert_anchors_trusted(const struct cert_anchors *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += a->item[i].trusted;
	return n;
}

int
cert_anchors_der(const struct cert_anchors *a, size_t i, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(a->item[i].x, &der), rc = -1;

	if (n > 0)
		rc = buf_append(out, der, (size_t)n);
	OPENSSL_free(der);
	return rc;
}

void
cert_anchors_free(struct cert_anchors *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->count; i++)
		X509_free(a->item[i].x);
	free(a->item);
	free(a);
}
