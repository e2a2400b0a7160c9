/*
 * Random authorities that certify each other, some of them wrongly: our
 * verdict is "good" if and only if one of all ways is, each way validated by
 * OpenSSL with an own, plain search; and the path told is a shortest of them.
 * What openssl verify can be asked, it is asked.
 */
#include "signer/cert/path_search.h"

#include "base/text.h"
#include "tests/lib/certlab.h"
#include "tests/lib/pathlab.h"
#include "tests/lib/suite.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW "20261122000000Z"
#define GRAPHS 120   /* or as many as NATSUIN_GRAPHS says */
#define ASKED_MAX 15 /* openssl verify, for good ones and for bad ones */

static struct pathlab lab;
static unsigned char issued[PATHLAB_MAX][PATHLAB_MAX]; /* 1 yes, 2 no */
static struct cert_verdict v;

/* The number of the graph is its seed. */
static uint64_t state;

static unsigned
dice(unsigned sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 20) % sides;
}

static bool
chance(unsigned percent)
{
	return dice(100) < percent;
}

static void
put_faults(struct buf *out, unsigned authorities)
{
	if (chance(8))
		buf_printf(out, " until=2026");
	else if (chance(4))
		buf_printf(out, " noca");
	else if (chance(4))
		buf_printf(out, " ku=cRLSign");
	else if (chance(4))
		buf_printf(out, " crit");
	else if (chance(4))
		buf_printf(out, " md=sha1");
	else if (chance(5))
		buf_printf(out, " sig=C%u", dice(authorities));
	else if (chance(4))
		buf_printf(out, " aki=C%u", dice(authorities));
	if (chance(15))
		buf_printf(out, " len=%u", dice(4));
}

static void
put_names(struct buf *out)
{
	if (chance(15))
		buf_printf(
		    out, " exclude=dir:%s", chance(70) ? "Beta" : "Test");
	else if (chance(8))
		buf_printf(out, " permit=dir:Test");
}

static void
put_policies(struct buf *out)
{
	static const char *const sets[] = {"a", "b", "a,b", "any", "c"};
	static const char *const maps[] = {"a>b", "b>a", "a>c", "b>c,a>c"};

	if (chance(80))
		buf_printf(out, " pol=%s", sets[dice(5)]);
	if (chance(12))
		buf_printf(out, " map=%s", maps[dice(4)]);
	if (chance(12))
		buf_printf(out, " req=%u", dice(3));
	if (chance(6))
		buf_printf(out, " inh=%u", dice(2));
	if (chance(6))
		buf_printf(out, " any=%u", dice(2));
}

/* One graph as text; its look depends on the number. */
static void
put_graph(struct buf *out, unsigned number)
{
	unsigned n = 3 + dice(10), crossings = n + dice(n + 1);
	unsigned roots = 1 + dice(2), generations = number % 4 == 0;

	for (unsigned i = 0; i < n; i++)
		buf_printf(out, "C%u%s; ", i, i < roots ? "" : " absent");
	for (unsigned i = 0; i < n && generations; i++)
		buf_printf(out, "N%u:C%u:N%u absent; ", i, i, i);
	for (unsigned i = 0; i < crossings; i++) {
		unsigned to = i < n ? i : dice(n);
		unsigned by = dice(chance(20) ? roots : n);

		/* A self-issued one makes a new generation. */
		if (to == by && !generations)
			by = (to + 1) % n;
		buf_printf(out, "X%u:C%u:%c%u<%c%u", i, to,
		    to == by || (generations && chance(25)) ? 'N' : 'C', to,
		    generations && to != by && chance(25) ? 'N' : 'C', by);
		if (!generations && chance(10))
			buf_printf(out, " noaki");
		if (number % 3 != 0 && chance(60))
			put_faults(out, n);
		if (number % 3 != 1)
			put_names(out);
		if (number % 2 == 0)
			put_policies(out);
		buf_printf(out, "; ");
	}
	buf_printf(out, "leaf<C%u o=%s", roots + dice(n - roots),
	    chance(50) ? "Beta" : "Alpha");
	if (number % 2 == 0)
		buf_printf(out, " pol=%s", chance(70) ? "a" : "b,c");
}

/* The plain search: certificates from the leaf up, the leaf is the first. */
struct plain {
	const struct pathlab_cert *way[CERT_PATH_MAX + 1];
	size_t count, length;
	unsigned ways;
	const struct pathlab_cert *good[CERT_PATH_MAX + 1];
	size_t good_count; /* 0: none */
	bool told;         /* our verdict's path is one of the good ones */
};

