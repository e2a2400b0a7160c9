/*
 * The audit file: one JSON line per record, each carrying the SHA-256 of the
 * line before it.  A record is handed to the writer process before the card
 * signs; while the card is busy the writer appends and fsyncs it, and the
 * signature is released only once it has.  Lines are never changed; a line
 * cut by a crash stays and the next record says so.
 */
#include "signer/key/audit.h"

#include "base/clock.h"
#include "base/fsops.h"
#include "base/log.h"
#include "base/text.h"
#include "base/turn.h"
#include "signer/key/auditlog.h"
#include "signer/key/confine.h"
#include "signer/key/keyclient.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 2000
#define WRITER_CHUNK 65536
#define CUT_PATIENCE_MS 500

struct audit {
	int file;
	int writer; /* our end of the pair */
	pid_t pid;
	uint64_t appended; /* bytes handed over */
	uint64_t durable;  /* bytes fsynced */
	bool failed;
	char key[64];
	char serial[64];
	struct audit_chain chain;
	char open[AUDIT_OPEN_MAX]
		 [KEY_JOB_ID_MAX]; /* nothing came of them yet */
	unsigned open_count;
	struct buf cut; /* the next lines if nothing ever does */
	atomic_int at;  /* enum at: who is at the file's end */
};

/* Only one of two threads writes the next line. */
enum at { AT_NOBODY, AT_APPEND, AT_CUT };

/* The writer tells what became durable, or the errno that ended it. */
struct writer_word {
	uint64_t durable;
	int32_t errnum;
	int32_t unused;
};

