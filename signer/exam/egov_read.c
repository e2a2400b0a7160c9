/*
 * Reading a drop: every kousei*.xml by the one pass, then the rules between
 * the documents and the files.  A name in a document is only ever compared
 * with the names of the drop's files; what is named and not there is an
 * error, what is there and not named is packed as it is.
 */
#include "base/log.h"
#include "base/text.h"
#include "signer/exam/egov.h"
#include "signer/exam/egov_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the rules need while a drop is read. */
struct reading {
	struct egov *g;
	struct findings *f; /* NULL: no warnings wanted */
	bool wait;
};

/* ERR_INPUT with "<folder>/<name>". */
static int
refuse(const struct egov_application *a, const char *code, const char *name,
    struct err *e) /* code: 2 of refuse */
{
	return err_set(e, ERR_INPUT, code, "%s%s%s", a->folder,
	    a->folder[0] == '\0' ? "" : "/", name);
}

static int
warn(const struct reading *r, const char *code, const char *name,
    struct err *e) /* code: 2 of warn */
{
	if (r->f != NULL && findings_warn(r->f, code, "%s", name) != 0)
		return err_nomem(e);
	return 0;
}

static int
missing(const struct reading *r, const struct egov_application *a,
    const char *name, struct err *e)
{
	return err_set(e, r->wait ? ERR_TRANSIENT_IO : ERR_INPUT,
	    "egov-member-missing", "%s%s%s", a->folder,
	    a->folder[0] == '\0' ? "" : "/", name);
}

static int
read_document(const struct reading *r, struct egov_application *a,
    struct egov_file *file, const struct exam_limits *limits, struct err *e)
{
	struct egov_document *doc = &r->g->documents[r->g->count++];
	bool owned = false;
	int fd, result;

	doc->application = a;
	doc->file = file;
	fd = egov_file_open(&r->g->drop, file, &owned, e);
	if (fd < 0)
		return -1;
	result = kousei_read(fd, limits, r->wait, &doc->k, e);
	if (result != 0)
		err_push(e, "%s/%s", a->folder, file->name);
	if (owned)
		close(fd);
	return result;
}

static int
read_documents(
    const struct reading *r, const struct exam_limits *limits, struct err *e)
{
	const struct egov_drop *d = &r->g->drop;
	size_t room = 0;

	for (size_t i = 0; i < d->count; i++)
		room += d->applications[i].count;
	r->g->documents = calloc(room + 1, sizeof *r->g->documents);
	if (r->g->documents == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < d->count; i++) {
		struct egov_application *a = &d->applications[i];

		if (egov_find(a, "kousei.xml") == NULL)
			return missing(r, a, "kousei.xml", e);
		for (size_t k = 0; k < a->count; k++)
			if (egov_name_is_kousei(a->files[k].name) &&
			    read_document(r, a, &a->files[k], limits, e) != 0)
				return -1;
	}
	return 0;
}

const char *
egov_signed_name(const struct egov_document *doc, size_t i)
{
	enum kousei_list list = doc->k.kind == KOUSEI_ATTACHMENT
				    ? KOUSEI_LIST_ATTACHMENT
				    : KOUSEI_LIST_FORM;

	for (size_t k = 0; k < doc->k.count; k++)
		if (doc->k.entries[k].list == list && i-- == 0)
			return doc->k.entries[k].name;
	return NULL;
}

/* One file that a document names: there, and spelled as there. */
static int
bind_entry(const struct reading *r, const struct egov_document *doc,
    const struct kousei_entry *entry, struct err *e)
{
	struct egov_application *a = doc->application;
	struct egov_file *file = egov_find(a, entry->name);
	char *spelling;

	if (file == NULL)
		return missing(r, a, entry->name, e);
	if (egov_name_is_main(entry->name) ||
	    (egov_name_is_kousei(entry->name) && doc->k.kind != KOUSEI_MAIN))
		return refuse(a, "egov-name-reserved", entry->name, e);
	if (zip_name_check(entry->name, e) != 0)
		return -1;
	if (strcmp(file->name, entry->name) != 0) {
		if (file->listed)
			return refuse(a, "egov-listed-twice", entry->name, e);
		spelling = strdup(entry->name);
		if (spelling == NULL)
			return err_nomem(e);
		free(file->name);
		file->name = spelling;
	}
	file->listed = true;
	return 0;
}

/* The names that a Signature will reference: once each, and writable as a
 * URI. */
