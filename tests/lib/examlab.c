/*
 * Real keys, real schemas, files in memory: what an examiner is given, minus
 * the processes around it.  Failures of the helpers end the program.
 */
#include "tests/lib/examlab.h"

#include "base/fsops.h"
#include "schemas/bundle.h"
#include "tests/lib/xsdtree.h"

#include <errno.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static EVP_PKEY *keys[EXAMLAB_SIGNERS];
static struct buf certificates[EXAMLAB_SIGNERS];

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "examlab: %s failed\n", what);
	exit(2);
}

void
examlab_open(struct examlab *l, const char *name, struct slice bytes)
{
	int fd = fs_memfd("examlab", NULL);

	need(fd >= 0 && fs_write(fd, bytes, NULL) == 0, "memfd");
	l->member = (struct member){name, fd, bytes.len};
	l->drop = (struct drop){name, false, &l->member, 1};
}

void
examlab_close(struct examlab *l)
{
	if (l->drop.count == 1)
		close(l->member.fd);
	memset(l, 0, sizeof *l);
}

void
examlab_read(const struct examlab *l, struct buf *out)
{
	need(fs_read_all(l->member.fd, 1u << 30, out, NULL) == 0, "read");
}

static void
forget(void)
{
	for (unsigned i = 0; i < EXAMLAB_SIGNERS; i++) {
		EVP_PKEY_free(keys[i]);
		buf_free(&certificates[i]);
	}
}

static void
make(unsigned i)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	unsigned char *der = NULL;
	char name[40];
	int len;

	keys[i] = EVP_RSA_gen(2048);
	need(keys[i] != NULL && x != NULL, "EVP_RSA_gen");
	snprintf(name, sizeof name, "Signer %u of the tests", i);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 100 + i);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400L * 365);
	X509_NAME_add_entry_by_txt(
	    n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, n);
	X509_set_pubkey(x, keys[i]);
	need(X509_sign(x, keys[i], EVP_sha256()) > 0, "X509_sign");
	len = i2d_X509(x, &der);
	need(len > 0, "i2d_X509");
	need(buf_append(&certificates[i], der, (size_t)len) == 0, "memory");
	OPENSSL_free(der);
	X509_free(x);
}

EVP_PKEY *
examlab_key(unsigned i)
{
	if (keys[0] == NULL)
		atexit(forget);
	for (unsigned k = 0; k < EXAMLAB_SIGNERS && keys[0] == NULL; k++)
		make(EXAMLAB_SIGNERS - 1 - k);
	return keys[i];
}

struct slice
examlab_certificate(unsigned i)
{
	examlab_key(i);
	return buf_view(&certificates[i]);
}

void
examlab_sign(unsigned i, struct slice bytes, struct buf *value)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 512;

	buf_reset(value);
	need(buf_reserve(value, n) == 0 && ctx != NULL, "memory");
	need(EVP_DigestSignInit(
		 ctx, NULL, EVP_sha256(), NULL, examlab_key(i)) == 1 &&
		 EVP_DigestSign(ctx, value->p, &n, bytes.p, bytes.len) == 1,
	    "EVP_DigestSign");
	value->len = n;
	EVP_MD_CTX_free(ctx);
}

static int
open_bundle(void *ctx, const char *procedure, const char *version,
    char sha256[65], struct err *e)
{
	struct bundle b = {0};
	int fd = xsdtree_bundle(ctx, procedure, version, e);

	if (fd < 0) {
		errno = ENOENT;
		return err_errno(e, ERR_INPUT, "schema-missing", "%s", "");
	}
	if (bundle_read(fd, &b, e) != 0) {
		close(fd);
		return -1;
	}
	snprintf(sha256, 65, "%s", b.sha256);
	bundle_free(&b);
	return fd;
}

void
examlab_schemas(struct exam_options *o, const char *path)
{
	static char kept[2][300];
	static unsigned turn;
	char *copy = kept[turn++ % 2];

	snprintf(copy, sizeof kept[0], "%s", path == NULL ? "" : path);
	o->schemas.open = path == NULL ? NULL : open_bundle;
	o->schemas.ctx = copy;
}

static void
signer(struct exam_signer *s, unsigned i)
{
	const unsigned char *p = examlab_certificate(i).p;
	X509 *x = d2i_X509(NULL, &p, (long)examlab_certificate(i).len);
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	need(n > 0, "i2d_X509_PUBKEY");
	SHA256(der, (size_t)n, s->spki);
	OPENSSL_free(der);
	X509_free(x);
	memset(s->etax_user_id, (int)('1' + i), 16);
	s->etax_user_id[16] = '\0';
	s->known = true;
}

void
examlab_options(struct exam_options *o, unsigned signers)
{
	memset(o, 0, sizeof *o);
	o->limits = (struct exam_limits){.document_max = 20 << 20,
	    .drop_max = 40 << 20,
	    .full_verify_max = 32 << 20,
	    .members_max = 100,
	    .archive_max = 1000,
	    .depth = 200,
	    .attributes = 256,
	    .namespaces = 256,
	    .ids = 100000};
	o->anchors_fd = -1;
	o->signer_count = signers;
	for (unsigned i = 0; i < signers; i++)
		signer(&o->signers[i], i);
	examlab_schemas(o, xsdtree_demo());
}

int
examlab_build(const struct submission_format *format, const struct examlab *in,
    const struct findings *f, unsigned with, unsigned n, struct examlab *out,
    struct err *e)
{
	struct new_signature sigs[EXAMLAB_SIGNERS] = {0};
	struct buf values[EXAMLAB_SIGNERS] = {0};
	struct slice plan = buf_view(&f->parts[0].plan);
	struct built b = {0};
	size_t count = 0;
	int result;

	for (unsigned i = 0; i < EXAMLAB_SIGNERS; i++) {
		if (!(with >> i & 1))
			continue;
		examlab_sign(i, buf_view(&f->parts[0].signed_info), &values[i]);
		sigs[count].value = buf_view(&values[i]);
		sigs[count].certificate = examlab_certificate(i);
		memset(sigs[count].id, (int)('1' + i), 17);
		sigs[count].id[0] = '_';
		snprintf(sigs[count].id + 17, sizeof sigs[0].id - 17,
		    "202611220900%05u", n);
		count++;
	}
	examlab_open(out, "output.xtx", slice_of(NULL, 0));
	result = format->build(&in->drop, NULL, &plan, f->part_count, sigs,
	    count, 0, out->member.fd, &b, e);
	out->member.size = b.size;
	for (unsigned i = 0; i < EXAMLAB_SIGNERS; i++)
		buf_free(&values[i]);
	return result;
}

void
examlab_edit(
    struct buf *out, struct slice text, const char *from, const char *to)
{
	size_t n = strlen(from);
	const uint8_t *at = memmem(text.p, text.len, from, n);

	need(at != NULL, from);
	need(buf_append(out, text.p, (size_t)(at - text.p)) == 0 &&
		 buf_puts(out, to) == 0 &&
		 buf_append(
		     out, at + n, text.len - n - (size_t)(at - text.p)) == 0,
	    "memory");
}

bool
examlab_all_good(const struct findings *f, size_t count)
{
	for (size_t i = 0; i < f->signature_count; i++)
		if (!f->signatures[i].value_ok ||
		    !f->signatures[i].references_ok ||
		    !f->signatures[i].covers_filing)
			return false;
	return f->signature_count == count;
}
