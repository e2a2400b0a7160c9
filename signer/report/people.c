/*
 * The comparison of names for people: who was to sign, who does, and what
 * natsuin makes of it.  The verdicts are signer/cert/name.h's.
 */
#include "signer/report/people.h"

#include "base/i18n.h"
#include "signer/cert/name.h"

#include <stdio.h>
#include <string.h>

static const char *const verdicts[] = {
    [NAME_SAME] = N_("the same name"),
    [NAME_VARIANT] = N_("the same name, written in another way"),
    [NAME_UNCLEAR] = N_("cannot be compared"),
    [NAME_DIFFERENT] = N_("different names"),
    [NAME_NONE] = N_("nothing to compare"),
};

static const struct {
	const char *why, *text;
} whys[] = {
    {"substitute", N_("a substitute character stands where they differ")},
    {"similar", N_("other characters, which are often confused")},
    {"script", N_("one is in Latin letters or kana, the other in kanji")},
    {"other-name", N_("a former surname or another name in brackets")},
    {"firm", N_("one is a firm, the other a person")},
    {"form-position",
	N_("the firm's form stands before one name and behind the other")},
    {"within", N_("one is only the end of the other")},
    {"long", N_("too long to be compared")},
    {"several", N_("the applications in it are not of the same people")},
};

const char *
people_must(const char *must)
{
	return strcmp(must, "accountant") == 0 ? _("tax accountant")
					       : _("taxpayer");
}

static const char *
why_text(const char *why)
{
	for (size_t i = 0; i < sizeof whys / sizeof *whys; i++)
		if (strcmp(whys[i].why, why) == 0)
			return _(whys[i].text);
	return "";
}

char *
people_verdict(const char *verdict, const char *why, const char *how, char *out,
    size_t size)
{
	const char *reason = why_text(why == NULL ? "" : why);
	const char *pairs = how == NULL ? "" : how;
	bool both = *reason != '\0' && *pairs != '\0';

	snprintf(out, size, "%s%s%s%s%s%s",
	    _(verdicts[name_verdict_of(verdict)]),
	    *reason == '\0' && *pairs == '\0' ? "" : " (", reason,
	    both ? ": " : "", pairs,
	    *reason == '\0' && *pairs == '\0' ? "" : ")");
	return out;
}

char *
people_text(const struct found_people *p, char *out, size_t size)
{
	char verdict[300];

	snprintf(out, size, _("%s: %s; certificate (%s): %s; %s"),
	    people_must(p->must), p->wanted[0] == '\0' ? "-" : p->wanted,
	    p->key, p->holder[0] == '\0' ? "-" : p->holder,
	    people_verdict(
		p->verdict, p->why, p->how, verdict, sizeof verdict));
	return out;
}

const char *
people_code(const struct found_people *p)
{
	if (p->must[0] == '\0' || p->refused)
		return NULL;
	switch (name_verdict_of(p->verdict)) {
	case NAME_DIFFERENT:
		return "signer-differs";
	case NAME_UNCLEAR:
		return "signer-unclear";
	case NAME_NONE:
		return "signer-name-missing";
	case NAME_SAME:
	case NAME_VARIANT:
		break;
	}
	return NULL;
}
