/* Japanese and English for people, through gettext. */
#ifndef BASE_I18N_H
#define BASE_I18N_H

#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) (text) /* marks for translation, translated where shown */

/* Once per process: locale, catalogue directory (the installed one, or the
 * build tree's beside the executable), language from the environment. */
void i18n_init(void);

/* "ja" or "en" from now on (others fall back to en); used for --lang and
 * for a report whose language differs from the terminal's. */
void i18n_use(const char *language);
/* The language in use: "ja" or "en". */
const char *i18n_language(void);

#endif
