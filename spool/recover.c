/*
 * After a crash.  The rules are few: what lies hidden in in/ is the original
 * until its claim is recorded; else the one in work/ is; a private copy with
 * the recorded hash can stand in for an original that a power cut took.
 * Nothing that could be the last copy of a drop is ever removed here.
 */
#include "spool/recover.h"

#include "spool/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A job's names while it is recovered. */
struct place {
	const struct spool_job *j;
	int source; /* folder in in/, or -1 when it is not there */
	char original[NAME_MAX + 1], input[NAME_MAX + 1];
	char hidden[NAME_MAX + 1];
};

static int
hash_of(int dir, const char *name, bool folder, struct spool_copy *have)
{
	int r, fd = openat(
		   dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	memset(have, 0, sizeof *have);
	if (fd < 0)
		return -1;
	r = folder ? tree_hash(fd, have, NULL)
		   : fs_hash(fd, have->sha256, &have->size, NULL);
	close(fd);
	return r;
}

/* Does dir/name have the hash that was recorded? */
static bool
has_hash(int dir, const char *name, bool folder, const struct spool_copy *want)
{
	struct spool_copy have;

	return want != NULL && hash_of(dir, name, folder, &have) == 0 &&
	       have.size == want->size &&
	       memcmp(have.sha256, want->sha256, sizeof have.sha256) == 0;
}

static bool
in_drop(const struct place *p, const char *name)
{
	return p->source >= 0 && spool_exists(p->source, name);
}

/* A hidden one in in/, and perhaps its clone in work/.  Of two that are the
 * same one is removed: the clone, unless its claim was recorded.  Of two that
 * differ none is; the hidden one is then a drop of its own. */
static int
settle_hidden(struct spool *s, struct place *p, const struct spool_copy *copy,
    enum spool_place *where, struct err *e)
{
	bool clone = spool_exists(s->work, p->original), same;
	char final[NAME_MAX + 1];
	struct spool_copy have;

	same = clone &&
	       hash_of(s->work, p->original, p->j->folder, &have) == 0 &&
	       has_hash(p->source, p->hidden, p->j->folder, &have);
	*where = clone ? SPOOL_IN_WORK : SPOOL_IN_DROP;
	if (same && copy != NULL) {
		if (spool_remove_hidden(p->source, p->hidden, e) != 0)
			return -1;
		return spool_pend_dir(s, p->source, e);
	}
	if (same) {
		*where = SPOOL_IN_DROP;
		if (fs_remove_tree(s->work, p->original, e) != 0)
			return -1;
	}
	if (spool_unhide(p->source, p->hidden, p->j->source, final, e) != 0 ||
	    spool_pend_dir(s, p->source, e) != 0)
		return -1;
	return *where == SPOOL_IN_DROP ? spool_clear_work(s, p->j->id, e) : 0;
}

/* link + unlink, interrupted between the two: the second name goes. */
static int
drop_second_name(struct spool *s, struct place *p, struct err *e)
{
	const char *base = spool_base(p->j->source);
	struct stat a, b;

	if (p->source < 0 || p->j->folder ||
	    fstatat(s->work, p->original, &a, AT_SYMLINK_NOFOLLOW) != 0 ||
	    fstatat(p->source, base, &b, AT_SYMLINK_NOFOLLOW) != 0 ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return 0;
	return fs_unlink(p->source, base, e);
}

/* Neither here nor there: a good private copy takes the original's place. */
static int
settle_missing(struct spool *s, struct place *p, const struct spool_copy *copy,
    enum spool_place *where, struct err *e)
{
	const char *base = spool_base(p->j->source);
	char part[NAME_MAX + 1], moved[NAME_MAX + 1];

	spool_work_name(moved, WORK_MOVED, p->j->id, p->j->source);
	*where = SPOOL_NOWHERE;
	if (spool_exists(s->work, moved) && p->j->drop != NULL) {
		/* The job is open, so it was on its way back into in/. */
		*where = SPOOL_IN_DROP;
		return spool_return(s, p->j, NULL, e);
	}
	if (in_drop(p, base) &&
	    (copy == NULL || has_hash(p->source, base, p->j->folder, copy) ||
		!has_hash(s->work, p->input, p->j->folder, copy))) {
		*where = SPOOL_IN_DROP;
		return spool_clear_work(s, p->j->id, e);
	}
	if (!has_hash(s->work, p->input, p->j->folder, copy))
		return 0;
	spool_work_name(part, WORK_PART, p->j->id, p->j->source);
	*where = SPOOL_IN_WORK;
	if (tree_clone(s->work, p->input, s->work, part, e) != 0 ||
	    fs_move(s->work, part, s->work, p->original, e) != 0)
		return -1;
	return spool_pend_dir(s, s->work, e);
}

int
spool_recover(struct spool *s, const struct spool_job *j,
    const struct spool_copy *copy, enum spool_place *where, bool *copy_good,
    struct err *e)
{
	struct place p = {.j = j, .source = -1};
	char part[NAME_MAX + 1];
	struct err why = {0};
	int r;

	*copy_good = false;
	spool_work_name(p.original, WORK_ORIGINAL, j->id, j->source);
	spool_work_name(p.input, WORK_INPUT, j->id, j->source);
	spool_work_name(part, WORK_PART, j->id, j->source);
	spool_hidden_name(p.hidden, j->id, j->source);
	if (fs_remove_tree(s->work, part, e) != 0)
		return -1;
	if (j->drop != NULL)
		p.source = spool_source_dir(s, j->drop, j->source, false, &why);
	if (p.source >= 0 && spool_remove_gone(p.source, j->id, e) != 0) {
		r = -1;
	} else if (in_drop(&p, p.hidden)) {
		r = settle_hidden(s, &p, copy, where, e);
	} else if (spool_exists(s->work, p.original)) {
		*where = SPOOL_IN_WORK;
		r = drop_second_name(s, &p, e);
	} else {
		r = settle_missing(s, &p, copy, where, e);
	}
	if (r == 0 && *where == SPOOL_IN_WORK)
		*copy_good = has_hash(s->work, p.input, j->folder, copy);
	if (p.source >= 0)
		close(p.source);
	return r != 0 ? -1 : spool_sync(s, false, e);
}

/* Listing. */

void
spool_ids_free(struct spool_ids *ids)
{
	free(ids->id);
	ids->id = NULL;
	ids->count = 0;
}

/* The id at the start of a name, up to `ends`; false when there is none. */
static bool
id_of(const char *name, const char *ends, char id[SPOOL_ID_MAX])
{
	size_t n = strcspn(name, ends);

	if (n == 0 || n >= SPOOL_ID_MAX || name[n] == '\0')
		return false;
	memcpy(id, name, n);
	id[n] = '\0';
	return true;
}

static int
add_id(struct spool_ids *ids, const char *id, struct err *e)
{
	char(*more)[SPOOL_ID_MAX];

	more = reallocarray(ids->id, ids->count + 1, sizeof *more);
	if (more == NULL)
		return err_nomem(e);
	ids->id = more;
	snprintf(ids->id[ids->count++], SPOOL_ID_MAX, "%s", id);
	return 0;
}

/* Calls `each` with every name in dir (closed here) and those below it, as
 * deep as `depth` folders. */
struct finder {
	struct spool_ids *ids; /* collects, or … */
	const char *id;  /* … looks for this one's hidden drop, and … */
	struct spool *s; /* … gives it its name back */
	bool found;
};

static int
look_at(struct finder *f, int dir, const char *name, struct err *e)
{
	char id[SPOOL_ID_MAX], final[NAME_MAX + 1];
	const char *rest;

	if (strncmp(name, SPOOL_HIDDEN, strlen(SPOOL_HIDDEN)) != 0 ||
	    !id_of(name + strlen(SPOOL_HIDDEN), "=.", id))
		return 0;
	rest = name + strlen(SPOOL_HIDDEN) + strlen(id);
	if (*rest == '.' && strcmp(rest, SPOOL_GONE) != 0)
		return 0;
	if (f->ids != NULL)
		return add_id(f->ids, id, e);
	if (strcmp(id, f->id) != 0)
		return 0;
	if (*rest == '.')
		return spool_remove_gone(dir, id, e);
	f->found = true;
	if (spool_unhide(dir, name, strchr(name, '=') + 1, final, e) != 0)
		return -1;
	return spool_pend_dir(f->s, dir, e);
}

static int
find_hidden(struct finder *f, int dir, int depth, struct err *e)
{
	struct dirent *d;
	DIR *stream = fdopendir(dir);
	int result = -1;

	if (stream == NULL) {
		err_errno(e, err_io_class(errno), "io-error", "read folder");
		close(dir);
		return -1;
	}
	while ((d = readdir(stream)) != NULL) {
		int fd;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (look_at(f, dir, d->d_name, e) != 0)
			goto out;
		if (depth == 0 || d->d_name[0] == '.' ||
		    (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN))
			continue;
		fd = openat(dir, d->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && find_hidden(f, fd, depth - 1, e) != 0)
			goto out;
	}
	result = 0;
out:
	closedir(stream);
	return result;
}

/* In all drop folders; one that cannot be read has nothing to say now. */
static int
find_in_drops(struct spool *s, struct finder *f, struct err *e)
{
	for (size_t i = 0; i < s->conf->drop_count; i++) {
		int fd = spool_drop_dir(s, &s->conf->drops[i], NULL);

		if (fd >= 0 && find_hidden(f, fd, TREE_DEPTH, e) != 0)
			return -1;
	}
	return 0;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
spool_list_work(struct spool *s, struct spool_ids *ids, struct err *e)
{
	struct finder f = {.ids = ids};
	char id[SPOOL_ID_MAX];
	struct dirent *d;
	DIR *stream = NULL;
	size_t kept = 0;
	int fd, result = -1;

	memset(ids, 0, sizeof *ids);
	fd = fs_open_dir(s->work, ".", e);
	if (fd < 0 || (stream = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return err_errno(
		    e, err_io_class(errno), "io-error", "read work");
	}
	while ((d = readdir(stream)) != NULL)
		if (d->d_name[0] != '.' && id_of(d->d_name, "=.", id) &&
		    add_id(ids, id, e) != 0)
			goto out;
	if (find_in_drops(s, &f, e) != 0)
		goto out;
	if (ids->count > 0)
		qsort(ids->id, ids->count, sizeof *ids->id, compare_ids);
	for (size_t i = 0; i < ids->count; i++)
		if (i == 0 || strcmp(ids->id[i], ids->id[kept - 1]) != 0)
			memmove(ids->id[kept++], ids->id[i], SPOOL_ID_MAX);
	ids->count = kept;
	result = 0;
out:
	closedir(stream);
	if (result != 0)
		spool_ids_free(ids);
	return result;
}

/* Rescue. */

/* The name after "<id>=" of the original in work/; 1 / 0 none / -1. */
static int
find_original(
    struct spool *s, const char *id, char name[NAME_MAX + 1], struct err *e)
{
	size_t n = strlen(id);
	struct dirent *d;
	DIR *stream;
	int fd = fs_open_dir(s->work, ".", e), result = 0;

	if (fd < 0)
		return -1;
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return err_errno(
		    e, err_io_class(errno), "io-error", "read work");
	}
	while (result == 0 && (d = readdir(stream)) != NULL) {
		if (strncmp(d->d_name, id, n) != 0 || d->d_name[n] != '=')
			continue;
		snprintf(name, NAME_MAX + 1, "%s", d->d_name + n + 1);
		result = 1;
	}
	closedir(stream);
	return result;
}

static int
rescue_to_failed(struct spool *s, const char *id, const char *name,
    struct slice reason, struct err *e)
{
	char folder[SPOOL_PATH_MAX], clean[SPOOL_PATH_MAX];
	char place[SPOOL_PATH_MAX];
	int dir, r;

	if (spool_clean_path(clean, sizeof clean, name) != 0 || *clean == '\0')
		snprintf(clean, sizeof clean, "%s", id);
	snprintf(folder, sizeof folder, "failed/unknown/%s", id);
	dir = spool_place_dir(s, s->root, folder, NULL, e);
	if (dir < 0)
		return -1;
	r = spool_fail_into(s, id, name, dir, folder, clean, reason, place, e);
	close(dir);
	return r;
}

/* Makes `id`'s entry an original, if it has one; 0 / -1. */
static int
make_original(struct spool *s, const char *id, enum work_name which,
    const char *as, struct err *e)
{
	char name[NAME_MAX + 1], original[NAME_MAX + 1];

	spool_work_name(name, which, id, "");
	spool_work_name(original, WORK_ORIGINAL, id, as);
	if (!spool_exists(s->work, name))
		return 0;
	return fs_move(s->work, name, s->work, original, e);
}

int
spool_rescue(
    struct spool *s, const char *id, struct slice reason, struct err *e)
{
	struct finder f = {.id = id, .s = s};
	char name[NAME_MAX + 1];
	bool any;
	int r;

	/* An original that was on its way out when all was forgotten; and a
	 * copy whose original is nowhere may be all that is left of it. */
	if (find_in_drops(s, &f, e) != 0 ||
	    make_original(s, id, WORK_MOVED, "original", e) != 0)
		return -1;
	r = find_original(s, id, name, e);
	if (r == 0 && !f.found &&
	    make_original(s, id, WORK_INPUT, "private-copy", e) != 0)
		return -1;
	any = f.found || find_original(s, id, name, e) == 1;
	while (r >= 0 && (r = find_original(s, id, name, e)) == 1) {
		char here[NAME_MAX + 1];

		spool_work_name(here, WORK_ORIGINAL, id, name);
		/* What came back in in/ leaves only its clone here. */
		if (f.found ? fs_remove_tree(s->work, here, e)
			    : rescue_to_failed(s, id, name, reason, e))
			return -1;
	}
	if (r < 0 || spool_sync(s, false, e) != 0)
		return -1;
	/* What is not ours, only named a little like it, stays. */
	return any ? spool_clear_work(s, id, e) : 0;
}

int
spool_sweep(struct spool *s, const char *id, struct slice reason, struct err *e)
{
	char input[NAME_MAX + 1];

	/* The job is final: its original has arrived, the copy is a copy. */
	spool_work_name(input, WORK_INPUT, id, "");
	if (fs_remove_tree(s->work, input, e) != 0 ||
	    spool_rescue(s, id, reason, e) != 0)
		return -1;
	return spool_clear_work(s, id, e);
}
