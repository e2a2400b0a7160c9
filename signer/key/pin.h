/* Where a PIN comes from, and what is asked of it before it is tried. */
#ifndef SIGNER_KEY_PIN_H
#define SIGNER_KEY_PIN_H

#include "base/err.h"
#include "base/secret.h"
#include "signer/key/backend.h"

#include <stdbool.h>
#include <stdint.h>

#define PIN_ROOM 256

enum pin_source {
	PIN_SOURCE_NONE, /* there is no way to ask */
	PIN_SOURCE_DESCRIPTOR,
	PIN_SOURCE_FILE,
	PIN_SOURCE_CREDENTIAL,
	PIN_SOURCE_TERMINAL,
	PIN_SOURCE_PINENTRY,
	PIN_SOURCE_PAD /* typed on the reader; never chosen by pin_choose */
};

/*
 * Where a PIN was read, so that a stored one that was refused can be known
 * again.  Nothing here depends on the PIN itself.
 */
struct pin_origin {
	enum pin_source source;
	bool regular; /* a file: the two numbers below tell it */
	uint64_t size;
	int64_t ctime_ns;
};

/* Words for a person who is asked. */
struct pin_prompt {
	const char *key;         /* its name */
	const char *description; /* card, reader, tries left */
	int signal_fd;           /* readable = stop asking; or -1 */
	const char *label;       /* what is asked; NULL = the PIN */
};

/* "descriptor", "file", … */
const char *pin_source_name(enum pin_source s);
/* A person types it at that moment (terminal, pinentry). */
bool pin_source_typed(enum pin_source s);

/* The source for a key: pin_fd when >= 0, the key's PIN file, a systemd
 * credential `<key>.pin`, pinentry when $NATSUIN_PINENTRY names one, the
 * terminal, pinentry on a display; or PIN_SOURCE_NONE. */
enum pin_source pin_choose(const struct conf_key *key, int pin_fd);

/*
 * Reads the PIN into *out (secure heap; the caller's).  0; -1 with ERR_PIN:
 * "pin-needed" (no source), "pin-empty", "pin-too-long", "pin-cancelled",
 * "pin-file-missing", "pin-file-kind", "pin-file-owner", "pin-file-mode",
 * "pin-file-busy" (written while it was read), "pinentry-failed".
 */
int pin_read(enum pin_source source, const struct conf_key *key, int pin_fd,
    const struct pin_prompt *prompt, struct pin_origin *o, struct secret **out,
    struct err *e);

/* Compares with the backend's rules and upper-cases where they say so.
 * 0; -1 with ERR_PIN "pin-format", no try spent. */
int pin_check(const struct key_backend *b, struct secret *pin, struct err *e);

#endif
