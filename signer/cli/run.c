/*
 * `natsuin run` and `natsuin watch`: the batch, from a terminal or from cron.
 */
#include "base/i18n.h"
#include "signer/batch/batch.h"
#include "signer/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int
start(struct cli *cli, bool watch)
{
	struct batch_options o = {
	    .watch = watch, .pin_fd = cli->pin_fd, .progress = !cli->quiet};
	struct err e = {0};
	int code;

	/* Which key would be opened first is chance. */
	if (cli->pin_fd >= 0 && cli->conf->key_count > 1) {
		err_set(&e, ERR_CONFIG, "pin-fd-several-keys", "%zu keys",
		    cli->conf->key_count);
		return cli_fail(&e);
	}
	umask(cli->conf->umask);
	code = batch_run(cli->conf, &o, &e);
	if (e.class != ERR_NONE) {
		int failed = cli_fail(&e);

		return code < 0 ? failed : code;
	}
	return code;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return cli_usage(&cmd_run);
	return start(cli, false);
}

static int
watch(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return cli_usage(&cmd_watch);
	return start(cli, true);
}

const struct command cmd_run = {"run", true, run, "",
    N_("sign what lies in the drop folders now (for cron)"),
    N_("Checks, signs, verifies and delivers every filing that is ready, "
       "then writes\nthe report.  Filings that cannot be signed go to "
       "failed/ with the reason.\n\n"
       "Exit codes: 0 all delivered, 3 some not, 4 none, 69 card or "
       "reader missing,\n75 try later or already running, 77 PIN needed, "
       "78 configuration.\n\n"
       "examples:\n"
       "  natsuin -c /srv/natsuin/natsuin.conf run\n"
       "  natsuin run --pin-fd 3 3< pin.txt\n")};

const struct command cmd_watch = {"watch", true, watch, "",
    N_("stay and sign what arrives"),
    N_("Like run, but stays: a batch ends, and its report is written, "
       "after a quiet\ntime (setting `quiet`).  SIGTERM ends it "
       "cleanly.\n\n"
       "example:\n"
       "  natsuin -c /srv/natsuin/natsuin.conf watch\n")};
