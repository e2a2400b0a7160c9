/*
 * Names.  What people and other computers get to see is clean UTF-8 of a
 * length every file system takes, and numbered rather than overwritten; the
 * drop's own bytes are never used for anything but finding it.
 */
#include "spool/inside.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static bool
harmless(uint32_t cp)
{
	return cp >= 0x20 && cp != 0x7F && !(cp >= 0x80 && cp < 0xA0) &&
	       !(cp >= 0x2028 && cp <= 0x202E) &&
	       !(cp >= 0x2066 && cp <= 0x2069) && cp != 0xFEFF;
}

/* One component without '/'; 0 / -1. */
static int
clean_component(struct buf *out, struct slice in)
{
	while (in.len > 0) {
		uint32_t cp = 0;
		size_t n = text_utf8_next(in, &cp);
		int r;

		if (n > 0 && harmless(cp)) {
			r = buf_append(out, in.p, n);
		} else {
			n = 1;
			r = buf_printf(out, "%%%02X", in.p[0]);
		}
		if (r != 0)
			return -1;
		in.p += n;
		in.len -= n;
	}
	return 0;
}

/* Bytes of text that fit into `room` without breaking a character. */
static size_t
fitting(const char *text, size_t len, size_t room)
{
	if (len <= room)
		return len;
	while (room > 0 && ((unsigned char)text[room] & 0xC0) == 0x80)
		room--;
	return room;
}

void
spool_name(
    char out[NAME_MAX + 1], const char *name, unsigned k, const char *suffix)
{
	const char *dot = strrchr(name, '.');
	char tail[NAME_MAX + 1];
	size_t stem, rest;

	if (dot == NULL || dot == name || strlen(dot) > 64)
		dot = name + strlen(name);
	if (k > 1)
		snprintf(tail, sizeof tail, " (%u)%s%s", k, dot, suffix);
	else
		snprintf(tail, sizeof tail, "%s%s", dot, suffix);
	rest = strlen(tail);
	stem = fitting(name, (size_t)(dot - name), NAME_MAX - rest);
	memcpy(out, name, stem);
	memcpy(out + stem, tail, rest + 1);
}

void
spool_head_name(char out[NAME_MAX + 1], const char *head, const char *base)
{
	snprintf(out, NAME_MAX + 1, "%s%s", head, base);
}

int
spool_clean_path(char *out, size_t size, const char *raw)
{
	struct buf part = {0};
	char name[NAME_MAX + 1];
	size_t used = 0;
	int result = -1;

	for (;;) {
		size_t n = strcspn(raw, "/");
		const char *text;
		int w;

		buf_reset(&part);
		if (clean_component(&part, slice_of(raw, n)) != 0)
			goto out;
		text = buf_cstr(&part);
		if (text == NULL)
			goto out;
		spool_name(name, text, 1, "");
		w = snprintf(out + used, size - used, "%s%s",
		    used == 0 ? "" : "/", name);
		if (w < 0 || (size_t)w >= size - used)
			goto out;
		used += (size_t)w;
		if (raw[n] == '\0')
			break;
		raw += n + 1;
	}
	result = 0;
out:
	buf_free(&part);
	return result;
}
