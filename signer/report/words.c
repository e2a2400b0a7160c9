/*
 * Words for people.  Times are Japanese wherever the computer stands, because
 * due dates are.  Nothing here allocates or fails.
 */
#include "signer/report/words.h"

#include "base/i18n.h"
#include "signer/cert/profile.h"
#include "signer/report/explain.h"

#include <ctype.h>
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

/*
 * English of remarks that has words of its own in other languages: that of
 * schemas/problem.c, what libxml2 says most often, and our own.  A phrase
 * that begins another one comes after it.
 */
static const char *const phrases[] = {
    N_("the value does not match the required pattern"),
    N_("the value is not one of the allowed ones"),
    N_("the value is not one of the set"),
    N_("the value does not fit the type"),
    N_("the value is too small"),
    N_("the value is too large"),
    N_("the value has too many digits"),
    N_("the value has too many decimal places"),
    N_("the value is not the fixed one"),
    N_("a key is missing or not unique"),
    N_("does not follow the schema"),
    N_("This element is not expected"),
    N_("Missing child element(s)"),
    N_(". Expected is one of"),
    N_(". Expected is"),
    N_("The value has a length of"),
    N_("; this exceeds the allowed maximum length of"),
    N_("; this underruns the allowed minimum length of"),
    N_("; this differs from the allowed length of"),
    N_("Character content other than whitespace is not allowed because the "
       "content type is 'element-only'"),
    N_("The attribute"),
    N_("is required but missing"),
    N_("is not allowed"),
    N_("Start tag expected, '<' not found"),
    N_("Opening and ending tag mismatch"),
    N_("Extra content at the end of the document"),
    N_("Input is not proper UTF-8, indicate encoding !"),
    N_(", first in line"),
    N_("key \""),
    N_("valid until "),
    N_("invalid since "),
    N_("; as of "),
    N_("; asked at "),
    N_(" JST"),
    N_("; due date of "),
    N_("due date of "),
    N_("serial number "),
    N_("no reason given"),
    N_("the key may be in other hands"),
    N_("the authority's key may be in other hands"),
    N_("the holder's data have changed"),
    N_("replaced by a new certificate"),
    N_("no longer needed"),
    N_("put on hold"),
    N_("the right to use it was withdrawn"),
    N_("the authority's data may be wrong"),
};

/* The phrase that begins at `at`, unless in the middle of a word. */
static const char *
phrase_at(const char *at, const char *start)
{
	if (at > start && isalnum((unsigned char)at[-1]) &&
	    isalnum((unsigned char)at[0]))
		return NULL;
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (strncmp(at, phrases[i], strlen(phrases[i])) == 0)
			return phrases[i];
	return NULL;
}

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

/* e-Tax writes a date as era, year, month and day: "5070101".  Reads one of
 * these up to '-' or the end; where it ends, or NULL. */
static const char *
put_era_date(const char *at, char date[WORDS_SIZE])
{
	static const struct {
		const char *name;
		int before; /* the western year before its first */
	} eras[] = {{N_("Meiji"), 1867}, {N_("Taisho"), 1911},
	    {N_("Showa"), 1925}, {N_("Heisei"), 1988}, {N_("Reiwa"), 2018}};
	int era, year, month, day;

	if (strspn(at, "0123456789") != 7 || (at[7] != '-' && at[7] != '\0') ||
	    sscanf(at, "%1d%2d%2d%2d", &era, &year, &month, &day) != 4 ||
	    era < 1 || era > 5)
		return NULL;
	if (strcmp(i18n_language(), "ja") == 0)
		snprintf(date, WORDS_SIZE, _("%s %d-%02d-%02d"),
		    _(eras[era - 1].name), year, month, day);
	else
		snprintf(date, WORDS_SIZE, _("%d-%02d-%02d"),
		    eras[era - 1].before + year, month, day);
	return at + 7;
}

