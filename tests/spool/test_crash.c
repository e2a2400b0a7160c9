/*
 * Killed before every single file call in turn, then run to the end: the
 * result must be the same each time.  The calls of our own code are counted
 * by standing in for the C library's; a child is killed before the k-th, for
 * all k, and a second child finishes with spool/ and queue/ as the batch
 * uses them.  What is on disk is looked at, not what a function says.
 */
#include "queue/job.h"
#include "queue/queue.h"
#include "spool/inside.h"
#include "tests/lib/box.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#define NOW 1795338000123
#define SIGNATURE "<Signature/>"

/* The stand-ins. */

static bool counting; /* in the children only */
static long kill_at;  /* 0 = never */
static long calls;

static void
count(void)
{
	if (kill_at > 0 && ++calls >= kill_at)
		kill(getpid(), SIGKILL);
}

/*
 * What is not durable: files written and folders that got an entry, without
 * an fsync since.  A power cut may take those; so at each commit of the
 * queue there must be none (what is removed may come back: that is harmless).
 */
static struct {
	dev_t dev;
	ino_t ino;
	char name[120]; /* for the message */
} dirty[64];
static size_t dirty_count;

static void
soil(int fd)
{
	char path[40];
	struct stat st;
	ssize_t n;

	if (!counting || fstat(fd, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return;
	for (size_t i = 0; i < dirty_count; i++)
		if (dirty[i].dev == st.st_dev && dirty[i].ino == st.st_ino)
			return;
	if (dirty_count == sizeof dirty / sizeof *dirty)
		_exit(7);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(
	    path, dirty[dirty_count].name, sizeof dirty[dirty_count].name - 1);
	dirty[dirty_count].name[n < 0 ? 0 : n] = '\0';
	dirty[dirty_count].dev = st.st_dev;
	dirty[dirty_count++].ino = st.st_ino;
}

static void
wash(int fd)
{
	struct stat st;
	size_t kept = 0;

	if (fstat(fd, &st) != 0)
		return;
	for (size_t i = 0; i < dirty_count; i++)
		if (dirty[i].dev != st.st_dev || dirty[i].ino != st.st_ino)
			dirty[kept++] = dirty[i];
	dirty_count = kept;
}

#define REAL(name) real_##name
#define FIND(name)                                                             \
	do {                                                                   \
		count();                                                       \
		if (REAL(name) == NULL)                                        \
			*(void **)&REAL(name) = dlsym(RTLD_NEXT, #name);       \
	} while (0)

int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	static int (*real_renameat2)(
	    int, const char *, int, const char *, unsigned);

	FIND(renameat2);
	soil(b);
	return REAL(renameat2)(a, from, b, to, flags);
}

int
renameat(int a, const char *from, int b, const char *to)
{
	static int (*real_renameat)(int, const char *, int, const char *);

	FIND(renameat);
	soil(b);
	return REAL(renameat)(a, from, b, to);
}

int
linkat(int a, const char *from, int b, const char *to, int flags)
{
	static int (*real_linkat)(int, const char *, int, const char *, int);

	FIND(linkat);
	soil(b);
	return REAL(linkat)(a, from, b, to, flags);
}

int
unlinkat(int dir, const char *name, int flags)
{
	static int (*real_unlinkat)(int, const char *, int);

	FIND(unlinkat);
	return REAL(unlinkat)(dir, name, flags);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	static int (*real_mkdirat)(int, const char *, mode_t);

	FIND(mkdirat);
	if (REAL(mkdirat)(dir, name, mode) != 0)
		return -1;
	soil(dir);
	return 0;
}

/* Killed processes lose nothing that was written, synced or not; so the
 * stand-ins only count, also for SQLite, which makes this test quick. */
__attribute__((visibility("default"))) int
fsync(int fd)
{
	count();
	wash(fd);
	return 0;
}

__attribute__((visibility("default"))) int
fdatasync(int fd)
{
	count();
	wash(fd);
	return 0;
}

int
fchmod(int fd, mode_t mode)
{
	static int (*real_fchmod)(int, mode_t);

	FIND(fchmod);
	return REAL(fchmod)(fd, mode);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	static ssize_t (*real_write)(int, const void *, size_t);

	FIND(write);
	soil(fd);
	return REAL(write)(fd, p, n);
}

int
openat(int dir, const char *name, int flags, ...)
{
	static int (*real_openat)(int, const char *, int, ...);
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
		FIND(openat);
		if (dir != AT_FDCWD)
			soil(dir);
	} else if (REAL(openat) == NULL) {
		*(void **)&REAL(openat) = dlsym(RTLD_NEXT, "openat");
	}
	return REAL(openat)(dir, name, flags, mode);
}

/* The commits too: a kill just before one is what group commit is for. */
static int
commit(struct queue *q, struct err *e)
{
	for (size_t i = 0; i < dirty_count; i++)
		fprintf(stderr, "not synced: %s\n", dirty[i].name);
	if (dirty_count != 0)
		_exit(6);
	count();
	return queue_commit(q, e);
}

/* A very small batch. */

enum ending { PUBLISH, FAIL, RETURN };

struct run {
	struct box *b;
	struct queue *q;
	struct batch batch;
	enum ending ending;
};

static void
need(int result, const struct err *e, const char *what)
{
	char text[600];

	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err_format(e, text, sizeof text));
	_exit(3);
}

