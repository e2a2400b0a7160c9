/*
 * The batch's report.  It is made from the queue alone (and the keys of this
 * run, for their own lines), so that a run that only finished what an earlier
 * one left reports the whole batch.
 */
#include "signer/batch/record.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/batch/jobs.h"
#include "signer/batch/revoke.h"
#include "signer/cert/registered.h"
#include "signer/report/report.h"
#include "signer/report/report_index.h"
#include "signer/report/revoked.h"
#include "signer/report/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDEX_ROWS 400
#define VERDICT_MS 60000 /* as for a key before it publishes */

/* Failed, but only because it is signed already. */
static const char *const same_codes[] = {"duplicate", "already-signed"};

static bool
is_same(const char *code)
{
	for (size_t i = 0; i < sizeof same_codes / sizeof *same_codes; i++)
		if (strcmp(code, same_codes[i]) == 0)
			return true;
	return false;
}

static enum report_result
result_of(const struct batch_line *line)
{
	if (line->state == JOB_PUBLISHED)
		return REPORT_PUBLISHED;
	if (line->state == JOB_DISCARDED)
		return REPORT_DISCARDED;
	if (line->state != JOB_FAILED)
		return REPORT_HELD;
	return is_same(line->code) ? REPORT_DUPLICATE : REPORT_FAILED;
}

static void
text_hash(struct report *t, char **field, const uint8_t hash[QUEUE_SHA256])
{
	char hex[2 * QUEUE_SHA256 + 1];
	static const uint8_t none[QUEUE_SHA256];

	if (memcmp(hash, none, sizeof none) == 0)
		return;
	text_hex_fixed(hex, hash, QUEUE_SHA256);
	report_text(t, field, hex);
}

static void
take_record(struct report *t, struct report_filing *f, const struct job *j,
    const struct batch_line *line)
{
	report_text(t, &f->job, j->name);
	report_text(t, &f->drop, j->drop);
	report_text(t, &f->input, j->path);
	f->result = result_of(line);
	if (f->result != REPORT_PUBLISHED) {
		report_text(t, &f->reason.code,
		    line->code[0] == '\0' ? "interrupted" : line->code);
		report_text(t, &f->reason.detail, line->detail);
	}
	if (strcmp(line->code, "schema-invalid") == 0)
		f->check[REPORT_CHECK_SCHEMA].state = REPORT_NOT_PASSED;
	text_hash(t, &f->input_sha256, j->sha256);
	f->input_size = j->size;
	f->claimed_ms = j->created_ms;
	f->finished_ms = j->changed_ms;
	report_text(t, &f->original, j->original);
	if (j->state != JOB_PUBLISHED)
		return;
	text_hash(t, &f->output_sha256, j->output_sha256);
	f->output_size = j->output_size;
	report_text(t, &f->output, j->output);
}

static void
take_certificate(
    struct report *t, struct report_signer *s, const struct cert_info *c)
{
	report_text(t, &s->name, c->holder.name);
	report_text(t, &s->subject, c->subject);
	report_text(t, &s->issuer, c->issuer);
	report_text(t, &s->serial, c->serial);
	s->not_before_ms = c->not_before_ms;
	s->not_after_ms = c->not_after_ms;
}

/* Of several signers the one that was not checked is told. */
static void
take_revocation(
    struct report_filing *f, struct report *t, const struct cert_revocation *r)
{
	struct report_check_result *c = &f->check[REPORT_CHECK_REVOCATION];
	struct report_revocation *v = &f->revocation;
	char text[REVOKED_TEXT], code[64];
	struct words w;

	if (c->state == REPORT_NOT_CHECKED)
		return;
	c->state = r->state == REVOCATION_GOOD  ? REPORT_PASSED
		   : cert_revocation_forbids(r) ? REPORT_NOT_PASSED
						: REPORT_NOT_CHECKED;
	if (r->state == REVOCATION_NOT_CHECKED)
		report_text(t, &c->code, revoked_code(r, code));
	words_begin(&w, t->language);
	if (r->kind[0] != '\0')
		report_text(t, &c->detail, revoked_text(r, text, sizeof text));
	words_end(&w);
	report_text(t, &v->state, cert_revocation_name(r->state));
	report_text(t, &v->why, r->why);
	report_text(t, &v->kind, r->kind);
	report_text(t, &v->source, r->source);
	report_text(t, &v->note, r->note);
	v->cached = r->cached;
	v->checked_ms = r->checked_ms;
	v->produced_ms = r->produced_ms;
	v->until_ms = r->until_ms;
}

