/* The only bytes a seal signs: canonical SignedInfo of known formats. */
#ifndef SIGNER_KEY_TEMPLATE_H
#define SIGNER_KEY_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/key/backend.h"

#include <stddef.h>

#define TEMPLATE_MAX_BYTES (48 * 1024)
#define TEMPLATE_MAX_REFERENCES 256

/* One Reference, borrowed from the matched bytes. */
struct template_reference {
	struct slice uri;    /* as written: "#RSH0010", "form_01.xml" */
	struct slice digest; /* base64 of 32 bytes */
};

struct template_match {
	const char *format; /* "etax", "etax-form", "egov" */
	const struct algorithm
	    *algorithm; /* the one its SignatureMethod names */
	size_t count;
	struct template_reference reference[TEMPLATE_MAX_REFERENCES];
};

/*
 * Compares `signed_info` byte for byte with the formats' templates: the
 * canonical form (C14N 1.0, in place, so with the namespaces and xml:*
 * attributes that it inherits) of a SignedInfo as natsuin writes it
 * (facts: e-Tax .xtx and its form-root family, e-Gov application), for this
 * signature algorithm.  0 and *m (borrowing from signed_info); -1 with
 * ERR_INPUT "not-a-signedinfo", or "algorithm-not-allowed".
 */
int template_match(struct slice signed_info, enum sign_algorithm a,
    struct template_match *m, struct err *e);

#endif