static struct spool_job
place_of(struct run *r, const struct job *j)
{
	struct spool_job p = {j->name, j->batch_name, &r->b->drop[0], j->source,
	    j->path, j->folder};

	return p;
}

static void
step(struct run *r, struct job *j, enum job_state to)
{
	struct err e = {0};

	need(queue_begin(r->q, &e), &e, "begin");
	if (to == JOB_CLAIMED)
		queue_job_set_claim(r->q, j, NULL);
	if (to == JOB_PUBLISHED)
		queue_job_set_output(r->q, j, NULL);
	queue_job_step(r->q, j, to, NULL, NOW, NULL);
	need(commit(r->q, &e), &e, "commit");
}

static void
cleaned(struct run *r, struct job *j)
{
	struct err e = {0};

	need(spool_sync(r->b->spool, false, &e), &e, "sync");
	need(queue_begin(r->q, &e), &e, "begin");
	queue_job_set_cleaned(r->q, j, NULL);
	need(commit(r->q, &e), &e, "commit");
}

/* Input and signature, as an examiner would write them. */
static void
build(struct run *r, struct job *j)
{
	struct spool_job p = place_of(r, j);
	struct spool_members in;
	struct buf text = {0};
	struct err e = {0};
	unsigned n = QUEUE_SHA256;
	int fd;

	need(spool_open_input(r->b->spool, &p, 10, &in, &e), &e, "input");
	for (size_t i = 0; i < in.count; i++)
		need(fs_read_all(in.member[i].fd, 4096, &text, &e), &e, "read");
	spool_members_close(&in);
	buf_puts(&text, SIGNATURE);
	fd = spool_create_output(r->b->spool, &p, &e);
	need(fd, &e, "create");
	need(fs_write(fd, buf_view(&text), &e), &e, "write");
	need(fs_sync(fd, &e), &e, "fsync");
	close(fd);
	EVP_Digest(text.p, text.len, j->output_sha256, &n, EVP_sha256(), NULL);
	buf_free(&text);
	need(spool_sync(r->b->spool, true, &e), &e, "sync");
}

/* From where the job stands to its end. */
static void
walk(struct run *r, struct job *j, bool again)
{
	struct spool_job p = place_of(r, j);
	struct err e = {0};

	if (r->ending == RETURN && j->state == JOB_CLAIMED) {
		need(spool_return(r->b->spool, &p, NULL, &e), &e, "return");
		need(spool_sync(r->b->spool, false, &e), &e, "sync");
		step(r, j, JOB_RETURNED);
		return;
	}
	if (r->ending == FAIL && !job_state_final(j->state))
		step(r, j, JOB_FAILED);
	if (j->state == JOB_FAILED) {
		need(spool_fail(
			 r->b->spool, &p, slice_str(j->name), j->original, &e),
		    &e, "fail");
		cleaned(r, j);
		return;
	}
	if (j->state == JOB_CLAIMED)
		step(r, j, JOB_EXAMINED);
	if (j->state == JOB_EXAMINED) {
		build(r, j);
		need(queue_begin(r->q, &e), &e, "begin");
		queue_job_set_output(r->q, j, NULL);
		queue_job_step(r->q, j, JOB_BUILT, NULL, NOW, NULL);
		need(commit(r->q, &e), &e, "commit");
	}
	if (j->state == JOB_BUILT)
		step(r, j, JOB_VERIFIED);
	if (j->state == JOB_VERIFIED) {
		need(spool_publish(r->b->spool, &p, j->path, j->output_sha256,
			 again, j->output, &e),
		    &e, "publish");
		need(spool_sync(r->b->spool, false, &e), &e, "sync");
		step(r, j, JOB_PUBLISHED);
	}
	need(spool_done(r->b->spool, &p, j->original, &e), &e, "done");
	cleaned(r, j);
}

