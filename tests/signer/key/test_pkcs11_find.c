/* Which token and which certificate is meant, and what a public key is. */
#include "signer/key/pkcs11_find.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const int64_t now_ms = 1790000000000; /* 2026-09-21 */

#define SIGNS "critical,digitalSignature,nonRepudiation"

enum kind { SIGNER, EXPIRED, LOGIN, PLAIN, CA, JPKI_AUTH, CIPHER, KINDS };

static const struct {
	const char *usage, *more[2], *until;
} kinds[KINDS] = {
    [SIGNER] = {SIGNS, {NULL, NULL}, "20300101000000Z"},
    [EXPIRED] = {SIGNS, {NULL, NULL}, "20250101000000Z"},
    [LOGIN] = {"critical,digitalSignature", {NULL, NULL}, "20300101000000Z"},
    [PLAIN] = {NULL, {NULL, NULL}, "20300101000000Z"},
    [CA] = {"critical,keyCertSign,nonRepudiation",
	{"basicConstraints", "critical,CA:TRUE"}, "20300101000000Z"},
    [JPKI_AUTH] = {"critical,digitalSignature",
	{"certificatePolicies", "critical,1.2.392.200149.8.5.1.3.30"},
	"20300101000000Z"},
    [CIPHER] = {"critical,keyEncipherment", {NULL, NULL}, "20300101000000Z"},
};

static void
make(enum kind k, int n, struct p11_certificate *out)
{
	struct certlab_spec spec = {.key = KEY_LEAF,
	    .signer = KEY_LEAF,
	    .from = "20200101000000Z",
	    .until = kinds[k].until};
	unsigned used = 0;
	char subject[40];
	X509 *x;

	snprintf(subject, sizeof subject, "C=JP/O=test/CN=%d-%d", (int)k, n);
	spec.subject = subject;
	if (kinds[k].usage != NULL) {
		spec.extension[used][0] = "keyUsage";
		spec.extension[used++][1] = kinds[k].usage;
	}
	if (kinds[k].more[0] != NULL) {
		spec.extension[used][0] = kinds[k].more[0];
		spec.extension[used][1] = kinds[k].more[1];
	}
	memset(out, 0, sizeof *out);
	x = certlab_make(&spec);
	certlab_der(x, &out->der);
	X509_free(x);
}

static void
only_suited_certificates_are_chosen(void)
{
	static const struct {
		enum kind kinds[4];
		size_t count;
		int chosen; /* -1 = none, -2 = several */
	} rows[] = {
	    {{SIGNER}, 1, 0},
	    {{LOGIN, SIGNER}, 2, 1},
	    {{CA, LOGIN, EXPIRED, SIGNER}, 4, 3},
	    {{EXPIRED, CA}, 2, 0}, /* and the batch says that it expired */
	    {{EXPIRED, LOGIN}, 2, 0},
	    {{PLAIN, CA}, 2, 0},
	    {{JPKI_AUTH, SIGNER}, 2, 1},
	    {{JPKI_AUTH}, 1, -1},
	    {{CA}, 1, -1},
	    {{CIPHER, CA}, 2, -1},
	    {{SIGNER, SIGNER}, 2, -2},
	    {{SIGNER, CA, SIGNER, LOGIN}, 4, -2},
	    {{SIGNER}, 0, -1},
	};
	struct p11_certificate list[4];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct p11_certificate *c;
		struct err e = {0};

		for (size_t k = 0; k < rows[i].count; k++)
			make(rows[i].kinds[k], (int)k, &list[k]);
		c = p11_choose_certificate(list, rows[i].count, "", now_ms, &e);
		if (rows[i].chosen >= 0) {
			CU_ASSERT_PTR_EQUAL(c, &list[rows[i].chosen]);
		} else {
			CU_ASSERT_STRING_EQUAL(
			    e.code, rows[i].chosen == -1
					? "pkcs11-certificate-missing"
					: "pkcs11-certificate-ambiguous");
		}
		p11_certificates_free(list, rows[i].count);
	}
}

/* The same certificate twice is one; rubbish is none. */
static void
copies_and_rubbish_do_not_count(void)
{
	struct p11_certificate list[3] = {0};
	struct err e = {0};

	make(SIGNER, 1, &list[0]);
	buf_slice(&list[1].der, buf_view(&list[0].der));
	buf_puts(&list[2].der, "no certificate");
	CU_ASSERT_PTR_EQUAL(
	    p11_choose_certificate(list, 3, NULL, now_ms, &e), &list[0]);
	p11_certificates_free(list, 3);
}

