/*
 * The referee's judgement of one document: which signatures there are, which
 * stand where the format puts a filing's signature, whether each one's value
 * and digests hold, and whether what was digested is the very element that
 * the format names.  Elements are found by position and name and only then
 * registered under their id, so that an id elsewhere can never stand in for
 * the filing.  A signature that cannot be judged is reported as not good.
 */
#include "signer/exam/verify.h"

#include "base/log.h"
#include "signer/cert/signerkey.h"
#include "signer/exam/dom.h"
#include "signer/exam/dsig.h"
#include "signer/exam/judge.h"
#include "signer/exam/referee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* code: 2 of dsig_problem */

/* Facts: NTA's schemas and test signature (procedure element, C14N only);
 * the pension service's samples (form root, enveloped); e-Gov's accepted
 * applications (構成情報 and file names). */
const struct verify_profile verify_etax = {
    .root = "DATA",
    .root_ns = "http://xml.e-tax.nta.go.jp/XSD/*",
    .id_attribute = "id",
    .root_has_id = true,
};

const struct verify_profile verify_etax_form = {
    .root_ns = "http://xml.e-tax.nta.go.jp/XSD/*",
    .root_signed = true,
    .id_attribute = "id",
    .enveloped = true,
};

/* Facts 1.1: what stands beside 構成情報 in every accepted application. */
static const char *const egov_unsigned[] = {
    "様式ID", "様式バージョン", "STYLESHEET", "その他", NULL};

const struct verify_profile verify_egov = {
    .root = "DataRoot",
    .root_ns = "",
    .signed_element = "構成情報",
    .id_attribute = "ID",
    .signed_id = "構成情報",
    .holder = "署名情報",
    .members = true,
    .unsigned_children = egov_unsigned,
    .stylesheet = true,
};

int
verify_init(struct err *e)
{
	return referee_init(e);
}

static int
wrong_shape(const struct judge *j, const char *what, struct err *e)
{
	return err_set(e, ERR_INPUT, "verify-wrong-shape", "%s%s%s", j->q->part,
	    j->q->part[0] == '\0' ? "" : ": ", what);
}

static bool
namespace_fits(const xmlNode *n, const char *want)
{
	const char *have = n->ns == NULL || n->ns->href == NULL
			       ? ""
			       : (const char *)n->ns->href;
	size_t len;

	if (want == NULL)
		return true;
	len = strlen(want);
	if (len > 0 && want[len - 1] == '*')
		return strncmp(have, want, len - 1) == 0;
	return strcmp(have, want) == 0;
}

static bool
same_namespace(const xmlNode *a, const xmlNode *b)
{
	const char *x = a->ns == NULL ? "" : (const char *)a->ns->href;
	const char *y = b->ns == NULL ? "" : (const char *)b->ns->href;

	return strcmp(x, y) == 0;
}

/* The child of the root with this name, once; or with no name wanted, the
 * first child, which must be the only one that is no Signature. */
static xmlNodePtr
find_target(const struct judge *j)
{
	const char *name = j->q->profile->signed_element;
	xmlNodePtr found = NULL;

	for (xmlNodePtr n = dom_first_child(j->root); n != NULL;
	     n = dom_next_sibling(n)) {
		if (name == NULL ? dom_is(n, DSIG_NS, "Signature")
				 : strcmp((const char *)n->name, name) != 0)
			continue;
		if (found != NULL ||
		    (name == NULL && n != dom_first_child(j->root)) ||
		    (name != NULL && !same_namespace(n, j->root)))
			return NULL;
		found = n;
	}
	return found;
}

/* For people: the id, and where it stands. */
static char *
both_places(const char *id, const xmlAttrPtr at[2], char *out, size_t size)
{
	char one[60], two[60];

	dom_path(at[0]->parent, one, sizeof one);
	dom_path(at[1]->parent, two, sizeof two);
	snprintf(out, size, "%.60s: %s, %s", id, one, two);
	return out;
}

/* Finds the signed element by position and name, and its id, which nothing
 * else in the document may have. */
