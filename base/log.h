/* Log lines: one event, key=value, for machines and for the night. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_ALERT
};

/*
 * Starts logging to the descriptor (2 until then; -1 for silence), lines
 * below `least` are dropped.  `process` is a short static name: "batch",
 * "examiner", "keyholder".  Never closes the descriptor.
 */
void log_open(int fd, enum log_level least, const char *process);

/* The level in force, to hand it to a child process. */
enum log_level log_level(void);

/*
 * Writes `time level process event key=value…` in one write(2).  `event` is
 * ASCII like "job.claimed".  Values that come from outside go through
 * text_escape first.  Never a PIN, XML text or a person's name.  errno is
 * kept.
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with an error's whole story as `error="…"`. */
void log_err(enum log_level level, const char *event, const struct err *e);

#endif
