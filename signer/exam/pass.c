/*
 * Driving libxml2's SAX2 pull parser over a descriptor.  The push parser is
 * not used: 2.9.14's leaves CRLF inside CDATA.  The document is read once and
 * never held; whatever it says, no other file is opened, no entity expanded,
 * and no limit exceeded by more than one read.
 */
#include "signer/exam/pass.h"

#include "signer/exam/pass_state.h"

#include <errno.h>
#include <libxml/catalog.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned
pass_line(const struct pass *p)
{
	if (p->parser == NULL || p->parser->input == NULL)
		return 0;
	return (unsigned)p->parser->input->line;
}

unsigned
pass_depth(const struct pass *p)
{
	return p->depth;
}

uint64_t
pass_offset(const struct pass *p)
{
	long at = xmlByteConsumed(p->parser);

	if (at <= 0)
		BUG("the parser does not know where it is");
	return (uint64_t)at;
}

int
pass_fail(
    const struct pass *p, struct err *e, const char *code, const char *fmt, ...)
{
	char detail[sizeof e->detail];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INPUT, code, "line %u: %s", pass_line(p), detail);
}

void
pass_stop(struct pass *p)
{
	/* xmlStopParser would free the buffer under the parser's feet in some
	 * places; an input that ends at once is always safe. */
	p->failed = true;
}

void
pass_nomem(struct pass *p)
{
	if (p->failed)
		return;
	err_nomem(p->e);
	pass_stop(p);
}

