/*
 * Any bytes as a signed document of each profile.  The referee judges or
 * refuses; it never calls a signature whole that names no certificate, and
 * of changed documents only the one it was made for stays whole: the corpus
 * is signed with one throw-away key, whose certificate every whole signature
 * must then carry.  With clang -DFUZZ -fsanitize=fuzzer a libFuzzer target;
 * without, the files named as arguments and small changes of them.
 */
#include "signer/exam/verify.h"
#include "tests/fuzz/mutate.h"

#include "base/log.h"

static uint8_t maker[FINDINGS_SHA256]; /* of the seeds' signer */
static bool maker_known;

static void
require(int ok, const char *what, const uint8_t *data, size_t size)
{
	if (ok)
		return;
	fprintf(stderr, "not ok fuzz_verify: %s\n%.*s\n", what, (int)size,
	    (const char *)data);
	abort();
}

static void
look(
    const struct found_signature *s, bool odd, const uint8_t *data, size_t size)
{
	bool whole = s->value_ok && s->references_ok && s->covers_filing;

	require(memchr(s->problem, '\0', sizeof s->problem) != NULL &&
		    memchr(s->detail, '\0', sizeof s->detail) != NULL,
	    "unbounded text", data, size);
	require(!whole || s->filing, "whole but not at its place", data, size);
	require(!whole || s->problem[0] == '\0', s->problem, data, size);
	require(whole || !s->filing || s->problem[0] != '\0',
	    "bad without a reason", data, size);
	require(!s->value_ok || s->certificate.len > 0, "no certificate", data,
	    size);
	/* Without the signed element at its place nothing is covered. */
	require(
	    !odd || !s->covers_filing, "covers an odd document", data, size);
	if (whole && maker_known)
		require(memcmp(s->spki, maker, sizeof maker) == 0,
		    "another signer", data, size);
	if (whole && !maker_known) {
		memcpy(maker, s->spki, sizeof maker);
		maker_known = true;
	}
}

/* What is told around a signature: bounded, and never more than is there. */
static void
look_around(const struct coverage *c, const uint8_t *data, size_t size)
{
	size_t unexpected = 0;

	require(c->count <= JUDGED_ITEMS_MAX, "too many items", data, size);
	require(c->more == 0 || c->count == JUDGED_ITEMS_MAX,
	    "cut though there is room", data, size);
	for (size_t i = 0; i < c->count; i++) {
		require(c->items[i].where[0] != '\0' &&
			    memchr(c->items[i].where, '\0',
				sizeof c->items[i].where) != NULL,
		    "an item without a place", data, size);
		unexpected += !c->items[i].by_format;
	}
	require(c->unexpected >= unexpected &&
		    c->unexpected <= unexpected + c->more,
	    "wrong count", data, size);
}

static void
judge(const struct verify_profile *p, const uint8_t *data, size_t size)
{
	static const struct verify_member member = {
	    .name = "a.xml", .input = {.fd = -1}};
	struct verify_request q = {.profile = p,
	    .document = {.fd = -1, .bytes = {data, size}},
	    .part = "",
	    .members = &member,
	    .member_count = 1,
	    .allow_legacy = true,
	    .tell = size % 4 != 0, /* as for people, mostly */
	    .absent = size % 4 == 1,
	    .limits = {.full_verify_max = 1 << 20,
		.depth = 200,
		.attributes = 256,
		.namespaces = 100}};
	struct verify_report r;
	struct err e = {0};

	if (verify_document(&q, &r, &e) != 0) {
		require(e.class == ERR_INPUT, e.code, data, size);
		return;
	}
	for (size_t i = 0; i < r.count; i++) {
		look(&r.signatures[i].found, r.fault.code[0] != '\0', data,
		    size);
		look_around(&r.signatures[i].uncovered, data, size);
	}
	verify_report_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct err e = {0};

	if (!ready) {
		log_open(-1, LOG_LEVEL_ALERT, "fuzz");
		require(verify_init(&e) == 0, e.code, data, 0);
	}
	ready = true;
	judge(&verify_etax, data, size);
	judge(&verify_etax_form, data, size);
	judge(&verify_egov, data, size);
	return 0;
}

#ifndef FUZZ
static int
run_file(const char *name)
{
	static uint8_t data[1 << 20];
	struct fuzz_seed seed = {data, 0};
	FILE *f = fopen(name, "rb");

	if (f == NULL) {
		perror(name);
		return 1;
	}
	seed.len = fread(data, 1, sizeof data, f);
	fclose(f);
	mutate_run(&seed, 1, 1500);
	return 0;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (run_file(argv[i]) != 0)
			return 1;
	if (argc > 1)
		require(maker_known, "no seed is whole", NULL, 0);
	printf("ok fuzz_verify/%d files\n", argc - 1);
	return 0;
}
#endif
