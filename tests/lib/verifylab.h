/* Signatures of made-up documents, and what the referee says of them. */
#ifndef TESTS_LIB_VERIFYLAB_H
#define TESTS_LIB_VERIFYLAB_H

#include "signer/exam/verify.h"

#define DS "http://www.w3.org/2000/09/xmldsig#"
#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define RSA_SHA512 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define ENVELOPED DS "enveloped-signature"
#define CONFIG "%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1"

#define TRANSFORM(uri) "<dsig:Transform Algorithm=\"" uri "\"/>"
#define REFERENCE(uri, transforms, digest)                                     \
	"<dsig:Reference URI=\"" uri "\">" transforms                          \
	"<dsig:DigestMethod Algorithm=\"" digest                               \
	"\"/><dsig:DigestValue/></dsig:Reference>"
#define PLAIN "<dsig:Transforms>" TRANSFORM(C14N) "</dsig:Transforms>"
#define SIGNATURE(id, c14n, method, references)                                \
	"<dsig:Signature xmlns:dsig=\"" DS "\" Id=\"" id                       \
	"\"><dsig:SignedInfo><dsig:CanonicalizationMethod Algorithm=\"" c14n   \
	"\"/><dsig:SignatureMethod Algorithm=\"" method "\"/>" references      \
	"</dsig:SignedInfo><dsig:SignatureValue/><dsig:KeyInfo><dsig:X509Data" \
	"/></dsig:KeyInfo></dsig:Signature>"
#define C14N_TWICE TRANSFORM(C14N) TRANSFORM(C14N)

/* The last judgement; freed at the program's end. */
extern struct verify_report report;
extern struct err error;

/* Judges one document by a profile, with members; what verify_document
 * returns. */
int verifylab_judge(const struct verify_profile *p, struct slice xml,
    const struct verify_member *members, size_t count, bool legacy);

bool verifylab_whole(const struct verify_signature *s);

/* Asserts value, references, coverage and problem of the first signature. */
void verifylab_expect(
    bool value, bool references, bool covers, const char *problem);

/* Reads a sample and judges it, SHA-1 allowed; -2 and a visible skip where
 * there are no samples. */
int verifylab_sample(const char *name, const struct verify_profile *p,
    const struct verify_member *members, size_t count);

#endif
