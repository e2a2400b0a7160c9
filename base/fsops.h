/* Every write-side file-system call of the program is made here. */
#ifndef BASE_FSOPS_H
#define BASE_FSOPS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define FS_SHA256_SIZE 32

/*
 * Files are a directory descriptor and a name; a name may have '/' only
 * where said.  All return 0 / -1 with errno's class unless said otherwise,
 * and never follow a symbolic link in the last component.
 */

/* Opens a directory (O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC); descriptor / -1. */
int fs_open_dir(int dirfd, const char *name, struct err *e);

/* mkdir; an existing directory is fine (its mode is left alone). */
int fs_mkdir(int dirfd, const char *name, mode_t mode, struct err *e);

/* Makes every directory of `path` (relative, with '/'; no "..") and returns
 * a descriptor of the last; each new entry is made durable. -1 on error. */
int fs_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e);

/* Creates a new file for writing and reading (O_EXCL); descriptor / -1. */
int fs_create(int dirfd, const char *name, mode_t mode, struct err *e);

/* Opens a file of one's own for appending and reading, creating it (then its
 * directory is synced, unless it is AT_FDCWD); descriptor / -1.  Not a
 * regular file with one link: code "not-a-file". */
int fs_open_append(int dirfd, const char *name, mode_t mode, struct err *e);

/* Listens on a SOCK_SEQPACKET socket at `name` (an old one there is removed)
 * with this mode and, unless (gid_t)-1, group; never wider on the way.
 * Non-blocking, close-on-exec descriptor / -1. */
int fs_listen(
    int dirfd, const char *name, mode_t mode, gid_t group, struct err *e);

/* Writes all bytes. */
int fs_write(int fd, struct slice data, struct err *e);

/* Writes all bytes at a position; the file's own position stays. */
int fs_pwrite(int fd, uint64_t at, struct slice data, struct err *e);

/* fsync (never tried twice on one descriptor: a failed one has lost data). */
int fs_sync(int fd, struct err *e);
/* fsync of a directory, which makes its entries durable. */
int fs_sync_dir(int dirfd, struct err *e);
/* close with its result checked; *fd becomes -1 in any case. */
int fs_close(int *fd, struct err *e);

/* A whole file: temporary name, write, fsync, close, rename over `name`,
 * fsync of the directory.  Readers see the old or the new content. */
int fs_replace(
    int dirfd, const char *name, struct slice data, mode_t mode, struct err *e);

/* Moves without overwriting: RENAME_NOREPLACE; where the file system lacks
 * it link + unlink, or a rename over an empty file or directory that was
 * made with the name just before.  An existing target: -1, errnum EEXIST,
 * class ERR_INPUT, code "exists".  Another file system: errnum EXDEV.
 * Directories are not synced here. */
int fs_move(
    int from_dir, const char *from, int to_dir, const char *to, struct err *e);

/* Gives an open or named file a further name without overwriting. */
int fs_link(
    int from_dir, const char *from, int to_dir, const char *to, struct err *e);

/* A missing entry is fine for both. */
int fs_unlink(int dirfd, const char *name, struct err *e);
int fs_rmdir(int dirfd, const char *name, struct err *e);

/* Removes a directory tree below dirfd (never crosses a symbolic link). */
int fs_remove_tree(int dirfd, const char *name, struct err *e);

/* Copies all of `from` (from its start) to `to`, hashing what was read;
 * sha256 may be NULL.  *size gets the bytes copied (may be NULL). */
int fs_copy(int from, int to, uint8_t sha256[FS_SHA256_SIZE], uint64_t *size,
    struct err *e);

/* Gives a file or directory of ours this mode and, unless (gid_t)-1, group.
 * The group is set first, since that may clear mode bits. */
int fs_share(int fd, mode_t mode, gid_t group, struct err *e);

/* Sets the time of last modification, as for a copy that stands for its
 * original. */
int fs_set_mtime(int fd, struct timespec mtime, struct err *e);

/* Asks the disk to start on a file's data; a later fs_sync is then short.
 * Nothing is promised, so nothing is returned. */
void fs_start_write(int fd);

/* SHA-256 of a whole open file, from its start, by pread. */
int fs_hash(
    int fd, uint8_t sha256[FS_SHA256_SIZE], uint64_t *size, struct err *e);

/* Reads exactly n bytes from there, by pread: 1; 0 when the file ends before;
 * -1. */
int fs_read_at(int fd, uint64_t at, void *p, size_t n, struct err *e);
/* Reads a whole file of at most `max` bytes into out. */
int fs_read_all(int fd, size_t max, struct buf *out, struct err *e);

/* An anonymous file in memory (memfd); descriptor / -1. */
int fs_memfd(const char *label, struct err *e);

/* Opens a lock file for writing, made when missing; descriptor / -1. */
int fs_open_lock(int dirfd, const char *name, mode_t mode, struct err *e);

/* Takes a write OFD lock without waiting: 1 taken, 0 held elsewhere, -1. */
int fs_lock(int fd, struct err *e);

#endif
