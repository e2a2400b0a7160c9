/* A listening keyholder in a process of its own, for tests. */
#ifndef TESTS_LIB_KEYSERVER_H
#define TESTS_LIB_KEYSERVER_H

#include "signer/key/keyclient.h"
#include "signer/key/keyholder.h"

#include <sys/types.h>

struct keyserver {
	struct conf conf;
	struct conf_key key;
	struct keyholder_limits limits;
	pid_t pid;
	char log[300]; /* what the test key counted */
};

/* Settings for a test key with this fault script (may be ""), a PIN file
 * that is right, and folders of its own below the suite's directory. */
void keyserver_init(struct keyserver *s, const char *name, const char *script);
/* Unlocks and serves in a child; returns once it listens.  On failure to
 * unlock: -1 and the child's error. */
int keyserver_start(struct keyserver *s, struct err *e);
/* Waits for its end: the enum keyholder_end, or -1 when killed. */
int keyserver_wait(struct keyserver *s);
/* SIGTERM, then as above. */
int keyserver_stop(struct keyserver *s);
void keyserver_free(struct keyserver *s);

/* Connects and takes the greeting; descriptor, or -1. */
int keyserver_connect(const struct keyserver *s);
/* Its audit writer, which is its only child; or -1. */
pid_t keyserver_writer(const struct keyserver *s);
/* How often the test key was asked to do this ("unlock", "sign"). */
unsigned keyserver_count(const struct keyserver *s, const char *what);

#endif
