/* The messages between a keyholder and its clients. */
#ifndef SIGNER_KEY_KEYPROTO_H
#define SIGNER_KEY_KEYPROTO_H

#include "base/ipc.h"
#include "signer/key/keyclient.h"

/*
 * Requests carry the fields that follow their name, in this order.  Every
 * connection begins with a KEYMSG_STATUS_IS from the keyholder (or a
 * KEYMSG_REFUSED with job "" when the key could not be unlocked).
 */
enum keymsg {
	/* Parent to private child, first of all: struct keyholder_setup. */
	KEYMSG_SETUP = 0x4b00,
	/* u64 algorithm, bytes SignedInfo, str job */
	KEYMSG_SIGN,
	KEYMSG_STATUS, /* no fields */
	KEYMSG_LOCK,   /* no fields */

	KEYMSG_STATUS_IS = 0x4b80, /* struct keyholder_status */
	KEYMSG_SIGNED,             /* str job, bytes signature */
	KEYMSG_REFUSED,            /* str job, err */
	KEYMSG_LOCKED              /* no fields; the keyholder ends */
};

/* What a private keyholder is told by the process that forked it. */
struct keyholder_setup {
	struct conf_key key; /* owned strings */
	char *root;          /* spool root */
	char *language;      /* for prompts */
	int pin_fd;          /* or -1 */
};

void keyproto_put_setup(struct ipc_msg *m, const struct conf_key *key,
    const char *root, const char *language, int pin_fd);
/* 0; -1 when malformed or memory is out (nothing is kept then). */
int keyproto_get_setup(struct ipc_msg *m, struct keyholder_setup *s);
void keyproto_free_setup(struct keyholder_setup *s);

void keyproto_put_status(struct ipc_msg *m, const struct keyholder_status *s);
/* Reads into an empty status; ipc_end is the caller's. */
void keyproto_get_status(struct ipc_msg *m, struct keyholder_status *s);

#endif
