/*
 * Ways out of work/.  An original is in work/ or has arrived, an output has
 * its name at its place or does not; a name that is there is never used
 * again.  Everything may be repeated after a crash.
 */
#include "spool/publish.h"

#include "spool/claim.h"
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REASON ".reason.txt"
#define LOOK_MAX 100U /* names looked at for one that arrived before */

/* The deliver template. */

struct values {
	const char *batch, *drop, *path, *name;
	char date[12];
};

static const char *
value_of(const struct values *v, const char *at, size_t *len)
{
	const struct {
		const char *name, *value;
	} known[] = {{"{batch}", v->batch}, {"{drop}", v->drop},
	    {"{path}", v->path}, {"{name}", v->name}, {"{date}", v->date}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		*len = strlen(known[i].name);
		if (strncmp(at, known[i].name, *len) == 0)
			return known[i].value;
	}
	return NULL;
}

static int
expand(const char *template, const struct values *v, char out[SPOOL_PATH_MAX],
    struct err *e)
{
	bool named = strstr(template, "{path}") != NULL ||
		     strstr(template, "{name}") != NULL;
	struct buf text = {0};
	int result = -1;

	for (const char *at = template; *at != '\0';) {
		size_t len = 1;
		const char *value = *at == '{' ? value_of(v, at, &len) : NULL;

		if (value == NULL && (*at == '{' || *at == '}')) {
			err_set(
			    e, ERR_CONFIG, "deliver-template", "%s", template);
			goto out;
		}
		if (value != NULL ? buf_puts(&text, value)
				  : buf_putc(&text, (uint8_t)*at))
			goto nomem;
		at += len;
	}
	if (!named &&
	    (buf_putc(&text, '/') != 0 || buf_puts(&text, v->path) != 0))
		goto nomem;
	if (text.len >= SPOOL_PATH_MAX) {
		err_set(e, ERR_INPUT, "path-too-long", "%.100s", v->path);
		goto out;
	}
	memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	result = 0;
	goto out;
nomem:
	err_nomem(e);
out:
	buf_free(&text);
	return result;
}

/* The fixed part of an absolute template must be there: below a share that
 * is not mounted nothing is to be made. */
