/*
 * The kinds of certificate.  A new kind is a new row; no other file asks
 * what kind a certificate is by looking at its fields.
 */
#include "signer/cert/profile.h"

#include "base/i18n.h"

#include <string.h>

/*
 * Sources: JPKI policy OIDs and keyUsage: jsrsasign's OID list, J-LIS profile
 * as quoted by public projects, certificates dumped by their owners; the
 * last OID arc of test cards differs.  The registrar's DN: certificates
 * published by the Ministry of Justice.
 */
static const struct cert_profile profiles[] = {
    {
	.kind = CERT_KIND_JPKI_AUTHENTICATION,
	.name = "jpki-authentication",
	.label = N_("JPKI user authentication certificate (My Number card)"),
	.policy = "1.2.392.200149.8.5.1.3.*",
	.issuer = "OU=JPKI for user authentication",
	.usage_any = CERT_DIGITAL_SIGNATURE,
	.may_sign = false,
	.revocation = CERT_REVOCATION_VERIFIERS_ONLY,
    },
    {
	.kind = CERT_KIND_JPKI_SIGNATURE,
	.name = "jpki-signature",
	.label = N_("JPKI signature certificate (My Number card)"),
	.policy = "1.2.392.200149.8.5.1.1.*",
	.policy_too = "1.2.392.200149.8.5.1.0.*",
	.issuer = "OU=JPKI for digital signature",
	.usage_any = CERT_NON_REPUDIATION,
	.may_sign = true,
	.revocation = CERT_REVOCATION_VERIFIERS_ONLY,
    },
    {
	.kind = CERT_KIND_COMMERCIAL,
	.name = "commercial-registry",
	.label = N_("Commercial registration certificate (company "
		    "representative)"),
	.issuer = "OU=Ministry of Justice, CN=Registrar of",
	.usage_any = CERT_NON_REPUDIATION | CERT_DIGITAL_SIGNATURE,
	.may_sign = true,
    },
    {
	.kind = CERT_KIND_OTHER,
	.name = "other",
	.label = N_("Certificate of another authority"),
	.usage_any = CERT_NON_REPUDIATION,
	.may_sign = true,
    },
};

#define PROFILE_COUNT (sizeof profiles / sizeof *profiles)

static bool
policy_fits(const char *oid, const char *want)
{
	size_t len;

	if (want == NULL)
		return false;
	len = strlen(want);
	if (want[len - 1] == '*')
		return strncmp(oid, want, len - 1) == 0;
	return strcmp(oid, want) == 0;
}

static bool
has_policy(const struct cert_info *c, const struct cert_profile *p)
{
	for (unsigned i = 0; i < c->policy_count; i++)
		if (policy_fits(c->policies[i], p->policy) ||
		    policy_fits(c->policies[i], p->policy_too))
			return true;
	return false;
}

const struct cert_profile *
cert_profile_of(const struct cert_info *c)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (has_policy(c, &profiles[i]))
			return &profiles[i];
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (profiles[i].issuer != NULL &&
		    strstr(c->issuer, profiles[i].issuer) != NULL)
			return &profiles[i];
	return &profiles[PROFILE_COUNT - 1];
}

const struct cert_profile *
cert_profile_find(const char *name)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}
