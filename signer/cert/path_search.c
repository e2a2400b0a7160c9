/*
 * The graph of certificates above one certificate, and all ways through it to
 * a trust anchor.  An edge is a name and a signature that the key made;
 * whether a way is a valid path is not decided here.  All work is bounded:
 * certificates that cross-certify each other have more ways than stars.
 */
#include "signer/cert/path_search.h"

#include "signer/cert/anchor_set.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define NO_WAY (-1)

/* A certificate that was reached; 0 is the leaf, i + 1 the i-th anchor. */
struct node {
	X509 *x;
	bool trusted;
	bool reached, expanded;
	bool named; /* an issuer of that name exists */
	uint8_t key[EVP_MAX_MD_SIZE];
	size_t *up; /* its issuers, best first */
	size_t up_count;
	size_t parent, depth; /* how it was reached first */
	int distance;         /* to the nearest anchor, or NO_WAY */
};

struct path_search {
	int64_t at_ms;
	bool sound, limited;
	struct node *node;
	size_t count;
	size_t *queue, queued; /* the reached ones in order */
	unsigned signatures, steps, ways;
	/* While ways are proposed. */
	size_t on_way[CERT_PATH_MAX];
	struct path_way way;
	bool (*visit)(void *ctx, const struct path_way *way);
	void *ctx;
};

static bool
valid_at(X509 *x, int64_t at_ms)
{
	time_t t = (time_t)(at_ms / 1000);

	return ASN1_TIME_cmp_time_t(X509_get0_notBefore(x), t) <= 0 &&
	       ASN1_TIME_cmp_time_t(X509_get0_notAfter(x), t) >= 0;
}

/* Could it be an issuer in a good path at all?  A root may be of version 1. */
static bool
may_issue(const struct path_search *s, const struct node *issuer)
{
	int ca = X509_check_ca(issuer->x);

	return (ca == 1 || (ca != 0 && issuer->trusted)) &&
	       valid_at(issuer->x, s->at_ms) &&
	       (X509_get_extension_flags(issuer->x) & EXFLAG_CRITICAL) == 0;
}

static bool
is_sound(const struct path_search *s, const struct node *issuer, X509 *x)
{
	return may_issue(s, issuer) &&
	       X509_check_issued(issuer->x, x) == X509_V_OK;
}

static bool
key_made(X509 *issuer, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes = key != NULL && X509_verify(x, key) == 1;

	ERR_clear_error();
	return yes;
}

static bool
names_key(X509 *issuer, X509 *x)
{
	const ASN1_OCTET_STRING *id = X509_get0_authority_key_id(x),
				*own = X509_get0_subject_key_id(issuer);

	return id != NULL && own != NULL && ASN1_OCTET_STRING_cmp(id, own) == 0;
}

struct fork {
	const struct path_search *s;
	X509 *x;
};

/* Does b come before a?  A defined order, whatever the folder's order. */
static int
compare_issuers(const void *a, const void *b, void *ctx)
{
	const struct fork *f = ctx;
	const struct node *na = &f->s->node[*(const size_t *)a],
			  *nb = &f->s->node[*(const size_t *)b];
	int d = is_sound(f->s, nb, f->x) - is_sound(f->s, na, f->x);

	if (d == 0)
		d = names_key(nb->x, f->x) - names_key(na->x, f->x);
	if (d == 0)
		d = ASN1_TIME_compare(
		    X509_get0_notAfter(nb->x), X509_get0_notAfter(na->x));
	/* -2: no time at all. */
	if (d < -1)
		d = 0;
	return d != 0 ? d : X509_cmp(na->x, nb->x);
}

/* Finds the issuers of a node.  0 / -1. */
static int
find_issuers(struct path_search *s, struct node *n)
{
	struct fork fork = {s, n->x};

	for (size_t i = 1; i < s->count; i++) {
		struct node *a = &s->node[i];

		if (a == n || X509_NAME_cmp(X509_get_subject_name(a->x),
				  X509_get_issuer_name(n->x)) != 0)
			continue;
		n->named = true;
		if (s->sound && !is_sound(s, a, n->x))
			continue;
		if (s->signatures == PATH_SIGNATURES_MAX) {
			s->limited = true;
			break;
		}
		s->signatures++;
		if (!key_made(a->x, n->x))
			continue;
		if (n->up == NULL)
			n->up = calloc(s->count, sizeof *n->up);
		if (n->up == NULL)
			return -1;
		n->up[n->up_count++] = i;
	}
	if (n->up_count > 1)
		qsort_r(
		    n->up, n->up_count, sizeof *n->up, compare_issuers, &fork);
	return 0;
}

static void
reach(struct path_search *s, size_t i, size_t parent)
{
	struct node *n = &s->node[i];
	unsigned len = 0;

	if (n->reached)
		return;
	n->reached = true;
	n->parent = parent;
	n->depth = i == 0 ? 0 : s->node[parent].depth + 1;
	X509_pubkey_digest(n->x, EVP_sha256(), n->key, &len);
	s->queue[s->queued++] = i;
}

/* Everything above the leaf, nearest first.  0 / -1. */
static int
explore(struct path_search *s)
{
	reach(s, 0, 0);
	for (size_t q = 0; q < s->queued; q++) {
		size_t i = s->queue[q];
		struct node *n = &s->node[i];

		if (n->trusted || n->depth == CERT_PATH_MAX)
			continue;
		if (find_issuers(s, n) != 0)
			return -1;
		n->expanded = true;
		for (size_t k = 0; k < n->up_count; k++)
			reach(s, n->up[k], i);
	}
	return 0;
}

