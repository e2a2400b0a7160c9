/* SignedInfo and Signature as text, with the canonical form that is signed. */
#ifndef SIGNER_EXAM_SIGNEDINFO_H
#define SIGNER_EXAM_SIGNEDINFO_H

#include "base/err.h"
#include "signer/cert/algorithm.h"
#include "signer/exam/findings.h"
#include "signer/exam/scope.h"

/* One Reference, SHA-256. */
struct signedinfo_reference {
	const char *uri; /* as it is written: "#RSH0010", "kousei.xml" */
	bool c14n;       /* Transform C14N 1.0 (else no Transforms) */
	bool enveloped;  /* and enveloped-signature before it */
	uint8_t digest[FINDINGS_SHA256];
};

/*
 * The SignedInfo of rsa-sha256 with inclusive C14N 1.0, on one line without
 * white space, in a fixed order of attributes, empty elements written as two
 * tags: so all of it but its start tag is its own canonical form.
 *
 * prefix: of the Signature, declared there ("dsig"); "" = default namespace.
 * inherited: what the Signature's parent hands down (pass_result).
 * text: gets the element as it stands in the document.
 * canonical: gets what is hashed.  Its start tag is
 *	<[prefix:]SignedInfo, then for every namespace in scope, sorted by
 *	prefix, ` xmlns="URI"` or ` xmlns:p="URI"`, then for every inherited
 *	xml:* attribute, sorted, ` xml:name="value"`, and >;
 * what follows equals `text` after its start tag.
 *
 * Sources: facts/etax.md 1 "Signature profile", facts/egov.md 1.3; XML
 * Signature (W3C, 2008) 4.3, Canonical XML 1.0 (2001).  0 / -1 no memory.
 */
int signedinfo_write(const char *prefix,
    const struct signedinfo_reference *refs, size_t count,
    const struct scope *inherited, struct buf *text, struct buf *canonical);

/*
 * The same SignedInfo, text or canonical, for a signer with this algorithm:
 * only the value of SignatureMethod's Algorithm differs, and nothing else
 * depends on it (References are SHA-256 throughout).  Into `out`, which is
 * emptied first; 0 / -1 no memory.  Bytes that are no SignedInfo come back
 * as they are: the keyholder refuses them.
 */
int signedinfo_for(
    const struct algorithm *a, struct slice signed_info, struct buf *out);

/*
 * The duplicate key: SHA-256 over the list of lines "URI LF base64-digest
 * LF", sorted by their bytes.  The same content has the same key whatever
 * stands around it.  0 / -1 no memory.
 */
int signedinfo_duplicate(const struct signedinfo_reference *refs, size_t count,
    uint8_t key[FINDINGS_SHA256]);

/*
 * A whole Signature: Id, the given SignedInfo text, SignatureValue and the
 * signer's certificate, base64 on one line.  Appends; 0 / -1 no memory.
 */
int signedinfo_signature(struct buf *out, const char *prefix, const char *id,
    struct slice signed_info, struct slice value, struct slice certificate);

#endif
