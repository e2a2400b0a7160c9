/*
 * Reads what is free on a card.  Sends no PIN, ever; the card stays usable
 * for others, and no command of theirs slips in between.
 */
#include "signer/key/jpki_info.h"

#include <string.h>

#define FIND_MS 1500

/* Any value that is not a number of tries means that it is unknown. */
static int
tries_left(struct pcsc *p, enum jpki_ef pin)
{
	int tries = jpki_tries(p, pin, NULL);

	return tries <= 15 ? tries : -1;
}

static void
read_all(struct pcsc *p, struct jpki_info *out)
{
	memcpy(out->reader, pcsc_reader_name(p), sizeof out->reader);
	if (jpki_label(p, out->label, NULL) != 0)
		out->label[0] = '\0';
	out->has_sign_cert = jpki_has_sign_cert(p);
	out->sign_tries = tries_left(p, JPKI_SIGN_PIN);
	out->auth_tries = tries_left(p, JPKI_AUTH_PIN);
	/* What one of them does not give stays empty. */
	jpki_read_der(p, JPKI_AUTH_CERT, &out->auth_certificate, NULL);
	jpki_read_der(p, JPKI_AUTH_CA, &out->auth_ca, NULL);
	jpki_read_der(p, JPKI_SIGN_CA, &out->sign_ca, NULL);
}

int
jpki_info_read(const char *filter, struct jpki_info *out, struct err *e)
{
	struct pcsc *p = pcsc_new(e);
	int result = -1;

	*out = (struct jpki_info){
	    .has_sign_cert = -1, .sign_tries = -1, .auth_tries = -1};
	if (p != NULL && jpki_find(p, filter, false, FIND_MS, e) == 0 &&
	    pcsc_begin(p, e) == 0) {
		/* Another program may have selected something meanwhile. */
		result = jpki_select(p, e);
		if (result == 0)
			read_all(p, out);
		/* Removed in between: an error, not an empty card. */
		if (result == 0)
			result = pcsc_check(p, e);
		pcsc_end(p);
	}
	pcsc_free(p);
	return result;
}

void
jpki_info_free(struct jpki_info *i)
{
	buf_free(&i->auth_certificate);
	buf_free(&i->auth_ca);
	buf_free(&i->sign_ca);
}
