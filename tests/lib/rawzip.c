/*
 * A ZIP writer without manners.  It shares no code with the program, so an
 * archive it makes is also a second opinion on the format.
 */
#include "tests/lib/rawzip.h"

#include "base/fsops.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in may point to constant bytes */
#include <zlib.h>

static void
put16(struct buf *b, unsigned v)
{
	buf_putc(b, (uint8_t)v);
	buf_putc(b, (uint8_t)(v >> 8));
}

static void
put32(struct buf *b, uint32_t v)
{
	put16(b, v & 0xFFFF);
	put16(b, v >> 16);
}

struct placed {
	uint32_t offset, crc, packed, size;
	uint16_t method;
};

static void
deflate_raw(struct buf *out, const void *data, size_t size)
{
	z_stream z = {0};
	uint8_t chunk[4096];
	int status = Z_OK;

	if (deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = data;
	z.avail_in = (uInt)size;
	while (status != Z_STREAM_END) {
		z.next_out = chunk;
		z.avail_out = sizeof chunk;
		status = deflate(&z, Z_FINISH);
		buf_append(out, chunk, sizeof chunk - z.avail_out);
	}
	deflateEnd(&z);
}

/* What both headers share, from "version needed" to the extra length. */
static void
common(struct buf *out, const struct rawzip_entry *en, const struct placed *at,
    const char *name, bool local)
{
	bool later = local && (en->flags & RAWZIP_DESCRIPTOR) != 0;

	put16(out, 20);
	put16(out, en->flags);
	put16(out, at->method);
	put32(out, 0x5B6A6000);
	put32(out, later ? 0 : at->crc);
	put32(out, later ? 0 : at->packed);
	put32(out, later ? 0 : at->size);
	put16(out, (unsigned)strlen(name));
	put16(out, 0);
}

static void
local(struct buf *out, const struct rawzip_entry *en, struct placed *at)
{
	struct buf packed = {0};

	at->offset = (uint32_t)out->len;
	at->crc = (uint32_t)crc32(0, en->data, (uInt)en->size) ^ en->wrong_crc;
	at->method = en->method != 0 ? en->method : en->deflate ? 8 : 0;
	at->size =
	    en->claimed_size != 0 ? en->claimed_size : (uint32_t)en->size;
	if (en->deflate)
		deflate_raw(&packed, en->data, en->size);
	else
		buf_append(&packed, en->data, en->size);
	at->packed = (uint32_t)packed.len;
	put32(out, 0x04034B50);
	common(out, en, at, en->name, true);
	buf_puts(out, en->name);
	buf_slice(out, buf_view(&packed));
	if ((en->flags & RAWZIP_DESCRIPTOR) != 0) {
		put32(out, 0x08074B50);
		put32(out, at->crc);
		put32(out, at->packed);
		put32(out, at->size);
	}
	buf_free(&packed);
}

static void
central(struct buf *out, const struct rawzip_entry *en, const struct placed *at)
{
	const char *name =
	    en->central_name != NULL ? en->central_name : en->name;

	put32(out, 0x02014B50);
	put16(out, en->mode != 0 ? 3 << 8 | 20 : 20);
	common(out, en, at, name, false);
	put16(out, 0); /* comment */
	put16(out, 0); /* disk */
	put16(out, 0); /* internal attributes */
	put32(out, en->mode << 16);
	put32(out, at->offset);
	buf_puts(out, name);
}

void
rawzip_write(struct buf *out, const struct rawzip_entry *entries, size_t count)
{
	struct placed *at = calloc(count + 1, sizeof *at);
	uint32_t start;

	if (at == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		local(out, &entries[i], &at[i]);
	start = (uint32_t)out->len;
	for (size_t i = 0; i < count; i++)
		central(out, &entries[i], &at[i]);
	put32(out, 0x06054B50);
	put32(out, 0);
	put16(out, (unsigned)count);
	put16(out, (unsigned)count);
	put32(out, (uint32_t)out->len - 12 - start);
	put32(out, start);
	put16(out, 0);
	free(at);
}

int
rawzip_fd(struct slice bytes)
{
	struct err e;
	int fd = fs_memfd("rawzip", &e);

	if (fd < 0 || fs_pwrite(fd, 0, bytes, &e) != 0)
		abort();
	return fd;
}
