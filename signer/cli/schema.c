/*
 * `natsuin schema`: the agency's XSD files into the folder of bundles, and
 * what is there.  The files are foreign: this process only reads their bytes
 * and stores bundles; a sandboxed child, which has two descriptors and no
 * name of anything, parses them.  Its answer is checked like any input.
 */
#include "base/fsops.h"
#include "base/i18n.h"
#include "base/text.h"
#include "schemas/archive.h"
#include "schemas/bundle.h"
#include "schemas/import.h"
#include "schemas/store.h"
#include "signer/cli/cli.h"
#include "signer/exam/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH_MAX 16
#define PIECE_ZIP "zip"     /* to the child: a ZIP archive, not an XSD */
#define PIECE_ERROR "error" /* from the child: "code detail" */

static const struct sandbox_limits child_limits = {
    .memory = UINT64_C(4) << 30,
    .cpu_s = 900,
    .files = 8,
    .output = ARCHIVE_SIZE_MAX,
};

static int
open_error(struct err *e, const char *path)
{
	return err_errno(e, ERR_INPUT, "schema-import-nothing", "%s", path);
}

/* One file into the archive; what is not a regular file is passed over. */
static int
read_file(struct archive *a, int dir, const char *entry, const char *name,
    struct err *e)
{
	int fd = openat(dir, entry,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct buf bytes = {0};
	struct stat st;
	int result = 0;

	if (fd < 0)
		return errno == ELOOP ? 0 : open_error(e, name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		result = fs_read_all(fd, (size_t)ARCHIVE_SIZE_MAX, &bytes, e);
		if (result == 0)
			result = archive_add(a, name, buf_view(&bytes), e);
	}
	buf_free(&bytes);
	close(fd);
	return result;
}

static int read_folder(
    struct archive *a, int dir, const char *prefix, int depth, struct err *e);

static int
read_entry(struct archive *a, int dir, const char *prefix,
    const struct dirent *d, int depth, struct err *e)
{
	char name[ARCHIVE_NAME_MAX];
	size_t len = strlen(d->d_name);
	int sub, n, result;

	if (d->d_name[0] == '.')
		return 0;
	n = snprintf(name, sizeof name, "%s%s%s", prefix,
	    prefix[0] == '\0' ? "" : "/", d->d_name);
	if (n < 0 || (size_t)n >= sizeof name)
		return 0;
	if (len > 4 && strcasecmp(d->d_name + len - 4, ".xsd") == 0)
		return read_file(a, dir, d->d_name, name, e);
	sub = openat(dir, d->d_name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (sub < 0)
		return 0;
	result = read_folder(a, sub, name, depth + 1, e);
	close(sub);
	return result;
}

static int
read_folder(
    struct archive *a, int dir, const char *prefix, int depth, struct err *e)
{
	struct dirent *d;
	int fd, result = 0;
	DIR *list;

	if (depth > DEPTH_MAX)
		return 0;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = fd < 0 ? NULL : fdopendir(fd);
	if (list == NULL) {
		if (fd >= 0)
			close(fd);
		return open_error(e, prefix);
	}
	while (result == 0 && (d = readdir(list)) != NULL)
		result = read_entry(a, dir, prefix, d, depth, e);
	closedir(list);
	return result;
}

/* DIR or ZIP, by what it is. */
static int
read_input(const char *path, struct archive *a, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int result;

	if (fd < 0 || fstat(fd, &st) != 0) {
		result = open_error(e, path);
	} else if (S_ISDIR(st.st_mode)) {
		result = read_folder(a, fd, "", 0, e);
	} else {
		result = read_file(a, AT_FDCWD, path, PIECE_ZIP, e);
	}
	if (fd >= 0)
		close(fd);
	if (result == 0 && a->count == 0)
		return err_set(e, ERR_INPUT, "schema-import-nothing",
		    "%s: no .xsd file", path);
	return result;
}

/* In the child: everything that touches foreign syntax. */
static int
parse_all(int in_fd, struct archive *out, struct err *e)
{
	struct archive in = {0}, files = {0}, *xsd = &in;
	int result = archive_read(&in, in_fd, e);

	if (result == 0 && in.count == 1 &&
	    strcmp(in.files[0].name, PIECE_ZIP) == 0) {
		result =
		    archive_add_zip(&files, buf_view(&in.files[0].bytes), e);
		xsd = &files;
	}
	if (result == 0)
		result = schema_import(xsd, out, e);
	archive_free(&in);
	archive_free(&files);
	return result;
}

static _Noreturn void
child(int in_fd, int out_fd)
{
	const int keep[] = {in_fd, out_fd};
	struct archive out = {0};
	struct err e = {0};
	char text[300];

	if (sandbox_prepare(&e) != 0 || sandbox_keep_only(keep, 2, &e) != 0 ||
	    sandbox_enter(&child_limits, &e) != 0 ||
	    parse_all(in_fd, &out, &e) != 0) {
		archive_free(&out);
		snprintf(text, sizeof text, "%s %s", e.code, e.detail);
		e = (struct err){0};
		if (archive_add(&out, PIECE_ERROR, slice_str(text), &e) != 0)
			_exit(1);
	}
	_exit(archive_write(&out, out_fd, &e) == 0 ? 0 : 1);
}

/* 0 when the child ended by itself with status 0. */
static int
wait_child(pid_t pid, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_errno(
			    e, ERR_BUG, "schema-import-answer", "waitpid");
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INPUT, "schema-import-answer",
		    sandbox_is_cpu_signal(WTERMSIG(status))
			? "too much computing time, signal %d"
			: "ended by signal %d",
		    WTERMSIG(status));
	return err_set(e, ERR_INPUT, "schema-import-answer", "exit status %d",
	    WEXITSTATUS(status));
}

static int
ask_child(const struct archive *in, struct archive *answer, struct err *e)
{
	int in_fd = fs_memfd("schema-import-in", e);
	int out_fd = fs_memfd("schema-import-out", e);
	int result = -1;
	pid_t pid;

	if (in_fd < 0 || out_fd < 0 || archive_write(in, in_fd, e) != 0)
		goto out;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(in_fd, out_fd);
	if (pid < 0) {
		err_errno(e, ERR_TRANSIENT_IO, "schema-import-answer", "fork");
		goto out;
	}
	if (wait_child(pid, e) == 0 && archive_read(answer, out_fd, e) == 0)
		result = 0;
out:
	if (in_fd >= 0)
		close(in_fd);
	if (out_fd >= 0)
		close(out_fd);
	return result;
}

/* A note in one line that cannot steer a terminal. */
static char *
plain_line(const struct buf *b, char *out, size_t size)
{
	struct slice s = buf_view(b);
	size_t used = 0;

	while (s.len > 0) {
		uint32_t cp = 0;
		size_t n = text_utf8_next(s, &cp);
		bool good = n > 0 && cp >= 0x20 && cp != 0x7F &&
			    !(cp >= 0x80 && cp < 0xA0) &&
			    !(cp >= 0x2028 && cp <= 0x202E) &&
			    !(cp >= 0x2066 && cp <= 0x2069);

		if (used + n + 1 >= size)
			break;
		if (good)
			memcpy(out + used, s.p, n);
		else
			out[used] = '?';
		used += good ? n : 1;
		s.p += n == 0 ? 1 : n;
		s.len -= n == 0 ? 1 : n;
	}
	out[used] = '\0';
	return out;
}

/* What an import has done so far. */
struct outcome {
	struct schema_store *store;
	const struct cli *cli;
	json_t *schemas, *notes; /* with --json */
	size_t stored, noted;
};

static void
tell_bundle(struct outcome *o, const struct bundle *b, int changed)
{
	const char *what = changed == 0   ? _("unchanged")
			   : changed == 1 ? _("stored")
					  : _("replaced");

	o->stored++;
	if (o->schemas != NULL)
		json_array_append_new(o->schemas,
		    json_pack("{s:s, s:s, s:s, s:b}", "procedure", b->procedure,
			"version", b->version, "sha256", b->sha256, "changed",
			changed != 0));
	else if (!o->cli->quiet)
		printf("%-10s %-10s %.16s  %s\n", b->procedure, b->version,
		    b->sha256, what);
}

static void
tell_note(struct outcome *o, const char *text)
{
	o->noted++;
	if (o->notes != NULL)
		json_array_append_new(o->notes, json_string(text));
	else if (!o->cli->quiet)
		printf("- %s\n", text);
}

/* The child's own failure, "code detail". */
static int
child_error(const struct buf *bytes, struct err *e)
{
	char text[300], code[40];
	size_t n;

	plain_line(bytes, text, sizeof text);
	n = strcspn(text, " ");
	if (n == 0 || n >= sizeof code ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return err_set(
		    e, ERR_INPUT, "schema-import-answer", "%s", text);
	memcpy(code, text, n);
	code[n] = '\0';
	return err_set(e, ERR_INPUT, code, "%s", text + n + (text[n] == ' '));
}

static int
store_bundle(struct outcome *o, const struct buf *bytes, struct err *e)
{
	struct bundle b = {0};
	int changed;

	if (bundle_parse(buf_view(bytes), &b, e) != 0)
		return -1;
	changed = schema_store_put(
	    o->store, b.procedure, b.version, buf_view(bytes), e);
	if (changed >= 0)
		tell_bundle(o, &b, changed);
	bundle_free(&b);
	return changed < 0 ? -1 : 0;
}

static int
take_answer(struct outcome *o, const struct archive *answer, struct err *e)
{
	char line[400];

	for (size_t i = 0; i < answer->count; i++) {
		const struct archive_file *f = &answer->files[i];

		if (strcmp(f->name, PIECE_ERROR) == 0)
			return child_error(&f->bytes, e);
		if (strcmp(f->name, IMPORT_NOTE) == 0)
			tell_note(o, plain_line(&f->bytes, line, sizeof line));
		else if (strcmp(f->name, IMPORT_BUNDLE) == 0 &&
			 store_bundle(o, &f->bytes, e) != 0)
			return -1;
	}
	if (o->stored == 0)
		return err_set(e, ERR_INPUT, "schema-import-nothing",
		    "no procedure found");
	return 0;
}

static void
print_json(json_t *value)
{
	if (value != NULL && json_dumpf(value, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
	json_decref(value);
}

static int
import(struct cli *cli, const char *path)
{
	struct archive in = {0}, answer = {0};
	struct outcome o = {.cli = cli};
	struct err e = {0};
	int result = -1;

	if (cli->json) {
		o.schemas = json_array();
		o.notes = json_array();
	}
	o.store = schema_store_open(cli->conf->schemas, &e);
	if (o.store != NULL && read_input(path, &in, &e) == 0 &&
	    ask_child(&in, &answer, &e) == 0)
		result = take_answer(&o, &answer, &e);
	schema_store_close(o.store);
	archive_free(&in);
	archive_free(&answer);
	if (cli->json)
		print_json(json_pack(
		    "{s:o, s:o}", "schemas", o.schemas, "notes", o.notes));
	else if (result == 0 && !cli->quiet)
		printf(_("%zu schemas in %s; %zu remarks.\n"), o.stored,
		    cli->conf->schemas, o.noted);
	return result == 0 ? EXIT_ALL_DONE : cli_fail(&e);
}

static void
print_entries(const struct cli *cli, const struct schema_entry *list, size_t n)
{
	json_t *all = cli->json ? json_array() : NULL;

	for (size_t i = 0; i < n; i++) {
		const struct schema_entry *s = &list[i];

		if (all == NULL)
			printf("%-10s %-10s %s\n", s->procedure, s->version,
			    s->sha256);
		else
			json_array_append_new(all,
			    json_pack("{s:s, s:s, s:s, s:I}", "procedure",
				s->procedure, "version", s->version, "sha256",
				s->sha256, "size", (json_int_t)s->size));
	}
	if (all != NULL)
		print_json(json_pack("{s:o}", "schemas", all));
	else if (n == 0 && !cli->quiet)
		printf(_("There are no schemas in %s; natsuin schema import "
			 "makes them.\n"),
		    cli->conf->schemas);
}

static int
list(struct cli *cli)
{
	struct schema_store *store;
	struct schema_entry *entries = NULL;
	struct err e = {0};
	size_t n = 0;
	int result = -1;

	store = schema_store_open(cli->conf->schemas, &e);
	if (store != NULL)
		result = schema_store_list(store, &entries, &n, &e);
	if (result == 0)
		print_entries(cli, entries, n);
	schema_store_close(store);
	free(entries);
	return result == 0 ? EXIT_ALL_DONE : cli_fail(&e);
}

static int
run(struct cli *cli, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list(cli);
	if (argc == 3 && strcmp(argv[1], "import") == 0)
		return import(cli, argv[2]);
	return cli_usage(&cmd_schema);
}

const struct command cmd_schema = {
    .name = "schema",
    .needs_conf = true,
    .run = run,
    .synopsis = N_("import DIR|ZIP | list"),
    .summary = N_("install the agencies' XML schemas, or list them"),
    .help = N_("  import DIR|ZIP   make a bundle of each procedure and "
	       "version found among the .xsd files\n"
	       "  list             show the bundles\n"
	       "\n"
	       "Schemas are not part of natsuin. Unpack the tax agency's "
	       "package and import its folder:\n"
	       "  natsuin schema import ~/Downloads/e-tax19\n"),
};
