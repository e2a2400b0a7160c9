/*
 * A check of revocation as a machine of small steps: ask an examiner what to
 * ask, then source by source fetch and have judged.  No step waits, no step
 * reads a byte of what was fetched, and each has a deadline that holds even
 * when a process hangs.  "Revoked" ends it; so does a good answer from the
 * network.
 */
#include "signer/cert/revcheck.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/log.h"
#include "base/text.h"
#include "signer/cert/fetch.h"
#include "signer/cert/revcache.h"
#include "signer/exam/examiner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCES_MAX 40
#define FILES_MAX 100 /* of one folder */
#define EXAMINE_MS 60000
#define FETCH_GRACE_MS 1000 /* after its own time-out it is killed */

enum phase { PHASE_PLAN, PHASE_FETCH, PHASE_JUDGE, PHASE_OVER };

struct source {
	bool ocsp, remote;
	char where[REVOKE_URL_MAX];
};

struct revcheck {
	struct revcheck_setup setup;
	struct examiner examiner;
	struct fetcher fetcher;
	int certificate, anchors; /* files in memory */
	size_t certificate_len;
	struct revoke_plan plan;
	enum cert_revocation_source kind; /* of the certificate */
	enum phase phase;
	int64_t deadline_ms;
	struct source source[SOURCES_MAX];
	size_t count, at;
	struct member file[FILES_MAX]; /* what is being judged */
	size_t files;
	bool fetched; /* just now; else from the cache or the disk */
	bool late;    /* it is an earlier answer, because asking failed */
	struct cert_revocation good, failed;
	bool has_good, has_failed;
	struct cert_revocation result;
	struct exam_reply reply;
};

enum conf_revocation
revcheck_policy(const struct conf *c, const struct conf_key *key)
{
	return key == NULL || key->revocation == CONF_REVOCATION_DEFAULT
		   ? c->revocation
		   : key->revocation;
}

bool
revcheck_possible(const struct conf *c, const struct conf_key *key)
{
	return revcheck_policy(c, key) != CONF_REVOCATION_OFF &&
	       (c->revoke.hosts.count > 0 || c->revoke.crl.count > 0);
}

static const struct conf_revoke *
rules(const struct revcheck *c)
{
	return &c->setup.conf->revoke;
}

static void
close_files(struct revcheck *c)
{
	for (size_t i = 0; i < c->files; i++) {
		close(c->file[i].fd);
		free((char *)(uintptr_t)c->file[i].name);
	}
	c->files = 0;
}

/* Takes the descriptor. */
static void
add_file(struct revcheck *c, const char *name, int fd)
{
	struct stat st;
	char *copy = strdup(name);

	if (copy == NULL || c->files == FILES_MAX || fstat(fd, &st) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size > rules(c)->fetch_max) {
		close(fd);
		free(copy);
		return;
	}
	c->file[c->files++] = (struct member){copy, fd, (uint64_t)st.st_size};
}

static void
keep(struct revcheck *c, const struct cert_revocation *r)
{
	struct cert_revocation last;
	struct err e = {0};

	c->result = *r;
	c->phase = PHASE_OVER;
	if (c->setup.cache < 0)
		return;
	/* Nobody can be asked any more: that does not undo a "revoked". */
	revcache_result_get(
	    c->setup.cache, c->plan.sha256, REVCACHE_LAST, &last);
	if (r->state == REVOCATION_NOT_CHECKED &&
	    cert_revocation_forbids(&last))
		c->result = last;
	if (revcache_result_put(
		c->setup.cache, c->plan.sha256, &c->result, &e) != 0)
		log_err(LOG_LEVEL_WARN, "revocation.unkept", &e);
}

