/* One error value for the whole program: what happened, whose fault it is. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/*
 * The class alone decides what the batch does with the job (DESIGN 4):
 * fail it, hold it, stop the key, retry, or stop the program.  It is set
 * where the cause is known and never guessed from text.
 */
enum err_class {
	ERR_NONE = 0,
	ERR_INPUT,        /* the filing itself: the job fails */
	ERR_CERTIFICATE,  /* this key's certificate: jobs of the key are held */
	ERR_PIN,          /* PIN missing, refused or blocked: key stops, held */
	ERR_CARD,         /* card, reader, token: key stops, jobs are held */
	ERR_TRANSIENT_IO, /* may pass by itself: retried, then held */
	ERR_FATAL_IO,     /* disk full, I/O error: the program stops */
	ERR_CONFIG,       /* settings or rights: the program stops */
	ERR_BUG,          /* a broken expectation: the job is held, logged */
	ERR_CLASS_MAX
};

#define ERR_FRAMES 4

/*
 * Fixed size and no allocation, so that it can be filled when memory is
 * what ran out.  Start it as `struct err e = {0};`.
 */
struct err {
	enum err_class class;
	int errnum;        /* errno, or 0 */
	unsigned long lib; /* the library's own code, or 0 */
	unsigned frames;   /* used entries of frame[] */
	char code[40];     /* stable, ASCII, e.g. "doctype-forbidden" */
	char detail[240];  /* this case: a name, a line, a value; UTF-8 */
	char frame[ERR_FRAMES][80]; /* context, innermost first */
};

/* Sets `e` (may be NULL) and returns -1: callers `return err_set(…)`. */
int err_set(struct err *e, enum err_class class, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As err_set, and keeps errno (which it reads first and leaves unchanged). */
int err_errno(struct err *e, enum err_class class, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As err_set, and keeps a library's own error number. */
int err_lib(struct err *e, enum err_class class, const char *code,
    unsigned long lib, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Out of memory: an ordinary, transient error.  Returns -1. */
int err_nomem(struct err *e);

/* Adds one line of context (dropped when all frames are used); returns -1. */
int err_push(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* The class that an errno of a file call deserves (IO classes or ERR_BUG). */
enum err_class err_io_class(int errnum);

/* Stable ASCII name of a class: "input", "certificate", … and back. */
const char *err_class_name(enum err_class class);
enum err_class err_class_from_name(const char *name);

/* One log line: `code: detail (errno text) < frame < frame`. Returns buf. */
char *err_format(const struct err *e, char *buf, size_t size);

/* For broken invariants only, never for input, disk or card. */
#define BUG(why) err_bug(__FILE__, __LINE__, why)
_Noreturn void err_bug(const char *file, int line, const char *why);

#endif