/* Refills p->input; 0 also at the end of the file. */
static int
refill(struct pass *p)
{
	uint64_t max = p->options->limits->document_max;
	ssize_t n;

	do
		n = pread(p->fd, p->input, PASS_READ, (off_t)p->input_offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(
		    p->e, err_io_class(errno), "io-error", "read document");
	p->input_at = 0;
	p->input_len = (size_t)n;
	p->input_offset += (uint64_t)n;
	p->at_end = n == 0;
	if (p->input_offset > max)
		return err_set(p->e, ERR_INPUT, "document-too-large",
		    "more than %llu bytes", (unsigned long long)max);
	return 0;
}

/*
 * A start tag, an attribute or a name that goes on and on gives no event
 * that a limit could be checked at, and libxml2 compares all attributes of a
 * tag with each other.  CDATA sections, comments and instructions may be
 * long.
 */
static bool
tag_too_long(const struct pass *p)
{
	return p->silent > PASS_TAG_MAX &&
	       p->parser->instate != XML_PARSER_CDATA_SECTION &&
	       p->parser->instate != XML_PARSER_COMMENT &&
	       p->parser->instate != XML_PARSER_PI;
}

/* The parser's read callback: -1 ends its input. */
static int
read_input(void *ctx, char *out, int size)
{
	struct pass *p = ctx;
	size_t n = (size_t)size;

	if (p->failed)
		return -1;
	if (p->parser != NULL && tag_too_long(p)) {
		pass_fail(p, p->e, "limit-tag", "%d", PASS_TAG_MAX);
		p->failed = true;
		return -1;
	}
	if (p->input_at == p->input_len && !p->at_end && refill(p) != 0) {
		p->failed = true;
		return -1;
	}
	if (n > p->input_len - p->input_at)
		n = p->input_len - p->input_at;
	memcpy(out, p->input + p->input_at, n);
	p->input_at += n;
	p->silent += n;
	return (int)n;
}

/*
 * The name in `encoding="…"` of an XML declaration, or false.  The parser
 * would load a converter for whatever stands there.
 */
static bool
declared_encoding(struct slice s, char *out, size_t size)
{
	const char *at, *end;
	size_t n;

	if (slice_starts(s, "\xEF\xBB\xBF"))
		s = slice_of(s.p + 3, s.len - 3);
	if (!slice_starts(s, "<?xml"))
		return false;
	end = memmem(s.p, s.len, "?>", 2);
	at = memmem(s.p, s.len, "encoding", 8);
	if (end == NULL || at == NULL || at > end)
		return false;
	at += 8;
	at += strspn(at, " \t\r\n=");
	if (*at != '"' && *at != '\'')
		return false;
	for (n = 1; at + n < end && at[n] != at[0] && n < size; n++)
		out[n - 1] = at[n];
	out[n - 1] = '\0';
	return true;
}

/* The first bytes tell UTF-16, UTF-32 and EBCDIC from UTF-8. */
static int
check_encoding(struct pass *p)
{
	const uint8_t *b = p->input;
	char name[40];

	if (refill(p) != 0)
		return -1;
	if (p->input_len == 0)
		return err_set(p->e,
		    p->options->complete_hint ? ERR_TRANSIENT_IO : ERR_INPUT,
		    "xml-truncated", "empty file");
	if (p->input_len >= 2 &&
	    ((b[0] == 0xFE && b[1] == 0xFF) || (b[0] == 0xFF && b[1] == 0xFE) ||
		b[0] == 0 || b[1] == 0))
		return err_set(p->e, ERR_INPUT, "encoding-not-utf8", "UTF-16");
	if (p->input_len >= 4 && memcmp(b, "\x4C\x6F\xA7\x94", 4) == 0)
		return err_set(p->e, ERR_INPUT, "encoding-not-utf8", "EBCDIC");
	if (declared_encoding(slice_of(b, p->input_len), name, sizeof name) &&
	    strcasecmp(name, "UTF-8") != 0)
		return err_set(
		    p->e, ERR_INPUT, "encoding-not-utf8", "%s", name);
	return 0;
}

static int
parse(struct pass *p)
{
	xmlSAXHandler sax;

	pass_events(&sax);
	xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
	p->parser = xmlCreateIOParserCtxt(
	    &sax, p, read_input, NULL, p, XML_CHAR_ENCODING_NONE);
	if (p->parser == NULL)
		return err_nomem(p->e);
	xmlCtxtUseOptions(
	    p->parser, XML_PARSE_HUGE | XML_PARSE_NOENT | XML_PARSE_NONET);
	xmlParseDocument(p->parser);
	if (p->failed)
		return -1;
	if (!p->parser->wellFormed || !p->parser->nsWellFormed)
		return err_set(
		    p->e, ERR_INPUT, "xml-malformed", "not well-formed");
	return 0;
}

static int
check_references(const struct pass *p)
{
	struct slice name;
	unsigned line;

	if (!ids_dangling(&p->result->ids, &name, &line))
		return 0;
	return err_set(p->e, ERR_INPUT, "idref-dangling", "line %u: \"%.*s\"",
	    line, (int)name.len, (const char *)name.p);
}

static void
release(struct pass *p)
{
	if (p->parser != NULL)
		xmlFreeParserCtxt(p->parser);
	c14n_free(p->digest);
	c14n_free(p->capture);
	existing_close(p->signature);
	EVP_MD_CTX_free(p->sha256);
	EVP_MD_CTX_free(p->sha1);
	scope_free(&p->scope);
	buf_free(&p->text);
	free(p->root_attributes);
	buf_free(&p->root_values);
	free(p->open);
	free(p->input);
}

int
pass_run(int fd, const struct pass_format *f, void *ctx,
    const struct pass_options *o, struct pass_result *r, struct err *e)
{
	struct err mine = {0};
	struct pass p = {.fd = fd,
	    .format = f,
	    .ctx = ctx,
	    .options = o,
	    .result = r,
	    .e = e == NULL ? &mine : e};
	int result = -1;

	p.input = malloc(PASS_READ);
	p.open = calloc((size_t)o->limits->depth + 2, sizeof *p.open);
	if (p.input == NULL || p.open == NULL)
		err_nomem(p.e);
	else if (check_encoding(&p) == 0 && parse(&p) == 0)
		result = check_references(&p);
	r->size = p.input_offset;
	release(&p);
	return result;
}

void
pass_result_free(struct pass_result *r)
{
	scope_free(&r->inherited);
	ids_free(&r->ids);
	memset(r, 0, sizeof *r);
}

bool
pass_peek(int fd, struct pass_root *root)
{
	static const struct exam_limits limits = {.document_max = UINT64_MAX};
	static const struct pass_format none = {0};
	struct pass_options o = {.limits = &limits};
	struct pass_result r = {0};
	struct err e = {0};
	struct pass p = {.fd = fd,
	    .format = &none,
	    .options = &o,
	    .result = &r,
	    .e = &e,
	    .peek = true,
	    .peeked = root};

	memset(root, 0, sizeof *root);
	p.input = malloc(PASS_READ);
	if (p.input != NULL && check_encoding(&p) == 0)
		parse(&p);
	release(&p);
	pass_result_free(&r);
	return root->local[0] != '\0';
}