static int
check_signed_names(const struct egov_document *doc, struct err *e)
{
	const char *name, *other;
	uint32_t cp;

	for (size_t i = 0; (name = egov_signed_name(doc, i)) != NULL; i++) {
		if (egov_name_check(name, EGOV_NAME_SIGNED, &cp, e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++) {
			other = egov_signed_name(doc, k);
			if (strcmp(other, name) == 0)
				return refuse(doc->application,
				    "egov-listed-twice", name, e);
		}
	}
	return 0;
}

/* "F01" of a form's, "T01" of an attachment's document (facts 1.4); known
 * refusals of e-Gov, but not from its own pages: a warning. */
static int
check_suffix(
    const struct reading *r, const struct egov_document *doc, struct err *e)
{
	const char *p = doc->k.procedure;
	char want = doc->k.kind == KOUSEI_FORM ? 'F' : 'T';

	if (p[13] == want && p[14] >= '0' && p[14] <= '9' && p[15] >= '0' &&
	    p[15] <= '9')
		return 0;
	return warn(r, "egov-individual-suffix", doc->file->name, e);
}

static int
check_procedure(const struct egov_document *doc, struct err *e)
{
	const char *p = doc->k.procedure;

	if (strlen(p) == 16 && egov_name_is_folder(p))
		return 0;
	return refuse(doc->application, "egov-procedure", doc->file->name, e);
}

/* The document's names to the drop's files. */
static int
bind_document(
    const struct reading *r, const struct egov_document *doc, struct err *e)
{
	if (check_procedure(doc, e) != 0)
		return -1;
	for (size_t i = 0; i < doc->k.count; i++)
		if (bind_entry(r, doc, &doc->k.entries[i], e) != 0)
			return -1;
	if (doc->k.kind != KOUSEI_MAIN && check_suffix(r, doc, e) != 0)
		return -1;
	return 0;
}

static bool
lists(const struct egov_document *main, const char *name)
{
	for (size_t i = 0; i < main->k.count; i++)
		if (strcmp(main->k.entries[i].name, name) == 0)
			return true;
	return false;
}

/* Facts 1.4: the main document of an individually signed application names
 * every other document and what those sign, and no form. */
static int
check_individual(const struct egov_document *main,
    const struct egov_document *doc, struct err *e)
{
	const struct egov_application *a = main->application;
	const char *name = egov_signed_name(doc, 0);

	if (egov_signed_name(main, 0) != NULL)
		return refuse(a, "egov-mixed-forms", main->file->name, e);
	if (main->k.signature_info)
		return refuse(a, "egov-main-signed", main->file->name, e);
	if (!lists(main, doc->file->name))
		return refuse(a, "egov-not-listed", doc->file->name, e);
	if (name != NULL && !lists(main, name))
		return refuse(a, "egov-not-listed", name, e);
	return 0;
}

/* The rules within one application: documents [from, to). */
static int
check_application(
    const struct reading *r, size_t from, size_t to, struct err *e)
{
	struct egov_document *docs = r->g->documents, *main = NULL;

	for (size_t i = from; i < to; i++) {
		if (docs[i].k.kind != KOUSEI_MAIN)
			continue;
		if (main != NULL)
			return refuse(docs[i].application, "egov-two-mains",
			    docs[i].file->name, e);
		main = &docs[i];
	}
	if (main == NULL || !egov_name_is_main(main->file->name))
		return refuse(
		    docs[from].application, "egov-no-main", "kousei.xml", e);
	for (size_t i = from; i < to; i++)
		if (bind_document(r, &docs[i], e) != 0)
			return -1;
	for (size_t i = from; i < to; i++) {
		docs[i].sign = to - from == 1 || &docs[i] != main;
		if (&docs[i] != main && check_individual(main, &docs[i], e))
			return -1;
		if (docs[i].sign && check_signed_names(&docs[i], e) != 0)
			return -1;
	}
	if (to - from == 1 && egov_signed_name(main, 0) == NULL)
		return warn(r, "egov-no-form", main->file->name, e);
	return 0;
}

bool
egov_is_stray(const struct egov_file *f)
{
	size_t n = strlen(f->name);

	return !f->listed && !egov_name_is_kousei(f->name) &&
	       strcmp(f->name, "check.xml") != 0 &&
	       !(n > 4 && strcmp(f->name + n - 4, ".xsl") == 0);
}

static int
check_files(const struct reading *r, struct err *e)
{
	const struct egov_drop *d = &r->g->drop;
	uint32_t cp;

	if (d->skipped[0] != '\0' &&
	    warn(r, "egov-member-skipped", d->skipped, e) != 0)
		return -1;
	for (size_t i = 0; i < d->count; i++)
		for (size_t k = 0; k < d->applications[i].count; k++) {
			const struct egov_file *f =
			    &d->applications[i].files[k];

			if (egov_is_stray(f) &&
			    warn(r, "egov-unlisted", f->name, e))
				return -1;
			if (egov_name_check(
				f->name, EGOV_NAME_ATTACHED, &cp, e) > 0 &&
			    warn(r, "egov-name-character", f->name, e) != 0)
				return -1;
		}
	return 0;
}

/* Output folders and part names, once 手続ID and spellings are known. */
static int
name_parts(struct egov *g, struct err *e)
{
	for (size_t i = 0; i < g->count; i++) {
		struct egov_document *doc = &g->documents[i];
		struct egov_application *a = doc->application;

		if (a->folder[0] == '\0' && doc->k.kind == KOUSEI_MAIN)
			memcpy(a->folder, doc->k.procedure,
			    sizeof doc->k.procedure);
	}
	for (size_t i = 0; i < g->count; i++) {
		struct egov_document *doc = &g->documents[i];
		int n = snprintf(doc->part, sizeof doc->part, "%s/%s",
		    doc->application->folder, doc->file->name);

		if (n < 0 || (size_t)n >= sizeof doc->part)
			return refuse(doc->application, "name-too-long",
			    doc->file->name, e);
	}
	return 0;
}

int
egov_open(struct egov *g, const struct drop *d,
    const struct exam_limits *limits, bool wait, struct findings *f,
    struct err *e)
{
	struct reading r = {g, f, wait && d->folder};
	size_t from = 0, to;

	memset(g, 0, sizeof *g);
	if (egov_drop_open(&g->drop, d, limits, e) != 0)
		return -1;
	if (read_documents(&r, limits, e) != 0)
		goto fail;
	for (; from < g->count; from = to) {
		to = from;
		while (to < g->count && g->documents[to].application ==
					    g->documents[from].application)
			to++;
		if (check_application(&r, from, to, e) != 0)
			goto fail;
	}
	if (check_files(&r, e) != 0 || name_parts(g, e) != 0)
		goto fail;
	return 0;
fail:
	egov_close(g);
	return -1;
}

void
egov_close(struct egov *g)
{
	for (size_t i = 0; i < g->count; i++)
		kousei_free(&g->documents[i].k);
	free(g->documents);
	egov_drop_close(&g->drop);
	memset(g, 0, sizeof *g);
}

struct egov_document *
egov_document(struct egov *g, const char *part)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->documents[i].part, part) == 0)
			return &g->documents[i];
	return NULL;
}

