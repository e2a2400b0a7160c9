/* What the card did: counters, and a time log as JSON lines. */
#ifndef TESTS_VCARD_JOURNAL_H
#define TESTS_VCARD_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

struct counters {
	uint64_t commands;
	uint64_t ins[256];
	uint64_t verify; /* with a PIN, right or wrong */
	uint64_t verify_ok;
	uint64_t verify_wrong;
	uint64_t tries_query;
	uint64_t cert_reads; /* of the signature certificate, from byte 0 */
	uint64_t sign;       /* done with the signature key */
	uint64_t auth_sign;
	uint64_t select_ap;
	uint64_t select_other; /* another application */
	uint64_t select_key;
	uint64_t change_pin;
	uint64_t power_on;
	uint64_t power_off;
	uint64_t reset;
	uint64_t connects; /* to the reader */
};

/* One JSON object on one line, without the line end; 0 / -1. */
int counters_text(const struct counters *n, struct buf *out);

/* Appends one signature command's time to the log (NULL: none). */
void journal_signature(
    FILE *log, int64_t start_ns, int64_t end_ns, unsigned sw);

/*
 * `vcard busy LOG...`: prints per log and in sum how many signatures there
 * were, their span and the busy share 1 - gaps / span.  Exit status.
 */
int journal_busy(int argc, char **argv);

#endif
