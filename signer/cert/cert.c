/*
 * Certificates to plain values, with OpenSSL.  Every text is bounded and
 * made well-formed UTF-8 here, so that nothing behind this file handles
 * foreign bytes; nothing is judged here.
 */
#include "signer/cert/cert.h"

#include "base/clock.h"
#include "base/text.h"
#include "signer/cert/profile.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The JPKI arc of a holder's items: name 1, flags 2, sex 3, birth 4,
 * address 5, its flags 6. */
#define JPKI_HOLDER_ARC "1.2.392.200149.8.5.5."

static int
malformed(const char *what, struct err *e)
{
	unsigned long lib = ERR_peek_last_error();

	ERR_clear_error();
	return err_lib(
	    e, ERR_CERTIFICATE, "certificate-malformed", lib, "%s", what);
}

static X509 *
decode(struct slice der, struct err *e)
{
	const unsigned char *p = der.p;
	X509 *x = NULL;

	if (der.len > 0 && der.len <= 65536)
		x = d2i_X509(NULL, &p, (long)der.len);
	if (x == NULL || p != der.p + der.len) {
		X509_free(x);
		malformed("DER", e);
		return NULL;
	}
	return x;
}

static void
copy_text(char *out, size_t size, const unsigned char *text, size_t len)
{
	text_printable(out, size, slice_of(text, len));
}

static void
name_text(const X509_NAME *name, char *out, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());
	unsigned char *text;
	long n = 0;

	out[0] = '\0';
	if (b == NULL)
		return;
	if (X509_NAME_print_ex(b, name, 0,
		(XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_RFC2253 |
		    ASN1_STRFLGS_UTF8_CONVERT) &
		    ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(b, &text);
	if (n > 0)
		copy_text(out, size, text, (size_t)n);
	BIO_free(b);
}

static void
serial_text(X509 *x, char *out, size_t size)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n == NULL ? NULL : BN_bn2hex(n);
	const char *p = hex;

	out[0] = '\0';
	if (p != NULL) {
		while (p[0] == '0' && p[1] != '\0')
			p++;
		snprintf(out, size, "%.*s", (int)size - 1, p);
		for (char *c = out; *c != '\0'; c++)
			if (*c >= 'A' && *c <= 'F')
				*c = (char)(*c - 'A' + 'a');
	}
	OPENSSL_free(hex);
	BN_free(n);
}

static int
time_ms(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	*out = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static int
read_key(X509 *x, struct cert_info *c)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	const char *type;

	if (key == NULL) {
		/* A key OpenSSL cannot read is a key of another kind. */
		ERR_clear_error();
		snprintf(c->key_type, sizeof c->key_type, "unknown");
		return 0;
	}
	type = EVP_PKEY_get0_type_name(key);
	snprintf(c->key_type, sizeof c->key_type, "%.15s",
	    type == NULL ? "unknown" : type);
	c->key_bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_is_a(key, "EC"))
		EVP_PKEY_get_group_name(key, c->curve, sizeof c->curve, NULL);
	return 0;
}

static void
read_key_id(const ASN1_OCTET_STRING *id, uint8_t *out, unsigned *len)
{
	*len = 0;
	if (id == NULL || ASN1_STRING_length(id) > CERT_KEYID_MAX)
		return;
	*len = (unsigned)ASN1_STRING_length(id);
	memcpy(out, ASN1_STRING_get0_data(id), *len);
}

static void
read_usage(X509 *x, struct cert_info *c)
{
	/* OpenSSL's bits, in the order of RFC 5280. */
	static const uint32_t bits[] = {KU_DIGITAL_SIGNATURE,
	    KU_NON_REPUDIATION, KU_KEY_ENCIPHERMENT, KU_DATA_ENCIPHERMENT,
	    KU_KEY_AGREEMENT, KU_KEY_CERT_SIGN, KU_CRL_SIGN};
	uint32_t usage = X509_get_key_usage(x);

	c->has_usage = (X509_get_extension_flags(x) & EXFLAG_KUSAGE) != 0;
	if (!c->has_usage)
		return;
	for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++)
		if ((usage & bits[i]) != 0)
			c->usage |= 1U << i;
}

static void
read_policies(X509 *x, struct cert_info *c)
{
	CERTIFICATEPOLICIES *list =
	    X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);

	for (int i = 0;
	     i < sk_POLICYINFO_num(list) && c->policy_count < CERT_POLICIES_MAX;
	     i++)
		if (OBJ_obj2txt(c->policies[c->policy_count],
			sizeof c->policies[0],
			sk_POLICYINFO_value(list, i)->policyid, 1) > 0)
			c->policy_count++;
	CERTIFICATEPOLICIES_free(list);
}

static void
holder_item(const char *oid, const ASN1_TYPE *value, struct cert_holder *h)
{
	static const struct {
		const char *arc;
		size_t offset, size;
	} items[] = {
	    {"1", offsetof(struct cert_holder, name), sizeof h->name},
	    {"2", offsetof(struct cert_holder, name_flags),
		sizeof h->name_flags},
	    {"3", offsetof(struct cert_holder, sex), sizeof h->sex},
	    {"4", offsetof(struct cert_holder, birth), sizeof h->birth},
	    {"5", offsetof(struct cert_holder, address), sizeof h->address},
	    {"6", offsetof(struct cert_holder, address_flags),
		sizeof h->address_flags},
	};
	const ASN1_STRING *text;

	if (strncmp(oid, JPKI_HOLDER_ARC, strlen(JPKI_HOLDER_ARC)) != 0 ||
	    value == NULL || value->type != V_ASN1_UTF8STRING)
		return;
	text = value->value.utf8string;
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		if (strcmp(oid + strlen(JPKI_HOLDER_ARC), items[i].arc) == 0)
			copy_text((char *)h + items[i].offset, items[i].size,
			    ASN1_STRING_get0_data(text),
			    (size_t)ASN1_STRING_length(text));
}

