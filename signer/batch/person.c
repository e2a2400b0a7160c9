/*
 * Whose name is compared with whose (docs/DESIGN-people.md).  Pure values:
 * the batch acts on it, natsuin check only shows it.
 */
#include "signer/batch/person.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [CONF_SIGNER_ANY] = "",
    [CONF_SIGNER_ACCOUNTANT] = "accountant",
    [CONF_SIGNER_TAXPAYER] = "taxpayer",
};

const char *
person_word(enum conf_signer_must must)
{
	return words[must];
}

static unsigned
rank_of(enum name_verdict v)
{
	static const unsigned ranks[] = {[NAME_SAME] = 0,
	    [NAME_VARIANT] = 1,
	    [NAME_UNCLEAR] = 2,
	    [NAME_NONE] = 3,
	    [NAME_DIFFERENT] = 4};

	return ranks[v];
}

bool
person_is_better(enum name_verdict a, enum name_verdict b)
{
	return rank_of(a) < rank_of(b);
}

static void
compare(const char *name, const struct cert_holder *h, struct name_result *out)
{
	struct name_text filing = {name, NULL};
	struct name_text holder = {h->name, h->name_flags};

	name_compare(&filing, &holder, out);
}

/* A firm signs by its representative, where the filing names him. */
static const char *
compare_taxpayer(const struct findings *f, const struct cert_holder *h,
    struct name_result *out)
{
	struct name_result person;

	compare(f->taxpayer_name, h, out);
	if (out->verdict <= NAME_VARIANT || f->representative[0] == '\0')
		return f->taxpayer_name;
	compare(f->representative, h, &person);
	if (person.verdict == NAME_NONE)
		return f->taxpayer_name;
	*out = person;
	return f->representative;
}

const char *
person_judge(const struct findings *f, enum conf_signer_must must,
    const struct cert_holder *h, struct name_result *out)
{
	const char *wanted = f->agent_name;

	if (must == CONF_SIGNER_TAXPAYER)
		wanted = compare_taxpayer(f, h, out);
	else
		compare(wanted, h, out);
	if (f->several && out->verdict != NAME_NONE) {
		out->verdict = NAME_UNCLEAR;
		snprintf(out->why, sizeof out->why, "several");
	}
	return wanted;
}
