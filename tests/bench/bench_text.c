/*
 * Time against the length of one text node: entities, line ends, kanji,
 * base64, CDATA, each from 1 to 16 MB.  Examines a filing that is one long
 * text, with a schema when a bundle of ZZZ0010 1.0.0 is named (validation is
 * where libxml2 used plainly is quadratic).  A line of JSON per measurement,
 * and per kind how much more a byte costs in the longest text than in the
 * shortest: 1 is linear, 16 would be quadratic.
 *   bench_text [BUNDLE]
 */
#include "base/fsops.h"
#include "schemas/bundle.h"
#include "schemas/sample.h"
#include "signer/exam/format_rows.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MEGABYTE (1024 * 1024)

static const struct kind {
	const char *name, *element, *head, *piece, *tail;
} kinds[] = {
    {"entities", "ZZD00000", "", "a&amp;", ""},
    {"references", "ZZD00000", "", "&#x6F22;", ""},
    {"line-ends", "ZZD00000", "", "line\r\n", ""},
    {"kanji", "ZZD00000", "", "\xE6\xBC\xA2\xE5\xAD\x97", ""},
    {"ascii", "ZZD00000", "", "plain text of no interest ", ""},
    {"cdata", "ZZD00000", "<![CDATA[", "cdata]\r\n", "]]>"},
    {"base64", "ZZE00000", "", "QUJDREVGR0hJSktM", ""},
};

static void
die(const char *what, const struct err *e)
{
	char text[800];

	fprintf(stderr, "bench_text: %s: %s\n", what,
	    e == NULL ? "" : err_format(e, text, sizeof text));
	exit(1);
}

static int
open_bundle(void *ctx, const char *procedure, const char *version,
    char sha256[65], struct err *e)
{
	int fd = open(ctx, O_RDONLY | O_CLOEXEC);
	struct bundle b = {0};

	(void)procedure;
	(void)version;
	if (fd < 0 || bundle_read(fd, &b, e) != 0)
		die(ctx, fd < 0 ? NULL : e);
	snprintf(sha256, 65, "%s", b.sha256);
	bundle_free(&b);
	return fd;
}

/* A filing whose attachment is one text of about `size` bytes. */
static int
document(const struct kind *k, size_t size, uint64_t *length)
{
	static const char end[] = "</ZZA010>";
	struct sample s = {.number = 1};
	struct buf small = {0}, doc = {0};
	const uint8_t *at;
	int fd;

	if (sample_etax(&s, &small) != 0)
		die("memory", NULL);
	at = memmem(small.p, small.len, end, sizeof end - 1);
	if (at == NULL ||
	    buf_append(&doc, small.p, (size_t)(at - small.p)) != 0 ||
	    buf_printf(&doc, "<%s>%s", k->element, k->head) != 0)
		die("sample", NULL);
	for (size_t n = 0; n < size; n += strlen(k->piece))
		if (buf_puts(&doc, k->piece) != 0)
			die("memory", NULL);
	if (buf_printf(&doc, "%s</%s>", k->tail, k->element) != 0 ||
	    buf_append(&doc, at, small.len - (size_t)(at - small.p)) != 0)
		die("memory", NULL);
	fd = fs_memfd("text", NULL);
	if (fd < 0 || fs_write(fd, buf_view(&doc), NULL) != 0)
		die("memfd", NULL);
	*length = doc.len;
	buf_free(&small);
	buf_free(&doc);
	return fd;
}

static double
cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU seconds of one examination. */
static double
measure(const struct kind *k, size_t size, const struct exam_options *o)
{
	struct findings f = {0};
	struct err e = {0};
	struct member m = {.name = "text.xtx"};
	struct drop d = {"text.xtx", false, &m, 1};
	double from, cpu;

	m.fd = document(k, size, &m.size);
	from = cpu_now();
	if (format_etax.examine(&d, o, &f, &e) != 0)
		die(k->name, &e);
	cpu = cpu_now() - from;
	printf("{\"name\":\"text-%s\",\"bytes\":%llu,\"cpu_s\":%.6f}\n",
	    k->name, (unsigned long long)m.size, cpu);
	findings_free(&f);
	close(m.fd);
	return cpu;
}

int
main(int argc, char **argv)
{
	struct exam_options o = {.limits = {.document_max = 64 * MEGABYTE,
				     .depth = 200,
				     .attributes = 256,
				     .namespaces = 256,
				     .ids = 100000},
	    .schema_required = argc > 1,
	    .schemas = {argc > 1 ? open_bundle : NULL, argv[argc - 1]}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		double first = 0, last = 0;

		measure(&kinds[i], MEGABYTE / 4, &o); /* warm up */
		for (size_t mb = 1; mb <= 16; mb *= 2) {
			last =
			    measure(&kinds[i], mb * MEGABYTE, &o) / (double)mb;
			if (mb == 1)
				first = last;
		}
		printf("{\"name\":\"text-%s\",\"growth\":%.2f}\n",
		    kinds[i].name, last / first);
	}
	return 0;
}
