/*
 * Writes made-up filings for scenarios and benchmarks:
 *   filings etax FIRST COUNT SIZE DIR [AGENT]   DIR/<number>.xtx
 *   filings form FIRST COUNT SIZE DIR           DIR/<number>.xml
 *   filings text FIRST COUNT SIZE DIR           one long base64 text each
 *   filings egov FIRST COUNT SIZE DIR           DIR/<number>/kousei.xml, …
 *   filings individual FIRST COUNT SIZE DIR     individually-signed form
 */
#include "base/fsops.h"
#include "base/text.h"
#include "schemas/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
die(const char *what)
{
	fprintf(stderr, "filings: %s\n", what);
	exit(1);
}

static void
write_file(int dir, const char *name, struct buf *b)
{
	struct err e = {0};
	int fd = fs_create(dir, name, 0644, &e);

	if (fd < 0 || fs_write(fd, buf_view(b), &e) != 0 ||
	    fs_close(&fd, &e) != 0)
		die(name);
	buf_reset(b);
}

static void
write_single(int dir, const char *kind, const struct sample *s)
{
	struct buf b = {0};
	char name[32];
	bool form = strcmp(kind, "form") == 0;

	if ((form ? sample_etax_form(s, &b) : sample_etax(s, &b)) != 0)
		die("no memory");
	snprintf(name, sizeof name, "%05u.%s", s->number, form ? "xml" : "xtx");
	write_file(dir, name, &b);
	buf_free(&b);
}

static void
write_folder(int dir, enum sample_egov kind, const struct sample *s)
{
	struct buf b = {0};
	struct err e = {0};
	char folder[32];
	const char *name;
	int sub;

	snprintf(folder, sizeof folder, "%05u", s->number);
	sub = fs_mkdirs(dir, folder, 0755, &e);
	if (sub < 0)
		die(folder);
	for (size_t i = 0; (name = sample_egov_member(kind, i)) != NULL; i++) {
		if (sample_egov_write(kind, i, s, &b) != 0)
			die("no memory");
		write_file(sub, name, &b);
	}
	close(sub);
	buf_free(&b);
}

int
main(int argc, char **argv)
{
	struct sample s = {0};
	int64_t first = 0, count = 0, size = 0;
	int dir;

	if (argc < 6 || text_number(argv[2], 0, 1000000, &first) != 0 ||
	    text_number(argv[3], 1, 1000000, &count) != 0 ||
	    text_size(argv[4], &size) != 0)
		die("usage: KIND FIRST COUNT SIZE DIR [AGENT]");
	mkdir(argv[5], 0755);
	dir = open(argv[5], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die(argv[5]);
	s.size = (size_t)size;
	s.agent_id = argc > 6 ? argv[6] : NULL;
	s.letter = s.agent_id != NULL;
	s.attachment = strcmp(argv[1], "text") == 0;
	for (int64_t i = 0; i < count; i++) {
		s.number = (uint32_t)(first + i);
		if (strcmp(argv[1], "egov") == 0)
			write_folder(dir, SAMPLE_EGOV_STANDARD, &s);
		else if (strcmp(argv[1], "individual") == 0)
			write_folder(dir, SAMPLE_EGOV_INDIVIDUAL, &s);
		else
			write_single(dir, argv[1], &s);
	}
	close(dir);
	return 0;
}
