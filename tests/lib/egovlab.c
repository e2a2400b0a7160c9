/*
 * Applications for tests: made from a few values, so that a test shows what
 * is odd about its input and nothing else.  All names in them are invented.
 */
#include "tests/lib/egovlab.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "signer/exam/egov.h"
#include "signer/exam/signedinfo.h"
#include "signer/exam/verify.h"
#include "signer/exam/zip.h"
#include "tests/lib/rawzip.h"
#include "tests/lib/suite.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "egovlab: %s\n", what);
	abort();
}

/* Certificate and hash of the public key, both DER. */
static void
keep_certificate(struct lab_key *k, X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);

	must(n > 0, "certificate");
	buf_append(&k->certificate, der, (size_t)n);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	must(n > 0, "public key");
	SHA256(der, (size_t)n, k->spki);
	OPENSSL_free(der);
}

void
lab_key_make(struct lab_key *k, const char *name)
{
	X509 *cert = X509_new();
	X509_NAME *dn;

	memset(k, 0, sizeof *k);
	k->pkey = EVP_RSA_gen(2048);
	must(k->pkey != NULL && cert != NULL, "key");
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 365 * 86400);
	dn = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(
	    dn, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, dn);
	X509_set_pubkey(cert, k->pkey);
	must(X509_sign(cert, k->pkey, EVP_sha256()) > 0, "sign certificate");
	keep_certificate(k, cert);
	X509_free(cert);
}

bool
lab_key_load(struct lab_key *k, const char *key, const char *certificate)
{
	FILE *f = fopen(key, "rb");
	X509 *cert;

	memset(k, 0, sizeof *k);
	if (f == NULL)
		return false;
	k->pkey = d2i_PrivateKey_fp(f, NULL);
	fclose(f);
	f = fopen(certificate, "r");
	if (f == NULL || k->pkey == NULL)
		return false;
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (cert == NULL)
		return false;
	keep_certificate(k, cert);
	X509_free(cert);
	return true;
}

void
lab_key_free(struct lab_key *k)
{
	EVP_PKEY_free(k->pkey);
	buf_free(&k->certificate);
}

static size_t
size_of(const struct lab_file *f)
{
	return f->size != 0 ? f->size : strlen(f->text);
}

void
lab_folder(struct lab_drop *d, const char *name, const struct lab_file *files,
    size_t count)
{
	memset(d, 0, sizeof *d);
	must(count <= LAB_FILES_MAX, "too many files");
	d->drop = (struct drop){.name = name,
	    .folder = true,
	    .members = d->members,
	    .count = count};
	for (size_t i = 0; i < count; i++)
		d->members[i] = (struct member){.name = files[i].name,
		    .fd =
			rawzip_fd(slice_of(files[i].text, size_of(&files[i]))),
		    .size = size_of(&files[i])};
}

void
lab_zip(struct lab_drop *d, const char *name, const struct lab_file *files,
    size_t count)
{
	struct rawzip_entry entries[LAB_FILES_MAX] = {0};
	struct buf b = {0};

	must(count <= LAB_FILES_MAX, "too many files");
	for (size_t i = 0; i < count; i++) {
		entries[i].name = files[i].name;
		entries[i].data = files[i].text;
		entries[i].size = size_of(&files[i]);
		entries[i].deflate = true;
	}
	rawzip_write(&b, entries, count);
	lab_output(d, rawzip_fd(buf_view(&b)));
	d->drop.name = name;
	buf_free(&b);
}

void
lab_output(struct lab_drop *d, int fd)
{
	memset(d, 0, sizeof *d);
	d->drop = (struct drop){
	    .name = "output.zip", .members = d->members, .count = 1};
	d->members[0] = (struct member){.name = "output.zip",
	    .fd = fd,
	    .size = (uint64_t)lseek(fd, 0, SEEK_END)};
}

void
lab_drop_free(struct lab_drop *d)
{
	for (size_t i = 0; i < d->drop.count; i++)
		close(d->members[i].fd);
	d->drop.count = 0;
}

static const char * or (const char *given, const char *usual)
{
	return given != NULL ? given : usual;
}

static void
put_person(struct buf *b, const char *element, const char *person,
    const char *corporation)
{
	buf_printf(b,
	    "<%s><氏名>%s</氏名><氏名フリガナ/>"
	    "<法人団体名>%s</法人団体名></%s>",
	    element, person, corporation, element);
}

char *
lab_kousei(const struct lab_kousei *k)
{
	struct buf b = {0};
	char *text;

	buf_printf(&b,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DataRoot%s>\n"
	    "<様式ID>%s</様式ID>\n<様式バージョン>0001</様式バージョン>\n"
	    "<構成情報 ID=\"構成情報\">\n<管理情報>\n<手続番号>"
	    "<手続ID>%s</手続ID></手続番号>\n<手続名称>見本の届</手続名称>"
	    "<申請種別>%s</申請種別>\n<申請者連絡先情報>",
	    or (k->root, ""), or (k->style, "999000000000000001"),
	    or (k->procedure, "999A010200001000"),
	    or (k->application, "新規申請"));
	put_person(&b, "申請者情報", "見本　花子", "株式会社みほん");
	put_person(&b, "連絡先情報", "例示　太郎", "");
	buf_puts(&b, "</申請者連絡先情報>\n</管理情報>\n");
	for (size_t i = 0; i < LAB_NAMES_MAX && k->attachments[i]; i++)
		buf_printf(&b,
		    "<添付書類属性情報><添付種別>添付</添付種別>"
		    "<添付書類ファイル名称>%s</添付書類ファイル名称>"
		    "</添付書類属性情報>\n",
		    k->attachments[i]);
	buf_puts(&b, or (k->inside, ""));
	for (size_t i = 0; i < LAB_NAMES_MAX && k->forms[i]; i++)
		buf_printf(&b,
		    "<申請書属性情報><申請書様式ID>999A01020000100001"
		    "</申請書様式ID><申請書ファイル名称>%s"
		    "</申請書ファイル名称></申請書属性情報>",
		    k->forms[i]);
	buf_printf(&b, "</構成情報>%s\n</DataRoot>\n", or (k->after, ""));
	text = buf_cstr(&b);
	must(text != NULL, "memory");
	return text;
}

