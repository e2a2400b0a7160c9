/* What e-Gov says about file names, and names as URIs of References. */
#ifndef SIGNER_EXAM_EGOV_NAME_H
#define SIGNER_EXAM_EGOV_NAME_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum egov_name_use {
	EGOV_NAME_SIGNED,  /* named by a Reference */
	EGOV_NAME_ATTACHED /* in the folder only */
};

/*
 * 0: fine.  1: e-Gov may refuse the name; *cp is the character concerned.
 * -1: "egov-name-unsignable", ERR_INPUT: a file whose name, written as a
 * URI, different programs read differently.
 */
int egov_name_check(
    const char *name, enum egov_name_use use, uint32_t *cp, struct err *e);

/* Appends a file name as the URI of a Reference: UTF-8, every byte outside
 * the unreserved characters of RFC 3986 as %XX with upper-case digits.
 * 0 / -1 when memory is out. */
int egov_name_uri(struct buf *out, const char *name);

/* True for kousei.xml, and for kousei<digits>.xml of the individually signed
 * form (17 digits by convention). */
bool egov_name_is_kousei(const char *name);
/* True for kousei.xml itself. */
bool egov_name_is_main(const char *name);

/* True for a folder name of the form {手続ID} or {手続ID}(n). */
bool egov_name_is_folder(const char *name);

/* What Windows, macOS and Samba leave behind in folders and archives. */
bool egov_name_is_litter(const char *name);

#endif