/* The setting decides alone, also for one that expired. */
static void
named_certificate_is_taken(void)
{
	struct p11_certificate list[3];
	struct err e = {0};
	uint8_t hash[32];
	char hex[65];

	make(SIGNER, 1, &list[0]);
	make(SIGNER, 2, &list[1]);
	make(EXPIRED, 3, &list[2]);
	for (unsigned i = 0; i < 3; i++) {
		EVP_Digest(list[i].der.p, list[i].der.len, hash, NULL,
		    EVP_sha256(), NULL);
		for (unsigned n = 0; n < 32; n++)
			snprintf(hex + 2 * n, 3, "%02X", hash[n]);
		CU_ASSERT_PTR_EQUAL(
		    p11_choose_certificate(list, 3, hex, now_ms, &e), &list[i]);
	}
	memset(hex, '0', 64);
	CU_ASSERT_PTR_NULL(p11_choose_certificate(list, 3, hex, now_ms, &e));
	CU_ASSERT_STRING_EQUAL(e.code, "certificate-not-pinned");
	p11_certificates_free(list, 3);
}

static struct p11_token
token(const char *label, const char *serial, bool initialised)
{
	struct p11_token t = {.initialised = initialised};

	snprintf(t.label, sizeof t.label, "%s", label);
	snprintf(t.serial, sizeof t.serial, "%s", serial);
	return t;
}

static void
tokens_by_serial_and_label(void)
{
	const struct p11_token list[] = {token("", "", false),
	    token("office", "01", true), token("office", "02", true),
	    token("home", "03", true), token("home2", "03", true)};
	static const struct {
		const char *serial, *label;
		int chosen; /* -1 = none, -2 = several */
	} rows[] = {
	    {"02", "", 2},
	    {"", "home", 3},
	    {"03", "home2", 4},
	    {"03", "", -2},
	    {"", "office", -2},
	    {"", "", -2},
	    {"04", "", -1},
	    {"01", "home", -1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char serial[20], label[20];
		struct conf_key conf = {
		    .token_serial = serial, .token_label = label};
		struct err e = {0};
		const struct p11_token *t;

		snprintf(serial, sizeof serial, "%s", rows[i].serial);
		snprintf(label, sizeof label, "%s", rows[i].label);
		t = p11_choose_token(list, 5, &conf, &e);
		if (rows[i].chosen >= 0) {
			CU_ASSERT_PTR_EQUAL(t, &list[rows[i].chosen]);
		} else {
			CU_ASSERT_STRING_EQUAL(e.code,
			    rows[i].chosen == -1 ? "pkcs11-token-missing"
						 : "pkcs11-token-ambiguous");
		}
	}
}

/* What a token says of itself is foreign text. */
static void
names_are_made_printable(void)
{
	const struct p11_token list[] = {
	    token("a\033[2J\nb", "\xff\xfe", true)};
	struct conf_key conf = {.token_serial = (char[]){"x"}};
	struct err e = {0};

	CU_ASSERT_PTR_NULL(p11_choose_token(list, 1, &conf, &e));
	for (const char *p = e.detail; *p != '\0'; p++)
		CU_ASSERT(*p >= ' ' && *p <= '~');
}

static void
public_keys(void)
{
	static const struct {
		enum certlab_key key;
		bool ec;
		size_t value, signature;
	} rows[] = {{KEY_LEAF, false, 256, 256}, {KEY_P384, true, 97, 96}};

	for (unsigned i = 0; i < 2; i++) {
		struct certlab_spec spec = {.subject = "CN=x",
		    .key = rows[i].key,
		    .signer = rows[i].key,
		    .from = "20200101000000Z",
		    .until = "20300101000000Z"};
		X509 *x = certlab_make(&spec);
		struct p11_public p;
		struct buf der = {0};
		struct err e = {0};

		certlab_der(x, &der);
		CHECK_OK(p11_public_of(buf_view(&der), &p, &e), &e);
		CU_ASSERT_EQUAL(p.ec, rows[i].ec);
		CU_ASSERT_EQUAL(p.value.len, rows[i].value);
		CU_ASSERT_EQUAL(p.signature, rows[i].signature);
		buf_free(&p.value);
		buf_free(&der);
		X509_free(x);
	}
}

SUITE_MAIN("pkcs11_find", CASE(only_suited_certificates_are_chosen),
    CASE(copies_and_rubbish_do_not_count), CASE(named_certificate_is_taken),
    CASE(tokens_by_serial_and_label), CASE(names_are_made_printable),
    CASE(public_keys))
