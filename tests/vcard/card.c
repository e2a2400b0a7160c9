/*
 * The card's memory: loads a card directory, keeps the PIN counters there
 * (so that a blocked card stays blocked) and the state of a session.  The
 * counter is written before the answer is given, as on a real card.
 */
#include "tests/vcard/card.h"

#include "base/fsops.h"
#include "base/text.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 32767

static const struct card_data data_table[CARD_DATA_FILES] = {
    {EF_SIGN_CERT, "sign.der", {0}},
    {EF_SIGN_CA, "signca.der", {0}},
    {EF_TOKEN_INFO, "token.bin", {0}},
    {EF_PRESENT, "present.bin", {0}},
    {EF_AUTH_CERT, "auth.der", {0}},
    {EF_AUTH_CA, "authca.der", {0}},
};

static int
load_file(int dirfd, const char *name, struct buf *out, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return err_errno(e, ERR_CONFIG, "card-file", "%s", name);
	result = fs_read_all(fd, FILE_MAX, out, e);
	close(fd);
	return result;
}

static int
load_key(int dirfd, const char *name, EVP_PKEY **key, struct err *e)
{
	struct buf pem = {0};
	BIO *bio = NULL;

	if (load_file(dirfd, name, &pem, e) == 0)
		bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	if (bio != NULL)
		*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	buf_free(&pem);
	if (*key == NULL)
		return err_set(e, ERR_CONFIG, "card-key", "%s", name);
	return 0;
}

static int
load_pins(struct card *c, struct err *e)
{
	struct buf text = {0};
	int result = -1;
	const char *s;

	if (load_file(c->dirfd, "pins", &text, e) != 0)
		return -1;
	s = buf_cstr(&text);
	if (s == NULL)
		err_nomem(e);
	else if (sscanf(s, "auth %16s %d %d\nsign %16s %d %d", c->pins[0].value,
		     &c->pins[0].tries, &c->pins[0].max, c->pins[1].value,
		     &c->pins[1].tries, &c->pins[1].max) != 6)
		err_set(e, ERR_CONFIG, "card-pins", "bad pins file");
	else
		result = 0;
	buf_free(&text);
	return result;
}

static int
load_atr(struct card *c, struct err *e)
{
	struct buf text = {0};
	const char *s;
	unsigned byte;
	int used, result = 0;

	if (load_file(c->dirfd, "atr", &text, e) != 0)
		return -1;
	for (s = buf_cstr(&text);
	     s != NULL && sscanf(s, " %2x%n", &byte, &used) == 1; s += used)
		result |= buf_putc(&c->atr, (uint8_t)byte);
	if (result != 0 || c->atr.len < 2)
		result = err_set(e, ERR_CONFIG, "card-atr", "bad atr file");
	buf_free(&text);
	return result;
}

struct card *
card_load(const char *dir, struct err *e)
{
	struct card *c = calloc(1, sizeof *c);
	int bad = 0;

	if (c == NULL) {
		err_nomem(e);
		return NULL;
	}
	c->pins[0].fid = EF_AUTH_PIN;
	c->pins[1].fid = EF_SIGN_PIN;
	memcpy(c->data, data_table, sizeof data_table);
	c->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dirfd < 0)
		bad = err_errno(e, ERR_CONFIG, "card-directory", "%s", dir);
	for (int i = 0; bad == 0 && i < CARD_DATA_FILES; i++)
		bad =
		    load_file(c->dirfd, c->data[i].name, &c->data[i].bytes, e);
	if (bad != 0 || load_key(c->dirfd, "sign.key", &c->sign_key, e) != 0 ||
	    load_key(c->dirfd, "auth.key", &c->auth_key, e) != 0 ||
	    load_pins(c, e) != 0 || load_atr(c, e) != 0) {
		card_free(c);
		return NULL;
	}
	card_power_off(c);
	return c;
}

void
card_free(struct card *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < CARD_DATA_FILES; i++)
		buf_free(&c->data[i].bytes);
	EVP_PKEY_free(c->sign_key);
	EVP_PKEY_free(c->auth_key);
	buf_free(&c->atr);
	buf_free(&c->rest);
	if (c->dirfd >= 0)
		close(c->dirfd);
	free(c);
}

static void
forget_pins(struct card *c)
{
	c->pins[0].verified = false;
	c->pins[1].verified = false;
}

void
card_power_off(struct card *c)
{
	forget_pins(c);
	c->ap = AP_NONE;
	c->ef = 0;
	c->fresh = true;
	buf_reset(&c->rest);
}

void
card_enter(struct card *c, enum card_ap ap)
{
	if (ap != c->ap)
		forget_pins(c);
	c->ap = ap;
	c->ef = 0;
}

enum ef_kind
card_ef_kind(uint16_t fid)
{
	if (fid == EF_AUTH_KEY || fid == EF_SIGN_KEY)
		return KIND_KEY;
	if (fid == EF_AUTH_PIN || fid == EF_SIGN_PIN)
		return KIND_PIN;
	for (int i = 0; i < CARD_DATA_FILES; i++) {
		if (data_table[i].fid == fid)
			return KIND_DATA;
	}
	return KIND_NONE;
}

struct card_data *
card_data(struct card *c, uint16_t fid)
{
	for (int i = 0; i < CARD_DATA_FILES; i++) {
		if (c->data[i].fid == fid)
			return &c->data[i];
	}
	return NULL;
}

struct card_pin *
card_pin(struct card *c, uint16_t fid)
{
	for (int i = 0; i < 2; i++) {
		if (c->pins[i].fid == fid)
			return &c->pins[i];
	}
	return NULL;
}

struct card_pin *
card_key_pin(struct card *c, uint16_t fid)
{
	return card_pin(c, fid == EF_SIGN_KEY ? EF_SIGN_PIN : EF_AUTH_PIN);
}

EVP_PKEY *
card_key(struct card *c, uint16_t fid)
{
	return fid == EF_SIGN_KEY ? c->sign_key : c->auth_key;
}

int
card_save_pins(struct card *c, struct err *e)
{
	char text[128];
	int n = snprintf(text, sizeof text, "auth %s %d %d\nsign %s %d %d\n",
	    c->pins[0].value, c->pins[0].tries, c->pins[0].max,
	    c->pins[1].value, c->pins[1].tries, c->pins[1].max);

	return fs_replace(c->dirfd, "pins", slice_of(text, (size_t)n), 0600, e);
}

int
card_rsa(EVP_PKEY *key, struct slice input, struct buf *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = (size_t)EVP_PKEY_get_size(key);
	int result = -1;

	if (ctx != NULL && buf_reserve(out, len) == 0 &&
	    EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_sign(ctx, out->p + out->len, &len, input.p, input.len) ==
		1) {
		out->len += len;
		result = 0;
	}
	EVP_PKEY_CTX_free(ctx);
	return result;
}
