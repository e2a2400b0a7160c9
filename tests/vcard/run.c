/* `vcard run`: options, and the end of a card process. */
#include "tests/vcard/vcard.h"

#include "tests/vcard/netns.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct settings {
	const char *card;
	const char *control;
	const char *log;
	long port;
	long netns_pid;
};

static const struct option options[] = {
    {"card", required_argument, NULL, 'c'},
    {"port", required_argument, NULL, 'p'},
    {"control", required_argument, NULL, 's'},
    {"log", required_argument, NULL, 'l'},
    {"set", required_argument, NULL, 'q'},
    {"removed", no_argument, NULL, 'r'},
    {"netns", required_argument, NULL, 'n'},
    {NULL, 0, NULL, 0},
};

static int
set_quirk(struct card_quirks *q, char *text)
{
	char *value = strchr(text, '=');

	if (value != NULL)
		*value++ = '\0';
	if (value != NULL && quirk_set(q, text, value) == 0)
		return 0;
	fprintf(stderr, "vcard run: --set %s: unknown\n", text);
	return -1;
}

static int
take_option(struct vcard *v, struct settings *s, int option)
{
	switch (option) {
	case 'c':
		s->card = optarg;
		return 0;
	case 'p':
		s->port = strtol(optarg, NULL, 10);
		return s->port > 0 && s->port < 65536 ? 0 : -1;
	case 's':
		s->control = optarg;
		return 0;
	case 'l':
		s->log = optarg;
		return 0;
	case 'q':
		return set_quirk(&v->quirks, optarg);
	case 'r':
		v->link.wanted = false;
		return 0;
	case 'n':
		s->netns_pid = strtol(optarg, NULL, 10);
		return s->netns_pid > 0 ? 0 : -1;
	default:
		return -1;
	}
}

static int
take_options(struct vcard *v, struct settings *s, int argc, char **argv)
{
	int option;

	optind = 0;
	while ((option = getopt_long(argc + 1, argv - 1, "", options, NULL)) !=
	       -1) {
		if (take_option(v, s, option) != 0)
			return -1;
	}
	return s->card != NULL && s->control != NULL && s->port > 0 ? 0 : -1;
}

static int
open_all(struct vcard *v, const struct settings *s)
{
	struct err e = {0};

	v->card = card_load(s->card, &e);
	if (v->card == NULL) {
		fprintf(stderr, "vcard run: %s: %s\n", e.code, e.detail);
		return -1;
	}
	v->link.port = (uint16_t)s->port;
	if (control_open(&v->control, s->control) != 0) {
		perror(s->control);
		return -1;
	}
	if (s->log != NULL && (v->log = fopen(s->log, "ae")) == NULL) {
		perror(s->log);
		return -1;
	}
	if (s->netns_pid > 0 && netns_join((pid_t)s->netns_pid) != 0) {
		perror("vcard run: network namespace");
		return -1;
	}
	return 0;
}

static void
close_all(struct vcard *v)
{
	struct buf text = {0};

	vcard_pull(v);
	if (v->log != NULL) {
		if (counters_text(&v->counters, &text) == 0)
			fprintf(v->log, "%.*s\n", (int)text.len, text.p);
		fclose(v->log);
	}
	buf_free(&text);
	buf_free(&v->pending.answer);
	buf_free(&v->link.in);
	control_close(&v->control);
	card_free(v->card);
}

int
vcard_run(int argc, char **argv)
{
	struct vcard v = {0};
	struct settings s = {0};
	int status = EXIT_FAILURE;

	v.link.fd = v.control.listen_fd = -1;
	v.link.wanted = true;
	if (take_options(&v, &s, argc, argv) != 0) {
		fprintf(stderr, "vcard run: bad or missing options\n");
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (open_all(&v, &s) == 0 && vcard_serve(&v) == 0)
		status = EXIT_SUCCESS;
	if (v.card != NULL)
		close_all(&v);
	unlink(s.control);
	return status;
}
