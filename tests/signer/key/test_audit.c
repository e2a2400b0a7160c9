/*
 * The audit file: chained, durable before a signature, tamper-evident.
 */
#include "signer/key/audit.h"

#include "base/fsops.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct template_match match;

static void
wait_durable(struct audit *a, uint64_t ticket)
{
	struct err e = {0};

	while (!audit_durable(a, ticket)) {
		struct pollfd p = {audit_fd(a), POLLIN, 0};

		CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 10000), 1);
		CHECK_OK(audit_notice(a, &e), &e);
		if (e.class != ERR_NONE)
			return;
	}
}

/* Appends `n` records of signatures to a fresh or existing file. */
static void
write_records(const char *key, unsigned n)
{
	struct buf si = {0};
	uint8_t digest[32] = {7};
	uint64_t ticket = 0;
	struct err e = {0};
	int dir = suite_dir();
	struct audit *a = audit_open(dir, key, &e);

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	audit_set_serial(a, "4711");
	keylab_signed_info_egov(&si, 2);
	CHECK_OK(
	    template_match(buf_view(&si), SIGN_RSA_SHA256, &match, &e), &e);
	for (unsigned i = 0; i < n; i++)
		CHECK_OK(
		    audit_sign(a, "b1/j7", digest, &match, &ticket, &e), &e);
	wait_durable(a, ticket);
	audit_close(a);
	buf_free(&si);
	close(dir);
}

static int
verify(const char *key, struct audit_summary *s, struct err *e)
{
	char name[100];
	int dir = suite_dir(), fd, r;

	snprintf(name, sizeof name, "%s.audit", key);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	r = audit_verify(fd, s, e);
	close(fd);
	close(dir);
	return r;
}

/* Reads and replaces the whole file. */
static void
load(const char *key, struct buf *text)
{
	char path[400];
	struct err e = {0};
	int fd;

	snprintf(path, sizeof path, "%s/%s.audit", suite_dir_path(), key);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_OK(fs_read_all(fd, 1 << 20, text, &e), &e);
	close(fd);
}

static void
store(const char *key, const void *p, size_t n)
{
	char path[400];
	int fd;

	snprintf(path, sizeof path, "%s/%s.audit", suite_dir_path(), key);
	fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static void
records_follow_each_other(void)
{
	struct audit_summary s;
	struct err e = {0};
	struct buf text = {0};
	struct stat st;
	char path[400];

	write_records("plain", 3);
	write_records("plain", 2); /* another session continues the chain */
	CHECK_OK(verify("plain", &s, &e), &e);
	CU_ASSERT_EQUAL(s.records, 5);
	CU_ASSERT_EQUAL(s.signatures, 5);
	CU_ASSERT_EQUAL(s.torn, 0);
	CU_ASSERT_EQUAL(strlen(s.last), 64);
	load("plain", &text);
	CU_ASSERT(
	    memmem(text.p, text.len, "900A01020000100001_02.xml", 25) != NULL);
	CU_ASSERT(memmem(text.p, text.len, "\"job\":\"b1/j7\"", 13) != NULL);
	CU_ASSERT(
	    memmem(text.p, text.len, "\"certificate\":\"4711\"", 20) != NULL);
	buf_free(&text);
	snprintf(path, sizeof path, "%s/plain.audit", suite_dir_path());
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
}

static void
empty_file_is_whole(void)
{
	struct audit_summary s;
	struct err e = {0};

	store("empty", "", 0);
	CHECK_OK(verify("empty", &s, &e), &e);
	CU_ASSERT_EQUAL(s.records, 0);
	CU_ASSERT_STRING_EQUAL(s.last, "");
}

/* Every byte, every line: nothing but the very end can change unseen. */
static void
any_changed_byte_shows(void)
{
	struct audit_summary s;
	struct err e = {0};
	struct buf text = {0};
	size_t last, unseen = 0;

	write_records("bytes", 4);
	load("bytes", &text);
	for (last = text.len - 1; text.p[last - 1] != '\n'; last--)
		;
	for (size_t i = 0; i < last; i++) {
		text.p[i] ^= 1;
		store("bytes", text.p, text.len);
		unseen += verify("bytes", &s, &e) == 0;
		text.p[i] ^= 1;
	}
	CU_ASSERT_EQUAL(unseen, 0);
	store("bytes", text.p, text.len);
	CHECK_OK(verify("bytes", &s, &e), &e);
	buf_free(&text);
}

static size_t
line_end(const struct buf *b, size_t from)
{
	const uint8_t *nl = memchr(b->p + from, '\n', b->len - from);

	return (size_t)(nl - b->p) + 1;
}

static void
removed_and_swapped_lines_show(void)
{
	struct audit_summary s;
	struct err e = {0};
	struct buf t = {0}, x = {0};
	size_t one, two, three;

	write_records("lines", 4);
	load("lines", &t);
	one = line_end(&t, 0);
	two = line_end(&t, one);
	three = line_end(&t, two);
	store("lines", t.p + one, t.len - one); /* the first is gone */
	CHECK_CODE(verify("lines", &s, &e), &e, "audit-broken");
	buf_append(&x, t.p, one); /* the second is gone */
	buf_append(&x, t.p + two, t.len - two);
	store("lines", x.p, x.len);
	CHECK_CODE(verify("lines", &s, &e), &e, "audit-broken");
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "line 2"));
	buf_reset(&x); /* second and third change places */
	buf_append(&x, t.p, one);
	buf_append(&x, t.p + two, three - two);
	buf_append(&x, t.p + one, two - one);
	buf_append(&x, t.p + three, t.len - three);
	store("lines", x.p, x.len);
	CHECK_CODE(verify("lines", &s, &e), &e, "audit-broken");
	buf_reset(&x); /* one twice */
	buf_append(&x, t.p, two);
	buf_append(&x, t.p + one, t.len - one);
	store("lines", x.p, x.len);
	CHECK_CODE(verify("lines", &s, &e), &e, "audit-broken");
	buf_free(&t);
	buf_free(&x);
}

