/*
 * `natsuin report`: where the reports are, or one report's record.
 */
#include "base/clock.h"
#include "base/fsops.h"
#include "base/i18n.h"
#include "queue/queue.h"
#include "signer/cli/cli.h"
#include "signer/cli/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_MAX (256 * 1024 * 1024)
#define LIST_MAX 20

static int
print_json(struct cli *cli, const struct batch *b)
{
	char path[1200];
	struct buf text = {0};
	struct err e = {0};
	int fd, result = -1;

	snprintf(path, sizeof path, "%s/reports/%s/report.json",
	    cli->conf->root, b->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err_errno(&e, ERR_INPUT, "file-unreadable", "%s", path);
	else
		result = fs_read_all(fd, REPORT_MAX, &text, &e);
	if (result == 0)
		fwrite(text.p, 1, text.len, stdout);
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	return result == 0 ? EXIT_ALL_DONE : cli_fail(&e);
}

static void
print_line(struct cli *cli, const struct batch *b)
{
	char when[CLOCK_TEXT_SIZE];

	printf(_("%s  %.16s  %lld signed, %lld not signed, %lld held\n"
		 "  %s/reports/%s/report.html\n"),
	    b->name, clock_text(b->created_ms, when), (long long)b->published,
	    (long long)(b->failed + b->discarded), (long long)b->held,
	    cli->conf->root, b->name);
}

static int
list(struct cli *cli, struct queue *q, struct err *e)
{
	struct batch b;
	int64_t *ids = NULL;
	size_t n = 0;
	int result = queue_batch_list(q, LIST_MAX, &ids, &n, e);

	for (size_t i = n; i-- > 0 && result >= 0;) {
		result = queue_batch_get(q, ids[i], &b, e);
		if (result == 1)
			print_line(cli, &b);
	}
	free(ids);
	return result < 0 ? cli_fail(e) : EXIT_ALL_DONE;
}

static int
report(struct cli *cli, int argc, char **argv)
{
	struct err e = {0};
	struct batch b;
	struct queue *q;
	int code;

	if (argc > 2)
		return cli_usage(&cmd_report);
	q = state_open(cli->conf, QUEUE_READ, &e);
	if (q == NULL)
		return cli_fail(&e);
	if (argc == 1 && !cli->json) {
		code = list(cli, q, &e);
	} else if (queue_batch_find(q, argc > 1 ? argv[1] : "", &b, &e) == 1) {
		if (cli->json)
			code = print_json(cli, &b);
		else {
			print_line(cli, &b);
			code = EXIT_ALL_DONE;
		}
	} else {
		if (e.class == ERR_NONE)
			err_set(&e, ERR_INPUT, "batch-unknown", "%s",
			    argc > 1 ? argv[1] : "");
		code = cli_fail(&e);
	}
	queue_close(q);
	return code;
}

const struct command cmd_report = {"report", true, report, N_("[BATCH]"),
    N_("where the reports are; --json prints a batch's record"),
    N_("Without BATCH: the last batches and their reports.\n\n"
       "examples:\n"
       "  natsuin report\n"
       "  natsuin report --json 20261122-180000 | jq .summary\n")};
