/* What a benchmark program says at its end: CPU, wall clock, memory. */
#ifndef TESTS_BENCH_USAGE_H
#define TESTS_BENCH_USAGE_H

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static double usage_began;

static inline double
usage_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void
usage_start(void)
{
	usage_began = usage_now();
}

/* One line of JSON; CPU counts this process and the children it waited for,
 * start-up included. */
static inline void
usage_print(const char *name, unsigned long files)
{
	struct rusage self, children;
	double cpu;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	cpu = (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec +
		       children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
	      (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec +
		       children.ru_utime.tv_usec + children.ru_stime.tv_usec) /
		  1e6;
	printf("{\"name\":\"%s\",\"files\":%lu,\"cpu_s\":%.6f,"
	       "\"wall_s\":%.6f,\"rss_kb\":%ld}\n",
	    name, files, cpu, usage_now() - usage_began, self.ru_maxrss);
}

#endif
