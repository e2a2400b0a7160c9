/*
 * Pieces of bytes with names, in memory and in a memfd.  Reading believes no
 * count and no length; a name is only ever compared.
 */
#include "schemas/archive.h"

#include "base/fsops.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zip.h>

/* name length, byte count; both in the writing process's byte order: the
 * reader is its parent or child. */
struct head {
	uint32_t name;
	uint64_t bytes;
};

static int
too_large(struct err *e)
{
	return err_set(e, ERR_INPUT, "schema-import-too-large",
	    "more than %d files or %lld MB", ARCHIVE_FILES_MAX,
	    (long long)ARCHIVE_SIZE_MAX / (1024 * 1024));
}

static int
grow(struct archive *a, struct err *e)
{
	struct archive_file *grown;

	if ((a->count & (a->count - 1)) != 0)
		return 0; /* room up to the next power of two */
	grown = realloc(
	    a->files, (a->count == 0 ? 1 : 2 * a->count) * sizeof *grown);
	if (grown == NULL)
		return err_nomem(e);
	a->files = grown;
	return 0;
}

/* A new, empty piece; NULL with an error. */
static struct archive_file *
add_empty(struct archive *a, const char *name, uint64_t size, struct err *e)
{
	struct archive_file *f;

	if (a->count >= ARCHIVE_FILES_MAX ||
	    size > (uint64_t)ARCHIVE_SIZE_MAX - a->total ||
	    strlen(name) >= ARCHIVE_NAME_MAX) {
		too_large(e);
		return NULL;
	}
	if (grow(a, e) != 0)
		return NULL;
	f = &a->files[a->count];
	*f = (struct archive_file){.name = strdup(name)};
	if (f->name == NULL || buf_reserve(&f->bytes, (size_t)size) != 0) {
		free(f->name);
		buf_free(&f->bytes);
		err_nomem(e);
		return NULL;
	}
	a->count++;
	a->total += size;
	return f;
}

int
archive_add(
    struct archive *a, const char *name, struct slice bytes, struct err *e)
{
	struct archive_file *f = add_empty(a, name, bytes.len, e);

	if (f == NULL)
		return -1;
	return buf_slice(&f->bytes, bytes) == 0 ? 0 : err_nomem(e);
}

static int
zip_bad(struct err *e, const char *what)
{
	return err_set(e, ERR_INPUT, "schema-import-zip", "%.100s", what);
}

static int
zip_member(struct archive *a, zip_t *z, zip_uint64_t i, const char *name,
    struct err *e)
{
	struct archive_file *f;
	zip_stat_t st;
	zip_file_t *in;
	int result = -1;

	if (zip_stat_index(z, i, 0, &st) != 0 ||
	    (st.valid & ZIP_STAT_SIZE) == 0)
		return zip_bad(e, name);
	f = add_empty(a, name, st.size, e);
	if (f == NULL)
		return -1;
	in = zip_fopen_index(z, i, 0);
	if (in == NULL)
		return zip_bad(e, name);
	/* The whole of it, at its end: then its CRC has been checked. */
	if (zip_fread(in, f->bytes.p, st.size) == (zip_int64_t)st.size &&
	    zip_fread(in, &(char){0}, 1) == 0) {
		f->bytes.len = (size_t)st.size;
		result = 0;
	}
	zip_fclose(in);
	return result == 0 ? 0 : zip_bad(e, name);
}

static int
zip_members(struct archive *a, zip_t *z, struct err *e)
{
	zip_int64_t n = zip_get_num_entries(z, 0);

	for (zip_int64_t i = 0; i < n; i++) {
		const char *name =
		    zip_get_name(z, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
		size_t len = name == NULL ? 0 : strlen(name);

		if (len < 5 || strcasecmp(name + len - 4, ".xsd") != 0)
			continue;
		if (zip_member(a, z, (zip_uint64_t)i, name, e) != 0)
			return -1;
	}
	return 0;
}

int
archive_add_zip(struct archive *a, struct slice zip, struct err *e)
{
	zip_error_t ze;
	zip_source_t *src;
	zip_t *z = NULL;
	int result;

	zip_error_init(&ze);
	src = zip_source_buffer_create(zip.p, zip.len, 0, &ze);
	if (src != NULL)
		z = zip_open_from_source(src, ZIP_RDONLY | ZIP_CHECKCONS, &ze);
	if (z == NULL) {
		zip_source_free(src);
		result = zip_bad(e, zip_error_strerror(&ze));
	} else {
		result = zip_members(a, z, e);
		zip_discard(z);
	}
	zip_error_fini(&ze);
	return result;
}

int
archive_write(const struct archive *a, int fd, struct err *e)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct archive_file *f = &a->files[i];
		struct head h;

		memset(&h, 0, sizeof h);
		h.name = (uint32_t)strlen(f->name);
		h.bytes = f->bytes.len;
		if (fs_write(fd, slice_of(&h, sizeof h), e) != 0 ||
		    fs_write(fd, slice_str(f->name), e) != 0 ||
		    fs_write(fd, buf_view(&f->bytes), e) != 0)
			return -1;
	}
	return 0;
}

static int
answer_bad(struct err *e)
{
	return err_set(
	    e, ERR_BUG, "schema-import-answer", "not a list of pieces");
}

static int
read_pieces(struct archive *a, struct slice rest, struct err *e)
{
	char name[ARCHIVE_NAME_MAX];
	struct head h;

	while (rest.len > 0) {
		if (rest.len < sizeof h)
			return answer_bad(e);
		memcpy(&h, rest.p, sizeof h);
		rest.p += sizeof h;
		rest.len -= sizeof h;
		if (h.name >= sizeof name || h.name > rest.len ||
		    h.bytes > rest.len - h.name ||
		    (h.name > 0 && memchr(rest.p, '\0', h.name) != NULL))
			return answer_bad(e);
		memcpy(name, rest.p, h.name);
		name[h.name] = '\0';
		if (archive_add(a, name,
			slice_of(rest.p + h.name, (size_t)h.bytes), e) != 0)
			return -1;
		rest.p += h.name + h.bytes;
		rest.len -= h.name + (size_t)h.bytes;
	}
	return 0;
}

int
archive_read(struct archive *a, int fd, struct err *e)
{
	struct buf all = {0};
	size_t max =
	    (size_t)ARCHIVE_SIZE_MAX +
	    ARCHIVE_FILES_MAX * (sizeof(struct head) + ARCHIVE_NAME_MAX);
	int result = fs_read_all(fd, max, &all, e);

	if (result == 0)
		result = read_pieces(a, buf_view(&all), e);
	buf_free(&all);
	return result;
}

void
archive_free(struct archive *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->files[i].name);
		buf_free(&a->files[i].bytes);
	}
	free(a->files);
	*a = (struct archive){0};
}
