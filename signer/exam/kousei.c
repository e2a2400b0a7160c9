/*
 * The frame of a kousei*.xml: where 構成情報 is, what it names, who applies.
 * Each element is known by its whole path from the root, so that a
 * look-alike elsewhere is never taken for it.  Nothing is changed or
 * completed: what does not fit is refused.
 */
/* code: 3 of pass_fail */
#include "signer/exam/kousei.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1000
#define CONFIG_ID "構成情報"
#define STYLE_MAIN "999000000000000001"
#define STYLE_FORM "999000000000000009"

enum place {
	P_NOTHING, /* not of interest, nor anything below it */
	P_DOCUMENT,
	P_ROOT,
	P_STYLE,
	P_VERSION,
	P_CONFIG,
	P_MANAGE,
	P_NUMBER,
	P_PROCEDURE,
	P_PROCEDURE_NAME,
	P_APPLICATION,
	P_CONTACTS,
	P_APPLICANT,
	P_PERSON,
	P_CORPORATION,
	P_CONTACT,
	P_CONTACT_PERSON,
	P_DELEGATION,
	P_DELEGATION_FILE,
	P_ATTACHMENT,
	P_ATTACHMENT_FILE,
	P_FORM,
	P_FORM_STYLE,
	P_FORM_FILE,
	P_SIGNATURES,
	P_SIGNATURE
};

/* Source: facts/egov.md 1.1, 1.2 (templates and accepted applications). */
static const struct step {
	enum place parent;
	const char *local;
	enum place child;
	unsigned want;
} steps[] = {
    {P_DOCUMENT, "DataRoot", P_ROOT, 0},
    {P_ROOT, "様式ID", P_STYLE, PASS_TEXT},
    {P_ROOT, "様式バージョン", P_VERSION, PASS_TEXT},
    {P_ROOT, "構成情報", P_CONFIG, PASS_APEX | PASS_INSERT},
    {P_ROOT, "署名情報", P_SIGNATURES, 0},
    {P_CONFIG, "管理情報", P_MANAGE, 0},
    {P_CONFIG, "添付書類属性情報", P_ATTACHMENT, 0},
    {P_CONFIG, "申請書属性情報", P_FORM, 0},
    {P_MANAGE, "手続番号", P_NUMBER, 0},
    {P_MANAGE, "手続名称", P_PROCEDURE_NAME, PASS_TEXT},
    {P_MANAGE, "申請種別", P_APPLICATION, PASS_TEXT},
    {P_MANAGE, "申請者連絡先情報", P_CONTACTS, 0},
    {P_NUMBER, "手続ID", P_PROCEDURE, PASS_TEXT},
    {P_CONTACTS, "申請者情報", P_APPLICANT, 0},
    {P_CONTACTS, "連絡先情報", P_CONTACT, 0},
    {P_CONTACTS, "委任登録票添付情報", P_DELEGATION, 0},
    {P_APPLICANT, "氏名", P_PERSON, PASS_TEXT},
    {P_APPLICANT, "法人団体名", P_CORPORATION, PASS_TEXT},
    {P_CONTACT, "氏名", P_CONTACT_PERSON, PASS_TEXT},
    {P_DELEGATION, "委任登録票ファイル名称", P_DELEGATION_FILE, PASS_TEXT},
    {P_ATTACHMENT, "添付書類ファイル名称", P_ATTACHMENT_FILE, PASS_TEXT},
    {P_FORM, "申請書様式ID", P_FORM_STYLE, PASS_TEXT},
    {P_FORM, "申請書ファイル名称", P_FORM_FILE, PASS_TEXT},
};

/* Deeper than any path of the table. */
#define PLACES 8

struct reader {
	struct kousei *k;
	enum place open[PLACES]; /* [0]: document, [n]: at depth n */
	char form_style[24];     /* of the 申請書属性情報 at hand */
	unsigned configs, config_nth;
};

static enum place
place_at(const struct reader *r, unsigned depth)
{
	return depth < PLACES ? r->open[depth] : P_NOTHING;
}

static const struct step *
find_step(enum place parent, const struct element *el)
{
	if (el->uri != NULL)
		return NULL;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (steps[i].parent == parent &&
		    strcmp(steps[i].local, el->local) == 0)
			return &steps[i];
	return NULL;
}

