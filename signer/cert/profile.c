/*
 * The kinds of certificate.  A new kind is a new row; no other file asks
 * what kind a certificate is by looking at its fields.  A kind says what a
 * certificate is called and which rules hold for it.  Whether it is genuine
 * is the path's question: anybody can write any issuer into a certificate.
 */
#include "signer/cert/profile.h"

#include "base/i18n.h"
#include "signer/cert/cert.h"

#include <stdint.h>
#include <string.h>

#define TEXTS_MAX 4

/* 2016-01-01 00:00 in Japan. */
#define YEAR_2016_MS INT64_C(1451574000000)

/* How a row's certificates are known. */
struct row {
	const char *policy[TEXTS_MAX]; /* OIDs, or "1.2.3.*" */
	const char *issuer[TEXTS_MAX]; /* texts in the issuer's name */
	int64_t issued_before_ms;      /* and only then; 0 = any time */
	struct cert_profile profile;
};

#define JPKI_RENEWAL                                                           \
	N_("Valid until the holder's fifth birthday after it was issued, or "  \
	   "until the card's own end if that comes first; a change of name "   \
	   "or address ends it at once. It can be renewed at the municipal "   \
	   "office from three months before its end. After that register the " \
	   "new one with e-Tax.")

/*
 * Confidence: H several independent public sources, M one good source, L a
 * guess from names; an L row is completed by a certificate-kind section of
 * the same name.  Acceptance by e-Tax: NTA's list (e-tax.nta.go.jp,
 * systemriyo2) names JPKI, 商業登記, 税理士用 and accredited authorities that
 * were tried, GPKI and LGPKI for officials.  By e-Gov: its own list was not
 * to be had; vendors and 厚労省 name IC cards (JPKI), 商業登記, and 社労士.
 */
