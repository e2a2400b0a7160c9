/* Talking to a keyholder: used by the batch and by commands. */
#ifndef SIGNER_KEY_KEYCLIENT_H
#define SIGNER_KEY_KEYCLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "signer/key/backend.h"

#include <stdint.h>
#include <sys/types.h>

#define KEY_JOB_ID_MAX 64

/* What a keyholder says of itself when a client connects, and on request. */
struct keyholder_status {
	char key[64];
	struct key_status card;
	struct buf certificate;        /* DER; empty while unknown */
	enum sign_algorithm algorithm; /* the certificate's; 0 = unknown */
	int64_t signatures_made;
	int64_t signatures_left; /* -1 = no limit */
	int64_t until_ms;        /* wall clock; 0 = no limit */
	bool audit_ok;           /* its audit file can be written */
};

void keyholder_status_free(struct keyholder_status *s);

/*
 * Connects to the listening keyholder of `key` (run_dir/<key>.sock) and
 * checks that the peer's uid is the key's owner.  Descriptor (blocking,
 * close-on-exec), or -1: errnum ENOENT/ECONNREFUSED when nobody listens
 * (class ERR_PIN, "no-keyholder"), ERR_CONFIG "keyholder-wrong-owner" or
 * "keyholder-refuses-user".  The keyholder greets with its status; one that
 * this user may not use hangs up instead (KEY_REPLY_EOF comes first).
 */
int keyclient_connect(
    const struct conf *c, const struct conf_key *key, struct err *e);

/* The process that serves a connection; 0 when that is not known. */
pid_t keyclient_peer(int fd);

/*
 * Forks and executes a private keyholder for `key` (it asks the PIN from a
 * PIN file, the descriptor pin_fd, or the terminal / pinentry).  Returns its
 * descriptor and *pid; -1 with ERR_PIN "pin-needed" when there is no way to
 * ask.  The keyholder's greeting comes through keyclient_receive.
 */
int keyclient_spawn(const struct conf *c, const struct conf_key *key,
    int pin_fd, pid_t *pid, struct err *e);

enum key_reply_type {
	KEY_REPLY_EOF,     /* the keyholder is gone */
	KEY_REPLY_STATUS,  /* greeting, or answer to keyclient_ask_status */
	KEY_REPLY_SIGNED,  /* job_id, signature */
	KEY_REPLY_REFUSED, /* job_id ("" = the key as a whole), error */
	KEY_REPLY_LOCKED   /* answer to keyclient_lock; it ends then */
};

struct key_reply {
	enum key_reply_type type;
	char job_id[KEY_JOB_ID_MAX];
	struct buf signature;
	struct keyholder_status status;
	struct err error;
};

/* Asks for one signature over canonical SignedInfo bytes.  At most two may
 * be outstanding: one signing, one waiting. */
int keyclient_sign(int fd, enum sign_algorithm a, struct slice signed_info,
    const char *job_id, struct err *e);
int keyclient_ask_status(int fd, struct err *e);
int keyclient_lock(int fd, struct err *e);

/* Receives one reply (frees what *r held).  0, or -1 for a peer that does
 * not speak the protocol. */
int keyclient_receive(int fd, struct key_reply *r, struct err *e);
void key_reply_free(struct key_reply *r);

/* In the executed process: `natsuin --keyholder …`.  Exit code. */
int keyholder_main(int argc, char **argv);

#endif
