/*
 * The examiner's box.  After sandbox_enter the process can work on the
 * descriptors it holds or is sent, on memory and on time, and on nothing
 * else: no path can be named, no socket made, no program or process started,
 * no memory made executable.  A call outside that list is not fatal, because
 * libraries probe; it fails with EPERM and leaves a log line.  Nothing in
 * this file may ever widen the box after it is closed.
 */
#include "signer/exam/sandbox.h"

#include "base/i18n.h"
#include "base/log.h"
#include "schemas/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define REFUSED_LINES 32

static bool entered;

/* Converters stay open for the life of the process: an iconv_open for the
 * same character set then needs no file. */
static iconv_t converters[3];

static int
warm_converters(struct err *e)
{
	static const char *const names[] = {"CP932", "EUC-JP", "SHIFT_JIS"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char in[] = "a", out[8];
		char *from = in, *to = out;
		size_t left = 1, room = sizeof out;

		converters[i] = iconv_open("UTF-8", names[i]);
		if (converters[i] == (iconv_t)-1)
			return err_errno(e, ERR_CONFIG, "sandbox-unavailable",
			    "no converter for %s", names[i]);
		iconv(converters[i], &from, &left, &to, &room);
	}
	return 0;
}

static int
warm_openssl(struct err *e)
{
	static const char *const digests[] = {
	    "SHA1", "SHA256", "SHA384", "SHA512"};
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n;

	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG |
				    OPENSSL_INIT_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_ADD_ALL_DIGESTS |
				    OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
		NULL) != 1 ||
	    RAND_bytes(md, sizeof md) != 1)
		return err_set(e, ERR_CONFIG, "sandbox-unavailable", "OpenSSL");
	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
		EVP_MD *type = EVP_MD_fetch(NULL, digests[i], NULL);

		if (type == NULL ||
		    EVP_Digest("", 0, md, &n, type, NULL) != 1) {
			EVP_MD_free(type);
			return err_set(e, ERR_CONFIG, "sandbox-unavailable",
			    "OpenSSL %s", digests[i]);
		}
		EVP_MD_free(type);
	}
	return 0;
}

int
sandbox_prepare(struct err *e)
{
	static const char any[] = "natsuin";
	time_t now = time(NULL);
	struct tm tm;

	if (setenv("TZ", "JST-9", 1) != 0)
		return err_nomem(e);
	tzset();
	localtime_r(&now, &tm);
	(void)strerror(ENOENT);
	(void)gettext(any); /* the catalogue, if there is one */
	xmlInitParser();
	xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
	if (warm_openssl(e) != 0)
		return -1;
	return warm_converters(e);
}

