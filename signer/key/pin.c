/*
 * PIN sources.  A PIN goes from the descriptor straight into the secure heap
 * and nowhere else; this file never logs one, never puts one into an error,
 * and never keeps one longer than its caller does.
 */
#include "signer/key/pin.h"

#include "signer/key/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const source_names[] = {
    [PIN_SOURCE_NONE] = "none",
    [PIN_SOURCE_DESCRIPTOR] = "descriptor",
    [PIN_SOURCE_FILE] = "file",
    [PIN_SOURCE_CREDENTIAL] = "credential",
    [PIN_SOURCE_TERMINAL] = "terminal",
    [PIN_SOURCE_PINENTRY] = "pinentry",
    [PIN_SOURCE_PAD] = "pad",
};

const char *
pin_source_name(enum pin_source s)
{
	return source_names[s];
}

bool
pin_source_typed(enum pin_source s)
{
	return s == PIN_SOURCE_TERMINAL || s == PIN_SOURCE_PINENTRY ||
	       s == PIN_SOURCE_PAD;
}

/* The credential that systemd's LoadCredential= gives a service. */
static bool
credential_path(const struct conf_key *key, char *out, size_t size)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int n;

	if (dir == NULL || dir[0] != '/')
		return false;
	n = snprintf(out, size, "%s/%s.pin", dir, key->name);
	return n > 0 && (size_t)n < size && access(out, F_OK) == 0;
}

enum pin_source
pin_choose(const struct conf_key *key, int pin_fd)
{
	char path[512];

	if (pin_fd >= 0)
		return PIN_SOURCE_DESCRIPTOR;
	if (key->pin_file != NULL && key->pin_file[0] != '\0')
		return PIN_SOURCE_FILE;
	if (credential_path(key, path, sizeof path))
		return PIN_SOURCE_CREDENTIAL;
	return prompt_choose();
}

