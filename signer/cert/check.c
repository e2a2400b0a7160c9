/*
 * May this certificate sign now?  All reasons are gathered, each with its
 * own code, so that one look tells everything that has to be mended.  What
 * was not checked is said; nothing is assumed to be good.
 */
#include "signer/cert/check.h"

#include "base/text.h"
#include "signer/cert/algorithm.h"
#include "signer/cert/path.h"
#include "signer/cert/profile.h"
#include "signer/cert/revcheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

static int
read_pin(const char *hex, uint8_t out[CERT_SHA256])
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		int v = hex_value(*hex);

		if (*hex == ':' || *hex == ' ')
			continue;
		if (v < 0 || n >= 2 * CERT_SHA256)
			return -1;
		out[n / 2] = (uint8_t)(n % 2 == 0 ? v << 4 : out[n / 2] | v);
		n++;
	}
	return n == 2 * CERT_SHA256 ? 0 : -1;
}

int
cert_policy_init(struct cert_policy *p, const struct conf *c,
    const struct conf_key *key, const struct cert_anchors *anchors,
    struct err *e)
{
	memset(p, 0, sizeof *p);
	p->anchors = anchors;
	p->revocation = revcheck_policy(c, key);
	p->conf = c;
	p->key = key;
	p->warn_days = c->expiry_warning_days;
	p->allow_ec = conf_algorithm_allowed(
	    c, NULL, algorithm_find(SIGN_ECDSA_SHA384)->name);
	if (key == NULL || key->certificate_sha256 == NULL ||
	    key->certificate_sha256[0] == '\0')
		return 0;
	if (read_pin(key->certificate_sha256, p->pin) != 0)
		return err_set(e, ERR_CONFIG, "certificate-pin-malformed", "%s",
		    key->name);
	p->pinned = true;
	return 0;
}

static void __attribute__((format(printf, 4, 0))) add(struct cert_note *notes,
    unsigned *count, const char *code, const char *fmt, va_list ap)
{
	for (unsigned i = 0; i < *count; i++)
		if (strcmp(notes[i].code, code) == 0)
			return;
	if (*count == CERT_NOTES_MAX)
		return;
	snprintf(notes[*count].code, sizeof notes->code, "%s", code);
	vsnprintf(notes[*count].detail, sizeof notes->detail, fmt, ap);
	(*count)++;
}

/* code: 2 of cert_add_problem */
void
cert_add_problem(struct cert_verdict *v, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(v->problems, &v->problem_count, code, fmt, ap);
	va_end(ap);
}

/* code: 2 of cert_add_warning */
void
cert_add_warning(struct cert_verdict *v, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(v->warnings, &v->warning_count, code, fmt, ap);
	va_end(ap);
}

static void
warn_expiry(struct cert_verdict *v, int64_t first_days)
{
	char when[32];

	cert_time_text(v->cert.not_after_ms, when, sizeof when);
	if (v->days_left <= 7)
		cert_add_warning(
		    v, "certificate-expires-7", "valid until %s", when);
	else if (v->days_left <= 30)
		cert_add_warning(
		    v, "certificate-expires-30", "valid until %s", when);
	else if (v->days_left <= 60)
		cert_add_warning(
		    v, "certificate-expires-60", "valid until %s", when);
	else if (v->days_left <= first_days)
		cert_add_warning(
		    v, "certificate-expires-90", "valid until %s", when);
}

/* Filings that are signed in time, and would be refused where they arrive:
 * the receiver looks whether the certificate is valid when it takes them. */
static void
warn_due(const struct cert_policy *p, struct cert_verdict *v)
{
	char drops[140] = "", when[32];
	size_t used = 0;

	for (size_t i = 0; p->key != NULL && i < p->conf->drop_count; i++) {
		const struct conf_drop *d = &p->conf->drops[i];
		int n;

		if (d->due_ms < v->at_ms || used >= sizeof drops ||
		    !cert_is_over(v->cert.not_after_ms, d->due_ms) ||
		    !conf_drop_signs_with(p->conf, d, p->key->name))
			continue;
		n = snprintf(drops + used, sizeof drops - used, "%s%s: %.10s",
		    used == 0 ? "" : ", ", d->name,
		    cert_time_text(d->due_ms, when, sizeof when));
		used += n < 0 ? 0 : (size_t)n;
	}
	if (used > 0)
		cert_add_warning(v, "certificate-ends-before-due",
		    "valid until %s; due date of %s",
		    cert_time_text(v->cert.not_after_ms, when, sizeof when),
		    drops);
}

