/*
 * The box from inside: a forked child enters it and tries what it must not
 * do, and what libraries must still be able to do.
 */
#include "base/clock.h"
#include "base/fsops.h"
#include "base/ipc.h"
#include "base/log.h"
#include "signer/exam/sandbox.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zip.h>

/* Runs `body` in a child inside the box; its return value is the exit
 * status (0-100), 128 + n for a signal.  `log` may be -1. */
static int
boxed(int (*body)(void), const struct sandbox_limits *l, int log)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct err e = {0};

		log_open(log, LOG_LEVEL_WARN, "examiner");
		if (sandbox_prepare(&e) != 0 || sandbox_enter(l, &e) != 0) {
			suite_print_err(__FILE__, __LINE__, &e);
			_exit(101);
		}
		_exit(body());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static const struct sandbox_limits usual = {
    .memory = 512 << 20, .cpu_s = 20, .files = 512};

static bool
eperm(long result)
{
	bool yes = result == -1 && errno == EPERM;

	errno = 0;
	return yes;
}

static int other_pid; /* a process the child might want to harm */
static int spare_fd;

static int
tries_files(void)
{
	struct stat st;
	char link[64];

	if (!eperm(open("/etc/passwd", O_RDONLY)))
		return 1;
	if (!eperm(openat(AT_FDCWD, "/etc/passwd", O_RDONLY)))
		return 2;
	if (!eperm(syscall(SYS_openat2, AT_FDCWD, "/etc", NULL, 0)))
		return 3;
	if (!eperm(open("/tmp/natsuin-box", O_WRONLY | O_CREAT, 0600)))
		return 4;
	if (!eperm(unlink("/tmp/natsuin-box")) || !eperm(mkdir("/tmp/x", 0)))
		return 5;
	if (!eperm(stat("/etc/passwd", &st)) ||
	    !eperm(fstatat(AT_FDCWD, "/etc/passwd", &st, AT_EMPTY_PATH)))
		return 6;
	if (!eperm(access("/etc", R_OK)) ||
	    !eperm(readlink("/proc/self/exe", link, sizeof link)))
		return 7;
	if (!eperm(chdir("/")) || !eperm(fchmod(spare_fd, 0777)))
		return 8;
	if (!eperm(syscall(SYS_io_uring_setup, 4, NULL)))
		return 9;
	if (fopen("/etc/passwd", "r") != NULL)
		return 10;
	return 0;
}

static int
tries_network(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int pair[2];

	snprintf(name.sun_path, sizeof name.sun_path, "/run/x.sock");
	if (!eperm(socket(AF_INET, SOCK_STREAM, 0)) ||
	    !eperm(socket(AF_UNIX, SOCK_STREAM, 0)) ||
	    !eperm(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)))
		return 1;
	if (!eperm(connect(spare_fd, (struct sockaddr *)&name, sizeof name)))
		return 2;
	if (!eperm(bind(spare_fd, (struct sockaddr *)&name, sizeof name)) ||
	    !eperm(listen(spare_fd, 1)) || !eperm(accept(spare_fd, NULL, NULL)))
		return 3;
	if (!eperm(sendto(
		spare_fd, "", 1, 0, (struct sockaddr *)&name, sizeof name)))
		return 4;
	return 0;
}

static int
tries_processes(void)
{
	char *argv[] = {NULL};

	if (!eperm(execve("/bin/true", argv, argv)) ||
	    !eperm(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv, 0)))
		return 1;
	if (!eperm(fork()) || !eperm(syscall(SYS_clone3, NULL, 0)))
		return 2;
	if (!eperm(kill(other_pid, SIGTERM)) || !eperm(kill(-1, SIGTERM)) ||
	    !eperm(kill(0, 0)))
		return 3;
	if (!eperm(syscall(SYS_tgkill, other_pid, other_pid, SIGTERM)))
		return 4;
	if (!eperm(ptrace(PTRACE_ATTACH, other_pid, NULL, NULL)) ||
	    !eperm(syscall(SYS_process_vm_readv, other_pid, 0, 0, 0, 0, 0)) ||
	    !eperm(syscall(SYS_pidfd_open, other_pid, 0)))
		return 5;
	if (!eperm(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) || !eperm(setuid(0)) ||
	    !eperm(fcntl(spare_fd, F_SETOWN, other_pid)))
		return 6;
	return 0;
}