/* What the certificate checks say for a filing that has this signature. */
static void
take_checks(
    struct report_filing *f, struct report *t, const struct cert_verdict *v)
{
	struct report_check_result *path = &f->check[REPORT_CHECK_PATH];

	f->check[REPORT_CHECK_VALIDITY].state =
	    v->ok ? REPORT_PASSED : REPORT_NOT_PASSED;
	path->state = v->path == CERT_PATH_OK    ? REPORT_PASSED
		      : v->path == CERT_PATH_BAD ? REPORT_NOT_PASSED
						 : REPORT_NOT_CHECKED;
	if (path->state == REPORT_NOT_CHECKED)
		report_text(t, &path->code, "certificate-path-not-checked");
	take_revocation(f, t, &v->revoked);
}

/* What the certificate of a signature was worth when it was made.  One
 * verdict is remembered: a batch has few certificates and one night. */
static struct cert_verdict *
verdict_of(struct runner *r, const struct queue_signature *q)
{
	static struct cert_verdict v;
	static bool known;
	static struct cert_revocation revocation;
	const struct conf_key *key = conf_key_find(r->conf, q->key);
	struct cert_policy policy = {0};
	struct buf der = {0};
	struct err e = {0};

	if (known && memcmp(v.cert.sha256, q->certificate, CERT_SHA256) == 0 &&
	    q->time_ms >= v.at_ms && q->time_ms - v.at_ms < VERDICT_MS)
		return &v;
	revoke_recall(r, q->certificate, &revocation);
	known =
	    queue_certificate_get(r->queue, q->certificate, &der, &e) == 1 &&
	    cert_policy_init(&policy, r->conf, key, r->anchors, &e) == 0;
	policy.known = &revocation;
	known = known &&
		cert_check(&policy, buf_view(&der), q->time_ms, &v, &e) == 0;
	buf_free(&der);
	return known ? &v : NULL;
}

/* The signers of the first part stand for all parts. */
static void
take_signers(struct runner *r, struct report *t, struct report_filing *f,
    const struct job *j)
{
	struct queue_signature q = {0};
	struct err e = {0};

	for (unsigned i = 0; i < FINDINGS_SIGNERS_MAX; i++) {
		struct cert_verdict *v;
		struct report_signer *s;

		if (queue_signature_get(r->queue, j->id, 0, i, &q, &e) != 1 ||
		    q.value.len == 0)
			continue;
		v = verdict_of(r, &q);
		s = report_add_signer(t, f);
		if (s == NULL || v == NULL)
			continue;
		report_text(t, &s->key, q.key);
		s->signed_ms = q.time_ms;
		take_certificate(t, s, &v->cert);
		if (j->state == JOB_PUBLISHED)
			take_checks(f, t, v);
	}
	queue_signature_free(&q);
}

/* Signatures that were in the file already. */
static void
take_earlier(
    struct report *t, struct report_filing *f, const struct findings *found)
{
	for (size_t i = 0; i < found->signature_count; i++) {
		const struct found_signature *x = &found->signatures[i];
		struct report_signer *s;
		struct cert_info c;
		struct err e = {0};

		if (!x->filing || x->certificate.len == 0 ||
		    cert_parse(buf_view(&x->certificate), &c, &e) != 0)
			continue;
		s = report_add_signer(t, f);
		if (s == NULL)
			return;
		s->already = true;
		take_certificate(t, s, &c);
	}
}

static void
take_findings(struct runner *r, struct report *t, struct report_filing *f,
    const struct job *j)
{
	struct findings found;
	struct ipc_msg m = {0};
	struct buf blob = {0};
	struct err e = {0};

	if (queue_job_findings(r->queue, j->id, &blob, &e) == 0 &&
	    blob.len > 0 && ipc_load(&m, 0, buf_view(&blob)) == 0 &&
	    findings_get(&m, &found) == 0) {
		report_take_findings(t, f, &found);
		take_earlier(t, f, &found);
		findings_free(&found);
	}
	ipc_free(&m);
	buf_free(&blob);
}

static int
take_filing(struct runner *r, struct report *t, int64_t id, struct err *e)
{
	struct batch_line line;
	struct report_filing *f;
	struct job j;

	if (queue_job_get(r->queue, id, &j, e) != 1 ||
	    queue_batch_line(r->queue, r->batch.id, id, &line, e) != 1)
		return -1;
	if (line.state == JOB_RETURNED || line.state == JOB_CLAIMING)
		return 0;
	f = report_add_filing(t);
	if (f == NULL)
		return err_nomem(e);
	take_findings(r, t, f, &j);
	take_record(t, f, &j, &line);
	take_signers(r, t, f, &j);
	if (j.state == JOB_PUBLISHED) {
		f->check[REPORT_CHECK_SIGNATURE].state = REPORT_PASSED;
		f->check[REPORT_CHECK_UNCHANGED].state = REPORT_PASSED;
	}
	return 0;
}

