/* Commands: what main() gives to each, and the list of all. */
#ifndef SIGNER_CLI_CLI_H
#define SIGNER_CLI_CLI_H

#include "base/err.h"
#include "conf/conf.h"
#include "signer/exit.h"

#include <stdbool.h>

/* Common options, already parsed. */
struct cli {
	const char *conf_file; /* -c, $NATSUIN_CONF or the default */
	bool quiet;            /* -q */
	int verbose;           /* -v, counted */
	bool json;             /* --json */
	int pin_fd;            /* --pin-fd, or -1 */
	struct conf *conf;     /* loaded when the command needs one */
};

struct command {
	const char *name;
	bool needs_conf; /* conf is loaded before run() */
	/* argv[0] is the command's name; returns the exit code. */
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *synopsis; /* "[KEY] [--until HH:MM]"; N_() */
	const char *summary;  /* one line for `natsuin --help`; N_() */
	const char *help;     /* options and examples; N_() */
};

/* NULL ends it; in the order of `natsuin --help`. */
extern const struct command *const cli_commands[];

/* Prints what happened and what to do, in the operator's language, on
 * standard error; returns the exit code that the error's class deserves. */
int cli_fail(const struct err *e);

/* Prints the usage of one command on standard error; EXIT_WRONG_USAGE. */
int cli_usage(const struct command *c);

/* The key of this name, or the only one configured when name is NULL; NULL
 * with ERR_CONFIG "key-name-unknown" or "key-not-named". */
const struct conf_key *cli_key(
    const struct cli *cli, const char *name, struct err *e);

/* One per command; defined in signer/cli/<name>.c. */
extern const struct command cmd_init, cmd_run, cmd_watch, cmd_unlock, cmd_lock,
    cmd_status, cmd_check, cmd_verify, cmd_cert, cmd_queue, cmd_report,
    cmd_schema, cmd_pin, cmd_doctor, cmd_audit;

#endif
