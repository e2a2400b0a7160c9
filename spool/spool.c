/*
 * The spool's folders.  work and state are ours alone (0700); what others
 * share gets the configured group and mode when it is made and is left alone
 * afterwards.  Durability is gathered here: everything since the last
 * spool_sync, each folder once.
 */
#include "spool/spool.h"

#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_BYTES (64ULL << 20)
#define RESERVE_FILES 64
#define COPIES 3 /* private copy, output, and something to breathe */
#define PENDING_MAX 256

mode_t
spool_file_mode(const struct spool *s)
{
	return 0666 & ~s->conf->umask;
}

static mode_t
dir_mode(const struct spool *s)
{
	mode_t mode = 0777 & ~s->conf->umask;

	return s->group == (gid_t)-1 ? mode : mode | S_ISGID;
}

int
spool_share(const struct spool *s, int fd, struct err *e)
{
	return fs_share(fd, spool_file_mode(s), s->group, e);
}

static int
find_group(struct spool *s, struct err *e)
{
	const char *name = s->conf->group;
	struct group *g;

	s->group = (gid_t)-1;
	if (name == NULL || *name == '\0')
		return 0;
	errno = 0;
	g = getgrnam(name);
	if (g == NULL)
		return err_set(e, ERR_CONFIG, "spool-group", "%s", name);
	s->group = g->gr_gid;
	return 0;
}

