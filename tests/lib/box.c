/*
 * A spool of its own for each case: settings without a file, clocks that are
 * moved instead of waited for, and looks at the disk that trust no function
 * under test.
 */
#include "tests/lib/box.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fsops.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t
box_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
box_later(struct box *b, int64_t ms)
{
	b->ahead_ms += ms;
	clock_freeze(box_now() + b->ahead_ms, 1000000 + b->ahead_ms);
}

static void
box_settings(struct box *b, enum conf_format format)
{
	b->conf.root = b->path;
	b->conf.settle_ms = 3000;
	b->conf.settle_network_ms = 10000;
	b->conf.incomplete_after_ms = 600000;
	b->conf.umask = 0027;
	b->conf.drops = b->drop;
	b->conf.drop_count = 1;
	b->drop[0].name = (char *)(uintptr_t) "kokuzei";
	b->drop[0].path = (char *)(uintptr_t)IN;
	b->drop[0].format = format;
	b->drop[0].deliver = (char *)(uintptr_t) "out/{batch}/{path}";
}

void
box_open(struct box *b, enum conf_format format)
{
	static int n;
	struct err e = {0};

	memset(b, 0, sizeof *b);
	snprintf(b->path, sizeof b->path, "%s/box%d", suite_dir_path(), n++);
	CHECK_OK(fs_mkdir(AT_FDCWD, b->path, 0700, &e), &e);
	b->root = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box_settings(b, format);
	b->spool = spool_open(&b->conf, &e);
	CHECK_OK(b->spool == NULL ? -1 : 0, &e);
	box_later(b, 0);
}

void
box_close(struct box *b)
{
	spool_close(b->spool);
	close(b->root);
	clock_freeze(-1, 0);
}

void
box_write(struct box *b, const char *path, const char *text)
{
	char folder[1200];
	int fd;

	for (const char *c = path; (c = strchr(c, '/')) != NULL; c++) {
		snprintf(folder, sizeof folder, "%.*s", (int)(c - path), path);
		mkdirat(b->root, folder, 0755);
	}
	fd = openat(
	    b->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CU_ASSERT(fd >= 0);
	CU_ASSERT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

bool
box_has(struct box *b, const char *path)
{
	struct stat st;

	return fstatat(b->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
box_holds(struct box *b, const char *path, const char *text)
{
	struct buf have = {0};
	int fd = openat(b->root, path, O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && fs_read_all(fd, 1 << 20, &have, NULL) == 0 &&
		    slice_eq_str(buf_view(&have), text);

	if (fd >= 0)
		close(fd);
	buf_free(&have);
	return same;
}

int
box_count_in(int dir, int depth)
{
	int n = 0, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (stream != NULL && (d = readdir(stream)) != NULL) {
		struct stat st;
		int sub;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(stream), d->d_name, &st,
			AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			n++;
			continue;
		}
		sub = openat(dirfd(stream), d->d_name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub >= 0 && depth > 0)
			n += box_count_in(sub, depth - 1);
		if (sub >= 0)
			close(sub);
	}
	if (stream != NULL)
		closedir(stream);
	return n;
}

int
box_count(struct box *b, const char *path)
{
	int fd = openat(b->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = fd < 0 ? -1 : box_count_in(fd, 40);

	if (fd >= 0)
		close(fd);
	return n;
}

struct spool_scan
box_scan(struct box *b)
{
	struct spool_scan scan;
	struct err e = {0};

	CHECK_OK(spool_scan(b->spool, &b->drop[0], &scan, &e), &e);
	return scan;
}

int
box_find(const struct spool_scan *scan, const char *path)
{
	for (size_t i = 0; i < scan->found_count; i++)
		if (strcmp(scan->found[i].path, path) == 0)
			return (int)i;
	return -1;
}

const struct spool_problem *
box_problem(const struct spool_scan *scan, const char *path)
{
	for (size_t i = 0; i < scan->problem_count; i++)
		if (strcmp(scan->problems[i].path, path) == 0)
			return &scan->problems[i];
	return NULL;
}
