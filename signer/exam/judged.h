/* What `natsuin verify` is told of a file, beyond its findings: each
 * Reference, and what no signature protects. */
#ifndef SIGNER_EXAM_JUDGED_H
#define SIGNER_EXAM_JUDGED_H

#include "base/buf.h"
#include "base/ipc.h"
#include "signer/exam/findings.h"

#include <stdbool.h>
#include <stddef.h>

#define JUDGED_SIGNATURES_MAX 1000
#define JUDGED_REFERENCES_MAX 64 /* that are told one by one */
#define JUDGED_ITEMS_MAX 64      /* likewise */

/* What a Reference points at. */
enum judged_names {
	JUDGED_NOTHING,  /* nothing that may be looked at */
	JUDGED_FILING,   /* the very element that the format names */
	JUDGED_ELEMENT,  /* another element of the document */
	JUDGED_DOCUMENT, /* URI="" */
	JUDGED_FILE      /* a file of the application */
};

struct judged_reference {
	char uri[300];   /* as written */
	char digest[80]; /* DigestMethod URI */
	char where[240]; /* the element's path, or the file's name */
	enum judged_names names;
	bool checked; /* false: it was not digested */
	bool ok;      /* the digest matches */
};

enum uncovered_what {
	UNCOVERED_ELEMENT, /* with all below it */
	UNCOVERED_ATTRIBUTE,
	UNCOVERED_TEXT,
	UNCOVERED_INSTRUCTION, /* a processing instruction */
	UNCOVERED_FILE
};

struct uncovered_item {
	enum uncovered_what what;
	bool by_format;  /* this format never signs it */
	char where[240]; /* "/DATA/x:IT", "/DATA/@id", a file's name */
};

/* Starts as {0}; coverage_free. */
struct coverage {
	struct uncovered_item *items;
	size_t count;
	size_t more;       /* further ones, not listed */
	size_t unexpected; /* that are not by_format, listed or not */
};

/* Notes an item; one beyond the 64th is only counted.  0 / -1 memory. */
int coverage_add(struct coverage *c, enum uncovered_what what, bool by_format,
    const char *where);
void coverage_free(struct coverage *c);

/* When the signer says that it signed. */
enum judged_claim {
	JUDGED_NO_CLAIM,
	JUDGED_CLAIM_ID,   /* in Signature/@Id, which nothing protects */
	JUDGED_CLAIM_XADES /* in a SigningTime of the signature */
};

struct judged_signature {
	struct found_signature found; /* with its certificate */
	enum judged_claim claim;
	char claimed[40]; /* "20261122180000[123]", or as it is written */
	struct judged_reference *references;
	size_t reference_count, references_more;
	struct coverage uncovered; /* by this signature */
};

/* A file.  Starts as {0}; judged_free. */
struct judged {
	struct finding fault; /* why the document is not as its format says;
			       * code "" = it is */
	bool unsigned_part;   /* something that has to be signed has no
			       * signature at all */
	struct judged_signature *signatures;
	size_t count;
	struct coverage uncovered; /* files, by no signature that holds */
};

/* A zeroed signature, owned by j; NULL when memory is out, or when there are
 * 1,000 (the fault then is "limit-signatures"). */
struct judged_signature *judged_add(struct judged *j);
/* The first fault stays. */
void judged_fault(struct judged *j, const char *code, const char *detail);
void judged_free(struct judged *j);

/* Messages: sends one or several per signature and one for the file.  The
 * receiver takes each MSG_JUDGED_…  0 / -1. */
int judged_send(int fd, const struct judged *j, struct err *e);
void judged_take(struct judged *j, struct ipc_msg *m);

#endif
