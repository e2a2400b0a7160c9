/* One virtual card process: a card, its reader link and its controls. */
#ifndef TESTS_VCARD_VCARD_H
#define TESTS_VCARD_VCARD_H

#include "base/buf.h"
#include "tests/vcard/card.h"
#include "tests/vcard/fault.h"
#include "tests/vcard/journal.h"
#include "tests/vcard/link.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONTROL_CLIENTS 8
#define CONTROL_LINE 512

struct control_client {
	int fd; /* -1 = free */
	size_t used;
	char line[CONTROL_LINE];
};

struct control {
	int listen_fd; /* -1 = none */
	struct control_client client[CONTROL_CLIENTS];
};

/* An answer that waits for its time (latency, a hanging command). */
struct pending {
	bool active;
	bool lose; /* pull the card instead of answering */
	bool is_sign;
	int64_t start_ns;
	int64_t due_ns;
	struct buf answer;
};

struct vcard {
	struct card *card;
	struct card_quirks quirks;
	struct fault_list faults;
	struct counters counters;
	struct link link;
	struct pending pending;
	struct control control;
	FILE *log;
	bool quit;
};

/* Serves until quit is set or a signal asks for the end; 0 / -1. */
int vcard_serve(struct vcard *v);
/* The card leaves the reader; it forgets its session. */
void vcard_pull(struct vcard *v);

/* Listens on a unix socket for one command per line; 0 / -1. */
int control_open(struct control *c, const char *path);
void control_close(struct control *c);
/* Fills poll entries for the listener and the clients; how many. */
size_t control_poll(const struct control *c, struct pollfd *out);
/* Reads and executes what has arrived at those entries. */
void control_serve(struct vcard *v, const struct pollfd *in, size_t count);

/* Sets a quirk by name ("latency", "blocked-sw" hexadecimal, ...); 0 / -1. */
int quirk_set(struct card_quirks *q, const char *name, const char *value);

/* Sub-commands of the program; exit status. */
int vcard_run(int argc, char **argv);
int vcard_ctl(int argc, char **argv);
int vcard_launch(int argc, char **argv);
int vcard_ports(int argc, char **argv);
int vcard_wait(int argc, char **argv);

#endif
