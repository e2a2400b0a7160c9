/*
 * The JPKI application as seen through APDUs.  Every status word here is
 * one that is reported of real cards; where cards differ, the quirks decide.
 * A PIN counter is stored before its answer leaves.
 */
#include "tests/vcard/app.h"

#include <openssl/rand.h>
#include <string.h>

#define SIGN_INPUT_MAX 245

static const uint8_t jpki_aid[] = {
    0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
static const uint8_t isd_aid[] = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00};

/* A prefix of an AID selects too. */
static bool
aid_matches(struct slice want, const uint8_t *aid, size_t len)
{
	return want.len >= 5 && want.len <= len &&
	       memcmp(want.p, aid, want.len) == 0;
}

static uint32_t
select_ap(struct call *k)
{
	if (k->a->p2 != 0x0C && k->a->p2 != 0x00)
		return SW_P1P2;
	if (aid_matches(k->a->data, jpki_aid, sizeof jpki_aid)) {
		card_enter(k->c, AP_JPKI);
		k->n->select_ap++;
		return SW_OK;
	}
	if (aid_matches(k->a->data, isd_aid, sizeof isd_aid)) {
		card_enter(k->c, AP_ISD);
		k->n->select_other++;
		return SW_OK;
	}
	return SW_NOT_FOUND;
}

uint32_t
app_select(struct call *k)
{
	uint32_t fid;

	if (k->a->p1 == 0x04)
		return select_ap(k);
	if (k->a->p1 != 0x02 || k->a->p2 != 0x0C)
		return SW_P1P2;
	if (k->a->data.len != 2)
		return SW_LENGTH;
	fid = (uint32_t)k->a->data.p[0] << 8 | k->a->data.p[1];
	if (k->c->ap != AP_JPKI || card_ef_kind((uint16_t)fid) == KIND_NONE)
		return SW_NOT_FOUND;
	k->c->ef = (uint16_t)fid;
	if (card_ef_kind((uint16_t)fid) == KIND_KEY)
		k->n->select_key++;
	return SW_OK;
}

/* The file a command works on: P2 = 80 is the current one, 80|SFI names it
 * (the five low bits of the identifier).  0 and *sw when there is none. */
static uint16_t
target(struct call *k, enum ef_kind kind, uint32_t *sw)
{
	uint16_t fid = (k->a->p2 & 0x1F) != 0 ? k->a->p2 & 0x1F : k->c->ef;

	if ((k->a->p2 & 0x80) == 0 || (k->a->p2 & 0x60) != 0) {
		*sw = SW_P1P2;
		return 0;
	}
	if (k->c->ap != AP_JPKI || fid == 0) {
		*sw = SW_NO_FILE;
		return 0;
	}
	if (card_ef_kind(fid) != kind) {
		*sw = SW_FILE_KIND;
		return 0;
	}
	k->c->ef = fid;
	return fid;
}

static uint32_t
tries_query(struct call *k, const struct card_pin *pin)
{
	k->n->tries_query++;
	if (k->q->no_limit)
		return 0x6300;
	if (pin->verified && k->q->verified_query_9000)
		return SW_OK;
	if (pin->tries == 0 && k->q->blocked_query_sw != 0)
		return k->q->blocked_query_sw;
	return 0x63C0 | (uint32_t)pin->tries;
}

static bool
pin_equals(const struct card_pin *pin, struct slice given)
{
	return given.len == strlen(pin->value) &&
	       memcmp(given.p, pin->value, given.len) == 0;
}

static uint32_t
present_pin(struct call *k, struct card_pin *pin)
{
	bool right = pin_equals(pin, k->a->data);
	int before = pin->tries;

	k->n->verify++;
	if (pin->tries == 0)
		return k->q->blocked_sw != 0 ? k->q->blocked_sw : SW_BLOCKED;
	pin->verified = right;
	pin->tries = right ? pin->max : pin->tries - 1;
	if (pin->tries != before && card_save_pins(k->c, NULL) != 0)
		return SW_ERROR;
	if (right) {
		k->n->verify_ok++;
		return SW_OK;
	}
	k->n->verify_wrong++;
	return 0x63C0 | (uint32_t)pin->tries;
}

