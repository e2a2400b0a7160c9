/* The lines of an audit file and the chain that binds them. */
#ifndef SIGNER_KEY_AUDITLOG_H
#define SIGNER_KEY_AUDITLOG_H

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

#define AUDIT_KIND_RECOVERED "recovered"
#define AUDIT_MAX_LINE (192 * 1024)

/* Where the chain stands: the next record's number and what it points to. */
struct audit_chain {
	uint64_t next;
	char previous[65]; /* SHA-256 of the last line in hex; "" at first */
};

enum audit_tail {
	AUDIT_TAIL_WHOLE,   /* ends with a newline, or empty */
	AUDIT_TAIL_UNENDED, /* a whole record, only its newline is missing */
	AUDIT_TAIL_TORN     /* a piece of a record */
};

/* Adds number and previous hash to the record and appends its line, newline
 * included, to out.  0 / -1 (memory). */
int audit_chain_line(
    const struct audit_chain *c, json_t *record, struct buf *out);

/* The line (without newline) has become the last one. */
void audit_chain_advance(struct audit_chain *c, struct slice line);

/* Reads where an existing file's chain stands, from its last lines. */
int audit_chain_load(
    struct audit_chain *c, int fd, enum audit_tail *tail, struct err *e);

#endif
