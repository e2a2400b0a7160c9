/*
 * Who would sign, before anything is signed: the holders of the certificates
 * that batches saw last, compared as the batch will.  It only shows; a card
 * that was exchanged since is the batch's to notice.
 */
#include "signer/cli/check_people.h"

#include "base/i18n.h"
#include "queue/sign.h"
#include "signer/batch/person.h"
#include "signer/report/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct conf_drop *
check_drop_of(const struct conf *c, const char *file)
{
	const struct conf_drop *found = NULL;
	char *real = realpath(file, NULL), *root = realpath(c->root, NULL);
	size_t n = root == NULL ? 0 : strlen(root);

	if (real != NULL && root != NULL && strncmp(real, root, n) == 0 &&
	    real[n] == '/')
		for (size_t i = 0; i < c->drop_count; i++) {
			size_t m = strlen(c->drops[i].path);

			if (strncmp(real + n + 1, c->drops[i].path, m) == 0 &&
			    real[n + 1 + m] == '/')
				found = &c->drops[i];
		}
	free(real);
	free(root);
	return found;
}

/* The holder of the certificate that this key showed last. */
static bool
recall(struct queue *q, const char *key, struct cert_holder *out)
{
	struct queue_certificate last = {0};
	struct cert_info *c = calloc(1, sizeof *c);
	struct err e = {0};
	bool known = q != NULL && c != NULL &&
		     queue_certificate_last(q, key, NULL, &last, &e) == 1 &&
		     cert_parse(buf_view(&last.der), c, &e) == 0;

	if (known)
		*out = c->holder;
	queue_certificate_free(&last);
	free(c);
	return known;
}

/* Would this key sign the filing? */
static bool
may_sign(const struct conf *c, const char *signer, const char *key,
    const struct findings *f)
{
	const struct conf_key *k = conf_key_find(c, key);

	return strcmp(signer, CONF_BY_AGENT) != 0 ||
	       (k != NULL && f->agent_id[0] != '\0' &&
		   strcmp(k->etax_user_id, f->agent_id) == 0);
}

typedef void each_key(void *ctx, const char *key, const struct cert_holder *h,
    const struct name_result *n);

/* Gives out every key that may sign; h is NULL where its certificate is not
 * known yet. */
static size_t
for_keys(const struct conf *c, const struct conf_drop *d, struct queue *q,
    const struct findings *f, each_key *each, void *ctx)
{
	size_t count = 0;

	for (size_t at = 0; at < d->sign_with.count; at++) {
		struct conf_list keys =
		    conf_signer_keys(c, &d->sign_with.item[at]);

		for (size_t i = 0; i < keys.count; i++) {
			struct cert_holder h;
			struct name_result n = {.verdict = NAME_NONE};

			if (!may_sign(
				c, d->sign_with.item[at], keys.item[i], f))
				continue;
			count++;
			if (!recall(q, keys.item[i], &h)) {
				each(ctx, keys.item[i], NULL, &n);
				continue;
			}
			person_judge(f, d->signer_must_match, &h, &n);
			each(ctx, keys.item[i], &h, &n);
		}
	}
	return count;
}

/* The person that the rule wants, as the filing names him. */
static const char *
wanted(const struct conf_drop *d, const struct findings *f)
{
	if (d->signer_must_match == CONF_SIGNER_ACCOUNTANT)
		return f->agent_name;
	return f->representative[0] != '\0' ? f->representative
					    : f->taxpayer_name;
}

static void
put_text(void *ctx, const char *key, const struct cert_holder *h,
    const struct name_result *n)
{
	char verdict[PEOPLE_TEXT];

	(void)ctx;
	if (h == NULL) {
		printf(_("    key %s: its certificate has not been seen yet\n"),
		    key);
		return;
	}
	printf(_("    key %s: %s; %s\n"), key, h->name,
	    people_verdict(name_verdict_word(n->verdict), n->why, n->how,
		verdict, sizeof verdict));
}

void
check_people_text(const struct conf *c, const struct conf_drop *d,
    struct queue *q, const struct findings *f)
{
	if (f->agent_name[0] != '\0')
		printf(_("  tax accountant: %s\n"), f->agent_name);
	if (d == NULL || d->signer_must_match == CONF_SIGNER_ANY)
		return;
	printf(_("  has to be signed by the %s: %s\n"),
	    people_must(person_word(d->signer_must_match)),
	    wanted(d, f)[0] == '\0' ? "-" : wanted(d, f));
	if (for_keys(c, d, q, f, put_text, NULL) == 0)
		printf("%s", _("    no key has the agent's user number\n"));
}

static void
put_json(void *ctx, const char *key, const struct cert_holder *h,
    const struct name_result *n)
{
	json_array_append_new(
	    ctx, json_pack("{s:s, s:s?, s:s?, s:s, s:s}", "key", key, "holder",
		     h == NULL ? NULL : h->name, "verdict",
		     h == NULL ? NULL : name_verdict_word(n->verdict), "reason",
		     n->why, "differences", n->how));
}

json_t *
check_people_json(const struct conf *c, const struct conf_drop *d,
    struct queue *q, const struct findings *f)
{
	json_t *keys;

	if (d == NULL || d->signer_must_match == CONF_SIGNER_ANY)
		return json_null();
	keys = json_array();
	for_keys(c, d, q, f, put_json, keys);
	return json_pack("{s:s, s:s, s:o}", "must",
	    person_word(d->signer_must_match), "name", wanted(d, f), "keys",
	    keys);
}
