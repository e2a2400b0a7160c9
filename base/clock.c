/*
 * Time.  Intervals never use the wall clock, which an operator or NTP may
 * move; people read Japanese time whatever the machine's zone is.
 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TOKYO_OFFSET_S (9 * 3600)
#define DAY_MS (24 * 3600 * INT64_C(1000))

static int64_t frozen_wall = -1;
static int64_t frozen_mono;

void
clock_freeze(int64_t wall_ms, int64_t mono_ms)
{
	frozen_wall = wall_ms;
	frozen_mono = mono_ms;
}

int64_t
clock_mono_ns(void)
{
	struct timespec ts;

	if (frozen_wall >= 0)
		return frozen_mono * 1000000;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

int64_t
clock_wall_ms(void)
{
	struct timespec ts;

	if (frozen_wall >= 0)
		return frozen_wall;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
tokyo(int64_t wall_ms, struct tm *tm)
{
	time_t t = (time_t)(wall_ms / 1000 + TOKYO_OFFSET_S);

	gmtime_r(&t, tm);
}

int64_t
clock_day(int64_t wall_ms)
{
	int64_t ms = wall_ms + TOKYO_OFFSET_S * INT64_C(1000);

	return ms >= 0 ? ms / DAY_MS : -((-ms + DAY_MS - 1) / DAY_MS);
}

int
clock_day_end(const char *text, int64_t *wall_ms)
{
	struct tm tm = {0}, same;
	char again[20];
	time_t t;

	if (strspn(text, "0123456789-") != 10 || text[10] != '\0' ||
	    sscanf(text, "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) !=
		3 ||
	    tm.tm_year < 1970)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	same = tm;
	t = timegm(&same);
	/* A day that is none, and any other spelling, comes back changed. */
	if (strftime(again, sizeof again, "%Y-%m-%d", &same) != 10 ||
	    strcmp(again, text) != 0)
		return -1;
	*wall_ms = ((int64_t)t - TOKYO_OFFSET_S) * 1000 + DAY_MS - 1;
	return 0;
}

char *
clock_text(int64_t wall_ms, char buf[CLOCK_TEXT_SIZE])
{
	struct tm tm;
	char day[20];

	tokyo(wall_ms, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(
	    buf, CLOCK_TEXT_SIZE, "%s.%03d+09:00", day, (int)(wall_ms % 1000));
	return buf;
}

char *
clock_digits(int64_t wall_ms, char buf[CLOCK_TEXT_SIZE])
{
	struct tm tm;
	char day[20];

	tokyo(wall_ms, &tm);
	strftime(day, sizeof day, "%Y%m%d%H%M%S", &tm);
	snprintf(buf, CLOCK_TEXT_SIZE, "%s%03d", day, (int)(wall_ms % 1000));
	return buf;
}