static void
recover_one(struct run *r, struct job *j)
{
	struct spool_job p = place_of(r, j);
	struct spool_copy copy = {.size = j->size, .mtime_ms = j->mtime_ms};
	enum spool_place place;
	struct err e = {0};
	bool good, new = j->state == JOB_CLAIMING;

	memcpy(copy.sha256, j->sha256, sizeof copy.sha256);
	need(spool_recover(
		 r->b->spool, &p, new ? NULL : &copy, &place, &good, &e),
	    &e, "recover");
	if (place == SPOOL_IN_DROP) {
		step(r, j, JOB_RETURNED);
		return;
	}
	if (place == SPOOL_NOWHERE) {
		fprintf(stderr, "job in state %s is nowhere\n",
		    job_state_name(j->state));
		_exit(4);
	}
	if (!good) {
		need(spool_copy_again(r->b->spool, &p, &copy, &e), &e, "copy");
		need(spool_sync(r->b->spool, false, &e), &e, "sync");
	}
	if (new) {
		j->size = copy.size;
		memcpy(j->sha256, copy.sha256, sizeof j->sha256);
		step(r, j, JOB_CLAIMED);
	}
	walk(r, j, true);
}

static void
recover(struct run *r)
{
	static const enum queue_select which[] = {
	    QUEUE_OPEN_JOBS, QUEUE_UNCLEANED};
	struct spool_ids work = {0};
	struct err e = {0};
	struct job j;
	int64_t *ids;
	size_t n;

	for (size_t w = 0; w < 2; w++) {
		need(queue_job_list(r->q, which[w], 0, &ids, &n, &e), &e,
		    "list");
		for (size_t i = 0; i < n; i++) {
			need(queue_job_get(r->q, ids[i], &j, &e), &e, "get");
			if (w == 0)
				recover_one(r, &j);
			else
				walk(r, &j, true);
		}
		free(ids);
	}
	need(spool_list_work(r->b->spool, &work, &e), &e, "list work");
	for (size_t i = 0; i < work.count; i++) {
		if (queue_job_find(r->q, work.id[i], &j, &e) == 0)
			_exit(5); /* every id here was recorded first */
		need(spool_sweep(r->b->spool, work.id[i], slice_str("?"), &e),
		    &e, "sweep");
	}
	spool_ids_free(&work);
}

static void
take(struct run *r, const struct spool_found *f)
{
	struct job j = {.batch = r->batch.id, .folder = f->folder};
	struct spool_copy copy;
	struct err e = {0};

	snprintf(j.drop, sizeof j.drop, "kokuzei");
	snprintf(j.source, sizeof j.source, "%s", f->source);
	snprintf(j.path, sizeof j.path, "%s", f->path);
	need(queue_begin(r->q, &e), &e, "begin");
	queue_job_add(r->q, &j, NOW, NULL);
	need(commit(r->q, &e), &e, "commit");
	need(spool_take(r->b->spool, f, j.name, &copy, &e), &e, "take");
	need(spool_sync(r->b->spool, false, &e), &e, "sync");
	j.size = copy.size;
	memcpy(j.sha256, copy.sha256, sizeof j.sha256);
	step(r, &j, JOB_CLAIMED);
	need(spool_taken(r->b->spool, &e), &e, "taken");
	walk(r, &j, false);
}

/* One process: opens all, recovers, takes what there is, ends. */
static void
process(struct box *b, enum ending ending, long k)
{
	struct run r = {.b = b, .ending = ending};
	struct spool_scan scan;
	struct err e = {0};

	kill_at = k;
	calls = 0;
	counting = true;
	b->spool = spool_open(&b->conf, &e);
	need(b->spool == NULL ? -1 : 0, &e, "spool");
	r.q = queue_open(spool_state_dir(b->spool), QUEUE_WRITE, &e);
	need(r.q == NULL ? -1 : 0, &e, "queue");
	recover(&r);
	if (queue_batch_unfinished(r.q, &r.batch, &e) == 0) {
		need(queue_begin(r.q, &e), &e, "begin");
		queue_batch_add(r.q, NOW, &r.batch, NULL);
		need(commit(r.q, &e), &e, "commit");
	}
	need(spool_scan(b->spool, &b->drop[0], &scan, &e), &e, "scan");
	for (size_t i = 0; i < scan.found_count; i++)
		take(&r, &scan.found[i]);
	queue_close(r.q);
	spool_close(b->spool);
	_exit(0);
}

/* Exit status of a child; 128 + signal. */
static int
child(struct box *b, enum ending ending, long k)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		process(b, ending, k);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

struct scene {
	const char *name;
	enum conf_format format;
	enum ending ending;
	bool folder;
	bool far_in, far_out, far_done; /* on another file system */
};