static int
compare_fds(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
sandbox_keep_only(const int *keep, size_t count, struct err *e)
{
	unsigned from = 3;
	int *sorted = calloc(count + 1, sizeof *sorted);
	int failed = 0;

	if (sorted == NULL)
		return err_nomem(e);
	memcpy(sorted, keep, count * sizeof *keep);
	qsort(sorted, count, sizeof *sorted, compare_fds);
	for (size_t i = 0; i < count && failed == 0; i++) {
		if (sorted[i] < (int)from)
			continue;
		if (sorted[i] > (int)from)
			failed = close_range(from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	if (failed == 0)
		failed = close_range(from, ~0U, 0);
	free(sorted);
	if (failed != 0)
		return err_errno(
		    e, ERR_CONFIG, "sandbox-unavailable", "close_range");
	return 0;
}

/* Names for the log line; the rest is told by its number. */
static const char *
call_name(int number)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
#ifdef SYS_open
	    {SYS_open, "open"},
	    {SYS_stat, "stat"},
	    {SYS_access, "access"},
	    {SYS_readlink, "readlink"},
	    {SYS_fork, "fork"},
	    {SYS_vfork, "vfork"},
#endif
	    {SYS_openat, "openat"},
	    {SYS_newfstatat, "newfstatat"},
	    {SYS_faccessat, "faccessat"},
	    {SYS_readlinkat, "readlinkat"},
	    {SYS_socket, "socket"},
	    {SYS_connect, "connect"},
	    {SYS_execve, "execve"},
	    {SYS_clone, "clone"},
	    {SYS_clone3, "clone3"},
	    {SYS_kill, "kill"},
	    {SYS_tgkill, "tgkill"},
	    {SYS_ptrace, "ptrace"},
	    {SYS_mmap, "mmap"},
	    {SYS_mprotect, "mprotect"},
	    {SYS_prctl, "prctl"},
	    {SYS_fcntl, "fcntl"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].number == number)
			return names[i].name;
	return "other";
}

#if defined(__x86_64__)
#define CALL_ARG0(u) ((long)(u)->uc_mcontext.gregs[REG_RDI])
#define CALL_ARG1(u) ((long)(u)->uc_mcontext.gregs[REG_RSI])
#define CALL_ARG2(u) ((long)(u)->uc_mcontext.gregs[REG_RDX])
#define CALL_ARG3(u) ((long)(u)->uc_mcontext.gregs[REG_R10])
#define CALL_RESULT(u, v) ((u)->uc_mcontext.gregs[REG_RAX] = (v))
#elif defined(__aarch64__)
#define CALL_ARG0(u) ((long)(u)->uc_mcontext.regs[0])
#define CALL_ARG1(u) ((long)(u)->uc_mcontext.regs[1])
#define CALL_ARG2(u) ((long)(u)->uc_mcontext.regs[2])
#define CALL_ARG3(u) ((long)(u)->uc_mcontext.regs[3])
#define CALL_RESULT(u, v) ((u)->uc_mcontext.regs[0] = (unsigned long long)(v))
#else
#error "the sandbox knows x86_64 and arm64"
#endif

/*
 * glibc asks fstat(fd) as newfstatat(fd, "", …, AT_EMPTY_PATH).  A filter
 * cannot see whether the path is empty, so that call is never let through;
 * it is answered here with the path-less fstat.
 */
static bool
answer_fstat(const ucontext_t *u, long *result)
{
	const char *path = (const char *)CALL_ARG1(u);

	if (CALL_ARG3(u) != AT_EMPTY_PATH || (path != NULL && *path != '\0'))
		return false;
	*result = syscall(SYS_fstat, (int)CALL_ARG0(u), CALL_ARG2(u));
	if (*result < 0)
		*result = -errno;
	return true;
}

/* libxml2 looks whether a schema's included file exists before it asks for
 * the bytes, which come from the bundle; no use to tell anybody. */
static bool
is_bundle_name(const ucontext_t *u)
{
	const char *path = (const char *)CALL_ARG1(u);

	return path != NULL &&
	       strncmp(path, SCHEMA_URL_PREFIX, strlen(SCHEMA_URL_PREFIX)) == 0;
}

/* Raised by the refused call itself, so never in the middle of anything. */
static void
refused(int signal_number, siginfo_t *info, void *context)
{
	static unsigned lines;
	ucontext_t *u = context;
	long result = -EPERM;
	int saved = errno;

	(void)signal_number;
	if (info->si_syscall == SYS_newfstatat && answer_fstat(u, &result)) {
		CALL_RESULT(u, result);
		errno = saved;
		return;
	}
	if (info->si_syscall == SYS_newfstatat && is_bundle_name(u)) {
		CALL_RESULT(u, -ENOENT);
		errno = saved;
		return;
	}
	if (lines < REFUSED_LINES)
		log_event(LOG_LEVEL_WARN, "sandbox.refused",
		    "call=%s number=%d", call_name(info->si_syscall),
		    info->si_syscall);
	lines++;
	CALL_RESULT(u, result);
	errno = saved;
}

static int
limit(__rlimit_resource_t what, uint64_t value, struct err *e)
{
	struct rlimit r = {(rlim_t)value, (rlim_t)value};
	struct rlimit now;

	/* The operator's own limit may be lower already. */
	if (getrlimit(what, &now) == 0 && now.rlim_max < r.rlim_max)
		r.rlim_cur = r.rlim_max = now.rlim_max;
	if (setrlimit(what, &r) != 0)
		return err_errno(e, ERR_CONFIG, "sandbox-unavailable",
		    "resource limit %d", what);
	return 0;
}

static int
set_limits(const struct sandbox_limits *l, struct err *e)
{
	signal(SIGXFSZ, SIG_IGN); /* write fails with EFBIG instead */
	signal(SIGXCPU, SIG_DFL);
	if (limit(RLIMIT_CORE, 0, e) != 0 || limit(RLIMIT_NPROC, 0, e) != 0)
		return -1;
	if (l->files != 0 && limit(RLIMIT_NOFILE, l->files, e) != 0)
		return -1;
	if (l->output != 0 && limit(RLIMIT_FSIZE, l->output, e) != 0)
		return -1;
#ifndef NATSUIN_SANITIZED
	if (l->memory != 0 && limit(RLIMIT_AS, l->memory, e) != 0)
		return -1;
#endif
	if (l->cpu_s != 0)
		return sandbox_cpu_renew(l->cpu_s, e);
	return 0;
}

int
sandbox_cpu_renew(uint64_t cpu_s, struct err *e)
{
	struct timespec used;
	struct rlimit r;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 ||
	    getrlimit(RLIMIT_CPU, &r) != 0)
		return err_errno(
		    e, ERR_CONFIG, "sandbox-unavailable", "CPU clock");
	/* A started second counts as used. */
	r.rlim_cur = (rlim_t)used.tv_sec + 1 + (rlim_t)cpu_s;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_CPU, &r) != 0)
		return err_errno(
		    e, ERR_CONFIG, "sandbox-unavailable", "CPU limit");
	return 0;
}

