/* The model of one JPKI card: its files, keys, PINs and session state. */
#ifndef TESTS_VCARD_CARD_H
#define TESTS_VCARD_CARD_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

/* Identifiers of elementary files in the JPKI application. */
enum {
	EF_SIGN_CERT = 0x0001,
	EF_SIGN_CA = 0x0002,
	EF_TOKEN_INFO = 0x0006,
	EF_PRESENT = 0x0008,
	EF_AUTH_CERT = 0x000A,
	EF_AUTH_CA = 0x000B,
	EF_AUTH_KEY = 0x0017,
	EF_AUTH_PIN = 0x0018,
	EF_SIGN_KEY = 0x001A,
	EF_SIGN_PIN = 0x001B
};

enum card_ap { AP_NONE, AP_JPKI, AP_ISD };
enum ef_kind { KIND_NONE, KIND_DATA, KIND_KEY, KIND_PIN };

#define CARD_PIN_MAX 16
#define CARD_DATA_FILES 6

struct card_pin {
	uint16_t fid;
	char value[CARD_PIN_MAX + 1];
	int tries;
	int max;
	bool verified; /* lost with power or with the application */
};

struct card_data {
	uint16_t fid;
	const char *name; /* file in the card directory */
	struct buf bytes;
};

/* What real cards do differently from each other; 0 = the usual way. */
struct card_quirks {
	uint32_t latency_ms;          /* of one signature */
	uint32_t blocked_sw;          /* VERIFY of a blocked PIN: 6984 */
	uint32_t blocked_query_sw;    /* its tries query: 63C0 */
	uint32_t verified_query_9000; /* query of a verified PIN: 63Cx */
	uint32_t no_limit;            /* tries query answers 6300 */
	uint32_t first_6f00;          /* first command after power on */
	uint32_t strict_le;           /* READ BINARY: 6Cxx, not short */
	uint32_t chain_61;            /* data only by GET RESPONSE */
	uint32_t filler;              /* FF bytes after each data file */
	uint32_t reset_keeps_pin;     /* a warm reset clears nothing */
};

struct card {
	int dirfd;
	enum card_ap ap;
	uint16_t ef; /* current file, 0 = none */
	bool fresh;  /* no command yet since power on */
	struct card_pin pins[2];
	struct card_data data[CARD_DATA_FILES];
	EVP_PKEY *sign_key;
	EVP_PKEY *auth_key;
	struct buf atr;
	struct buf rest; /* waits for GET RESPONSE */
};

/* Reads a card directory made by mkcard.sh; NULL on error. */
struct card *card_load(const char *dir, struct err *e);
/* NULL is accepted. */
void card_free(struct card *c);

/* Power gone: every PIN status, the application and the file are lost. */
void card_power_off(struct card *c);
/* Selects an application; another than the current clears PIN states. */
void card_enter(struct card *c, enum card_ap ap);

enum ef_kind card_ef_kind(uint16_t fid);
/* NULL when there is no such file. */
struct card_data *card_data(struct card *c, uint16_t fid);
struct card_pin *card_pin(struct card *c, uint16_t fid);
/* The PIN that guards a key file. */
struct card_pin *card_key_pin(struct card *c, uint16_t fid);
EVP_PKEY *card_key(struct card *c, uint16_t fid);

/* Writes PIN values and tries back to the card directory; 0 / -1. */
int card_save_pins(struct card *c, struct err *e);

/* PKCS#1 v1.5 type-1 padding and the private operation over 1..245 bytes;
 * appends the modulus-sized result.  0 / -1. */
int card_rsa(EVP_PKEY *key, struct slice input, struct buf *out);

#endif