/* The other file system, made anew. */
static bool
make_far(char path[64])
{
	struct stat a, b;

	snprintf(path, 64, "/dev/shm/natsuin-test.XXXXXX");
	return mkdtemp(path) != NULL && stat(path, &a) == 0 &&
	       stat(suite_dir_path(), &b) == 0 && a.st_dev != b.st_dev;
}

static void
prepare(struct box *b, const struct scene *s, const char *far)
{
	static char deliver[100];
	char path[100];
	struct err e = {0};

	box_open(b, s->format);
	spool_close(b->spool);
	b->spool = NULL;
	if (s->far_in) {
		snprintf(path, sizeof path, "%s/in", far);
		CHECK_OK(fs_mkdir(AT_FDCWD, path, 0755, &e), &e);
		CU_ASSERT(unlinkat(b->root, IN, AT_REMOVEDIR) == 0);
		CU_ASSERT(symlinkat(path, b->root, IN) == 0);
	}
	if (s->far_done) {
		snprintf(path, sizeof path, "%s/done", far);
		CHECK_OK(fs_mkdir(AT_FDCWD, path, 0755, &e), &e);
		CU_ASSERT(unlinkat(b->root, "done", AT_REMOVEDIR) == 0);
		CU_ASSERT(unlinkat(b->root, "failed", AT_REMOVEDIR) == 0);
		CU_ASSERT(symlinkat(path, b->root, "done") == 0);
		CU_ASSERT(symlinkat(path, b->root, "failed") == 0);
	}
	if (s->far_out) {
		snprintf(deliver, sizeof deliver, "%s/out/{batch}", far);
		snprintf(path, sizeof path, "%s/out", far);
		CHECK_OK(fs_mkdir(AT_FDCWD, path, 0755, &e), &e);
		b->drop[0].deliver = deliver;
		CU_ASSERT(unlinkat(b->root, "out", AT_REMOVEDIR) == 0);
		CU_ASSERT(symlinkat(path, b->root, "out") == 0);
	}
}

static int
count_at(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = fd < 0 ? 0 : box_count_in(fd, 40);

	if (fd >= 0)
		close(fd);
	return n;
}

static int
files_in(struct box *b, const char *name)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", b->path, name);
	return count_at(path);
}

static bool
bad(const struct scene *s, long k, const char *what, int n)
{
	fprintf(
	    stderr, "%s, killed before call %ld: %s %d\n", s->name, k, what, n);
	return false;
}

