/*
 * Write-side file-system calls, gathered so that durability can be read (and
 * faulted) in one place.  Nothing here overwrites a file unless its name
 * says so (fs_replace), follows a last-component link, or ignores a result.
 */
#include "base/fsops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COPY_CHUNK (256 * 1024)
#define TREE_DEPTH 64

static int
io_error(struct err *e, const char *what, const char *name)
{
	int saved = errno;

	return err_errno(
	    e, err_io_class(saved), "io-error", "%s %s", what, name);
}

int
fs_open_dir(int dirfd, const char *name, struct err *e)
{
	int fd = openat(
	    dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : io_error(e, "open directory", name);
}

int
fs_mkdir(int dirfd, const char *name, mode_t mode, struct err *e)
{
	if (mkdirat(dirfd, name, mode) == 0 || errno == EEXIST)
		return 0;
	return io_error(e, "mkdir", name);
}

/* One component: make it, and when it is new make the entry durable. */
static int
descend(int dirfd, const char *name, mode_t mode, struct err *e)
{
	if (mkdirat(dirfd, name, mode) == 0) {
		if (fs_sync_dir(dirfd, e) != 0)
			return -1;
	} else if (errno != EEXIST) {
		return io_error(e, "mkdir", name);
	}
	return fs_open_dir(dirfd, name, e);
}

int
fs_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e)
{
	char part[NAME_MAX + 1];
	int at = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);

	if (at < 0)
		return io_error(e, "dup", path);
	while (*path != '\0') {
		size_t n = strcspn(path, "/");
		int next;

		if (n == 0 || (n == 1 && path[0] == '.')) {
			path += n + (path[n] == '/');
			continue;
		}
		if (n > NAME_MAX || (n == 2 && memcmp(path, "..", 2) == 0)) {
			close(at);
			return err_set(e, ERR_INPUT, "bad-path", "%s", path);
		}
		memcpy(part, path, n);
		part[n] = '\0';
		next = descend(at, part, mode, e);
		close(at);
		if (next < 0)
			return -1;
		at = next;
		path += n + (path[n] == '/');
	}
	return at;
}

int
fs_create(int dirfd, const char *name, mode_t mode, struct err *e)
{
	int fd = openat(dirfd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd >= 0 ? fd : io_error(e, "create", name);
}

int
fs_open_append(int dirfd, const char *name, mode_t mode, struct err *e)
{
	const int flags =
	    O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == ENOENT) {
		fd = openat(dirfd, name, flags | O_CREAT, mode);
		if (fd >= 0 && dirfd != AT_FDCWD &&
		    fs_sync_dir(dirfd, e) != 0) {
			close(fd);
			return -1;
		}
	}
	if (fd < 0)
		return io_error(e, "open", name);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		close(fd);
		return err_set(e, ERR_CONFIG, "not-a-file", "%s", name);
	}
	return fd;
}

/* A socket is bound by path only; /proc/self/fd makes a directory and a name
 * of it, which also lets the folder's path be of any length. */
static int
bind_at(int fd, int dirfd, const char *name, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int n = snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s",
	    dirfd, name);
	mode_t old;
	int r;

	if (n < 0 || (size_t)n >= sizeof at.sun_path)
		return err_set(e, ERR_CONFIG, "name-too-long", "%s", name);
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&at, sizeof at);
	umask(old);
	return r == 0 ? 0 : io_error(e, "bind", name);
}

int
fs_listen(int dirfd, const char *name, mode_t mode, gid_t group, struct err *e)
{
	int fd;

	if (fs_unlink(dirfd, name, e) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return io_error(e, "socket", name);
	if (bind_at(fd, dirfd, name, e) != 0)
		goto fail;
	if (group != (gid_t)-1 &&
	    fchownat(dirfd, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) != 0) {
		io_error(e, "chgrp", name);
		goto fail;
	}
	if (fchmodat(dirfd, name, mode, 0) != 0) {
		io_error(e, "chmod", name);
		goto fail;
	}
	if (listen(fd, 16) == 0)
		return fd;
	io_error(e, "listen", name);
fail:
	close(fd);
	return -1;
}

int
fs_write(int fd, struct slice data, struct err *e)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.p, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return io_error(e, "write", "");
		data.p += n;
		data.len -= (size_t)n;
	}
	return 0;
}

