/* Revocation for commands: asked now, or as last known. */
#ifndef SIGNER_CLI_REVOCATION_H
#define SIGNER_CLI_REVOCATION_H

#include "conf/conf.h"
#include "signer/cert/anchors.h"
#include "signer/cert/revocation.h"

/*
 * Asks now, whatever is kept (waits as long as the settings' time-outs).
 * With `keep`, the answer is kept for batches where this user may write the
 * state.  `certificate` is DER or PEM.  0 / -1.
 */
int cli_revocation_ask(const struct conf *c, const struct conf_key *key,
    const struct cert_anchors *anchors, struct slice certificate, bool keep,
    struct cert_revocation *out, struct err *e);

/* The last result that was kept about this DER certificate, else "not
 * asked". */
void cli_revocation_recall(
    const struct conf *c, struct slice der, struct cert_revocation *out);

#endif