static bool
maps_policies(const struct pathlab_cert *const *way, size_t count)
{
	for (size_t i = 1; i + 1 < count; i++)
		if (strstr(way[i]->options, " map=") != NULL)
			return true;
	return false;
}

/* OpenSSL as it is, with the certificates of this way and no others. */
static bool
openssl_validates(const struct plain *s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	STACK_OF(X509) *middle = sk_X509_new_null();
	X509_VERIFY_PARAM *p = X509_STORE_get0_param(store);
	bool ok;

	X509_STORE_add_cert(store, s->way[s->count - 1]->x);
	for (size_t i = 1; i + 1 < s->count; i++)
		sk_X509_push(middle, s->way[i]->x);
	X509_VERIFY_PARAM_set_time(p, (time_t)(certlab_time(NOW) / 1000));
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_flags(p,
	    X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_CHECK_SS_SIGNATURE |
		(maps_policies(s->way, s->count) ? X509_V_FLAG_EXPLICIT_POLICY
						 : 0UL));
	X509_VERIFY_PARAM_add0_policy(p, OBJ_nid2obj(NID_any_policy));
	ok = X509_STORE_CTX_init(c, store, s->way[0]->x, middle) == 1 &&
	     X509_verify_cert(c) == 1;
	X509_STORE_CTX_free(c);
	X509_STORE_free(store);
	sk_X509_free(middle);
	return ok;
}

static bool
is_told(const struct plain *s)
{
	char name[100];

	if (v.path_count + 1 != s->count)
		return false;
	for (size_t i = 1; i < s->count; i++) {
		snprintf(
		    name, sizeof name, "C=JP, O=Test, CN=%s", s->way[i]->name);
		if (strcmp(v.path_names[i - 1], name) != 0)
			return false;
	}
	return true;
}

static void
try_plain(struct plain *s)
{
	s->ways++;
	if (!openssl_validates(s))
		return;
	memcpy(s->good, s->way, sizeof s->good);
	s->good_count = s->count;
	s->told = s->told || is_told(s);
}

static bool
repeats(const struct plain *s, const struct pathlab_cert *c)
{
	for (size_t i = 1; i < s->count; i++)
		if (strcmp(s->way[i]->name, c->name) == 0 &&
		    strcmp(s->way[i]->key, c->key) == 0)
			return true;
	return false;
}

/* Is c an issuer of x by its name and by its key?  Asked often, so kept. */
static bool
issues(const struct pathlab_cert *c, const struct pathlab_cert *x)
{
	unsigned char *known = &issued[c - lab.cert][x - lab.cert];

	if (*known == 0)
		*known = X509_NAME_cmp(X509_get_subject_name(c->x),
			     X509_get_issuer_name(x->x)) == 0 &&
				 X509_verify(x->x, X509_get0_pubkey(c->x)) == 1
			     ? 1
			     : 2;
	return *known == 1;
}

/* All ways of s->length certificates. */
static void
climb(struct plain *s)
{
	const struct pathlab_cert *x = s->way[s->count - 1];

	for (size_t i = 0; i < lab.count; i++) {
		const struct pathlab_cert *c = &lab.cert[i];

		if (c->absent || c == s->way[0] || repeats(s, c) ||
		    !issues(c, x))
			continue;
		s->way[s->count++] = c;
		if (c->self_signed && s->count == s->length)
			try_plain(s);
		else if (!c->self_signed && s->count < s->length)
			climb(s);
		s->count--;
	}
}

static void
search_plainly(struct plain *s)
{
	memset(s, 0, sizeof *s);
	memset(issued, 0, sizeof issued);
	s->way[s->count++] = pathlab_find(&lab, "leaf");
	for (s->length = 2;
	     s->length <= CERT_PATH_MAX + 1 && s->good_count == 0; s->length++)
		climb(s);
}

/* Did the verdict say that nothing leads to an anchor? */
static bool
says_no_way(void)
{
	return certlab_has_problem(&v, "certificate-no-path") ||
	       certlab_has_problem(&v, "certificate-path-loop") ||
	       certlab_has_problem(&v, "certificate-path-too-long") ||
	       certlab_has_problem(&v, "certificate-path-signature");
}

