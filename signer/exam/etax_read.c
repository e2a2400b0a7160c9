/*
 * What is read out of an e-Tax document on the way: the structure that a
 * signature depends on (refused when it is not as the format says), the
 * values of the report, and the material for the checks in etax_rules.c.
 * Nothing is read twice, and no text is kept but the named items'.
 */
/* code: 3 of pass_fail */
#include "signer/exam/etax_read.h"

#include "base/text.h"
#include "signer/exam/bundles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum item_kind { ITEM_TEXT, ITEM_OTHER_ID, ITEM_PROCEDURE, ITEM_PERIOD };

/*
 * The items of IT (申告書基本情報部) that are read: ITdefinition.xsd.  The
 * periods are in the order in which they name a filing; first = "from".
 */
static const struct etax_item {
	const char *local;
	enum item_kind kind;
	size_t at;   /* offset in findings, or kind of period */
	size_t size; /* of the field, or 0 = from, 1 = to */
} items[] = {
    {"NOZEISHA_ID", ITEM_TEXT, offsetof(struct findings, taxpayer_id), 24},
    {"NOZEISHA_NM", ITEM_TEXT, offsetof(struct findings, taxpayer_name), 200},
    {"DAIHYO_NM", ITEM_TEXT, offsetof(struct findings, representative), 200},
    {"DAIRI_ID", ITEM_TEXT, offsetof(struct findings, agent_id), 24},
    {"DAIRI_NM", ITEM_TEXT, offsetof(struct findings, agent_name), 200},
    {"GROUP_OYA_HOJIN_ID", ITEM_OTHER_ID, 0, 0},
    {"SONOTA_ID", ITEM_OTHER_ID, 0, 0},
    {"TETSUZUKI", ITEM_PROCEDURE, 0, 0},
    {"KAZEI_KIKAN_FROM", ITEM_PERIOD, 0, 0},
    {"KAZEI_KIKAN_TO", ITEM_PERIOD, 0, 1},
    {"JIGYO_NENDO_FROM", ITEM_PERIOD, 1, 0},
    {"JIGYO_NENDO_TO", ITEM_PERIOD, 1, 1},
    {"RENKETSU_JIGYO_NENDO_FROM", ITEM_PERIOD, 2, 0},
    {"RENKETSU_JIGYO_NENDO_TO", ITEM_PERIOD, 2, 1},
    {"NENGETSUBUN", ITEM_PERIOD, 3, 0},
    {"NENBUN", ITEM_PERIOD, 4, 0},
};

static const char *const id_names[] = {"id", "ID", "Id", NULL};
static const char *const idref_names[] = {"IDREF", NULL};

/* Three capitals and four digits: RSH0010 (also the keyholder's template). */
static bool
procedure_name(const char *s)
{
	for (int i = 0; i < 7; i++)
		if (i < 3 ? s[i] < 'A' || s[i] > 'Z' : s[i] < '0' || s[i] > '9')
			return false;
	return s[7] == '\0';
}

/* Letters, digits, '_', '-', '.', not beginning with one of the last two or
 * a digit (also the keyholder's template). */
static bool
plain_id(const char *s)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz_";

	if (*s == '\0' || strchr(first, *s) == NULL)
		return false;
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz_0123456789-.")] == '\0';
}

static bool
in_etax_namespace(const struct element *el)
{
	return el->uri != NULL &&
	       strncmp(el->uri, ETAX_NAMESPACES, strlen(ETAX_NAMESPACES)) == 0;
}

/* id and VR of the element that is signed; the schema that they name. */
static int
take_signed_element(
    struct etax *x, struct pass *p, const struct element *el, struct err *e)
{
	struct slice id = {0}, vr = {0};
	struct findings *f = x->findings;

