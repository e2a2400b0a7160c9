/* Secrets (PINs, passwords): secure heap only, never copied, never logged. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/err.h"

#include <stddef.h>

struct secret;

/* Sets up OpenSSL's secure heap (locked, not dumped, guard pages) and makes
 * the process non-dumpable.  Once per process, before the first secret.
 * 0 / -1 with ERR_CONFIG when memory cannot be locked. */
int secret_init(struct err *e);

/* Room for `capacity` bytes, empty at first; NULL when the heap is full. */
struct secret *secret_new(size_t capacity);
/* Wipes and frees; NULL is accepted. */
void secret_free(struct secret *s);

/* Wipes the bytes of every secret that there is.  A signal handler may call
 * it; nobody may use a secret afterwards. */
void secret_wipe_all(void);

/* Where a reader (read(2), a PIN dialog) may put up to secret_capacity
 * bytes; then secret_set_len. */
char *secret_room(struct secret *s);
size_t secret_capacity(const struct secret *s);
void secret_set_len(struct secret *s, size_t len);

/* The bytes, always followed by a NUL that is not counted. */
const char *secret_text(const struct secret *s);
size_t secret_len(const struct secret *s);

#endif
