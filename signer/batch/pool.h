/* Signers and their keys: which key makes a filing's signature. */
#ifndef SIGNER_BATCH_POOL_H
#define SIGNER_BATCH_POOL_H

#include "signer/batch/internal.h"

/* The keys of one place in sign-with: a key alone, or a pool's. */
struct place {
	const char *name; /* the key's or the pool's */
	bool by_agent;    /* only the key whose number is the agent's */
	size_t count;
	struct {
		struct bkey *key;
		unsigned bit; /* in findings.unfit */
	} member[CONF_DROP_KEYS_MAX];
};

void place_get(
    struct runner *r, const struct conf_drop *d, size_t at, struct place *out);
/* Where by-agent-id is wanted: 0 when each such place has one key for the
 * (examined) filing; else -1, ERR_CONFIG "agent-id-missing",
 * "agent-key-none", "agent-key-ambiguous". */
int place_check_agent(struct runner *r, const struct bjob *j, struct err *e);

/* May member i sign this (examined) job? */
bool place_fits(const struct place *p, size_t i, const struct bjob *j);

/* Reads which certificates the keys showed last: what a card that is away
 * has signed is known by it. */
void pool_remember(struct runner *r);

/* Opens the closed keys of the job's drop folder; true when at each place a
 * key is open, or none will be. */
bool job_keys_decided(struct runner *r, const struct bjob *j);
/* Which opening of its keys this is: equal as long as none was opened again;
 * 0 while one of the places has no open key. */
uint64_t job_keys_opened(struct runner *r, const struct bjob *j);

/* True when no key may yet sign for some place of an examined job: *why, and
 * in *name for whom it is to be held. */
bool job_keys_stopped(
    struct runner *r, const struct bjob *j, const char **name, struct err *why);

/*
 * Chooses the key of each signature that has none: the one of its recorded
 * intent while that may still come, else the open one with the least to do.
 * All parts of a job at one place are signed by one key.  1 when all have
 * one; 0 when a key is awaited; -1 when none may sign (as above).
 */
int pool_choose(
    struct runner *r, struct bjob *j, const char **name, struct err *why);

/* Jobs that wait for a key that stopped: given back to their pool, or held. */
void pool_key_stopped(struct runner *r, struct bkey *k);

/* Gives an open key with nothing to do the last signature in the longest line
 * of its pool. */
void pool_balance(struct runner *r);

/* The key whose signature of this part the output must have at this place:
 * the one that signs, or that has signed before. */
struct bkey *place_signer(
    struct runner *r, const struct bjob *j, size_t part, size_t at);

#endif
