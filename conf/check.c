/*
 * What must hold between settings: names exist and are unique, folders do
 * not overlap, a key has what its backend needs.  Looks only at the
 * configuration, never at the machine (natsuin doctor does that).
 */
#include "conf/check.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_MAX 32

/* code: 3 of conf_fault */

static int
line_of(struct conf_reading *r, cfg_t *sec, const char *setting)
{
	int line = conf_line_of(r, cfg_getopt(sec, setting));

	return line != 0 ? line : sec->line;
}

/* Titles become file and socket names. */
static int
check_title(struct conf_reading *r, cfg_t *sec, const char *title)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n = strlen(title);

	if (n > 0 && n <= TITLE_MAX && strspn(title, good) == n &&
	    title[0] != '.' && title[0] != '-')
		return 0;
	return conf_fault(r, sec->line, "conf-value",
	    "%s \"%.60s\": a title has 1 to %d of A-Z a-z 0-9 _ - .",
	    cfg_name(sec), title, TITLE_MAX);
}

/* What sign-with takes for something else is no name of a key or pool. */
static int
check_word(struct conf_reading *r, cfg_t *sec, const char *title)
{
	if (strcmp(title, "none") == 0)
		return conf_fault(r, sec->line, "conf-value",
		    "%s \"none\": this word means unsigned in sign-with",
		    cfg_name(sec));
	if (strcmp(title, CONF_BY_AGENT) == 0)
		return conf_fault(r, sec->line, "conf-value",
		    "%s \"" CONF_BY_AGENT
		    "\": this word means the filing's agent in sign-with",
		    cfg_name(sec));
	return 0;
}

int
conf_check_key(struct conf_reading *r, cfg_t *sec, struct conf_key *k)
{
	if (check_title(r, sec, k->name) != 0 || check_word(r, sec, k->name))
		return -1;
	if (k->backend == CONF_BACKEND_PKCS12 && k->file[0] == '\0')
		return conf_fault(r, line_of(r, sec, "backend"), "conf-missing",
		    "key \"%s\": pkcs12 needs \"file\"", k->name);
	if (k->backend == CONF_BACKEND_PKCS11 && k->module[0] == '\0')
		return conf_fault(r, line_of(r, sec, "backend"), "conf-missing",
		    "key \"%s\": pkcs11 needs \"module\"", k->name);
	return 0;
}

int
conf_check_pool(struct conf_reading *r, cfg_t *sec, struct conf_pool *p)
{
	int line = line_of(r, sec, "keys");

	if (check_title(r, sec, p->name) != 0 || check_word(r, sec, p->name))
		return -1;
	if (conf_key_find(r->conf, p->name) != NULL)
		return conf_fault(r, sec->line, "conf-duplicate",
		    "pool \"%s\": a key has this name", p->name);
	if (p->keys.count == 0)
		return conf_fault(r, line, "conf-missing",
		    "pool \"%s\": keys names no key", p->name);
	for (size_t i = 0; i < p->keys.count; i++)
		if (conf_key_find(r->conf, p->keys.item[i]) == NULL)
			return conf_fault(r, line, "conf-unknown-key",
			    "pool \"%s\": there is no key \"%.60s\"", p->name,
			    p->keys.item[i]);
	return 0;
}

/* Numbers with dots between them, with or without ".*" at the end. */
static bool
is_policy(const char *text)
{
	size_t n = strlen(text);

	if (n > 2 && strcmp(text + n - 2, ".*") == 0)
		n -= 2;
	for (size_t i = 0; i < n; i++) {
		bool dot = text[i] == '.';

		if (!dot && (text[i] < '0' || text[i] > '9'))
			return false;
		if (dot && (i == 0 || i + 1 == n || text[i + 1] == '.'))
			return false;
	}
	return n > 0 && memchr(text, '.', n) != NULL;
}

