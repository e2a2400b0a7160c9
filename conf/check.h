/* Rules between settings, checked while a file is read. */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "base/err.h"
#include "conf/conf.h"

#include <confuse.h>

/* Where an option was set. */
struct conf_seen {
	const void *opt;
	int line;
	unsigned values; /* of a list, so far */
	bool closed;     /* the whole value has been read */
};

/* One reading of one file. */
struct conf_reading {
	struct conf *conf;
	const char *file;
	char *dir; /* absolute, ends with '/' */
	struct err *e;
	int lines; /* of the file */
	bool failed;
	struct conf_seen *seen;
	size_t seen_count;
};

/* Says "file:line: what" in the reading's error unless it has one already;
 * returns -1. */
int conf_fault(struct conf_reading *r, int line, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Line of the option's value; 0 when the file does not set it. */
int conf_line_of(const struct conf_reading *r, const void *opt);

/* Each may complete fields that depend on others.  0 / -1 with a fault. */
int conf_check_key(struct conf_reading *r, cfg_t *sec, struct conf_key *k);
int conf_check_kind(struct conf_reading *r, cfg_t *sec, struct conf_kind *k);
/* After all keys: a pool names them. */
int conf_check_pool(struct conf_reading *r, cfg_t *sec, struct conf_pool *p);
/* After all keys and pools. */
int conf_check_drop(struct conf_reading *r, cfg_t *sec, struct conf_drop *d);
int conf_check_all(struct conf_reading *r, cfg_t *cfg);

#endif
