/* SignedInfo, plans and the splice. */
#include "signer/exam/signedinfo.h"

#include "base/fsops.h"
#include "signer/exam/plan.h"
#include "signer/exam/splice.h"
#include "signer/key/template.h"
#include "tests/lib/certlab.h"
#include "tests/lib/suite.h"

#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>

static struct err e;

static void
write_one(const char *prefix, const struct signedinfo_reference *refs, size_t n,
    const struct scope *s, struct buf *canonical)
{
	struct buf text = {0};

	CU_ASSERT_EQUAL(
	    signedinfo_write(prefix, refs, n, s, &text, canonical), 0);
	/* all but the start tag is the same */
	{
		const uint8_t *a = memchr(text.p, '>', text.len);
		const uint8_t *b = memchr(canonical->p, '>', canonical->len);
		size_t rest = text.len - (size_t)(a - text.p);

		CU_ASSERT_EQUAL(
		    rest, canonical->len - (size_t)(b - canonical->p));
		CU_ASSERT_EQUAL(memcmp(a, b, rest), 0);
	}
	buf_free(&text);
}

/* What the examiner writes is what the keyholder signs, for each format. */
static void
keyholder_knows_the_form(void)
{
	struct signedinfo_reference refs[2] = {
	    {.uri = "#RSH0010", .c14n = true, .digest = {1, 2, 3}},
	    {.uri = "950A01_01.xml"}};
	struct scope s = {0};
	struct buf canonical = {0};
	struct template_match m;

	CU_ASSERT_EQUAL(scope_declare(&s, "", "http://x/y?a;b", 1), 0);
	CU_ASSERT_EQUAL(scope_declare(&s, "z", "urn:z", 1), 0);
	CU_ASSERT_EQUAL(scope_declare(&s, "a", "urn:a", 1), 0);
	write_one("dsig", refs, 1, &s, &canonical);
	CHECK_OK(
	    template_match(buf_view(&canonical), SIGN_RSA_SHA256, &m, &e), &e);
	CU_ASSERT_STRING_EQUAL(m.format, "etax");
	refs[0].uri = "#TEG840-1";
	refs[0].enveloped = true;
	write_one("dsig", refs, 1, &s, &canonical);
	CHECK_OK(
	    template_match(buf_view(&canonical), SIGN_RSA_SHA256, &m, &e), &e);
	CU_ASSERT_STRING_EQUAL(m.format, "etax-form");
	refs[0].uri = "#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1";
	refs[0].enveloped = false;
	write_one("", refs, 2, &s, &canonical);
	CHECK_OK(
	    template_match(buf_view(&canonical), SIGN_RSA_SHA256, &m, &e), &e);
	CU_ASSERT_STRING_EQUAL(m.format, "egov");
	scope_free(&s);
	buf_free(&canonical);
}

static void
duplicate_key_sorts(void)
{
	struct signedinfo_reference ab[2] = {
	    {.uri = "#a", .digest = {1}}, {.uri = "b", .digest = {2}}};
	struct signedinfo_reference ba[2] = {ab[1], ab[0]};
	static const char lines[] =
	    "#a\nAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	    "b\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
	uint8_t one[32], two[32], want[32];

	SHA256((const uint8_t *)lines, sizeof lines - 1, want);
	CU_ASSERT_EQUAL(signedinfo_duplicate(ab, 2, one), 0);
	CU_ASSERT_EQUAL(signedinfo_duplicate(ba, 2, two), 0);
	CU_ASSERT_EQUAL(memcmp(one, two, 32), 0);
	CU_ASSERT_EQUAL(memcmp(one, want, 32), 0);
	ab[0].digest[31] = 1;
	CU_ASSERT_EQUAL(signedinfo_duplicate(ab, 2, one), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(one, two, 32), 0);
}

static int
file_of(const char *text)
{
	int fd = fs_memfd("splice", &e);

	CHECK_OK(fs_write(fd, slice_str(text), &e), &e);
	return fd;
}

