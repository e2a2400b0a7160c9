/* Command APDUs, short and extended; lengths must fit exactly. */
#include "tests/vcard/apdu.h"

static uint32_t
be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static int
parse_extended(struct slice raw, struct apdu *out)
{
	size_t lc = be16(raw.p + 5);

	out->extended = true;
	if (raw.len == 7) { /* case 2E: Le only */
		out->has_le = true;
		out->le = lc == 0 ? 65536 : (uint32_t)lc;
		return 0;
	}
	if (lc == 0 || (raw.len != 7 + lc && raw.len != 9 + lc))
		return -1;
	out->data = slice_of(raw.p + 7, lc);
	if (raw.len == 9 + lc) {
		out->has_le = true;
		out->le = be16(raw.p + 7 + lc);
		if (out->le == 0)
			out->le = 65536;
	}
	return 0;
}

int
apdu_parse(struct slice raw, struct apdu *out)
{
	size_t lc;

	*out = (struct apdu){0};
	if (raw.len < 4)
		return -1;
	out->cla = raw.p[0];
	out->ins = raw.p[1];
	out->p1 = raw.p[2];
	out->p2 = raw.p[3];
	if (raw.len == 4)
		return 0;
	lc = raw.p[4];
	if (lc == 0 && raw.len >= 7)
		return parse_extended(raw, out);
	if (raw.len > 5) {
		if (lc == 0 || (raw.len != 5 + lc && raw.len != 6 + lc))
			return -1;
		out->data = slice_of(raw.p + 5, lc);
	}
	if (raw.len == 5 || raw.len == 6 + lc) {
		out->has_le = true;
		out->le = raw.p[raw.len - 1];
		if (out->le == 0)
			out->le = 256;
	}
	return 0;
}