/* The number of certificates from each one to the nearest anchor. */
static void
measure(struct path_search *s)
{
	for (int round = 0; round <= CERT_PATH_MAX; round++)
		for (size_t q = s->queued; q-- > 0;) {
			struct node *n = &s->node[s->queue[q]];

			for (size_t k = 0; k < n->up_count; k++) {
				int d = s->node[n->up[k]].distance;

				if (d != NO_WAY && (n->distance == NO_WAY ||
						       d + 1 < n->distance))
					n->distance = d + 1;
			}
		}
}

struct path_search *
path_search_new(const struct cert_anchors *anchors, X509 *leaf, int64_t at_ms,
    bool sound, struct err *e)
{
	struct path_search *s = calloc(1, sizeof *s);

	if (s == NULL)
		goto nomem;
	s->at_ms = at_ms;
	s->sound = sound;
	s->count = anchors->count + 1;
	s->node = calloc(s->count, sizeof *s->node);
	s->queue = calloc(s->count, sizeof *s->queue);
	if (s->node == NULL || s->queue == NULL)
		goto nomem;
	s->node[0] = (struct node){.x = leaf, .distance = NO_WAY};
	for (size_t i = 0; i < anchors->count; i++) {
		const struct anchor *a = &anchors->item[i];

		s->node[i + 1] = (struct node){.x = a->x,
		    .trusted = a->trusted,
		    .distance = a->trusted ? 0 : NO_WAY};
	}
	if (explore(s) != 0)
		goto nomem;
	measure(s);
	return s;
nomem:
	path_search_free(s);
	err_nomem(e);
	return NULL;
}

static bool
is_on_way(const struct path_search *s, const struct node *n)
{
	for (size_t i = 0; i < s->way.count; i++) {
		const struct node *o = &s->node[s->on_way[i]];

		if (memcmp(o->key, n->key, sizeof n->key) == 0 &&
		    X509_NAME_cmp(X509_get_subject_name(o->x),
			X509_get_subject_name(n->x)) == 0)
			return true;
	}
	return false;
}

/* Self-issued certificates do not count (RFC 5280 4.2.1.9). */
static bool
exceeds_path_length(const struct path_search *s, const struct node *n)
{
	long most = X509_get_pathlen(n->x), below = 0;

	for (size_t i = 0; i < s->way.count; i++)
		below +=
		    (X509_get_extension_flags(s->way.up[i]) & EXFLAG_SI) == 0;
	return most >= 0 && below > most;
}

static bool
propose(struct path_search *s)
{
	if (s->ways == PATH_WAYS_MAX) {
		s->limited = true;
		return false;
	}
	s->ways++;
	return s->visit(s->ctx, &s->way);
}

/* All ways with exactly `room` more certificates; false: stop. */
static bool
climb(struct path_search *s, const struct node *from, int room)
{
	bool go_on = true;

	for (size_t k = 0; go_on && k < from->up_count; k++) {
		struct node *n = &s->node[from->up[k]];

		if (s->steps++ == PATH_STEPS_MAX) {
			s->limited = true;
			return false;
		}
		if (n->distance == NO_WAY || n->distance + 1 > room ||
		    (n->trusted && room > 1) || is_on_way(s, n) ||
		    (s->sound && exceeds_path_length(s, n)))
			continue;
		s->on_way[s->way.count] = from->up[k];
		s->way.up[s->way.count++] = n->x;
		go_on = n->trusted ? propose(s) : climb(s, n, room - 1);
		s->way.count--;
	}
	return go_on;
}

void
path_search_each(struct path_search *s,
    bool (*visit)(void *ctx, const struct path_way *way), void *ctx)
{
	int least = s->node[0].distance;

	s->visit = visit;
	s->ctx = ctx;
	s->way.count = 0;
	s->steps = s->ways = 0;
	if (least == NO_WAY)
		return;
	for (int room = least; room <= CERT_PATH_MAX; room++)
		if (!climb(s, &s->node[0], room))
			return;
}

bool
path_search_limited(const struct path_search *s)
{
	return s->limited;
}

static void
way_to(const struct path_search *s, size_t i, struct path_way *way)
{
	way->count = s->node[i].depth;
	for (; s->node[i].depth > 0; i = s->node[i].parent)
		way->up[s->node[i].depth - 1] = s->node[i].x;
}

enum path_lack
path_search_lack(const struct path_search *s, struct path_way *furthest)
{
	enum path_lack lack = PATH_LACK_LOOP;

	/* A name with the wrong key is the better hint. */
	furthest->count = 0;
	for (size_t q = 0; q < s->queued; q++) {
		const struct node *n = &s->node[s->queue[q]];
		enum path_lack of = PATH_LACK_LENGTH;

		if (n->trusted || n->up_count > 0)
			continue;
		if (n->expanded)
			of = n->named ? PATH_LACK_KEY : PATH_LACK_ISSUER;
		if (lack == PATH_LACK_LOOP || lack == PATH_LACK_LENGTH ||
		    (lack == PATH_LACK_ISSUER && of == PATH_LACK_KEY)) {
			lack = of;
			way_to(s, s->queue[q], furthest);
		}
		if (lack == PATH_LACK_KEY)
			break;
	}
	return lack;
}

void
path_search_free(struct path_search *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; s->node != NULL && i < s->count; i++)
		free(s->node[i].up);
	free(s->node);
	free(s->queue);
	free(s);
}
