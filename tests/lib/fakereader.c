/* The SCard functions behind --wrap; in programs without it nobody calls
 * them. */
#include "tests/lib/fakereader.h"

#include <reader.h>
#include <string.h>

struct fakereader fakereader;

LONG __wrap_SCardEstablishContext(
    DWORD scope, LPCVOID a, LPCVOID b, LPSCARDCONTEXT context);
LONG __wrap_SCardReleaseContext(SCARDCONTEXT context);
LONG __wrap_SCardListReaders(
    SCARDCONTEXT context, LPCSTR groups, LPSTR names, LPDWORD size);
LONG __wrap_SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout,
    SCARD_READERSTATE *states, DWORD count);
LONG __wrap_SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD share,
    DWORD protocols, LPSCARDHANDLE card, LPDWORD protocol);
LONG __wrap_SCardReconnect(SCARDHANDLE card, DWORD share, DWORD protocols,
    DWORD how, LPDWORD protocol);
LONG __wrap_SCardDisconnect(SCARDHANDLE card, DWORD how);
LONG __wrap_SCardStatus(SCARDHANDLE card, LPSTR names, LPDWORD size,
    LPDWORD state, LPDWORD protocol, LPBYTE atr, LPDWORD atr_size);
LONG __wrap_SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *pci,
    LPCBYTE command, DWORD len, SCARD_IO_REQUEST *back, LPBYTE answer,
    LPDWORD size);
LONG __wrap_SCardControl(SCARDHANDLE card, DWORD code, LPCVOID in, DWORD in_len,
    LPVOID out, DWORD room, LPDWORD got);
LONG __wrap_SCardBeginTransaction(SCARDHANDLE card);
LONG __wrap_SCardEndTransaction(SCARDHANDLE card, DWORD how);

LONG
__wrap_SCardEstablishContext(
    DWORD scope, LPCVOID a, LPCVOID b, LPSCARDCONTEXT context)
{
	(void)scope;
	(void)a;
	(void)b;
	*context = 1;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardReleaseContext(SCARDCONTEXT context)
{
	(void)context;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardListReaders(
    SCARDCONTEXT context, LPCSTR groups, LPSTR names, LPDWORD size)
{
	static const char all[] = FAKEREADER_NAME "\0";

	(void)context;
	(void)groups;
	if (*size < sizeof all)
		return SCARD_E_INSUFFICIENT_BUFFER;
	memcpy(names, all, sizeof all);
	*size = sizeof all;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardGetStatusChange(
    SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD count)
{
	bool changed = false;

	(void)context;
	(void)timeout;
	for (DWORD i = 0; i < count; i++) {
		DWORD now =
		    states[i].szReader[0] == '\\' ? 0 : SCARD_STATE_PRESENT;

		changed = changed || states[i].dwCurrentState != now;
		states[i].dwEventState = now;
	}
	return changed ? SCARD_S_SUCCESS : SCARD_E_TIMEOUT;
}

LONG
__wrap_SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD share,
    DWORD protocols, LPSCARDHANDLE card, LPDWORD protocol)
{
	(void)context;
	(void)share;
	(void)protocols;
	if (strcmp(reader, FAKEREADER_NAME) != 0)
		return SCARD_E_UNKNOWN_READER;
	fakereader.connects++;
	*card = 1;
	*protocol = SCARD_PROTOCOL_T1;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardReconnect(
    SCARDHANDLE card, DWORD share, DWORD protocols, DWORD how, LPDWORD protocol)
{
	(void)card;
	(void)share;
	(void)protocols;
	(void)how;
	fakereader.reconnects++;
	fakereader.status = SCARD_S_SUCCESS;
	*protocol = SCARD_PROTOCOL_T1;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardDisconnect(SCARDHANDLE card, DWORD how)
{
	(void)card;
	fakereader.unpowered += how == SCARD_UNPOWER_CARD;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardStatus(SCARDHANDLE card, LPSTR names, LPDWORD size, LPDWORD state,
    LPDWORD protocol, LPBYTE atr, LPDWORD atr_size)
{
	(void)card;
	(void)names;
	(void)size;
	(void)protocol;
	(void)atr;
	(void)atr_size;
	*state = SCARD_PRESENT | SCARD_POWERED;
	return fakereader.status;
}

/* The answer of a callback into the caller's room. */
static LONG
give(LONG result, struct buf *answer, void *out, DWORD room, LPDWORD got)
{
	if (result == SCARD_S_SUCCESS && answer->len > room)
		result = SCARD_E_INSUFFICIENT_BUFFER;
	*got = result == SCARD_S_SUCCESS ? answer->len : 0;
	if (result == SCARD_S_SUCCESS && answer->len > 0)
		memcpy(out, answer->p, answer->len);
	buf_free(answer);
	return result;
}

LONG
__wrap_SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *pci,
    LPCBYTE command, DWORD len, SCARD_IO_REQUEST *back, LPBYTE answer,
    LPDWORD size)
{
	struct buf b = {0};
	LONG r;

	(void)card;
	(void)pci;
	(void)back;
	fakereader.transmits++;
	r = fakereader.transmit(slice_of(command, len), &b);
	return give(r, &b, answer, *size, size);
}

LONG
__wrap_SCardControl(SCARDHANDLE card, DWORD code, LPCVOID in, DWORD in_len,
    LPVOID out, DWORD room, LPDWORD got)
{
	/* FEATURE_MODIFY_PIN_DIRECT first, then the one that is wanted. */
	static const uint8_t list[] = {
	    7, 4, 0x42, 0x33, 0, 7, 6, 4, 0x42, 0x33, 0, 6};
	struct buf b = {0};
	LONG r;

	(void)card;
	*got = 0;
	if (fakereader.pad == NULL)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (code == CM_IOCTL_GET_FEATURE_REQUEST) {
		if (room < sizeof list)
			return SCARD_E_INSUFFICIENT_BUFFER;
		memcpy(out, list, sizeof list);
		*got = sizeof list;
		return SCARD_S_SUCCESS;
	}
	if (code != FAKEREADER_PAD_CODE)
		return SCARD_E_INVALID_PARAMETER;
	fakereader.pads++;
	r = fakereader.pad(slice_of(in, in_len), &b);
	return give(r, &b, out, room, got);
}

LONG
__wrap_SCardBeginTransaction(SCARDHANDLE card)
{
	(void)card;
	return SCARD_S_SUCCESS;
}

LONG
__wrap_SCardEndTransaction(SCARDHANDLE card, DWORD how)
{
	(void)card;
	(void)how;
	return SCARD_S_SUCCESS;
}
