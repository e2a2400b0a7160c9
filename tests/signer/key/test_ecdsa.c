/*
 * Keys on P-384: from a PKCS#12 file, and through the whole keyholder with
 * the test key.  The certificate chooses the algorithm, and nothing else is
 * signed.
 */
#include "base/fsops.h"
#include "base/secret.h"
#include "signer/cert/pubkey.h"
#include "signer/key/keyproto.h"
#include "tests/lib/certlab.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static X509 *
certificate_of(enum certlab_key key)
{
	const struct certlab_spec s = {.subject = "C=JP/O=Test/CN=ec",
	    .key = key,
	    .signer = key,
	    .from = "20260101000000Z",
	    .until = "20360101000000Z"};

	return certlab_make(&s);
}

static void
der_of(enum certlab_key key, struct buf *out)
{
	X509 *x = certificate_of(key);

	buf_reset(out);
	certlab_der(x, out);
	X509_free(x);
}

/* The canonical SignedInfo for ecdsa-sha384. */
static void
signed_info(struct buf *out, unsigned n)
{
	static const char rsa[] = "#rsa-sha256";
	struct buf b = {0};
	const char *text, *at;

	keylab_signed_info(&b, "RSH0010", n);
	text = buf_cstr(&b);
	at = strstr(text, rsa);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	buf_reset(out);
	buf_printf(out, "%.*s#ecdsa-sha384%s", (int)(at - text), text,
	    at + sizeof rsa - 1);
	buf_free(&b);
}

static void
a_key_file_signs_with_p384(void)
{
	const struct key_backend *b = &key_backend_pkcs12;
	const struct algorithm *a = algorithm_find(SIGN_ECDSA_SHA384);
	struct conf_key conf = {.backend = CONF_BACKEND_PKCS12};
	X509 *x = certificate_of(KEY_P384);
	PKCS12 *p12 = PKCS12_create(
	    "geheim", NULL, certlab_key(KEY_P384), x, NULL, 0, 0, 0, 0, 0);
	uint8_t digest[ALGORITHM_DIGEST_MAX];
	struct buf out = {0}, der = {0};
	struct secret *pin;
	struct err e = {0};
	char path[300];
	struct key *k;
	FILE *f;

	snprintf(path, sizeof path, "%s/p384.p12", suite_dir_path());
	f = fopen(path, "wb");
	CU_ASSERT_EQUAL(i2d_PKCS12_fp(f, p12), 1);
	fclose(f);
	conf.file = path;
	CHECK_OK(secret_init(&e), &e);
	pin = secret_new(100);
	memcpy(secret_room(pin), "geheim", 6);
	secret_set_len(pin, 6);
	k = b->open(&conf, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CHECK_OK(b->unlock(k, pin, &e), &e);
	CHECK_OK(b->certificate(k, &der, &e), &e);
	algorithm_hash(a, slice_str("abc"), digest);
	for (int i = 0; i < 3; i++) {
		buf_reset(&out);
		CHECK_OK(b->sign(k, SIGN_ECDSA_SHA384, slice_of(digest, 48),
			     &out, &e),
		    &e);
		CU_ASSERT_EQUAL(out.len, 96);
		CHECK_OK(pubkey_verify(buf_view(&der), slice_str("abc"),
			     buf_view(&out), &e),
		    &e);
	}
	buf_reset(&out);
	CHECK_CODE(
	    b->sign(k, SIGN_ECDSA_SHA384, slice_of(digest, 32), &out, &e), &e,
	    "algorithm-not-allowed");
	CHECK_CODE(b->sign(k, SIGN_RSA_SHA256, slice_of(digest, 32), &out, &e),
	    &e, "algorithm-not-allowed");
	CU_ASSERT_EQUAL(out.len, 0);
	b->close(k);
	secret_free(pin);
	PKCS12_free(p12);
	X509_free(x);
	buf_free(&out);
	buf_free(&der);
}

static struct keyserver server;

/* A keyholder whose key is this one. */
static int
begin(const char *name, const char *script, enum certlab_key key,
    EVP_PKEY *private, struct err *e)
{
	X509 *x = certificate_of(key);
	FILE *f;

	keyserver_init(&server, name, script);
	f = fopen(server.key.file, "w");
	CU_ASSERT_EQUAL(
	    PEM_write_PrivateKey(f, private, NULL, NULL, 0, NULL, NULL), 1);
	CU_ASSERT_EQUAL(PEM_write_X509(f, x), 1);
	fclose(f);
	X509_free(x);
	return keyserver_start(&server, e);
}

static int
reply(int fd, struct key_reply *r)
{
	struct pollfd p = {fd, POLLIN, 0};
	struct err e = {0};

	if (poll(&p, 1, 30000) != 1 || keyclient_receive(fd, r, &e) != 0)
		return -1;
	return (int)r->type;
}

static void
ask(int fd, enum sign_algorithm a, const struct buf *si)
{
	struct err e = {0};

	CHECK_OK(keyclient_sign(fd, a, buf_view(si), "job", &e), &e);
}

/* The audit file's records of signatures: all name the algorithm and the
 * SHA-256 of the bytes; how many. */
static unsigned
audited(const char *key, const struct buf *si)
{
	char path[400], hex[65], want[65];
	char line[4096];
	uint8_t hash[32];
	unsigned n = 0;
	FILE *f;

	EVP_Q_digest(NULL, "SHA256", NULL, si->p, si->len, hash, NULL);
	for (size_t i = 0; i < 32; i++)
		snprintf(want + 2 * i, 3, "%02x", hash[i]);
	snprintf(
	    path, sizeof path, "%s/state/keys/%s.audit", server.conf.root, key);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof line, f) != NULL) {
		json_t *r = json_loads(line, 0, NULL);
		const char *kind, *algorithm, *sha256;

		if (json_unpack(r, "{s:s, s:s, s:s}", "kind", &kind,
			"algorithm", &algorithm, "sha256", &sha256) == 0 &&
		    strcmp(kind, "sign") == 0) {
			snprintf(hex, sizeof hex, "%s", sha256);
			CU_ASSERT_STRING_EQUAL(algorithm, "ecdsa-sha384");
			CU_ASSERT_STRING_EQUAL(hex, want);
			n++;
		}
		json_decref(r);
	}
	fclose(f);
	return n;
}

