/*
 * Runs a command and says what it took, the whole family of processes:
 *   bench_run NAME FILES COMMAND…
 * CPU is the sum over all, memory the largest single process.  The command's
 * exit status is passed on.
 */
#include "tests/bench/usage.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage all;
	double cpu, wall;
	int status;
	pid_t pid;

	if (argc < 4)
		return 64;
	usage_start();
	pid = fork();
	if (pid == 0) {
		dup2(2, 1); /* standard output is for the one line below */
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 70;
	wall = usage_now() - usage_began;
	getrusage(RUSAGE_CHILDREN, &all);
	cpu = (double)(all.ru_utime.tv_sec + all.ru_stime.tv_sec) +
	      (double)(all.ru_utime.tv_usec + all.ru_stime.tv_usec) / 1e6;
	printf("{\"name\":\"%s\",\"files\":%s,\"cpu_s\":%.6f,"
	       "\"wall_s\":%.6f,\"rss_kb\":%ld}\n",
	    argv[1], argv[2], cpu, wall, all.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}
