/*
 * Folders as a sorted list of files.  Nothing is followed: not links, not
 * more folders than TREE_DEPTH inside one another, not more entries than
 * TREE_ENTRIES.  Names are bytes here.
 */
#include "spool/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FNV_START 14695981039346656037ULL
#define FNV_PRIME 1099511628211ULL

enum interest { SKIP, PARTIAL, PLAIN };

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcasecmp(name + n - m, end) == 0;
}

static enum interest
interest(const char *name)
{
	if (name[0] == '.' || strcasecmp(name, "Thumbs.db") == 0 ||
	    strcasecmp(name, "desktop.ini") == 0 || strcmp(name, "@eaDir") == 0)
		return SKIP;
	if (name[0] == '~' || ends_with(name, ".part") ||
	    ends_with(name, ".tmp"))
		return PARTIAL;
	return PLAIN;
}

static int
add(struct tree *t, const char *prefix, const char *name, enum tree_kind kind,
    const struct stat *st)
{
	struct tree_entry *entry;
	char *path;
	int n;

	if (t->count == t->room) {
		size_t room = t->room == 0 ? 64 : t->room * 2;

		entry = reallocarray(t->entry, room, sizeof *entry);
		if (entry == NULL)
			return -1;
		t->entry = entry;
		t->room = room;
	}
	n = asprintf(&path, "%s%s%s", prefix, *prefix == '\0' ? "" : "/", name);
	if (n < 0)
		return -1;
	entry = &t->entry[t->count++];
	entry->path = path;
	entry->kind = kind;
	entry->st = *st;
	return 0;
}

static int read_dir(
    int dir, const char *prefix, int depth, struct tree *t, struct err *e);

static int
read_folder(int dir, const char *prefix, const char *name, int depth,
    const struct stat *st, struct tree *t, struct err *e)
{
	char *path;
	int fd, result;

	if (depth == 0)
		return add(t, prefix, name, TREE_DEEP, st) == 0 ? 0
								: err_nomem(e);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return add(t, prefix, name, TREE_UNREADABLE, st) == 0
			   ? 0
			   : err_nomem(e);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0; /* went away while we looked */
	if (fd < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "open folder");
	if (asprintf(&path, "%s%s%s", prefix, *prefix == '\0' ? "" : "/",
		name) < 0) {
		close(fd);
		return err_nomem(e);
	}
	result = read_dir(fd, path, depth - 1, t, e);
	free(path);
	return result;
}

static int
read_entry(int dir, const char *prefix, const char *name, int depth,
    struct tree *t, struct err *e)
{
	enum interest how = interest(name);
	enum tree_kind kind = TREE_FILE;
	struct stat st;

	if (how == SKIP)
		return 0;
	if (t->count >= TREE_ENTRIES) {
		t->full = true;
		return 0;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0
				       : err_errno(e, err_io_class(errno),
					     "io-error", "stat");
	if (how == PARTIAL)
		kind = TREE_PARTIAL;
	else if (S_ISDIR(st.st_mode))
		return read_folder(dir, prefix, name, depth, &st, t, e);
	else if (!S_ISREG(st.st_mode))
		kind = TREE_OTHER;
	else if (st.st_nlink != 1)
		kind = TREE_HARD;
	return add(t, prefix, name, kind, &st) == 0 ? 0 : err_nomem(e);
}

static void
watch_dir(int watch, int dir)
{
	char path[40];

	if (watch < 0)
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
	/* Only a hint: a folder without a watch is found by polling. */
	inotify_add_watch(watch, path,
	    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB | IN_ONLYDIR);
}

/* Closes dir. */
static int
read_dir(int dir, const char *prefix, int depth, struct tree *t, struct err *e)
{
	struct dirent *d;
	DIR *stream = fdopendir(dir);
	int result = -1;

	if (stream == NULL) {
		err_errno(e, err_io_class(errno), "io-error", "read folder");
		close(dir);
		return -1;
	}
	watch_dir(t->watch, dir);
	while (!t->full && (errno = 0, d = readdir(stream)) != NULL)
		if (read_entry(dir, prefix, d->d_name, depth, t, e) != 0)
			goto out;
	if (!t->full && errno != 0) {
		err_errno(e, err_io_class(errno), "io-error", "read folder");
		goto out;
	}
	result = 0;
out:
	closedir(stream);
	return result;
}

static int
by_path(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int
tree_read(int dir, struct tree *t, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "open folder");
	if (read_dir(fd, "", TREE_DEPTH, t, e) != 0)
		return -1;
	if (t->count > 0)
		qsort(t->entry, t->count, sizeof *t->entry, by_path);
	return 0;
}

void
tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->entry[i].path);
	free(t->entry);
	t->entry = NULL;
	t->count = t->room = 0;
	t->full = false;
}

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * FNV_PRIME;
	return h;
}

