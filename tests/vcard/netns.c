/* Namespaces: only this process is moved; nothing on the machine changes. */
#include "tests/vcard/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* The same ids inside the user namespace as outside. */
static int
map_own_ids(uid_t uid, gid_t gid)
{
	char line[64];

	snprintf(line, sizeof line, "%u %u 1\n", uid, uid);
	if (write_file("/proc/self/setgroups", "deny") != 0 ||
	    write_file("/proc/self/uid_map", line) != 0)
		return -1;
	snprintf(line, sizeof line, "%u %u 1\n", gid, gid);
	return write_file("/proc/self/gid_map", line);
}

static int
loopback_up(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &r);

	if (fd >= 0)
		close(fd);
	return result;
}

static int
private_run(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=0755") != 0)
		return -1;
	if (mkdir("/run/pcscd", 0777) != 0)
		return -1;
	return chmod("/run/pcscd", 0777);
}

int
netns_enter(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNET | CLONE_NEWNS |
		    (uid == 0 ? 0 : CLONE_NEWUSER)) != 0)
		return -1;
	if (uid != 0 && map_own_ids(uid, gid) != 0)
		return -1;
	return loopback_up() != 0 ? -1 : private_run();
}

static int
same_namespace(const char *theirs, const char *ours)
{
	struct stat a, b;

	return stat(theirs, &a) == 0 && stat(ours, &b) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int
join_one(pid_t pid, const char *name, int type)
{
	char theirs[64], ours[64];
	int fd, result;

	snprintf(theirs, sizeof theirs, "/proc/%d/ns/%s", (int)pid, name);
	snprintf(ours, sizeof ours, "/proc/self/ns/%s", name);
	if (same_namespace(theirs, ours))
		return 0;
	fd = open(theirs, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = setns(fd, type);
	close(fd);
	return result;
}

int
netns_join(pid_t pid)
{
	if (join_one(pid, "user", CLONE_NEWUSER) != 0)
		return -1;
	return join_one(pid, "net", CLONE_NEWNET);
}
