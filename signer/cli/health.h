/* What `natsuin doctor` finds: lines, and the checks that write them. */
#ifndef SIGNER_CLI_HEALTH_H
#define SIGNER_CLI_HEALTH_H

#include "conf/conf.h"
#include "signer/cert/anchors.h"

#include <stddef.h>

enum health_state { HEALTH_GOOD, HEALTH_WARN, HEALTH_BAD };

/* One thing looked at.  Texts are in the language in use and safe to show. */
struct health_line {
	enum health_state state;
	char code[40];     /* stable, ASCII; "" for a good one */
	char subject[200]; /* "key tanaka", "reports" */
	char what[500];
	char todo[600]; /* "" when nothing is to be done */
};

struct health {
	struct health_line *line;
	size_t count;
};

void health_free(struct health *h);

/* A good line. */
void health_good(struct health *h, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Something to see to: words and advice come from the code's row in the
 * explain table, the detail stands beside them ("" = none). */
void health_note(struct health *h, enum health_state state, const char *subject,
    const char *code, const char *detail);
/* The same from an error. */
void health_err(struct health *h, enum health_state state, const char *subject,
    const struct err *e);

/* The checks; none spends a PIN try or changes anything. */
void health_files(struct health *h, const struct conf *c);
void health_schemas(struct health *h, const struct conf *c);
/* Loads the anchors for the keys' check (NULL when there are none). */
struct cert_anchors *health_anchors(struct health *h, const struct conf *c);
void health_sandbox(struct health *h, const struct conf *c);
/* Card readers, where a key is on a card. */
void health_readers(struct health *h, const struct conf *c);
/* Secure memory, PIN entry, logout; systemd's files are read below `root`
 * ("" = this system's own). */
void health_host(struct health *h, const struct conf *c, const char *root);
void health_key(struct health *h, const struct conf *c,
    const struct conf_key *key, const struct cert_anchors *anchors);

#endif
