/* What a certificate says: DER to plain values. */
#ifndef SIGNER_CERT_CERT_H
#define SIGNER_CERT_CERT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/ipc.h"
#include "signer/cert/profile.h"

#include <stdbool.h>
#include <stdint.h>

#define CERT_SHA256 32
#define CERT_KEYID_MAX 32
#define CERT_POLICIES_MAX 8

/* keyUsage bits (RFC 5280 4.2.1.3), bit n = 1 << n. */
enum cert_usage {
	CERT_DIGITAL_SIGNATURE = 1 << 0,
	CERT_NON_REPUDIATION = 1 << 1,
	CERT_KEY_ENCIPHERMENT = 1 << 2,
	CERT_DATA_ENCIPHERMENT = 1 << 3,
	CERT_KEY_AGREEMENT = 1 << 4,
	CERT_KEY_CERT_SIGN = 1 << 5,
	CERT_CRL_SIGN = 1 << 6
};

/* From the JPKI otherNames; "" where absent.  Personal data: names go into
 * reports, nothing of this into logs. */
struct cert_holder {
	char name[200];       /* 氏名, else the subject's CN */
	char address[620];    /* 住所, at most 200 characters */
	char birth[16];       /* as coded: EYYYYMMDD */
	char sex[4];          /* 1, 2, 3 or 9 */
	char name_flags[204]; /* "1" per substitute character */
	char address_flags[204];
	bool from_names; /* name is from otherName, not from CN */
};

struct cert_info {
	char subject[512]; /* "C=JP, O=…", UTF-8, as ordered in DER */
	char issuer[512];
	char serial[64]; /* hex, lower case, no leading zeros */
	int64_t not_before_ms, not_after_ms; /* since 1970 UTC */
	char key_type[16];                   /* "RSA", "EC", else a name */
	int key_bits;
	char curve[24];
	char signature_algorithm[48]; /* "sha256WithRSAEncryption" */
	bool has_usage;
	unsigned usage; /* enum cert_usage bits */
	bool ca;
	bool self_issued;      /* subject and issuer are the same name */
	bool unknown_critical; /* a critical extension OpenSSL cannot process */
	char policies[CERT_POLICIES_MAX][64]; /* dotted */
	unsigned policy_count;
	uint8_t ski[CERT_KEYID_MAX], aki[CERT_KEYID_MAX];
	unsigned ski_len, aki_len;
	uint8_t spki[CERT_SHA256];   /* SHA-256 of SubjectPublicKeyInfo */
	uint8_t sha256[CERT_SHA256]; /* fingerprint of the whole DER */
	struct cert_profile profile; /* the kind, with its rules */
	struct cert_holder holder;
};

/* Reads exactly one DER certificate (nothing after it); its kind is a
 * built-in one (cert_check looks at the configuration's too).  0; -1
 * ERR_CERTIFICATE "certificate-malformed". */
int cert_parse(struct slice der, struct cert_info *out, struct err *e);

/* SHA-256 of the certificate's SubjectPublicKeyInfo.  0 / -1 as above. */
int cert_spki(struct slice der, uint8_t out[CERT_SHA256], struct err *e);

/* Finds the certificate in a PEM or DER file's bytes and appends its DER;
 * the first one when there are several.  0 / -1 as above. */
int cert_from_file(struct slice bytes, struct buf *der, struct err *e);

/* Is its validity over?  notAfter is the last valid second (RFC 5280
 * 4.1.2.5). */
bool cert_is_over(int64_t not_after_ms, int64_t at_ms);
/* Days of the calendar in Japan to the last one: 0 on that day; once it is
 * over, negative. */
int64_t cert_days_left(int64_t not_after_ms, int64_t at_ms);

/* "2026-11-22 18:00:00 JST" of a time in ms UTC; size >= 32. */
char *cert_time_text(int64_t ms, char *out, size_t size);

#endif
