/*
 * The fields of the keyholder's messages, written and read in one place.
 * Decoding trusts nothing: ranges are checked, lengths are bounded by ipc.
 */
#include "signer/key/keyproto.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The strings of a key's settings, in the order they travel. */
static char **
setup_field(struct conf_key *k, unsigned i)
{
	char **const fields[] = {&k->name, &k->owner, &k->etax_user_id,
	    &k->certificate_sha256, &k->file, &k->pin_file, &k->reader,
	    &k->card_sha256, &k->module, &k->token_serial, &k->token_label,
	    &k->script};

	return i < sizeof fields / sizeof *fields ? fields[i] : NULL;
}

void
keyproto_put_setup(struct ipc_msg *m, const struct conf_key *key,
    const char *root, const char *language, int pin_fd)
{
	struct conf_key copy = *key;
	char **field;

	ipc_put_u64(m, (uint64_t)key->backend);
	ipc_put_i64(m, key->card_timeout_ms);
	ipc_put_u64(m, (uint64_t)key->pin_entry);
	for (unsigned i = 0; (field = setup_field(&copy, i)) != NULL; i++)
		ipc_put_str(m, *field == NULL ? "" : *field);
	ipc_put_str(m, root);
	ipc_put_str(m, language);
	ipc_put_u64(m, pin_fd >= 0);
	if (pin_fd >= 0)
		ipc_put_fd(m, pin_fd);
}

static char *
get_text(struct ipc_msg *m)
{
	struct slice s = ipc_get_bytes(m);
	char *text;

	if (s.len > 0 && memchr(s.p, 0, s.len) != NULL) {
		m->failed = true;
		return NULL;
	}
	text = strndup(s.len == 0 ? "" : (const char *)s.p, s.len);
	if (text == NULL)
		m->failed = true;
	return text;
}

int
keyproto_get_setup(struct ipc_msg *m, struct keyholder_setup *s)
{
	char **field;
	uint64_t backend, entry;

	memset(s, 0, sizeof *s);
	s->pin_fd = -1;
	backend = ipc_get_u64(m);
	if (backend > CONF_BACKEND_TEST)
		m->failed = true;
	s->key.backend = (enum conf_backend)backend;
	s->key.card_timeout_ms = ipc_get_i64(m);
	entry = ipc_get_u64(m);
	if (entry > CONF_PIN_PAD)
		m->failed = true;
	s->key.pin_entry = (enum conf_pin_entry)entry;
	for (unsigned i = 0; (field = setup_field(&s->key, i)) != NULL; i++)
		*field = get_text(m);
	s->root = get_text(m);
	s->language = get_text(m);
	if (ipc_get_u64(m) == 1)
		s->pin_fd = ipc_get_fd(m);
	if (ipc_end(m))
		return 0;
	keyproto_free_setup(s);
	return -1;
}

void
keyproto_free_setup(struct keyholder_setup *s)
{
	char **field;

	for (unsigned i = 0; (field = setup_field(&s->key, i)) != NULL; i++)
		free(*field);
	free(s->root);
	free(s->language);
	if (s->pin_fd >= 0)
		close(s->pin_fd);
	memset(s, 0, sizeof *s);
	s->pin_fd = -1;
}

void
keyproto_put_status(struct ipc_msg *m, const struct keyholder_status *s)
{
	ipc_put_str(m, s->key);
	ipc_put_u64(m, (uint64_t)s->card.pin);
	ipc_put_i64(m, s->card.tries_left);
	ipc_put_u64(m, s->card.present);
	ipc_put_str(m, s->card.where);
	ipc_put_str(m, s->card.token);
	ipc_put_bytes(m, buf_view(&s->certificate));
	ipc_put_u64(m, (uint64_t)s->algorithm);
	ipc_put_i64(m, s->signatures_made);
	ipc_put_i64(m, s->signatures_left);
	ipc_put_i64(m, s->until_ms);
	ipc_put_u64(m, s->audit_ok);
}

void
keyproto_get_status(struct ipc_msg *m, struct keyholder_status *s)
{
	uint64_t pin;

	ipc_get_str(m, s->key, sizeof s->key);
	pin = ipc_get_u64(m);
	if (pin > PIN_BLOCKED)
		m->failed = true;
	s->card.pin = (enum pin_state)pin;
	s->card.tries_left = (int)ipc_get_i64(m);
	s->card.present = ipc_get_u64(m) != 0;
	ipc_get_str(m, s->card.where, sizeof s->card.where);
	ipc_get_str(m, s->card.token, sizeof s->card.token);
	buf_reset(&s->certificate);
	if (buf_slice(&s->certificate, ipc_get_bytes(m)) != 0)
		m->failed = true;
	s->algorithm = (enum sign_algorithm)ipc_get_u64(m);
	if (s->algorithm != 0 && algorithm_find(s->algorithm) == NULL)
		m->failed = true;
	s->signatures_made = ipc_get_i64(m);
	s->signatures_left = ipc_get_i64(m);
	s->until_ms = ipc_get_i64(m);
	s->audit_ok = ipc_get_u64(m) != 0;
}
