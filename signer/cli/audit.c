/*
 * `natsuin audit verify`: follows the chain of keyholders' audit files and
 * says where one does not hold.  Reads only.
 */
#include "signer/key/audit.h"
#include "base/i18n.h"
#include "signer/cli/cli.h"
#include "signer/key/keystate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
print_plain(const char *name, const struct audit_summary *s)
{
	printf(_("%s: whole. %llu records, %llu signatures, last at %s\n"),
	    name, (unsigned long long)s->records,
	    (unsigned long long)s->signatures,
	    s->last_time[0] == '\0' ? "-" : s->last_time);
	if (s->torn > 0)
		printf(_("  %llu records were cut by a crash and are marked "
			 "so.\n"),
		    (unsigned long long)s->torn);
	if (s->torn_end)
		printf("%s", _("  The last line is not complete: it is being "
			       "written, or a crash cut it.\n"));
	printf(_("  last hash %s\n"), s->last);
}

static void
print_json(const char *name, const struct audit_summary *s)
{
	json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:b, s:s, s:s}", "file",
	    name, "records", (json_int_t)s->records, "signatures",
	    (json_int_t)s->signatures, "torn", (json_int_t)s->torn, "torn_end",
	    s->torn_end, "last_hash", s->last, "last_time", s->last_time);

	json_dumpf(j, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(j);
}

static int
verify_file(const struct cli *cli, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct audit_summary s;
	struct err e = {0};
	int r;

	if (fd < 0) {
		err_errno(&e, err_io_class(errno), "io-error", "%s", name);
		return cli_fail(&e);
	}
	r = audit_verify(fd, &s, &e);
	close(fd);
	if (r != 0) {
		err_push(&e, "%s", name);
		fprintf(stderr, "%s: ", name);
		return cli_fail(&e);
	}
	(cli->json ? print_json : print_plain)(name, &s);
	return EXIT_ALL_DONE;
}

static int
is_audit(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 6 && strcmp(d->d_name + n - 6, ".audit") == 0;
}

/* All files of this user's keys; none at all is fine. */
static int
verify_all(const struct cli *cli)
{
	char path[600];
	struct dirent **list = NULL;
	struct err e = {0};
	int n, r, worst = EXIT_ALL_DONE, dir;

	dir = keystate_open(cli->conf->root, &e);
	if (dir < 0)
		return cli_fail(&e);
	n = scandirat(dir, ".", &list, is_audit, alphasort);
	for (int i = 0; i < n; i++) {
		r = verify_file(cli, dir, list[i]->d_name);
		if (r != EXIT_ALL_DONE)
			worst = r;
		free(list[i]);
	}
	free(list);
	close(dir);
	if (n <= 0 && !cli->json && !cli->quiet)
		printf(_("No audit files in %s.\n"),
		    keystate_path(cli->conf->root, path, sizeof path));
	return worst;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	int worst = EXIT_ALL_DONE;

	if (argc < 2 || strcmp(argv[1], "verify") != 0)
		return cli_usage(&cmd_audit);
	if (argc == 2)
		return verify_all(cli);
	for (int i = 2; i < argc; i++) {
		int r = verify_file(cli, AT_FDCWD, argv[i]);

		if (r != EXIT_ALL_DONE)
			worst = r;
	}
	return worst;
}

const struct command cmd_audit = {
    .name = "audit",
    .needs_conf = true,
    .run = run,
    .synopsis = N_("verify [FILE…]"),
    .summary = N_("check that the keys' own records are whole"),
    .help = N_("Each keyholder records every signature in a file of its own,\n"
	       "in which each line carries the hash of the line before.\n"
	       "Without FILE, the files of this user's keys are checked.\n"),
};
