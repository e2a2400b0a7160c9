/* What a batch did, as plain values, and its writers. */
#ifndef SIGNER_REPORT_REPORT_H
#define SIGNER_REPORT_REPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "signer/exam/findings.h"
#include "signer/report/people.h"
#include "signer/report/revoked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The caller fills a struct report from the queue and calls the writers,
 * which only make bytes; putting them on disk is the caller's (fs_replace).
 * Every `char *` is owned by the report, set by report_text, and NULL means
 * "not known".  Times are wall clock milliseconds, 0 = not known.
 */

enum report_result {
	REPORT_PUBLISHED, /* signed, verified, delivered */
	REPORT_FAILED,    /* will not be signed as it is; in failed/ */
	REPORT_HELD,      /* waits for a card, a PIN, a disk, a person */
	REPORT_DUPLICATE, /* the same content was signed before */
	REPORT_DISCARDED, /* taken out by natsuin queue discard */
	REPORT_RESULT_MAX
};

/* A code of the explain table with this case's own words. */
struct report_remark {
	char *code;
	char *detail; /* a name, a line, a value; not translated */
};

/* What was looked at before a filing was published. */
enum report_check {
	REPORT_CHECK_SCHEMA,     /* valid by the procedure's schema */
	REPORT_CHECK_SIGNATURE,  /* output read back, verified by xmlsec1 */
	REPORT_CHECK_UNCHANGED,  /* nothing but signatures was added */
	REPORT_CHECK_VALIDITY,   /* certificate's period and key usage */
	REPORT_CHECK_PATH,       /* certificate leads to an anchor */
	REPORT_CHECK_REVOCATION, /* certificate is not revoked */
	REPORT_CHECK_MAX
};

enum report_check_state {
	REPORT_NOT_REACHED, /* the filing stopped before this check */
	REPORT_NOT_CHECKED, /* said plainly, with a code why */
	REPORT_PASSED,
	REPORT_NOT_PASSED
};

struct report_check_result {
	enum report_check_state state;
	char *code;   /* why not checked or not passed; may be NULL */
	char *detail; /* who said so and when, in words; may be NULL */
};

struct report_signer {
	char *key;     /* name in natsuin.conf; NULL: a signature that was
			* in the file already and is by none of our keys */
	char *name;    /* holder: 氏名, or the subject's CN */
	char *subject; /* whole subject, RFC 4514 */
	char *issuer;
	char *serial; /* hexadecimal */
	int64_t not_before_ms, not_after_ms;
	int64_t signed_ms; /* recorded time of the signature */
	bool already;      /* the signature was there before */
};

struct report_filing {
	char *job;            /* job id, for natsuin queue show */
	char *drop;           /* drop folder's name in natsuin.conf */
	char *input;          /* path below the drop folder */
	char *format;         /* "etax", "etax-form", "egov" */
	char *procedure;      /* "RSH0010", 手続ID */
	char *version;        /* VR, 様式バージョン */
	char *procedure_name; /* 手続名称 */
	char *taxpayer;       /* 氏名又は名称 */
	char *agent;          /* DAIRI_NM */
	char *user_id; /* 利用者識別番号, masked: report_user_id */
	char *period;
	enum report_result result;
	struct report_remark reason; /* unless published */
	struct report_remark *warnings;
	size_t warning_count;
	struct report_signer *signers;
	size_t signer_count;
	size_t nested_signatures; /* inside forms, e.g. 電子的控除証明書 */
	struct report_check_result check[REPORT_CHECK_MAX];
	struct report_revocation revocation;
	struct report_people people;
	char *schema; /* bundle, "RSH0010-23.2.0" */
	char *schema_sha256;
	char *input_sha256; /* hexadecimal */
	char *output_sha256;
	uint64_t input_size, output_size;
	char *output;   /* path below the spool: where it lies now (out/…,
			    * failed/… or, held, NULL) */
	char *original; /* path below the spool of the kept original */
	int64_t claimed_ms, finished_ms;
};

/* One key of the batch: shown with its expiry and tries left. */
struct report_key {
	char *name;
	char *holder;
	char *serial;
	char *where; /* reader or file */
	int64_t not_after_ms;
	int tries_left;                 /* -1 = cannot tell */
	uint64_t signatures;            /* made in this batch */
	struct report_remark *warnings; /* expiry, tries low, changed … */
	size_t warning_count;
};

struct report {
	char *batch;        /* id, also the folder's name */
	char *version;      /* of natsuin */
	char language[3];   /* "ja" (default) or "en": words of all writers */
	bool interrupted;   /* stopped early; the next run goes on */
	bool out_of_memory; /* sticks; the writers then refuse */
	int64_t started_ms, finished_ms;
	struct report_remark *warnings; /* of the batch as a whole */
	size_t warning_count;
	struct report_key *keys;
	size_t key_count;
	struct report_filing *filings;
	size_t filing_count;
	size_t filing_room;
};

void report_init(struct report *r, const char *language);
void report_free(struct report *r);

/* Sets a text field to a copy (NULL or "" clears it).  Text that is not
 * UTF-8 keeps its good characters, the others become U+FFFD. */
void report_text(struct report *r, char **field, const char *text);

/* Sets filing->user_id, masked: the whole number is never kept. */
void report_user_id(struct report *r, struct report_filing *f, const char *id);

/* Append a zeroed entry and return it (valid until the next one of its
 * kind is added to the same owner); NULL when memory is out. */
struct report_filing *report_add_filing(struct report *r);
struct report_key *report_add_key(struct report *r);
struct report_signer *report_add_signer(
    struct report *r, struct report_filing *f);

/* Adds a warning to a list: &f->warnings, &f->warning_count and so on. */
void report_warn(struct report *r, struct report_remark **list, size_t *count,
    const char *code, const char *detail);

/* Copies what the examiner found: format, procedure, names, masked number,
 * period, schema, warnings, number of nested signatures.  The SCHEMA check
 * becomes passed or, without a bundle, not checked. */
void report_take_findings(
    struct report *r, struct report_filing *f, const struct findings *found);

/* Filings with this result. */
size_t report_count(const struct report *r, enum report_result result);

/* "published", "failed", … for machines; and in words, translated. */
const char *report_result_name(enum report_result result);
const char *report_result_text(enum report_result result);

/* The moment the report speaks of: its end, or its start while it runs. */
int64_t report_now(const struct report *r);

/* Days of the calendar in Japan, as cert_days_left. */
int64_t report_days_left(int64_t then_ms, int64_t now_ms);

/*
 * The writers append to `out` in r->language.  0; -1 only when memory is
 * out (or was while the report was filled).
 */
/* The record: docs/report.schema.json. */
int report_write_json(const struct report *r, struct buf *out, struct err *e);
/* For Excel: UTF-8 with BOM, CRLF, no cell that Excel would compute. */
int report_write_csv(const struct report *r, struct buf *out, struct err *e);
/* For people: one self-contained page, also for A4. */
int report_write_html(const struct report *r, struct buf *out, struct err *e);
/* One line per filing and signer, ASCII column names, for machines and for
 * proof; CSV as above. */
int report_write_manifest(
    const struct report *r, struct buf *out, struct err *e);

#endif
