/*
 * Checks of one key: is it there, how many tries are left, is its PIN file
 * private, is its certificate in order.  No PIN is tried.  A running
 * keyholder is asked first, because it holds a card exclusively; else the
 * certificate that the last batch saw is judged.
 */
#include "base/clock.h"
#include "base/i18n.h"
#include "queue/queue.h"
#include "queue/sign.h"
#include "signer/cert/check.h"
#include "signer/cert/revcheck.h"
#include "signer/cli/cert_registered.h"
#include "signer/cli/health.h"
#include "signer/cli/keyview.h"
#include "signer/cli/revocation.h"
#include "signer/cli/state.h"
#include "signer/key/ask.h"
#include "signer/key/keyclient.h"
#include "signer/key/keystate.h"
#include "signer/report/revoked.h"
#include "signer/report/urgency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES_FEW 2

struct patient {
	struct health *h;
	const struct conf *conf;
	const struct conf_key *key;
	char subject[120];
	struct key_status status;
	bool known;             /* status is set */
	struct buf certificate; /* DER, or empty */
};

/* True when a keyholder runs (whatever it says). */
static bool
ask_keyholder(struct patient *p)
{
	struct key_reply r = {0};
	struct err e = {0};
	int fd = keyclient_connect(p->conf, p->key, &e);

	if (fd < 0 && (e.errnum == ENOENT || e.errnum == ECONNREFUSED))
		return false;
	if (fd < 0) {
		health_err(p->h, HEALTH_BAD, p->subject, &e);
		return true;
	}
	if (keyclient_receive(fd, &r, &e) != 0) {
		health_err(p->h, HEALTH_BAD, p->subject, &e);
	} else if (r.type != KEY_REPLY_STATUS) {
		health_note(p->h, HEALTH_BAD, p->subject,
		    "keyholder-refuses-user", p->key->name);
	} else {
		p->status = r.status.card;
		p->known = true;
		buf_slice(&p->certificate, buf_view(&r.status.certificate));
		health_good(
		    p->h, p->subject, _("unlocked, %s"), r.status.card.where);
		if (!r.status.audit_ok)
			health_note(p->h, HEALTH_BAD, p->subject,
			    "audit-broken", p->key->name);
	}
	key_reply_free(&r);
	close(fd);
	return true;
}

/* The card or file itself: present, tries left; costs no try. */
static void
ask_backend(struct patient *p)
{
	struct key_answer a;
	struct err e = {0};

	if (key_ask(p->key, &a, &e) != 0) {
		health_err(p->h, e.class == ERR_CARD ? HEALTH_WARN : HEALTH_BAD,
		    p->subject, &e);
		return;
	}
	p->status = a.status;
	p->known = true;
	health_good(p->h, p->subject, "%s%s%s", p->status.token,
	    p->status.token[0] == '\0' ? "" : ", ", p->status.where);
	if (a.problem.class != ERR_NONE)
		health_err(p->h, HEALTH_BAD, p->subject, &a.problem);
	buf_slice(&p->certificate, buf_view(&a.certificate));
	key_answer_free(&a);
}

static void
check_tries(struct patient *p)
{
	char text[40];

	if (!p->known || p->status.tries_left < 0)
		return;
	snprintf(text, sizeof text, "%d", p->status.tries_left);
	if (p->status.pin == PIN_BLOCKED || p->status.tries_left == 0)
		health_note(p->h, HEALTH_BAD, p->subject, "pin-blocked", text);
	else if (p->status.tries_left <= TRIES_FEW)
		health_note(
		    p->h, HEALTH_WARN, p->subject, "pin-tries-low", text);
	else
		health_good(p->h, p->subject, _("%s PIN tries left"), text);
}

