/* Inside the referee: one document under judgement (verify.c, coverage.c). */
#ifndef SIGNER_EXAM_JUDGE_H
#define SIGNER_EXAM_JUDGE_H

#include "signer/exam/verify.h"

#include <libxml/tree.h>
#include <stdbool.h>

struct judge {
	const struct verify_request *q;
	xmlDocPtr doc;
	xmlNodePtr root;
	xmlNodePtr target; /* the element that a filing signature digests;
			    * NULL: the document is not as its format says */
	xmlNodePtr read;   /* what a program that is less strict would take
			  * for it; NULL = cannot be told */
	char target_id[300];
	struct verify_report *out;
};

/* Does this Signature stand where the format has its filing signatures? */
bool judge_filing_place(const struct judge *j, const xmlNode *signature);

/* Is this the element that holds them (profile.holder), at its place? */
bool judge_is_holder(const struct judge *j, const xmlNode *n);

/*
 * What of the document is outside `apexes` (elements that are digested with
 * all below them; their order is changed) and would be missed: see
 * docs/DESIGN-examiner.md, "Coverage".  0 / -1 memory.
 */
int judge_uncovered(const struct judge *j, xmlNodePtr *apexes, size_t count,
    struct coverage *out);

#endif
