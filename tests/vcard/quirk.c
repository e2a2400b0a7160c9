/* The settable differences between cards, by name. */
#include "tests/vcard/vcard.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
	int base;
} quirk_names[] = {
    {"latency", offsetof(struct card_quirks, latency_ms), 10},
    {"blocked-sw", offsetof(struct card_quirks, blocked_sw), 16},
    {"blocked-query-sw", offsetof(struct card_quirks, blocked_query_sw), 16},
    {"verified-query-9000", offsetof(struct card_quirks, verified_query_9000),
	10},
    {"no-limit", offsetof(struct card_quirks, no_limit), 10},
    {"first-6f00", offsetof(struct card_quirks, first_6f00), 10},
    {"strict-le", offsetof(struct card_quirks, strict_le), 10},
    {"chain-61", offsetof(struct card_quirks, chain_61), 10},
    {"filler", offsetof(struct card_quirks, filler), 10},
    {"reset-keeps-pin", offsetof(struct card_quirks, reset_keeps_pin), 10},
};

int
quirk_set(struct card_quirks *q, const char *name, const char *value)
{
	char *end = NULL;
	unsigned long v;

	for (size_t i = 0; i < sizeof quirk_names / sizeof *quirk_names; i++) {
		if (strcmp(name, quirk_names[i].name) != 0)
			continue;
		v = strtoul(value, &end, quirk_names[i].base);
		if (end == value || *end != '\0' || v > UINT32_MAX)
			return -1;
		*(uint32_t *)(void *)((char *)q + quirk_names[i].offset) =
		    (uint32_t)v;
		return 0;
	}
	return -1;
}