static void
check_pin_file(struct patient *p)
{
	const char *file = p->key->pin_file;
	struct stat st;

	if (file == NULL || file[0] == '\0')
		return;
	if (stat(file, &st) != 0)
		health_note(p->h, HEALTH_BAD, p->subject, "pin-file-missing",
		    strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		health_note(
		    p->h, HEALTH_BAD, p->subject, "pin-file-mode", file);
	else
		health_good(
		    p->h, p->subject, "%s", _("the PIN file is private"));
}

static void
check_marker(struct patient *p)
{
	struct pin_marker m;
	struct err e = {0};
	int n = keyview_marker(p->conf, p->key, &m, &e);

	if (n < 0)
		health_err(p->h, HEALTH_BAD, p->subject, &e);
	else if (n > 0)
		health_note(p->h, HEALTH_WARN, p->subject,
		    strncmp(m.code, "pin-change", 10) == 0
			? "pin-changed"
			: "pin-refused-before",
		    m.time);
}

static void
recall(struct patient *p)
{
	struct queue_certificate last = {0};
	struct err e = {0};
	struct queue *q = state_open(p->conf, QUEUE_READ, &e);

	if (q == NULL)
		return;
	if (queue_certificate_last(q, p->key->name, NULL, &last, &e) == 1)
		buf_slice(&p->certificate, buf_view(&last.der));
	queue_certificate_free(&last);
	queue_close(q);
}

static void
tell_verdict(struct patient *p, const struct cert_verdict *v)
{
	char when[32];

	for (unsigned i = 0; i < v->problem_count; i++)
		health_note(p->h, HEALTH_BAD, p->subject, v->problems[i].code,
		    v->problems[i].detail);
	for (unsigned i = 0; i < v->warning_count; i++)
		health_note(p->h,
		    urgency_of(v->warnings[i].code) == URGENCY_NOW
			? HEALTH_BAD
			: HEALTH_WARN,
		    p->subject, v->warnings[i].code, v->warnings[i].detail);
	if (v->problem_count + v->warning_count > 0)
		return;
	cert_time_text(v->cert.not_after_ms, when, sizeof when);
	health_good(p->h, p->subject,
	    _("certificate in order, valid until %s (%lld days left)"), when,
	    (long long)v->days_left);
}

/* Asked now; nothing is kept, because doctor changes nothing. */
static void
check_revocation(struct patient *p, const struct cert_anchors *anchors,
    struct cert_policy *policy, struct cert_revocation *known)
{
	struct err e = {0};

	cert_revocation_none(known, "no-hosts");
	policy->known = known;
	if (revcheck_possible(p->conf, p->key) &&
	    cli_revocation_ask(p->conf, p->key, anchors,
		buf_view(&p->certificate), false, known, &e) != 0)
		health_err(p->h, HEALTH_BAD, p->subject, &e);
}

static void
tell_revocation(struct patient *p, const struct cert_verdict *v)
{
	char text[REVOKED_TEXT];

	if (!cert_revocation_forbids(&v->revoked))
		health_good(p->h, p->subject, "%s",
		    revoked_text(&v->revoked, text, sizeof text));
}

/* A first certificate is no finding: the report has said it. */
static void
tell_registration(struct patient *p, const struct cert_verdict *v)
{
	struct err ignored = {0};
	struct queue *q = state_open(p->conf, QUEUE_READ, &ignored);
	struct cert_registered r;
	const char *code;
	char text[240];

	cert_registered_read(&r, p->conf, q, p->key, v->cert.sha256);
	code = cert_registered_code(&r);
	if (code != NULL &&
	    (r.problem.class != ERR_NONE || r.state == REGISTERED_CHANGED))
		health_note(
		    p->h, HEALTH_WARN, p->subject, code, v->cert.serial);
	else if (code == NULL && r.last.time_ms != 0)
		health_good(p->h, p->subject, "%s: %s", _("in e-Tax"),
		    cert_registered_text(&r, text, sizeof text));
	queue_close(q);
}

/* Before the first filing is held for it.  What arrives in a folder of any
 * format is not known. */
static void
tell_kind(struct patient *p, const struct cert_profile *kind)
{
	for (size_t i = 0; i < p->conf->drop_count; i++) {
		const struct conf_drop *d = &p->conf->drops[i];
		const char *format =
		    d->format == CONF_FORMAT_ETAX ? "etax" : "egov";
		enum cert_acceptance a = cert_profile_accepts(kind, format);
		char detail[200];

		if (d->format == CONF_FORMAT_AUTO || a == CERT_ACCEPTED ||
		    !conf_drop_signs_with(p->conf, d, p->key->name))
			continue;
		snprintf(detail, sizeof detail, "%s: %s, %s", d->name,
		    kind->name, format);
		if (a == CERT_NOT_ACCEPTED)
			health_note(p->h, HEALTH_BAD, p->subject,
			    "certificate-format", detail);
		else
			health_note(p->h, HEALTH_WARN, p->subject,
			    "certificate-format-unconfirmed", detail);
	}
}

static int
judge(struct patient *p, const struct cert_anchors *anchors,
    struct cert_verdict *v, struct err *e)
{
	struct cert_revocation known;
	struct cert_policy policy;

	if (cert_policy_init(&policy, p->conf, p->key, anchors, e) != 0)
		return -1;
	check_revocation(p, anchors, &policy, &known);
	return cert_check(
	    &policy, buf_view(&p->certificate), clock_wall_ms(), v, e);
}

static void
check_certificate(struct patient *p, const struct cert_anchors *anchors)
{
	struct cert_verdict *v = calloc(1, sizeof *v);
	struct err e = {0};

	if (p->certificate.len == 0)
		recall(p);
	if (p->certificate.len == 0)
		health_note(
		    p->h, HEALTH_WARN, p->subject, "certificate-not-seen", "");
	else if (v == NULL || judge(p, anchors, v, &e) != 0)
		health_err(p->h, HEALTH_BAD, p->subject, &e);
	else {
		tell_verdict(p, v);
		tell_revocation(p, v);
		tell_registration(p, v);
		if (cert_profile_may_sign(&v->cert.profile))
			tell_kind(p, &v->cert.profile);
	}
	free(v);
}

/* code: 4 of health_note */
void
health_key(struct health *h, const struct conf *c, const struct conf_key *key,
    const struct cert_anchors *anchors)
{
	struct patient p = {.h = h, .conf = c, .key = key};

	snprintf(p.subject, sizeof p.subject, _("key %s"), key->name);
	if (!ask_keyholder(&p))
		ask_backend(&p);
	check_tries(&p);
	check_pin_file(&p);
	check_marker(&p);
	check_certificate(&p, anchors);
	buf_free(&p.certificate);
}
