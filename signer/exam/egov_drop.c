/*
 * From a drop to applications and their files.  Names are checked before
 * anybody uses them and stay data; contents are not looked at here.  The
 * order is by name, so that it does not depend on how a folder was listed
 * or an archive was packed.
 */
#include "signer/exam/egov_drop.h"

#include "base/fsops.h"
#include "base/text.h"
#include "signer/exam/egov_name.h"
#include "signer/exam/zip_name.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file with its whole name, before it is sorted into a folder. */
struct flat {
	char *name;
	struct egov_file file;
};

static int
refuse(const char *code, const char *name, struct err *e)
{ /* code: 1 of refuse */
	char shown[160];

	return err_set(
	    e, ERR_INPUT, code, "%s", text_escape(shown, sizeof shown, name));
}

/* True when a component is what some system leaves behind. */
static bool
litter(const char *name)
{
	const char *slash = strchr(name, '/');
	char first[ZIP_NAME_MAX];

	if (slash == NULL)
		return egov_name_is_litter(name);
	snprintf(first, sizeof first, "%.*s", (int)(slash - name), name);
	return egov_name_is_litter(first) || litter(slash + 1);
}

static int
by_name(const void *a, const void *b)
{
	const struct flat *x = a, *y = b;
	const char *p = x->name, *q = y->name;

	/* Files of one folder stay together whatever else is in names. */
	while (*p != '\0' && *p == *q)
		p++, q++;
	if (*p == '/' || *q == '/')
		return *p == '/' ? (*q == '/' ? 0 : -1) : 1;
	return (unsigned char)*p - (unsigned char)*q;
}

static int
keep(struct egov_drop *d, struct flat *list, size_t *count, const char *name,
    const struct egov_file *file, struct err *e)
{
	const char *slash;

	if (litter(name)) {
		snprintf(d->skipped, sizeof d->skipped, "%s", name);
		return 0;
	}
	slash = strchr(name, '/');
	if (slash != NULL && strchr(slash + 1, '/') != NULL)
		return refuse("egov-nested", name, e);
	if (slash != NULL && slash - name >= EGOV_FOLDER_MAX)
		return refuse("name-too-long", name, e);
	list[*count].name = strdup(name);
	if (list[*count].name == NULL)
		return err_nomem(e);
	list[(*count)++].file = *file;
	return 0;
}

static int
list_zip(struct egov_drop *d, struct flat **list, size_t *count, struct err *e)
{
	*list = calloc(d->zip.count + 1, sizeof **list);
	if (*list == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < d->zip.count; i++) {
		const struct zipin_member *m = &d->zip.members[i];
		struct egov_file f = {.fd = d->zip.store,
		    .offset = m->offset,
		    .size = m->size,
		    .index = i};

		if (keep(d, *list, count, m->name, &f, e) != 0)
			return -1;
	}
	return 0;
}

static int
list_folder(struct egov_drop *d, const struct drop *from,
    const struct exam_limits *limits, struct flat **list, size_t *count,
    struct err *e)
{
	uint64_t left = limits->drop_max;

	if (from->count > limits->members_max)
		return err_set(e, ERR_INPUT, "limit-members",
		    "%zu of at most %u", from->count, limits->members_max);
	*list = calloc(from->count + 1, sizeof **list);
	if (*list == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < from->count; i++) {
		const struct member *m = &from->members[i];
		struct egov_file f = {.fd = m->fd, .size = m->size, .index = i};

		if (m->size > left)
			return refuse("limit-drop", m->name, e);
		left -= m->size;
		if (zip_name_check(m->name, e) != 0 ||
		    keep(d, *list, count, m->name, &f, e) != 0)
			return -1;
	}
	return 0;
}

/* The folder part of a whole name, "" for none. */
static void
folder_of(const char *name, char out[EGOV_FOLDER_MAX])
{
	const char *slash = strchr(name, '/');

	snprintf(out, EGOV_FOLDER_MAX, "%.*s",
	    slash == NULL ? 0 : (int)(slash - name), name);
}

/* Moves one file to the end of its application. */
static int
place(struct egov_drop *d, struct flat *f, size_t room, struct err *e)
{
	struct egov_application *a =
	    d->count == 0 ? NULL : &d->applications[d->count - 1];
	const char *slash = strchr(f->name, '/');
	const char *base = slash == NULL ? f->name : slash + 1;
	char folder[EGOV_FOLDER_MAX];
	struct buf name = {0};

	folder_of(f->name, folder);
	if (a == NULL || strcmp(a->folder, folder) != 0) {
		a = &d->applications[d->count++];
		memcpy(a->folder, folder, sizeof folder);
		a->files = calloc(room, sizeof *a->files);
		if (a->files == NULL)
			return err_nomem(e);
	}
	if (zip_name_nfc(base, &name, e) != 0) {
		buf_free(&name);
		return -1;
	}
	f->file.name = strdup((const char *)name.p);
	buf_free(&name);
	if (f->file.name == NULL)
		return err_nomem(e);
	a->files[a->count++] = f->file;
	return 0;
}

