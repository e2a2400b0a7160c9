/*
 * PC/SC and nothing else: contexts, readers, connections, bytes.  Knows no
 * card command.  A call that "succeeds" without an answer (a card pulled in
 * the middle of a command) is an error here, so that no caller can read a
 * status word that never came.
 */
#include "signer/key/pcsc.h"

#include "base/clock.h"
#include "base/text.h"
#include "signer/key/pcsc_lock.h"
#include "signer/key/watchdog.h"

#include <reader.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#define ANSWER_MAX 1024
#define LOCK_WAIT_MS 5000 /* others power a card, or hang over it */
#define PNP_READER "\\\\?PnP?\\Notification"

struct pcsc {
	SCARDCONTEXT context;
	SCARDHANDLE card;
	bool connected;
	DWORD protocol;
	char reader[PCSC_NAME_MAX];
	/* The readers last listed, and one entry for new readers. */
	SCARD_READERSTATE state[PCSC_READERS_MAX + 1];
	char name[PCSC_READERS_MAX][PCSC_NAME_MAX];
	size_t count;
};

static const struct {
	LONG result;
	const char *code;
} codes[] = {
    {SCARD_E_NO_SERVICE, "pcsc-unavailable"},
    {SCARD_E_SERVICE_STOPPED, "pcsc-unavailable"},
    {SCARD_E_INVALID_HANDLE, "pcsc-unavailable"},
    {SCARD_F_COMM_ERROR, "pcsc-unavailable"},
    {SCARD_W_SECURITY_VIOLATION, "pcsc-denied"},
    {SCARD_E_NO_READERS_AVAILABLE, "reader-missing"},
    {SCARD_E_UNKNOWN_READER, "reader-missing"},
    {SCARD_E_READER_UNAVAILABLE, "reader-missing"},
    {SCARD_E_NO_SMARTCARD, "card-missing"},
    {SCARD_W_REMOVED_CARD, "card-removed"},
    {SCARD_W_RESET_CARD, "card-reset"},
    {SCARD_E_SHARING_VIOLATION, "card-in-use"},
    {SCARD_W_UNRESPONSIVE_CARD, "card-mute"},
    {SCARD_W_UNPOWERED_CARD, "card-mute"},
    {SCARD_W_UNSUPPORTED_CARD, "card-mute"},
    {SCARD_E_PROTO_MISMATCH, "card-mute"},
    {SCARD_E_NOT_TRANSACTED, "card-communication"},
    {SCARD_E_COMM_DATA_LOST, "card-communication"},
    {SCARD_E_TIMEOUT, "card-communication"},
};

/* Something came back from the daemon: the time for the next call begins. */
static LONG
back(LONG result)
{
	watchdog_alive();
	return result;
}

static int
failed(struct err *e, LONG result, const char *call, const char *reader)
{
	const char *code = "pcsc-error";

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (codes[i].result == result)
			code = codes[i].code;
	}
	return err_lib(e, ERR_CARD, code, (unsigned long)result & 0xFFFFFFFF,
	    "%s%s%s: %s", reader, *reader == '\0' ? "" : ": ", call,
	    pcsc_stringify_error(result));
}

struct pcsc *
pcsc_new(struct err *e)
{
	struct pcsc *p = calloc(1, sizeof *p);
	LONG r;

	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	r = back(
	    SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context));
	if (r != SCARD_S_SUCCESS) {
		failed(e, r, "SCardEstablishContext", "");
		free(p);
		return NULL;
	}
	return p;
}

void
pcsc_free(struct pcsc *p)
{
	if (p == NULL)
		return;
	pcsc_disconnect(p, PCSC_LEAVE_CARD);
	SCardReleaseContext(p->context);
	free(p);
}

/* Keeps the names of a multi-string. */
static void
keep_names(struct pcsc *p, const char *names)
{
	p->count = 0;
	while (*names != '\0') {
		size_t n = strlen(names);

		if (p->count < PCSC_READERS_MAX && n < PCSC_NAME_MAX)
			memcpy(p->name[p->count++], names, n + 1);
		names += n + 1;
	}
}

static int
list_names(struct pcsc *p, struct err *e)
{
	char names[PCSC_READERS_MAX * PCSC_NAME_MAX + 1] = "";
	DWORD size = sizeof names;
	LONG r = back(SCardListReaders(p->context, NULL, names, &size));

	if (r == SCARD_E_NO_READERS_AVAILABLE)
		names[0] = names[1] = '\0';
	else if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardListReaders", "");
	keep_names(p, names);
	return 0;
}

