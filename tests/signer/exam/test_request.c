/* Requests to an examiner: few messages, whatever their size; never cut. */
#include "base/ipc.h"
#include "signer/exam/message.h"
#include "signer/exam/protocol.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMBERS 250
#define PLANS 5

static struct member members[MEMBERS];
static char names[MEMBERS][24];
static uint8_t text[20000];

static struct exam_request
request(size_t member_count, struct slice *plans, size_t plan_count)
{
	struct exam_request q = {.op = EXAM_BUILD,
	    .token = 7,
	    .format = "etax",
	    .drop = {"drop", true, members, member_count},
	    .plans = plans,
	    .plan_count = plan_count,
	    .out = 0};

	q.options.anchors_fd = -1;
	for (size_t i = 0; i < member_count; i++) {
		snprintf(names[i], sizeof names[i], "member-%u",
		    (unsigned)i & 0xFFFFU);
		members[i] = (struct member){names[i], 0, i};
	}
	return q;
}

/* Messages that wait at this end of a pair. */
static unsigned
count_messages(int fd)
{
	struct err e = {0};
	struct ipc_msg m = {0};
	unsigned n = 0;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while (ipc_recv(fd, &m, &e) == 1)
		n++;
	ipc_free(&m);
	return n;
}

static void
small_request_is_one_message(void)
{
	struct slice plan = slice_str("plan");
	struct exam_request q = request(1, &plan, 1);
	struct err e = {0};
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(ipc_pair(fds, &e), 0);
	CU_ASSERT_EQUAL(exam_request_send(fds[0], &q, &e), 0);
	CU_ASSERT_EQUAL(count_messages(fds[1]), 1);
	close(fds[0]);
	close(fds[1]);
}

static void
large_request_arrives_whole(void)
{
	struct slice plans[PLANS];
	struct exam_request q = request(MEMBERS, plans, PLANS);
	const struct exam_request *got;
	struct exam_job *job = NULL;
	struct err e = {0};
	int fds[2];

	memset(text, 'p', sizeof text);
	for (size_t i = 0; i < PLANS; i++)
		plans[i] = slice_of(text, sizeof text - i);
	CU_ASSERT_EQUAL_FATAL(ipc_pair(fds, &e), 0);
	CU_ASSERT_EQUAL_FATAL(exam_request_send(fds[0], &q, &e), 0);
	CU_ASSERT_EQUAL_FATAL(exam_job_receive(fds[1], &job, &e), 1);
	got = exam_job_request(job);
	CU_ASSERT_EQUAL(got->token, 7);
	CU_ASSERT_EQUAL_FATAL(got->drop.count, MEMBERS);
	for (size_t i = 0; i < MEMBERS; i++) {
		CU_ASSERT_STRING_EQUAL(got->drop.members[i].name, names[i]);
		CU_ASSERT_EQUAL(got->drop.members[i].size, i);
		CU_ASSERT(fcntl(got->drop.members[i].fd, F_GETFD) >= 0);
	}
	CU_ASSERT_EQUAL_FATAL(got->plan_count, PLANS);
	for (size_t i = 0; i < PLANS; i++)
		CU_ASSERT(slice_eq(got->plans[i], plans[i]));
	exam_job_free(job);
	close(fds[0]);
	close(fds[1]);
}

static void
too_large_a_record_is_refused(void)
{
	static uint8_t large[IPC_MAX_BYTES];
	struct slice plan = slice_of(large, sizeof large);
	struct exam_request q = request(1, &plan, 1);
	struct err e = {0};
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(ipc_pair(fds, &e), 0);
	CU_ASSERT_EQUAL(exam_request_send(fds[0], &q, &e), -1);
	CU_ASSERT_STRING_EQUAL(e.code, "ipc-too-large");
	close(fds[0]);
	close(fds[1]);
}

static void
broken_requests_are_refused(void)
{
	for (unsigned odd = 0; odd < 4; odd++) {
		struct ipc_msg m = {0};
		struct exam_job *job = NULL;
		struct err e = {0};
		int fds[2];

		CU_ASSERT_EQUAL_FATAL(ipc_pair(fds, &e), 0);
		ipc_begin(&m, odd == 3 ? MSG_GO : MSG_REQUEST);
		if (odd == 1)
			ipc_put_u64(&m, 999); /* no such kind */
		if (odd == 2) {
			ipc_put_u64(&m, MSG_GO);
			ipc_put_u64(&m, MSG_GO); /* after the end */
		}
		if (odd > 0)
			CU_ASSERT_EQUAL(ipc_send(fds[0], &m, &e), 0);
		close(fds[0]);
		CU_ASSERT_EQUAL(
		    exam_job_receive(fds[1], &job, &e), odd == 0 ? 0 : -1);
		CU_ASSERT_PTR_NULL(job);
		ipc_free(&m);
		close(fds[1]);
	}
}

SUITE_MAIN("exam/request", CASE(small_request_is_one_message),
    CASE(large_request_arrives_whole), CASE(too_large_a_record_is_refused),
    CASE(broken_requests_are_refused))
