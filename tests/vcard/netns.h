/* A private network and /run for pcscd and its cards. */
#ifndef TESTS_VCARD_NETNS_H
#define TESTS_VCARD_NETNS_H

#include <sys/types.h>

/*
 * Moves this process into a new network whose loopback is up (vpcd listens
 * on every address) and gives it an empty /run with a /run/pcscd that all
 * may write (pcscd insists on one).  An ordinary user gets a user namespace
 * with it and keeps its own ids there.  0, or -1 with errno where the
 * machine forbids it.
 */
int netns_enter(void);

/* Joins the network of another process; 0 / -1 with errno. */
int netns_join(pid_t pid);

#endif
