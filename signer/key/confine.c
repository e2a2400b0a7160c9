/*
 * seccomp for the key's processes.  The keyholder has a list of what is
 * forbidden, because PC/SC and OpenSSL are not ours to enumerate; the audit
 * writer has a list of what is allowed.  A forbidden call fails with EPERM.
 * Never loosens anything.
 */
#include "signer/key/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static const int forbidden[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(open_by_handle_at),
};

static const int writers[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(fsync),
    SCMP_SYS(sendto),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
};

static int
failed(int code, struct err *e)
{
	errno = -code;
	return err_errno(e, ERR_CONFIG, "sandbox-unavailable", "%s", "seccomp");
}

/* Only local sockets; all other families are refused. */
static int
local_sockets_only(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
	    SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
}

static int
load(scmp_filter_ctx f, int code, struct err *e)
{
	if (code == 0)
		code = seccomp_load(f);
	seccomp_release(f);
	return code == 0 ? 0 : failed(code, e);
}

int
confine_keyholder(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int code = 0;

	if (f == NULL)
		return err_nomem(e);
	/* A PKCS#11 module may have started threads of its own. */
	code = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; code == 0 && i < sizeof forbidden / sizeof(int); i++)
		code =
		    seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
	if (code == 0)
		code = local_sockets_only(f);
	return load(f, code, e);
}

int
confine_writer(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int code = 0;

	if (f == NULL)
		return err_nomem(e);
	for (size_t i = 0; code == 0 && i < sizeof writers / sizeof(int); i++)
		code = seccomp_rule_add(f, SCMP_ACT_ALLOW, writers[i], 0);
	return load(f, code, e);
}
