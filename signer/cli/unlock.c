/*
 * `natsuin unlock`: becomes the keyholder of a key.  The process is forked
 * before anything secret exists, so the PIN is only ever in the keyholder;
 * the first process waits and returns success once the key really serves.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/cert/cert.h"
#include "signer/cli/cli.h"
#include "signer/key/keyholder.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define JST_MS ((int64_t)9 * 3600 * 1000)
#define DEFAULT_MS (12 * (int64_t)3600 * 1000)

struct wishes {
	const struct conf_key *key;
	struct keyholder_limits limits;
	bool few_tries_ok;
	bool pin_changed;
	bool new_card;
	bool foreground;
};

/* The next time the clock in Japan shows HH:MM. */
static int
parse_until(const char *s, int64_t *until_ms)
{
	int64_t now = clock_wall_ms(), midnight, hour, minute;
	char part[3] = {0};

	if (strlen(s) != 5 || s[2] != ':')
		return -1;
	memcpy(part, s, 2);
	if (text_number(part, 0, 23, &hour) != 0 ||
	    text_number(s + 3, 0, 59, &minute) != 0)
		return -1;
	midnight = now - (now + JST_MS) % DAY_MS;
	*until_ms = midnight + (hour * 60 + minute) * 60000;
	if (*until_ms <= now)
		*until_ms += DAY_MS;
	return 0;
}

static int
parse_for(const char *s, int64_t *until_ms)
{
	int64_t ms;

	if (text_duration_ms(s, &ms) != 0 || ms <= 0 || ms > 31 * DAY_MS)
		return -1;
	*until_ms = clock_wall_ms() + ms;
	return 0;
}

enum { UNTIL = 1, FOR, MOST, I_KNOW, CHANGED, NEW_CARD, FOREGROUND };

static int
apply(struct wishes *w, int option, const char *value)
{
	switch (option) {
	case UNTIL:
		return parse_until(value, &w->limits.until_ms);
	case FOR:
		return parse_for(value, &w->limits.until_ms);
	case MOST:
		return text_number(
		    value, 1, INT32_MAX, &w->limits.max_signatures);
	case I_KNOW:
		w->few_tries_ok = true;
		return 0;
	case CHANGED:
		w->pin_changed = true;
		return 0;
	case NEW_CARD:
		w->new_card = true;
		return 0;
	case FOREGROUND:
		w->foreground = true;
		return 0;
	default:
		return -1;
	}
}

static int
parse(struct wishes *w, int argc, char **argv)
{
	static const struct option options[] = {
	    {"until", required_argument, NULL, UNTIL},
	    {"for", required_argument, NULL, FOR},
	    {"max-signatures", required_argument, NULL, MOST},
	    {"i-know", no_argument, NULL, I_KNOW},
	    {"pin-changed", no_argument, NULL, CHANGED},
	    {"new-card", no_argument, NULL, NEW_CARD},
	    {"foreground", no_argument, NULL, FOREGROUND},
	    {NULL, 0, NULL, 0},
	};
	int option;

	w->limits.until_ms = clock_wall_ms() + DEFAULT_MS;
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (apply(w, option, optarg) != 0)
			return -1;
	return argc - optind <= 1 ? 0 : -1;
}

static void
say_certificate(const struct keyholder_status *s)
{
	int64_t days, now = clock_wall_ms();
	struct cert_info c;
	struct err e = {0};
	char when[40];

	if (cert_parse(buf_view(&s->certificate), &c, &e) != 0) {
		cli_fail(&e);
		return;
	}
	days = cert_days_left(c.not_after_ms, now);
	printf(_("  certificate  %s\n"), c.holder.name);
	printf(_("  serial       %s\n"), c.serial);
	printf(_("  issuer       %s\n"), c.issuer);
	printf(_("  valid until  %s (%lld days left)\n"),
	    cert_time_text(c.not_after_ms, when, sizeof when), (long long)days);
	if (cert_is_over(c.not_after_ms, now))
		printf("%s", _("  This certificate has expired: nothing will "
			       "be signed with it.\n"));
}

static void
say_unlocked(const struct keyholder_status *s)
{
	char when[40];

	printf(_("Key \"%s\" is unlocked until %s.\n"), s->key,
	    cert_time_text(s->until_ms, when, sizeof when));
	if (s->signatures_left >= 0)
		printf(_("  at most      %lld signatures\n"),
		    (long long)s->signatures_left);
	say_certificate(s);
	printf(_("  lock it with natsuin lock %s\n"), s->key);
	fflush(stdout);
}

static int
unlock(struct keyholder *k, const struct cli *cli, const struct wishes *w,
    struct err *e)
{
	struct unlock_options o = {.pin_fd = cli->pin_fd,
	    .few_tries_ok = w->few_tries_ok,
	    .pin_changed = w->pin_changed,
	    .new_card = w->new_card};
	char text[400];

