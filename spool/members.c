/*
 * Descriptors for those who read and write a job's bytes: they get no paths.
 * Member names are clean text, for the format to compare, and name nothing
 * on disk any more.
 */
#include "spool/claim.h"
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Clean text only grows: one byte becomes at most three. */
#define CLEAN_MAX (3 * SPOOL_PATH_MAX)

void
spool_members_close(struct spool_members *m)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->member[i].fd >= 0)
			close(m->member[i].fd);
		free(m->member[i].name);
	}
	free(m->member);
	memset(m, 0, sizeof *m);
}

/* Opens dir/path, a regular file, as the next member; -1 "drop-changed" when
 * it is not one (any more). */
static int
add_member(struct spool_members *m, int dir, const char *path, const char *name,
    struct err *e)
{
	struct spool_member *x = &m->member[m->count];
	char clean[CLEAN_MAX];
	struct stat st;

	if (spool_clean_path(clean, sizeof clean, name) != 0)
		return err_set(e, ERR_INPUT, "path-too-long", "%.100s", name);
	x->name = strdup(clean);
	if (x->name == NULL)
		return err_nomem(e);
	x->fd =
	    openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	m->count++;
	if (x->fd < 0 && errno != ENOENT && errno != ELOOP)
		return err_errno(
		    e, err_io_class(errno), "io-error", "open %s", clean);
	if (x->fd < 0 || fstat(x->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(
		    e, ERR_TRANSIENT_IO, "drop-changed", "%s", clean);
	x->size = (uint64_t)st.st_size;
	m->size += x->size;
	return 0;
}

static int
start(struct spool_members *m, size_t room, struct err *e)
{
	memset(m, 0, sizeof *m);
	m->member = calloc(room + 1, sizeof *m->member);
	return m->member == NULL ? err_nomem(e) : 0;
}

static int
open_single(struct spool_members *m, int dir, const char *path,
    const char *name, struct err *e)
{
	if (start(m, 1, e) != 0)
		return -1;
	if (add_member(m, dir, path, spool_base(name), e) == 0)
		return 0;
	spool_members_close(m);
	return -1;
}

/* All members of dir/name, which must have this fingerprint (0: any). */
static int
open_folder(struct spool_members *m, int dir, const char *name, size_t max,
    uint64_t print, struct err *e)
{
	struct tree t = {.watch = -1};
	size_t count = 0;
	int fd = fs_open_dir(dir, name, e);
	int result = -1;

	memset(m, 0, sizeof *m);
	if (fd < 0 || tree_read(fd, &t, e) != 0)
		goto out;
	if (print != 0 && tree_fingerprint(t.entry, t.count, 0) != print) {
		err_set(e, ERR_TRANSIENT_IO, "drop-changed", "%s", name);
		goto out;
	}
	for (size_t i = 0; i < t.count; i++)
		count += t.entry[i].kind == TREE_FILE;
	if (count > max) {
		err_set(e, ERR_INPUT, "too-many-members",
		    "%zu files, %zu at "
		    "most",
		    count, max);
		goto out;
	}
	if (start(m, count, e) != 0)
		goto out;
	for (size_t i = 0; i < t.count; i++)
		if (t.entry[i].kind == TREE_FILE &&
		    add_member(m, fd, t.entry[i].path, t.entry[i].path, e) != 0)
			goto out;
	result = 0;
out:
	if (result != 0)
		spool_members_close(m);
	tree_free(&t);
	if (fd >= 0)
		close(fd);
	return result;
}

int
spool_open_input(struct spool *s, const struct spool_job *j, size_t max,
    struct spool_members *m, struct err *e)
{
	char input[NAME_MAX + 1];

	spool_work_name(input, WORK_INPUT, j->id, j->source);
	if (j->folder)
		return open_folder(m, s->work, input, max, 0, e);
	return open_single(m, s->work, input, j->path, e);
}

int
spool_open_found(struct spool *s, const struct spool_found *f, size_t max,
    struct spool_members *m, struct err *e)
{
	int dir = spool_source_dir(s, f->drop, f->source, false, e);
	const char *base = spool_base(f->source);
	int r;

	memset(m, 0, sizeof *m);
	if (dir < 0)
		return -1;
	if (f->folder)
		r = open_folder(m, dir, base, max, f->fingerprint, e);
	else
		r = open_single(m, dir, base, f->path, e);
	close(dir);
	return r;
}

int
spool_create_output(struct spool *s, const struct spool_job *j, struct err *e)
{
	char name[NAME_MAX + 1];
	int fd;

	spool_work_name(name, WORK_OUTPUT, j->id, j->source);
	if (fs_unlink(s->work, name, e) != 0)
		return -1;
	fd = fs_create(s->work, name, 0600, e);
	if (fd < 0)
		return -1;
	if (spool_share(s, fd, e) == 0 && spool_pend_dir(s, s->work, e) == 0)
		return fd;
	close(fd);
	return -1;
}

int
spool_open_output(struct spool *s, const struct spool_job *j, struct err *e)
{
	char name[NAME_MAX + 1];
	int fd;

	spool_work_name(name, WORK_OUTPUT, j->id, j->source);
	fd = openat(s->work, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return err_errno(e, err_io_class(errno), "io-error", "open %s", name);
}
