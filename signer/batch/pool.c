/*
 * Pools.  A named key is never replaced by another; where sign-with names a
 * pool, any of its keys that suits the filing may sign.  The choice is part of
 * the intent and so durable before the key is asked.  An intent whose
 * signature did not come back may be given to another key: what its own card
 * may have made of it never left the keyholder, and an output is built from
 * recorded intents alone, so there is only ever one.
 */
#include "signer/batch/pool.h"

#include "base/log.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/people.h"
#include "signer/batch/sign.h"
#include "signer/cert/algorithm.h"

#include <stdio.h>
#include <string.h>

void
place_get(
    struct runner *r, const struct conf_drop *d, size_t at, struct place *out)
{
	const struct conf_pool *pool =
	    conf_pool_find(r->conf, d->sign_with.item[at]);
	unsigned bit = 0;

	memset(out, 0, sizeof *out);
	out->name = d->sign_with.item[at];
	out->by_agent = pool != NULL && pool->by_agent;
	for (size_t p = 0; p <= at; p++) {
		struct conf_list keys =
		    conf_signer_keys(r->conf, &d->sign_with.item[p]);

		for (size_t i = 0; i < keys.count; i++, bit++) {
			struct bkey *k = runner_key(r, keys.item[i]);

			if (p < at || k == NULL)
				continue;
			out->member[out->count].key = k;
			out->member[out->count++].bit = bit;
		}
	}
}

/* Is it the key of the agent that the filing names? */
static bool
is_agents(const struct bkey *k, const struct bjob *j)
{
	return j->findings.agent_id[0] != '\0' &&
	       strcmp(k->conf->etax_user_id, j->findings.agent_id) == 0;
}

int
place_check_agent(struct runner *r, const struct bjob *j, struct err *e)
{
	struct place p;

	for (size_t at = 0; at < j->drop->sign_with.count; at++) {
		const char *id = j->findings.agent_id;
		size_t n = 0, tail = strlen(id) > 4 ? strlen(id) - 4 : 0;

		place_get(r, j->drop, at, &p);
		if (!p.by_agent)
			continue;
		if (id[0] == '\0')
			return err_set(
			    e, ERR_CONFIG, "agent-id-missing", "%s", "");
		for (size_t i = 0; i < p.count; i++)
			n += is_agents(p.member[i].key, j);
		if (n == 0)
			return err_set(
			    e, ERR_CONFIG, "agent-key-none", "…%s", id + tail);
		if (n > 1)
			return err_set(e, ERR_CONFIG, "agent-key-ambiguous",
			    "…%s: %zu", id + tail, n);
	}
	return 0;
}

bool
place_fits(const struct place *p, size_t i, const struct bjob *j)
{
	if (p->by_agent)
		return is_agents(p->member[i].key, j);
	return (j->findings.unfit >> p->member[i].bit & 1) == 0;
}

void
pool_remember(struct runner *r)
{
	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i];
		struct queue_certificate last = {0};
		struct err e = {0};

		k->spki_known = queue_certificate_last(r->queue, k->conf->name,
				    NULL, &last, &e) == 1;
		if (k->spki_known)
			memcpy(k->spki, last.spki, sizeof k->spki);
		queue_certificate_free(&last);
	}
}

bool
job_keys_decided(struct runner *r, const struct bjob *j)
{
	bool decided = true;
	struct place p;

	for (size_t at = 0; at < j->drop->sign_with.count; at++) {
		bool open = false, undecided = false;

		place_get(r, j->drop, at, &p);
		for (size_t i = 0; i < p.count; i++) {
			struct bkey *k = p.member[i].key;

			/* Others' PINs are not asked for. */
			if (p.by_agent && !place_fits(&p, i, j))
				continue;
			key_open(r, k);
			k->used = true;
			open = open || k->state == KEY_OPEN;
			undecided = undecided || key_is_undecided(k);
		}
		/* Before it is examined nobody knows whose it is. */
		decided = decided && (open || !undecided);
	}
	return decided;
}

static bool
is_examined(const struct bjob *j)
{
	return j->findings.format[0] != '\0';
}

