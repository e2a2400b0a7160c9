/*
 * The list of commands, and how an error is told to the operator.
 */
#include "base/i18n.h"
#include "base/log.h"
#include "signer/cli/cli.h"
#include "signer/report/explain.h"

#include <stdio.h>
#include <string.h>

const struct command *const cli_commands[] = {
    &cmd_init,
    &cmd_run,
    &cmd_watch,
    &cmd_unlock,
    &cmd_lock,
    &cmd_status,
    &cmd_check,
    &cmd_verify,
    &cmd_cert,
    &cmd_queue,
    &cmd_report,
    &cmd_schema,
    &cmd_pin,
    &cmd_doctor,
    &cmd_audit,
    NULL,
};

int
cli_fail(const struct err *e)
{
	fprintf(stderr, "natsuin: %s", explain_what(e->code));
	if (e->detail[0] != '\0')
		fprintf(stderr, " (%s)", e->detail);
	if (e->errnum != 0)
		fprintf(stderr, ": %s", strerror(e->errnum));
	fprintf(stderr, "\n  → %s\n", explain_todo(e->code));
	log_err(LOG_LEVEL_INFO, "command.failed", e);
	switch (e->class) {
	case ERR_CARD:
		return EXIT_NO_CARD;
	case ERR_PIN:
		return EXIT_PIN_NEEDED;
	case ERR_CONFIG:
		return EXIT_BAD_CONFIG;
	case ERR_TRANSIENT_IO:
	case ERR_FATAL_IO:
		return EXIT_TRY_LATER;
	case ERR_INPUT:
	case ERR_CERTIFICATE:
		return EXIT_ALL_FAILED;
	case ERR_NONE:
	case ERR_BUG:
	case ERR_CLASS_MAX:
		break;
	}
	return EXIT_INTERNAL;
}
