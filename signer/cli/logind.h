/* Does systemd-logind end a keyholder when its operator logs out? */
#ifndef SIGNER_CLI_LOGIND_H
#define SIGNER_CLI_LOGIND_H

#include <stdbool.h>

/*
 * Reads logind.conf and its drop-ins below `root` ("" = this system's own) as
 * logind.conf(5) says: which file wins, KillUserProcesses, KillOnlyUsers,
 * KillExcludeUsers.  Debian and Ubuntu kill nothing by default.  True when
 * the processes of a session of `user` are killed at its end.
 */
bool logind_kills(const char *root, const char *user);

/* Whether the user's own service manager stays after logout (loginctl
 * enable-linger): then systemd-run --user can keep a keyholder. */
bool logind_lingers(const char *root, const char *user);

#endif