static int
open_fixed(const char *template, char fixed[SPOOL_PATH_MAX], struct err *e)
{
	size_t n = strcspn(template, "{");
	int fd;

	if (template[n] != '\0')
		while (n > 1 && template[n - 1] != '/')
			n--;
	while (n > 1 && template[n - 1] == '/')
		n--;
	snprintf(fixed, SPOOL_PATH_MAX, "%.*s", (int)n, template);
	fd = open(fixed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return err_errno(e, ERR_TRANSIENT_IO, "deliver-missing", "%s", fixed);
}

/* Opens the folder of `path` below `top` (whose text is `prefix`), making
 * what is missing; `place` gets its text.  Descriptor / -1. */
static int
open_place(struct spool *s, int top, const char *prefix, const char *path,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	char folder[SPOOL_PATH_MAX], real[SPOOL_PATH_MAX];
	int fd, n;

	snprintf(folder, sizeof folder, "%.*s", (int)(spool_base(path) - path),
	    path);
	fd = spool_place_dir(s, top, folder, real, e);
	if (fd < 0)
		return -1;
	n = snprintf(place, SPOOL_PATH_MAX, "%s%s%s",
	    *prefix == '\0' && *real == '\0' ? "." : prefix,
	    *prefix != '\0' && *real != '\0' ? "/" : "", real);
	if (n >= 0 && n < SPOOL_PATH_MAX)
		return fd;
	close(fd);
	return err_set(e, ERR_INPUT, "path-too-long", "%.100s", path);
}

/* Folder of the delivery, its text, and the wanted name. */
static int
open_delivery(struct spool *s, const struct spool_job *j,
    const char *output_path, char place[SPOOL_PATH_MAX],
    char name[NAME_MAX + 1], struct err *e)
{
	char path[SPOOL_PATH_MAX], fixed[SPOOL_PATH_MAX] = "";
	const char *template = j->drop->deliver, *rest = path;
	struct values v = {.batch = j->batch,
	    .drop = j->drop->name,
	    .path = output_path,
	    .name = spool_base(output_path)};
	int top = s->root, fd;

	/* The batch is named after the day it began. */
	snprintf(v.date, sizeof v.date, "%.8s", j->batch);
	if (expand(template, &v, path, e) != 0)
		return -1;
	if (*template == '/')
		top = open_fixed(template, fixed, e);
	if (top < 0)
		return -1;
	rest += strlen(fixed);
	rest += strspn(rest, "/");
	snprintf(name, NAME_MAX + 1, "%s", spool_base(rest));
	fd = open_place(s, top, fixed, rest, place, e);
	if (top != s->root)
		close(top);
	return fd;
}

static bool
has_bytes(int dir, const char *name, const uint8_t want[FS_SHA256_SIZE])
{
	uint8_t sha256[FS_SHA256_SIZE];
	bool same;
	int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	same = fs_hash(fd, sha256, NULL, NULL) == 0 &&
	       memcmp(sha256, want, sizeof sha256) == 0;
	close(fd);
	return same;
}

/* Looks for a name under which the output arrived before; out is then that
 * name, else the one by rule (it was fetched, or never was there).  Names
 * are in use without a gap, but for fetched ones: `gaps` looks beyond. */
static bool
find_arrived(int dir, const char *name, const uint8_t want[FS_SHA256_SIZE],
    bool gaps, char out[NAME_MAX + 1])
{
	for (unsigned k = 1; k < LOOK_MAX; k++) {
		spool_name(out, name, k, "");
		if (has_bytes(dir, out, want))
			return true;
		if (!gaps && !spool_exists(dir, out))
			break;
	}
	spool_name(out, name, 1, "");
	return false;
}

/* True when the output in work/ was built a second time, after a crash, and
 * the first one lies at its place: the same bytes under one of its names.  A
 * signature's Id is used once, so no other filing has these bytes. */
static bool
built_again(struct spool *s, const struct spool_job *j, int dir,
    const char *name, const uint8_t want[FS_SHA256_SIZE],
    char out[NAME_MAX + 1])
{
	char sent[NAME_MAX + 1];

	spool_work_name(sent, WORK_SENT, j->id, "");
	return !spool_exists(s->work, sent) &&
	       find_arrived(dir, name, want, false, out);
}

int
spool_publish(struct spool *s, const struct spool_job *j,
    const char *output_path, const uint8_t sha256[FS_SHA256_SIZE], bool again,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	char folder[SPOOL_PATH_MAX], name[NAME_MAX + 1], at[NAME_MAX + 1];
	struct shift m = {.id = j->id,
	    .from = WORK_OUTPUT,
	    .marker = WORK_SENT,
	    .source = "",
	    .place = folder,
	    .name = name,
	    .keep_marker = true};
	int dir, r;

	if (j->drop == NULL)
		return err_set(e, ERR_CONFIG, "drop-not-configured", "%s", "");
	dir = open_delivery(s, j, output_path, folder, name, e);
	if (dir < 0)
		return -1;
	place[0] = '\0';
	if (again && built_again(s, j, dir, name, sha256, at))
		r = spool_pend_dir(s, dir, e); /* perhaps not yet synced */
	else
		r = spool_shift(s, &m, dir, place, e);
	if (r == 0 && !again)
		r = err_set(e, ERR_BUG, "output-missing", "%s", name);
	if (r >= 0 && place[0] == '\0') {
		find_arrived(dir, name, sha256, true, at);
		snprintf(place, SPOOL_PATH_MAX, "%.*s/%s",
		    SPOOL_PATH_MAX - NAME_MAX - 2, folder, at);
	}
	close(dir);
	return r < 0 ? -1 : 0;
}

bool
spool_output_waits(struct spool *s, const struct spool_job *j)
{
	char name[NAME_MAX + 1];
	struct stat st;

	spool_work_name(name, WORK_SENT, j->id, j->source);
	if (spool_exists(s->work, name))
		return false;
	spool_work_name(name, WORK_OUTPUT, j->id, j->source);
	/* A second link: between the two halves of a move by link. */
	return fstatat(s->work, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_nlink == 1;
}

/* Originals. */

static int
open_kept(struct spool *s, const struct spool_job *j, const char *kind,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	char path[SPOOL_PATH_MAX];
	int n =
	    snprintf(path, sizeof path, "%s/%s/%s", kind, j->batch, j->path);

	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(
		    e, ERR_INPUT, "path-too-long", "%.100s", j->path);
	return open_place(s, s->root, "", path, place, e);
}

/* Where an original went that had been moved before: after a crash nothing
 * else has come behind it, so it is the last of the names in use. */
static void
last_used(int dir, const char *name, char out[NAME_MAX + 1])
{
	char next[NAME_MAX + 1];

	spool_name(out, name, 1, "");
	for (unsigned k = 2; k < SPOOL_NAMES_MAX; k++) {
		spool_name(next, name, k, "");
		if (!spool_exists(dir, next))
			return;
		memcpy(out, next, sizeof next);
	}
}

int
spool_done(struct spool *s, const struct spool_job *j,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	char folder[SPOOL_PATH_MAX], at[NAME_MAX + 1];
	struct shift m = {.id = j->id,
	    .from = WORK_ORIGINAL,
	    .marker = WORK_MOVED,
	    .source = j->source,
	    .place = folder,
	    .name = spool_base(j->path)};
	int dir = open_kept(s, j, "done", folder, e);
	int r;

	if (dir < 0)
		return -1;
	r = spool_shift(s, &m, dir, place, e);
	if (r >= 0 && place[0] == '\0') {
		last_used(dir, m.name, at);
		snprintf(place, SPOOL_PATH_MAX, "%.*s/%s",
		    SPOOL_PATH_MAX - NAME_MAX - 2, folder, at);
	}
	close(dir);
	return r < 0 ? -1 : spool_clear_work(s, j->id, e);
}

static bool
same_content(int dir, const char *name, struct slice want)
{
	struct buf have = {0};
	bool same = false;
	int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		same = fs_read_all(fd, want.len, &have, NULL) == 0 &&
		       slice_eq(buf_view(&have), want);
		close(fd);
	}
	buf_free(&have);
	return same;
}

/* Writes the reason under a name that nobody has. */
static int
write_reason(struct spool *s, int dir, const char *id, const char *name,
    struct slice reason, struct err *e)
{
	char temp[NAME_MAX + 1], head[SPOOL_ID_MAX + 24];
	int fd, result = -1;

	snprintf(head, sizeof head, "%s%s.reason", SPOOL_HIDDEN, id);
	spool_head_name(temp, head, "");
	if (fs_unlink(dir, temp, e) != 0)
		return -1;
	fd = fs_create(dir, temp, 0600, e);
	if (fd < 0)
		return -1;
	if (fs_write(fd, reason, e) != 0 || spool_share(s, fd, e) != 0 ||
	    fs_sync(fd, e) != 0 || fs_close(&fd, e) != 0)
		goto out;
	result = fs_move(dir, temp, dir, name, e);
out:
	if (fd >= 0)
		close(fd);
	if (result != 0)
		fs_unlink(dir, temp, NULL);
	return result;
}

/* Tries candidate k: 1 moved, 0 taken by somebody else, -1. */
static int
fail_as(struct spool *s, struct shift *m, int dir, struct slice reason,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	char name[NAME_MAX + 1], beside[NAME_MAX + 1];
	struct err why = {0};
	bool ours;
	int r;

	spool_name(name, m->name, m->k, "");
	spool_name(beside, m->name, m->k, REASON);
	ours = same_content(dir, beside, reason);
	if (!ours && (spool_exists(dir, name) || spool_exists(dir, beside)))
		return 0;
	if (!ours && write_reason(s, dir, m->id, beside, reason, e) != 0)
		return -1;
	r = spool_shift(s, m, dir, place, &why);
	if (r == 1)
		return 1;
	if (r < 0 && why.errnum == EEXIST)
		return fs_unlink(dir, beside, e);
	*e = why;
	return -1;
}

static bool
original_here(struct spool *s, const char *id, const char *source)
{
	char original[NAME_MAX + 1], moved[NAME_MAX + 1];

	spool_work_name(original, WORK_ORIGINAL, id, source);
	spool_work_name(moved, WORK_MOVED, id, source);
	return spool_exists(s->work, original) || spool_exists(s->work, moved);
}

int
spool_fail_into(struct spool *s, const char *id, const char *source, int dir,
    const char *folder, const char *name, struct slice reason,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	struct shift m = {.id = id,
	    .from = WORK_ORIGINAL,
	    .marker = WORK_MOVED,
	    .source = source,
	    .place = folder,
	    .name = name,
	    .k = 1};
	char at[NAME_MAX + 1];
	int r = 0;

	place[0] = '\0';
	if (original_here(s, id, source)) {
		for (; r == 0 && m.k < SPOOL_NAMES_MAX; m.k++)
			r = fail_as(s, &m, dir, reason, place, e);
		if (r == 0)
			return err_set(
			    e, ERR_INPUT, "name-too-long", "%s", name);
		if (r < 0 || spool_pend_dir(s, dir, e) != 0)
			return -1;
	}
	if (place[0] == '\0') {
		last_used(dir, name, at);
		snprintf(place, SPOOL_PATH_MAX, "%.*s/%s",
		    SPOOL_PATH_MAX - NAME_MAX - 2, folder, at);
	}
	return 0;
}

int
spool_fail(struct spool *s, const struct spool_job *j, struct slice reason,
    char place[SPOOL_PATH_MAX], struct err *e)
{
	char folder[SPOOL_PATH_MAX];
	int dir = open_kept(s, j, "failed", folder, e);
	int r;

	if (dir < 0)
		return -1;
	r = spool_fail_into(s, j->id, j->source, dir, folder,
	    spool_base(j->path), reason, place, e);
	close(dir);
	return r != 0 ? -1 : spool_clear_work(s, j->id, e);
}

/* Back into in/. */

static void
source_place(char out[SPOOL_PATH_MAX], const char *source, const char *name)
{
	snprintf(out, SPOOL_PATH_MAX, "%.*s%s",
	    (int)(spool_base(source) - source), source, name);
}

int
spool_return(struct spool *s, const struct spool_job *j,
    char path[SPOOL_PATH_MAX], struct err *e)
{
	char hidden[NAME_MAX + 1], original[NAME_MAX + 1];
	char at[NAME_MAX + 1] = "", final[SPOOL_PATH_MAX] = "";
	char folder[SPOOL_PATH_MAX];
	struct shift m = {.id = j->id,
	    .from = WORK_ORIGINAL,
	    .marker = WORK_MOVED,
	    .source = j->source,
	    .place = folder,
	    .name = spool_base(j->source)};
	int dir, result = -1;

	dir = spool_source_dir(s, j->drop, j->source, true, e);
	if (dir < 0)
		return -1;
	snprintf(folder, sizeof folder, "%s/%.*s", j->drop->path,
	    (int)(spool_base(j->source) - j->source), j->source);
	spool_hidden_name(hidden, j->id, j->source);
	spool_work_name(original, WORK_ORIGINAL, j->id, j->source);
	if (spool_exists(dir, hidden)) {
		/* What is in work/ is only its clone. */
		if (spool_unhide(dir, hidden, j->source, at, e) != 0 ||
		    fs_remove_tree(s->work, original, e) != 0 ||
		    spool_pend_dir(s, dir, e) != 0)
			goto out;
	} else if (spool_shift(s, &m, dir, final, e) < 0) {
		goto out;
	}
	if (path != NULL)
		source_place(path, j->source,
		    *at != '\0'      ? at
		    : *final != '\0' ? spool_base(final)
				     : spool_base(j->source));
	result = spool_clear_work(s, j->id, e);
out:
	close(dir);
	return result;
}

/* Opens the folder of a place below failed/, strictly. */
static int
open_failed(struct spool *s, const char *place, struct err *e)
{
	char folder[SPOOL_PATH_MAX];
	int fd;

	if (strncmp(place, "failed/", 7) != 0 ||
	    strstr(place, "/../") != NULL || strstr(place, "//") != NULL ||
	    strcmp(spool_base(place), "..") == 0)
		return err_set(e, ERR_INPUT, "bad-path", "%s", place);
	snprintf(folder, sizeof folder, "%.*s",
	    (int)(spool_base(place) - place - 1), place);
	fd = openat(s->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return err_errno(e, ERR_INPUT, "original-missing", "%s", place);
}

int
spool_retry(struct spool *s, const struct spool_job *j, const char *place,
    char path[SPOOL_PATH_MAX], struct err *e)
{
	const char *name = spool_base(place);
	char reason[NAME_MAX + 1], temp[NAME_MAX + 1], at[NAME_MAX + 1];
	struct err why = {0};
	int from = open_failed(s, place, e), to = -1, result = -1;

	if (from < 0)
		return -1;
	if (!spool_exists(from, name)) {
		err_set(e, ERR_INPUT, "original-missing", "%s", place);
		goto out;
	}
	to = spool_source_dir(s, j->drop, j->source, true, e);
	if (to < 0)
		goto out;
	if (spool_move_named(
		from, name, to, spool_base(j->source), 0, at, &why) != 0) {
		if (why.errnum != EXDEV) {
			*e = why;
			goto out;
		}
		spool_hidden_name(temp, j->id, j->source);
		if (tree_clone(from, name, to, temp, e) != 0 ||
		    spool_unhide(to, temp, j->source, at, e) != 0 ||
		    fs_sync_dir(to, e) != 0 ||
		    fs_remove_tree(from, name, e) != 0)
			goto out;
	}
	source_place(path, j->source, at);
	spool_name(reason, name, 1, REASON);
	if (fs_unlink(from, reason, e) == 0 && fs_sync_dir(to, e) == 0)
		result = 0;
out:
	if (to >= 0)
		close(to);
	close(from);
	return result;
}