static void
read_other_names(X509 *x, struct cert_holder *h)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		char oid[80];

		if (n->type == GEN_OTHERNAME &&
		    OBJ_obj2txt(oid, sizeof oid, n->d.otherName->type_id, 1) >
			0)
			holder_item(oid, n->d.otherName->value, h);
	}
	GENERAL_NAMES_free(names);
}

static void
read_common_name(X509 *x, char *out, size_t size)
{
	const X509_NAME *name = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	int n;

	if (at < 0)
		return;
	n = ASN1_STRING_to_UTF8(
	    &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n > 0)
		copy_text(out, size, text, (size_t)n);
	OPENSSL_free(text);
}

static void
read_holder(X509 *x, struct cert_holder *h)
{
	read_other_names(x, h);
	h->from_names = h->name[0] != '\0';
	if (!h->from_names)
		read_common_name(x, h->name, sizeof h->name);
}

static bool
has_unknown_critical(X509 *x)
{
	for (int i = 0; i < X509_get_ext_count(x); i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);

		if (X509_EXTENSION_get_critical(ext) != 0 &&
		    X509_supported_extension(ext) == 0)
			return true;
	}
	return false;
}

static int
hash_key(X509 *x, uint8_t out[CERT_SHA256], struct err *e)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	int rc = n > 0 &&
		 EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return rc ? 0 : malformed("public key", e);
}

static int
fill(X509 *x, struct slice der, struct cert_info *c, struct err *e)
{
	if (time_ms(X509_get0_notBefore(x), &c->not_before_ms) != 0 ||
	    time_ms(X509_get0_notAfter(x), &c->not_after_ms) != 0)
		return malformed("validity", e);
	if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		return malformed("extensions", e);
	name_text(X509_get_subject_name(x), c->subject, sizeof c->subject);
	name_text(X509_get_issuer_name(x), c->issuer, sizeof c->issuer);
	serial_text(x, c->serial, sizeof c->serial);
	snprintf(c->signature_algorithm, sizeof c->signature_algorithm, "%.47s",
	    OBJ_nid2ln(X509_get_signature_nid(x)));
	read_usage(x, c);
	read_policies(x, c);
	read_key_id(X509_get0_subject_key_id(x), c->ski, &c->ski_len);
	read_key_id(X509_get0_authority_key_id(x), c->aki, &c->aki_len);
	read_holder(x, &c->holder);
	c->ca = X509_check_ca(x) == 1;
	c->self_issued = (X509_get_extension_flags(x) & EXFLAG_SI) != 0;
	c->unknown_critical = has_unknown_critical(x);
	if (read_key(x, c) != 0 || hash_key(x, c->spki, e) != 0)
		return -1;
	if (EVP_Digest(der.p, der.len, c->sha256, NULL, EVP_sha256(), NULL) !=
	    1)
		return err_nomem(e);
	c->profile = cert_profile_of(c, NULL);
	return 0;
}

int
cert_parse(struct slice der, struct cert_info *out, struct err *e)
{
	X509 *x = decode(der, e);
	int rc;

	memset(out, 0, sizeof *out);
	out->profile = cert_profile_find("other");
	if (x == NULL)
		return -1;
	rc = fill(x, der, out, e);
	X509_free(x);
	ERR_clear_error();
	return rc;
}

int
cert_spki(struct slice der, uint8_t out[CERT_SHA256], struct err *e)
{
	X509 *x = decode(der, e);
	int rc;

	if (x == NULL)
		return -1;
	rc = hash_key(x, out, e);
	X509_free(x);
	return rc;
}

static int
from_pem(struct slice bytes, struct buf *der, struct err *e)
{
	BIO *b = BIO_new_mem_buf(bytes.p, (int)bytes.len);
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	bool found = false;
	int rc = 0;

	while (b != NULL && !found &&
	       PEM_read_bio(b, &name, &header, &data, &len) == 1) {
		found = strcmp(name, PEM_STRING_X509) == 0 ||
			strcmp(name, PEM_STRING_X509_OLD) == 0;
		if (found)
			rc = buf_append(der, data, (size_t)len);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)len);
	}
	BIO_free(b);
	ERR_clear_error();
	if (rc != 0)
		return err_nomem(e);
	return found ? 0 : malformed("no certificate in it", e);
}

int
cert_from_file(struct slice bytes, struct buf *der, struct err *e)
{
	struct cert_info *c;
	int rc;

	if (bytes.len == 0 || bytes.len > 1 << 20)
		return malformed("size", e);
	if (bytes.p[0] != 0x30)
		return from_pem(bytes, der, e);
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return err_nomem(e);
	rc = cert_parse(bytes, c, e);
	free(c);
	if (rc == 0 && buf_slice(der, bytes) != 0)
		return err_nomem(e);
	return rc;
}

bool
cert_is_over(int64_t not_after_ms, int64_t at_ms)
{
	return at_ms >= not_after_ms + 1000;
}

int64_t
cert_days_left(int64_t not_after_ms, int64_t at_ms)
{
	int64_t days = clock_day(not_after_ms) - clock_day(at_ms);

	return days >= 0 && cert_is_over(not_after_ms, at_ms) ? -1 : days;
}

char *
cert_time_text(int64_t ms, char *out, size_t size)
{
	time_t t = (time_t)(ms / 1000 + 9 * 3600);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%d %H:%M:%S JST", &tm) == 0)
		snprintf(out, size, "?");
	return out;
}
