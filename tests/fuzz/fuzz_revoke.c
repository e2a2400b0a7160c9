/*
 * Any bytes as a revocation list, as an OCSP answer and as the certificate
 * that is asked about.  The seeds say "revoked": nothing that is made of them
 * may say "good".  With clang -DFUZZ -fsanitize=fuzzer a libFuzzer target;
 * without, see mutate.h.
 */
#include "signer/cert/revoke.h"
#include "tests/fuzz/mutate.h"

#include "base/text.h"
#include "signer/cert/anchor_set.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define NOW 1800000000

static EVP_PKEY *key;
static X509 *root, *leaf;
static struct anchor own;
static struct cert_anchors anchors = {&own, 1};
static struct revoke_ask ask;

static void
require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not ok fuzz_revoke: %s\n", what);
	abort();
}

static X509 *
make(const char *name, long serial, const char *usage)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	X509_EXTENSION *ext;
	X509V3_CTX c;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW - 1000000);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + 1000000);
	X509_NAME_add_entry_by_txt(
	    n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, root == NULL ? n : X509_get_subject_name(root));
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&c, x, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&c);
	ext = X509V3_EXT_conf_nid(NULL, &c, NID_key_usage, usage);
	require(ext != NULL && X509_add_ext(x, ext, -1) == 1, "extension");
	X509_EXTENSION_free(ext);
	ext = X509V3_EXT_conf_nid(
	    NULL, &c, NID_info_access, "OCSP;URI:http://o.example.jp/");
	require(ext != NULL && X509_add_ext(x, ext, -1) == 1, "extension");
	X509_EXTENSION_free(ext);
	require(X509_sign(x, key, EVP_sha256()) > 0, "sign");
	return x;
}

static void
look_at_plan(struct slice certificate)
{
	struct revoke_ask a = {.at_ms = ask.at_ms};
	static struct revoke_plan plan;
	struct err e = {0};

	if (revoke_begin(&a, certificate, &anchors, &e) == 0 &&
	    revoke_plan(&a, &plan, &e) == 0)
		for (unsigned i = 0; i < plan.ocsp_count; i++)
			for (const char *p = plan.ocsp[i]; *p != '\0'; p++)
				require(*p > ' ' && *p < 0x7F, "URL");
	revoke_end(&a);
}

static void
look(const struct cert_revocation *r)
{
	require(r->state != REVOCATION_GOOD, "a changed answer says good");
	require((r->state == REVOCATION_NOT_CHECKED) == (r->why[0] != '\0'),
	    "reason");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert_revocation r;

	revoke_crl(&ask, slice_of(data, size), &r);
	look(&r);
	revoke_ocsp(&ask, slice_of(data, size), &r);
	look(&r);
	look_at_plan(slice_of(data, size));
	return 0;
}

#ifndef FUZZ
static struct fuzz_seed
make_list(void)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - 1000);
	unsigned char *der = NULL;
	int n;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(root));
	X509_CRL_set1_lastUpdate(crl, t);
	X509_REVOKED_set_revocationDate(entry, t);
	ASN1_TIME_set(t, NOW + 1000);
	X509_CRL_set1_nextUpdate(crl, t);
	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(leaf));
	X509_CRL_add0_revoked(crl, entry);
	require(X509_CRL_sign(crl, key, EVP_sha256()) > 0, "sign");
	n = i2d_X509_CRL(crl, &der);
	require(n > 0, "list");
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	return (struct fuzz_seed){der, (size_t)n};
}

static struct fuzz_seed
make_answer(void)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf, root);
	ASN1_TIME *from = ASN1_TIME_set(NULL, NOW - 1000);
	ASN1_TIME *next = ASN1_TIME_set(NULL, NOW + 1000);
	OCSP_RESPONSE *answer;
	unsigned char *der = NULL;
	int n;

	require(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_REVOKED, 1,
		    from, from, next) != NULL,
	    "status");
	require(OCSP_basic_sign(basic, root, key, EVP_sha256(), NULL, 0) == 1,
	    "sign");
	answer = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	n = i2d_OCSP_RESPONSE(answer, &der);
	require(n > 0, "answer");
	OCSP_RESPONSE_free(answer);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(next);
	return (struct fuzz_seed){der, (size_t)n};
}

static void
set_up(struct fuzz_seed seeds[4])
{
	struct buf text = {0};
	unsigned char *der = NULL;
	int n;

	key = EVP_RSA_gen(2048);
	root = make("root", 1, "critical,keyCertSign,cRLSign");
	leaf = make("leaf", 2, "critical,digitalSignature");
	own = (struct anchor){root, true};
	ask = (struct revoke_ask){.x = leaf,
	    .issuer = root,
	    .anchors = &anchors,
	    .at_ms = INT64_C(1000) * NOW,
	    .max_age_ms = 1000000};
	seeds[0] = make_list();
	seeds[1] = make_answer();
	n = i2d_X509(leaf, &der);
	seeds[2] = (struct fuzz_seed){der, (size_t)n};
	buf_puts(&text, "DN: cn=x\n\tcertificateRevocationList;binary:: ");
	text_base64(&text, slice_of(seeds[0].p, seeds[0].len));
	buf_puts(&text, "\n\n");
	seeds[3] = (struct fuzz_seed){text.p, text.len};
}

int
main(int argc, char **argv)
{
	struct fuzz_seed seeds[4];
	struct cert_revocation r;

	set_up(seeds);
	if (argc > 1)
		return mutate_files(argc, argv);
	revoke_crl(&ask, slice_of(seeds[0].p, seeds[0].len), &r);
	require(r.state == REVOCATION_REVOKED, "the list does not revoke");
	revoke_crl(&ask, slice_of(seeds[3].p, seeds[3].len), &r);
	require(r.state == REVOCATION_REVOKED, "the entry does not revoke");
	revoke_ocsp(&ask, slice_of(seeds[1].p, seeds[1].len), &r);
	require(r.state == REVOCATION_REVOKED, "the answer does not revoke");
	mutate_run(seeds, 4, 8000);
	for (int i = 0; i < 4; i++)
		free((void *)(uintptr_t)seeds[i].p);
	X509_free(leaf);
	X509_free(root);
	EVP_PKEY_free(key);
	printf("ok fuzz_revoke/mutations\n");
	return 0;
}
#endif
