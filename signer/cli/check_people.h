/* For `natsuin check`: who would sign a filing, and is that the right one? */
#ifndef SIGNER_CLI_CHECK_PEOPLE_H
#define SIGNER_CLI_CHECK_PEOPLE_H

#include "conf/conf.h"
#include "queue/queue.h"
#include "signer/exam/findings.h"

#include <jansson.h>

/* The drop folder that a file lies in, or NULL. */
const struct conf_drop *check_drop_of(const struct conf *c, const char *file);

/* What the drop folder's rule would say, by the certificates that batches saw
 * last (no PIN); `d` and `q` may be NULL. */
void check_people_text(const struct conf *c, const struct conf_drop *d,
    struct queue *q, const struct findings *f);
/* null without a rule; NULL when memory is out. */
json_t *check_people_json(const struct conf *c, const struct conf_drop *d,
    struct queue *q, const struct findings *f);

#endif
