/*
 * What a certificate's dates lead to: days of the calendar in Japan, the last
 * valid second, warnings that get louder, due dates.
 */
#include "signer/cert/check.h"

#include "base/clock.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

static struct cert_verdict v;
static struct err error;

/* Ends 2027-12-31T14:59:59Z; policy: its certificatePolicies, or NULL. */
static X509 *
make_leaf(const char *policy)
{
	struct certlab_spec s = {.subject = "C=JP/O=Test/CN=tanaka",
	    .key = KEY_LEAF,
	    .signer = KEY_LEAF,
	    .from = "20250101000000Z",
	    .until = "20271231145959Z",
	    .extension = {
		{"keyUsage", "critical,digitalSignature,nonRepudiation"},
		{policy == NULL ? NULL : "certificatePolicies", policy}}};

	return certlab_make(&s);
}

static void
judge_at(const struct cert_policy *p, X509 *leaf, int64_t at_ms)
{
	struct buf der = {0};
	struct cert_verdict dates;

	certlab_der(leaf, &der);
	CHECK_OK(cert_check(p, buf_view(&der), at_ms, &v, &error), &error);
	/* The quick look says the same about dates. */
	CHECK_OK(
	    cert_check_dates(p, buf_view(&der), at_ms, &dates, &error), &error);
	CU_ASSERT_EQUAL(dates.days_left, v.days_left);
	CU_ASSERT(dates.warning_count <= v.warning_count);
	buf_free(&der);
}

static void
check(const struct cert_policy *p, X509 *leaf, const char *at)
{
	judge_at(p, leaf, certlab_time(at));
}

/* Ends 2027-12-31T14:59:59Z, the last second of that day in Japan; a day there
 * begins at 15:00:00Z of the day before.  Each step is tried in its first and
 * in its last second. */
static const struct {
	const char *at, *warning;
	int days;
} steps[] = {
    {"20270928145959Z", NULL, 94},
    {"20270929145959Z", NULL, 93},
    {"20270929150000Z", "certificate-expires-90", 92},
    {"20271031145959Z", "certificate-expires-90", 61},
    {"20271031150000Z", "certificate-expires-60", 60},
    {"20271130145959Z", "certificate-expires-60", 31},
    {"20271130150000Z", "certificate-expires-30", 30},
    {"20271223145959Z", "certificate-expires-30", 8},
    {"20271223150000Z", "certificate-expires-7", 7},
    {"20271224000000Z", "certificate-expires-7", 7},
    {"20271230145959Z", "certificate-expires-7", 1},
    {"20271230150000Z", "certificate-expires-7", 0},
    {"20271231145959Z", "certificate-expires-7", 0},
};

static void
expiry_is_warned_of_in_steps(void)
{
	X509 *leaf = make_leaf(NULL);
	struct cert_policy p = {
	    .revocation = CONF_REVOCATION_PREFER, .warn_days = 92};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		check(&p, leaf, steps[i].at);
		if (v.days_left != steps[i].days)
			printf("# %s: %lld days\n", steps[i].at,
			    (long long)v.days_left);
		CU_ASSERT_EQUAL(v.days_left, steps[i].days);
		CU_ASSERT_TRUE(v.ok);
		/* And that no anchors are configured. */
		CU_ASSERT_EQUAL(
		    v.warning_count, 1U + (steps[i].warning != NULL));
		if (steps[i].warning != NULL)
			CU_ASSERT_TRUE(
			    certlab_has_warning(&v, steps[i].warning));
	}
	p.warn_days = 120;
	check(&p, leaf, "20270915000000Z");
	CU_ASSERT_TRUE(certlab_has_warning(&v, "certificate-expires-90"));
	X509_free(leaf);
}

static void
the_last_second_is_valid(void)
{
	X509 *leaf = make_leaf(NULL);
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};
	int64_t end = certlab_time("20271231145959Z");

	judge_at(&p, leaf, end + 999);
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_EQUAL(v.days_left, 0);
	CU_ASSERT_FALSE(cert_is_over(end, end + 999));
	judge_at(&p, leaf, end + 1000);
	CU_ASSERT_FALSE(v.ok);
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-expired"));
	CU_ASSERT_EQUAL(v.days_left, -1);
	CU_ASSERT_EQUAL(v.warning_count, 1);
	/* One that ends in the middle of a day is over on the same day. */
	CU_ASSERT_EQUAL(cert_days_left(certlab_time("20271231030000Z"),
			    certlab_time("20271231030002Z")),
	    -1);
	CU_ASSERT_EQUAL(cert_days_left(certlab_time("20271231030000Z"),
			    certlab_time("20271231030000Z")),
	    0);
	X509_free(leaf);
}