static void
finish(struct revcheck *c)
{
	struct cert_revocation none;

	cert_revocation_none(&none, c->kind == CERT_REVOCATION_VERIFIERS_ONLY
					? "jpki-verifiers-only"
				    : !c->plan.issuer_known ? "issuer-unknown"
							    : "no-source");
	none.checked_ms = clock_wall_ms();
	if (c->has_good)
		keep(c, &c->good);
	else
		keep(c, c->has_failed ? &c->failed : &none);
	log_event(LOG_LEVEL_INFO, "revocation.checked", "state=%s why=%s",
	    cert_revocation_name(c->result.state), c->result.why);
}

/* The first source that failed tells why. */
static void
fail(struct revcheck *c, const struct cert_revocation *r)
{
	const struct source *s = &c->source[c->at];
	char where[300];

	log_event(LOG_LEVEL_INFO, "revocation.failed", "why=%s source=%s",
	    r->why, text_escape(where, sizeof where, s->where));
	if (c->has_failed)
		return;
	c->failed = *r;
	c->has_failed = true;
	c->failed.checked_ms = clock_wall_ms();
	snprintf(c->failed.kind, sizeof c->failed.kind, "%s",
	    s->ocsp ? "ocsp" : "crl");
	text_printable(
	    c->failed.source, sizeof c->failed.source, slice_str(s->where));
}

static void
fail_why(struct revcheck *c, const char *why)
{
	struct cert_revocation r;

	cert_revocation_none(&r, why);
	fail(c, &r);
}

static int
ask_examiner(struct revcheck *c, enum exam_revoke_what what, struct err *e)
{
	struct member certificate = {
	    "certificate", c->certificate, c->certificate_len};
	struct exam_request q = {.op = EXAM_REVOKE,
	    .format = "",
	    .when_ms = clock_wall_ms(),
	    .drop = {.name = "", .members = c->file, .count = c->files},
	    .input = {.name = "", .members = &certificate, .count = 1},
	    .out = -1,
	    .revoke = {.what = what,
		.max_age_ms = rules(c)->max_age_ms,
		.nonce_required = rules(c)->nonce_required}};

	if (c->fetched && what == EXAM_REVOKE_OCSP)
		q.revoke.request =
		    slice_of(c->plan.request, c->plan.request_len);
	examiner_options(c->setup.conf, &q.options);
	q.options.anchors_fd = c->anchors;
	exam_reply_free(&c->reply);
	c->deadline_ms = clock_mono_ms() + EXAMINE_MS;
	return exam_request_send(c->examiner.fd, &q, e);
}

/* Nothing can be judged any more. */
static void
give_up(struct revcheck *c, const char *why)
{
	if (c->count == 0 || c->at >= c->count) {
		cert_revocation_none(&c->failed, why);
		c->has_failed = true;
	} else {
		fail_why(c, why);
	}
	finish(c);
}

static void
judge(struct revcheck *c)
{
	struct err e = {0};

	c->phase = PHASE_JUDGE;
	if (ask_examiner(c,
		c->source[c->at].ocsp ? EXAM_REVOKE_OCSP : EXAM_REVOKE_CRL,
		&e) != 0)
		give_up(c, "examiner-died");
}

static void
source_name(const struct revcheck *c, char name[REVCACHE_NAME])
{
	const struct source *s = &c->source[c->at];

	revcache_name(name, s->ocsp ? "ocsp" : "crl", s->where, c->plan.sha256);
}

/* True when an earlier answer, young or not, is now being judged. */
static bool
judge_cached(struct revcheck *c, bool young)
{
	char name[REVCACHE_NAME];
	int64_t age;
	int fd;

	source_name(c, name);
	fd = revcache_get(c->setup.cache, name, &age);
	if (fd < 0)
		return false;
	if (young && age >= rules(c)->refresh_ms) {
		close(fd);
		return false;
	}
	close_files(c);
	c->fetched = false;
	c->late = !young;
	add_file(c, name, fd);
	if (c->files == 0)
		return false;
	judge(c);
	return true;
}