static int
tries_memory(void)
{
	struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};
	size_t page = 4096;
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	if (!eperm(mprotect(p, page, PROT_READ | PROT_EXEC)))
		return 2;
	if (mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0) != MAP_FAILED)
		return 3;
	if (!eperm(setrlimit(RLIMIT_AS, &r)) ||
	    !eperm(setrlimit(RLIMIT_NOFILE, &r)))
		return 4;
	return 0;
}

static void
files_are_out_of_reach(void)
{
	CU_ASSERT_EQUAL(boxed(tries_files, &usual, -1), 0);
}

static void
network_is_out_of_reach(void)
{
	CU_ASSERT_EQUAL(boxed(tries_network, &usual, -1), 0);
}

static void
processes_are_out_of_reach(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (;;)
			pause();
	}
	other_pid = (int)pid;
	CU_ASSERT_EQUAL(boxed(tries_processes, &usual, -1), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void
memory_is_never_executable(void)
{
	CU_ASSERT_EQUAL(boxed(tries_memory, &usual, -1), 0);
}

static int
opens_twice(void)
{
	errno = 0;
	(void)!openat(AT_FDCWD, "/etc/passwd", O_RDONLY);
	(void)!kill(1, 0);
	return errno == EPERM ? 0 : 1;
}

static int
opens_often(void)
{
	for (int i = 0; i < 1000; i++)
		(void)!openat(AT_FDCWD, "/etc/passwd", O_RDONLY);
	return 0;
}

static void
refused_calls_leave_log_lines(void)
{
	struct err e = {0};
	struct buf text = {0};
	int fd = fs_memfd("log", &e);
	char *lines, *at;
	unsigned n = 0;

	CU_ASSERT_EQUAL(boxed(opens_twice, &usual, fd), 0);
	CHECK_OK(fs_read_all(fd, 65536, &text, &e), &e);
	lines = buf_cstr(&text);
	CU_ASSERT_PTR_NOT_NULL(strstr(lines, "examiner["));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(lines, " sandbox.refused call=openat number="));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(lines, " sandbox.refused call=kill number="));

	/* A loop of refusals does not fill the disk. */
	CU_ASSERT_EQUAL(boxed(opens_often, &usual, fd), 0);
	buf_reset(&text);
	CHECK_OK(fs_read_all(fd, 1 << 20, &text, &e), &e);
	for (at = buf_cstr(&text); (at = strchr(at, '\n')) != NULL; at++)
		n++;
	CU_ASSERT_EQUAL(n, 2 + 32);
	buf_free(&text);
	close(fd);
}

/* What the examiner's libraries do, all of it inside. */
static int
uses_libraries(void)
{
	static const char xml[] =
	    "<?xml version='1.0'?><a id='x'>\xE6\x8D\xBA</a>";
	static const char xsd[] =
	    "<xsd:schema xmlns:xsd='http://www.w3.org/2001/XMLSchema'>"
	    "<xsd:element name='a'><xsd:complexType mixed='true'>"
	    "<xsd:attribute name='id' type='xsd:ID'/></xsd:complexType>"
	    "</xsd:element></xsd:schema>";
	unsigned char md[32];
	xmlDocPtr doc =
	    xmlReadMemory(xml, sizeof xml - 1, NULL, NULL, XML_PARSE_NONET);
	xmlSchemaParserCtxtPtr p =
	    xmlSchemaNewMemParserCtxt(xsd, sizeof xsd - 1);
	xmlSchemaPtr schema = xmlSchemaParse(p);
	xmlSchemaValidCtxtPtr v = xmlSchemaNewValidCtxt(schema);

	if (doc == NULL || v == NULL || xmlSchemaValidateDoc(v, doc) != 0)
		return 1;
	if (EVP_Q_digest(NULL, "SHA256", NULL, "a", 1, md, NULL) != 1 ||
	    RAND_bytes(md, sizeof md) != 1)
		return 2;
	xmlSchemaFreeValidCtxt(v);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(p);
	xmlFreeDoc(doc);
	return 0;
}

