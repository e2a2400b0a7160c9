/*
 * What is signed and by whom.  An intent is on disk before its SignedInfo
 * leaves for a keyholder, and an intent that is recorded again for the same
 * thing keeps its Id and time: only so does a repeat give the same bytes.
 */
#include "queue/sign.h"

#include "queue/store.h"

#include <stdio.h>
#include <string.h>

void
queue_part_free(struct queue_part *p)
{
	buf_free(&p->signed_info);
	buf_free(&p->plan);
}

void
queue_signature_free(struct queue_signature *s)
{
	buf_free(&s->value);
}

void
queue_certificate_free(struct queue_certificate *c)
{
	buf_free(&c->der);
}

static int
add_part(
    struct queue *q, int64_t job, const struct queue_part *p, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_PART_ADD);

	db_put_int(s, job);
	db_put_int(s, p->index);
	db_put_text(s, p->name);
	db_put_bytes(s, p->signed_info.p, p->signed_info.len);
	db_put_bytes(s, p->plan.p, p->plan.len);
	db_put_bytes(s, p->duplicate, sizeof p->duplicate);
	db_put_int(s, p->signed_by);
	return db_run(s, e);
}

int
queue_parts_set(struct queue *q, int64_t job, const struct queue_part *parts,
    size_t count, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_PART_CLEAR);

	db_put_int(s, job);
	if (db_run(s, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (add_part(q, job, &parts[i], e) != 0)
			return -1;
	return 0;
}

int
queue_part_count(struct queue *q, int64_t job, size_t *count, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_PART_COUNT);

	db_put_int(s, job);
	if (db_step(s, e) != 1)
		return -1;
	*count = (size_t)db_get_int(s);
	db_done(s);
	return 0;
}

int
queue_part_get(struct queue *q, int64_t job, unsigned index,
    struct queue_part *p, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_PART_GET);
	int r;

	buf_reset(&p->signed_info);
	buf_reset(&p->plan);
	p->index = index;
	db_put_int(s, job);
	db_put_int(s, index);
	r = db_step(s, e);
	if (r != 1)
		return r;
	db_get_text(s, p->name, sizeof p->name);
	if (db_get_buf(s, &p->signed_info) != 0 || db_get_buf(s, &p->plan) != 0)
		r = err_nomem(e);
	db_get_bytes(s, p->duplicate, sizeof p->duplicate);
	p->signed_by = (uint32_t)db_get_int(s);
	db_done(s);
	return r;
}

int
queue_signature_get(struct queue *q, int64_t job, unsigned part,
    unsigned signer, struct queue_signature *s, struct err *e)
{
	struct db_stmt *st = db_use(q->db, SQL_SIGNATURE_GET);
	int r;

	s->job = job;
	s->part = part;
	s->signer = signer;
	buf_reset(&s->value);
	db_put_int(st, job);
	db_put_int(st, part);
	db_put_int(st, signer);
	r = db_step(st, e);
	if (r != 1)
		return r;
	db_get_text(st, s->key, sizeof s->key);
	db_get_bytes(st, s->spki, sizeof s->spki);
	db_get_bytes(st, s->signed_info, sizeof s->signed_info);
	db_get_bytes(st, s->certificate, sizeof s->certificate);
	db_get_text(st, s->id, sizeof s->id);
	s->time_ms = db_get_int(st);
	if (db_get_buf(st, &s->value) != 0)
		r = err_nomem(e);
	db_done(st);
	return r;
}

static bool
same_intent(const struct queue_signature *a, const struct queue_signature *b)
{
	return strcmp(a->key, b->key) == 0 &&
	       memcmp(a->spki, b->spki, sizeof a->spki) == 0 &&
	       memcmp(a->signed_info, b->signed_info, sizeof a->signed_info) ==
		   0 &&
	       memcmp(a->certificate, b->certificate, sizeof a->certificate) ==
		   0;
}

