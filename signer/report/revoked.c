/*
 * A revocation result for people: what, by whom, as of when, until when.
 */
#include "signer/report/revoked.h"

#include "base/i18n.h"
#include "signer/cert/cert.h"
#include "signer/report/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *out;
	size_t size, used;
};

static void __attribute__((format(printf, 2, 3)))
put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n;
	if (t->used >= t->size)
		t->used = t->size - 1;
}

/* The times that matter to this result. */
static void
put_times(struct text *t, const struct cert_revocation *r)
{
	char when[32];

	if (r->produced_ms != 0)
		put(t, _(", as of %s"),
		    cert_time_text(r->produced_ms, when, sizeof when));
	if (r->state == REVOCATION_GOOD && r->revoked_ms == 0)
		put(t, _(", good until %s"),
		    cert_time_text(r->until_ms, when, sizeof when));
	else if (r->state == REVOCATION_NOT_CHECKED)
		put(t, _(", asked %s"),
		    cert_time_text(r->checked_ms, when, sizeof when));
	else if (r->revoked_ms != 0)
		put(t, _(", since %s"),
		    cert_time_text(r->revoked_ms, when, sizeof when));
}

static void
put_source(struct text *t, const struct cert_revocation *r)
{
	if (r->kind[0] == '\0')
		return;
	put(t, " (%s %s",
	    strcmp(r->kind, "ocsp") == 0 ? _("OCSP") : _("revocation list"),
	    r->source);
	put_times(t, r);
	if (r->reason[0] != '\0')
		put(t, ", %s", _(cert_revocation_reason_text(r->reason)));
	if (r->cached)
		put(t, "%s", _(", asking failed, earlier answer used"));
	if (strcmp(r->note, "nonce-missing") == 0)
		put(t, "%s", _(", the answer did not repeat our number"));
	if (strcmp(r->note, "responder-unchecked") == 0)
		put(t, "%s",
		    _(", whether the responder itself was revoked was not "
		      "looked at"));
	put(t, ")");
}

char *
revoked_code(const struct cert_revocation *r, char out[64])
{
	snprintf(out, 64, "revocation-%s", r->why);
	return out;
}

char *
revoked_text(const struct cert_revocation *r, char *out, size_t size)
{
	struct text t = {out, size, 0};
	char code[64];

	out[0] = '\0';
	switch (r->state) {
	case REVOCATION_GOOD:
		put(&t, "%s",
		    r->revoked_ms == 0 ? _("not revoked")
				       : _("not revoked then, but later"));
		break;
	case REVOCATION_REVOKED:
		put(&t, "%s", _("REVOKED"));
		break;
	case REVOCATION_SUSPENDED:
		put(&t, "%s", _("SUSPENDED"));
		break;
	case REVOCATION_NOT_CHECKED:
		put(&t, "%s", explain_what(revoked_code(r, code)));
		break;
	}
	put_source(&t, r);
	return out;
}
