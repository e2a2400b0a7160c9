/*
 * The table of key backends: which file serves which kind of key.  Adding
 * one is a file and a row here.
 */
#include "signer/key/backend.h"

#include "base/i18n.h"

static const struct {
	enum conf_backend kind;
	const char *name;
	const struct key_backend *backend; /* NULL: not in this version */
} table[] = {
    {CONF_BACKEND_PKCS12, "pkcs12", &key_backend_pkcs12},
    {CONF_BACKEND_TEST, "test", &key_backend_test},
    {CONF_BACKEND_JPKI, "jpki", &key_backend_jpki},
    {CONF_BACKEND_PKCS11, "pkcs11", &key_backend_pkcs11},
};

const struct key_backend *
key_backend_find(const struct conf_key *key, struct err *e)
{
	const char *name = "?";

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].kind != key->backend)
			continue;
		if (table[i].backend != NULL)
			return table[i].backend;
		name = table[i].name;
	}
	err_set(e, ERR_CONFIG, "backend-unavailable",
	    "key \"%s\": backend \"%s\" is not in this version", key->name,
	    name);
	return NULL;
}
