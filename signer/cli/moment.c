/*
 * Reading a date or a time.  A day that no calendar has is refused, never
 * moved to the next month.
 */
#include "signer/cli/moment.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define JAPAN_S (9 * 3600)

/* Exactly `n` digits, at most `max`; moves on. */
static bool
take(const char **p, int n, int min, int max, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		char c = (*p)[i];

		if (c < '0' || c > '9')
			return false;
		v = 10 * v + (c - '0');
	}
	*p += n;
	*out = v;
	return v >= min && v <= max;
}

static bool
skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool
take_date(const char **p, struct tm *tm)
{
	struct tm same;
	time_t t;

	if (!take(p, 4, 1970, 9999, &tm->tm_year) || !skip(p, '-') ||
	    !take(p, 2, 1, 12, &tm->tm_mon) || !skip(p, '-') ||
	    !take(p, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	same = *tm;
	t = timegm(&same);
	return t != (time_t)-1 && same.tm_mday == tm->tm_mday;
}

static bool
take_clock(const char **p, struct tm *tm)
{
	if (!take(p, 2, 0, 23, &tm->tm_hour) || !skip(p, ':') ||
	    !take(p, 2, 0, 59, &tm->tm_min))
		return false;
	if (!skip(p, ':'))
		return true;
	if (!take(p, 2, 0, 59, &tm->tm_sec))
		return false;
	/* A part of a second makes no difference. */
	if (skip(p, '.')) {
		size_t n = strspn(*p, "0123456789");

		*p += n;
		return n > 0;
	}
	return true;
}

/* Seconds east of UTC; nothing written is Japan's. */
static bool
take_offset(const char **p, long *seconds)
{
	bool west = **p == '-';
	int hours, minutes;

	*seconds = JAPAN_S;
	if (**p == '\0')
		return true;
	if (skip(p, 'Z')) {
		*seconds = 0;
		return true;
	}
	if ((!skip(p, '+') && !skip(p, '-')) || !take(p, 2, 0, 14, &hours) ||
	    !skip(p, ':') || !take(p, 2, 0, 59, &minutes))
		return false;
	*seconds = (hours * 3600L + minutes * 60L) * (west ? -1 : 1);
	return true;
}

int
cli_moment(const char *text, int64_t *ms, struct err *e)
{
	const char *p = text;
	struct tm tm = {0};
	long offset = JAPAN_S;
	bool good = take_date(&p, &tm);

	if (good && *p == '\0') {
		tm.tm_hour = 23;
		tm.tm_min = tm.tm_sec = 59;
	} else {
		good = good && (skip(&p, 'T') || skip(&p, ' ')) &&
		       take_clock(&p, &tm) && take_offset(&p, &offset);
	}
	if (!good || *p != '\0')
		return err_set(e, ERR_CONFIG, "time-unreadable", "%.60s", text);
	*ms = ((int64_t)timegm(&tm) - offset) * 1000;
	return 0;
}
