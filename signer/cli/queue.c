/*
 * `natsuin queue`: what is known of filings, and an operator's decisions.
 * A running batch executes them; without one this command does so itself.
 */
#include "queue/queue.h"
#include "base/clock.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "queue/job.h"
#include "signer/batch/batch.h"
#include "signer/cli/cli.h"
#include "signer/cli/state.h"
#include "signer/report/explain.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 2000
#define WAIT_MS 10000
#define WAIT_STEP_MS 100

static json_t *
job_json(const struct job *j)
{
	char when[CLOCK_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "job",
	    j->name, "batch", j->batch_name, "state", job_state_name(j->state),
	    "path", j->path, "code", j->code, "detail", j->detail, "output",
	    j->state == JOB_PUBLISHED ? j->output : "", "changed",
	    clock_text(j->changed_ms, when));
}

static void
job_line(const struct job *j)
{
	printf("%-24s %-10s %s", j->name, job_state_name(j->state), j->path);
	if (j->code[0] != '\0')
		printf("  [%s] %s", j->code, explain_what(j->code));
	printf("\n");
}

static int
list(struct cli *cli, struct queue *q, bool all)
{
	int64_t *ids = NULL;
	size_t n = 0;
	struct job j;
	struct err e = {0};
	json_t *out = cli->json ? json_array() : NULL;
	int result = queue_job_list(q,
	    all ? QUEUE_RECENT_JOBS : QUEUE_OPEN_JOBS, LIST_MAX, &ids, &n, &e);

	for (size_t i = 0; i < n && result >= 0; i++) {
		result = queue_job_get(q, ids[i], &j, &e);
		if (result == 1 && out != NULL)
			json_array_append_new(out, job_json(&j));
		else if (result == 1)
			job_line(&j);
	}
	free(ids);
	if (out != NULL) {
		json_dumpf(out, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(out);
	} else if (n == 0 && result >= 0) {
		printf("%s", _("nothing is waiting or held\n"));
	}
	return result < 0 ? cli_fail(&e) : EXIT_ALL_DONE;
}

static int
history(struct queue *q, const struct job *j, json_t *out)
{
	struct job_event *events = NULL;
	size_t n = 0;
	struct err e = {0};

	if (queue_job_history(q, j->id, &events, &n, &e) != 0)
		return cli_fail(&e);
	for (size_t i = 0; i < n; i++) {
		char when[CLOCK_TEXT_SIZE];

		clock_text(events[i].when_ms, when);
		if (out != NULL)
			json_array_append_new(
			    out, json_pack("{s:s, s:s, s:s, s:s}", "time", when,
				     "state", job_state_name(events[i].state),
				     "code", events[i].code, "detail",
				     events[i].detail));
		else
			printf("  %s  %-10s %s %s\n", when,
			    job_state_name(events[i].state), events[i].code,
			    events[i].detail);
	}
	free(events);
	return EXIT_ALL_DONE;
}

static int
show(struct cli *cli, struct queue *q, const char *name)
{
	struct job j;
	struct err e = {0};
	json_t *out, *events;
	int found = queue_job_find(q, name, &j, &e), code;

	if (found < 0)
		return cli_fail(&e);
	if (found == 0) {
		err_set(&e, ERR_INPUT, "job-unknown", "%s", name);
		return cli_fail(&e);
	}
	if (!cli->json) {
		job_line(&j);
		if (j.code[0] != '\0')
			printf(
			    "  %s\n  → %s\n", j.detail, explain_todo(j.code));
		if (j.state == JOB_PUBLISHED)
			printf(_("  output: %s\n"), j.output);
		if (j.original[0] != '\0')
			printf(_("  original: %s\n"), j.original);
		return history(q, &j, NULL);
	}
	out = job_json(&j);
	events = json_array();
	code = history(q, &j, events);
	json_object_set_new(out, "history", events);
	json_dumpf(out, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(out);
	return code;
}

/* Waits until the request is executed, here or by the running batch. */
static int
wait_for_request(struct cli *cli, struct queue *q, int64_t id, struct err *e)
{
	struct queue_request r;
	int result = batch_requests(cli->conf, e);

	if (result < 0 && strcmp(e->code, "already-running") != 0)
		return -1;
	for (int waited = 0; waited < WAIT_MS; waited += WAIT_STEP_MS) {
		if (queue_request_get(q, id, &r, e) != 1)
			return -1;
		if (r.done_ms != 0 && strcmp(r.result, "done") == 0)
			return 0;
		if (r.done_ms != 0)
			return err_set(e, ERR_INPUT, r.result, "%s", r.job);
		poll(NULL, 0, WAIT_STEP_MS);
	}
	return err_set(e, ERR_TRANSIENT_IO, "request-waits", "%s", r.job);
}

static int
ask(struct cli *cli, enum queue_request_kind kind, int argc, char **argv)
{
	struct err e = {0};
	struct queue *q = state_open(cli->conf, QUEUE_REQUEST, &e);
	int code = EXIT_ALL_DONE;

	if (q == NULL)
		return cli_fail(&e);
	for (int i = 2; i < argc; i++) {
		int64_t id;

		err_clear(&e);
		if (queue_request_add(q, kind, argv[i], getuid(),
			clock_wall_ms(), &id, &e) != 0 ||
		    wait_for_request(cli, q, id, &e) != 0) {
			code = cli_fail(&e);
			continue;
		}
		if (!cli->quiet)
			printf(_("%s: done\n"), argv[i]);
	}
	queue_close(q);
	return code;
}

static int
queue_command(struct cli *cli, int argc, char **argv)
{
	struct err e = {0};
	struct queue *q;
	int code;

	if (argc < 2)
		return cli_usage(&cmd_queue);
	if (argc > 2 && strcmp(argv[1], "release") == 0)
		return ask(cli, QUEUE_RELEASE, argc, argv);
	if (argc > 2 && strcmp(argv[1], "discard") == 0)
		return ask(cli, QUEUE_DISCARD, argc, argv);
	if (argc > 2 && strcmp(argv[1], "retry") == 0)
		return ask(cli, QUEUE_RETRY, argc, argv);
	if (strcmp(argv[1], "list") != 0 &&
	    (strcmp(argv[1], "show") != 0 || argc != 3))
		return cli_usage(&cmd_queue);
	q = state_open(cli->conf, QUEUE_READ, &e);
	if (q == NULL)
		return cli_fail(&e);
	if (argv[1][0] == 's')
		code = show(cli, q, argv[2]);
	else
		code = list(cli, q, argc > 2 && strcmp(argv[2], "--all") == 0);
	queue_close(q);
	return code;
}

const struct command cmd_queue = {"queue", true, queue_command,
    N_("list [--all] | show JOB | retry JOB... | release JOB... | "
       "discard JOB..."),
    N_("what waits or is held; retry, release or discard it"),
    N_("  list      filings that wait or are held (--all: the newest of "
       "all)\n"
       "  show      one filing with its history\n"
       "  retry     put a failed filing back into its drop folder\n"
       "  release   let a held filing go on, whatever held it\n"
       "  discard   a held filing is not to be signed: to failed/\n\n"
       "examples:\n"
       "  natsuin queue list\n"
       "  natsuin queue release 20261122-180000-0007\n")};
