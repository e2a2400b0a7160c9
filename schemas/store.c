/*
 * The folder of bundles.  A name that comes from a filing becomes a file
 * name only after bundle_name_ok, so it cannot leave the folder.  Replacing
 * is atomic: a reader has the old bundle or the new one.
 */
#include "schemas/store.h"

#include "base/fsops.h"
#include "base/text.h"
#include "schemas/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".bundle"
#define FILE_NAME_SIZE (2 * BUNDLE_NAME_MAX + sizeof SUFFIX)
#define ENTRIES_MAX 20000

/* A hash holds as long as the file is this one. */
struct known {
	char name[FILE_NAME_SIZE];
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	char sha256[65];
};

struct schema_store {
	char *path;
	int dir; /* -1 = there was none; looked for again when needed */
	struct known *known;
	size_t count;
};

static int
open_dir(struct schema_store *s, struct err *e)
{
	if (s->dir >= 0)
		return 0;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir >= 0 || errno == ENOENT)
		return 0;
	return err_errno(e, ERR_CONFIG, "schema-store", "%s", s->path);
}

struct schema_store *
schema_store_open(const char *path, struct err *e)
{
	struct schema_store *s = calloc(1, sizeof *s);

	if (s == NULL || (s->path = strdup(path)) == NULL) {
		free(s);
		err_nomem(e);
		return NULL;
	}
	s->dir = -1;
	if (open_dir(s, e) != 0) {
		schema_store_close(s);
		return NULL;
	}
	return s;
}

void
schema_store_close(struct schema_store *s)
{
	if (s == NULL)
		return;
	if (s->dir >= 0)
		close(s->dir);
	free(s->known);
	free(s->path);
	free(s);
}

/* False for a pair that no bundle can have. */
static bool
file_name(const char *procedure, const char *version, char name[FILE_NAME_SIZE])
{
	if (!bundle_name_ok(procedure) || !bundle_name_ok(version))
		return false;
	snprintf(name, FILE_NAME_SIZE, "%s-%s" SUFFIX, procedure, version);
	return true;
}