static int
locate(struct judge *j, struct err *e)
{
	const struct verify_profile *p = j->q->profile;
	xmlAttrPtr at[2];
	char text[190];

	if (j->root == NULL ||
	    (p->root != NULL &&
		strcmp((const char *)j->root->name, p->root) != 0) ||
	    !namespace_fits(j->root, p->root_ns))
		return wrong_shape(j, "root element", e);
	j->target = p->root_signed ? j->root : find_target(j);
	if (j->target == NULL)
		return wrong_shape(j, "signed element", e);
	if (dom_attribute_text(j->target, p->id_attribute, j->target_id,
		sizeof j->target_id) != 0 ||
	    j->target_id[0] == '\0' ||
	    strpbrk(j->target_id, " \t\r\n'\"") != NULL ||
	    (p->signed_id != NULL && strcmp(j->target_id, p->signed_id) != 0))
		return wrong_shape(j, "id of the signed element", e);
	if (dom_count_id(j->doc, j->target_id, at) != 1)
		return err_set(e, ERR_INPUT, "id-duplicate", "%s",
		    both_places(j->target_id, at, text, sizeof text));
	return 0;
}

/* The first element where the format has the signed one. */
static xmlNodePtr
find_read(const struct judge *j)
{
	const char *name = j->q->profile->signed_element;
	xmlNodePtr n = dom_first_child(j->root);

	if (j->q->profile->root_signed)
		return j->root;
	while (n != NULL &&
	       (name == NULL ? dom_is(n, DSIG_NS, "Signature")
			     : strcmp((const char *)n->name, name) != 0))
		n = dom_next_sibling(n);
	return n;
}

/* Without the signed element no signature covers anything, but what each
 * says and digests can be told. */
static int
go_on_without(struct judge *j, struct err *e)
{
	struct finding *f = &j->out->fault;

	if (!j->q->tell || e->class != ERR_INPUT || j->root == NULL)
		return -1;
	snprintf(f->code, sizeof f->code, "%s", e->code);
	snprintf(f->detail, sizeof f->detail, "%.*s", (int)sizeof f->detail - 1,
	    e->detail);
	j->target = NULL;
	j->target_id[0] = '\0';
	j->read = find_read(j);
	err_clear(e);
	return 0;
}

bool
judge_is_holder(const struct judge *j, const xmlNode *n)
{
	const struct verify_profile *p = j->q->profile;

	return p->holder != NULL && n != NULL && n->parent == j->root &&
	       strcmp((const char *)n->name, p->holder) == 0 &&
	       same_namespace(n, j->root) &&
	       (j->target == NULL || dom_next_sibling(j->target) == n);
}

bool
judge_filing_place(const struct judge *j, const xmlNode *signature)
{
	if (!dom_is(signature, DSIG_NS, "Signature"))
		return false;
	return j->q->profile->holder == NULL
		   ? signature->parent == j->root
		   : judge_is_holder(j, signature->parent);
}

static int
register_id(xmlDocPtr doc, const char *value, xmlAttrPtr a)
{
	xmlAttrPtr known = xmlGetID(doc, (const xmlChar *)value);

	if (known != NULL)
		return known == a ? 0 : -1;
	return xmlAddID(NULL, doc, (const xmlChar *)value, a) == NULL ? -1 : 0;
}

/* The one element that has this id. */
static xmlAttrPtr
only_element(const struct judge *j, const char *id, struct verify_signature *s)
{
	char text[190];
	xmlAttrPtr at[2];
	unsigned n = dom_count_id(j->doc, id, at);

	if (n == 1)
		return at[0];
	if (n == 0)
		dsig_problem(s, "signature-id-missing", "#%s", id);
	else
		dsig_problem(s, "id-duplicate", "%s",
		    both_places(id, at, text, sizeof text));
	return NULL;
}

/* "#fragment": decoded it must name the element; registered it must be as
 * written, because that is what xmlsec looks up. */
static xmlNodePtr
resolve_fragment(const struct judge *j, struct verify_reference *r,
    struct verify_signature *s)
{
	char id[300];
	xmlAttrPtr a;
	bool filing;

	if (dsig_uri_decode(r->uri + 1, id, sizeof id) != 0 ||
	    strpbrk(id, " \t\r\n'\"()") != NULL || id[0] == '\0') {
		dsig_problem(s, "signature-reference", "%s", r->uri);
		return NULL;
	}
	filing = j->target != NULL && strcmp(id, j->target_id) == 0;
	a = filing ? dom_attribute(j->target, j->q->profile->id_attribute)
		   : only_element(j, id, s);
	if (a == NULL || register_id(j->doc, r->uri + 1, a) != 0) {
		dsig_problem(s, "signature-reference", "%s", r->uri);
		return NULL;
	}
	r->filing = filing;
	r->names = filing ? JUDGED_FILING : JUDGED_ELEMENT;
	if (j->q->tell)
		dom_path(a->parent, r->where, sizeof r->where);
	return a->parent;
}

