/*
 * Any bytes as a ZIP archive: they are read or refused, and what was read
 * can be written and read again with the same names and sizes.  With
 * clang -DFUZZ -fsanitize=fuzzer this is a libFuzzer target; without, see
 * mutate.h.
 */
#include "base/fsops.h"
#include "signer/exam/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct zipin_limits limits = {8 * 1024 * 1024, 64};

static void
require(int ok, const char *what, const struct err *e)
{
	char text[600];

	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, err_format(e, text, sizeof text));
	abort();
}

static void
again(const struct zipin *in)
{
	struct err e = {0};
	int fd = fs_memfd("again", &e);
	struct zipout *out = zipout_open(fd, 0, &e);
	struct zipin back;

	require(fd >= 0 && out != NULL, "open", &e);
	for (size_t i = 0; i < in->count; i++) {
		const struct zip_piece p = {.fd = in->store,
		    .offset = in->members[i].offset,
		    .size = in->members[i].size};

		require(zipout_add(out, in->members[i].name, &p, 1, &e) == 0,
		    "add", &e);
	}
	require(zipout_close(out, &e) == 0, "close", &e);
	if (in->count > 0) {
		require(zipin_read(fd, &limits, &back, &e) == 0 ||
			    strcmp(e.code, "zip-ratio") == 0,
		    "read back", &e);
		for (size_t i = 0; i < back.count; i++)
			require(strcmp(back.members[i].name,
				    in->members[i].name) == 0 &&
				    back.members[i].size == in->members[i].size,
			    "same", &e);
		zipin_free(&back);
	}
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zipin in;
	struct err e = {0};
	int fd = fs_memfd("fuzz", &e);

	require(fd >= 0 && fs_pwrite(fd, 0, slice_of(data, size), &e) == 0,
	    "store", &e);
	if (zipin_read(fd, &limits, &in, &e) == 0)
		again(&in);
	else
		require(e.class == ERR_INPUT || e.class == ERR_TRANSIENT_IO,
		    "class", &e);
	zipin_free(&in);
	close(fd);
	return 0;
}

#ifndef FUZZ
#include "tests/fuzz/mutate.h"

/* An archive of a few members, as natsuin writes it. */
static struct fuzz_seed
make_seed(struct buf *out)
{
	static const char *const names[] = {
	    "a/kousei.xml", "a/\xE6\xB7\xBB.pdf", "a/empty"};
	static const char text[] = "<DataRoot>text text text</DataRoot>";
	const struct zip_piece piece = {
	    .fd = -1, .size = sizeof text - 1, .bytes = (const uint8_t *)text};
	struct err e = {0};
	int fd = fs_memfd("seed", &e);
	struct zipout *z = zipout_open(fd, 0, &e);

	require(fd >= 0 && z != NULL, "open", &e);
	for (size_t i = 0; i < 3; i++)
		require(
		    zipout_add(z, names[i], &piece, i == 2 ? 0 : 1, &e) == 0,
		    "add", &e);
	require(
	    zipout_close(z, &e) == 0 && fs_read_all(fd, 1 << 20, out, &e) == 0,
	    "close", &e);
	close(fd);
	return (struct fuzz_seed){out->p, out->len};
}

int
main(int argc, char **argv)
{
	struct buf archive = {0};
	struct fuzz_seed seed;

	if (argc > 1)
		return mutate_files(argc, argv);
	seed = make_seed(&archive);
	mutate_run(&seed, 1, 8000);
	buf_free(&archive);
	printf("ok fuzz_zip\n");
	return 0;
}
#endif
