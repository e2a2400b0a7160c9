/* Verifying e-Tax outputs: two judges, and only signatures added. */
#include "schemas/sample.h"
#include "signer/exam/format_rows.h"
#include "signer/exam/verify.h"
#include "tests/lib/examlab.h"
#include "tests/lib/suite.h"
#include "tests/lib/xsdtree.h"

#include <stdlib.h>
#include <string.h>

static struct examlab drop, output;
static struct findings found;
static struct exam_options options;
static struct err e;

/* A filing signed by the keys in `keys`; `drop` keeps the input. */
static void
signed_filing(unsigned keys, struct buf *out)
{
	struct sample s = {
	    .number = 3, .agent_id = "1111111111111111", .letter = true};
	struct buf in = {0};

	if (sample_etax(&s, &in) != 0)
		abort();
	examlab_close(&drop);
	examlab_close(&output);
	findings_free(&found);
	examlab_open(&drop, "sample.xtx", buf_view(&in));
	CHECK_OK(format_etax.examine(&drop.drop, &options, &found, &e), &e);
	CHECK_OK(
	    examlab_build(&format_etax, &drop, &found, keys, 1, &output, &e),
	    &e);
	examlab_read(&output, out);
	buf_free(&in);
}

/* verify(): of an output with its input, and of a file by itself. */
static int
verify(struct slice out, const struct examlab *in)
{
	static bool ready;
	struct examlab l;
	int r;

	if (!ready)
		CHECK_OK(verify_init(&e), &e);
	ready = true;
	findings_free(&found);
	examlab_open(&l, "out.xtx", out);
	memset(&e, 0, sizeof e);
	r = format_etax.verify(
	    &l.drop, in == NULL ? NULL : &in->drop, &options, &found, &e);
	examlab_close(&l);
	return r;
}

static void
verifies_output(void)
{
	struct buf out = {0}, bad = {0};

	examlab_options(&options, 2);
	signed_filing(3, &out);
	CHECK_OK(verify(buf_view(&out), &drop), &e);
	CU_ASSERT(examlab_all_good(&found, 2));
	CHECK_OK(verify(buf_view(&out), NULL), &e);
	CU_ASSERT(examlab_all_good(&found, 2));
	CU_ASSERT_STRING_EQUAL(found.schema, "ZZZ0010-1.0.0");
	/* white space outside the signed element: valid, yet not ours */
	examlab_edit(&bad, buf_view(&out), "</DATA>", "\n</DATA>");
	CHECK_OK(verify(buf_view(&bad), NULL), &e);
	CU_ASSERT(examlab_all_good(&found, 2));
	CHECK_CODE(verify(buf_view(&bad), &drop), &e, "output-differs");
	/* content */
	buf_reset(&bad);
	examlab_edit(&bad, buf_view(&out), "<gen:mm>3<", "<gen:mm>4<");
	CHECK_OK(verify(buf_view(&bad), NULL), &e);
	CU_ASSERT_EQUAL_FATAL(found.signature_count, 2);
	CU_ASSERT_FALSE(found.signatures[0].references_ok);
	CU_ASSERT_FALSE(found.signatures[1].references_ok);
	CHECK_CODE(verify(buf_view(&bad), &drop), &e, "output-differs");
	buf_free(&out);
	buf_free(&bad);
}

static void
sample_nta_vector(void)
{
	const char *path =
	    suite_sample("samples/etax/nta-test/PTE0010-signature-vector.xml");
	struct buf in = {0};

	if (path == NULL) {
		suite_skip("NATSUIN_SAMPLES is not set");
		return;
	}
	CHECK_OK(xsdtree_file(path, &in, &e), &e);
	examlab_options(&options, 0);
	options.allow_legacy = true;
	CHECK_OK(verify(buf_view(&in), NULL), &e);
	CU_ASSERT_EQUAL_FATAL(found.signature_count, 1);
	CU_ASSERT(found.signatures[0].value_ok);
	CU_ASSERT(found.signatures[0].legacy);
	CU_ASSERT_FALSE(found.signatures[0].references_ok);
	options.allow_legacy = false;
	CHECK_OK(verify(buf_view(&in), NULL), &e);
	CU_ASSERT_FALSE(found.signatures[0].value_ok);
	buf_free(&in);
}

SUITE_MAIN("exam/etax_verify", CASE(verifies_output), CASE(sample_nta_vector))