static void
the_keyholder_signs_what_its_certificate_chose(void)
{
	struct key_reply r = {0};
	struct buf der = {0}, si = {0}, rsa = {0};
	struct err e = {0};
	int fd;

	CHECK_OK(begin("ec", "", KEY_P384, certlab_key(KEY_P384), &e), &e);
	fd = keyserver_connect(&server);
	CHECK_OK(keyclient_ask_status(fd, &e), &e);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_STATUS);
	CU_ASSERT_EQUAL(r.status.algorithm, SIGN_ECDSA_SHA384);
	der_of(KEY_P384, &der);
	signed_info(&si, 1);
	keylab_signed_info(&rsa, "RSH0010", 1);
	/* Each mismatch of request and bytes is refused, and costs nothing. */
	ask(fd, SIGN_RSA_SHA256, &rsa);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "algorithm-not-allowed");
	ask(fd, SIGN_RSA_SHA256, &si);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "algorithm-not-allowed");
	ask(fd, SIGN_ECDSA_SHA384, &rsa);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "not-a-signedinfo");
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 0);
	for (unsigned i = 0; i < 3; i++) {
		ask(fd, SIGN_ECDSA_SHA384, &si);
		CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_SIGNED);
		CU_ASSERT_EQUAL(r.signature.len, 96);
		CHECK_OK(pubkey_verify(buf_view(&der), buf_view(&si),
			     buf_view(&r.signature), &e),
		    &e);
	}
	close(fd);
	CU_ASSERT_EQUAL(keyserver_stop(&server), KEYHOLDER_END_SIGNAL);
	CU_ASSERT_EQUAL(audited("ec", &si), 3);
	keyserver_free(&server);
	key_reply_free(&r);
	buf_free(&der);
	buf_free(&si);
	buf_free(&rsa);
}

/* An RSA key signs no SignedInfo that says ECDSA. */
static void
an_rsa_key_signs_no_ecdsa(void)
{
	struct key_reply r = {0};
	struct buf si = {0};
	struct err e = {0};
	int fd;

	keyserver_init(&server, "rsa", "");
	CHECK_OK(keyserver_start(&server, &e), &e);
	fd = keyserver_connect(&server);
	signed_info(&si, 1);
	ask(fd, SIGN_ECDSA_SHA384, &si);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "algorithm-not-allowed");
	ask(fd, SIGN_RSA_SHA256, &si);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "not-a-signedinfo");
	CU_ASSERT_EQUAL(keyserver_count(&server, "sign"), 0);
	close(fd);
	keyserver_stop(&server);
	keyserver_free(&server);
	key_reply_free(&r);
	buf_free(&si);
}

/* A key that answers with something else ends the session. */
static void
bad_values_are_never_released(void)
{
	static const char *const faults[] = {
	    "sign:1=wrong-signature", "sign:1=short-signature"};
	struct key_reply r = {0};
	struct buf si = {0};
	struct err e = {0};
	char name[20];
	int fd;

	signed_info(&si, 1);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "bad%u", i);
		CHECK_OK(
		    begin(name, faults[i], KEY_P384, certlab_key(KEY_P384), &e),
		    &e);
		fd = keyserver_connect(&server);
		ask(fd, SIGN_ECDSA_SHA384, &si);
		CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
		CU_ASSERT_STRING_EQUAL(r.error.code, "signature-wrong");
		CU_ASSERT_EQUAL(r.error.class, ERR_CARD);
		close(fd);
		CU_ASSERT_EQUAL(keyserver_wait(&server), KEYHOLDER_END_CARD);
		keyserver_free(&server);
	}
	/* The certificate of another key. */
	CHECK_OK(
	    begin("other", "", KEY_LEAF, certlab_key(KEY_STRANGER), &e), &e);
	fd = keyserver_connect(&server);
	buf_reset(&si);
	keylab_signed_info(&si, "RSH0010", 1);
	ask(fd, SIGN_RSA_SHA256, &si);
	CU_ASSERT_EQUAL(reply(fd, &r), KEY_REPLY_REFUSED);
	CU_ASSERT_STRING_EQUAL(r.error.code, "signature-wrong");
	close(fd);
	keyserver_wait(&server);
	keyserver_free(&server);
	key_reply_free(&r);
	buf_free(&si);
}

static void
weak_keys_are_not_opened(void)
{
	struct err e = {0};

	CHECK_CODE(begin("small", "", KEY_1024, certlab_key(KEY_1024), &e), &e,
	    "certificate-key-too-small");
	CU_ASSERT_EQUAL(e.class, ERR_CERTIFICATE);
	keyserver_free(&server);
}

SUITE_MAIN("ecdsa", CASE(a_key_file_signs_with_p384),
    CASE(the_keyholder_signs_what_its_certificate_chose),
    CASE(an_rsa_key_signs_no_ecdsa), CASE(bad_values_are_never_released),
    CASE(weak_keys_are_not_opened))
