/*
 * `natsuin status`: filings, keys and the last batch, at a glance.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "queue/job.h"
#include "queue/queue.h"
#include "signer/cert/cert.h"
#include "signer/cli/cli.h"
#include "signer/cli/state.h"
#include "signer/key/keyclient.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a listening keyholder says; false when there is none. */
static bool
ask_key(struct cli *cli, const struct conf_key *key, struct key_reply *r)
{
	struct err e = {0};
	int fd = keyclient_connect(cli->conf, key, &e);
	bool good;

	if (fd < 0)
		return false;
	good = keyclient_receive(fd, r, &e) == 0 && r->type == KEY_REPLY_STATUS;
	close(fd);
	return good;
}

static json_t *
key_json(const struct conf_key *key, bool open, const struct key_reply *r)
{
	const struct keyholder_status *s = &r->status;
	struct cert_info c;
	struct err e = {0};
	char until[CLOCK_TEXT_SIZE];
	json_t *o = json_pack("{s:s, s:b}", "key", key->name, "unlocked", open);

	if (!open)
		return o;
	json_object_set_new(o, "tries_left", json_integer(s->card.tries_left));
	json_object_set_new(
	    o, "signatures_made", json_integer(s->signatures_made));
	json_object_set_new(
	    o, "signatures_left", json_integer(s->signatures_left));
	json_object_set_new(o, "where", json_string(s->card.where));
	if (s->until_ms > 0)
		json_object_set_new(
		    o, "until", json_string(clock_text(s->until_ms, until)));
	if (cert_parse(buf_view(&s->certificate), &c, &e) == 0)
		json_object_set_new(o, "not_after",
		    json_string(clock_text(c.not_after_ms, until)));
	return o;
}

static void
key_text(const struct conf_key *key, bool open, const struct key_reply *r)
{
	const struct keyholder_status *s = &r->status;
	char until[CLOCK_TEXT_SIZE];

	if (!open) {
		printf(_("key %s: locked (natsuin unlock %s)\n"), key->name,
		    key->name);
		return;
	}
	printf(_("key %s: unlocked, %lld signatures made, %s"), key->name,
	    (long long)s->signatures_made, s->card.where);
	if (s->card.tries_left >= 0)
		printf(_(", %d tries left"), s->card.tries_left);
	if (s->signatures_left >= 0)
		printf(
		    _(", %lld signatures left"), (long long)s->signatures_left);
	if (s->until_ms > 0)
		printf(_(", until %.16s"), clock_text(s->until_ms, until));
	printf("\n");
}

static json_t *
show_keys(struct cli *cli)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cli->conf->key_count; i++) {
		const struct conf_key *key = &cli->conf->keys[i];
		struct key_reply r = {0};
		bool open = ask_key(cli, key, &r);

		if (cli->json)
			json_array_append_new(list, key_json(key, open, &r));
		else
			key_text(key, open, &r);
		key_reply_free(&r);
	}
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

static int
status(struct cli *cli, int argc, char **argv)
{
	int64_t counts[JOB_STATE_MAX] = {0};
	struct batch last = {0};
	struct err e = {0};
	struct queue *q;
	json_t *keys, *all;

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
	queue_close(q);
	keys = show_keys(cli);
	if (cli->json) {
		all = jobs_json(counts, &last);
		json_object_set(all, "keys", keys);
		json_dumpf(all, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(all);
	} else {
		jobs_text(counts, &last);
	}
	json_decref(keys);
	return EXIT_ALL_DONE;
}

const struct command cmd_status = {"status", true, status, "",
    N_("keys, filings and the last batch at a glance"),
    N_("Shows which keys are unlocked and how many filings are in which "
       "state.\nAsks for no PIN.\n\nexample:\n"
       "  natsuin status --json\n")};
