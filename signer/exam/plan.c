/*
 * Plans, encoded like messages: they lie in the queue's record while the
 * card signs and come back, perhaps to another version of the program, which
 * then must refuse them rather than guess.
 */
#include "signer/exam/plan.h"

#include "base/ipc.h"
#include "signer/cert/signerkey.h"
#include "signer/exam/signedinfo.h"

#include <stdio.h>
#include <string.h>

#define PLAN_TYPE 0x504C
#define PLAN_VERSION 1

int
plan_take_ids(
    struct plan *p, const struct ids *ids, const char *prefix, size_t length)
{
	struct slice name;
	size_t at = 0;

	while (ids_next(ids, prefix, &at, &name))
		if (name.len == length && (buf_slice(&p->taken, name) != 0 ||
					      buf_putc(&p->taken, '\n') != 0))
			return -1;
	return 0;
}

int
plan_put(const struct plan *p, struct buf *out)
{
	struct ipc_msg m = {0};
	int result;

	ipc_begin(&m, PLAN_TYPE);
	ipc_put_u64(&m, PLAN_VERSION);
	ipc_put_str(&m, p->format);
	ipc_put_u64(&m, p->size);
	ipc_put_u64(&m, p->offset);
	ipc_put_str(&m, p->prefix);
	ipc_put_bytes(&m, buf_view(&p->before));
	ipc_put_bytes(&m, buf_view(&p->after));
	ipc_put_bytes(&m, buf_view(&p->signed_info));
	ipc_put_bytes(&m, buf_view(&p->taken));
	result = m.failed ? -1 : buf_slice(out, ipc_body(&m));
	ipc_free(&m);
	return result;
}

/* 0 / -1 no memory. */
static int
get_buf(struct ipc_msg *m, struct buf *out)
{
	return buf_slice(out, ipc_get_bytes(m));
}

int
plan_get(
    struct plan *p, struct slice encoded, const char *format, struct err *e)
{
	struct ipc_msg m = {0};
	int result = 0;

	if (ipc_load(&m, PLAN_TYPE, encoded) != 0) {
		ipc_free(&m);
		return err_nomem(e);
	}
	if (ipc_get_u64(&m) != PLAN_VERSION)
		m.failed = true;
	ipc_get_str(&m, p->format, sizeof p->format);
	p->size = ipc_get_u64(&m);
	p->offset = ipc_get_u64(&m);
	ipc_get_str(&m, p->prefix, sizeof p->prefix);
	if (get_buf(&m, &p->before) != 0 || get_buf(&m, &p->after) != 0 ||
	    get_buf(&m, &p->signed_info) != 0 || get_buf(&m, &p->taken) != 0)
		result = err_nomem(e);
	else if (!ipc_end(&m) || strcmp(p->format, format) != 0 ||
		 p->offset > p->size)
		result = err_set(e, ERR_BUG, "plan-malformed", "%s, %zu bytes",
		    format, encoded.len);
	ipc_free(&m);
	return result;
}

void
plan_free(struct plan *p)
{
	buf_free(&p->before);
	buf_free(&p->after);
	buf_free(&p->signed_info);
	buf_free(&p->taken);
	memset(p, 0, sizeof *p);
}

/* True when the document or an earlier new signature has this Id. */
static bool
taken(const struct plan *p, const struct new_signature *sigs, size_t i)
{
	size_t n = strlen(sigs[i].id), at = 0;

	for (size_t k = 0; k < i; k++)
		if (sigs[k].part == sigs[i].part &&
		    strcmp(sigs[k].id, sigs[i].id) == 0)
			return true;
	while (at < p->taken.len) {
		const uint8_t *line = p->taken.p + at;
		const uint8_t *end = memchr(line, '\n', p->taken.len - at);
		size_t len =
		    end == NULL ? p->taken.len - at : (size_t)(end - line);

		if (len == n && memcmp(line, sigs[i].id, n) == 0)
			return true;
		at += len + 1;
	}
	return false;
}

/* One Signature: the certificate says which algorithm it was made with. */
static int
write_signature(const struct plan *p, const struct new_signature *n,
    struct buf *out, struct err *e)
{
	const struct signerkey *k = signerkey_get(n->certificate);
	struct buf info = {0};
	int result = -1;

	if (k == NULL)
		return err_set(
		    e, ERR_BUG, "certificate-algorithm", "%s", n->id);
	if (signedinfo_for(k->algorithm, buf_view(&p->signed_info), &info) !=
		0 ||
	    signedinfo_signature(out, p->prefix, n->id, buf_view(&info),
		n->value, n->certificate) != 0)
		err_nomem(e);
	else
		result = 0;
	buf_free(&info);
	return result;
}

int
plan_signatures(const struct plan *p, size_t part,
    const struct new_signature *sigs, size_t count, struct buf *out,
    struct err *e)
{
	size_t written = 0;

	if (buf_slice(out, buf_view(&p->before)) != 0)
		return err_nomem(e);
	for (size_t i = 0; i < count; i++) {
		if (sigs[i].part != part)
			continue;
		if (sigs[i].id[0] == '\0' || taken(p, sigs, i))
			return err_set(e, ERR_BUG, "signature-id-taken",
			    "\"%s\"", sigs[i].id);
		if (write_signature(p, &sigs[i], out, e) != 0)
			return -1;
		written++;
	}
	if (written == 0)
		return err_set(
		    e, ERR_BUG, "signature-missing", "part %zu", part);
	return buf_slice(out, buf_view(&p->after)) == 0 ? 0 : err_nomem(e);
}
