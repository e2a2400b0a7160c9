/* From a certificate up to one of the configured anchors. */
#ifndef SIGNER_CERT_PATH_H
#define SIGNER_CERT_PATH_H

#include "signer/cert/check.h"

/*
 * Builds and checks the path of a DER certificate at v->at_ms: fills v->path,
 * path_names, anchor.  Of all ways up to a trust anchor the first good one is
 * the path; when there is none, adds one problem per distinct fault of the
 * best of them (the certificate's own dates are cert_check's).  The work is
 * bounded as path_search.h says.  0, or -1 when memory is out.
 */
int cert_path_check(const struct cert_anchors *anchors, struct slice der,
    struct cert_verdict *v, struct err *e);

/* Adds a problem or warning once per code; a full list keeps what it has. */
void cert_add_problem(struct cert_verdict *v, const char *code, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
void cert_add_warning(struct cert_verdict *v, const char *code, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

#endif