uint64_t
job_keys_opened(struct runner *r, const struct bjob *j)
{
	uint64_t sum = 0;
	struct place p;

	for (size_t at = 0; at < j->drop->sign_with.count; at++) {
		bool open = false;

		place_get(r, j->drop, at, &p);
		for (size_t i = 0; i < p.count; i++) {
			open = open || (p.member[i].key->state == KEY_OPEN &&
					   (!p.by_agent || !is_examined(j) ||
					       place_fits(&p, i, j)));
			sum += p.member[i].key->opened;
		}
		if (!open)
			return 0;
	}
	return sum;
}

/* All that may sign have stopped: one key's own reason, or a pool's. */
static void
why_stopped(const struct place *p, const struct bjob *j, const char **name,
    struct err *why)
{
	char all[160] = "";
	size_t used = 0, fit = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct bkey *k = p->member[i].key;

		if (!place_fits(p, i, j))
			continue;
		if (fit++ == 0) {
			*why = k->error;
			*name = k->conf->name;
		}
		if (used < sizeof all)
			used += (size_t)snprintf(all + used, sizeof all - used,
			    "%s%s: %s", used == 0 ? "" : ", ", k->conf->name,
			    k->error.code);
	}
	if (fit < 2)
		return;
	*name = p->name;
	err_set(why, why->class, "pool-stopped", "%s (%s)", p->name, all);
}

/* No key that suits the job will sign at this place. */
static bool
place_stopped(const struct place *p, const struct bjob *j)
{
	for (size_t i = 0; i < p->count; i++)
		if (place_fits(p, i, j) &&
		    (p->member[i].key->state == KEY_OPEN ||
			key_is_undecided(p->member[i].key)))
			return false;
	return true;
}

bool
job_keys_stopped(
    struct runner *r, const struct bjob *j, const char **name, struct err *why)
{
	struct place p;

	for (size_t at = 0; at < j->drop->sign_with.count; at++) {
		place_get(r, j->drop, at, &p);
		if (!place_stopped(&p, j))
			continue;
		why_stopped(&p, j, name, why);
		return true;
	}
	return false;
}

/* Signatures that a key still owes or is chosen for. */
static size_t
load_of(const struct runner *r, const struct bkey *k)
{
	size_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (j->stage != STAGE_SIGN && j->stage != STAGE_INTEND)
			continue;
		for (size_t i = 0; i < j->sig_count; i++)
			n += j->sigs[i].key == k && !j->sigs[i].done;
	}
	return n;
}

/* The member that an earlier run chose, or NULL. */
static struct bkey *
recorded_key(struct runner *r, const struct place *p, const struct bjob *j,
    const struct bsig *s)
{
	struct queue_signature q = {0};
	struct bkey *found = NULL;
	struct err e = {0};

	if (p->count > 1 && queue_signature_get(r->queue, j->record.id, s->part,
				s->signer, &q, &e) == 1)
		for (size_t i = 0; i < p->count; i++)
			if (place_fits(p, i, j) &&
			    strcmp(p->member[i].key->conf->name, q.key) == 0)
				found = p->member[i].key;
	queue_signature_free(&q);
	return found;
}

/* A key whose first was found bad, whose algorithm or certificate this format
 * must not be signed with, or whose holder is not who has to sign. */
static bool
is_bad(const struct runner *r, const struct bjob *j, const struct bkey *k)
{
	return k->gate[j->format] == GATE_BROKEN || people_differ(j, k) ||
	       !conf_algorithm_allowed(
		   r->conf, j->findings.format, k->algorithm->name) ||
	       cert_profile_accepts(&k->verdict.cert.profile,
		   j->findings.format) == CERT_NOT_ACCEPTED;
}

/* Has it stopped while it signed this filing? */
static bool
has_begun(const struct bjob *j, const struct bkey *k)
{
	for (size_t i = 0; i < j->begun_count; i++)
		if (j->begun[i] == k)
			return true;
	return false;
}

/* Is a better than b for one more signature?  A bad key comes last, then who
 * has stopped over this filing, then who has more to do, then who has done
 * more. */
