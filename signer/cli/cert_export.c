/*
 * Exporting certificates.  Bytes are passed on as the card gave them, never
 * parsed; an existing file is never touched.
 */
#include "signer/cli/cert_export.h"

#include "base/fsops.h"
#include "signer/key/jpki_info.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {
    [CERT_WHICH_SIGN] = "sign",
    [CERT_WHICH_AUTH] = "auth",
    [CERT_WHICH_SIGN_CA] = "sign-ca",
    [CERT_WHICH_AUTH_CA] = "auth-ca",
};

int
cert_export_format(struct cert_export *x, const char *word)
{
	x->wanted = true;
	x->der = strcmp(word, "der") == 0;
	return x->der || strcmp(word, "pem") == 0 ? 0 : -1;
}

int
cert_export_which(struct cert_export *x, const char *word)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		x->which = (enum cert_which)i;
		return 0;
	}
	return -1;
}

static const struct buf *
part(const struct jpki_info *card, enum cert_which which)
{
	switch (which) {
	case CERT_WHICH_AUTH:
		return &card->auth_certificate;
	case CERT_WHICH_SIGN_CA:
		return &card->sign_ca;
	case CERT_WHICH_AUTH_CA:
		return &card->auth_ca;
	case CERT_WHICH_SIGN:
		break;
	}
	BUG("the signature certificate is not free");
}

int
cert_export_read(const struct conf_key *key, enum cert_which which,
    struct buf *der, struct err *e)
{
	struct jpki_info card = {0};
	int result = -1;

	if (key->backend != CONF_BACKEND_JPKI)
		return err_set(e, ERR_CONFIG, "card-not-jpki", "%s", key->name);
	if (jpki_info_read(key->reader, &card, e) != 0)
		goto out;
	if (part(&card, which)->len == 0)
		err_set(e, ERR_CERTIFICATE, "certificate-not-on-card", "%s",
		    words[which]);
	else if (buf_slice(der, buf_view(part(&card, which))) != 0)
		err_nomem(e);
	else
		result = 0;
out:
	jpki_info_free(&card);
	return result;
}

static int
to_pem(struct slice der, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	int result = -1;

	if (bio != NULL &&
	    PEM_write_bio(bio, "CERTIFICATE", "", der.p, (long)der.len) > 0)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0 && buf_append(out, text, (size_t)n) == 0)
		result = 0;
	else
		err_nomem(e);
	BIO_free(bio);
	return result;
}

static int
write_new(const struct cert_export *x, struct slice bytes, struct err *e)
{
	mode_t mode = x->which == CERT_WHICH_SIGN ? 0600 : 0644;
	int result, fd = fs_create(AT_FDCWD, x->file, mode, e);

	if (fd < 0 && e->errnum == EEXIST)
		return err_set(
		    e, ERR_CONFIG, "export-file-exists", "%s", x->file);
	if (fd < 0)
		return err_set(e, ERR_CONFIG, "export-file-unusable", "%s: %s",
		    x->file, strerror(e->errnum));
	result = fs_write(fd, bytes, e);
	if (result == 0)
		result = fs_sync(fd, e);
	if (fs_close(&fd, result == 0 ? e : NULL) != 0)
		result = -1;
	return result;
}

int
cert_export_write(const struct cert_export *x, struct slice der, struct err *e)
{
	struct buf pem = {0};
	struct slice bytes = der;
	int result = 0;

	if (!x->der) {
		result = to_pem(der, &pem, e);
		bytes = buf_view(&pem);
	}
	if (result == 0 && x->file != NULL)
		result = write_new(x, bytes, e);
	else if (result == 0 &&
		 (fwrite(bytes.p, 1, bytes.len, stdout) != bytes.len ||
		     fflush(stdout) != 0))
		result = err_errno(
		    e, ERR_TRANSIENT_IO, "io-error", "%s", "standard output");
	buf_free(&pem);
	return result;
}