/* Said once per key and format, not for each of 300 filings. */
static void
take_kind(struct report *t, struct report_key *x, const struct bkey *k)
{
	const struct cert_profile *p = &k->verdict.cert.profile;
	char detail[80];

	for (size_t i = 0; submission_formats[i] != NULL; i++) {
		const char *format = submission_formats[i]->name;

		if ((k->signs >> i & 1) == 0 ||
		    cert_profile_accepts(p, format) != CERT_UNCONFIRMED)
			continue;
		snprintf(detail, sizeof detail, "%s, %s", p->name, format);
		report_warn(t, &x->warnings, &x->warning_count,
		    "certificate-format-unconfirmed", detail);
	}
}

/* Did this key show its first certificate in this batch? */
static bool
is_first_batch(struct runner *r, const struct bkey *k)
{
	struct queue_certificate last = {0};
	struct err e = {0};
	bool first = queue_certificate_last(
			 r->queue, k->conf->name, NULL, &last, &e) == 1 &&
		     last.first_ms >= r->batch.created_ms;

	queue_certificate_free(&last);
	return first;
}

/* e-Tax wants the certificate registered (facts: TKC Q&A 0103404).  A changed
 * one is told until somebody says that it is; a first one is told once. */
static void
take_registration(struct runner *r, struct report *t, struct report_key *x,
    const struct bkey *k)
{
	struct registration last;
	enum registered state;
	struct err e = {0};
	const char *code = NULL;
	char detail[100];

	if (k->status.certificate.len == 0)
		return;
	if (registered_judge(r->conf, r->queue, k->conf->name,
		k->verdict.cert.sha256, &state, &last, &e) != 0)
		code = e.code;
	else if (state == REGISTERED_CHANGED)
		code = "certificate-changed";
	else if (state == REGISTERED_FIRST && is_first_batch(r, k) &&
		 k->conf->etax_user_id[0] != '\0')
		code = "certificate-first-use";
	if (code == NULL)
		return;
	snprintf(
	    detail, sizeof detail, "serial number %s", k->verdict.cert.serial);
	report_warn(t, &x->warnings, &x->warning_count, code, detail);
}

static void
take_key(struct runner *r, struct report *t, const struct bkey *k)
{
	struct report_key *x;

	if (!k->used)
		return;
	x = report_add_key(t);
	if (x == NULL)
		return;
	report_text(t, &x->name, k->conf->name);
	report_text(t, &x->holder, k->verdict.cert.holder.name);
	report_text(t, &x->serial, k->verdict.cert.serial);
	report_text(t, &x->where, k->status.card.where);
	x->not_after_ms = k->verdict.cert.not_after_ms;
	x->tries_left =
	    k->status.key[0] == '\0' ? -1 : k->status.card.tries_left;
	x->signatures = k->signatures;
	for (unsigned i = 0; i < k->verdict.warning_count; i++)
		report_warn(t, &x->warnings, &x->warning_count,
		    k->verdict.warnings[i].code, k->verdict.warnings[i].detail);
	take_kind(t, x, k);
	take_registration(r, t, x, k);
	if (k->state == KEY_STOPPED)
		report_warn(t, &x->warnings, &x->warning_count, k->error.code,
		    k->error.detail);
}

/* Drop folders whose due date was over when their filings were signed. */
static void
take_due(struct runner *r, struct report *t)
{
	char detail[80], when[32];

	for (size_t i = 0; i < r->conf->drop_count; i++) {
		const struct conf_drop *d = &r->conf->drops[i];
		bool used = false;

		for (size_t f = 0; f < t->filing_count && !used; f++)
			used = t->filings[f].drop != NULL &&
			       strcmp(t->filings[f].drop, d->name) == 0;
		if (!used || d->due_ms == 0 || d->due_ms >= t->finished_ms)
			continue;
		snprintf(detail, sizeof detail, "due date of %s: %.10s",
		    d->name, cert_time_text(d->due_ms, when, sizeof when));
		report_warn(
		    t, &t->warnings, &t->warning_count, "due-passed", detail);
	}
}

