/* Time: the monotonic clock for intervals, the wall clock for records. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_SIZE 32

/* Milliseconds of the monotonic clock; for intervals and deadlines. */
int64_t clock_mono_ms(void);
/* Nanoseconds of the monotonic clock; for measurements. */
int64_t clock_mono_ns(void);

/* Milliseconds since 1970 UTC. */
int64_t clock_wall_ms(void);

/* "2026-11-22T18:00:00.123+09:00" in Asia/Tokyo (a fixed +09:00 offset:
 * Japan has no summer time since 1951).  Returns buf. */
char *clock_text(int64_t wall_ms, char buf[CLOCK_TEXT_SIZE]);

/* Broken-down Japanese time as digits: yyyyMMddHHmmssSSS (17 digits). */
char *clock_digits(int64_t wall_ms, char buf[CLOCK_TEXT_SIZE]);

/* Number of the calendar day in Japan (1970-01-01 there is day 0). */
int64_t clock_day(int64_t wall_ms);
/* The last millisecond of "2026-03-16" in Japan: exactly this form and a day
 * of the calendar, years 1970 to 9999; 0 / -1. */
int clock_day_end(const char *text, int64_t *wall_ms);

/* Test seam: from now on both clocks stand at these values until moved;
 * a negative wall_ms gives the real clocks back. */
void clock_freeze(int64_t wall_ms, int64_t mono_ms);

#endif
