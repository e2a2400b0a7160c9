/*
 * Chooses the token and the certificate.  Nothing here guesses: where two
 * would do, the error names both and says which setting decides.  Fingerprints
 * and serial numbers only, no holder's name: errors go into logs.
 */
#include "signer/key/pkcs11_find.h"

#include "base/text.h"
#include "signer/cert/cert.h"
#include "signer/cert/profile.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

static bool
matches(const char *want, const char *is)
{
	return want == NULL || want[0] == '\0' || strcmp(want, is) == 0;
}

/* Adds one token to a list for people. */
static void
name_token(char *out, size_t size, const struct p11_token *t)
{
	size_t n = strlen(out);
	char label[66], serial[34];

	text_printable(label, sizeof label, slice_str(t->label));
	text_printable(serial, sizeof serial, slice_str(t->serial));
	snprintf(out + n, size - n, "%s\"%s\" (%s)", n == 0 ? "" : ", ", label,
	    serial);
}

const struct p11_token *
p11_choose_token(const struct p11_token *list, size_t count,
    const struct conf_key *conf, struct err *e)
{
	const struct p11_token *found = NULL;
	char all[200] = "", fitting[200] = "";
	unsigned n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!list[i].initialised)
			continue;
		name_token(all, sizeof all, &list[i]);
		if (!matches(conf->token_serial, list[i].serial) ||
		    !matches(conf->token_label, list[i].label))
			continue;
		name_token(fitting, sizeof fitting, &list[i]);
		found = &list[i];
		n++;
	}
	if (n == 1)
		return found;
	if (n == 0)
		err_set(e, ERR_CARD, "pkcs11-token-missing", "%s", all);
	else
		err_set(e, ERR_CARD, "pkcs11-token-ambiguous", "%s", fitting);
	return NULL;
}

bool
p11_same_token(const struct p11_token *a, const struct p11_token *b)
{
	return strcmp(a->serial, b->serial) == 0 &&
	       strcmp(a->label, b->label) == 0 &&
	       strcmp(a->maker, b->maker) == 0 &&
	       strcmp(a->model, b->model) == 0;
}

/* How well a certificate is suited; -1 = not at all. */
static int
rank(const struct cert_info *c, int64_t now_ms)
{
	int valid = now_ms >= c->not_before_ms && now_ms <= c->not_after_ms;
	unsigned any = c->profile.usage_any;

	if (c->ca || !cert_profile_may_sign(&c->profile))
		return -1;
	if (c->has_usage && (c->usage & CERT_NON_REPUDIATION) != 0)
		return 2 + valid;
	return !c->has_usage || (c->usage & any) != 0 ? valid : -1;
}

/* A certificate's place in the choice. */
struct candidate {
	const struct p11_certificate *certificate;
	int rank;
	uint8_t sha256[CERT_SHA256];
	int64_t not_after_ms;
};

static void
name_candidate(char *out, size_t size, const struct candidate *c)
{
	size_t n = strlen(out);
	char hex[2 * CERT_SHA256 + 1], until[40];

	text_hex_fixed(hex, c->sha256, CERT_SHA256);
	cert_time_text(c->not_after_ms, until, sizeof until);
	snprintf(out + n, size - n, "%s%s (until %.10s)", n == 0 ? "" : ", ",
	    hex, until);
}

/* All that can be read, each once. */
static size_t
survey(const struct p11_certificate *list, size_t count, int64_t now_ms,
    struct candidate *out)
{
	struct cert_info info;
	struct err ignored = {0};
	size_t n = 0, k;

	for (size_t i = 0; i < count; i++) {
		if (cert_parse(buf_view(&list[i].der), &info, &ignored) != 0)
			continue;
		for (k = 0; k < n; k++)
			if (memcmp(out[k].sha256, info.sha256, CERT_SHA256) ==
			    0)
				break;
		if (k < n)
			continue;
		out[n].certificate = &list[i];
		out[n].rank = rank(&info, now_ms);
		out[n].not_after_ms = info.not_after_ms;
		memcpy(out[n].sha256, info.sha256, CERT_SHA256);
		n++;
	}
	return n;
}

