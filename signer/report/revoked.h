/* What is known of a certificate's revocation, in words. */
#ifndef SIGNER_REPORT_REVOKED_H
#define SIGNER_REPORT_REVOKED_H

#include "signer/cert/revocation.h"

#include <stddef.h>
#include <stdint.h>

/* Who was asked about revocation, for machines. */
struct report_revocation {
	char *state; /* "good", "not-checked", …; NULL: not reached */
	char *why, *kind, *source, *note;
	bool cached;
	int64_t checked_ms, produced_ms, until_ms;
};

#define REVOKED_TEXT 900

/* "not revoked (OCSP http://…, as of …, good until …)", or why nobody knows;
 * in the language in use.  Returns out. */
char *revoked_text(const struct cert_revocation *r, char *out, size_t size);

/* The code that explains "not checked": "revocation-timeout". */
char *revoked_code(const struct cert_revocation *r, char out[64]);

#endif
