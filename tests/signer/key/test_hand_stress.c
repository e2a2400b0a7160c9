/*
 * Clients that come, sign, hang up and lock at random moments, at a keyholder
 * whose card fails or hangs, whose audit writer dies, and which is ended in
 * every way.  Afterwards the records, what the clients have and what the key
 * did must agree.  NATSUIN_SEED=n repeats a run as far as the scheduler does.
 */
#include "base/clock.h"
#include "signer/key/audit.h"
#include "signer/key/keystate.h"
#include "tests/lib/keylab.h"
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 24
#define CLIENTS 4
#define JOBS 60 /* of one client in one round */
/* Requests at most whose records a killed writer has not written: in the hand,
 * signed and not released; and those that were asked for twice. */
#define LOST (2 + 4 + 3)
#define EXIT_CARD 69
#define PATIENCE_MS 60000

enum ending { END_TERM, END_KILL, END_WRITER, END_LOCK, ENDINGS };

/* What has become of one job. */
struct job {
	unsigned records, refusals; /* "sign", "not-signed" */
	bool received;
};

static struct keyserver server;
static struct job (*jobs)[JOBS]; /* shared with the clients */
static unsigned seed;

static unsigned
dice(unsigned sides)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % sides;
}

/* ---- a client, in a process of its own ---------------------------------- */

static void
ask(int fd, unsigned me, unsigned n)
{
	struct buf info = {0};
	struct err e = {0};
	char name[40];

	snprintf(name, sizeof name, "%u-%u", me, n);
	keylab_signed_info(&info, "RSH0010", me * JOBS + n);
	keyclient_sign(fd, SIGN_RSA_SHA256, buf_view(&info), name, &e);
	buf_free(&info);
}

/* A signature is the one of its job. */
static void
received(unsigned me, const struct key_reply *r)
{
	struct buf info = {0};
	unsigned who, n;

	if (sscanf(r->job_id, "%u-%u", &who, &n) != 2 || who != me || n >= JOBS)
		_exit(3);
	keylab_signed_info(&info, "RSH0010", me * JOBS + n);
	if (!keylab_verifies(buf_view(&info), buf_view(&r->signature)) ||
	    jobs[me][n].received)
		_exit(4);
	jobs[me][n].received = true;
	buf_free(&info);
}

/* One message; false when the connection is over. */
static bool
hear(int fd, unsigned me)
{
	struct pollfd p = {fd, POLLIN, 0};
	struct key_reply r = {0};
	struct err e = {0};
	bool on;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		_exit(5);
	on = keyclient_receive(fd, &r, &e) == 0 && r.type != KEY_REPLY_EOF;
	if (on && r.type == KEY_REPLY_SIGNED)
		received(me, &r);
	key_reply_free(&r);
	return on;
}

/* One connection: up to two requests at a time; leaves at any moment. */
static unsigned
visit(int fd, unsigned me, unsigned n)
{
	unsigned stay = 1 + dice(20), open = 0;
	struct err e = {0};

	while (stay-- > 0 && n < JOBS) {
		if (open < 2 && dice(3) > 0) {
			ask(fd, me, n++);
			open++;
		} else if (dice(12) == 0) {
			keyclient_ask_status(fd, &e);
			if (!hear(fd, me))
				break;
		} else if (open > 0) {
			if (!hear(fd, me))
				break;
			open--;
		}
	}
	close(fd);
	return n;
}

static _Noreturn void
client(unsigned me)
{
	unsigned n = 0;
	int fd;

	seed += me * 7919U;
	while (n < JOBS && (fd = keyserver_connect(&server)) >= 0)
		n = visit(fd, me, n);
	_exit(0);
}

/* ---- afterwards --------------------------------------------------------- */

static int
state_folder(void)
{
	struct err e = {0};
	int state = keystate_open(server.conf.root, &e);

	CHECK_OK(state, &e);
	return state;
}

/* The writer may outlive its keyholder: its lock says when it is done. */
static void
wait_writer(int state)
{
	int64_t give_up = clock_mono_ms() + PATIENCE_MS;
	struct audit *a = NULL;
	struct err e = {0};

	while (a == NULL && clock_mono_ms() < give_up)
		a = audit_open(state, server.key.name, &e);
	CU_ASSERT_PTR_NOT_NULL(a);
	audit_close(a);
}

static void
count_record(const char *line)
{
	json_t *r = json_loads(line, 0, NULL);
	const char *kind = json_string_value(json_object_get(r, "kind"));
	const char *job = json_string_value(json_object_get(r, "job"));
	unsigned me, n;

	if (kind != NULL && job != NULL && sscanf(job, "%u-%u", &me, &n) == 2 &&
	    me < CLIENTS && n < JOBS) {
		jobs[me][n].records += strcmp(kind, "sign") == 0;
		jobs[me][n].refusals += strcmp(kind, "not-signed") == 0;
	}
	json_decref(r);
}