int
fs_pwrite(int fd, uint64_t at, struct slice data, struct err *e)
{
	while (data.len > 0) {
		ssize_t n = pwrite(fd, data.p, data.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return io_error(e, "write", "");
		data.p += n;
		data.len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int
fs_sync(int fd, struct err *e)
{
	return fsync(fd) == 0 ? 0 : io_error(e, "fsync", "");
}

int
fs_sync_dir(int dirfd, struct err *e)
{
	if (fsync(dirfd) == 0)
		return 0;
	/* Some network file systems cannot sync a directory; they make its
	 * entries durable themselves. */
	if (errno == EINVAL || errno == EOPNOTSUPP)
		return 0;
	return io_error(e, "fsync directory", "");
}

int
fs_close(int *fd, struct err *e)
{
	int r = *fd < 0 ? 0 : close(*fd);

	*fd = -1;
	return r == 0 || errno == EINTR ? 0 : io_error(e, "close", "");
}

int
fs_replace(
    int dirfd, const char *name, struct slice data, mode_t mode, struct err *e)
{
	char tmp[NAME_MAX + 1];
	int fd, n, result = -1;

	n = snprintf(tmp, sizeof tmp, ".%s.new", name);
	if (n < 0 || (size_t)n >= sizeof tmp)
		return err_set(e, ERR_INPUT, "name-too-long", "%s", name);
	if (fs_unlink(dirfd, tmp, e) != 0)
		return -1;
	fd = fs_create(dirfd, tmp, mode, e);
	if (fd < 0)
		return -1;
	if (fs_write(fd, data, e) != 0 || fs_sync(fd, e) != 0)
		goto out;
	if (fs_close(&fd, e) != 0)
		goto out;
	if (renameat(dirfd, tmp, dirfd, name) != 0) {
		io_error(e, "rename", name);
		goto out;
	}
	result = fs_sync_dir(dirfd, e);
out:
	if (fd >= 0)
		close(fd);
	if (result != 0)
		unlinkat(dirfd, tmp, 0);
	return result;
}

static int
exists_or_io(struct err *e, const char *what, const char *name)
{
	if (errno == EEXIST)
		return err_errno(e, ERR_INPUT, "exists", "%s", name);
	return io_error(e, what, name);
}

int
fs_link(
    int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	if (linkat(from_dir, from, to_dir, to, 0) == 0)
		return 0;
	return exists_or_io(e, "link", to);
}

static bool
not_supported(void)
{
	return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
}

/* Where there is neither NOREPLACE nor a link (some network shares): takes
 * the name first, by making an empty entry of the same kind, then renames
 * over that.  Nothing of anybody else's can be overwritten. */
static int
move_over_own(
    int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	struct stat st;
	bool dir;
	int fd;

	if (fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return io_error(e, "stat", from);
	dir = S_ISDIR(st.st_mode);
	if (dir && mkdirat(to_dir, to, 0700) != 0)
		return exists_or_io(e, "mkdir", to);
	if (!dir) {
		fd = openat(to_dir, to,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return exists_or_io(e, "create", to);
		close(fd);
	}
	if (renameat(from_dir, from, to_dir, to) == 0)
		return 0;
	io_error(e, "rename", to);
	unlinkat(to_dir, to, dir ? AT_REMOVEDIR : 0);
	return -1;
}

int
fs_move(
    int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (!not_supported())
		return exists_or_io(e, "rename", to);
	if (linkat(from_dir, from, to_dir, to, 0) == 0)
		return fs_unlink(from_dir, from, e);
	/* EPERM is also what link says of a directory. */
	if (not_supported() || errno == EPERM || errno == EMLINK)
		return move_over_own(from_dir, from, to_dir, to, e);
	return exists_or_io(e, "link", to);
}

int
fs_unlink(int dirfd, const char *name, struct err *e)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	return io_error(e, "unlink", name);
}

int
fs_rmdir(int dirfd, const char *name, struct err *e)
{
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return io_error(e, "rmdir", name);
}

static int
remove_tree(int dirfd, const char *name, int depth, struct err *e)
{
	struct dirent *entry;
	DIR *dir;
	int fd, result = -1;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return io_error(e, "unlink", name);
	if (depth == 0)
		return err_set(e, ERR_INPUT, "too-deep", "%s", name);
	fd = fs_open_dir(dirfd, name, e);
	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (dir == NULL) {
		io_error(e, "fdopendir", name);
		close(fd);
		return -1;
	}
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (remove_tree(fd, entry->d_name, depth - 1, e) != 0)
			goto out;
	}
	result = errno == 0 ? 0 : io_error(e, "readdir", name);
out:
	closedir(dir);
	return result == 0 ? fs_rmdir(dirfd, name, e) : -1;
}

int
fs_remove_tree(int dirfd, const char *name, struct err *e)
{
	return remove_tree(dirfd, name, TREE_DEPTH, e);
}

/* Feeds every byte of fd, by pread from 0, to the digest and to `to`. */
static int
pump(int fd, int to, EVP_MD_CTX *md, uint64_t *size, struct err *e)
{
	static uint8_t chunk[COPY_CHUNK];
	uint64_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_error(e, "read", "");
		if (n == 0)
			break;
		if (EVP_DigestUpdate(md, chunk, (size_t)n) != 1)
			return err_nomem(e);
		if (to >= 0 && fs_write(to, slice_of(chunk, (size_t)n), e) != 0)
			return -1;
		at += (uint64_t)n;
	}
	if (size != NULL)
		*size = at;
	return 0;
}

static int
pump_hashed(int fd, int to, uint8_t sha256[FS_SHA256_SIZE], uint64_t *size,
    struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int result = -1;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
		err_nomem(e);
		goto out;
	}
	if (pump(fd, to, md, size, e) != 0)
		goto out;
	if (sha256 != NULL && EVP_DigestFinal_ex(md, sha256, NULL) != 1) {
		err_nomem(e);
		goto out;
	}
	result = 0;
out:
	EVP_MD_CTX_free(md);
	return result;
}

int
fs_copy(int from, int to, uint8_t sha256[FS_SHA256_SIZE], uint64_t *size,
    struct err *e)
{
	return pump_hashed(from, to, sha256, size, e);
}

int
fs_share(int fd, mode_t mode, gid_t group, struct err *e)
{
	if (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) != 0)
		return io_error(e, "chgrp", "");
	return fchmod(fd, mode) == 0 ? 0 : io_error(e, "chmod", "");
}