uint64_t
tree_fingerprint(const struct tree_entry *entry, size_t n, size_t skip)
{
	uint64_t h = FNV_START;

	for (size_t i = 0; i < n; i++) {
		const struct stat *st = &entry[i].st;
		const char *path = entry[i].path + skip;
		const int64_t values[] = {(int64_t)st->st_ino, st->st_size,
		    st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ctim.tv_sec,
		    st->st_ctim.tv_nsec, entry[i].kind};

		h = mix(h, path, strlen(path) + 1);
		h = mix(h, values, sizeof values);
	}
	return h;
}

/* A folder's hash: SHA-256 over name, NUL, size, SHA-256 of each member. */
static int
note_member(struct buf *list, const char *name, uint64_t size,
    const uint8_t sha256[FS_SHA256_SIZE])
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(size >> (56 - 8 * i));
	if (buf_append(list, name, strlen(name) + 1) != 0 ||
	    buf_append(list, be, sizeof be) != 0)
		return -1;
	return buf_append(list, sha256, FS_SHA256_SIZE);
}

static int
finish_hash(const struct buf *list, struct spool_copy *copy, struct err *e)
{
	unsigned n = FS_SHA256_SIZE;

	if (EVP_Digest(
		list->p, list->len, copy->sha256, &n, EVP_sha256(), NULL) != 1)
		return err_nomem(e);
	return 0;
}