static int
check_config(struct reader *r, const struct pass *p, const struct element *el,
    struct err *e)
{
	struct slice id;

	if (++r->configs > 1)
		return pass_fail(p, e, "egov-shape", "two 構成情報");
	if (!element_attribute(el, "ID", &id) || !slice_eq_str(id, CONFIG_ID))
		return pass_fail(
		    p, e, "egov-shape", "構成情報 without ID=\"構成情報\"");
	r->config_nth = el->nth;
	return 0;
}

static int
check_signatures(struct reader *r, const struct pass *p,
    const struct element *el, struct err *e)
{
	if (r->k->signature_info || r->configs == 0 ||
	    el->nth != r->config_nth + 1)
		return pass_fail(p, e, "egov-signature-place",
		    "署名情報 stands elsewhere or twice");
	r->k->signature_info = true;
	return 0;
}

/* A child of 署名情報: Signatures and nothing else. */
static int
enter_signature(struct reader *r, const struct pass *p,
    const struct element *el, unsigned *want, struct err *e)
{
	if (!element_is(el, ELEMENT_DSIG, "Signature"))
		return pass_fail(
		    p, e, "egov-shape", "%s in 署名情報", el->local);
	r->k->signatures++;
	*want = PASS_INSERT | PASS_FILING;
	return 0;
}

static int
on_start(void *ctx, struct pass *p, const struct element *el, unsigned *want,
    struct err *e)
{
	struct reader *r = ctx;
	enum place parent = place_at(r, el->depth - 1), at = P_NOTHING;
	const struct step *step;

	if (el->depth >= PLACES)
		return 0;
	if (parent == P_SIGNATURES) {
		r->open[el->depth] = P_SIGNATURE;
		return enter_signature(r, p, el, want, e);
	}
	step = find_step(parent, el);
	if (step != NULL) {
		at = step->child;
		*want = step->want;
	} else if (el->depth == 1) {
		return pass_fail(p, e, "egov-shape",
		    "the root is <%s>, not <DataRoot> without a namespace",
		    el->local);
	}
	r->open[el->depth] = at;
	if (at == P_FORM)
		r->form_style[0] = '\0';
	if (at == P_CONFIG)
		return check_config(r, p, el, e);
	if (at == P_SIGNATURES)
		return check_signatures(r, p, el, e);
	return 0;
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && strchr(" \t\r\n", s.p[0]) != NULL)
		s = slice_of(s.p + 1, s.len - 1);
	while (s.len > 0 && strchr(" \t\r\n", s.p[s.len - 1]) != NULL)
		s.len--;
	return s;
}

/* Cut at a whole character. */
static void
copy(char *out, size_t size, struct slice text)
{
	size_t n = text.len < size ? text.len : size - 1;

	while (n > 0 && n < text.len && (text.p[n] & 0xC0) == 0x80)
		n--;
	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
}

static int
add_entry(struct reader *r, const struct pass *p, enum kousei_list list,
    struct slice name, struct err *e)
{
	struct kousei *k = r->k;
	struct kousei_entry *grown;

	if (name.len == 0)
		return 0; /* an attachment sent by other means */
	if (memchr(name.p, '/', name.len) != NULL ||
	    memchr(name.p, '\\', name.len) != NULL)
		return pass_fail(p, e, "egov-name-path", "%.*s", (int)name.len,
		    (const char *)name.p);
	if (k->count >= NAMES_MAX)
		return pass_fail(p, e, "limit-names", "%d", NAMES_MAX);
	grown = reallocarray(k->entries, k->count + 1, sizeof *grown);
	if (grown == NULL)
		return err_nomem(e);
	k->entries = grown;
	memset(&grown[k->count], 0, sizeof *grown);
	grown[k->count].list = list;
	grown[k->count].name = strndup((const char *)name.p, name.len);
	if (grown[k->count].name == NULL)
		return err_nomem(e);
	if (list == KOUSEI_LIST_FORM)
		memcpy(
		    grown[k->count].style, r->form_style, sizeof r->form_style);
	k->count++;
	return 0;
}

