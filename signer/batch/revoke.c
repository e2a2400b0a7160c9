/*
 * Revocation in a batch: asked when a key opens, in the background while it
 * is open, and before outputs leave.  Signing waits only at the opening of a
 * key and only so long; publishing waits for the answer.  Nothing here blocks
 * the loop.
 */
#include "signer/batch/revoke.h"

#include "base/clock.h"
#include "base/log.h"
#include "signer/batch/keys.h"
#include "signer/cert/revcache.h"
#include "signer/cert/revcheck.h"

#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

int
revoke_open(struct runner *r, struct err *e)
{
	r->revocation_dir = revcache_open(spool_state_dir(r->spool), e);
	return r->revocation_dir < 0 ? -1 : 0;
}

void
revoke_close(struct runner *r)
{
	for (size_t i = 0; i < r->key_count; i++) {
		revcheck_free(r->keys[i].revcheck);
		r->keys[i].revcheck = NULL;
	}
	if (r->revocation_dir >= 0)
		close(r->revocation_dir);
	r->revocation_dir = -1;
}

void
revoke_recall(const struct runner *r, const uint8_t certificate[32],
    struct cert_revocation *out)
{
	if (revcache_result_get(
		r->revocation_dir, certificate, REVCACHE_ALLOWED, out) == 0 &&
	    !revcheck_possible(r->conf, NULL))
		cert_revocation_none(out, "no-hosts");
}

static bool
is_wanted(const struct bkey *k)
{
	return k->wants_revocation && k->status.certificate.len > 0;
}

/* Known for too long, or an answer that has run out since. */
static bool
is_old(const struct runner *r, const struct bkey *k)
{
	if (!k->is_known ||
	    clock_mono_ms() - k->known_ms >= r->conf->revoke.refresh_ms)
		return true;
	return k->known.state == REVOCATION_GOOD &&
	       clock_wall_ms() > k->known.until_ms;
}

/* An end of a check for want of processes or memory: as if it had failed. */
static void
known_unchecked(struct bkey *k, const char *why)
{
	cert_revocation_none(&k->known, why);
	k->known.checked_ms = clock_wall_ms();
	k->known_ms = clock_mono_ms();
	k->is_known = true;
}

static void
start(struct runner *r, struct bkey *k)
{
	struct revcheck_setup s = {.conf = r->conf,
	    .key = k->conf,
	    .anchors = r->anchors,
	    .certificate = buf_view(&k->status.certificate),
	    .cache = r->revocation_dir};
	struct err e = {0};

	if (k->revcheck != NULL)
		return;
	k->revcheck = revcheck_start(&s, &e);
	if (k->revcheck != NULL)
		return;
	log_err(LOG_LEVEL_WARN, "revocation.unstarted", &e);
	known_unchecked(k, "examiner-died");
}

/* Another certificate than the one that was asked about? */
static void
forget_other(struct bkey *k)
{
	struct slice der = buf_view(&k->status.certificate);
	uint8_t hash[CERT_SHA256];

	if (EVP_Digest(der.p, der.len, hash, NULL, EVP_sha256(), NULL) != 1)
		memset(hash, 0, sizeof hash);
	if (memcmp(hash, k->known_of, sizeof hash) == 0)
		return;
	memcpy(k->known_of, hash, sizeof hash);
	revcheck_free(k->revcheck);
	k->revcheck = NULL;
	k->is_known = false;
	k->revoke_until_ms = 0;
}

bool
revoke_seen(struct runner *r, struct bkey *k)
{
	k->wants_revocation = revcheck_possible(r->conf, k->conf);
	k->policy.known = &k->known;
	if (!is_wanted(k)) {
		cert_revocation_none(&k->known, "no-hosts");
		return false;
	}
	forget_other(k);
	if (revoke_waits(k))
		return true;
	if (!k->is_known)
		cert_revocation_none(&k->known, "pending");
	if (!is_old(r, k))
		return false;
	start(r, k);
	if (k->revcheck == NULL || r->conf->revoke.wait_ms == 0)
		return false;
	k->revoke_until_ms = clock_mono_ms() + r->conf->revoke.wait_ms;
	return true;
}

bool
revoke_waits(const struct bkey *k)
{
	return k->revoke_until_ms != 0;
}

bool
revoke_is_due(struct runner *r, struct bkey *k)
{
	if (!is_wanted(k) || !is_old(r, k))
		return false;
	start(r, k);
	return k->revcheck != NULL;
}

static void
take_result(struct runner *r, struct bkey *k)
{
	struct err e = {0};

	k->known = *revcheck_result(k->revcheck);
	k->is_known = true;
	k->known_ms = clock_mono_ms();
	revcheck_free(k->revcheck);
	k->revcheck = NULL;
	log_event(LOG_LEVEL_INFO, "key.revocation", "key=%s state=%s why=%s",
	    k->conf->name, cert_revocation_name(k->known.state), k->known.why);
	k->revoke_until_ms = 0;
	if (k->state != KEY_OPEN) {
		key_check_soon(k);
		return;
	}
	if (key_check_now(k, &e) != 0)
		key_stop(r, k, &e);
}

void
revoke_pump(struct runner *r)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < r->key_count; i++) {
		struct bkey *k = &r->keys[i];
		bool waited = revoke_waits(k);

		if (k->revcheck != NULL)
			revcheck_step(k->revcheck);
		if (k->revcheck != NULL && revcheck_result(k->revcheck) != NULL)
			take_result(r, k);
		else if (waited && now >= k->revoke_until_ms)
			k->revoke_until_ms = 0;
		if (waited && !revoke_waits(k))
			key_seen(r, k);
		if (k->state == KEY_OPEN && k->revcheck == NULL &&
		    is_wanted(k) && is_old(r, k))
			start(r, k);
	}
}

size_t
revoke_poll(const struct runner *r, struct pollfd *fds)
{
	for (size_t i = 0; i < r->key_count; i++) {
		const struct revcheck *c = r->keys[i].revcheck;

		fds[i] =
		    (struct pollfd){c == NULL ? -1 : revcheck_fd(c), POLLIN, 0};
	}
	return r->key_count;
}

int64_t
revoke_next_ms(const struct runner *r)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < r->key_count; i++) {
		const struct bkey *k = &r->keys[i];
		int64_t at = k->revcheck == NULL
				 ? INT64_MAX
				 : revcheck_deadline(k->revcheck);

		if (k->revoke_until_ms != 0 && k->revoke_until_ms < at)
			at = k->revoke_until_ms;
		if (at < first)
			first = at;
	}
	return first;
}
