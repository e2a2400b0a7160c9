/*
 * The lock is on the folder of pcscd's own socket: every keyholder of the
 * machine sees that, whoever's it is and whatever a service manager shuts it
 * off from (a network namespace has abstract sockets of its own), and nothing
 * has to be made.  It ends with the process that holds it.
 */
#include "signer/key/pcsc_lock.h"

#include "base/clock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define SOCKET "/run/pcscd/pcscd.comm" /* as libpcsclite is built for it */
#define LOOK_NS 5000000

/* libpcsclite finds another pcscd than the machine's own by this variable. */
static int
open_folder(void)
{
	const char *name = getenv("PCSCLITE_CSOCK_NAME");
	char folder[PATH_MAX], *end;

	snprintf(folder, sizeof folder, "%s", name == NULL ? SOCKET : name);
	end = strrchr(folder, '/');
	if (end == NULL)
		return -1;
	end[1] = '\0';
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
pcsc_lock(int wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t end = clock_mono_ms() + wait_ms;
	int folder = open_folder();

	while (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0) {
		if (clock_mono_ms() >= end) {
			close(folder);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return folder;
}

void
pcsc_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}