static void
note_mtime(struct spool_copy *copy, const struct stat *st)
{
	int64_t ms =
	    (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

	if (ms > copy->mtime_ms)
		copy->mtime_ms = ms;
}

/* The folder below `top` in which a member lies; made, and to be synced. */
static int
member_dir(struct spool *s, int top, const char *path, struct err *e)
{
	const char *base = spool_base(path);
	char *parent;
	int fd;

	if (base == path) {
		fd = fcntl(top, F_DUPFD_CLOEXEC, 0);
	} else {
		parent = strndup(path, (size_t)(base - path) - 1);
		if (parent == NULL)
			return err_nomem(e);
		fd = fs_mkdirs(top, parent, 0700, e);
		free(parent);
	}
	if (fd >= 0 && spool_pend_dir(s, fd, e) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Opens a file that must be what it was; -1 "drop-changed". */
static int
open_entry(int dir, const struct tree_entry *x, struct err *e)
{
	struct stat st;
	int fd = openat(
	    dir, x->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_errno(
		    e, ERR_TRANSIENT_IO, "drop-changed", "%s", x->path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_ino == x->st.st_ino && st.st_dev == x->st.st_dev)
		return fd;
	close(fd);
	return err_set(e, ERR_TRANSIENT_IO, "drop-changed", "%s", x->path);
}

static int
copy_member(struct spool *s, const struct tree_entry *x, int from, int to,
    uint8_t sha256[FS_SHA256_SIZE], uint64_t *size, struct err *e)
{
	int in = -1, dir = -1, out = -1, result = -1;

	in = open_entry(from, x, e);
	if (in < 0)
		goto out;
	dir = member_dir(s, to, x->path, e);
	if (dir < 0)
		goto out;
	out = fs_create(dir, spool_base(x->path), 0600, e);
	if (out < 0 || fs_copy(in, out, sha256, size, e) != 0)
		goto out;
	result = spool_pend_file(s, out, e);
	out = -1;
out:
	if (in >= 0)
		close(in);
	if (dir >= 0)
		close(dir);
	if (out >= 0)
		close(out);
	return result;
}

int
tree_copy(struct spool *s, const struct tree *t, int from, int to,
    struct spool_copy *copy, struct err *e)
{
	uint8_t sha256[FS_SHA256_SIZE];
	struct buf list = {0};
	uint64_t size;
	int result = -1;

	memset(copy, 0, sizeof *copy);
	if (spool_pend_dir(s, to, e) != 0)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		const struct tree_entry *x = &t->entry[i];

		if (x->kind != TREE_FILE)
			continue;
		if (copy_member(s, x, from, to, sha256, &size, e) != 0)
			goto out;
		copy->size += size;
		note_mtime(copy, &x->st);
		if (note_member(&list, x->path, size, sha256) != 0) {
			err_nomem(e);
			goto out;
		}
	}
	result = finish_hash(&list, copy, e);
out:
	buf_free(&list);
	return result;
}

int
tree_hash(int dir, struct spool_copy *copy, struct err *e)
{
	uint8_t sha256[FS_SHA256_SIZE];
	struct tree t = {.watch = -1};
	struct buf list = {0};
	uint64_t size;
	int result = -1, r = 0;

	memset(copy, 0, sizeof *copy);
	if (tree_read(dir, &t, e) != 0)
		goto out;
	for (size_t i = 0; i < t.count; i++) {
		int fd;

		if (t.entry[i].kind != TREE_FILE)
			continue;
		fd = open_entry(dir, &t.entry[i], e);
		if (fd < 0)
			goto out;
		r = fs_hash(fd, sha256, &size, e);
		close(fd);
		if (r != 0)
			goto out;
		copy->size += size;
		note_mtime(copy, &t.entry[i].st);
		if (note_member(&list, t.entry[i].path, size, sha256) != 0) {
			err_nomem(e);
			goto out;
		}
	}
	result = finish_hash(&list, copy, e);
out:
	buf_free(&list);
	tree_free(&t);
	return result;
}

/* Clones: whole entries, durable when they return. */

static int
clone_file(int from, const char *name, int to, const char *as, struct err *e)
{
	struct stat st;
	int in, out = -1, result = -1;

	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) != 0) {
		err_errno(e, err_io_class(errno), "io-error", "open %s", name);
		goto out;
	}
	out = fs_create(to, as, 0600, e);
	if (out < 0 || fs_copy(in, out, NULL, NULL, e) != 0)
		goto out;
	if (fs_share(out, (st.st_mode & 0777) | 0600, (gid_t)-1, e) != 0 ||
	    fs_set_mtime(out, st.st_mtim, e) != 0 || fs_sync(out, e) != 0)
		goto out;
	result = fs_close(&out, e);
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return result;
}

static int
clone_entry(int from, const char *name, int to, const char *as, int depth,
    struct err *e)
{
	struct stat st;
	struct dirent *d;
	DIR *stream = NULL;
	int in = -1, out = -1, result = -1;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "stat %s", name);
	if (S_ISREG(st.st_mode))
		return clone_file(from, name, to, as, e);
	if (!S_ISDIR(st.st_mode))
		return 0; /* a link or pipe among the hidden files */
	if (depth == 0)
		return err_set(e, ERR_INPUT, "too-deep", "%s", name);
	in = fs_open_dir(from, name, e);
	if (in < 0 || fs_mkdir(to, as, 0700, e) != 0)
		goto out;
	out = fs_open_dir(to, as, e);
	stream = out < 0 ? NULL : fdopendir(in);
	if (stream == NULL)
		goto out;
	while ((errno = 0, d = readdir(stream)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (clone_entry(in, d->d_name, out, d->d_name, depth - 1, e) !=
		    0)
			goto out;
	}
	if (errno != 0) {
		err_errno(e, err_io_class(errno), "io-error", "read folder");
		goto out;
	}
	if (fs_share(out, (st.st_mode & 0777) | 0700, (gid_t)-1, e) == 0)
		result = fs_sync_dir(out, e);
out:
	if (stream != NULL)
		closedir(stream);
	else if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return result;
}

int
tree_clone(int from, const char *name, int to, const char *as, struct err *e)
{
	if (fs_remove_tree(to, as, e) != 0)
		return -1;
	/* Room for hidden folders that the scan did not count. */
	return clone_entry(from, name, to, as, 4 * TREE_DEPTH, e);
}
