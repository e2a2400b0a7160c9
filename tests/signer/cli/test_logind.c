/*
 * What logind.conf(5) says of processes that outlive a login, on folders
 * made for each case.
 */
#include "signer/cli/health.h"
#include "signer/cli/logind.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[300];
static int roots;

static void
fresh_root(void)
{
	snprintf(root, sizeof root, "%s/root%d", suite_dir_path(), roots++);
	CU_ASSERT_EQUAL(mkdir(root, 0700), 0);
}

/* Writes a file below the root with the folders that it needs. */
static void
put(const char *name, const char *text)
{
	char path[600];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL;
	     p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	f = fopen(path, "we");
	CU_ASSERT_FATAL(f != NULL);
	CU_ASSERT(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

#define MAIN "etc/systemd/logind.conf"
#define DROP(name) "etc/systemd/logind.conf.d/" name

static void
nothing_there_kills_nobody(void)
{
	fresh_root();
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
	put(MAIN, "[Login]\n#KillUserProcesses=yes\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
	put(MAIN, "KillUserProcesses=yes\n[Sleep]\nKillUserProcesses=yes\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
}

static void
yes_in_any_spelling_kills(void)
{
	static const char *const yes[] = {"yes", "true", "on", "1", " YES "};
	char text[100];

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		fresh_root();
		snprintf(text, sizeof text, "[Login]\nKillUserProcesses =%s\n",
		    yes[i]);
		put(MAIN, text);
		CU_ASSERT_TRUE(logind_kills(root, "tanaka"));
		CU_ASSERT_FALSE(logind_kills(root, "root"));
	}
}

static void
drop_ins_win_by_name(void)
{
	fresh_root();
	put(MAIN, "[Login]\nKillUserProcesses=no\n");
	put("usr/lib/systemd/logind.conf.d/20-b.conf",
	    "[Login]\nKillUserProcesses=yes\n");
	CU_ASSERT_TRUE(logind_kills(root, "tanaka"));
	put(DROP("10-a.conf"), "[Login]\nKillUserProcesses=no\n");
	CU_ASSERT_TRUE(logind_kills(root, "tanaka"));
	put(DROP("30-c.conf"), "[Login]\nKillUserProcesses=no\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
	put(DROP("40-not-read"), "[Login]\nKillUserProcesses=yes\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
}

static void
same_name_of_an_earlier_place_hides(void)
{
	fresh_root();
	put("usr/lib/systemd/logind.conf.d/20-b.conf",
	    "[Login]\nKillUserProcesses=yes\n");
	put(DROP("20-b.conf"), "");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
	put("usr/lib/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n");
	CU_ASSERT_TRUE(logind_kills(root, "tanaka"));
	put(MAIN, "[Login]\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
}

static void
lists_of_users_decide(void)
{
	fresh_root();
	put(MAIN, "[Login]\nKillUserProcesses=yes\n"
		  "KillExcludeUsers=suzuki tanaka\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
	CU_ASSERT_FALSE(logind_kills(root, "suzuki"));
	CU_ASSERT_TRUE(logind_kills(root, "tana"));
	CU_ASSERT_TRUE(logind_kills(root, "naka"));
	CU_ASSERT_TRUE(logind_kills(root, "root"));
	put(DROP("a.conf"), "[Login]\nKillExcludeUsers=\n"
			    "KillOnlyUsers=sato\n");
	CU_ASSERT_FALSE(logind_kills(root, "tanaka"));
	CU_ASSERT_TRUE(logind_kills(root, "sato"));
}

static void
lingering_is_a_file(void)
{
	fresh_root();
	CU_ASSERT_FALSE(logind_lingers(root, "tanaka"));
	put("var/lib/systemd/linger/tanaka", "");
	CU_ASSERT_TRUE(logind_lingers(root, "tanaka"));
	CU_ASSERT_FALSE(logind_lingers(root, "suzuki"));
}

/* What doctor says of it for a key of `owner`: the line's code, "" when all is
 * well. */
static void
doctor_says(char *owner, enum health_state state, const char *code)
{
	struct conf_key key = {.owner = owner};
	struct conf conf = {.keys = &key, .key_count = 1};
	struct health h = {0};
	unsigned lines = 0;

	health_host(&h, &conf, root);
	for (size_t i = 0; i < h.count; i++) {
		if (strcmp(h.line[i].subject, "logout") != 0)
			continue;
		lines++;
		CU_ASSERT_EQUAL(h.line[i].state, state);
		CU_ASSERT_STRING_EQUAL(h.line[i].code, code);
		CU_ASSERT_EQUAL(h.line[i].todo[0] == '\0', code[0] == '\0');
	}
	CU_ASSERT_EQUAL(lines, 1);
	health_free(&h);
}

static void
doctor_warns_the_keys_owner(void)
{
	char tanaka[] = "tanaka", suzuki[] = "suzuki";

	fresh_root();
	doctor_says(tanaka, HEALTH_GOOD, "");
	put(MAIN, "[Login]\nKillUserProcesses=yes\n"
		  "KillExcludeUsers=suzuki\n");
	doctor_says(tanaka, HEALTH_WARN, "logout-ends-keyholder");
	doctor_says(suzuki, HEALTH_GOOD, "");
}

SUITE_MAIN("cli/logind", CASE(nothing_there_kills_nobody),
    CASE(yes_in_any_spelling_kills), CASE(drop_ins_win_by_name),
    CASE(same_name_of_an_earlier_place_hides), CASE(lists_of_users_decide),
    CASE(lingering_is_a_file), CASE(doctor_warns_the_keys_owner))
