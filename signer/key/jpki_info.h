/* What a My Number card shows without its password: for cert and doctor. */
#ifndef SIGNER_KEY_JPKI_INFO_H
#define SIGNER_KEY_JPKI_INFO_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/key/jpki_card.h"

struct jpki_info {
	char reader[PCSC_NAME_MAX];
	char label[JPKI_LABEL_SIZE]; /* "" when it cannot be read */
	int has_sign_cert;           /* 1, 0, -1 = the card does not say */
	int sign_tries;              /* left; -1 = the card does not say */
	int auth_tries;
	/* DER; empty when the card does not give it. */
	struct buf auth_certificate;
	struct buf auth_ca;
	struct buf sign_ca;
};

/*
 * Reads the JPKI card in the reader whose name contains `filter` ("" = any),
 * sharing it with other programs.  0; -1 as jpki_find: "card-in-use" while
 * a keyholder has it (ask that one).  Free *out in any case.
 */
int jpki_info_read(const char *filter, struct jpki_info *out, struct err *e);
void jpki_info_free(struct jpki_info *i);

#endif
