/*
 * Progress on a terminal: one line, drawn at most ten times a second, with
 * an estimate of the time left from what the last filings took.
 */
#include "signer/batch/progress.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "signer/batch/drops.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DRAW_MS 100
#define BAR_WIDTH 24

static int64_t drawn_ms;
static int64_t began_ms;
static bool on_line;

/* Filings known and not counted as done: those whose end is recorded are in
 * memory until their names have moved. */
static uint64_t
left_to_do(const struct runner *r)
{
	uint64_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->stage < STAGE_FAILED && j->record.state != JOB_PUBLISHED)
			n++;
	return n + (r->resume_count - r->resume_next) + drops_left(r);
}

static void
draw(const struct runner *r, uint64_t done, uint64_t all)
{
	int64_t spent = clock_mono_ms() - began_ms;
	uint64_t left_s =
	    done == 0 ? 0 : (uint64_t)spent * (all - done) / done / 1000;
	char bar[BAR_WIDTH + 1];
	size_t full = all == 0 ? 0 : (size_t)(done * BAR_WIDTH / all);

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', full);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r\033[K");
	fprintf(stderr,
	    _("[%s] %llu/%llu  signed %llu, not signed %llu, held %llu"), bar,
	    (unsigned long long)done, (unsigned long long)all,
	    (unsigned long long)r->published, (unsigned long long)r->failed,
	    (unsigned long long)r->held);
	if (done > 0)
		fprintf(stderr, _("  about %llu:%02llu left"),
		    (unsigned long long)(left_s / 60),
		    (unsigned long long)(left_s % 60));
	fflush(stderr);
	on_line = true;
}

void
progress_show(struct runner *r)
{
	int64_t now = clock_mono_ms();
	uint64_t done = r->published + r->failed + r->held;

	if (!r->options->progress || !isatty(2) || r->batch.id == 0)
		return;
	if (began_ms == 0)
		began_ms = now;
	if (now - drawn_ms < DRAW_MS)
		return;
	drawn_ms = now;
	draw(r, done, done + left_to_do(r));
}

void
progress_end(struct runner *r)
{
	(void)r;
	if (on_line)
		fprintf(stderr, "\r\033[K");
	on_line = false;
	began_ms = 0;
}

void
progress_summary(const struct runner *r)
{
	if (!r->options->progress)
		return;
	if (r->batch.id == 0) {
		printf("%s", _("nothing to sign\n"));
		return;
	}
	printf(_("batch %s: %lld signed, %lld not signed, %lld held\n"),
	    r->batch.name, (long long)r->batch.published,
	    (long long)(r->batch.failed + r->batch.discarded),
	    (long long)r->batch.held);
	printf(_("report: %s/reports/%s/report.html\n"), r->conf->root,
	    r->batch.name);
	fflush(stdout);
}