static int
write_intent(struct queue *q, const struct queue_signature *s, struct err *e)
{
	struct db_stmt *st = queue_writing(q, SQL_SIGNATURE_SET);

	db_put_int(st, s->job);
	db_put_int(st, s->part);
	db_put_int(st, s->signer);
	db_put_text(st, s->key);
	db_put_bytes(st, s->spki, sizeof s->spki);
	db_put_bytes(st, s->signed_info, sizeof s->signed_info);
	db_put_bytes(st, s->certificate, sizeof s->certificate);
	db_put_text(st, s->id);
	db_put_int(st, s->time_ms);
	return db_run(st, e);
}

int
queue_intent_set(struct queue *q, struct queue_signature *s, struct err *e)
{
	struct queue_signature old = {0};
	int r = queue_signature_get(q, s->job, s->part, s->signer, &old, e);

	if (r == 1 && same_intent(&old, s)) {
		buf_free(&s->value);
		*s = old;
		return 0;
	}
	queue_signature_free(&old);
	if (r < 0)
		return -1;
	buf_reset(&s->value);
	return write_intent(q, s, e);
}

int
queue_signature_set(struct queue *q, int64_t job, unsigned part,
    unsigned signer, struct slice value, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_SIGNATURE_VALUE);
	int r;

	db_put_bytes(s, value.p, value.len);
	db_put_int(s, job);
	db_put_int(s, part);
	db_put_int(s, signer);
	r = db_step(s, e);
	if (r == 0)
		BUG("signature without a recorded intent");
	return r < 0 ? -1 : db_run(s, e);
}

int
queue_signature_count(struct queue *q, int64_t job, size_t *intents,
    size_t *values, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_SIGNATURE_COUNT);

	db_put_int(s, job);
	if (db_step(s, e) != 1)
		return -1;
	*intents = (size_t)db_get_int(s);
	*values = (size_t)db_get_int(s);
	db_done(s);
	return 0;
}

int
queue_intents_clear(struct queue *q, int64_t job, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_SIGNATURE_CLEAR);

	db_put_int(s, job);
	return db_run(s, e);
}

int
queue_intent_drop(
    struct queue *q, int64_t job, unsigned part, unsigned signer, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_SIGNATURE_DROP);

	db_put_int(s, job);
	db_put_int(s, part);
	db_put_int(s, signer);
	return db_run(s, e);
}

int
queue_sign_time(struct queue *q, const char *key, int64_t step_ms,
    int64_t now_ms, int64_t *time_ms, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_KEY_TIME_GET);
	int64_t last = 0;
	int r;

	if (step_ms < 1)
		BUG("step of Signature Ids");
	db_put_text(s, key);
	r = db_step(s, e);
	if (r < 0)
		return -1;
	if (r == 1)
		last = db_get_int(s);
	db_done(s);
	*time_ms = now_ms - now_ms % step_ms;
	if (r == 1 && *time_ms <= last)
		*time_ms = last - last % step_ms + step_ms;
	s = queue_writing(q, SQL_KEY_TIME_SET);
	db_put_text(s, key);
	db_put_int(s, *time_ms);
	return db_run(s, e);
}

/* Steps a statement whose one row is an earlier job. */
static int
read_earlier(struct db_stmt *s, struct queue_earlier *out, struct err *e)
{
	char name[16];
	int r = db_step(s, e);

	if (r != 1)
		return r;
	memset(out, 0, sizeof *out);
	out->job = db_get_int(s);
	db_get_text(s, out->name, sizeof out->name);
	db_get_text(s, out->batch, sizeof out->batch);
	db_get_text(s, name, sizeof name);
	out->state = job_state_from_name(name);
	out->when_ms = db_get_int(s);
	db_get_text(s, out->path, sizeof out->path);
	db_get_text(s, out->output, sizeof out->output);
	db_done(s);
	return 1;
}

