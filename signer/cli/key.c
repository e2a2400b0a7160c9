/*
 * Which key a command means: the one named, or the only one there is.
 */
#include "signer/cli/cli.h"

const struct conf_key *
cli_key(const struct cli *cli, const char *name, struct err *e)
{
	const struct conf *c = cli->conf;
	const struct conf_key *key;

	if (name == NULL && c->key_count == 1)
		return &c->keys[0];
	if (name == NULL) {
		err_set(e, ERR_CONFIG, "key-not-named", "%zu keys in %s",
		    c->key_count, c->file);
		return NULL;
	}
	key = conf_key_find(c, name);
	if (key == NULL)
		err_set(e, ERR_CONFIG, "key-name-unknown", "\"%s\" in %s", name,
		    c->file);
	return key;
}
