/*
 * A verdict as bytes, for the queue's record and for messages.  Of the
 * holder only the name travels: the report shows it, the rest stays where
 * the certificate is.
 */
#include "signer/cert/check.h"
#include "signer/cert/profile.h"

#include <stdio.h>
#include <string.h>

static void
put_info(struct ipc_msg *m, const struct cert_info *c)
{
	ipc_put_str(m, c->subject);
	ipc_put_str(m, c->issuer);
	ipc_put_str(m, c->serial);
	ipc_put_i64(m, c->not_before_ms);
	ipc_put_i64(m, c->not_after_ms);
	ipc_put_str(m, c->key_type);
	ipc_put_i64(m, c->key_bits);
	ipc_put_str(m, c->curve);
	ipc_put_str(m, c->signature_algorithm);
	ipc_put_u64(m, (uint64_t)c->has_usage | (uint64_t)c->ca << 1 |
			   (uint64_t)c->self_issued << 2 |
			   (uint64_t)c->unknown_critical << 3 |
			   (uint64_t)c->holder.from_names << 4);
	ipc_put_u64(m, c->usage);
	ipc_put_u64(m, c->policy_count);
	for (unsigned i = 0; i < c->policy_count; i++)
		ipc_put_str(m, c->policies[i]);
	ipc_put_bytes(m, slice_of(c->ski, c->ski_len));
	ipc_put_bytes(m, slice_of(c->aki, c->aki_len));
	ipc_put_bytes(m, slice_of(c->spki, CERT_SHA256));
	ipc_put_bytes(m, slice_of(c->sha256, CERT_SHA256));
	ipc_put_str(m, c->profile.name);
	ipc_put_str(m, c->holder.name);
}

static void
put_notes(struct ipc_msg *m, const struct cert_note *notes, unsigned count)
{
	ipc_put_u64(m, count);
	for (unsigned i = 0; i < count; i++) {
		ipc_put_str(m, notes[i].code);
		ipc_put_str(m, notes[i].detail);
	}
}

void
cert_verdict_put(struct ipc_msg *m, const struct cert_verdict *v)
{
	put_info(m, &v->cert);
	ipc_put_i64(m, v->at_ms);
	ipc_put_u64(m, v->ok);
	put_notes(m, v->problems, v->problem_count);
	put_notes(m, v->warnings, v->warning_count);
	ipc_put_i64(m, v->days_left);
	ipc_put_u64(m, v->path);
	ipc_put_u64(m, v->path_count);
	for (unsigned i = 0; i < v->path_count; i++)
		ipc_put_str(m, v->path_names[i]);
	ipc_put_bytes(m, slice_of(v->anchor, CERT_SHA256));
	cert_revocation_put(m, &v->revoked);
}

static unsigned
get_at_most(struct ipc_msg *m, uint8_t *out, size_t size)
{
	struct slice s = ipc_get_bytes(m);

	if (s.len > size) {
		m->failed = true;
		return 0;
	}
	if (s.len > 0)
		memcpy(out, s.p, s.len);
	return (unsigned)s.len;
}

static unsigned
get_count(struct ipc_msg *m, unsigned most)
{
	uint64_t n = ipc_get_u64(m);

	if (n <= most)
		return (unsigned)n;
	m->failed = true;
	return 0;
}

static void
get_info(struct ipc_msg *m, struct cert_info *c)
{
	char profile[40];
	uint64_t flags;

	ipc_get_str(m, c->subject, sizeof c->subject);
	ipc_get_str(m, c->issuer, sizeof c->issuer);
	ipc_get_str(m, c->serial, sizeof c->serial);
	c->not_before_ms = ipc_get_i64(m);
	c->not_after_ms = ipc_get_i64(m);
	ipc_get_str(m, c->key_type, sizeof c->key_type);
	c->key_bits = (int)ipc_get_i64(m);
	ipc_get_str(m, c->curve, sizeof c->curve);
	ipc_get_str(m, c->signature_algorithm, sizeof c->signature_algorithm);
	flags = ipc_get_u64(m);
	c->has_usage = flags & 1;
	c->ca = flags >> 1 & 1;
	c->self_issued = flags >> 2 & 1;
	c->unknown_critical = flags >> 3 & 1;
	c->holder.from_names = flags >> 4 & 1;
	c->usage = (unsigned)ipc_get_u64(m);
	c->policy_count = get_count(m, CERT_POLICIES_MAX);
	for (unsigned i = 0; i < c->policy_count; i++)
		ipc_get_str(m, c->policies[i], sizeof c->policies[0]);
	c->ski_len = get_at_most(m, c->ski, CERT_KEYID_MAX);
	c->aki_len = get_at_most(m, c->aki, CERT_KEYID_MAX);
	ipc_get_exact(m, c->spki, CERT_SHA256);
	ipc_get_exact(m, c->sha256, CERT_SHA256);
	ipc_get_str(m, profile, sizeof profile);
	/* A kind that a later version, or the configuration, knew is "other"
	 * here. */
	c->profile = cert_profile_find(profile);
	ipc_get_str(m, c->holder.name, sizeof c->holder.name);
}

static unsigned
get_notes(struct ipc_msg *m, struct cert_note *notes)
{
	unsigned n = get_count(m, CERT_NOTES_MAX);

	for (unsigned i = 0; i < n; i++) {
		ipc_get_str(m, notes[i].code, sizeof notes[i].code);
		ipc_get_str(m, notes[i].detail, sizeof notes[i].detail);
	}
	return n;
}

int
cert_verdict_get(struct ipc_msg *m, struct cert_verdict *v)
{
	uint64_t path;

	memset(v, 0, sizeof *v);
	get_info(m, &v->cert);
	v->at_ms = ipc_get_i64(m);
	v->ok = ipc_get_u64(m) != 0;
	v->problem_count = get_notes(m, v->problems);
	v->warning_count = get_notes(m, v->warnings);
	v->days_left = ipc_get_i64(m);
	path = ipc_get_u64(m);
	if (path > CERT_PATH_BAD)
		m->failed = true;
	else
		v->path = (enum cert_path_state)path;
	v->path_count = get_count(m, CERT_PATH_MAX);
	for (unsigned i = 0; i < v->path_count; i++)
		ipc_get_str(m, v->path_names[i], sizeof v->path_names[0]);
	ipc_get_exact(m, v->anchor, CERT_SHA256);
	cert_revocation_get(m, &v->revoked);
	snprintf(v->revocation, sizeof v->revocation, "%s",
	    cert_revocation_name(v->revoked.state));
	snprintf(
	    v->revocation_why, sizeof v->revocation_why, "%s", v->revoked.why);
	/* What was not good once cannot become good by reading it wrong. */
	if (m->failed || (v->ok && v->problem_count > 0)) {
		memset(v, 0, sizeof *v);
		v->cert.profile = cert_profile_find("other");
		return -1;
	}
	return 0;
}
