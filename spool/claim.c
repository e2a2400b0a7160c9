/*
 * Taking a drop.  The rename is the claim: before it the drop is in in/,
 * after it in work/, never in both or neither (on another file system a
 * hidden name in in/ stands for it until the claim is recorded).  What is
 * signed is a private copy on an inode of our own, so that a writer who still
 * has the file open cannot change it; size and times must be the same before
 * and after the copy.
 */
#include "spool/claim.h"

#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY_TRIES 3

void
spool_hidden_name(char out[NAME_MAX + 1], const char *id, const char *source)
{
	char head[SPOOL_ID_MAX + 16];

	snprintf(head, sizeof head, "%s%s=", SPOOL_HIDDEN, id);
	spool_head_name(out, head, spool_base(source));
}

static void
gone_name(char out[NAME_MAX + 1], const char *id, size_t len)
{
	char head[SPOOL_ID_MAX + 16];

	snprintf(head, sizeof head, "%s%.*s", SPOOL_HIDDEN, (int)len, id);
	spool_head_name(out, head, SPOOL_GONE);
}

int
spool_remove_gone(int dir, const char *id, struct err *e)
{
	char gone[NAME_MAX + 1];

	gone_name(gone, id, strlen(id));
	return fs_remove_tree(dir, gone, e);
}

int
spool_remove_hidden(int dir, const char *hidden, struct err *e)
{
	const char *id = hidden + strlen(SPOOL_HIDDEN);
	char gone[NAME_MAX + 1];

	gone_name(gone, id, strcspn(id, "="));
	if (fs_remove_tree(dir, gone, e) != 0 ||
	    fs_move(dir, hidden, dir, gone, e) != 0)
		return -1;
	return fs_remove_tree(dir, gone, e);
}

/* Opens one component without following it. */
static int
step_into(struct spool *s, int dir, const char *name, bool make, struct err *e)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (make && errno == ENOENT)
		return spool_place_dir(s, dir, name, NULL, e);
	return err_errno(e,
	    errno == ENOENT ? ERR_TRANSIENT_IO : err_io_class(errno),
	    "drop-gone", "%s", name);
}

int
spool_source_dir(struct spool *s, const struct conf_drop *d, const char *source,
    bool make, struct err *e)
{
	char name[NAME_MAX + 1];
	int dir = spool_drop_dir(s, d, e);
	const char *slash;

	while (dir >= 0 && (slash = strchr(source, '/')) != NULL) {
		size_t n = (size_t)(slash - source);
		int next;

		if (n == 0 || n > NAME_MAX) {
			close(dir);
			return err_set(e, ERR_INPUT, "bad-path", "%s", source);
		}
		memcpy(name, source, n);
		name[n] = '\0';
		next = step_into(s, dir, name, make, e);
		close(dir);
		dir = next;
		source = slash + 1;
	}
	return dir;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Nothing of it changed between the two looks. */
static bool
same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	       same_time(a->st_ctim, b->st_ctim);
}

static int
changed(struct err *e, const char *path)
{
	return err_set(e, ERR_TRANSIENT_IO, "drop-changed", "%s", path);
}

/* Fingerprint of a folder as it is now, and its list; 0 / -1. */
static int
read_folder(
    int dir, const char *name, struct tree *t, uint64_t *print, struct err *e)
{
	int fd = fs_open_dir(dir, name, e);
	int r;

	if (fd < 0)
		return -1;
	t->watch = -1;
	r = tree_read(fd, t, e);
	close(fd);
	if (r == 0)
		*print = tree_fingerprint(t->entry, t->count, 0);
	return r;
}

