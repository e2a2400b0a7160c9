/* `natsuin pin change`. */
#ifndef SIGNER_CLI_PIN_CHANGE_H
#define SIGNER_CLI_PIN_CHANGE_H

#include "signer/cli/cli.h"

/* argv[0] is "change"; `usage` is shown when the rest is wrong.  Exit code. */
int pin_change(
    const struct cli *cli, int argc, char **argv, const struct command *usage);

#endif
