/*
 * What lies in a drop folder and what may be taken.  A scan is the only
 * truth; what it remembers is since when a thing has looked the same, what
 * was said about it, and what was reported, all forgotten when it changes.
 * Nothing is ever written here.
 */
#include "spool/scan.h"

#include "base/clock.h"
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Not in linux/magic.h everywhere. */
#define MAGIC_CIFS 0xFF534D42U
#define MAGIC_SMB2 0xFE534D42U
#define MAGIC_FUSE 0x65735546U
#define MAGIC_CEPH 0x00C36400U
#define MAGIC_9P 0x01021997U
#define MAGIC_VBOX 0x786F4256U
#define MAGIC_VMHGFS 0xBACBACBCU

struct memory {
	char *key;
	uint64_t fingerprint;
	int64_t first_ms;    /* monotonic: since when it looks like this */
	int64_t deferred_ms; /* monotonic: not before; 0 = not deferred */
	bool checked;        /* was opened, is readable */
	bool told;           /* its problem was reported */
	char refused[40];    /* problem of its own, or "" */
	char why[120];
};

struct drop_memory {
	struct memory *entry; /* sorted by key */
	size_t count;
	struct spool_found *found;
	size_t found_count, found_room;
	struct spool_problem *problem;
	size_t problem_count, problem_room;
};

/* Something to be taken as one, or the folder that gates its files. */
struct item {
	char *key; /* path; a gate's ends with '/' */
	const struct tree_entry *first;
	size_t n;
	const struct item *gate; /* must be quiet too, or NULL */
	bool folder, is_gate, partial;
	uint64_t size;
	struct timespec mtime, ctime; /* newest */
	const char *problem;          /* code, or NULL */
	const char *detail;
	struct memory *now;
	bool settled, overdue;
};

struct scan {
	struct spool *s;
	const struct conf_drop *drop;
	int dir;
	bool network;
	int64_t wall_ms, mono_ms; /* before the folder was read … */
	int64_t after_ms;         /* … and after it, monotonic */
	int64_t settle_ms;
	struct tree tree;
	struct item *item;
	size_t count, room;
	struct drop_memory *memory;
	struct spool_scan *out;
};

static void
free_results(struct drop_memory *m)
{
	for (size_t i = 0; i < m->found_count; i++) {
		free(m->found[i].source);
		free(m->found[i].path);
	}
	for (size_t i = 0; i < m->problem_count; i++)
		free(m->problem[i].path);
	m->found_count = m->problem_count = 0;
}

static void
free_entries(struct memory *entry, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(entry[i].key);
	free(entry);
}

void
drop_memory_free(struct drop_memory *m)
{
	if (m == NULL)
		return;
	free_results(m);
	free_entries(m->entry, m->count);
	free(m->found);
	free(m->problem);
	free(m);
}

bool
spool_is_network(const struct spool *s, int dir)
{
	static const unsigned kinds[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
	    MAGIC_CIFS, MAGIC_SMB2, MAGIC_FUSE, MAGIC_CEPH, MAGIC_9P,
	    MAGIC_VBOX, MAGIC_VMHGFS, CODA_SUPER_MAGIC, AFS_SUPER_MAGIC};
	struct statfs v;

	if (s->network || fstatfs(dir, &v) != 0)
		return true; /* the careful rule */
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if ((unsigned)v.f_type == kinds[i])
			return true;
	return false;
}

