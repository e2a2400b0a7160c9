/* The formats that exist; only format.c needs their names. */
#ifndef SIGNER_EXAM_FORMAT_ROWS_H
#define SIGNER_EXAM_FORMAT_ROWS_H

#include "signer/exam/format.h"

extern const struct submission_format format_etax;      /* etax.c */
extern const struct submission_format format_etax_form; /* etax_form.c */
extern const struct submission_format format_egov;      /* egov.c */

#endif
