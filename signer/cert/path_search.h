/* Ways from a certificate up to a trust anchor, by names and keys only. */
#ifndef SIGNER_CERT_PATH_SEARCH_H
#define SIGNER_CERT_PATH_SEARCH_H

#include "base/err.h"
#include "signer/cert/check.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one search may cost at most, whatever lies in the anchors folder. */
#define PATH_SIGNATURES_MAX 2000 /* signatures checked */
#define PATH_STEPS_MAX 50000     /* certificates looked at on ways */
#define PATH_WAYS_MAX 200        /* ways proposed */

/* Issuer first, then up; the last one is a trust anchor.  Borrowed. */
struct path_way {
	X509 *up[CERT_PATH_MAX];
	size_t count;
};

/* Why no way was proposed. */
enum path_lack {
	PATH_LACK_ISSUER, /* an issuer's name is not among the anchors */
	PATH_LACK_KEY,    /* the name is, but no key of it signed */
	PATH_LACK_LENGTH, /* more than CERT_PATH_MAX certificates */
	PATH_LACK_LOOP    /* certificates that issue each other, no root */
};

struct path_search;

/*
 * Looks at what leads up from `leaf`; both are borrowed.  `sound`: leaves out
 * every issuer that cannot be in a good path at `at_ms`, whatever the rest of
 * the path is (dates, not an authority, path length, key identifier, critical
 * extension).  NULL when memory is out.
 */
struct path_search *path_search_new(const struct cert_anchors *anchors,
    X509 *leaf, int64_t at_ms, bool sound, struct err *e);

/*
 * Proposes each way once: the shortest first; of equal length, at each fork
 * first the issuer that could be in a good path, then one whose key identifier
 * is named, then the one that is valid longest.  Never the same name with the
 * same key twice in one way (RFC 4158 2.4.2).  Ends when visit() returns
 * false.
 */
void path_search_each(struct path_search *s,
    bool (*visit)(void *ctx, const struct path_way *way), void *ctx);

/* A limit was reached: there may be more ways than were proposed. */
bool path_search_limited(const struct path_search *s);

/* For a search that proposed nothing: why, and the way as far as it went
 * (may be empty; its last one lacks an issuer). */
enum path_lack path_search_lack(
    const struct path_search *s, struct path_way *furthest);

/* NULL is accepted. */
void path_search_free(struct path_search *s);

#endif
