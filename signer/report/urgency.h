/* How loudly a remark speaks: what runs out soon must not look like a tip. */
#ifndef SIGNER_REPORT_URGENCY_H
#define SIGNER_REPORT_URGENCY_H

enum urgency {
	URGENCY_NOTE, /* good to know */
	URGENCY_SOON, /* to be planned in the coming weeks */
	URGENCY_WEEK, /* to be done this week, or before submitting */
	URGENCY_NOW   /* to be done before anything else */
};

/* Of a warning's code; a code that is not in the table is a note. */
enum urgency urgency_of(const char *code);

/* For terminals: "i", "!", "!!", "!!!". */
const char *urgency_mark(enum urgency u);
/* For machines and for the style sheet: "note", "soon", "week", "now". */
const char *urgency_name(enum urgency u);
/* For people, translated. */
const char *urgency_text(enum urgency u);

#endif