/* Where the text of a place goes; NULL for none. */
static char *
target(struct reader *r, enum place at, size_t *size)
{
	struct kousei *k = r->k;
	const struct {
		enum place at;
		char *out;
		size_t size;
	} targets[] = {
	    {P_STYLE, k->style, sizeof k->style},
	    {P_VERSION, k->version, sizeof k->version},
	    {P_PROCEDURE, k->procedure, sizeof k->procedure},
	    {P_PROCEDURE_NAME, k->procedure_name, sizeof k->procedure_name},
	    {P_APPLICATION, k->application, sizeof k->application},
	    {P_PERSON, k->person, sizeof k->person},
	    {P_CORPORATION, k->corporation, sizeof k->corporation},
	    {P_CONTACT_PERSON, k->contact, sizeof k->contact},
	    {P_FORM_STYLE, r->form_style, sizeof r->form_style},
	};

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		if (targets[i].at == at) {
			*size = targets[i].size;
			return targets[i].out;
		}
	return NULL;
}

static int
on_end(void *ctx, struct pass *p, const struct element *el, struct slice text,
    struct err *e)
{
	struct reader *r = ctx;
	enum place at = place_at(r, el->depth);
	size_t size = 0;
	char *out = target(r, at, &size);

	text = trim(text);
	if (out != NULL)
		copy(out, size, text);
	else if (at == P_FORM_FILE)
		return add_entry(r, p, KOUSEI_LIST_FORM, text, e);
	else if (at == P_ATTACHMENT_FILE)
		return add_entry(r, p, KOUSEI_LIST_ATTACHMENT, text, e);
	else if (at == P_DELEGATION_FILE)
		return add_entry(r, p, KOUSEI_LIST_DELEGATION, text, e);
	return 0;
}

static size_t
count_list(const struct kousei *k, enum kousei_list list)
{
	size_t n = 0;

	for (size_t i = 0; i < k->count; i++)
		n += k->entries[i].list == list;
	return n;
}

/* Facts/egov.md 1.4: a form's document names the form and no attachment, an
 * attachment's the attachment and no form. */
static int
check_kind(struct kousei *k, struct err *e)
{
	size_t forms = count_list(k, KOUSEI_LIST_FORM);
	size_t attachments = count_list(k, KOUSEI_LIST_ATTACHMENT);

	k->kind = KOUSEI_MAIN;
	if (strcmp(k->application, "申請書作成") == 0) {
		k->kind = KOUSEI_FORM;
		if (strcmp(k->style, STYLE_FORM) != 0 || forms != 1 ||
		    attachments != 0)
			return err_set(e, ERR_INPUT, "egov-shape",
			    "申請書作成 wants 様式ID " STYLE_FORM
			    " and one form");
	} else if (strcmp(k->application, "添付書類署名") == 0) {
		k->kind = KOUSEI_ATTACHMENT;
		if (strcmp(k->style, STYLE_MAIN) != 0 || forms != 0 ||
		    attachments != 1)
			return err_set(e, ERR_INPUT, "egov-shape",
			    "添付書類署名 wants 様式ID " STYLE_MAIN
			    " and one attachment");
	} else if (strcmp(k->style, STYLE_FORM) == 0) {
		return err_set(e, ERR_INPUT, "egov-shape",
		    "様式ID " STYLE_FORM " wants 申請種別 申請書作成");
	}
	return 0;
}

int
kousei_read(int fd, const struct exam_limits *limits, bool complete_hint,
    struct kousei *k, struct err *e)
{
	static const char *const ids[] = {"ID", "Id", "id", NULL};
	static const struct pass_format format = {
	    .ids = ids, .start = on_start, .end = on_end};
	const struct pass_options options = {
	    .limits = limits, .complete_hint = complete_hint};
	struct reader r = {.k = k, .open = {P_DOCUMENT}};

	if (pass_run(fd, &format, &r, &options, &k->pass, e) != 0)
		return -1;
	if (!k->pass.digested || !k->pass.has_offset)
		return err_set(
		    e, ERR_INPUT, "egov-shape", "no 構成情報 in DataRoot");
	if (k->signature_info && k->signatures == 0)
		return err_set(
		    e, ERR_INPUT, "egov-signature-empty", "署名情報");
	return check_kind(k, e);
}

void
kousei_free(struct kousei *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->entries[i].name);
	free(k->entries);
	pass_result_free(&k->pass);
	memset(k, 0, sizeof *k);
}
