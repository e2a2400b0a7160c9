/*
 * Log lines.  A line is written with one write(2), so that lines of several
 * processes sharing a descriptor do not mix; a failed write is ignored,
 * because a full log must not stop a batch.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int log_fd = 2;
static enum log_level log_least = LOG_LEVEL_WARN;
static const char *log_process = "natsuin";

static const char *const level_names[] = {
    "debug", "info", "warn", "error", "alert"};

void
log_open(int fd, enum log_level least, const char *process)
{
	log_fd = fd;
	log_least = least;
	log_process = process;
}

enum log_level
log_level(void)
{
	return log_least;
}

static void
emit(char *line, size_t size, size_t used)
{
	ssize_t n;

	if (used >= size - 1)
		used = size - 2;
	for (size_t i = 0; i < used; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	line[used] = '\n';
	n = write(log_fd, line, used + 1);
	(void)n;
}

static size_t
head(char *line, size_t size, enum log_level level, const char *event)
{
	char when[CLOCK_TEXT_SIZE];
	int n = snprintf(line, size, "%s %s %s[%ld] %s ",
	    clock_text(clock_wall_ms(), when), level_names[level], log_process,
	    (long)getpid(), event);

	return n < 0 ? 0 : (size_t)n;
}

void
log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[1024];
	int saved = errno, n;
	size_t used;
	va_list ap;

	if (log_fd < 0 || level < log_least)
		return;
	used = head(line, sizeof line, level, event);
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof line - used, fmt, ap);
	va_end(ap);
	emit(line, sizeof line, used + (n < 0 ? 0 : (size_t)n));
	errno = saved;
}

void
log_err(enum log_level level, const char *event, const struct err *e)
{
	char story[600], safe[800];

	err_format(e, story, sizeof story);
	log_event(level, event, "class=%s error=\"%s\"",
	    err_class_name(e->class), text_escape(safe, sizeof safe, story));
}