int
queue_find_duplicate(struct queue *q, int64_t job,
    const uint8_t duplicate[QUEUE_SHA256], const uint8_t spki[QUEUE_SHA256],
    struct queue_earlier *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_FIND_DUPLICATE);

	db_put_bytes(s, duplicate, QUEUE_SHA256);
	db_put_bytes(s, spki, QUEUE_SHA256);
	db_put_int(s, job);
	return read_earlier(s, out, e);
}

int
queue_find_duplicate_by(struct queue *q, int64_t job,
    const uint8_t duplicate[QUEUE_SHA256], const char *key,
    struct queue_earlier *out, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_FIND_DUPLICATE_BY);

	db_put_bytes(s, duplicate, QUEUE_SHA256);
	db_put_text(s, key);
	db_put_int(s, job);
	return read_earlier(s, out, e);
}

int
queue_find_input(struct queue *q, int64_t job,
    const uint8_t sha256[QUEUE_SHA256], struct queue_earlier *out,
    struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_FIND_INPUT);

	db_put_bytes(s, sha256, QUEUE_SHA256);
	db_put_int(s, job);
	return read_earlier(s, out, e);
}

int
queue_find_output(struct queue *q, int64_t job,
    const uint8_t sha256[QUEUE_SHA256], struct queue_earlier *out,
    struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_FIND_OUTPUT);

	db_put_bytes(s, sha256, QUEUE_SHA256);
	db_put_int(s, job);
	return read_earlier(s, out, e);
}

int
queue_find_filing(struct queue *q, int64_t job, const char *taxpayer,
    const char *procedure, const char *period, struct queue_earlier *out,
    struct err *e)
{
	struct db_stmt *s;

	if (*taxpayer == '\0' || *procedure == '\0')
		return 0;
	s = db_use(q->db, SQL_FIND_FILING);
	db_put_text(s, taxpayer);
	db_put_text(s, procedure);
	db_put_text(s, period);
	db_put_int(s, job);
	return read_earlier(s, out, e);
}

int
queue_certificate_seen(struct queue *q, const struct queue_certificate *c,
    int64_t now_ms, struct err *e)
{
	struct db_stmt *s = queue_writing(q, SQL_CERTIFICATE_ADD);

	db_put_bytes(s, c->sha256, sizeof c->sha256);
	db_put_bytes(s, c->spki, sizeof c->spki);
	db_put_bytes(s, c->der.p, c->der.len);
	if (db_run(s, e) != 0)
		return -1;
	s = queue_writing(q, SQL_CERTIFICATE_SEEN);
	db_put_text(s, c->key);
	db_put_bytes(s, c->sha256, sizeof c->sha256);
	db_put_int(s, now_ms);
	return db_run(s, e);
}

int
queue_certificate_last(struct queue *q, const char *key, const uint8_t *except,
    struct queue_certificate *out, struct err *e)
{
	static const uint8_t none[QUEUE_SHA256];
	struct db_stmt *s = db_use(q->db, SQL_CERTIFICATE_LAST);
	int r;

	buf_reset(&out->der);
	db_put_text(s, key);
	db_put_bytes(s, except == NULL ? none : except, QUEUE_SHA256);
	r = db_step(s, e);
	if (r != 1)
		return r;
	snprintf(out->key, sizeof out->key, "%s", key);
	db_get_bytes(s, out->sha256, sizeof out->sha256);
	db_get_bytes(s, out->spki, sizeof out->spki);
	out->first_ms = db_get_int(s);
	out->last_ms = db_get_int(s);
	if (db_get_buf(s, &out->der) != 0)
		r = err_nomem(e);
	db_done(s);
	return r;
}

int
queue_certificate_get(struct queue *q, const uint8_t sha256[QUEUE_SHA256],
    struct buf *der, struct err *e)
{
	struct db_stmt *s = db_use(q->db, SQL_CERTIFICATE_GET);
	int r;

	db_put_bytes(s, sha256, QUEUE_SHA256);
	r = db_step(s, e);
	if (r != 1)
		return r;
	if (db_get_buf(s, der) != 0)
		r = err_nomem(e);
	db_done(s);
	return r;
}