/* The end of a JPKI certificate is explained, and nothing but its own date
 * is ever shown. */
static void
only_jpki_ends_are_explained(void)
{
	X509 *leaf = make_leaf("1.2.392.200149.8.5.1.1.20");
	X509 *other = make_leaf(NULL);
	struct cert_policy p = {.revocation = CONF_REVOCATION_PREFER};

	check(&p, leaf, "20271201000000Z");
	CU_ASSERT_TRUE(certlab_has_warning(&v, "certificate-expires-30"));
	CU_ASSERT_TRUE(certlab_has_warning(&v, "certificate-jpki-ends"));
	check(&p, leaf, "20270601000000Z");
	CU_ASSERT_FALSE(certlab_has_warning(&v, "certificate-jpki-ends"));
	check(&p, other, "20271201000000Z");
	CU_ASSERT_TRUE(certlab_has_warning(&v, "certificate-expires-30"));
	CU_ASSERT_FALSE(certlab_has_warning(&v, "certificate-jpki-ends"));
	X509_free(leaf);
	X509_free(other);
}

static const char *
warning_detail(const char *code)
{
	for (unsigned i = 0; i < v.warning_count; i++)
		if (strcmp(v.warnings[i].code, code) == 0)
			return v.warnings[i].detail;
	return "";
}

static void
the_due_date_is_compared(void)
{
	static char tanaka[] = "tanaka", sato[] = "sato", office[] = "office";
	static char *alone[] = {tanaka}, *others[] = {sato}, *pool[] = {office};
	static char *pooled[] = {sato, tanaka};
	static char one[] = "one", two[] = "two", three[] = "three";
	struct conf_pool pools[] = {{.name = office, .keys = {pooled, 2}}};
	struct conf_drop drops[] = {{.name = one, .sign_with = {alone, 1}},
	    {.name = two, .sign_with = {others, 1}},
	    {.name = three, .sign_with = {pool, 1}}};
	struct conf_key key = {.name = tanaka};
	struct conf c = {.drops = drops,
	    .drop_count = 3,
	    .pools = pools,
	    .pool_count = 1,
	    .keys = &key,
	    .key_count = 1};
	struct cert_policy p = {
	    .revocation = CONF_REVOCATION_PREFER, .conf = &c, .key = &key};
	X509 *leaf = make_leaf(NULL);

	/* The same day is in time, the next one is not. */
	CU_ASSERT_EQUAL(clock_day_end("2027-12-31", &drops[0].due_ms), 0);
	CU_ASSERT_EQUAL(clock_day_end("2028-03-15", &drops[1].due_ms), 0);
	check(&p, leaf, "20270601000000Z");
	CU_ASSERT_EQUAL(v.warning_count, 1); /* no anchors */
	CU_ASSERT_EQUAL(clock_day_end("2028-01-01", &drops[0].due_ms), 0);
	check(&p, leaf, "20270601000000Z");
	CU_ASSERT_TRUE(v.ok);
	CU_ASSERT_STRING_EQUAL(warning_detail("certificate-ends-before-due"),
	    "valid until 2027-12-31 23:59:59 JST; due date of one: 2028-01-01");
	/* A pool's name stands for its keys. */
	drops[2].due_ms = drops[1].due_ms;
	check(&p, leaf, "20270601000000Z");
	CU_ASSERT_STRING_EQUAL(warning_detail("certificate-ends-before-due"),
	    "valid until 2027-12-31 23:59:59 JST; due date of one: "
	    "2028-01-01, three: 2028-03-15");
	/* A date that is over, and a certificate that is, say other things. */
	CU_ASSERT_EQUAL(clock_day_end("2027-05-31", &drops[0].due_ms), 0);
	drops[2].due_ms = 0;
	check(&p, leaf, "20270601000000Z");
	CU_ASSERT_STRING_EQUAL(
	    warning_detail("certificate-ends-before-due"), "");
	drops[0].due_ms = certlab_time("20280601000000Z");
	check(&p, leaf, "20280101000000Z");
	CU_ASSERT_STRING_EQUAL(
	    warning_detail("certificate-ends-before-due"), "");
	CU_ASSERT_TRUE(certlab_has_problem(&v, "certificate-expired"));
	p.key = NULL;
	check(&p, leaf, "20270601000000Z");
	CU_ASSERT_EQUAL(v.warning_count, 1);
	X509_free(leaf);
}

SUITE_MAIN("dates", CASE(expiry_is_warned_of_in_steps),
    CASE(the_last_second_is_valid), CASE(only_jpki_ends_are_explained),
    CASE(the_due_date_is_compared))