static int
missing(struct err *e, const char *procedure, const char *version)
{
	errno = ENOENT;
	return err_errno(
	    e, ERR_INPUT, "schema-missing", "%.40s %.40s", procedure, version);
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The place for this file's hash; a new one is zeroed.  NULL: no memory. */
static struct known *
known_slot(struct schema_store *s, const char *name)
{
	struct known *grown;

	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->known[i].name, name) == 0)
			return &s->known[i];
	}
	grown = realloc(s->known, (s->count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	s->known = grown;
	memset(&grown[s->count], 0, sizeof *grown);
	snprintf(grown[s->count].name, sizeof grown->name, "%s", name);
	return &grown[s->count++];
}

static int
hash_of(struct schema_store *s, const char *name, int fd, char sha256[65],
    struct err *e)
{
	struct known *k = known_slot(s, name);
	uint8_t digest[FS_SHA256_SIZE];
	struct stat st;

	if (k == NULL)
		return err_nomem(e);
	if (fstat(fd, &st) != 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "stat %s", name);
	if (k->sha256[0] == '\0' || k->dev != st.st_dev ||
	    k->ino != st.st_ino || k->size != st.st_size ||
	    !same_time(k->mtime, st.st_mtim) ||
	    !same_time(k->ctime, st.st_ctim)) {
		k->sha256[0] = '\0';
		if (fs_hash(fd, digest, NULL, e) != 0)
			return -1;
		text_hex_fixed(k->sha256, digest, sizeof digest);
		k->dev = st.st_dev;
		k->ino = st.st_ino;
		k->size = st.st_size;
		k->mtime = st.st_mtim;
		k->ctime = st.st_ctim;
	}
	memcpy(sha256, k->sha256, 65);
	return 0;
}

int
schema_store_find(struct schema_store *s, const char *procedure,
    const char *version, char sha256[65], struct err *e)
{
	char name[FILE_NAME_SIZE];
	int fd;

	if (!file_name(procedure, version, name))
		return missing(e, procedure, version);
	if (open_dir(s, e) != 0)
		return -1;
	if (s->dir < 0)
		return missing(e, procedure, version);
	fd = openat(s->dir, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return missing(e, procedure, version);
	if (fd < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "open %s", name);
	if (hash_of(s, name, fd, sha256, e) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Takes "PROCEDURE-VERSION.bundle" apart; neither has a '-'. */
static bool
split_name(const char *name, struct schema_entry *entry)
{
	size_t n = strlen(name), suffix = strlen(SUFFIX);
	const char *dash;

	if (n <= suffix || n >= FILE_NAME_SIZE ||
	    strcmp(name + n - suffix, SUFFIX) != 0)
		return false;
	dash = memrchr(name, '-', n - suffix);
	if (dash == NULL || dash - name >= BUNDLE_NAME_MAX ||
	    name + n - suffix - dash - 1 >= BUNDLE_NAME_MAX)
		return false;
	snprintf(entry->procedure, sizeof entry->procedure, "%.*s",
	    (int)(dash - name), name);
	snprintf(entry->version, sizeof entry->version, "%.*s",
	    (int)(name + n - suffix - dash - 1), dash + 1);
	return bundle_name_ok(entry->procedure) &&
	       bundle_name_ok(entry->version);
}

static int
by_name(const void *a, const void *b)
{
	const struct schema_entry *x = a, *y = b;
	int order = strcmp(x->procedure, y->procedure);

	return order != 0 ? order : strcmp(x->version, y->version);
}

/* Fills in what the file itself tells. */
static int
describe(struct schema_store *s, struct schema_entry *entry, struct err *e)
{
	struct stat st;
	int fd = schema_store_find(
	    s, entry->procedure, entry->version, entry->sha256, e);

	if (fd < 0)
		return -1;
	entry->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	close(fd);
	return 0;
}

static int
read_names(struct schema_store *s, DIR *dir, struct schema_entry **out,
    size_t *count, struct err *e)
{
	struct dirent *d;

	while ((errno = 0, d = readdir(dir)) != NULL) {
		struct schema_entry entry = {0}, *grown;

		if (!split_name(d->d_name, &entry))
			continue;
		if (describe(s, &entry, e) != 0)
			return -1;
		if (*count >= ENTRIES_MAX)
			break;
		grown = realloc(*out, (*count + 1) * sizeof *grown);
		if (grown == NULL)
			return err_nomem(e);
		*out = grown;
		grown[(*count)++] = entry;
	}
	if (errno != 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "readdir %s", s->path);
	return 0;
}

int
schema_store_list(struct schema_store *s, struct schema_entry **out,
    size_t *count, struct err *e)
{
	DIR *dir;
	int fd, result;

	*out = NULL;
	*count = 0;
	if (open_dir(s, e) != 0)
		return -1;
	if (s->dir < 0)
		return 0;
	fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return err_errno(e, ERR_CONFIG, "schema-store", "%s", s->path);
	}
	result = read_names(s, dir, out, count, e);
	closedir(dir);
	if (result != 0) {
		free(*out);
		*out = NULL;
		*count = 0;
	} else if (*count > 0) {
		qsort(*out, *count, sizeof **out, by_name);
	}
	return result;
}

/* Makes the folder; its own parent must be there. */
static int
make_dir(struct schema_store *s, struct err *e)
{
	if (open_dir(s, e) != 0)
		return -1;
	if (s->dir >= 0)
		return 0;
	if (fs_mkdir(AT_FDCWD, s->path, 0755, e) != 0 || open_dir(s, e) != 0)
		return -1;
	return s->dir >= 0
		   ? 0
		   : err_set(e, ERR_CONFIG, "schema-store", "%s", s->path);
}

int
schema_store_put(struct schema_store *s, const char *procedure,
    const char *version, struct slice bytes, struct err *e)
{
	char name[FILE_NAME_SIZE];
	struct buf there = {0};
	struct err ignored = {0};
	int fd, result = 1;

	if (!file_name(procedure, version, name))
		return err_set(e, ERR_INPUT, "schema-bundle-bad", "%.40s %.40s",
		    procedure, version);
	if (make_dir(s, e) != 0)
		return -1;
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		result = 2;
		if (fs_read_all(fd, BUNDLE_SIZE_MAX, &there, &ignored) == 0 &&
		    slice_eq(buf_view(&there), bytes))
			result = 0;
		close(fd);
	}
	buf_free(&there);
	if (result != 0 && fs_replace(s->dir, name, bytes, 0644, e) != 0)
		result = -1;
	return result;
}
