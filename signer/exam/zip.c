/*
 * ZIP archives through libzip over own sources.  Reading unpacks everything
 * once, under limits that count real bytes, into one anonymous file; from
 * then on nobody looks at the archive again, so its tricks (headers that
 * disagree, sizes that lie) end here.  Names are data: no file is ever
 * opened by one.  Writing is reproducible and never touches the input.
 */
#include "signer/exam/zip.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/text.h"
#include "signer/exam/zip_name.h"
#include "signer/exam/zip_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A deflate stream cannot exceed 1032:1.  Forms of many equal rows reach
 * about 100:1, so a large member beyond RATIO_MAX is a bomb, not a filing.
 */
#define RATIO_MAX 300
#define RATIO_FROM (4 * 1024 * 1024)
#define CHUNK 65536
#define LEVEL 6
#define UNIX_MODE ((S_IFREG | 0644U) << 16)

struct zipout {
	zip_t *archive;
	struct err io;
	uint16_t dos_time, dos_date;
};

bool
zipin_recognise(int fd)
{
	uint8_t head[4];

	if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
		return false;
	return memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0;
}

/* The error for what libzip says of a member ("" = the archive); `io` is
 * the system call behind it. */
static int
zip_failed(
    zip_error_t *z, const struct err *io, const char *name, struct err *e)
{
	int code = zip_error_code_zip(z);
	char shown[160];

	if (io->class != ERR_NONE) {
		if (e != NULL)
			*e = *io;
		return -1;
	}
	text_escape(shown, sizeof shown, name);
	switch (code) {
	case ZIP_ER_MEMORY:
		return err_nomem(e);
	case ZIP_ER_ENCRNOTSUPP:
	case ZIP_ER_NOPASSWD:
	case ZIP_ER_WRONGPASSWD:
		return err_set(e, ERR_INPUT, "zip-encrypted", "%s", shown);
	case ZIP_ER_COMPNOTSUPP:
		return err_set(e, ERR_INPUT, "zip-compression", "%s", shown);
	default:
		return err_lib(e, ERR_INPUT, "zip-damaged", (unsigned long)code,
		    "%s", *name == '\0' ? zip_error_strerror(z) : shown);
	}
}

/*
 * Not with ZIP_CHECKCONS: it refuses what Info-ZIP writes into a pipe.  The
 * central directory counts; a local header that says otherwise is harmless,
 * because nobody downstream gets this archive.
 */
static zip_t *
open_input(int fd, struct err *io, struct err *e)
{
	zip_source_t *source = zip_source_input(fd, io);
	zip_error_t error;
	zip_t *z = NULL;

	if (source == NULL) {
		err_nomem(e);
		return NULL;
	}
	zip_error_init(&error);
	z = zip_open_from_source(source, ZIP_RDONLY, &error);
	if (z == NULL) {
		zip_source_free(source);
		zip_failed(&error, io, "", e);
	}
	zip_error_fini(&error);
	return z;
}

static int
refuse(
    const char *code, const char *name, struct err *e) /* code: 1 of refuse */
{
	char shown[160];

	return err_set(
	    e, ERR_INPUT, code, "%s", text_escape(shown, sizeof shown, name));
}

/* Plain files and folders only.  DOS and Windows write no mode. */
static int
check_kind(zip_t *z, zip_uint64_t index, const char *name, struct err *e)
{
	zip_uint8_t system = 0;
	zip_uint32_t attributes = 0, kind;

	if (zip_file_get_external_attributes(
		z, index, 0, &system, &attributes) != 0)
		return refuse("zip-damaged", name, e);
	if (system != ZIP_OPSYS_UNIX && system != ZIP_OPSYS_OS_X)
		return 0;
	kind = attributes >> 16 & S_IFMT;
	if (kind == 0 || kind == S_IFREG || kind == S_IFDIR)
		return 0;
	return refuse("zip-special-file", name, e);
}

static int
check_stat(const zip_stat_t *st, const char *name, struct err *e)
{
	const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
				  ZIP_STAT_COMP_METHOD |
				  ZIP_STAT_ENCRYPTION_METHOD;

	if ((st->valid & need) != need)
		return refuse("zip-damaged", name, e);
	if (st->encryption_method != ZIP_EM_NONE)
		return refuse("zip-encrypted", name, e);
	if (st->comp_method != ZIP_CM_STORE &&
	    st->comp_method != ZIP_CM_DEFLATE)
		return refuse("zip-compression", name, e);
	if (st->size > RATIO_FROM && st->size / RATIO_MAX > st->comp_size)
		return refuse("zip-ratio", name, e);
	return 0;
}

/* libzip turns an unflagged name beyond ASCII into other bytes when asked to
 * read it strictly (as CP437); a flagged one stays as it is. */