static const struct row rows[] = {
    /* Refusals first: no row of the configuration comes before them. */
    {
	/* Issued by prefectures until 2015-12-22 for three years, dead since
	 * January 2019 (notices of Wako, Tatsuno, Matsuyama, Saga: H).  My
	 * Number cards exist since January 2016, so what JPKI issued before
	 * is one; the governors' full names: not found. */
	.policy = {"1.2.392.200149.8.5.1.*"},
	.issuer = {"O=JPKI", "Prefectural Association For JPKI"},
	.issued_before_ms = YEAR_2016_MS,
	.profile = {.kind = CERT_KIND_JUKI,
	    .name = "juki",
	    .label = N_("Certificate of an old Basic Resident Register card "
			"(Juki card)"),
	    .renewal = N_("It cannot be renewed: these certificates were "
			  "issued until 22 December 2015, and the last ones "
			  "ended in December 2018. A My Number card takes "
			  "their place."),
	    .refusal = "certificate-juki-ended",
	    .ended = "2018-12-22",
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_VERIFIERS_ONLY,
	    .etax = CERT_NOT_ACCEPTED,
	    .egov = CERT_NOT_ACCEPTED},
    },
    {
	/* Policy: jsrsasign's OID list; issuer: dumps by card owners (H).  A
	 * phone's has its number below the same arc as far as known (L). */
	.policy = {"1.2.392.200149.8.5.1.3.*"},
	.issuer = {"OU=JPKI for user authentication"},
	.profile = {.kind = CERT_KIND_JPKI_AUTHENTICATION,
	    .name = "jpki-authentication",
	    .label = N_("JPKI user authentication certificate (My Number "
			"card)"),
	    .renewal = JPKI_RENEWAL,
	    .refusal = "certificate-is-authentication",
	    .usage_any = CERT_DIGITAL_SIGNATURE,
	    .revocation = CERT_REVOCATION_VERIFIERS_ONLY,
	    .etax = CERT_NOT_ACCEPTED,
	    .egov = CERT_NOT_ACCEPTED},
    },
    {
	/* "..1.40 for mobile phones" of the profile specification, second
	 * hand (L); the authority has the card's name, so a phone with
	 * another number counts as jpki-signature.  e-Tax: NTA's own pages
	 * for taxpayers, since 2023; e-Gov: nothing found. */
	.policy = {"1.2.392.200149.8.5.1.1.40"},
	.profile = {.kind = CERT_KIND_JPKI_MOBILE,
	    .name = "jpki-mobile-signature",
	    .label = N_("JPKI signature certificate (smartphone)"),
	    .renewal = N_("It ends with the card's certificate that it was "
			  "made from, or when the phone's is given up. After "
			  "the card has been renewed, apply for it again on "
			  "the phone."),
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_VERIFIERS_ONLY,
	    .etax = CERT_ACCEPTED,
	    .egov = CERT_UNCONFIRMED},
    },
    {
	/* Policy and issuer as above (H); ..1.0 are test cards (M).
	 * Renewal: notices of many municipalities (H). */
	.policy = {"1.2.392.200149.8.5.1.1.*", "1.2.392.200149.8.5.1.0.*"},
	.issuer = {"OU=JPKI for digital signature"},
	.profile = {.kind = CERT_KIND_JPKI_SIGNATURE,
	    .name = "jpki-signature",
	    .label = N_("JPKI signature certificate (My Number card)"),
	    .renewal = JPKI_RENEWAL,
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_VERIFIERS_ONLY,
	    .etax = CERT_ACCEPTED,
	    .egov = CERT_ACCEPTED},
    },
    {
	/* The registrar's DN: specifications and certificates published by
	 * the Ministry of Justice (H).  Lists by HTTP or LDAP as the
	 * certificate says: notification of 2026-02-27 (M). */
	.issuer = {"OU=Ministry of Justice, CN=Registrar of"},
	.profile = {.kind = CERT_KIND_COMMERCIAL,
	    .name = "commercial-registry",
	    .label = N_("Commercial registration certificate (company "
			"representative)"),
	    .renewal = N_("Valid for the time that was applied for. It is not "
			  "renewed: apply to the registry for the next one "
			  "before it ends. A change of the registered name, "
			  "seat or representative ends it at once."),
	    .usage_any = CERT_NON_REPUDIATION | CERT_DIGITAL_SIGNATURE,
	    .revocation = CERT_REVOCATION_NAMED,
	    .etax = CERT_ACCEPTED,
	    .egov = CERT_ACCEPTED},
    },
    {
	/* Fifth generation: policy of "e-Probatio PSA Service" (NTT Neomeit,
	 * 2017); the issuer's DN is guessed from that name (L).  The sixth
	 * signs remotely and has no such file or card. */
	.issuer = {"e-Probatio PSA"},
	.profile = {.kind = CERT_KIND_TAX_ACCOUNTANT,
	    .name = "tax-accountant",
	    .label = N_("Tax accountant's certificate (Japan Federation of "
			"Certified Public Tax Accountants' Associations)"),
	    .renewal = N_("The federation announces the next generation and "
			  "how to apply for it; follow its letters. After "
			  "that register the new one with e-Tax."),
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_NAMED,
	    .etax = CERT_ACCEPTED,
	    .egov = CERT_UNCONFIRMED},
    },
    {
	/* "SECOM CA Service Passport for G-ID" is the title of the policy
	 * (2016, 2018); the issuer's DN is guessed from it (L).  Two or
	 * three years: the service's FAQ. */
	.issuer = {"Passport for G-ID"},
	.profile = {.kind = CERT_KIND_SECOM_GID,
	    .name = "secom-g-id",
	    .label = N_("SECOM Passport for G-ID (labour and social security "
			"attorneys and other professions)"),
	    .renewal = N_("Valid for the two or three years that were "
			  "ordered. Order the next one from SECOM or the "
			  "professional federation before it ends."),
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_NAMED,
	    .etax = CERT_UNCONFIRMED,
	    .egov = CERT_ACCEPTED},
    },
    {
	/* Services that public pages name as accredited (電子署名法); the
	 * texts are their names (L). */
	.issuer = {"e-Probatio", "DIACERT", "TDB CA TypeA"},
	.profile = {.kind = CERT_KIND_ACCREDITED,
	    .name = "accredited",
	    .label = N_("Certificate of an accredited private authority"),
	    .renewal = N_("Order the next one from its issuer before it "
			  "ends."),
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_NAMED,
	    .etax = CERT_UNCONFIRMED,
	    .egov = CERT_UNCONFIRMED},
    },
    {
	/* Issuer as on official documents delivered through e-Gov (M).  For
	 * offices that file themselves, not for a taxpayer. */
	.issuer = {"O=Japanese Government, OU=OfficialStatusCA"},
	.profile = {.kind = CERT_KIND_GPKI,
	    .name = "gpki",
	    .label = N_("Certificate of a government office (GPKI)"),
	    .renewal = N_("The office that issued it renews it."),
	    .usage_any = CERT_NON_REPUDIATION | CERT_DIGITAL_SIGNATURE,
	    .revocation = CERT_REVOCATION_NAMED,
	    .etax = CERT_ACCEPTED,
	    .egov = CERT_UNCONFIRMED},
    },
    {
	/* "C=JP, O=LGPKI, OU=Application CA G2" in published lists of roots;
	 * the authority for offices is named alike (M). */
	.issuer = {"O=LGPKI"},
	.profile = {.kind = CERT_KIND_LGPKI,
	    .name = "lgpki",
	    .label = N_("Certificate of a local government (LGPKI)"),
	    .renewal = N_("The office that issued it renews it."),
	    .usage_any = CERT_NON_REPUDIATION | CERT_DIGITAL_SIGNATURE,
	    .revocation = CERT_REVOCATION_NAMED,
	    .etax = CERT_ACCEPTED,
	    .egov = CERT_UNCONFIRMED},
    },
    {
	/* Nothing is known: filings are signed, with a warning. */
	.profile = {.kind = CERT_KIND_OTHER,
	    .name = "other",
	    .label = N_("Certificate of another authority"),
	    .usage_any = CERT_NON_REPUDIATION,
	    .revocation = CERT_REVOCATION_UNKNOWN,
	    .etax = CERT_UNCONFIRMED,
	    .egov = CERT_UNCONFIRMED},
    },
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

static bool
oid_fits(const char *oid, const char *want)
{
	size_t len = strlen(want);

	if (len > 0 && want[len - 1] == '*')
		return strncmp(oid, want, len - 1) == 0;
	return strcmp(oid, want) == 0;
}

static bool
policy_fits(const struct cert_info *c, const char *want)
{
	for (unsigned i = 0; i < c->policy_count; i++)
		if (oid_fits(c->policies[i], want))
			return true;
	return false;
}

static bool
row_fits(const struct row *r, const struct cert_info *c, bool by_policy)
{
	const char *const *list = by_policy ? r->policy : r->issuer;

	if (r->issued_before_ms != 0 && c->not_before_ms >= r->issued_before_ms)
		return false;
	for (size_t i = 0; i < TEXTS_MAX && list[i] != NULL; i++)
		if (by_policy ? policy_fits(c, list[i])
			      : strstr(c->issuer, list[i]) != NULL)
			return true;
	return false;
}

/* Among the refusals, or among the others. */
static const struct row *
find_row(const struct cert_info *c, bool refusals)
{
	for (int by_policy = 1; by_policy >= 0; by_policy--)
		for (size_t i = 0; i < ROW_COUNT; i++)
			if (cert_profile_may_sign(&rows[i].profile) !=
				refusals &&
			    row_fits(&rows[i], c, by_policy == 1))
				return &rows[i];
	return NULL;
}

static bool
kind_fits(const struct conf_kind *k, const struct cert_info *c, bool by_policy)
{
	const struct conf_list *list = by_policy ? &k->policy : &k->issuer;

	for (size_t i = 0; i < list->count; i++)
		if (by_policy ? policy_fits(c, list->item[i])
			      : strstr(c->issuer, list->item[i]) != NULL)
			return true;
	return false;
}

static const struct conf_kind *
find_kind(const struct cert_info *c, const struct conf *conf)
{
	for (int by_policy = 1; by_policy >= 0; by_policy--)
		for (size_t i = 0; conf != NULL && i < conf->kind_count; i++)
			if (kind_fits(&conf->kinds[i], c, by_policy == 1))
				return &conf->kinds[i];
	return NULL;
}

static struct cert_profile
profile_of_kind(const struct conf_kind *k)
{
	static const enum cert_revocation_source sources[] = {
	    [CONF_KIND_CERTIFICATE] = CERT_REVOCATION_NAMED,
	    [CONF_KIND_CRL] = CERT_REVOCATION_CRL,
	    [CONF_KIND_OCSP] = CERT_REVOCATION_OCSP,
	    [CONF_KIND_VERIFIERS] = CERT_REVOCATION_VERIFIERS_ONLY};

	return (struct cert_profile){.kind = CERT_KIND_CONFIGURED,
	    .name = k->name,
	    .label = k->label[0] == '\0' ? k->name : k->label,
	    .renewal = k->renewal,
	    .refusal = k->may_sign ? NULL : "certificate-kind-refused",
	    .usage_any = (k->digital_signature ? CERT_DIGITAL_SIGNATURE : 0U) |
			 (k->non_repudiation ? CERT_NON_REPUDIATION : 0U),
	    .revocation = sources[k->revocation],
	    .etax = k->etax ? CERT_ACCEPTED : CERT_NOT_ACCEPTED,
	    .egov = k->egov ? CERT_ACCEPTED : CERT_NOT_ACCEPTED};
}

struct cert_profile
cert_profile_of(const struct cert_info *c, const struct conf *conf)
{
	const struct row *r = find_row(c, true);
	const struct conf_kind *k;

	if (r != NULL)
		return r->profile;
	k = find_kind(c, conf);
	if (k != NULL)
		return profile_of_kind(k);
	r = find_row(c, false);
	return r == NULL ? rows[ROW_COUNT - 1].profile : r->profile;
}

struct cert_profile
cert_profile_find(const char *name)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strcmp(rows[i].profile.name, name) == 0)
			return rows[i].profile;
	return rows[ROW_COUNT - 1].profile;
}

