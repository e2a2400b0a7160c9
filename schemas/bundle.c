/*
 * Bundles are read from one descriptor and trusted for nothing: every count,
 * size and name is checked against a bound before it is used, and a bundle
 * that is not exactly as it would have been written is refused.  Member
 * names are keys for lookups, never paths.
 */
#include "schemas/bundle.h"

#include "base/fsops.h"
#include "base/text.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "natsuin-schema-bundle 1"
#define LINE_MAX_LEN 160

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* One component: 1 to max-1 good characters, no dot or dash in front. */
static bool
component_ok(const char *s, size_t n, size_t max)
{
	if (n == 0 || n >= max || s[0] == '.' || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!name_char(s[i]))
			return false;
	}
	return true;
}

bool
bundle_name_ok(const char *name)
{
	return strchr(name, '-') == NULL &&
	       component_ok(name, strlen(name), BUNDLE_NAME_MAX);
}

bool
bundle_path_ok(const char *path)
{
	if (strlen(path) >= BUNDLE_PATH_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!component_ok(path, n, BUNDLE_PATH_MAX))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_CONFIG, "schema-bundle-bad", "%s", what);
}

/* Takes one line off `rest` into `line`, without its LF. */
static int
take_line(struct slice *rest, char line[LINE_MAX_LEN])
{
	const uint8_t *end =
	    rest->len == 0 ? NULL : memchr(rest->p, '\n', rest->len);
	size_t n = end == NULL ? 0 : (size_t)(end - rest->p);

	if (end == NULL || n >= LINE_MAX_LEN ||
	    (n > 0 && memchr(rest->p, '\0', n) != NULL))
		return -1;
	memcpy(line, rest->p, n);
	line[n] = '\0';
	rest->p += n + 1;
	rest->len -= n + 1;
	return 0;
}

/* A line "key value"; gives the value. */
static const char *
take_field(struct slice *rest, const char *key, char line[LINE_MAX_LEN])
{
	size_t n = strlen(key);

	if (take_line(rest, line) != 0 || strncmp(line, key, n) != 0 ||
	    line[n] != ' ')
		return NULL;
	return line + n + 1;
}

