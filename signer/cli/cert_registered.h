/* A key's certificate and its registration in e-Tax, for the commands. */
#ifndef SIGNER_CLI_CERT_REGISTERED_H
#define SIGNER_CLI_CERT_REGISTERED_H

#include "base/buf.h"
#include "signer/cert/cert.h"
#include "signer/cert/registered.h"
#include "signer/cli/cli.h"

#include <jansson.h>

/* What is known of it, and what is to be said. */
struct cert_registered {
	enum registered state;
	struct registration last; /* time_ms 0: nothing recorded */
	struct err problem;       /* class NONE: state is known */
};

/* `q` as registered_judge.  Nothing is asked of keys without an
 * etax-user-id, which sign nothing for e-Tax: YES, with nothing recorded,
 * unless their certificate changed. */
void cert_registered_read(struct cert_registered *r, const struct conf *c,
    struct queue *q, const struct conf_key *key, const uint8_t sha256[32]);

/* The code of what is to be said ("certificate-changed", …), or NULL. */
const char *cert_registered_code(const struct cert_registered *r);
/* In words, for a row. */
char *cert_registered_text(
    const struct cert_registered *r, char *out, size_t size);
/* The time it was recorded, or null. */
json_t *cert_registered_json(const struct cert_registered *r);

/* `natsuin cert --registered`: records that this certificate of the key is
 * registered.  The exit code. */
int cert_registered_record(
    const struct cli *cli, const struct conf_key *key, struct slice der);

#endif
