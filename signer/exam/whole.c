/*
 * A look before the claim: the pass without any format, for its answer to
 * one question.  Bounds are left to the examination.
 */
#include "signer/exam/whole.h"

#include "signer/exam/pass.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL 512

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The cheap sign of a whole document: its last bytes are the end tag of its
 * first element.  False is no answer. */
static bool
ends_with_root(int fd)
{
	struct pass_root root;
	struct stat st;
	char tail[TAIL + 1], *name, *colon;
	off_t from;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !pass_peek(fd, &root))
		return false;
	from = st.st_size > TAIL ? st.st_size - TAIL : 0;
	n = pread(fd, tail, TAIL, from);
	while (n > 0 && is_space(tail[n - 1]))
		n--;
	if (n < 4 || tail[--n] != '>')
		return false;
	while (n > 0 && is_space(tail[n - 1]))
		n--;
	tail[n] = '\0';
	name = strrchr(tail, '<');
	if (name == NULL || name[1] != '/')
		return false;
	name += 2;
	colon = strchr(name, ':');
	return strcmp(colon == NULL ? name : colon + 1, root.local) == 0;
}

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
	if (d->folder || d->count != 1 || ends_with_root(d->members[0].fd))
		return 0;
	result = pass_run(d->members[0].fd, &none, NULL, &o, &r, &why);
	pass_result_free(&r);
	if (result == 0 || why.class != ERR_TRANSIENT_IO)
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}