/* Makes one folder that others may share; its descriptor. */
static int
make_shared(struct spool *s, int dir, const char *name, struct err *e)
{
	struct err why = {0};
	int fd;

	if (fs_mkdir(dir, name, 0700, e) != 0)
		return -1;
	fd = fs_open_dir(dir, name, e);
	if (fd < 0)
		return -1;
	/* A share that knows no groups is its owner's business. */
	if (fs_share(fd, dir_mode(s), s->group, &why) != 0 &&
	    why.errnum != EPERM && why.errnum != EOPNOTSUPP &&
	    why.errnum != EINVAL) {
		*e = why;
		goto fail;
	}
	if (fs_sync_dir(dir, e) != 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

/* Opens or makes one component; a file of that name makes it "x (2)".  A
 * link is followed in the spool's root only, where the administrator may
 * have put it (out or done on another disk). */
static int
place_component(struct spool *s, int dir, bool top, const char *want,
    char *real, struct err *e)
{
	const int follow = top ? 0 : O_NOFOLLOW;

	for (unsigned k = 1; k < SPOOL_NAMES_MAX; k++) {
		int fd;

		spool_name(real, want, k, "");
		fd = openat(
		    dir, real, O_RDONLY | O_DIRECTORY | follow | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno == ENOENT && !spool_exists(dir, real))
			return make_shared(s, dir, real, e);
		if (errno != ENOTDIR && errno != ELOOP && errno != ENOENT)
			return fs_open_dir(dir, real, e);
	}
	return err_set(e, ERR_INPUT, "name-too-long", "%s", want);
}

int
spool_place_dir(
    struct spool *s, int dir, const char *path, char *real, struct err *e)
{
	char want[NAME_MAX + 1] = "", got[NAME_MAX + 1];
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	bool top = dir == s->root;
	size_t used = 0;

	if (at < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "dup %s", path);
	for (; *path != '\0'; path += strspn(path, "/")) {
		size_t n = strcspn(path, "/");
		int next;

		if (n == 0 || n > NAME_MAX || strncmp(path, "../", 3) == 0 ||
		    strcmp(path, "..") == 0) {
			close(at);
			return err_set(e, ERR_INPUT, "bad-path", "%s", path);
		}
		memcpy(want, path, n);
		want[n] = '\0';
		next = place_component(s, at, top, want, got, e);
		top = false;
		close(at);
		if (next < 0)
			return -1;
		at = next;
		path += n;
		if (real != NULL)
			used += (size_t)snprintf(real + used,
			    used < SPOOL_PATH_MAX ? SPOOL_PATH_MAX - used : 0,
			    "%s%s", used == 0 ? "" : "/", got);
	}
	if (real != NULL && used == 0)
		real[0] = '\0';
	if (used < SPOOL_PATH_MAX)
		return at;
	close(at);
	return err_set(e, ERR_INPUT, "name-too-long", "%s", want);
}

/* Shared top folder: what exists is left as it is. */
static int
open_shared(struct spool *s, const char *path, int *fd, struct err *e)
{
	*fd = spool_place_dir(s, s->root, path, NULL, e);
	if (*fd < 0)
		return err_push(e, "spool folder %s", path);
	if (faccessat(*fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return err_errno(e, ERR_CONFIG, "spool-rights", "%s", path);
}

/* A folder of our own. */
static int
open_private(struct spool *s, const char *name, int *fd, struct err *e)
{
	struct err why = {0};
	struct stat st;

	if (fs_mkdir(s->root, name, 0700, e) != 0)
		return -1;
	*fd = fs_open_dir(s->root, name, e);
	if (*fd < 0)
		return -1;
	if (fstat(*fd, &st) != 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "stat %s", name);
	if ((st.st_mode & 07777) != 0700 &&
	    fs_share(*fd, 0700, (gid_t)-1, &why) != 0)
		return err_errno(e, ERR_CONFIG, "spool-rights", "%s", name);
	if (faccessat(*fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		return err_errno(e, ERR_CONFIG, "spool-rights", "%s", name);
	return 0;
}

static int
open_folders(struct spool *s, struct err *e)
{
	static const char *const shared[] = {
	    "out", "failed", "done", "reports"};
	int fd;

	if (open_private(s, "work", &s->work, e) != 0 ||
	    open_private(s, "state", &s->state, e) != 0)
		return -1;
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
		int r = open_shared(s, shared[i], &fd, e);

		if (fd >= 0)
			close(fd);
		if (r != 0)
			return -1;
	}
	if (open_shared(s, "in", &s->in, e) != 0)
		return -1;
	for (size_t i = 0; i < s->conf->drop_count; i++) {
		const struct conf_drop *d = &s->conf->drops[i];

		/* A link to a share that is not there now is left alone. */
		if (spool_exists(s->root, d->path))
			continue;
		fd = spool_place_dir(s, s->root, d->path, NULL, e);
		if (fd < 0)
			return err_push(e, "drop folder %s", d->name);
		close(fd);
	}
	return fs_sync_dir(s->root, e);
}

struct spool *
spool_open(const struct conf *conf, struct err *e)
{
	struct spool *s = calloc(1, sizeof *s);

	if (s == NULL) {
		err_nomem(e);
		return NULL;
	}
	s->conf = conf;
	s->root = s->work = s->state = s->in = s->watch = -1;
	s->memory = calloc(
	    conf->drop_count == 0 ? 1 : conf->drop_count, sizeof(void *));
	if (s->memory == NULL) {
		err_nomem(e);
		goto fail;
	}
	/* The administrator may well name the root through a link. */
	s->root = open(conf->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0) {
		err_errno(e, ERR_CONFIG, "spool-missing", "%s", conf->root);
		goto fail;
	}
	if (find_group(s, e) != 0 || open_folders(s, e) != 0)
		goto fail;
	return s;
fail:
	spool_close(s);
	return NULL;
}

static void
close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void
drop_pending(struct spool *s)
{
	close_all(s->pending.fds, s->pending.count);
	close_all(s->pending.dirs, s->pending.dir_count);
	s->pending.count = s->pending.dir_count = 0;
}

void
spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	drop_pending(s);
	free(s->pending.fds);
	free(s->pending.dirs);
	for (size_t i = 0; i < s->leftover_count; i++)
		close(s->leftovers[i].dir);
	free(s->leftovers);
	for (size_t i = 0; s->memory != NULL && i < s->conf->drop_count; i++)
		drop_memory_free(s->memory[i]);
	free(s->memory);
	{
		const int own[] = {s->root, s->work, s->state, s->in, s->watch};

		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			if (own[i] >= 0)
				close(own[i]);
	}
	free(s);
}

int
spool_state_dir(const struct spool *s)
{
	return s->state;
}

int
spool_reports_dir(struct spool *s, const char *batch, struct err *e)
{
	char path[SPOOL_PATH_MAX];

	snprintf(path, sizeof path, "reports/%s", batch == NULL ? "" : batch);
	return spool_place_dir(s, s->root, path, NULL, e);
}

int
spool_drop_dir(struct spool *s, const struct conf_drop *d, struct err *e)
{
	int fd = -1, flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	/* The folder itself may be a link or a mount; that is the
	 * administrator's, not what lies in it. */
	if (d != NULL)
		fd = openat(s->root, d->path, flags);
	if (fd >= 0)
		return fd;
	return err_errno(e, ERR_TRANSIENT_IO, "drop-unreadable", "%s",
	    d == NULL ? "" : d->path);
}

int
spool_space(const struct spool *s, uint64_t bytes, struct err *e)
{
	struct statvfs v;
	uint64_t free_bytes, reserve;

	if (fstatvfs(s->work, &v) != 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "statvfs work");
	free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	reserve = (uint64_t)v.f_blocks * v.f_frsize / 20;
	if (reserve > RESERVE_BYTES)
		reserve = RESERVE_BYTES;
	if (bytes > (UINT64_MAX - reserve) / COPIES ||
	    free_bytes < bytes * COPIES + reserve)
		return err_set(e, ERR_TRANSIENT_IO, "disk-low", "%llu MB free",
		    (unsigned long long)(free_bytes >> 20));
	if (v.f_files != 0 && v.f_favail < RESERVE_FILES)
		return err_set(e, ERR_TRANSIENT_IO, "disk-low",
		    "%llu files free", (unsigned long long)v.f_favail);
	return 0;
}

bool
spool_exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *
spool_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

void
spool_work_name(char out[NAME_MAX + 1], enum work_name which, const char *id,
    const char *source)
{
	static const char *const ends[] = {
	    [WORK_ORIGINAL] = "=",
	    [WORK_INPUT] = ".input",
	    [WORK_OUTPUT] = ".output",
	    [WORK_SENT] = ".sent",
	    [WORK_MOVED] = ".moved",
	    [WORK_PART] = ".part",
	};
	char head[SPOOL_ID_MAX + 16];

	snprintf(head, sizeof head, "%s%s", id, ends[which]);
	spool_head_name(
	    out, head, which == WORK_ORIGINAL ? spool_base(source) : "");
}

/* Pending work for spool_sync. */

int
spool_pend_file(struct spool *s, int fd, struct err *e)
{
	struct pending *p = &s->pending;

	fs_start_write(fd);
	/* Descriptors are not endless: sync what there is now. */
	if (p->count >= PENDING_MAX && spool_sync(s, false, e) != 0)
		goto fail;
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 64 : p->room * 2;
		int *fds = reallocarray(p->fds, room, sizeof *fds);

		if (fds == NULL) {
			err_nomem(e);
			goto fail;
		}
		p->fds = fds;
		p->room = room;
	}
	p->fds[p->count++] = fd;
	return 0;
fail:
	close(fd);
	return -1;
}

static bool
same_dir(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int
spool_pend_dir(struct spool *s, int dir, struct err *e)
{
	struct pending *p = &s->pending;
	int fd;

	for (size_t i = p->dir_count; i-- > 0;)
		if (same_dir(p->dirs[i], dir))
			return 0;
	if (p->dir_count == p->dir_room) {
		size_t room = p->dir_room == 0 ? 16 : p->dir_room * 2;
		int *dirs = reallocarray(p->dirs, room, sizeof *dirs);

		if (dirs == NULL)
			return err_nomem(e);
		p->dirs = dirs;
		p->dir_room = room;
	}
	fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(
		    e, err_io_class(errno), "io-error", "dup directory");
	p->dirs[p->dir_count++] = fd;
	return 0;
}

void
spool_set_between(struct spool *s, void (*between)(void *ctx), void *ctx)
{
	s->between = between;
	s->between_ctx = ctx;
}

static void
breathe(struct spool *s)
{
	if (s->between != NULL)
		s->between(s->between_ctx);
}

int
spool_sync(struct spool *s, bool dirs_only, struct err *e)
{
	struct pending *p = &s->pending;
	int result = 0;

	for (size_t i = 0; i < p->count && !dirs_only && result == 0; i++) {
		result = fs_sync(p->fds[i], e);
		breathe(s);
	}
	for (size_t i = 0; i < p->dir_count && result == 0; i++) {
		result = fs_sync_dir(p->dirs[i], e);
		breathe(s);
	}
	/* Also after a failure: a failed fsync is not tried again. */
	drop_pending(s);
	return result;
}
