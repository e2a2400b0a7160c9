/*
 * The private keyholder as a real process: this program executes itself as
 * `--keyholder`, exactly as natsuin does.
 */
#include "signer/key/keyclient.h"
#include "tests/lib/keylab.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int
start(struct conf *c, pid_t *pid, struct key_reply *greeting)
{
	struct err e = {0};
	int fd = keyclient_spawn(c, &c->keys[0], -1, pid, &e);

	CHECK_OK(fd, &e);
	CHECK_OK(keyclient_receive(fd, greeting, &e), &e);
	return fd;
}

static void
stop(int fd, pid_t pid)
{
	close(fd);
	waitpid(pid, NULL, 0);
}

static void
signs_what_a_filing_has(void)
{
	struct key_reply r = {0};
	struct buf si = {0};
	struct err e = {0};
	pid_t pid;
	int fd = start(keylab_conf(), &pid, &r);

	CU_ASSERT_EQUAL_FATAL(r.type, KEY_REPLY_STATUS);
	CU_ASSERT_STRING_EQUAL(r.status.key, "tanaka");
	CU_ASSERT_EQUAL(r.status.card.pin, PIN_VERIFIED);
	CU_ASSERT(
	    slice_eq(buf_view(&r.status.certificate), keylab_certificate()));
	for (unsigned i = 0; i < 20; i++) {
		buf_reset(&si);
		keylab_signed_info(&si, "RSH0010", i);
		CHECK_OK(keyclient_sign(
			     fd, SIGN_RSA_SHA256, buf_view(&si), "job-1", &e),
		    &e);
		CHECK_OK(keyclient_receive(fd, &r, &e), &e);
		CU_ASSERT_EQUAL(r.type, KEY_REPLY_SIGNED);
		CU_ASSERT_STRING_EQUAL(r.job_id, "job-1");
		CU_ASSERT(
		    keylab_verifies(buf_view(&si), buf_view(&r.signature)));
	}
	key_reply_free(&r);
	buf_free(&si);
	stop(fd, pid);
}

int
main(int argc, char **argv)
{
	static const struct suite_case cases[] = {
	    CASE(signs_what_a_filing_has),
	};

	if (argc > 1 && strcmp(argv[1], "--keyholder") == 0)
		return keyholder_main(argc, argv);
	return suite_run(
	    "keyholder", cases, sizeof cases / sizeof *cases, argc, argv);
}