static int64_t
to_ms(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct timespec
newer(struct timespec a, struct timespec b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec > b.tv_sec ? a : b;
	return a.tv_nsec > b.tv_nsec ? a : b;
}

/* Making items from the tree. */

static const char *
problem_of(const struct tree_entry *x)
{
	switch (x->kind) {
	case TREE_HARD:
		return "hard-linked";
	case TREE_OTHER:
		return "not-regular";
	case TREE_UNREADABLE:
		return "unreadable";
	case TREE_DEEP:
		return "too-deep";
	case TREE_FILE:
	case TREE_PARTIAL:
		break;
	}
	return NULL;
}

/* An item of entries [first, first + n); its key is freed with it. */
static struct item *
add_item(struct scan *c, char *key, const struct tree_entry *first, size_t n)
{
	struct item *it;

	if (key == NULL)
		return NULL;
	/* There is room: never more than entries and top folders. */
	it = &c->item[c->count++];
	memset(it, 0, sizeof *it);
	it->key = key;
	it->first = first;
	it->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct tree_entry *x = &first[i];

		it->mtime = newer(it->mtime, x->st.st_mtim);
		it->ctime = newer(it->ctime, x->st.st_ctim);
		if (x->kind == TREE_PARTIAL)
			it->partial = true;
		if (x->kind != TREE_FILE)
			continue;
		it->size += (uint64_t)x->st.st_size;
		if (x->st.st_size == 0)
			it->partial = true;
	}
	return it;
}

static int
add_single(struct scan *c, const struct tree_entry *x, const struct item *gate)
{
	struct item *it;

	if (x->kind == TREE_PARTIAL)
		return 0;
	it = add_item(c, strdup(x->path), x, 1);
	if (it == NULL)
		return -1;
	it->problem = problem_of(x);
	it->detail = "";
	it->gate = gate;
	return 0;
}

static bool
is_kousei(const char *path)
{
	const char *base = spool_base(path);
	size_t n = strlen(base);

	return strncasecmp(base, "kousei", 6) == 0 && n > 4 &&
	       strcasecmp(base + n - 4, ".xml") == 0;
}

static int
add_folder(
    struct scan *c, const struct tree_entry *first, size_t n, size_t name_len)
{
	struct item *it = add_item(c, strndup(first->path, name_len), first, n);

	if (it == NULL)
		return -1;
	it->folder = true;
	it->detail = "";
	for (size_t i = 0; i < n && it->problem == NULL; i++) {
		it->problem = problem_of(&first[i]);
		it->detail = first[i].path + name_len + 1;
	}
	return 0;
}

/* A top folder in an auto drop: one drop, or a gate and its files. */
static int
add_undecided(
    struct scan *c, const struct tree_entry *first, size_t n, size_t name_len)
{
	struct item *gate;

	for (size_t i = 0; i < n; i++)
		if (first[i].kind == TREE_FILE && is_kousei(first[i].path))
			return add_folder(c, first, n, name_len);
	gate = add_item(c, strndup(first->path, name_len + 1), first, n);
	if (gate == NULL)
		return -1;
	gate->is_gate = true;
	for (size_t i = 0; i < n; i++)
		if (add_single(c, &first[i], gate) != 0)
			return -1;
	return 0;
}

static int
add_group(
    struct scan *c, const struct tree_entry *first, size_t n, size_t name_len)
{
	switch (c->drop->format) {
	case CONF_FORMAT_EGOV:
		return add_folder(c, first, n, name_len);
	case CONF_FORMAT_AUTO:
		return add_undecided(c, first, n, name_len);
	case CONF_FORMAT_ETAX:
		break;
	}
	for (size_t i = 0; i < n; i++)
		if (add_single(c, &first[i], NULL) != 0)
			return -1;
	return 0;
}

static int
make_items(struct scan *c, struct err *e)
{
	const struct tree *t = &c->tree;

	/* Each entry, and a gate or folder per entry at most. */
	c->item = calloc(t->count * 2 + 1, sizeof *c->item);
	if (c->item == NULL)
		return err_nomem(e);
	for (size_t i = 0, n; i < t->count; i += n) {
		const struct tree_entry *x = &t->entry[i];
		size_t len = strcspn(x->path, "/");
		int r;

		n = 1;
		if (x->path[len] == '\0') {
			r = add_single(c, x, NULL);
		} else {
			while (i + n < t->count && strncmp(t->entry[i + n].path,
						       x->path, len + 1) == 0)
				n++;
			r = add_group(c, x, n, len);
		}
		if (r != 0)
			return err_nomem(e);
	}
	return 0;
}

/* Remembering. */

