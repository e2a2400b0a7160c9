/*
 * argv → command.  Common options are taken out here, the rest goes to the
 * command.  Three roles are not commands: the executed examiner, fetcher and
 * keyholder processes start here too, before anything else is set up.
 */
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/cert/fetch.h"
#include "signer/cli/cli.h"
#include "signer/exam/examiner.h"
#include "signer/key/keyclient.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONF "/etc/natsuin/natsuin.conf"

/* A common option: its letter is what take_common switches on. */
struct common_option {
	const char *name;
	char letter;
	bool has_value;
};

static const struct common_option common_options[] = {
    {"config", 'c', true},
    {"lang", 'L', true},
    {"quiet", 'q', false},
    {"verbose", 'v', false},
    {"json", 'J', false},
    {"pin-fd", 'P', true},
    {"help", 'h', false},
    {"version", 'V', false},
    {"print-defaults", 'D', false},
};

static int
print_help(void)
{
	printf(_("natsuin %s signs tax filings in bulk "
		 "(e-Tax .xtx, e-Gov applications).\n\n"
		 "usage: natsuin [options] command [arguments]\n\n"
		 "commands:\n"),
	    NATSUIN_VERSION);
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		printf("  %-8s %s\n", cli_commands[i]->name,
		    _(cli_commands[i]->summary));
	printf("%s", _("\noptions:\n"
		       "  -c, --config FILE   configuration (default: "
		       "$NATSUIN_CONF, else /etc/natsuin/natsuin.conf)\n"
		       "      --lang ja|en    language of messages\n"
		       "  -q, --quiet         only errors\n"
		       "  -v, --verbose       more of what happens\n"
		       "      --json          machine-readable output\n"
		       "      --pin-fd N      read a PIN from descriptor N\n"
		       "      --print-defaults  every setting with its "
		       "default\n"
		       "  -h, --help          this text; after a command: "
		       "its own\n"
		       "      --version\n\n"
		       "To try it:  natsuin init --demo demo && "
		       "natsuin -c demo/natsuin.conf run\n"));
	return EXIT_ALL_DONE;
}

static int
print_command_help(const struct command *c)
{
	printf(_("usage: natsuin %s%s%s\n\n%s\n\n%s"), c->name,
	    *c->synopsis == '\0' ? "" : " ",
	    *c->synopsis == '\0' ? "" : _(c->synopsis), _(c->summary),
	    *c->help == '\0' ? "" : _(c->help));
	return EXIT_ALL_DONE;
}

int
cli_usage(const struct command *c)
{
	fprintf(stderr, _("usage: natsuin %s%s%s\nMore: natsuin %s --help\n"),
	    c->name, *c->synopsis == '\0' ? "" : " ",
	    *c->synopsis == '\0' ? "" : _(c->synopsis), c->name);
	return EXIT_WRONG_USAGE;
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

static int
wrong_usage(const char *what, const char *word)
{
	fprintf(stderr, _("natsuin: %s%s%s\nTry: natsuin --help\n"), what,
	    *word == '\0' ? "" : ": ", word);
	return EXIT_WRONG_USAGE;
}

/* What the common options asked for instead of a command. */
struct wanted {
	bool help;
	bool version;
	bool defaults;
};

/* The common option that a word is: "-c", "--config", "--config=…"; or
 * NULL.  Only c, q, v and h have a short form. */
static const struct common_option *
find_option(const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < sizeof common_options / sizeof *common_options;
	     i++) {
		const struct common_option *o = &common_options[i];

		if (word[0] == '-' && word[1] == o->letter && word[2] == '\0' &&
		    o->letter >= 'a')
			return o;
		if (strncmp(word, "--", 2) == 0 && n == strlen(o->name) + 2 &&
		    strncmp(word + 2, o->name, n - 2) == 0)
			return o;
	}
	return NULL;
}

static int
apply(struct cli *cli, struct wanted *w, char letter, const char *value)
{
	int64_t fd;

	switch (letter) {
	case 'c':
		cli->conf_file = value;
		return 0;
	case 'L':
		if (strcmp(value, "ja") != 0 && strcmp(value, "en") != 0)
			return -1;
		i18n_use(value);
		return 0;
	case 'P':
		if (text_number(value, 0, 1023, &fd) != 0 ||
		    fcntl((int)fd, F_GETFD) < 0)
			return -1; /* none, or not open */
		cli->pin_fd = (int)fd;
		return 0;
	case 'q':
		cli->quiet = true;
		return 0;
	case 'v':
		cli->verbose++;
		return 0;
	case 'J':
		cli->json = true;
		return 0;
	case 'V':
		w->version = true;
		return 0;
	case 'D':
		w->defaults = true;
		return 0;
	default:
		w->help = true;
		return 0;
	}
}