static int
uses_names_and_times(void)
{
	static const char *const sets[] = {"CP932", "EUC-JP", "Shift_JIS"};
	time_t now = time(NULL);
	struct tm tm;
	struct stat st;

	for (size_t i = 0; i < 3; i++) {
		char in[] = "a", out[8];
		char *from = in, *to = out;
		size_t left = 1, room = sizeof out;
		iconv_t c = iconv_open("UTF-8", sets[i]);

		if (c == (iconv_t)-1 || iconv(c, &from, &left, &to, &room) != 0)
			return 1;
		iconv_close(c);
	}
	if (localtime_r(&now, &tm) == NULL || tm.tm_gmtoff != 9 * 3600)
		return 2;
	if (fstat(spare_fd, &st) != 0 || !S_ISREG(st.st_mode))
		return 3;
	errno = 0;
	if (fstat(999, &st) != -1 || errno != EBADF)
		return 4;
	return 0;
}

static int
zip_source(void)
{
	zip_error_t ze;
	zip_source_t *src = zip_source_buffer_create(NULL, 0, 0, &ze);
	zip_source_t *data = NULL;
	zip_t *z;
	zip_stat_t st;

	if (src == NULL)
		return 1;
	zip_source_keep(src);
	z = zip_open_from_source(src, ZIP_TRUNCATE, &ze);
	if (z == NULL)
		return 2;
	data = zip_source_buffer(z, "natsuin", 7, 0);
	if (data == NULL ||
	    zip_file_add(z, "d/a.xml", data, ZIP_FL_ENC_UTF_8) != 0 ||
	    zip_close(z) != 0)
		return 3;
	zip_source_stat(src, &st);
	zip_source_free(src);
	return st.size > 100 ? 0 : 4;
}

static int
uses_everything(void)
{
	int rc = uses_libraries();

	if (rc == 0)
		rc = uses_names_and_times();
	if (rc == 0 && zip_source() != 0)
		rc = 50;
	return rc;
}

static void
libraries_still_work_and_nothing_is_refused(void)
{
	struct err e = {0};
	struct buf text = {0};
	int fd = fs_memfd("log", &e);

	spare_fd = fs_memfd("spare", &e);
	CU_ASSERT_EQUAL(boxed(uses_everything, &usual, fd), 0);
	CHECK_OK(fs_read_all(fd, 65536, &text, &e), &e);
	if (text.len > 0)
		fprintf(stderr, "%s", buf_cstr(&text));
	CU_ASSERT_EQUAL(text.len, 0);
	buf_free(&text);
	close(fd);
	close(spare_fd);
}

static int channel;

/* Receives descriptors, reads one, writes the other, answers. */
static int
serves(void)
{
	struct err e = {0};
	struct ipc_msg m = {0};
	struct buf text = {0};
	int in, out;

	if (ipc_recv(channel, &m, &e) != 1)
		return 1;
	in = ipc_get_fd(&m);
	out = ipc_get_fd(&m);
	if (!ipc_end(&m) || fs_read_all(in, 100, &text, &e) != 0 ||
	    fs_write(out, buf_view(&text), &e) != 0 || fs_sync(out, &e) != 0)
		return 2;
	ipc_begin(&m, 2);
	ipc_put_u64(&m, text.len);
	if (ipc_send(channel, &m, &e) != 0)
		return 3;
	ipc_free(&m);
	buf_free(&text);
	close(in);
	return fs_close(&out, &e) == 0 ? 0 : 4;
}