/* Jobs of the batch by their end, all cleaned. */
static bool
queue_is_right(struct box *b, const struct scene *s, long k)
{
	int64_t counts[JOB_STATE_MAX], *ids;
	struct err e = {0};
	struct queue *q;
	size_t n, total = 0;
	enum job_state want = s->ending == PUBLISH ? JOB_PUBLISHED
			      : s->ending == FAIL  ? JOB_FAILED
						   : JOB_RETURNED;
	int dir = openat(b->root, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	q = queue_open(dir, QUEUE_READ, &e);
	close(dir);
	if (q == NULL || queue_job_counts(q, counts, &e) != 0 ||
	    queue_job_list(q, QUEUE_UNCLEANED, 0, &ids, &n, &e) != 0)
		return bad(s, k, "queue cannot be read", 0);
	free(ids);
	queue_close(q);
	for (int i = 0; i < JOB_STATE_MAX; i++)
		if (i != JOB_RETURNED)
			total += (size_t)counts[i];
	if (n != 0)
		return bad(s, k, "uncleaned jobs", (int)n);
	if (s->ending == RETURN)
		return total == 0 ? true : bad(s, k, "jobs", (int)total);
	if (total != 1 || counts[want] != 1)
		return bad(s, k, "jobs", (int)total);
	return true;
}

static bool
disk_is_right(struct box *b, const struct scene *s, long k)
{
	const char *batch = "20261122-180000";
	const char *name = s->folder ? "app" : "a.xtx";
	const char *kept = s->ending == FAIL ? "failed" : "done";
	char path[120];
	int in = files_in(b, IN), work = files_in(b, "work");
	int members = s->folder ? 3 : 1;

	if (work != 0)
		return bad(s, k, "files in work", work);
	if (s->ending == RETURN) {
		snprintf(path, sizeof path, IN "/%s%s", name,
		    s->folder ? "/kousei.xml" : "");
		if (in != members || !box_holds(b, path, "<DATA/>"))
			return bad(s, k, "files in in", in);
		return true;
	}
	if (in != 0)
		return bad(s, k, "files in in", in);
	snprintf(path, sizeof path, "%s/%s/%s%s", kept, batch, name,
	    s->folder ? "/kousei.xml" : "");
	if (!box_holds(b, path, "<DATA/>"))
		return bad(s, k, "no original", 0);
	if (files_in(b, kept) != members + (s->ending == FAIL))
		return bad(s, k, "originals", files_in(b, kept));
	if (s->ending == FAIL) {
		snprintf(
		    path, sizeof path, "failed/%s/%s.reason.txt", batch, name);
		if (!box_has(b, path))
			return bad(s, k, "no reason", 0);
		return true;
	}
	snprintf(path, sizeof path, "out/%s/%s", batch, name);
	if (!box_holds(b, path,
		s->folder ? "<DATA/><F/>" SIGNATURE : "<DATA/>" SIGNATURE))
		return bad(s, k, "wrong output", 0);
	if (files_in(b, "out") != 1)
		return bad(s, k, "outputs", files_in(b, "out"));
	return true;
}

static void
drop(struct box *b, const struct scene *s)
{
	if (!s->folder) {
		box_write(b, IN "/a.xtx", "<DATA/>");
		return;
	}
	box_write(b, IN "/app/kousei.xml", "<DATA/>");
	box_write(b, IN "/app/sub/form.xml", "<F/>");
	box_write(b, IN "/app/.hidden", "kept with it");
}

/* One kill and one re-run; the number says how it went: 1 killed and right,
 * 0 was not killed any more, -1 wrong. */
static int
one(const struct scene *s, long k)
{
	char far[64] = "";
	struct err e = {0};
	struct box b;
	int first, second = 0, result = -1;
	bool is_far = s->far_in || s->far_out || s->far_done;

	if (is_far && !make_far(far))
		return -2;
	prepare(&b, s, far);
	drop(&b, s);
	box_later(&b, 60000);
	first = child(&b, s->ending, k);
	if (first == 128 + SIGKILL) {
		/* What came back has lain still by then. */
		box_later(&b, 60000);
		second = child(&b, s->ending, 0);
	} else if (first != 0) {
		bad(s, k, "first process exits", first);
		goto out;
	}
	if (second != 0) {
		bad(s, k, "second process exits", second);
		goto out;
	}
	if (disk_is_right(&b, s, k) && queue_is_right(&b, s, k))
		result = first != 0;
out:
	box_close(&b);
	fs_remove_tree(AT_FDCWD, b.path, &e);
	if (is_far)
		fs_remove_tree(AT_FDCWD, far, &e);
	return result;
}

static void
all_prefixes(const struct scene *s)
{
	int wrong = 0, r = 1;
	long k;

	for (k = 1; r != 0 && k < 2000 && wrong < 5; k++) {
		r = one(s, k);
		if (r == -2) {
			suite_skip("no other file system to test with");
			return;
		}
		wrong += r < 0;
	}
	printf("# %s: killed at each of %ld calls\n", s->name, k - 2);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(r == 0 && k > 20);
}

static void
published(void)
{
	static const struct scene s = {.name = "published"};

	all_prefixes(&s);
}

static void
published_folder(void)
{
	static const struct scene s = {.name = "published folder",
	    .format = CONF_FORMAT_EGOV,
	    .folder = true};

	all_prefixes(&s);
}

static void
published_across_file_systems(void)
{
	static const struct scene s = {.name = "published across",
	    .far_in = true,
	    .far_out = true,
	    .far_done = true};

	all_prefixes(&s);
}

static void
published_folder_across_file_systems(void)
{
	static const struct scene s = {.name = "published folder across",
	    .format = CONF_FORMAT_EGOV,
	    .folder = true,
	    .far_in = true,
	    .far_out = true,
	    .far_done = true};

	all_prefixes(&s);
}

static void
failed(void)
{
	static const struct scene s = {.name = "failed", .ending = FAIL};

	all_prefixes(&s);
}

static void
failed_across_file_systems(void)
{
	static const struct scene s = {.name = "failed across",
	    .ending = FAIL,
	    .far_in = true,
	    .far_done = true};

	all_prefixes(&s);
}

static void
returned(void)
{
	static const struct scene s = {.name = "returned", .ending = RETURN};

	all_prefixes(&s);
}

static void
returned_across_file_systems(void)
{
	static const struct scene s = {
	    .name = "returned across", .ending = RETURN, .far_in = true};

	all_prefixes(&s);
}

SUITE_MAIN("spool-crash", CASE(published), CASE(published_folder),
    CASE(published_across_file_systems),
    CASE(published_folder_across_file_systems), CASE(failed),
    CASE(failed_across_file_systems), CASE(returned),
    CASE(returned_across_file_systems))
