/* Messages between natsuin's own processes, over SOCK_SEQPACKET. */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define IPC_MAX_BYTES 65536
#define IPC_MAX_FDS 200
#define IPC_VERSION 1

/*
 * One message: a type, fields in a fixed order per type, and descriptors.
 * Writing appends fields; reading takes them back in the same order.  A
 * field carries its kind, so a peer of another shape is noticed, not
 * misread.  `failed` sticks: check once, at the end (ipc_send, ipc_end).
 * About 250 bytes of header plus what is appended; start as {0}.
 */
struct ipc_msg {
	uint16_t type;
	bool failed;
	unsigned fd_count;
	unsigned fd_next;
	size_t at; /* read position in body */
	struct buf body;
	int fds[IPC_MAX_FDS];
};

/* Starts a message to be written.  Frees what the struct held before. */
void ipc_begin(struct ipc_msg *m, uint16_t type);
void ipc_put_u64(struct ipc_msg *m, uint64_t v);
void ipc_put_i64(struct ipc_msg *m, int64_t v);
void ipc_put_bytes(struct ipc_msg *m, struct slice s);
void ipc_put_str(struct ipc_msg *m, const char *s);
void ipc_put_err(struct ipc_msg *m, const struct err *e);
/* Appends what was written to `from` to `to`, or, when both do not fit into
 * one message, nothing and gives false. */
bool ipc_join(struct ipc_msg *to, const struct ipc_msg *from);
/* The descriptor stays the caller's; it is sent with the message. */
void ipc_put_fd(struct ipc_msg *m, int fd);

/* Sends the whole message: 0; or -1: errnum EAGAIN when the socket is full
 * (a non-blocking one), EPIPE/ECONNRESET when the peer is gone, code
 * "ipc-too-large" when it exceeds the bounds. */
int ipc_send(int fd, const struct ipc_msg *m, struct err *e);

/* Receives one message: 1; 0 at end of file; -1 on error (EAGAIN as above;
 * "ipc-malformed", "ipc-version" for a peer that must be dropped).
 * Descriptors received are closed by ipc_free unless taken. */
int ipc_recv(int fd, struct ipc_msg *m, struct err *e);

uint64_t ipc_get_u64(struct ipc_msg *m);
int64_t ipc_get_i64(struct ipc_msg *m);
/* Borrowed from the message. */
struct slice ipc_get_bytes(struct ipc_msg *m);
/* Copies bytes of exactly this size; others fail. */
void ipc_get_exact(struct ipc_msg *m, void *out, size_t size);
/* Copies a text of at most size-1 bytes without NUL inside; longer fails. */
void ipc_get_str(struct ipc_msg *m, char *out, size_t size);
void ipc_get_err(struct ipc_msg *m, struct err *e);
/* The next descriptor, now the caller's; -1 (and failed) if there is none. */
int ipc_get_fd(struct ipc_msg *m);
/* True while nothing has failed and fields are left to be read. */
bool ipc_more(const struct ipc_msg *m);
/* True when every field was read, all of the right kind, none left over. */
bool ipc_end(const struct ipc_msg *m);

/* Frees the body and closes descriptors that were received and not taken. */
void ipc_free(struct ipc_msg *m);

/* A connected pair, both close-on-exec; 0 / -1. */
int ipc_pair(int fds[2], struct err *e);

/* The peer's uid (SO_PEERCRED); 0 / -1. */
int ipc_peer_uid(int fd, uid_t *uid, struct err *e);

/*
 * The same field encoding for things kept on disk (no descriptors): gives
 * the body of a written message, and starts reading from stored bytes
 * (copied).  0 / -1.
 */
struct slice ipc_body(const struct ipc_msg *m);
int ipc_load(struct ipc_msg *m, uint16_t type, struct slice body);

#endif
