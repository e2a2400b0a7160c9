/*
 * The rule signer-must-match of a drop folder.  It notices the wrong card in
 * the reader; whose name is compared with whose stands in
 * docs/DESIGN-people.md.  Names go into records and reports, never into logs.
 */
#include "signer/batch/people.h"

#include "base/text.h"
#include "signer/batch/jobs.h"
#include "signer/batch/pool.h"
#include "signer/cert/name.h"

#include <stdio.h>
#include <string.h>

static const char *const musts[] = {
    [CONF_SIGNER_ANY] = "",
    [CONF_SIGNER_ACCOUNTANT] = "accountant",
    [CONF_SIGNER_TAXPAYER] = "taxpayer",
};

/* Which of two results counts: the one that finds the person. */
static unsigned
rank_of(enum name_verdict v)
{
	static const unsigned ranks[] = {[NAME_SAME] = 0,
	    [NAME_VARIANT] = 1,
	    [NAME_UNCLEAR] = 2,
	    [NAME_NONE] = 3,
	    [NAME_DIFFERENT] = 4};

	return ranks[v];
}

static void
compare(const char *name, const struct cert_holder *h, struct name_result *out)
{
	struct name_text filing = {name, NULL};
	struct name_text holder = {h->name, h->name_flags};

	name_compare(&filing, &holder, out);
}

/* A firm signs by its representative, where the filing names him. */
static const char *
compare_taxpayer(const struct findings *f, const struct cert_holder *h,
    struct name_result *out)
{
	struct name_result person;

	compare(f->taxpayer_name, h, out);
	if (out->verdict <= NAME_VARIANT || f->representative[0] == '\0')
		return f->taxpayer_name;
	compare(f->representative, h, &person);
	if (person.verdict == NAME_NONE)
		return f->taxpayer_name;
	*out = person;
	return f->representative;
}

/* The name that was looked for in the filing. */
static const char *
judge(const struct bjob *j, const struct bkey *k, struct name_result *out)
{
	const struct findings *f = &j->findings;
	const struct cert_holder *h = &k->verdict.cert.holder;
	const char *wanted = f->agent_name;

	if (j->drop->signer_must_match == CONF_SIGNER_TAXPAYER)
		wanted = compare_taxpayer(f, h, out);
	else
		compare(wanted, h, out);
	if (f->several && out->verdict != NAME_NONE) {
		out->verdict = NAME_UNCLEAR;
		snprintf(out->why, sizeof out->why, "several");
	}
	return wanted;
}

bool
people_differ(const struct bjob *j, const struct bkey *k)
{
	struct name_result n;

	if (j->drop->signer_must_match == CONF_SIGNER_ANY)
		return false;
	judge(j, k, &n);
	return n.verdict == NAME_DIFFERENT;
}

/* The key of a place, if its certificate is known in this run. */
static const struct bkey *
key_at(struct runner *r, const struct bjob *j, size_t at)
{
	const struct bkey *k = place_signer(r, j, 0, at);

	return k == NULL || k->status.certificate.len == 0 ? NULL : k;
}

/* Of several signers the one that comes nearest to the person. */
static size_t
find_person(struct runner *r, const struct bjob *j, struct found_people *p)
{
	struct name_result best = {.verdict = NAME_DIFFERENT};
	size_t place = 0;

	for (size_t at = 0; at < j->drop->sign_with.count; at++) {
		const struct bkey *k = key_at(r, j, at);
		struct name_result n;
		const char *wanted;

		if (k == NULL)
			continue;
		wanted = judge(j, k, &n);
		if (p->key[0] != '\0' &&
		    rank_of(n.verdict) >= rank_of(best.verdict))
			continue;
		best = n;
		place = at;
		snprintf(p->wanted, sizeof p->wanted, "%s", wanted);
		snprintf(p->holder, sizeof p->holder, "%s",
		    k->verdict.cert.holder.name);
		snprintf(p->key, sizeof p->key, "%s", k->conf->name);
	}
	snprintf(p->verdict, sizeof p->verdict, "%s",
	    name_verdict_word(best.verdict));
	snprintf(p->why, sizeof p->why, "%s", best.why);
	snprintf(p->how, sizeof p->how, "%s", best.how);
	return place;
}

/* Whose return may help: the pool's, or the key's. */
static const char *
held_for(struct runner *r, const struct bjob *j, size_t at)
{
	struct place p;

	place_get(r, j->drop, at, &p);
	return p.by_agent ? place_signer(r, j, 0, at)->conf->name : p.name;
}

int
people_check(
    struct runner *r, struct bjob *j, const char **name, struct err *why)
{
	struct found_people *p = &j->findings.people;
	char wanted[90], holder[90];
	size_t place;

	memset(p, 0, sizeof *p);
	if (j->drop->signer_must_match == CONF_SIGNER_ANY ||
	    j->findings.unsigned_only || j->sig_count == 0)
		return 0;
	snprintf(
	    p->must, sizeof p->must, "%s", musts[j->drop->signer_must_match]);
	place = find_person(r, j, p);
	p->refused = name_verdict_of(p->verdict) == NAME_DIFFERENT &&
		     j->drop->signer_mismatch == CONF_MISMATCH_REFUSE;
	job_record_findings(r, j);
	if (!p->refused)
		return 0;
	*name = held_for(r, j, place);
	text_printable(wanted, sizeof wanted, slice_str(p->wanted));
	text_printable(holder, sizeof holder, slice_str(p->holder));
	return err_set(why, ERR_CERTIFICATE, "signer-mismatch", "%s: %s / %s",
	    p->key, wanted, holder);
}