static int
fill(struct runner *r, struct report *t, struct err *e)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int result;

	runner_record(r); /* many reads are cheaper in one transaction */
	result = queue_job_list(
	    r->queue, QUEUE_BATCH_JOBS, r->batch.id, &ids, &n, e);

	report_text(t, &t->batch, r->batch.name);
	report_text(t, &t->version, NATSUIN_VERSION);
	t->started_ms = r->batch.created_ms;
	t->finished_ms = clock_wall_ms();
	for (size_t i = 0; i < n && result == 0; i++)
		result = take_filing(r, t, ids[i], e);
	for (size_t i = 0; i < r->key_count; i++)
		take_key(r, t, &r->keys[i]);
	take_due(r, t);
	if (r->fatal.class != ERR_NONE)
		report_warn(t, &t->warnings, &t->warning_count, r->fatal.code,
		    r->fatal.detail);
	runner_commit(r);
	free(ids);
	return result;
}

typedef int writer(const struct report *, struct buf *, struct err *);

static int
write_one(struct runner *r, int dir, const char *name, writer *write,
    const struct report *t, struct err *e)
{
	struct buf b = {0};
	int result = write(t, &b, e);

	if (result == 0)
		result = fs_replace(
		    dir, name, buf_view(&b), spool_file_mode(r->spool), e);
	buf_free(&b);
	return result;
}

static int
write_all(struct runner *r, const struct report *t, struct err *e)
{
	int dir = spool_reports_dir(r->spool, r->batch.name, e), result = -1;

	if (dir < 0)
		return -1;
	if (r->conf->report_json &&
	    write_one(r, dir, "report.json", report_write_json, t, e) != 0)
		goto out;
	if (r->conf->report_csv &&
	    write_one(r, dir, "report.csv", report_write_csv, t, e) != 0)
		goto out;
	if (r->conf->report_html &&
	    write_one(r, dir, "report.html", report_write_html, t, e) != 0)
		goto out;
	result = write_one(r, dir, "manifest.csv", report_write_manifest, t, e);
out:
	close(dir);
	return result;
}

/* The counts as the batch's own report has them. */
static int
index_counts(struct runner *r, const struct batch *b,
    struct report_index_row *row, struct err *e)
{
	int64_t same = 0, n;

	for (size_t i = 0;
	     b->failed > 0 && i < sizeof same_codes / sizeof *same_codes; i++) {
		if (queue_batch_failed_with(
			r->queue, b->id, same_codes[i], &n, e) != 0)
			return -1;
		same += n;
	}
	row->count[REPORT_PUBLISHED] = (size_t)b->published;
	row->count[REPORT_FAILED] = (size_t)(b->failed - same);
	row->count[REPORT_HELD] = (size_t)b->held;
	row->count[REPORT_DUPLICATE] = (size_t)same;
	row->count[REPORT_DISCARDED] = (size_t)b->discarded;
	return 0;
}

static int
index_rows(struct runner *r, struct report_index_row *rows,
    struct batch *batches, size_t *count, struct err *e)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int result = queue_batch_list(r->queue, INDEX_ROWS, &ids, &n, e);

	*count = 0;
	for (size_t i = 0; i < n && result == 0; i++) {
		struct batch *b = &batches[*count];
		struct report_index_row *row = &rows[*count];

		if (queue_batch_get(r->queue, ids[i], b, e) != 1 ||
		    index_counts(r, b, row, e) != 0) {
			result = -1;
			break;
		}
		row->batch = b->name;
		row->started_ms = b->created_ms;
		row->finished_ms = b->finished_ms;
		(*count)++;
	}
	free(ids);
	return result;
}

int
record_index(struct runner *r, struct err *e)
{
	struct report_index_row *rows = calloc(INDEX_ROWS, sizeof *rows);
	struct batch *batches = calloc(INDEX_ROWS, sizeof *batches);
	struct buf b = {0};
	size_t n = 0;
	int dir = spool_reports_dir(r->spool, "", e), result = -1;

	if (rows == NULL || batches == NULL) {
		err_nomem(e);
		goto out;
	}
	if (dir < 0 || index_rows(r, rows, batches, &n, e) != 0 ||
	    report_write_index(rows, n, r->conf->report_language, &b, e) != 0)
		goto out;
	result = fs_replace(
	    dir, "index.html", buf_view(&b), spool_file_mode(r->spool), e);
out:
	if (dir >= 0)
		close(dir);
	buf_free(&b);
	free(rows);
	free(batches);
	return result;
}

int
record_batch(struct runner *r, bool interrupted, struct err *e)
{
	struct report t;
	int result;

	report_init(&t, r->conf->report_language);
	t.interrupted = interrupted;
	result = fill(r, &t, e);
	if (result == 0)
		result = write_all(r, &t, e);
	report_free(&t);
	return result;
}