static void
tell(int sock, uint64_t durable, int errnum)
{
	struct writer_word w = {durable, errnum, 0};

	while (send(sock, &w, sizeof w, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* The writer process: whatever comes is appended, fsynced and acknowledged;
 * several records at once cost one fsync. */
static _Noreturn void
writer_main(int sock, int file)
{
	static uint8_t chunk[WRITER_CHUNK];
	uint64_t done = 0;
	struct err e = {0};

	for (;;) {
		ssize_t n = read(sock, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		if (fs_write(file, slice_of(chunk, (size_t)n), &e) != 0 ||
		    fs_sync(file, &e) != 0) {
			tell(sock, done, e.errnum == 0 ? EIO : e.errnum);
			_exit(1);
		}
		done += (uint64_t)n;
		tell(sock, done, 0);
	}
}

/* Runs in the child: keeps only the file, the socket and standard error. */
static _Noreturn void
writer_start(int sock, int file)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	prctl(PR_SET_NAME, "natsuin-audit");
	turn_take(TURN_COMPUTES);
	/* It ends with its keyholder, not with a terminal or a group. */
	setsid();
	if (chdir("/") != 0)
		_exit(1);
	if (dup2(file, 0) != 0 || dup2(sock, 1) != 1)
		_exit(1);
	close_range(3, ~0U, 0);
#ifndef NATSUIN_SANITIZED /* whose runtime needs more */
	struct err ignored = {0};

	if (confine_writer(&ignored) != 0)
		log_err(LOG_LEVEL_WARN, "key.writer-not-confined", &ignored);
#endif
	writer_main(1, 0);
}

static int
start_writer(struct audit *a, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_errno(
		    e, ERR_TRANSIENT_IO, "audit-failed", "%s", "socketpair");
	a->pid = fork();
	if (a->pid == 0) {
		close(pair[0]);
		writer_start(pair[1], a->file);
	}
	close(pair[1]);
	a->writer = pair[0];
	if (a->pid < 0)
		return err_errno(
		    e, ERR_TRANSIENT_IO, "audit-failed", "%s", "fork");
	return 0;
}

/* A keyholder that was just killed leaves its writer for a moment. */
static int
take_lock(int fd, const char *key, struct err *e)
{
	const struct timespec pause = {0, 10 * 1000 * 1000};
	int64_t give_up = clock_mono_ms() + LOCK_WAIT_MS;
	int got;

	while ((got = fs_lock(fd, e)) == 0 && clock_mono_ms() < give_up)
		nanosleep(&pause, NULL);
	if (got == 0)
		return err_set(e, ERR_CARD, "key-in-use",
		    "key \"%s\" is held by another natsuin process", key);
	return got < 0 ? -1 : 0;
}

static int
submit(struct audit *a, struct slice line, struct err *e)
{
	if (a->failed)
		return err_set(e, ERR_FATAL_IO, "audit-failed", "%s", a->key);
	if (fs_write(a->writer, line, e) != 0) {
		a->failed = true;
		return err_set(e, ERR_FATAL_IO, "audit-failed",
		    "%s: the writer is gone", a->key);
	}
	a->appended += line.len;
	return 0;
}

static json_t *
record_new(const struct audit *a, const char *kind)
{
	char when[CLOCK_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "time",
	    clock_text(clock_wall_ms(), when), "key", a->key, "certificate",
	    a->serial);
}

/* One "not-signed" that would follow. */
static int
add_cut(struct audit *a, struct audit_chain *c, const char *job)
{
	json_t *r = record_new(a, "not-signed");
	struct buf line = {0};
	int result = -1;

	if (r != NULL && json_object_set_new(r, "job", json_string(job)) == 0 &&
	    json_object_set_new(r, "detail", json_string("card-timeout")) ==
		0 &&
	    audit_chain_line(c, r, &line) == 0 &&
	    buf_slice(&a->cut, buf_view(&line)) == 0) {
		audit_chain_advance(c, slice_of(line.p, line.len - 1));
		result = 0;
	}
	json_decref(r);
	buf_free(&line);
	return result;
}

/* The lines of audit_cut, from where the chain stands now. */
static int
prepare_cut(struct audit *a, struct err *e)
{
	struct audit_chain c = a->chain;

	buf_reset(&a->cut);
	for (unsigned i = 0; i < a->open_count; i++) {
		if (add_cut(a, &c, a->open[i]) != 0) {
			buf_reset(&a->cut);
			return err_nomem(e);
		}
	}
	return 0;
}

static bool
take_end(struct audit *a, enum at who)
{
	int nobody = AT_NOBODY;

	return atomic_compare_exchange_strong(&a->at, &nobody, (int)who);
}

/* Never comes back after audit_cut: the process ends, and its last lines
 * are written. */
static void
begin(struct audit *a)
{
	while (!take_end(a, AT_APPEND))
		poll(NULL, 0, 1);
}

static void
end(struct audit *a)
{
	a->at = AT_NOBODY;
}

static int
append_line(struct audit *a, struct slice line, struct err *e)
{
	if (submit(a, line, e) != 0)
		return -1;
	audit_chain_advance(&a->chain, slice_of(line.p, line.len - 1));
	return prepare_cut(a, e);
}

/* Between begin and end. */
static int
append_more(struct audit *a, json_t *record, uint64_t *ticket, struct err *e)
{
	struct buf line = {0};
	int result = -1;

	if (record == NULL || audit_chain_line(&a->chain, record, &line) != 0)
		err_nomem(e);
	else
		result = append_line(a, buf_view(&line), e);
	if (result == 0 && ticket != NULL)
		*ticket = a->appended;
	json_decref(record);
	buf_free(&line);
	return result;
}

static int
append(struct audit *a, json_t *record, uint64_t *ticket, struct err *e)
{
	int result;

	begin(a);
	result = append_more(a, record, ticket, e);
	end(a);
	return result;
}

static json_t *
event(const struct audit *a, const char *kind, const char *job,
    const char *detail)
{
	json_t *r = record_new(a, kind);

	if (r != NULL && job[0] != '\0')
		json_object_set_new(r, "job", json_string(job));
	if (r != NULL && detail[0] != '\0')
		json_object_set_new(r, "detail", json_string(detail));
	return r;
}

int
audit_event(struct audit *a, const char *kind, const char *job,
    const char *detail, uint64_t *ticket, struct err *e)
{
	return append(a, event(a, kind, job, detail), ticket, e);
}

void
audit_cut(struct audit *a)
{
	bool mine = take_end(a, AT_CUT);

	/* The other thread is about to change the lines. */
	for (int i = 0; !mine && i < CUT_PATIENCE_MS; i++) {
		poll(NULL, 0, 1);
		mine = take_end(a, AT_CUT);
	}
	if (mine && a->cut.len > 0)
		fs_write(a->writer, buf_view(&a->cut), NULL);
}

static json_t *
references(const struct template_match *m)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < m->count; i++) {
		const struct template_reference *r = &m->reference[i];

		json_array_append_new(
		    list, json_pack("[s%, s%]", r->uri.p, r->uri.len,
			      r->digest.p, r->digest.len));
	}
	return list;
}

static void
not_open(struct audit *a, const char *job)
{
	unsigned i = 0;

	while (i < a->open_count && strcmp(a->open[i], job) != 0)
		i++;
	if (i == a->open_count)
		return;
	a->open_count--;
	memmove(a->open[i], a->open[i + 1],
	    (a->open_count - i) * sizeof a->open[0]);
}

void
audit_answered(struct audit *a, const char *job)
{
	struct err ignored = {0};

	begin(a);
	not_open(a, job);
	prepare_cut(a, &ignored);
	end(a);
}

int
audit_not_signed(
    struct audit *a, const char *job, const char *why, struct err *e)
{
	int result;

	begin(a);
	not_open(a, job);
	result = append_more(a, event(a, "not-signed", job, why), NULL, e);
	end(a);
	return result;
}

int
audit_sign(struct audit *a, const char *job, const uint8_t sha256[32],
    const struct template_match *m, uint64_t *ticket, struct err *e)
{
	json_t *r = record_new(a, "sign");
	char hex[65];

	text_hex_fixed(hex, sha256, 32);
	if (r == NULL || json_object_set_new(r, "job", json_string(job)) != 0 ||
	    json_object_set_new(
		r, "algorithm", json_string(m->algorithm->name)) != 0 ||
	    json_object_set_new(r, "format", json_string(m->format)) != 0 ||
	    json_object_set_new(r, "sha256", json_string(hex)) != 0 ||
	    json_object_set_new(r, "references", references(m)) != 0) {
		json_decref(r);
		return err_nomem(e);
	}
	if (a->open_count == AUDIT_OPEN_MAX)
		audit_answered(a, a->open[0]); /* never so many at once */
	snprintf(a->open[a->open_count++], KEY_JOB_ID_MAX, "%s", job);
	if (append(a, r, ticket, e) == 0)
		return 0;
	a->open_count--;
	return -1;
}

/* A line cut by a crash is closed, and the next record says so. */
static int
close_torn(struct audit *a, enum audit_tail tail, struct err *e)
{
	if (tail == AUDIT_TAIL_WHOLE)
		return 0;
	if (submit(a, slice_str("\n"), e) != 0)
		return -1;
	if (tail == AUDIT_TAIL_UNENDED)
		return 0;
	return audit_event(a, AUDIT_KIND_RECOVERED, "", "", NULL, e);
}

struct audit *
audit_open(int dirfd, const char *key, struct err *e)
{
	struct audit *a = calloc(1, sizeof *a);
	enum audit_tail tail;
	char name[128];

	if (a == NULL) {
		err_nomem(e);
		return NULL;
	}
	a->file = a->writer = -1;
	a->pid = -1;
	snprintf(a->key, sizeof a->key, "%s", key);
	snprintf(name, sizeof name, "%s.audit", key);
	a->file = fs_open_append(dirfd, name, 0600, e);
	if (a->file < 0 || take_lock(a->file, key, e) != 0 ||
	    audit_chain_load(&a->chain, a->file, &tail, e) != 0 ||
	    start_writer(a, e) != 0 || close_torn(a, tail, e) != 0) {
		err_push(e, "audit file %s", name);
		audit_close(a);
		return NULL;
	}
	return a;
}

void
audit_close(struct audit *a)
{
	struct err ignored = {0};

	if (a == NULL)
		return;
	if (a->writer >= 0)
		shutdown(a->writer, SHUT_WR);
	while (a->pid > 0 && waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (a->writer >= 0)
		close(a->writer);
	fs_close(&a->file, &ignored);
	buf_free(&a->cut);
	free(a);
}

void
audit_set_serial(struct audit *a, const char *serial)
{
	snprintf(a->serial, sizeof a->serial, "%s", serial);
}

int
audit_fd(const struct audit *a)
{
	return a->writer;
}

int
audit_notice(struct audit *a, struct err *e)
{
	struct writer_word w[16];
	ssize_t n = recv(a->writer, w, sizeof w, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < (ssize_t)sizeof w[0] || n % (ssize_t)sizeof w[0] != 0) {
		a->failed = true;
		return err_set(e, ERR_FATAL_IO, "audit-failed",
		    "%s: the writer is gone", a->key);
	}
	w[0] = w[n / (ssize_t)sizeof w[0] - 1];
	a->durable = w[0].durable;
	if (w[0].errnum == 0)
		return 0;
	a->failed = true;
	errno = w[0].errnum;
	return err_errno(e, ERR_FATAL_IO, "audit-failed", "%s", a->key);
}

bool
audit_durable(const struct audit *a, uint64_t ticket)
{
	return a->durable >= ticket;
}

bool
audit_ok(const struct audit *a)
{
	return !a->failed;
}