const struct egov_document *
egov_document_of(const struct egov *g, const struct egov_file *f)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->documents[i].file == f)
			return &g->documents[i];
	return NULL;
}

/* " (+2)" says that two more applications are in the drop. */
static void
name_several(struct findings *f, const char *name, size_t more)
{
	char suffix[32];
	int n = snprintf(suffix, sizeof suffix, " (+%zu)", more);
	size_t len = strlen(name), room = sizeof f->procedure_name - 1;

	if (len > room - (size_t)n)
		len = room - (size_t)n;
	while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80)
		len--;
	memcpy(f->procedure_name, name, len);
	memcpy(f->procedure_name + len, suffix, (size_t)n + 1);
}

/* Are other people named in an application than in the first one? */
static bool
names_others(const struct kousei *a, const struct kousei *b)
{
	return strcmp(a->person, b->person) != 0 ||
	       strcmp(a->corporation, b->corporation) != 0 ||
	       strcmp(a->contact, b->contact) != 0;
}

void
egov_describe(const struct egov *g, struct findings *f)
{
	const struct kousei *k = NULL;

	for (size_t i = 0; i < g->count; i++) {
		if (g->documents[i].k.kind != KOUSEI_MAIN)
			continue;
		if (k == NULL)
			k = &g->documents[i].k;
		f->several = f->several || names_others(k, &g->documents[i].k);
	}
	if (k == NULL)
		return;
	snprintf(f->format, sizeof f->format, "%s", EGOV_FORMAT);
	memcpy(f->procedure, k->procedure, sizeof f->procedure);
	memcpy(f->version, k->version, sizeof f->version);
	if (g->drop.count > 1)
		name_several(f, k->procedure_name, g->drop.count - 1);
	else
		memcpy(f->procedure_name, k->procedure_name,
		    sizeof f->procedure_name);
	memcpy(f->taxpayer_name,
	    k->corporation[0] != '\0' ? k->corporation : k->person,
	    sizeof f->taxpayer_name);
	if (k->corporation[0] != '\0')
		memcpy(f->representative, k->person, sizeof f->representative);
	if (strcmp(k->contact, k->person) != 0)
		memcpy(f->agent_name, k->contact, sizeof f->agent_name);
}
