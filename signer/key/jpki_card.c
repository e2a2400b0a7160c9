/*
 * One function per card command; every status word becomes an error code
 * here and nowhere else.  A PIN is sent by exactly one transmission of
 * jpki_verify or jpki_change: the repetitions that ISO 7816 knows (61xx,
 * 6Cxx) apply only to commands that ask for data, which those two do not.
 */
#include "signer/key/jpki_card.h"

#include <openssl/evp.h>
#include <string.h>

#define SW_OK 0x9000
#define SW_FIRST_COMMAND 0x6F00
#define PARTS_MAX 64
#define DER_MAX 8192

static const uint8_t select_jpki[] = {0x00, 0xA4, 0x04, 0x0C, 10, 0xD3, 0x92,
    0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
/* The issuer security domain (GlobalPlatform), which every card has. */
static const uint8_t select_other[] = {
    0x00, 0xA4, 0x04, 0x0C, 7, 0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00};
/* DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2 note 1). */
static const uint8_t sha256_prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
    0x20};

static const struct {
	unsigned mask;
	unsigned sw;
	enum err_class class;
	const char *code;
} meanings[] = {
    {0xFFFF, 0x6982, ERR_CARD, "card-pin-status-lost"},
    {0xFFFF, 0x6983, ERR_PIN, "pin-blocked"},
    {0xFFFF, 0x6984, ERR_PIN, "pin-blocked"},
    {0xFFFF, 0x6986, ERR_CARD, "card-state-lost"},
    {0xFFFF, 0x6A82, ERR_CARD, "card-file-missing"},
    {0xFF00, 0x6700, ERR_CARD, "card-refused"},
    {0xFF00, 0x6800, ERR_CARD, "card-refused"},
    {0xFF00, 0x6900, ERR_CARD, "card-refused"},
    {0xFF00, 0x6A00, ERR_CARD, "card-refused"},
    {0xFF00, 0x6B00, ERR_CARD, "card-refused"},
    {0xFF00, 0x6D00, ERR_CARD, "card-foreign"},
    {0xFF00, 0x6E00, ERR_CARD, "card-foreign"},
};

static int
sw_error(struct err *e, unsigned sw, const char *what)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
		if ((sw & meanings[i].mask) == meanings[i].sw)
			return err_lib(e, meanings[i].class, meanings[i].code,
			    sw, "%s: %04X", what, sw);
	}
	return err_lib(e, ERR_CARD, "card-error", sw, "%s: %04X", what, sw);
}

/* One transmission; the status word is taken off the data. */
static int
transmit_once(struct pcsc *p, struct slice command, struct buf *data,
    unsigned *sw, struct err *e)
{
	if (pcsc_transmit(p, command, data, e) != 0)
		return -1;
	data->len -= 2;
	*sw = (unsigned)data->p[data->len] << 8 | data->p[data->len + 1];
	return 0;
}

static bool
asks_for_data(struct slice command)
{
	return command.len == 5 ||
	       (command.len > 5 && command.len == (size_t)command.p[4] + 6);
}

/* 6Cxx: the same command with the length that the card named. */
static int
with_right_length(struct pcsc *p, struct slice command, struct buf *data,
    unsigned *sw, struct err *e)
{
	uint8_t again[5 + 255 + 1];
	size_t n = command.len;

	if (n > sizeof again)
		return 0;
	memcpy(again, command.p, n);
	again[n - 1] = (uint8_t)*sw;
	return transmit_once(p, slice_of(again, n), data, sw, e);
}

/* A short command with all of its answer's data. */
static int
transmit(struct pcsc *p, struct slice command, struct buf *data, unsigned *sw,
    struct err *e)
{
	if (transmit_once(p, command, data, sw, e) != 0)
		return -1;
	if (!asks_for_data(command))
		return 0;
	if ((*sw & 0xFF00) == 0x6C00 &&
	    with_right_length(p, command, data, sw, e) != 0)
		return -1;
	for (int i = 0; (*sw & 0xFF00) == 0x6100; i++) {
		uint8_t next[] = {0x00, 0xC0, 0x00, 0x00, (uint8_t)*sw};

		if (i == PARTS_MAX)
			return sw_error(e, *sw, "GET RESPONSE without end");
		if (transmit_once(
			p, slice_of(next, sizeof next), data, sw, e) != 0)
			return -1;
	}
	return 0;
}

