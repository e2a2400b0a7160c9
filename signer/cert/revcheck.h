/* One check of a certificate's revocation, step by step. */
#ifndef SIGNER_CERT_REVCHECK_H
#define SIGNER_CERT_REVCHECK_H

#include "conf/conf.h"
#include "signer/cert/anchors.h"
#include "signer/cert/revocation.h"

#include <stdbool.h>
#include <stdint.h>

struct revcheck;

/* What is borrowed must live as long as the check. */
struct revcheck_setup {
	const struct conf *conf;
	const struct conf_key *key;         /* may be NULL */
	const struct cert_anchors *anchors; /* NULL: none configured */
	struct slice certificate;           /* DER or PEM; copied */
	int cache;  /* folder (revcache_open), or -1 for none */
	bool fresh; /* ask also what was asked a moment ago */
};

/* The policy that holds for a key (NULL: the general one). */
enum conf_revocation revcheck_policy(
    const struct conf *c, const struct conf_key *key);

/* False when the settings name nobody who could be asked: the reason then is
 * "no-hosts", and no process is needed to know it. */
bool revcheck_possible(const struct conf *c, const struct conf_key *key);

/* Starts; an examiner runs from now on.  NULL on error. */
struct revcheck *revcheck_start(const struct revcheck_setup *s, struct err *e);

/*
 * Poll this descriptor for input, until the deadline (monotonic ms) at most;
 * then step.  Neither waits.  The descriptor may be another one after each
 * step.
 */
int revcheck_fd(const struct revcheck *c);
int64_t revcheck_deadline(const struct revcheck *c);
void revcheck_step(struct revcheck *c);

/* NULL while it goes on.  Every result is kept in the cache folder. */
const struct cert_revocation *revcheck_result(const struct revcheck *c);

/* Ends its processes; NULL is accepted. */
void revcheck_free(struct revcheck *c);

/* The whole check, waiting (for commands).  0 / -1 with *r "not checked". */
int revcheck_run(
    const struct revcheck_setup *s, struct cert_revocation *r, struct err *e);

#endif
