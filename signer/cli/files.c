/*
 * Files and folders named by an operator.  Links are followed here, because
 * a person typed the name; inside a folder they are not.
 */
#include "signer/cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 4
#define MEMBERS_MAX 4000

static int
read_error(struct err *e, const char *name)
{
	return err_errno(e, ERR_INPUT, "file-unreadable", "%s", name);
}

/* Takes over `fd` and `name` (malloc'd), whatever happens. */
static int
add_member(struct cli_drop *d, char *name, int fd, struct err *e)
{
	struct stat st;
	struct member *m =
	    reallocarray(d->drop.members, d->drop.count + 1, sizeof *m);
	char **names = reallocarray(d->names, d->drop.count + 1, sizeof *names);

	if (m != NULL)
		d->drop.members = m;
	if (names != NULL)
		d->names = names;
	if (m == NULL || names == NULL || name == NULL ||
	    d->drop.count >= MEMBERS_MAX || fstat(fd, &st) != 0) {
		close(fd);
		free(name);
		return err_nomem(e);
	}
	d->names[d->drop.count] = name;
	m[d->drop.count++] = (struct member){name, fd, (uint64_t)st.st_size};
	return 0;
}

static int add_folder(
    struct cli_drop *d, int dir, const char *prefix, int depth, struct err *e);

static int
add_entry(struct cli_drop *d, int dir, const char *prefix, const char *entry,
    int depth, struct err *e)
{
	struct stat st;
	char *name = NULL;
	int fd =
	    openat(dir, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int result;

	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return read_error(e, entry);
	}
	if (asprintf(
		&name, "%s%s%s", prefix, *prefix == '\0' ? "" : "/", entry) < 0)
		name = NULL;
	if (S_ISREG(st.st_mode))
		return add_member(d, name, fd, e);
	if (!S_ISDIR(st.st_mode) || depth == 0 || name == NULL) {
		close(fd);
		free(name);
		return err_set(e, ERR_INPUT, "not-regular", "%s", entry);
	}
	result = add_folder(d, fd, name, depth - 1, e);
	free(name);
	return result;
}

/* Takes over `dir`. */
static int
add_folder(
    struct cli_drop *d, int dir, const char *prefix, int depth, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandirat(dir, ".", &list, NULL, alphasort), result = 0;

	if (n < 0)
		result = read_error(e, prefix);
	for (int i = 0; i < n; i++) {
		if (result == 0 && list[i]->d_name[0] != '.')
			result = add_entry(
			    d, dir, prefix, list[i]->d_name, depth, e);
		free(list[i]);
	}
	free(list);
	close(dir);
	return result;
}

static const char *
last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

int
cli_drop_open(struct cli_drop *d, const char *path, struct err *e)
{
	struct stat st;
	int fd;

	memset(d, 0, sizeof *d);
	d->drop.name = last_component(path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return read_error(e, path);
	}
	d->drop.folder = S_ISDIR(st.st_mode);
	if (d->drop.folder)
		return add_folder(d, fd, "", DEPTH_MAX, e);
	return add_member(d, strdup(d->drop.name), fd, e);
}

void
cli_drop_close(struct cli_drop *d)
{
	for (size_t i = 0; i < d->drop.count; i++) {
		close(d->drop.members[i].fd);
		free(d->names[i]);
	}
	free(d->drop.members);
	free(d->names);
	memset(d, 0, sizeof *d);
}