/* A command whose only good answer is 9000 and whose data is not wanted. */
static int
command(struct pcsc *p, const uint8_t *bytes, size_t n, const char *what,
    struct err *e)
{
	struct buf data = {0};
	unsigned sw = 0;
	int result = transmit(p, slice_of(bytes, n), &data, &sw, e);

	buf_free(&data);
	if (result == 0 && sw != SW_OK)
		result = sw_error(e, sw, what);
	return result;
}

int
jpki_select(struct pcsc *p, struct err *e)
{
	struct slice select = slice_of(select_jpki, sizeof select_jpki);
	struct buf data = {0};
	unsigned sw = 0;
	int result = transmit(p, select, &data, &sw, e);

	if (result == 0 && sw == SW_FIRST_COMMAND)
		result = transmit(p, select, &data, &sw, e);
	buf_free(&data);
	if (result != 0)
		return -1;
	if (sw == SW_OK)
		return 0;
	if ((sw & 0xFF00) == 0x6A00)
		return err_lib(e, ERR_CARD, "card-foreign", sw, "%s: %04X",
		    pcsc_reader_name(p), sw);
	return sw_error(e, sw, "SELECT application");
}

void
jpki_leave(struct pcsc *p)
{
	command(p, select_other, sizeof select_other, "SELECT", NULL);
}

int
jpki_select_ef(struct pcsc *p, enum jpki_ef ef, struct err *e)
{
	uint8_t select[] = {
	    0x00, 0xA4, 0x02, 0x0C, 2, (uint8_t)(ef >> 8), (uint8_t)ef};

	if (command(p, select, sizeof select, "SELECT file", e) == 0)
		return 0;
	return err_push(e, "file %04X", ef);
}

/* READ BINARY of n bytes (1..256) at an offset, fewer at the file's end. */
static int
read_part(struct pcsc *p, size_t at, size_t n, struct buf *out, struct err *e)
{
	uint8_t read[] = {
	    0x00, 0xB0, (uint8_t)(at >> 8), (uint8_t)at, (uint8_t)n};
	size_t before = out->len;
	unsigned sw = 0;

	if (transmit(p, slice_of(read, sizeof read), out, &sw, e) != 0)
		return -1;
	if (sw != SW_OK)
		return sw_error(e, sw, "READ BINARY");
	if (out->len == before || out->len - before > n)
		return err_lib(e, ERR_CARD, "card-answer", sw,
		    "READ BINARY gave %zu of %zu bytes", out->len - before, n);
	return 0;
}

/* Bytes [have, total) of the selected file, in commands of up to 256. */
static int
read_rest(
    struct pcsc *p, size_t have, size_t total, struct buf *out, struct err *e)
{
	while (have < total) {
		size_t before = out->len;
		size_t n = total - have < 256 ? total - have : 256;

		if (read_part(p, have, n, out, e) != 0)
			return -1;
		have += out->len - before;
	}
	return 0;
}

int
jpki_read(
    struct pcsc *p, enum jpki_ef ef, size_t n, struct buf *out, struct err *e)
{
	if (jpki_select_ef(p, ef, e) != 0)
		return -1;
	return read_part(p, 0, n, out, e);
}

/* The whole length of the DER SEQUENCE that begins with head; 0 if none. */
static size_t
der_length(const uint8_t head[4])
{
	if (head[0] != 0x30)
		return 0;
	if (head[1] < 0x80)
		return 2 + (size_t)head[1];
	if (head[1] == 0x81)
		return 3 + (size_t)head[2];
	if (head[1] == 0x82)
		return 4 + ((size_t)head[2] << 8 | head[3]);
	return 0;
}

int
jpki_read_der(struct pcsc *p, enum jpki_ef ef, struct buf *out, struct err *e)
{
	size_t start = out->len, total = 0;

	if (jpki_select_ef(p, ef, e) != 0)
		return -1;
	if (read_part(p, 0, 4, out, e) == 0) {
		if (out->len - start == 4)
			total = der_length(out->p + start);
		if (total < 4 || total > DER_MAX)
			err_set(e, ERR_CARD, "card-answer",
			    "file %04X is not a DER object", ef);
		else if (read_rest(p, 4, total, out, e) == 0)
			return 0;
	}
	out->len = start;
	return err_push(e, "file %04X", ef);
}

