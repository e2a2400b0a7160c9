/*
 * One table of what e-Tax wants beyond the schema, each row with its source,
 * because the agency changes these.  A row only looks; whether it refuses or
 * warns stands in the table.
 */
#include "signer/exam/etax_rules.h"

#include <stdio.h>
#include <string.h>

#define DETAIL 200

struct rule {
	const char *code;
	bool warn; /* else the filing is refused */
	/* true = broken; detail starts empty */
	bool (*broken)(const struct etax *x, bool valid, char detail[DETAIL]);
	const char *source;
};

static bool outside_set(const struct etax *, bool, char[DETAIL]);
static bool unusual_character(const struct etax *, bool, char[DETAIL]);
static bool narrow_character(const struct etax *, bool, char[DETAIL]);
static bool no_catalog(const struct etax *, bool, char[DETAIL]);
static bool no_contents(const struct etax *, bool, char[DETAIL]);
static bool odd_envelope(const struct etax *, bool, char[DETAIL]);
static bool catalog_dangling(const struct etax *, bool, char[DETAIL]);
static bool other_procedure(const struct etax *, bool, char[DETAIL]);
static bool forbidden_sofusho(const struct etax *, bool, char[DETAIL]);
static bool agent_mismatch(const struct etax *, bool, char[DETAIL]);
static bool taxpayer_mismatch(const struct etax *, bool, char[DETAIL]);
static bool unlisted_signer(const struct etax *, bool, char[DETAIL]);
static bool no_authority(const struct etax *, bool, char[DETAIL]);
static bool odd_taxpayer_id(const struct etax *, bool, char[DETAIL]);

/*
 * Size (20 MB per transmission: TKC Q&A 0103253) is the setting
 * document-max, checked while reading; duplicate IDs and dangling IDREFs
 * (ITdefinition.xsd, ITreference.xsd) likewise.
 */
static const struct rule rules[] = {
    {"character-not-allowed", false, outside_set,
	"NTA tetsuzuki7.htm; gen:str in General.xsd"},
    {"catalog-missing", false, no_catalog, "RSH0010-232.xsd: CATALOG first"},
    {"contents-missing", false, no_contents,
	"RSH0010-232.xsd, ITdefinition.xsd: CONTENTS with IT"},
    {"procedure-code-mismatch", false, other_procedure,
	"RSH0010-232.xsd TETSUZUKItype; import fails otherwise (aoiko)"},
    {"sofusho-forbidden", false, forbidden_sofusho,
	"RSH0010-232.xsd, RSH0030-232.xsd; aoiko docs/xtx-spec"},
    {"agent-id-mismatch", false, agent_mismatch,
	"IT/DAIRI_ID is the signing agent's 利用者識別番号; HUU0176E"},
    {"taxpayer-id-mismatch", false, taxpayer_mismatch,
	"IT/NOZEISHA_ID is the signing taxpayer's; HUU0176E"},
    {"signer-id-unlisted", true, unlisted_signer,
	"a second agent of a 税理士法人: TKC Q&A 0101363"},
    {"character-unusual", true, unusual_character,
	"NTA tetsuzuki7.htm; types without gen:str let them pass"},
    {"character-narrow-set", true, narrow_character,
	"NTA tetsuzuki7.htm, gimuka/30.htm (JIS level 1 and 2)"},
    {"catalog-envelope", true, odd_envelope,
	"e-Tax software refuses another envelope with SC00X010"},
    {"catalog-dangling", true, catalog_dangling,
	"CATALOG lists instances as about=\"#id\" (aoiko, opentax)"},
    {"authority-missing", true, no_authority,
	"税務代理権限証書 SOZ074 in TENPU: RSH0010-232.xsd"},
    {"taxpayer-id-odd", true, odd_taxpayer_id,
	"General.xsd: 利用者識別番号 has 16 digits"},
};

static void
say_outside(const struct etax *x, char detail[DETAIL])
{
	snprintf(detail, DETAIL, "line %u: U+%04X", x->chars.outside_line,
	    x->chars.outside_first);
}

/* The schema lets some fields take anything: its word counts where it is. */
static bool
outside_set(const struct etax *x, bool valid, char detail[DETAIL])
{
	if (x->chars.outside == 0 || valid)
		return false;
	say_outside(x, detail);
	return true;
}

