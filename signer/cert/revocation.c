/*
 * A revocation result as bytes and as words.  What does not decode is never
 * "good": it is "not checked".
 */
#include "signer/cert/revocation.h"

#include "base/i18n.h"

#include <stdio.h>
#include <string.h>

const char *
cert_revocation_name(enum revocation_state s)
{
	static const char *const names[] = {
	    [REVOCATION_NOT_CHECKED] = "not-checked",
	    [REVOCATION_GOOD] = "good",
	    [REVOCATION_REVOKED] = "revoked",
	    [REVOCATION_SUSPENDED] = "suspended"};

	return names[s];
}

bool
cert_revocation_forbids(const struct cert_revocation *r)
{
	return r->state == REVOCATION_REVOKED ||
	       r->state == REVOCATION_SUSPENDED;
}

const char *
cert_revocation_reason_text(const char *reason)
{
	static const char *const words[][2] = {
	    {"unspecified", N_("no reason given")},
	    {"keyCompromise", N_("the key may be in other hands")},
	    {"cACompromise", N_("the authority's key may be in other hands")},
	    {"affiliationChanged", N_("the holder's data have changed")},
	    {"superseded", N_("replaced by a new certificate")},
	    {"cessationOfOperation", N_("no longer needed")},
	    {"certificateHold", N_("put on hold")},
	    {"privilegeWithdrawn", N_("the right to use it was withdrawn")},
	    {"aACompromise", N_("the authority's data may be wrong")},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i][0], reason) == 0)
			return words[i][1];
	return reason;
}

void
cert_revocation_none(struct cert_revocation *r, const char *why)
{
	memset(r, 0, sizeof *r);
	snprintf(r->why, sizeof r->why, "%s", why);
}

void
cert_revocation_put(struct ipc_msg *m, const struct cert_revocation *r)
{
	ipc_put_u64(m, r->state);
	ipc_put_str(m, r->why);
	ipc_put_str(m, r->kind);
	ipc_put_str(m, r->source);
	ipc_put_str(m, r->reason);
	ipc_put_str(m, r->note);
	ipc_put_u64(m, r->cached);
	ipc_put_i64(m, r->checked_ms);
	ipc_put_i64(m, r->produced_ms);
	ipc_put_i64(m, r->until_ms);
	ipc_put_i64(m, r->revoked_ms);
}

void
cert_revocation_get(struct ipc_msg *m, struct cert_revocation *r)
{
	uint64_t state = ipc_get_u64(m);

	memset(r, 0, sizeof *r);
	ipc_get_str(m, r->why, sizeof r->why);
	ipc_get_str(m, r->kind, sizeof r->kind);
	ipc_get_str(m, r->source, sizeof r->source);
	ipc_get_str(m, r->reason, sizeof r->reason);
	ipc_get_str(m, r->note, sizeof r->note);
	r->cached = ipc_get_u64(m) != 0;
	r->checked_ms = ipc_get_i64(m);
	r->produced_ms = ipc_get_i64(m);
	r->until_ms = ipc_get_i64(m);
	r->revoked_ms = ipc_get_i64(m);
	if (state > REVOCATION_SUSPENDED)
		m->failed = true;
	if (m->failed)
		cert_revocation_none(r, "malformed");
	else
		r->state = (enum revocation_state)state;
}