static bool
is_better(const struct runner *r, const struct bjob *j, const struct bkey *a,
    const struct bkey *b)
{
	bool bad = is_bad(r, j, a), begun = has_begun(j, a);
	size_t load_a, load_b;

	if (b == NULL || bad != is_bad(r, j, b))
		return b == NULL || !bad;
	if (begun != has_begun(j, b))
		return !begun;
	load_a = load_of(r, a);
	load_b = load_of(r, b);
	return load_a != load_b ? load_a < load_b
				: a->signatures < b->signatures;
}

/* True while a member that is being opened may yet be better. */
static bool
better_may_come(const struct place *p, const struct bjob *j)
{
	for (size_t i = 0; i < p->count; i++)
		if (place_fits(p, i, j) && key_is_undecided(p->member[i].key))
			return true;
	return false;
}

/* The key for the signatures at one place: 1, 0 to wait, -1 none. */
static int
choose_key(struct runner *r, const struct place *p, const struct bjob *j,
    const struct bsig *s, struct bkey **out)
{
	struct bkey *own = recorded_key(r, p, j, s), *best = NULL;

	for (size_t i = 0; i < p->count; i++)
		if (!p->by_agent || place_fits(p, i, j))
			key_open(r, p->member[i].key);
	if (own != NULL && key_is_undecided(own))
		return 0;
	if (own != NULL && own->state == KEY_OPEN && !is_bad(r, j, own) &&
	    !has_begun(j, own)) {
		*out = own;
		return 1;
	}
	for (size_t i = 0; i < p->count; i++) {
		struct bkey *k = p->member[i].key;

		if (k->state == KEY_OPEN && place_fits(p, i, j) &&
		    is_better(r, j, k, best))
			best = k;
	}
	*out = best;
	if (best != NULL && is_bad(r, j, best) && better_may_come(p, j))
		return 0;
	if (best != NULL)
		return 1;
	return place_stopped(p, j) ? -1 : 0;
}

int
pool_choose(
    struct runner *r, struct bjob *j, const char **name, struct err *why)
{
	for (size_t i = 0; i < j->sig_count; i++) {
		struct bsig *s = &j->sigs[i];
		struct bkey *k = NULL;
		struct place p;
		int found;

		if (s->key != NULL)
			continue;
		place_get(r, j->drop, s->signer, &p);
		found = choose_key(r, &p, j, s, &k);
		if (found < 0)
			why_stopped(&p, j, name, why);
		if (found != 1)
			return found;
		for (size_t n = i; n < j->sig_count; n++)
			if (j->sigs[n].signer == s->signer)
				j->sigs[n].key = k;
	}
	return 1;
}

/* Takes the job away from a key, for `to` or (NULL) to be chosen anew.  What
 * the key has signed of it so far is forgotten with it: one key signs all
 * parts.  It keeps no gate of another signer's key while it waits for the new
 * key's: two such jobs could wait for each other. */
static void
give_back(struct runner *r, struct bkey *k, struct bjob *j, struct bkey *to)
{
	key_line_forget(k, j);
	sign_leave_gates(r, j, false);
	for (size_t i = 0; i < j->sig_count; i++) {
		struct bsig *s = &j->sigs[i];

		if (s->key != k)
			continue;
		buf_free(&s->value);
		s->key = to;
		s->sent = s->done = s->stored = s->intended = false;
		s->lined = false; /* what was answered too */
		s->id[0] = '\0';
	}
	j->stage = STAGE_INTEND;
	j->durable = j->lined = false;
	log_event(LOG_LEVEL_INFO, "pool.again", "job=%s key=%s", j->record.name,
	    k->conf->name);
}

/* The place at which the job waits for this key, or -1. */
static int
waits_at(const struct bjob *j, const struct bkey *k)
{
	if (j->stage != STAGE_SIGN && j->stage != STAGE_INTEND)
		return -1;
	for (size_t i = 0; i < j->sig_count; i++)
		if (j->sigs[i].key == k && !j->sigs[i].done)
			return (int)j->sigs[i].signer;
	return -1;
}