static void
splice(void)
{
	int in = file_of("<a><b/></a>"), out = fs_memfd("out", &e);
	struct built b = {0};
	struct buf all = {0};
	uint8_t digest[32];
	bool same = false;

	CHECK_OK(splice_write(in, 11, 7, slice_str("<S/>"), out, &b, &e), &e);
	CHECK_OK(fs_read_all(out, 100, &all, &e), &e);
	CU_ASSERT(slice_eq_str(buf_view(&all), "<a><b/><S/></a>"));
	CU_ASSERT_EQUAL(b.size, 15);
	SHA256(all.p, all.len, digest);
	CU_ASSERT_EQUAL(memcmp(digest, b.sha256, 32), 0);
	CHECK_OK(splice_check(in, out, 7, 11, &same, &e), &e);
	CU_ASSERT(same);
	CHECK_OK(splice_check(in, out, 4, 8, &same, &e), &e);
	CU_ASSERT_FALSE(same);
	CHECK_OK(splice_check(in, out, 7, 12, &same, &e), &e);
	CU_ASSERT_FALSE(same);
	/* not after a tag, not the file that was read */
	CHECK_CODE(splice_write(in, 11, 6, slice_str("x"), out, &b, &e), &e,
	    "input-changed");
	CHECK_CODE(splice_write(in, 12, 7, slice_str("x"), out, &b, &e), &e,
	    "input-changed");
	CHECK_CODE(splice_write(in, 11, 12, slice_str("x"), out, &b, &e), &e,
	    "input-changed");
	buf_free(&all);
	close(in);
	close(out);
}

/* Longer than one chunk, changed at single places. */
static void
splice_compares_every_byte(void)
{
	static const size_t at[] = {0, 262143, 262144, 300000, 599999};
	struct buf a = {0}, b = {0};
	bool same;
	int in, out;

	for (size_t i = 0; i < 600000; i++)
		buf_putc(&a, (uint8_t)(i % 251));
	in = fs_memfd("a", &e);
	CHECK_OK(fs_write(in, buf_view(&a), &e), &e);
	for (size_t i = 0; i < 6; i++) {
		buf_reset(&b);
		buf_append(&b, a.p, 300000);
		buf_puts(&b, "12345");
		buf_append(&b, a.p + 300000, 300000);
		if (i > 0)
			b.p[at[i - 1] + (at[i - 1] >= 300000 ? 5 : 0)] ^= 1;
		out = fs_memfd("b", &e);
		CHECK_OK(fs_write(out, buf_view(&b), &e), &e);
		CHECK_OK(splice_check(in, out, 300000, 300005, &same, &e), &e);
		CU_ASSERT_EQUAL(same, i == 0);
		close(out);
	}
	close(in);
	buf_free(&a);
	buf_free(&b);
}

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define METHOD "SignatureMethod Algorithm="

/* Only the method's own value changes, whatever a document hands down. */
static void
algorithms_differ_in_one_value(void)
{
	const struct signedinfo_reference refs[2] = {
	    {.uri = "#RSH0010", .c14n = true, .digest = {1}},
	    {.uri = METHOD "&quot;" MORE "rsa-sha256"}};
	const struct algorithm *rsa = algorithm_find(SIGN_RSA_SHA256);
	const struct algorithm *ecdsa = algorithm_find(SIGN_ECDSA_SHA384);
	static const char *const prefixes[] = {"dsig", ""};
	struct scope s = {0};
	struct buf info = {0}, other = {0}, back = {0};

	CU_ASSERT_EQUAL(
	    scope_declare(&s, "a", "urn:" METHOD MORE "rsa-sha256", 1), 0);
	CU_ASSERT_EQUAL(scope_declare(&s, METHOD, "urn:x", 1), 0);
	for (size_t i = 0; i < 2; i++) {
		const char *a, *b;

		write_one(prefixes[i], refs, 2, &s, &info);
		CU_ASSERT_EQUAL(
		    signedinfo_for(ecdsa, buf_view(&info), &other), 0);
		CU_ASSERT_EQUAL(other.len, info.len + 2);
		a = strstr(buf_cstr(&info), METHOD "\"") + sizeof METHOD;
		b = strstr(buf_cstr(&other), METHOD "\"") + sizeof METHOD;
		CU_ASSERT_EQUAL(
		    a - (const char *)info.p, b - (const char *)other.p);
		CU_ASSERT_EQUAL(
		    memcmp(info.p, other.p, (size_t)(a - (char *)info.p)), 0);
		CU_ASSERT_EQUAL(strncmp(b, MORE "ecdsa-sha384\"",
				    strlen(MORE "ecdsa-sha384\"")),
		    0);
		CU_ASSERT_STRING_EQUAL(
		    a + strlen(rsa->method), b + strlen(ecdsa->method));
		CU_ASSERT_EQUAL(
		    signedinfo_for(rsa, buf_view(&other), &back), 0);
		CU_ASSERT(slice_eq(buf_view(&back), buf_view(&info)));
	}
	/* What is none stays what it is. */
	CU_ASSERT_EQUAL(
	    signedinfo_for(ecdsa, slice_str(METHOD "\"x"), &other), 0);
	CU_ASSERT(slice_eq_str(buf_view(&other), METHOD "\"x"));
	scope_free(&s);
	buf_free(&info);
	buf_free(&other);
	buf_free(&back);
}