	x->procedure_seen = true;
	element_attribute(el, "id", &id);
	element_attribute(el, "VR", &vr);
	element_copy_text(
	    f->procedure, sizeof f->procedure, slice_str(el->local));
	element_copy_text(f->version, sizeof f->version, vr);
	element_copy_text(x->id, sizeof x->id, id);
	if (f->version[0] == '\0' || strlen(f->version) != vr.len)
		return pass_fail(p, e, "etax-version", "%s", el->local);
	if (id.len == 0 || strlen(x->id) != id.len ||
	    (x->form_root ? !plain_id(x->id) || procedure_name(x->id)
			  : strcmp(x->id, el->local) != 0))
		return pass_fail(p, e, "etax-procedure-id", "%s", x->id);
	if (!x->validate)
		return 0;
	if (bundles_run(x->options, f->procedure, f->version, f, &x->run, e) !=
	    0)
		return -1;
	if (x->run != NULL)
		pass_validate(p, x->run);
	return 0;
}

/* DATA, then one procedure element, then only signatures. */
static int
top_of_data(struct etax *x, struct pass *p, const struct element *el,
    unsigned *want, struct err *e)
{
	if (el->depth == 1) {
		if (!in_etax_namespace(el) || strcmp(el->local, "DATA") != 0)
			return pass_fail(
			    p, e, "etax-structure", "%s", el->local);
		return 0;
	}
	if (el->nth == 1) {
		if (!in_etax_namespace(el) || !procedure_name(el->local))
			return pass_fail(
			    p, e, "etax-structure", "%s", el->local);
		*want |= PASS_APEX | PASS_INSERT;
		return take_signed_element(x, p, el, e);
	}
	if (!element_is(el, ELEMENT_DSIG, "Signature"))
		return pass_fail(p, e, "etax-structure", "%s", el->local);
	*want |= PASS_FILING | PASS_INSERT;
	return 0;
}

/* A form as document element, its signatures last among its children. */
static int
top_of_form(struct etax *x, struct pass *p, const struct element *el,
    unsigned *want, struct err *e)
{
	bool signature = element_is(el, ELEMENT_DSIG, "Signature");

	if (el->depth == 1) {
		if (!in_etax_namespace(el))
			return pass_fail(
			    p, e, "etax-structure", "%s", el->local);
		*want |= PASS_APEX;
		return take_signed_element(x, p, el, e);
	}
	if (signature)
		*want |= PASS_FILING | PASS_OMIT;
	else if (x->filing_count > 0)
		return pass_fail(p, e, "etax-structure", "%s", el->local);
	*want |= PASS_INSERT;
	return 0;
}

static void
enter_part(struct etax *x, const struct element *el)
{
	if (el->depth == 3) {
		x->in_catalog = strcmp(el->local, "CATALOG") == 0;
		x->in_contents = strcmp(el->local, "CONTENTS") == 0;
		x->has_catalog =
		    x->has_catalog || (x->in_catalog && el->nth == 1);
		x->has_contents = x->has_contents || x->in_contents;
	} else if (el->depth == 4 && x->in_contents) {
		x->in_it = strcmp(el->local, "IT") == 0;
		x->has_it = x->has_it || x->in_it;
		if (strcmp(el->local, "SOFUSHO") == 0)
			x->has_sofusho = true;
	}
	if (x->in_contents && el->local[0] == 'S' &&
	    strncmp(el->local, "SOZ07", 5) == 0)
		x->has_authority = true;
}

/* CATALOG: the envelope's names and what it says is in the filing. */
static int
look_at_catalog(struct etax *x, const struct element *el, struct err *e)
{
	struct slice about;

	if (el->depth == 5 && strcmp(el->local, "description") == 0)
		x->has_envelope = true;
	if (!element_attribute(el, "about", &about) || about.len < 2 ||
	    about.p[0] != '#' || x->about.len > 64 * 1024)
		return 0;
	if (buf_append(&x->about, about.p + 1, about.len - 1) != 0 ||
	    buf_putc(&x->about, 0) != 0)
		return err_nomem(e);
	return 0;
}

