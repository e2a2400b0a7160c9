/* ZIP archives written byte by byte, so that a test can make them lie. */
#ifndef TESTS_LIB_RAWZIP_H
#define TESTS_LIB_RAWZIP_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define RAWZIP_UTF8 0x0800
#define RAWZIP_ENCRYPTED 0x0001
#define RAWZIP_DESCRIPTOR 0x0008

/* One entry; what is zero or NULL is honest. */
struct rawzip_entry {
	const char *name;
	const void *data;
	size_t size;
	bool deflate;
	uint16_t flags;
	uint16_t method;          /* instead of stored or deflated */
	uint32_t mode;            /* Unix mode, e.g. S_IFLNK | 0777 */
	uint32_t claimed_size;    /* unpacked size in the headers */
	uint32_t wrong_crc;       /* xor into the check sum */
	const char *central_name; /* another name in the directory */
};

/* Appends a whole archive of the entries to out. */
void rawzip_write(
    struct buf *out, const struct rawzip_entry *entries, size_t count);

/* A memfd with these bytes; the caller closes it. */
int rawzip_fd(struct slice bytes);

#endif
