/* Text helpers: numbers, hex, base64, UTF-8, escaping for logs. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* The one number parser: whole text, decimal, within [min, max]; 0 / -1. */
int text_number(const char *s, int64_t min, int64_t max, int64_t *out);

/* "250ms", "3s", "10m", "10h", "2d" (a bare number is seconds) to
 * milliseconds; 0 / -1. */
int text_duration_ms(const char *s, int64_t *out);

/* "20MB", "64KB", "1GB" (powers of 1024; bare number is bytes); 0 / -1. */
int text_size(const char *s, int64_t *out);

/* Appends lower-case hex; 0 / -1. */
int text_hex(struct buf *out, struct slice in);
/* Writes 2*n+1 bytes. */
void text_hex_fixed(char *out, const uint8_t *in, size_t n);

/* Appends base64 (RFC 4648) without line breaks; 0 / -1. */
int text_base64(struct buf *out, struct slice in);
/* Appends the decoded bytes; XML white space is skipped, anything else that
 * is not base64, or wrong padding, is refused; 0 / -1. */
int text_base64_decode(struct buf *out, struct slice in);

/* True when all bytes are well-formed UTF-8 (no surrogates, no overlong). */
bool text_is_utf8(struct slice s);
/* True when no byte is above 0x7F. */
bool text_is_ascii(const char *s);
/* Decodes one character; returns its length in bytes, 0 if malformed. */
size_t text_utf8_next(struct slice s, uint32_t *cp);

/* A file name or other foreign text for a log line: controls, quotes,
 * backslash, space and malformed bytes become \xNN; cut at size.
 * Returns out. */
char *text_escape(char *out, size_t size, const char *in);

/* Foreign text for a person's eyes: malformed bytes, control characters and
 * characters that turn the writing direction become '?'; cut at a character.
 * Returns out. */
char *text_printable(char *out, size_t size, struct slice in);

/* Masks an identifying number: "************3456", only the last four digits
 * stay; a number of four digits or fewer is masked whole.  Returns out. */
char *text_mask_id(char *out, size_t size, const char *in);

#endif