static bool
start_fetch(struct revcheck *c)
{
	const struct source *s = &c->source[c->at];
	struct slice post =
	    slice_of(c->plan.request, s->ocsp ? c->plan.request_len : 0);
	struct err e = {0};
	int out = fs_memfd("revocation", &e);

	close_files(c);
	if (out < 0 || fetcher_start(&c->fetcher, &e) != 0 ||
	    fetcher_ask(&c->fetcher, rules(c), s->where, post, out, &e) != 0) {
		log_err(LOG_LEVEL_WARN, "fetch.unstarted", &e);
		fetcher_stop(&c->fetcher);
		if (out >= 0)
			close(out);
		return false;
	}
	add_file(c, s->where, out);
	c->phase = PHASE_FETCH;
	c->deadline_ms = clock_mono_ms() + rules(c)->fetch_ms + FETCH_GRACE_MS;
	return c->files == 1;
}

static bool
is_list_name(const char *name)
{
	static const char *const ends[] = {".crl", ".pem", ".der"};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (name[0] != '.' && n > 4 &&
		    strcmp(name + n - 4, ends[i]) == 0)
			return true;
	return false;
}

static void
open_folder(struct revcheck *c, int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;

	if (d == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(d)) != NULL) {
		int file = -1;

		if (is_list_name(entry->d_name))
			file = openat(dirfd(d), entry->d_name,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (file >= 0)
			add_file(c, entry->d_name, file);
	}
	closedir(d);
}

/* A list, or a folder of lists, on this computer. */
static bool
open_local(struct revcheck *c)
{
	const char *path = c->source[c->at].where;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	close_files(c);
	c->fetched = c->late = false;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		open_folder(c, fd);
	else
		add_file(c, path, fd);
	return c->files > 0;
}

/* Goes on with the present source, and past those that cannot be asked. */
static void
next_source(struct revcheck *c)
{
	for (; c->at < c->count; c->at++) {
		const struct source *s = &c->source[c->at];

		if (!s->remote) {
			if (open_local(c)) {
				judge(c);
				return;
			}
			fail_why(c, "file-unreadable");
		} else if (rules(c)->hosts.count == 0) {
			fail_why(c, "no-hosts");
		} else {
			if (!c->setup.fresh && judge_cached(c, true))
				return;
			if (start_fetch(c))
				return;
			fail_why(c, "fetch-failed");
		}
	}
	finish(c);
}

static void
add_source(struct revcheck *c, const char *where, bool ocsp)
{
	struct source *s = &c->source[c->count];

	if (c->count == SOURCES_MAX || where[0] == '\0' ||
	    strlen(where) >= sizeof s->where)
		return;
	s->ocsp = ocsp;
	s->remote = where[0] != '/';
	snprintf(s->where, sizeof s->where, "%s", where);
	c->count++;
}

static void
add_responders(struct revcheck *c)
{
	const struct conf_key *key = c->setup.key;

	if (key != NULL && key->ocsp_url[0] != '\0')
		add_source(c, key->ocsp_url, true);
	else if (rules(c)->ocsp_url[0] != '\0')
		add_source(c, rules(c)->ocsp_url, true);
	else if (c->kind != CERT_REVOCATION_VERIFIERS_ONLY &&
		 c->kind != CERT_REVOCATION_CRL)
		for (unsigned i = 0; i < c->plan.ocsp_count; i++)
			add_source(c, c->plan.ocsp[i], true);
}

/* What lies here, then responders, then lists from elsewhere; of those that
 * the certificate names, only what its kind really has. */
static void
list_sources(struct revcheck *c)
{
	const struct conf_list *lists = &rules(c)->crl;

	for (size_t i = 0; i < lists->count; i++)
		if (lists->item[i][0] == '/')
			add_source(c, lists->item[i], false);
	add_responders(c);
	for (size_t i = 0; i < lists->count; i++)
		if (lists->item[i][0] != '/')
			add_source(c, lists->item[i], false);
	if (c->kind != CERT_REVOCATION_VERIFIERS_ONLY &&
	    c->kind != CERT_REVOCATION_OCSP)
		for (unsigned i = 0; i < c->plan.crl_count; i++)
			add_source(c, c->plan.crl[i], false);
}

