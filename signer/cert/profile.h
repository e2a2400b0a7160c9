/* The kinds of certificate natsuin knows: one table, a row per kind. */
#ifndef SIGNER_CERT_PROFILE_H
#define SIGNER_CERT_PROFILE_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

struct cert_info;

enum cert_kind {
	CERT_KIND_OTHER,
	CERT_KIND_JUKI,                /* old 住基カード */
	CERT_KIND_JPKI_AUTHENTICATION, /* 利用者証明用, card or phone */
	CERT_KIND_JPKI_SIGNATURE,      /* 署名用, My Number card */
	CERT_KIND_JPKI_MOBILE,         /* 署名用, smartphone */
	CERT_KIND_COMMERCIAL,          /* 商業登記電子証明書 */
	CERT_KIND_TAX_ACCOUNTANT,      /* 税理士用 (日税連) */
	CERT_KIND_SECOM_GID,           /* 社労士 and others */
	CERT_KIND_ACCREDITED,          /* other 認定認証業務 */
	CERT_KIND_GPKI,                /* 政府認証基盤 */
	CERT_KIND_LGPKI,     /* 地方公共団体組織認証基盤 */
	CERT_KIND_CONFIGURED /* by a certificate-kind section */
};

/* Where revocation of this kind can be looked up by a signer. */
enum cert_revocation_source {
	CERT_REVOCATION_UNKNOWN, /* asked for where the certificate says */
	CERT_REVOCATION_NAMED,   /* the certificate says where */
	CERT_REVOCATION_CRL,     /* only lists: no responder is asked */
	CERT_REVOCATION_OCSP,    /* only responders: no list is fetched */
	CERT_REVOCATION_VERIFIERS_ONLY /* JPKI: 署名検証者 only */
};

/* Does the receiver of a format take this kind? */
enum cert_acceptance {
	CERT_UNCONFIRMED, /* no source says; a warning */
	CERT_ACCEPTED,
	CERT_NOT_ACCEPTED /* filings of the format are not signed with it */
};

/* Texts are borrowed from the table or from the configuration. */
struct cert_profile {
	enum cert_kind kind;
	const char *name;    /* stable, ASCII: "jpki-signature" */
	const char *label;   /* use cert_profile_label */
	const char *renewal; /* use cert_profile_renewal */
	const char *refusal; /* code of the problem; NULL: it may sign */
	const char *ended;   /* the kind's last day, "2018-12-22"; or NULL */
	unsigned usage_any;  /* one of these keyUsage bits is required */
	enum cert_revocation_source revocation;
	enum cert_acceptance etax, egov;
};

/*
 * The kind of a certificate.  Built-in kinds that must not sign come first,
 * then those of the configuration (NULL: none), then the other built-in
 * ones; each by policy, else by issuer.  "other" for everything else.
 */
struct cert_profile cert_profile_of(
    const struct cert_info *c, const struct conf *conf);

/* The built-in row with this stable name; "other" when there is none. */
struct cert_profile cert_profile_find(const char *name);

/* The i-th built-in row; false behind the last. */
bool cert_profile_at(size_t i, struct cert_profile *out);

static inline bool
cert_profile_may_sign(const struct cert_profile *p)
{
	return p->refusal == NULL;
}

/* `format` as submission formats are named: "etax", "etax-form", "egov". */
enum cert_acceptance cert_profile_accepts(
    const struct cert_profile *p, const char *format);

/* For people, in their language; "" where there is no renewal rule. */
const char *cert_profile_label(const struct cert_profile *p);
const char *cert_profile_renewal(const struct cert_profile *p);
const char *cert_profile_revocation(const struct cert_profile *p);

/* "certificate", "crl", "ocsp", "verifiers-only", "unknown" */
const char *cert_revocation_source_name(enum cert_revocation_source s);
/* "accepted", "not-accepted", "unconfirmed" */
const char *cert_acceptance_name(enum cert_acceptance a);

#endif
