/* Dates and times that an operator types. */
#include "signer/cli/moment.h"

#include "tests/lib/suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* 2026-03-15 00:00 in Japan */
#define DAY INT64_C(1773500400000)
#define HOUR INT64_C(3600000)

static void
forms_that_are_read(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"2026-03-15", DAY + 24 * HOUR - 1000},
	    {"2026-03-15T12:00", DAY + 12 * HOUR},
	    {"2026-03-15 12:00", DAY + 12 * HOUR},
	    {"2026-03-15T12:00:30", DAY + 12 * HOUR + 30000},
	    {"2026-03-15T12:00:30.25", DAY + 12 * HOUR + 30000},
	    {"2026-03-15T12:00+09:00", DAY + 12 * HOUR},
	    {"2026-03-15T12:00:00Z", DAY + 21 * HOUR},
	    {"2026-03-15T12:00:00-05:30", DAY + 26 * HOUR + HOUR / 2},
	    {"2026-03-15T00:00", DAY},
	    {"2028-02-29T00:00Z", INT64_C(1835395200000)},
	    {"1970-01-01T09:00:00", 0}};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err e = {0};
		int64_t ms = -1;

		CHECK_OK(cli_moment(good[i].text, &ms, &e), &e);
		if (ms != good[i].ms)
			printf("# %s: %lld\n", good[i].text, (long long)ms);
		CU_ASSERT_EQUAL(ms, good[i].ms);
	}
}

static void
others_are_refused(void)
{
	static const char *const bad[] = {"", " ", "today", "2026", "2026-03",
	    "2026-3-15", "26-03-15", "2026-02-29", "2026-04-31", "2026-00-10",
	    "2026-13-01", "2026-03-00", "2026-03-32", "1969-12-31", "20260315",
	    "2026-03-15T", "2026-03-15T12", "2026-03-15T24:00",
	    "2026-03-15T12:60", "2026-03-15T12:00:60",
	    "2026-03-15T12:00:", "2026-03-15T12:00:00.", "2026-03-15T12:00+9",
	    "2026-03-15T12:00+", "2026-03-15T12:00+09:0",
	    "2026-03-15T12:00+15:00", "2026-03-15T12:00Zx", "2026-03-15x",
	    "2026-03-15 ", "2026-03-15t12:00", "+2026-03-15", "２０２６-03-15",
	    "2026-03-15T12:00+09:00+09:00"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		int64_t ms = 5;

		if (cli_moment(bad[i], &ms, &e) == 0)
			printf("# read: %s\n", bad[i]);
		CU_ASSERT_STRING_EQUAL(e.code, "time-unreadable");
		CU_ASSERT_EQUAL(ms, 5);
	}
}

/* Every day of some years, and the day after the last of each month. */
static void
calendar_is_kept(void)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t before = 0, ms;

	for (int year = 2096; year < 2105; year++)
		for (int month = 1; month <= 12; month++) {
			bool leap = year % 4 == 0 && year % 100 != 0;
			int last = days[month - 1] + (month == 2 && leap);

			for (int day = 1; day <= 31; day++) {
				char text[48];
				struct err e = {0};
				int rc;

				snprintf(text, sizeof text, "%04d-%02d-%02d",
				    year % 10000, month, day);
				rc = cli_moment(text, &ms, &e);
				CU_ASSERT_EQUAL(rc, day <= last ? 0 : -1);
				if (rc != 0)
					continue;
				CU_ASSERT_TRUE(
				    before == 0 || ms - before == 24 * HOUR);
				before = ms;
			}
		}
}

SUITE_MAIN("moment", CASE(forms_that_are_read), CASE(others_are_refused),
    CASE(calendar_is_kept))