bool
cert_profile_at(size_t i, struct cert_profile *out)
{
	if (i >= ROW_COUNT)
		return false;
	*out = rows[i].profile;
	return true;
}

enum cert_acceptance
cert_profile_accepts(const struct cert_profile *p, const char *format)
{
	if (strcmp(format, "etax") == 0 || strcmp(format, "etax-form") == 0)
		return p->etax;
	return strcmp(format, "egov") == 0 ? p->egov : CERT_UNCONFIRMED;
}

/* What the office typed is in its language already. */
static const char *
text_of(const struct cert_profile *p, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return "";
	return p->kind == CERT_KIND_CONFIGURED ? text : _(text);
}

const char *
cert_profile_label(const struct cert_profile *p)
{
	return text_of(p, p->label);
}

const char *
cert_profile_renewal(const struct cert_profile *p)
{
	return text_of(p, p->renewal);
}

const char *
cert_profile_revocation(const struct cert_profile *p)
{
	static const char *const texts[] = {
	    [CERT_REVOCATION_UNKNOWN] =
		N_("not known for this kind; asked for where the certificate "
		   "says"),
	    [CERT_REVOCATION_NAMED] =
		N_("in lists or from a responder, where the certificate says"),
	    [CERT_REVOCATION_CRL] = N_("in revocation lists only"),
	    [CERT_REVOCATION_OCSP] = N_("from OCSP responders only"),
	    [CERT_REVOCATION_VERIFIERS_ONLY] =
		N_("open to certified verifiers only, not to signers")};

	return _(texts[p->revocation]);
}

const char *
cert_revocation_source_name(enum cert_revocation_source s)
{
	static const char *const names[] = {
	    [CERT_REVOCATION_UNKNOWN] = "unknown",
	    [CERT_REVOCATION_NAMED] = "certificate",
	    [CERT_REVOCATION_CRL] = "crl",
	    [CERT_REVOCATION_OCSP] = "ocsp",
	    [CERT_REVOCATION_VERIFIERS_ONLY] = "verifiers-only"};

	return names[s];
}

const char *
cert_acceptance_name(enum cert_acceptance a)
{
	static const char *const names[] = {[CERT_UNCONFIRMED] = "unconfirmed",
	    [CERT_ACCEPTED] = "accepted",
	    [CERT_NOT_ACCEPTED] = "not-accepted"};

	return names[a];
}
