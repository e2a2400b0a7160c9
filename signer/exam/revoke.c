/*
 * Revocation lists and OCSP answers, read by an examiner.  Of several lists
 * one that says "revoked" decides, else one that says "good"; what the others
 * lack is told only when none counts, and then of the issuer's own lists before
 * those of others.
 */
#include "signer/exam/revoke.h"

#include "base/fsops.h"

#include <string.h>

#define CERTIFICATE_MAX (1 << 20)

static int
read_member(const struct member *m, struct buf *out, struct err *e)
{
	return fs_read_all(m->fd, (size_t)m->size, out, e);
}

static int
rank(const struct cert_revocation *r)
{
	if (cert_revocation_forbids(r))
		return 3;
	if (r->state == REVOCATION_GOOD)
		return 2;
	return strcmp(r->why, "crl-other-issuer") == 0 ? 0 : 1;
}

static int
judge_all(const struct exam_request *q, const struct revoke_ask *a,
    struct exam_reply *r, struct err *e)
{
	struct buf bytes = {0};
	int rc = 0;

	cert_revocation_none(&r->revocation, "no-source");
	for (size_t i = 0; i < q->drop.count && rc == 0; i++) {
		struct cert_revocation one;

		buf_reset(&bytes);
		rc = read_member(&q->drop.members[i], &bytes, e);
		if (rc != 0)
			break;
		if (q->revoke.what == EXAM_REVOKE_OCSP)
			revoke_ocsp(a, buf_view(&bytes), &one);
		else
			revoke_crl(a, buf_view(&bytes), &one);
		if (i > 0 && rank(&one) <= rank(&r->revocation))
			continue;
		r->revocation = one;
		r->which = (unsigned)i;
	}
	buf_free(&bytes);
	return rc;
}

int
exam_revoke(const struct exam_request *q, struct exam_reply *r, struct err *e)
{
	struct revoke_ask a = {.at_ms = q->when_ms,
	    .max_age_ms = q->revoke.max_age_ms,
	    .nonce_required = q->revoke.nonce_required,
	    .request = q->revoke.request};
	struct cert_anchors *anchors =
	    q->options.anchors_fd < 0
		? NULL
		: cert_anchors_read(q->options.anchors_fd, e);
	struct buf certificate = {0};
	int rc = -1;

	if (anchors == NULL && q->options.anchors_fd >= 0)
		goto out;
	if (q->input.count != 1 || q->input.members[0].size > CERTIFICATE_MAX) {
		err_set(e, ERR_BUG, "ipc-malformed", "%s", "certificate");
		goto out;
	}
	if (read_member(&q->input.members[0], &certificate, e) != 0 ||
	    revoke_begin(&a, buf_view(&certificate), anchors, e) != 0)
		goto out;
	r->revoke = true;
	rc = q->revoke.what == EXAM_REVOKE_PLAN ? revoke_plan(&a, &r->plan, e)
						: judge_all(q, &a, r, e);
out:
	revoke_end(&a);
	buf_free(&certificate);
	cert_anchors_free(anchors);
	return rc;
}