int
jpki_label(struct pcsc *p, char out[JPKI_LABEL_SIZE], struct err *e)
{
	struct buf b = {0};
	size_t n = 0;

	/* A CK_TOKEN_INFO of PKCS#11, whose first member is the label. */
	if (jpki_read(p, JPKI_TOKEN_INFO, JPKI_LABEL_SIZE - 1, &b, e) != 0) {
		buf_free(&b);
		return -1;
	}
	for (size_t i = 0; i < b.len && b.p[i] >= ' ' && b.p[i] < 0x7F; i++) {
		out[i] = (char)b.p[i];
		if (b.p[i] != ' ')
			n = i + 1;
	}
	out[n] = '\0';
	buf_free(&b);
	return 0;
}

int
jpki_has_sign_cert(struct pcsc *p)
{
	struct buf b = {0};
	int answer = -1;

	if (jpki_read(p, JPKI_PRESENT, 3, &b, NULL) == 0)
		answer = b.p[0] == 0x8F;
	buf_free(&b);
	return answer;
}

int
jpki_identity(struct pcsc *p, uint8_t out[JPKI_IDENTITY_SIZE], struct err *e)
{
	struct buf b = {0};
	int result = jpki_read_der(p, JPKI_AUTH_CERT, &b, e);

	if (result == 0 &&
	    EVP_Digest(b.p, b.len, out, NULL, EVP_sha256(), NULL) != 1)
		result = err_nomem(e);
	buf_free(&b);
	return result;
}

int
jpki_tries(struct pcsc *p, enum jpki_ef pin, struct err *e)
{
	static const uint8_t query[] = {0x00, 0x20, 0x00, 0x80};
	struct buf data = {0};
	unsigned sw = 0;
	int result;

	if (jpki_select_ef(p, pin, e) != 0)
		return -1;
	result = transmit(p, slice_of(query, sizeof query), &data, &sw, e);
	buf_free(&data);
	if (result != 0)
		return -1;
	if ((sw & 0xFFF0) == 0x63C0)
		return (int)(sw & 0xF);
	if (sw == 0x6983 || sw == 0x6984)
		return 0;
	if (sw == SW_OK)
		return JPKI_TRIES_VERIFIED;
	if (sw == 0x6300)
		return JPKI_TRIES_NO_LIMIT;
	return sw_error(e, sw, "tries left");
}

/* What the card said to a PIN. */
static int
verify_result(unsigned sw, int *tries, struct err *e)
{
	if (sw == SW_OK)
		return 0;
	if ((sw & 0xFFF0) == 0x63C0) {
		*tries = (int)(sw & 0xF);
		if (*tries > 0)
			return err_lib(e, ERR_PIN, "pin-wrong", sw,
			    "%d tries left", *tries);
		return err_lib(
		    e, ERR_PIN, "pin-blocked", sw, "this attempt was the last");
	}
	if (sw == 0x6300)
		return err_lib(e, ERR_PIN, "pin-wrong", sw, "VERIFY");
	if (sw == 0x6983 || sw == 0x6984)
		*tries = 0;
	if (sw == 0x6700 || sw == 0x6A80)
		return err_lib(e, ERR_PIN, "pin-format", sw,
		    "refused by the card: %04X", sw);
	return sw_error(e, sw, "VERIFY");
}

/* The only place that sends a PIN: one command, one transmission. */
static int
send_pin(struct pcsc *p, const char header[4], const struct secret *value,
    unsigned *sw, struct err *e)
{
	size_t n = secret_len(value);
	struct secret *command = secret_new(5 + n);
	struct buf data = {0};
	char *bytes;
	int result;

	if (command == NULL)
		return err_nomem(e);
	bytes = secret_room(command);
	memcpy(bytes, header, 4);
	bytes[4] = (char)n;
	memcpy(bytes + 5, secret_text(value), n);
	secret_set_len(command, 5 + n);
	result = transmit_once(p,
	    slice_of(secret_text(command), secret_len(command)), &data, sw, e);
	secret_free(command);
	buf_free(&data);
	return result;
}

static int
check_length(const struct secret *value, struct err *e)
{
	size_t n = secret_len(value);

	if (n > 0 && n <= JPKI_SIGN_PIN_MAX)
		return 0;
	return err_set(e, ERR_PIN, "pin-format", "length");
}

