/*
 * Messages: what is written is read, and nothing else is.
 */
#include "base/ipc.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int pair[2];

static void
open_pair(void)
{
	struct err e = {0};

	CHECK_OK(ipc_pair(pair, &e), &e);
}

static void
close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static void
fields_come_back_in_order(void)
{
	struct err e = {0}, why = {0}, got;
	struct ipc_msg m = {0};
	char text[20];
	int fd;

	open_pair();
	err_set(&why, ERR_CARD, "card-removed", "%s", "reader 1");
	err_push(&why, "%s", "frame");
	ipc_begin(&m, 7);
	ipc_put_u64(&m, UINT64_MAX);
	ipc_put_i64(&m, -5);
	ipc_put_str(&m, "text");
	ipc_put_bytes(&m, slice_of("a\0b", 3));
	ipc_put_err(&m, &why);
	ipc_put_fd(&m, pair[0]);
	CHECK_OK(ipc_send(pair[0], &m, &e), &e);
	CU_ASSERT_EQUAL(ipc_recv(pair[1], &m, &e), 1);
	CU_ASSERT_EQUAL(m.type, 7);
	CU_ASSERT_EQUAL(ipc_get_u64(&m), UINT64_MAX);
	CU_ASSERT_EQUAL(ipc_get_i64(&m), -5);
	ipc_get_str(&m, text, sizeof text);
	CU_ASSERT_STRING_EQUAL(text, "text");
	CU_ASSERT(slice_eq(ipc_get_bytes(&m), slice_of("a\0b", 3)));
	ipc_get_err(&m, &got);
	CU_ASSERT_EQUAL(got.class, ERR_CARD);
	CU_ASSERT_STRING_EQUAL(got.frame[0], "frame");
	CU_ASSERT_FALSE(ipc_end(&m)); /* a descriptor is left */
	fd = ipc_get_fd(&m);
	CU_ASSERT(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CU_ASSERT(ipc_end(&m));
	close(fd);
	ipc_free(&m);
	close_pair();
}

static void
wrong_kinds_and_lengths_fail(void)
{
	struct ipc_msg m = {0}, r = {0};
	char small[4];

	ipc_begin(&m, 1);
	ipc_put_str(&m, "four");
	CU_ASSERT_EQUAL(ipc_load(&r, 1, ipc_body(&m)), 0);
	ipc_get_u64(&r);
	CU_ASSERT(r.failed);
	CU_ASSERT_EQUAL(ipc_load(&r, 1, ipc_body(&m)), 0);
	ipc_get_str(&r, small, sizeof small); /* no room for its end */
	CU_ASSERT(r.failed);
	for (size_t n = 0; n < ipc_body(&m).len; n++) {
		CU_ASSERT_EQUAL(
		    ipc_load(&r, 1, slice_of(ipc_body(&m).p, n)), 0);
		ipc_get_bytes(&r);
		CU_ASSERT(r.failed);
		CU_ASSERT_FALSE(ipc_end(&r));
	}
	ipc_free(&m);
	ipc_free(&r);
}

static void
strangers_are_noticed(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *code;
	} cases[] = {
	    {"x", 1, "ipc-malformed"},
	    {"NT\1\0\1\0\0", 7, "ipc-malformed"},
	    {"TN\1\0\1\0\0\0", 8, "ipc-malformed"},
	    {"NT\1\0\1\0\3\0", 8, "ipc-malformed"}, /* 3 descriptors */
	    {"NT\2\0\1\0\0\0", 8, "ipc-version"},
	};
	struct ipc_msg m = {0};
	struct err e = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		open_pair();
		CU_ASSERT(send(pair[0], cases[i].bytes, cases[i].n, 0) > 0);
		CHECK_CODE(ipc_recv(pair[1], &m, &e), &e, cases[i].code);
		ipc_free(&m);
		close_pair();
	}
}

static void
bounds_hold(void)
{
	static uint8_t big[IPC_MAX_BYTES + 100];
	struct ipc_msg m = {0};
	struct err e = {0};

	open_pair();
	ipc_begin(&m, 1);
	ipc_put_bytes(&m, slice_of(big, IPC_MAX_BYTES));
	CHECK_CODE(ipc_send(pair[0], &m, &e), &e, "ipc-too-large");
	ipc_begin(&m, 1);
	ipc_put_bytes(&m, slice_of(big, IPC_MAX_BYTES - 100));
	CHECK_OK(ipc_send(pair[0], &m, &e), &e);
	CU_ASSERT_EQUAL(ipc_recv(pair[1], &m, &e), 1);
	memcpy(big, "NT\1\0\1\0\0\0", 8);
	CU_ASSERT(send(pair[0], big, sizeof big, 0) > 0);
	CHECK_CODE(ipc_recv(pair[1], &m, &e), &e, "ipc-malformed");
	ipc_begin(&m, 1);
	for (int i = 0; i <= IPC_MAX_FDS; i++)
		ipc_put_fd(&m, pair[0]);
	CHECK_CODE(ipc_send(pair[0], &m, &e), &e, "ipc-too-large");
	ipc_free(&m);
	close_pair();
}

/* A peer that closed with our messages unread: what it had sent before still
 * arrives, then the end. */
static void
last_words_arrive(void)
{
	struct ipc_msg m = {0};
	struct err e = {0};

	open_pair();
	ipc_begin(&m, 1);
	CHECK_OK(ipc_send(pair[1], &m, &e), &e);
	ipc_begin(&m, 2);
	CHECK_OK(ipc_send(pair[0], &m, &e), &e);
	close(pair[1]); /* our message 2 unread */
	CU_ASSERT_EQUAL(ipc_recv(pair[0], &m, &e), 1);
	CU_ASSERT_EQUAL(m.type, 1);
	CU_ASSERT_EQUAL(ipc_recv(pair[0], &m, &e), 0);
	ipc_begin(&m, 3);
	CU_ASSERT(ipc_send(pair[0], &m, &e) < 0);
	CU_ASSERT_EQUAL(e.errnum, EPIPE);
	ipc_free(&m);
	close(pair[0]);
}

SUITE_MAIN("ipc", CASE(fields_come_back_in_order),
    CASE(wrong_kinds_and_lengths_fail), CASE(strangers_are_noticed),
    CASE(bounds_hold), CASE(last_words_arrive))
