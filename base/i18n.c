/*
 * Message catalogues.  The language can be changed at run time, because the
 * report's language is the office's and the terminal's is the operator's.
 */
#include "base/i18n.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NATSUIN_LOCALEDIR
#define NATSUIN_LOCALEDIR "/usr/share/locale"
#endif

extern int _nl_msg_cat_cntr; /* glibc: a change makes gettext look again */

static char current[3] = "en";

void
i18n_use(const char *language)
{
	memcpy(current, strncmp(language, "ja", 2) == 0 ? "ja" : "en", 3);
	setenv("LANGUAGE", current, 1);
	_nl_msg_cat_cntr++;
}

const char *
i18n_language(void)
{
	return current;
}

/* A catalogue beside the executable (build/locale) wins over the installed
 * one, so that an uninstalled build speaks Japanese too. */
static void
bind_catalogue(void)
{
	char exe[512], dir[600], probe[700];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash;

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (slash != NULL) {
			*slash = '\0';
			snprintf(dir, sizeof dir, "%s/locale", exe);
			snprintf(probe, sizeof probe,
			    "%s/ja/LC_MESSAGES/natsuin.mo", dir);
			if (access(probe, R_OK) == 0) {
				bindtextdomain("natsuin", dir);
				return;
			}
		}
	}
	bindtextdomain("natsuin", NATSUIN_LOCALEDIR);
}

void
i18n_init(void)
{
	const char *lang, *messages;

	messages = setlocale(LC_ALL, "");
	messages = setlocale(LC_MESSAGES, NULL);
	/* gettext never translates in the C locale; C.UTF-8 always exists. */
	if (messages == NULL || strcmp(messages, "C") == 0 ||
	    strcmp(messages, "POSIX") == 0)
		setlocale(LC_ALL, "C.UTF-8");
	setlocale(LC_NUMERIC, "C");
	bind_catalogue();
	bind_textdomain_codeset("natsuin", "UTF-8");
	textdomain("natsuin");
	lang = getenv("LANGUAGE");
	if (lang == NULL || *lang == '\0')
		lang = getenv("LC_ALL");
	if (lang == NULL || *lang == '\0')
		lang = getenv("LC_MESSAGES");
	if (lang == NULL || *lang == '\0')
		lang = getenv("LANG");
	i18n_use(lang == NULL ? "en" : lang);
}