static const struct p11_certificate *
choose_pinned(
    const struct candidate *c, size_t n, const char *sha256, struct err *e)
{
	char hex[2 * CERT_SHA256 + 1], found[200] = "";

	for (size_t i = 0; i < n; i++) {
		text_hex_fixed(hex, c[i].sha256, CERT_SHA256);
		if (strcasecmp(hex, sha256) == 0)
			return c[i].certificate;
		name_candidate(found, sizeof found, &c[i]);
	}
	err_set(e, ERR_CERTIFICATE, "certificate-not-pinned",
	    "the token has %s", found);
	return NULL;
}

static const struct p11_certificate *
choose_suited(const struct candidate *c, size_t n, struct err *e)
{
	const struct candidate *best = NULL;
	char found[200] = "";
	unsigned equal = 0;

	for (size_t i = 0; i < n; i++) {
		if (c[i].rank < 0 || (best != NULL && c[i].rank < best->rank))
			continue;
		if (best == NULL || c[i].rank > best->rank) {
			equal = 0;
			found[0] = '\0';
		}
		best = &c[i];
		equal++;
		name_candidate(found, sizeof found, best);
	}
	if (equal == 1)
		return best->certificate;
	if (equal == 0)
		err_set(e, ERR_CERTIFICATE, "pkcs11-certificate-missing",
		    "%zu certificates", n);
	else
		err_set(e, ERR_CERTIFICATE, "pkcs11-certificate-ambiguous",
		    "%s", found);
	return NULL;
}

const struct p11_certificate *
p11_choose_certificate(const struct p11_certificate *list, size_t count,
    const char *sha256, int64_t now_ms, struct err *e)
{
	struct candidate c[P11_CERTIFICATES_MAX];
	size_t n = survey(list, count, now_ms, c);

	if (sha256 != NULL && sha256[0] != '\0')
		return choose_pinned(c, n, sha256, e);
	return choose_suited(c, n, e);
}

static int
public_rsa(EVP_PKEY *key, struct p11_public *out)
{
	BIGNUM *n = NULL;
	size_t size = (size_t)EVP_PKEY_get_size(key);
	int result = -1;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    size <= P11_SIGNATURE_MAX && buf_reserve(&out->value, size) == 0 &&
	    BN_bn2binpad(n, out->value.p, (int)size) == (int)size) {
		out->value.len = out->signature = size;
		result = 0;
	}
	BN_free(n);
	return result;
}

static int
public_ec(EVP_PKEY *key, struct p11_public *out)
{
	size_t bytes = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	size_t n = 0;

	if (bytes > 66 || buf_reserve(&out->value, 2 * bytes + 1) != 0 ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
		out->value.p, out->value.cap, &n) != 1 ||
	    n != 2 * bytes + 1 || out->value.p[0] != 0x04)
		return -1;
	out->ec = true;
	out->value.len = n;
	out->signature = 2 * bytes;
	return 0;
}

int
p11_public_of(struct slice der, struct p11_public *out, struct err *e)
{
	const unsigned char *at = der.p;
	X509 *x = d2i_X509(NULL, &at, (long)der.len);
	EVP_PKEY *key = x == NULL ? NULL : X509_get0_pubkey(x);
	int result = -1;

	*out = (struct p11_public){0};
	if (key != NULL && EVP_PKEY_is_a(key, "RSA"))
		result = public_rsa(key, out);
	else if (key != NULL && EVP_PKEY_is_a(key, "EC"))
		result = public_ec(key, out);
	if (result != 0)
		err_set(e, ERR_CERTIFICATE, "algorithm-not-allowed", "%s",
		    key == NULL ? "no key" : EVP_PKEY_get0_type_name(key));
	X509_free(x);
	ERR_clear_error();
	return result;
}
