/* The kinds of certificate natsuin knows: one table, a row per kind. */
#ifndef SIGNER_CERT_PROFILE_H
#define SIGNER_CERT_PROFILE_H

#include "signer/cert/cert.h"

enum cert_kind {
	CERT_KIND_OTHER,
	CERT_KIND_JPKI_SIGNATURE,
	CERT_KIND_JPKI_AUTHENTICATION,
	CERT_KIND_COMMERCIAL /* 商業登記電子証明書 */
};

/* Revocation data of this kind, as far as natsuin can get at it. */
enum cert_revocation_source {
	CERT_REVOCATION_UNKNOWN,
	CERT_REVOCATION_VERIFIERS_ONLY /* JPKI: 署名検証者 only */
};

struct cert_profile {
	enum cert_kind kind;
	const char *name;       /* stable, ASCII: "jpki-signature" */
	const char *label;      /* for people, N_() marked */
	const char *policy;     /* policy OID, or "1.2.3.*"; NULL = none */
	const char *policy_too; /* a further one; NULL = none */
	const char *issuer;     /* text in the issuer's name; NULL = none */
	unsigned usage_any;     /* one of these keyUsage bits is required */
	bool may_sign;          /* filings may be signed with it */
	enum cert_revocation_source revocation;
};

/* The row that a certificate matches by policy, else by issuer; the last
 * row ("other") for everything else. */
const struct cert_profile *cert_profile_of(const struct cert_info *c);

/* By stable name; NULL when unknown. */
const struct cert_profile *cert_profile_find(const char *name);

#endif