static bool
unusual_character(const struct etax *x, bool valid, char detail[DETAIL])
{
	if (x->chars.outside == 0 || !valid)
		return false;
	say_outside(x, detail);
	return true;
}

static bool
narrow_character(const struct etax *x, bool valid, char detail[DETAIL])
{
	char list[DETAIL - 40];

	(void)valid;
	if (x->chars.narrow == 0)
		return false;
	snprintf(detail, DETAIL, "line %u: %s", x->chars.narrow_line,
	    chars_examples(&x->chars, list, sizeof list));
	return true;
}

static bool
no_catalog(const struct etax *x, bool valid, char detail[DETAIL])
{
	(void)valid;
	(void)detail;
	return !x->has_catalog;
}

static bool
no_contents(const struct etax *x, bool valid, char detail[DETAIL])
{
	(void)valid;
	snprintf(detail, DETAIL, "%s", x->has_contents ? "IT" : "CONTENTS");
	return !x->has_contents || !x->has_it;
}

static bool
odd_envelope(const struct etax *x, bool valid, char detail[DETAIL])
{
	(void)valid;
	(void)detail;
	return !x->has_envelope;
}

static bool
catalog_dangling(const struct etax *x, bool valid, char detail[DETAIL])
{
	const char *p = (const char *)x->about.p, *end = p + x->about.len;

	(void)valid;
	for (; p < end; p += strlen(p) + 1)
		if (!ids_defined(&x->result.ids, p)) {
			snprintf(detail, DETAIL, "#%.100s", p);
			return true;
		}
	return false;
}

static bool
other_procedure(const struct etax *x, bool valid, char detail[DETAIL])
{
	(void)valid;
	snprintf(detail, DETAIL, "%s, %s", x->findings->procedure,
	    x->procedure_code);
	return strcmp(x->findings->procedure, x->procedure_code) != 0;
}

static bool
forbidden_sofusho(const struct etax *x, bool valid, char detail[DETAIL])
{
	const char *p = x->findings->procedure;

	(void)valid;
	(void)detail;
	return x->has_sofusho &&
	       (strcmp(p, "RSH0010") == 0 || strcmp(p, "RSH0030") == 0);
}

/*
 * Who may sign.  A key with a 利用者識別番号 (etax-user-id) must be one of
 * those in IT: the agent's (DAIRI_ID), the taxpayer's (NOZEISHA_ID), a
 * parent company's or another's (GROUP_OYA_HOJIN_ID, SONOTA_ID).  If the key
 * is none of them:
 *  - another key of this drop folder is the agent's: a warning, since a
 *    second accountant of the same office may sign beside him;
 *  - else DAIRI_ID is given: "agent-id-mismatch";
 *  - else NOZEISHA_ID is given: "taxpayer-id-mismatch".
 * Keys without etax-user-id are not judged here (they cannot sign for e-Tax:
 * their Signature would have no Id).
 */
static bool
listed(const struct etax *x, const char *id)
{
	const struct findings *f = x->findings;

	if (strcmp(id, f->agent_id) == 0 || strcmp(id, f->taxpayer_id) == 0)
		return true;
	for (size_t i = 0; i < x->other_ids; i++)
		if (strcmp(id, x->other_id[i]) == 0)
			return true;
	return false;
}

static bool
signs(const struct etax *x, const char *id)
{
	for (size_t i = 0; i < x->options->signer_count; i++)
		if (strcmp(x->options->signers[i].etax_user_id, id) == 0)
			return true;
	return false;
}

/* How well a key suits a filing, by its etax-user-id. */
enum fit { FIT_STRANGER, FIT_NO_ID, FIT_LISTED, FIT_AGENT };

static enum fit
fit_of(const struct etax *x, const struct exam_signer *s)
{
	const char *id = s->etax_user_id;

	if (id[0] == '\0')
		return FIT_NO_ID;
	if (strcmp(id, x->findings->agent_id) == 0)
		return FIT_AGENT;
	return listed(x, id) ? FIT_LISTED : FIT_STRANGER;
}