/* Only as it would have been written: no sign, no zeros in front. */
static int
take_number(const char *text, int64_t least, int64_t most, int64_t *n)
{
	if (text[0] == '-' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	return text_number(text, least, most, n);
}

static int
take_head(struct slice *rest, struct bundle *b, char root[BUNDLE_PATH_MAX],
    struct err *e)
{
	char line[LINE_MAX_LEN];
	const char *v;
	int64_t n;

	if (take_line(rest, line) != 0 || strcmp(line, MAGIC) != 0)
		return bad(e, "not a schema bundle of version 1");
	v = take_field(rest, "procedure", line);
	if (v == NULL || !bundle_name_ok(v))
		return bad(e, "procedure");
	snprintf(b->procedure, sizeof b->procedure, "%s", v);
	v = take_field(rest, "version", line);
	if (v == NULL || !bundle_name_ok(v))
		return bad(e, "version");
	snprintf(b->version, sizeof b->version, "%s", v);
	v = take_field(rest, "root", line);
	if (v == NULL || !bundle_path_ok(v))
		return bad(e, "root");
	snprintf(root, BUNDLE_PATH_MAX, "%s", v);
	v = take_field(rest, "files", line);
	if (v == NULL || take_number(v, 1, BUNDLE_FILES_MAX, &n) != 0)
		return bad(e, "number of files");
	b->count = (size_t)n;
	return 0;
}

/* "SIZE NAME"; the name goes to `name`, which has BUNDLE_PATH_MAX bytes. */
static int
take_member(struct slice *rest, char *name, size_t *size)
{
	char line[LINE_MAX_LEN], *space;
	int64_t n;

	if (take_line(rest, line) != 0)
		return -1;
	space = strchr(line, ' ');
	if (space == NULL)
		return -1;
	*space = '\0';
	if (take_number(line, 0, BUNDLE_SIZE_MAX, &n) != 0 ||
	    !bundle_path_ok(space + 1))
		return -1;
	*size = (size_t)n;
	snprintf(name, BUNDLE_PATH_MAX, "%s", space + 1);
	return 0;
}

static int
take_table(
    struct slice *rest, struct bundle *b, const char *root, struct err *e)
{
	char line[LINE_MAX_LEN];
	bool has_root = false;

	for (size_t i = 0; i < b->count; i++) {
		char *name = b->names + i * BUNDLE_PATH_MAX;

		if (take_member(rest, name, &b->files[i].bytes.len) != 0)
			return bad(e, "table of files");
		if (i > 0 && strcmp(b->files[i - 1].name, name) >= 0)
			return bad(e, "files are not in order");
		b->files[i].name = name;
		if (strcmp(name, root) == 0) {
			b->root = i;
			has_root = true;
		}
	}
	if (!has_root)
		return bad(e, "the root file is missing");
	if (take_line(rest, line) != 0 || line[0] != '\0')
		return bad(e, "no empty line after the table");
	for (size_t i = 0; i < b->count; i++) {
		if (b->files[i].bytes.len > rest->len)
			return bad(e, "truncated");
		b->files[i].bytes.p = rest->p;
		rest->p += b->files[i].bytes.len;
		rest->len -= b->files[i].bytes.len;
	}
	return rest->len == 0 ? 0 : bad(e, "bytes after the last file");
}

static int
hash_bytes(struct slice bytes, char hex[BUNDLE_SHA256])
{
	uint8_t digest[32];

	if (EVP_Digest(bytes.p, bytes.len, digest, NULL, EVP_sha256(), NULL) !=
	    1)
		return -1;
	text_hex_fixed(hex, digest, sizeof digest);
	return 0;
}

/* Parses what b->bytes holds. */
static int
parse(struct bundle *b, struct err *e)
{
	struct slice rest = buf_view(&b->bytes);
	char root[BUNDLE_PATH_MAX];

	if (rest.len > BUNDLE_SIZE_MAX)
		return bad(e, "too large");
	if (take_head(&rest, b, root, e) != 0)
		return -1;
	b->files = calloc(b->count, sizeof *b->files);
	b->names = calloc(b->count, BUNDLE_PATH_MAX);
	if (b->files == NULL || b->names == NULL)
		return err_nomem(e);
	if (take_table(&rest, b, root, e) != 0)
		return -1;
	if (hash_bytes(buf_view(&b->bytes), b->sha256) != 0)
		return err_nomem(e);
	return 0;
}

static int
finish(struct bundle *tmp, struct bundle *b, int result)
{
	if (result == 0)
		*b = *tmp;
	else
		bundle_free(tmp);
	return result;
}

int
bundle_read(int fd, struct bundle *b, struct err *e)
{
	struct bundle tmp = {0};
	int result = fs_read_all(fd, BUNDLE_SIZE_MAX, &tmp.bytes, e);

	if (result == 0)
		result = parse(&tmp, e);
	return finish(&tmp, b, result);
}

int
bundle_parse(struct slice bytes, struct bundle *b, struct err *e)
{
	struct bundle tmp = {0};
	int result = buf_slice(&tmp.bytes, bytes);

	result = result == 0 ? parse(&tmp, e) : err_nomem(e);
	return finish(&tmp, b, result);
}

void
bundle_free(struct bundle *b)
{
	free(b->files);
	free(b->names);
	buf_free(&b->bytes);
	*b = (struct bundle){0};
}

const struct bundle_file *
bundle_find(const struct bundle *b, const char *name)
{
	for (size_t i = 0; i < b->count; i++) {
		if (strcmp(b->files[i].name, name) == 0)
			return &b->files[i];
	}
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct bundle_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
check_parts(const char *procedure, const char *version, const char *root,
    const struct bundle_file *files, size_t count)
{
	size_t total = 0;
	bool has_root = false;

	if (!bundle_name_ok(procedure) || !bundle_name_ok(version) ||
	    count == 0 || count > BUNDLE_FILES_MAX)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!bundle_path_ok(files[i].name) ||
		    files[i].bytes.len > BUNDLE_SIZE_MAX ||
		    (i > 0 && strcmp(files[i - 1].name, files[i].name) == 0))
			return -1;
		total += files[i].bytes.len + LINE_MAX_LEN;
		has_root |= strcmp(files[i].name, root) == 0;
	}
	return has_root && total <= BUNDLE_SIZE_MAX ? 0 : -1;
}

int
bundle_write(const char *procedure, const char *version, const char *root,
    struct bundle_file *files, size_t count, struct buf *out, struct err *e)
{
	int bad_alloc;

	qsort(files, count, sizeof *files, by_name);
	if (check_parts(procedure, version, root, files, count) != 0)
		return err_set(e, ERR_INPUT, "schema-bundle-bad",
		    "%.23s %.23s does not fit into a bundle", procedure,
		    version);
	bad_alloc = buf_printf(out,
	    MAGIC "\nprocedure %s\nversion %s\nroot %s\nfiles %zu\n", procedure,
	    version, root, count);
	for (size_t i = 0; i < count; i++)
		bad_alloc |= buf_printf(
		    out, "%zu %s\n", files[i].bytes.len, files[i].name);
	bad_alloc |= buf_putc(out, '\n');
	for (size_t i = 0; i < count; i++)
		bad_alloc |= buf_slice(out, files[i].bytes);
	return bad_alloc == 0 ? 0 : err_nomem(e);
}