static int
by_key(const void *a, const void *b)
{
	const struct memory *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static struct memory *
find_memory(struct drop_memory *m, char *key)
{
	struct memory want = {.key = key};

	if (m->count == 0)
		return NULL;
	return bsearch(&want, m->entry, m->count, sizeof want, by_key);
}

/* Replaces what is remembered by what is there now; what looks the same
 * keeps its history. */
static int
remember(struct scan *c, struct err *e)
{
	struct memory *fresh = calloc(c->count + 1, sizeof *fresh);
	struct drop_memory *m = c->memory;

	if (fresh == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < c->count; i++) {
		struct item *it = &c->item[i];
		uint64_t print = tree_fingerprint(it->first, it->n, 0);
		struct memory *old = find_memory(m, it->key);

		if (old != NULL && old->fingerprint == print)
			fresh[i] = *old;
		else
			fresh[i].first_ms = c->after_ms;
		fresh[i].fingerprint = print;
		fresh[i].key = strdup(it->key);
		if (fresh[i].key == NULL) {
			free_entries(fresh, i);
			return err_nomem(e);
		}
	}
	free_entries(m->entry, m->count);
	m->entry = fresh;
	m->count = c->count;
	if (m->count > 0)
		qsort(fresh, m->count, sizeof *fresh, by_key);
	for (size_t i = 0; i < c->count; i++)
		c->item[i].now = find_memory(m, c->item[i].key);
	return 0;
}

/* Judging. */

static void
wait_for(struct scan *c, int64_t ms)
{
	c->out->waiting++;
	if (ms < 1)
		ms = 1;
	if (c->out->next_ms < 0 || ms < c->out->next_ms)
		c->out->next_ms = ms;
}

/* Milliseconds that are missing until it has been unchanged for `wanted`:
 * by the age of its last change on a local file system, by what we saw
 * ourselves on a network share and when its time lies in the future. */
static int64_t
missing_ms(const struct scan *c, const struct item *it, int64_t wanted)
{
	int64_t age = c->wall_ms - to_ms(it->ctime);
	int64_t seen = c->mono_ms - it->now->first_ms;

	if (c->network || age < 0)
		age = seen;
	return age >= wanted ? 0 : wanted - age;
}

static void
judge_time(const struct scan *c, struct item *it)
{
	int64_t age = c->wall_ms - to_ms(it->ctime);
	int64_t seen = c->mono_ms - it->now->first_ms;
	int64_t limit = c->s->conf->incomplete_after_ms;

	it->settled = missing_ms(c, it, c->settle_ms) == 0;
	it->overdue = it->settled && (age >= limit || seen >= limit);
}

static int
add_problem(struct scan *c, const struct item *it, const char *code,
    const char *detail, struct err *e)
{
	struct drop_memory *m = c->memory;
	char clean[3 * SPOOL_DROP_MAX];
	struct spool_problem *p;

	if (m->problem_count == m->problem_room) {
		size_t room = m->problem_room == 0 ? 16 : m->problem_room * 2;

		p = reallocarray(m->problem, room, sizeof *p);
		if (p == NULL)
			return err_nomem(e);
		m->problem = p;
		m->problem_room = room;
	}
	p = &m->problem[m->problem_count];
	memset(p, 0, sizeof *p);
	if (spool_clean_path(clean, sizeof clean, it->key) != 0)
		snprintf(clean, sizeof clean, "%.40s...", "(long name)");
	p->path = strdup(clean);
	if (p->path == NULL)
		return err_nomem(e);
	m->problem_count++;
	p->drop = c->drop;
	p->fresh = !it->now->told;
	it->now->told = true;
	snprintf(p->code, sizeof p->code, "%s", code);
	if (spool_clean_path(clean, sizeof clean, detail) == 0)
		snprintf(p->detail, sizeof p->detail, "%.*s",
		    (int)sizeof p->detail - 1, clean);
	return 0;
}

bool
spool_no_writer(int fd)
{
	/* Somebody who opens the file for writing while we hold the lease
	 * makes the kernel send a signal: one that is ignored by default. */
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno != EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return true;
}

static bool
is_zip(int fd, const char *key)
{
	size_t n = strlen(key);
	char magic[4];

	if (n > 4 && strcasecmp(key + n - 4, ".zip") == 0)
		return true;
	return pread(fd, magic, sizeof magic, 0) == sizeof magic &&
	       memcmp(magic, "PK\3\4", sizeof magic) == 0;
}

static void
refuse(struct memory *m, const char *code, const char *detail)
{
	snprintf(m->refused, sizeof m->refused, "%s", code);
	snprintf(m->why, sizeof m->why, "%s", detail);
	m->told = false;
}

/* Opens one file for a look: 1 fine, 0 not now, 2 refused in memory. */
static int
look(const struct scan *c, const struct item *it, const struct tree_entry *x)
{
	bool free_of_writers, loose;
	int fd = openat(
	    c->dir, x->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		refuse(it->now, "unreadable",
		    it->folder ? x->path + strlen(it->key) + 1 : "");
		return 2;
	}
	if (fd < 0)
		return 0;
	free_of_writers = c->network || spool_no_writer(fd);
	loose = c->drop->format == CONF_FORMAT_EGOV && !it->folder &&
		!is_zip(fd, it->key);
	close(fd);
	if (!free_of_writers)
		return 0;
	if (!loose)
		return 1;
	refuse(it->now, "loose-file", "");
	return 2;
}

static int
look_all(const struct scan *c, const struct item *it)
{
	int r = 1;

	for (size_t i = 0; i < it->n && r == 1; i++)
		if (it->first[i].kind == TREE_FILE)
			r = look(c, it, &it->first[i]);
	return r;
}

static int
add_found(struct scan *c, const struct item *it, struct err *e)
{
	struct drop_memory *m = c->memory;
	char clean[SPOOL_DROP_MAX];
	struct spool_found *f;

	if (strlen(it->key) >= SPOOL_DROP_MAX ||
	    spool_clean_path(clean, sizeof clean, it->key) != 0)
		return add_problem(c, it, "path-too-long", "", e);
	if (m->found_count == m->found_room) {
		size_t room = m->found_room == 0 ? 64 : m->found_room * 2;

		f = reallocarray(m->found, room, sizeof *f);
		if (f == NULL)
			return err_nomem(e);
		m->found = f;
		m->found_room = room;
	}
	f = &m->found[m->found_count];
	memset(f, 0, sizeof *f);
	f->st = it->first->st;
	if (it->folder &&
	    fstatat(c->dir, it->key, &f->st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* it has just gone away */
	f->source = strdup(it->key);
	f->path = strdup(clean);
	if (f->source == NULL || f->path == NULL) {
		free(f->source);
		free(f->path);
		return err_nomem(e);
	}
	m->found_count++;
	f->drop = c->drop;
	f->folder = it->folder;
	f->size = it->size;
	f->mtime_ms = to_ms(it->mtime);
	f->changed_ms = to_ms(it->ctime);
	f->overdue = it->overdue;
	f->fingerprint = tree_fingerprint(
	    it->first, it->n, it->folder ? strlen(it->key) + 1 : 0);
	return 0;
}

/* True when it is still to wait; the scan's result says how long. */
static bool
must_wait(struct scan *c, const struct item *it)
{
	int64_t limit = c->s->conf->incomplete_after_ms;
	int64_t until = it->now->deferred_ms;

	if (!it->settled) {
		wait_for(c, missing_ms(c, it, c->settle_ms));
		return true;
	}
	if (it->gate != NULL && !it->gate->settled) {
		wait_for(c, missing_ms(c, it->gate, c->settle_ms));
		return true;
	}
	if (it->overdue)
		return false;
	if (it->partial || until > c->mono_ms) {
		int64_t ms = missing_ms(c, it, limit);

		if (!it->partial && until - c->mono_ms < ms)
			ms = until - c->mono_ms;
		wait_for(c, ms);
		return true;
	}
	return false;
}

static int
judge(struct scan *c, struct item *it, struct err *e)
{
	struct memory *m = it->now;

	/* A second link or a pipe may be there for a moment only. */
	if (it->settled && it->problem != NULL)
		return add_problem(c, it, it->problem, it->detail, e);
	if (must_wait(c, it))
		return 0;
	if (!it->folder && it->size == 0)
		return add_problem(c, it, "empty-file", "", e);
	if (m->refused[0] == '\0' && !m->checked) {
		int r = look_all(c, it);

		if (r == 0)
			wait_for(c, c->settle_ms);
		if (r == 0)
			return 0;
		m->checked = r == 1;
	}
	if (m->refused[0] != '\0')
		return add_problem(c, it, m->refused, m->why, e);
	return add_found(c, it, e);
}

static int
judge_all(struct scan *c, struct err *e)
{
	struct memory whole = {0};
	struct item everything = {.key = c->drop->path, .now = &whole};

	for (size_t i = 0; i < c->count; i++)
		judge_time(c, &c->item[i]);
	for (size_t i = 0; i < c->count; i++) {
		struct item *it = &c->item[i];

		/* Of a list that is not whole no folder is known whole. */
		if (it->is_gate ||
		    (c->tree.full && (it->folder || it->gate != NULL)))
			continue;
		if (judge(c, it, e) != 0)
			return -1;
	}
	if (!c->tree.full)
		return 0;
	return add_problem(c, &everything, "too-many-entries", "", e);
}

static struct drop_memory **
memory_of(struct spool *s, const struct conf_drop *drop)
{
	size_t at = (size_t)(drop - s->conf->drops);

	if (at >= s->conf->drop_count)
		BUG("a drop folder of another configuration");
	return &s->memory[at];
}

static int
run_scan(struct scan *c, struct err *e)
{
	c->dir = spool_drop_dir(c->s, c->drop, e);
	if (c->dir < 0)
		return -1;
	c->network = spool_is_network(c->s, c->dir);
	c->settle_ms =
	    c->network ? c->s->conf->settle_network_ms : c->s->conf->settle_ms;
	c->tree.watch = c->s->watch;
	/* Ages are taken from before the reading, first sights from after
	 * it: both err on the side of waiting. */
	c->wall_ms = clock_wall_ms();
	c->mono_ms = clock_mono_ms();
	if (tree_read(c->dir, &c->tree, e) != 0) {
		e->class = ERR_TRANSIENT_IO;
		return err_push(e, "drop folder %s", c->drop->name);
	}
	c->after_ms = clock_mono_ms();
	free_results(c->memory);
	if (make_items(c, e) != 0 || remember(c, e) != 0)
		return -1;
	return judge_all(c, e);
}

int
spool_scan(struct spool *s, const struct conf_drop *drop,
    struct spool_scan *out, struct err *e)
{
	struct drop_memory **m = memory_of(s, drop);
	struct scan c = {.s = s, .drop = drop, .dir = -1, .out = out};
	int result = -1;

	memset(out, 0, sizeof *out);
	out->next_ms = -1;
	if (*m == NULL)
		*m = calloc(1, sizeof **m);
	if (*m == NULL)
		return err_nomem(e);
	c.memory = *m;
	result = run_scan(&c, e);
	out->found = c.memory->found;
	out->found_count = c.memory->found_count;
	out->problems = c.memory->problem;
	out->problem_count = c.memory->problem_count;
	for (size_t i = 0; i < c.count; i++)
		free(c.item[i].key);
	free(c.item);
	tree_free(&c.tree);
	if (c.dir >= 0)
		close(c.dir);
	return result;
}

void
spool_defer(struct spool *s, const struct spool_found *f, int64_t again_ms)
{
	struct memory *m = find_memory(*memory_of(s, f->drop), f->source);

	if (m != NULL)
		m->deferred_ms = again_ms > 0 ? again_ms : INT64_MAX;
}

void
spool_refuse(struct spool *s, const struct spool_found *f, const char *code,
    const char *detail)
{
	struct memory *m = find_memory(*memory_of(s, f->drop), f->source);

	if (m != NULL)
		refuse(m, code, detail);
}
