/* Command APDUs: parsing, and the JPKI application's answers. */
#ifndef TESTS_VCARD_APDU_H
#define TESTS_VCARD_APDU_H

#include "base/buf.h"
#include "tests/vcard/card.h"
#include "tests/vcard/journal.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	INS_VERIFY = 0x20,
	INS_CHANGE_PIN = 0x24,
	INS_SIGN = 0x2A,
	INS_CHALLENGE = 0x84,
	INS_SELECT = 0xA4,
	INS_READ_BINARY = 0xB0,
	INS_GET_RESPONSE = 0xC0
};

struct apdu {
	uint8_t cla, ins, p1, p2;
	struct slice data;
	bool has_le;
	bool extended;
	uint32_t le; /* 1..65536; 0 when has_le is false */
};

/* Short and extended forms of ISO 7816-4 §5.1; 0, or -1 when malformed. */
int apdu_parse(struct slice raw, struct apdu *out);

/* The card's answer (data and status word) appended to out. */
void apdu_answer(struct card *c, const struct card_quirks *q, struct slice raw,
    struct counters *n, struct buf *out);

#endif
