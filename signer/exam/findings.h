/* What an examiner reports about one drop: the plain values of a filing. */
#ifndef SIGNER_EXAM_FINDINGS_H
#define SIGNER_EXAM_FINDINGS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/ipc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDINGS_SHA256 32
#define FINDINGS_SIGNERS_MAX 8 /* signers of one drop folder */
#define FINDINGS_KEYS_MAX 32   /* keys that these come from */

/* A remark that refuses nothing: shown in the report. */
struct finding {
	char code[40];    /* stable, ASCII, e.g. "character-narrow-set" */
	char detail[200]; /* this case: a name, a line, a value */
};

/*
 * A signature found in (or, after verification, read back from) a document.
 * `covers` tells what its Reference digests.
 */
struct found_signature {
	char part[200];      /* document: "" for e-Tax, "kousei.xml", … */
	char id[80];         /* Signature/@Id, or "" */
	char method[80];     /* SignatureMethod URI */
	char reference[200]; /* first Reference URI as written */
	bool filing;         /* at a place where a filing signature stands;
			      * false: nested, e.g. 電子的控除証明書 */
	bool value_ok;       /* SignatureValue verifies with its certificate */
	bool references_ok;  /* all digests match */
	bool covers_filing;  /* the digested node is the one the format names */
	bool legacy;         /* SHA-1; only with allow-legacy */
	uint8_t spki[FINDINGS_SHA256]; /* SHA-256 of the public key (SPKI) */
	char problem[40]; /* why a flag is false: a code; "" = all is well */
	char detail[200]; /* the URI, algorithm or name concerned */
	struct buf certificate; /* DER, or empty */
};

/* One document of a drop that is to be signed. */
struct found_part {
	char name[200];         /* member name; "" for e-Tax */
	struct buf signed_info; /* canonical SignedInfo: what is hashed and
				  * signed; equal for every signer */
	struct buf plan;        /* opaque: goes back into the build request */
	uint8_t duplicate[FINDINGS_SHA256]; /* SHA-256 over the sorted
				  * (Reference URI, DigestValue) list */
	uint32_t signed_by; /* bit i: signer i of the request has already
				  * signed this part, validly */
};

struct judged;

/* Who was to sign, and who does: filled by the batch, once a key is chosen. */
struct found_people {
	char must[12];    /* "accountant", "taxpayer"; "" = not asked */
	char wanted[200]; /* that person's name in the filing */
	char holder[200]; /* the certificate's */
	char key[40];     /* whose certificate */
	char verdict[12]; /* in the words of signer/cert/name.h */
	char why[16], how[96];
	bool refused; /* it was not signed for this */
};

struct findings {
	char format[24];    /* submission_format.name */
	char procedure[24]; /* "RSH0010", 手続ID */
	char version[24];   /* VR, or 様式バージョン */
	char procedure_name[200];
	char taxpayer_name[200]; /* 氏名又は名称 */
	char taxpayer_id[24];    /* 利用者識別番号 NOZEISHA_ID, or "" */
	char representative[200]; /* of a firm: DAIHYO_NM, 申請者情報 氏名 */
	char agent_name[200];     /* DAIRI_NM */
	char agent_id[24];        /* DAIRI_ID */
	char period[64];          /* resubmission key, e.g. "5070101-5071231" */
	char schema[80];          /* bundle name "RSH0010-23.2.0", or "" */
	char schema_sha256[65]; /* of the bundle; "" = not validated */
	uint32_t unfit;     /* bit i: key i of the request is not to sign it,
				  * another one of its pool is */
	bool etax;          /* Ids are _<16 digits><17 digits>; else 14 */
	bool unsigned_only; /* nothing to sign, package as it is */
	bool refused;       /* names only, as far as it was read */
	bool several;       /* applications of several people: the names are
			     * the first one's */
	struct found_people people;
	struct finding *warnings;
	size_t warning_count;
	struct found_signature *signatures;
	size_t signature_count;
	struct found_part *parts;
	size_t part_count;
	struct judged *judged; /* verify, where it is wanted: more of it
				* (judged.h); NULL else */
};

void findings_init(struct findings *f);
void findings_free(struct findings *f);
/* Keeps of a refused filing only what tells people which one it is. */
void findings_refuse(struct findings *f);

/* Adds a warning, a signature, a part (zeroed, owned by f); NULL when memory
 * is out or there are more than 4,096 (warnings: the last says "more"). */
int findings_warn(struct findings *f, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct found_signature *findings_add_signature(struct findings *f);
struct found_part *findings_add_part(struct findings *f);

/* One signature; `certificate` is what travels as its certificate. */
void findings_put_signature(struct ipc_msg *m, const struct found_signature *s,
    struct slice certificate);
void findings_get_signature(struct ipc_msg *m, struct found_signature *s);

/*
 * Everything but the parts and `judged`, encoded for a message or for the
 * queue's record: at most about 48 KiB.  What would exceed that (certificates
 * of nested signatures, then surplus signatures) is left out.  Reading: 0, or
 * -1 on anything malformed (f is then empty).
 */
void findings_put(struct ipc_msg *m, const struct findings *f);
int findings_get(struct ipc_msg *m, struct findings *f);

/* One part, whole; signed_info and plan together are at most 48 KiB. */
#define FINDINGS_PART_MAX (48 * 1024)
void findings_put_part(struct ipc_msg *m, const struct found_part *p);
int findings_get_part(struct ipc_msg *m, struct found_part *p);

#endif