/* Takes one common option at argv[i]; returns how many words it used, 0 when
 * it is not a common option, -1 when its value is missing or wrong. */
static int
take_common(struct cli *cli, struct wanted *w, int argc, char **argv, int i)
{
	const struct common_option *o = find_option(argv[i]);
	const char *equals = strchr(argv[i], '=');
	const char *value = NULL;
	int used = 1;

	if (o == NULL)
		return 0;
	if (o->has_value && equals != NULL) {
		value = equals + 1;
	} else if (o->has_value) {
		if (i + 1 >= argc)
			return -1;
		value = argv[i + 1];
		used = 2;
	} else if (equals != NULL) {
		return -1;
	}
	return apply(cli, w, o->letter, value) == 0 ? used : -1;
}

/* Removes the common options from argv; NULL, or the one that is wrong. */
static const char *
parse_common(struct cli *cli, struct wanted *w, int *argc, char **argv)
{
	int out = 1, i = 1;

	while (i < *argc) {
		int used;

		if (strcmp(argv[i], "--") == 0) {
			while (i < *argc)
				argv[out++] = argv[i++];
			break;
		}
		used = take_common(cli, w, *argc, argv, i);
		if (used < 0)
			return argv[i];
		if (used == 0)
			argv[out++] = argv[i++];
		else
			i += used;
	}
	*argc = out;
	argv[out] = NULL;
	return NULL;
}

/* A word stands outside of the synopsis' brackets. */
static bool
needs_word(const struct command *c)
{
	int depth = 0;

	for (const char *s = c->synopsis; *s != '\0'; s++) {
		depth += (*s == '[') - (*s == ']');
		if (depth == 0 && isalpha((unsigned char)*s))
			return true;
	}
	return false;
}

static int
run_command(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct err e = {0};
	int code;

	if (argc < 2 && needs_word(c))
		return cli_usage(c);
	if (c->needs_conf) {
		cli->conf = conf_load(cli->conf_file, &e);
		if (cli->conf == NULL)
			return cli_fail(&e);
	}
	code = c->run(cli, argc, argv);
	conf_free(cli->conf);
	return code;
}

int
main(int argc, char **argv)
{
	struct cli cli = {.pin_fd = -1};
	struct wanted wanted = {0};
	const struct command *c;
	const char *wrong;

	if (argc > 1 && strcmp(argv[1], EXAMINER_ROLE) == 0)
		return examiner_main();
	if (argc > 1 && strcmp(argv[1], FETCHER_ROLE) == 0)
		return fetcher_main();
	i18n_init();
	if (argc > 1 && strcmp(argv[1], "--keyholder") == 0)
		return keyholder_main(argc, argv);
	cli.conf_file = getenv("NATSUIN_CONF");
	if (cli.conf_file == NULL || *cli.conf_file == '\0')
		cli.conf_file = DEFAULT_CONF;
	wrong = parse_common(&cli, &wanted, &argc, argv);
	if (wrong != NULL)
		return wrong_usage(_("the option lacks its value, or the "
				     "value is not one it takes"),
		    wrong);
	log_open(2,
	    cli.quiet          ? LOG_LEVEL_ERROR
	    : cli.verbose > 1  ? LOG_LEVEL_DEBUG
	    : cli.verbose == 1 ? LOG_LEVEL_INFO
			       : LOG_LEVEL_WARN,
	    "natsuin");
	if (wanted.version) {
		printf("natsuin %s\n", NATSUIN_VERSION);
		return EXIT_ALL_DONE;
	}
	if (wanted.defaults) {
		conf_print_defaults(1);
		return EXIT_ALL_DONE;
	}
	if (argc < 2)
		return wanted.help ? print_help()
				   : wrong_usage(_("no command"), "");
	c = find_command(argv[1]);
	if (c == NULL)
		return wrong_usage(_("there is no such command"), argv[1]);
	if (wanted.help)
		return print_command_help(c);
	return run_command(&cli, c, argc - 1, argv + 1);
}
