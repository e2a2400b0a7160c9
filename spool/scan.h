/* What lies in a drop folder: ready, waiting, or in need of a person. */
#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include "spool/spool.h"

#include <sys/stat.h>

/* One drop that may be claimed now. */
struct spool_found {
	const struct conf_drop *drop;
	char *source; /* path in the drop folder, raw bytes */
	char *path;   /* clean text */
	bool folder;
	uint64_t size;        /* a folder's: of all members */
	int64_t mtime_ms;     /* newest, wall clock */
	int64_t changed_ms;   /* last change of anything (ctime), wall clock */
	bool overdue;         /* unchanged for incomplete-after: ask no more,
			     * claim it and let it fail by name */
	struct stat st;       /* of the file or folder, as found */
	uint64_t fingerprint; /* of all of it; what was found is claimed */
};

/* Something that is not taken until a person changes it. */
struct spool_problem {
	const struct conf_drop *drop;
	char *path; /* clean text */
	bool fresh; /* first time reported */
	char code[40];
	/* not-regular (link, pipe, device …), hard-linked, unreadable,
	 * empty-file, loose-file (e-Gov takes folders and ZIPs),
	 * path-too-long, too-deep, too-many-entries, take-denied */
	char detail[120];
};

/* Owned by the spool; valid until the next scan of the same folder. */
struct spool_scan {
	const struct spool_found *found;
	size_t found_count; /* sorted by path */
	const struct spool_problem *problems;
	size_t problem_count;
	size_t waiting;  /* seen, not settled, writer open, or deferred */
	int64_t next_ms; /* in how many ms to look again; -1: no need but
			  * the ordinary poll */
};

/*
 * One look at a drop folder by the rules of DESIGN-spool "Ready".  Remembers
 * what it saw.  0; -1 with ERR_TRANSIENT_IO "drop-unreadable" when the
 * folder is not there or cannot be read (a share that is not mounted).
 */
int spool_scan(struct spool *s, const struct conf_drop *drop,
    struct spool_scan *out, struct err *e);

/*
 * "Not complete yet", said by whoever looked into it before the claim (an
 * e-Gov folder lacks a named file, XML ends too early): it is not found
 * again until it changes or becomes overdue.  `again_ms` > 0: also found
 * again at that time (clock_mono_ms).
 */
void spool_defer(
    struct spool *s, const struct spool_found *f, int64_t again_ms);

#endif