/* One that was fetched and is good for use is kept. */
static void
keep_answer(struct revcheck *c)
{
	char name[REVCACHE_NAME];
	struct err e = {0};

	if (!c->fetched || c->setup.cache < 0 || c->files != 1)
		return;
	source_name(c, name);
	if (revcache_put(c->setup.cache, name, c->file[0].fd,
		(size_t)rules(c)->fetch_max, &e) != 0)
		log_err(LOG_LEVEL_WARN, "revocation.unkept", &e);
}

static void
name_source(const struct revcheck *c, unsigned which, struct cert_revocation *r)
{
	const struct source *s = &c->source[c->at];
	char path[600];

	if (s->remote || which >= c->files ||
	    strcmp(c->file[which].name, s->where) == 0)
		snprintf(path, sizeof path, "%s", s->where);
	else
		snprintf(
		    path, sizeof path, "%s/%s", s->where, c->file[which].name);
	text_printable(r->source, sizeof r->source, slice_str(path));
}

static void
take_judgement(struct revcheck *c)
{
	struct cert_revocation r = c->reply.revocation;
	bool fetched = c->fetched, remote = c->source[c->at].remote;

	r.checked_ms = clock_wall_ms();
	r.cached = c->late;
	name_source(c, c->reply.which, &r);
	if (r.state == REVOCATION_NOT_CHECKED) {
		/* What was kept has run out meanwhile: ask. */
		if (remote && !fetched && !c->late && start_fetch(c))
			return;
		fail(c, &r);
		if (!fetched || !judge_cached(c, false)) {
			c->at++;
			next_source(c);
		}
		return;
	}
	keep_answer(c);
	if (cert_revocation_forbids(&r)) {
		c->good = r;
		c->has_good = true;
		finish(c);
		return;
	}
	if (remote || !c->has_good)
		c->good = r;
	c->has_good = true;
	c->at++;
	if (remote)
		finish(c);
	else
		next_source(c);
}

static void
take_plan(struct revcheck *c)
{
	c->plan = c->reply.plan;
	c->kind = revoke_plan_source(&c->plan, c->setup.conf);
	list_sources(c);
	if (c->plan.issuer_known)
		next_source(c);
	else
		finish(c);
}

static void
step_examiner(struct revcheck *c)
{
	struct err e = {0};
	int type = exam_reply_receive(c->examiner.fd, &c->reply, &e);

	if (type == EXAM_REPLY_MORE)
		return;
	if (type != EXAM_REPLY_DONE || c->reply.error.class != ERR_NONE ||
	    !c->reply.revoke) {
		log_err(LOG_LEVEL_WARN, "revocation.unexamined",
		    type == EXAM_REPLY_DONE ? &c->reply.error : &e);
		give_up(c, "examiner-died");
	} else if (c->phase == PHASE_PLAN) {
		take_plan(c);
	} else {
		take_judgement(c);
	}
}

static void
fetch_failed(struct revcheck *c, const char *why)
{
	fetcher_stop(&c->fetcher);
	fail_why(c, why);
	if (judge_cached(c, false))
		return;
	c->at++;
	next_source(c);
}

static void
step_fetcher(struct revcheck *c)
{
	struct fetch_result r;
	struct err e = {0};
	struct stat st;
	char detail[300];

	if (fetcher_receive(c->fetcher.fd, &r, &e) != 1) {
		fetch_failed(c, "fetch-failed");
		return;
	}
	log_event(LOG_LEVEL_INFO, "revocation.fetched", "why=%s detail=%s",
	    r.why, text_escape(detail, sizeof detail, r.detail));
	if (r.why[0] != '\0') {
		fetch_failed(c, r.why);
		return;
	}
	fetcher_stop(&c->fetcher);
	if (c->files != 1 || fstat(c->file[0].fd, &st) != 0 ||
	    st.st_size > rules(c)->fetch_max) {
		fetch_failed(c, "too-big");
		return;
	}
	c->file[0].size = (uint64_t)st.st_size;
	c->fetched = true;
	c->late = false;
	judge(c);
}

