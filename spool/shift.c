/*
 * Moving something out of work/ exactly once.  On one file system that is a
 * rename which overwrites nothing: what is gone from work/ has arrived.  To
 * another one: a durable copy under a hidden name there, then a marker in
 * work/ that says so, then the rename at the destination.  A receiver may
 * take the file the moment it has its name; a repeat after a crash still
 * knows that it was there.
 */
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
same_file(int a_dir, const char *a, int b_dir, const char *b)
{
	struct stat x, y;

	return fstatat(a_dir, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b_dir, b, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int
spool_move_named(int from_dir, const char *from, int to_dir, const char *name,
    unsigned k, char final[NAME_MAX + 1], struct err *e)
{
	unsigned last = k == 0 ? SPOOL_NAMES_MAX : k;
	struct err why = {0};

	for (unsigned i = k == 0 ? 1 : k; i <= last; i++) {
		spool_name(final, name, i, "");
		if (fs_move(from_dir, from, to_dir, final, &why) == 0)
			return 0;
		if (why.errnum != EEXIST)
			break;
		/* link + unlink, interrupted between the two */
		if (same_file(from_dir, from, to_dir, final))
			return fs_unlink(from_dir, from, e);
	}
	if (e != NULL)
		*e = why;
	return -1;
}

static void
temp_name(char out[NAME_MAX + 1], const char *id)
{
	char head[SPOOL_ID_MAX + 16];

	snprintf(head, sizeof head, "%s%s.new", SPOOL_HIDDEN, id);
	spool_head_name(out, head, "");
}

/* The file in work/ that tells where a marked entry was going. */
static void
note_name(char out[NAME_MAX + 1], const char *marker)
{
	spool_head_name(out, marker, ".to");
}

static int
read_note(struct spool *s, const char *marker, char place[SPOOL_PATH_MAX],
    struct err *e)
{
	char name[NAME_MAX + 1];
	struct buf text = {0};
	int fd, result = -1;

	note_name(name, marker);
	fd = openat(s->work, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "open %s", name);
	if (fs_read_all(fd, SPOOL_PATH_MAX - 1, &text, e) != 0)
		goto out;
	if (text.len > 0)
		memcpy(place, text.p, text.len);
	place[text.len] = '\0';
	result = 0;
out:
	buf_free(&text);
	close(fd);
	return result;
}

static int
join(char out[SPOOL_PATH_MAX], const char *place, const char *name,
    struct err *e)
{
	int n = snprintf(out, SPOOL_PATH_MAX, "%s/%s", place, name);

	if (n >= 0 && n < SPOOL_PATH_MAX)
		return 0;
	return err_set(e, ERR_INPUT, "name-too-long", "%s", name);
}

/* The second half: the copy is complete at its place, hidden. */
static int
finish_marked(struct spool *s, const struct shift *m, const char *marker,
    char final[SPOOL_PATH_MAX], struct err *e)
{
	char place[SPOOL_PATH_MAX], temp[NAME_MAX + 1], name[NAME_MAX + 1];
	int dir, result = -1;

	final[0] = '\0';
	if (read_note(s, marker, place, e) != 0)
		return -1;
	dir = openat(s->root, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(
		    e, ERR_TRANSIENT_IO, "deliver-missing", "%s", place);
	temp_name(temp, m->id);
	if (spool_exists(dir, temp)) {
		if (spool_move_named(dir, temp, dir, m->name, m->k, name, e) !=
			0 ||
		    fs_sync_dir(dir, e) != 0 ||
		    join(final, place, name, e) != 0)
			goto out;
	}
	if (!m->keep_marker && fs_remove_tree(s->work, marker, e) != 0)
		goto out;
	result = 1;
out:
	close(dir);
	return result;
}

static int
copy_across(struct spool *s, const struct shift *m, int to, const char *from,
    const char *marker, struct err *e)
{
	char temp[NAME_MAX + 1], note[NAME_MAX + 1];

	temp_name(temp, m->id);
	note_name(note, marker);
	if (tree_clone(s->work, from, to, temp, e) != 0 ||
	    fs_sync_dir(to, e) != 0)
		goto fail;
	if (fs_replace(s->work, note, slice_str(m->place), 0600, e) != 0 ||
	    fs_move(s->work, from, s->work, marker, e) != 0)
		goto fail;
	return fs_sync_dir(s->work, e);
fail:
	fs_remove_tree(to, temp, NULL);
	return -1;
}

int
spool_shift(struct spool *s, const struct shift *m, int to,
    char final[SPOOL_PATH_MAX], struct err *e)
{
	char from[NAME_MAX + 1], marker[NAME_MAX + 1], name[NAME_MAX + 1];
	struct err why = {0};

	final[0] = '\0';
	spool_work_name(from, m->from, m->id, m->source);
	spool_work_name(marker, m->marker, m->id, m->source);
	if (spool_exists(s->work, marker))
		return finish_marked(s, m, marker, final, e);
	if (!spool_exists(s->work, from))
		return 0;
	if (spool_move_named(s->work, from, to, m->name, m->k, name, &why) ==
	    0) {
		if (spool_pend_dir(s, to, e) != 0 ||
		    join(final, m->place, name, e) != 0)
			return -1;
		return 1;
	}
	if (why.errnum != EXDEV) {
		*e = why;
		return -1;
	}
	if (copy_across(s, m, to, from, marker, e) != 0)
		return -1;
	return finish_marked(s, m, marker, final, e);
}

int
spool_clear_work(struct spool *s, const char *id, struct err *e)
{
	static const enum work_name all[] = {
	    WORK_INPUT, WORK_OUTPUT, WORK_PART, WORK_SENT, WORK_MOVED};
	char name[NAME_MAX + 1], note[NAME_MAX + 1];

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		spool_work_name(name, all[i], id, "");
		note_name(note, name);
		if (fs_remove_tree(s->work, name, e) != 0)
			return -1;
		if ((all[i] == WORK_SENT || all[i] == WORK_MOVED) &&
		    fs_unlink(s->work, note, e) != 0)
			return -1;
	}
	return 0;
}
