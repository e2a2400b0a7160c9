/* inotify on the drop folders: wakes a scan early, decides nothing. */
#ifndef SPOOL_WATCH_H
#define SPOOL_WATCH_H

#include "spool/spool.h"

/* Starts watching; scans from now on add the folders they see.  0; -1 when
 * the system has no watches left (polling alone is then enough). */
int spool_watch_start(struct spool *s, struct err *e);

/* For poll(): a descriptor, or -1 when not watching. */
int spool_watch_fd(const struct spool *s);

/* Drains the events.  True when a scan is worth while: something was
 * written, moved in or removed, or events were lost. */
bool spool_watch_read(struct spool *s);

#endif
