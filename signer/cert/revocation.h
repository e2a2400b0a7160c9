/* What is known of a certificate's revocation: a small plain result. */
#ifndef SIGNER_CERT_REVOCATION_H
#define SIGNER_CERT_REVOCATION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/ipc.h"

#include <stdbool.h>
#include <stdint.h>

enum revocation_state {
	REVOCATION_NOT_CHECKED,
	REVOCATION_GOOD,
	REVOCATION_REVOKED,
	REVOCATION_SUSPENDED /* certificateHold: it may come back */
};

/*
 * Reasons for "not checked" (explain_revocation.def has "revocation-" and
 * these):
 *   off, jpki-verifiers-only, no-source, not-asked, pending, issuer-unknown,
 *   host-not-allowed, url-refused, unreachable, timeout, too-big, http-status,
 *   fetch-failed, tls-untrusted, file-unreadable, malformed, stale,
 *   not-yet-valid,
 *   wrong-signer, crl-other-generation, weak-signature, crl-other-issuer,
 *   crl-other-point, crl-indirect, crl-delta, crl-partial, crl-critical,
 *   ocsp-refused, ocsp-unknown, ocsp-other, nonce-wrong, nonce-missing,
 *   examiner-died, expired-since (the certificate, before the answer).
 */
struct cert_revocation {
	enum revocation_state state;
	char why[40];        /* not checked: the reason, as above; else "" */
	char kind[8];        /* "ocsp", "crl", or "" when nobody was asked */
	char source[200];    /* URL or file, safe to show */
	char reason[24];     /* revoked: "keyCompromise", …; or "" */
	char note[40];       /* "nonce-missing", "responder-unchecked", or "" */
	bool cached;         /* asking failed: it was fetched earlier */
	int64_t checked_ms;  /* when natsuin looked; 0 = never */
	int64_t produced_ms; /* thisUpdate */
	int64_t until_ms;    /* nextUpdate, or the age limit if that is less */
	int64_t revoked_ms;
};

/* "not-checked", "good", "revoked", "suspended". */
const char *cert_revocation_name(enum revocation_state s);
bool cert_revocation_forbids(const struct cert_revocation *r);
/* "keyCompromise" in words (English, N_() marked); others as they are. */
const char *cert_revocation_reason_text(const char *reason);
/* A result that nobody has been asked for. */
void cert_revocation_none(struct cert_revocation *r, const char *why);

/* For messages and for disk; reading sets m->failed on anything wrong. */
void cert_revocation_put(struct ipc_msg *m, const struct cert_revocation *r);
void cert_revocation_get(struct ipc_msg *m, struct cert_revocation *r);

#endif
