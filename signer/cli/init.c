/*
 * `natsuin init DIR`: a spool that works, with a configuration to start
 * from.  Only makes new things: an existing natsuin.conf is refused, so that
 * an office's settings are never replaced.
 */
#include "base/fsops.h"
#include "base/i18n.h"
#include "conf/conf.h"
#include "signer/cli/cli.h"
#include "signer/cli/demo.h"
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define CONF_NAME_IN_DIR "natsuin.conf"

static const char office_conf[] =
    "# natsuin.conf, made by natsuin init. All settings with their defaults:\n"
    "# natsuin --print-defaults, and natsuin.conf(5).\n"
    "spool {\n"
    "\troot = \".\"\n"
    "\t# group = \"office\"            # who may use the shared folders\n"
    "}\n"
    "\n"
    "drop \"kokuzei\" {\n"
    "\tpath = \"in/kokuzei\"\n"
    "\tformat = \"auto\"               # auto | etax | egov\n"
    "\tsign-with = { \"office\" }      # keys, in signing order\n"
    "\tsigner-must-match = \"accountant\"   # none | accountant | taxpayer\n"
    "}\n"
    "\n"
    "key \"office\" {\n"
    "\tbackend = \"jpki\"              # jpki | pkcs11 | pkcs12\n"
    "\tetax-user-id = \"\"             # the signer's 16 digits\n"
    "\t# owner = \"tanaka\"            # who runs natsuin unlock\n"
    "\t# used-by = { \"natsuin\" }     # who runs natsuin run\n"
    "}\n"
    "\n"
    "certificates { anchors = \"anchors\" }   # CA certificates, PEM\n"
    "schemas { path = \"schemas\" }           # natsuin schema import\n";

static int
write_conf(int dir, const char *text, struct err *e)
{
	int fd = fs_create(dir, CONF_NAME_IN_DIR, 0644, e);
	int result = -1;

	if (fd < 0)
		return e->errnum == EEXIST
			   ? err_set(e, ERR_CONFIG, "init-exists", "%s",
				 CONF_NAME_IN_DIR)
			   : -1;
	if (fs_write(fd, slice_str(text), e) == 0 && fs_sync(fd, e) == 0 &&
	    fs_close(&fd, e) == 0 && fs_sync_dir(dir, e) == 0)
		result = 0;
	if (fd >= 0)
		fs_close(&fd, NULL);
	return result;
}

/* The spool's folders, made by the module that will use them. */
static int
make_spool(const char *file, struct err *e)
{
	struct conf *c = conf_load(file, e);
	struct spool *s = c == NULL ? NULL : spool_open(c, e);
	int result = s == NULL ? -1 : 0;

	spool_close(s);
	conf_free(c);
	return result;
}

static int
make_demo(int dir, const char *path, struct err *e)
{
	char schemas[4096];

	if (fs_mkdir(dir, "run", 0700, e) != 0 || demo_keys(dir, e) != 0)
		return -1;
	if ((size_t)snprintf(schemas, sizeof schemas, "%s/schemas", path) >=
	    sizeof schemas)
		return err_set(e, ERR_CONFIG, "name-too-long", "%s", path);
	if (demo_schemas(schemas, e) != 0)
		return -1;
	return demo_filings(dir, e);
}

static int
make(const char *path, bool demo, struct err *e)
{
	char file[4096];
	int dir, result = -1;

	if ((size_t)snprintf(file, sizeof file, "%s/%s", path,
		CONF_NAME_IN_DIR) >= sizeof file)
		return err_set(e, ERR_CONFIG, "name-too-long", "%s", path);
	if (fs_mkdir(AT_FDCWD, path, 0755, e) != 0)
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(e, ERR_CONFIG, "io-error", "%s", path);
	if (write_conf(dir, demo ? demo_conf() : office_conf, e) == 0 &&
	    fs_mkdir(dir, "anchors", 0755, e) == 0 &&
	    fs_mkdir(dir, "schemas", 0755, e) == 0 &&
	    fs_mkdir(dir, "keys", 0700, e) == 0 && make_spool(file, e) == 0)
		result = demo ? make_demo(dir, path, e) : 0;
	fs_close(&dir, NULL);
	return result;
}

static void
say_next(const char *path, bool demo)
{
	if (demo) {
		printf(_("Made a demonstration in %s: keys, schemas and five "
			 "filings that nobody will take.\n"),
		    path);
		printf(_("Sign them:  natsuin -c %s/natsuin.conf run\n"), path);
		return;
	}
	printf(_("Made a spool in %s.\n"), path);
	printf(_("Next: fill in %s/natsuin.conf, then\n"
		 "  natsuin -c %s/natsuin.conf doctor\n"),
	    path, path);
}

static int
run_init(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
	    {"demo", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
	struct err e = {0};
	bool demo = false;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'd')
			return cli_usage(&cmd_init);
		demo = true;
	}
	if (argc - optind != 1 || argv[optind][0] == '\0')
		return cli_usage(&cmd_init);
	if (make(argv[optind], demo, &e) != 0)
		return cli_fail(&e);
	if (!cli->quiet)
		say_next(argv[optind], demo);
	return EXIT_ALL_DONE;
}

const struct command cmd_init = {
    .name = "init",
    .needs_conf = false,
    .run = run_init,
    .synopsis = N_("[--demo] DIR"),
    .summary = N_("make a spool and DIR/natsuin.conf"),
    .help = N_("DIR is made when it is missing; an existing natsuin.conf is "
	       "left alone and\nrefused.\n"
	       "\n"
	       "  --demo   also make test keys, schemas and sample filings, so "
	       "that\n           natsuin run has something to do\n"
	       "\n"
	       "Examples:\n"
	       "  natsuin init /srv/natsuin\n"
	       "  natsuin init --demo ~/natsuin-demo\n"),
};
