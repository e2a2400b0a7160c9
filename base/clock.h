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

/* Test seam: from now on both clocks stand at these values until moved;
 * a negative wall_ms gives the real clocks back. */
void clock_freeze(int64_t wall_ms, int64_t mono_ms);

#endif
