/*
 * Faults are taken in the order they were ordered; the first that matches
 * a command and is due decides.
 */
#include "tests/vcard/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	enum fault_kind kind;
	int base; /* of the value behind the word; 0 = it has none */
} words[] = {
    {"sw=", FAULT_SW, 16},
    {"hang=", FAULT_HANG, 10},
    {"byte", FAULT_BYTE, 0},
    {"short", FAULT_SHORT, 0},
    {"long", FAULT_LONG, 0},
    {"flip", FAULT_FLIP, 0},
    {"remove", FAULT_REMOVE, 0},
    {"lose", FAULT_LOSE, 0},
    {"reinsert", FAULT_REINSERT, 0},
};

static int
parse_kind(const char *word, struct fault *out)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i].word);
		char *end = NULL;

		if (strncmp(word, words[i].word, n) != 0)
			continue;
		out->kind = words[i].kind;
		if (words[i].base == 0)
			return word[n] == '\0' ? 0 : -1;
		out->value = (uint32_t)strtoul(word + n, &end, words[i].base);
		return end != word + n && *end == '\0' ? 0 : -1;
	}
	return -1;
}

static int
parse_word(const char *word, struct fault *out)
{
	unsigned v;

	if (sscanf(word, "ins=%x", &v) == 1) {
		out->ins = (int)(v & 0xFF);
		return 0;
	}
	if (sscanf(word, "after=%u", &out->after) == 1)
		return 0;
	if (sscanf(word, "times=%u", &out->times) == 1)
		return 0;
	return parse_kind(word, out);
}

int
fault_parse(const char *text, struct fault *out)
{
	char word[32];
	int used;

	*out = (struct fault){FAULT_NONE, -1, 0, 1, 0};
	for (; sscanf(text, " %31s%n", word, &used) == 1; text += used) {
		if (parse_word(word, out) != 0)
			return -1;
	}
	return out->kind == FAULT_NONE ? -1 : 0;
}

struct fault
fault_take(struct fault_list *l, uint8_t ins)
{
	struct fault hit = {FAULT_NONE, -1, 0, 0, 0};

	for (unsigned i = 0; i < l->count; i++) {
		struct fault *f = &l->item[i];

		if (f->ins >= 0 && f->ins != ins)
			continue;
		if (f->after > 0) {
			f->after--;
			continue;
		}
		hit = *f;
		if (--f->times == 0) {
			l->count--;
			memmove(f, f + 1, (l->count - i) * sizeof *f);
		}
		break;
	}
	return hit;
}

void
fault_bend(enum fault_kind kind, struct buf *answer)
{
	uint8_t sw[2];

	if (answer->len < 3)
		return;
	memcpy(sw, answer->p + answer->len - 2, 2);
	if (kind == FAULT_FLIP) {
		answer->p[(answer->len - 2) / 2] ^= 0x10;
	} else if (kind == FAULT_SHORT) {
		answer->len -= 3;
		buf_append(answer, sw, 2);
	} else if (kind == FAULT_LONG) {
		answer->len -= 2;
		buf_putc(answer, 0x5A);
		buf_append(answer, sw, 2);
	}
}
