/* Test helper: reads XSD folders; no part of the program. */
#include "tests/lib/xsdtree.h"

#include "base/fsops.h"
#include "schemas/import.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct archive *into;
static struct err *into_err;
static size_t prefix;

int
xsdtree_file(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return err_errno(e, ERR_INPUT, "test-file", "%s", path);
	result = fs_read_all(fd, 512U << 20, out, e);
	close(fd);
	return result;
}

static int
visit(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	struct buf b = {0};
	size_t n = strlen(path);
	int result;

	(void)st;
	(void)ftw;
	if (kind != FTW_F || n < 4 || strcmp(path + n - 4, ".xsd") != 0)
		return 0;
	result = xsdtree_file(path, &b, into_err);
	if (result == 0)
		result =
		    archive_add(into, path + prefix, buf_view(&b), into_err);
	buf_free(&b);
	return result;
}

int
xsdtree_read(const char *path, struct archive *a, struct err *e)
{
	into = a;
	into_err = e;
	prefix = strlen(path) + 1;
	return nftw(path, visit, 16, FTW_PHYS);
}

static int
find_bundle(const struct archive *out, const char *procedure,
    const char *version, struct err *e)
{
	for (size_t i = 0; i < out->count; i++) {
		struct slice bytes = buf_view(&out->files[i].bytes);
		struct bundle b = {0};
		int fd = -1;

		if (strcmp(out->files[i].name, IMPORT_BUNDLE) != 0 ||
		    bundle_parse(bytes, &b, e) != 0)
			continue;
		if (strcmp(b.procedure, procedure) == 0 &&
		    strcmp(b.version, version) == 0) {
			fd = fs_memfd("bundle", e);
			if (fd >= 0 && fs_write(fd, bytes, e) != 0) {
				close(fd);
				fd = -1;
			}
		}
		bundle_free(&b);
		if (fd >= 0)
			return fd;
	}
	return err_set(e, ERR_INPUT, "test-bundle", "%s %s: no such bundle",
	    procedure, version);
}

int
xsdtree_bundle(
    const char *path, const char *procedure, const char *version, struct err *e)
{
	struct archive in = {0}, out = {0};
	int fd = -1;

	if (xsdtree_read(path, &in, e) == 0 && schema_import(&in, &out, e) == 0)
		fd = find_bundle(&out, procedure, version, e);
	archive_free(&in);
	archive_free(&out);
	return fd;
}

const char *
xsdtree_demo(void)
{
	static char path[512];
	const char *source = getenv("NATSUIN_SRC");

	snprintf(path, sizeof path, "%s/schemas/demo",
	    source == NULL ? "." : source);
	return path;
}
