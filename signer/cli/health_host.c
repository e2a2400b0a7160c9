/*
 * Checks of the computer that keys are used on: card readers, the way a PIN
 * is asked, memory that stays out of the swap, and what becomes of a
 * keyholder at logout.  No card is connected to.
 */
#include "base/i18n.h"
#include "base/log.h"
#include "base/secret.h"
#include "signer/cli/health.h"
#include "signer/cli/logind.h"
#include "signer/key/pcsc.h"
#include "signer/key/prompt.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
uses_cards(const struct conf *c)
{
	for (size_t i = 0; i < c->key_count; i++)
		if (c->keys[i].backend == CONF_BACKEND_JPKI)
			return true;
	return false;
}

static void
tell_reader(struct health *h, const struct pcsc_reader *r)
{
	char subject[PCSC_NAME_MAX + 40];

	snprintf(subject, sizeof subject, _("reader %s"), r->name);
	if (!r->present)
		health_good(h, subject, "%s", _("no card in it"));
	else if (r->in_use)
		health_good(h, subject,
		    _("a card is in it, held by one program, ATR %s"), r->atr);
	else
		health_good(h, subject, _("a card is in it, ATR %s"), r->atr);
}

void
health_readers(struct health *h, const struct conf *c)
{
	struct pcsc_reader readers[PCSC_READERS_MAX];
	struct err e = {0};
	struct pcsc *p;
	int n = -1;

	if (!uses_cards(c))
		return;
	p = pcsc_new(&e);
	if (p != NULL)
		n = pcsc_readers(p, readers, &e);
	if (n < 0)
		health_err(h, HEALTH_BAD, _("card readers"), &e);
	if (n == 0)
		health_note(
		    h, HEALTH_WARN, _("card readers"), "reader-missing", "");
	for (int i = 0; i < n; i++)
		tell_reader(h, &readers[i]);
	pcsc_free(p);
}

/* Locks as much as a keyholder does, in a child that ends at once. */
static bool
memory_locks(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		log_open(-1, LOG_LEVEL_ALERT, "doctor");
		_exit(secret_init(NULL) == 0 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
check_memory(struct health *h)
{
	struct rlimit limit = {0, 0};
	char text[40];

	if (memory_locks()) {
		health_good(h, _("secure memory"), "%s",
		    _("a PIN can be kept out of the swap"));
		return;
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	snprintf(text, sizeof text, "RLIMIT_MEMLOCK %llu",
	    (unsigned long long)limit.rlim_cur);
	health_note(
	    h, HEALTH_BAD, _("secure memory"), "no-secure-memory", text);
}

static void
check_pinentry(struct health *h)
{
	const char *program = pinentry_program();

	if (program == NULL || access(program, X_OK) != 0)
		health_note(h, HEALTH_WARN, _("PIN entry"), "pinentry-none",
		    program == NULL ? "" : program);
	else
		health_good(
		    h, _("PIN entry"), _("on a terminal, or with %s"), program);
}

static const char *
user_of(const struct conf_key *key)
{
	const struct passwd *pw;

	if (key->owner != NULL && key->owner[0] != '\0')
		return key->owner;
	pw = getpwuid(geteuid());
	return pw == NULL ? "" : pw->pw_name;
}

/* Each user once. */
static bool
told_before(const struct conf *c, size_t key)
{
	for (size_t i = 0; i < key; i++)
		if (strcmp(user_of(&c->keys[i]), user_of(&c->keys[key])) == 0)
			return true;
	return false;
}

static void
check_logout(struct health *h, const struct conf *c, const char *root)
{
	bool killed = false;

	for (size_t i = 0; i < c->key_count; i++) {
		const char *user = user_of(&c->keys[i]);
		char text[120];

		if (told_before(c, i) || !logind_kills(root, user))
			continue;
		killed = true;
		snprintf(text, sizeof text, "%.80s%s", user,
		    logind_lingers(root, user) ? ", linger" : "");
		health_note(
		    h, HEALTH_WARN, _("logout"), "logout-ends-keyholder", text);
	}
	if (!killed && c->key_count > 0)
		health_good(
		    h, _("logout"), "%s", _("an unlocked key stays unlocked"));
}

void
health_host(struct health *h, const struct conf *c, const char *root)
{
	if (c->key_count == 0)
		return;
	check_memory(h);
	check_pinentry(h);
	check_logout(h, c, root);
}
