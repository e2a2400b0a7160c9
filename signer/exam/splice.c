/*
 * "Only signatures are added": the one place that copies a filing's bytes.
 * It knows nothing of XML; the bytes before and after the offset go through
 * unchanged and in the same order.
 */
#include "signer/exam/splice.h"

#include "base/fsops.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK (256 * 1024)

struct copy {
	int in, out;
	uint8_t *chunk;
	EVP_MD_CTX *sha;
	uint64_t written;
};

static int
emit(struct copy *c, struct slice s, struct err *e)
{
	if (EVP_DigestUpdate(c->sha, s.p, s.len) != 1)
		return err_nomem(e);
	if (fs_write(c->out, s, e) != 0)
		return -1;
	c->written += s.len;
	return 0;
}

/* All `n` bytes; fewer are "input-changed". */
static int
read_full(int fd, void *p, size_t n, uint64_t at, struct err *e)
{
	int r = fs_read_at(fd, at, p, n, e);

	if (r == 0)
		return err_set(
		    e, ERR_BUG, "input-changed", "it became shorter");
	return r < 0 ? -1 : 0;
}

static int
copy_range(struct copy *c, uint64_t from, uint64_t to, struct err *e)
{
	while (from < to) {
		size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;

		if (read_full(c->in, c->chunk, n, from, e) != 0 ||
		    emit(c, slice_of(c->chunk, n), e) != 0)
			return -1;
		from += n;
	}
	return 0;
}

static int
check_place(int in, uint64_t size, uint64_t offset, struct err *e)
{
	struct stat st;
	char before = 0;

	if (fstat(in, &st) != 0)
		return err_errno(e, err_io_class(errno), "io-error", "stat");
	if ((uint64_t)st.st_size != size || offset == 0 || offset > size)
		return err_set(e, ERR_BUG, "input-changed",
		    "%lld bytes, read were %llu", (long long)st.st_size,
		    (unsigned long long)size);
	if (read_full(in, &before, 1, offset - 1, e) != 0)
		return -1;
	if (before != '>')
		return err_set(e, ERR_BUG, "input-changed",
		    "no end tag before byte %llu", (unsigned long long)offset);
	return 0;
}

int
splice_write(int in, uint64_t size, uint64_t offset, struct slice insert,
    int out, struct built *b, struct err *e)
{
	struct copy c = {in, out, malloc(CHUNK), EVP_MD_CTX_new(), 0};
	int result = -1;

	if (c.chunk == NULL || c.sha == NULL ||
	    EVP_DigestInit_ex(c.sha, EVP_sha256(), NULL) != 1) {
		err_nomem(e);
		goto done;
	}
	if (check_place(in, size, offset, e) != 0 ||
	    copy_range(&c, 0, offset, e) != 0 || emit(&c, insert, e) != 0 ||
	    copy_range(&c, offset, size, e) != 0)
		goto done;
	if (EVP_DigestFinal_ex(c.sha, b->sha256, NULL) != 1) {
		err_nomem(e);
		goto done;
	}
	b->size = c.written;
	result = 0;
done:
	free(c.chunk);
	EVP_MD_CTX_free(c.sha);
	return result;
}

/* Compares a[at, at + n) with b[at + shift, …). */
static int
compare(int a, int b, uint64_t at, uint64_t end, uint64_t shift, bool *same,
    struct err *e)
{
	uint8_t *chunk = malloc(2 * CHUNK);
	int result = chunk == NULL ? err_nomem(e) : 0;

	while (result == 0 && *same && at < end) {
		size_t n = end - at < CHUNK ? (size_t)(end - at) : CHUNK;

		if (read_full(a, chunk, n, at, e) != 0 ||
		    read_full(b, chunk + CHUNK, n, at + shift, e) != 0)
			result = -1;
		else if (memcmp(chunk, chunk + CHUNK, n) != 0)
			*same = false;
		at += n;
	}
	free(chunk);
	return result;
}

int
splice_check(int input, int output, uint64_t from, uint64_t to, bool *same,
    struct err *e)
{
	struct stat in, out;
	uint64_t size;

	*same = false;
	if (fstat(input, &in) != 0 || fstat(output, &out) != 0)
		return err_errno(e, err_io_class(errno), "io-error", "stat");
	size = (uint64_t)in.st_size;
	if (to < from || from > size ||
	    (uint64_t)out.st_size != size + (to - from))
		return 0;
	*same = true;
	if (compare(input, output, 0, from, 0, same, e) != 0)
		return -1;
	return compare(input, output, from, size, to - from, same, e);
}