static int
read_name(zip_t *z, zip_uint64_t index, struct buf *out, struct err *e)
{
	const char *raw = zip_get_name(z, index, ZIP_FL_ENC_RAW);
	const char *strict;
	struct buf copy = {0};
	int result = -1;

	if (raw == NULL)
		return refuse("zip-damaged", "no name", e);
	if (buf_puts(&copy, raw) != 0) {
		err_nomem(e);
		goto out;
	}
	strict = zip_get_name(z, index, ZIP_FL_ENC_STRICT);
	if (zip_name_decode(buf_view(&copy),
		strict != NULL && slice_eq_str(buf_view(&copy), strict), out,
		e) != 0)
		goto out;
	result = zip_name_check((const char *)out->p, e);
out:
	buf_free(&copy);
	return result;
}

/* Appends one member's bytes to the store. */
static int
unpack(zip_t *z, zip_uint64_t index, struct zipin *in, struct zipin_member *m,
    uint64_t *left, struct err *e)
{
	static uint8_t chunk[CHUNK];
	zip_file_t *file = zip_fopen_index(z, index, 0);
	struct err none = {0};
	int result = -1;

	if (file == NULL)
		return zip_failed(zip_get_error(z), &none, m->name, e);
	for (;;) {
		zip_int64_t n = zip_fread(file, chunk, sizeof chunk);

		if (n < 0) {
			zip_failed(zip_file_get_error(file), &none, m->name, e);
			break;
		}
		if (n == 0) {
			result = 0;
			break;
		}
		if ((uint64_t)n > *left) {
			refuse("zip-too-large", m->name, e);
			break;
		}
		*left -= (uint64_t)n;
		if (fs_pwrite(in->store, m->offset + m->size,
			slice_of(chunk, (size_t)n), e) != 0)
			break;
		m->size += (uint64_t)n;
	}
	zip_fclose(file);
	return result;
}

static int
read_entry(zip_t *z, zip_uint64_t index, struct zipin *in, uint64_t *left,
    struct err *e)
{
	struct zipin_member *m = &in->members[in->count];
	struct buf name = {0};
	zip_stat_t st;
	int result = -1;

	if (read_name(z, index, &name, e) != 0)
		goto out;
	if (zip_stat_index(z, index, 0, &st) != 0) {
		refuse("zip-damaged", (const char *)name.p, e);
		goto out;
	}
	if (check_kind(z, index, (const char *)name.p, e) != 0 ||
	    check_stat(&st, (const char *)name.p, e) != 0)
		goto out;
	if (name.p[name.len - 1] == '/') { /* a folder */
		result = st.size == 0
			     ? 0
			     : refuse("zip-damaged", (const char *)name.p, e);
		goto out;
	}
	m->name = strdup((const char *)name.p);
	if (m->name == NULL) {
		err_nomem(e);
		goto out;
	}
	m->offset = in->count == 0 ? 0 : m[-1].offset + m[-1].size;
	m->size = 0;
	in->count++;
	result = unpack(z, index, in, m, left, e);
	if (result == 0 && m->size != st.size)
		result = refuse("zip-damaged", m->name, e);
out:
	buf_free(&name);
	return result;
}