const char *
words_period(const char *period, char buf[WORDS_SIZE])
{
	char from[WORDS_SIZE], until[WORDS_SIZE];
	const char *at;

	if (period == NULL)
		return "";
	at = put_era_date(period, from);
	if (at == NULL)
		return period;
	if (*at == '\0') {
		memcpy(buf, from, WORDS_SIZE);
		return buf;
	}
	at = put_era_date(at + 1, until);
	if (at == NULL || *at != '\0')
		return period;
	snprintf(buf, WORDS_SIZE, _("%.30s to %.30s"), from, until);
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

	if (days == 0)
		snprintf(buf, WORDS_SIZE, "%s", _("ends today"));
	else if (days < 0)
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

/* Text of a fixed size. */
struct line {
	char *out;
	size_t size, used;
};

static void
put(struct line *l, const char *text, size_t n)
{
	size_t room = l->size - 1 - l->used;

	if (n > room)
		n = room;
	memcpy(l->out + l->used, text, n);
	l->used += n;
	l->out[l->used] = '\0';
}

/* "NAME 12" up to a ':', a ',' or the end; where it ends, or NULL. */
static const char *
take_number(const char *at, const char *name, char number[16])
{
	size_t n = strlen(name), digits;

	if (strncmp(at, name, n) != 0)
		return NULL;
	digits = strspn(at + n, "0123456789");
	if (digits == 0 || digits > 15 || strchr(":,", at[n + digits]) == NULL)
		return NULL;
	snprintf(number, 16, "%.*s", (int)digits, at + n);
	return at + n + digits;
}

/* "line 3" and "line 3, column 5" at the beginning; what follows it. */
static const char *
put_place(struct line *l, const char *detail)
{
	char line[16], column[16], text[96];
	const char *at = take_number(detail, "line ", line), *after;

	if (at == NULL)
		return detail;
	after = take_number(at, ", column ", column);
	if (after == NULL)
		snprintf(text, sizeof text, _("line %s"), line);
	else
		snprintf(
		    text, sizeof text, _("line %s, column %s"), line, column);
	put(l, text, strlen(text));
	return after == NULL ? at : after;
}

/* "timeout; asked at …": why revocation is not known, in the words of the
 * reason's code. */
static const char *
put_why(struct line *l, const char *detail)
{
	static const char asked[] = "; asked at ";
	size_t n = strspn(detail, "abcdefghijklmnopqrstuvwxyz-");
	char code[64];

	if (n == 0 || n > 40 || (detail[n] != '\0' && detail[n] != ';'))
		return detail;
	snprintf(code, sizeof code, "revocation-%.*s", (int)n, detail);
	if (!explain_known(code))
		return detail;
	put(l, explain_what(code), strlen(explain_what(code)));
	if (strncmp(detail + n, asked, strlen(asked)) != 0)
		return detail + n;
	put(l, _(" Asked: "), strlen(_(" Asked: ")));
	return detail + n + strlen(asked);
}

/* "other, etax": a kind of certificate and a format. */
static const char *
put_kind(struct line *l, const char *detail)
{
	size_t n = strspn(detail, "abcdefghijklmnopqrstuvwxyz0123456789-");
	struct cert_profile p;
	char name[40], text[200];
	const char *format;

	if (n == 0 || n >= sizeof name || strncmp(detail + n, ", ", 2) != 0)
		return detail;
	format = detail + n + 2;
	snprintf(name, sizeof name, "%.*s", (int)n, detail);
	p = cert_profile_find(name);
	if (strcmp(p.name, name) != 0 || words_format(format) == format)
		return detail;
	snprintf(text, sizeof text, "%s, %s", cert_profile_label(&p),
	    words_format(format));
	put(l, text, strlen(text));
	return format + strlen(format);
}

const char *
words_detail(const char *detail, char *out, size_t size)
{
	struct line l = {out, size, 0};
	const char *at;

	out[0] = '\0';
	if (detail == NULL)
		return out;
	at = put_kind(&l, put_why(&l, put_place(&l, detail)));
	while (*at != '\0') {
		const char *phrase = phrase_at(at, detail);

		if (phrase == NULL) {
			put(&l, at++, 1);
		} else {
			put(&l, _(phrase), strlen(_(phrase)));
			at += strlen(phrase);
		}
	}
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
