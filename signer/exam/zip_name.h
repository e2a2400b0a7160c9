/* File names as they come out of ZIP archives and from different systems. */
#ifndef SIGNER_EXAM_ZIP_NAME_H
#define SIGNER_EXAM_ZIP_NAME_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* A member's name with its NUL; longer ones are refused. */
#define ZIP_NAME_MAX 200

/*
 * A raw name from an archive's directory to UTF-8, appended to out with a
 * NUL that is not counted.  `flagged` says that the archive calls it UTF-8
 * (general-purpose bit 11).  Without the flag well-formed UTF-8 is taken as
 * such (macOS), anything else as CP932 (Windows in Japanese; e-Gov's own
 * archives of 2015).  -1: "zip-name-encoding", class ERR_INPUT.
 */
int zip_name_decode(
    struct slice raw, bool flagged, struct buf *out, struct err *e);

/*
 * Refuses a name that could mean another place or another file: empty, a
 * leading slash or drive letter, a backslash, an empty, "." or ".."
 * component, a control character, too long.  A last slash (a folder's entry)
 * is accepted.  -1: "zip-name-unsafe" or "name-too-long", ERR_INPUT.
 */
int zip_name_check(const char *name, struct err *e);

/* True when two UTF-8 names are the same after normalisation to NFC: macOS
 * writes the voiced marks of kana apart. */
bool zip_name_same(const char *a, const char *b);

/* Appends the name in NFC with an uncounted NUL; 0 / -1 ("out-of-memory",
 * or "zip-name-encoding" for what is not UTF-8). */
int zip_name_nfc(const char *name, struct buf *out, struct err *e);

#endif
