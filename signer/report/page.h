/* The parts of the page for people; inside signer/report only. */
#ifndef SIGNER_REPORT_PAGE_H
#define SIGNER_REPORT_PAGE_H

#include "signer/report/html.h"
#include "signer/report/report.h"

/* Up to this many days a certificate's end is shown in red: 3 months, from
 * when a renewal is possible. */
#define PAGE_SOON_DAYS 92

struct page {
	struct html h;
	const struct report *r;
};

/* Failed, held, duplicate: somebody has to look. */
bool page_needs_action(enum report_result result);
size_t page_count_action(const struct report *r);

/* Remarks of page_urgent. */
size_t page_count_urgent(struct page *p);

/* The style sheet's class of a result. */
const char *page_class(enum report_result result);
/* Mark and word of a result. */
void page_badge(struct html *h, enum report_result result);
/* What belongs to this case, in an element as html_element has it; nothing
 * for NULL. */
void page_detail(struct html *h, const char *open, const char *detail);
/* A table's <thead>; names are N_(). */
void page_headings(struct html *h, const char *const *names, size_t count);

/* Sections; each writes nothing when it has nothing to say. */
void page_urgent(struct page *p);  /* of keys and the batch, on top */
int page_actions(struct page *p);  /* 0, -1 when memory is out */
int page_warnings(struct page *p); /* the same */
void page_keys(struct page *p);
void page_filings(struct page *p);
void page_checks(struct page *p);

#endif
