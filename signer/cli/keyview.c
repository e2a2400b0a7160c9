/*
 * How a key stands.  A listening keyholder is asked; else what the last
 * session left behind is told.  No card is connected to: whether one is in
 * a reader is the reader's word.
 */
#include "signer/cli/keyview.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "queue/sign.h"
#include "signer/cert/cert.h"
#include "signer/cli/certview.h"
#include "signer/key/pcsc.h"
#include "signer/report/explain.h"
#include "signer/report/urgency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT 240

/* ---- reading ------------------------------------------------------------ */

/* Where things about keys are read. */
struct source {
	const struct conf *conf;
	struct queue *queue; /* or NULL */
};

int
keyview_marker(const struct conf *c, const struct conf_key *key,
    struct pin_marker *m, struct err *e)
{
	char path[1200];
	int dir, n;

	keystate_path(c->root, path, sizeof path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	n = pin_marker_read(dir, key->name, m, e);
	close(dir);
	return n > 0 ? m->refused : n;
}

static void
add_notes(struct keyview *v, const struct cert_note *list, unsigned count)
{
	for (unsigned i = 0; i < count && v->note_count < KEYVIEW_NOTES; i++)
		v->notes[v->note_count++] = list[i];
}

static void
note_registration(struct keyview *v, const struct source *s,
    const struct cert_verdict *verdict)
{
	struct cert_note note = {.detail = ""};

	cert_registered_read(
	    &v->registered, s->conf, s->queue, v->key, verdict->cert.sha256);
	if (cert_registered_code(&v->registered) == NULL ||
	    v->registered.state == REGISTERED_FIRST)
		return;
	snprintf(note.code, sizeof note.code, "%s",
	    cert_registered_code(&v->registered));
	snprintf(note.detail, sizeof note.detail, "%s", verdict->cert.serial);
	add_notes(v, &note, 1);
}

static void
note_certificate(struct keyview *v, const struct source *s, struct slice der,
    int64_t seen_ms)
{
	struct cert_verdict *verdict = calloc(1, sizeof *verdict);
	struct cert_policy policy;
	struct err ignored = {0};

	if (der.len > 0 && verdict != NULL &&
	    cert_policy_init(&policy, s->conf, v->key, NULL, &ignored) == 0 &&
	    cert_check_dates(
		&policy, der, clock_wall_ms(), verdict, &ignored) == 0) {
		v->not_after_ms = verdict->cert.not_after_ms;
		v->seen_ms = seen_ms;
		add_notes(v, verdict->problems, verdict->problem_count);
		add_notes(v, verdict->warnings, verdict->warning_count);
		note_registration(v, s, verdict);
	}
	free(verdict);
}

/* Takes the reply's status over. */
static void
take_status(struct keyview *v, const struct source *s, struct key_reply *r)
{
	v->state = KEYVIEW_UNLOCKED;
	v->status = r->status;
	r->status = (struct keyholder_status){0};
	v->card = v->status.card.present ? KEYVIEW_PRESENT : KEYVIEW_ABSENT;
	note_certificate(v, s, buf_view(&v->status.certificate), 0);
}

static void
ask_keyholder(struct keyview *v, const struct source *s)
{
	struct key_reply r = {0};
	int fd = keyclient_connect(s->conf, v->key, &v->problem);

	v->state = KEYVIEW_UNKNOWN;
	if (fd < 0 && (v->problem.errnum == ENOENT ||
			  v->problem.errnum == ECONNREFUSED)) {
		v->state = KEYVIEW_LOCKED;
		err_clear(&v->problem);
	}
	if (fd < 0)
		return;
	if (keyclient_receive(fd, &r, &v->problem) == 0) {
		if (r.type == KEY_REPLY_STATUS)
			take_status(v, s, &r);
		else if (r.type == KEY_REPLY_REFUSED)
			v->problem = r.error;
		else
			err_set(&v->problem, ERR_CONFIG,
			    "keyholder-refuses-user", "%s", v->key->name);
	}
	key_reply_free(&r);
	close(fd);
}

static void
recall_certificate(struct keyview *v, const struct source *s)
{
	struct queue_certificate last = {0};
	struct err ignored = {0};

	if (queue_certificate_last(
		s->queue, v->key->name, NULL, &last, &ignored) == 1)
		note_certificate(v, s, buf_view(&last.der), last.last_ms);
	queue_certificate_free(&last);
}

void
keyview_read(struct keyview *v, const struct conf *c,
    const struct conf_key *key, struct queue *q)
{
	struct source s = {c, q};
	struct err e = {0};
	int standing;

	*v = (struct keyview){.key = key};
	ask_keyholder(v, &s);
	standing = keyview_marker(c, key, &v->marker, &e);
	v->marked = standing != 0;
	if (standing < 0)
		snprintf(v->marker.code, sizeof v->marker.code, "%s", e.code);
	if (v->not_after_ms == 0 && q != NULL)
		recall_certificate(v, &s);
}

void
keyview_free(struct keyview *v)
{
	keyholder_status_free(&v->status);
}

static enum keyview_card
card_in(const struct pcsc_reader *r, int count, const char *filter)
{
	for (int i = 0; i < count; i++)
		if (r[i].present &&
		    (filter == NULL || strstr(r[i].name, filter) != NULL))
			return KEYVIEW_PRESENT;
	return KEYVIEW_ABSENT;
}

static bool
wants_reader(const struct keyview *v)
{
	return v->state == KEYVIEW_LOCKED &&
	       v->key->backend == CONF_BACKEND_JPKI;
}

void
keyview_look_for_cards(struct keyview *list, size_t count)
{
	struct pcsc_reader readers[PCSC_READERS_MAX];
	struct err ignored = {0};
	struct pcsc *p = NULL;
	int n = -1;

	for (size_t i = 0; i < count; i++) {
		if (!wants_reader(&list[i]))
			continue;
		if (p == NULL) {
			p = pcsc_new(&ignored);
			if (p == NULL)
				return;
			n = pcsc_readers(p, readers, &ignored);
		}
		if (n >= 0)
			list[i].card = card_in(readers, n, list[i].key->reader);
	}
	pcsc_free(p);
}

/* ---- showing ------------------------------------------------------------ */

static void
text_certificate(const struct keyview *v)
{
	char when[32], seen[32], text[TEXT];
	int64_t days = cert_days_left(v->not_after_ms, clock_wall_ms());
	int n;

	if (v->not_after_ms == 0)
		return;
	cert_time_text(v->not_after_ms, when, sizeof when);
	if (days < 0)
		n = snprintf(text, sizeof text, _("%s (expired)"), when);
	else
		n = snprintf(text, sizeof text, _("%s (%lld days left)"), when,
		    (long long)days);
	if (v->seen_ms != 0 && n > 0 && n < TEXT)
		snprintf(text + n, sizeof text - (size_t)n,
		    _(", as last seen at %s"),
		    cert_time_text(v->seen_ms, seen, sizeof seen));
	certview_row(stdout, _("certificate until"), text);
	cert_registered_text(&v->registered, text, sizeof text);
	if (text[0] != '\0')
		certview_row(stdout, _("in e-Tax"), text);
}

static void
text_notes(const struct keyview *v)
{
	for (unsigned i = 0; i < v->note_count; i++) {
		const struct cert_note *n = &v->notes[i];

		printf("  %s %s%s%s%s\n      → %s\n",
		    urgency_mark(urgency_of(n->code)), explain_what(n->code),
		    n->detail[0] == '\0' ? "" : " (", n->detail,
		    n->detail[0] == '\0' ? "" : ")", explain_todo(n->code));
	}
}

static void
text_marker(const struct keyview *v)
{
	char text[TEXT];

	if (!v->marked)
		return;
	if (strncmp(v->marker.code, "pin-change", 10) == 0)
		snprintf(text, sizeof text,
		    _("changed at %.19s; stored PINs that are older are not "
		      "tried"),
		    v->marker.time);
	else
		snprintf(text, sizeof text,
		    _("refused at %.19s (%s, from the %s); a stored one is "
		      "not tried until it has changed"),
		    v->marker.time, v->marker.code,
		    pin_source_name(v->marker.origin.source));
	certview_row(stdout, "PIN", text);
}

static void
text_unlocked(const struct keyview *v)
{
	const struct keyholder_status *s = &v->status;
	char text[TEXT], until[32];

	if (s->until_ms > 0)
		printf(_("key %s: unlocked until %s\n"), v->key->name,
		    cert_time_text(s->until_ms, until, sizeof until));
	else
		printf(_("key %s: unlocked\n"), v->key->name);
	certview_row(stdout, _("card"), s->card.where);
	if (s->signatures_left >= 0)
		snprintf(text, sizeof text, _("%lld made, %lld left"),
		    (long long)s->signatures_made,
		    (long long)s->signatures_left);
	else
		snprintf(text, sizeof text, _("%lld made"),
		    (long long)s->signatures_made);
	certview_row(stdout, _("signatures"), text);
	if (s->card.tries_left >= 0) {
		snprintf(
		    text, sizeof text, _("%d tries left"), s->card.tries_left);
		certview_row(stdout, "PIN", text);
	}
	if (!s->audit_ok)
		certview_row(
		    stdout, _("audit file"), explain_what("audit-failed"));
}

void
keyview_text(const struct keyview *v)
{
	switch (v->state) {
	case KEYVIEW_UNLOCKED:
		text_unlocked(v);
		break;
	case KEYVIEW_LOCKED:
		printf(_("key %s: locked (natsuin unlock %s)\n"), v->key->name,
		    v->key->name);
		if (v->card != KEYVIEW_CARD_UNKNOWN)
			certview_row(stdout, _("card"),
			    v->card == KEYVIEW_PRESENT
				? _("a card is in the reader")
				: _("no card in the reader"));
		break;
	case KEYVIEW_UNKNOWN:
		printf(_("key %s: held by a keyholder that cannot be asked\n"),
		    v->key->name);
		certview_row(stdout, "", explain_what(v->problem.code));
		break;
	}
	text_marker(v);
	text_certificate(v);
	text_notes(v);
}

static json_t *
time_json(int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	return ms == 0 ? json_null() : json_string(clock_text(ms, text));
}

static json_t *
count_json(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *
marker_json(const struct keyview *v)
{
	const struct pin_marker *m = &v->marker;

	if (!v->marked)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:s}", "code", m->code, "time",
	    m->time, "source", pin_source_name(m->origin.source), "where",
	    m->where);
}