static void
note_origin(const struct stat *st, struct pin_origin *o)
{
	/* A here-document is a file without a name: not to be known again. */
	o->regular = S_ISREG(st->st_mode) && st->st_nlink > 0;
	o->size = (uint64_t)st->st_size;
	o->ctime_ns =
	    (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

/* One line: up to its newline, the end, or the room. */
static int
read_line(int fd, struct secret *pin, struct err *e)
{
	char *room = secret_room(pin);
	size_t n = 0, cap = secret_capacity(pin);

	for (;;) {
		char extra = '\0';
		ssize_t r = read(fd, n < cap ? room + n : &extra, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_errno(
			    e, ERR_PIN, "pin-unreadable", "%s", "");
		if (r == 0 || (n < cap ? room[n] : extra) == '\n')
			break;
		if (n == cap)
			return err_set(e, ERR_PIN, "pin-too-long",
			    "more than %zu bytes", cap);
		n++;
	}
	if (n > 0 && room[n - 1] == '\r')
		n--;
	secret_set_len(pin, n);
	if (n == 0)
		return err_set(e, ERR_PIN, "pin-empty", "%s", "");
	return 0;
}

static int
read_descriptor(int fd, struct pin_origin *o, struct secret *pin, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(
		    e, ERR_PIN, "pin-unreadable", "descriptor %d", fd);
	note_origin(&st, o);
	return read_line(fd, pin, e);
}

/* What a file must be before a PIN is taken from it. */
static int
check_file(const struct stat *st, const char *path, enum pin_source source,
    struct err *e)
{
	/* systemd gives credentials to the service by an ACL, which shows as
	 * group bits, and may leave them root's. */
	bool credential = source == PIN_SOURCE_CREDENTIAL;
	mode_t forbidden = credential ? 0137 : 0177;

	if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
		return err_set(e, ERR_PIN, "pin-file-kind", "%s", path);
	if (st->st_uid != geteuid() && !(credential && st->st_uid == 0))
		return err_set(e, ERR_PIN, "pin-file-owner",
		    "%s belongs to uid %ld", path, (long)st->st_uid);
	if ((st->st_mode & forbidden) != 0)
		return err_set(e, ERR_PIN, "pin-file-mode", "%s has mode %04o",
		    path, (unsigned)(st->st_mode & 07777));
	return 0;
}

/* What was read is what `o` tells: written over meanwhile it may be half of
 * one PIN or, refused, be taken for the one that was there before. */
static int
check_unchanged(
    int fd, const struct pin_origin *o, const char *path, struct err *e)
{
	struct pin_origin now;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(e, ERR_PIN, "pin-unreadable", "%s", path);
	note_origin(&st, &now);
	if (now.regular && now.size == o->size && now.ctime_ns == o->ctime_ns)
		return 0;
	return err_set(e, ERR_PIN, "pin-file-busy", "%s", path);
}

static int
read_file(const char *path, enum pin_source source, struct pin_origin *o,
    struct secret *pin, struct err *e)
{
	struct stat st;
	int result = -1;
	int fd = open(
	    path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 && errno == ELOOP)
		return err_set(
		    e, ERR_PIN, "pin-file-kind", "%s is a symbolic link", path);
	if (fd < 0)
		return err_errno(e, ERR_PIN,
		    errno == ENOENT ? "pin-file-missing" : "pin-unreadable",
		    "%s", path);
	if (fstat(fd, &st) != 0) {
		err_errno(e, ERR_PIN, "pin-unreadable", "%s", path);
		goto out;
	}
	if (check_file(&st, path, source, e) != 0)
		goto out;
	note_origin(&st, o);
	result = read_line(fd, pin, e);
	if (result != 0)
		err_push(e, "%s", path);
	else
		result = check_unchanged(fd, o, path, e);
out:
	close(fd);
	return result;
}

int
pin_read(enum pin_source source, const struct conf_key *key, int pin_fd,
    const struct pin_prompt *prompt, struct pin_origin *o, struct secret **out,
    struct err *e)
{
	char path[512];
	struct secret *pin = secret_new(PIN_ROOM);
	int result = -1;

	memset(o, 0, sizeof *o);
	o->source = source;
	if (pin == NULL)
		return err_nomem(e);
	switch (source) {
	case PIN_SOURCE_DESCRIPTOR:
		result = read_descriptor(pin_fd, o, pin, e);
		break;
	case PIN_SOURCE_FILE:
		result = read_file(key->pin_file, source, o, pin, e);
		break;
	case PIN_SOURCE_CREDENTIAL:
		if (!credential_path(key, path, sizeof path))
			err_set(e, ERR_PIN, "pin-file-missing", "%s.pin",
			    key->name);
		else
			result = read_file(path, source, o, pin, e);
		break;
	case PIN_SOURCE_TERMINAL:
		result = prompt_terminal(prompt, pin, e);
		break;
	case PIN_SOURCE_PINENTRY:
		result = prompt_pinentry(prompt, pin, e);
		break;
	case PIN_SOURCE_PAD: /* never comes here */
	case PIN_SOURCE_NONE:
		err_set(e, ERR_PIN, "pin-needed", "key \"%s\"", key->name);
		break;
	}
	if (result == 0)
		*out = pin;
	else
		secret_free(pin);
	return result;
}

/* Upper-cases in place; false for a byte that the rule does not know. */
static bool
upper_alnum(struct secret *pin)
{
	char *p = secret_room(pin);

	for (size_t i = 0; i < secret_len(pin); i++) {
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 'a' + 'A');
		if (!(p[i] >= 'A' && p[i] <= 'Z') &&
		    !(p[i] >= '0' && p[i] <= '9'))
			return false;
	}
	return true;
}

int
pin_check(const struct key_backend *b, struct secret *pin, struct err *e)
{
	size_t n = secret_len(pin);

	if (n < b->pin_min || n > b->pin_max || strlen(secret_text(pin)) != n ||
	    (b->pin_upper_alnum && !upper_alnum(pin)))
		return err_set(e, ERR_PIN, "pin-format", "%u to %u %s",
		    b->pin_min, b->pin_max,
		    b->pin_upper_alnum ? "of A-Z and 0-9" : "bytes");
	return 0;
}
