/*
 * What a listening keyholder needs before it asks for a PIN: its rights, its
 * users, its folder.
 */
#include "tests/lib/keyserver.h"
#include "tests/lib/suite.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct keyserver server;

static void
socket_has_narrow_rights(void)
{
	char *used_by[] = {(char[]){"65534"}};
	char path[400];
	struct stat st;
	struct err e = {0};

	for (unsigned i = 0; i < 2; i++) {
		keyserver_init(&server, "rights", "");
		if (i == 1)
			server.key.used_by = (struct conf_list){used_by, 1};
		CHECK_OK(keyserver_start(&server, &e), &e);
		snprintf(
		    path, sizeof path, "%s/rights.sock", server.conf.run_dir);
		CU_ASSERT_EQUAL(lstat(path, &st), 0);
		CU_ASSERT(S_ISSOCK(st.st_mode));
		if (getgrnam("natsuin") != NULL) {
			CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
		} else {
			CU_ASSERT_EQUAL(
			    st.st_mode & 07777, i == 0 ? 0600U : 0666U);
		}
		keyserver_stop(&server);
		keyserver_free(&server);
	}
}

static void
configuration_is_checked_before_the_pin(void)
{
	char *nobody[] = {(char[]){"no-such-user"}};
	struct err e = {0};

	keyserver_init(&server, "early", "");
	server.key.used_by = (struct conf_list){nobody, 1};
	CHECK_CODE(keyserver_start(&server, &e), &e, "user-unknown");
	server.key.used_by.count = 0;
	server.key.owner = (char[]){"4711"};
	CHECK_CODE(keyserver_start(&server, &e), &e, "not-key-owner");
	server.key.owner = NULL;
	free(server.conf.run_dir);
	server.conf.run_dir = strdup("/nonexistent/run");
	CHECK_CODE(keyserver_start(&server, &e), &e, "run-dir-unusable");
	CU_ASSERT_EQUAL(keyserver_count(&server, "unlock"), 0);
	keyserver_free(&server);
}

SUITE_MAIN("keyserver_setup", CASE(socket_has_narrow_rights),
    CASE(configuration_is_checked_before_the_pin))
