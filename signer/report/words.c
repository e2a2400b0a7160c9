/*
 * Words for people.  Times are Japanese wherever the computer stands, because
 * due dates are.  Nothing here allocates or fails.
 */
#include "signer/report/words.h"

#include "base/i18n.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TOKYO_S (9 * 60 * 60)

static const struct {
	const char *name, *text;
} checks[REPORT_CHECK_MAX] = {
    [REPORT_CHECK_SCHEMA] = {"schema", N_("Agrees with the schema")},
    [REPORT_CHECK_SIGNATURE] = {"signature",
	N_("Signature verified in the finished file")},
    [REPORT_CHECK_UNCHANGED] = {"unchanged",
	N_("Nothing but signatures was added")},
    [REPORT_CHECK_VALIDITY] = {"validity",
	N_("Certificate within its period and meant for signing")},
    [REPORT_CHECK_PATH] = {"path", N_("Certificate leads to a trusted CA")},
    [REPORT_CHECK_REVOCATION] = {"revocation",
	N_("Certificate is not revoked")},
};

static const struct {
	const char *name, *text;
} states[] = {
    [REPORT_NOT_REACHED] = {"not-reached", N_("not reached")},
    [REPORT_NOT_CHECKED] = {"not-checked", N_("not checked")},
    [REPORT_PASSED] = {"passed", N_("good")},
    [REPORT_NOT_PASSED] = {"not-passed", N_("not good")},
};

static const struct {
	const char *name, *text;
} formats[] = {
    {"etax", N_("e-Tax")},
    {"etax-form", N_("e-Tax, single form")},
    {"egov-standard", N_("e-Gov, standard form")},
    {"egov-individual", N_("e-Gov, individually signed")},
    {"egov", N_("e-Gov")},
};

void
words_begin(struct words *w, const char *language)
{
	snprintf(w->before, sizeof w->before, "%s", i18n_language());
	i18n_use(language);
}

void
words_end(const struct words *w)
{
	i18n_use(w->before);
}

static struct tm
tokyo(int64_t ms)
{
	time_t t = (time_t)(ms / 1000) + TOKYO_S;
	struct tm tm = {0};

	gmtime_r(&t, &tm);
	tm.tm_year += 1900;
	tm.tm_mon += 1;
	return tm;
}

char *
words_moment(int64_t ms, char buf[WORDS_SIZE])
{
	struct tm tm = tokyo(ms);

	buf[0] = '\0';
	if (ms != 0)
		snprintf(buf, WORDS_SIZE, _("%d-%02d-%02d %02d:%02d"),
		    tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min);
	return buf;
}

char *
words_date(int64_t ms, char buf[WORDS_SIZE])
{
	struct tm tm = tokyo(ms);

	buf[0] = '\0';
	if (ms != 0)
		snprintf(buf, WORDS_SIZE, _("%d-%02d-%02d"), tm.tm_year,
		    tm.tm_mon, tm.tm_mday);
	return buf;
}

char *
words_clock(int64_t ms, char buf[WORDS_SIZE])
{
	struct tm tm = tokyo(ms);

	buf[0] = '\0';
	if (ms != 0)
		snprintf(buf, WORDS_SIZE, "%02d:%02d:%02d", tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
	return buf;
}

char *
words_sheet(int64_t ms, char buf[WORDS_SIZE])
{
	struct tm tm = tokyo(ms);

	buf[0] = '\0';
	if (ms != 0)
		snprintf(buf, WORDS_SIZE, "%d-%02d-%02d %02d:%02d:%02d",
		    tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
	return buf;
}

char *
words_duration(int64_t ms, char buf[WORDS_SIZE])
{
	long long m = ms < 0 ? 0 : ms, s = m / 1000;

	if (m < 1000)
		snprintf(buf, WORDS_SIZE, _("%lld ms"), m);
	else if (s < 60)
		snprintf(buf, WORDS_SIZE, _("%lld s"), s);
	else if (s < 3600)
		snprintf(buf, WORDS_SIZE, _("%lld min %lld s"), s / 60, s % 60);
	else
		snprintf(buf, WORDS_SIZE, _("%lld h %lld min"), s / 3600,
		    s / 60 % 60);
	return buf;
}

char *
words_bytes(uint64_t size, char buf[WORDS_SIZE])
{
	if (size < 1024)
		snprintf(buf, WORDS_SIZE, "%" PRIu64 " B", size);
	else if (size < 1024 * 1024)
		snprintf(buf, WORDS_SIZE, "%.1f KB", (double)size / 1024);
	else
		snprintf(
		    buf, WORDS_SIZE, "%.1f MB", (double)size / (1024 * 1024));
	return buf;
}

char *
words_days_left(int64_t days, char buf[WORDS_SIZE])
{
	long long n = days < 0 ? -days : days;

	if (days < 0)
		snprintf(buf, WORDS_SIZE,
		    ngettext("expired %lld day ago", "expired %lld days ago",
			(unsigned long)n),
		    n);
	else
		snprintf(buf, WORDS_SIZE,
		    ngettext(
			"%lld day left", "%lld days left", (unsigned long)n),
		    n);
	return buf;
}

const char *
words_detail(const char *detail, char *out, size_t size)
{
	char line[16];
	size_t n;

	snprintf(out, size, "%s", detail == NULL ? "" : detail);
	if (strncmp(out, "line ", 5) != 0)
		return out;
	n = strspn(out + 5, "0123456789");
	if (n == 0 || n >= sizeof line || strchr(":,", out[5 + n]) == NULL)
		return out;
	snprintf(line, sizeof line, "%.*s", (int)n, out + 5);
	n = (size_t)snprintf(out, size, _("line %s"), line);
	if (n < size)
		snprintf(out + n, size - n, "%s", detail + 5 + strlen(line));
	return out;
}

const char *
words_check(enum report_check check)
{
	return _(checks[check].text);
}

const char *
words_check_state(enum report_check_state state)
{
	return _(states[state].text);
}

const char *
words_check_name(enum report_check check)
{
	return checks[check].name;
}

const char *
words_check_state_name(enum report_check_state state)
{
	return states[state].name;
}

const char *
words_format(const char *name)
{
	if (name == NULL)
		return "";
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(formats[i].name, name) == 0)
			return _(formats[i].text);
	return name;
}
