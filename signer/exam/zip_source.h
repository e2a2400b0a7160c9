/* Descriptors as libzip's sources, so that libzip never sees a path. */
#ifndef SIGNER_EXAM_ZIP_SOURCE_H
#define SIGNER_EXAM_ZIP_SOURCE_H

#include "base/err.h"
#include "signer/exam/zip.h"

#include <zip.h>

/*
 * Each makes a source that libzip frees; NULL when memory is out.  The
 * descriptors stay the caller's.  `io` (may be NULL) gets the first failed
 * system call, since libzip itself keeps only an errno.
 */

/* An existing archive, read by pread. */
zip_source_t *zip_source_input(int fd, struct err *io);

/* A new archive: an empty file that is written by position. */
zip_source_t *zip_source_output(int fd, struct err *io);

/* A member's content, put together from pieces (copied). */
zip_source_t *zip_source_pieces(
    const struct zip_piece *pieces, size_t count, struct err *io);

#endif
