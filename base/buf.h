/* Bytes: one growable buffer, one borrowed slice. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes; never freed through the slice. */
struct slice {
	const uint8_t *p;
	size_t len;
};

/* Owned bytes.  Start as `struct buf b = {0};`, end with buf_free. */
struct buf {
	uint8_t *p;
	size_t len;
	size_t cap;
};

/* All return 0, or -1 when memory is out or the size would overflow; the
 * buffer is then unchanged. */
int buf_reserve(struct buf *b, size_t more);
int buf_append(struct buf *b, const void *p, size_t n);
int buf_slice(struct buf *b, struct slice s);
int buf_puts(struct buf *b, const char *text);
int buf_putc(struct buf *b, uint8_t c);
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* NUL-terminates (the NUL is not counted in len) and returns the text, or
 * NULL when memory is out.  Valid until the next append. */
char *buf_cstr(struct buf *b);

/* Forgets the content, keeps the memory. */
void buf_reset(struct buf *b);
/* Wipes and frees; the buffer can be used again. */
void buf_free(struct buf *b);

struct slice buf_view(const struct buf *b);
struct slice slice_of(const void *p, size_t n);
struct slice slice_str(const char *text);
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *text);
bool slice_starts(struct slice a, const char *prefix);

#endif