static bool
agrees(const struct plain *s)
{
	bool good = s->good_count > 0;

	/* Giving up is allowed only where there is very much. */
	if (certlab_has_problem(&v, "certificate-path-too-complex"))
		return !v.ok && s->ways > PATH_WAYS_MAX;
	if (good)
		return v.ok && s->told;
	return !v.ok && says_no_way() == (s->ways == 0);
}

/* openssl verify on these certificates (NULL: on all of them). */
static bool
openssl_accepts(
    const struct pathlab_cert *const *way, size_t count, const char *flags)
{
	struct certlab_question q = {.at = NOW, .flags = flags};

	for (size_t i = 0; i < (way == NULL ? lab.count : count); i++) {
		const struct pathlab_cert *c =
		    way == NULL ? &lab.cert[i] : way[i];

		if (!c->absent)
			pathlab_ask(c, &q);
	}
	return certlab_openssl_accepts(&q);
}

static struct {
	unsigned good, bad, no_way, limited, longer, asked[2];
} sum;

static void
count(const struct plain *s)
{
	sum.good += v.ok;
	sum.bad += !v.ok;
	sum.no_way += s->ways == 0;
	sum.limited += certlab_has_problem(&v, "certificate-path-too-complex");
	sum.longer += v.ok && s->ways > 1;
}

static const char *
flags_for(const struct pathlab_cert *const *way, size_t count)
{
	return maps_policies(way, count) ? "-explicit_policy" : "";
}

/* What is good, given alone, is so; what is bad is not, given everything. */
static void
ask_openssl(const struct plain *s, const char *text)
{
	const struct pathlab_cert *all[PATHLAB_MAX + 2] = {NULL};
	bool ok;

	if (sum.asked[v.ok] == ASKED_MAX || s->ways == 0)
		return;
	sum.asked[v.ok]++;
	for (size_t i = 0; i < lab.count; i++)
		all[i + 1] = &lab.cert[i];
	ok = v.ok ? openssl_accepts(s->good, s->good_count,
			flags_for(s->good, s->good_count))
		  : openssl_accepts(NULL, 0, flags_for(all, lab.count + 2));
	if (ok != v.ok)
		printf("# openssl verify says %d: %s\n", ok, text);
	CU_ASSERT_EQUAL(ok, v.ok);
}

static void
judge_graph(unsigned number)
{
	struct buf text = {0};
	struct plain s;
	bool fits;

	state = 0x9E3779B97F4A7C15u * (number + 1);
	put_graph(&text, number);
	pathlab_make(&lab, buf_cstr(&text));
	pathlab_judge(&lab,
	    (struct cert_policy){.revocation = CONF_REVOCATION_PREFER}, NOW,
	    &v);
	pathlab_leaks_begin(&lab);
	search_plainly(&s);
	pathlab_leaks_end(&lab);
	fits = agrees(&s);
	if (!fits) {
		printf("# graph %u: we say %d, %u ways, shortest good %zu\n# "
		       "%s\n",
		    number, v.ok, s.ways, s.good_count, buf_cstr(&text));
		certlab_say("verdict", &v);
	}
	CU_ASSERT_TRUE(fits);
	count(&s);
	ask_openssl(&s, buf_cstr(&text));
	pathlab_free(&lab);
	buf_free(&text);
}

static void
good_if_and_only_if_some_way_is(void)
{
	const char *more = getenv("NATSUIN_GRAPHS");
	int64_t graphs = GRAPHS;

	memset(&sum, 0, sizeof sum);
	if (more != NULL)
		CU_ASSERT_EQUAL(text_number(more, 1, 1000000, &graphs), 0);
	for (unsigned i = 0; i < graphs; i++)
		judge_graph(i);
	printf("# %u good (%u not by the first way), %u bad (%u without any "
	       "way, %u given up)\n",
	    sum.good, sum.longer, sum.bad, sum.no_way, sum.limited);
	/* The graphs are worth something. */
	CU_ASSERT_TRUE(sum.good >= GRAPHS / 5);
	CU_ASSERT_TRUE(sum.bad - sum.no_way >= GRAPHS / 10);
	CU_ASSERT_TRUE(sum.longer >= GRAPHS / 20);
	CU_ASSERT_TRUE(sum.limited <= GRAPHS / 50);
	CU_ASSERT_EQUAL(sum.asked[0], ASKED_MAX);
	CU_ASSERT_EQUAL(sum.asked[1], ASKED_MAX);
}

SUITE_MAIN("path_graph", CASE(good_if_and_only_if_some_way_is))