/* Is what has this name now what the scan found?  1 / 0 / -1. */
static int
still_found(
    const struct spool_found *f, int dir, const char *name, struct err *e)
{
	struct tree t = {.watch = -1};
	struct stat st;
	uint64_t print;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (st.st_dev != f->st.st_dev || st.st_ino != f->st.st_ino)
		return 0;
	if (!f->folder)
		return st.st_size == f->st.st_size && st.st_nlink == 1 &&
		       same_time(st.st_mtim, f->st.st_mtim);
	r = read_folder(dir, name, &t, &print, e);
	tree_free(&t);
	return r != 0 ? -1 : print == f->fingerprint;
}

/* The private copy. */

static int
copy_file(struct spool *s, const char *original, const char *input,
    struct spool_copy *copy, struct err *e)
{
	struct stat before, after;
	int in, out = -1, result = -1;

	in = openat(
	    s->work, original, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || fstat(in, &before) != 0) {
		err_errno(
		    e, err_io_class(errno), "io-error", "open %s", original);
		goto out;
	}
	out = fs_create(s->work, input, 0600, e);
	if (out < 0 || fs_copy(in, out, copy->sha256, &copy->size, e) != 0)
		goto out;
	if (fstat(in, &after) != 0 || !same_stat(&before, &after) ||
	    copy->size != (uint64_t)after.st_size) {
		changed(e, original);
		goto out;
	}
	copy->mtime_ms = (int64_t)after.st_mtim.tv_sec * 1000 +
			 after.st_mtim.tv_nsec / 1000000;
	result = spool_pend_file(s, out, e);
	out = -1;
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return result;
}

static int
copy_folder(struct spool *s, const char *original, const char *input,
    struct spool_copy *copy, struct err *e)
{
	struct tree t = {.watch = -1}, again = {.watch = -1};
	uint64_t before, after;
	int from = -1, to = -1, result = -1;

	if (read_folder(s->work, original, &t, &before, e) != 0 ||
	    fs_mkdir(s->work, input, 0700, e) != 0)
		goto out;
	from = fs_open_dir(s->work, original, e);
	to = from < 0 ? -1 : fs_open_dir(s->work, input, e);
	if (to < 0 || tree_copy(s, &t, from, to, copy, e) != 0)
		goto out;
	if (read_folder(s->work, original, &again, &after, e) != 0)
		goto out;
	result = before == after ? 0 : changed(e, original);
out:
	tree_free(&t);
	tree_free(&again);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return result;
}

static int
make_copy(struct spool *s, const char *id, const char *source, bool folder,
    struct spool_copy *copy, struct err *e)
{
	char original[NAME_MAX + 1], input[NAME_MAX + 1];
	struct err why = {0};

	spool_work_name(original, WORK_ORIGINAL, id, source);
	spool_work_name(input, WORK_INPUT, id, source);
	for (int i = 0; i < COPY_TRIES; i++) {
		memset(copy, 0, sizeof *copy);
		if (fs_remove_tree(s->work, input, e) != 0)
			return -1;
		err_clear(&why);
		if ((folder ? copy_folder : copy_file)(
			s, original, input, copy, &why) == 0)
			return spool_pend_dir(s, s->work, e);
		if (strcmp(why.code, "drop-changed") != 0)
			break;
	}
	*e = why;
	return -1;
}

int
spool_copy_again(struct spool *s, const struct spool_job *j,
    struct spool_copy *copy, struct err *e)
{
	return make_copy(s, j->id, j->source, j->folder, copy, e);
}

/* Taking. */

int
spool_unhide(int dir, const char *hidden, const char *source,
    char final[NAME_MAX + 1], struct err *e)
{
	return spool_move_named(
	    dir, hidden, dir, spool_base(source), 0, final, e);
}

/* A name may not be moved: its folder is another's, or it is immutable. */
static int
denied(struct spool *s, const struct spool_found *f, struct err *e)
{
	if (e->errnum != EACCES && e->errnum != EPERM && e->errnum != EROFS)
		return -1;
	spool_refuse(s, f, "take-denied", "");
	return err_set(e, ERR_INPUT, "take-denied", "%s", f->path);
}

