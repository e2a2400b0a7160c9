/* `natsuin cert --export`: certificates of a key as files. */
#ifndef SIGNER_CLI_CERT_EXPORT_H
#define SIGNER_CLI_CERT_EXPORT_H

#include "signer/cli/cli.h"

#include "base/buf.h"

enum cert_which {
	CERT_WHICH_SIGN, /* names its holder; behind the PIN on a card */
	CERT_WHICH_AUTH,
	CERT_WHICH_SIGN_CA,
	CERT_WHICH_AUTH_CA
};

struct cert_export {
	bool wanted;
	bool der; /* else PEM */
	enum cert_which which;
	const char *file; /* NULL = standard output */
};

/* "pem", "der"; "sign", "auth", "sign-ca", "auth-ca": 0 / -1. */
int cert_export_format(struct cert_export *x, const char *word);
int cert_export_which(struct cert_export *x, const char *word);

/* One of the certificates that a card shows without its PIN, appended; 0 /
 * -1 with ERR_CARD, "card-not-jpki", "certificate-not-on-card". */
int cert_export_read(const struct conf_key *key, enum cert_which which,
    struct buf *der, struct err *e);

/* Writes it; a file is made anew and never overwritten, readable by its
 * owner alone where it names a person.  0 / -1. */
int cert_export_write(
    const struct cert_export *x, struct slice der, struct err *e);

#endif
