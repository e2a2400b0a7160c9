/*
 * The few settings of systemd-logind that matter for a process that outlives
 * a login.  Files are only read; what cannot be read counts as not there.
 */
#include "signer/cli/logind.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DROP_INS_MAX 64
#define PATH_ROOM 600
#define LIST_ROOM 1024

struct settings {
	bool kill;
	bool only_set, exclude_set;
	char only[LIST_ROOM], exclude[LIST_ROOM]; /* " user user " */
};

/* In the order of their precedence. */
static const char *const places[] = {"/etc/systemd", "/run/systemd",
    "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"};
#define PLACES (sizeof places / sizeof *places)

struct drop_in {
	char name[256];
	char path[PATH_ROOM];
};

static bool
is_true(const char *word)
{
	static const char *const words[] = {"1", "yes", "y", "true", "t", "on"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(word, words[i]) == 0)
			return true;
	return false;
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	return s;
}

/* An empty value takes the list back; else it is added. */
static void
add_users(char list[LIST_ROOM], const char *value)
{
	size_t n = strlen(list);

	if (*value == '\0')
		list[0] = '\0';
	else
		snprintf(list + n, LIST_ROOM - n, " %s ", value);
}

static void
take_line(struct settings *s, char *line)
{
	char *value = strchr(line, '=');

	if (value == NULL || *line == '#' || *line == ';')
		return;
	*value++ = '\0';
	line = trim(line);
	value = trim(value);
	if (strcmp(line, "KillUserProcesses") == 0) {
		s->kill = is_true(value);
	} else if (strcmp(line, "KillOnlyUsers") == 0) {
		s->only_set = *value != '\0';
		add_users(s->only, value);
	} else if (strcmp(line, "KillExcludeUsers") == 0) {
		s->exclude_set = true;
		add_users(s->exclude, value);
	}
}

static bool
read_settings(const char *path, struct settings *s)
{
	FILE *f = fopen(path, "re");
	bool ours = false;
	char line[1024];

	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL) {
		char *text = trim(line);

		if (*text == '[')
			ours = strcmp(text, "[Login]") == 0;
		else if (ours)
			take_line(s, text);
	}
	fclose(f);
	return true;
}

/* Only the first main file that is there counts. */
static void
read_main(const char *root, struct settings *s)
{
	char path[PATH_ROOM];

	for (size_t i = 0; i < PLACES; i++) {
		snprintf(
		    path, sizeof path, "%s%s/logind.conf", root, places[i]);
		if (read_settings(path, s))
			return;
	}
}

static bool
known(const struct drop_in *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

/* A name of an earlier place hides the same name of this one. */
static size_t
collect(const char *folder, struct drop_in *list, size_t n)
{
	DIR *dir = opendir(folder);
	const struct dirent *d;

	while (dir != NULL && n < DROP_INS_MAX && (d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name);

		if (d->d_name[0] == '.' || len < 6 ||
		    strcmp(d->d_name + len - 5, ".conf") != 0 ||
		    known(list, n, d->d_name))
			continue;
		snprintf(list[n].name, sizeof list[n].name, "%s", d->d_name);
		snprintf(list[n].path, sizeof list[n].path, "%.300s/%s", folder,
		    d->d_name);
		n++;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

static int
by_name(const void *a, const void *b)
{
	const struct drop_in *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
read_drop_ins(const char *root, struct settings *s)
{
	struct drop_in *list = calloc(DROP_INS_MAX, sizeof *list);
	char folder[PATH_ROOM];
	size_t n = 0;

	if (list == NULL)
		return;
	for (size_t i = 0; i < PLACES; i++) {
		snprintf(folder, sizeof folder, "%s%s/logind.conf.d", root,
		    places[i]);
		n = collect(folder, list, n);
	}
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++)
		read_settings(list[i].path, s);
	free(list);
}

static bool
listed(const char *list, const char *user)
{
	size_t n = strlen(user);

	for (const char *p = strstr(list, user); p != NULL;
	     p = strstr(p + 1, user))
		if (p > list && p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

bool
logind_kills(const char *root, const char *user)
{
	struct settings s = {0};

	read_main(root, &s);
	read_drop_ins(root, &s);
	if (!s.kill)
		return false;
	if (s.exclude_set ? listed(s.exclude, user) : strcmp(user, "root") == 0)
		return false;
	return !s.only_set || listed(s.only, user);
}

bool
logind_lingers(const char *root, const char *user)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof path, "%s/var/lib/systemd/linger/%s", root, user);
	return access(path, F_OK) == 0;
}