int
jpki_verify(struct pcsc *p, enum jpki_ef pin, const struct secret *value,
    int *tries, struct err *e)
{
	unsigned sw = 0;

	if (check_length(value, e) != 0 || jpki_select_ef(p, pin, e) != 0)
		return -1;
	if (send_pin(p, "\x00\x20\x00\x80", value, &sw, e) != 0)
		return -1;
	return verify_result(sw, tries, e);
}

/* What the card said to a new PIN.  Words that tell nothing of what the
 * card did (memory failures, internal errors) leave it open. */
static int
change_result(unsigned sw, struct err *e)
{
	unsigned kind = sw & 0xFF00;

	if (sw == SW_OK)
		return 0;
	if (sw == 0x6700 || sw == 0x6A80)
		return err_lib(e, ERR_PIN, "pin-new-refused", sw, "%04X", sw);
	if (kind == 0x6700 || (kind >= 0x6800 && kind <= 0x6B00) ||
	    kind == 0x6D00 || kind == 0x6E00)
		return sw_error(e, sw, "CHANGE REFERENCE DATA");
	return err_lib(e, ERR_PIN, "pin-change-unsure", sw,
	    "CHANGE REFERENCE DATA: %04X", sw);
}

/* The reader's own words (PC/SC part 10): the card got nothing. */
static int
pad_result(unsigned sw, int *tries, struct err *e)
{
	switch (sw) {
	case 0x6400:
		return err_lib(e, ERR_PIN, "pin-pad-timeout", sw, "%s", "");
	case 0x6401:
		return err_lib(e, ERR_PIN, "pin-cancelled", sw, "%s", "");
	case 0x6402:
	case 0x6403:
		return err_lib(e, ERR_PIN, "pin-pad-length", sw, "%04X", sw);
	default:
		return verify_result(sw, tries, e);
	}
}

int
jpki_verify_pad(struct pcsc *p, enum jpki_ef pin, int *tries, struct err *e)
{
	const struct pcsc_entry entry = {.command = {0x00, 0x20, 0x00, 0x80},
	    .min = JPKI_SIGN_PIN_MIN,
	    .max = JPKI_SIGN_PIN_MAX,
	    .seconds = JPKI_PAD_SECONDS};
	struct buf data = {0};
	unsigned sw = 0;
	int result;

	if (jpki_select_ef(p, pin, e) != 0)
		return -1;
	result = pcsc_pad_verify(p, &entry, &data, e);
	if (result == 0)
		sw = (unsigned)data.p[data.len - 2] << 8 | data.p[data.len - 1];
	buf_free(&data);
	return result == 0 ? pad_result(sw, tries, e) : -1;
}

int
jpki_change(
    struct pcsc *p, enum jpki_ef pin, const struct secret *value, struct err *e)
{
	struct err why = {0};
	unsigned sw = 0;

	if (check_length(value, e) != 0 || jpki_select_ef(p, pin, e) != 0)
		return -1;
	if (send_pin(p, "\x00\x24\x01\x80", value, &sw, &why) != 0)
		return err_lib(
		    e, ERR_PIN, "pin-change-unsure", why.lib, "%s", why.code);
	return change_result(sw, e);
}

int
jpki_sign(struct pcsc *p, struct slice sha256, struct buf *out, struct err *e)
{
	uint8_t sign[5 + sizeof sha256_prefix + 32 + 1] = {
	    0x80, 0x2A, 0x00, 0x80, sizeof sha256_prefix + 32};
	size_t before = out->len, n;
	unsigned sw = 0;
	int result;

	if (sha256.len != 32)
		return err_set(e, ERR_BUG, "card-digest-length",
		    "a digest of %zu bytes", sha256.len);
	memcpy(sign + 5, sha256_prefix, sizeof sha256_prefix);
	memcpy(sign + 5 + sizeof sha256_prefix, sha256.p, 32);
	result = transmit(p, slice_of(sign, sizeof sign), out, &sw, e);
	n = out->len - before;
	if (result == 0 && sw != SW_OK)
		result = sw_error(e, sw, "signature");
	else if (result == 0 && n != JPKI_SIGNATURE_SIZE)
		result = err_lib(e, ERR_CARD, "card-answer", sw,
		    "a signature of %zu bytes", n);
	if (result != 0)
		out->len = before;
	return result;
}
