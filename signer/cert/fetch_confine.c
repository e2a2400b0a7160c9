/*
 * The fetcher's box.  libcurl and the name service are not ours to
 * enumerate, so seccomp has a list of what is forbidden: programs, processes,
 * writing to any file by name, sockets that are not the network's.  Landlock,
 * where the kernel has it, leaves of the file system only what the name
 * service and TLS read; a PIN file of the same user is not among that.
 */
#include "signer/cert/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_MAX (UINT64_C(1) << 30)
#define CPU_MAX_S 120
#define FILES_MAX 128

static const int forbidden[] = {SCMP_SYS(execve), SCMP_SYS(execveat),
    SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(kill),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    SCMP_SYS(perf_event_open), SCMP_SYS(bpf), SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl), SCMP_SYS(add_key),
    SCMP_SYS(request_key), SCMP_SYS(mount), SCMP_SYS(umount2),
    SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns),
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(openat2), SCMP_SYS(creat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(rmdir), SCMP_SYS(link), SCMP_SYS(linkat),
    SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(truncate), SCMP_SYS(chmod),
    SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(lchown), SCMP_SYS(fchownat),
    SCMP_SYS(bind), SCMP_SYS(listen)};

static int
deny(scmp_filter_ctx f, int call)
{
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), call, 0);

	/* EDOM: a call this architecture does not have. */
	return rc == -EDOM ? 0 : rc;
}

static int
deny_if(scmp_filter_ctx f, int call, unsigned arg, uint64_t mask, uint64_t is)
{
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), call, 1,
	    SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, is));

	return rc == -EDOM ? 0 : rc;
}

/* Files are opened for reading only. */
static int
deny_writing(scmp_filter_ctx f, int call, unsigned flags)
{
	int rc = deny_if(f, call, flags, O_CREAT, O_CREAT); /* SCMP_ only */

	for (uint64_t mode = 1; mode <= O_ACCMODE && rc == 0; mode++)
		rc = deny_if(f, call, flags, O_ACCMODE, mode);
	return rc;
}

/* The Internet, and asking the kernel for addresses; no local socket: behind
 * one of those listens a keyholder. */
static int
deny_sockets(scmp_filter_ctx f)
{
	int rc = 0;

	for (int family = 0; family < AF_MAX && rc == 0; family++)
		if (family != AF_INET && family != AF_INET6 &&
		    family != AF_NETLINK)
			rc = deny_if(f, SCMP_SYS(socket), 0, UINT32_MAX,
			    (uint64_t)family);
	return rc;
}

/* The name service may have a thread, nobody a process. */
static int
deny_processes(scmp_filter_ctx f)
{
	int rc = deny_if(f, SCMP_SYS(clone), 0, CLONE_THREAD, 0);

	/* Its flags cannot be seen; the C library then uses clone. */
	if (rc == 0)
		rc = seccomp_rule_add(
		    f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

static int
load_filter(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int rc = f == NULL ? -ENOMEM : 0;

	for (size_t i = 0; rc == 0 && i < sizeof forbidden / sizeof(int); i++)
		rc = deny(f, forbidden[i]);
	if (rc == 0)
		rc = deny_writing(f, SCMP_SYS(open), 1);
	if (rc == 0)
		rc = deny_writing(f, SCMP_SYS(openat), 2);
	if (rc == 0)
		rc = deny_sockets(f);
	if (rc == 0)
		rc = deny_processes(f);
	if (rc == 0)
		rc = seccomp_load(f);
	if (f != NULL)
		seccomp_release(f);
	errno = -rc;
	return rc == 0
		   ? 0
		   : err_errno(e, ERR_CONFIG, "sandbox-unavailable", "seccomp");
}

/* Adds one readable file or folder; one that is not there is none. */
static int
may_read(int rules, const char *path)
{
	struct landlock_path_beneath_attr a = {
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
			      LANDLOCK_ACCESS_FS_READ_DIR |
			      LANDLOCK_ACCESS_FS_EXECUTE,
	    .parent_fd = open(path, O_PATH | O_CLOEXEC)};
	long rc;

	if (a.parent_fd < 0)
		return 0;
	rc = syscall(
	    SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	if (rc != 0 && errno == EINVAL) { /* a file: not a folder's rights */
		a.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
		rc = syscall(SYS_landlock_add_rule, rules,
		    LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	}
	close(a.parent_fd);
	return (int)rc;
}

/* 0 also where the kernel has no Landlock. */
static int
enter_landlock(struct err *e)
{
	static const char *const readable[] = {"/etc/ssl", "/etc/pki",
	    "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
	    "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	    "/etc/services", "/etc/protocols", "/etc/ldap", "/etc/ld.so.cache",
	    "/usr", "/lib", "/lib64", "/dev/urandom", "/run/systemd/resolve"};
	struct landlock_ruleset_attr all = {
	    /* every right of the first version of Landlock */
	    .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	int rules =
	    (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	int rc = 0;

	if (rules < 0)
		return 0;
	for (size_t i = 0; i < sizeof readable / sizeof *readable && rc == 0;
	     i++)
		rc = may_read(rules, readable[i]);
	if (rc == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	if (rc != 0)
		err_errno(e, ERR_CONFIG, "sandbox-unavailable", "Landlock");
	close(rules);
	return rc == 0 ? 0 : -1;
}

static int
limit(__rlimit_resource_t what, uint64_t value)
{
	struct rlimit r = {value, value}, now;

	if (getrlimit(what, &now) == 0 && now.rlim_max < r.rlim_max)
		r.rlim_cur = r.rlim_max = now.rlim_max;
	return setrlimit(what, &r);
}

static int
set_limits(int64_t max)
{
	int rc = limit(RLIMIT_CORE, 0);

	rc |= limit(RLIMIT_NOFILE, FILES_MAX);
	rc |= limit(RLIMIT_FSIZE, (uint64_t)max);
	rc |= limit(RLIMIT_CPU, CPU_MAX_S);
#ifndef NATSUIN_SANITIZED
	rc |= limit(RLIMIT_AS, MEMORY_MAX + (uint64_t)max);
#endif
	return rc;
}

int
fetch_confine(int64_t max, struct err *e)
{
	if (set_limits(max) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(
		    e, ERR_CONFIG, "sandbox-unavailable", "process setup");
	if (enter_landlock(e) != 0)
		return -1;
	return load_filter(e);
}