static int
by_file_name(const void *a, const void *b)
{
	const struct egov_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The final order; equal names show only now that all are in NFC. */
static int
sort_files(struct egov_application *a, struct err *e)
{
	qsort(a->files, a->count, sizeof *a->files, by_file_name);
	for (size_t i = 1; i < a->count; i++)
		if (strcmp(a->files[i - 1].name, a->files[i].name) == 0)
			return refuse(
			    "zip-duplicate-name", a->files[i].name, e);
	return 0;
}

/* Files beside folders would be files without an application. */
static int
check_layout(const struct flat *list, size_t count, struct err *e)
{
	size_t root = 0;
	const char *at_root = "";

	for (size_t i = 0; i < count; i++)
		if (strchr(list[i].name, '/') == NULL) {
			root++;
			at_root = list[i].name;
		}
	if (count == 0)
		return err_set(e, ERR_INPUT, "egov-empty", "no file");
	if (root != 0 && root != count)
		return refuse("egov-file-at-root", at_root, e);
	return 0;
}

static int
sort_into_folders(
    struct egov_drop *d, struct flat *list, size_t count, struct err *e)
{
	if (check_layout(list, count, e) != 0)
		return -1;
	qsort(list, count, sizeof *list, by_name);
	d->applications = calloc(count, sizeof *d->applications);
	if (d->applications == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < count; i++)
		if (place(d, &list[i], count - i, e) != 0)
			return -1;
	for (size_t i = 0; i < d->count; i++)
		if (sort_files(&d->applications[i], e) != 0)
			return -1;
	return 0;
}

/* Files without a folder get the dropped folder's name if it will do. */
static void
name_folder(struct egov_drop *d, const char *drop_name)
{
	const char *slash = strrchr(drop_name, '/');
	const char *base = slash == NULL ? drop_name : slash + 1;

	if (d->folder && d->count == 1 &&
	    d->applications[0].folder[0] == '\0' && egov_name_is_folder(base))
		snprintf(
		    d->applications[0].folder, EGOV_FOLDER_MAX, "%s", base);
}

int
egov_drop_open(struct egov_drop *d, const struct drop *from,
    const struct exam_limits *limits, struct err *e)
{
	const struct zipin_limits bounds = {
	    limits->drop_max, limits->archive_max};
	struct flat *list = NULL;
	size_t count = 0;
	int result = -1;

	memset(d, 0, sizeof *d);
	d->zip.store = -1;
	d->folder = from->folder;
	if (from->folder) {
		if (list_folder(d, from, limits, &list, &count, e) != 0)
			goto out;
	} else if (zipin_read(from->members[0].fd, &bounds, &d->zip, e) != 0 ||
		   list_zip(d, &list, &count, e) != 0) {
		goto out;
	}
	result = sort_into_folders(d, list, count, e);
	if (result == 0)
		name_folder(d, from->name);
out:
	for (size_t i = 0; i < count; i++)
		free(list[i].name);
	free(list);
	if (result != 0)
		egov_drop_close(d);
	return result;
}

void
egov_drop_close(struct egov_drop *d)
{
	for (size_t i = 0; i < d->count; i++) {
		struct egov_application *a = &d->applications[i];

		for (size_t k = 0; k < a->count; k++)
			free(a->files[k].name);
		free(a->files);
	}
	free(d->applications);
	zipin_free(&d->zip);
	d->applications = NULL;
	d->count = 0;
}

struct egov_file *
egov_find(const struct egov_application *a, const char *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->files[i].name, name) == 0)
			return &a->files[i];
	for (size_t i = 0; i < a->count; i++)
		if (zip_name_same(a->files[i].name, name))
			return &a->files[i];
	return NULL;
}

int
egov_file_open(const struct egov_drop *d, const struct egov_file *f,
    bool *owned, struct err *e)
{
	*owned = !d->folder;
	return d->folder ? f->fd : zipin_member_fd(&d->zip, f->index, e);
}

int
egov_file_read(
    const struct egov_file *f, uint64_t at, void *p, size_t n, struct err *e)
{
	int r = fs_read_at(f->fd, f->offset + at, p, n, e);

	if (r == 0)
		return err_set(e, ERR_TRANSIENT_IO, "io-error", "file shrank");
	return r < 0 ? -1 : 0;
}

static int
digest_file(const struct egov_file *f, EVP_MD_CTX *md, struct err *e)
{
	static uint8_t chunk[64 * 1024];
	uint64_t at = 0;

	while (at < f->size) {
		size_t n = f->size - at < sizeof chunk ? (size_t)(f->size - at)
						       : sizeof chunk;

		if (egov_file_read(f, at, chunk, n, e) != 0)
			return -1;
		if (EVP_DigestUpdate(md, chunk, n) != 1)
			return err_nomem(e);
		at += n;
	}
	return 0;
}

int
egov_file_hash(
    const struct egov_file *f, uint8_t sha256[FINDINGS_SHA256], struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int result = -1;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		err_nomem(e);
	else if (digest_file(f, md, e) == 0)
		result = EVP_DigestFinal_ex(md, sha256, NULL) == 1
			     ? 0
			     : err_nomem(e);
	EVP_MD_CTX_free(md);
	return result;
}