static int
find_member(const struct verify_request *q, const char *name)
{
	for (size_t i = 0; i < q->member_count; i++)
		if (strcmp(q->members[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool
resolve_file(const struct judge *j, const struct dsig_reference *d,
    struct verify_reference *r, struct verify_signature *s)
{
	char name[300];

	if (!j->q->profile->members || !s->found.filing || d->transforms ||
	    dsig_uri_decode(r->uri, name, sizeof name) != 0 ||
	    strpbrk(name, "/\\:#?") != NULL) {
		dsig_problem(s, "signature-reference", "%s", r->uri);
		return false;
	}
	r->names = JUDGED_FILE;
	snprintf(
	    r->where, sizeof r->where, "%.*s", (int)sizeof r->where - 1, name);
	r->member = find_member(j->q, name);
	if (r->member < 0)
		dsig_problem(s,
		    j->q->absent ? "signature-file-not-given"
				 : "signature-member-missing",
		    "%s", name);
	return r->member >= 0;
}

/* What of a signature is kept while it is judged. */
struct pointed {
	bool usable[VERIFY_REFERENCES_MAX];        /* xmlsec may look at it */
	xmlNodePtr element[VERIFY_REFERENCES_MAX]; /* that it digests */
};

/* What each Reference points at. */
static void
resolve(const struct judge *j, const struct dsig *d, struct pointed *p,
    struct verify_signature *s)
{
	for (size_t i = 0; i < s->reference_count; i++) {
		struct verify_reference *r = &s->references[i];

		if (r->uri[0] == '#') {
			p->element[i] = resolve_fragment(j, r, s);
			p->usable[i] = p->element[i] != NULL;
		} else if (r->uri[0] == '\0') {
			r->names = JUDGED_DOCUMENT;
			p->usable[i] = d->references[i].has_uri &&
				       d->references[i].enveloped &&
				       !s->found.filing;
		} else {
			p->usable[i] = resolve_file(j, &d->references[i], r, s);
		}
		r->checked = p->usable[i];
		if (!p->usable[i])
			dsig_problem(
			    s, "signature-reference", "URI=\"%s\"", r->uri);
	}
}

static bool
named_before(const struct verify_signature *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->references[k].names == JUDGED_FILE &&
		    strcmp(s->references[k].where, s->references[i].where) == 0)
			return true;
	return false;
}

/* Exactly the References that the profile describes; where it has no files,
 * none of the further ones was resolved to one. */
static bool
covers(const struct judge *j, const struct dsig *d,
    const struct verify_signature *s)
{
	const struct verify_profile *p = j->q->profile;

	if (!s->found.filing || !s->references[0].filing ||
	    d->references[0].enveloped != p->enveloped)
		return false;
	for (size_t i = 1; i < s->reference_count; i++)
		if ((s->references[i].member < 0 &&
			!(j->q->absent &&
			    s->references[i].names == JUDGED_FILE)) ||
		    named_before(s, i))
			return false;
	return true;
}

static bool
is_below(const xmlNode *n, const xmlNode *top)
{
	while (n != NULL && n != top)
		n = n->parent;
	return n == top;
}

/* A digested element that is no part of what the receiver reads as the
 * filing, nor holds it, has been put where it is to deceive. */
static void
tell_wrapped(
    const struct judge *j, const struct pointed *p, struct verify_signature *s)
{
	const xmlNode *read = j->target != NULL ? j->target : j->read;
	char path[160];

	if (!s->found.filing || !s->found.value_ok || read == NULL)
		return;
	for (size_t i = 0; i < s->reference_count; i++) {
		const xmlNode *n = p->element[i];

		if (n == NULL || is_below(n, read) || is_below(read, n))
			continue;
		dom_path(n, path, sizeof path);
		dsig_problem(s, "signature-wrapped", "%s", path);
	}
}

/* For people: what stands around what was digested. */
static int
look_around(
    const struct judge *j, struct pointed *p, struct verify_signature *s)
{
	size_t n = 0;

	if (!j->q->tell || !s->found.filing)
		return 0;
	for (size_t i = 0; i < s->reference_count; i++)
		if (p->element[i] != NULL)
			p->element[n++] = p->element[i];
	if (judge_uncovered(j, p->element, n, &s->uncovered) == 0)
		return 0;
	return dsig_problem(s, "out-of-memory", "%s", "");
}

/* The certificate whose key made the value; the first when none did. */
static unsigned
choose_certificate(const struct dsig *d, struct verify_signature *s)
{
	for (unsigned i = 0; i < d->certificate_count; i++) {
		struct verify_signature probe = {.found = s->found};

		if (referee_value(d, buf_view(&d->certificates[i]), &probe) ==
		    1) {
			s->found.value_ok = true;
			return i;
		}
	}
	referee_value(d, buf_view(&d->certificates[0]), s);
	return 0;
}

static void
conclude(struct verify_signature *s, int xmlsec_value)
{
	bool all = true;
	const char *bad = "";

	for (size_t i = s->reference_count; i-- > 0;) {
		if (s->references[i].ok)
			continue;
		all = false;
		bad = s->references[i].uri;
	}
	s->found.references_ok = all;
	if (xmlsec_value >= 0 && (xmlsec_value == 1) != s->found.value_ok) {
		s->found.value_ok = false;
		dsig_problem(
		    s, "signature-verifiers-differ", "%s", s->found.id);
	}
	if (!s->found.value_ok)
		dsig_problem(s, "signature-value-wrong", "%s", s->found.id);
	if (!all)
		dsig_problem(s, "signature-digest-wrong", "%s", bad);
}

static int
keep_certificate(struct slice der, struct verify_signature *s)
{
	const struct signerkey *k = signerkey_get(der);

	if (k == NULL)
		return dsig_problem(
		    s, "signature-certificate-malformed", "%s", s->found.id);
	memcpy(s->found.spki, k->spki, sizeof s->found.spki);
	if (buf_slice(&s->found.certificate, der) != 0)
		return dsig_problem(s, "out-of-memory", "%s", "");
	return 0;
}

static void
judge_signature(
    const struct judge *j, xmlNodePtr node, struct verify_signature *s)
{
	struct pointed p = {0};
	struct dsig d = {0};
	struct slice der;

	if (dsig_read(node, j->q->allow_legacy, &d, s) == 0) {
		der = buf_view(&d.certificates[choose_certificate(&d, s)]);
		if (keep_certificate(der, s) == 0) {
			resolve(j, &d, &p, s);
			s->found.covers_filing = covers(j, &d, s);
			tell_wrapped(j, &p, s);
			conclude(
			    s, referee_references(j->q, &d, der, p.usable, s));
		}
	}
	if (s->found.filing && !s->found.covers_filing)
		dsig_problem(s, "signature-not-covering", "%s", s->found.id);
	look_around(j, &p, s);
	dsig_free(&d);
}

static struct verify_signature *
add_signature(struct verify_report *r)
{
	struct verify_signature *grown =
	    reallocarray(r->signatures, r->count + 1, sizeof *grown);

	if (grown == NULL)
		return NULL;
	r->signatures = grown;
	memset(&grown[r->count], 0, sizeof *grown);
	return &grown[r->count++];
}

/* Nested signatures never refuse a filing, not even by their number. */
static int
too_many(struct judge *j, bool filing, struct err *e)
{
	if (filing)
		return err_set(e, ERR_INPUT, "limit-signatures", "more than %d",
		    VERIFY_SIGNATURES_MAX);
	j->out->more = true;
	return 0;
}

/* One pass for the filing's own signatures, one for the others, so that a
 * nested one cannot use up what the filing's need. */
static int
judge_all(struct judge *j, bool filing, struct err *e)
{
	for (xmlNodePtr n = j->root; n != NULL; n = dom_next(n, j->root)) {
		struct verify_signature *s;

		if (!dom_is(n, DSIG_NS, "Signature") ||
		    judge_filing_place(j, n) != filing)
			continue;
		if (j->out->count == VERIFY_SIGNATURES_MAX)
			return too_many(j, filing, e);
		s = add_signature(j->out);
		if (s == NULL)
			return err_nomem(e);
		s->found.filing = filing;
		snprintf(s->found.part, sizeof s->found.part, "%s", j->q->part);
		judge_signature(j, n, s);
		if (strcmp(s->found.problem, "out-of-memory") == 0)
			return err_nomem(e);
	}
	if (filing)
		j->out->filing_count = j->out->count;
	return 0;
}

int
verify_document(
    const struct verify_request *q, struct verify_report *out, struct err *e)
{
	struct judge j = {.q = q, .out = out};
	int rc = -1;

	memset(out, 0, sizeof *out);
	j.doc = dom_read(&q->document, &q->limits, e);
	if (j.doc == NULL)
		return -1;
	j.root = xmlDocGetRootElement(j.doc);
	if ((locate(&j, e) == 0 || go_on_without(&j, e) == 0) &&
	    judge_all(&j, true, e) == 0 && judge_all(&j, false, e) == 0)
		rc = 0;
	xmlFreeDoc(j.doc);
	if (rc != 0)
		verify_report_free(out);
	return rc;
}

void
verify_report_free(struct verify_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		buf_free(&r->signatures[i].found.certificate);
		free(r->signatures[i].references);
		coverage_free(&r->signatures[i].uncovered);
	}
	free(r->signatures);
	memset(r, 0, sizeof *r);
}

static void
tell_reference(const struct verify_reference *r, struct judged_reference *to)
{
	memcpy(to->uri, r->uri, sizeof to->uri);
	memcpy(to->where, r->where, sizeof to->where);
	snprintf(to->digest, sizeof to->digest, "%s",
	    r->legacy ? DSIG_SHA1 : DSIG_SHA256);
	to->names = r->names;
	to->checked = r->checked;
	to->ok = r->ok;
}

/* A copy of the signature for people; its lists are moved or cut. */
static int
to_judged(struct verify_signature *s, struct judged *j)
{
	struct judged_signature *to = judged_add(j);
	size_t n = s->reference_count;

	if (to == NULL) /* too many is a fault by itself */
		return j->fault.code[0] != '\0' ? 0 : -1;
	to->found = s->found;
	to->found.certificate = (struct buf){0};
	to->claim = s->claim;
	memcpy(to->claimed, s->claimed, sizeof to->claimed);
	to->uncovered = s->uncovered;
	s->uncovered = (struct coverage){0};
	if (n > JUDGED_REFERENCES_MAX)
		n = JUDGED_REFERENCES_MAX;
	to->references_more = s->reference_count - n;
	if (n > 0)
		to->references = calloc(n, sizeof *to->references);
	if (n > 0 && to->references == NULL)
		return -1;
	for (; to->reference_count < n; to->reference_count++)
		tell_reference(&s->references[to->reference_count],
		    &to->references[to->reference_count]);
	return buf_slice(
	    &to->found.certificate, buf_view(&s->found.certificate));
}

int
verify_to_findings(struct verify_report *r, struct findings *f)
{
	for (size_t i = 0; i < r->count; i++) {
		struct verify_signature *s = &r->signatures[i];
		struct found_signature *to = findings_add_signature(f);

		if (to == NULL)
			return -1;
		if (f->judged != NULL && to_judged(s, f->judged) != 0)
			return -1;
		*to = s->found;
		s->found.certificate = (struct buf){0};
		if (s->found.problem[0] != '\0' && !s->found.filing &&
		    findings_warn(f, "nested-signature-bad", "%s: %s %s",
			s->found.id, s->found.problem, s->found.detail) != 0)
			return -1;
	}
	if (f->judged != NULL && r->fault.code[0] != '\0')
		judged_fault(f->judged, r->fault.code, r->fault.detail);
	if (r->more && findings_warn(f, "nested-signatures-many", "%d",
			   VERIFY_SIGNATURES_MAX) != 0)
		return -1;
	return 0;
}

int
verify_all_good(const struct verify_report *r, size_t least, struct err *e)
{
	for (size_t i = 0; i < r->filing_count; i++) {
		const struct verify_signature *s = &r->signatures[i];

		if (s->found.problem[0] != '\0' || !s->found.value_ok ||
		    !s->found.references_ok || !s->found.covers_filing)
			return err_set(e, ERR_INPUT,
			    s->found.problem[0] != '\0'
				? s->found.problem
				: "signature-not-covering",
			    "%s %s", s->found.id, s->found.detail);
	}
	if (r->filing_count < least)
		return err_set(e, ERR_INPUT, "signatures-missing", "%zu of %zu",
		    r->filing_count, least);
	return 0;
}
