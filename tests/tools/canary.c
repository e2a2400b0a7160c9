/*
 * canary NEEDLE-FILE REPORT COMMAND…: runs a command as its ptrace parent
 * and follows every process that comes of it.  The memory of each is
 * searched for the needle when it ends, before its memory goes, and of all
 * of them whenever SIGUSR1 arrives.  REPORT gets one line per finding:
 *
 *   look PID PARENT COMM EXE hits=N loose=M    on SIGUSR1, then `looked`
 *   exit PID PARENT COMM EXE hits=N loose=M    at a process's end
 *   end PID signal=S core=0|1                  what became of it
 *   followed PID                               a new process, at its start
 *
 * The status is the command's.  A hit is the needle's first or last 8
 * bytes, in whatever case; loose are those outside of locked, undumped
 * memory; "hits=?" where the memory could not be opened.  The needle stands
 * in no argument.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 512
#define WINDOW 8
#define CHUNK ((size_t)1 << 20)
#define REGION_MAX ((unsigned long)1 << 30) /* a sanitizer's shadow */
#define OPTIONS                                                                \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |      \
	    PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

struct process {
	pid_t pid; /* 0 = free */
	pid_t parent;
	bool seen;     /* its first stop is over */
	int mem, maps; /* of the program that it runs; or -1 */
};

struct found {
	unsigned hits, loose;
	bool readable;
};

static struct process processes[PROCESSES_MAX];
static char needle[65];
static size_t needle_len;
static FILE *report;
static pid_t first; /* the command itself */
static int first_status = 70;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(report, fmt, ap);
	va_end(ap);
	fflush(report);
}

/* ---- one process's memory ----------------------------------------------- */

static int
open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void
close_memory(struct process *p)
{
	if (p->mem >= 0)
		close(p->mem);
	if (p->maps >= 0)
		close(p->maps);
	p->mem = p->maps = -1;
}

/* While a process may still be looked at: later it may have closed itself
 * off, but what is open stays open. */
static void
open_memory(struct process *p)
{
	close_memory(p);
	p->mem = open_proc(p->pid, "mem");
	p->maps = open_proc(p->pid, "smaps");
}

static bool begins[256]; /* bytes with which a window begins */

static bool
window_at(const char *p)
{
	if (!begins[(unsigned char)*p])
		return false;
	return strncasecmp(p, needle, WINDOW) == 0 ||
	       strncasecmp(p, needle + needle_len - WINDOW, WINDOW) == 0;
}

static unsigned
count_hits(const char *bytes, size_t n)
{
	unsigned hits = 0;

	for (size_t i = 0; i + WINDOW <= n; i++)
		if (window_at(bytes + i))
			hits++;
	return hits;
}

/* [from, to) in pieces that overlap by a window. */
static unsigned
search_region(int mem, unsigned long from, unsigned long to)
{
	static char chunk[CHUNK];
	unsigned hits = 0;

	while (from < to) {
		size_t want = to - from < CHUNK ? to - from : CHUNK;
		ssize_t n = pread(mem, chunk, want, (off_t)from);

		if (n <= 0) { /* a guard page, or a hole of a device */
			from += 4096;
			continue;
		}
		hits += count_hits(chunk, (size_t)n);
		if (from + (size_t)n >= to || (size_t)n < WINDOW)
			from += (size_t)n;
		else
			from += (size_t)n - WINDOW + 1;
	}
	return hits;
}

/* Locked into memory ("lo") and left out of cores ("dd"). */
static bool
is_tight(const char *flags)
{
	return strstr(flags, " lo") != NULL && strstr(flags, " dd") != NULL;
}

/* Bytes of a file that cannot have been written are not searched. */
static bool
worth_searching(const char *line, unsigned long size)
{
	char perms[5];

	if (sscanf(line, "%*s %4s", perms) != 1 || size > REGION_MAX)
		return false;
	if (strchr(perms, 'w') == NULL && strchr(line, '/') != NULL)
		return false;
	return strstr(line, "[v") == NULL;
}

static FILE *
reopen(int fd)
{
	int copy = dup(fd);

	if (copy < 0)
		return NULL;
	lseek(copy, 0, SEEK_SET);
	return fdopen(copy, "r");
}

static struct found
search(struct process *p)
{
	struct found f = {0, 0, false};
	unsigned long from, to;
	unsigned here = 0;
	char line[600];
	FILE *maps = p->maps < 0 ? NULL : reopen(p->maps);

	if (maps == NULL || p->mem < 0) {
		if (maps != NULL)
			fclose(maps);
		return f;
	}
	while (fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			f.readable = true;
			here = 0;
			if (worth_searching(line, to - from))
				here = search_region(p->mem, from, to);
			f.hits += here;
		} else if (strncmp(line, "VmFlags:", 8) == 0 &&
			   !is_tight(line)) {
			f.loose += here;
		}
	}
	fclose(maps);
	return f;
}