static void
check_dates(const struct cert_policy *p, struct cert_verdict *v)
{
	char when[32];

	v->days_left = cert_days_left(v->cert.not_after_ms, v->at_ms);
	if (v->at_ms < v->cert.not_before_ms)
		cert_add_problem(v, "certificate-not-yet-valid", "%s",
		    cert_time_text(v->cert.not_before_ms, when, sizeof when));
	if (cert_is_over(v->cert.not_after_ms, v->at_ms))
		cert_add_problem(v, "certificate-expired", "%s",
		    cert_time_text(v->cert.not_after_ms, when, sizeof when));
	else {
		warn_expiry(v, p->warn_days == 0 ? 90 : p->warn_days);
		warn_due(p, v);
		/* Only as an explanation: natsuin guesses no date. */
		if (v->warning_count > 0 &&
		    v->cert.profile.kind == CERT_KIND_JPKI_SIGNATURE)
			cert_add_warning(v, "certificate-jpki-ends", "%s", "");
	}
}

static void
check_kind(struct cert_verdict *v)
{
	const struct cert_profile *p = &v->cert.profile;

	if (!cert_profile_may_sign(p))
		cert_add_problem(v, p->refusal, "%s",
		    p->ended != NULL ? p->ended : v->cert.issuer);
}

static void
check_usage(struct cert_verdict *v)
{
	const struct cert_profile *profile = &v->cert.profile;

	/* What it may be used for is of no interest then. */
	if (!cert_profile_may_sign(profile))
		return;
	if (v->cert.ca)
		cert_add_problem(v, "certificate-is-ca", "%s", v->cert.subject);
	if (!v->cert.has_usage)
		cert_add_warning(v, "certificate-usage-absent", "%s", "");
	else if ((v->cert.usage & profile->usage_any) == 0)
		cert_add_problem(
		    v, "certificate-usage", "keyUsage 0x%02x", v->cert.usage);
}

static bool
weak_digest(const char *algorithm)
{
	return strstr(algorithm, "sha1") != NULL ||
	       strstr(algorithm, "SHA1") != NULL ||
	       strstr(algorithm, "md5") != NULL ||
	       strstr(algorithm, "md4") != NULL ||
	       strstr(algorithm, "md2") != NULL;
}

static void
check_key(const struct cert_policy *p, struct cert_verdict *v)
{
	const struct cert_info *c = &v->cert;
	const struct algorithm *ecdsa = algorithm_find(SIGN_ECDSA_SHA384);
	int least = p->rsa_bits_min == 0 ? 2048 : p->rsa_bits_min;

	if (strcmp(c->key_type, "RSA") == 0) {
		if (c->key_bits < least)
			cert_add_problem(v, "certificate-key-too-small",
			    "RSA %d, at least %d", c->key_bits, least);
	} else if (strcmp(c->key_type, "EC") != 0 ||
		   strcmp(c->curve, ecdsa->group) != 0) {
		cert_add_problem(
		    v, "certificate-algorithm", "%s %s", c->key_type, c->curve);
	} else if (!p->allow_ec) {
		cert_add_problem(v, "algorithm-not-allowed", "%s", ecdsa->name);
	}
	if (weak_digest(c->signature_algorithm))
		cert_add_problem(
		    v, "certificate-algorithm", "%s", c->signature_algorithm);
	if (c->unknown_critical)
		cert_add_problem(
		    v, "certificate-critical-extension", "%s", c->subject);
	if (p->pinned && memcmp(p->pin, c->sha256, CERT_SHA256) != 0)
		cert_add_problem(v, "certificate-not-pinned", "%s", c->subject);
}

/* Was anybody asked?  "Nobody may be" is no failure of a source. */
static bool
asked_in_vain(const struct cert_revocation *r)
{
	return r->kind[0] != '\0' && strcmp(r->why, "no-hosts") != 0;
}

/*
 * An answer of today about a time that has gone by.  What was revoked later
 * was good then, and stays good with its date beside it.  Lists forget
 * certificates that have expired (RFC 5280 3.3), so that not to be on one
 * that was made afterwards says nothing.
 */
static void
as_of_then(struct cert_verdict *v)
{
	struct cert_revocation *r = &v->revoked;
	char when[32];

	if (cert_revocation_forbids(r) && r->revoked_ms != 0 &&
	    v->at_ms < r->revoked_ms) {
		cert_add_warning(v, "certificate-revoked-later", "%s%s%s; %s",
		    cert_time_text(r->revoked_ms, when, sizeof when),
		    r->reason[0] == '\0' ? "" : ", ",
		    cert_revocation_reason_text(r->reason), r->source);
		r->state = REVOCATION_GOOD;
	} else if (r->state == REVOCATION_GOOD &&
		   r->produced_ms > v->cert.not_after_ms) {
		r->state = REVOCATION_NOT_CHECKED;
		snprintf(r->why, sizeof r->why, "%s", "expired-since");
	}
}

