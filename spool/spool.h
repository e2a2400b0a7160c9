/* The spool's folders: opening them, names in them, free space. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "base/err.h"
#include "base/fsops.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPOOL_PATH_MAX 1024 /* of a place in the spool, with its NUL */
#define SPOOL_DROP_MAX 768  /* of a drop's path in its folder, with NUL */
#define SPOOL_ID_MAX 48     /* of a job's id, with its NUL */

struct spool;

/*
 * Opens the spool at conf->root (which must exist) and makes what is missing
 * of in/…, out, failed, done, reports (group and mode by conf: 0777 less
 * umask, setgid with a group), work and state (0700).  A drop folder with an
 * absolute path must exist.  NULL with ERR_CONFIG: "spool-missing",
 * "spool-rights" (work or state open to others, no right to write),
 * "spool-group".  `conf` must live as long as the spool.
 */
struct spool *spool_open(const struct conf *conf, struct err *e);
/* NULL is accepted. */
void spool_close(struct spool *s);

/* The spool's state/ folder (for the queue); stays the spool's. */
int spool_state_dir(const struct spool *s);
/* A new descriptor of reports/, or of reports/<batch>/ which is made. */
int spool_reports_dir(struct spool *s, const char *batch, struct err *e);
/* Mode for shared files (0666 less umask), and gives a file of ours the
 * shared group and that mode: 0 / -1. */
mode_t spool_file_mode(const struct spool *s);
int spool_share(const struct spool *s, int fd, struct err *e);

/* A claimed drop, as its calls need it; the fields are the queue's. */
struct spool_job {
	const char *id;               /* letters, digits, '-' */
	const char *batch;            /* names folders in done/, failed/ */
	const struct conf_drop *drop; /* NULL: no longer configured */
	const char *source;           /* path in the drop folder, raw bytes */
	const char *path;             /* the same as clean text */
	bool folder;
};

/*
 * A path for people and for names that we make: UTF-8, no control or
 * bidirectional characters (bad bytes become %XX), components of at most 255
 * bytes.  0, or -1 when it does not fit `size`.
 */
int spool_clean_path(char *out, size_t size, const char *raw);

/* True when at least `bytes` (of drops about to be claimed: copy and output
 * are allowed for) fit into work/ and a reserve stays; else -1 "disk-low",
 * class ERR_TRANSIENT_IO, and nothing should be claimed. */
int spool_space(const struct spool *s, uint64_t bytes, struct err *e);

/* `between` is called between any two fsyncs of spool_sync, so that what
 * cannot wait for a slow disk goes on; NULL (the default) for nothing. */
void spool_set_between(struct spool *s, void (*between)(void *ctx), void *ctx);

/*
 * Makes everything done since the last call durable, all at once: private
 * copies (their data too) and the folders whose entries changed.  Call it
 * before the queue commits a state that relies on it.  With `dirs_only` the
 * copies' data is left out, because the caller has it fsynced by the process
 * that reads it first.
 */
int spool_sync(struct spool *s, bool dirs_only, struct err *e);

#endif
