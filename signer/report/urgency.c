/*
 * The one table of how urgent a warning is; report, status and doctor ask it
 * and nobody else decides.  An end that comes nearer gets louder each time.
 */
#include "signer/report/urgency.h"

#include "base/i18n.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *code;
	enum urgency urgency;
} rows[] = {
    {"certificate-expires-60", URGENCY_SOON},
    {"certificate-expires-30", URGENCY_WEEK},
    {"certificate-expires-7", URGENCY_NOW},
    {"certificate-expired", URGENCY_NOW},
    {"certificate-ends-before-due", URGENCY_WEEK},
    {"certificate-changed", URGENCY_WEEK},
    {"certificate-revoked", URGENCY_NOW},
    {"certificate-revoked-ocsp", URGENCY_NOW},
    {"certificate-suspended", URGENCY_NOW},
    {"certificate-revocation-required", URGENCY_NOW},
    {"certificate-revocation-unknown", URGENCY_SOON},
    {"due-passed", URGENCY_NOW},
    {"pin-tries-low", URGENCY_WEEK},
    {"pin-blocked", URGENCY_NOW},
};

static const struct {
	const char *mark, *name, *text;
} words[] = {
    [URGENCY_NOTE] = {"i", "note", N_("For your information")},
    [URGENCY_SOON] = {"!", "soon", N_("Plan this")},
    [URGENCY_WEEK] = {"!!", "week", N_("Do this soon")},
    [URGENCY_NOW] = {"!!!", "now", N_("Do this now")},
};

enum urgency
urgency_of(const char *code)
{
	for (size_t i = 0; code != NULL && i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].code, code) == 0)
			return rows[i].urgency;
	return URGENCY_NOTE;
}

const char *
urgency_mark(enum urgency u)
{
	return words[u].mark;
}

const char *
urgency_name(enum urgency u)
{
	return words[u].name;
}

const char *
urgency_text(enum urgency u)
{
	return _(words[u].text);
}
