/* A drop of e-Gov applications: folder or ZIP, one or several, as files. */
#ifndef SIGNER_EXAM_EGOV_DROP_H
#define SIGNER_EXAM_EGOV_DROP_H

#include "signer/exam/format.h"
#include "signer/exam/zip.h"
#include "signer/exam/zip_name.h"

#define EGOV_FOLDER_MAX 160

/* A file of an application: a range of a descriptor. */
struct egov_file {
	char *name; /* within the folder; in the end as the output has it */
	int fd;     /* borrowed */
	uint64_t offset;
	uint64_t size;
	size_t index; /* of the archive's member, or of the drop's */
	bool listed;  /* a kousei document names it */
	bool covered; /* a signature that holds digests it */
};

struct egov_application {
	/* The folder in the output: the input's own, or, for files that lay
	 * in none, the drop's name if it is of the form {手続ID} or
	 * {手続ID}(n); "" while that waits for the 手続ID. */
	char folder[EGOV_FOLDER_MAX];
	struct egov_file *files; /* sorted by name */
	size_t count;
};

/* Sorted by folder. */
struct egov_drop {
	struct zipin zip; /* store -1: the drop was a folder */
	bool folder;
	struct egov_application *applications;
	size_t count;
	char skipped[ZIP_NAME_MAX]; /* a file that was left out, or "" */
};

/*
 * Takes a drop apart: unpacks an archive, sorts, leaves out what systems
 * leave behind (Thumbs.db, …).  ERR_INPUT: what zipin_read and
 * zip_name_check refuse, "egov-nested" (folders in folders),
 * "egov-file-at-root" (files beside folders), "zip-duplicate-name",
 * "limit-members", "limit-drop" (a folder too large), "egov-empty".  The
 * drop's descriptors must stay open.  d is freed by egov_drop_close.
 */
int egov_drop_open(struct egov_drop *d, const struct drop *from,
    const struct exam_limits *limits, struct err *e);
void egov_drop_close(struct egov_drop *d);

/* The file of this name, exactly or after normalisation to NFC; NULL. */
struct egov_file *egov_find(const struct egov_application *a, const char *name);

/* A descriptor that holds the file alone, readable from 0.  *owned: the
 * caller closes it.  -1 on error. */
int egov_file_open(const struct egov_drop *d, const struct egov_file *f,
    bool *owned, struct err *e);

/* Bytes of the file from there; a file that has become shorter than it was is
 * an error of the moment. */
int egov_file_read(
    const struct egov_file *f, uint64_t at, void *p, size_t n, struct err *e);

/* SHA-256 of the file's bytes as they are. */
int egov_file_hash(
    const struct egov_file *f, uint8_t sha256[FINDINGS_SHA256], struct err *e);

#endif