/* Items of IT; their parts (年, 月, 日, 手続コード) one level below. */
static void
look_at_item(struct etax *x, const struct element *el, unsigned *want)
{
	if (el->depth == 6 && x->item != NULL &&
	    (x->item->kind == ITEM_PERIOD || x->item->kind == ITEM_PROCEDURE))
		*want |= PASS_TEXT;
	if (el->depth != 5)
		return;
	x->item = NULL;
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		if (strcmp(items[i].local, el->local) == 0)
			x->item = &items[i];
	if (x->item != NULL &&
	    (x->item->kind == ITEM_TEXT || x->item->kind == ITEM_OTHER_ID))
		*want |= PASS_TEXT;
}

static int
on_start(void *ctx, struct pass *p, const struct element *el, unsigned *want,
    struct err *e)
{
	struct etax *x = ctx;

	if (el->depth <= 2)
		return x->form_root ? top_of_form(x, p, el, want, e)
				    : top_of_data(x, p, el, want, e);
	if (x->form_root)
		return 0;
	enter_part(x, el);
	if (x->in_catalog)
		return look_at_catalog(x, el, e);
	if (x->in_it)
		look_at_item(x, el, want);
	return 0;
}

/* "7" becomes "07", so that periods compare and sort as text. */
static void
add_period(struct etax *x, const char *local, struct slice text)
{
	char *out = x->period[x->item->at][x->item->size];
	size_t at = strlen(out), size = sizeof x->period[0][0];
	char part[8];

	element_copy_text(part, sizeof part, text);
	if (part[0] == '\0' || strspn(part, "0123456789") != strlen(part))
		return;
	snprintf(out + at, size - at, "%s%s",
	    strcmp(local, "era") != 0 && part[1] == '\0' ? "0" : "", part);
}

static void
take_item(struct etax *x, const struct element *el, struct slice text)
{
	const struct etax_item *item = x->item;

	if (el->depth == 5 && item->kind == ITEM_TEXT)
		element_copy_text(
		    (char *)x->findings + item->at, item->size, text);
	else if (el->depth == 5 && item->kind == ITEM_OTHER_ID &&
		 x->other_ids < ETAX_OTHER_IDS)
		element_copy_text(
		    x->other_id[x->other_ids++], sizeof x->other_id[0], text);
	else if (el->depth == 6 && item->kind == ITEM_PERIOD)
		add_period(x, el->local, text);
	else if (el->depth == 6 && strcmp(el->local, "procedure_CD") == 0)
		element_copy_text(
		    x->procedure_code, sizeof x->procedure_code, text);
	else if (el->depth == 6 && strcmp(el->local, "procedure_NM") == 0)
		element_copy_text(x->findings->procedure_name,
		    sizeof x->findings->procedure_name, text);
}

static int
on_end(void *ctx, struct pass *p, const struct element *el, struct slice text,
    struct err *e)
{
	struct etax *x = ctx;
	uint64_t at;

	if (el->depth == 2) {
		at = pass_offset(p);
		return buf_append(&x->ends, &at, sizeof at) == 0 ? 0
								 : err_nomem(e);
	}
	if (x->in_it && x->item != NULL)
		take_item(x, el, text);
	if (el->depth == 5)
		x->item = NULL;
	if (el->depth <= 4)
		x->in_it = false;
	if (el->depth <= 3)
		x->in_catalog = x->in_contents = false;
	return 0;
}

static int
on_text(void *ctx, struct pass *p, struct slice piece, struct err *e)
{
	struct etax *x = ctx;

	chars_look(&x->chars, piece, pass_line(p));
	if (pass_depth(p) != 1 || x->form_root)
		return 0;
	for (size_t i = 0; i < piece.len; i++)
		if (strchr(" \t\r\n", piece.p[i]) == NULL)
			return pass_fail(
			    p, e, "etax-structure", "text in DATA");
	return 0;
}

static int
on_value(void *ctx, struct pass *p, struct slice value, struct err *e)
{
	struct etax *x = ctx;

	(void)e;
	chars_look(&x->chars, value, pass_line(p));
	return 0;
}

