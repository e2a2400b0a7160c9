/* Inside the e-Gov format: a drop as read, shared by its four files. */
#ifndef SIGNER_EXAM_EGOV_H
#define SIGNER_EXAM_EGOV_H

#include "signer/exam/egov_drop.h"
#include "signer/exam/format.h"
#include "signer/exam/kousei.h"

#define EGOV_FORMAT "egov"
/* "#" and 構成情報 in UTF-8, percent-encoded with upper-case digits. */
#define EGOV_CONFIG_URI "#%E6%A7%8B%E6%88%90%E6%83%85%E5%A0%B1"

extern const struct submission_format format_egov;

/* A kousei*.xml of the drop. */
struct egov_document {
	struct kousei k;
	struct egov_application *application;
	struct egov_file *file;
	bool sign;      /* false for kousei.xml of an individually signed one */
	bool alone;     /* the application's files are not at hand */
	char part[200]; /* "<folder>/<file>" as in the output */
};

struct egov {
	struct egov_drop drop;
	struct egov_document *documents; /* by application, then by name */
	size_t count;
};

/*
 * Reads the whole drop and binds the names in its documents to its files:
 * from then on each application has its output folder and each file its
 * output name.  Warnings go to f (may be NULL).  -1 ERR_INPUT: what
 * egov_drop_open and kousei_read refuse, "egov-no-main", "egov-two-mains",
 * "egov-mixed-forms", "egov-not-listed", "egov-listed-twice",
 * "egov-name-reserved", "egov-name-unsignable", "egov-procedure";
 * "egov-member-missing" and "xml-truncated" are ERR_TRANSIENT_IO when
 * `wait`, for a folder that may not be complete yet.  g is freed by
 * egov_close (also by egov_open itself on error).
 */
int egov_open(struct egov *g, const struct drop *d,
    const struct exam_limits *limits, bool wait, struct findings *f,
    struct err *e);
void egov_close(struct egov *g);

/* The i-th file that a Signature in this document references, after
 * 構成情報: forms in document order, or the one attachment; NULL at the
 * end. */
const char *egov_signed_name(const struct egov_document *doc, size_t i);

/* The document with this part name, or NULL. */
struct egov_document *egov_document(struct egov *g, const char *part);

/* The document that this file is, or NULL. */
const struct egov_document *egov_document_of(
    const struct egov *g, const struct egov_file *f);

/* Slots of format_egov; see format.h. */
int egov_build(const struct drop *d, const struct exam_options *o,
    const struct slice *plans, size_t plan_count,
    const struct new_signature *sigs, size_t sig_count, int64_t when_ms,
    int out, struct built *b, struct err *e);
int egov_verify(const struct drop *output, const struct drop *input,
    const struct exam_options *o, struct findings *f, struct err *e);

/* Names, procedure and applicant of the first application. */
void egov_describe(const struct egov *g, struct findings *f);

/*
 * Judges the Signatures in 署名情報 of one document by the referee and adds
 * them to f (certificates, flags).  0 when they could be judged; with
 * `strict` the first that is not whole is an error.
 */
int egov_judge(const struct egov *g, const struct egov_document *doc,
    const struct exam_options *o, bool strict, struct findings *f,
    struct err *e);

/* The referee on a document whose files are those of its application (with
 * q->absent: none).  q has its part, options and limits. */
struct verify_request;
struct verify_report;
int egov_referee(const struct egov_drop *d, const struct egov_application *a,
    const struct egov_file *file, struct verify_request *q,
    struct verify_report *report, struct err *e);

/* A file that nobody names, beside what e-Gov's own skeletons contain. */
bool egov_is_stray(const struct egov_file *f);

/* For people who verify (egov_tell.c).  Which files no signature that holds
 * digests, once all were judged: 0 / -1 memory. */
int egov_tell_files(const struct egov *g, struct judged *j);
/* A drop that egov_open refused with *e: its signatures all the same, and
 * what is wrong as the fault.  0; -1 with *e as it was, or worse. */
int egov_tell_broken(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e);
/* One document of an application without the rest. */
bool egov_is_plain(const struct drop *d);
int egov_tell_plain(const struct drop *d, const struct exam_options *o,
    struct findings *f, struct err *e);

/* A part's plan: its name and the generic plan (plan.h). */
struct plan;
int egov_plan_put(const char *part, const struct plan *p, struct buf *out);
int egov_plan_get(
    struct slice encoded, char part[200], struct plan *p, struct err *e);

#endif
