/*
 * libzip sources on descriptors.  Works inside the sandbox: nothing is
 * opened, renamed or removed; bytes move by pread and pwrite only, so the
 * caller's file positions do not change.
 */
#include "signer/exam/zip_source.h"

#include "base/fsops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fd_source {
	int fd;
	bool output;
	bool written; /* output: the archive exists from now on */
	uint64_t read_at, write_at;
	zip_error_t error;
	struct err *io;
};

struct piece_source {
	struct zip_piece *pieces;
	size_t count, at;
	uint64_t done; /* of pieces[at] */
	uint64_t total;
	zip_error_t error;
	struct err *io;
};

/* Keeps the first failure and tells libzip. */
static zip_int64_t
io_failed(struct err *io, zip_error_t *error, int zip_code, const char *what)
{
	int saved = errno;

	if (io != NULL && io->class == ERR_NONE)
		err_errno(io, err_io_class(saved), "io-error", "%s", what);
	zip_error_set(error, zip_code, saved);
	return -1;
}

/* Reads up to len bytes; fewer only at the end of the file. */
static ssize_t
read_at(int fd, void *data, uint64_t len, uint64_t at)
{
	uint8_t *p = data;
	size_t done = 0;

	while (done < len) {
		ssize_t n =
		    pread(fd, p + done, (size_t)len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static zip_int64_t
put_stat(void *data, uint64_t len, uint64_t size, zip_error_t *error)
{
	zip_stat_t *st = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, len, error);

	if (st == NULL)
		return -1;
	zip_stat_init(st);
	st->valid = ZIP_STAT_SIZE;
	st->size = size;
	return (zip_int64_t)sizeof *st;
}

static zip_int64_t
fd_stat(struct fd_source *s, void *data, uint64_t len)
{
	struct stat st;

	if (s->output && !s->written) {
		zip_error_set(&s->error, ZIP_ER_READ, ENOENT);
		return -1;
	}
	if (fstat(s->fd, &st) != 0)
		return io_failed(s->io, &s->error, ZIP_ER_READ, "stat");
	return put_stat(data, len, (uint64_t)st.st_size, &s->error);
}

static zip_int64_t
fd_read(struct fd_source *s, void *data, uint64_t len)
{
	ssize_t n = read_at(s->fd, data, len, s->read_at);

	if (n < 0)
		return io_failed(s->io, &s->error, ZIP_ER_READ, "read");
	s->read_at += (uint64_t)n;
	return n;
}

static zip_int64_t
fd_write(struct fd_source *s, void *data, uint64_t len)
{
	struct err failure = {0};

	if (fs_pwrite(s->fd, s->write_at, slice_of(data, (size_t)len),
		&failure) != 0) {
		if (s->io != NULL && s->io->class == ERR_NONE)
			*s->io = failure;
		zip_error_set(&s->error, ZIP_ER_WRITE, failure.errnum);
		return -1;
	}
	s->write_at += len;
	return (zip_int64_t)len;
}

/* Moves a position as libzip asks; the file's end counts for reading. */
static zip_int64_t
fd_seek(struct fd_source *s, uint64_t *at, void *data, uint64_t len)
{
	zip_int64_t to;
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return io_failed(s->io, &s->error, ZIP_ER_SEEK, "stat");
	to = zip_source_seek_compute_offset(
	    *at, (zip_uint64_t)st.st_size, data, len, &s->error);
	if (to < 0)
		return -1;
	*at = (uint64_t)to;
	return 0;
}

static zip_int64_t
fd_supports(const struct fd_source *s)
{
	return s->output ? ZIP_SOURCE_SUPPORTS_WRITABLE
			 : ZIP_SOURCE_SUPPORTS_SEEKABLE;
}

static zip_int64_t
fd_callback(void *state, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
	struct fd_source *s = state;

	switch ((int)cmd) {
	case ZIP_SOURCE_OPEN:
		s->read_at = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return fd_read(s, data, len);
	case ZIP_SOURCE_STAT:
		return fd_stat(s, data, len);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&s->error, data, len);
	case ZIP_SOURCE_SEEK:
		return fd_seek(s, &s->read_at, data, len);
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)s->read_at;
	case ZIP_SOURCE_SEEK_WRITE:
		return fd_seek(s, &s->write_at, data, len);
	case ZIP_SOURCE_TELL_WRITE:
		return (zip_int64_t)s->write_at;
	case ZIP_SOURCE_BEGIN_WRITE:
		s->write_at = 0;
		return 0;
	case ZIP_SOURCE_WRITE:
		return fd_write(s, data, len);
	case ZIP_SOURCE_COMMIT_WRITE:
		s->written = true;
		return 0;
	case ZIP_SOURCE_SUPPORTS:
		return fd_supports(s);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_ROLLBACK_WRITE:
	case ZIP_SOURCE_REMOVE:
		return 0;
	case ZIP_SOURCE_FREE:
		zip_error_fini(&s->error);
		free(s);
		return 0;
	default:
		zip_error_set(&s->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

static zip_source_t *
fd_source_new(int fd, bool output, struct err *io)
{
	struct fd_source *s = calloc(1, sizeof *s);
	zip_source_t *source;

	if (s == NULL)
		return NULL;
	s->fd = fd;
	s->output = output;
	s->io = io;
	zip_error_init(&s->error);
	source = zip_source_function_create(fd_callback, s, NULL);
	if (source == NULL)
		free(s);
	return source;
}

zip_source_t *
zip_source_input(int fd, struct err *io)
{
	return fd_source_new(fd, false, io);
}

zip_source_t *
zip_source_output(int fd, struct err *io)
{
	return fd_source_new(fd, true, io);
}

static zip_int64_t
piece_read(struct piece_source *s, uint8_t *data, uint64_t len)
{
	uint64_t got = 0;

	while (got < len && s->at < s->count) {
		const struct zip_piece *p = &s->pieces[s->at];
		uint64_t want = p->size - s->done;

		if (want > len - got)
			want = len - got;
		if (p->fd < 0 && want > 0) {
			memcpy(data + got, p->bytes + s->done, (size_t)want);
		} else if (want > 0) {
			ssize_t n = read_at(
			    p->fd, data + got, want, p->offset + s->done);

			if (n < 0 || (uint64_t)n != want) {
				if (n >= 0)
					errno = ESTALE; /* it shrank */
				return io_failed(
				    s->io, &s->error, ZIP_ER_READ, "read");
			}
		}
		got += want;
		s->done += want;
		if (s->done == p->size) {
			s->at++;
			s->done = 0;
		}
	}
	return (zip_int64_t)got;
}

static zip_int64_t
piece_callback(void *state, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
	struct piece_source *s = state;

	switch ((int)cmd) {
	case ZIP_SOURCE_OPEN:
		s->at = 0;
		s->done = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return piece_read(s, data, len);
	case ZIP_SOURCE_CLOSE:
		return 0;
	case ZIP_SOURCE_STAT:
		return put_stat(data, len, s->total, &s->error);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&s->error, data, len);
	case ZIP_SOURCE_SUPPORTS:
		return ZIP_SOURCE_SUPPORTS_READABLE;
	case ZIP_SOURCE_FREE:
		zip_error_fini(&s->error);
		free(s->pieces);
		free(s);
		return 0;
	default:
		zip_error_set(&s->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

zip_source_t *
zip_source_pieces(const struct zip_piece *pieces, size_t count, struct err *io)
{
	struct piece_source *s = calloc(1, sizeof *s);
	zip_source_t *source = NULL;

	if (s == NULL)
		return NULL;
	s->pieces = calloc(count == 0 ? 1 : count, sizeof *s->pieces);
	if (s->pieces != NULL) {
		for (size_t i = 0; i < count; i++) {
			s->pieces[i] = pieces[i];
			s->total += pieces[i].size;
		}
		s->count = count;
		s->io = io;
		zip_error_init(&s->error);
		source = zip_source_function_create(piece_callback, s, NULL);
	}
	if (source == NULL) {
		free(s->pieces);
		free(s);
	}
	return source;
}
