/*
 * From examined to signed.  An intent (the exact SignedInfo, Id and time) is
 * committed before its signature is asked for; when the job is taken up again
 * after a crash the same intent comes back from the queue, and an RSA key
 * then gives the identical signature.
 */
#include "signer/batch/sign.h"

#include "base/clock.h"
#include "signer/batch/jobs.h"
#include "signer/batch/keys.h"
#include "signer/batch/people.h"
#include "signer/batch/pool.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_ID_DIGITS 16
#define SECOND_MS 1000

static int
check_algorithm(const struct runner *r, const struct bjob *j,
    const struct algorithm *a, const char *who, struct err *e)
{
	if (conf_algorithm_allowed(r->conf, j->findings.format, a->name))
		return 0;
	return err_set(e, ERR_CONFIG, "algorithm-not-allowed", "%s: %s, %s",
	    who, a->name, j->findings.format);
}

/* e-Tax and e-Gov take listed kinds of certificate only.  Others that the
 * key can sign are not concerned, so it is not stopped. */
static int
check_kind(const struct bjob *j, const struct bkey *k, struct err *e)
{
	const struct cert_profile *p = &k->verdict.cert.profile;

	if (cert_profile_accepts(p, j->findings.format) != CERT_NOT_ACCEPTED)
		return 0;
	return err_set(e, ERR_CONFIG, "certificate-format", "%s: %s, %s",
	    k->conf->name, p->name, j->findings.format);
}

/* Every signature of the output is one that the format's receiver takes:
 * those to be made, */
static int
check_keys(const struct runner *r, const struct bjob *j, struct err *e)
{
	for (size_t i = 0; i < j->sig_count; i++) {
		const struct bkey *k = j->sigs[i].key;

		if (check_algorithm(r, j, k->algorithm, k->conf->name, e) !=
			0 ||
		    check_kind(j, k, e) != 0)
			return -1;
	}
	return 0;
}

/* and those that the filing came with. */
static int
check_found(const struct runner *r, const struct bjob *j, struct err *e)
{
	const struct findings *f = &j->findings;

	for (size_t i = 0; i < f->signature_count; i++) {
		const struct found_signature *s = &f->signatures[i];
		const struct algorithm *a = algorithm_of_method(s->method);

		if (s->filing && a != NULL &&
		    check_algorithm(r, j, a, s->id, e) != 0)
			return -1;
	}
	return 0;
}

int
sign_plan(struct runner *r, struct bjob *j, struct err *e)
{
	const struct conf_list *signers = &j->drop->sign_with;
	size_t room = j->findings.part_count * signers->count;

	free(j->sigs);
	j->sig_count = j->sigs_left = 0;
	j->sigs = calloc(room + 1, sizeof *j->sigs);
	if (j->sigs == NULL)
		return err_nomem(e);
	for (size_t p = 0; p < j->findings.part_count; p++) {
		for (size_t i = 0; i < signers->count; i++) {
			struct bsig *s = &j->sigs[j->sig_count];

			if ((j->findings.parts[p].signed_by >> i & 1) != 0)
				continue;
			s->job = j;
			s->part = (unsigned)p;
			s->signer = (unsigned)i;
			j->sig_count++;
		}
	}
	j->sigs_left = j->sig_count;
	return check_found(r, j, e);
}

/* True when no other signature of the same document has this Id. */
static bool
id_is_free(const struct bjob *j, const struct bsig *s)
{
	const char *part = j->findings.parts[s->part].name;

	for (size_t i = 0; i < j->sig_count; i++)
		if (&j->sigs[i] != s && j->sigs[i].part == s->part &&
		    strcmp(j->sigs[i].id, s->id) == 0)
			return false;
	for (size_t i = 0; i < j->findings.signature_count; i++)
		if (strcmp(j->findings.signatures[i].part, part) == 0 &&
		    strcmp(j->findings.signatures[i].id, s->id) == 0)
			return false;
	return true;
}

/* e-Tax: "_" + the signer's 利用者識別番号 + 17 digits of Japanese time
 * (facts/etax.md §1); without a configured number the filing's own. */
static void
etax_id(const struct bjob *j, struct bsig *s)
{
	const char *user = s->key->conf->etax_user_id;
	char digits[CLOCK_TEXT_SIZE];

	if (user[0] == '\0')
		user = j->findings.agent_id;
	if (strlen(user) != USER_ID_DIGITS)
		user = j->findings.taxpayer_id;
	snprintf(s->id, sizeof s->id, "_%s%s",
	    strlen(user) == USER_ID_DIGITS ? user : "",
	    clock_digits(s->time_ms, digits));
}

/* Chooses time and Id: e-Tax's times strictly increase per key, e-Gov's
 * 14 digits must only differ within the document (facts/egov.md §1.3). */
