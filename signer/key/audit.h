/* The keyholder's own record of every signature it makes. */
#ifndef SIGNER_KEY_AUDIT_H
#define SIGNER_KEY_AUDIT_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/key/template.h"

#include <stdbool.h>
#include <stdint.h>

struct audit;

#define AUDIT_OPEN_MAX 2 /* handed to the key and not answered */

/*
 * Opens (creating) `<key>.audit` in dirfd for appending, takes its lock and
 * starts the writer process, which appends and fsyncs while the card is
 * busy.  Call it before any secret exists in this process.  NULL on error:
 * ERR_CARD "key-in-use" when another keyholder has it.
 */
struct audit *audit_open(int dirfd, const char *key, struct err *e);

/* Waits for what was appended, ends the writer, frees.  NULL is accepted. */
void audit_close(struct audit *a);

/* Serial number of the certificate for the records from now on (hex). */
void audit_set_serial(struct audit *a, const char *serial);

/*
 * Appends the record of a signature about to be made (`sha256` is that of the
 * SignedInfo, whichever hash the algorithm has), and gives a ticket
 * that tells when it is durable.  0 / -1 (ERR_FATAL_IO "audit-failed": no
 * signature may be released any more).
 */
int audit_sign(struct audit *a, const char *job, const uint8_t sha256[32],
    const struct template_match *m, uint64_t *ticket, struct err *e);

/* Appends an event of the session: "unlocked", "locked", "pin-changed". */
int audit_event(struct audit *a, const char *kind, const char *job,
    const char *detail, uint64_t *ticket, struct err *e);

/* Something has come of the job of an audit_sign. */
void audit_answered(struct audit *a, const char *job);
/* Nothing has, and never will: appends "not-signed". */
int audit_not_signed(
    struct audit *a, const char *job, const char *why, struct err *e);

/* For every audit_sign that is not answered appends "not-signed" with detail
 * "card-timeout", made beforehand.  For a signal handler of a process that
 * then ends: another thread's next call for this file does not return. */
void audit_cut(struct audit *a);

/* The descriptor that becomes readable when more has become durable. */
int audit_fd(const struct audit *a);
/* Takes notice of it without waiting; 0 / -1 as above. */
int audit_notice(struct audit *a, struct err *e);
/* True once the record of `ticket` has been fsynced. */
bool audit_durable(const struct audit *a, uint64_t ticket);
/* False once a write has failed. */
bool audit_ok(const struct audit *a);

/* What audit_verify found. */
struct audit_summary {
	uint64_t records;    /* whole records */
	uint64_t signatures; /* of them, for signatures */
	uint64_t torn;       /* lines cut by a crash and marked so */
	bool torn_end;       /* the last line is cut: a crash, or running */
	char last[65];       /* hash of the last line, to be noted elsewhere */
	char last_time[40];
};

/*
 * Reads a whole audit file and follows its chain.  0; -1 with ERR_INPUT
 * "audit-broken" and the first line at which it does not hold.
 */
int audit_verify(int fd, struct audit_summary *out, struct err *e);

#endif