static int
gone_or(struct spool *s, const struct spool_found *f, struct err *e)
{
	if (e->errnum == ENOENT)
		return err_set(e, ERR_TRANSIENT_IO, "drop-gone", "%s", f->path);
	return denied(s, f, e);
}

static int
note_leftover(struct spool *s, int dir, const char *hidden, struct err *e)
{
	struct leftover *l;

	if (s->leftover_count == s->leftover_room) {
		size_t room = s->leftover_room == 0 ? 16 : s->leftover_room * 2;

		l = reallocarray(s->leftovers, room, sizeof *l);
		if (l == NULL)
			return err_nomem(e);
		s->leftovers = l;
		s->leftover_room = room;
	}
	l = &s->leftovers[s->leftover_count];
	l->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (l->dir < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "dup directory");
	snprintf(l->name, sizeof l->name, "%s", hidden);
	s->leftover_count++;
	return 0;
}

/* The clone in work/ of what lies hidden in in/. */
static int
clone_hidden(struct spool *s, const struct spool_found *f, int dir,
    const char *hidden, const char *id, struct err *e)
{
	char part[NAME_MAX + 1], original[NAME_MAX + 1];
	int r;

	spool_work_name(part, WORK_PART, id, f->source);
	spool_work_name(original, WORK_ORIGINAL, id, f->source);
	r = still_found(f, dir, hidden, e);
	if (r == 1 && tree_clone(dir, hidden, s->work, part, e) != 0)
		r = -1;
	if (r == 1)
		r = still_found(f, dir, hidden, e);
	if (r == 0)
		r = changed(e, f->path);
	if (r == 1 && fs_move(s->work, part, s->work, original, e) == 0)
		return spool_pend_dir(s, s->work, e);
	fs_remove_tree(s->work, part, NULL);
	return -1;
}

/* From another file system. */
static int
take_across(struct spool *s, const struct spool_found *f, int dir,
    const char *id, struct err *e)
{
	char hidden[NAME_MAX + 1], final[NAME_MAX + 1];
	struct err why = {0};

	spool_hidden_name(hidden, id, f->source);
	if (fs_move(dir, spool_base(f->source), dir, hidden, e) != 0)
		return gone_or(s, f, e);
	/* Its hidden name must last as long as the claim: under its own it
	 * would be found, and taken, a second time. */
	if (clone_hidden(s, f, dir, hidden, id, &why) == 0) {
		if (spool_pend_dir(s, dir, e) != 0)
			return -1;
		return note_leftover(s, dir, hidden, e);
	}
	if (spool_unhide(dir, hidden, f->source, final, e) != 0)
		return -1;
	*e = why;
	return -1;
}

/* On one file system; 0, or -1 with errnum EXDEV. */
static int
take_here(struct spool *s, const struct spool_found *f, int dir, const char *id,
    struct err *e)
{
	char original[NAME_MAX + 1], final[NAME_MAX + 1];
	int r;

	spool_work_name(original, WORK_ORIGINAL, id, f->source);
	if (fs_move(dir, spool_base(f->source), s->work, original, e) != 0)
		return e->errnum == EXDEV ? -1 : gone_or(s, f, e);
	r = still_found(f, s->work, original, e);
	if (r == 1)
		return spool_pend_dir(s, s->work, e);
	if (r < 0 || spool_move_named(s->work, original, dir,
			 spool_base(f->source), 0, final, e) != 0)
		return -1;
	return changed(e, f->path);
}

/* A last look under its own name: the same, and nobody writes. */
static int
check_found(
    struct spool *s, const struct spool_found *f, int dir, struct err *e)
{
	struct stat st;
	bool writer;
	int fd;