	o.source = pin_choose(w->key, cli->pin_fd);
	o.prompt.description = keyholder_describe(k, text, sizeof text);
	if (o.source != PIN_SOURCE_TERMINAL && !cli->quiet)
		printf("%s\n", text);
	fflush(stdout);
	return keyholder_unlock(k, &o, e);
}

static int
show(struct keyholder *k, const struct cli *cli, struct err *e)
{
	struct keyholder_status s;

	if (keyholder_status(k, &s, e) != 0)
		return -1;
	if (!cli->quiet)
		say_unlocked(&s);
	keyholder_status_free(&s);
	return 0;
}

/* The keyholder's life; `ready` is told when it serves. */
static int
hold(const struct cli *cli, const struct wishes *w, int ready, struct err *e)
{
	struct keyholder *k = keyholder_open(w->key, cli->conf->root, e);
	enum keyholder_end end;
	int result = -1;

	if (k == NULL)
		return -1;
	keyholder_set_limits(k, w->limits);
	if (keyholder_prepare(k, cli->conf->run_dir, e) != 0 ||
	    unlock(k, cli, w, e) != 0 || keyholder_listen(k, e) != 0 ||
	    show(k, cli, e) != 0)
		goto out;
	if (!w->foreground && keyholder_detach(k, e) != 0)
		goto out;
	if (ready >= 0 && write(ready, "", 1) != 1)
		log_event(LOG_LEVEL_WARN, "key.parent-gone", "%s", "");
	if (ready >= 0)
		close(ready);
	end = keyholder_serve(k, e);
	log_event(LOG_LEVEL_INFO, "key.session-over", "why=%s",
	    keyholder_end_name(end));
	result = 0;
out:
	keyholder_close(k);
	return result;
}

static int
run_child(const struct cli *cli, const struct wishes *w, int ready)
{
	struct err e = {0};

	prctl(PR_SET_NAME, "natsuin-key");
	if (hold(cli, w, ready, &e) != 0)
		return cli_fail(&e);
	return EXIT_ALL_DONE;
}

/* Waits for the keyholder to serve or to give up. */
static int
wait_child(pid_t pid, int ready)
{
	struct termios before;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	struct err e = {0};
	char byte;
	ssize_t n;
	int status;

	while ((n = read(ready, &byte, 1)) < 0 && errno == EINTR)
		;
	if (n == 1)
		return EXIT_ALL_DONE;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_INTERNAL;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	/* Killed, perhaps while the echo was off. */
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	/* Not by somebody's wish: it broke down. */
	if (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM) {
		err_set(&e, ERR_CARD, "key-check-died", "signal %d",
		    WTERMSIG(status));
		cli_fail(&e);
	}
	return EXIT_PIN_NEEDED;
}

static int
launch(const struct cli *cli, const struct wishes *w)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct err e = {0};
	int pipefd[2];
	pid_t pid;

	if (w->foreground)
		return run_child(cli, w, -1);
	if (pipe(pipefd) != 0 || (pid = fork()) < 0) {
		err_errno(&e, ERR_TRANSIENT_IO, "io-error", "%s", "fork");
		return cli_fail(&e);
	}
	if (pid == 0) {
		close(pipefd[0]);
		exit(run_child(cli, w, pipefd[1]));
	}
	close(pipefd[1]);
	/* Ctrl-C is the keyholder's to handle; it then ends, and so do we. */
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	return wait_child(pid, pipefd[0]);
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct wishes w = {0};
	struct err e = {0};

	if (parse(&w, argc, argv) != 0)
		return cli_usage(&cmd_unlock);
	w.key = cli_key(cli, argv[optind], &e);
	if (w.key == NULL)
		return cli_fail(&e);
	return launch(cli, &w);
}

const struct command cmd_unlock = {
    .name = "unlock",
    .needs_conf = true,
    .run = run,
    .synopsis = N_("[KEY] [--until HH:MM | --for TIME] "
		   "[--max-signatures N] [--i-know]"),
    .summary = N_("ask the PIN once and keep the key ready for the night"),
    .help = N_(
	"Asks the PIN of a key, shows its certificate, and stays in the\n"
	"background as the key's holder until the time is over (12 hours\n"
	"unless said otherwise), the number of signatures is reached, the\n"
	"card is removed, or natsuin lock.\n\n"
	"  --until HH:MM         lock at this time of day (Japan time)\n"
	"  --for TIME            lock after this time: 10h, 90m\n"
	"  --max-signatures N    lock after N signatures\n"
	"  --i-know              try although only two tries are left\n"
	"  --pin-changed         the PIN of --pin-fd is not the one that was\n"
	"                        refused before\n"
	"  --new-card            the key has a new card: send it the stored "
	"PIN\n"
	"  --foreground          stay in the foreground (for systemd)\n\n"
	"KEY may be left out when only one key is configured.\n\n"
	"  natsuin unlock tanaka --until 07:00\n"),
};
