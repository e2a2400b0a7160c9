/* The wire to the virtual reader (vpcd): a TCP client, framed messages. */
#ifndef TESTS_VCARD_LINK_H
#define TESTS_VCARD_LINK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct link {
	uint16_t port;
	int fd;           /* -1 = the card is not in the reader */
	bool wanted;      /* inserted: connect and stay connected */
	int64_t retry_ns; /* not before this time */
	struct buf in;
};

/* Connects when wanted, not connected and due.  True when newly connected. */
bool link_connect(struct link *l, int64_t now_ns);
void link_drop(struct link *l);

/* Takes bytes from the wire; false when the reader has hung up. */
bool link_fill(struct link *l);
/* The next whole message into out (cleared first); false when none. */
bool link_next(struct link *l, struct buf *out);
/* Sends one message; false when the reader is gone. */
bool link_send(struct link *l, struct slice message);

#endif
