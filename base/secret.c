/*
 * Secrets live in OpenSSL's secure heap: one locked, guarded region that is
 * kept out of cores and swap and is wiped on free.  This file never writes a
 * secret anywhere else.
 */
#include "base/secret.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Holds a handful of PINs, and an RSA key where a PKCS#12 file is the seal. */
#define SECURE_HEAP_BYTES (64 * 1024)
#define SECURE_HEAP_LEAST 16

struct secret {
	struct secret *next; /* of all that there are */
	size_t capacity;
	size_t len;
	char text[];
};

static struct secret *volatile all;

int
secret_init(struct err *e)
{
	struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		return err_errno(
		    e, ERR_CONFIG, "no-secure-memory", "PR_SET_DUMPABLE");
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_errno(
		    e, ERR_CONFIG, "no-secure-memory", "RLIMIT_CORE");
	if (CRYPTO_secure_malloc_initialized())
		return 0;
	if (CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_LEAST) !=
	    1)
		return err_set(e, ERR_CONFIG, "no-secure-memory",
		    "cannot lock %d bytes", SECURE_HEAP_BYTES);
	return 0;
}

struct secret *
secret_new(size_t capacity)
{
	struct secret *s;

	if (!CRYPTO_secure_malloc_initialized() || capacity > 4096)
		return NULL;
	s = OPENSSL_secure_zalloc(sizeof *s + capacity + 1);
	if (s == NULL)
		return NULL;
	if (!CRYPTO_secure_allocated(s)) {
		OPENSSL_clear_free(s, sizeof *s + capacity + 1);
		return NULL;
	}
	s->capacity = capacity;
	s->next = all;
	atomic_signal_fence(memory_order_seq_cst);
	all = s;
	return s;
}

static void
unlist(const struct secret *s)
{
	struct secret *before = all;

	if (before == s) {
		all = s->next;
		return;
	}
	while (before != NULL && before->next != s)
		before = before->next;
	if (before != NULL)
		before->next = s->next;
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	unlist(s);
	atomic_signal_fence(memory_order_seq_cst);
	OPENSSL_secure_clear_free(s, sizeof *s + s->capacity + 1);
}

void
secret_wipe_all(void)
{
	for (struct secret *s = all; s != NULL; s = s->next)
		explicit_bzero(s->text, s->capacity);
}

char *
secret_room(struct secret *s)
{
	return s->text;
}

size_t
secret_capacity(const struct secret *s)
{
	return s->capacity;
}

void
secret_set_len(struct secret *s, size_t len)
{
	if (len > s->capacity)
		BUG("secret longer than its room");
	s->len = len;
	s->text[len] = '\0';
}

const char *
secret_text(const struct secret *s)
{
	return s->text;
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}