/* Keeps a filing signature, whose content it takes over. */
static int
keep(struct etax *x, struct pass *p, struct existing *s, struct err *e)
{
	struct etax_signature *k;

	if (x->filing_count >= ETAX_SIGNATURES_MAX)
		return pass_fail(
		    p, e, "limit-signatures", "%d", ETAX_SIGNATURES_MAX);
	k = reallocarray(x->filing, x->filing_count + 1, sizeof *k);
	if (k == NULL)
		return err_nomem(e);
	x->filing = k;
	k += x->filing_count++;
	*k = (struct etax_signature){
	    *s, x->findings->signature_count - 1, false};
	memset(s, 0, sizeof *s);
	return 0;
}

static int
on_signature(void *ctx, struct pass *p, struct existing *s, struct err *e)
{
	struct etax *x = ctx;
	struct found_signature *found = findings_add_signature(x->findings);

	if (found == NULL)
		return s->filing ? err_nomem(e) : 0;
	if (existing_judge(s, x->options->allow_legacy, found, e) != 0)
		return -1;
	return s->filing ? keep(x, p, s, e) : 0;
}

int
etax_read(int fd, struct etax *x, struct err *e)
{
	static const struct pass_format format = {.ids = id_names,
	    .idrefs = idref_names,
	    .start = on_start,
	    .end = on_end,
	    .text = on_text,
	    .value = on_value,
	    .signature = on_signature};
	struct pass_options o = {.limits = &x->options->limits,
	    .complete_hint = x->options->complete_hint,
	    .sha1 = x->options->allow_legacy};

	x->findings->etax = true;
	if (pass_run(fd, &format, x, &o, &x->result, e) != 0)
		return -1;
	if (!x->procedure_seen || !x->result.has_offset)
		return err_set(e, ERR_INPUT, "etax-structure", "no content");
	return 0;
}

void
etax_free(struct etax *x)
{
	for (size_t i = 0; i < x->filing_count; i++)
		existing_free(&x->filing[i].existing);
	free(x->filing);
	schema_run_free(x->run);
	pass_result_free(&x->result);
	buf_free(&x->about);
	buf_free(&x->ends);
	memset(x, 0, sizeof *x);
}

static void
note_signer(struct etax *x, const struct found_signature *s)
{
	const struct exam_options *o = x->options;

	for (size_t i = 0; i < o->signer_count; i++)
		if (o->signers[i].known &&
		    (!o->signers[i].by_agent ||
			strcmp(o->signers[i].etax_user_id,
			    x->findings->agent_id) == 0) &&
		    memcmp(o->signers[i].spki, s->spki, sizeof s->spki) == 0)
			x->signed_by |= UINT32_C(1) << exam_signer_place(o, i);
}

/* In the words of signer/exam/verify.h, which other findings have too. */
static const char *
found_problem(const struct found_signature *s)
{
	if (s->legacy && !s->value_ok)
		return "signature-legacy";
	if (!s->covers_filing)
		return "signature-not-covering";
	return s->references_ok ? "signature-value-wrong"
				: "signature-digest-wrong";
}

int
etax_judge(struct etax *x, struct err *e)
{
	struct existing_wanted want = {x->id, x->form_root, x->result.digest,
	    x->result.digest_sha1, x->options->allow_legacy};

	for (size_t i = 0; i < x->filing_count; i++) {
		struct etax_signature *s = &x->filing[i];
		struct found_signature *found =
		    &x->findings->signatures[s->found];
		const char *problem =
		    existing_problem(&s->existing, &want, found);

		/* Each enveloped signature digests the others beside it. */
		if (problem == NULL && x->form_root && x->filing_count > 1) {
			found->references_ok = false;
			problem = "existing-signature-unsupported";
		}
		s->good = problem == NULL;
		if (!s->good)
			snprintf(found->problem, sizeof found->problem, "%s",
			    found_problem(found));
		if (s->good)
			note_signer(x, found);
		else if (!x->judge_only)
			return err_set(e, ERR_INPUT, problem, "line %u: %s",
			    s->existing.line, found->id);
	}
	return 0;
}
