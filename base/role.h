/* The program as another process of its own: examiner, fetcher. */
#ifndef BASE_ROLE_H
#define BASE_ROLE_H

/*
 * In a new child: runs this program again with `role` as its only argument,
 * `name` as ps(1) shows it, and nothing open but the standard descriptors and
 * `fd`, which is 3 there (ROLE_FD).  Its environment has the locale alone, no
 * signal is blocked, those that end a batch are ignored (its owner decides),
 * and it dies with its owner.  Ends with 126 or 127 when that fails.
 */
#define ROLE_FD 3
_Noreturn void role_become(const char *name, const char *role, int fd);

#endif