int
sandbox_is_cpu_signal(int signal_number)
{
	return signal_number == SIGXCPU;
}

/* memfd_create: archives are unpacked into memory without a name, within the
 * limits on members; such memory cannot be made executable here. */
static const int allowed[] = {SCMP_SYS(read), SCMP_SYS(readv),
    SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(fstat),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate),
    SCMP_SYS(fadvise64), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    SCMP_SYS(futex), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(getpid),
    SCMP_SYS(gettid), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo), SCMP_SYS(sched_yield), SCMP_SYS(memfd_create)};

static int
allow_plain(scmp_filter_ctx f)
{
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);

		/* EDOM: a call this architecture does not have (poll, time). */
		if (rc != 0 && rc != -EDOM)
			return rc;
	}
	return 0;
}

/* One call, allowed when (argument & mask) == value. */
static int
allow_if(
    scmp_filter_ctx f, int call, unsigned arg, uint64_t mask, uint64_t value)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1,
	    SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static int
allow_fcntl(scmp_filter_ctx f)
{
	static const int commands[] = {
	    F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC};
	int rc = 0;

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		rc |= allow_if(
		    f, SCMP_SYS(fcntl), 1, 0xFFFFFFFF, (uint64_t)commands[i]);
	return rc;
}

static int
allow_checked(scmp_filter_ctx f)
{
	int rc = allow_fcntl(f);

	/* No memory that is executable, ever again. */
	rc |= allow_if(f, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	rc |= allow_if(f, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	/* send() on a connected socket, never to an address. */
	rc |= allow_if(f, SCMP_SYS(sendto), 4, UINT64_MAX, 0);
	/* A signal to itself: abort(). */
	rc |= allow_if(f, SCMP_SYS(tgkill), 0, 0xFFFFFFFF, (uint64_t)getpid());
	/* Its own CPU limit. */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, 0xFFFFFFFF, 0),
	    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFF, RLIMIT_CPU));
	/* isatty(): no terminal here, and nothing to log. */
	rc |= seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
	return rc;
}

static int
load_filter(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
	int rc = -ENOMEM;

	if (f != NULL)
		rc = allow_plain(f);
	if (rc == 0)
		rc = allow_checked(f);
	/* The filter as a tree: a few comparisons per call, not fifty. */
	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_load(f);
	if (f != NULL)
		seccomp_release(f);
	if (rc == 0)
		return 0;
	errno = -rc;
	return err_errno(e, ERR_CONFIG, "sandbox-unavailable", "seccomp");
}

int
sandbox_enter(const struct sandbox_limits *limits, struct err *e)
{
	struct sigaction sa = {
	    .sa_sigaction = refused, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t only;

	if (entered)
		BUG("the sandbox is entered once");
	sigemptyset(&sa.sa_mask);
	sigemptyset(&only);
	sigaddset(&only, SIGSYS);
	if (sigaction(SIGSYS, &sa, NULL) != 0 ||
	    sigprocmask(SIG_UNBLOCK, &only, NULL) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(
		    e, ERR_CONFIG, "sandbox-unavailable", "process setup");
	if (set_limits(limits, e) != 0 || load_filter(e) != 0)
		return -1;
	entered = true;
	return 0;
}

#ifdef NATSUIN_SANITIZED
/* The leak check at exit needs threads and ptrace, which the box forbids, and
 * so does any process that may not be dumped (a keyholder). */
int __lsan_is_turned_off(void) __attribute__((visibility("default")));

int
__lsan_is_turned_off(void)
{
	return entered || prctl(PR_GET_DUMPABLE) == 0;
}
#endif