static void
descriptors_that_are_sent_work(void)
{
	struct err e = {0};
	struct ipc_msg m = {0};
	int pair[2], dir = suite_dir();
	int in = fs_create(dir, "in", 0600, &e);
	int out = fs_create(dir, "out", 0600, &e);
	struct stat st;

	CHECK_OK(fs_write(in, slice_str("hello"), &e), &e);
	CHECK_OK(ipc_pair(pair, &e), &e);
	ipc_begin(&m, 1);
	ipc_put_fd(&m, in);
	ipc_put_fd(&m, out);
	CHECK_OK(ipc_send(pair[0], &m, &e), &e);
	channel = pair[1];
	CU_ASSERT_EQUAL(boxed(serves, &usual, -1), 0);
	CU_ASSERT_EQUAL(ipc_recv(pair[0], &m, &e), 1);
	CU_ASSERT_EQUAL(ipc_get_u64(&m), 5);
	CU_ASSERT_EQUAL(fstat(out, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 5);
	ipc_free(&m);
	close(pair[0]);
	close(pair[1]);
	close(in);
	close(out);
	close(dir);
}

static int
spins(void)
{
	volatile unsigned long n = 0;

	for (;;)
		n++;
	return 0;
}

static int
spins_within_renewed_limit(void)
{
	struct err e = {0};
	struct timespec ts;

	/* 2 s of CPU altogether under a limit of 1 s per job. */
	for (int job = 0; job < 4; job++) {
		struct timespec start;

		if (sandbox_cpu_renew(1, &e) != 0)
			return 1;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		do {
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
		} while ((ts.tv_sec - start.tv_sec) * 1000 +
			     (ts.tv_nsec - start.tv_nsec) / 1000000 <
			 500);
	}
	return 0;
}

static void
cpu_limit_ends_a_spinning_job(void)
{
	struct sandbox_limits l = {.cpu_s = 1};
	int status = boxed(spins, &l, -1);

	CU_ASSERT_TRUE(status > 128 && sandbox_is_cpu_signal(status - 128));
	CU_ASSERT_EQUAL(boxed(spins_within_renewed_limit, &l, -1), 0);
}

static int
allocates(void)
{
	void *p = malloc(400UL << 20);
	int got = p != NULL;

	free(p);
	return got;
}

static int
writes_a_lot(void)
{
	char block[1024] = {0};

	for (int i = 0; i < 64; i++)
		if (write(spare_fd, block, sizeof block) < 0)
			return errno == EFBIG ? 0 : 1;
	return 2;
}

static void
memory_and_output_are_bounded(void)
{
	struct sandbox_limits l = {.memory = 256 << 20, .output = 10240};
	struct err e = {0};
	int dir = suite_dir();

#ifndef NATSUIN_SANITIZED
	CU_ASSERT_EQUAL(boxed(allocates, &l, -1), 0);
#endif
	l.memory = 0;
	CU_ASSERT_EQUAL(boxed(allocates, &l, -1), 1);
	spare_fd = fs_create(dir, "big", 0600, &e);
	CU_ASSERT_EQUAL(boxed(writes_a_lot, &l, -1), 0);
	close(spare_fd);
	close(dir);
}

static int
aborts(void)
{
	abort();
}

static void
an_abort_is_still_an_abort(void)
{
	CU_ASSERT_EQUAL(boxed(aborts, &usual, -1), 128 + SIGABRT);
}

static void
only_kept_descriptors_remain(void)
{
	struct err e = {0};
	int fds[6], status;
	pid_t pid;

	for (int i = 0; i < 6; i++)
		fds[i] = fs_memfd("x", &e);
	pid = fork();
	if (pid == 0) {
		int keep[] = {fds[4], fds[1]};

		if (sandbox_keep_only(keep, 2, &e) != 0)
			_exit(1);
		for (int i = 0; i < 6; i++) {
			bool open = fcntl(fds[i], F_GETFD) >= 0;

			if (open != (i == 1 || i == 4))
				_exit(2 + i);
		}
		_exit(fcntl(2, F_GETFD) < 0 ? 10 : 0);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

SUITE_MAIN("sandbox", CASE(files_are_out_of_reach),
    CASE(network_is_out_of_reach), CASE(processes_are_out_of_reach),
    CASE(memory_is_never_executable), CASE(refused_calls_leave_log_lines),
    CASE(libraries_still_work_and_nothing_is_refused),
    CASE(descriptors_that_are_sent_work), CASE(cpu_limit_ends_a_spinning_job),
    CASE(memory_and_output_are_bounded), CASE(an_abort_is_still_an_abort),
    CASE(only_kept_descriptors_remain))
