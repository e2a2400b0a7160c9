/*
 * `natsuin status`: filings, keys and the last batch, at a glance.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "queue/job.h"
#include "queue/queue.h"
#include "signer/cert/cert.h"
#include "signer/cli/cli.h"
#include "signer/cli/keyview.h"
#include "signer/cli/state.h"
#include "signer/report/explain.h"
#include "signer/report/urgency.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All keys, printed or as a list. */
static json_t *
show_keys(struct cli *cli, struct queue *q)
{
	size_t n = cli->conf->key_count;
	struct keyview *views = calloc(n + 1, sizeof *views);
	json_t *list = json_array();

	if (views == NULL)
		return list;
	for (size_t i = 0; i < n; i++)
		keyview_read(&views[i], cli->conf, &cli->conf->keys[i], q);
	keyview_look_for_cards(views, n);
	for (size_t i = 0; i < n; i++) {
		if (cli->json)
			json_array_append_new(list, keyview_json(&views[i]));
		else
			keyview_text(&views[i]);
		keyview_free(&views[i]);
	}
	free(views);
	return list;
}

static void
jobs_text(const int64_t counts[JOB_STATE_MAX], const struct batch *b)
{
	printf("%s", _("filings:"));
	for (int i = 0; i < JOB_STATE_MAX; i++)
		if (counts[i] > 0)
			printf(" %lld %s", (long long)counts[i],
			    job_state_name((enum job_state)i));
	printf("\n");
	if (b->id == 0)
		return;
	printf(_("last batch %s: %lld signed, %lld not signed, %lld held%s\n"),
	    b->name, (long long)b->published, (long long)b->failed,
	    (long long)b->held,
	    b->finished_ms == 0 ? _(" (running or interrupted)") : "");
}

static json_t *
jobs_json(const int64_t counts[JOB_STATE_MAX], const struct batch *b)
{
	json_t *o = json_object();

	for (int i = 0; i < JOB_STATE_MAX; i++)
		json_object_set_new(o, job_state_name((enum job_state)i),
		    json_integer(counts[i]));
	return json_pack("{s:o, s:s, s:b}", "filings", o, "batch", b->name,
	    "finished", b->finished_ms != 0);
}

/* Which keys each pool has; how they stand is said of each. */
static json_t *
show_pools(struct cli *cli)
{
	json_t *all = json_array();

	for (size_t i = 0; i < cli->conf->pool_count; i++) {
		const struct conf_pool *p = &cli->conf->pools[i];
		json_t *keys = json_array();

		if (!cli->json)
			printf(_("pool %s:"), p->name);
		for (size_t k = 0; k < p->keys.count; k++) {
			json_array_append_new(
			    keys, json_string(p->keys.item[k]));
			if (!cli->json)
				printf("%s %s", k == 0 ? "" : ",",
				    p->keys.item[k]);
		}
		if (!cli->json)
			printf("\n");
		json_array_append_new(all,
		    json_pack("{s:s, s:o}", "pool", p->name, "keys", keys));
	}
	return all;
}

/* Drop folders with a due date. */
static json_t *
show_dues(struct cli *cli)
{
	json_t *all = json_array();

	for (size_t i = 0; i < cli->conf->drop_count; i++) {
		const struct conf_drop *d = &cli->conf->drops[i];
		int64_t days =
		    clock_day(d->due_ms) - clock_day(clock_wall_ms());
		char when[32];

		if (d->due_ms == 0)
			continue;
		cert_time_text(d->due_ms, when, sizeof when);
		json_array_append_new(
		    all, json_pack("{s:s, s:s%, s:I}", "drop", d->name, "due",
			     when, (size_t)10, "days_left", (json_int_t)days));
		if (cli->json)
			continue;
		printf(_("drop %s: due %.10s (%lld days left)\n"), d->name,
		    when, (long long)days);
		if (days < 0)
			printf("  %s %s\n      → %s\n",
			    urgency_mark(urgency_of("due-passed")),
			    explain_what("due-passed"),
			    explain_todo("due-passed"));
	}
	return all;
}

static int
status(struct cli *cli, int argc, char **argv)
{
	int64_t counts[JOB_STATE_MAX] = {0};
	struct batch last = {0};
	struct err e = {0};
	struct queue *q;
	json_t *keys, *pools, *dues, *all;

	(void)argv;
	if (argc > 1)
		return cli_usage(&cmd_status);
	q = state_open(cli->conf, QUEUE_READ, &e);
	if (q == NULL && strcmp(e.code, "queue-none") != 0)
		return cli_fail(&e);
	if (q != NULL && (queue_job_counts(q, counts, &e) != 0 ||
			     queue_batch_find(q, "", &last, &e) < 0)) {
		queue_close(q);
		return cli_fail(&e);
	}
	keys = show_keys(cli, q);
	pools = show_pools(cli);
	dues = show_dues(cli);
	queue_close(q);
	if (cli->json) {
		all = jobs_json(counts, &last);
		json_object_set(all, "keys", keys);
		json_object_set(all, "pools", pools);
		json_object_set(all, "due", dues);
		json_dumpf(all, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(all);
	} else {
		jobs_text(counts, &last);
	}
	json_decref(keys);
	json_decref(pools);
	json_decref(dues);
	return EXIT_ALL_DONE;
}

const struct command cmd_status = {"status", true, status, "",
    N_("keys, filings and the last batch at a glance"),
    N_("Shows how each key stands (unlocked until when, signatures made and "
       "left, tries\nleft, the certificate's end, a PIN that was refused), "
       "how many filings are in which\nstate, and the last batch. Asks for "
       "no PIN and disturbs no card: the tries of a\nlocked key are told by "
       "natsuin pin tries.\n\nexample:\n"
       "  natsuin status --json\n")};