static int
choose_id(struct runner *r, struct bjob *j, struct bsig *s, struct err *e)
{
	char digits[CLOCK_TEXT_SIZE];

	s->time_ms = clock_wall_ms();
	do {
		if (j->findings.etax) {
			if (queue_sign_time(r->queue, s->key->conf->name, 1,
				s->time_ms, &s->time_ms, e) != 0)
				return -1;
			etax_id(j, s);
			continue;
		}
		if (s->id[0] != '\0')
			s->time_ms += SECOND_MS;
		clock_digits(s->time_ms, digits);
		digits[14] = '\0';
		snprintf(s->id, sizeof s->id, "%s", digits);
	} while (!id_is_free(j, s));
	return 0;
}

static int
set_intent(struct runner *r, struct bjob *j, struct bsig *s, struct err *e)
{
	struct queue_signature q = {0};
	struct buf info = {0};
	int result = -1;

	if (s->intended)
		return 0;
	if (choose_id(r, j, s, e) != 0)
		return -1;
	q.job = j->record.id;
	q.part = s->part;
	q.signer = s->signer;
	snprintf(q.key, sizeof q.key, "%s", s->key->conf->name);
	memcpy(q.spki, s->key->verdict.cert.spki, sizeof q.spki);
	memcpy(
	    q.certificate, s->key->verdict.cert.sha256, sizeof q.certificate);
	snprintf(q.id, sizeof q.id, "%s", s->id);
	q.time_ms = s->time_ms;
	if (bsig_signed_info(s, &info, e) != 0)
		goto out;
	if (EVP_Digest(info.p, info.len, q.signed_info, NULL, EVP_sha256(),
		NULL) != 1) {
		err_nomem(e);
		goto out;
	}
	if (queue_intent_set(r->queue, &q, e) != 0)
		goto out;
	snprintf(s->id, sizeof s->id, "%s", q.id);
	s->time_ms = q.time_ms;
	if (q.value.len > 0) {
		s->value = q.value;
		memset(&q.value, 0, sizeof q.value);
		s->done = s->stored = true;
	}
	s->intended = true;
	result = 0;
out:
	buf_free(&info);
	queue_signature_free(&q);
	return result;
}

/* What an earlier run recorded for signers that do not sign now: the
 * settings changed, or the file was signed by them before. */
static int
drop_others(struct runner *r, const struct bjob *j, struct err *e)
{
	size_t intents, values;
	unsigned left = 0;

	if (queue_signature_count(
		r->queue, j->record.id, &intents, &values, e) != 0)
		return -1;
	if (intents == j->sig_count)
		return 0;
	for (unsigned p = 0; p < j->findings.part_count; p++) {
		for (unsigned i = 0; i < FINDINGS_SIGNERS_MAX; i++) {
			bool planned = left < j->sig_count &&
				       j->sigs[left].part == p &&
				       j->sigs[left].signer == i;

			left += planned;
			if (!planned && queue_intent_drop(r->queue,
					    j->record.id, p, i, e) != 0)
				return -1;
		}
	}
	return 0;
}

static int
record_parts(struct runner *r, struct bjob *j, struct err *e)
{
	struct queue_part *parts;
	int result;

	if (j->parts_stored)
		return 0;
	parts = calloc(j->findings.part_count + 1, sizeof *parts);
	if (parts == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < j->findings.part_count; i++) {
		const struct found_part *f = &j->findings.parts[i];

		parts[i].index = (unsigned)i;
		snprintf(parts[i].name, sizeof parts[i].name, "%s", f->name);
		parts[i].signed_info = f->signed_info; /* borrowed */
		parts[i].plan = f->plan;
		memcpy(parts[i].duplicate, f->duplicate, FINDINGS_SHA256);
		parts[i].signed_by = f->signed_by;
	}
	result = queue_parts_set(
	    r->queue, j->record.id, parts, j->findings.part_count, e);
	j->parts_stored = result == 0;
	free(parts);
	return result;
}

static int
record_intents(struct runner *r, struct bjob *j, struct err *e)
{
	if (record_parts(r, j, e) != 0)
		return -1;
	for (size_t i = 0; i < j->sig_count; i++)
		if (set_intent(r, j, &j->sigs[i], e) != 0)
			return -1;
	return drop_others(r, j, e);
}

/* May the job go on, must it wait, or is a gate broken (-1)? */
static int
look_at_gates(const struct bjob *j)
{
	int may = 1;

	for (size_t i = 0; i < j->sig_count; i++) {
		const struct bkey *k = j->sigs[i].key;
		enum gate g = k->gate[j->format];

		if (g == GATE_BROKEN)
			return -1;
		if (g == GATE_FIRST && k->first[j->format] != j)
			may = 0;
	}
	return may;
}

void
sign_intend(struct runner *r, struct bjob *j)
{
	struct err e = {0};
	const char *key = "";
	int found = pool_choose(r, j, &key, &e);

	if (found < 0)
		job_hold(r, j, key, &e);
	if (found == 1 && check_keys(r, j, &e) != 0) {
		job_error(r, j, &e);
		return;
	}
	if (found != 1 || !runner_record(r))
		return;
	if (people_check(r, j, &key, &e) != 0) {
		job_hold(r, j, key, &e);
		return;
	}
	found = job_find_duplicate(r, j, &e);
	if (found == 1)
		job_error(r, j, &e);
	if (found != 0)
		return;
	if (record_intents(r, j, &e) != 0) {
		runner_fatal(r, &e);
		return;
	}
	/* Given back by a key that stopped, it is there already. */
	if (j->record.state != JOB_SIGNING)
		job_step(r, j, JOB_SIGNING, NULL);
	j->stage = STAGE_SIGN;
}