static void
read_audit(void)
{
	struct audit_summary sum;
	struct err e = {0};
	char name[80], line[4000];
	int state = state_folder(), fd;
	FILE *f;

	wait_writer(state);
	snprintf(name, sizeof name, "%s.audit", server.key.name);
	fd = openat(state, name, O_RDONLY | O_CLOEXEC);
	CHECK_OK(audit_verify(fd, &sum, &e), &e);
	lseek(fd, 0, SEEK_SET);
	f = fdopen(fd, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof line, f) != NULL)
		count_record(line);
	fclose(f);
	close(state);
}

/* `whole`: the session had the time to say what came of everything. */
static void
compare(bool whole, bool wrong)
{
	unsigned records = 0, refusals = 0;
	unsigned made = keyserver_count(&server, "signed") - wrong;

	for (unsigned i = 0; i < CLIENTS; i++) {
		for (unsigned n = 0; n < JOBS; n++) {
			const struct job *j = &jobs[i][n];

			CU_ASSERT(j->records <= 1);
			CU_ASSERT(j->refusals <= j->records);
			CU_ASSERT(!j->received ||
				  (j->records == 1 && j->refusals == 0));
			records += j->records;
			refusals += j->refusals;
		}
	}
	CU_ASSERT(
	    keyserver_count(&server, "sign") <= records + (whole ? 0 : LOST));
	if (whole)
		CU_ASSERT_EQUAL(records, made + refusals);
	if (server.limits.max_signatures > 0)
		CU_ASSERT(made <= (unsigned)server.limits.max_signatures);
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 1);
}

/* ---- a round ------------------------------------------------------------ */

/* A card, whether it will hang, and which answer will be wrong (0: none). */
static void
choose_card(char *script, size_t size, bool *hangs, unsigned *wrong)
{
	unsigned at = 1 + dice(60), kind = dice(6);
	int n = snprintf(script, size, "latency=%ums; ", dice(4));

	*hangs = kind == 0;
	*wrong = kind == 1 ? at : 0;
	if (kind == 0)
		snprintf(script + n, size - (size_t)n, "gate:%u=%s/never", at,
		    suite_dir_path());
	else if (kind < 4)
		snprintf(script + n, size - (size_t)n, "sign:%u=%s", at,
		    kind == 1   ? "wrong-signature"
		    : kind == 2 ? "card-removed"
				: "pin-lost");
}

static void
lock(void)
{
	int fd = keyserver_connect(&server);
	struct err e = {0};

	if (fd < 0)
		return;
	keyclient_lock(fd, &e);
	close(fd);
}

static void
end_somehow(enum ending how)
{
	pid_t writer = keyserver_writer(&server);

	usleep(1000 * dice(250));
	if (how == END_KILL)
		kill(server.pid, SIGKILL);
	else if (how == END_WRITER && writer > 0)
		kill(writer, SIGKILL);
	else if (how == END_LOCK)
		lock();
	else
		kill(server.pid, SIGTERM);
}

static void
wait_clients(const pid_t pid[CLIENTS])
{
	int status;

	for (unsigned i = 0; i < CLIENTS; i++) {
		CU_ASSERT_EQUAL(waitpid(pid[i], &status, 0), pid[i]);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

static void
play(unsigned round)
{
	char script[300], name[20];
	enum ending how = (enum ending)dice(ENDINGS);
	bool hangs;
	struct err e = {0};
	pid_t pid[CLIENTS];
	unsigned wrong;
	int status;

	memset(jobs, 0, CLIENTS * sizeof *jobs);
	choose_card(script, sizeof script, &hangs, &wrong);
	snprintf(name, sizeof name, "stress%u", round);
	keyserver_init(&server, name, script);
	/* Long enough for a loaded machine to unlock within it. */
	server.key.card_timeout_ms = hangs ? 700 : 0;
	server.limits.max_signatures = dice(3) == 0 ? 1 + dice(80) : 0;
	CHECK_OK(keyserver_start(&server, &e), &e);
	for (unsigned i = 0; i < CLIENTS; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			client(i);
	}
	end_somehow(how);
	wait_clients(pid);
	status = keyserver_stop(&server);
	printf("# %s; end %u: %d\n", script, how, status);
	CU_ASSERT(status == EXIT_CARD ? hangs : status >= 0 || how == END_KILL);
	read_audit();
	compare(status >= 0 && status != EXIT_CARD &&
		    status != KEYHOLDER_END_AUDIT && how != END_WRITER,
	    wrong > 0 && keyserver_count(&server, "sign") >= wrong);
	keyserver_free(&server);
}

static void
everything_agrees_afterwards(void)
{
	const char *given = getenv("NATSUIN_SEED");

	seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
			     : (unsigned)clock_wall_ms();
	printf("# NATSUIN_SEED=%u\n", seed);
	fflush(stdout);
	jobs = mmap(NULL, CLIENTS * sizeof *jobs, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_FATAL(jobs != MAP_FAILED);
	for (unsigned i = 0; i < ROUNDS; i++)
		play(i);
	munmap(jobs, CLIENTS * sizeof *jobs);
}

SUITE_MAIN("hand_stress", CASE(everything_agrees_afterwards))