static void
take_revocation(const struct cert_policy *p, struct cert_verdict *v)
{
	struct cert_revocation *r = &v->revoked;

	cert_revocation_none(r, "not-asked");
	if (p->known != NULL)
		*r = *p->known;
	if (r->kind[0] == '\0' &&
	    v->cert.profile.revocation == CERT_REVOCATION_VERIFIERS_ONLY)
		cert_revocation_none(r, "jpki-verifiers-only");
	if (p->revocation == CONF_REVOCATION_OFF)
		cert_revocation_none(r, "off");
	if (p->past)
		as_of_then(v);
	/* A good answer ends; a "revoked" stays. */
	if (r->state == REVOCATION_GOOD && v->at_ms > r->until_ms) {
		r->state = REVOCATION_NOT_CHECKED;
		snprintf(r->why, sizeof r->why, "%s", "stale");
	}
	snprintf(v->revocation, sizeof v->revocation, "%s",
	    cert_revocation_name(r->state));
	snprintf(v->revocation_why, sizeof v->revocation_why, "%s", r->why);
}

/* A check that is demanded and cannot be made has failed: by the fault of
 * what was asked, and because it is demanded. */
static void
demand(struct cert_verdict *v, const struct cert_revocation *r)
{
	char code[sizeof r->why + 16];

	snprintf(code, sizeof code, "revocation-%s", r->why);
	if (asked_in_vain(r))
		cert_add_problem(
		    v, code, "revocation = require; asked at %s", r->source);
	cert_add_problem(v, "certificate-revocation-required", "%s%s%s", r->why,
	    r->source[0] == '\0' ? "" : "; asked at ", r->source);
}

/* Revoked or suspended: since when and why, as of when, says who. */
static void
forbid(struct cert_verdict *v, const struct cert_revocation *r)
{
	bool hold = r->state == REVOCATION_SUSPENDED;
	char since[32] = "", made[32] = "";

	if (r->revoked_ms != 0)
		cert_time_text(r->revoked_ms, since, sizeof since);
	if (r->produced_ms != 0)
		cert_time_text(r->produced_ms, made, sizeof made);
	cert_add_problem(v,
	    hold                           ? "certificate-suspended"
	    : strcmp(r->kind, "ocsp") == 0 ? "certificate-revoked-ocsp"
					   : "certificate-revoked",
	    "%s%s%s%s%s%s; asked at %s",
	    since[0] == '\0' ? "" : "invalid since ", since,
	    hold || r->reason[0] == '\0' ? "" : ", ",
	    hold ? "" : cert_revocation_reason_text(r->reason),
	    made[0] == '\0' ? "" : "; as of ", made, r->source);
}

static void
check_revocation(const struct cert_policy *p, struct cert_verdict *v)
{
	const struct cert_revocation *r = &v->revoked;

	take_revocation(p, v);
	if (cert_revocation_forbids(r))
		forbid(v, r);
	if (r->state != REVOCATION_NOT_CHECKED)
		return;
	if (p->revocation == CONF_REVOCATION_REQUIRE)
		demand(v, r);
	else if (asked_in_vain(r))
		cert_add_warning(v, "certificate-revocation-unknown",
		    "%s; asked at %s", r->why, r->source);
}

static int
begin(const struct cert_policy *p, struct slice der, int64_t at_ms,
    struct cert_verdict *v, struct err *e)
{
	memset(v, 0, sizeof *v);
	v->at_ms = at_ms;
	if (cert_parse(der, &v->cert, e) != 0)
		return -1;
	v->cert.profile = cert_profile_of(&v->cert, p->conf);
	return 0;
}

int
cert_check_dates(const struct cert_policy *p, struct slice der, int64_t at_ms,
    struct cert_verdict *v, struct err *e)
{
	if (begin(p, der, at_ms, v, e) != 0)
		return -1;
	check_dates(p, v);
	v->ok = v->problem_count == 0;
	return 0;
}

int
cert_check(const struct cert_policy *p, struct slice der, int64_t at_ms,
    struct cert_verdict *v, struct err *e)
{
	if (begin(p, der, at_ms, v, e) != 0)
		return -1;
	/* The wrong kind comes first: that it has expired too, as old ones
	 * have, would send people for another one of the same kind. */
	check_kind(v);
	check_dates(p, v);
	check_usage(v);
	check_key(p, v);
	check_revocation(p, v);
	if (p->anchors == NULL)
		cert_add_warning(v, "certificate-path-not-checked", "%s", "");
	else if (cert_path_check(p->anchors, der, v, e) != 0)
		return -1;
	v->ok = v->problem_count == 0;
	return 0;
}

int
cert_verdict_err(const struct cert_verdict *v, struct err *e)
{
	if (v->ok)
		return 0;
	return err_set(e, ERR_CERTIFICATE,
	    v->problem_count > 0 ? v->problems[0].code
				 : "certificate-malformed",
	    "%s", v->problem_count > 0 ? v->problems[0].detail : "");
}
