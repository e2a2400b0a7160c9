/* Inside spool/ only: the open spool and helpers that its files share. */
#ifndef SPOOL_INSIDE_H
#define SPOOL_INSIDE_H

#include "spool/claim.h"
#include "spool/scan.h"
#include "spool/spool.h"

#include <limits.h>
#include <time.h>

struct drop_memory; /* scan.c: what earlier scans saw of one drop folder */

/* What spool_sync has to make durable. */
struct pending {
	int *fds; /* files */
	size_t count, room;
	int *dirs; /* each folder once */
	size_t dir_count, dir_room;
};

/* A drop of another file system whose copy is in work/, under its hidden
 * name in in/ until "claimed" is committed. */
struct leftover {
	int dir;
	char name[NAME_MAX + 1];
};

struct spool {
	const struct conf *conf;
	int root, work, state, in;
	gid_t group;                 /* (gid_t)-1: none */
	struct drop_memory **memory; /* one per conf->drops */
	struct pending pending;
	struct leftover *leftovers;
	size_t leftover_count, leftover_room;
	void (*between)(void *ctx); /* fsyncs, or NULL */
	void *between_ctx;
	int watch;    /* inotify, or -1 */
	bool network; /* tests: every drop folder counts as a network share */
};

/* spool.c */

/* Descriptor of a drop's folder; -1 "drop-unreadable" (transient-io). */
int spool_drop_dir(struct spool *s, const struct conf_drop *d, struct err *e);
/* Opens (makes, when `make`) the folder `path` below `dir`; what is made is
 * shared and durable.  A component whose name a file has becomes "x (2)".
 * `real` (SPOOL_PATH_MAX, may be NULL) gets the path as it became.  -1. */
int spool_place_dir(
    struct spool *s, int dir, const char *path, char *real, struct err *e);
/* Notes for spool_sync; fd becomes the spool's, dir is duplicated. */
int spool_pend_file(struct spool *s, int fd, struct err *e);
int spool_pend_dir(struct spool *s, int dir, struct err *e);
/* The names of a job's entries in work/. */
enum work_name {
	WORK_ORIGINAL,
	WORK_INPUT,
	WORK_OUTPUT,
	WORK_SENT,  /* output: complete under a hidden name at its place */
	WORK_MOVED, /* original: the same */
	WORK_PART   /* a copy in the making */
};
void spool_work_name(char out[NAME_MAX + 1], enum work_name which,
    const char *id, const char *source);
/* True when dir has an entry of this name, whatever it is. */
bool spool_exists(int dir, const char *name);
/* The last component of a path. */
const char *spool_base(const char *path);

/* name.c */

/* Candidate k (1, 2, …) for a name: "a.xtx", "a (2).xtx", … plus suffix, cut
 * to what a file system takes without breaking a character. */
void spool_name(
    char out[NAME_MAX + 1], const char *name, unsigned k, const char *suffix);
/* Candidates tried at most. */
#define SPOOL_NAMES_MAX 10000U
/* "<head><base>", cut to NAME_MAX bytes: the same for the same base. */
void spool_head_name(
    char out[NAME_MAX + 1], const char *head, const char *base);

/* tree.c */

enum tree_kind {
	TREE_FILE,
	TREE_PARTIAL,    /* *.part, *.tmp, ~*: a copy is going on */
	TREE_HARD,       /* more than one link */
	TREE_OTHER,      /* link, pipe, socket, device */
	TREE_UNREADABLE, /* a folder that may not be read */
	TREE_DEEP        /* a folder below TREE_DEPTH others */
};

#define TREE_DEPTH 16
#define TREE_ENTRIES 100000

struct tree_entry {
	char *path; /* from the top, raw bytes */
	enum tree_kind kind;
	struct stat st;
};

struct tree {
	struct tree_entry *entry; /* sorted by path */
	size_t count, room;
	bool full; /* more than TREE_ENTRIES: not all is here */
	int watch; /* inotify descriptor that gets each folder, or -1 */
};

