/* state/revocation/: fetched answers and last results. */
#ifndef SIGNER_CERT_REVCACHE_H
#define SIGNER_CERT_REVCACHE_H

#include "signer/cert/revocation.h"

#include <stddef.h>

#define REVCACHE_NAME 80
#define REVCACHE_FOLDER "revocation"

/* A descriptor of the folder below the state folder, which is made; -1. */
int revcache_open(int state_dir, struct err *e);

/* The name under which the answer of this source is kept; `certificate` is
 * its SHA-256, part of the name for "ocsp". */
void revcache_name(char out[REVCACHE_NAME], const char *kind, const char *url,
    const uint8_t certificate[32]);

/* An open kept answer and how old it is (since it was fetched); -1: none. */
int revcache_get(int dir, const char *name, int64_t *age_ms);
/* Keeps what lies in `fd`.  0 / -1. */
int revcache_put(int dir, const char *name, int fd, size_t max, struct err *e);

enum revcache_which {
	REVCACHE_LAST,   /* the last result */
	REVCACHE_ALLOWED /* the last that did not forbid signing */
};

/* Keeps a result as the last one.  0 / -1. */
int revcache_result_put(int dir, const uint8_t certificate[32],
    const struct cert_revocation *r, struct err *e);
/* 1; 0: there is none (or it is unreadable), *r is "not-asked". */
int revcache_result_get(int dir, const uint8_t certificate[32],
    enum revcache_which which, struct cert_revocation *r);

#endif
