/* Files and folders named on the command line, opened as drops. */
#ifndef SIGNER_CLI_FILES_H
#define SIGNER_CLI_FILES_H

#include "base/err.h"
#include "signer/exam/format.h"

struct cli_drop {
	struct drop drop;
	char **names;
};

/*
 * Opens a file, or a folder with its files (sub-folders' names get a '/'),
 * read-only.  0 / -1; cli_drop_close in both cases.
 */
int cli_drop_open(struct cli_drop *d, const char *path, struct err *e);
void cli_drop_close(struct cli_drop *d);

#endif