/* Everything below `dir` but what is of no interest (dot names, Thumbs.db,
 * desktop.ini, @eaDir).  Follows nothing.  0 / -1; then tree_free. */
int tree_read(int dir, struct tree *t, struct err *e);
void tree_free(struct tree *t);
/* Changes when any of n entries does; `skip` bytes of each path are left
 * out, so that it stays the same wherever the folder lies. */
uint64_t tree_fingerprint(
    const struct tree_entry *entry, size_t n, size_t skip);
/* Copies the members from one folder into another (empty) one, notes them
 * for spool_sync, and hashes as spool_copy says. */
int tree_copy(struct spool *s, const struct tree *t, int from, int to,
    struct spool_copy *copy, struct err *e);
/* Copies the file or folder `from`/`name`, with everything in it, as
 * `to`/`as` (removing what is there); all but that entry itself is durable
 * when it returns. */
int tree_clone(
    int from, const char *name, int to, const char *as, struct err *e);
/* Hash of a folder as spool_copy says, from what is on disk. */
int tree_hash(int dir, struct spool_copy *copy, struct err *e);

/* scan.c */

/* Reports this drop as a problem from now on, until it changes. */
void spool_refuse(struct spool *s, const struct spool_found *f,
    const char *code, const char *detail);
/* True when nobody has the file open for writing, as far as a lease tells. */
bool spool_no_writer(int fd);
/* True where other hosts write too, or where we cannot tell. */
bool spool_is_network(const struct spool *s, int dir);
void drop_memory_free(struct drop_memory *m);

/* shift.c */

/* An entry of work/ on its way out, exactly once. */
struct shift {
	const char *id;
	enum work_name from, marker;
	const char *source; /* names WORK_ORIGINAL */
	const char *place;  /* folder it goes to, as text */
	const char *name;   /* wanted there */
	unsigned k;         /* candidate: 0 = the first free one, else this */
	bool keep_marker;   /* it goes with the job's other files */
};

/*
 * Moves it to the folder `to`, durable after spool_sync.  1 and
 * `final` = where it is now ("" when it had been moved before and its name
 * there is not known); 0 when there is nothing to move; -1, errnum EEXIST
 * when candidate k is taken.
 */
int spool_shift(struct spool *s, const struct shift *m, int to,
    char final[SPOOL_PATH_MAX], struct err *e);
/* Removes what a job has in work/ but its original. */
int spool_clear_work(struct spool *s, const char *id, struct err *e);
/* Moves `from` to the k-th (0: first free) candidate for `name`; a second
 * name of the same file counts as moved.  `final` gets the name. */
int spool_move_named(int from_dir, const char *from, int to_dir,
    const char *name, unsigned k, char final[NAME_MAX + 1], struct err *e);

/* claim.c */

/* Descriptor of the folder that holds a drop.  With `make`, missing folders
 * are made.  -1; errnum ENOENT: not there. */
int spool_source_dir(struct spool *s, const struct conf_drop *d,
    const char *source, bool make, struct err *e);
/* Hidden name in in/ of a drop that is being copied. */
void spool_hidden_name(
    char out[NAME_MAX + 1], const char *id, const char *source);
#define SPOOL_HIDDEN ".natsuin-"
/* Removes a hidden drop of which work/ has a durable clone, under yet another
 * name, so that half of it is never taken for a drop. */
int spool_remove_hidden(int dir, const char *hidden, struct err *e);
/* What an interrupted removal left of it. */
int spool_remove_gone(int dir, const char *id, struct err *e);
#define SPOOL_GONE ".gone"
/* The drop that lies hidden in `dir` back under its name or "name (2)". */
int spool_unhide(int dir, const char *hidden, const char *source,
    char final[NAME_MAX + 1], struct err *e);

/* publish.c */

/* The original of `id` into the open folder `dir` (whose text is `folder`)
 * as `name`, numbered if need be, with its reason beside it. */
int spool_fail_into(struct spool *s, const char *id, const char *source,
    int dir, const char *folder, const char *name, struct slice reason,
    char place[SPOOL_PATH_MAX], struct err *e);

#endif
