/*
 * Counters and the time log.  Times are of the monotonic clock: start when
 * the whole command has arrived, end when its answer has been handed to the
 * reader.
 */
#include "tests/vcard/journal.h"

#include <inttypes.h>
#include <stdlib.h>

static int
ins_text(const struct counters *n, struct buf *out)
{
	const char *comma = "";
	int bad = buf_puts(out, ",\"ins\":{");

	for (unsigned i = 0; i < 256; i++) {
		if (n->ins[i] == 0)
			continue;
		bad |=
		    buf_printf(out, "%s\"%02X\":%" PRIu64, comma, i, n->ins[i]);
		comma = ",";
	}
	return bad | buf_puts(out, "}}");
}

int
counters_text(const struct counters *n, struct buf *out)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
	    {"verify", n->verify},
	    {"verify_ok", n->verify_ok},
	    {"verify_wrong", n->verify_wrong},
	    {"tries_query", n->tries_query},
	    {"cert_reads", n->cert_reads},
	    {"sign", n->sign},
	    {"auth_sign", n->auth_sign},
	    {"select_ap", n->select_ap},
	    {"select_other", n->select_other},
	    {"select_key", n->select_key},
	    {"change_pin", n->change_pin},
	    {"power_on", n->power_on},
	    {"power_off", n->power_off},
	    {"reset", n->reset},
	    {"connects", n->connects},
	};
	int bad = buf_printf(
	    out, "{\"event\":\"counters\",\"commands\":%" PRIu64, n->commands);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		bad |= buf_printf(
		    out, ",\"%s\":%" PRIu64, rows[i].name, rows[i].value);
	return bad | ins_text(n, out);
}

void
journal_signature(FILE *log, int64_t start_ns, int64_t end_ns, unsigned sw)
{
	if (log != NULL)
		fprintf(log,
		    "{\"event\":\"sign\",\"start_ns\":%" PRId64
		    ",\"end_ns\":%" PRId64 ",\"sw\":\"%04X\"}\n",
		    start_ns, end_ns, sw);
}

struct span {
	uint64_t count;
	int64_t first;
	int64_t last;
	int64_t gaps;
};

/* Good signatures of one log, in order. */
static int
read_span(const char *path, struct span *s)
{
	FILE *f = fopen(path, "re");
	int64_t start, end;
	unsigned sw;
	char line[512];

	if (f == NULL) {
		perror(path);
		return -1;
	}
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line,
			"{\"event\":\"sign\",\"start_ns\":%" SCNd64
			",\"end_ns\":%" SCNd64 ",\"sw\":\"%4X\"}",
			&start, &end, &sw) != 3 ||
		    sw != 0x9000)
			continue;
		if (s->count == 0)
			s->first = start;
		else
			s->gaps += start - s->last;
		s->last = end;
		s->count++;
	}
	fclose(f);
	return 0;
}

static double
busy_share(const struct span *s)
{
	double length = (double)(s->last - s->first);

	return length > 0 ? 1.0 - (double)s->gaps / length : 0.0;
}

int
journal_busy(int argc, char **argv)
{
	double sum = 0;
	int bad = argc < 1;

	for (int i = 0; i < argc; i++) {
		struct span s = {0};

		bad |= read_span(argv[i], &s) != 0 || s.count == 0;
		printf("%s: %" PRIu64 " signatures, span %.3f s, gaps %.3f s,"
		       " busy %.4f\n",
		    argv[i], s.count, (double)(s.last - s.first) / 1e9,
		    (double)s.gaps / 1e9, busy_share(&s));
		sum += busy_share(&s);
	}
	if (argc > 0)
		printf("busy %.4f\n", sum / argc);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
