/*
 * A reader without pcscd, for what no virtual reader can show: its own keys,
 * and answers that no card gives.  The program is linked with --wrap for
 * every SCard function, so pcsc.c calls these.
 */
#ifndef TESTS_LIB_FAKEREADER_H
#define TESTS_LIB_FAKEREADER_H

#include "base/buf.h"

#include <stdbool.h>
#include <winscard.h>

#define FAKEREADER_NAME "Fake Reader 00 00"
#define FAKEREADER_PAD_CODE 0x42330006u

struct fakereader {
	/* One command's answer, appended; SCARD_S_SUCCESS or an error. */
	LONG (*transmit)(struct slice command, struct buf *answer);
	/* The reader's keys (the feature is listed when this is set): gets
	 * the PIN_VERIFY_STRUCTURE as it came. */
	LONG (*pad)(struct slice structure, struct buf *answer);
	/* What SCardStatus says until the card is connected anew. */
	LONG status;
	unsigned connects, reconnects, unpowered, transmits, pads;
};

extern struct fakereader fakereader;

#endif
