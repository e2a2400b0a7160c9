/*
 * Any bytes as a schema bundle, and as one XSD file to import: refused, or
 * read and written back as the same bytes.  With clang -DFUZZ
 * -fsanitize=fuzzer this is a libFuzzer target; without, a program that runs
 * the files named on its command line.
 */
#include "schemas/bundle.h"
#include "schemas/import.h"
#include "schemas/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* What was read is exactly what would be written. */
static void
same_again(const struct bundle *b)
{
	struct bundle_file *files = calloc(b->count, sizeof *files);
	struct buf bytes = {0};
	struct err e = {0};

	require(files != NULL, "memory");
	memcpy(files, b->files, b->count * sizeof *files);
	if (bundle_write(b->procedure, b->version, b->files[b->root].name,
		files, b->count, &bytes, &e) == 0)
		require(slice_eq(buf_view(&bytes), buf_view(&b->bytes)),
		    "another bundle");
	buf_free(&bytes);
	free(files);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive in = {0}, out = {0};
	struct bundle b = {0};
	struct err e = {0};

	if (bundle_parse(slice_of(data, size), &b, &e) == 0) {
		struct schema *s = schema_compile_bundle(&b, &e);

		same_again(&b);
		schema_free(s);
	} else {
		require(strcmp(e.code, "schema-bundle-bad") == 0, e.code);
	}
	bundle_free(&b);
	e = (struct err){0};
	if (archive_add(&in, "a.xsd", slice_of(data, size), &e) == 0)
		require(schema_import(&in, &out, &e) == 0, "import");
	archive_free(&in);
	archive_free(&out);
	return 0;
}

#ifndef FUZZ
#include "base/fsops.h"

#include <fcntl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf b = {0};
		struct err e = {0};
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);

		require(
		    fd >= 0 && fs_read_all(fd, 1 << 26, &b, &e) == 0, argv[i]);
		close(fd);
		LLVMFuzzerTestOneInput(b.p, b.len);
		buf_free(&b);
	}
	return 0;
}
#endif
