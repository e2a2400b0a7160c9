/* The whole e-Gov way inside the examiner's sandbox: nothing is refused. */
#include "base/fsops.h"
#include "base/log.h"
#include "signer/exam/egov.h"
#include "signer/exam/sandbox.h"
#include "tests/lib/egovlab.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "999A010200001000"

static const struct sandbox_limits limits = {
    .memory = UINT64_C(1) << 30, .cpu_s = 60, .files = 64, .output = 64 << 20};

static struct lab_drop drop, output;
static int out_fd;

/* In a child: 0 when the body found nothing wrong. */
static int
boxed(void (*body)(void), int log)
{
	pid_t pid;
	int status = -1;

	lab_keys(); /* made outside */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		unsigned before = CU_get_number_of_failures();
		struct err e = {0};

		log_open(log, LOG_LEVEL_WARN, "examiner");
		if (sandbox_prepare(&e) != 0 ||
		    sandbox_enter(&limits, &e) != 0) {
			suite_print_err(__FILE__, __LINE__, &e);
			_exit(101);
		}
		body();
		_exit(CU_get_number_of_failures() == before ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static void
signs_twice(void)
{
	struct exam_options o;
	struct findings v;
	struct err e = {0};

	for (int i = 0; i < 2; i++)
		lab_sign_and_verify(&drop.drop, 2, 2, out_fd);
	lab_output(&output, out_fd);
	lab_options(&o);
	findings_init(&v);
	CHECK_OK(format_egov.verify(&output.drop, &drop.drop, &o, &v, &e), &e);
	CU_ASSERT(lab_all_good(&v, 2));
	findings_free(&v);
}

static void
make_drop(bool zip)
{
	/* CP932 in the archive, NFC with its mark apart in the folder */
	const struct lab_kousei k = {
	    .forms = {"f.xml"}, .attachments = {"ガイド.pdf"}};
	char *text = lab_kousei(&k);
	const struct lab_file files[] = {{"kousei.xml", text, 0},
	    {"f.xml", "<f>\r\n</f>", 0},
	    {zip ? "\x83\x4B\x83\x43\x83\x68.pdf" : "ガイド.pdf", "x", 0}};

	if (zip)
		lab_zip(&drop, "x.zip", files, 3);
	else
		lab_folder(&drop, FOLDER, files, 3);
	free(text);
}

static void
in_the_box(bool zip)
{
	struct buf log = {0};
	struct err e;
	int fd = fs_memfd("log", &e);

	make_drop(zip);
	out_fd = lab_memfd();
	CU_ASSERT_EQUAL(boxed(signs_twice, fd), 0);
	CHECK_OK(fs_read_all(fd, 1 << 20, &log, &e), &e);
	CU_ASSERT_EQUAL(log.len, 0);
	if (log.len != 0)
		fprintf(stderr, "%s", buf_cstr(&log));
	buf_free(&log);
	lab_drop_free(&drop);
	close(out_fd);
	close(fd);
}

static void
a_folder_in_the_box(void)
{
	in_the_box(false);
}

static void
an_archive_in_the_box(void)
{
	in_the_box(true);
}

SUITE_MAIN("egov-box", CASE(a_folder_in_the_box), CASE(an_archive_in_the_box))
