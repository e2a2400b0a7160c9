/* Bounds of the configuration: on what is read, and on what is asked. */
#ifndef CONF_LIMITS_H
#define CONF_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_list {
	char **item;
	size_t count;
};

/* Where revocation is asked about, and how long that may take. */
struct conf_revoke {
	struct conf_list hosts; /* "crl.example.jp", "host:port" */
	struct conf_list crl;   /* absolute paths and URLs */
	char *ocsp_url;         /* or "" */
	bool nonce_required;
	int64_t refresh_ms; /* an answer older than this is asked for again */
	int64_t wait_ms;    /* the first signature waits at most so long */
	int64_t max_age_ms; /* answers older than this are stale */
	int64_t connect_ms, fetch_ms;
	int64_t fetch_max; /* bytes */
	char *proxy;       /* or "" */
	char *ca_file;     /* https servers are known by; "" = the system's */
};

struct conf_limits {
	int64_t document_max;    /* bytes of one XML document */
	int64_t drop_max;        /* bytes of all members of one drop */
	int64_t members_max;     /* files of a folder drop */
	int64_t archive_max;     /* entries of a ZIP drop */
	int64_t depth;           /* element nesting */
	int64_t attributes;      /* per element */
	int64_t namespaces;      /* in scope */
	int64_t ids;             /* per document */
	int64_t full_verify_max; /* bytes that xmlsec may be given */
	int64_t examiner_memory; /* RLIMIT_AS of an examiner, bytes */
	int64_t examiner_cpu_s;  /* CPU seconds per filing */
};

#endif