int
revcheck_fd(const struct revcheck *c)
{
	if (c->phase == PHASE_OVER)
		return -1;
	return c->phase == PHASE_FETCH ? c->fetcher.fd : c->examiner.fd;
}

int64_t
revcheck_deadline(const struct revcheck *c)
{
	return c->deadline_ms;
}

void
revcheck_step(struct revcheck *c)
{
	struct pollfd p = {.fd = revcheck_fd(c), .events = POLLIN};

	if (c->phase == PHASE_OVER)
		return;
	if (poll(&p, 1, 0) != 1) {
		if (clock_mono_ms() < c->deadline_ms)
			return;
		if (c->phase == PHASE_FETCH)
			fetch_failed(c, "timeout");
		else
			give_up(c, "examiner-died");
	} else if (c->phase == PHASE_FETCH) {
		step_fetcher(c);
	} else {
		step_examiner(c);
	}
	if (c->phase == PHASE_OVER)
		examiner_stop(&c->examiner);
}

const struct cert_revocation *
revcheck_result(const struct revcheck *c)
{
	return c->phase == PHASE_OVER ? &c->result : NULL;
}

static int
in_memory(const char *label, struct slice bytes, struct err *e)
{
	int fd = fs_memfd(label, e);

	if (fd >= 0 && fs_write(fd, bytes, e) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_inputs(struct revcheck *c, struct err *e)
{
	struct buf pem = {0};
	int rc = 0;

	c->certificate = in_memory("certificate", c->setup.certificate, e);
	c->certificate_len = c->setup.certificate.len;
	if (c->certificate < 0)
		return -1;
	if (c->setup.anchors == NULL)
		return 0;
	rc = cert_anchors_pem(c->setup.anchors, &pem, e);
	if (rc == 0) {
		c->anchors = in_memory("anchors", buf_view(&pem), e);
		rc = c->anchors < 0 ? -1 : 0;
	}
	buf_free(&pem);
	return rc;
}

struct revcheck *
revcheck_start(const struct revcheck_setup *s, struct err *e)
{
	struct revcheck *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_nomem(e);
		return NULL;
	}
	c->setup = *s;
	c->certificate = c->anchors = -1;
	c->examiner.fd = c->fetcher.fd = -1;
	if (open_inputs(c, e) == 0 &&
	    examiner_start(&c->examiner, &s->conf->limits, e) == 0 &&
	    ask_examiner(c, EXAM_REVOKE_PLAN, e) == 0)
		return c;
	revcheck_free(c);
	return NULL;
}

void
revcheck_free(struct revcheck *c)
{
	if (c == NULL)
		return;
	fetcher_stop(&c->fetcher);
	examiner_stop(&c->examiner);
	close_files(c);
	exam_reply_free(&c->reply);
	if (c->certificate >= 0)
		close(c->certificate);
	if (c->anchors >= 0)
		close(c->anchors);
	free(c);
}

int
revcheck_run(
    const struct revcheck_setup *s, struct cert_revocation *r, struct err *e)
{
	struct revcheck *c = revcheck_start(s, e);

	cert_revocation_none(r, "not-asked");
	if (c == NULL)
		return -1;
	while (revcheck_result(c) == NULL) {
		struct pollfd p = {.fd = revcheck_fd(c), .events = POLLIN};
		int64_t left = revcheck_deadline(c) - clock_mono_ms();

		poll(&p, 1, left < 0 ? 0 : (int)left);
		revcheck_step(c);
	}
	*r = *revcheck_result(c);
	revcheck_free(c);
	return 0;
}
