/* What a process of the key gives up once it no longer needs it. */
#ifndef SIGNER_KEY_CONFINE_H
#define SIGNER_KEY_CONFINE_H

#include "base/err.h"

/*
 * The keyholder, once it serves: no new program, no other process's memory,
 * no network sockets, no mounts, modules or name spaces.  What PC/SC needs
 * (a local socket) stays.  0; -1 when the kernel has no seccomp: the caller
 * may go on, the rest of its protection does not depend on it.
 */
int confine_keyholder(struct err *e);

/* The audit writer: read, write, fsync, answer, end; nothing else. */
int confine_writer(struct err *e);

#endif
