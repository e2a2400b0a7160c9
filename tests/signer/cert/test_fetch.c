/*
 * The fetcher's box: what a taken-over fetcher could not do.  Each case is a
 * child that confines itself and tries.
 */
#include "signer/cert/fetch.h"

#include "base/fsops.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE_MAX_BYTES 100000

static struct err error;
static char secret[300];

/* The child's errno of what it tried, 0 when it could, 200 without a box. */
static int
in_the_box(int (*attempt)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (fetch_confine(SIZE_MAX_BYTES, &error) != 0)
			_exit(200);
		errno = 0;
		_exit(attempt() >= 0 ? 0 : errno);
	}
	CU_ASSERT_FATAL(pid > 0 && waitpid(pid, &status, 0) == pid);
	CU_ASSERT_FATAL(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
start_program(void)
{
	char *argv[] = {NULL}, *env[] = {NULL};

	return execve("/bin/true", argv, env);
}

static int
start_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static int
write_old_file(void)
{
	return open(secret, O_WRONLY);
}

static int
make_file(void)
{
	return open("/tmp/natsuin-test-fetch", O_RDONLY | O_CREAT, 0600);
}

static int
remove_file(void)
{
	return unlink(secret);
}

static int
rename_file(void)
{
	return rename(secret, "/tmp/natsuin-test-fetch");
}

static int
local_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static int
listening_socket(void)
{
	struct sockaddr a = {.sa_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, &a, sizeof a);
}

static int
network_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
read_secret(void)
{
	return open(secret, O_RDONLY);
}

static int
read_names(void)
{
	return open("/etc/hosts", O_RDONLY);
}

static int
write_too_much(void)
{
	static char much[2 * SIZE_MAX_BYTES];
	int fd = fs_memfd("much", NULL);

	return fs_write(fd, slice_of(much, sizeof much), NULL);
}

static void
set_up(void)
{
	int fd;

	snprintf(secret, sizeof secret, "%s/pin", suite_dir_path());
	if (access(secret, F_OK) == 0)
		return;
	fd = fs_create(suite_dir(), "pin", 0400, &error);
	CU_ASSERT_FATAL(fd >= 0);
	CHECK_OK(fs_close(&fd, &error), &error);
}

static void
no_programs_and_processes(void)
{
	set_up();
	CU_ASSERT_EQUAL(in_the_box(start_program), EPERM);
	CU_ASSERT_EQUAL(in_the_box(start_process), EPERM);
}

static void
no_changes_to_files(void)
{
	set_up();
	CU_ASSERT_EQUAL(in_the_box(write_old_file), EPERM);
	CU_ASSERT_EQUAL(in_the_box(make_file), EPERM);
	CU_ASSERT_EQUAL(in_the_box(remove_file), EPERM);
	CU_ASSERT_EQUAL(in_the_box(rename_file), EPERM);
	CU_ASSERT_EQUAL(access(secret, F_OK), 0);
}

/* Behind a local socket there may be a keyholder. */
static void
only_the_network(void)
{
	set_up();
	CU_ASSERT_EQUAL(in_the_box(local_socket), EPERM);
	CU_ASSERT_EQUAL(in_the_box(listening_socket), EPERM);
	CU_ASSERT_EQUAL(in_the_box(network_socket), 0);
}

static void
no_more_than_allowed(void)
{
	set_up();
	CU_ASSERT_EQUAL(in_the_box(write_too_much), EFBIG);
}

/* Landlock is the kernel's to have; where it is, a PIN file stays shut. */
static void
no_files_of_the_user(void)
{
	bool there = syscall(SYS_landlock_create_ruleset, NULL, 0,
			 LANDLOCK_CREATE_RULESET_VERSION) > 0;

	set_up();
	CU_ASSERT_EQUAL(in_the_box(read_names), 0);
	CU_ASSERT_EQUAL(in_the_box(read_secret), there ? EACCES : 0);
	if (!there)
		suite_skip("this kernel has no Landlock");
}

SUITE_MAIN("fetch", CASE(no_programs_and_processes), CASE(no_changes_to_files),
    CASE(only_the_network), CASE(no_more_than_allowed),
    CASE(no_files_of_the_user))