	if (f->folder)
		return 0; /* looked at after the rename */
	fd = openat(dir, spool_base(f->source),
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		err_errno(e, err_io_class(errno), "io-error", "%s", f->path);
		if (e->class == ERR_TRANSIENT_IO || e->errnum == ENOENT)
			return gone_or(s, f, e);
		/* This one cannot be read; the others may be fine. */
		spool_refuse(s, f, "unreadable", strerror(e->errnum));
		return err_set(e, ERR_INPUT, "take-denied", "%s", f->path);
	}
	writer = !spool_is_network(s, dir) && !spool_no_writer(fd);
	if (fstat(fd, &st) != 0 || writer || st.st_nlink != 1 ||
	    !same_stat(&st, &f->st)) {
		close(fd);
		return changed(e, f->path);
	}
	close(fd);
	return 0;
}

int
spool_take(struct spool *s, const struct spool_found *f, const char *id,
    struct spool_copy *copy, struct err *e)
{
	const struct spool_job j = {.id = id,
	    .drop = f->drop,
	    .source = f->source,
	    .path = f->path,
	    .folder = f->folder};
	struct err why = {0};
	int dir = spool_source_dir(s, f->drop, f->source, false, e);
	int result = -1;

	if (dir < 0)
		return -1;
	if (check_found(s, f, dir, e) != 0)
		goto out;
	if (take_here(s, f, dir, id, e) != 0 &&
	    (e->errnum != EXDEV || take_across(s, f, dir, id, e) != 0))
		goto out;
	result = make_copy(s, id, f->source, f->folder, copy, &why);
	if (result == 0)
		goto out;
	/* Somebody writes to it still; a disk error leaves it in work/. */
	if (strcmp(why.code, "drop-changed") != 0 ||
	    spool_return(s, &j, NULL, e) == 0)
		*e = why;
	else
		err_set(e, ERR_FATAL_IO, "take-unfinished", "%s", f->path);
out:
	close(dir);
	return result;
}

bool
spool_take_left(const struct err *e)
{
	static const char *const codes[] = {
	    "drop-changed", "drop-gone", "drop-unreadable", "take-denied"};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	return false;
}

int
spool_taken(struct spool *s, struct err *e)
{
	int result = 0;

	for (size_t i = 0; i < s->leftover_count; i++) {
		struct leftover *l = &s->leftovers[i];

		if (result == 0)
			result = spool_remove_hidden(l->dir, l->name, e);
		if (result == 0)
			result = spool_pend_dir(s, l->dir, e);
		close(l->dir);
	}
	/* For good: it must not come back when its job is long over. */
	if (result == 0 && s->leftover_count > 0)
		result = spool_sync(s, true, e);
	s->leftover_count = 0;
	return result;
}

bool
spool_unchanged(
    struct spool *s, const struct spool_job *j, const struct spool_copy *copy)
{
	char original[NAME_MAX + 1];
	struct tree t = {.watch = -1};
	struct spool_copy now = {0};
	struct stat st;
	uint64_t print;
	bool same;

	spool_work_name(original, WORK_ORIGINAL, j->id, j->source);
	if (!j->folder)
		return fstatat(s->work, original, &st, AT_SYMLINK_NOFOLLOW) ==
			   0 &&
		       (uint64_t)st.st_size == copy->size &&
		       (int64_t)st.st_mtim.tv_sec * 1000 +
			       st.st_mtim.tv_nsec / 1000000 ==
			   copy->mtime_ms;
	same = read_folder(s->work, original, &t, &print, NULL) == 0;
	for (size_t i = 0; same && i < t.count; i++) {
		const struct stat *m = &t.entry[i].st;
		int64_t ms = (int64_t)m->st_mtim.tv_sec * 1000 +
			     m->st_mtim.tv_nsec / 1000000;

		if (t.entry[i].kind != TREE_FILE)
			continue;
		now.size += (uint64_t)m->st_size;
		if (ms > now.mtime_ms)
			now.mtime_ms = ms;
	}
	tree_free(&t);
	return same && now.size == copy->size && now.mtime_ms == copy->mtime_ms;
}