void
lab_options(struct exam_options *o)
{
	memset(o, 0, sizeof *o);
	o->limits = (struct exam_limits){.document_max = 20 << 20,
	    .drop_max = 64 << 20,
	    .full_verify_max = 32 << 20,
	    .members_max = 100,
	    .archive_max = 1000,
	    .depth = 200,
	    .attributes = 256,
	    .namespaces = 256,
	    .ids = 10000};
	o->anchors_fd = -1;
}

static void
make_value(const struct lab_key *k, struct slice bytes, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t value[512];
	size_t n = sizeof value;

	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
		 EVP_DigestSign(ctx, value, &n, bytes.p, bytes.len) == 1,
	    "sign");
	buf_append(out, value, n);
	EVP_MD_CTX_free(ctx);
}

void
lab_signature(const struct lab_key *k, struct slice signed_info,
    struct slice canonical, struct buf *out)
{
	struct buf value = {0};

	make_value(k, canonical, &value);
	must(signedinfo_signature(out, "", "20261122183007", signed_info,
		 buf_view(&value), buf_view(&k->certificate)) == 0,
	    "signature");
	buf_free(&value);
}

int
lab_sign(const struct drop *d, struct exam_options *o,
    const struct lab_key *keys, size_t count, int out, struct findings *f,
    struct err *e)
{
	struct new_signature sigs[64] = {0};
	struct buf values[64] = {0};
	struct slice plans[64];
	struct built built;
	size_t n = 0;
	int result = -1;

	o->signer_count = count;
	for (size_t i = 0; i < count; i++) {
		memcpy(o->signers[i].spki, keys[i].spki, FINDINGS_SHA256);
		o->signers[i].known = true;
	}
	if (format_egov.examine(d, o, f, e) != 0)
		return -1;
	must(f->part_count * (count + 1) <= 64, "too many parts");
	for (size_t p = 0; p < f->part_count; p++) {
		plans[p] = buf_view(&f->parts[p].plan);
		for (size_t k = 0; k < count; k++) {
			char digits[CLOCK_TEXT_SIZE];

			if (f->parts[p].signed_by >> k & 1)
				continue;
			clock_digits(LAB_WHEN + (int64_t)k * 1000, digits);
			sigs[n].part = p;
			snprintf(
			    sigs[n].id, sizeof sigs[n].id, "%.14s", digits);
			make_value(&keys[k], buf_view(&f->parts[p].signed_info),
			    &values[n]);
			sigs[n].value = buf_view(&values[n]);
			sigs[n].certificate = buf_view(&keys[k].certificate);
			n++;
		}
	}
	result = format_egov.build(
	    d, o, plans, f->part_count, sigs, n, LAB_WHEN, out, &built, e);
	for (size_t i = 0; i < n; i++)
		buf_free(&values[i]);
	return result;
}

const struct lab_key *
lab_keys(void)
{
	static struct lab_key keys[2];
	struct err e;

	if (keys[0].pkey == NULL) {
		lab_key_make(&keys[0], "Key One");
		lab_key_make(&keys[1], "Key Two");
		must(verify_init(&e) == 0, "verify_init");
	}
	return keys;
}

void
lab_sign_and_verify(
    const struct drop *d, size_t keys, size_t signatures, int out)
{
	struct exam_options o;
	struct findings f, v;
	struct lab_drop output;
	struct err e = {0};

	lab_options(&o);
	findings_init(&f);
	findings_init(&v);
	CHECK_OK(lab_sign(d, &o, lab_keys(), keys, out, &f, &e), &e);
	lab_output(&output, dup(out));
	CHECK_OK(format_egov.verify(&output.drop, d, &o, &v, &e), &e);
	CU_ASSERT(lab_all_good(&v, signatures));
	lab_drop_free(&output);
	findings_free(&f);
	findings_free(&v);
}

bool
lab_all_good(const struct findings *f, size_t count)
{
	size_t good = 0;

	for (size_t i = 0; i < f->signature_count; i++) {
		const struct found_signature *s = &f->signatures[i];

		if (!s->filing)
			continue;
		if (!s->value_ok || !s->references_ok || !s->covers_filing ||
		    s->legacy) {
			fprintf(stderr,
			    "%s %s: value %d references %d "
			    "covers %d %s %s\n",
			    s->part, s->id, s->value_ok, s->references_ok,
			    s->covers_filing, s->problem, s->detail);
			return false;
		}
		good++;
	}
	if (good != count)
		fprintf(stderr, "%zu signatures\n", good);
	return good == count;
}

bool
lab_member(int fd, const char *name, struct buf *out)
{
	const struct zipin_limits limits = {64 << 20, 1000};
	struct zipin z;
	struct err e;
	bool found = false;

	buf_reset(out);
	if (zipin_read(fd, &limits, &z, &e) != 0)
		return false;
	for (size_t i = 0; i < z.count && !found; i++) {
		int own;

		if (strcmp(z.members[i].name, name) != 0)
			continue;
		own = zipin_member_fd(&z, i, &e);
		found = own >= 0 && fs_read_all(own, 64 << 20, out, &e) == 0 &&
			buf_cstr(out) != NULL;
		close(own);
	}
	zipin_free(&z);
	return found;
}

int
lab_memfd(void)
{
	return rawzip_fd(slice_of("", 0));
}
