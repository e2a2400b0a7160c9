/* Trust anchors: the operator's folder, never the system's. */
#ifndef SIGNER_CERT_ANCHORS_H
#define SIGNER_CERT_ANCHORS_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

/*
 * Self-signed certificates are trusted; others only help to build a path to
 * one of those.
 */
struct cert_anchors;

/*
 * Loads each *.pem, *.crt, *.cer, *.der of a folder (PEM with one or many
 * certificates, or DER).  An empty folder gives an empty set.  NULL with
 * ERR_CONFIG: "anchors-unreadable", "anchor-malformed" naming the file.
 */
struct cert_anchors *cert_anchors_load(const char *dir, struct err *e);

/* From PEM text, as cert_anchors_pem wrote it; a descriptor or bytes. */
struct cert_anchors *cert_anchors_read(int fd, struct err *e);
struct cert_anchors *cert_anchors_parse(struct slice pem, struct err *e);

/* All certificates as PEM, for an examiner.  0 / -1. */
int cert_anchors_pem(
    const struct cert_anchors *a, struct buf *out, struct err *e);

/* Number of certificates, and of trusted (self-signed) ones. */
size_t cert_anchors_count(const struct cert_anchors *a);
size_t cert_anchors_trusted(const struct cert_anchors *a);

/* Appends the DER of the i-th certificate.  0 / -1. */
int cert_anchors_der(const struct cert_anchors *a, size_t i, struct buf *out);

/* NULL is accepted. */
void cert_anchors_free(struct cert_anchors *a);

#endif