uint32_t
app_verify(struct call *k)
{
	uint32_t sw = SW_OK;
	uint16_t fid;

	if (k->a->p1 != 0)
		return SW_P1P2;
	fid = target(k, KIND_PIN, &sw);
	if (fid == 0)
		return sw;
	if (k->a->data.len == 0)
		return tries_query(k, card_pin(k->c, fid));
	return present_pin(k, card_pin(k->c, fid));
}

uint32_t
app_change_pin(struct call *k)
{
	struct slice new_pin = k->a->data;
	struct card_pin *pin;
	uint32_t sw = SW_OK;
	uint16_t fid;
	bool fits;

	if (k->a->p1 != 1)
		return SW_P1P2;
	fid = target(k, KIND_PIN, &sw);
	if (fid == 0)
		return sw;
	pin = card_pin(k->c, fid);
	if (!pin->verified)
		return SW_SECURITY;
	fits = fid == EF_AUTH_PIN
		   ? new_pin.len == 4
		   : new_pin.len >= 6 && new_pin.len <= CARD_PIN_MAX;
	if (!fits)
		return SW_DATA;
	memcpy(pin->value, new_pin.p, new_pin.len);
	pin->value[new_pin.len] = '\0';
	k->n->change_pin++;
	return card_save_pins(k->c, NULL) == 0 ? SW_OK : SW_ERROR;
}

/* File bytes with the filler that some cards have behind the object. */
static uint8_t
file_byte(const struct card_data *f, size_t at)
{
	return at < f->bytes.len ? f->bytes.p[at] : 0xFF;
}

uint32_t
app_read_binary(struct call *k)
{
	size_t at = (size_t)k->a->p1 << 8 | k->a->p2, size, n;
	const struct card_data *f;

	if (k->a->p1 & 0x80)
		return SW_P1P2;
	if (!k->a->has_le || k->a->data.len != 0)
		return SW_LENGTH;
	if (k->c->ap != AP_JPKI || k->c->ef == 0)
		return SW_NO_FILE;
	f = card_data(k->c, k->c->ef);
	if (f == NULL)
		return SW_FILE_KIND;
	if (f->fid == EF_SIGN_CERT && !card_pin(k->c, EF_SIGN_PIN)->verified)
		return SW_SECURITY;
	size = f->bytes.len + k->q->filler;
	if (at >= size)
		return SW_OFFSET;
	n = size - at < k->a->le ? size - at : k->a->le;
	if (k->q->strict_le && n < k->a->le)
		return 0x6C00 | (n & 0xFF);
	if (f->fid == EF_SIGN_CERT && at == 0)
		k->n->cert_reads++;
	for (size_t i = 0; i < n; i++) {
		if (buf_putc(k->data, file_byte(f, at + i)) != 0)
			return SW_ERROR;
	}
	return SW_OK;
}

uint32_t
app_sign(struct call *k)
{
	uint32_t sw = SW_OK;
	uint16_t fid;

	if (k->a->p1 != 0)
		return SW_P1P2;
	fid = target(k, KIND_KEY, &sw);
	if (fid == 0)
		return sw;
	if (!card_key_pin(k->c, fid)->verified)
		return SW_SECURITY;
	if (k->a->data.len == 0 || k->a->data.len > SIGN_INPUT_MAX ||
	    !k->a->has_le)
		return SW_LENGTH;
	if (card_rsa(card_key(k->c, fid), k->a->data, k->data) != 0)
		return SW_ERROR;
	if (fid == EF_SIGN_KEY)
		k->n->sign++;
	else
		k->n->auth_sign++;
	return SW_OK;
}

uint32_t
app_challenge(struct call *k)
{
	if (k->a->extended)
		return SW_CONDITIONS;
	if (!k->a->has_le || buf_reserve(k->data, k->a->le) != 0)
		return SW_LENGTH;
	if (RAND_bytes(k->data->p, (int)k->a->le) != 1)
		return SW_ERROR;
	k->data->len += k->a->le;
	return SW_OK;
}