static json_t *
notes_json(const struct keyview *v)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < v->note_count; i++) {
		const struct cert_note *n = &v->notes[i];

		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", n->code,
			"urgency", urgency_name(urgency_of(n->code)), "detail",
			n->detail, "what", explain_what(n->code), "todo",
			explain_todo(n->code)));
	}
	return list;
}

/* Every member is always there; what is not known is null. */
json_t *
keyview_json(const struct keyview *v)
{
	static const char *const states[] = {"locked", "unlocked", "unknown"};
	static const char *const cards[] = {NULL, "absent", "present"};
	const struct keyholder_status *s = &v->status;
	const struct algorithm *a = algorithm_find(s->algorithm);
	bool open = v->state == KEYVIEW_UNLOCKED;

	return json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:s?, s:s?, s:o, s:o}",
	    "key", v->key->name, "state", states[v->state], "unlocked", open,
	    "card", cards[v->card], "where", open ? s->card.where : NULL,
	    "until", time_json(open ? s->until_ms : 0), "signatures_made",
	    count_json(open ? s->signatures_made : -1), "signatures_left",
	    count_json(open ? s->signatures_left : -1), "tries_left",
	    count_json(open ? s->card.tries_left : -1), "not_after",
	    time_json(v->not_after_ms), "certificate_seen",
	    time_json(v->seen_ms), "pin_refused", marker_json(v), "algorithm",
	    open && a != NULL ? a->name : NULL, "problem",
	    v->state == KEYVIEW_UNKNOWN ? v->problem.code : NULL,
	    "certificate_notes", notes_json(v), "registered",
	    cert_registered_json(&v->registered));
}