static void
read_names(pid_t pid, char comm[32], char exe[256])
{
	char path[64];
	int fd = open_proc(pid, "comm");
	ssize_t n = fd < 0 ? -1 : read(fd, comm, 31);

	comm[n < 1 ? 0 : n - 1] = '\0';
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
	n = readlink(path, exe, 255);
	exe[n < 0 ? 0 : n] = '\0';
}

/* A thread has no memory of its own, and its end is not its process's. */
static bool
is_thread(pid_t pid)
{
	char line[200];
	long leader = pid;
	int fd = open_proc(pid, "status");
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Tgid: %ld", &leader) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return leader != pid;
}

static void
look(struct process *p, const char *event)
{
	char comm[32] = "", exe[256] = "", hits[40] = "?";
	struct found f;

	if (is_thread(p->pid))
		return;
	f = search(p);
	read_names(p->pid, comm, exe);
	if (f.readable)
		snprintf(hits, sizeof hits, "%u", f.hits);
	say("%s %ld %ld %s %s hits=%s loose=%u\n", event, (long)p->pid,
	    (long)p->parent, comm, exe, hits, f.loose);
}

/* ---- following ---------------------------------------------------------- */

static struct process *
process_of(pid_t pid)
{
	struct process *room = NULL;

	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
		if (processes[i].pid == 0 && room == NULL)
			room = &processes[i];
	}
	if (room == NULL) {
		say("too many processes\n");
		exit(70);
	}
	*room = (struct process){.pid = pid, .mem = -1, .maps = -1};
	open_memory(room);
	say("followed %ld\n", (long)pid);
	return room;
}

static void
forget(pid_t pid, int status)
{
	struct process *p = process_of(pid);

	say("end %ld signal=%d core=%d\n", (long)pid,
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	    WIFSIGNALED(status) && WCOREDUMP(status) ? 1 : 0);
	if (pid == first)
		first_status = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
	close_memory(p);
	p->pid = 0;
}

static void
child_appeared(struct process *parent)
{
	unsigned long child = 0;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &child) == 0)
		process_of((pid_t)child)->parent = parent->pid;
}

/* The signal that the stopped process gets when it goes on. */
static int
handle_stop(struct process *p, int status)
{
	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		child_appeared(p);
		return 0;
	case PTRACE_EVENT_EXEC:
		open_memory(p);
		return 0;
	case PTRACE_EVENT_EXIT:
		look(p, "exit");
		return 0;
	default:
		break;
	}
	if (!p->seen && WSTOPSIG(status) == SIGSTOP) {
		p->seen = true; /* how a followed process begins */
		return 0;
	}
	return WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
}

/* All that has happened; false when no process is left. */
static bool
handle_children(void)
{
	struct process *p;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (!WIFSTOPPED(status)) {
			forget(pid, status);
			continue;
		}
		p = process_of(pid);
		ptrace(PTRACE_CONT, pid, NULL,
		    (void *)(long)handle_stop(p, status));
	}
	return pid == 0;
}

static void
look_at_all(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid != 0)
			look(&processes[i], "look");
	say("looked\n");
}

static void
follow(const sigset_t *set)
{
	int signal_number;

	while (handle_children()) {
		if (sigwait(set, &signal_number) != 0)
			return;
		if (signal_number == SIGUSR1)
			look_at_all();
	}
}

static int
start(char **command, const sigset_t *before)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		sigprocmask(SIG_SETMASK, before, NULL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS) != 0)
		return -1;
	process_of(pid)->seen = true;
	first = pid;
	return ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 ? 0 : -1;
}

static void
note_beginning(unsigned char c)
{
	begins[tolower(c)] = true;
	begins[toupper(c)] = true;
}

static bool
read_needle(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = f == NULL ? 0 : fread(needle, 1, sizeof needle - 1, f);

	if (f != NULL)
		fclose(f);
	while (n > 0 && isspace((unsigned char)needle[n - 1]))
		n--;
	needle[n] = '\0';
	needle_len = n;
	if (n < WINDOW)
		return false;
	note_beginning((unsigned char)needle[0]);
	note_beginning((unsigned char)needle[n - WINDOW]);
	return true;
}

int
main(int argc, char **argv)
{
	sigset_t set, before;

	if (argc < 4 || !read_needle(argv[1]) ||
	    (report = fopen(argv[2], "we")) == NULL) {
		fputs("usage: canary NEEDLE-FILE REPORT COMMAND\n", stderr);
		return 64;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &before);
	if (start(argv + 3, &before) != 0) {
		fputs("canary: ptrace is not permitted\n", stderr);
		return 77;
	}
	follow(&set);
	return first_status;
}