int
fs_set_mtime(int fd, struct timespec mtime, struct err *e)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};

	return futimens(fd, times) == 0 ? 0 : io_error(e, "utime", "");
}

void
fs_start_write(int fd)
{
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int
fs_hash(int fd, uint8_t sha256[FS_SHA256_SIZE], uint64_t *size, struct err *e)
{
	return pump_hashed(fd, -1, sha256, size, e);
}

int
fs_read_all(int fd, size_t max, struct buf *out, struct err *e)
{
	uint8_t chunk[16384];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof chunk, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_error(e, "read", "");
		if (n == 0)
			return 0;
		if ((size_t)n > max - out->len || out->len > max)
			return err_set(e, ERR_INPUT, "file-too-large",
			    "more than %zu bytes", max);
		if (buf_append(out, chunk, (size_t)n) != 0)
			return err_nomem(e);
		at += n;
	}
}

int
fs_read_at(int fd, uint64_t at, void *p, size_t n, struct err *e)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t r = pread(fd, to, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return io_error(e, "read", "");
		if (r == 0)
			return 0;
		to += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return 1;
}

int
fs_memfd(const char *label, struct err *e)
{
	int fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd >= 0 ? fd : io_error(e, "memfd", label);
}

int
fs_open_lock(int dirfd, const char *name, mode_t mode, struct err *e)
{
	int fd = openat(
	    dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd >= 0 ? fd : io_error(e, "open", name);
}

int
fs_lock(int fd, struct err *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	return io_error(e, "lock", "");
}