/* The best of the keys that stand at the same place as key i. */
static enum fit
best_fit(const struct etax *x, size_t i)
{
	const struct exam_options *o = x->options;
	enum fit best = FIT_STRANGER;

	while (i > 0 && o->signers[i].or_else)
		i--;
	do {
		enum fit f = fit_of(x, &o->signers[i]);

		best = f > best ? f : best;
		i++;
	} while (i < o->signer_count && o->signers[i].or_else);
	return best;
}

/* The first signer whose id IT does not have (of a pool: nobody's), or
 * NULL.  Where the agent's own key is looked for there is none. */
static const struct exam_signer *
stranger(const struct etax *x)
{
	for (size_t i = 0; i < x->options->signer_count; i++)
		if (!x->options->signers[i].by_agent &&
		    best_fit(x, i) == FIT_STRANGER)
			return &x->options->signers[i];
	return NULL;
}

/* Of a pool only the keys that suit the filing best may sign it; one that
 * names nobody may be signed by any. */
static void
note_unfit(const struct etax *x)
{
	struct findings *f = x->findings;

	if (f->agent_id[0] == '\0' && f->taxpayer_id[0] == '\0' &&
	    x->other_ids == 0)
		return;
	for (size_t i = 0; i < x->options->signer_count; i++)
		if (fit_of(x, &x->options->signers[i]) < best_fit(x, i))
			f->unfit |= UINT32_C(1) << i;
}

/* "…1234 / …5678": enough to see which is meant, in a shared report. */
static void
say_ids(char detail[DETAIL], const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	snprintf(detail, DETAIL, "…%s / …%s", a + (n > 4 ? n - 4 : 0),
	    b + (m > 4 ? m - 4 : 0));
}

static bool
agent_mismatch(const struct etax *x, bool valid, char detail[DETAIL])
{
	const struct exam_signer *s = stranger(x);
	const char *agent = x->findings->agent_id;

	(void)valid;
	if (s == NULL || agent[0] == '\0' || signs(x, agent))
		return false;
	say_ids(detail, agent, s->etax_user_id);
	return true;
}

static bool
taxpayer_mismatch(const struct etax *x, bool valid, char detail[DETAIL])
{
	const struct exam_signer *s = stranger(x);
	const struct findings *f = x->findings;

	(void)valid;
	if (s == NULL || f->agent_id[0] != '\0' || f->taxpayer_id[0] == '\0')
		return false;
	say_ids(detail, f->taxpayer_id, s->etax_user_id);
	return true;
}

static bool
unlisted_signer(const struct etax *x, bool valid, char detail[DETAIL])
{
	const struct exam_signer *s = stranger(x);
	const char *agent = x->findings->agent_id;

	(void)valid;
	if (s == NULL || agent[0] == '\0' || !signs(x, agent))
		return false;
	say_ids(detail, agent, s->etax_user_id);
	return true;
}

static bool
no_authority(const struct etax *x, bool valid, char detail[DETAIL])
{
	const char *agent = x->findings->agent_id;

	(void)valid;
	(void)detail;
	return !x->has_authority && agent[0] != '\0' && signs(x, agent);
}

static bool
odd_taxpayer_id(const struct etax *x, bool valid, char detail[DETAIL])
{
	const char *id = x->findings->taxpayer_id;

	(void)valid;
	snprintf(detail, DETAIL, "%zu", strlen(id));
	return id[0] != '\0' &&
	       (strlen(id) != 16 || strspn(id, "0123456789") != 16);
}

int
etax_rules(struct etax *x, bool valid, struct err *e)
{
	note_unfit(x);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		char detail[DETAIL] = "";

		if (!rules[i].broken(x, valid, detail))
			continue;
		if (!rules[i].warn)
			return err_set(
			    e, ERR_INPUT, rules[i].code, "%s", detail);
		if (findings_warn(x->findings, rules[i].code, "%s", detail) !=
		    0)
			return err_nomem(e);
	}
	return 0;
}

void
etax_period(const struct etax *x, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < ETAX_PERIODS; i++) {
		const char *from = x->period[i][0], *to = x->period[i][1];

		if (from[0] == '\0' && to[0] == '\0')
			continue;
		snprintf(
		    out, size, "%s%s%s", from, to[0] == '\0' ? "" : "-", to);
		return;
	}
}
