/*
 * Time.  Intervals never use the wall clock, which an operator or NTP may
 * move; people read Japanese time whatever the machine's zone is.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define TOKYO_OFFSET_S (9 * 3600)

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
