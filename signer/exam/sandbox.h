/* The examiner's box: no files, no network, no programs, bounded. */
#ifndef SIGNER_EXAM_SANDBOX_H
#define SIGNER_EXAM_SANDBOX_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* 0 = this bound is not set. */
struct sandbox_limits {
	uint64_t memory; /* address space, bytes (not under sanitizers) */
	uint64_t cpu_s;  /* CPU seconds from now on; sandbox_cpu_renew */
	uint64_t files;  /* descriptors open at one time */
	uint64_t output; /* bytes of a file that is written (then EFBIG) */
};

/*
 * Opens now what libraries would open lazily later: OpenSSL's configuration,
 * algorithms and random numbers, libxml2, the CP932 and EUC-JP converters,
 * the time zone (fixed to Japan from here on), the message catalogue.  Once
 * per process, before verify_init and sandbox_enter.  0 / -1 ERR_CONFIG.
 */
int sandbox_prepare(struct err *e);

/* Closes every descriptor but 0-2 and the `count` ones of `keep` (in any
 * order).  0 / -1. */
int sandbox_keep_only(const int *keep, size_t count, struct err *e);

/*
 * From here on, for ever: only system calls that work on descriptors the
 * process has or is sent, on memory, and on time.  Any other call returns
 * EPERM to the library that made it and leaves a log line
 * "sandbox.refused call=openat number=257" (the first 32 of them).  Nobody
 * may attach to the process and it leaves no core file.  Single-threaded
 * processes only.  0; -1 ERR_CONFIG "sandbox-unavailable": the caller must
 * end, there is no running without it.
 */
int sandbox_enter(const struct sandbox_limits *limits, struct err *e);

/* A new job: `cpu_s` more seconds of CPU from now (SIGXCPU after that). */
int sandbox_cpu_renew(uint64_t cpu_s, struct err *e);

/* True for an end by this signal that means "over its CPU limit". */
int sandbox_is_cpu_signal(int signal_number);

#endif
