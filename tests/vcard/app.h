/* The commands of the JPKI application, one function each. */
#ifndef TESTS_VCARD_APP_H
#define TESTS_VCARD_APP_H

#include "tests/vcard/apdu.h"

enum {
	SW_OK = 0x9000,
	SW_LENGTH = 0x6700,
	SW_FILE_KIND = 0x6981,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6984,
	SW_CONDITIONS = 0x6985,
	SW_NO_FILE = 0x6986,
	SW_DATA = 0x6A80,
	SW_NOT_FOUND = 0x6A82,
	SW_P1P2 = 0x6A86,
	SW_OFFSET = 0x6B00,
	SW_INS = 0x6D00,
	SW_CLA = 0x6E00,
	SW_ERROR = 0x6F00
};

/* One command being answered. */
struct call {
	struct card *c;
	const struct card_quirks *q;
	const struct apdu *a;
	struct counters *n;
	struct buf *data; /* of the answer, appended to */
};

/* Each returns the status word. */
uint32_t app_select(struct call *k);
uint32_t app_verify(struct call *k);
uint32_t app_change_pin(struct call *k);
uint32_t app_read_binary(struct call *k);
uint32_t app_sign(struct call *k);
uint32_t app_challenge(struct call *k);

#endif
