/* `natsuin cert --card`: what a card shows without its password. */
#ifndef SIGNER_CLI_CERT_CARD_H
#define SIGNER_CLI_CERT_CARD_H

#include "signer/cli/cli.h"

/* Reads the card of a jpki key (no PIN is asked or sent), closes the process
 * off before it looks at what came, and prints; the exit code. */
int cert_card(const struct cli *cli, const struct conf_key *key);

#endif