static LONG
status_change(struct pcsc *p, size_t count, DWORD timeout_ms)
{
	LONG r = back(SCardGetStatusChange(
	    p->context, timeout_ms, p->state, (DWORD)count));

	for (size_t i = 0; r == SCARD_S_SUCCESS && i < count; i++)
		p->state[i].dwCurrentState =
		    p->state[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
	return r;
}

static void
keep_atr(char out[PCSC_ATR_TEXT], const SCARD_READERSTATE *state)
{
	size_t n = state->cbAtr;

	if ((state->dwEventState & SCARD_STATE_PRESENT) == 0 ||
	    n > sizeof state->rgbAtr || n > PCSC_ATR_TEXT / 2)
		n = 0;
	text_hex_fixed(out, state->rgbAtr, n);
}

int
pcsc_readers(
    struct pcsc *p, struct pcsc_reader out[PCSC_READERS_MAX], struct err *e)
{
	LONG r;

	if (list_names(p, e) != 0)
		return -1;
	memset(p->state, 0, sizeof p->state);
	for (size_t i = 0; i < p->count; i++)
		p->state[i].szReader = p->name[i];
	p->state[p->count].szReader = PNP_READER;
	r = p->count == 0 ? SCARD_S_SUCCESS : status_change(p, p->count, 0);
	if (r != SCARD_S_SUCCESS && r != SCARD_E_TIMEOUT)
		return failed(e, r, "SCardGetStatusChange", "");
	for (size_t i = 0; i < p->count; i++) {
		DWORD s = p->state[i].dwEventState;

		memcpy(out[i].name, p->name[i], PCSC_NAME_MAX);
		out[i].present = (s & SCARD_STATE_PRESENT) != 0 &&
				 (s & SCARD_STATE_MUTE) == 0;
		keep_atr(out[i].atr, &p->state[i]);
		out[i].in_use = (s & SCARD_STATE_EXCLUSIVE) != 0;
	}
	return (int)p->count;
}

int
pcsc_wait(struct pcsc *p, int timeout_ms, struct err *e)
{
	LONG r = status_change(p, p->count + 1, (DWORD)timeout_ms);

	if (r == SCARD_E_TIMEOUT)
		return 0;
	/* A reader that went away is a change too. */
	if (r == SCARD_S_SUCCESS || r == SCARD_E_UNKNOWN_READER)
		return 1;
	return failed(e, r, "SCardGetStatusChange", "");
}

int
pcsc_connect(struct pcsc *p, const char *reader, bool exclusive, struct err *e)
{
	LONG r;
	int lock;

	pcsc_disconnect(p, PCSC_LEAVE_CARD);
	if (strlen(reader) >= sizeof p->reader)
		return err_set(e, ERR_CARD, "reader-missing", "%s", reader);
	lock = pcsc_lock(LOCK_WAIT_MS);
	watchdog_alive();
	r = back(SCardConnect(p->context, reader,
	    exclusive ? SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED,
	    SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &p->card, &p->protocol));
	pcsc_unlock(lock);
	if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardConnect", reader);
	memcpy(p->reader, reader, strlen(reader) + 1);
	p->connected = true;
	return 0;
}

void
pcsc_disconnect(struct pcsc *p, enum pcsc_leave how)
{
	if (!p->connected)
		return;
	back(SCardDisconnect(p->card,
	    how == PCSC_UNPOWER_CARD ? SCARD_UNPOWER_CARD : SCARD_LEAVE_CARD));
	p->connected = false;
	p->reader[0] = '\0';
}

const char *
pcsc_reader_name(const struct pcsc *p)
{
	return p->reader;
}

static bool
card_gone(struct pcsc *p)
{
	SCARD_READERSTATE s = {.szReader = p->reader};
	LONG r = back(SCardGetStatusChange(p->context, 0, &s, 1));

	return (r != SCARD_S_SUCCESS && r != SCARD_E_TIMEOUT) ||
	       (s.dwEventState & SCARD_STATE_PRESENT) == 0;
}

int
pcsc_settle(struct pcsc *p, int timeout_ms)
{
	SCARD_READERSTATE s = {.szReader = p->reader};

	if (!p->connected || card_gone(p))
		return 1;
	s.dwCurrentState = SCARD_STATE_PRESENT;
	/* Other flags differ at once; wait for the loss of this one. */
	for (int64_t end = clock_mono_ms() + timeout_ms;;) {
		int64_t left = end - clock_mono_ms();

		if (left <= 0)
			return 0;
		if (SCardGetStatusChange(p->context, (DWORD)left, &s, 1) !=
		    SCARD_S_SUCCESS)
			continue;
		s.dwCurrentState = s.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
		if (card_gone(p))
			return 1;
	}
}

static int
not_connected(struct err *e)
{
	return err_set(e, ERR_CARD, "card-missing", "not connected");
}

int
pcsc_restart(struct pcsc *p, struct err *e)
{
	LONG r;

	if (!p->connected)
		return not_connected(e);
	r = back(SCardReconnect(p->card, SCARD_SHARE_EXCLUSIVE,
	    SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, SCARD_RESET_CARD,
	    &p->protocol));
	if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardReconnect", p->reader);
	return 0;
}

int
pcsc_check(struct pcsc *p, struct err *e)
{
	DWORD state = 0;
	LONG r;

	if (!p->connected)
		return not_connected(e);
	r = back(SCardStatus(p->card, NULL, NULL, &state, NULL, NULL, NULL));
	if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardStatus", p->reader);
	if (state & SCARD_ABSENT)
		return failed(
		    e, SCARD_W_REMOVED_CARD, "SCardStatus", p->reader);
	return 0;
}

int
pcsc_transmit(
    struct pcsc *p, struct slice command, struct buf *answer, struct err *e)
{
	DWORD size = ANSWER_MAX;
	LONG r;

	if (!p->connected)
		return not_connected(e);
	if (buf_reserve(answer, ANSWER_MAX) != 0)
		return err_nomem(e);
	r = back(SCardTransmit(p->card,
	    p->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1,
	    command.p, command.len, NULL, answer->p + answer->len, &size));
	if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardTransmit", p->reader);
	if (size < 2)
		return err_set(e, ERR_CARD, "card-no-answer", "%s: %lu bytes",
		    p->reader, (unsigned long)size);
	answer->len += size;
	return 0;
}

/* The control code of a feature in the list that the reader gave (tag,
 * length 4, code in network order); 0 when it is not there. */
static DWORD
find_feature(const uint8_t *list, size_t n, uint8_t tag)
{
	for (; n >= 6 && list[1] == 4; list += 6, n -= 6) {
		if (list[0] == tag)
			return (DWORD)list[2] << 24 | (DWORD)list[3] << 16 |
			       (DWORD)list[4] << 8 | list[5];
	}
	return 0;
}

static DWORD
pad_code(struct pcsc *p)
{
	uint8_t list[256];
	DWORD n = 0;
	LONG r;

	if (!p->connected)
		return 0;
	r = back(SCardControl(p->card, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0,
	    list, sizeof list, &n));
	if (r != SCARD_S_SUCCESS || n > sizeof list)
		return 0;
	return find_feature(list, n, FEATURE_VERIFY_PIN_DIRECT);
}

bool
pcsc_has_pad(struct pcsc *p)
{
	return pad_code(p) != 0;
}

/*
 * PC/SC part 10 §2.5.2, in the byte order of this machine.  A PIN of any
 * length from min to max without padding is a block of no fixed size, whose
 * length the reader writes into Lc (as OpenSC asks for it).
 */
static size_t
fill_entry(uint8_t out[64], const struct pcsc_entry *entry)
{
	PIN_VERIFY_STRUCTURE v = {
	    .bTimerOut = entry->seconds,
	    .bTimerOut2 = entry->seconds,
	    .bmFormatString = 0x82, /* ASCII, left, in bytes, first in data */
	    .bmPINBlockString = 0x00,
	    .bmPINLengthFormat = 0x00,
	    .wPINMaxExtraDigit = (uint16_t)(entry->min << 8 | entry->max),
	    .bEntryValidationCondition = 0x02, /* the OK key */
	    .bNumberMessage = 0xFF,            /* the reader's own */
	    .wLangId = 0x0411,                 /* Japanese */
	    .ulDataLength = 5,
	};
	const size_t head = offsetof(PIN_VERIFY_STRUCTURE, abData);

	memcpy(out, &v, head);
	memcpy(out + head, entry->command, sizeof entry->command);
	out[head + 4] = 0; /* Lc, the reader's to fill in */
	return head + 5;
}

int
pcsc_pad_verify(struct pcsc *p, const struct pcsc_entry *entry,
    struct buf *answer, struct err *e)
{
	DWORD code = pad_code(p), size = 0;
	uint8_t in[64];
	LONG r;

	if (code == 0)
		return err_set(e, ERR_CARD, "pin-pad-missing", "%s", p->reader);
	if (buf_reserve(answer, ANSWER_MAX) != 0)
		return err_nomem(e);
	watchdog_allow((int64_t)entry->seconds * 1000);
	r = back(SCardControl(p->card, code, in, (DWORD)fill_entry(in, entry),
	    answer->p + answer->len, ANSWER_MAX, &size));
	if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardControl", p->reader);
	if (size < 2)
		return err_set(e, ERR_CARD, "card-no-answer", "%s: %lu bytes",
		    p->reader, (unsigned long)size);
	answer->len += size;
	return 0;
}

int
pcsc_begin(struct pcsc *p, struct err *e)
{
	LONG r;

	if (!p->connected)
		return not_connected(e);
	r = back(SCardBeginTransaction(p->card));
	if (r != SCARD_S_SUCCESS)
		return failed(e, r, "SCardBeginTransaction", p->reader);
	return 0;
}

void
pcsc_end(struct pcsc *p)
{
	if (p->connected)
		SCardEndTransaction(p->card, SCARD_LEAVE_CARD);
}
