/*
 * The error value.  Nothing here allocates or fails; a NULL `struct err *`
 * is accepted everywhere, so that best-effort callers need no dummy.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[ERR_CLASS_MAX] = {
    [ERR_NONE] = "none",
    [ERR_INPUT] = "input",
    [ERR_CERTIFICATE] = "certificate",
    [ERR_PIN] = "pin",
    [ERR_CARD] = "card",
    [ERR_TRANSIENT_IO] = "transient-io",
    [ERR_FATAL_IO] = "fatal-io",
    [ERR_CONFIG] = "config",
    [ERR_BUG] = "bug",
};

/* Cuts at a character boundary: details are UTF-8 and shown to people. */
static void __attribute__((format(printf, 3, 0)))
copy_text(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);
	size_t end;

	if (n < 0) {
		dst[0] = '\0';
		return;
	}
	if ((size_t)n < size)
		return;
	end = size - 1;
	while (end > 0 && ((unsigned char)dst[end - 1] & 0xC0) == 0x80)
		end--;
	if (end > 0 && (unsigned char)dst[end - 1] >= 0xC0)
		end--;
	dst[end] = '\0';
}

static void __attribute__((format(printf, 4, 0))) fill(struct err *e,
    enum err_class class, const char *code, const char *fmt, va_list ap)
{
	memset(e, 0, sizeof *e);
	e->class = class;
	snprintf(e->code, sizeof e->code, "%s", code);
	copy_text(e->detail, sizeof e->detail, fmt, ap);
}

int
err_set(
    struct err *e, enum err_class class, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	fill(e, class, code, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_errno(
    struct err *e, enum err_class class, const char *code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	fill(e, class, code, fmt, ap);
	va_end(ap);
	e->errnum = saved;
	errno = saved;
	return -1;
}

int
err_lib(struct err *e, enum err_class class, const char *code,
    unsigned long lib, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	fill(e, class, code, fmt, ap);
	va_end(ap);
	e->lib = lib;
	return -1;
}

int
err_nomem(struct err *e)
{
	return err_set(e, ERR_TRANSIENT_IO, "out-of-memory", "%s", "");
}

int
err_push(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL || e->frames >= ERR_FRAMES)
		return -1;
	va_start(ap, fmt);
	copy_text(e->frame[e->frames], sizeof e->frame[0], fmt, ap);
	va_end(ap);
	e->frames++;
	return -1;
}

void
err_clear(struct err *e)
{
	if (e != NULL)
		memset(e, 0, sizeof *e);
}

enum err_class
err_io_class(int errnum)
{
	switch (errnum) {
	case EAGAIN:
	case EINTR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ESTALE:
	case ETIMEDOUT:
	case EBUSY:
	case ETXTBSY:
		return ERR_TRANSIENT_IO;
	case EBADF:
	case EFAULT:
	case EINVAL:
		return ERR_BUG;
	default:
		return ERR_FATAL_IO;
	}
}

const char *err_class_name(enum err_class class)
{
	if ((unsigned)class >= ERR_CLASS_MAX)
		return "bug";
	return class_names[class];
}

enum err_class
err_class_from_name(const char *name)
{
	for (unsigned i = 0; i < ERR_CLASS_MAX; i++)
		if (strcmp(class_names[i], name) == 0)
			return (enum err_class)i;
	return ERR_BUG;
}

char *
err_format(const struct err *e, char *buf, size_t size)
{
	size_t used;
	int n;

	if (size == 0)
		return buf;
	n = snprintf(buf, size, "%s", e->code);
	used = n < 0 ? 0 : (size_t)n;
	if (e->detail[0] != '\0' && used < size) {
		n = snprintf(buf + used, size - used, ": %s", e->detail);
		used += n < 0 ? 0 : (size_t)n;
	}
	if (e->errnum != 0 && used < size) {
		n = snprintf(
		    buf + used, size - used, " (%s)", strerror(e->errnum));
		used += n < 0 ? 0 : (size_t)n;
	}
	if (e->lib != 0 && used < size) {
		n = snprintf(buf + used, size - used, " [0x%lx]", e->lib);
		used += n < 0 ? 0 : (size_t)n;
	}
	for (unsigned i = 0; i < e->frames && used < size; i++) {
		n = snprintf(buf + used, size - used, " < %s", e->frame[i]);
		used += n < 0 ? 0 : (size_t)n;
	}
	return buf;
}

void
err_bug(const char *file, int line, const char *why)
{
	fprintf(stderr, "natsuin: bug at %s:%d: %s\n", file, line, why);
	abort();
}
