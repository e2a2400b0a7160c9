/*
 * The chain of an audit file.  Each line's "previous" is the SHA-256 of the
 * bytes of the line before, so that changing, removing or inserting a line
 * anywhere but at the very end shows.  This file only reads.
 */
#include "signer/key/auditlog.h"

#include "base/text.h"
#include "signer/key/audit.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
audit_chain_line(const struct audit_chain *c, json_t *record, struct buf *out)
{
	char *text;
	int r;

	if (json_object_set_new(
		record, "number", json_integer((json_int_t)c->next)) != 0 ||
	    json_object_set_new(record, "previous", json_string(c->previous)) !=
		0)
		return -1;
	text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL)
		return -1;
	r = buf_puts(out, text);
	free(text);
	return r == 0 ? buf_putc(out, '\n') : -1;
}

void
audit_chain_advance(struct audit_chain *c, struct slice line)
{
	uint8_t hash[32];

	if (EVP_Digest(line.p, line.len, hash, NULL, EVP_sha256(), NULL) != 1)
		BUG("SHA-256");
	text_hex_fixed(c->previous, hash, sizeof hash);
	c->next++;
}

static json_t *
parse_line(struct slice line)
{
	json_t *r = json_loadb(
	    (const char *)line.p, line.len, JSON_REJECT_DUPLICATES, NULL);

	if (r != NULL && !json_is_object(r)) {
		json_decref(r);
		return NULL;
	}
	return r;
}

static const char *
text_of(const json_t *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r, name));

	return s == NULL ? "" : s;
}

static uint64_t
number_of(const json_t *r)
{
	json_int_t n = json_integer_value(json_object_get(r, "number"));

	return n < 0 ? 0 : (uint64_t)n;
}

/* The last `want` bytes of the file, or all of it. */
static int
read_end(int fd, struct buf *out, size_t want, struct err *e)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st) != 0)
		return err_errno(e, ERR_FATAL_IO, "io-error", "%s", "fstat");
	at = st.st_size > (off_t)want ? st.st_size - (off_t)want : 0;
	if (buf_reserve(out, want) != 0)
		return err_nomem(e);
	while (at < st.st_size) {
		ssize_t n =
		    pread(fd, out->p + out->len, out->cap - out->len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(
			    e, ERR_FATAL_IO, "io-error", "%s", "read");
		out->len += (size_t)n;
		at += n;
	}
	return 0;
}

/* Cuts the last line (without newline) off `s`. */
static struct slice
last_line(struct slice *s)
{
	const uint8_t *nl = s->len == 0 ? NULL : memrchr(s->p, '\n', s->len);
	size_t start = nl == NULL ? 0 : (size_t)(nl - s->p) + 1;
	struct slice line = slice_of(s->p + start, s->len - start);

	s->len = nl == NULL ? 0 : start - 1;
	return line;
}

/* Two lines are enough: a torn one takes its number from the one before. */
static int
load_from(struct audit_chain *c, struct slice text, enum audit_tail *tail)
{
	struct slice line;
	json_t *r;

	if (text.len == 0)
		return 0;
	if (text.p[text.len - 1] == '\n')
		text.len--;
	else
		*tail = AUDIT_TAIL_UNENDED;
	line = last_line(&text);
	r = parse_line(line);
	if (r == NULL) {
		struct slice before = last_line(&text);
		json_t *b = before.len == 0 ? NULL : parse_line(before);

		c->next = b == NULL ? 1 : number_of(b) + 1;
		json_decref(b);
		*tail = *tail == AUDIT_TAIL_UNENDED ? AUDIT_TAIL_TORN : *tail;
	} else {
		c->next = number_of(r);
		json_decref(r);
	}
	audit_chain_advance(c, line);
	return 0;
}

int
audit_chain_load(
    struct audit_chain *c, int fd, enum audit_tail *tail, struct err *e)
{
	struct buf end = {0};
	int result = -1;

	memset(c, 0, sizeof *c);
	c->next = 1;
	*tail = AUDIT_TAIL_WHOLE;
	if (read_end(fd, &end, (size_t)2 * AUDIT_MAX_LINE, e) == 0)
		result = load_from(c, buf_view(&end), tail);
	buf_free(&end);
	return result;
}

/* The state of one walk over a file. */
struct walk {
	struct audit_chain chain;
	struct audit_summary *out;
	uint64_t line;
	bool torn; /* the line before was no record */
};

static int
broken(const struct walk *w, const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, "audit-broken", "line %llu: %s",
	    (unsigned long long)w->line, why);
}

static int
check_record(struct walk *w, const json_t *r, struct err *e)
{
	const char *kind = text_of(r, "kind");
	bool recovered = strcmp(kind, AUDIT_KIND_RECOVERED) == 0;

	if (strcmp(text_of(r, "previous"), w->chain.previous) != 0)
		return broken(w, "does not follow the line before", e);
	if (number_of(r) != w->chain.next)
		return broken(w, "has a wrong number", e);
	if (w->torn != recovered)
		return broken(w,
		    w->torn ? "a damaged line before it is not explained"
			    : "explains a damage that is not there",
		    e);
	w->out->records++;
	w->out->torn += recovered;
	w->out->signatures += strcmp(kind, "sign") == 0;
	snprintf(w->out->last_time, sizeof w->out->last_time, "%s",
	    text_of(r, "time"));
	return 0;
}

static int
walk_line(struct walk *w, struct slice line, struct err *e)
{
	json_t *r = parse_line(line);
	int result = 0;

	w->line++;
	if (r == NULL) {
		if (w->torn)
			return broken(w, "two damaged lines", e);
		w->torn = true;
		audit_chain_advance(&w->chain, line);
		return 0;
	}
	result = check_record(w, r, e);
	w->torn = false;
	audit_chain_advance(&w->chain, line);
	json_decref(r);
	return result;
}

/* All whole lines of a buffer; what is left stays in it. */
static int
walk_buffer(struct walk *w, struct buf *b, struct err *e)
{
	struct slice rest = buf_view(b);
	const uint8_t *nl;

	while (rest.len > 0 && (nl = memchr(rest.p, '\n', rest.len)) != NULL) {
		size_t n = (size_t)(nl - rest.p);

		if (walk_line(w, slice_of(rest.p, n), e) != 0)
			return -1;
		rest = slice_of(nl + 1, rest.len - n - 1);
	}
	if (rest.len > AUDIT_MAX_LINE)
		return broken(w, "line too long", e);
	memmove(b->p, rest.p, rest.len);
	b->len = rest.len;
	return 0;
}

static int
walk_file(struct walk *w, int fd, struct buf *b, struct err *e)
{
	for (off_t at = 0;;) {
		ssize_t n;

		if (buf_reserve(b, 65536) != 0)
			return err_nomem(e);
		n = pread(fd, b->p + b->len, 65536, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(
			    e, ERR_FATAL_IO, "io-error", "%s", "read");
		if (n == 0)
			return 0;
		at += n;
		b->len += (size_t)n;
		if (walk_buffer(w, b, e) != 0)
			return -1;
	}
}

int
audit_verify(int fd, struct audit_summary *out, struct err *e)
{
	struct walk w = {.out = out};
	struct buf b = {0};
	int result;

	memset(out, 0, sizeof *out);
	w.chain.next = 1;
	result = walk_file(&w, fd, &b, e);
	out->torn_end = b.len > 0;
	buf_free(&b);
	if (result == 0 && w.torn && !out->torn_end)
		result = broken(&w, "damaged, and nothing follows", e);
	snprintf(out->last, sizeof out->last, "%s", w.chain.previous);
	return result;
}
