/*
 * The table of codes in words.  Each area keeps its own rows in
 * explain_<area>.def: EXPLAIN("code", N_("what happened"), N_("what to do")).
 * scripts/check-codes proves that every code of the sources has a row, only
 * one, and that every text has its Japanese.  Texts never take parameters:
 * the case's own names and numbers stand beside them, as the error's detail.
 */
#include "signer/report/explain.h"

#include "base/i18n.h"

#include <string.h>

struct row {
	const char *code;
	const char *what;
	const char *todo;
};

#define EXPLAIN(code, what, todo) {code, what, todo},

static const struct row rows[] = {
#include "signer/report/explain_base.def"
#include "signer/report/explain_batch.def"
#include "signer/report/explain_card.def"
#include "signer/report/explain_cert.def"
#include "signer/report/explain_cli.def"
#include "signer/report/explain_conf.def"
#include "signer/report/explain_doctor.def"
#include "signer/report/explain_egov.def"
#include "signer/report/explain_key.def"
#include "signer/report/explain_operator.def"
#include "signer/report/explain_pass.def"
#include "signer/report/explain_people.def"
#include "signer/report/explain_pkcs11.def"
#include "signer/report/explain_report.def"
#include "signer/report/explain_revocation.def"
#include "signer/report/explain_spool.def"
};

static const struct row *
find(const char *code)
{
	if (code == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].code, code) == 0)
			return &rows[i];
	return NULL;
}

const char *
explain_what(const char *code)
{
	const struct row *row = find(code);

	if (row == NULL)
		return _("Something happened that has only a code here.");
	return _(row->what);
}

const char *
explain_todo(const char *code)
{
	const struct row *row = find(code);

	if (row == NULL)
		return _("Note the code and the details beside it, run "
			 "natsuin doctor, and ask whoever looks after this "
			 "computer.");
	return _(row->todo);
}

bool
explain_known(const char *code)
{
	return find(code) != NULL;
}

const char *
explain_code(size_t index)
{
	return index < sizeof rows / sizeof *rows ? rows[index].code : NULL;
}
