/*
 * A look before the claim: the pass without any format, for its answer to
 * one question.  Bounds are left to the examination.
 */
#include "signer/exam/whole.h"

#include "signer/exam/pass.h"

#include <string.h>

int
whole_document(const struct drop *d, struct err *e)
{
	static const struct exam_limits limits = {.document_max = UINT64_MAX,
	    .drop_max = UINT64_MAX,
	    .full_verify_max = UINT64_MAX,
	    .members_max = UINT32_MAX,
	    .depth = 1000,
	    .attributes = 1000,
	    .namespaces = 1000,
	    .ids = UINT32_MAX};
	static const struct pass_format none;
	struct pass_options o = {.limits = &limits, .complete_hint = true};
	struct pass_result r;
	struct err why = {0};
	int result;

	memset(&r, 0, sizeof r);
	if (d->folder || d->count != 1)
		return 0;
	result = pass_run(d->members[0].fd, &none, NULL, &o, &r, &why);
	pass_result_free(&r);
	if (result == 0 || why.class != ERR_TRANSIENT_IO)
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}