int
conf_check_kind(struct conf_reading *r, cfg_t *sec, struct conf_kind *k)
{
	if (check_title(r, sec, k->name) != 0)
		return -1;
	if (k->policy.count == 0 && k->issuer.count == 0)
		return conf_fault(r, sec->line, "conf-missing",
		    "certificate-kind \"%s\": needs \"policy\" or \"issuer\" "
		    "to be known by",
		    k->name);
	for (size_t i = 0; i < k->policy.count; i++)
		if (!is_policy(k->policy.item[i]))
			return conf_fault(r, line_of(r, sec, "policy"),
			    "conf-value",
			    "policy \"%.60s\": numbers with dots between them, "
			    "or .* at the end",
			    k->policy.item[i]);
	/* Everybody's name has a short text in it. */
	for (size_t i = 0; i < k->issuer.count; i++)
		if (strlen(k->issuer.item[i]) < 3)
			return conf_fault(r, line_of(r, sec, "issuer"),
			    "conf-value",
			    "issuer \"%.60s\": at least 3 letters",
			    k->issuer.item[i]);
	if (!k->digital_signature && !k->non_repudiation)
		return conf_fault(r, line_of(r, sec, "usage"), "conf-missing",
		    "certificate-kind \"%s\": usage names nothing", k->name);
	return 0;
}

static int
default_path(struct conf_drop *d)
{
	struct buf b = {0};

	if (d->path != NULL && d->path[0] != '\0')
		return 0;
	if (buf_printf(&b, "in/%s", d->name) != 0 || buf_cstr(&b) == NULL) {
		buf_free(&b);
		return -1;
	}
	free(d->path);
	d->path = (char *)b.p;
	return 0;
}

/* The spool's own folders are not for dropping. */
static int
check_path(struct conf_reading *r, cfg_t *sec, const struct conf_drop *d)
{
	static const char *const own[] = {
	    "out", "failed", "done", "reports", "work", "state"};
	size_t n = strcspn(d->path, "/");

	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		if (n == strlen(own[i]) && strncmp(d->path, own[i], n) == 0)
			return conf_fault(r, line_of(r, sec, "path"),
			    "conf-path",
			    "path = \"%.80s\": \"%s\" belongs to natsuin",
			    d->path, own[i]);
	}
	return 0;
}

static void
list_free(struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	free(list->item);
	list->item = NULL;
	list->count = 0;
}

/* A key makes one signature of a document: it may not sign alone and for a
 * pool, or for two pools. */
static int
check_signers(struct conf_reading *r, int line, const struct conf_drop *d)
{
	const char *all[CONF_DROP_KEYS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < d->sign_with.count; i++) {
		struct conf_list keys =
		    conf_signer_keys(r->conf, &d->sign_with.item[i]);

		for (size_t k = 0; k < keys.count; k++) {
			for (size_t j = 0; j < n; j++)
				if (strcmp(all[j], keys.item[k]) == 0)
					return conf_fault(r, line, "conf-value",
					    "sign-with: key \"%s\" would sign "
					    "twice",
					    all[j]);
			if (n == CONF_DROP_KEYS_MAX)
				return conf_fault(r, line, "conf-value",
				    "sign-with: more than %d keys",
				    CONF_DROP_KEYS_MAX);
			all[n++] = keys.item[k];
		}
	}
	return 0;
}

static int
list_add(struct conf_list *list, const char *text)
{
	char **grown = reallocarray(list->item, list->count + 1, sizeof *grown);

	if (grown == NULL)
		return -1;
	list->item = grown;
	grown[list->count] = strdup(text);
	return grown[list->count] == NULL ? -1 : (list->count++, 0);
}

/* The pool of all keys that have a number, made by the first drop folder that
 * wants it; there is room for it behind the configured ones. */
