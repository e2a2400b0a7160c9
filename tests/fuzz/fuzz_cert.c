/*
 * Any bytes as a certificate, as a file with one, and as anchors.  Texts that
 * come out are well-formed and show only; a changed certificate never finds
 * a path.  With clang -DFUZZ -fsanitize=fuzzer a libFuzzer target; without,
 * see mutate.h.
 */
#include "signer/cert/check.h"
#include "tests/fuzz/mutate.h"

#include "base/text.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static struct cert_verdict verdict;
static struct cert_anchors *anchors;
static struct buf root_der;

static void
require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not ok fuzz_cert: %s\n", what);
	abort();
}

static void
look_at_text(const char *text)
{
	require(text_is_utf8(slice_str(text)), "malformed text");
	for (; *text != '\0'; text++)
		require((unsigned char)*text >= 0x20, "control character");
}

static void
look(const struct cert_verdict *v)
{
	look_at_text(v->cert.subject);
	look_at_text(v->cert.issuer);
	look_at_text(v->cert.holder.name);
	look_at_text(v->cert.holder.address);
	look_at_text(v->cert.serial);
	for (unsigned i = 0; i < v->cert.policy_count; i++)
		look_at_text(v->cert.policies[i]);
	for (unsigned i = 0; i < v->path_count; i++)
		look_at_text(v->path_names[i]);
	require(v->ok == (v->problem_count == 0), "verdict");
	require(v->cert.profile.name != NULL, "profile");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct cert_policy p = {
	    .anchors = anchors, .revocation = CONF_REVOCATION_OFF};
	struct cert_anchors *a;
	struct buf der = {0};
	struct err e = {0};

	if (cert_check(&p, in, 1800000000000, &verdict, &e) == 0) {
		look(&verdict);
		if (verdict.path == CERT_PATH_OK)
			require(slice_eq(in, buf_view(&root_der)),
			    "a path for a changed certificate");
	}
	if (cert_from_file(in, &der, &e) == 0)
		require(der.len > 0 && der.len <= size, "size of DER");
	a = cert_anchors_parse(in, &e);
	cert_anchors_free(a);
	buf_free(&der);
	return 0;
}

#ifndef FUZZ
static void
add(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX c;

	X509V3_set_ctx(&c, x, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&c);
	ext = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	require(ext != NULL && X509_add_ext(x, ext, -1) == 1, value);
	X509_EXTENSION_free(ext);
}

/* The one certificate that is its own anchor. */
static void
make_root(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int n;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	ASN1_TIME_set(X509_getm_notBefore(x), 1700000000);
	ASN1_TIME_set(X509_getm_notAfter(x), 1900000000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const unsigned char *)"見本", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	add(x, NID_key_usage, "critical,digitalSignature,nonRepudiation");
	add(x, NID_subject_key_identifier, "hash");
	add(x, NID_subject_alt_name,
	    "otherName:1.2.392.200149.8.5.5.1;UTF8:hanako");
	require(X509_sign(x, key, EVP_sha256()) > 0, "sign");
	n = i2d_X509(x, &der);
	require(n > 0 && buf_append(&root_der, der, (size_t)n) == 0, "DER");
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

int
main(int argc, char **argv)
{
	static const char pem[] = "-----BEGIN CERTIFICATE-----\nMIIB\n"
				  "-----END CERTIFICATE-----\n";
	struct fuzz_seed seeds[3];
	struct buf text = {0};
	struct err e = {0};

	if (argc > 1)
		return mutate_files(argc, argv);
	make_root();
	require(text_base64(&text, buf_view(&root_der)) == 0, "memory");
	seeds[0] = (struct fuzz_seed){root_der.p, root_der.len};
	seeds[1] = (struct fuzz_seed){pem, sizeof pem - 1};
	{
		struct buf whole = {0};

		buf_printf(&whole,
		    "-----BEGIN CERTIFICATE-----\n%s\n"
		    "-----END CERTIFICATE-----\n",
		    buf_cstr(&text));
		anchors = cert_anchors_parse(buf_view(&whole), &e);
		buf_free(&text);
		text = whole;
	}
	require(anchors != NULL && cert_anchors_trusted(anchors) == 1, e.code);
	seeds[2] = (struct fuzz_seed){text.p, text.len};
	LLVMFuzzerTestOneInput(root_der.p, root_der.len);
	require(verdict.path == CERT_PATH_OK, "the seed has no path");
	mutate_run(seeds, 3, 30000);
	cert_anchors_free(anchors);
	buf_free(&root_der);
	buf_free(&text);
	printf("ok fuzz_cert/mutations\n");
	return 0;
}
#endif
