/*
 * What the facts about a file's signatures come to.  Nothing that was not
 * checked counts as good, and what is worst decides.
 */
#include "signer/cli/verified.h"

#include "base/i18n.h"
#include "signer/cert/path.h"
#include "signer/cert/profile.h"
#include "signer/cli/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* code: 2 of cert_add_problem */
/* code: 2 of cert_add_warning */

/* Exit statuses are in natsuin(1); names in docs/verify.schema.json. */
static const struct {
	const char *name;
	int status;
	const char *headline;
} results[] = {
    [VERIFIED_VALID] = {"valid", 0, N_("signed, in order")},
    [VERIFIED_UNCOVERED] = {"uncovered", 10,
	N_("signed, in order, BUT IT CONTAINS MORE THAN WAS SIGNED")},
    [VERIFIED_NOT_CHECKED] = {"not-checked", 11,
	N_("signed, but NOT EVERYTHING COULD BE CHECKED")},
    [VERIFIED_CERTIFICATE] = {"certificate", 12,
	N_("signed, but with a certificate that is not in order")},
    [VERIFIED_UNSIGNED] = {"unsigned", 13, N_("NOT SIGNED")},
    [VERIFIED_UNREADABLE] = {"unreadable", 14, N_("CANNOT BE VERIFIED")},
    [VERIFIED_INVALID] = {"invalid", 15, N_("SIGNATURE IS NOT IN ORDER")},
};

const char *
verified_name(enum verified_result r)
{
	return results[r].name;
}

int
verified_exit(enum verified_result r)
{
	return results[r].status;
}

const char *
verified_headline(enum verified_result r)
{
	return _(results[r].headline);
}

static void
worsen(enum verified_result *r, enum verified_result to)
{
	if (to > *r)
		*r = to;
}

/* Reasons for which nothing further was looked at. */
static bool
not_looked_at(const char *problem)
{
	return strcmp(problem, "signature-legacy") == 0 ||
	       strcmp(problem, "signature-file-not-given") == 0;
}

static enum verified_result
result_of(const struct verified_signature *s)
{
	const struct found_signature *f = &s->judged->found;
	const struct cert_verdict *v = s->verdict;
	enum verified_result r = VERIFIED_VALID;

	if (f->problem[0] != '\0')
		return not_looked_at(f->problem) ? VERIFIED_NOT_CHECKED
						 : VERIFIED_INVALID;
	if (!f->value_ok || !f->references_ok)
		return VERIFIED_INVALID;
	/* One inside a form need not cover the filing, nor is its certificate
	 * known here. */
	if (!f->filing)
		return VERIFIED_VALID;
	if (!f->covers_filing)
		return VERIFIED_INVALID;
	if (s->judged->uncovered.unexpected > 0)
		r = VERIFIED_UNCOVERED;
	if (v == NULL || !v->ok)
		worsen(&r, VERIFIED_CERTIFICATE);
	else if (v->path == CERT_PATH_NOT_CHECKED)
		worsen(&r, VERIFIED_NOT_CHECKED);
	return r;
}

/* Does this format's receiver take the kind of certificate? */
static void
judge_kind(const char *format, struct cert_verdict *v)
{
	const struct cert_profile *p = &v->cert.profile;

	switch (cert_profile_accepts(p, format)) {
	case CERT_ACCEPTED:
		return;
	case CERT_UNCONFIRMED:
		cert_add_warning(v, "certificate-format-unconfirmed", "%s, %s",
		    p->name, format);
		return;
	case CERT_NOT_ACCEPTED:
		cert_add_problem(
		    v, "certificate-format", "%s, %s", p->name, format);
		v->ok = false;
		return;
	}
}

/* The certificate's verdict, or NULL where there is none to judge. */
static struct cert_verdict *
judge_certificate(const struct verified_rules *rules,
    const struct found_signature *s, const char *format)
{
	struct cert_policy policy = rules->policy;
	struct slice der = buf_view(&s->certificate);
	struct cert_verdict *v;
	struct err e = {0};

	if (der.len == 0)
		return NULL;
	policy.known = rules->known(rules->ctx, der);
	v = calloc(1, sizeof *v);
	if (v != NULL && cert_check(&policy, der, rules->at_ms, v, &e) != 0) {
		free(v);
		return NULL;
	}
	if (v != NULL)
		judge_kind(format, v);
	return v;
}

static void
sum_up(struct verified *v)
{
	const struct judged *j = v->reply.findings.judged;

	v->result = VERIFIED_VALID;
	/* Nested ones are told, and decide nothing. */
	for (size_t i = 0; i < v->count; i++)
		if (v->signatures[i].judged->found.filing)
			worsen(&v->result, v->signatures[i].result);
	if (v->filing_count == 0 || j->unsigned_part)
		worsen(&v->result, VERIFIED_UNSIGNED);
	if (j->fault.code[0] != '\0')
		worsen(&v->result, VERIFIED_UNREADABLE);
	if (j->uncovered.unexpected > 0)
		worsen(&v->result, VERIFIED_UNCOVERED);
}

int
verified_judge(struct verified *v, const struct verified_rules *rules)
{
	const struct judged *j = v->reply.findings.judged;

	v->result = VERIFIED_UNREADABLE;
	if (v->error.class != ERR_NONE || j == NULL)
		return 0;
	v->signatures = calloc(j->count + 1, sizeof *v->signatures);
	if (v->signatures == NULL)
		return -1;
	for (; v->count < j->count; v->count++) {
		struct verified_signature *s = &v->signatures[v->count];

		s->judged = &j->signatures[v->count];
		if (s->judged->found.filing) {
			v->filing_count++;
			s->verdict = judge_certificate(
			    rules, &s->judged->found, v->reply.findings.format);
		}
		s->result = result_of(s);
	}
	sum_up(v);
	return 0;
}

void
verified_free(struct verified *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->signatures[i].verdict);
	free(v->signatures);
	exam_reply_free(&v->reply);
	memset(v, 0, sizeof *v);
}

int
verified_claim(const struct judged_signature *s, int64_t *ms)
{
	const char *c = s->claimed;
	char text[40];

	if (s->claim == JUDGED_NO_CLAIM)
		return -1;
	if (s->claim == JUDGED_CLAIM_ID)
		snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", c,
		    c + 4, c + 6, c + 8, c + 10, c + 12);
	else
		snprintf(text, sizeof text, "%s", c);
	return cli_moment(text, ms, NULL);
}
