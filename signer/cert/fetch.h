/* Fetching over the network, in a process that can do nothing else. */
#ifndef SIGNER_CERT_FETCH_H
#define SIGNER_CERT_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

#include <stdint.h>
#include <sys/types.h>

#define FETCHER_ROLE "--fetcher"
#define FETCH_HOSTS_MAX 32
#define FETCH_HOPS 4 /* the first address and three redirects */

/* One thing to fetch. */
struct fetch_order {
	const char *url;
	struct slice post; /* an OCSP request; empty: GET */
	const char *const *hosts;
	size_t host_count;
	int64_t connect_ms, total_ms;
	int64_t max; /* bytes */
	const char *proxy;
	struct slice ca; /* PEM that https servers are known by; empty: the
			  * system's */
	int out;         /* an empty file for the body */
};

/* What became of it. */
struct fetch_result {
	char why[40];     /* "" = fetched; else as in cert_revocation.why */
	char detail[200]; /* for the log */
	uint64_t size;
};

/* A running fetcher as its owner sees it. */
struct fetcher {
	int fd;
	pid_t pid;
};

/* Executes this program as a fetcher: it inherits standard error and one
 * socket.  0 / -1. */
int fetcher_start(struct fetcher *f, struct err *e);
/* Kills and reaps it; nothing when it does not run. */
void fetcher_stop(struct fetcher *f);
/* Sends one order with the limits and hosts of the configuration; never
 * waits.  The descriptor stays the caller's.  0 / -1. */
int fetcher_ask(struct fetcher *f, const struct conf_revoke *rules,
    const char *url, struct slice post, int out, struct err *e);
/* Receives the result: 1, 0 when the fetcher is gone, -1. */
int fetcher_receive(int fd, struct fetch_result *r, struct err *e);

/* The fetcher's main function: exit code. */
int fetcher_main(void);

/* Its parts: loading libcurl (before the process closes itself off; 0, or -1
 * with the reason in r), closing itself off, and fetching. */
int fetch_load(struct fetch_result *r);
int fetch_confine(int64_t max, struct err *e);
void fetch_url(const struct fetch_order *o, struct fetch_result *r);

#endif