/* The job is the first of those pairs of key and format that had none. */
static void
take_gates(struct bjob *j)
{
	for (size_t i = 0; i < j->sig_count; i++) {
		struct bkey *k = j->sigs[i].key;

		k->signs |= 1U << j->format;
		if (k->gate[j->format] != GATE_UNKNOWN)
			continue;
		k->gate[j->format] = GATE_FIRST;
		k->first[j->format] = j;
		k->first_ms = clock_mono_ms();
	}
}

static size_t
durable_jobs(const struct runner *r)
{
	size_t n = 0;

	for (const struct bjob *j = r->jobs; j != NULL; j = j->next)
		n += j->stage == STAGE_SIGN && j->durable;
	return n;
}

bool
sign_may_wait(const struct bjob *j)
{
	return j->stage == STAGE_SIGN && j->durable && !j->lined &&
	       clock_mono_ms() - j->durable_ms < FIRST_WAIT_MS;
}

/* A first filing is signed a moment later when the next ones are then ready:
 * the card stands still only while the first is verified. */
static bool
first_may_wait(const struct runner *r, const struct bjob *j)
{
	bool first = false;

	for (size_t i = 0; i < j->sig_count; i++)
		if (j->sigs[i].key->gate[j->format] == GATE_UNKNOWN)
			first = true;
	return first && sign_may_wait(j) && durable_jobs(r) < FIRST_READY &&
	       jobs_are_coming(r);
}

bool
sign_first_hurries(const struct runner *r)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < r->key_count; i++) {
		const struct bkey *k = &r->keys[i];

		if (k->state == KEY_OPEN && key_waits_for_first(k) &&
		    now - k->first_ms < FIRST_HURRY_MS)
			return durable_jobs(r) >= FIRST_ENOUGH;
	}
	return false;
}

static void
enter_lines(struct runner *r, struct bjob *j)
{
	struct err e = {0};
	int may = look_at_gates(j);

	if (may == 0 || first_may_wait(r, j))
		return;
	if (may < 0) {
		err_set(&e, ERR_BUG, "first-not-verified", "%s",
		    j->findings.format);
		job_hold(r, j, "", &e);
		return;
	}
	take_gates(j);
	j->lined = true;
	for (size_t i = 0; i < j->sig_count; i++)
		if (!j->sigs[i].done && !j->sigs[i].lined)
			key_line_add(j->sigs[i].key, &j->sigs[i]);
}

void
sign_committed(struct runner *r)
{
	for (struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->stage == STAGE_SIGN && !j->durable) {
			j->durable = true;
			j->durable_ms = clock_mono_ms();
		}
}

void
sign_enter_lines(struct runner *r)
{
	for (struct bjob *j = r->jobs; j != NULL; j = j->next)
		if (j->stage == STAGE_SIGN && j->durable && !j->lined)
			enter_lines(r, j);
}

static void
collect_one(struct runner *r, struct bjob *j, struct bsig *s)
{
	struct err e = {0};

	if (!s->done)
		return;
	if (!s->stored && runner_record(r)) {
		queue_signature_set(r->queue, j->record.id, s->part, s->signer,
		    buf_view(&s->value), &e);
		s->stored = true;
	}
	j->sigs_left--;
}

void
sign_collect(struct runner *r)
{
	for (struct bjob *j = r->jobs; j != NULL; j = j->next) {
		if (j->stage != STAGE_SIGN || !j->lined)
			continue;
		j->sigs_left = j->sig_count;
		for (size_t i = 0; i < j->sig_count; i++)
			collect_one(r, j, &j->sigs[i]);
		if (j->sigs_left > 0)
			continue;
		job_step(r, j, JOB_SIGNED, NULL);
		j->stage = STAGE_BUILD;
		j->tries = 0;
	}
}

void
sign_open_gates(struct runner *r, struct bjob *j)
{
	(void)r;
	for (size_t i = 0; i < j->sig_count; i++)
		j->sigs[i].key->gate[j->format] = GATE_OPEN;
}

static void
leave_gates(struct bkey *k, const struct bjob *j, enum gate left)
{
	for (size_t f = 0; f < FORMATS_MAX; f++) {
		if (k->first[f] != j)
			continue;
		k->first[f] = NULL;
		if (k->gate[f] == GATE_FIRST)
			k->gate[f] = left;
	}
}

void
sign_leave_gates(struct runner *r, struct bjob *j, bool broken)
{
	for (size_t i = 0; i < r->key_count; i++)
		leave_gates(
		    &r->keys[i], j, broken ? GATE_BROKEN : GATE_UNKNOWN);
}
