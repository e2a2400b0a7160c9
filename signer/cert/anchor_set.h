/* The inside of cert_anchors, for path building. */
#ifndef SIGNER_CERT_ANCHOR_SET_H
#define SIGNER_CERT_ANCHOR_SET_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct anchor {
	X509 *x;
	bool trusted; /* self-signed, and the signature holds */
};

struct cert_anchors {
	struct anchor *item;
	size_t count;
};

#endif
