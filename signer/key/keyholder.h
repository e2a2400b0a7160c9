/* The keyholder process: one key, unlocked, serving its clients. */
#ifndef SIGNER_KEY_KEYHOLDER_H
#define SIGNER_KEY_KEYHOLDER_H

#include "base/err.h"
#include "signer/key/keyclient.h"
#include "signer/key/pin.h"
#include "signer/key/session.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a session ended; keyholder_serve's result. */
enum keyholder_end {
	KEYHOLDER_END_LOCKED,    /* a client asked */
	KEYHOLDER_END_TIME,      /* --until, --for */
	KEYHOLDER_END_COUNT,     /* --max-signatures */
	KEYHOLDER_END_SIGNAL,    /* SIGTERM, SIGINT */
	KEYHOLDER_END_NO_CLIENT, /* the private client hung up */
	KEYHOLDER_END_CARD,      /* the card is gone */
	KEYHOLDER_END_AUDIT      /* the audit file cannot be written */
};
const char *keyholder_end_name(enum keyholder_end end);

struct keyholder_limits {
	int64_t until_ms;       /* wall clock; 0 = none */
	int64_t max_signatures; /* 0 = none */
};

/*
 * A key being held: everything that lives as long as the process.  Made in
 * this order: keyholder_open, keyholder_unlock, then keyholder_serve.
 */
struct keyholder;

/*
 * Prepares the process (secure memory, no core, not dumpable, signals taken
 * through a descriptor, audit file locked) and finds the card or file.
 * `key` must outlive it.  NULL on error.
 */
struct keyholder *keyholder_open(
    const struct conf_key *key, const char *root, struct err *e);

/* The key, its card or file and the tries left, for people; returns out. */
char *keyholder_describe(const struct keyholder *k, char *out, size_t size);
/* The same of a status that another process told. */
char *key_status_describe(
    const char *key, const struct key_status *s, char *out, size_t size);

/* Asks the PIN from the source and tries it once; prompt.signal_fd is set
 * here.  0 / -1. */
int keyholder_unlock(
    struct keyholder *k, struct unlock_options *o, struct err *e);

/* Instead of unlocking and serving: a new PIN for a key of this user, as
 * session_change_pin says.  0 / -1. */
int keyholder_change_pin(
    struct keyholder *k, struct unlock_options *o, struct err *e);

/* A snapshot for people and clients; free with keyholder_status_free. */
int keyholder_status(
    struct keyholder *k, struct keyholder_status *out, struct err *e);

/* Serves one client on this connected socket, whose end ends the session. */
void keyholder_set_private(struct keyholder *k, int fd);

/*
 * Before the PIN is asked: who may connect (the key's owner, who must be this
 * user, and those in used-by) and where the socket will be.  0; -1 with
 * ERR_CONFIG "run-dir-unusable", "user-unknown".
 */
int keyholder_prepare(struct keyholder *k, const char *run_dir, struct err *e);
/* Listens on run_dir/<key>.sock: group natsuin and mode 0660 where that group
 * can be given; else 0600, or 0666 when others may use the key (the kernel's
 * word on who they are decides in any case).  0 / -1. */
int keyholder_listen(struct keyholder *k, struct err *e);

/* Leaves the terminal and the login session; from now on the log goes to
 * `<key>.log` beside the audit file.  0 / -1. */
int keyholder_detach(struct keyholder *k, struct err *e);

void keyholder_set_limits(struct keyholder *k, struct keyholder_limits limits);

/* Until the session ends; *e tells more for CARD and AUDIT. */
enum keyholder_end keyholder_serve(struct keyholder *k, struct err *e);

/* Wipes, unpowers, removes the socket, closes the audit file. */
void keyholder_close(struct keyholder *k);

#endif