/* Two signers of one plan: each Signature names what its certificate chose. */
static void
each_signer_has_its_method(void)
{
	const struct signedinfo_reference ref = {
	    .uri = "#RSH0010", .c14n = true};
	struct plan p = {.format = "etax", .prefix = "dsig"};
	struct buf der[2] = {{0}, {0}}, canonical = {0}, out = {0};
	struct new_signature sigs[2] = {{.id = "_1"}, {.id = "_2"}};
	struct scope s = {0};
	const char *first, *second;

	CU_ASSERT_EQUAL(
	    signedinfo_write("dsig", &ref, 1, &s, &p.signed_info, &canonical),
	    0);
	certlab_own("C=JP/O=Test/CN=x", KEY_P384, &der[0]);
	certlab_own("C=JP/O=Test/CN=x", KEY_LEAF, &der[1]);
	sigs[0].certificate = buf_view(&der[0]);
	sigs[1].certificate = buf_view(&der[1]);
	CHECK_OK(plan_signatures(&p, 0, sigs, 2, &out, &e), &e);
	first = strstr(buf_cstr(&out), "Algorithm=\"" MORE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	second = strstr(first + 1, "Algorithm=\"" MORE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	first += strlen("Algorithm=\"" MORE);
	second += strlen("Algorithm=\"" MORE);
	CU_ASSERT_EQUAL(strncmp(first, "ecdsa-sha384\"", 13), 0);
	CU_ASSERT_EQUAL(strncmp(second, "rsa-sha256\"", 11), 0);
	buf_reset(&out);
	sigs[1].certificate = slice_of(der[1].p, der[1].len - 1);
	CHECK_CODE(plan_signatures(&p, 0, sigs, 2, &out, &e), &e,
	    "certificate-algorithm");
	plan_free(&p);
	buf_free(&der[0]);
	buf_free(&der[1]);
	buf_free(&canonical);
	buf_free(&out);
	scope_free(&s);
}

static void
plan_round_trip(void)
{
	struct plan p = {.format = "etax",
			.size = 100,
			.offset = 40,
			.prefix = "dsig"},
		    q = {0};
	struct buf encoded = {0}, out = {0};
	struct new_signature sig = {.id = "_1"};
	struct buf certificate = {0};
	struct ids ids = {0};
	unsigned line;

	certlab_own("C=JP/O=Test/CN=x", KEY_LEAF, &certificate);
	sig.certificate = buf_view(&certificate);

	CU_ASSERT_EQUAL(buf_puts(&p.before, "<x>"), 0);
	CU_ASSERT_EQUAL(buf_puts(&p.after, "</x>"), 0);
	CU_ASSERT_EQUAL(buf_puts(&p.signed_info, "<dsig:SignedInfo/>"), 0);
	ids_define(&ids, slice_str("_22"), 1, &line);
	ids_define(&ids, slice_str("_4444"), 1, &line);
	ids_define(&ids, slice_str("a22"), 1, &line);
	CU_ASSERT_EQUAL(plan_take_ids(&p, &ids, "_", 3), 0);
	CU_ASSERT_EQUAL(plan_put(&p, &encoded), 0);
	CHECK_OK(plan_get(&q, buf_view(&encoded), "etax", &e), &e);
	CU_ASSERT_EQUAL(q.size, 100);
	CU_ASSERT_EQUAL(q.offset, 40);
	CU_ASSERT(slice_eq_str(buf_view(&q.taken), "_22\n"));
	CHECK_OK(plan_signatures(&q, 0, &sig, 1, &out, &e), &e);
	CU_ASSERT(slice_starts(buf_view(&out), "<x><dsig:Signature "));
	CHECK_CODE(
	    plan_signatures(&q, 1, &sig, 1, &out, &e), &e, "signature-missing");
	memcpy(sig.id, "_22", 4);
	CHECK_CODE(plan_signatures(&q, 0, &sig, 1, &out, &e), &e,
	    "signature-id-taken");
	plan_free(&q);
	CHECK_CODE(
	    plan_get(&q, buf_view(&encoded), "egov", &e), &e, "plan-malformed");
	plan_free(&q);
	plan_free(&p);
	ids_free(&ids);
	buf_free(&certificate);
	buf_free(&encoded);
	buf_free(&out);
}

SUITE_MAIN("exam/signedinfo", CASE(keyholder_knows_the_form),
    CASE(duplicate_key_sorts), CASE(splice), CASE(splice_compares_every_byte),
    CASE(algorithms_differ_in_one_value), CASE(each_signer_has_its_method),
    CASE(plan_round_trip))
