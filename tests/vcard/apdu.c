/* From a raw command to an answer: dispatch and GET RESPONSE. */
#include "tests/vcard/apdu.h"

#include "tests/vcard/app.h"

#include <string.h>

static const struct {
	uint8_t cla;
	uint8_t ins;
	uint32_t (*run)(struct call *k);
} commands[] = {
    {0x00, INS_SELECT, app_select},
    {0x00, INS_VERIFY, app_verify},
    {0x00, INS_CHANGE_PIN, app_change_pin},
    {0x00, INS_READ_BINARY, app_read_binary},
    {0x00, INS_CHALLENGE, app_challenge},
    {0x80, INS_SIGN, app_sign},
};

static uint32_t
dispatch(struct call *k)
{
	uint32_t sw = SW_INS;

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (commands[i].ins != k->a->ins)
			continue;
		if (commands[i].cla == k->a->cla)
			return commands[i].run(k);
		sw = SW_CLA;
	}
	return sw;
}

/* GET RESPONSE: the next part of what a command left behind. */
static uint32_t
get_response(struct card *c, const struct apdu *a, struct buf *data)
{
	size_t n = c->rest.len < a->le ? c->rest.len : a->le;

	if (!a->has_le || n == 0)
		return SW_CONDITIONS;
	if (buf_append(data, c->rest.p, n) != 0)
		return SW_ERROR;
	memmove(c->rest.p, c->rest.p + n, c->rest.len - n);
	c->rest.len -= n;
	if (c->rest.len == 0)
		return SW_OK;
	return 0x6100 | (c->rest.len < 256 ? c->rest.len & 0xFF : 0);
}

/* With the chaining quirk all data waits for GET RESPONSE. */
static uint32_t
hold_back(struct card *c, struct buf *data)
{
	buf_reset(&c->rest);
	if (buf_append(&c->rest, data->p, data->len) != 0)
		return SW_ERROR;
	buf_reset(data);
	return 0x6100 | (c->rest.len < 256 ? c->rest.len & 0xFF : 0);
}

static uint32_t
execute(struct card *c, const struct card_quirks *q, struct slice raw,
    struct counters *n, struct buf *data)
{
	struct apdu a;
	struct call k = {c, q, &a, n, data};
	bool first = c->fresh;
	uint32_t sw;

	c->fresh = false;
	if (first && q->first_6f00)
		return SW_ERROR;
	if (apdu_parse(raw, &a) != 0)
		return SW_LENGTH;
	if (a.ins == INS_GET_RESPONSE && a.cla == 0)
		return get_response(c, &a, data);
	sw = dispatch(&k);
	if (sw == SW_OK && q->chain_61 && data->len != 0)
		sw = hold_back(c, data);
	return sw;
}

void
apdu_answer(struct card *c, const struct card_quirks *q, struct slice raw,
    struct counters *n, struct buf *out)
{
	struct buf data = {0};
	uint32_t sw = execute(c, q, raw, n, &data);

	if (buf_append(out, data.p, data.len) != 0 ||
	    buf_putc(out, (uint8_t)(sw >> 8)) != 0 ||
	    buf_putc(out, (uint8_t)sw) != 0)
		buf_reset(out);
	buf_free(&data);
}
