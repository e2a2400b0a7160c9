/*
 * The rule signer-must-match of a drop folder.  It notices the wrong card in
 * the reader.  Names go into records and reports, never into logs.
 */
#include "signer/batch/people.h"

#include "base/text.h"
#include "signer/batch/jobs.h"
#include "signer/batch/person.h"
#include "signer/batch/pool.h"

#include <stdio.h>
#include <string.h>

static void
judge_key(const struct bjob *j, const struct bkey *k, const char **wanted,
    struct name_result *out)
{
	*wanted = person_judge(&j->findings, j->drop->signer_must_match,
	    &k->verdict.cert.holder, out);
}

bool
people_differ(const struct bjob *j, const struct bkey *k)
{
	struct name_result n;
	const char *wanted;

	if (j->drop->signer_must_match == CONF_SIGNER_ANY)
		return false;
	judge_key(j, k, &wanted, &n);
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
		judge_key(j, k, &wanted, &n);
		if (p->key[0] != '\0' &&
		    !person_is_better(n.verdict, best.verdict))
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
	snprintf(p->must, sizeof p->must, "%s",
	    person_word(j->drop->signer_must_match));
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
