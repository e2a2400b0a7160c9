/* What `natsuin init --demo` puts into a fresh spool; all of it made up. */
#ifndef SIGNER_CLI_DEMO_H
#define SIGNER_CLI_DEMO_H

#include "base/buf.h"
#include "base/err.h"
#include "schemas/archive.h"

#include <stddef.h>

/* 16 digits each; the demo's filings name them. */
#define DEMO_AGENT_ID "9900000000000001"

/* The configuration of the demo, below the folder that it stands in. */
const char *demo_conf(void);

/*
 * Makes the demo's CA, two keys in anchors/ and keys/, schema bundles in
 * schemas/ and filings in in/, below `dir`, where these folders must be.
 * Nothing is overwritten.  0 / -1.
 */
int demo_keys(int dir, struct err *e);
int demo_schemas(const char *path, struct err *e);
int demo_filings(int dir, struct err *e);

/* The XSD files of schemas/demo, which are part of the program. */
int demo_xsd(struct archive *a, struct err *e);

/*
 * One certificate of the demo with its key: the CA when `issuer` is NULL.
 * PEM of the certificate to `pem`; for a signer the PKCS#12 file under `pin`
 * to `p12`.  `serial` > 0; `name` is the subject's CN.
 */
struct demo_ca;
struct demo_ca *demo_ca_new(struct buf *pem, struct err *e);
void demo_ca_free(struct demo_ca *ca);
int demo_signer(struct demo_ca *ca, const char *name, long serial,
    const char *pin, struct buf *p12, struct err *e);

#endif