/* Cut at any place of the last record, as a crash does; the next session
 * goes on and the whole file still verifies. */
static void
crash_at_any_byte_is_survived(void)
{
	struct audit_summary s;
	struct err e = {0};
	struct buf t = {0};
	size_t start;

	write_records("torn", 2);
	load("torn", &t);
	start = line_end(&t, 0);
	for (size_t n = start; n <= t.len; n += 1 + (n * 7) % 23) {
		bool cut = n > start && n < t.len - 1;

		store("torn", t.p, n);
		CHECK_OK(verify("torn", &s, &e), &e);
		CU_ASSERT_EQUAL(s.torn_end, n > start && n < t.len);
		write_records("torn", 1);
		CHECK_OK(verify("torn", &s, &e), &e);
		CU_ASSERT_EQUAL(s.torn, cut);
		CU_ASSERT_FALSE(s.torn_end);
	}
	buf_free(&t);
}

static void
damage_inside_is_no_crash(void)
{
	struct audit_summary s;
	struct err e = {0};
	struct buf t = {0};
	size_t one;

	write_records("damage", 3);
	load("damage", &t);
	one = line_end(&t, 0);
	t.p[one] = 'x'; /* the second line is no record any more */
	store("damage", t.p, t.len);
	CHECK_CODE(verify("damage", &s, &e), &e, "audit-broken");
	store("damage", "garbage\n", 8);
	CHECK_CODE(verify("damage", &s, &e), &e, "audit-broken");
	buf_free(&t);
}

static void
one_holder_at_a_time(void)
{
	struct err e = {0};
	int dir = suite_dir();
	struct audit *a = audit_open(dir, "locked", &e), *b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	b = audit_open(dir, "locked", &e);
	CU_ASSERT_PTR_NULL(b);
	CU_ASSERT_STRING_EQUAL(e.code, "key-in-use");
	CU_ASSERT_EQUAL(e.class, ERR_CARD);
	audit_close(a);
	a = audit_open(dir, "locked", &e);
	CU_ASSERT_PTR_NOT_NULL(a);
	audit_close(a);
	close(dir);
}

/* In a child whose files may not grow beyond 2 KiB: 0 when appending fails
 * as it must. */
static int
fill_up(bool with_errno)
{
	struct rlimit two_k = {2048, 2048};
	struct err e = {0};
	int dir = suite_dir();
	struct audit *a;
	uint64_t ticket;

	signal(SIGPIPE, SIG_IGN);
	if (with_errno)
		signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &two_k) != 0)
		return 2;
	a = audit_open(dir, with_errno ? "full1" : "full2", &e);
	for (unsigned i = 0; i < 100; i++) {
		struct pollfd p = {audit_fd(a), POLLIN, 0};

		if (audit_event(a, "unlocked", "", "x", &ticket, &e) != 0)
			break;
		poll(&p, 1, 10000);
		if (audit_notice(a, &e) != 0)
			break;
	}
	if (e.class != ERR_FATAL_IO || strcmp(e.code, "audit-failed") != 0)
		return 3;
	if (audit_ok(a) || audit_durable(a, ticket))
		return 4;
	return audit_event(a, "unlocked", "", "x", &ticket, &e) == 0 ? 5 : 0;
}

static void
full_disk_is_noticed(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(fill_up(i == 0));
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT_EQUAL(status, 0);
	}
}

SUITE_MAIN("audit", CASE(records_follow_each_other), CASE(empty_file_is_whole),
    CASE(any_changed_byte_shows), CASE(removed_and_swapped_lines_show),
    CASE(crash_at_any_byte_is_survived), CASE(damage_inside_is_no_crash),
    CASE(one_holder_at_a_time), CASE(full_disk_is_noticed))