/* Remembers that the key stopped over this filing; true when that has happened
 * so often that no other key is to try it now: each would begin with the first
 * part again, and one that comes back as often as it stops never ends. */
static bool
note_begun(struct bjob *j, struct bkey *k)
{
	bool begun = false;

	for (size_t i = 0; i < j->sig_count; i++)
		begun = begun || (j->sigs[i].key == k &&
				     (j->sigs[i].sent || j->sigs[i].done));
	if (begun && j->begun_count < BEGUN_MAX)
		j->begun[j->begun_count++] = k;
	return begun && j->begun_count == BEGUN_MAX;
}

void
pool_key_stopped(struct runner *r, struct bkey *k)
{
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		int at = waits_at(j, k);
		const char *name = k->conf->name;
		struct err why = {0};
		struct place p;

		if (at < 0)
			continue;
		place_get(r, j->drop, (size_t)at, &p);
		if (place_stopped(&p, j)) {
			why_stopped(&p, j, &name, &why);
			job_hold(r, j, name, &why);
		} else if (note_begun(j, k)) {
			job_hold(r, j, name, &k->error);
		} else {
			give_back(r, k, j, NULL);
		}
	}
}

/* True when the key `from` would not be left with less than `k` gets: what
 * moves then does not move back. */
static bool
is_worth_moving(
    const struct bjob *j, const struct bkey *from, const struct bkey *k)
{
	size_t parts = 0;

	for (size_t i = 0; i < j->sig_count; i++) {
		if (j->sigs[i].key != from)
			continue;
		if (j->sigs[i].sent || j->sigs[i].done)
			return false;
		parts++;
	}
	return from->line_length >= k->line_length + 2 * parts;
}

/* The last job in another key's line that this one may take over: nothing of
 * it is sent. */
static struct bjob *
to_take_over(const struct bkey *from, const struct bkey *k, struct runner *r)
{
	struct bjob *found = NULL;
	struct place p;

	if (from == k || from->state != KEY_OPEN)
		return NULL;
	for (struct bsig *s = from->line; s != NULL; s = s->next) {
		struct bjob *j = s->job;

		if (s->sent || is_bad(r, j, k) ||
		    k->gate[j->format] == GATE_FIRST)
			continue;
		place_get(r, j->drop, s->signer, &p);
		for (size_t i = 0; i < p.count; i++)
			if (p.member[i].key == k && place_fits(&p, i, j))
				found = j;
	}
	if (found == NULL || !is_worth_moving(found, from, k))
		return NULL;
	return found;
}

void
pool_balance(struct runner *r)
{
	if (r->conf->pool_count == 0 || jobs_are_coming(r))
		return;
	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i], *from = NULL;
		struct bjob *job = NULL;

		if (k->state != KEY_OPEN || load_of(r, k) > 0)
			continue;
		for (size_t n = 0; n < r->key_count; n++) {
			struct bjob *j = to_take_over(&r->keys[n], k, r);

			if (j != NULL &&
			    (from == NULL ||
				r->keys[n].line_length > from->line_length)) {
				from = &r->keys[n];
				job = j;
			}
		}
		if (job != NULL)
			give_back(r, from, job, k);
	}
}

struct bkey *
place_signer(struct runner *r, const struct bjob *j, size_t part, size_t at)
{
	const struct findings *f = &j->findings;
	struct place p;

	for (size_t i = 0; i < j->sig_count; i++)
		if (j->sigs[i].part == part && j->sigs[i].signer == at)
			return j->sigs[i].key;
	place_get(r, j->drop, at, &p);
	for (size_t i = 0; i < p.count; i++)
		for (size_t s = 0; s < f->signature_count; s++)
			if (p.member[i].key->spki_known &&
			    strcmp(f->signatures[s].part,
				f->parts[part].name) == 0 &&
			    memcmp(f->signatures[s].spki, p.member[i].key->spki,
				sizeof f->signatures[s].spki) == 0)
				return p.member[i].key;
	return p.member[0].key;
}