static int
by_agent_pool(struct conf_reading *r, int line)
{
	struct conf *c = r->conf;
	struct conf_pool *p = &c->pools[c->pool_count];

	if (conf_pool_find(c, CONF_BY_AGENT) != NULL)
		return 0;
	p->name = strdup(CONF_BY_AGENT);
	if (p->name == NULL)
		return conf_fault(r, 0, "out-of-memory", "no memory");
	p->by_agent = true;
	c->pool_count++;
	for (size_t i = 0; i < c->key_count; i++)
		if (c->keys[i].etax_user_id[0] != '\0' &&
		    list_add(&p->keys, c->keys[i].name) != 0)
			return conf_fault(r, 0, "out-of-memory", "no memory");
	if (p->keys.count == 0)
		return conf_fault(r, line, "conf-missing",
		    "sign-with: no key has an etax-user-id for \"" CONF_BY_AGENT
		    "\"");
	return 0;
}

static int
check_sign_with(struct conf_reading *r, cfg_t *sec, struct conf_drop *d)
{
	int line = line_of(r, sec, "sign-with");

	if (d->sign_with.count == 0)
		return conf_fault(r, line, "conf-missing",
		    "drop \"%s\": sign-with names no key (\"none\" for "
		    "unsigned e-Gov applications)",
		    d->name);
	for (size_t i = 0; i < d->sign_with.count; i++) {
		const char *name = d->sign_with.item[i];

		if (strcmp(name, "none") == 0 && d->sign_with.count == 1) {
			d->unsigned_only = true;
			break;
		}
		if (strcmp(name, "none") == 0)
			return conf_fault(r, line, "conf-value",
			    "sign-with: \"none\" stands alone");
		if (strcmp(name, CONF_BY_AGENT) == 0 &&
		    by_agent_pool(r, line) != 0)
			return -1;
		if (strcmp(name, CONF_BY_AGENT) == 0 &&
		    d->format == CONF_FORMAT_EGOV)
			return conf_fault(r, line, "conf-value",
			    "sign-with: e-Gov applications name no agent's "
			    "number for \"" CONF_BY_AGENT "\"");
		if (conf_key_find(r->conf, name) == NULL &&
		    conf_pool_find(r->conf, name) == NULL)
			return conf_fault(r, line, "conf-unknown-key",
			    "sign-with: there is no key or pool \"%.60s\"",
			    name);
	}
	if (d->unsigned_only)
		list_free(&d->sign_with);
	return check_signers(r, line, d);
}

int
conf_check_drop(struct conf_reading *r, cfg_t *sec, struct conf_drop *d)
{
	if (check_title(r, sec, d->name) != 0)
		return -1;
	if (default_path(d) != 0)
		return conf_fault(r, 0, "out-of-memory", "no memory");
	if (check_path(r, sec, d) != 0 || check_sign_with(r, sec, d) != 0)
		return -1;
	if (d->unsigned_only && d->format == CONF_FORMAT_ETAX)
		return conf_fault(r, line_of(r, sec, "sign-with"), "conf-value",
		    "drop \"%s\": only e-Gov applications can go unsigned",
		    d->name);
	return 0;
}

/* True when one path is the other or lies below it. */
static bool
overlaps(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	size_t n = na < nb ? na : nb;

	if (strncmp(a, b, n) != 0)
		return false;
	return na == nb || (na > nb ? a[n] : b[n]) == '/';
}

int
conf_check_all(struct conf_reading *r, cfg_t *cfg)
{
	struct conf *c = r->conf;

	/* The JSON report is the record; the others are views of it. */
	c->report_json = true;
	for (size_t i = 0; i < c->revoke.crl.count; i++) {
		const char *where = c->revoke.crl.item[i];

		if (where[0] != '/' && strstr(where, "://") == NULL)
			return conf_fault(r, cfg->line, "conf-value",
			    "crl \"%s\": neither a URL nor an absolute "
			    "path",
			    where);
	}
	for (size_t i = 0; i < c->drop_count; i++) {
		cfg_t *sec = cfg_getnsec(cfg, "drop", (unsigned)i);

		for (size_t j = 0; j < i; j++) {
			if (!overlaps(c->drops[i].path, c->drops[j].path))
				continue;
			return conf_fault(r, line_of(r, sec, "path"),
			    "conf-duplicate",
			    "drops \"%s\" and \"%s\" share a folder",
			    c->drops[j].name, c->drops[i].name);
		}
	}
	return 0;
}
