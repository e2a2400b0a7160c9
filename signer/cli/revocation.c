/*
 * Revocation for commands.  They parse nothing either: an examiner does.
 */
#include "signer/cli/revocation.h"

#include "signer/cert/revcache.h"
#include "signer/cert/revcheck.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

/* The cache folder; -1 where this user has no business with it. */
static int
open_cache(const struct conf *c, bool make)
{
	char path[1100];
	struct err e = {0};
	int state, dir;

	snprintf(path, sizeof path, "%s/state", c->root);
	if (access(path, W_OK) != 0)
		return -1;
	state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return -1;
	dir = make ? revcache_open(state, &e)
		   : openat(state, REVCACHE_FOLDER,
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(state);
	return dir;
}

int
cli_revocation_ask(const struct conf *c, const struct conf_key *key,
    const struct cert_anchors *anchors, struct slice certificate, bool keep,
    struct cert_revocation *out, struct err *e)
{
	struct revcheck_setup s = {.conf = c,
	    .key = key,
	    .anchors = anchors,
	    .certificate = certificate,
	    .cache = keep ? open_cache(c, true) : -1,
	    .fresh = true};
	int rc = revcheck_run(&s, out, e);

	if (s.cache >= 0)
		close(s.cache);
	return rc;
}

void
cli_revocation_recall(
    const struct conf *c, struct slice der, struct cert_revocation *out)
{
	int dir = open_cache(c, false);
	uint8_t hash[EVP_MAX_MD_SIZE];

	cert_revocation_none(
	    out, revcheck_possible(c, NULL) ? "not-asked" : "no-hosts");
	if (dir < 0)
		return;
	if (EVP_Digest(der.p, der.len, hash, NULL, EVP_sha256(), NULL) == 1 &&
	    revcache_result_get(dir, hash, REVCACHE_LAST, out) == 0 &&
	    !revcheck_possible(c, NULL))
		cert_revocation_none(out, "no-hosts");
	close(dir);
}