static int
by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int
check_duplicates(const struct zipin *in, struct err *e)
{
	const char **names = calloc(in->count + 1, sizeof *names);
	int result = 0;

	if (names == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < in->count; i++)
		names[i] = in->members[i].name;
	qsort(names, in->count, sizeof *names, by_name);
	for (size_t i = 1; i < in->count && result == 0; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			result = refuse("zip-duplicate-name", names[i], e);
	free(names);
	return result;
}

static int
read_all(zip_t *z, const struct zipin_limits *limits, struct zipin *in,
    struct err *e)
{
	zip_int64_t count = zip_get_num_entries(z, 0);
	uint64_t left = limits->total_max;

	if (count < 0 || (uint64_t)count > limits->members_max)
		return err_set(e, ERR_INPUT, "zip-too-many-members",
		    "%lld of at most %u", (long long)count,
		    limits->members_max);
	in->members = calloc((size_t)count + 1, sizeof *in->members);
	if (in->members == NULL)
		return err_nomem(e);
	in->store = fs_memfd("members", e);
	if (in->store < 0)
		return -1;
	for (zip_int64_t i = 0; i < count; i++)
		if (read_entry(z, (zip_uint64_t)i, in, &left, e) != 0)
			return -1;
	return check_duplicates(in, e);
}

int
zipin_read(
    int fd, const struct zipin_limits *limits, struct zipin *z, struct err *e)
{
	struct err io = {0};
	zip_t *archive;
	int result;

	memset(z, 0, sizeof *z);
	z->store = -1;
	archive = open_input(fd, &io, e);
	if (archive == NULL)
		return -1;
	result = read_all(archive, limits, z, e);
	if (result != 0 && io.class != ERR_NONE && e != NULL)
		*e = io;
	zip_discard(archive);
	if (result != 0)
		zipin_free(z);
	return result;
}

void
zipin_free(struct zipin *z)
{
	for (size_t i = 0; i < z->count; i++)
		free(z->members[i].name);
	free(z->members);
	if (z->store >= 0)
		close(z->store);
	memset(z, 0, sizeof *z);
	z->store = -1;
}

int
zipin_member_fd(const struct zipin *z, size_t index, struct err *e)
{
	static uint8_t chunk[CHUNK];
	const struct zipin_member *m = &z->members[index];
	int fd = fs_memfd("member", e);
	uint64_t at = 0;

	while (fd >= 0 && at < m->size) {
		size_t want = m->size - at < sizeof chunk
				  ? (size_t)(m->size - at)
				  : sizeof chunk;
		ssize_t n =
		    pread(z->store, chunk, want, (off_t)(m->offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_errno(e, ERR_TRANSIENT_IO, "io-error", "read");
			close(fd);
			return -1;
		}
		if (fs_pwrite(fd, at, slice_of(chunk, (size_t)n), e) != 0) {
			close(fd);
			return -1;
		}
		at += (uint64_t)n;
	}
	return fd;
}

static unsigned
digits2(const char *at)
{
	return (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
}

/* MS-DOS date and time of the ZIP format, from Japanese time. */
static void
dos_time(int64_t when_ms, uint16_t *time, uint16_t *date)
{
	const int64_t first = 315500400000; /* 1980-01-01T00:00+09:00 */
	const int64_t last = 4354786799000; /* 2107-12-31T23:59:59+09:00 */
	char digits[CLOCK_TEXT_SIZE];

	if (when_ms < first)
		when_ms = first;
	if (when_ms > last)
		when_ms = last;
	clock_digits(when_ms, digits);
	*time =
	    (uint16_t)(digits2(digits + 8) << 11 | digits2(digits + 10) << 5 |
		       digits2(digits + 12) >> 1);
	*date = (uint16_t)((digits2(digits) * 100 + digits2(digits + 2) - 1980)
			       << 9 |
			   digits2(digits + 4) << 5 | digits2(digits + 6));
}

struct zipout *
zipout_open(int out, int64_t when_ms, struct err *e)
{
	struct zipout *z = calloc(1, sizeof *z);
	zip_source_t *source;
	zip_error_t error;

	if (z == NULL) {
		err_nomem(e);
		return NULL;
	}
	dos_time(when_ms, &z->dos_time, &z->dos_date);
	source = zip_source_output(out, &z->io);
	if (source == NULL) {
		free(z);
		err_nomem(e);
		return NULL;
	}
	zip_error_init(&error);
	z->archive =
	    zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &error);
	if (z->archive == NULL) {
		zip_source_free(source);
		zip_failed(&error, &z->io, "", e);
		zip_error_fini(&error);
		free(z);
		return NULL;
	}
	zip_error_fini(&error);
	return z;
}

int
zipout_add(struct zipout *z, const char *name, const struct zip_piece *pieces,
    size_t count, struct err *e)
{
	zip_source_t *source;
	zip_int64_t index;

	if (zip_name_check(name, e) != 0)
		return -1;
	source = zip_source_pieces(pieces, count, &z->io);
	if (source == NULL)
		return err_nomem(e);
	index = zip_file_add(z->archive, name, source,
	    text_is_ascii(name) ? ZIP_FL_ENC_GUESS : ZIP_FL_ENC_UTF_8);
	if (index < 0) {
		zip_source_free(source);
		return zip_failed(zip_get_error(z->archive), &z->io, "", e);
	}
	if (zip_set_file_compression(
		z->archive, (zip_uint64_t)index, ZIP_CM_DEFLATE, LEVEL) != 0 ||
	    zip_file_set_dostime(z->archive, (zip_uint64_t)index, z->dos_time,
		z->dos_date, 0) != 0 ||
	    zip_file_set_external_attributes(z->archive, (zip_uint64_t)index, 0,
		ZIP_OPSYS_UNIX, UNIX_MODE) != 0)
		return zip_failed(zip_get_error(z->archive), &z->io, "", e);
	return 0;
}

int
zipout_close(struct zipout *z, struct err *e)
{
	int result = 0;

	if (zip_close(z->archive) != 0) {
		result = zip_failed(zip_get_error(z->archive), &z->io, "", e);
		zip_discard(z->archive);
	}
	free(z);
	return result;
}

void
zipout_free(struct zipout *z)
{
	if (z == NULL)
		return;
	zip_discard(z->archive);
	free(z);
}
